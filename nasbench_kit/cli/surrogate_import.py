"""`surrogate import`: make surrogates of models that others published."""

from __future__ import annotations

import click

from nasbench_kit.cli.shared import example


@click.command(
    "import",
    epilog=example(
        "nasbench-kit surrogate import yahpo_data/nb301 --out nb301_yahpo",
        "nasbench-kit surrogate import nb_models/xgb_v1.0 nb_models/lgb_runtime_v1.0 --out nb301_xgb",
    ),
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(readable=False), metavar="SOURCE...")
@click.option("--out", type=click.Path(file_okay=False, readable=False), required=True, help="The folder to make.")
@click.option("--name", help="What to call it, the first part of its benchmarks' names.")
def import_(sources: tuple[str, ...], out: str, name: str | None) -> None:
    """Make a surrogate of published models of NAS-Bench-301.

    SOURCE is YAHPO Gym's folder nb301 (needs onnxruntime), or an official folder of boosters, xgb or lgb (needs that
    library), with that of their runtimes beside it if wanted. Nothing in the files is executed.
    """
    from nasbench_kit.surrogates import load_published

    made = load_published(sources, out, name=name)
    members = "one member" if made.n_members == 1 else f"{made.n_members} members"
    click.echo(f"{made.path}: {members}, {made.about['title']}")
    for dataset in made.datasets:
        metrics = made.metrics(dataset)
        epochs = metrics[made.objectives[dataset]].epochs
        shown = f"epochs {epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else f"epoch {epochs[0]}"
        click.echo(f"  {made.name}/{dataset}: {', '.join(metrics)} at {shown}")

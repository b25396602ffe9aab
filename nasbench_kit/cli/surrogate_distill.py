"""`surrogate distill` and `surrogate materialize`: what ships of a surrogate, and a table of its predictions."""

from __future__ import annotations

from typing import Any

import click

from nasbench_kit.cli.shared import StoppedError, example, open_surrogate, progress_bar
from nasbench_kit.cli.surrogate import numbers


@click.command(
    epilog=example(
        "nasbench-kit surrogate distill my_surrogate --out shipped",
        "nasbench-kit surrogate distill nb301 --archs 300000 --near-best 0.5 --out nasbench301",
        "nasbench-kit surrogate distill my_surrogate --hidden 512,512 --epochs 30 --processes 2 --out shipped",
    )
)
@click.argument("surrogate_", metavar="SURROGATE")
@click.option("--out", type=click.Path(file_okay=False), required=True, help="The folder to make.")
@click.option(
    "--archs", "n_archs", type=click.IntRange(1), help="Architectures to label; all by default, if they can be listed."
)
@click.option(
    "--near-best", type=float, default=0.5, show_default=True, help="Share of a sample that is bred from the best."
)
@click.option("--encoding", help="What the network reads; the best known for the space by default.")
@click.option(
    "--hidden", metavar="N[,N...]", default="512,384", show_default=True, callback=numbers, help="Units of each layer."
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the architectures.")
@click.option("--members", type=click.IntRange(2), help="Make so many members of one, by bootstrap of the last layer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random.")
@click.option(
    "--processes", "n_processes", type=click.IntRange(1), default=1, show_default=True, help="Processes that label."
)
@click.option("--name", help="What to call it, the first part of its benchmarks' names; as SURROGATE by default.")
def distill(surrogate_: str, out: str, **given: Any) -> None:
    """Train one small, fast network to follow all members of a surrogate and its noise.

    What comes out needs numpy alone. Labels and training are kept in the folder: stop it whenever you like, the same
    command goes on where it was.
    """
    from nasbench_kit.surrogates.fitting.distill import distill_surrogate

    with progress_bar("distilling (percent)") as advance:
        try:
            made = distill_surrogate(open_surrogate(surrogate_), out, progress=advance, **given)
        except KeyboardInterrupt:
            raise StoppedError(f"stopped; what is finished is in {out}: the same command goes on") from None
    fitted = made.card.fitted
    size = sum(made.file_sizes().values())
    click.echo(
        f"{made.path}: a network of {fitted['n_trained_on']:,} architectures, {fitted['n_held_out']:,} held out;"
        f" {size / 1e6:,.1f} MB"
    )
    for where, report in fitted["fidelity"].items():
        if isinstance(report, dict):
            _tell(where.replace("_", " "), report)
    for dataset, best in made.card.best.items():
        click.echo(f"  best of {dataset}, {'of all' if best['proven'] else 'by local search'}: {best['arch']}")


_FIGURES = {
    "r2": "R2",
    "kendall_tau": "tau",
    "kendall_tau_best_5_percent": "tau of the best 5 %",
    "spread_correlation": "spread",
    "noise_correlation": "noise",
    "collapse_correlation": "collapse",
}


def _tell(where: str, report: dict[str, Any]) -> None:
    click.echo(f"how it follows {report['n_archs']:,} architectures {where}:")
    for metric, figures in report.items():
        if metric != "n_archs":
            told = ", ".join(f"{_FIGURES[key]} {value:.4f}" for key, value in figures.items())
            click.echo(f"  {metric}: {told}")


@click.command(
    epilog=example(
        "nasbench-kit surrogate materialize nasbench101 --out predicted.h5",
        "nasbench-kit surrogate materialize nasbench301 --archs 100000 --mean --out sample.h5",
    )
)
@click.argument("surrogate_", metavar="SURROGATE")
@click.option("--out", type=click.Path(dir_okay=False, readable=False), required=True, help="The table to write.")
@click.option("--archs", type=click.IntRange(1), help="Sample so many; all by default, if they can be listed.")
@click.option("--mean", is_flag=True, help="The mean over the members alone, instead of each as a seed.")
@click.option("--draws", type=click.IntRange(1), help="So many runs drawn from the noise as seeds, instead of members.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of sampling and drawing.")
def materialize(surrogate_: str, out: str, **given: Any) -> None:
    """Write what a surrogate predicts into a table, which then answers as fast as tables do."""
    from nasbench_kit.cli.tables import tell_table
    from nasbench_kit.surrogates import materialize as write

    with progress_bar("predicting") as advance:
        try:
            made = write(open_surrogate(surrogate_), out, progress=advance, **given)
        except KeyboardInterrupt:
            raise StoppedError("stopped; nothing was written") from None
    tell_table(made)

"""`record`: runs that were recorded elsewhere, put beside those of a study."""

from __future__ import annotations

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import example, json_option, print_json, print_table, results_option
from nasbench_kit.errors import counted, listed
from nasbench_kit.outputs import check_outputs


@click.command(
    epilog=example(
        "nasbench-kit record searches.csv -b nasbench201/cifar10 --study compare.db",
        "nasbench-kit record searches.json -b nasbench201/cifar10 --method RE --returns best --study compare.db",
        "nasbench-kit record searches.csv -b nasbench201/cifar10 --budget-s 20000 --study alone.db",
    )
)
@click.argument("file", type=click.Path(dir_okay=False, readable=False))
@click.option("-b", "--benchmark", required=True, help="What was searched: where the architectures are looked up.")
@click.option(
    "--study",
    required=True,
    type=click.Path(dir_okay=False, readable=False),
    help="The study to put the runs into; made if there is none.",
)
@click.option("--method", "methods", multiple=True, help="The runs of this method alone; repeat for more.")
@click.option(
    "--returns",
    type=click.Choice(("latest", "best")),
    help="What a method returns when it is stopped: the architecture that it holds, as methods that share weights do,"
    " or the best that it has evaluated.  [default: latest where seconds were recorded, else best]",
)
@click.option(
    "--budget-s",
    type=click.FloatRange(0, min_open=True),
    help="Seconds up to which runs are looked at.  [default: by the rules of the study's other runs on this benchmark]",
)
@results_option
@json_option
def record(
    file: str,
    benchmark: str,
    study: str,
    methods: tuple[str, ...],
    returns: str | None,
    budget_s: float | None,
    results: str | None,
    as_json: bool,
) -> None:
    """Put the runs of FILE, which were recorded elsewhere, into a study, to be drawn beside the others.

    FILE is CSV with the columns method, seed, arch and runtime_s (seconds of this step), a row per step; or JSON, a
    list of {"method", "seed", "arch": [...], "runtime_s": [...]}. Without seconds, those of the benchmark count.

    What an architecture is worth is looked up in the benchmark. The runs are marked as recorded wherever they are
    shown, and cannot be made again.
    """
    from nasbench_kit.simulator import Rules
    from nasbench_kit.study import Study, read_recording

    bench = load(benchmark, results=results)
    check_outputs(reads=[("FILE", file), ("--benchmark", bench.results.path)], writes=[("--study", study)])
    recording = read_recording(file)
    rules = None if budget_s is None else Rules(budget_s=budget_s)
    with Study(study) as opened:
        counts = opened.add_recorded(bench, recording, methods=methods or None, returns=returns, rules=rules)
        added = [key for key in opened.configurations() if key.settings.get("source_sha256") == recording.sha256]
        found = [
            {
                "benchmark": key.benchmark,
                "optimizer": key.legend,
                "returns": key.settings["returns"],
                "n_runs": len(runs),
                "n_steps": sum(len(run.records.value) for run in runs),
            }
            for key in added
            for runs in [list(opened.runs(key, fields=("value",)))]
        ]
    if as_json:
        print_json({"study": study, "n_added": counts.made, "n_there": counts.there, "recorded": found})
        return
    print_table(
        ("benchmark", "optimizer", "returns", "runs", "steps"), [tuple(row.values()) for row in found], numbers=2
    )
    click.echo(
        f"{counted(counts.made, 'run')} of {file} added to {study}"
        + f", {counts.there:,} were there" * (counts.there > 0)
    )
    if empty := [row["optimizer"] for row in found if not row["n_steps"]]:
        click.echo(
            f"no step of {listed(empty)} ends within the budget; a larger one, by --budget-s, shows some", err=True
        )

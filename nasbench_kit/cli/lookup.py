"""`list`, `info`, `query`: what there is, where it comes from, what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10, nan
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import list_benchmarks, load
from nasbench_kit.cli.shared import example, json_option, print_json, print_table, table_option
from nasbench_kit.cli.tables import open_table
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.tables import Metric, Table

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch


@click.command("list", epilog=example("nasbench-kit list", "nasbench-kit list --json"))
@json_option
def list_(as_json: bool) -> None:
    """The benchmarks and optimizers that come with the package."""
    from nasbench_kit.optimizers import OPTIMIZERS as KNOWN

    rows = []
    for name in list_benchmarks():
        bench = load(name)
        objective = bench.objective_metric
        rows.append((name, bench.table.n_archs, objective.name, objective.epochs, objective.seeds))
    if as_json:
        keys = ("name", "n_archs", "objective", "epochs", "seeds")
        print_json({"benchmarks": [dict(zip(keys, row, strict=True)) for row in rows], "optimizers": list(KNOWN)})
        return
    texts = [
        (name, f"{n:,}", objective, _numbers(epochs), _numbers(seeds)) for name, n, objective, epochs, seeds in rows
    ]
    print_table(("benchmark", "architectures", "objective", "epochs", "seeds"), texts)
    click.echo()
    print_table(("optimizer", "what it does"), [(name, _first_line(made)) for name, made in KNOWN.items()])


def _numbers(numbers: Sequence[int]) -> str:
    if len(numbers) > 3 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers)) or "-"


def _size(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"about 10^{int(log10(number))}"


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]


@click.command(
    epilog=example(
        "nasbench-kit info nasbench201", "nasbench-kit info nasbench201 --verify", "nasbench-kit info mine.h5 --json"
    )
)
@click.argument("table")
@click.option("--verify", is_flag=True, help="Read the whole file and compare it with its recorded hash.")
@json_option
def info(table: str, verify: bool, as_json: bool) -> None:
    """What a table holds and where it comes from.

    TABLE is the name of a table that comes with the package, or the path of one.
    """
    opened = open_table(table)
    if verify:
        opened.verify()
    if as_json:
        print_json(_info(opened, verify))
        return
    click.echo(f"{opened.name}: {opened.about.get('title', '')}")
    click.echo(f"  file      {opened.path}" + ("  (verified)" if verify else ""))
    click.echo(f"  content   sha256 {opened.sha256}")
    click.echo(f"  space     {opened.space.name}, {opened.n_archs:,} of {_size(opened.space.size)} architectures")
    click.echo(f"  licence   {opened.about.get('licence', 'not stated')}")
    for what in ("citation", "notes"):
        if what in opened.about:
            click.echo(f"  {what:<10}{opened.about[what]}")
    for source in opened.about.get("sources", ()):
        click.echo("  source    " + ", ".join(f"{key} {value}" for key, value in source.items()))
    rows = [
        (
            dataset,
            metric.name,
            metric.split or "-",
            metric.unit,
            metric.direction or "-",
            _numbers(metric.epochs),
            seeds,
        )
        for dataset in opened.datasets
        for metric in opened.metrics(dataset).values()
        for seeds in [_numbers(metric.seeds)]
    ]
    click.echo()
    print_table(("dataset", "metric", "split", "unit", "better", "epochs", "seeds"), rows)


def _info(table: Table, verified: bool) -> dict[str, Any]:
    return {
        "name": table.name,
        "path": table.path,
        "sha256": table.sha256,
        "verified": verified,
        "space": table.space.name,
        "n_archs": table.n_archs,
        "about": table.about,
        "datasets": {
            dataset: {
                "objective": table.objectives[dataset],
                "metrics": [metric._asdict() for metric in table.metrics(dataset).values()],
            }
            for dataset in table.datasets
        },
    }


@click.command(
    epilog=example(
        "nasbench-kit query nasbench201/cifar10 333132",
        "nasbench-kit query nasbench201/cifar100 9930 --seed 777 --json",
        "nasbench-kit query nasbench201/cifar10 --form naslib '(2, 2, 0, 2, 2, 3)'",
    )
)
@click.argument("benchmark")
@click.argument("archs", nargs=-1, required=True, metavar="ARCH...")
@click.option("--epoch", type=int, help="Epochs trained; the last recorded one by default.")
@click.option("--seed", type=int, help="One recorded training run; the mean over all by default.")
@click.option("--form", help="Read ARCH as this text form of the space.")
@table_option
@json_option
def query(
    benchmark: str,
    archs: tuple[str, ...],
    epoch: int | None,
    seed: int | None,
    form: str | None,
    table: str | None,
    as_json: bool,
) -> None:
    """Everything that was recorded for some architectures.

    ARCH is an architecture in any form that the space reads: the official string, the official index, ...
    """
    bench = load(benchmark, table=table)
    answers = [_answer(bench, text, form, epoch, seed) for text in archs]
    if as_json:
        print_json(answers)
        return
    for answer in answers:
        click.echo(answer.pop("arch"))
        width = max(12, *map(len, answer)) + 2
        for key, value in answer.items():
            click.echo(f"  {key:<{width}}{_shown(value, bench.metrics[key].unit if key in bench.metrics else '')}")


def _answer(bench: Benchmark, text: str, form: str | None, epoch: int | None, seed: int | None) -> dict[str, Any]:
    # fewer digits than a cell has are a position; a table's texts are never read so: zeros in front may be lost there
    is_index = form is None and text.isdecimal() and len(text) < bench.space.n_decisions
    arch = bench.space.parse(int(text) if is_index else text, form)
    answer: dict[str, Any] = {"arch": bench.space.format(arch)}
    answer |= bench.query(arch, epoch=epoch, seed=seed)._asdict()
    for metric in bench.metrics.values():
        if metric.name not in answer:
            answer[metric.name] = _value(bench, metric, arch, answer["epoch"], seed)
    return answer


def _value(bench: Benchmark, metric: Metric, arch: Arch, epoch: int | None, seed: int | None) -> float:
    """Another metric of the same training: at the same epoch and seed, as far as it depends on them; or NaN."""
    same = {"epoch": epoch if metric.epochs else None, "seed": seed if metric.seeds else None}
    try:
        return float(bench.values(metric.name, [arch], missing="nan", **same)[0])
    except NotRecordedError:
        return nan


def _shown(value: object, unit: str) -> str:
    if value is None:  # an epoch, where values do not depend on one
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return f"{value:.6g} {unit}".rstrip() if isinstance(value, float) else str(value)

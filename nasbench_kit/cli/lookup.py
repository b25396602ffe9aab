"""`list`, `info`, `query`: what there is, where it comes from, what was measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import data_folder, list_benchmarks, load, problems, shipped
from nasbench_kit.cli.shared import example, json_option, parse_arch, print_json, print_table, table_option
from nasbench_kit.cli.tables import open_table
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.tables import Metric, Table
from nasbench_kit.tables.column import AdditiveColumn

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch
    from nasbench_kit.surrogates import Surrogate

_PAIR = 2
_MANY = 10**12  # architectures whose number is not read digit by digit
_MOST_SHOWN = 10  # numbers, or rows of numbers


@click.command("list", epilog=example("nasbench-kit list", "nasbench-kit list --json"))
@json_option
def list_(as_json: bool) -> None:
    """The benchmarks and optimizers that come with the package, and the benchmarks in the data folder."""
    from nasbench_kit.optimizers import OPTIMIZERS as KNOWN

    rows = []
    for name in list_benchmarks():
        bench = load(name)
        objective = bench.objective_metric
        place = _whose(bench.results)
        rows.append((name, bench.results.n_archs, objective.name, objective.epochs, objective.seeds, place))
    if as_json:
        keys = ("name", "n_archs", "objective", "epochs", "seeds", "place")
        print_json({"benchmarks": [dict(zip(keys, row, strict=True)) for row in rows], "optimizers": list(KNOWN)})
        return
    texts = [
        (name, f"{n:,}", objective, _numbers(epochs), _numbers(seeds), place)
        for name, n, objective, epochs, seeds, place in rows
    ]
    print_table(("benchmark", "architectures", "objective", "epochs", "seeds", "table"), texts)
    for problem in problems():
        click.echo(f"left out: {problem}")
    click.echo()
    print_table(("optimizer", "what it does"), [(name, _first_line(made)) for name, made in KNOWN.items()])


def _numbers(numbers: Sequence[int]) -> str:
    """`4, 12, 36`, but `1-200` for three or more in a row."""
    rows: list[list[int]] = []
    for number in numbers:
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    texts = [f"{row[0]}-{row[-1]}" if len(row) > _PAIR else ", ".join(map(str, row)) for row in rows]
    if len(texts) > _MOST_SHOWN:
        texts = [*texts[: _MOST_SHOWN - 2], "...", texts[-1], f"({len(numbers)})"]
    return ", ".join(texts).replace(", (", " (") or "-"


def _coverage(table: Table, dataset: str, metric: str) -> tuple[int, int]:
    """How many values of a metric were recorded after its last epoch, and how many there could be."""
    column = table.column(dataset, metric)
    if isinstance(column, AdditiveColumn):
        return table.n_archs, table.n_archs
    last = column.epoch_position(None)
    values = [column.at(seed, last).all() for seed in column.seed_positions(None)]
    return sum(int((run == run).sum()) for run in values), len(values) * table.n_archs


def _share(recorded: int, possible: int) -> str:
    if recorded == possible:
        return "all"
    return f"{recorded:,} of {possible:,} ({int(1000 * recorded / possible) / 10:.1f} %)"


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

    TABLE is the name of a table that `list` shows, or the path of one.
    """
    opened = open_table(table)
    if verify:
        opened.verify()
    if as_json:
        print_json(_info(opened, verify))
        return
    title = opened.about.get("title")
    click.echo(f"{opened.name}: {title}" if title else opened.name)
    click.echo(f"  file      {opened.path} ({_whose(opened)})" + ("  (verified)" if verify else ""))
    click.echo(f"  content   sha256 {opened.sha256}")
    click.echo(f"  space     {opened.space.name}, {_of_space(opened)}")
    for what in ("licence", "citation"):
        click.echo(f"  {what:<10}{opened.about.get(what) or 'not stated'}")
    for source in opened.about.get("sources", ()):
        click.echo("  source    " + ", ".join(f"{key} {value}" for key, value in source.items()))
    for note in opened.about.get("notes", ()):
        click.echo(f"  note      {note}")
    rows = [
        (
            dataset,
            metric.name + " *" * (metric.name == opened.objectives[dataset]),
            metric.split or "-",
            metric.unit,
            metric.direction or "-",
            _numbers(metric.epochs),
            _numbers(metric.seeds),
            _share(*_coverage(opened, dataset, metric.name)),
        )
        for dataset in opened.datasets
        for metric in opened.metrics(dataset).values()
    ]
    click.echo()
    print_table(("dataset", "metric", "split", "unit", "better", "epochs", "seeds", "recorded"), rows)
    click.echo("\n*: the objective of a search; recorded: architectures x seeds with a value after the last epoch")


def _whose(table: Table | Surrogate) -> str:
    """Where a table lies, in words."""
    folder = os.path.dirname(table.path)
    if os.path.realpath(folder) == os.path.realpath(data_folder()):
        beside = os.path.exists(os.path.join(shipped("data"), os.path.basename(table.path)))
        return "in the data folder" + ", instead of the one that comes with the package" * beside
    return "comes with the package" if os.path.realpath(folder) == os.path.realpath(shipped("data")) else "a file"


def _of_space(table: Table) -> str:
    n_all = table.space.n_keys
    if n_all is None or n_all >= _MANY:
        size = table.space.size
        about = f"{size:,}" if size < _MANY else f"about 10^{len(str(size)) - 1}"
        return f"{table.n_archs:,} architectures of a space of {about}"
    once = ", equal ones counted once" if table.space.keyed_by_identity else ""
    whole = f"all {n_all:,}" if table.is_complete else f"{table.n_archs:,} of {n_all:,}"
    return f"{whole} architectures{once}"


def _info(table: Table, verified: bool) -> dict[str, Any]:
    return {
        "name": table.name,
        "path": table.path,
        "place": _whose(table),
        "sha256": table.sha256,
        "verified": verified,
        "space": table.space.name,
        "n_archs": table.n_archs,
        "about": table.about,
        "datasets": {
            dataset: {
                "objective": table.objectives[dataset],
                "metrics": [
                    metric._asdict()
                    | dict(zip(("n_recorded", "n_possible"), _coverage(table, dataset, metric.name), strict=True))
                    for metric in table.metrics(dataset).values()
                ],
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
        width = max(14, *(len(key) + 1 for key in answer))
        for key, value in answer.items():
            if key in ("epoch", "cost_s") and key not in bench.metrics and (value is None or value != value):
                continue  # the table knows of no epochs, or of no cost
            click.echo(f"  {key:<{width}}{_shown(value, bench.metrics[key].unit if key in bench.metrics else '')}")


def _answer(bench: Benchmark, text: str, form: str | None, epoch: int | None, seed: int | None) -> dict[str, Any]:
    arch = parse_arch(bench.space, text, form)
    answer: dict[str, Any] = {"arch": bench.space.format(arch)}
    evaluation = bench.query(arch, epoch=epoch, seed=seed)
    fields = ("epoch", bench.objective_metric.name, "cost_s", "seeds")  # latency_ms[pixel3] is no field of a tuple
    answer |= dict(zip(fields, evaluation, strict=True))
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
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    if value is None or value != value:
        return "-"
    return f"{value:.6g} {unit}".rstrip() if isinstance(value, float) else str(value)

"""`list`, `query`: what there is, and what was measured or is predicted."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import list_benchmarks, load, problems
from nasbench_kit.cli.settings import described_optimizer, first_line, needs_in_words
from nasbench_kit.cli.shared import (
    epoch_option,
    example,
    json_option,
    numbers_in_short,
    parse_arch,
    place_of,
    print_json,
    print_table,
    results_option,
    seed_option,
)
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.optional import extra_of
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.spaces.base import how_many
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE
from nasbench_kit.tables import Metric

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch

SPREAD = "spread"  # of the members


@click.command("list", epilog=example("nasbench-kit list", "nasbench-kit list --json"))
@json_option
def list_(as_json: bool) -> None:
    """The benchmarks and optimizers that come with the package, and the benchmarks in the data folder."""
    benches = [load(name) for name in list_benchmarks()]
    if as_json:
        protocols = {name: protocol.title for name, protocol in PROTOCOLS.items()}
        optimizers = {name: described_optimizer(name) for name in OPTIMIZERS}
        print_json(
            {
                "benchmarks": [_as_json(bench) for bench in benches],
                "optimizers": optimizers,
                "libraries": {prefix: library.installed() for prefix, library in LIBRARIES.items()},
                "protocols": protocols,
            }
        )
        return
    print_table(
        ("benchmark", "objective", "epochs", "seeds"), [row for rows in _by_results(benches).values() for row in rows]
    )
    for problem in problems():
        click.echo(f"left out: {problem}")
    click.echo()
    rows: list[tuple[str, ...]] = []
    for group, names in GROUPS.items():
        rows.append((f"{group}:",))
        rows += [(f"  {name}", ", ".join(needs_in_words(name)), first_line(OPTIMIZERS[name])) for name in names]
    print_table(("optimizer", "needs", "what it does"), rows)
    click.echo()
    rows = [
        (f"{prefix}:", library.installed() or f"pip install 'nasbench-kit[{extra_of(prefix)}]'", library.named)
        for prefix, library in LIBRARIES.items()
    ]
    print_table(("library", "installed", "whose optimizers can be used, too"), rows)
    click.echo()
    print_table(("protocol", "what it is"), [(name, protocol.title) for name, protocol in PROTOCOLS.items()])
    click.echo("\nnasbench-kit info NAME says what a benchmark's table holds, and what an optimizer's settings mean")


def _as_json(bench: Benchmark) -> dict[str, Any]:
    metric, results = bench.objective_metric, bench.results
    return {
        "name": bench.name,
        "kind": results.kind,
        "n_archs": results.n_archs,
        "objective": metric.name,
        "epochs": metric.epochs,
        "seeds": metric.seeds,
        "place": place_of(results),
    }


def _by_results(benches: Iterable[Benchmark]) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table or surrogate: a line about it, then its benchmarks."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for bench in benches:
        metric, results = bench.objective_metric, bench.results
        if results.path not in groups:
            about = f"{results.kind}, {how_many(results.n_archs)} architectures, {place_of(results)}"
            groups[results.path] = [(f"{results.name}: {about}",)]
        row = (f"  {bench.name}", metric.name, numbers_in_short(metric.epochs), numbers_in_short(metric.seeds))
        groups[results.path].append(row)
    return groups


@click.command(
    epilog=example(
        "nasbench-kit query nasbench201/cifar10 333132",
        "nasbench-kit query nasbench201/cifar100 9930 --seed 777 --json",
        "nasbench-kit query nasbench201/cifar10 --form naslib '(2, 2, 0, 2, 2, 3)'",
    )
)
@click.argument("benchmark")
@click.argument("archs", nargs=-1, required=True, metavar="ARCH...")
@epoch_option
@seed_option
@click.option("--form", help="Read ARCH as this text form of the space.")
@results_option
@json_option
def query(
    benchmark: str,
    archs: tuple[str, ...],
    epoch: int | None,
    seed: int | None,
    form: str | None,
    results: str | None,
    as_json: bool,
) -> None:
    """Everything that was recorded or is predicted for some architectures.

    ARCH is an architecture in any form that the space reads: the official string, the official index, ... Of a
    surrogate also: how far its members spread, the standard deviation between training runs that it predicts (noise),
    and the probability that a run ends near chance (collapse).
    """
    bench = load(benchmark, results=results)
    units = _units(bench)
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
            click.echo(f"  {key:<{width}}{_shown(value, units.get(key, ''))}")


def _answer(bench: Benchmark, text: str, form: str | None, epoch: int | None, seed: int | None) -> dict[str, Any]:
    arch = parse_arch(bench.space, text, form)
    evaluation = bench.query(arch, epoch=epoch, seed=seed)
    answer: dict[str, Any] = {
        "arch": bench.space.format(arch),
        "epoch": evaluation.epoch,
        bench.objective_metric.name: evaluation.value,
    }
    if isinstance(bench.results, Surrogate):
        answer |= _uncertainty(bench, arch, epoch, seed)
    answer |= {"cost_s": evaluation.cost_s, "seeds": evaluation.seeds}
    for metric in bench.metrics.values():
        if metric.name not in answer:
            answer[metric.name] = _value(bench, metric, arch, answer["epoch"], seed)
    return answer


def _uncertainty(bench: Benchmark, arch: Arch, epoch: int | None, seed: int | None) -> dict[str, float]:
    """What a surrogate says beyond an expected value."""
    assert isinstance(bench.results, Surrogate)
    metric, card = bench.objective_metric.name, bench.results.card
    prediction = bench.results.predict(bench.dataset, [arch], metric, epoch=epoch)
    found = {}
    if card.n_members > 1 and seed is None:
        found[f"{metric}[{SPREAD}]"] = float(prediction.spread[0])
    for kind, values in ((NOISE, prediction.sd), (COLLAPSE, prediction.collapse)):
        if card.target(bench.dataset, metric, kind):
            found[f"{metric}[{kind}]"] = float(values[0])
    return found


def _units(bench: Benchmark) -> dict[str, str]:
    """Of what `_answer` gives."""
    objective = bench.objective_metric
    units = {f"{objective.name}[{kind}]": objective.unit for kind in (SPREAD, NOISE)}
    return units | {metric.name: metric.unit for metric in bench.metrics.values()}


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

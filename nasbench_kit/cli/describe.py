"""`describe`: the landscape of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import (
    check_picture,
    epoch_option,
    example,
    json_option,
    print_json,
    print_table,
    results_option,
    seed_option,
    width_option,
)
from nasbench_kit.errors import SettingError
from nasbench_kit.outputs import check_outputs

if TYPE_CHECKING:
    from nasbench_kit.analysis import Shown

_INDENT = 24
_MOST_PAIRS = 12  # of columns, in a table on the terminal
_MOST_DECISIONS = 20  # likewise


@click.command(
    epilog=example(
        "nasbench-kit describe nasbench201/cifar10",
        "nasbench-kit describe nasbench201/cifar10 --figure landscape.png",
        "nasbench-kit describe nasbench201/cifar100 --seed 777 --against params_m",
        "nasbench-kit describe nasbench201_mnist1d/mnist1d --epoch 4 --json",
    )
)
@click.argument("benchmark")
@click.option("--figure", type=click.Path(dir_okay=False), help="The picture to draw: PNG, PDF, SVG, ... by its end.")
@epoch_option
@seed_option
@width_option
@click.option("--against", help="The metric that the Pareto front trades the objective for.")
@results_option
@json_option
def describe(
    benchmark: str,
    figure: str | None,
    width: str | float,
    epoch: int | None,
    seed: int | None,
    against: str | None,
    results: str | None,
    as_json: bool,
) -> None:
    """Describe the landscape of a benchmark: how hard it is to search, and what its numbers are worth.

    Local optima and their basins, fitness-distance correlation, random walks, the decisions that variance comes from,
    rank correlations of epochs, training runs, datasets and columns, noise, and the Pareto front. Exact where all
    architectures can be looked at; what is estimated, or left out, is said.
    """
    from nasbench_kit.analysis.landscape import describe as described
    from nasbench_kit.analysis.landscape import summary

    if figure:
        from nasbench_kit.plots import size_of

        check_picture(figure)
        size_of(width)
    elif width != "text":
        raise SettingError(f"width={width!r} says nothing without --figure; give both")
    bench = load(benchmark, results=results)
    check_outputs(reads=[("BENCHMARK", bench.results.path)], writes=[("--figure", figure)])
    landscape = described(bench, epoch=epoch, seed=seed, against=against)
    if figure:
        from nasbench_kit.plots import save_figure
        from nasbench_kit.plots.landscape import landscape_figure

        save_figure(landscape_figure(landscape, width=width), figure)
    found = summary(landscape)
    if as_json:
        print_json(found)
        return
    _print(found, landscape.metric.unit)
    if figure:
        click.echo(f"\n{figure}")


def _print(found: Mapping[str, Any], unit: str) -> None:
    from nasbench_kit.analysis import shown

    show = shown(found["metric"], unit)
    click.echo(f"{found['benchmark']}: {show.name} [{show.unit}], {found['values_are']}")
    _line("searched", found["architectures"])
    alone = ", isomorphic ones each on their own" if found["n_different"] < found["n_measured"] else ""
    _line("measured", f"{found['n_measured']:,} architectures{alone}")
    for name, values in found["distributions"].items():
        words = {"q0": "lowest", "q25": "25 %", "q50": "median", "q75": "75 %", "q99": "99 %", "q100": "highest"}
        quantiles = ", ".join(f"{word} {show.text(values[key])}" for key, word in words.items())
        _line(name, quantiles)
    _print_search(found, show)
    _print_variance(found, show)
    _print_correlations(found["rank_correlations"])
    _print_noise(found, show)
    click.echo()
    for note in found["notes"]:
        _line("note", note)
    reasons: dict[str, list[str]] = {}
    for what, why in found["left_out"].items():
        reasons.setdefault(why, []).append(what)
    for why, what in reasons.items():
        _line("left out", f"{', '.join(what)}: {why}")


def _line(what: str, text: str) -> None:
    click.echo(f"  {what:<{_INDENT - 2}}{text}")


def _print_search(found: Mapping[str, Any], show: Shown) -> None:
    if optima := found["local_optima"]:
        plateaus = f", {optima['n_plateaus']} of them plateaus" if optima["n_plateaus"] else ""
        alone = f"{optima['n_without_better']:,} architectures have no better neighbor"
        _line("local optima", f"{optima['n']:,}{plateaus}; {alone}")
        at_best, *further = optima["within"]
        shares = [
            f"{100 * one['share']:.1f} % within {show.factor * one['gap']:.3g} {show.difference_unit}"
            for one in further
        ]
        _line("ascents end", f"{100 * at_best['share']:.1f} % at the best, {', '.join(shares)}")
    distance = found["fitness_distance"]
    if distance["correlation"] == distance["correlation"]:
        _line(
            "distance to the best",
            f"fitness-distance correlation {distance['correlation']:.3f}; from the nearest of {distance['n_best']:,} on"
            f" average {distance['mean_distance']:.2f} decisions differ",
        )
    if walk := found["random_walk"]:
        steps = ", ".join(f"{correlation:.3f}" for correlation in walk["autocorrelation"][1:4])
        _line("random walk", f"autocorrelation {steps}, ...; correlation length {walk['correlation_length']:.2f}")
    if front := found["front"]:
        _line("Pareto front", f"{len(front['points'])} architectures of {found['metric']} and {front['cost']}")
    if ceiling := found["ceiling"]:
        one, best = ceiling["one_run"].kendall_tau, ceiling["one_run"].kendall_tau_best
        _line(
            "ceiling",
            f"reliability {ceiling['reliability']:.4f}; one run and the mean of the others: Kendall tau {one:.3f},"
            f" {best:.3f} among the best tenth",
        )


def _print_variance(found: Mapping[str, Any], show: Shown) -> None:
    variance = found["variance"]
    rows = []
    taken = {  # without choices that too few architectures have
        name: {choice: effect for choice, effect in effects.items() if effect == effect}
        for name, effects in found["effects"].items()
    }
    taken = {name: effects for name, effects in taken.items() if effects}
    spread = {name: max(effects.values()) - min(effects.values()) for name, effects in taken.items()}
    most = sorted(sorted(taken, key=lambda name: -spread[name])[:_MOST_DECISIONS], key=list(taken).index)
    for name in most:
        known = taken[name]
        extremes = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
        best_first = extremes if found["direction"] == "max" else extremes[::-1]
        ends = [f"{choice} {show.factor * known[choice]:+.{show.digits}f}" for choice in best_first]
        shares = ("main", "shapley", "shapley_of_ranks")
        rows.append([name, *ends, *(f"{100 * variance[share][name]:.1f}" if variance else "-" for share in shares)])
    head = ("decision", "best choice on average", "worst choice on average", "alone %", "Shapley %", "of ranks %")
    click.echo()
    print_table(head, rows, numbers=3)
    if len(most) < len(taken):
        click.echo(f"{len(taken) - len(most)} more decisions, whose choices differ less: --json")
    if variance:
        alone, pairs = sum(variance["main"].values()), sum(variance["pairs"].values())
        click.echo(
            f"\nvariance: {100 * alone:.1f} % from single decisions, {100 * pairs:.1f} % from pairs,"
            f" {100 * variance['higher']:.1f} % from more together"
        )


def _print_correlations(correlations: Mapping[str, Any]) -> None:
    from nasbench_kit.analysis.landscape.measurements import FIDELITIES

    rows: list[list[str]] = []
    for what, found in correlations.items():
        names = found["names"]
        pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
        if len(pairs) > _MOST_PAIRS:
            one = len(names) - 1 if what == FIDELITIES else 0  # with the last epoch; with the objective
            pairs = [(one, other) for other in range(len(names)) if other != one]
        for i, j in pairs:
            figures = (_figure(found[key][i][j]) for key in ("kendall_tau", "spearman"))
            rows.append([what, names[i], names[j], *figures, f"{found['n_archs'][i][j]:,}"])
    if rows:
        click.echo()
        print_table(("ranks of", "one", "other", "Kendall tau", "Spearman", "architectures"), rows, numbers=3)


def _figure(value: float) -> str:
    return f"{value:.3f}" if value == value else "-"


def _print_noise(found: Mapping[str, Any], show: Shown) -> None:
    if not found["noise"]:
        return
    rows, start = [], 0.0
    for group in found["noise"]:
        figures = (f"{show.factor * group[key]:.{show.digits + 1}f}" for key in ("mean_sd", "median_sd", "span"))
        rows.append([f"{100 * start:g}-{100 * group['shares']:g}", f"{group['n_archs']:,}", *figures])
        start = group["shares"]
    click.echo()
    print_table(
        ("rank %, best first", "architectures", "mean sd of runs", "median sd", "span of means"), rows, numbers=4
    )

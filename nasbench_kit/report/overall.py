"""The optimizers over all benchmarks together, as the page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.errors import counted
from nasbench_kit.plots.kinds import draw
from nasbench_kit.report.drawings import in_both_widths
from nasbench_kit.report.finals import win_rate_matrix
from nasbench_kit.report.markup import Html, element, joined, table
from nasbench_kit.report.statistics import N_RATINGS, over_benchmarks

if TYPE_CHECKING:
    from nasbench_kit.plots.differences import Difference
    from nasbench_kit.report.contents import Report
    from nasbench_kit.report.statistics import OverBenchmarks

_FEW_BENCHMARKS = 10


def benchmarks_together(report: Report) -> Html:
    """Average ranks drawn, Elo ratings, and win rates."""
    found, names = over_benchmarks(report.with_runs), report.names
    if found is None:
        return element("p", "Ranks and ratings take two optimizers that ran on all of the benchmarks.", class_="note")
    left_out = [names[name] for name in report.optimizers if name not in found.ratings.names]
    said = f"Left out, as they were not run on all benchmarks: {', '.join(left_out)}." if left_out else None
    return joined(
        element("p", said, class_="note") if said else None,
        _diagram(report, found, found.difference)
        if found.difference
        else element("p", "Average ranks with a critical difference take two benchmarks or more.", class_="note"),
        _ratings(report, found),
    )


def _diagram(report: Report, found: OverBenchmarks, difference: Difference) -> Html:
    names, n = report.names, len(found.panels)
    ranked = ", ".join(f"{names[label]} {rank:.2f}" for label, rank in difference.ranks.items())
    order = list(difference.ranks)
    bars = [", ".join(names[order[i]] for i in members) for members in difference.cliques.members]
    words = f"Average ranks: {ranked}. Not told apart: {'; '.join(bars) or 'none'}."
    few = " With so few benchmarks, only large differences can be told." if n < _FEW_BENCHMARKS else ""
    caption = (
        f"Average ranks; 1 is the best. No two under a bar are told apart by {difference.test}: their ranks differ by"
        f" less than {difference.difference:.2f}.{few}"
    )
    return element(
        "figure",
        in_both_widths(
            lambda width: draw("critical-difference", found.panels, width=width, caption=False),
            "critical-difference",
            title="Critical-difference diagram",
            words=words,
        ),
        element("figcaption", caption),
        class_="drawn",
    )


def _ratings(report: Report, found: OverBenchmarks) -> Html:
    names, ratings = report.names, found.ratings
    rows = []
    for i in np.argsort(-ratings.elo, kind="stable"):
        label = ratings.names[i]
        interval = f"{ratings.low[i]:.0f} to {ratings.high[i]:.0f}" if np.isfinite(ratings.low[i]) else "-"
        others = np.delete(ratings.win_rates[i], i)
        rank = [f"{found.difference.ranks[label]:.2f}"] if found.difference else []
        rows.append([names[label], f"{ratings.elo[i]:.0f}", interval, f"{100 * others.mean():.1f}", *rank])
    on = counted(len(found.panels), "benchmark")
    head = ("optimizer", "Elo", "interval", "wins [%]", *(["average rank"] if found.difference else []))
    caption = (
        f"Elo ratings by who ends better on {on}; 400 points are odds of ten to one, 1500 is the mean. Intervals:"
        f" 95 %, from {N_RATINGS} bootstrap samples of runs. Of one that always wins, the rating grows with the number"
        " of runs; wins are of runs against runs of others, ties half"
    )
    matrix = win_rate_matrix(f"Mean over {on}", ratings.names, ratings.win_rates, names)
    return joined(table(head, rows, caption=caption), matrix)

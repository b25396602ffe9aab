"""Where the runs ended, as the page says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis import summarize
from nasbench_kit.analysis.settled import ROUND
from nasbench_kit.analysis.volumes import HYPERVOLUME, final_indicator_values
from nasbench_kit.report.markup import Html, element, joined, table
from nasbench_kit.report.statistics import ALPHA, MOST_PAIRS, TOLERANCE, count_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis import PairwiseTests, Panel, Verdict
    from nasbench_kit.report.contents import Report

_MANY = 3  # panels whose tables are open from the start
_STATES = ("better", "worse", "tied", "open")


def finals(report: Report, tests: Iterable[PairwiseTests | None], verdicts: Sequence[Verdict]) -> Html:
    """A table per benchmark, its win rates, and which orders are settled.

    Args:
        report: What is to be shown.
        tests: `pairs_of` each panel that has runs.
        verdicts: `verdicts_of` these panels.
    """
    panels, names = report.with_runs, report.names
    parts = []
    for i, ((code, panel), pairs) in enumerate(zip(panels.items(), tests, strict=True)):
        title, told = report.titles[code], [one for one in verdicts if one.benchmark == code]
        content = joined(
            _final_table(title, panel, pairs, names, told),
            win_rate_matrix(title, pairs.names, pairs.effect, names, pairs.better(ALPHA)) if pairs else None,
            _settled(title, told, names) if told else None,
        )
        parts.append(element("details", element("summary", title), content, open=i < _MANY))
    notes = [*report.comparison.notes()[:3], _MARKS, about_verdicts(panels)] if panels else []
    return joined([element("p", note, class_="quiet") for note in notes if note], parts)


_MARKS = (
    "bold: no other optimizer is better; better, worse: than how many others (Mann and Whitney's test of final regrets,"
    f" {100 * ALPHA:g} % for all pairs of a benchmark together, by Holm)"
)
_VERDICTS = (
    "verdicts: settled are pairs of which one is better however often one looked while runs were added"
    f" ({100 * ALPHA:g} % for all pairs of all benchmarks together, by Holm); tied are others of which it is known to"
    f" {TOLERANCE:g} how probable it is that a run of one ends better; open is the rest"
)


def about_verdicts(panels: Mapping[str, Panel]) -> str:
    """What verdicts are, or why there are none and where they can be had; nothing where there are no pairs."""
    n_pairs = count_pairs(panels)
    if n_pairs <= MOST_PAIRS:
        return _VERDICTS if n_pairs else ""
    return (
        f"verdicts are left out: they would take longer than all else, as there are {n_pairs:,} pairs, more than"
        f" {MOST_PAIRS:,}; fewer benchmarks (-b) or optimizers (--optimizer) have theirs, and in Python"
        " nasbench_kit.analysis.verdicts gives those of any number"
    )


def final_rows(
    panel: Panel, pairs: PairwiseTests | None, names: Mapping[str, str], verdicts: Sequence[Verdict] = ()
) -> tuple[tuple[str, ...], list[tuple[tuple[str, ...], bool]]]:
    """Where the runs of a panel ended: the head, and rows with whether no other optimizer is better.

    Args:
        panel: The runs.
        pairs: `pairs_of` them.
        names: Label of an optimizer -> how it is called.
        verdicts: Of this panel, if they are to have a column.
    """
    volumes = {name: final_indicator_values(one) for name, one in panel.fronts.items()}
    better = pairs.better(ALPHA) if pairs else np.zeros((1, 1), bool)
    rows = []
    for i, (name, one) in enumerate(panel.trajectories.items()):
        show, summary = one.show, summarize(one)
        spread = f" ± {show.text(summary.sd)}" if isfinite(summary.sd) else ""
        row: tuple[str, ...] = (
            names[name],
            show.text(summary.mean) + spread,
            show.text(summary.median_regret),
            f"{better[i].sum()} / {better[:, i].sum()}" if pairs else "-",
            *([_told(name, verdicts)] if verdicts else []),
            *([_mean_and_sd(volumes[name])] if volumes else []),
            f"{100 * summary.found_share:.1f}\N{NO-BREAK SPACE}%",
            f"{100 * summary.kept_share:.1f}\N{NO-BREAK SPACE}%",
            f"{summary.mean_evaluations:,.1f}",
            f"{summary.n_runs:,}",
        )
        rows.append((row, pairs is not None and not better[:, i].any()))
    show = next(iter(panel.trajectories.values())).show
    accuracy, regret = f"{show.name} [{show.unit}]", f"regret [{show.difference_unit}]"
    more = (*(["verdicts"] if verdicts else []), *([HYPERVOLUME] if volumes else []))
    return ("optimizer", accuracy, regret, "better / worse", *more, "found", "kept", "evaluations", "n"), rows


def _told(name: str, verdicts: Sequence[Verdict]) -> str:
    """`2 better, 1 tied`: how often it is the better or the other one of a settled pair, or in one that is not."""
    states = [
        ("better" if one.better == name else "worse") if one.state == "settled" else one.state
        for one in verdicts
        if name in (one.better, one.other)
    ]
    return ", ".join(f"{states.count(state)} {state}" for state in _STATES if state in states)


def _mean_and_sd(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.4f}" + (f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else "")


def _final_table(
    title: str, panel: Panel, pairs: PairwiseTests | None, names: Mapping[str, str], verdicts: Sequence[Verdict]
) -> Html:
    head, rows = final_rows(panel, pairs, names, verdicts)
    shown = [[*(element("strong", cell) if is_best else cell for cell in row[:2]), *row[2:]] for row, is_best in rows]
    return table(head, shown, caption=f"{title}: final incumbents")


def win_rate_matrix(
    title: str,
    labels: Sequence[str],
    rates: NDArray[np.float64],
    names: Mapping[str, str],
    is_better: NDArray[np.bool_] | None = None,
) -> Html:
    """How often a run of the one ends better than a run of the other, and maybe whether that is more than chance."""
    rows = []
    for i, label in enumerate(labels):
        cells: list[Html | str] = [f"{i + 1} {names[label]}"]
        for j in range(len(labels)):
            share = f"{100 * rates[i, j]:.0f}" if i != j else "·"
            cells.append(element("strong", share) if is_better is not None and is_better[i, j] else share)
        rows.append(cells)
    head = ("wins [%]", *(str(i + 1) for i in range(len(labels))))
    caption = f"{title}: how often a run of the row ends better than one of the column, ties half"
    marked = "; bold: by the test" if is_better is not None else ""
    matrix = table(head, rows, caption=caption + marked, class_="matrix")
    scroll = element("div", matrix, class_="scroll", tabindex="0", role="group", aria_label=f"win rates: {title}")
    return element("details", element("summary", "Win rates of all pairs"), scroll)


def _settled(title: str, verdicts: Sequence[Verdict], names: Mapping[str, str]) -> Html:
    """Each pair with its verdict."""
    rows = [
        (
            names[one.better],
            names[one.other],
            one.state,
            f"{one.probability:.2f}",
            f"{one.low:.2f} to {one.high:.2f}",
            f"{one.n_runs:,}",
        )
        for one in verdicts
        if one.n_runs
    ]
    head = ("better, or looks so", "than", "verdict", "P", "interval", "n")
    caption = f"{title}: P is how probable it is that a run of the first ends better, ties half; n runs of each"
    if len(rows) < len(verdicts):
        caption += f"; {len(verdicts) - len(rows):,} more are open, with fewer than {ROUND} runs of each"
    return element(
        "details", element("summary", f"Verdicts of {len(verdicts):,} pairs"), table(head, rows, caption=caption)
    )

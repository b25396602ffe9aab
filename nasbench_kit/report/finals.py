"""Where the runs ended, as the page says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from nasbench_kit.analysis import summarize
from nasbench_kit.report.drawings import difference_diagram
from nasbench_kit.report.markup import Html, element, joined, table
from nasbench_kit.report.statistics import ALPHA, over_benchmarks

if TYPE_CHECKING:
    from nasbench_kit.analysis import PairwiseTests, Panel
    from nasbench_kit.report.contents import Report

_MANY = 3  # panels whose tables are open from the start
_FEW_BENCHMARKS = 10


def finals(report: Report, tests: Iterable[PairwiseTests | None]) -> Html:
    """A table per benchmark, and its win rates.

    Args:
        report: What is to be shown.
        tests: `pairs_of` each panel that has runs.
    """
    panels, names, titles = report.with_runs, report.names, report.titles
    parts = []
    for i, ((code, panel), pairs) in enumerate(zip(panels.items(), tests, strict=True)):
        title = titles[code]
        content = joined(_final_table(title, panel, pairs, names), _pairs(title, pairs, names) if pairs else None)
        parts.append(element("details", element("summary", title), content, open=i < _MANY))
    notes = [*report.comparison.notes()[:3], _MARKS] if panels else []
    return joined([element("p", note, class_="quiet") for note in notes], parts)


_MARKS = (
    "bold: no other optimizer is better; better, worse: than how many others (Mann and Whitney's test of final regrets,"
    f" {100 * ALPHA:g} % for all pairs of a benchmark together, by Holm)"
)


def final_rows(
    panel: Panel, pairs: PairwiseTests | None, names: Mapping[str, str]
) -> tuple[tuple[str, ...], list[tuple[tuple[str, ...], bool]]]:
    """Where the runs of a panel ended: the head, and rows with whether no other optimizer is better.

    Args:
        panel: The runs.
        pairs: `pairs_of` them.
        names: Label of an optimizer -> how it is called.
    """
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
            f"{100 * summary.found_share:.1f} %",
            f"{100 * summary.kept_share:.1f} %",
            f"{summary.mean_evaluations:,.1f}",
            f"{summary.n_runs:,}",
        )
        rows.append((row, pairs is not None and not better[:, i].any()))
    show = next(iter(panel.trajectories.values())).show
    accuracy, regret = f"{show.name} [{show.unit}]", f"regret [{show.difference_unit}]"
    return ("optimizer", accuracy, regret, "better / worse", "found", "kept", "evaluations", "n"), rows


def _final_table(title: str, panel: Panel, pairs: PairwiseTests | None, names: Mapping[str, str]) -> Html:
    head, rows = final_rows(panel, pairs, names)
    shown = [[*(element("strong", cell) if is_best else cell for cell in row[:2]), *row[2:]] for row, is_best in rows]
    return table(head, shown, caption=f"{title}: final incumbents")


def _pairs(title: str, pairs: PairwiseTests, called: Mapping[str, str]) -> Html:
    """How often a run of the one ends better than a run of the other, and whether that is more than chance."""
    names, better = pairs.names, pairs.better(ALPHA)
    rows = []
    for i, name in enumerate(names):
        cells: list[Html | str] = [f"{i + 1} {called[name]}"]
        for j in range(len(names)):
            share = f"{100 * pairs.effect[i, j]:.0f}" if i != j else "·"
            cells.append(element("strong", share) if better[i, j] else share)
        rows.append(cells)
    head = ("wins [%]", *(str(i + 1) for i in range(len(names))))
    caption = f"{title}: how often a run of the row ends better than one of the column, ties half; bold: by the test"
    matrix = table(head, rows, caption=caption, class_="matrix")
    scroll = element("div", matrix, class_="scroll", tabindex="0", role="group", aria_label="win rates")
    return element("details", element("summary", "Win rates of all pairs"), scroll)


def benchmarks_together(report: Report) -> Html:
    """Average ranks over benchmarks, drawn and as a table."""
    found = over_benchmarks(list(report.with_runs.values()))
    if found is None:
        return element("p", "Average ranks take two optimizers on two benchmarks, or more.", class_="note")
    found = found._replace(names=tuple(report.names[label] for label in found.names))
    order = np.argsort(found.average_ranks, kind="stable")
    rows = [[found.names[i], f"{found.average_ranks[i]:.2f}"] for i in order]
    few = " With so few benchmarks, only large differences can be told." if found.n_benchmarks < _FEW_BENCHMARKS else ""
    caption = (
        f"Average rank of the median final regret over {found.n_benchmarks} benchmarks; 1 is the best. Under a bar are"
        f" optimizers that Nemenyi's test does not tell apart: their ranks differ by less than {found.difference:.2f}."
        + few
    )
    return joined(
        element("figure", difference_diagram(found), element("figcaption", caption), class_="diagram"),
        element(
            "details",
            element("summary", "The numbers as a table"),
            table(("optimizer", "average rank"), rows, caption="Average ranks"),
        ),
    )

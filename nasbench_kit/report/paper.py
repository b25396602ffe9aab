"""A report for the appendix of a paper: Markdown, LaTeX tables and PDF figures in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import write_bytes
from nasbench_kit.report.checklist import checklist
from nasbench_kit.report.finals import final_rows
from nasbench_kit.report.incumbents import incumbents_of
from nasbench_kit.report.setup import faults, versions_in_words
from nasbench_kit.report.statistics import pairs_of

if TYPE_CHECKING:
    from nasbench_kit.report.contents import Report

_REPORT, _TABLES = "report.md", "tables.tex"
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{letter: "\\" + letter for letter in "&%$#_{}"},
}
_Rows = dict[str, tuple[tuple[str, ...], list[tuple[tuple[str, ...], bool]]]]  # title -> `final_rows`
_MARKS = (
    "Bold: no other optimizer is significantly better (Mann-Whitney test of final regrets, 5\N{NO-BREAK SPACE}% for all"
    " pairs of a benchmark together, by Holm)."
)


def write_paper(report: Report, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.md`, `tables.tex` (for the package booktabs) and figures as PDF.

    Returns:
        The files.

    Raises:
        SettingError: As `check_paper`, or the folder cannot be made.
        OSError: A file cannot be written.
    """
    from nasbench_kit.plots import architecture_figure, save_figure

    check_paper(folder)
    place = Path(folder)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise SettingError(f"cannot write into {str(place)!r}: {error.strerror}") from None
    figures: dict[str, str] = {}
    if report.with_runs:
        figures["anytime.pdf"] = "Median regret of the incumbent over the budget; bands: quartiles."
        save_figure(report.comparison.figure(), place / "anytime.pdf")
    names, titles = report.names, report.titles
    for i, (title, panel) in enumerate(report.with_runs.items(), 1):
        for one in incumbents_of(panel.trajectories)[:1]:
            name = f"best-{i}-{re.sub(r'[^0-9A-Za-z]+', '-', title).strip('-')}.pdf"
            figures[name] = f"The best final incumbent on {titles[title]}."
            save_figure(architecture_figure(panel.benchmark.space, one.arch), place / name)
    rows_of = {
        title: final_rows(panel, pairs_of(panel.trajectories), names) for title, panel in report.with_runs.items()
    }
    write_bytes(place / _TABLES, _tables(report, rows_of).encode())
    write_bytes(place / _REPORT, _markdown(report, rows_of, figures).encode())
    return [place / name for name in (_REPORT, _TABLES, *figures)]


def check_paper(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that cannot be written to, or holds what is not of an earlier report.

    Raises:
        SettingError: It is one.
    """
    place = Path(folder)
    above = place.absolute().parent
    if place.is_dir():
        others = [] if (place / _REPORT).is_file() and (place / _TABLES).is_file() else sorted(os.listdir(place))
        reason = f"it holds {others[0]!r}, and is of no earlier report; a new folder expected" if others else ""
    elif os.path.lexists(place):
        reason = "it is a file; a folder expected"
    else:
        reason = "" if above.is_dir() else f"there is no folder {str(above)!r}"
    if reason:
        raise SettingError(f"cannot write into {str(place)!r}: {reason}")


def latex(text: str) -> str:
    """A text as LaTeX, in which no letter is a command."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def markdown(text: str) -> str:
    """A text as Markdown, in which no letter is markup."""
    return re.sub(r"([\\`*_{}\[\]<>()#|!~])", r"\\\1", text)


def _tables(report: Report, rows_of: _Rows) -> str:
    parts = ["% \\usepackage{booktabs}"]
    for title, panel in report.with_runs.items():
        head, rows = rows_of[title]
        said = f"{report.titles[title]}: where the runs ended. {panel.in_words} {_MARKS}"
        lines = [
            " & ".join(rf"\textbf{{{latex(cell)}}}" if is_best and i < 2 else latex(cell) for i, cell in enumerate(row))
            for row, is_best in rows
        ]
        parts += [
            "",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(said)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(map(latex, head)) + r" \\",
            r"\midrule",
            *(line + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(parts) + "\n"


def _markdown(report: Report, rows_of: _Rows, figures: dict[str, str]) -> str:
    parts = [f"# {markdown(report.title)}", "", "## What was compared", ""]
    for title, panel in report.panels.items():
        results = panel.benchmark.results
        parts.append(
            f"- {markdown(report.titles[title])} ({markdown(title)}): {markdown(panel.in_words)}"
            f" Results: {results.kind} {results.sha256}."
        )
    parts += [f"- Versions: {markdown(versions_in_words(one))}." for one in report.versions]
    parts += ["", "The same runs are made again by", "", *(f"    {command}" for command in report.commands)]
    parts += ["", "## Where the runs ended", "", _MARKS]
    for title, (head, rows) in rows_of.items():
        strong = [
            [f"**{markdown(cell)}**" if is_best and i < 2 else markdown(cell) for i, cell in enumerate(row)]
            for row, is_best in rows
        ]
        parts += ["", f"### {markdown(report.titles[title])}", "", *_table(map(markdown, head), strong)]
    parts += ["", *(f"- {markdown(fault)}" for fault in faults(report))]
    parts += ["", "## Figures", ""]
    parts += [f"- [{name}]({name}): {markdown(caption)}" for name, caption in figures.items()]
    parts += ["", "## Checklist", "", "By Lindauer and Hutter 2020, https://jmlr.org/papers/v21/20-056.html.", ""]
    items = checklist(list(report.panels.values()), len(report.commands))
    parts += _table(("item", "question", "answer", "why"), [[markdown(cell) for cell in item] for item in items])
    return "\n".join(parts) + "\n"


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> list[str]:
    first = list(head)
    return [f"| {' | '.join(row)} |" for row in (first, ["---"] * len(first), *rows)]

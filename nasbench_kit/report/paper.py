"""A report for the appendix of a paper: Markdown, LaTeX tables and PDF figures in a folder."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import write_bytes
from nasbench_kit.report.checklist import checklist
from nasbench_kit.report.finals import about_verdicts, final_rows
from nasbench_kit.report.fronts import front_figure
from nasbench_kit.report.incumbents import incumbents_of
from nasbench_kit.report.setup import faults, versions_in_words
from nasbench_kit.report.statistics import pairs_of, verdicts_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasbench_kit.analysis import Verdict
    from nasbench_kit.comparison import Comparison
    from nasbench_kit.report.contents import Report

_REPORT, _TABLES, _FIGURES, _VERDICTS = "report.md", "tables.tex", "figures.tex", "verdicts.csv"
_KINDS = ("anytime", "ranks", "ecdf", "critical-difference")  # of figures
_TWO = 2  # objectives that can be drawn
_WIDTHS = ("", 0.7)  # of figures and of cells, as a share of that of a line
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
    """Write `report.md`, `tables.tex` (for the package booktabs), and figures as PDF with `figures.tex` (graphicx).

    Verdicts of all pairs are in `verdicts.csv`, where there are any.

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
    for kind in _KINDS if report.with_runs else ():
        if drawn := _drawn(report.comparison, kind):
            save_figure(drawn[0], place / f"{kind}.pdf")
            figures[f"{kind}.pdf"] = drawn[1]
    names, titles = report.names, report.titles
    for i, (title, panel) in enumerate(report.with_runs.items(), 1):
        if panel.fronts and len(panel.benchmark.objectives) == _TWO:
            name = f"front-{i}-{_as_name(title)}.pdf"
            figures[name] = (
                f"Median attainment surfaces of final fronts on {titles[title]}: the border of what at least half of an"
                " optimizer's runs attain."
            )
            fronts = {names[label]: one for label, one in panel.fronts.items()}
            save_figure(front_figure(fronts, "text"), place / name)
        for one in incumbents_of(panel.trajectories)[:1]:
            name = f"best-{i}-{_as_name(title)}.pdf"
            known = ", of runs whose architectures are known: an archive holds values only" if panel.archived else ""
            figures[name] = f"The best final incumbent on {titles[title]}{known}."
            save_figure(architecture_figure(panel.benchmark.space, one.arch), place / name)
    rows_of = {
        title: final_rows(panel, pairs_of(panel.trajectories), names) for title, panel in report.with_runs.items()
    }
    write_bytes(place / _TABLES, _tables(report, rows_of).encode())
    write_bytes(place / _FIGURES, _figures(figures).encode())
    verdicts = verdicts_of(report.with_runs)
    if verdicts:
        write_bytes(place / _VERDICTS, _as_csv(verdicts).encode())
    write_bytes(place / _REPORT, _markdown(report, rows_of, figures, _about_verdicts(report, verdicts)).encode())
    return [place / name for name in (_REPORT, _TABLES, _FIGURES, *([_VERDICTS] if verdicts else []), *figures)]


def _as_csv(verdicts: Sequence[Verdict]) -> str:
    """A line for each pair, under its code names."""
    file = StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(verdicts[0]._fields)
    rows.writerows(verdicts)
    return file.getvalue()


def _about_verdicts(report: Report, verdicts: Sequence[Verdict]) -> list[str]:
    """Where the verdicts are, or why there are none, as Markdown; nothing where there are no pairs."""
    said = about_verdicts(report.with_runs)
    where = f"Of {len(verdicts):,} pairs, in [{_VERDICTS}]({_VERDICTS}); " if verdicts else ""
    return ["", f"{where}{markdown(said)}."] if said else []


def _drawn(comparison: Comparison, kind: str) -> tuple[Figure, str] | None:
    """A kind of figure, and its caption, which LaTeX is to write; None where there is nothing to draw of it.

    Where optimizers did not run on all benchmarks, each benchmark has a panel.
    """
    from nasbench_kit.plots import KINDS

    ways: list[dict[str, Any]] = [{}, {"each": True}] if "each" in KINDS[kind].choices else [{}]
    for how in ways:
        with suppress(SettingError):
            caption = comparison.figure(kind, **how).get_supxlabel()
            return comparison.figure(kind, caption=False, **how), " ".join(caption.split())
    return None


def _as_name(title: str) -> str:
    """A title as part of the name of a file."""
    return re.sub(r"[^0-9A-Za-z]+", "-", title).strip("-")


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


def _figures(figures: Mapping[str, str]) -> str:
    parts = ["% \\usepackage{graphicx}"]
    for name, caption in figures.items():
        parts += [
            "",
            r"\begin{figure}",
            r"\centering",
            rf"\includegraphics[width={_WIDTHS[name.startswith('best-')]}\linewidth]{{{name}}}",
            rf"\caption{{{latex(caption)}}}",
            r"\end{figure}",
        ]
    return "\n".join(parts) + "\n"


def _markdown(report: Report, rows_of: _Rows, figures: dict[str, str], verdicts: Iterable[str]) -> str:
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
    parts += verdicts
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

"""`report`: one page of what studies hold."""

from __future__ import annotations

from pathlib import Path

import click

from nasbench_kit.cli.shared import against_option, benchmarks_option, example, optimizers_option, results_option
from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import n_processors, write_bytes
from nasbench_kit.outputs import check_outputs


@click.command(
    epilog=example(
        "nasbench-kit report compare.db",
        "nasbench-kit report compare.db -o report.html --title 'Evolution against local search'",
        "nasbench-kit report mine.db theirs.db -b nasbench201/cifar10 -o both.html",
        "nasbench-kit report compare.db --format paper -o appendix",
        "nasbench-kit report compare.db --against archive",
    )
)
@click.argument("studies", nargs=-1, required=True, metavar="STUDY...", type=click.Path())
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    help="The page to write, or the folder for a paper.  [default: report.html, or the folder paper]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "paper"]),
    default="html",
    show_default=True,
    help="One page; or a folder of Markdown, LaTeX tables and PDF figures for an appendix.",
)
@benchmarks_option
@optimizers_option
@click.option("--title", default="", help="What the report is called.  [default: the names of the studies]")
@against_option
@results_option
def report(
    studies: tuple[str, ...],
    out: str | None,
    kind: str,
    benchmarks: tuple[str, ...],
    optimizers: tuple[str, ...],
    title: str,
    against: str | None,
    results: str | None,
) -> None:
    """Write one page of what studies hold: how the runs were made, curves, tables, ranks, incumbents, a checklist.

    The page is one file: it opens from disk and needs no network. Runs of several studies on the same benchmark under
    the same rules stand side by side; where rules or tables differ, they are shown apart.
    """
    from nasbench_kit.report import check_paper, html_page, report_of, write_paper  # takes a while to import

    target = Path(out or ("report.html" if kind == "html" else "paper"))
    reads = [("STUDY", study) for study in studies] + ([("--from", results)] if results else [])
    check_outputs(reads=reads, writes=[("--out", target)])
    (check_paper if kind == "paper" else _check_page)(target)
    made = report_of(
        studies,
        benchmarks=benchmarks or None,
        optimizers=optimizers or None,
        results=results,
        against=against,
        title=title,
        n_processes=n_processors(),
    )
    if kind == "paper":
        for path in write_paper(made, target):
            click.echo(path)
        return
    write_bytes(target, html_page(made, n_processors()).encode())
    click.echo(target)


def _check_page(target: Path) -> None:
    """Refuse where no page can be written, before any run is read."""
    folder = target.absolute().parent
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "no file"
        reason = f"it is {kind}; a file that ends in .html expected, or --format paper, which makes a folder"
    elif target.suffix.lower() not in (".html", ".htm"):
        reason = "a page is HTML; a name that ends in .html expected, or --format paper, which makes a folder"
    elif not folder.is_dir():
        reason = f"there is no folder {str(folder)!r}"
    else:
        return
    raise SettingError(f"cannot write {str(target)!r}: {reason}")

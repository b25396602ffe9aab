"""What the commands share: errors in one line, examples in the help, tables on the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import data_folder, embedded, list_results, shipped
from nasbench_kit.errors import ArchitectureError, NasbenchKitError, SettingError, UnknownNameError, unknown
from nasbench_kit.surrogates.card import without_nan
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, Space
    from nasbench_kit.surrogates import Surrogate

_PAIR = 2
_MOST_SHOWN = 10  # numbers, or rows of numbers


class OneLineError(click.ClickException):
    """An error as users see it."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print it."""
        click.echo(f"error: {self.message}", file=file or sys.stderr)


class StoppedError(OneLineError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130


class Group(click.Group):
    """Turns our errors into one line on stderr and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except NasbenchKitError as error:
            raise OneLineError(str(error)) from error
        except KeyboardInterrupt:
            raise StoppedError("stopped") from None


def example(*lines: str) -> str:
    """The end of a command's help: examples, printed as they are typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(data: Any) -> None:
    """JSON on stdout; what was not recorded is null."""
    click.echo(json.dumps(without_nan(data), allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 0) -> None:
    """A table on the terminal; the last `numbers` columns are aligned to the right."""
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        grid.add_column(column, justify="right" if i >= len(columns) - numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(str, row))
    console = Console(markup=False)
    if not console.is_terminal:
        console.width = 200  # a pipe has no width: do not fold
    console.print(grid, highlight=False)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda there, asked_for: bar.update(task, completed=there, total=asked_for)


def parse_arch(space: Space, text: str, form: str | None = None) -> Arch:
    """An architecture as it is typed: a text form of the space, or an official index."""
    # fewer digits than a cell has are a position; a table's texts are never read so: zeros in front may be lost there
    few = len(text) < space.n_decisions or "digits" not in space.forms
    is_index = form is None and text.isdecimal() and few and not _is_text(space, text)
    return space.parse(int(text) if is_index else text, form)


def _is_text(space: Space, text: str) -> bool:
    try:
        space.parse(text)
    except (ArchitectureError, UnknownNameError):
        return False
    return True


def numbers_in_short(numbers: Sequence[int]) -> str:
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


def place_of(results: Table | Surrogate) -> str:
    """Where a table or surrogate lies, in words."""
    folder = os.path.realpath(os.path.dirname(results.path))
    if folder == os.path.realpath(data_folder()):
        beside = results.name in embedded()
        return "in the data folder" + ", instead of the one that comes with the package" * beside
    if folder in map(os.path.realpath, (shipped("data"), shipped("surrogates"))):
        return "comes with the package"
    return "a file" if isinstance(results, Table) else "a folder"


def open_named(name: str) -> Table | Surrogate:
    """The table or surrogate of a name that `list` shows, or at a path.

    Raises:
        UnknownNameError: It is a name, and of none of them.
    """
    known = list_results()
    if name not in known and name.replace("_", "").isalnum() and not Path(name).exists():
        raise unknown("table or surrogate", name, known)
    return open_results(known.get(name, name))


def open_table(name: str) -> Table:
    """The table of a name that `list` shows, or at a path.

    Raises:
        SettingError: It is a surrogate.
    """
    opened = open_named(name)
    if not isinstance(opened, Table):
        raise SettingError(f"{name!r} is a surrogate; a table expected, with values that were recorded")
    return opened


def open_surrogate(name: str) -> Surrogate:
    """The surrogate of a name that `list` shows, or in a folder.

    Raises:
        SettingError: It is a table.
    """
    opened = open_named(name)
    if isinstance(opened, Table):
        raise SettingError(f"{name!r} is a table; a surrogate expected: nasbench-kit surrogate fit makes one of it")
    return opened


def check_picture(path: str) -> None:
    """Refuse a file to draw that cannot be written, before any work is done."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kinds = FigureCanvasAgg.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise SettingError(f"cannot write figure {path!r}: its name must end in one of {', '.join(sorted(kinds))}")
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise SettingError(f"cannot write figure {path!r}: there is no folder {str(folder)!r}")


table_option = click.option(
    "--table",
    type=click.Path(readable=False),
    help="Take the benchmark from this table file, or folder of a surrogate.",
)

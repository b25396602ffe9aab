"""What the commands share: errors in one line, examples in the help, tables on the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.errors import ArchitectureError, NasbenchKitError, SettingError, UnknownNameError

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, Space


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
    click.echo(json.dumps(_without_nan(data), allow_nan=False))


def _without_nan(data: Any) -> Any:
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return list(map(_without_nan, data))
    return data


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


def check_picture(path: str) -> None:
    """Refuse a file to draw that cannot be written, before any work is done."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kinds = FigureCanvasAgg.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise SettingError(f"cannot write figure {path!r}: its name must end in one of {', '.join(sorted(kinds))}")
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise SettingError(f"cannot write figure {path!r}: there is no folder {str(folder)!r}")


table_option = click.option("--table", type=click.Path(readable=False), help="Take the benchmark from this table file.")

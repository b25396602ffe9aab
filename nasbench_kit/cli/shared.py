"""What the commands share: errors in one line, examples in the help, tables on the terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from math import inf
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, cast

import click

from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import embedded, list_results
from nasbench_kit.errors import ArchitectureError, NasbenchKitError, SettingError, UnknownNameError, unknown
from nasbench_kit.places import data_folder, shipped
from nasbench_kit.progress import progress_bar as progress_bar
from nasbench_kit.surrogates.card import without_nan
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Results
    from nasbench_kit.spaces import Arch, Space
    from nasbench_kit.surrogates import Surrogate

_PAIR = 2
_GAP = 2  # blanks between columns
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
    """Turns click's errors, ours, and those of the machine into one line on stderr and exit code 2."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read what was typed before the name of a command."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _in_one_line(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _in_one_line(error) from error
        except NasbenchKitError as error:
            raise OneLineError(_as_typed(str(error), self.commands.get(ctx.invoked_subcommand or ""))) from error
        except BrokenPipeError:
            raise  # whoever read our output has enough: click ends quietly
        except OSError as error:  # no space, too many open files, ...
            where = f" ({error.filename})" if error.filename else ""
            raise OneLineError(f"{error.strerror or error}{where}") from error
        except MemoryError as error:
            raise OneLineError("out of memory") from error
        except EOFError as error:  # which click takes for the end of what is typed
            raise OneLineError(f"a file or a process ended too early: {error}") from error
        except KeyboardInterrupt:
            raise StoppedError("stopped") from None


_RENAMED = {"--table": "--from", "--reveal": "--run"}  # options of 0.1


def _in_one_line(error: click.UsageError) -> click.ClickException:
    """What was typed wrong, and where the help is. A group that got nothing shows its help instead."""
    if error.ctx is None or isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # of click 8.2
        return error
    message = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.NoSuchOption):
        now = _RENAMED.get(error.option_name)
        if any(now in parameter.opts for parameter in error.ctx.command.params):
            message = f"No such option {error.option_name!r}; it is {now} now"
    return OneLineError(f"{message}; {error.ctx.command_path} --help says more")


_OF_PYTHON_ALONE = ("clock", "missing", "rng")  # arguments of the library that few commands have


def _as_typed(message: str, command: click.Command | None) -> str:
    """An error of the library in the words of a command: `--epoch 5` for `epoch=5`.

    A command's parameters have the names of the library's arguments, whatever its options are called.
    """
    options = {
        parameter.name: max(parameter.opts, key=len)
        for parameter in (command.params if command else ())
        if isinstance(parameter, click.Option) and parameter.name
    }
    flags = [max(one.opts, key=len) for one in (command.params if command else ()) if getattr(one, "is_flag", False)]
    clauses = message.split("; ")
    python_alone = "|".join(name for name in _OF_PYTHON_ALONE if name not in options)
    kept = [clause for clause in clauses if not re.search(rf"\b({python_alone})=", clause)]
    text = "; ".join(kept or clauses)
    for name, option in options.items():
        text = re.sub(rf"(?<![\w.-]){name}=(?=\S)", f"{option} ", text)
        if option in flags:
            text = text.replace(f"{option} True", option)
        if "_" in name:  # else it may be an ordinary word
            text = re.sub(rf"(?<![\w.-]){name}\b(?!=)", option, text)
    return text


def example(*lines: str) -> str:
    """The end of a command's help: examples, printed as they are typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(data: Any) -> None:
    """JSON on stdout; what was not recorded is null."""
    click.echo(json.dumps(without_nan(data), allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 0) -> None:
    """A table on the terminal; the last `numbers` columns are aligned to the right.

    On a terminal it is as wide as that at most; names are never broken.
    """
    on_a_terminal = sys.stdout is not None and sys.stdout.isatty()  # None: it was closed
    width = shutil.get_terminal_size().columns if on_a_terminal else None
    head, *lines = table_lines(columns, rows, numbers=numbers, width=width)
    click.secho(head, bold=True)
    for line in lines:
        click.echo(line)


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: int = 0, width: int | None = None
) -> list[str]:
    """The lines of a table, its head first. A row of one cell alone is a heading, as wide as the table.

    Where it is wider than `width`, cells continue on the next line, broken at blanks; where that does not do either,
    each row becomes a line with its first cell, and what the others hold follows below.
    """
    texts = [list(columns), *([str(cell) for cell in row] for row in rows)]
    full = [row for row in texts if len(row) == len(columns)]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    least = [max(map(_longest, column)) for column in zip(*full, strict=True)]
    room = inf if width is None else width - _GAP * (len(columns) - 1)
    if sum(least) > room:
        return _stacked(texts, width or 0)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[widest] -= 1
    aligned = [str.rjust if i >= len(columns) - numbers else str.ljust for i in range(len(columns))]
    lines = []
    for row in texts:
        if len(row) < len(columns):
            lines += row if width is None else _folded(row[0], width, further=2)
            continue
        cells = [[text] if width is None else _folded(text, n) for text, n in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (align(part, n) for align, part, n in zip(aligned, parts, widths, strict=True))
            lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def _longest(text: str) -> int:
    """Letters of the longest word, with the indentation that stands before each."""
    return len(text) - len(text.lstrip()) + max(map(len, text.split()), default=0)


def _folded(text: str, width: int, further: int = 0) -> list[str]:
    """Lines of at most so many letters, broken at blanks; as far indented as the first, and `further`."""
    indent = " " * (len(text) - len(text.lstrip()) + further)
    return wrap(text, max(width, 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def _stacked(texts: Sequence[Sequence[str]], width: int) -> list[str]:
    first, *names = texts[0]
    lines = [f"{first}: {', '.join(filter(None, names))}"]
    for head, *cells in texts[1:]:
        if not cells:
            lines += _folded(head, width, further=2)
            continue
        known = [f"{name} {cell.strip()}".strip() for name, cell in zip(names, cells, strict=True) if cell.strip()]
        below = " " * (len(head) - len(head.lstrip()) + 2) + "; ".join(known)
        lines += _folded(head, width, further=2) + (_folded(below, width) if known else [])
    return lines


def parse_arch(space: Space, text: str, form: str | None = None) -> Arch:
    """An architecture as it is typed: a text form of the space, an official index, or a tuple as Python prints it."""
    if form is None and re.fullmatch(r"\(\s*\d+\s*(,\s*\d+\s*)*,?\s*\)", text):
        return space.parse(tuple(map(int, re.findall(r"\d+", text))))
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


def place_of(results: Results) -> str:
    """Where a table or surrogate lies, in words."""
    folder = os.path.realpath(os.path.dirname(results.path))
    if folder == os.path.realpath(data_folder()):
        beside = results.name in embedded()
        return "in the data folder" + ", instead of the one that comes with the package" * beside
    if folder in map(os.path.realpath, (shipped("data"), shipped("surrogates"))):
        return "comes with the package"
    return "a file" if results.kind == "table" else "a folder"


def open_named(name: str, *others: Iterable[str]) -> Table | Surrogate:
    """The table or surrogate of a name that `list` shows, or at a path.

    Args:
        name: Its name or path.
        others: What else could have been named: for the error.

    Raises:
        UnknownNameError: It is a name, and of none of them.
    """
    known = list_results()
    if name not in known and name.replace("_", "").isalnum() and not Path(name).exists():
        raise unknown("name" if others else "table or surrogate", name, [*known, *chain(*others)])
    return cast("Table | Surrogate", open_results(known.get(name, name)))


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
    from nasbench_kit.plots import check_picture as check  # takes a while to import

    check(path)


epoch_option = click.option(
    "--epoch", type=int, help="After so many epochs of training.  [default: the last recorded one]"
)
seed_option = click.option("--seed", type=int, help="Of one recorded training run.  [default: the mean over all]")


def _width(ctx: click.Context, parameter: click.Parameter, text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


width_option = click.option(
    "--width",
    default="text",
    callback=_width,
    metavar="column|text|slide|INCHES",
    help="Width in print: of a column, of the text of a page with two columns, of a slide.  [default: text]",
)
benchmarks_option = click.option(
    "-b", "--benchmark", "benchmarks", multiple=True, help="Show this benchmark; repeat for more.  [default: all]"
)
optimizers_option = click.option(
    "--optimizer",
    "optimizers",
    multiple=True,
    metavar="NAME",
    help="Show this optimizer, by name or label; repeat for more.  [default: all]",
)
against_option = click.option(
    "--against",
    metavar="archive|FILE",
    help="Show the runs of all optimizers of an archive beside: 'archive', which comes with the package, or a file.",
)
results_option = click.option(
    "--from",
    "results",
    type=click.Path(readable=False),
    help="Take the benchmark from this table file, or folder of a surrogate.",
)

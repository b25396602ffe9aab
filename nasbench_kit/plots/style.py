"""What all figures share: sizes in print, colors, quiet axes, captions, notebooks, files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

from matplotlib import rc_context, rcParams
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's palette, told apart by color-blind readers too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Beside the colors, for those who print in gray. None is dotted: dots mean that not all runs are there.
LINE_STYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (5, 1.2, 1.2, 1.2)),
    (0, (2.5, 1)),
    (0, (5, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (9, 2)),
    (0, (9, 1.2, 2.5, 1.2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DOTTED: Any = (0, (1, 1.4))
#: Light relatives of the palette: dark text is readable on each.
FILLS = ("#9fd0f0", "#f4b183", "#8fd3bc", "#f3e58a", "#e3b2d0", "#b9b9b9", "#7fa8dc", "#d98b6a", "#c5e3a0", "#b79fdb")
#: Of lines that stand behind the data, and of captions.
GRAY, CAPTION_GRAY = "0.45", "0.35"
#: Text stays text in PDF and SVG, in a font type that publishers accept.
TEXT_STAYS_TEXT: dict[Any, Any] = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}

_CAPTION_SIZE = 7.5  # points, of figures that are not `drawn_at` a size
_NOTEBOOK_DPI = 160
#: Of a width, what texts fill at most: with few dots per inch, letters are rounded to wider ones.
ROOM = 0.88
_LINE = 1.25  # font sizes from one line of text to the next


class Size(NamedTuple):
    """The size of a figure in print."""

    width: float  #: inches
    font: float  #: points, of titles and labels
    small: float  #: points, of ticks, legends and captions


#: A column and the whole width of a page of two columns, and a slide.
SIZES = {"column": Size(3.3, 8, 7), "text": Size(6.8, 8, 7), "slide": Size(11, 15, 13)}
_LEAST_WIDTH, _MOST_WIDTH = 2.0, 40.0


def size_of(width: str | float) -> Size:
    """The size in print: a name of `SIZES`, or inches with the letters of a page.

    Raises:
        SettingError: There is no such name, or it is no width of a figure.
    """
    if isinstance(width, str) and width in SIZES:
        return SIZES[width]
    if isinstance(width, bool | str) or not isinstance(width, int | float) or not _LEAST_WIDTH <= width <= _MOST_WIDTH:
        raise SettingError(
            f"width={width!r:.80}; {', '.join(SIZES)} or inches from {_LEAST_WIDTH:g} to {_MOST_WIDTH:g} expected"
        )
    return SIZES["text"]._replace(width=float(width))


@contextmanager
def drawn_at(size: Size) -> Iterator[None]:
    """What is drawn within has letters and lines of a size in print."""
    thin = size.small / 12
    letters = dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize"), size.font)
    letters |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), size.small)
    lines: dict[str, Any] = {"lines.linewidth": 1.9 * thin, "lines.markersize": 5.5 * thin, "axes.linewidth": thin}
    for axis in ("xtick", "ytick"):
        lines |= {f"{axis}.major.width": thin, f"{axis}.minor.width": 0.7 * thin}
        lines |= {f"{axis}.major.size": 4.5 * thin, f"{axis}.minor.size": 2.5 * thin, f"{axis}.major.pad": 4 * thin}
    pads = {"axes.titlepad": size.font / 2, "axes.labelpad": size.font / 4, "hatch.linewidth": 0.7 * thin}
    settings: Any = {**letters, **lines, **pads}
    with rc_context(settings):
        yield


def small_letters() -> float:
    """Points of ticks, legends and captions."""
    size = rcParams["legend.fontsize"]  # a word, unless it is `drawn_at` a size
    return float(size) if isinstance(size, float | int) else _CAPTION_SIZE


def thick(times: float = 1.0) -> float:
    """So many times as thick as lines are drawn, in points."""
    return times * float(rcParams["lines.linewidth"])


@lru_cache(maxsize=4_096)
def text_width(text: str, size: float) -> float:
    """Inches that a line of text takes in the default font of so many points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width) / 72


def wrapped(text: str, size: float, width: float) -> str:
    """A text in lines of at most `width` inches, broken at blanks where that does."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if text_width(joined, size) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return "\n".join(lines)


def text_height(text: str, size: float) -> float:
    """Inches that lines of text take, one below the other."""
    return _LINE * size * (text.count("\n") + 1) / 72


@final
class ShownFigure(Figure):
    """A figure that a notebook shows as it is returned, whether or not pyplot was ever imported."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=_NOTEBOOK_DPI)
        return file.getvalue()


def quiet(ax: Axes) -> None:
    """A light grid behind the data, no frame above and to the right, and ticks as `drawn_at` says, also later ones."""
    ax.grid(visible=True, which="major", alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    now: Any = rcParams
    axes: tuple[Literal["x", "y"], ...] = ("x", "y")
    kinds: tuple[Literal["major", "minor"], ...] = ("major", "minor")
    for axis, which in product(axes, kinds):
        length, width = now[f"{axis}tick.{which}.size"], now[f"{axis}tick.{which}.width"]
        ax.tick_params(axis, which=which, length=length, width=width, labelsize=now[f"{axis}tick.labelsize"])


def add_caption(figure: Figure, text: str) -> float:
    """Write how the numbers came about below a figure, in lines as wide as it is; how high they are, in inches."""
    size = small_letters()
    lines = wrapped(text, size, ROOM * figure.get_figwidth())
    shown = figure.supxlabel(lines, fontsize=size, color=CAPTION_GRAY, x=0.02, ha="left", linespacing=1.15)
    shown.set_parse_math(False)
    return text_height(lines, size)


def check_picture(path: str | os.PathLike[str]) -> None:
    """Refuse a file to draw that cannot be written, before any work is done.

    Raises:
        SettingError: Its name ends in no known kind of picture, or its folder is not there.
    """
    kinds = FigureCanvasAgg.get_supported_filetypes()
    name = os.fspath(path)
    if _kind(name) not in kinds:
        raise SettingError(f"cannot write figure {name!r}: its name must end in one of {', '.join(sorted(kinds))}")
    if _kind(name) == "pgf" and shutil.which(rcParams["pgf.texsystem"]) is None:
        raise SettingError(
            f"cannot write figure {name!r}: pgf is measured by {rcParams['pgf.texsystem']}, which is not installed;"
            " install it, or write pdf"
        )
    folder = Path(name).absolute().parent
    if not folder.is_dir():
        raise SettingError(f"cannot write figure {name!r}: there is no folder {str(folder)!r}")


def save_figure(figure: Figure, *paths: str | os.PathLike[str], dpi: int = 200) -> None:
    """Write a figure to files, all of them completely or none: what was there before stays until all are written.

    Raises:
        SettingError: One cannot be written.
    """
    partials = {os.fspath(path): f"{os.path.realpath(path)}.{os.getpid()}.partial" for path in paths}
    path = ""
    try:
        with rc_context(TEXT_STAYS_TEXT), _laid_out(figure, dpi):
            for path, partial in partials.items():
                _write(figure, partial, _kind(path))
        for path, partial in partials.items():
            os.replace(partial, os.path.realpath(path))  # a link stays one
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"cannot write figure {path!r}: {reason}") from None
    finally:
        for partial in partials.values():
            with suppress(OSError):
                os.unlink(partial)


def _write(figure: Figure, path: str, kind: str) -> None:
    """What `savefig` does, which draws twice, once to find the layout."""
    canvas = get_registered_canvas_class(kind)
    if canvas is None:
        raise ValueError(f"{kind!r} is no known kind of picture")
    getattr(canvas(figure), f"print_{kind}")(path)


@contextmanager
def _laid_out(figure: Figure, dpi: int) -> Iterator[None]:
    """The layout is found once, which takes as long as drawing, and is the same in all files."""
    engine, canvas, own_dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    figure.set_dpi(dpi)
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_canvas(canvas)
        figure.set_dpi(own_dpi)


def _kind(path: str) -> str:
    return Path(path).suffix[1:].lower()

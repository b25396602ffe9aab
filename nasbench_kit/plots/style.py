"""What all figures share: colors, quiet axes, captions, how they show in notebooks and are written to files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, final

from matplotlib import rc_context
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's palette, told apart by color-blind readers too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Beside the colors, for those who print in gray.
LINE_STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
#: Light relatives of the palette: dark text is readable on each.
FILLS = ("#9fd0f0", "#f4b183", "#8fd3bc", "#f3e58a", "#e3b2d0", "#b9b9b9", "#7fa8dc", "#d98b6a", "#c5e3a0", "#b79fdb")
#: Of lines that stand behind the data, and of captions.
GRAY, CAPTION_GRAY = "0.45", "0.35"
#: Text stays text in PDF and SVG, in a font type that publishers accept.
TEXT_STAYS_TEXT: dict[Any, Any] = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}

_CAPTION_SIZE = 7.5  # points
_LETTERS_PER_INCH = 17


@final
class ShownFigure(Figure):
    """A figure that a notebook shows as it is returned, whether or not pyplot was ever imported."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def quiet(ax: Axes) -> None:
    """A light grid behind the data, and no frame above and to the right."""
    ax.grid(visible=True, which="major", alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def add_caption(figure: Figure, text: str) -> None:
    """Write how the numbers came about below a figure, in lines as wide as it is."""
    lines = wrap(text, int(_LETTERS_PER_INCH * figure.get_figwidth()))
    figure.supxlabel("\n".join(lines), fontsize=_CAPTION_SIZE, color=CAPTION_GRAY)


def check_picture(path: str | os.PathLike[str]) -> None:
    """Refuse a file to draw that cannot be written, before any work is done.

    Raises:
        SettingError: Its name ends in no known kind of picture, or its folder is not there.
    """
    kinds = FigureCanvasAgg.get_supported_filetypes()
    name = os.fspath(path)
    if _kind(name) not in kinds:
        raise SettingError(f"cannot write figure {name!r}: its name must end in one of {', '.join(sorted(kinds))}")
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

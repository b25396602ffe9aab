"""Axes of time and of regret: their names, limits and ticks."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    ScalarFormatter,
)

from nasbench_kit.analysis import shown
from nasbench_kit.errors import SettingError
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_AXES = {SECONDS: "simulated time [s]", EVALUATIONS: "evaluations", EPOCHS: "epochs trained"}
_MARGIN = 0.04  # of the height of a panel
_APART = 0.09  # of the height, from the label of 0 to the next one
_NARROW, _WIDE = 100, 3_000  # from the least to the most on a logarithmic axis, for more and fewer ticks


def axis_title(axis: str) -> str:
    """What an axis counts, in words."""
    return _AXES.get(axis) or f"sum of {shown(axis, '').name}"


def scale_x(ax: Axes, scale: str, limits: tuple[float, float], axis: str) -> None:
    """Limits and ticks of what is spent: seconds in powers of ten, what is counted in plain numbers."""
    low, high = limits
    ax.set_xscale(scale)
    if low < high:
        ax.set_xlim(low, high)
    if scale == "linear":
        formatter = ScalarFormatter(useMathText=True)
        formatter.set_powerlimits((-3, 5))
        ax.xaxis.set_major_formatter(formatter)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.get_offset_text().set_fontsize(rcParams["xtick.labelsize"])
        return
    span = high / low
    if span < _NARROW:  # too few powers of ten to read the axis by
        subs = (1.0, 3.0) if span >= 10 else (1.0, 2.0, 5.0)
        ax.xaxis.set_major_locator(LogLocator(subs=subs) if span >= 5 else MaxNLocator(3))
        ax.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(inf, inf)))
    if axis != SECONDS:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


class Heights(NamedTuple):
    """What the axis of regret or of a value shows."""

    scale: str
    low: float
    high: float
    floor: float  #: where 0 is drawn on a logarithmic axis
    has_zero: bool  #: whether anything lies there

    def lifted(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values as they are drawn: 0 on the floor, infinite ones outside of the axes."""
        far = (self.high / self.low, 1.0) if self.scale == "log" else (1.0, self.high - self.low)
        above, below = self.high * far[0] + far[1], self.low / far[0] - far[1]
        return np.maximum(np.nan_to_num(values, nan=np.nan, posinf=above, neginf=below), self.floor)


def heights_of(curves: Iterable[NDArray[np.float64]], scale: str, limits: tuple[float, float] | None) -> Heights:
    """Limits that hold all that is finite, with a margin; 0 on a logarithmic axis at half of the least above it.

    Raises:
        SettingError: Nothing lies between the limits that are given.
    """
    values = np.concatenate([*curves])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
    if limits is not None and (limits[1] < low or limits[0] > high):
        raise SettingError(f"y_limits={limits!r:.80} show nothing; values from {low:.6g} to {high:.6g} expected")
    if scale == "linear":
        margin = _MARGIN * (high - low) or 0.05 * abs(high) or 1.0
        low, high = (low - margin * (low != 0), high + margin) if limits is None else limits
        return Heights(scale, low, high, -inf, has_zero=False)
    above = values[values > 0]
    least = float(above.min()) if len(above) else 2e-3
    floor = least / 2
    has_zero = low < floor
    high = max(high, 2 * floor)
    low = floor if has_zero else least
    margin = max((high / low) ** _MARGIN, 1.08)
    low, high = (low / margin, high * margin) if limits is None else limits
    return Heights(scale, low, high, max(floor, low) if limits is not None else floor, has_zero)


def scale_y(ax: Axes, heights: Heights) -> None:
    """Limits and ticks: plain numbers at 1, 2, 5, 10, ...; 0 at the floor, if anything lies there."""
    ax.set_yscale(heights.scale)
    ax.set_ylim(heights.low, heights.high)
    if heights.scale == "linear":
        ax.yaxis.set_major_locator(MaxNLocator(5))
        return
    span = heights.high / heights.low
    if span < 4:
        ax.yaxis.set_major_locator(MaxNLocator(4))
    else:
        ax.yaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0) if span < _NARROW else (1.0, 3.0) if span < _WIDE else (1.0,))
        )
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if heights.has_zero:
        floor = heights.floor
        apart = (heights.high / heights.low) ** _APART
        ticks = [tick for tick in ax.yaxis.get_majorticklocs() if tick > apart * floor]
        ax.yaxis.set_major_locator(FixedLocator([floor, *ticks]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value <= floor else f"{value:g}"))

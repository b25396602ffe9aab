"""From runs to lines: a statistic over runs at each time, its band, where it begins and where it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, final

import numpy as np

from nasbench_kit.analysis import (
    Trajectories,
    aggregate,
    bootstrap_band,
    quantile_band,
    random_search_law,
    regret_curves,
    standard_error_band,
)
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.simulator import EPOCHS, EVALUATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis import RandomSearchLaw
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Rules

Band = tuple[float, float] | Literal["auto", "standard error", "bootstrap"] | None
"""Two quantiles, the standard error of the mean, a 95 % bootstrap interval, or none; "auto": quartiles of few lines."""

Scale = Literal["log", "linear"]
_CHOICES: dict[str, tuple[str | None, ...]] = {
    "quantity": ("regret", "value"),
    "statistic": ("median", "mean", "iqm"),
    "x_scale": ("log", "linear"),
    "y_scale": ("log", "linear", None),
}
BANDS = ("auto", "standard error", "bootstrap")
BAND = (0.25, 0.75)  # the quantiles of the usual band
_N_TIMES = 400
_MOST_COUNTED = 1_000  # numbers of evaluations that are all looked at
_LEFT = 5  # evaluations for which there was time left: such a run has stopped by itself,
_LEFT_SHARE = 0.05  # if it was also so much of the budget
_ALL = 0.99  # of the runs of a law, which take for ever until all have an incumbent


@final
@dataclass(frozen=True)
class Anytime:
    """What is drawn of runs over time, and how.

    Attributes:
        axis: What is spent: "seconds", "evaluations", "epochs" or a metric that was summed; what the budget counts, by
            default.
        quantity: "regret", the distance of the incumbent from the best of the benchmark; or "value", what it is worth.
        statistic: "median", "mean" or "iqm" (the mean of the middle half) over all runs. A run without an incumbent
            counts as worse than all others, so a median begins when more than half of the runs have one, a mean when
            all have.
        band: Two quantiles; "standard error", of the mean; "bootstrap", a 95 % interval; None. By default "auto":
            quartiles, unless there are many lines.
        x_scale: "log" or "linear".
        y_scale: "log" or "linear"; by default "log" for regret, "linear" for values.
        x_limits: From where to where.
        y_limits: From where to where, in the unit that is shown.

    Raises:
        UnknownNameError: There is no such choice.
        SettingError: A choice does not go with another one.
    """

    axis: str | None = None
    quantity: Literal["regret", "value"] = "regret"
    statistic: Literal["median", "mean", "iqm"] = "median"
    band: Band = "auto"
    x_scale: Scale = "log"
    y_scale: Scale | None = None
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, expected in _CHOICES.items():
            if getattr(self, name) not in expected:
                raise unknown(name, getattr(self, name), filter(None, expected))
        if isinstance(self.band, str) and self.band not in BANDS:
            raise unknown("band", self.band, BANDS)
        if not isinstance(self.band, str | None) and not (
            _is_pair(self.band) and 0 <= self.band[0] <= self.band[1] <= 1
        ):
            raise SettingError(f"band={self.band!r:.80}; two quantiles from 0 to 1 expected, the lower one first")
        if self.band == "standard error" and self.statistic != "mean":
            raise SettingError(f"a standard error is of the mean, not of the {self.statistic}; statistic=mean expected")
        check_limits(self.x_scale, x_limits=self.x_limits)
        check_limits(self.scale_of_y, y_limits=self.y_limits)

    @property
    def scale_of_y(self) -> Scale:
        """`y_scale`, or its default."""
        return self.y_scale or ("log" if self.quantity == "regret" else "linear")

    def changed(self, choices: Mapping[str, Any]) -> Self:
        """The same with other choices, by their names.

        Raises:
            UnknownNameError, SettingError: One is none.
        """
        for name in choices:
            if name not in self.__dataclass_fields__:
                raise unknown("choice of a figure over time", name, self.__dataclass_fields__)
        return replace(self, **choices)


def check_scale(**scale: Any) -> None:
    """Refuse what is no scale of an axis.

    Raises:
        UnknownNameError: It is none.
    """
    for name, given in scale.items():
        if given not in _CHOICES[name]:
            raise unknown(name, given, filter(None, _CHOICES[name]))


def check_limits(scale: Scale, **limits: Any) -> None:
    """Refuse what is no part of an axis.

    Raises:
        SettingError: It is none.
    """
    for name, given in limits.items():
        if given is not None and not (_is_pair(given) and given[0] < given[1]):
            raise SettingError(f"{name}={given!r:.80}; two numbers expected, the lower one first")
        if given is not None and scale == "log" and given[0] <= 0:
            raise SettingError(f"{name}={given!r:.80}; numbers above 0 expected on a logarithmic axis")


def check_inside(begin: float, end: float, what: str, **limits: Any) -> None:
    """Refuse limits between which nothing lies.

    Args:
        begin: Where what is drawn begins.
        end: And where it ends.
        what: Of what.
        limits: By their name.

    Raises:
        SettingError: There is nothing.
    """
    for name, given in limits.items():
        if given is not None and (given[1] < begin or given[0] > end):
            raise SettingError(f"{name}={given!r:.80} show nothing; {what} from {begin:.6g} to {end:.6g} expected")


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) and isfinite(end) for end in pair)
    )


class Curve(NamedTuple):
    """A line, and how far it holds for all runs; in the unit that is shown."""

    times: NDArray[np.float64]  #: (n_times,)
    center: NDArray[np.float64]  #: (n_times,), NaN where there is none
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None  #: low and high, infinite where many runs have none
    all_begun: float  #: when all runs that ever have an incumbent have one
    first_end: float  #: when the first run ended
    last_end: float

    def parts(self) -> tuple[slice, slice, slice]:
        """Times before all runs have an incumbent, while none has ended, and then; they share their ends."""
        there = np.flatnonzero(np.isfinite(self.center))
        if not len(there):
            return (slice(0),) * 3
        start, stop = int(there[0]), int(there[-1])
        begun = min(max(int(np.searchsorted(self.times, self.all_begun)), start), stop)
        until = min(max(int(np.searchsorted(self.times, self.first_end, side="right")) - 1, begun), stop)
        return slice(start, begun + 1), slice(begun, until + 1), slice(until, stop + 1)


def curves_of(
    trajectories: Mapping[str, Trajectories], how: Anytime, n_workers: int = 1, banded: tuple[str, ...] | None = None
) -> dict[str, Curve]:
    """The line of each optimizer, over the same times.

    Args:
        trajectories: Label -> runs of that optimizer that have an incumbent in some, all on the same benchmark.
        how: What to draw.
        n_workers: Of a run.
        banded: Labels of those with a band; all by default.

    Raises:
        UnknownNameError: There is no such axis.
    """
    ends = {label: run_ends(one, how.axis, n_workers) for label, one in trajectories.items()}
    firsts = {label: _firsts(one, how.axis) for label, one in trajectories.items()}
    times = times_of(
        list(firsts.values()), list(ends.values()), how, next(iter(trajectories.values())).checked_axis(how.axis)
    )
    curves = {}
    for label, one in trajectories.items():
        regrets, shown = regret_curves(one, times, how.axis), partial(_shown, one=one, how=how)
        has_band = banded is None or label in banded
        curves[label] = curve_over(regrets, times, how, firsts[label], ends[label], shown, has_band=has_band)
    return curves


def curve_over(
    regrets: NDArray[np.float64],
    times: NDArray[np.float64],
    how: Anytime,
    firsts: NDArray[np.float64],
    ends: NDArray[np.float64],
    shown: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    has_band: bool,
) -> Curve:
    """A statistic over runs and its band.

    Args:
        regrets: Or other distances, smaller is better, NaN as long as there is none: (n_runs, n_times).
        times: When: (n_times,).
        how: Statistic and band.
        firsts: When each run that ever has one has its first: (n_with,).
        ends: Up to where each run is drawn: (n_runs,).
        shown: Curves of regrets in the quantity and unit that are shown.
        has_band: Whether to draw one.
    """
    low_high = _band(regrets, how) if has_band else None
    center, *band = (shown(curve) for curve in (aggregate(regrets, how.statistic), *(low_high or ())))
    center = np.where((times > np.nanmax(ends)) | ~np.isfinite(center), np.nan, center)
    both = (np.minimum(*band), np.maximum(*band)) if band else None
    return Curve(times, center, both, float(firsts.max()), float(np.nanmin(ends)), float(np.nanmax(ends)))


@lru_cache(maxsize=32)
def law_of(benchmark: Benchmark, rules: Rules) -> RandomSearchLaw:
    """`random_search_law`, computed once for all figures of a comparison."""
    return random_search_law(benchmark, rules)


def law_curve(law: RandomSearchLaw, one: Trajectories, how: Anytime) -> Curve:
    """The line of the law of random search, with a band of quantiles in any case.

    Raises:
        SettingError: It is over something else than is drawn.
    """
    axis = one.checked_axis(how.axis)
    if law.clock != axis:
        raise SettingError(f"the law of random search is over {law.clock}, not over {axis}; leave one of them out")
    low, high = law_band(how)
    if how.statistic == "mean":
        center = np.where(law.has_incumbent > _ALL, law.mean, np.nan)
    elif how.statistic == "iqm":
        center = law.quantiles(np.linspace(0.25, 0.75, 101).tolist(), of_all=True).mean(axis=0)
    else:
        center = law.quantiles([0.5], of_all=True)[0]
    regrets = one.best - law.metric.sign() * np.stack([center, *law.quantiles([low, high], of_all=True)])
    center, *ends = (_shown(curve, one, how) for curve in regrets)
    center[~np.isfinite(center)] = np.nan
    last = float(law.times[-1])
    begun = float(law.times[(law.has_incumbent > _ALL).argmax()]) if law.has_incumbent[-1] > _ALL else last
    return Curve(law.times, center, (np.minimum(*ends), np.maximum(*ends)), begun, last, last)


def law_band(how: Anytime) -> tuple[float, float]:
    """The quantiles that bound the band of a law: those of the runs, or the quartiles."""
    return (how.band[0], how.band[1]) if isinstance(how.band, tuple | list) else BAND


def run_ends(one: Trajectories, axis: str | None = None, n_workers: int = 1) -> NDArray[np.float64]:
    """Up to where each run is drawn, (n_runs,): until when it is known, unless it stopped by itself before its budget.

    A run that stopped by itself had time left for several evaluations, and a visible part of the budget. NaN of a run
    without any evaluation, where there is no budget.
    """
    axis = one.checked_axis(axis)
    ended, known, n_evaluations = one.ended[axis], one.known_until(axis), one.ended[EVALUATIONS]
    if axis == EVALUATIONS:
        has_stopped = ended < known
    else:
        each = n_workers * ended / np.maximum(n_evaluations, 1)
        has_stopped = known - ended > np.maximum(_LEFT * each, _LEFT_SHARE * known)
    ends = np.where(has_stopped & (n_evaluations > 0), ended, known)
    return np.where(ends > 0, ends, np.nan)


def _firsts(one: Trajectories, axis: str | None) -> NDArray[np.float64]:
    """When each run that ever has an incumbent has its first."""
    return np.sort(one.along(axis)[one.starts[:-1][one.has_incumbent]])


def times_of(
    firsts: list[NDArray[np.float64]], ends: list[NDArray[np.float64]], how: Anytime, axis: str
) -> NDArray[np.float64]:
    """When to look: evenly on the axis that is drawn, and where lines begin and end."""
    special = [first[[0, len(first) // 2, -1]] for first in firsts]
    special += [np.array([np.nanmin(end), np.nanmax(end)]) for end in ends]
    marks = np.concatenate(special)
    begin, end = float(marks.min()), float(marks.max())
    low, high = how.x_limits or (begin, end)
    low, high = min(max(low, begin), end), max(min(high, end), begin)
    if axis in (EVALUATIONS, EPOCHS) and high - low <= _MOST_COUNTED:
        evenly = np.arange(np.floor(low), high + 1)
    elif how.x_scale == "log":
        evenly = np.geomspace(low, max(high, low), _N_TIMES)
    else:
        evenly = np.linspace(low, max(high, low), _N_TIMES)
    return np.unique(np.concatenate([marks, evenly[(evenly >= begin) & (evenly <= end)]]))


def _band(regrets: NDArray[np.float64], how: Anytime) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if how.band is None:
        return None
    if how.band == "standard error":
        return standard_error_band(regrets)
    if how.band == "bootstrap":
        return bootstrap_band(regrets, how.statistic, np.random.default_rng(0))
    return quantile_band(regrets, *law_band(how))


def _shown(regrets: NDArray[np.float64], one: Trajectories, how: Anytime) -> NDArray[np.float64]:
    """A curve of regrets in the quantity and unit that are shown."""
    if how.quantity == "regret":
        return one.show.factor * regrets
    return one.show.factor * one.metric.sign() * (one.best - regrets)

"""How good fronts are, as one number: hypervolume, IGD+, additive epsilon and R2, over time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from nasbench_kit.analysis.shown import shown, without_unit
from nasbench_kit.errors import SettingError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nasbench_kit.analysis.front_trajectories import FrontTrajectories
    from nasbench_kit.analysis.fronts import Reference

HYPERVOLUME, IGD_PLUS, EPSILON, R2 = INDICATORS = ("hypervolume", "igd_plus", "epsilon", "r2")


@final
class Indicator(NamedTuple):
    """A number that says how good a front is, measured against a fixed reference.

    - `hypervolume`: the share of the box between the ideal and the reference point that is dominated. Larger is better.
      Source: Zitzler and Thiele 1998, https://doi.org/10.1007/BFb0056872.
    - `igd_plus`: how far points of the true front are from the front, on average, counting only what is worse. Smaller
      is better, 0 of the true front. Source: Ishibuchi et al. 2015, https://doi.org/10.1007/978-3-319-15892-1_8.
    - `epsilon`: by how much the front must be shifted to be as good as every point of the true front: the unary
      additive epsilon indicator. Smaller is better, 0 of the true front.
      Source: Zitzler et al. 2003, https://doi.org/10.1109/TEVC.2003.810758.
    - `r2`: the expected weighted Chebyshev distance of the front's best point from the ideal point, with uniform
      weights; exact, of two objectives. Smaller is better.
      Source: Schaepermeier and Kerschke 2025, https://arxiv.org/abs/2407.01504.
    """

    name: str
    measure: Callable[[NDArray[np.float64]], float]  #: of losses (n, n_objectives), one or more
    larger_is_better: bool
    at_front: float  #: of the true front

    def distance(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much worse values are than that of the true front: smaller is better, 0 is as good."""
        return self.at_front - values if self.larger_is_better else values - self.at_front


def indicator_of(reference: Reference, name: str = HYPERVOLUME) -> Indicator:
    """An indicator by its name, against the reference point and the front of a benchmark.

    Raises:
        UnknownNameError: There is none of this name.
        SettingError: It is not known for so many objectives.
    """
    import moocore

    front = reference.front
    n_objectives = front.shape[1]
    measures: dict[str, Callable[[NDArray[np.float64]], float]] = {
        HYPERVOLUME: moocore.Hypervolume(ref=np.ones(n_objectives)),
        IGD_PLUS: lambda losses: moocore.igd_plus(losses, ref=front),
        EPSILON: lambda losses: moocore.epsilon_additive(losses, ref=front),
        # what was told may be better than the ideal, which is a mean, and is as good as it then
        R2: lambda losses: moocore.r2_exact(np.maximum(losses, 0.0), ref=np.zeros(n_objectives)),
    }
    if name not in measures:
        raise unknown("indicator", name, INDICATORS)
    if name == R2 and n_objectives != 2:
        raise SettingError(
            f"r2 of {n_objectives} objectives; it is exact for two: choose hypervolume, igd_plus or epsilon"
        )
    measure = measures[name]
    return Indicator(name, measure, name == HYPERVOLUME, float(measure(front)))


def indicator_values(fronts: FrontTrajectories, indicator: Indicator) -> NDArray[np.float64]:
    """The indicator of a run's front after each of its changes: (n_members,).

    It may get worse where points are what fronts are reported by: what the search was told of a newcomer was lucky.
    """
    values = np.empty(len(fronts.points))
    for start, end in pairwise(fronts.starts.tolist()):
        points, displaced_by = fronts.points[start:end], fronts.displaced_by[start:end]
        for k in range(end - start):
            values[start + k] = indicator.measure(points[: k + 1][displaced_by[: k + 1] > start + k])
    return values


def indicator_curves(
    fronts: FrontTrajectories, times: NDArray[np.float64], indicator: str = HYPERVOLUME, axis: str | None = None
) -> NDArray[np.float64]:
    """An indicator of the front of each run, over what was spent: (n_runs, n_times).

    As long as the front is empty the hypervolume is 0, and the others are NaN, worse than all others. The last value
    holds on after a run has ended; `FrontTrajectories.ended` says when that was.

    Args:
        fronts: The runs.
        times: What was spent: (n_times,).
        indicator: Its name.
        axis: Of what; that of the budget by default.

    Raises:
        UnknownNameError: There is no such indicator or axis.
        SettingError: It is not known for so many objectives.
    """
    made = indicator_of(fronts.reference, indicator)
    before = 0.0 if made.larger_is_better else np.nan
    return fronts.curves(indicator_values(fronts, made), times, axis, before=before)


def in_words(reference: Reference) -> str:
    """What the hypervolume is measured against, for captions."""
    sides = []
    for metric, ideal, worst in zip(reference.metrics, reference.ideal, reference.worst, strict=True):
        show = shown(metric.name, metric.unit)
        sides.append(f"{without_unit(show)} {show.text(float(ideal))} to {show.text(float(worst))} {show.unit}")
    front = "the true front" if reference.is_proven else "the best known front"
    return (
        f"share of the box from the best to the worst recorded values ({', '.join(sides)}) that a front dominates;"
        f" {indicator_of(reference).at_front:.4f} of {front}"
    )


def final_indicator_values(fronts: FrontTrajectories, indicator: str = HYPERVOLUME) -> NDArray[np.float64]:
    """An indicator of the front that each run ended with: (n_runs,), for a run without any as in `indicator_curves`.

    Raises:
        UnknownNameError, SettingError: As `indicator_curves`.
    """
    made = indicator_of(fronts.reference, indicator)
    values = np.full(fronts.n_runs, 0.0 if made.larger_is_better else np.nan)
    points, runs = fronts.points_at()
    found, firsts = np.unique(runs, return_index=True)
    values[found] = [made.measure(front) for front in np.split(points, firsts[1:])] if len(found) else 0.0
    return values

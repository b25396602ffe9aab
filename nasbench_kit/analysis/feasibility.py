"""Under constraints: when runs find something feasible, and what they spend on what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis.incumbents import may_be_incumbents
from nasbench_kit.errors import SettingError
from nasbench_kit.simulator import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Records


class Feasibility(NamedTuple):
    """What the runs of one optimizer did under the constraints of one benchmark: each (n_runs,)."""

    first: NDArray[np.float64]  #: the clock when the first feasible incumbent was found; inf where there never is one
    infeasible_share: NDArray[np.float64]  #: share of evaluations spent on infeasible ones; NaN without an evaluation
    infeasible_cost_share: NDArray[np.float64]  #: share of what was paid for them; NaN where nothing was
    mean_violation: NDArray[np.float64]  #: of all evaluations that did not fail, 0 of feasible ones; NaN without any
    least_violation: NDArray[np.float64]  #: of these, 0 once one is feasible; inf without any

    def found_share(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of runs with a feasible incumbent at each time on the clock: (n_times,)."""
        return np.searchsorted(np.sort(self.first), times, side="right") / len(self.first)


def feasibility_of(benchmark: Benchmark, runs: Sequence[Records], rules: Rules | None = None) -> Feasibility:
    """Look at what runs evaluated under constraints. Violations are sums over the constraints, in their metrics' units.

    Args:
        benchmark: What was searched, with constraints.
        runs: What `simulate` returned.
        rules: What it was told; the default ones, if not given.

    Raises:
        SettingError: There is no constraint, or no run.
    """
    if not benchmark.constraints:
        raise SettingError(
            f"{benchmark.name} has no constraints, so all is feasible; give constraints=['params_m<=0.5']"
        )
    if not runs:
        raise SettingError(f"{benchmark.name}: no run; give one or more")
    rules = rules or Rules()
    columns = [_of_run(run, may_be_incumbents(run, benchmark, rules)) for run in runs]
    return Feasibility(*(np.array(column) for column in zip(*columns, strict=True)))


def _of_run(run: Records, counts: NDArray[np.bool_]) -> tuple[float, ...]:
    exceeds, violation = run.violation > 0, run.violation[~run.failed]
    n, paid_s = len(exceeds), float(run.cost_s.sum())
    return (
        float(run.finished_s[counts.argmax()]) if counts.any() else np.inf,
        float(exceeds.mean()) if n else np.nan,
        float(run.cost_s[exceeds].sum()) / paid_s if paid_s else np.nan,
        float(violation.mean()) if len(violation) else np.nan,
        float(violation.min(initial=np.inf)),
    )


def least_violations(runs: Sequence[Records], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least violation of what each run evaluated by each time on the clock: (n_runs, n_times), inf before any.

    Args:
        runs: What `simulate` returned.
        times: On the clock: (n_times,).
    """
    found = np.empty((len(runs), len(times)))
    for least, run in zip(found, runs, strict=True):
        so_far = np.minimum.accumulate(np.where(run.failed, np.inf, run.violation))
        least[:] = np.append(np.inf, so_far)[np.searchsorted(run.finished_s, times, side="right")]
    return found

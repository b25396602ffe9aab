"""A benchmark as a problem of OptunaHub: what `optunahub.benchmarks.BaseProblem` says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.adapters import optuna as with_optuna
from nasbench_kit.adapters.queries import Queries
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch

_BaseProblem: Any = require("optunahub", "optunahub").benchmarks.BaseProblem


@final
class Problem(_BaseProblem):  # type: ignore[misc]
    """What `study.optimize` calls, or `evaluate` with parameters.

    Values are as recorded. A training that failed is NaN, which Optuna records as a failed trial. Constraints are those
    of the benchmark.

    Args:
        benchmark: As `nbk.load` opens it.
        epoch: Train up to this epoch; the last one by default.
        run: "mean", the mean over the recorded runs; or the number of one of them. A problem is a function of its
            parameters, so that no run can be drawn.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that epoch or run was never recorded.
    """

    def __init__(self, benchmark: Benchmark, *, epoch: int | None = None, run: str | int = MEAN) -> None:
        self._queries = Queries(benchmark, epoch=epoch, run=run)
        self._queries.refuse_drawn("a problem")

    @cached_property
    def search_space(self) -> dict[str, Any]:
        """Decision -> Optuna's distribution: categories are names of choices; of ordered ones, their positions."""
        return with_optuna.search_space(self._queries.space)

    @property
    def directions(self) -> list[Any]:
        """Of each objective, as it is recorded."""
        kinds = require("optuna", "optunahub").study.StudyDirection
        return [kinds[each.upper()] for each in with_optuna.directions(self._queries.benchmark)]

    def __call__(self, trial: Any) -> float | tuple[float, ...]:
        """The validation objectives of a trial, which gets the attributes `arch`, `epoch` and `cost_s`."""
        with_optuna.check_directions(trial, with_optuna.directions(self._queries.benchmark))
        values: float | tuple[float, ...] = super().__call__(trial)
        answer = self._queries.query(self.arch(trial.params))
        with_optuna.record(trial, self._queries.space.format(answer.arch), answer.epoch, answer.cost_s)
        return values

    def evaluate(self, params: Mapping[str, Any]) -> float | tuple[float, ...]:
        """The validation objectives of an architecture."""
        return with_optuna.values_of(self._queries.query(self.arch(params)))

    def evaluate_constraints(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Constraint -> how far it is exceeded."""
        answer = self._queries.query(self.arch(params))
        return {
            str(limit): by for limit, by in zip(self._queries.benchmark.constraints, answer.violations, strict=True)
        }

    def arch(self, params: object) -> Arch:
        """The architecture of parameters, such as `study.best_params`."""
        return self._queries.arch(params)

    def params(self, arch: object) -> dict[str, str | int]:
        """The parameters of an architecture in any form."""
        return with_optuna.params(self._queries.space, arch)

    def cost_s(self, params: Mapping[str, Any]) -> float:
        """Seconds that this training takes; NaN where none are recorded."""
        return self._queries.query(self.arch(params)).cost_s

"""A benchmark as a problem of pymoo, Blank and Deb 2020, https://doi.org/10.1109/ACCESS.2020.2990567."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.adapters.queries import Queries, loss
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_flag
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch, Space, Uniform

_Problem: Any = require("pymoo.core.problem", "pymoo").Problem


@final
class BenchmarkProblem(_Problem):  # type: ignore[misc]
    """Minimize the losses of a benchmark.

    Variables are integers, one per decision: the number of the choice. Numbers between integers are rounded, so an
    algorithm should have operators for integers. For `MixedVariableGA`, a variable per decision by its name.
    The loss of an accuracy is 1 - accuracy; an objective of which smaller is better is its own; another one is negated.
    Constraints are kept to where `G <= 0`. Choices that are no architecture that was recorded become the nearest one,
    always the same. A training that failed has the worst values that were recorded, and exceeds every constraint.
    Individuals carry `cost_s`.

    Args:
        benchmark: As `nbk.load` opens it, with any number of objectives and constraints.
        epoch: Train up to this epoch; the last one by default.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one of them per evaluation.
        rng: Draws the run, where it is drawn.
        mixed: Variables are categories, by the names of their choices, and integers where these are ordered.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that epoch or run was never recorded.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        epoch: int | None = None,
        run: str | int = MEAN,
        rng: Uniform | None = None,
        mixed: bool = False,
    ) -> None:
        check_flag(mixed=mixed)
        self._queries, self._rng = Queries(benchmark, epoch=epoch, run=run), rng
        self._is_last_mean = run == MEAN and epoch in (None, *benchmark.epochs[-1:])
        super().__init__(
            n_obj=len(benchmark.objectives),
            n_ieq_constr=len(benchmark.constraints),
            **(_by_name if mixed else _integers)(self._queries.space),
        )

    def name(self) -> str:
        """The benchmark's."""
        return self._queries.benchmark.name

    def arch(self, x: Any) -> Arch:
        """The architecture of a row of `X`."""
        return (
            self._queries.arch(x) if isinstance(x, Mapping) else self._queries.nearest(np.rint(x).astype(int).tolist())
        )

    def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
        answers = [self._queries.query(self.arch(row), rng=self._rng) for row in x]
        out["F"] = np.array([answer.losses for answer in answers])
        out["cost_s"] = np.array([answer.cost_s for answer in answers])
        if self.n_ieq_constr:
            out["G"] = np.array([answer.violations for answer in answers])

    def _calc_pareto_set(self) -> NDArray[np.int64] | None:
        """The true front after the last epoch by the mean over runs, where that is asked for and can be known."""
        if not self._is_last_mean:
            return None
        try:
            return self._queries.benchmark.true_front().astype(np.int64)
        except SettingError:  # too many architectures
            return None

    def _calc_pareto_front(self) -> NDArray[np.float64] | None:
        """Its losses."""
        optimal = self._calc_pareto_set()
        if optimal is None:
            return None
        benchmark = self._queries.benchmark
        return np.stack([loss(each, benchmark.values(each.name, optimal)) for each in benchmark.objectives], axis=1)


def _integers(space: Space) -> dict[str, Any]:
    return {"n_var": space.n_decisions, "xl": 0, "xu": np.array(space.n_choices) - 1, "vtype": int}


def _by_name(space: Space) -> dict[str, Any]:
    made = require("pymoo.core.variable", "pymoo")
    return {
        "vars": {
            name: made.Integer(bounds=(0, len(choices) - 1)) if ordered else made.Choice(options=list(choices))
            for name, choices, ordered in space.decisions
        }
    }

"""A benchmark as an objective of Optuna, Akiba et al. 2019, https://doi.org/10.1145/3292500.3330701."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.adapters.queries import Answer, Queries
from nasbench_kit.errors import SettingError, listed
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch, Space, Uniform

__all__ = ["Objective", "constraints_func"]

VIOLATIONS = "violations"  # the attribute of a trial that holds how far the constraints are exceeded


@final
class Objective:
    """What `study.optimize` calls: a trial suggests an architecture, and its validation objectives are returned.

    Values are as recorded, so the study must have the `directions` of the objective: another one is refused. A trial
    has the attributes `arch` (a text), `epoch`, `cost_s` (the seconds that it took), and `violations` where there are
    constraints. A training that failed is NaN, which Optuna records as a failed trial.

    Args:
        benchmark: As `nbk.load` opens it.
        epoch: Train up to this epoch; the last one by default.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one of them per trial.
        rng: Draws the run, where it is drawn.
        pruning: Report each epoch of a trial, and end it where the pruner of the study says so. A trial that ended so
            took the seconds up to that epoch; where epochs are separate trainings, each is paid in full.

    Attributes:
        directions: "maximize" or "minimize", of each objective.
        search_space: Decision -> its distribution: names of choices; of ordered ones, their positions.

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
        pruning: bool = False,
    ) -> None:
        self._queries = Queries(benchmark, epoch=epoch, run=run, every_epoch=pruning)
        self._rng, self._pruning = rng, pruning
        self.directions = directions(benchmark)
        if pruning and len(self.directions) > 1:
            raise SettingError(f"pruning=True with {len(self.directions)} objectives; Optuna prunes by one")
        if pruning and len(self._queries.epochs) < 2:
            there = listed(self._queries.epochs) or "none"
            raise SettingError(f"pruning=True needs several epochs; {benchmark.name} has {there}")

    @cached_property
    def search_space(self) -> dict[str, Any]:
        """Decision -> distribution."""
        return search_space(self._queries.space)

    def arch(self, params: object) -> Arch:
        """The architecture of a trial's parameters, such as `study.best_params`."""
        return self._queries.arch(params)

    def params(self, arch: object) -> dict[str, str | int]:
        """The parameters of an architecture in any form: what `study.enqueue_trial` takes."""
        return params(self._queries.space, arch)

    def __call__(self, trial: Any) -> float | tuple[float, ...]:
        """The validation value of a trial; several ones where there are several objectives."""
        check_directions(trial, self.directions)
        arch = self._queries.arch(
            {
                name: trial.suggest_int(name, 0, len(choices) - 1)
                if ordered
                else trial.suggest_categorical(name, choices)
                for name, choices, ordered in self._queries.space.decisions
            }
        )
        training = self._queries.training(arch, self._rng)
        if not self._pruning:
            answer = self._queries.answer(arch, training)
            self._record(trial, answer, answer.cost_s)
            return values_of(answer)
        paid_s = 0.0
        for epoch in self._queries.epochs:
            answer = self._queries.answer(arch, training, epoch)
            paid_s = answer.cost_s if self._queries.continues else paid_s + answer.cost_s
            if answer.failed:
                break
            trial.report(answer.values[0], epoch)
            if epoch != self._queries.epoch and trial.should_prune():
                self._record(trial, answer, paid_s)
                raise require("optuna", "optuna").TrialPruned(f"pruned at epoch {epoch}")
        self._record(trial, answer, paid_s)
        return values_of(answer)

    def _record(self, trial: Any, answer: Answer, paid_s: float) -> None:
        record(trial, self._queries.space.format(answer.arch), answer.epoch, paid_s)
        if answer.violations and not answer.failed:
            trial.set_user_attr(VIOLATIONS, list(answer.violations))
            if hasattr(trial, "set_constraint"):  # since Optuna 5
                for limit, exceeded_by in zip(self._queries.benchmark.constraints, answer.violations, strict=True):
                    trial.set_constraint(str(limit), exceeded_by)


def constraints_func(trial: Any) -> Sequence[float]:
    """What samplers of Optuna 4 take as `constraints_func`; those of Optuna 5 know the constraints of a trial."""
    return trial.user_attrs.get(VIOLATIONS, ())


def directions(benchmark: Benchmark) -> list[str]:
    """Whether Optuna should maximize or minimize each objective, as it is recorded."""
    return ["maximize" if metric.direction == "max" else "minimize" for metric in benchmark.objectives]


def check_directions(trial: Any, expected: list[str]) -> None:
    """Refuse a study that would take the best for the worst.

    Raises:
        SettingError: It is such.
    """
    study = getattr(trial, "study", None)  # a FixedTrial has none
    has = [each.name.lower() for each in study.directions] if study else expected
    if has != expected:
        raise SettingError(f"a study with directions={has}; this needs directions={expected}, its `directions`")


def record(trial: Any, arch: str, epoch: int | None, cost_s: float) -> None:
    """Give a trial its attributes."""
    for name, value in {"arch": arch, "epoch": epoch, "cost_s": cost_s}.items():
        trial.set_user_attr(name, value)


def search_space(space: Space) -> dict[str, Any]:
    """Decision -> Optuna's distribution."""
    made = require("optuna.distributions", "optuna")
    return {
        name: made.IntDistribution(0, len(choices) - 1) if ordered else made.CategoricalDistribution(choices)
        for name, choices, ordered in space.decisions
    }


def params(space: Space, arch: object) -> dict[str, str | int]:
    """What `search_space` calls an architecture in any form."""
    chosen = zip(space.decisions, space.parse(arch), strict=True)
    return {name: n if ordered else choices[n] for (name, choices, ordered), n in chosen}


def values_of(answer: Answer) -> float | tuple[float, ...]:
    """What an objective returns: one number where there is one; NaN of a training that failed."""
    values = (nan,) * len(answer.values) if answer.failed else answer.values
    return values[0] if len(values) == 1 else values

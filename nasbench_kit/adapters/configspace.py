"""A benchmark as a space of ConfigSpace, and as what SMAC, DEHB and BOHB call, each with its own signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.adapters.queries import Answer, Queries, loss_name
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch, Space


@final
class Target:
    """What a search by ConfigSpace calls with a configuration; it gets losses, of which smaller is better.

    A loss is the objective itself where that is one, 1 - accuracy of an accuracy, the negative value where none is the
    largest; the budget of a training is epochs, of which the highest that was recorded up to it counts.

    Args:
        benchmark: As `nbk.load` opens it.
        epoch: Train up to this epoch, or a lower one by a budget; the last one by default.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one of them, drawn by the
            seeds here and of the library (SMAC gives one): with the same seeds an architecture has the same one.
        seed: Of the runs that are drawn.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that epoch or run was never recorded.

    Attributes:
        objectives: What the losses are called: `1-val_accuracy`.
        budgets: The lowest and the highest epoch; None where none are known.
    """

    def __init__(self, benchmark: Benchmark, *, epoch: int | None = None, run: str | int = MEAN, seed: int = 0) -> None:
        check_at_least(0, seed=seed)
        self._seed = seed
        self._queries = Queries(benchmark, epoch=epoch, run=run, every_epoch=True)
        self.objectives = [loss_name(metric) for metric in benchmark.objectives]
        self.budgets = (self._queries.epochs[0], self._queries.epochs[-1]) if self._queries.epochs else None

    def space(self, seed: int | None = None) -> Any:
        """The `ConfigurationSpace`: a hyperparameter per decision, with its name and the names of its choices."""
        return configuration_space(self._queries.space, self._queries.benchmark.name, seed)

    def arch(self, config: object) -> Arch:
        """The architecture of a configuration: itself, or the nearest that was recorded."""
        return self._queries.arch(config)

    def config(self, arch: object) -> dict[str, str]:
        """The configuration of an architecture in any form, as `Configuration(space, values=...)` takes it."""
        return self._queries.config(arch)

    def smac(self, config: Mapping[str, Any], seed: int = 0) -> tuple[float | dict[str, float], dict[str, Any]]:
        """The target function of SMAC: the loss, or one per objective, and what else is known.

        Raises:
            NotRecordedError: The training failed, which SMAC records as a crash.
        """
        return self.smac_budget(config, seed, None)

    def smac_budget(
        self, config: Mapping[str, Any], seed: int = 0, budget: float | None = None
    ) -> tuple[float | dict[str, float], dict[str, Any]]:
        """`smac` for a facade with budgets, which are epochs."""
        answer = self._answer(config, budget, seed)
        if answer.failed:
            raise NotRecordedError(
                f"the training of {self._queries.space.format(answer.arch)!r} failed, so it has no loss"
            )
        losses: Any = answer.losses[0]
        if len(answer.losses) > 1:
            losses = dict(zip(self.objectives, answer.losses, strict=True))
        return losses, self._queries.info(answer)

    def dehb(self, config: Mapping[str, Any], fidelity: float | None = None, **_: Any) -> dict[str, Any]:
        """The objective function of DEHB: `fitness` is the first loss, `cost` the seconds from scratch."""
        answer = self._answer(config, fidelity, 0)
        return {"fitness": answer.losses[0], "cost": answer.cost_s, "info": self._queries.info(answer)}

    def bohb(self, config: Mapping[str, Any], budget: float | None = None, **_: Any) -> dict[str, Any]:
        """What `compute` of a worker of BOHB (HpBandSter) returns: the first loss, and what else is known."""
        answer = self._answer(config, budget, 0)
        return {"loss": answer.losses[0], "info": self._queries.info(answer)}

    def _answer(self, config: Mapping[str, Any], budget: float | None, seed: int) -> Answer:
        arch = self._queries.arch(config)
        training = self._queries.same_training(arch, self._seed, seed)
        return self._queries.answer(arch, training, self._queries.epoch_within(budget))


def configuration_space(space: Space, name: str, seed: int | None = None) -> Any:
    """The `ConfigurationSpace` of a search space: a categorical or ordinal hyperparameter per decision.

    Args:
        space: Of which.
        name: What it is called.
        seed: Of its own samples.
    """
    module = require("ConfigSpace", "configspace")
    made = module.ConfigurationSpace(name=name, seed=seed)
    made.add(
        [
            module.OrdinalHyperparameter(name, choices) if ordered else module.CategoricalHyperparameter(name, choices)
            for name, choices, ordered in space.decisions
        ]
    )
    return made

"""A benchmark as a blackbox of Syne Tune, Salinas et al. 2022, https://proceedings.mlr.press/v188/salinas22a.html."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.adapters.queries import Queries
from nasbench_kit.errors import NotRecordedError, SettingError, listed
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark, Training
    from nasbench_kit.spaces import Arch

_Blackbox: Any = require("syne_tune.blackbox_repository.blackbox", "syne-tune").Blackbox

EPOCH, ELAPSED = "epoch", "cost_s"  # names of the resource, and of the seconds from scratch up to it


@final
class BenchmarkBlackbox(_Blackbox):  # type: ignore[misc]
    """What `UserBlackboxBackend` simulates, with `elapsed_time_attr="cost_s"`; the resource is `epoch`.

    Metrics are the objectives, as recorded: a scheduler must be told whether it minimizes. Hyperparameters are the
    decisions, with the names of their choices. Choices that are no architecture that was recorded become the nearest
    one, always the same. A training that failed has the worst values that were recorded.

    Args:
        benchmark: As `nbk.load` opens it. Its epochs lie on one training, as Syne Tune knows no other.
        epoch: The only epoch that is reported; by default all are.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one per architecture, the
            same each time, as Syne Tune does not say which trial asks. A `seed` that it gives is the number of a run.
        seed: Of the runs that are drawn.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, that epoch or run was never recorded, or there are no
            epochs or costs.

    Attributes:
        objectives_names: The objectives, constraints as how far they are exceeded, and `cost_s`.
        do_minimize: Of each objective, whether smaller is better: what a scheduler takes.
    """

    def __init__(self, benchmark: Benchmark, *, epoch: int | None = None, run: str | int = MEAN, seed: int = 0) -> None:
        check_at_least(0, seed=seed)
        queries = Queries(benchmark, epoch=epoch, run=run, every_epoch=epoch is None)
        if not benchmark.costs:
            raise NotRecordedError(f"{benchmark.name} records no cost_s, and Syne Tune simulates seconds")
        if not queries.epochs:
            raise NotRecordedError(f"{benchmark.name} knows of no epochs, and Syne Tune reports by them")
        self._epochs = queries.epochs if epoch is None else (queries.epoch,)
        if len(self._epochs) > 1 and not queries.continues:
            raise SettingError(
                f"the epochs of {benchmark.name} are separate trainings, and Syne Tune goes on with one;"
                f" give one of them: epoch={queries.epoch}"
            )
        self._queries, self._seed = queries, seed
        self.do_minimize = [metric.direction == "min" for metric in benchmark.objectives]
        domains = require("syne_tune.config_space", "syne-tune")
        super().__init__(
            configuration_space={
                name: domains.ordinal(list(choices), kind="equal") if ordered else domains.choice(list(choices))
                for name, choices, ordered in queries.space.decisions
            },
            fidelity_space={EPOCH: domains.randint(self._epochs[0], self._epochs[-1])},
            objectives_names=[
                *(metric.name for metric in benchmark.objectives),
                *map(str, benchmark.constraints),
                ELAPSED,
            ],
        )

    @property
    def fidelity_values(self) -> NDArray[np.int64]:
        """The epochs."""
        return np.array(self._epochs)

    def arch(self, config: object) -> Arch:
        """The architecture of a configuration."""
        return self._queries.arch(config)

    def config(self, arch: object) -> dict[str, str]:
        """The configuration of an architecture in any form, as `points_to_evaluate` takes it."""
        return self._queries.config(arch)

    def _objective_function(
        self, configuration: Mapping[str, Any], fidelity: Mapping[str, Any] | None = None, seed: int | None = None
    ) -> dict[str, float] | NDArray[np.float64]:
        """The metrics at one epoch by name, or at all: (n_epochs, n_metrics)."""
        arch = self._queries.arch(configuration)
        if seed is None:
            training = self._queries.same_training(arch, self._seed)
        else:
            training = self._queries.benchmark.training(arch, seed=seed)
        if fidelity is None:
            return np.array([self._metrics(arch, training, epoch) for epoch in self._epochs])
        epoch = fidelity[EPOCH]
        if epoch not in self._epochs or isinstance(epoch, bool):
            raise NotRecordedError(f"epoch {epoch!r:.40} was not recorded; choose from {listed(self._epochs)}")
        return dict(zip(self.objectives_names, self._metrics(arch, training, int(epoch)), strict=True))

    def _metrics(self, arch: Arch, training: Training, epoch: int | None) -> list[float]:
        answer = self._queries.answer(arch, training, epoch)
        values = self._queries.worst if answer.failed else answer.values
        return [*values, *answer.violations, answer.cost_s]

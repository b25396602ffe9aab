"""A benchmark with the interface of mf-prior-bench, Mallik et al. 2023, https://arxiv.org/abs/2306.12370."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.adapters.configspace import configuration_space
from nasbench_kit.adapters.queries import Queries, loss
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.optimizers.base import check_at_least
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from nasbench_kit.adapters.queries import Answer
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch


@final
@dataclass(frozen=True)
class Result:
    """What mf-prior-bench's `Result` tells, read of one configuration at one epoch.

    Attributes:
        config: As it was given.
        fidelity: The epoch.
        error: A loss: 1 - accuracy, the objective itself where smaller is better, else its negative.
        score: The first objective, negated where smaller is better.
        cost: Seconds from scratch, the first epoch among them.
        values: Every objective by its name, as recorded.
    """

    config: Any
    fidelity: int | None
    error: float
    score: float
    cost: float
    values: dict[str, float]
    _queries: Queries = field(repr=False, compare=False)
    _arch: Arch = field(repr=False)

    @property
    def test_error(self) -> float:
        """The test loss, for reports after a search.

        Raises:
            NotRecordedError: No test metric that belongs to the objective was recorded, or not at this epoch.
        """
        return loss(self._queries.test_metric(), self._queries.test_value(self._arch, self.fidelity))


@final
class MFBenchmark:
    """What a search written for mf-prior-bench calls: `mfpbench.Benchmark` of 1.10, without installing it.

    Configurations are mappings from decision to the name of a choice. Choices that are no recorded architecture become
    the nearest one, always the same. A training that failed has the worst values that were recorded.

    Args:
        benchmark: As `nbk.load` opens it; of several objectives, the first is `error`.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one of them, the same at
            every epoch and each time for an architecture, as a query has no seed.
        seed: Of the samples, and of the runs that are drawn.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that run was never recorded.

    Attributes:
        name: Of the benchmark.
        space: The `ConfigurationSpace`.
        fidelity_name: "epoch".
        epochs: The fidelities that there are.
    """

    fidelity_name = "epoch"
    has_conditionals = False

    def __init__(self, benchmark: Benchmark, *, run: str | int = MEAN, seed: int = 0) -> None:
        check_at_least(0, seed=seed)
        self._queries, self.seed = Queries(benchmark, run=run, every_epoch=True), seed
        self.name, self.epochs = benchmark.name, self._queries.epochs
        self.space = configuration_space(self._queries.space, self.name, seed)
        self._rng = np.random.default_rng(seed)

    @property
    def fidelity_range(self) -> tuple[int, int, int]:
        """The first epoch, the last, and the smallest step between two.

        Raises:
            NotRecordedError: None are known.
        """
        if not self.epochs:
            raise NotRecordedError(f"{self.name} knows of no epochs, so it has no range of fidelities")
        steps = [after - before for before, after in pairwise(self.epochs)]
        return self.epochs[0], self.epochs[-1], min(steps, default=1)

    @property
    def start(self) -> int:
        """The first epoch."""
        return self.fidelity_range[0]

    @property
    def end(self) -> int:
        """The last epoch."""
        return self.fidelity_range[1]

    @property
    def step(self) -> int:
        """The smallest step between two epochs."""
        return self.fidelity_range[2]

    def iter_fidelities(self, frm: int | None = None, to: int | None = None, step: int | None = None) -> Iterator[int]:
        """The epochs from one to another.

        Args:
            frm: The first; by default that of all.
            to: The last; by default that of all.
            step: Only epochs that lie whole steps behind the first.

        Raises:
            SettingError: They are not within the range.
        """
        first, last = self.start if frm is None else frm, self.end if to is None else to
        check_at_least(1, frm=first, to=last, step=1 if step is None else step)
        if not self.start <= first <= last <= self.end:
            raise SettingError(f"epochs from {first} to {last}; from {self.start} to {self.end} at most expected")
        for epoch in self.epochs:
            if first <= epoch <= last and (step is None or (epoch - first) % step == 0):
                yield epoch

    def query(self, config: object, *, at: int | None = None) -> Result:
        """What training a configuration reveals.

        Args:
            config: Decision -> name of the choice; or an architecture in any form.
            at: The epoch; the last one by default.

        Raises:
            NotRecordedError, ArchitectureError, UnknownNameError: The epoch or configuration is none.
        """
        arch, epoch = self._queries.arch(config), self._queries.recorded_epoch(at)
        return self._result(config, self._queries.answer(arch, self._queries.same_training(arch, self.seed), epoch))

    def trajectory(
        self, config: object, *, frm: int | None = None, to: int | None = None, step: int | None = None
    ) -> list[Result]:
        """`query` at the epochs of `iter_fidelities`, of one training."""
        arch = self._queries.arch(config)
        training = self._queries.same_training(arch, self.seed)
        epochs = self.iter_fidelities(frm, to, step)
        return [self._result(config, self._queries.answer(arch, training, epoch)) for epoch in epochs]

    def sample(self, n: int | None = None, *, seed: int | None = None) -> Any:
        """A random configuration, or a list of `n`; those that were recorded, each as likely as any other.

        Args:
            n: How many; None: a single one, not in a list.
            seed: Of these alone; by default the generator of the benchmark goes on.
        """
        rng = self._rng if seed is None else np.random.default_rng(seed)
        if n is None:
            return self.config(self._queries.space.sample(rng))
        check_at_least(0, n=n)
        return [self.config(self._queries.space.sample(rng)) for _ in range(n)]

    def config(self, arch: object) -> dict[str, str]:
        """The configuration of an architecture in any form."""
        return self._queries.config(arch)

    def _result(self, config: object, answer: Answer) -> Result:
        metrics = self._queries.benchmark.objectives
        values = self._queries.worst if answer.failed else answer.values
        return Result(
            config=config,
            fidelity=answer.epoch,
            error=answer.losses[0],
            score=metrics[0].sign() * values[0],
            cost=answer.cost_s,
            values={metric.name: value for metric, value in zip(metrics, values, strict=True)},
            _queries=self._queries,
            _arch=answer.arch,
        )

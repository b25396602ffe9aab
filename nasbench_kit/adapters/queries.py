"""What all adapters ask of a benchmark: an architecture by parameters, and what its training reveals, as losses too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, final

import numpy as np

from nasbench_kit.errors import NotRecordedError, SettingError, check_generator, listed, unknown
from nasbench_kit.simulator import DRAWN, EVALUATIONS, MEAN, Rules, task_of
from nasbench_kit.simulator.clock import Told
from nasbench_kit.simulator.rules import default_metric
from nasbench_kit.tables import ONE_TRAINING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark, Training
    from nasbench_kit.spaces import Arch, Uniform
    from nasbench_kit.tables import Metric

Value = TypeVar("Value", float, "NDArray[np.float64]")
_ROUNDING = 1e-6  # of an epoch: what eta^-i of a library may be wrong by


class Answer(NamedTuple):
    """What training an architecture up to an epoch reveals. No test metric is among it."""

    arch: Arch
    epoch: int | None
    values: tuple[float, ...]  #: all objectives, as recorded; NaN where the training failed
    losses: tuple[float, ...]  #: the same as `loss` makes them; the worst that was recorded where the training failed
    violations: tuple[float, ...]  #: how far each constraint is exceeded; inf where the training failed
    cost_s: float  #: seconds from scratch up to the epoch; NaN where none are recorded
    failed: bool


@final
class Queries:
    """A benchmark as others ask it: by parameters, with the epoch and the run chosen once.

    Args:
        benchmark: As `nbk.load` opens it.
        epoch: Train up to this epoch; the last one by default.
        run: What an evaluation reveals: "mean", the mean over the recorded runs; the number of one of them; or "drawn",
            one of them per training (of a surrogate, a run from the predicted noise).
        every_epoch: Whether architectures are asked for at lower epochs too.

    Raises:
        SettingError, NotRecordedError: This is no benchmark, or that epoch or run was never recorded.

    Attributes:
        space: What was recorded, and so may be asked for.
        epochs: Those up to `epoch`; empty where none are known.
        seed: The number of the run, where one is chosen.
    """

    def __init__(
        self, benchmark: Benchmark, *, epoch: int | None = None, run: str | int = MEAN, every_epoch: bool = False
    ) -> None:
        rules = Rules(n_evaluations=1, clock=EVALUATIONS, epoch=epoch, run=run)
        task = task_of(benchmark, rules, needs=("epochs",) if every_epoch else ())
        rules.check(benchmark)
        self.benchmark, self.space, self.epochs = benchmark, task.space, task.epochs
        self.epoch, self.run, self.is_drawn = rules.last_epoch(benchmark), rules.run, rules.run == DRAWN
        self.seed, self._every_epoch = rules.seed, every_epoch
        self._told = Told(benchmark)
        self._names = {decision.name for decision in task.space.decisions}

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.benchmark, self.epoch, self.run, self._every_epoch)

    # ---- parameters ----

    def arch(self, config: object) -> Arch:
        """The architecture of a configuration.

        Args:
            config: Decision name -> the name of a choice, or its position as an integer. Where these choices are no
                architecture that was recorded, it is the nearest one: always the same. Anything else is read as
                `space.parse` reads it.

        Raises:
            ArchitectureError, UnknownNameError: It is none.
        """
        if not isinstance(config, Mapping) or config.keys() != self._names:
            return self.space.parse(dict(config) if isinstance(config, Mapping) else config)
        return self.nearest([self._choice(i, config[d.name]) for i, d in enumerate(self.space.decisions)])

    def _choice(self, i: int, value: object) -> int:
        name, choices, _ = self.space.decisions[i]
        if isinstance(value, str) and value in choices:
            return choices.index(value)
        if not isinstance(value, str | bool) and hasattr(value, "__index__"):
            position = int(value)
            if 0 <= position < len(choices):
                return position
            raise SettingError(
                f"choice number {position} of {name!r}; 0 to {len(choices) - 1} expected: {listed(choices)}"
            )
        raise unknown(f"choice for {name!r}:", value, choices)

    def nearest(self, choices: Sequence[int]) -> Arch:
        """The recorded architecture for a tuple of choices, the same one each time: what is drawn depends on it."""
        return self.space.nearest(choices, np.random.default_rng(choices))

    def config(self, arch: object) -> dict[str, str]:
        """The configuration of an architecture in any form: decision name -> name of the choice."""
        chosen = zip(self.space.decisions, self.space.parse(arch), strict=True)
        return {decision.name: decision.choices[n] for decision, n in chosen}

    # ---- epochs ----

    def epoch_within(self, budget: float | None) -> int | None:
        """The highest epoch that a budget of epochs suffices for; the last one for None.

        Raises:
            SettingError: It suffices for none, or for more than there are.
        """
        if budget is None:
            return self.epoch
        if not self.epochs:
            raise SettingError(f"{self.benchmark.name} knows of no epochs; no budget expected, got {budget!r:.40}")
        first, last = self.epochs[0], self.epochs[-1]
        is_number = isinstance(budget, int | float | np.number) and not isinstance(budget, bool)
        if not is_number or not first <= budget + _ROUNDING <= last + 2 * _ROUNDING:
            raise SettingError(f"budget {budget!r:.40}; epochs from {first} to {last} expected")
        return max(epoch for epoch in self.epochs if epoch <= budget + _ROUNDING)

    def recorded_epoch(self, epoch: object) -> int | None:
        """An epoch that was recorded; the last one for None.

        Raises:
            NotRecordedError: It was not.
        """
        if epoch is None:
            return self.epoch
        if epoch not in self.epochs or isinstance(epoch, bool):
            there = f"choose from {listed(self.epochs)}" if self.epochs else f"{self.benchmark.name} knows of none"
            raise NotRecordedError(f"epoch {epoch!r:.40} was not recorded; {there}")
        return int(epoch)

    @property
    def continues(self) -> bool:
        """Whether a training can be gone on with, paying the difference."""
        return self.benchmark.epochs_are == ONE_TRAINING

    # ---- evaluations ----

    def training(self, arch: Arch, rng: Uniform | None = None) -> Training:
        """One training, to be asked at several epochs.

        Args:
            arch: Of what.
            rng: Draws its run, where runs are drawn.
        """
        if self.is_drawn:
            check_generator(rng)
        return self.benchmark.trainings(self.seed, rng if self.is_drawn else None)(arch)

    def same_training(self, arch: Arch, *seeds: int) -> Training:
        """A training whose run, where it is drawn, is always the same of an architecture: drawn by these seeds."""
        training = self.training(arch, np.random.default_rng((*seeds, *arch)))
        if self.is_drawn and self.continues:
            training.at(self.epoch)  # of the runs that were recorded to the end, whatever epoch is asked for first
        return training

    def answer(self, arch: Arch, training: Training, epoch: int | None = None) -> Answer:
        """What a training reveals after an epoch; the last one by default.

        Raises:
            NotRecordedError: The architecture, epoch or run was never recorded.
        """
        evaluation = training.at(self.epoch if epoch is None else epoch)
        values, outcome = self._told.all(arch, evaluation, evaluation.cost_s)
        if evaluation.failed == 1:
            violations = (inf,) * len(self.benchmark.constraints)
            losses = tuple(map(loss, self.benchmark.objectives, self.worst))
            return Answer(arch, evaluation.epoch, values, losses, violations, evaluation.cost_s, True)
        losses = tuple(map(loss, self.benchmark.objectives, values))
        return Answer(arch, evaluation.epoch, values, losses, outcome.violations, evaluation.cost_s, False)

    def query(self, arch: Arch, epoch: int | None = None, rng: Uniform | None = None) -> Answer:
        """`answer` of a training of its own."""
        return self.answer(arch, self.training(arch, rng), epoch)

    @cached_property
    def worst(self) -> tuple[float, ...]:
        """The worst that was recorded of each objective after the last epoch: a training that failed is as bad."""
        return self.benchmark.reference_point()

    def info(self, answer: Answer) -> dict[str, Any]:
        """What is known of an answer, by name, such that JSON can hold it."""
        values = zip(self.benchmark.objectives, answer.values, strict=True)
        limits = zip(self.benchmark.constraints, answer.violations, strict=True)
        return {
            "arch": self.space.format(answer.arch),
            "epoch": answer.epoch,
            "cost_s": answer.cost_s,
            "failed": answer.failed,
            **{metric.name: value for metric, value in values},
            **{str(limit): exceeded_by for limit, exceeded_by in limits},
        }

    def test_metric(self) -> Metric:
        """The test metric that belongs to the objective.

        Raises:
            NotRecordedError: None was recorded.
        """
        objective = self.benchmark.objective_metric
        found = self.benchmark.metrics[default_metric(self.benchmark)]
        if found.split != "test":
            raise NotRecordedError(f"{self.benchmark.name} records no test metric that belongs to {objective.name}")
        return found

    def test_value(self, arch: Arch, epoch: int | None = None) -> float:
        """The test metric, as the mean over runs unless one is chosen by its number: for reports, after a search.

        Raises:
            NotRecordedError: It was not recorded, or not at this epoch.
        """
        metric = self.test_metric()
        at = self.epoch if epoch is None else epoch
        if metric.epochs and at not in metric.epochs:
            there = listed(metric.epochs)
            raise NotRecordedError(f"{self.benchmark.name}: no {metric.name} at epoch {at}; choose from {there}")
        return float(self.benchmark.values(metric.name, [arch], epoch=at, seed=self.seed)[0])

    def refuse_drawn(self, what: str) -> None:
        """Refuse to draw runs for what is a function of its parameters.

        Raises:
            SettingError: They are to be drawn.
        """
        if self.is_drawn:
            raise SettingError(f"run='drawn'; {what} is a function of its parameters: 'mean', or the number of a run")


def loss(metric: Metric, value: Value) -> Value:
    """A value, or an array of them, such that smaller is better.

    It is the value where that is so already; else what is missing to the largest that there can be, or its negative.
    """
    if metric.direction == "min":
        return value
    largest = metric.bounds[1]
    return largest - value if isfinite(largest) else -value


def loss_name(metric: Metric) -> str:
    """What `loss` computes, as a name: `1-val_accuracy`, `val_loss`, `-val_psnr`."""
    if metric.direction == "min":
        return metric.name
    largest = metric.bounds[1]
    return f"{largest:g}-{metric.name}" if isfinite(largest) else f"-{metric.name}"


def check_costs(queries: Queries, library: str) -> None:
    """Refuse a benchmark without costs, for a library that needs seconds.

    Raises:
        NotRecordedError: It has none.
    """
    if not queries.benchmark.costs:
        raise NotRecordedError(f"{queries.benchmark.name} records no cost_s, and {library} needs seconds")


def _again(benchmark: Benchmark, epoch: int | None, run: str | int, every_epoch: bool) -> Queries:
    return Queries(benchmark, epoch=epoch, run=run, every_epoch=every_epoch)

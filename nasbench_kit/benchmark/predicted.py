"""Answers from a surrogate: predicted training runs."""

from __future__ import annotations

from functools import reduce
from math import nan
from operator import add
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.benchmark.evaluation import Evaluation
from nasbench_kit.benchmark.memo import MEMO_SIZE, Memo
from nasbench_kit.errors import NotRecordedError, listed
from nasbench_kit.spaces.base import how_many
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.distribution import RunDistribution
from nasbench_kit.surrogates.surrogate import ENUMERATED
from nasbench_kit.surrogates.targets import NOISE
from nasbench_kit.tables import ONE_TRAINING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench_kit.spaces import Arch, Space, Uniform

_REMEMBERED = 4_096  # architectures whose outputs are kept
_BATCH_FASTER = 8  # times as fast as one by one


@final
class PredictedAnswers:
    """A surrogate on one of its datasets, with the objective and the costs that count."""

    def __init__(self, surrogate: Surrogate, dataset: str, objective: str, costs: Sequence[str]) -> None:
        self.surrogate, self.dataset = surrogate, dataset
        self.name = f"{surrogate.name}/{dataset}"
        self.metrics = surrogate.metrics(dataset)
        self.objective_metric = self.metrics[objective]
        self.costs = tuple(costs)
        self.is_one_training = surrogate.epochs_are(dataset) == ONE_TRAINING
        self._epochs: dict[int | None, PredictedAt] = {}
        self._best: dict[tuple[str, int | None, int | None], NDArray[np.uint8]] = {}
        self._outputs: dict[Arch, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def outputs_of(self, arch: Arch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The outputs of one architecture; remembered for a while, since all epochs and members share them."""
        found = self._outputs.get(arch)
        if found is None:
            if len(self._outputs) >= _REMEMBERED:
                self._outputs.clear()
            found = self._outputs[arch] = self.surrogate.predictor.outputs_of(arch)
        return found

    def check_recorded(self, epoch: int | None, seed: int | None) -> None:
        """Raise `NotRecordedError` for an epoch or member that it does not have."""
        self.surrogate.at(self.dataset, self.objective_metric.name, epoch)
        self.check_seed(seed)

    def check_seed(self, seed: int | None) -> None:
        """Raise `NotRecordedError` for a member that it does not have."""
        members = self.objective_metric.seeds
        if seed is not None and seed not in members:
            choices = f"choose from {listed(members)}" if members else "it has one member, which needs no number"
            raise NotRecordedError(f"{self.name}: seed {seed!r} is none of the members that it predicts; {choices}")

    def check_costs(self) -> None:
        """Predicted costs are above 0 and grow by the way they are predicted; nothing to check."""

    def run_in_words(self, run: str | int) -> str:
        """What an evaluation reveals."""
        modelled = self.surrogate.card.target(self.dataset, self.objective_metric.name, NOISE)
        noise = "the predicted noise" if modelled else "the spread of the members"
        drawn = {"drawn": f"a run drawn from {noise}, per training", "mean": "the predicted mean"}
        return drawn.get(str(run), f"what member {run} predicts")

    def at(self, epoch: int | None) -> PredictedAt:
        """Objective and cost after one epoch; the last for None."""
        epochs = self.objective_metric.epochs
        if epoch is None and epochs:
            epoch = epochs[-1]
        if epoch not in self._epochs:
            self._epochs[epoch] = PredictedAt(self, epoch)
        return self._epochs[epoch]

    def draw(self, at: PredictedAt, arch: Arch, rng: Uniform) -> tuple[float, float]:
        """The two numbers that are a run of the predicted noise, for a training."""
        return rng.random(), rng.random()

    def value_of(self, metric: str, arch: Arch, epoch: int | None, seeds: Sequence[int]) -> float:
        """Another metric of one architecture: the mean of the members, or of those named by `seeds`."""
        at = self.surrogate.at(self.dataset, metric, epoch if self.metrics[metric].epochs else None)
        outputs = self.outputs_of(arch)
        if len(seeds) == 1:
            return at.members_of(*outputs)[seeds[0]]
        return at.expected(*outputs)

    def values(self, metric: str, archs: object, epoch: int | None, seed: int | None) -> NDArray[np.float64]:
        """Any metric of a batch: the mean of the members, or what one of them expects."""
        self.check_seed(seed)
        prediction = self.surrogate.predict(self.dataset, archs, metric, epoch=epoch)
        return prediction.mean if seed is None else prediction.members[seed]

    def candidates(self, metric: str, epoch: int | None, seed: int | None) -> NDArray[np.uint8]:
        """Architectures among which the best by a metric is."""
        known = self._known_best(metric, epoch, seed)
        if known:
            return self.surrogate.space.parse_many([known["arch"]])
        if self.surrogate.n_archs > ENUMERATED:
            objective = self.objective_metric
            why = f"the best is known for the mean of {objective.name} after the last epoch only"
            if self.dataset not in self.surrogate.card.best:
                why = "its card names no best one"
            raise NotRecordedError(
                f"{self.name}: the best {metric} of {how_many(self.surrogate.n_archs)} architectures is unknown; {why}"
            )
        key = metric, epoch, seed
        if key not in self._best:
            archs = self.surrogate.space.all_archs()
            values = self.values(metric, archs, epoch, seed) * self.metrics[metric].sign()
            self._best[key] = archs[[int(values.argmax())]]
        return self._best[key]

    def is_proven(self, metric: str, epoch: int | None, seed: int | None) -> bool:
        """Whether no architecture is better than the best of `candidates`."""
        known = self._known_best(metric, epoch, seed)
        return bool(known["proven"]) if known else self.surrogate.n_archs <= ENUMERATED

    def _known_best(self, metric: str, epoch: int | None, seed: int | None) -> dict[str, Any] | None:
        usual = metric == self.objective_metric.name and epoch in (None, *self.objective_metric.epochs[-1:])
        return self.surrogate.card.best.get(self.dataset) if usual and seed is None else None

    def search_space(self, epochs: Sequence[int | None], seed: int | None, metrics: Sequence[str]) -> Space:
        """The whole space."""
        for epoch in epochs:
            self.check_recorded(epoch, seed)
        return self.surrogate.space


@final
class Runs:
    """The training runs of one architecture: drawn from the predicted noise, each at the expected cost."""

    __slots__ = ("_cost_s", "_distribution", "_epoch", "_metric")

    def __init__(self, epoch: int | None, distribution: RunDistribution, cost_s: float, metric: str) -> None:
        self._epoch, self._distribution, self._cost_s, self._metric = epoch, distribution, cost_s, metric

    def draw(self, rng: Uniform) -> Evaluation:
        """One of them."""
        return self.at(rng.random(), rng.random())

    def at(self, which: float, where: float) -> Evaluation:
        """The one that these two numbers in [0, 1) stand for: whether it collapses, and where it ends."""
        value = self._distribution.draw(which, where)
        return Evaluation(self._epoch, value, self._cost_s, (), 0.0, self._metric)


@final
class PredictedAt:
    """Objective and cost after one epoch."""

    def __init__(self, answers: PredictedAnswers, epoch: int | None) -> None:
        surrogate, dataset = answers.surrogate, answers.dataset
        self.epoch = epoch
        self._answers = answers
        self._surrogate = surrogate
        self._parse = surrogate.space.parse
        self._metric = answers.objective_metric.name
        self._members = answers.objective_metric.seeds
        self._value = surrogate.at(dataset, self._metric, epoch)
        self._costs = [surrogate.at(dataset, cost, epoch) for cost in answers.costs]
        few = surrogate.n_archs <= MEMO_SIZE
        after = surrogate.n_archs // _BATCH_FASTER
        self.means: dict[Any, Evaluation] = Memo(self._mean, self._parse, self._every_mean if few else None, after)
        self.drawn: dict[Any, Runs] = Memo(self._runs, self._parse, None)

    def that_was_drawn(self, arch: Arch, numbers: tuple[float, float]) -> Evaluation:
        """The run that `PredictedAnswers.draw` gave."""
        return self.drawn[arch].at(*numbers)

    def drawn_runs(self) -> dict[Any, Runs]:
        """`drawn`, which is always there."""
        return self.drawn

    # ---- one architecture ----

    def _mean(self, arch: object) -> Evaluation:
        outputs = self._answers.outputs_of(self._parse(arch))
        cost_s = _sum([cost.expected(*outputs) for cost in self._costs])
        return Evaluation(self.epoch, self._value.expected(*outputs), cost_s, self._members, 0.0, self._metric)

    def run(self, arch: object, seed: int) -> Evaluation:
        """What one member expects."""
        self._answers.check_seed(seed)
        outputs = self._answers.outputs_of(self._parse(arch))
        cost_s = _sum([cost.members_of(*outputs)[seed] for cost in self._costs])
        return Evaluation(self.epoch, self._value.members_of(*outputs)[seed], cost_s, (seed,), 0.0, self._metric)

    def _runs(self, arch: object) -> Runs:
        outputs = self._answers.outputs_of(self._parse(arch))
        cost_s = _sum([cost.expected(*outputs) for cost in self._costs])
        return Runs(self.epoch, self._value.distribution(*outputs), cost_s, self._metric)

    # ---- batches ----

    def _every_mean(self, kind: type) -> dict[Any, Evaluation]:
        space = self._surrogate.space
        archs = space.all_archs()
        keys = space.format_many(archs) if kind is str else map(tuple, archs.tolist())
        values, costs = (part.tolist() for part in self.many(archs, None)[:2])
        return {
            key: Evaluation(self.epoch, value, cost_s, self._members, 0.0, self._metric)
            for key, value, cost_s in zip(keys, values, costs, strict=True)
        }

    def many(self, archs: object, seed: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64], None]:
        """Objective and cost of a batch; no run fails."""
        self._answers.check_seed(seed)
        outputs = self._surrogate.predictor.outputs(self._surrogate.space.parse_many(archs))
        found = [at.prediction(*outputs) for at in (self._value, *self._costs)]
        value, *costs = [prediction.mean if seed is None else prediction.members[seed] for prediction in found]
        return value, _sum_many(value, costs), None

    def draw_many(
        self, archs: object, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], None]:
        """A run of each architecture, drawn from the predicted noise, its expected cost; no run fails."""
        outputs = self._surrogate.predictor.outputs(self._surrogate.space.parse_many(archs))
        distribution = self._value.distribution(*outputs)
        which, where = rng.random((len(distribution.z), 2)).T  # two for each, as one by one
        values = distribution.draw(which, where)
        costs = [cost.prediction(*outputs).mean for cost in self._costs]
        return values, _sum_many(values, costs), None


def _sum(costs: list[float]) -> float:
    """Added up in order, as `_sum_many` does; NaN where no cost is known."""
    return reduce(add, costs) if costs else nan


def _sum_many(like: NDArray[np.float64], costs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return reduce(add, costs) if costs else np.full_like(like, nan)

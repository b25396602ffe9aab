"""Answers from a surrogate: predicted training runs."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.benchmark.evaluation import Evaluation, named_as
from nasbench_kit.benchmark.memo import MEMO_SIZE, Memo
from nasbench_kit.errors import NotRecordedError, listed
from nasbench_kit.spaces.base import how_many
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.distribution import RunDistribution
from nasbench_kit.surrogates.surrogate import ENUMERATED
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, Space, Uniform

_REMEMBERED = 4_096  # architectures whose channels are kept
_BATCH_FASTER = 8  # times as fast as one by one


@final
class PredictedAnswers:
    """A surrogate on one of its datasets."""

    def __init__(self, surrogate: Surrogate, dataset: str) -> None:
        self.surrogate, self.dataset = surrogate, dataset
        self.name = f"{surrogate.name}/{dataset}"
        self.metrics = surrogate.metrics(dataset)
        self.objective_metric = self.metrics[surrogate.objectives[dataset]]
        self._epochs: dict[int | None, PredictedAt] = {}
        self._best: dict[tuple[str, int | None, int | None], NDArray[np.uint8]] = {}
        self._channels: dict[Arch, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def channels_of(self, arch: Arch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The channels of one architecture; remembered for a while, since all epochs and members share them."""
        found = self._channels.get(arch)
        if found is None:
            if len(self._channels) >= _REMEMBERED:
                self._channels.clear()
            found = self._channels[arch] = self.surrogate.predictor.channels_of(arch)
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

    def at(self, epoch: int | None) -> PredictedAt:
        """Objective and cost after one epoch; the last for None."""
        epochs = self.objective_metric.epochs
        if epoch is None and epochs:
            epoch = epochs[-1]
        if epoch not in self._epochs:
            self._epochs[epoch] = PredictedAt(self, epoch)
        return self._epochs[epoch]

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

    def search_space(self, epoch: int | None, seed: int | None) -> Space:
        """The whole space."""
        self.check_recorded(epoch, seed)
        return self.surrogate.space


@final
class Runs:
    """The training runs of one architecture: drawn from the predicted noise, each at the expected cost."""

    __slots__ = ("_cost_s", "_distribution", "_epoch", "_evaluation")

    def __init__(
        self, evaluation: type[Evaluation], epoch: int | None, distribution: RunDistribution, cost_s: float
    ) -> None:
        self._evaluation, self._epoch, self._distribution, self._cost_s = evaluation, epoch, distribution, cost_s

    def draw(self, rng: Uniform) -> Evaluation:
        """One of them."""
        return self._evaluation(self._epoch, self._distribution.draw(rng.random(), rng.random()), self._cost_s, ())


@final
class PredictedAt:
    """Objective and cost after one epoch."""

    def __init__(self, answers: PredictedAnswers, epoch: int | None) -> None:
        surrogate, dataset = answers.surrogate, answers.dataset
        self.epoch = epoch
        self._answers = answers
        self._surrogate = surrogate
        self._parse = surrogate.space.parse
        self._evaluation = named_as(Evaluation, answers.objective_metric.name)
        self._members = answers.objective_metric.seeds
        self._value = surrogate.at(dataset, answers.objective_metric.name, epoch)
        self._cost = surrogate.at(dataset, COST, epoch) if COST in answers.metrics else None
        few = surrogate.n_archs <= MEMO_SIZE
        after = surrogate.n_archs // _BATCH_FASTER
        self.means: dict[Any, Evaluation] = Memo(self._mean, self._parse, self._every_mean if few else None, after)
        self.runs: dict[Any, Runs] = Memo(self._runs, self._parse, None)

    # ---- one architecture ----

    def _mean(self, arch: object) -> Evaluation:
        channels = self._answers.channels_of(self._parse(arch))
        cost_s = nan if self._cost is None else self._cost.expected(*channels)
        return self._evaluation(self.epoch, self._value.expected(*channels), cost_s, self._members)

    def run(self, arch: object, seed: int) -> Evaluation:
        """What one member expects."""
        self._answers.check_seed(seed)
        channels = self._answers.channels_of(self._parse(arch))
        cost_s = nan if self._cost is None else self._cost.members_of(*channels)[seed]
        return self._evaluation(self.epoch, self._value.members_of(*channels)[seed], cost_s, (seed,))

    def _runs(self, arch: object) -> Runs:
        channels = self._answers.channels_of(self._parse(arch))
        cost_s = nan if self._cost is None else self._cost.expected(*channels)
        return Runs(self._evaluation, self.epoch, self._value.distribution(*channels), cost_s)

    # ---- batches ----

    def _every_mean(self, kind: type) -> dict[Any, Evaluation]:
        space = self._surrogate.space
        archs = space.all_archs()
        keys = space.format_many(archs) if kind is str else map(tuple, archs.tolist())
        values, costs = (part.tolist() for part in self.many(archs, None))
        return {
            key: self._evaluation(self.epoch, value, cost_s, self._members)
            for key, value, cost_s in zip(keys, values, costs, strict=True)
        }

    def many(self, archs: object, seed: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Objective and cost of a batch."""
        self._answers.check_seed(seed)
        channels = self._surrogate.predictor.channels(self._surrogate.space.parse_many(archs))
        found = [at.prediction(*channels) for at in (self._value, self._cost) if at]
        values = [prediction.mean if seed is None else prediction.members[seed] for prediction in found]
        return values[0], values[1] if self._cost else np.full_like(values[0], nan)

    def draw_many(self, archs: object, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A run of each architecture, drawn from the predicted noise, and its expected cost."""
        channels = self._surrogate.predictor.channels(self._surrogate.space.parse_many(archs))
        distribution = self._value.distribution(*channels)
        which, where = rng.random((len(distribution.z), 2)).T  # two for each, as one by one
        values = distribution.draw(which, where)
        costs = self._cost.prediction(*channels).mean if self._cost else np.full_like(values, nan)
        return values, costs

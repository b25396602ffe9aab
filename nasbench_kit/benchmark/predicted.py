"""Answers from a surrogate: predicted training runs."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.benchmark.evaluation import Evaluation, named_as
from nasbench_kit.benchmark.memo import MEMO_SIZE, Memo
from nasbench_kit.errors import NotRecordedError, listed
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, Space, Uniform


@final
class PredictedAnswers:
    """A surrogate on one of its datasets."""

    def __init__(self, surrogate: Surrogate, dataset: str) -> None:
        self.surrogate, self.dataset = surrogate, dataset
        self.name = f"{surrogate.name}/{dataset}"
        self.metrics = surrogate.metrics(dataset)
        self.objective_metric = self.metrics[surrogate.objectives[dataset]]
        self._epochs: dict[int | None, PredictedAt] = {}

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
        epochs = self.objective_metric.epochs
        usual = metric == self.objective_metric.name and epoch in (None, *epochs[-1:]) and seed is None
        known = self.surrogate.card.best.get(self.dataset)
        if usual and known:
            return self.surrogate.space.parse_many([known["arch"]])
        archs = self.surrogate.some_archs()
        if len(archs) < self.surrogate.n_archs:
            raise NotRecordedError(
                f"{self.name}: which of {self.surrogate.n_archs:.2g} architectures is predicted to have the best"
                f" {metric} is known for {self.objective_metric.name} after the last epoch only, if at all"
            )
        return archs

    def search_space(self, epoch: int | None, seed: int | None) -> Space:
        """The whole space."""
        self.check_recorded(epoch, seed)
        return self.surrogate.space


class _Law(NamedTuple):
    """From what training runs of one architecture are drawn."""

    z: float
    sd: float
    collapse: float
    cost_s: float


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
        self.means: dict[Any, Evaluation] = Memo(self._mean, self._parse, self._every_mean if few else None)
        self._laws: dict[Arch, _Law] = Memo(self._law, self._parse, None)

    # ---- one architecture ----

    def _mean(self, arch: object) -> Evaluation:
        channels = self._surrogate.predictor.channels_of(self._parse(arch))
        value = self._value.prediction(*channels).mean.item()
        return self._evaluation(self.epoch, value, self._cost_s(channels), self._members)

    def _cost_s(self, channels: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int | None = None) -> float:
        if self._cost is None:
            return nan
        prediction = self._cost.prediction(*channels)
        found: float = (prediction.mean if seed is None else prediction.members[seed]).item()
        return found

    def run(self, arch: object, seed: int) -> Evaluation:
        """What one member expects."""
        self._answers.check_seed(seed)
        channels = self._surrogate.predictor.channels_of(self._parse(arch))
        value = self._value.prediction(*channels).members[seed].item()
        return self._evaluation(self.epoch, value, self._cost_s(channels, seed), (seed,))

    def _law(self, arch: Arch) -> _Law:
        channels = self._surrogate.predictor.channels_of(arch)
        z, sd, collapse = (part.item() for part in self._value.law(*channels))
        return _Law(z, sd, collapse, self._cost_s(channels))

    def draw(self, arch: object, rng: Uniform) -> Evaluation:
        """A run drawn from the predicted noise."""
        law = self._laws[self._parse(arch)]
        value = self._value.draw_one(law.z, law.sd, law.collapse, rng.random(), rng.random())
        return self._evaluation(self.epoch, value, law.cost_s, ())

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
        law = self._value.law(*channels)
        values = self._value.draw(*law, rng.random(len(law[0])), rng.random(len(law[0])))
        costs = self._cost.prediction(*channels).mean if self._cost else np.full_like(values, nan)
        return values, costs

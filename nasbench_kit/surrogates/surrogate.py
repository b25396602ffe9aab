"""An ensemble fitted to a table, that predicts results where none were measured, with their noise."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from functools import cached_property, reduce
from importlib import import_module
from math import nan
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import NotRecordedError, SurrogateError, listed, unknown
from nasbench_kit.spaces import Arch
from nasbench_kit.surrogates.card import CARD, read_card, sha256_of
from nasbench_kit.surrogates.distribution import RunDistribution, rounded, rounded_one, within
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE, backward, slope
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.spec import ONE_TRAINING, PREDICTED

if TYPE_CHECKING:
    from nasbench_kit.surrogates.card import Card

PREDICTORS = {
    "network": "nasbench_kit.surrogates.network",
    "members": "nasbench_kit.surrogates.members",
    "yahpo": "nasbench_kit.surrogates.published.yahpo",
    "nasbench301": "nasbench_kit.surrogates.published.official_nasbench301",
}
"""How a surrogate is stored -> the module whose `load(folder, card)` reads it."""

ENUMERATED = 1 << 20  # spaces of so many different architectures can be looked at whole, in half a minute
_MANY = 1 << 16  # so many are looked at only where all must be
_SOME = 1_000  # architectures that stand for all of a larger space


Outputs = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of a batch: those of the members, (n_archs, n_members, n_values), and those of the noise, (n_archs, n_noise). Of one
architecture: without the first axis."""


def split_outputs(joined: NDArray[np.float64], n_members: int, n_values: int) -> Outputs:
    """Split outputs in a row, those of one member after the other and then those of the noise."""
    n = n_members * n_values
    return joined[..., :n].reshape(*joined.shape[:-1], n_members, n_values), joined[..., n:]


class Ensemble(ABC):
    """Predict the outputs of every member and of the noise, see `nasbench_kit.surrogates.targets`: what answers."""

    @abstractmethod
    def outputs(self, archs: NDArray[np.uint8]) -> Outputs:
        """Predict for a batch of valid architectures: (n_archs, n_members, n_values) and (n_archs, n_noise)."""

    def outputs_of(self, arch: Arch) -> Outputs:
        """Predict for one: (n_members, n_values) and (n_noise,)."""
        values, noise = self.outputs(np.array([arch], np.uint8))
        return values[0], noise[0]


class Prediction(NamedTuple):
    """What a surrogate says about one metric at one epoch; n_archs stands for the shape of what was asked about."""

    mean: NDArray[np.float64]  #: (n_archs,), expected value over training runs, mean over members
    members: NDArray[np.float64]  #: (n_members, n_archs), what each member expects
    sd: NDArray[np.float64]  #: (n_archs,), standard deviation of one run that does not collapse; NaN if not modelled
    collapse: NDArray[np.float64]  #: (n_archs,), probability that a run collapses; 0 if not modelled
    if_not_failed: NDArray[np.float64]  #: (n_archs,), expected value of runs that do not collapse, mean over members

    @property
    def spread(self) -> NDArray[np.float64]:
        """Return the standard deviation over the members (of a population, `ddof=0`): where they disagree."""
        return self.members.std(axis=0)


@final
class Surrogate:
    """A fitted surrogate in a folder. It can stand wherever a table can: its members play the part of training runs.

    Args:
        path: The folder, with `card.json` and the files of the models.

    Raises:
        SurrogateError: The folder holds no surrogate, or a damaged one.

    Attributes:
        path: Where the folder lies.
        name: The name that its benchmarks carry.
        space: What its architectures are.
        objectives: Dataset -> name of the metric that a search optimizes.
        sha256: Hash of all that determines its numbers.
        about: `title`, `licence`, `sources` and whatever else its maker recorded.
        card: All that its card says.
    """

    kind = "surrogate"
    is_complete = True  # every architecture of the space has a prediction

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self.card: Card = read_card(path)
        self.name, self.space, self.sha256 = self.card.name, self.card.space, self.card.sha256
        self.objectives, self.about = self.card.objectives, self.card.about
        self.n_members = self.card.n_members
        self.n_archs = self.space.size if self.space.n_keys is None else self.space.n_keys

    def __repr__(self) -> str:
        return f"<Surrogate {self.name!r}: {self.n_members} members on {', '.join(self.datasets)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Surrogate, (self.path,)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Surrogate:
        """Open the surrogate in a folder: read its card, and its models once they are asked."""
        return cls(path)

    @staticmethod
    def is_one(path: str | os.PathLike[str]) -> bool:
        """Say whether a path is a folder with a card."""
        return os.path.isfile(os.path.join(path, CARD))

    def verify(self) -> None:
        """Read all files and compare them with their recorded hashes.

        Raises:
            SurrogateError: One is absent or has changed.
        """
        for name, expected in self.card.files.items():
            try:
                found = sha256_of(os.path.join(self.path, name))
            except FileNotFoundError as error:
                raise SurrogateError(f"surrogate {self.path!r} lacks {name!r}: {error.strerror}") from None
            except OSError as error:
                why = error.strerror or error
                raise SurrogateError(f"cannot read {name!r} of surrogate {self.path!r}: {why}") from None
            if found != expected:
                raise SurrogateError(
                    f"{name!r} of surrogate {self.path!r} is not what was fitted: its sha256 is {found:.12}..."
                )

    def file_sizes(self) -> dict[str, int]:
        """Return the bytes of each file of the models.

        Raises:
            SurrogateError: One is absent.
        """
        try:
            return {name: os.path.getsize(os.path.join(self.path, name)) for name in self.card.files}
        except OSError as error:
            raise SurrogateError(f"surrogate {self.path!r} lacks {error.filename!r}: {error.strerror}") from None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Return the names of the datasets that it predicts for."""
        return tuple(self.card.metrics)

    def metrics(self, dataset: str) -> dict[str, Metric]:
        """Return what it predicts for one dataset, by name."""
        if dataset not in self.card.metrics:
            raise unknown(f"dataset of {self.name}", dataset, self.card.metrics)
        return dict(self.card.metrics[dataset])

    def epochs_are(self, dataset: str) -> str:
        """Return whether its epochs lie on "one training" or are "separate trainings", each paid in full."""
        self.metrics(dataset)
        return self.card.epochs_are.get(dataset, ONE_TRAINING)

    def values_are(self, dataset: str) -> str:
        """Return what its values are: predicted, of every dataset."""
        self.metrics(dataset)
        return PREDICTED

    def coverage(self, dataset: str, metric: str) -> float:
        """Return the share of architectures that have a value: all."""
        self.at(dataset, metric)
        return 1.0

    @cached_property
    def predictor(self) -> Ensemble:
        """Load the models, read and compared with their hashes when first asked for."""
        self.verify()
        kind = self.card.predictor.get("kind")
        if kind not in PREDICTORS:
            raise SurrogateError(
                f"{self.path!r}: unknown kind of predictor {kind!r}; this version knows {listed(PREDICTORS)}"
            )
        made: Ensemble = import_module(PREDICTORS[kind]).load(self.path, self.card)
        return made

    def at(self, dataset: str, metric: str, epoch: int | None = None) -> AtEpoch:
        """Return the part that answers for one metric at one epoch.

        Raises:
            UnknownNameError: There is no such dataset or metric.
            NotRecordedError: It does not predict that epoch.
        """
        metrics = self.metrics(dataset)
        if metric not in metrics:
            raise unknown(f"metric of {self.name}/{dataset}", metric, metrics)
        epochs = metrics[metric].epochs
        if epoch is not None and epoch not in epochs:
            choices = f"choose from {_in_short(epochs)}" if epochs else "it does not depend on the epoch"
            raise NotRecordedError(f"{self.name}/{dataset}: {metric}: epoch {epoch!r} is not predicted; {choices}")
        return AtEpoch(self.card, dataset, metric, len(epochs) - 1 if epoch is None else epochs.index(epoch))

    def predict(
        self, dataset: str, archs: object, metric: str | None = None, *, epoch: int | None = None
    ) -> Prediction:
        """Predict mean, members and noise of one metric, the objective by default, for a batch of architectures.

        Args:
            dataset: One of `datasets`.
            archs: A batch in any form that `space.parse_many` reads.
            metric: One of `metrics(dataset)`.
            epoch: Epochs trained, counted from 1; the last by default.

        Raises:
            ArchitectureError, UnknownNameError, NotRecordedError: As they say.
        """
        at = self.at(dataset, self.objectives.get(dataset, "") if metric is None else metric, epoch)
        return at.prediction(*self.predictor.outputs(self.space.parse_many(archs)))

    def representative_archs(self) -> NDArray[np.uint8]:
        """Return what stands for all architectures: all up to 65,536; else a sample of 1,000, always the same."""
        if self.n_archs <= _MANY:
            return self.space.all_archs()
        return self.space.sample_many(np.random.default_rng(0), _SOME)


@final
class AtEpoch:
    """What outputs say about one metric at one epoch. Made by `Surrogate.at`.

    An architecture alone and in a batch have the same to the last bit: sums are added up in the same order, and numpy
    computes the exponentials of both. `members_of` and `expected` are the short way for one alone. No answer leaves
    the bounds of the metric.
    """

    def __init__(self, card: Card, dataset: str, metric: str, position: int) -> None:
        value, noise, collapse = (card.target(dataset, metric, kind) for kind in (VALUE, NOISE, COLLAPSE))
        assert value  # read_card has seen to it
        self._value = value.target.at(position, value.first)
        self._transform = value.target.transform
        self._bounds = card.metrics[dataset][metric].bounds
        self._noise = noise and noise.target.at(position, noise.first)
        self._collapse = collapse and collapse.target.at(position, collapse.first)
        self._ends = collapse.target.collapsed[position] if collapse else np.empty(0)
        self._mean_end: float = self._ends.mean().item() if collapse else nan

    def prediction(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> Prediction:
        """Return what is predicted, from the outputs of a batch or of one architecture."""
        z = self._value.many(values)  # (n_archs, n_members)
        members = backward(self._transform, z).T
        if_not_failed = _mean(members)
        sd = np.full_like(if_not_failed, nan)
        if self._noise:
            sd = np.exp(self._noise.many(noise)) * slope(self._transform, if_not_failed)
        collapse = self._probability(noise)
        if self._collapse:
            members = members + collapse * (self._mean_end - members)
        members = within(self._bounds, rounded(members))
        return Prediction(rounded(_mean(members)), members, sd, collapse, within(self._bounds, rounded(if_not_failed)))

    def distribution(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> RunDistribution:
        """Return how training runs are distributed, from the outputs of a batch or of one architecture.

        Where the noise between runs was not modelled, its standard deviation is that over the members, as in
        NAS-Bench-301.
        """
        z = self._value.many(values).T
        mean = _mean(z)
        sd = np.exp(self._noise.many(noise)) if self._noise else np.sqrt(_mean((z - mean) ** 2))
        return RunDistribution(self._transform, mean, sd, self._probability(noise), self._ends, self._bounds)

    def members_of(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> list[float]:
        """Return what each member expects, from the outputs of one architecture."""
        members = backward(self._transform, self._value.many(values))
        if self._collapse:
            members = members + self._probability(noise) * (self._mean_end - members)
        return list(within(self._bounds, rounded(members)).tolist())

    def expected(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
        """Return the mean of the members, from the outputs of one architecture."""
        members = self.members_of(values, noise)
        return rounded_one(reduce(add, members) / len(members))  # `sum` adds more exactly in some versions of Python

    def _probability(self, noise: NDArray[np.float64]) -> Any:
        """Return the probability of a collapse, 0 where it is not modelled."""
        return 1 / (1 + np.exp(-self._collapse.many(noise))) if self._collapse else np.zeros(noise.shape[:-1])[()]


def _in_short(epochs: tuple[int, ...]) -> str:
    """Write epochs as `1 to 98` where none is left out."""
    whole = len(epochs) > 2 and epochs[-1] - epochs[0] == len(epochs) - 1
    return f"{epochs[0]} to {epochs[-1]}" if whole else listed(epochs)


def _mean(members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the first axis, added up in order: the same for one architecture and for many."""
    total = members[0].copy() if members[0].ndim else members[0]
    for member in members[1:]:
        total = total + member
    return total / len(members)

"""An ensemble fitted to a table, that predicts results where none were measured, with their noise."""

from __future__ import annotations

import os
from functools import cache, cached_property, reduce
from importlib import import_module
from math import nan, sqrt
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

from nasbench_kit.errors import NotRecordedError, TableError, listed, unknown
from nasbench_kit.spaces import Arch
from nasbench_kit.surrogates.card import CARD, read_card, sha256_of
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE, Target, backward, slope
from nasbench_kit.tables.metric import Metric

if TYPE_CHECKING:
    from statistics import NormalDist

    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Uniform
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


class Predictor(Protocol):
    """What answers: the channels of every member and of the noise, see `nasbench_kit.surrogates.targets`."""

    def channels(self, archs: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of a batch of valid architectures: (n_archs, n_members, n_values) and (n_archs, n_noise)."""
        ...

    def channels_of(self, arch: Arch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of one: (n_members, n_values) and (n_noise,)."""
        ...


class Prediction(NamedTuple):
    """What a surrogate says about one metric at one epoch; n_archs stands for the shape of what was asked about."""

    mean: NDArray[np.float64]  #: (n_archs,), expected value over training runs, mean over members
    members: NDArray[np.float64]  #: (n_members, n_archs), what each member expects
    sd: NDArray[np.float64]  #: (n_archs,), standard deviation of one run that does not collapse; NaN if not modelled
    collapse: NDArray[np.float64]  #: (n_archs,), probability that a run collapses; 0 if not modelled
    regular: NDArray[np.float64]  #: (n_archs,), expected value of runs that do not collapse, mean over members

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation over the members (of a population, `ddof=0`): where they disagree."""
        return self.members.std(axis=0)


@final
class Surrogate:
    """A fitted surrogate in a folder. It can stand wherever a table can: its members play the part of training runs.

    Args:
        path: The folder, with `card.json` and the files of the models.

    Raises:
        TableError: The folder holds no surrogate, or a damaged one.

    Attributes:
        path: Where the folder lies.
        name: The name that its benchmarks carry.
        space: What its architectures are.
        objectives: Dataset -> name of the metric that a search optimizes.
        sha256: Hash of all that determines its numbers.
        about: `title`, `licence`, `sources` and whatever else its maker recorded.
        card: All that its card says.
    """

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
        """The surrogate in a folder; reads its card, and its models once they are asked.

        Raises:
            TableError: The folder holds no surrogate, or a damaged one.
        """
        return cls(path)

    @staticmethod
    def is_one(path: str | os.PathLike[str]) -> bool:
        """Whether a path is a folder with a card."""
        return os.path.isfile(os.path.join(path, CARD))

    def verify(self) -> None:
        """Read all files and compare them with their recorded hashes.

        Raises:
            TableError: One is absent or has changed.
        """
        for name, expected in self.card.files.items():
            try:
                found = sha256_of(os.path.join(self.path, name))
            except OSError as error:
                raise TableError(f"surrogate {self.path!r} lacks {name!r}: {error.strerror or error}") from None
            if found != expected:
                raise TableError(
                    f"{name!r} of surrogate {self.path!r} is not what was fitted: its sha256 is {found:.12}..."
                )

    def file_sizes(self) -> dict[str, int]:
        """Bytes of each file of the models.

        Raises:
            TableError: One is absent.
        """
        try:
            return {name: os.path.getsize(os.path.join(self.path, name)) for name in self.card.files}
        except OSError as error:
            raise TableError(f"surrogate {self.path!r} lacks {error.filename!r}: {error.strerror}") from None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that it predicts for."""
        return tuple(self.card.metrics)

    def metrics(self, dataset: str) -> dict[str, Metric]:
        """What it predicts for one dataset, by name."""
        if dataset not in self.card.metrics:
            raise unknown(f"dataset of {self.name}", dataset, self.card.metrics)
        return dict(self.card.metrics[dataset])

    @cached_property
    def predictor(self) -> Predictor:
        """The models, read and compared with their hashes when first asked for."""
        self.verify()
        kind = self.card.predictor.get("kind")
        if kind not in PREDICTORS:
            raise TableError(
                f"{self.path!r}: unknown kind of predictor {kind!r}; this version knows {listed(PREDICTORS)}"
            )
        made: Predictor = import_module(PREDICTORS[kind]).load(self.path, self.card)
        return made

    def at(self, dataset: str, metric: str, epoch: int | None = None) -> AtEpoch:
        """The part that answers for one metric at one epoch.

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
        """Mean, members and noise of one metric for a batch of architectures.

        Args:
            dataset: One of `datasets`.
            archs: A batch in any form that `space.parse_many` reads.
            metric: The objective by default.
            epoch: Epochs trained, counted from 1; the last by default.

        Raises:
            ArchitectureError, UnknownNameError, NotRecordedError: As they say.
        """
        at = self.at(dataset, self.objectives.get(dataset, "") if metric is None else metric, epoch)
        return at.prediction(*self.predictor.channels(self.space.parse_many(archs)))

    def representative_archs(self) -> NDArray[np.uint8]:
        """What stands for all architectures: all up to 65,536 of them; else a sample of 1,000, always the same."""
        import numpy as np

        if self.n_archs <= _MANY:
            return self.space.all_archs()
        return self.space.sample_many(np.random.default_rng(0), _SOME)


@final
class AtEpoch:
    """What channels say about one metric at one epoch. Made by `Surrogate.at`.

    What is said of one architecture by `members_of`, `expected`, `law_of` and `Law.draw` is what `prediction`, `law`
    and `draw` say of it in a batch, to the last bit, at a tenth of the cost: sums are added up in the same order, and
    numpy computes the exponentials of both.
    """

    def __init__(self, card: Card, dataset: str, metric: str, position: int) -> None:
        found = card.target(dataset, metric, VALUE)
        assert found  # read_card has seen to it
        target, channels = found
        self._value = _Curve(target, channels, position)
        self._transform = target.transform
        noise, collapse = (card.target(dataset, metric, kind) for kind in (NOISE, COLLAPSE))
        self._noise = _Curve(*noise, position) if noise else None
        self._collapse = _Curve(*collapse, position) if collapse else None
        self._quantiles = collapse[0].collapsed[position] if collapse else None
        self._collapsed: float = collapse[0].collapsed[position].mean().item() if collapse else nan

    # ---- a batch ----

    def prediction(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> Prediction:
        """From the channels of a batch, or of one architecture."""
        import numpy as np

        z = self._value.many(values)  # (n_archs, n_members)
        members = np.moveaxis(backward(self._transform, z), -1, 0)
        regular = _mean(members)
        sd = np.full_like(regular, nan)
        collapse = np.zeros_like(regular)
        if self._noise:
            sd = np.exp(self._noise.many(noise)) * slope(self._transform, regular)
        if self._collapse:
            collapse = 1 / (1 + np.exp(-self._collapse.many(noise)))
            members = members + collapse * (self._collapsed - members)
        members = _rounded(members)
        return Prediction(_rounded(_mean(members)), members, sd, collapse, _rounded(regular))

    def law(
        self, values: NDArray[np.float64], noise: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """From what training runs are drawn: mean and standard deviation of `z`, and probability of collapse.

        Where the noise between runs was not modelled, its standard deviation is that over the members, as in
        NAS-Bench-301.
        """
        import numpy as np

        z = np.moveaxis(self._value.many(values), -1, 0)
        mean = _mean(z)
        collapse = np.zeros_like(mean)
        sd = np.exp(self._noise.many(noise)) if self._noise else np.sqrt(_mean((z - mean) ** 2))
        if self._collapse:
            collapse = 1 / (1 + np.exp(-self._collapse.many(noise)))
        return mean, sd, collapse

    def draw(
        self,
        z: NDArray[np.float64],
        sd: NDArray[np.float64],
        collapse: NDArray[np.float64],
        which: NDArray[np.float64],
        where: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The values of one training run per architecture.

        Args:
            z: As `law` returns it, like `sd` and `collapse`.
            sd: The same.
            collapse: The same.
            which: Uniform in [0, 1): decides whether the run collapses.
            where: Uniform in [0, 1): decides where in its distribution it ends.
        """
        import numpy as np

        normal = np.reshape([_normal(u) for u in where.ravel().tolist()], where.shape)
        drawn = backward(self._transform, z + sd * normal)
        if self._quantiles is not None:
            quantiles = self._quantiles
            drawn = np.where(which < collapse, quantiles[(where * len(quantiles)).astype(np.intp)], drawn)
        return _rounded(drawn)

    # ---- one architecture ----

    def members_of(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> list[float]:
        """What each member expects, from the channels of one architecture."""
        import numpy as np

        members = backward(self._transform, self._value.many(values))
        if self._collapse:
            members = members + self._probability(noise) * (self._collapsed - members)
        found: list[float] = members.astype(np.float32).tolist()
        return found

    def expected(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
        """The mean of the members, from the channels of one architecture."""
        return _rounded_one(_mean_of(self.members_of(values, noise)))

    def law_of(self, values: NDArray[np.float64], noise: NDArray[np.float64]) -> Law:
        """From what training runs of one architecture are drawn."""
        import numpy as np

        z = self._value.many(values).tolist()
        mean = _mean_of(z)
        if self._noise:
            sd = float(np.exp(self._noise.one(noise)))
        else:
            sd = sqrt(_mean_of([(member - mean) * (member - mean) for member in z]))
        quantiles = [] if self._quantiles is None else self._quantiles.tolist()
        return Law(self._transform, mean, sd, self._probability(noise) if self._collapse else 0.0, quantiles)

    def _probability(self, noise: NDArray[np.float64]) -> float:
        import numpy as np

        assert self._collapse
        return 1 / (1 + float(np.exp(-self._collapse.one(noise))))


class Law(NamedTuple):
    """From what the training runs of one architecture are drawn."""

    transform: str
    z: float  #: mean
    sd: float  #: standard deviation of z
    collapse: float  #: probability
    quantiles: list[float]  #: values of collapsed runs

    def draw(self, rng: Uniform) -> float:
        """The value of one training run; takes two numbers of `rng`."""
        which, where = rng.random(), rng.random()
        if which < self.collapse:
            return _rounded_one(self.quantiles[int(where * len(self.quantiles))])
        z: Any = self.z + self.sd * _normal(where)  # a number where `backward` says array: numpy takes both
        return _rounded_one(backward(self.transform, z))


class _Curve:
    """Where the channels of one target lie, and what they count at one epoch."""

    def __init__(self, target: Target, channels: slice, position: int) -> None:
        self._offset: float = target.offset[position].item()
        self._weights = [(channels.start + k, weight) for k, weight in target.weights(position)]

    def many(self, channels: NDArray[np.float64]) -> NDArray[np.float64]:
        """`Target.curve`: the shape of `channels` without its last axis."""
        import numpy as np

        if not self._weights:
            return np.full(channels.shape[:-1], self._offset)
        (k, weight), *others = self._weights
        z: NDArray[np.float64] = channels[..., k] * weight
        z += self._offset
        for k, weight in others:
            z += channels[..., k] * weight
        return z

    def one(self, channels: NDArray[np.float64]) -> float:
        """The same of a row of channels."""
        z = self._offset
        for k, weight in self._weights:
            z += channels.item(k) * weight
        return z


def _in_short(epochs: tuple[int, ...]) -> str:
    """`1 to 98` where none is left out."""
    whole = len(epochs) > 2 and epochs[-1] - epochs[0] == len(epochs) - 1
    return f"{epochs[0]} to {epochs[-1]}" if whole else listed(epochs)


def _mean(members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis, added up in order: the same for one architecture and for many."""
    total = members[0].copy() if members[0].ndim else members[0]
    for member in members[1:]:
        total = total + member
    return total / len(members)


def _mean_of(members: list[float]) -> float:
    """`_mean` of one architecture; `sum` would add more exactly in some versions of Python."""
    return reduce(add, members) / len(members)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As many digits as float32 holds: the last bits of an exponential may differ between machines."""
    import numpy as np

    return values.astype(np.float32).astype(np.float64)


def _rounded_one(value: Any) -> float:
    import numpy as np

    return np.float32(value).item()


def _normal(uniform: float) -> float:
    """Standard normal quantile of a number uniform in [0, 1); 0 counts as the smallest number above."""
    return _standard_normal().inv_cdf(max(uniform, 2.0**-53))


@cache
def _standard_normal() -> NormalDist:
    from statistics import NormalDist

    return NormalDist()


__all__ = ["PREDICTORS", "AtEpoch", "Law", "Prediction", "Predictor", "Surrogate"]

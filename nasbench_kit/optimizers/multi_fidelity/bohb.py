"""BOHB, Falkner et al. 2018, https://arxiv.org/abs/1807.01774, algorithms 1 and 2."""

from __future__ import annotations

from itertools import cycle
from math import prod
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optimizers.multi_fidelity.rungs import hyperband_brackets, rungs_down
from nasbench_kit.optimizers.multi_fidelity.synchronous import Brackets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

_LEAST_DENSITY = 1e-32


@final
class BOHB:
    """Run Hyperband on architectures that are likely among good ones and unlikely among bad ones.

    The default settings are those of NAS-Bench-101's experiments; NAS-Bench-201's are `num_samples=4` and
    `random_fraction=0.0`. The `bandwidth_factor` of both is left out, as it concerns continuous decisions only. What a
    constrained space does not hold is replaced by the nearest architecture.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` is promoted to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest epoch that may be a rung; by default the first that there is.
        idle: What a worker does that finds a rung asked for but not told: "next bracket" or "wait".
        num_samples: Candidates drawn to find the one of the highest ratio of densities (N_s in the paper).
        random_fraction: Of the architectures that are drawn at random (rho in the paper).
        top_n_percent: Of the values at an epoch that are good.
        min_bandwidth: Of the kernels; keeps candidates diverse where all good ones agree.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        eta: int = 3,
        min_epoch: int | None = None,
        idle: str = "next bracket",
        num_samples: int = 64,
        random_fraction: float = 0.33,
        top_n_percent: int = 15,
        min_bandwidth: float = 0.3,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, num_samples=num_samples, top_n_percent=top_n_percent)
        check_number("a number from 0 to 1", lambda x: 0 <= x <= 1, random_fraction=random_fraction)
        if top_n_percent > 99:
            raise SettingError(f"top_n_percent={top_n_percent!r}; an integer from 1 to 99 expected")
        check_number("a number above 0 and up to 1", lambda x: 0 < x <= 1, min_bandwidth=min_bandwidth)
        self._space, self._rng = task.space, rng
        self._num_samples, self._random_fraction = num_samples, random_fraction
        self._top_n_percent, self._min_bandwidth = top_n_percent, min_bandwidth
        self._archs = task.space.samples(rng)
        self._told: dict[int, tuple[list[Arch], list[float]]] = {}  # per epoch
        self._model_epoch = 0
        self._model: tuple[Density, Density] | None = None  # of good ones and of bad ones; None where it is outdated
        brackets = hyperband_brackets(rungs_down(task, eta, min_epoch), eta)
        self._brackets = Brackets(cycle(brackets), self._suggest, idle)

    def ask(self) -> Trial | None:
        """A suggested architecture for the lowest rung of a bracket, or one that was promoted."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from the value; once all of a rung are told, the best are promoted."""
        self._brackets.tell(trial, outcome)
        epoch = trial.epoch if outcome.epoch is None else outcome.epoch
        if epoch is None or epoch < self._model_epoch:
            return  # a higher epoch has a model
        archs, values = self._told.setdefault(epoch, ([], []))
        archs.append(trial.arch)
        values.append(outcome.value)
        if len(archs) >= 2 * (self._space.n_decisions + 1):  # as many good ones and bad ones as the densities need
            self._model_epoch, self._model = epoch, None

    def _suggest(self) -> Arch:
        if not self._model_epoch or self._rng.random() < self._random_fraction:
            return next(self._archs)
        if self._model is None:
            self._model = self._fitted()
        good, bad = self._model
        candidates = good.drawn(self._num_samples, self._rng)
        ratios = np.maximum(good.at(candidates), _LEAST_DENSITY) / np.maximum(bad.at(candidates), _LEAST_DENSITY)
        return self._space.nearest(tuple(candidates[int(np.argmax(ratios))].tolist()), self._rng)

    def _fitted(self) -> tuple[Density, Density]:
        """Densities of the good and the bad values at the highest epoch with enough of them."""
        archs, values = self._told[self._model_epoch]
        order = np.argsort(-np.array(values), kind="stable")
        percent, least = self._top_n_percent, self._space.n_decisions + 1
        n_good = max(least, percent * len(archs) // 100)  # eq. 3
        n_bad = max(least, (100 - percent) * len(archs) // 100)
        good, bad = np.split(np.array(archs)[order][: n_good + n_bad], [n_good])
        n_choices = self._space.n_choices
        return Density(good, n_choices, self._min_bandwidth), Density(bad, n_choices, self._min_bandwidth)


@final
class Density:
    """A kernel density of categorical decisions, after Aitchison and Aitken 1976, as in statsmodels' KDEMultivariate.

    The kernel of a decision with c choices is 1 - h at the choice itself and h / (c - 1) at the others. The bandwidth h
    is the normal reference rule on the numbers of the choices, as in HpBandSter. Where choices scatter among five it is
    near 1 or above: then the model knows little, and BOHB is hardly better than random, as published on NAS-Bench-201.

    Args:
        archs: Whose density it is: (n_archs, n_decisions).
        n_choices: Per decision. (HpBandSter has statsmodels count those that occur.)
        min_bandwidth: A lower h is raised to it.
    """

    def __init__(self, archs: NDArray[np.integer], n_choices: Sequence[int], min_bandwidth: float) -> None:
        n, n_decisions = archs.shape
        self._archs, self._n_choices = archs, np.array(n_choices)
        rule = 1.06 * archs.std(axis=0) * n ** (-1 / (4 + n_decisions))
        self.bandwidths = np.maximum(rule, min_bandwidth)
        # per decision: the kernels of all architectures at each choice, (n_choices, n_archs)
        self._kernels = [
            np.where(np.arange(c)[:, None] == archs[:, i], 1 - h, h / (c - 1))
            for i, (c, h) in enumerate(zip(n_choices, self.bandwidths.tolist(), strict=True))
        ]

    def at(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """The density at each of a batch: (n,)."""
        found: NDArray[np.float64] = prod(kernel[archs[:, i]] for i, kernel in enumerate(self._kernels)).mean(axis=1)
        return found

    def drawn(self, n: int, rng: np.random.Generator) -> NDArray[np.integer]:
        """Draws (n, n_decisions): each one of the architectures, whose choices are kept with probability 1 - h."""
        centers = self._archs[rng.integers(len(self._archs), size=n)]
        kept = rng.random(centers.shape) < 1 - self.bandwidths
        others = (rng.random(centers.shape) * self._n_choices).astype(centers.dtype)
        return np.where(kept, centers, others)

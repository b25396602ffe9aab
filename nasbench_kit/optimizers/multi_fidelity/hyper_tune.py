"""Hyper-Tune, Li et al. 2022, https://arxiv.org/abs/2201.06834, section 4."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.optimizers.model_based.processes import choices
from nasbench_kit.optimizers.multi_fidelity.asynchronous import (
    DELAYED,
    AsyncBrackets,
    bracket_weights,
    sampled_brackets,
)
from nasbench_kit.optimizers.multi_fidelity.models import MOST
from nasbench_kit.optimizers.multi_fidelity.rungs import rungs_up
from nasbench_kit.optimizers.multi_fidelity.suggestions import Model, Suggestions, Told
from nasbench_kit.predictors.gaussian_process import GaussianProcess, hamming_kernels
from nasbench_kit.spaces import DrawnAhead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LEAST = 6  # outcomes at a rung whose process counts, as in Syne Tune
_FOLDS = 5


@final
class HyperTune:
    """Begin trainings at the rung whose values tell most for their price of what is best in the end.

    At each rung a Gaussian process learns. How probable it is that it orders the architectures of the highest rung
    better than the processes of the others do is its share in the ensemble that suggests architectures, and, over the
    epochs of the rung, how often trainings begin there. A rung counts when it has six outcomes; until then trainings
    begin there as often as in Hyperband. That is Syne Tune's way; the paper's waits for outcomes at the last epoch.
    Trainings of all brackets meet in the same rungs, as in the authors' code, which promotes as "delayed" of ASHA.
    Its random forests, and its own formula for the weight of the last epoch, are left out.

    Args:
        task: What to search.
        rng: Source of all randomness.
        eta: One in `eta` goes on to the next rung, which has `eta` times the epochs.
        min_epoch: The lowest rung; by default the first epoch that there is.
        n_initial: Random architectures before the first model.
        pool_size: Candidates among which the best is looked for, half of them mutated from the best told.
        random_fraction: Of the architectures that are drawn at random after the first model.
        n_draws: How often all processes are drawn from to see which one orders best.
    """

    needs: ClassVar[tuple[str, ...]] = ("epochs",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        eta: int = 3,
        min_epoch: int | None = None,
        n_initial: int = 10,
        pool_size: int = 200,
        random_fraction: float = 0.3,
        n_draws: int = 100,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_draws=n_draws)
        self._rng, self._drawn, self._n_draws = rng, DrawnAhead(rng), n_draws
        self._rungs, self._kernels = rungs_up(task, eta, min_epoch), hamming_kernels(task.space)
        self._weights = bracket_weights(self._rungs, len(self._rungs))
        self._bracket = sampled_brackets(self._weights, self._drawn)
        self._suggestions = Suggestions(
            task, rng, self._learn, n_initial=n_initial, pool_size=pool_size, random_fraction=random_fraction
        )
        self._brackets = AsyncBrackets(
            self._rungs, eta, DELAYED, self._suggestions, lambda: self._bracket(), are_shared=True
        )

    def ask(self) -> Trial:
        """The training to go on with, or a new one at a rung that is drawn."""
        return self._brackets.ask()

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Add it to its rung, and learn from it."""
        self._brackets.tell(trial, outcome)
        self._suggestions.tell(trial, outcome)

    def _learn(self, told: Told) -> Model | None:
        """The ensemble; from now on brackets are drawn by its shares."""
        known = [k for k, epoch in enumerate(self._rungs) if epoch in told and len(told[epoch].values) >= _LEAST]
        if not known:
            return None
        latest = [told[self._rungs[k]].latest(MOST) for k in known]
        places = [choices(each.archs) for each in latest]
        values = [_standardized(each.values) for each in latest]
        processes = [GaussianProcess(at, of, kernels=self._kernels) for at, of in zip(places, values, strict=True)]
        expected = [process.predict(places[-1]) for process in processes[:-1]]
        expected.append(_held_out(processes[-1], places[-1], values[-1]))
        draws = [self._rng.normal(*each, size=(self._n_draws, len(values[-1]))) for each in expected]
        theta = shares_of_wins(np.array([ranking_losses(each, values[-1]) for each in draws]))
        weights = bracket_shares(theta, known, self._rungs, self._weights)
        self._bracket = sampled_brackets(weights, self._drawn)
        members = [(share, process) for share, process in zip(theta.tolist(), processes, strict=True) if share > 0]

        def predict(archs: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            """Section 4.3, and `gp_ensemble.py` of the authors."""
            features = choices(archs)
            mean, variance = np.zeros(len(archs)), np.zeros(len(archs))
            for share, process in members:
                of, sd = process.predict(features)
                mean += share * of
                variance += (share * sd) ** 2
            return mean, np.sqrt(variance)

        return Model(predict, float(values[-1].max()))


def ranking_losses(draws: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many ordered pairs each of `draws` (n_draws, n) puts otherwise than `values` (n,)."""
    is_below = draws[:, :, None] < draws[:, None, :]
    losses: NDArray[np.int64] = (is_below != (values[:, None] < values)).sum(axis=(1, 2))
    return losses


def shares_of_wins(losses: NDArray[np.int64]) -> NDArray[np.float64]:
    """Theta: how often each of the processes has the least loss, of (n_processes, n_draws); all that tie win."""
    wins = (losses == losses.min(axis=0)).sum(axis=1)
    shares: NDArray[np.float64] = wins / wins.sum()
    return shares


def bracket_shares(
    theta: NDArray[np.float64], known: Sequence[int], rungs: Sequence[int], weights: Sequence[float]
) -> list[float]:
    """How often trainings begin at each rung: w_k = c_k theta_k with c_k = 1 / r_k, which is to sum up to 1.

    Args:
        theta: Of the rungs with enough outcomes.
        known: Which rungs these are. Together they keep what they have by default.
        rungs: The epochs of all.
        weights: What holds by default.
    """
    shares = list(weights)
    learned = [share / rungs[k] for share, k in zip(theta.tolist(), known, strict=True)]
    total = fsum(weights[k] for k in known)
    for k, share in zip(known, learned, strict=True):
        shares[k] = total * share / fsum(learned)
    return shares


def _held_out(
    process: GaussianProcess, features: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What such a process expects of each of five parts of the values when it learns from the others."""
    mean, sd = np.empty_like(values), np.empty_like(values)
    fold = np.arange(len(values)) % _FOLDS
    for i in range(_FOLDS):
        is_in = fold == i
        others = GaussianProcess(features[~is_in], values[~is_in], kernels=[process.kernel], noises=[process.noise])
        mean[is_in], sd[is_in] = others.predict(features[is_in])
    return mean, sd


def _standardized(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = float(values.std())
    return (values - values.mean()) / (spread if spread > 0 else 1.0)

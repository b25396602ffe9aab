"""What a perfect predictor could reach, as the truth that it is judged by is noisy itself."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from nasbench_kit.predictors.agreement import best_share, kendall_tau, r2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REPEATED = 100  # architectures with repeated runs that show the noise
_NEIGHBORS = 25  # on each side, whose noise an architecture shares
_DRAWS = 5
_MOST = 10_000  # architectures that a simulation needs


class Figures(NamedTuple):
    """The figures that have a ceiling."""

    r2: float
    kendall_tau: float
    r2_above: float  #: of architectures better than a value; NaN if none is given
    kendall_tau_best: float  #: among the best by the truth


class Ceiling(NamedTuple):
    """What the noise of training runs lets anyone reach, and how that was found."""

    method: str
    perfect: Figures  #: of a predictor that knows the expected value of every architecture
    one_run: Figures  #: of one recorded run, judged by the mean of the others; NaN if runs were not repeated
    n_one_run: int  #: pairs of a run and the mean of its others


Measure = Callable[..., Figures]
"""Of the truth and predictions; and, if these differ, of those for runs that do not collapse."""


def measure(*, above: float | None, best: float, sign: int) -> Measure:
    """What finds the figures.

    Args:
        above: A value of the metric that counts as good; architectures that are truly better are judged apart, by
            what is predicted for runs that do not collapse, as theirs did not.
        best: Share of architectures that are the best.
        sign: +1 where larger is better, -1 where smaller is.
    """

    def figures(
        true: NDArray[np.float64], predicted: NDArray[np.float64], regular: NDArray[np.float64] | None = None
    ) -> Figures:
        good = sign * true > sign * above if above is not None else None
        top = best_share(true, best, sign) if len(true) else true > 0
        return Figures(
            r2(true, predicted),
            kendall_tau(true, predicted),
            nan if good is None else r2(true[good], (predicted if regular is None else regular)[good]),
            kendall_tau(true[top], predicted[top]),
        )

    return figures


def _mean(found: list[Figures]) -> Figures:
    return Figures(*(sum(values) / len(values) for values in zip(*found, strict=True)))


_UNKNOWN = Figures(nan, nan, nan, nan)


def is_repeated(runs: NDArray[np.float64]) -> bool:
    """Whether enough architectures were trained more than once to tell the noise from: runs (n_seeds, n_archs)."""
    import numpy as np

    return int(((~np.isnan(runs)).sum(axis=0) > 1).sum()) >= _REPEATED


def ceiling_of_seeds(runs: NDArray[np.float64], figures: Measure, *, seed: int = 0) -> Ceiling:
    """The ceiling where architectures were trained repeatedly: from the differences between their runs alone.

    The truth that predictions are judged by is the mean of an architecture's recorded runs: its expected value, and
    noise. What a perfect predictor reaches on it follows by simulation and extrapolation (SIMEX): noise is added to
    the truth once more, and the truth judged by the result, which gives figures `F1` of a predictor that is perfect
    for values with one layer of noise; the same with one more layer gives `F2`. The expected values have no layer:
    `2 F1 - F2`. The noise of an architecture is drawn from the residuals of the 51 architectures whose means are
    nearest to its own (each scaled by `sqrt(k / (k - 1))` for `k` runs), as many as it has runs, and averaged. In
    worlds made up to try it, tau of all came out right to 0.006, and that among the best 300 too high by some 0.03.

    What one run reaches, judged by the mean of the others, is observed.

    Args:
        runs: (n_seeds, n_archs), NaN where not recorded; every architecture has one at least.
        figures: What `measure` made.
        seed: Of the simulation.

    Source: Cook and Stefanski 1994, https://doi.org/10.1080/01621459.1994.10476871 (SIMEX).
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    pool = _Pool(runs)
    if runs.shape[1] > _MOST:
        some = np.sort(rng.choice(runs.shape[1], _MOST, replace=False))
        simulated = pool.of(runs[:, some])
    else:
        simulated = pool.of(runs)
    layers: list[list[Figures]] = [[], []]
    for _ in range(_DRAWS):
        values = simulated.means
        for layer in layers:
            noisier = values + simulated.draw(rng)
            layer.append(figures(noisier, values))
            values = noisier
    once, twice = map(_mean, layers)
    perfect = Figures(*(min(1.0, 2 * a - b) if a == a else a for a, b in zip(once, twice, strict=True)))
    one_run, n_one_run = _one_run(runs, figures)
    return Ceiling("repeated runs: simulated from the differences between them (SIMEX)", perfect, one_run, n_one_run)


class _Simulated(NamedTuple):
    means: NDArray[np.float64]
    n_runs: NDArray[np.int64]
    nearest: NDArray[np.int64]  #: where each architecture would stand among those of the pool
    residuals: NDArray[np.float64]  #: (n_pool, n_seeds), those that were recorded first
    n_residuals: NDArray[np.int64]

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Noise of the mean of each architecture's runs."""
        import numpy as np

        total = np.zeros(len(self.means))
        for run in range(int(self.n_runs.max())):
            shift = rng.integers(-_NEIGHBORS, _NEIGHBORS + 1, len(total))
            neighbor = np.clip(self.nearest + shift, 0, len(self.residuals) - 1)
            which = (rng.random(len(total)) * self.n_residuals[neighbor]).astype(np.intp)
            total += np.where(run < self.n_runs, self.residuals[neighbor, which], 0)
        return total / self.n_runs


class _Pool:
    """The noise of architectures that were trained repeatedly, in the order of their means."""

    def __init__(self, runs: NDArray[np.float64]) -> None:
        import numpy as np

        n_runs = (~np.isnan(runs)).sum(axis=0)
        several = runs[:, n_runs > 1]
        n_several = n_runs[n_runs > 1]
        means = np.nanmean(several, axis=0)
        order = np.argsort(means, kind="stable")
        self._means, self._n_residuals = means[order], n_several[order]
        residuals = ((several - means) * np.sqrt(n_several / (n_several - 1)))[:, order].T
        first = np.argsort(np.isnan(residuals), axis=1, kind="stable")
        self._residuals = np.take_along_axis(residuals, first, axis=1)

    def of(self, runs: NDArray[np.float64]) -> _Simulated:
        import numpy as np

        means = np.nanmean(runs, axis=0)
        nearest = np.asarray(np.searchsorted(self._means, means))
        return _Simulated(means, (~np.isnan(runs)).sum(axis=0), nearest, self._residuals, self._n_residuals)


def _one_run(runs: NDArray[np.float64], figures: Measure) -> tuple[Figures, int]:
    """One run judged by the mean of the others of its architecture: the mean over seeds, and how many pairs."""
    import numpy as np

    found, n_pairs = [], 0
    for i, run in enumerate(runs):
        others = np.delete(runs, i, axis=0)
        there = ~np.isnan(run) & ~np.isnan(others).all(axis=0)
        if there.any():
            found.append(figures(np.nanmean(others[:, there], axis=0), run[there]))
            n_pairs += int(there.sum())
    return (_mean(found) if found else _UNKNOWN), n_pairs


def ceiling_of_noise(
    means: NDArray[np.float64],
    n_runs: NDArray[np.int64],
    draw: Callable[[NDArray[np.intp], np.random.Generator], NDArray[np.float64]],
    figures: Measure,
    *,
    regular: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Ceiling:
    """The ceiling where architectures were trained once: what the surrogate would reach if all it says were true.

    Runs are drawn from the noise and the collapses that it predicts, and the expected values that it predicts are
    judged by them. So this ceiling is as right as the predicted noise, see `Calibration`. Noise that was learned from
    single runs includes the errors of the predictions, and these lie closer together than the expected values do: both
    make the ceiling too low. A surrogate may exceed it; what noise really allows is above both.

    Args:
        means: Expected value of each architecture, (n_archs,).
        n_runs: How many runs the truth of each is the mean of.
        draw: Called with positions and a generator: one run of each.
        figures: What `measure` made.
        regular: Expected value of each architecture, if its training does not collapse; `means` by default.
        seed: Of the simulation.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    some = np.arange(len(means))
    if len(means) > _MOST:
        some = np.sort(rng.choice(len(means), _MOST, replace=False))
    found = []
    for _ in range(_DRAWS):
        total = np.zeros(len(some))
        for run in range(int(n_runs.max())):
            total += np.where(run < n_runs[some], draw(some, rng), 0)
        found.append(figures(total / n_runs[some], means[some], (means if regular is None else regular)[some]))
    return Ceiling(
        "single runs: simulated from the predicted noise, errors of prediction included: too low if wrong",
        _mean(found),
        _UNKNOWN,
        0,
    )


def no_ceiling(why: str) -> Ceiling:
    """Where it cannot be told."""
    return Ceiling(why, _UNKNOWN, _UNKNOWN, 0)

"""One number for how good each optimizer is: Bradley-Terry strengths from who beats whom, on the scale of Elo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.bootstrap import COVERAGE, check_bootstrap, percentile_interval
from nasbench_kit.analysis.win_rates import resampled_win_rates, win_rates
from nasbench_kit.errors import SettingError

_ELO = 400 / log(10)  # points for a unit of strength: 400 for odds of ten to one
_MEAN_ELO = 1500.0
_ANCHOR_ELO = 1000.0
_MOST_STEPS = 300
_PRECISION = 1e-9  # of a strength, a millionth of a point


def bradley_terry(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strengths such that the logistic function of a difference is the chance to win; the most likely ones.

    Args:
        wins: How often the one of the row beat the one of the column, or the share of it; ties count half to both. The
            diagonal does not count. Shape (n_optimizers, n_optimizers), or (..., n_optimizers, n_optimizers).

    Returns:
        Natural logarithms of odds, with a mean of 0: shape (n_optimizers,), or (..., n_optimizers).

    Raises:
        SettingError: Some never lost to any of the others, so their distance has no bound: count a draw for each pair.

    Source: Bradley and Terry 1952, https://doi.org/10.2307/2334029; when there is a maximum, Ford 1957,
    https://doi.org/10.2307/2308513. Found by Newton's method on a concave likelihood.
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.special import expit

    n = wins.shape[-1]
    wins = np.where(np.eye(n, dtype=bool), 0.0, wins)
    is_open = (wins == 0).sum(axis=(-1, -2)) > n  # somebody never beat somebody; the diagonal is 0
    for one in wins[is_open].reshape(-1, n, n):
        n_parts, part = connected_components(one > 0, connection="strong")
        if n_parts > 1:
            raise SettingError(
                f"optimizers in {n_parts} parts ({', '.join(map(str, part))}) that never both won and lost against each"
                " other, so their strengths have no bound; add half a win to each side of every pair"
            )
    games = wins + np.swapaxes(wins, -1, -2)
    strengths = np.zeros(wins.shape[:-1])
    for _ in range(_MOST_STEPS):
        chances = expit(strengths[..., :, None] - strengths[..., None, :])
        gradient = (wins - games * chances).sum(axis=-1)
        weights = games * chances * (1 - chances)
        curvature = np.eye(n) * weights.sum(axis=-1)[..., None] - weights
        curvature += weights.max(axis=(-1, -2), keepdims=True) / n  # the mean, which no game tells, stays where it is
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        size = np.abs(step).max(axis=-1, keepdims=True)
        strengths += step / np.maximum(1, size)  # far away, a whole step would overshoot
        if size.max(initial=0) < _PRECISION:
            break
    return strengths - strengths.mean(axis=-1, keepdims=True)


class Ratings(NamedTuple):
    """Elo ratings of optimizers; larger is better, 400 points are odds of ten to one."""

    names: tuple[str, ...]
    elo: NDArray[np.float64]  #: (n_optimizers,)
    low: NDArray[np.float64]  #: lower end of the interval, likewise; NaN where one run says nothing of its spread
    high: NDArray[np.float64]  #: upper end
    win_rates: NDArray[np.float64]  #: (n_optimizers, n_optimizers), as by `win_rates`, the mean over benchmarks


def elo_ratings(
    regrets: Mapping[str, Sequence[NDArray[np.float64]]],
    rng: np.random.Generator,
    *,
    anchor: str | None = None,
    draws: float = 1.0,
    coverage: float = COVERAGE,
    n_replications: int = 200,
) -> Ratings:
    """Rate optimizers by who ends better on the same benchmarks.

    Every pair of optimizers counts alike, and so does every benchmark. `draws` makes strengths finite where one beats
    another in all runs. Such a rating is a lower bound and grows with the number of runs: say so, or compare win rates.

    Args:
        regrets: Optimizer -> for each benchmark, the regrets of its runs at their end, shape (n_runs,); smaller is
            better, NaN is worst.
        rng: Draws the bootstrap samples: runs within benchmarks, for the benchmarks are those that were chosen.
        anchor: The optimizer whose rating is 1000, such as random search; by default the mean rating is 1500.
        draws: Drawn games that each pair gets beside as many as it has runs to put side by side; 0 for the most likely
            strengths, where these exist.
        coverage: Of the percentile bootstrap intervals.
        n_replications: Bootstrap samples; 200 of 25 optimizers with 500 runs on 20 benchmarks take up to 25 s.

    Raises:
        SettingError: Fewer than two optimizers, other benchmarks, no runs, an unknown anchor, settings out of range, or
            an optimizer that always wins, without draws.

    Source: Bradley and Terry 1952, https://doi.org/10.2307/2334029; Elo 1978, The rating of chessplayers.
    """
    names = tuple(regrets)
    numbers = {len(on) for on in regrets.values()}
    if len(names) < 2 or len(numbers) != 1 or 0 in numbers:
        counted = ", ".join(f"{name}: {len(on)}" for name, on in regrets.items())
        raise SettingError(f"regrets on benchmarks by optimizer: {counted}; two or more on the same ones expected")
    if anchor is not None and anchor not in regrets:
        raise SettingError(f"anchor={anchor!r}; one of {', '.join(names)} expected")
    if not draws >= 0:
        raise SettingError(f"draws={draws}; 0 or more expected")
    check_bootstrap(rng, coverage, n_replications)
    benchmarks = [[np.asarray(values) for values in on] for on in zip(*regrets.values(), strict=True)]
    n_runs = np.array([[len(values) for values in runs] for runs in benchmarks])  # (n_benchmarks, n_optimizers)
    games = np.minimum(n_runs[:, :, None], n_runs[:, None, :]).sum(axis=0)

    def elo(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        points = _ELO * bradley_terry((games * rates + draws / 2) / (games + draws))
        return points + _MEAN_ELO if anchor is None else points - points[..., [names.index(anchor)]] + _ANCHOR_ELO

    rates = np.mean([win_rates(runs) for runs in benchmarks], axis=0)
    ratings = elo(rates)
    if (n_runs == 1).any():
        return Ratings(names, ratings, np.full(len(names), nan), np.full(len(names), nan), rates)
    resampled = np.mean([resampled_win_rates(runs, rng, n_replications) for runs in benchmarks], axis=0)
    return Ratings(names, ratings, *percentile_interval(elo(resampled), coverage), rates)

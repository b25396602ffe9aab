"""How many runs are enough: stop comparing two optimizers once their order is settled, or they are as good as tied.

They are compared by the probability of improvement: that a run of one ends better than a run of the other, ties
counted half. Round by round it is bet that this probability is above, or below, a value; the values against which such
bets have multiplied the capital enough are left out of its interval. Nobody can expect to win against the true value,
whenever they stop, so the interval holds however often one looks (Waudby-Smith and Ramdas 2024,
https://arxiv.org/abs/2010.09686, section 4). Nothing is assumed of the values but that all runs are independent.

In a round each run of one optimizer meets each run of the other, in as many pairings as there are runs. The capital
becomes the mean of what the bets on each pairing would have made of it, which is as fair a bet (an average of e-values
is an e-value: Vovk and Wang 2021, https://arxiv.org/abs/1912.06116, section 3) and takes about a fifth fewer runs than
a single pairing does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import log, nan
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench_kit.analysis.ranking import ended_on
from nasbench_kit.analysis.significance import holm
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import check_number

ROUND = 10  # runs of each optimizer that are made, and compared, together
ERROR = 0.05  # the probability that any order is wrong, at most

_PAIRINGS = (np.arange(ROUND)[:, np.newaxis] + np.arange(ROUND)) % ROUND
_BETS = np.array([0.15, 0.3, 0.6])  # shares of its capital that each of three bettors may lose by one run
_PAYOFFS = np.array([1.0, 0.5, 0.0])  # of a win, a tie, a loss
_HALVINGS = 14  # of the range of a bound

State = Literal["settled", "tied", "open"]
Entry = tuple[str, str]
"""A benchmark and an optimizer."""

_Met = tuple[NDArray[np.float64], NDArray[np.float64]]


class Verdict(NamedTuple):
    """What is known of two optimizers on one benchmark."""

    benchmark: str
    better: str  #: the one that is better; of a pair that is not settled, the one that looks so
    other: str
    state: State
    n_runs: int  #: runs of each that were compared
    probability: float  #: that a run of `better` ends better, ties counted half; NaN before the first round
    low: float  #: lower end of its interval
    high: float  #: upper end


def verdicts(
    regrets: Mapping[str, Mapping[str, ArrayLike]], tolerance: float, *, error: float = ERROR
) -> list[Verdict]:
    """Which pairs of optimizers are settled, tied or open, on each benchmark.

    A pair is settled when the interval of its probability of improvement excludes 1/2. It is tied when it is not
    settled although the interval reaches no further than `tolerance` to either side of its middle: not shown to be
    equal, but known so well that more runs are not worth it. Where that interval is right, the probability is within
    twice the tolerance of 1/2.

    However often one looks while runs are added, the probability that some order is ever called settled that is not so
    is at most `error`, over all pairs on all benchmarks: Holm's procedure on the bets against 1/2. The interval of a
    pair is at the level at which that procedure tests it. What is settled stays settled when runs are added; what is
    tied stays so, or becomes settled.

    Args:
        regrets: Benchmark -> optimizer -> final regrets of its runs, in order of seed, shape (n_runs,): smaller is
            better; NaN (a run without an incumbent) is worse than all others, and ties with NaN. Two optimizers are
            compared by as many runs as both have, in whole rounds of `ROUND`.
        tolerance: How exactly the probability is to be known before a pair passes for tied.
        error: The probability of any wrong order.

    Raises:
        SettingError: `tolerance` or `error` is outside its range, or regrets are no series of numbers.

    Source: Holm 1979, https://www.jstor.org/stable/4615733. That the direction may be said, too, is proven for
        independent tests (Shaffer 1980, Annals of Statistics 8, 1342; Finner 1999,
        https://doi.org/10.1214/aos/1018031111). Pairs with an optimizer in common are not, so `benchmarks/settled.py`
        counts how often an order is wrong.
    """
    check_tolerance(tolerance=tolerance)
    tested = _tested(regrets, error)
    if not tested.pairs:
        return []
    intervals = zip(*_intervals(tested.wins, tested.needed), strict=True)
    return [
        _verdict(pair, met, float(low), float(high), bool(settled), tolerance)
        for pair, met, (low, high), settled in zip(tested.pairs, tested.runs, intervals, tested.is_settled, strict=True)
    ]


def until_settled(
    make: Callable[[Sequence[Entry], range], Mapping[Entry, ArrayLike]],
    entries: Iterable[Entry],
    n_runs: int,
    tolerance: float,
    *,
    error: float = ERROR,
) -> tuple[dict[Entry, int], list[Verdict]]:
    """Make runs in rounds, of those optimizers that are in an open pair, until none is or all runs are made.

    Args:
        make: Given optimizers and which of their runs, counted from 0, makes these; it returns their final regrets.
        entries: (benchmark, optimizer) of each.
        n_runs: Of each, at most.
        tolerance: As in `verdicts`.
        error: As there.

    Returns:
        How many runs of each were made, and the verdicts.

    Raises:
        SettingError: As there; or there is nothing to compare on some benchmark.
    """
    going = list(entries)
    regrets: dict[str, dict[str, NDArray[np.float64]]] = {}
    for benchmark, optimizer in going:
        regrets.setdefault(benchmark, {})[optimizer] = np.empty(0)
    for benchmark, panel in regrets.items():
        if len(panel) < 2:
            raise SettingError(f"only {next(iter(panel))!r} is to run on {benchmark}; two optimizers or more expected")
    check_tolerance(tolerance=tolerance)
    made: dict[Entry, int] = {}
    is_tied = np.zeros(len(_tested(regrets, error).pairs), bool)
    for start in range(0, n_runs, ROUND):
        part = range(start, min(start + ROUND, n_runs))
        for (benchmark, optimizer), new in make(going, part).items():
            regrets[benchmark][optimizer] = np.concatenate([regrets[benchmark][optimizer], new])
        made |= dict.fromkeys(going, part.stop)
        tested = _tested(regrets, error)
        left = ~(tested.is_settled | is_tied)  # what is tied never opens again
        low, high = _intervals(tested.wins[left], tested.needed[left])
        is_tied[left] = high - low <= 2 * tolerance
        left &= ~is_tied
        open_pairs = [pair for pair, is_open in zip(tested.pairs, left, strict=True) if is_open]
        needed = {(benchmark, name) for benchmark, *names in open_pairs for name in names}
        going = [entry for entry in going if entry in needed]
        if not going:
            break
    return made, verdicts(regrets, tolerance, error=error)


def check_tolerance(**tolerance: object) -> None:
    """Refuse what cannot be how exactly a probability is to be known.

    Raises:
        SettingError: It is not between 0 and 1/2.
    """
    check_number("a number between 0 and 0.5, such as 0.1,", lambda value: 0 < value < 0.5, **tolerance)


class _Tested(NamedTuple):
    """All pairs, and which of them are settled."""

    pairs: list[tuple[str, str, str]]  # benchmark, first, second
    runs: list[_Met]
    wins: NDArray[np.float64]  # of the first, see `_met`
    is_settled: NDArray[np.bool_]
    needed: NDArray[np.float64]  # with which capital each is tested, its logarithm


def _tested(regrets: Mapping[str, Mapping[str, ArrayLike]], error: float) -> _Tested:
    check_number("a number between 0 and 1, such as 0.05,", lambda value: 0 < value < 1, error=error)
    ended = {
        benchmark: {name: ended_on(runs, name) for name, runs in panel.items()} for benchmark, panel in regrets.items()
    }
    pairs = [(benchmark, *names) for benchmark, panel in ended.items() for names in combinations(panel, 2)]
    runs = [_whole_rounds(ended[benchmark][first], ended[benchmark][second]) for benchmark, first, second in pairs]
    wins = _met(runs)
    log_capital = np.maximum(_log_capital(wins, 0.5), _log_capital(wins[..., ::-1], 0.5))
    return _Tested(pairs, runs, wins, *_settled(log_capital, error))


def _whole_rounds(first: NDArray[np.float64], second: NDArray[np.float64]) -> _Met:
    """The runs of both that are compared: each (n_rounds, ROUND)."""
    n_runs = min(len(first), len(second)) // ROUND * ROUND
    return first[:n_runs].reshape(-1, ROUND), second[:n_runs].reshape(-1, ROUND)


def _met(pairs: Sequence[_Met]) -> NDArray[np.float64]:
    """How often the first wins, ties and loses, of each pair in each pairing of each round.

    Shape (n_pairs, n_rounds, n_pairings, 3), with zeros for rounds that a pair has not had.
    """
    counts = np.zeros((len(pairs), max((len(first) for first, _ in pairs), default=0), ROUND, 3))
    for i, (first, second) in enumerate(pairs):
        ours, theirs = first[:, np.newaxis], second[:, _PAIRINGS]
        counts[i, : len(first)] = np.stack(
            [(ours < theirs).sum(-1), (ours == theirs).sum(-1), (ours > theirs).sum(-1)], -1
        )
    return counts


def _log_capital(counts: NDArray[np.float64], probability: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Logarithm of the largest capital so far of who bets that wins are more probable than that, and begins with 1.

    Args:
        counts: What `_met` returns, (n_pairs, ...).
        probability: Of each pair or of all.

    Returns:
        Shape (n_pairs,).
    """
    excess = _PAYOFFS / np.reshape(probability, (-1, 1, 1)) - 1  # (n_pairs, 1, 3)
    factors = np.log1p(_BETS[:, np.newaxis] * excess).swapaxes(1, 2)  # by which a run multiplies: (n_pairs, 3, n_bets)
    of_pairings = np.exp(counts @ factors[:, np.newaxis])  # (n_pairs, n_rounds, n_pairings, n_bets)
    by_round = np.log(of_pairings.mean(axis=2))
    capital = np.logaddexp.reduce(by_round.cumsum(axis=1), axis=2) - log(len(_BETS))
    return capital.max(axis=1, initial=0.0)


def _settled(log_capital: NDArray[np.float64], error: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which pairs are settled by bets on either direction, and with which capital each is tested, its logarithm."""
    is_settled = holm(np.minimum(1.0, 2 * np.exp(-log_capital))) <= error
    step = np.argsort(np.argsort(-log_capital, kind="stable"))
    n_left = len(step) - np.minimum(step, is_settled.sum())  # no step is made after the first that fails
    return is_settled, np.log(2 * n_left / error)


def _intervals(
    wins: NDArray[np.float64], needed: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends for the probability that the first of each pair ends better."""
    return _lower_bounds(wins, needed), 1 - _lower_bounds(wins[..., ::-1], needed)


def _lower_bounds(counts: NDArray[np.float64], needed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each pair the largest probability against which so much was won: capital falls as the probability grows."""
    low, high = np.zeros(len(counts)), np.ones(len(counts))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_won = _log_capital(counts, middle) >= needed
        low, high = np.where(is_won, middle, low), np.where(is_won, high, middle)
    return low


def _probability(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """That a run of the first ends better, ties counted half, over all of both; NaN without any."""
    if not first.size:
        return nan
    ours, theirs = first.reshape(-1, 1), second.reshape(1, -1)
    return float(np.mean(ours < theirs) + np.mean(ours == theirs) / 2)


def _verdict(
    pair: tuple[str, str, str], runs: _Met, low: float, high: float, is_settled: bool, tolerance: float
) -> Verdict:
    benchmark, better, other = pair
    probability = _probability(*runs)
    if (low + high if is_settled else 2 * probability) < 1:
        better, other, probability, low, high = other, better, 1 - probability, 1 - high, 1 - low
    state: State = "settled" if is_settled else "tied" if high - low <= 2 * tolerance else "open"
    return Verdict(benchmark, better, other, state, runs[0].size, probability, low, high)

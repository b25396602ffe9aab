"""Random search without simulation: on a table, the law of its incumbent follows from costs and ranks alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.optimizers.base import check_at_least, check_number
from nasbench_kit.simulator import DRAWN, EPOCHS, EVALUATIONS, SECONDS, Rules, task_of
from nasbench_kit.simulator.rules import checked_rules
from nasbench_kit.tables import Metric, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 4_096  # into which a budget of seconds is divided
_FINER = 16  # times before the budget divided by this are looked at anew, in steps that are smaller by as much
_TOP_LEVELS, _RATIO = 500, 1.005  # the best values are told apart; of the others those whose chances differ by so much
_TOGETHER = 128  # levels that are transformed together
_MOST_ARCHS = 1_000_000
_ALIASED = 1e-11  # what a transform of twice the length counts into the budget again


@final
@dataclass(frozen=True, eq=False, repr=False)
class RandomSearchLaw:
    """The exact law of the incumbent of random search, over time. Values are of `metric`, as it was recorded.

    Attributes:
        metric: What incumbents are reported by.
        best: The best that there is.
        times: When: simulated seconds, evaluations or epochs, as the rules count, shape (n_times,). Where the rules
            count what runs when the budget ends, the last of them includes that.
        n_archs: How many architectures the samples are from.
        clock: What `times` counts: "seconds", "evaluations" or "epochs".
    """

    metric: Metric
    best: float
    times: NDArray[np.float64]
    n_archs: int
    clock: str
    _chances: NDArray[np.float64]  # that the incumbent is of each level: (n_times, n_levels), levels ascending
    _below: NDArray[np.float64]  # that a sample is of no higher level: (n_levels + 1,); the first: that it counts not
    _levels: NDArray[np.intp]  # of each value that a sample may have: (n_values,)
    _shares: NDArray[np.float64]  # how likely a value is among those of its level: (n_values,)
    _reported: NDArray[np.float64]  # what each is reported by: (n_values,), ascending

    def __repr__(self) -> str:
        return f"<RandomSearchLaw of {self.n_archs:,} architectures: {self.metric.name} up to {self.times[-1]:g}>"

    @property
    def has_incumbent(self) -> NDArray[np.float64]:
        """The share of runs that have an incumbent at each time: (n_times,). What follows is of these."""
        return self._chances.sum(axis=1)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over runs at each time: (n_times,)."""
        return self._mean(self._chances, self._reported)

    @property
    def sd(self) -> NDArray[np.float64]:
        """Standard deviation over runs at each time: (n_times,)."""
        return self._sd(self._chances)

    def quantiles(self, quantiles: Sequence[float], *, of_all: bool = False) -> NDArray[np.float64]:
        """Quantiles over runs at each time: (n_quantiles, n_times).

        Args:
            quantiles: Of which order.
            of_all: Of all runs, of which those without an incumbent are worse than all others: infinite there.

        Raises:
            SettingError: One is not from 0 to 1.
        """
        for quantile in quantiles:
            check_number("a number from 0 to 1", lambda x: 0 <= x <= 1, quantile=quantile)
        sign = self.metric.sign()
        found = np.empty((len(quantiles), len(self.times)))
        for i, chances in enumerate(self._chances):
            cumulative = np.cumsum(chances[self._levels] * self._shares)
            without = 1 - cumulative[-1] if of_all and cumulative[-1] < 1 - _ALIASED else 0.0
            orders = np.asarray(quantiles) * (cumulative[-1] + without)
            if sign > 0:  # those without are the first
                orders = orders - without
            places = np.searchsorted(cumulative, orders)
            found[:, i] = self._reported[np.minimum(places, len(cumulative) - 1)]
            if without:
                found[(orders <= 0) if sign > 0 else (orders > cumulative[-1]), i] = -sign * inf
        return found

    def success_rate(self, target: float) -> NDArray[np.float64]:
        """The share of all runs whose incumbent is as good as a value of `metric`, or better: (n_times,)."""
        sign = self.metric.sign()
        return self._chances @ self._of_levels(sign * self._reported >= sign * target)

    def time_until(self, value: float) -> float:
        """When half of all runs have an incumbent as good as a value of `metric`, or better; inf: not by the budget."""
        reached = self.success_rate(value) >= 0.5
        return float(self.times[reached.argmax()]) if reached.any() else inf

    def best_of(self, k: int) -> tuple[float, float]:
        """Mean and standard deviation of the incumbent among `k` samples.

        Raises:
            SettingError: There are none.
        """
        check_at_least(1, k=k)
        chances = np.diff(self._below**k)[None]
        return float(self._mean(chances, self._reported)[0]), float(self._sd(chances)[0])

    def _mean(self, chances: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return chances @ self._of_levels(values) / chances.sum(axis=1)

    def _sd(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        center = self._reported.mean()  # the difference of squares keeps its digits near it
        deviations = self._reported - center
        return np.sqrt(np.maximum(self._mean(chances, deviations**2) - self._mean(chances, deviations) ** 2, 0))

    def _of_levels(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The mean of something over the values of each level."""
        found = np.bincount(self._levels, self._shares * values, minlength=self._chances.shape[1])
        return found.astype(np.float64, copy=False)


def random_search_law(
    benchmark: Benchmark, rules: Rules | None = None, *, n_times: int = 400, **how: Any
) -> RandomSearchLaw:
    """The exact anytime law of random search, without running it.

    Samples are independent, so how many evaluations a worker finishes until a time, and how good the best of them is,
    follows a renewal equation: that none of those finished until t is above a level x has the generating function
    (1 - c(z)) / ((1 - z) (1 - g(z))), where c is the distribution of costs, g that of those whose value is at most x.
    Several workers are as many independent ones. Within levels of nearly the same rank, costs do not count.

    Args:
        benchmark: A table of a space that can be listed.
        rules: What a search is told, what it pays, when it ends, and what it is reported by: a budget of seconds, or
            one of evaluations or epochs.
        n_times: How many times to look at, at most, evenly spaced in their logarithm, up to the budget.
        how: Rules by their names, instead of or beside `rules`.

    Raises:
        SettingError: The law under these rules, or on this benchmark, is not known.
    """
    if not isinstance(benchmark, Benchmark):
        raise SettingError(f"random_search_law({benchmark!r:.80}, ...); a benchmark expected, as nbk.load opens one")
    check_at_least(2, n_times=n_times)
    rules = checked_rules(rules).changed(how)
    check_law(benchmark, rules)
    benchmark = rules.applied_to(benchmark)
    sampled, told, takes, reported, n_archs, metric = _values(benchmark, rules)
    levels, below = _ranked(told, sampled)
    if rules.budget_s is not None:
        times, chances = _over_seconds(below, levels, sampled, takes, rules, n_times)
    else:
        times, chances = _over_evaluations(below, rules, benchmark, n_times)
    counts = levels >= 0
    levels, sampled, reported = levels[counts], sampled[counts], reported[counts]
    order = np.argsort(reported, kind="stable")
    levels, sampled = levels[order], sampled[order]
    shares = sampled / np.bincount(levels, sampled)[levels]
    where, name, epoch = rules.reported_on(benchmark)
    best = where.best(name, epoch=epoch).value
    clock = EVALUATIONS if rules.budget_s is None and rules.clock == SECONDS else rules.clock
    return RandomSearchLaw(metric, best, times, n_archs, clock, chances, below, levels, shares, reported[order])


def check_law(benchmark: Benchmark, rules: Rules) -> None:
    """Refuse a benchmark or rules of which `random_search_law` does not know the law.

    Raises:
        SettingError: It is not known.
    """
    rules.check(benchmark)
    benchmark = rules.applied_to(benchmark)
    reason = ""
    if not isinstance(benchmark.results, Table):
        reason = f"{benchmark.name} is a {benchmark.results.kind}, whose noise takes any value; a table is expected"
    elif benchmark.constraints:
        reason = f"{benchmark.name} has constraints"
    elif rules.repeats == "served" or rules.optimizer_time == "charged":
        reason = "it depends on what was sampled before, or on the machine: repeats are paid, optimizer_time is apart"
    elif rules.budget_s is not None and (rules.n_evaluations, rules.n_epochs) != (None, None):
        reason = "of two budgets; give one"
    elif rules.budget_s is None and rules.n_workers > 1:
        reason = "of several workers without a budget of seconds; give budget_s"
    if reason:
        raise SettingError(f"no law of random search is known: {reason}")


def _values(
    benchmark: Benchmark, rules: Rules
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int, Metric]:
    """Of all that a sample may turn out to be: its chance, what is told, what it takes, what it is reported by."""
    table = benchmark.results
    assert isinstance(table, Table)
    space = task_of(benchmark, rules).space
    if space.size > _MOST_ARCHS:
        raise SettingError(f"no law of random search is known: {space.name} has too many architectures to list")
    archs = space.all_archs()
    n_samples = np.bincount(table.rows(archs), minlength=table.n_archs)
    revealed = benchmark.revealed(epoch=rules.epoch, seed=rules.seed, is_drawn=rules.run == DRAWN)
    assert revealed is not None
    rows, runs = np.nonzero((np.arange(revealed.value.shape[1]) < revealed.n_runs[:, None]) & (n_samples > 0)[:, None])
    sign = benchmark.objective_metric.sign()
    told = np.where(revealed.failed[rows, runs], -inf, sign * revealed.value[rows, runs])
    counts = told > -inf
    if not counts.any():
        raise SettingError(f"no law of random search is known: every training on {benchmark.name} failed")
    where, name, epoch = rules.reported_on(benchmark)
    reported = np.full(len(told), np.nan)
    reported[counts] = where.values(name, table.archs()[rows[counts]], epoch=epoch)
    sampled = n_samples[rows] / revealed.n_runs[rows] / len(archs)
    return sampled, told, revealed.cost_s[rows, runs], reported, len(archs), where.metrics[name]


def _ranked(told: NDArray[np.float64], sampled: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The level of each value, -1 where it can be no incumbent; and the chance to be of no higher level than each."""
    distinct, ranks = np.unique(told, return_inverse=True)
    chances = np.bincount(ranks, sampled)
    n_not = int(distinct[0] == -inf)
    above = np.maximum(1 - np.cumsum(chances), 0)[n_not:]  # of each distinct value that counts
    n_top = max(0, len(above) - _TOP_LEVELS)
    depth = np.floor(-np.log(np.maximum(above[:n_top], 1e-300)) / np.log(_RATIO))
    is_last = np.concatenate([depth[1:] != depth[:-1], [True] * (len(above) - max(0, n_top - 1))])
    level = np.concatenate([[0], np.cumsum(is_last)[:-1]])
    below = np.concatenate([[chances[:n_not].sum()], (1 - above)[is_last]])
    below[-1] = 1.0
    return np.concatenate([[-1] * n_not, level]).astype(np.intp)[ranks], below


def _over_evaluations(
    below: NDArray[np.float64], rules: Rules, benchmark: Benchmark, n_times: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    each = rules.last_epoch(benchmark) or 0
    n_most = inf if rules.n_evaluations is None else rules.n_evaluations
    if rules.n_epochs is not None:
        begun = -(-rules.n_epochs // each) if rules.overshoot == "counted" else rules.n_epochs // each
        n_most = min(n_most, begun)
    if not n_most:
        raise SettingError(f"n_epochs={rules.n_epochs} is less than one evaluation of {counted(each, 'epoch')}")
    n = np.unique(np.rint(np.geomspace(1, n_most, n_times)))
    chances = np.diff(below[None, :] ** n[:, None], axis=1)
    return (n if rules.clock != EPOCHS else n * each), chances


def _over_seconds(
    below: NDArray[np.float64],
    levels: NDArray[np.intp],
    sampled: NDArray[np.float64],
    takes: NDArray[np.float64],
    rules: Rules,
    n_times: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, and the chance of each level at each. Early times are looked at in finer steps, up to themselves."""
    assert rules.budget_s is not None
    until_s, half = rules.budget_s, 0.0
    found: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []  # the latest first
    while True:
        step_s = until_s / _STEPS
        is_counted = rules.overshoot == "counted" and not found
        free = _free(below, levels, sampled, takes / step_s, is_counted=is_counted) ** rules.n_workers
        has_incumbent = 1 - free[0]
        if not found:
            half = float(has_incumbent[-1]) / 2
            if not half:
                raise SettingError(f"budget_s={until_s:g} ends before the first evaluation can; give a larger one")
        # never the beginning, although a step may be longer than a training; the end, if nothing before
        first = 1 + int(np.append(has_incumbent[1:-1] >= half, True).argmax())
        is_fine = first >= _STEPS // _FINER
        at = np.arange(first if is_fine else _STEPS // _FINER + 1, _STEPS + 1)
        found.append((np.asarray(at * step_s, np.float64), np.diff(free[:, at], axis=0).T))
        if is_fine:
            break
        until_s = _STEPS // _FINER * step_s
    times, chances = (np.concatenate(parts[::-1]) for parts in zip(*found, strict=True))
    nearest = np.searchsorted(times, np.geomspace(times[0], times[-1], n_times)).clip(max=len(times) - 1)
    at = np.unique(nearest)
    return times[at], chances[at]


def _free(
    below: NDArray[np.float64],
    levels: NDArray[np.intp],
    sampled: NDArray[np.float64],
    takes: NDArray[np.float64],
    *,
    is_counted: bool,
) -> NDArray[np.float64]:
    """That none of those that one worker has finished is of a higher level: (n_levels, _STEPS + 1), after each step.

    Time goes in steps; a cost, which is `takes` steps, counts to the two that it lies between, so that its mean stays.
    `is_counted`: whether what began before the last step is over counts there as finished.
    """
    n, n_levels = _STEPS, len(below)
    step = np.minimum(takes, n + 1).astype(np.intp)
    costs = np.zeros((n_levels, n + 3))  # of samples of each level; the first: of those that do not count
    for place, weight in ((step, step + 1 - takes), (step + 1, takes - step)):
        costs += np.bincount((levels + 1) * (n + 3) + place, sampled * weight, n_levels * (n + 3)).reshape(-1, n + 3)
    costs = np.cumsum(costs[:, : n + 1], axis=0)  # of no higher level
    damping = _ALIASED ** (np.arange(n + 1) / (2 * n))
    running = np.fft.rfft((1 - np.cumsum(costs[-1])) * damping, 2 * n)
    free = np.empty((n_levels, n + 1))
    for start in range(0, n_levels, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        renewals = 1 / (1 - np.fft.rfft(costs[some] * damping, 2 * n))
        free[some] = np.fft.irfft(running * renewals, 2 * n)[:, : n + 1] / damping
        if is_counted:
            still = np.fft.rfft((below[some, None] - np.cumsum(costs[some], axis=1)) * damping, 2 * n)
            free[some, n] = np.fft.irfft(still * renewals, 2 * n)[:, n - 1] / damping[n - 1]
    return np.clip(free, 0, 1)

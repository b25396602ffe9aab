"""The landscape as a search meets it: every tuple of choices, its value and its neighbors."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.analysis.landscape.distances import distances_to_nearest, fitness_distance_correlation
from nasbench_kit.analysis.landscape.neighborhood import has_single_changes, single_changes
from nasbench_kit.analysis.landscape.optima import LocalOptima, local_optima
from nasbench_kit.analysis.landscape.variance import MOST_DECISIONS, VarianceParts, functional_anova, mean_effects
from nasbench_kit.analysis.landscape.walks import LENGTH, N_WALKS, estimated_autocorrelation, walk_autocorrelation
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.spaces.base import how_many

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Space

_MOST_INVALID = 0.001  # share of the tuples of choices that are no architectures, for ANOVA to fill them

_LEAST = 30  # architectures that must have a choice for its mean effect, where not all architectures are known

_SAME = "all values are the same"

OPTIMA, WALKS, ANOVA, DISTANCES = "local optima", "random walks", "functional ANOVA", "fitness-distance correlation"


class Surface(NamedTuple):
    """Architectures, their values, and what neighbors make of them. What was left out is None, or NaN."""

    archs: NDArray[np.uint8]  #: (n_archs, n_decisions)
    values: NDArray[np.float64]  #: (n_archs,), as recorded
    which: str  #: which architectures these are, in words
    is_complete: bool  #: whether they are all of the space
    n_different: int  #: how many of them are left where isomorphic ones count once
    optima: LocalOptima | None
    n_best: int  #: the architectures with the best value
    distances: NDArray[np.int64]  #: (n_archs,): in how many decisions each differs from the nearest best one
    fdc: float  #: of values that are larger where better
    autocorrelation: NDArray[np.float64] | None  #: of random walks: (n_steps + 1,)
    variance: VarianceParts | None
    variance_of_ranks: VarianceParts | None  #: the same of the ranks of the values, in which outliers count little
    effects: list[NDArray[np.float64]]  #: per decision, the mean effect of each choice, in the unit of the values
    left_out: dict[str, str]  #: statistic -> why it is not there
    notes: tuple[str, ...]  #: what to know of those that are


def surface_of(
    benchmark: Benchmark, rng: np.random.Generator, *, epoch: int | None = None, seed: int | None = None
) -> Surface:
    """The landscape of the objective of a benchmark.

    It is exact where every architecture of the space has a value and they are few enough to be looked at. Else it is
    of the architectures that a table holds, or of a sample of those that a surrogate answers for, and what needs the
    values of all neighbors is left out by name.

    Isomorphic architectures count apart, because a search walks on tuples of choices and proposes each.

    Args:
        benchmark: A constraint does not count.
        rng: Draws the random walks where they are estimated.
        epoch: As in `Benchmark.query`.
        seed: As in `Benchmark.query`.

    Raises:
        NotRecordedError: There is no such epoch or seed, or no value.
    """
    space, sign = benchmark.results.space, benchmark.objective_metric.sign()
    name = benchmark.objective_metric.name
    archs, values, is_complete = _all_of(benchmark, epoch, seed)
    left_out: dict[str, str] = {}
    notes: list[str] = []
    optima = variance = variance_of_ranks = autocorrelation = None
    n_different = len(np.unique(space.identity(archs)))
    if is_complete:
        which = f"all {len(archs):,} {space.noun}s of the space"
        if n_different < len(archs):
            notes.append(
                f"{n_different:,} of them are different; each tuple of choices counts, as a search proposes each"
            )
        neighborhood = single_changes(archs, space.n_choices)
        optima = local_optima(sign * values, neighborhood)
        autocorrelation = walk_autocorrelation(values, neighborhood)
        variance, variance_of_ranks = _variances(space, archs, values, left_out, notes)
    else:
        which, why = _in_words(benchmark, len(archs))
        left_out |= dict.fromkeys((OPTIMA, ANOVA), why)
        notes.append(f"mean effects: of choices that {_LEAST} of these architectures have, or more")
        if benchmark.results.kind == "table":
            left_out[WALKS] = why
        else:
            autocorrelation = estimated_autocorrelation(
                space, lambda some: benchmark.values(name, some, epoch=epoch, seed=seed), rng
            )
            notes.append(f"{WALKS}: estimated from {N_WALKS} walks of {LENGTH} mutations")
    if autocorrelation is not None and np.isnan(autocorrelation).any():
        autocorrelation, left_out[WALKS] = None, _SAME
    best = archs[values == sign * (sign * values).max()]
    if not is_complete and benchmark.results.kind != "table" and epoch is None and seed is None:
        best = np.array([benchmark.best().arch], np.uint8)
        notes.append(f"{DISTANCES}: to the best architecture that is known")
    distances = distances_to_nearest(archs, best)
    fdc = fitness_distance_correlation(sign * values, distances)
    if fdc != fdc:
        left_out[DISTANCES] = _SAME
    return Surface(
        archs,
        values,
        which,
        is_complete,
        n_different,
        optima,
        len(best),
        distances,
        fdc,
        autocorrelation,
        variance,
        variance_of_ranks,
        mean_effects(archs, values, space.n_choices, least=1 if is_complete else _LEAST),
        left_out,
        tuple(notes),
    )


def _all_of(
    benchmark: Benchmark, epoch: int | None, seed: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.float64], bool]:
    """The architectures to look at, their values, and whether they are all of the space."""
    space, name = benchmark.results.space, benchmark.objective_metric.name
    if has_single_changes(space) and benchmark.results.is_complete:
        archs = space.all_archs()
        values = benchmark.values(name, archs, epoch=epoch, seed=seed, missing="nan")
        if not np.isnan(values).any():
            return archs, values, True
    archs = benchmark.results.representative_archs()
    values = benchmark.values(name, archs, epoch=epoch, seed=seed, missing="nan")
    there = ~np.isnan(values)
    if not there.any():
        raise NotRecordedError(f"{benchmark.name}: {name} was not recorded for any architecture")
    return archs[there], values[there], False


def _in_words(benchmark: Benchmark, n_archs: int) -> tuple[str, str]:
    """Which architectures are looked at, and why what needs all neighbors is left out."""
    results = benchmark.results
    if results.kind == "table":
        possible = getattr(results, "n_possible", None) or results.space.size
        which = f"the {n_archs:,} {results.space.noun}s of {how_many(possible)} that have a value"
        if results.is_complete and n_archs == results.n_archs:
            return which, "the neighbors of this space are too many, or not those with one other choice"
        return which, f"only {n_archs:,} of {how_many(possible)} {results.space.noun}s have a value"
    which = f"a sample of {n_archs:,} of {how_many(results.n_archs)} {results.space.noun}s"
    return which, f"{how_many(results.space.size)} tuples of choices are too many to look at each"


def _variances(
    space: Space, archs: NDArray[np.uint8], values: NDArray[np.float64], left_out: dict[str, str], notes: list[str]
) -> tuple[VarianceParts | None, VarianceParts | None]:
    """The ANOVA of values and of their ranks."""
    from scipy.stats import rankdata

    n_tuples = prod(space.n_choices)
    n_invalid = n_tuples - len(archs)
    if space.n_decisions > MOST_DECISIONS:
        left_out[ANOVA] = f"{space.n_decisions} decisions; at most {MOST_DECISIONS} expected"
    elif n_invalid > _MOST_INVALID * n_tuples:
        left_out[ANOVA] = f"{n_invalid:,} of {n_tuples:,} tuples of choices are no {space.noun}s"
    elif values.min() == values.max():
        left_out[ANOVA] = _SAME
    if ANOVA in left_out:
        return None, None
    if n_invalid:
        notes.append(
            f"{ANOVA}: {n_invalid} of {n_tuples:,} tuples of choices are no {space.noun}s and count as the mean"
        )
    ranks = space.rank_many(archs)
    found = []
    for each in (values, rankdata(values)):
        grid = np.full(n_tuples, each.mean())
        grid[ranks] = each
        found.append(functional_anova(grid.reshape(space.n_choices)))
    return found[0], found[1]

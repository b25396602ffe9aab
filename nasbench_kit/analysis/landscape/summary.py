"""A landscape in plain numbers and words: what is printed, and what JSON holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.analysis.landscape.optima import share_within
from nasbench_kit.analysis.landscape.walks import correlation_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.landscape.agreement import RankCorrelations
    from nasbench_kit.analysis.landscape.describe import Landscape
    from nasbench_kit.analysis.landscape.measurements import Measurements
    from nasbench_kit.analysis.landscape.surface import Surface
    from nasbench_kit.tables import Metric

QUANTILES = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
GAPS = (0.0, 0.001, 0.005, 0.01)  # to the best, of fractions
RELATIVE_GAPS = (0.0, 0.01, 0.05, 0.1)  # of other metrics, as shares of the range of values


def gaps_of(metric: Metric, values: NDArray[np.float64]) -> tuple[float, ...]:
    """How far from the best the end of an ascent may be, in the unit of the metric: four steps, the first 0."""
    if metric.unit == "fraction":
        return GAPS
    return tuple(float(gap * np.ptp(values)) for gap in RELATIVE_GAPS)


def summary(landscape: Landscape) -> dict[str, Any]:
    """All of a landscape but what there is of each architecture. Values are in the unit of the metric."""
    surface, measured = landscape.surface, landscape.measurements
    names = [name for name, _ in landscape.decisions]
    return {
        "benchmark": landscape.benchmark,
        "metric": landscape.metric.name,
        "direction": landscape.metric.direction,
        "values_are": landscape.values_are,
        "architectures": surface.which,
        "is_complete": surface.is_complete,
        "n_archs": len(surface.archs),
        "n_different": surface.n_different,
        "n_measured": int((~np.isnan(measured.values)).sum()),
        "distributions": _distributions(landscape),
        "local_optima": _optima(landscape),
        "fitness_distance": {
            "correlation": surface.fdc,
            "n_best": surface.n_best,
            "mean_distance": float(surface.distances.mean()),
        },
        "random_walk": _walk(surface),
        "variance": _variance(surface, names),
        "effects": {
            name: dict(zip(choices, effects.tolist(), strict=True))
            for (name, choices), effects in zip(landscape.decisions, surface.effects, strict=True)
        },
        "rank_correlations": {what: _correlations(found) for what, found in measured.correlations.items()},
        "noise": _noise(measured),
        "ceiling": None if measured.ceiling is None else measured.ceiling._asdict(),
        "front": _front(measured),
        "left_out": landscape.left_out,
        "notes": list(surface.notes),
    }


def _distributions(landscape: Landscape) -> dict[str, dict[str, float]]:
    """Of the objective, and of what incumbents are reported by where that is another metric; every measurement once."""
    measured = landscape.measurements
    columns = {landscape.metric.name: measured.values}
    if measured.reported is not None:
        metric, values = measured.reported
        columns[metric.name] = values
    found = {}
    for name, values in columns.items():
        known = values[~np.isnan(values)]
        quantiles = {f"q{100 * q:g}": float(np.quantile(known, q)) for q in QUANTILES}
        found[name] = {"mean": float(known.mean()), "sd": float(known.std())} | quantiles
    return found


def _optima(landscape: Landscape) -> dict[str, Any] | None:
    surface, metric = landscape.surface, landscape.metric
    if surface.optima is None:
        return None
    optima, signed = surface.optima, metric.sign() * surface.values
    return {
        "n": len(optima.archs),
        "n_without_better": optima.n_without_better,
        "n_plateaus": int((optima.sizes > 1).sum()),
        "archs": surface.archs[optima.archs].tolist(),
        "values": surface.values[optima.archs].tolist(),
        "basins": optima.basins.tolist(),
        "within": [{"gap": gap, "share": share_within(signed, optima, gap)} for gap in gaps_of(metric, surface.values)],
    }


def _walk(surface: Surface) -> dict[str, Any] | None:
    if surface.autocorrelation is None:
        return None
    return {
        "autocorrelation": surface.autocorrelation.tolist(),
        "correlation_length": correlation_length(surface.autocorrelation),
    }


def _variance(surface: Surface, names: list[str]) -> dict[str, Any] | None:
    parts, of_ranks = surface.variance, surface.variance_of_ranks
    if parts is None or of_ranks is None:
        return None

    def named(shares: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(names, shares.tolist(), strict=True))

    pairs = {" x ".join(names[i] for i in pair): share for pair, share in parts.shares.items() if len(pair) == 2}
    return {
        "main": named(parts.main),
        "pairs": pairs,
        "higher": 1 - parts.of_order(1) - parts.of_order(2),
        "shapley": named(parts.shapley),
        "main_of_ranks": named(of_ranks.main),
        "shapley_of_ranks": named(of_ranks.shapley),
    }


def _correlations(found: RankCorrelations) -> dict[str, Any]:
    arrays = found._asdict()
    return {"names": list(arrays.pop("names"))} | {key: values.tolist() for key, values in arrays.items()}


def _noise(measured: Measurements) -> list[dict[str, float]] | None:
    if measured.noise is None:
        return None
    columns = {key: np.asarray(values).tolist() for key, values in measured.noise._asdict().items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _front(measured: Measurements) -> dict[str, Any] | None:
    front = measured.front
    if front is None:
        return None
    points = zip(measured.values[front.on_front].tolist(), front.costs[front.on_front].tolist(), strict=True)
    return {"cost": front.cost.name, "points": list(map(list, points)), "archs": front.archs.tolist()}

"""The landscape of a benchmark: local optima, random walks, variance by decision, rank correlations, noise, front."""

from nasbench_kit.analysis.landscape.agreement import RankCorrelations, rank_correlations
from nasbench_kit.analysis.landscape.describe import Landscape, describe
from nasbench_kit.analysis.landscape.distances import distances_to_nearest, fitness_distance_correlation
from nasbench_kit.analysis.landscape.measurements import Front, Measurements, measurements_of
from nasbench_kit.analysis.landscape.neighborhood import Neighborhood, single_changes
from nasbench_kit.analysis.landscape.noise import NoiseByRank, noise_by_rank
from nasbench_kit.analysis.landscape.optima import LocalOptima, local_optima, share_within
from nasbench_kit.analysis.landscape.summary import summary
from nasbench_kit.analysis.landscape.surface import Surface, surface_of
from nasbench_kit.analysis.landscape.variance import VarianceParts, functional_anova, mean_effects
from nasbench_kit.analysis.landscape.walks import (
    correlation_length,
    estimated_autocorrelation,
    walk_autocorrelation,
)

__all__ = [
    "Front",
    "Landscape",
    "LocalOptima",
    "Measurements",
    "Neighborhood",
    "NoiseByRank",
    "RankCorrelations",
    "Surface",
    "VarianceParts",
    "correlation_length",
    "describe",
    "distances_to_nearest",
    "estimated_autocorrelation",
    "fitness_distance_correlation",
    "functional_anova",
    "local_optima",
    "mean_effects",
    "measurements_of",
    "noise_by_rank",
    "rank_correlations",
    "share_within",
    "single_changes",
    "summary",
    "surface_of",
    "walk_autocorrelation",
]

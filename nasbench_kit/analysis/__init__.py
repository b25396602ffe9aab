"""From records to statistics: incumbents, regret over time, how alike searches look on two benchmarks."""

from nasbench_kit.analysis.anytime import final_regrets, quantile_curves, regret_curves, time_grid, times_to
from nasbench_kit.analysis.archives import Archives, archives_of
from nasbench_kit.analysis.attainment import (
    AttainmentDifference,
    attained_by_time,
    attained_share,
    attainment_difference,
    attainment_surface,
)
from nasbench_kit.analysis.feasibility import Feasibility, feasibility_of, least_violations
from nasbench_kit.analysis.fronts import Reference, check_fronts, non_dominated, reference_of
from nasbench_kit.analysis.incumbents import improvements, incumbents, may_be_incumbents
from nasbench_kit.analysis.likeness import Likeness, likeness
from nasbench_kit.analysis.panels import Panel, load, panel_of, titled
from nasbench_kit.analysis.random_search import RandomSearchLaw, check_law, random_search_law
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.analysis.speed_up import speed_up
from nasbench_kit.analysis.summary import Summary, summarize
from nasbench_kit.analysis.trajectories import (
    Finals,
    Trajectories,
    check_reported,
    finals_of,
    trajectories_of,
    with_common_best,
)
from nasbench_kit.analysis.volumes import INDICATORS, Indicator, final_values, indicator_curves, indicator_of

__all__ = [
    "INDICATORS",
    "Archives",
    "AttainmentDifference",
    "Feasibility",
    "Finals",
    "Indicator",
    "Likeness",
    "Panel",
    "RandomSearchLaw",
    "Reference",
    "Shown",
    "Summary",
    "Trajectories",
    "archives_of",
    "attained_by_time",
    "attained_share",
    "attainment_difference",
    "attainment_surface",
    "check_fronts",
    "check_law",
    "check_reported",
    "feasibility_of",
    "final_regrets",
    "final_values",
    "finals_of",
    "improvements",
    "incumbents",
    "indicator_curves",
    "indicator_of",
    "least_violations",
    "likeness",
    "load",
    "may_be_incumbents",
    "non_dominated",
    "panel_of",
    "quantile_curves",
    "random_search_law",
    "reference_of",
    "regret_curves",
    "shown",
    "speed_up",
    "summarize",
    "time_grid",
    "times_to",
    "titled",
    "trajectories_of",
    "with_common_best",
]

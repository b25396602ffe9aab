"""From records to statistics: incumbents, regret over time, how alike searches look on two benchmarks."""

from nasbench_kit.analysis.aggregates import Statistic, aggregate, bootstrap_band, quantile_band, standard_error_band
from nasbench_kit.analysis.anytime import final_regrets, quantile_curves, regret_curves, time_grid, times_to
from nasbench_kit.analysis.archive import Archive, write_archive
from nasbench_kit.analysis.areas import area_over_convergence_curves, area_under_ecdf
from nasbench_kit.analysis.bootstrap import Estimate, Interval
from nasbench_kit.analysis.ecdf import Ecdf, running_time_ecdf
from nasbench_kit.analysis.incumbents import improvements, incumbents, may_be_incumbents
from nasbench_kit.analysis.likeness import Likeness, likeness
from nasbench_kit.analysis.panels import Panel, load, panel_of, titled
from nasbench_kit.analysis.profiles import Profile, performance_profiles
from nasbench_kit.analysis.random_search import RandomSearchLaw, check_law, random_search_law
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.analysis.speed_up import speed_up
from nasbench_kit.analysis.stratified import ScoreAggregates, aggregate_scores, probabilities_of_improvement
from nasbench_kit.analysis.summary import Summary, summarize
from nasbench_kit.analysis.targets import (
    RunningTimeIntervals,
    RunningTimes,
    running_time_intervals,
    running_times,
    targets_between,
)
from nasbench_kit.analysis.trajectories import (
    Finals,
    Trajectories,
    check_reported,
    finals_of,
    trajectories_of,
    with_common_best,
)

__all__ = [
    "Archive",
    "Ecdf",
    "Estimate",
    "Finals",
    "Interval",
    "Likeness",
    "Panel",
    "Profile",
    "RandomSearchLaw",
    "RunningTimeIntervals",
    "RunningTimes",
    "ScoreAggregates",
    "Shown",
    "Statistic",
    "Summary",
    "Trajectories",
    "aggregate",
    "aggregate_scores",
    "area_over_convergence_curves",
    "area_under_ecdf",
    "bootstrap_band",
    "check_law",
    "check_reported",
    "final_regrets",
    "finals_of",
    "improvements",
    "incumbents",
    "likeness",
    "load",
    "may_be_incumbents",
    "panel_of",
    "performance_profiles",
    "probabilities_of_improvement",
    "quantile_band",
    "quantile_curves",
    "random_search_law",
    "regret_curves",
    "running_time_ecdf",
    "running_time_intervals",
    "running_times",
    "shown",
    "speed_up",
    "standard_error_band",
    "summarize",
    "targets_between",
    "time_grid",
    "times_to",
    "titled",
    "trajectories_of",
    "with_common_best",
    "write_archive",
]

"""From records to statistics: regret over time, which optimizer is better, how alike searches look elsewhere."""

from nasbench_kit.analysis.aggregates import Statistic, aggregate, bootstrap_band, quantile_band, standard_error_band
from nasbench_kit.analysis.anytime import (
    common_targets,
    final_regrets,
    regret_curves,
    time_grid,
    times_to,
    times_until_half,
)
from nasbench_kit.analysis.archive import Archive, write_archive
from nasbench_kit.analysis.areas import area_over_convergence_curves, area_under_ecdf
from nasbench_kit.analysis.attainment import (
    AttainmentDifference,
    attained_by_time,
    attained_share,
    attainment_difference,
    attainment_surface,
)
from nasbench_kit.analysis.bootstrap import Estimate, Interval
from nasbench_kit.analysis.ecdf import Ecdf, running_time_ecdf
from nasbench_kit.analysis.feasibility import Feasibility, feasibility_of, least_violations
from nasbench_kit.analysis.frames import evaluation_frame, incumbent_frame
from nasbench_kit.analysis.front_trajectories import FrontTrajectories, front_trajectories_of
from nasbench_kit.analysis.fronts import Reference, check_fronts, non_dominated, reference_of
from nasbench_kit.analysis.incumbents import improvements, incumbents, may_be_incumbents
from nasbench_kit.analysis.likeness import Likeness, likeness
from nasbench_kit.analysis.panels import Panel, load, panel_of, titled
from nasbench_kit.analysis.profiles import Profile, performance_profiles
from nasbench_kit.analysis.random_search import RandomSearchLaw, check_law, random_search_law
from nasbench_kit.analysis.ranking import RankingProbability, probability_of_ranking, ranking_with_fewer_runs
from nasbench_kit.analysis.ranks import (
    Cliques,
    Friedman,
    average_ranks,
    better_by_nemenyi,
    cliques,
    critical_difference,
    friedman_test,
    ranks,
)
from nasbench_kit.analysis.ratings import Ratings, bradley_terry, elo_ratings
from nasbench_kit.analysis.scores import normalized_scores
from nasbench_kit.analysis.settled import Verdict, check_tolerance, until_settled, verdicts
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.analysis.significance import PairwiseTests, holm, pairwise_mann_whitney, pairwise_wilcoxon
from nasbench_kit.analysis.speed_up import speed_up
from nasbench_kit.analysis.stratified import ScoreAggregates, aggregate_scores, probabilities_of_improvement
from nasbench_kit.analysis.summary import Summary, selection_bias, summarize
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
from nasbench_kit.analysis.volumes import INDICATORS, Indicator, final_indicator_values, indicator_curves, indicator_of
from nasbench_kit.analysis.win_rates import win_rates

__all__ = [
    "INDICATORS",
    "Archive",
    "AttainmentDifference",
    "Cliques",
    "Ecdf",
    "Estimate",
    "Feasibility",
    "Finals",
    "Friedman",
    "FrontTrajectories",
    "Indicator",
    "Interval",
    "Likeness",
    "PairwiseTests",
    "Panel",
    "Profile",
    "RandomSearchLaw",
    "RankingProbability",
    "Ratings",
    "Reference",
    "RunningTimeIntervals",
    "RunningTimes",
    "ScoreAggregates",
    "Shown",
    "Statistic",
    "Summary",
    "Trajectories",
    "Verdict",
    "aggregate",
    "aggregate_scores",
    "area_over_convergence_curves",
    "area_under_ecdf",
    "attained_by_time",
    "attained_share",
    "attainment_difference",
    "attainment_surface",
    "average_ranks",
    "better_by_nemenyi",
    "bootstrap_band",
    "bradley_terry",
    "check_fronts",
    "check_law",
    "check_reported",
    "check_tolerance",
    "cliques",
    "common_targets",
    "critical_difference",
    "elo_ratings",
    "evaluation_frame",
    "feasibility_of",
    "final_indicator_values",
    "final_regrets",
    "finals_of",
    "friedman_test",
    "front_trajectories_of",
    "holm",
    "improvements",
    "incumbent_frame",
    "incumbents",
    "indicator_curves",
    "indicator_of",
    "least_violations",
    "likeness",
    "load",
    "may_be_incumbents",
    "non_dominated",
    "normalized_scores",
    "pairwise_mann_whitney",
    "pairwise_wilcoxon",
    "panel_of",
    "performance_profiles",
    "probabilities_of_improvement",
    "probability_of_ranking",
    "quantile_band",
    "random_search_law",
    "ranking_with_fewer_runs",
    "ranks",
    "reference_of",
    "regret_curves",
    "running_time_ecdf",
    "running_time_intervals",
    "running_times",
    "selection_bias",
    "shown",
    "speed_up",
    "standard_error_band",
    "summarize",
    "targets_between",
    "time_grid",
    "times_to",
    "times_until_half",
    "titled",
    "trajectories_of",
    "until_settled",
    "verdicts",
    "win_rates",
    "with_common_best",
    "write_archive",
]

"""From records to statistics: regret over time, which optimizer is better, how alike searches look elsewhere."""

from nasbench_kit.analysis.anytime import final_regrets, quantile_curves, regret_curves, time_grid, times_to
from nasbench_kit.analysis.archive import Archive, write_archive
from nasbench_kit.analysis.incumbents import improvements, incumbents, may_be_incumbents
from nasbench_kit.analysis.likeness import Likeness, likeness
from nasbench_kit.analysis.panels import Panel, load, panel_of, titled
from nasbench_kit.analysis.random_search import RandomSearchLaw, check_law, random_search_law
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
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.analysis.significance import PairwiseTests, holm, pairwise_mann_whitney, pairwise_wilcoxon
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
from nasbench_kit.analysis.win_rates import win_rates

__all__ = [
    "Archive",
    "Cliques",
    "Finals",
    "Friedman",
    "Likeness",
    "PairwiseTests",
    "Panel",
    "RandomSearchLaw",
    "Ratings",
    "Shown",
    "Summary",
    "Trajectories",
    "average_ranks",
    "better_by_nemenyi",
    "bradley_terry",
    "check_law",
    "check_reported",
    "cliques",
    "critical_difference",
    "elo_ratings",
    "final_regrets",
    "finals_of",
    "friedman_test",
    "holm",
    "improvements",
    "incumbents",
    "likeness",
    "load",
    "may_be_incumbents",
    "pairwise_mann_whitney",
    "pairwise_wilcoxon",
    "panel_of",
    "quantile_curves",
    "random_search_law",
    "ranks",
    "regret_curves",
    "shown",
    "speed_up",
    "summarize",
    "time_grid",
    "times_to",
    "titled",
    "trajectories_of",
    "win_rates",
    "with_common_best",
    "write_archive",
]

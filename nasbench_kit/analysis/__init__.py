"""From records to statistics: incumbents, regret over time, how alike searches look on two benchmarks."""

from nasbench_kit.analysis.anytime import quantile_curves, regret_curves, time_grid
from nasbench_kit.analysis.incumbents import anytime_regret, incumbents, may_be_incumbents
from nasbench_kit.analysis.likeness import Likeness, likeness
from nasbench_kit.analysis.outcomes import Finals, Outcomes, check_reported, finals_of, outcomes_of, with_common_best
from nasbench_kit.analysis.random_search import RandomSearchLaw, check_law, random_search_law
from nasbench_kit.analysis.ranking import RankingProbability, probability_of_ranking, ranking_with_fewer_runs
from nasbench_kit.analysis.settled import Verdict, check_tolerance, until_settled, verdicts
from nasbench_kit.analysis.shown import Shown, shown
from nasbench_kit.analysis.speed_up import speed_up
from nasbench_kit.analysis.summary import Summary, summarize

__all__ = [
    "Finals",
    "Likeness",
    "Outcomes",
    "RandomSearchLaw",
    "RankingProbability",
    "Shown",
    "Summary",
    "Verdict",
    "anytime_regret",
    "check_law",
    "check_reported",
    "check_tolerance",
    "finals_of",
    "incumbents",
    "likeness",
    "may_be_incumbents",
    "outcomes_of",
    "probability_of_ranking",
    "quantile_curves",
    "random_search_law",
    "ranking_with_fewer_runs",
    "regret_curves",
    "shown",
    "speed_up",
    "summarize",
    "time_grid",
    "until_settled",
    "verdicts",
    "with_common_best",
]

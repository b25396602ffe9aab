"""From records to statistics: incumbents, regret over time, how alike searches look on two benchmarks."""

from nasbench_kit.analysis.anytime import final_regrets, quantile_curves, regret_curves, time_grid, times_to
from nasbench_kit.analysis.frames import evaluation_frame, incumbent_frame
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

__all__ = [
    "Finals",
    "Likeness",
    "Panel",
    "RandomSearchLaw",
    "Shown",
    "Summary",
    "Trajectories",
    "check_law",
    "check_reported",
    "evaluation_frame",
    "final_regrets",
    "finals_of",
    "improvements",
    "incumbent_frame",
    "incumbents",
    "likeness",
    "load",
    "may_be_incumbents",
    "panel_of",
    "quantile_curves",
    "random_search_law",
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

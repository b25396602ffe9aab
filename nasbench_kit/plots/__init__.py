"""Figures: every function draws on the Axes that it is given; those named figures make one."""

from nasbench_kit.plots.anytime import compare_figure, plot_anytime
from nasbench_kit.plots.architectures import plot_coordinates
from nasbench_kit.plots.cells import architecture_figure, operation_colors, plot_graph
from nasbench_kit.plots.curves import BAND, Anytime
from nasbench_kit.plots.differences import plot_critical_difference, plot_win_rates
from nasbench_kit.plots.evaluation import evaluation_figure, plot_calibration, plot_predicted, plot_residuals
from nasbench_kit.plots.fronts import plot_attainment, plot_attainment_difference, plot_front
from nasbench_kit.plots.kinds import KINDS, Kind, draw, selected
from nasbench_kit.plots.looks import Look, looks_of
from nasbench_kit.plots.ranks import plot_ranks
from nasbench_kit.plots.scores import plot_intervals, plot_profiles
from nasbench_kit.plots.single_runs import plot_trainings, plot_workers
from nasbench_kit.plots.style import (
    SIZES,
    ShownFigure,
    add_caption,
    check_picture,
    drawn_at,
    quiet,
    save_figure,
    size_of,
)
from nasbench_kit.plots.targets import plot_ecdf, plot_times
from nasbench_kit.plots.volumes import plot_volume

__all__ = [
    "BAND",
    "KINDS",
    "SIZES",
    "Anytime",
    "Kind",
    "Look",
    "ShownFigure",
    "add_caption",
    "architecture_figure",
    "check_picture",
    "compare_figure",
    "draw",
    "drawn_at",
    "evaluation_figure",
    "looks_of",
    "operation_colors",
    "plot_anytime",
    "plot_attainment",
    "plot_attainment_difference",
    "plot_calibration",
    "plot_coordinates",
    "plot_critical_difference",
    "plot_ecdf",
    "plot_front",
    "plot_graph",
    "plot_intervals",
    "plot_predicted",
    "plot_profiles",
    "plot_ranks",
    "plot_residuals",
    "plot_times",
    "plot_trainings",
    "plot_volume",
    "plot_win_rates",
    "plot_workers",
    "quiet",
    "save_figure",
    "selected",
    "size_of",
]

"""Figures: every function draws on the Axes that it is given; those named figures make one."""

from nasbench_kit.plots.anytime import BAND, compare_figure, plot_anytime
from nasbench_kit.plots.cells import architecture_figure, operation_colors, plot_graph
from nasbench_kit.plots.evaluation import evaluation_figure, plot_calibration, plot_predicted, plot_residuals
from nasbench_kit.plots.fronts import plot_attainment_difference, plot_front, plot_volume
from nasbench_kit.plots.style import ShownFigure, add_caption, check_picture, quiet, save_figure

__all__ = [
    "BAND",
    "ShownFigure",
    "add_caption",
    "architecture_figure",
    "check_picture",
    "compare_figure",
    "evaluation_figure",
    "operation_colors",
    "plot_anytime",
    "plot_attainment_difference",
    "plot_calibration",
    "plot_front",
    "plot_graph",
    "plot_predicted",
    "plot_residuals",
    "plot_volume",
    "quiet",
    "save_figure",
]

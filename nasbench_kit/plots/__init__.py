"""Figures: every function draws on the Axes that it is given; those named figures make one."""

from nasbench_kit.plots.anytime import compare_figure, plot_anytime
from nasbench_kit.plots.cells import architecture_figure, operation_colors, plot_graph
from nasbench_kit.plots.curves import BAND, Anytime
from nasbench_kit.plots.evaluation import evaluation_figure, plot_calibration, plot_predicted, plot_residuals
from nasbench_kit.plots.fronts import plot_attainment_difference, plot_front, plot_volume
from nasbench_kit.plots.kinds import KINDS, Kind, draw, selected
from nasbench_kit.plots.looks import Look, looks_of
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
    "plot_attainment_difference",
    "plot_calibration",
    "plot_front",
    "plot_graph",
    "plot_predicted",
    "plot_residuals",
    "plot_volume",
    "quiet",
    "save_figure",
    "selected",
    "size_of",
]

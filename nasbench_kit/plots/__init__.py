"""Figures: every function draws on the Axes that it is given; those named figures make one."""

from nasbench_kit.plots.anytime import BAND, compare_figure, plot_anytime
from nasbench_kit.plots.cells import architecture_figure, operation_colors, plot_graph

__all__ = ["BAND", "architecture_figure", "compare_figure", "operation_colors", "plot_anytime", "plot_graph"]

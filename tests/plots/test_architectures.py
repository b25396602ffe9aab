"""Parallel coordinates of architectures and cells of incumbents, by what is drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.plots import plot_coordinates
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space


@pytest.fixture
def ax():
    return Figure().subplots()


def test_a_line_passes_by_the_choices_of_its_architecture(ax):
    archs = np.array([[0, 1, 2, 3, 4, 0], [3, 3, 3, 3, 3, 3], [1, 1, 1, 1, 1, 1]], np.uint8)
    plot_coordinates(ax, NASBench201Space(), archs, np.array([0.9, 0.5, np.nan]))
    worse, better = (np.rint(4 * segment[:, 1]).tolist() for segment in ax.collections[0].get_segments())
    assert worse == [3, 3, 3, 3, 3, 3]
    assert better == [0, 1, 2, 3, 4, 0]
    (best,) = [line for line in ax.lines if line.get_gid() == "best"]
    assert np.rint(4 * best.get_ydata()).tolist() == better
    assert [text.get_text() for text in ax.get_yticklabels()] == list(NASBench201Space().decisions[0].choices)


def test_decisions_with_choices_of_their_own_have_them_beside_their_axis(ax):
    space = ChoiceSpace("toy", {"width": ("16", "32"), "kernel": ("3x3", "5x5", "7x7")})
    plot_coordinates(ax, space, np.array([[0, 2]], np.uint8), np.array([0.5]))
    assert [text.get_text() for text in ax.texts] == ["16", "32", "3x3", "5x5", "7x7"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["width", "kernel"]


def test_architectures_without_values_are_refused(ax):
    with pytest.raises(SettingError, match="no architecture with a value"):
        plot_coordinates(ax, NASBench201Space(), np.zeros((1, 6), np.uint8), np.array([np.nan]))


@pytest.fixture(scope="module")
def made():
    optimizers = ["random_search", "local_search"]
    return nbk.compare("nasbench201/cifar10", optimizers, runs=2, n_evaluations=9, n_processes=1, progress=print)


@pytest.mark.parametrize(("width", "least", "most"), [("text", 5.6, 8), ("slide", 10.4, 15), ("column", 4, 8)])
def test_cells_of_incumbents_have_letters_of_one_size_that_fit_their_boxes(made, width, least, most):
    figure = made.figure("incumbents", width=width)
    figure.set_dpi(400)  # at few dots letters are rounded to wider ones
    figure.draw_without_rendering()
    sizes = {text.get_fontsize() for ax in figure.axes for text in ax.texts}
    assert max(sizes) == pytest.approx(min(sizes))
    assert least <= max(sizes) <= most + 1e-6
    for ax in figure.axes:
        boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
        for box, text in zip(boxes, ax.texts, strict=True):
            outer, inner = box.get_window_extent(), text.get_window_extent()
            assert outer.x0 < inner.x0 < inner.x1 < outer.x1

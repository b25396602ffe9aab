from itertools import combinations

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Trajectories


@pytest.fixture(scope="session")
def runs_of():
    """Runs that evaluate once a second and see these values; the best of the benchmark is 0.9."""

    def make(*values, metric="val_accuracy", best=0.9, times_s=None, **what):
        told = [np.array(run, float) for run in values]
        finished_s = [np.arange(1.0, len(run) + 1) if times_s is None else np.array(times_s) for run in told]
        runs = list(zip(finished_s, told, told, strict=True))
        return Trajectories.of_arrays(nbk.Metric.from_name(metric), runs, best=best, **what)

    return make


@pytest.fixture(scope="session")
def panel_of_many(runs_of):
    """So many optimizers, the first of them the best, some with names as long as they get."""

    def make(n, n_runs=3, n_evaluations=40):
        panel = {}
        for k in range(n):
            rng = np.random.default_rng(k)
            values = [0.9 - (0.02 + k / 100) * rng.uniform(0.2, 1, n_evaluations) for _ in range(n_runs)]
            if k == 0:
                values[0][-1] = values[1][-1] = 0.9  # the best
            name = (
                "random_search"
                if k == n - 1
                else f"optimizer_{k}" + " (population_size=50, sample_size=25)" * (k % 4 == 1)
            )
            panel[name] = runs_of(*values, times_s=np.cumsum(rng.uniform(900, 2_000, n_evaluations)))
        return panel

    return make


def boxes_of_texts(figure):
    """Text -> its extent, of all that is drawn."""
    figure.draw_without_rendering()
    texts = list(figure.texts)  # the caption is one of them
    for legend in (*figure.legends, *filter(None, (ax.get_legend() for ax in figure.axes))):
        texts += legend.get_texts()
    for ax in figure.axes:
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text is not None and text.get_text()]


@pytest.fixture(scope="session")
def check_texts():
    """Refuses a figure of which a text is cut off, or lies on another one."""

    def check(figure, *, apart=True):
        boxes = boxes_of_texts(figure)
        for text, box in boxes:
            assert figure.bbox.x0 - 1 <= box.x0, text
            assert box.x1 <= figure.bbox.x1 + 1, text
            assert figure.bbox.y0 - 1 <= box.y0, text
            assert box.y1 <= figure.bbox.y1 + 1, text
        for (one, box), (other, second) in combinations(boxes, 2) if apart else ():
            inside = min(box.x1, second.x1) - max(box.x0, second.x0), min(box.y1, second.y1) - max(box.y0, second.y0)
            assert min(inside) <= 1, (one, other)

    return check

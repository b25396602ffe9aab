"""Speed-up over random search: by hand, and what cannot be compared."""

from dataclasses import replace
from math import inf, isnan

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Trajectories, random_search_law, speed_up
from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import ChoiceSpace


@pytest.fixture
def law(tmp_path):
    """Of four architectures that cost a second each and have the values .1, .2, .3, .4."""
    space = ChoiceSpace("four", {"a": ("x", "y"), "b": ("x", "y")})
    archs = [space.format(arch) for arch in space.all_archs().tolist()]
    frame = {"arch": archs, "val_accuracy": [0.1, 0.2, 0.3, 0.4], "cost_s": [1.0] * 4}
    nbk.Table.from_frame(frame, tmp_path / "t.h5", name="four", space=space, metrics=["val_accuracy", "cost_s"])
    return random_search_law(nbk.load("four/default", results=tmp_path / "t.h5"), n_evaluations=20, clock="evaluations")


def trajectories(law, *runs):
    told = [np.array(run) for run in runs]
    columns = [(np.arange(1.0, len(run) + 1), run, run) for run in told]
    return Trajectories.of_arrays(law.metric, columns, best=0.4, axis="evaluations")


def test_half_of_all_random_runs_find_one_of_four_in_the_third_evaluation(law):
    assert law.time_until(0.4) == 3.0  # 1 - (3/4)^n is .44 after two, .58 after three
    assert law.time_until(0.3) == 1.0  # two of four are as good
    assert law.time_until(0.41) == inf


def test_who_finds_it_at_once_is_three_times_as_fast(law):
    assert speed_up(trajectories(law, [0.4, 0.4]), law) == 3.0
    assert speed_up(trajectories(law, [0.1, 0.2, 0.1, 0.1, 0.1, 0.4]), law) == 0.5
    assert (
        speed_up(trajectories(law, [0.4], [0.1, 0.4], [0.1, 0.1, 0.1]), law, target=0.4) == 1.5
    )  # half of three is two


def test_a_target_that_one_of_them_never_reaches_is_said(law):
    assert speed_up(trajectories(law, [0.41]), law) == inf
    assert isnan(speed_up(trajectories(law, [0.1, 0.2]), law, target=0.4))


def test_another_metric_is_refused(law):
    other = replace(trajectories(law, [0.4]), metric=nbk.Metric.from_name("test_accuracy"))
    with pytest.raises(SettingError, match=r"the law is of val_accuracy, and the runs are reported by test_accuracy"):
        speed_up(other, law)


def test_another_clock_is_refused(law):
    assert law.clock == "evaluations"
    with pytest.raises(SettingError, match=r"the law counts evaluations, and the runs count seconds"):
        speed_up(replace(trajectories(law, [0.4]), axis="seconds"), law)


def test_runs_without_any_incumbent_have_no_speed(law):
    assert isnan(speed_up(trajectories(law, [-inf, -inf]), law))

"""How alike searches look on two benchmarks: what the notebook on the claims of surrogate benchmarks computes."""

import numpy as np
import pytest

from nasbench_kit.analysis import Outcomes, likeness
from nasbench_kit.errors import SettingError


def runs(*regrets, best=1.0):
    """Outcomes of runs that find, at seconds 1, 2, 4, ..., architectures of these regrets."""
    judged = [best - np.array(each) for each in regrets]
    times = 2.0 ** np.arange(len(regrets[0]))
    return Outcomes("val_accuracy", [times] * len(judged), judged, judged, best, 1, "fraction")


def test_searches_on_the_same_benchmark_are_alike():
    one = {"a": runs([0.5, 0.3, 0.1], [0.5, 0.2, 0.1]), "b": runs([0.6, 0.6, 0.2], [0.6, 0.5, 0.2])}
    found = likeness(one, one)
    assert max(distance.max() for distance in found.distance.values()) == 0
    assert (found.agreement == 1).all()


def test_the_distance_is_that_of_mean_regrets_whatever_the_best_of_each_benchmark_is():
    one = {"a": runs([0.5, 0.3]), "b": runs([0.4, 0.2])}
    other = {"a": runs([0.4, 0.1], best=0.8), "b": runs([0.4, 0.2], best=0.8)}
    found = likeness(one, other, n_times=5)
    assert found.distance["a"] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.2])
    assert found.distance["b"] == pytest.approx(np.zeros(5))


def test_an_order_that_is_turned_around_counts_as_such_only_where_the_runs_settle_it():
    one = {"a": runs([0.5, 0.30], [0.5, 0.32]), "b": runs([0.4, 0.3], [0.6, 0.1])}
    turned = {"a": runs([0.4, 0.1], [0.4, 0.1]), "b": runs([0.5, 0.3], [0.5, 0.3])}
    found = likeness(one, turned, n_times=3, errors=1)
    assert found.agreement[-1] == 0
    assert found.settled.tolist() == [[False, False, True]]  # at first both are at 0.5 on average


def test_other_optimizers_cannot_be_compared():
    with pytest.raises(SettingError, match=r"optimizers \['a'\] and \['b'\]"):
        likeness({"a": runs([0.1])}, {"b": runs([0.1])})

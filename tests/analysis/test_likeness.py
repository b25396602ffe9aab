"""How alike searches look on two benchmarks."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Trajectories, likeness
from nasbench_kit.errors import SettingError

ACCURACY = nbk.Metric.from_name("val_accuracy")


def runs(*regrets, best=1.0):
    """Trajectories of runs that find, at seconds 1, 2, 4, ..., architectures of these regrets."""
    reported = [best - np.array(each) for each in regrets]
    times = 2.0 ** np.arange(len(regrets[0]))
    return Trajectories.of_arrays(ACCURACY, [(times, each, each) for each in reported], best=best)


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


def test_an_optimizer_without_any_incumbent_has_no_curve():
    never = Trajectories.of_arrays(ACCURACY, [(np.ones(1), np.full(1, -np.inf), np.ones(1))], best=1.0)
    with pytest.raises(SettingError, match="no run of b finished an evaluation that counts"):
        likeness({"a": runs([0.5, 0.3]), "b": never}, {"a": runs([0.5, 0.3]), "b": never})

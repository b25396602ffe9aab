"""The clock of evaluations, for benchmarks that record no seconds and comparisons that do not ask for them."""

import numpy as np
import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import RandomSearch
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.study import Configuration, Study


@pytest.fixture
def free(make_benchmark, stored):
    """A benchmark without costs."""
    return make_benchmark(stored("val_accuracy", np.arange(6) / 10))


def searched(bench, n_evaluations=12, **how):
    rng = np.random.default_rng(0)
    return simulate(bench, RandomSearch(task_of(bench), rng), rng=rng, n_evaluations=n_evaluations, **how)


def test_every_trial_takes_one(free):
    records = searched(free, clock=EVALUATIONS)
    assert records.finished_s.tolist() == list(range(1, 13))
    assert np.isnan(records.cost_s).all()


def test_workers_work_at_the_same_time(free):
    records = searched(free, clock=EVALUATIONS, n_workers=5)
    assert records.finished_s.tolist() == [1] * 5 + [2] * 5 + [3] * 2
    assert sorted(records.worker.tolist()[:5]) == list(range(5))


def test_recorded_costs_do_not_move_it(cifar10):
    seconds, evaluations = searched(cifar10), searched(cifar10, clock=EVALUATIONS)
    assert evaluations.archs.tolist() == seconds.archs.tolist()
    assert evaluations.cost_s.tolist() == seconds.cost_s.tolist()
    assert evaluations.finished_s.tolist() == list(range(1, 13))
    np.testing.assert_allclose(seconds.finished_s, np.cumsum(seconds.cost_s))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"clock": EVALUATIONS, "budget_s": 5.0}, "budget_s needs a clock of seconds, and this one counts evaluations"),
        ({"clock": "steps"}, "clock='steps'; choose from 'seconds', 'evaluations', 'epochs'"),
        ({"clock": EVALUATIONS, "n_evaluations": None}, "no budget"),
    ],
)
def test_what_does_not_fit_the_clock_is_refused(free, how, message):
    settings = {"n_evaluations": 3} | how
    with pytest.raises(SettingError, match=message):
        searched(free, **settings)
    with pytest.raises(SettingError, match=message):
        Configuration.of(free, "random_search", **settings)


def test_a_clock_that_is_not_the_default_one_is_part_of_what_makes_runs_the_same():
    key = Configuration("nasbench201/cifar10", "ab", "random_search", {}, Rules(n_evaluations=20))
    other = Configuration("nasbench201/cifar10", "ab", "random_search", {}, Rules(n_evaluations=20, clock=EVALUATIONS))
    assert "clock" not in key.identity
    assert '"clock": "evaluations"' in other.identity
    assert other != key


def test_a_study_keeps_the_clock(free, tmp_path):
    key = Configuration.of(free, "random_search", n_evaluations=7, clock=EVALUATIONS)
    with Study(tmp_path / "s.db") as study:
        study.run([key], range(2), n_processes=1)
    with Study(tmp_path / "s.db") as study:
        (stored,) = study.configurations()
        assert stored == key
        assert stored.rules.clock == EVALUATIONS
        assert [run.records.finished_s.tolist() for run in study.runs(stored)] == [list(range(1, 8))] * 2

"""What runs do under constraints, by hand."""

from math import inf, nan

import numpy as np
import pytest

from nasbench_kit.analysis.feasibility import feasibility_of, least_violations
from nasbench_kit.errors import SettingError
from nasbench_kit.simulator import Rules

RULES = Rules(budget_s=9)


@pytest.fixture
def limited(letters):
    columns = {"val_accuracy": [0.9, 0.8, 0.7], "params_m": [3.0, 1.0, 2.0]}
    return letters(benchmark={"constraints": ["params_m<=1.5"]}, **columns)


def test_feasibility_by_hand(limited, records):
    late = records([0, 2, 1, 0], [0.9, 0.7, 0.8, 0.9], violation=[1.5, 0.5, 0, 1.5], cost_s=[4.0, 1, 2, 3])
    never = records([0, 2], [0.9, 0.7], violation=[1.5, 0.5])
    empty = records([], [])
    found = feasibility_of(limited, [late, never, empty], RULES)
    np.testing.assert_allclose(found.first, [3, inf, inf])
    np.testing.assert_allclose(found.infeasible_share, [0.75, 1, nan])
    np.testing.assert_allclose(found.infeasible_cost_share, [0.8, 1, nan])
    np.testing.assert_allclose(found.mean_violation, [0.875, 1, nan])
    np.testing.assert_allclose(found.least_violation, [0, 0.5, inf])
    np.testing.assert_allclose(found.found_share(np.array([2.9, 3.0, 99.0])), [0, 1 / 3, 1 / 3])


def test_the_least_violation_over_time(records):
    runs = [records([0, 2, 1, 0], [0.9, 0.7, 0.8, 0.9], violation=[1.5, 0.5, 0, 1.5]), records([], [])]
    found = least_violations(runs, np.array([0.5, 1.0, 2.5, 3.0, 99.0]))
    np.testing.assert_array_equal(found, [[inf, 1.5, 0.5, 0, 0], [inf] * 5])


def test_a_failed_training_is_not_feasible_although_it_exceeds_nothing(limited, records):
    run = records([1, 2], [nan, 0.7], failed=[True, False], violation=[0.0, 0.5])
    found = feasibility_of(limited, [run], RULES)
    assert (found.first[0], found.infeasible_share[0], found.least_violation[0]) == (inf, 0.5, 0.5)
    assert least_violations([run], np.array([1.0, 2.0])).tolist() == [[inf, 0.5]]


@pytest.mark.parametrize(
    ("constraints", "n_runs", "message"),
    [([], 1, "has no constraints, so all is feasible"), (["params_m<=1.5"], 0, "no run; give one or more")],
)
def test_without_constraints_or_runs_there_is_nothing_to_say(letters, records, constraints, n_runs, message):
    bench = letters(benchmark={"constraints": constraints}, val_accuracy=[0.9, 0.8], params_m=[3.0, 1.0])
    with pytest.raises(SettingError, match=message):
        feasibility_of(bench, [records([0], [0.9])] * n_runs, RULES)

"""Scores of several benchmarks, side by side."""

import numpy as np
import pytest

from nasbench_kit.analysis import normalized_scores
from nasbench_kit.errors import SettingError


def test_scores_go_from_the_worst_run_of_a_benchmark_to_its_best():
    scores = normalized_scores(
        [
            {"a": np.array([0.0, 0.1]), "b": np.array([0.2, 0.05])},
            {"a": np.array([30.0]), "b": np.array([10.0, 40.0, np.nan])},
        ]
    )
    assert [each.tolist() for each in scores["a"]] == [[1.0, 0.5], [0.25]]
    assert [each.tolist() for each in scores["b"]] == [[0.0, 0.75], [0.75, 0.0, 0.0]]


def test_all_are_as_good_as_the_best_where_no_run_has_a_regret():
    scores = normalized_scores([{"a": np.zeros(2), "b": np.array([0.0, np.nan])}])
    assert [scores[name][0].tolist() for name in "ab"] == [[1.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("regrets", "message"),
    [
        ([], "regrets of no optimizer"),
        ([{"a": np.zeros(2)}, {"b": np.zeros(2)}], "b has no runs on benchmark 1 of 2"),
        ([{"a": np.zeros(0)}], "a has no runs on benchmark 1 of 1"),
    ],
)
def test_missing_runs_are_refused(regrets, message):
    with pytest.raises(SettingError, match=message):
        normalized_scores(regrets)

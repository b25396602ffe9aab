import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis.landscape import noise_by_rank
from nasbench_kit.errors import SettingError

RUNS = np.array([[1.0, 5, 9, 3], [3.0, 5, 7, np.nan]])  # means 2, 5, 8; the last was trained once


def test_noise_by_rank_counted_by_hand():
    found = noise_by_rank(RUNS, 1, (0.34, 1))
    assert found.n_archs.tolist() == [1, 2]
    np.testing.assert_allclose(found.mean_sd, [2**0.5, 2**0.5 / 2])
    np.testing.assert_allclose(found.median_sd, [2**0.5, 2**0.5 / 2])
    assert found.span.tolist() == [0, 3]


def test_the_best_come_first_whatever_is_better():
    assert noise_by_rank(np.array([[1.0, 5], [1.0, 7]]), 1, (0.5, 1)).mean_sd.tolist() == pytest.approx([2**0.5, 0])
    assert noise_by_rank(np.array([[1.0, 5], [1.0, 7]]), -1, (0.5, 1)).mean_sd.tolist() == pytest.approx([0, 2**0.5])


def test_groups_that_no_architecture_falls_into_are_left_out():
    assert noise_by_rank(RUNS, 1, (0.01, 1)).shares == (1,)


def test_single_runs_show_no_noise():
    assert noise_by_rank(RUNS[:1], 1) is None


@pytest.mark.parametrize("shares", [(), (0.5, 0.5), (0, 1), (0.5, 1.1)])
def test_shares_that_are_no_ends_of_groups_are_refused(shares):
    with pytest.raises(SettingError, match="ascending numbers above 0, at most 1, expected"):
        noise_by_rank(RUNS, 1, shares)


# Of the official data, computed by another program for this project: percentage points between the runs of the hundred
# best by their mean, and the span of these means.
@pytest.mark.parametrize(
    ("dataset", "sd", "worst", "best"),
    [("cifar10", 0.145, 91.05, 91.61), ("cifar100", 0.406, 71.33, 73.49), ("imagenet16-120", 0.444, 45.40, 46.73)],
)
def test_the_noise_among_the_best_of_nasbench201_is_what_was_found_before(dataset, sd, worst, best):
    runs = 100 * nbk.load(f"nasbench201/{dataset}").results.runs(dataset, "val_accuracy")[:, 0]
    found = noise_by_rank(runs, 1, (100 / runs.shape[1], 1))
    assert found.n_archs[0] == 100
    assert found.mean_sd[0] == pytest.approx(sd, abs=6e-4)
    assert found.span[0] == pytest.approx(best - worst, abs=0.011)

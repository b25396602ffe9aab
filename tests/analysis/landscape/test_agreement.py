import numpy as np
import pytest

from nasbench_kit.analysis.landscape import rank_correlations
from nasbench_kit.errors import SettingError


def test_rank_correlations_counted_by_hand():
    found = rank_correlations({"one": np.array([1.0, 2, 3, 4]), "other": np.array([1.0, 3, 2, 4])})
    assert found.names == ("one", "other")
    assert found.kendall_tau[0, 1] == pytest.approx((5 - 1) / 6)  # one of six pairs in another order
    assert found.spearman[1, 0] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert found.kendall_tau.diagonal().tolist() == [1, 1]


def test_what_one_column_does_not_know_does_not_count():
    found = rank_correlations({"one": np.array([1.0, 2, 3, np.nan]), "other": np.array([np.nan, 2, 1, 3])})
    assert found.n_archs.tolist() == [[3, 2], [2, 3]]
    assert found.kendall_tau[0, 1] == -1


def test_columns_that_do_not_vary_have_no_rank_correlation():
    found = rank_correlations({"one": np.arange(3.0), "other": np.ones(3)})
    assert np.isnan(found.kendall_tau[0, 1])
    assert np.isnan(found.spearman[0, 1])


def test_columns_of_different_architectures_are_refused():
    with pytest.raises(SettingError, match="columns of different length: one 2, other 3; values of the same arch"):
        rank_correlations({"one": np.ones(2), "other": np.ones(3)})

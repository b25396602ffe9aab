"""Average ranks over time, by what is drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.plots import plot_ranks


@pytest.fixture
def ax():
    return Figure().subplots()


def whole(ax, label):
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return dict(zip(*line.get_data(), strict=True))


def test_the_best_is_on_top_and_ties_share_their_rank(ax, runs_of):
    benchmark = {
        "a": runs_of([0.1, 0.8], [0.1, 0.8]),
        "b": runs_of([0.1, 0.5], [0.1, 0.5]),
        "c": runs_of([0.1, 0.5], [0.1, 0.5]),
    }
    assert plot_ranks(ax, [benchmark]) == "simulated time [s]"
    for label, last in {"a": 1.0, "b": 2.5, "c": 2.5}.items():
        assert whole(ax, label)[1.0] == 2.0
        assert whole(ax, label)[2.0] == last
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_who_has_no_incumbent_yet_is_last_and_dotted(ax, runs_of):
    benchmark = {"early": runs_of([0.1, 0.2, 0.3]), "late": runs_of([0.8], times_s=[3.0])}
    plot_ranks(ax, [benchmark])
    (dotted,) = [line for line in ax.lines if line.get_gid() == "before late"]
    assert dotted.get_ydata()[0] == 2.0
    assert whole(ax, "late") == {3.0: 1.0}


def test_several_benchmarks_are_averaged_over_the_share_of_their_budgets(ax, runs_of):
    one = {"a": runs_of([0.1, 0.8], budgets={"seconds": 2.0}), "b": runs_of([0.2, 0.5], budgets={"seconds": 2.0})}
    times = [100.0, 200.0]
    other = {
        "a": runs_of([0.2, 0.8], times_s=times, budgets={"seconds": 200.0}),
        "b": runs_of([0.1, 0.9], times_s=times, budgets={"seconds": 200.0}),
    }
    assert plot_ranks(ax, [one, other]) == "simulated time, as a share of the budget"
    assert whole(ax, "a")[0.5] == 1.5
    assert whole(ax, "a")[1.0] == 1.5
    assert ax.get_xlim() == (0.5, 1.0)


def test_ranks_of_all_pairs_and_of_seeds_agree_where_one_always_wins(runs_of):
    benchmark = {"a": runs_of([0.8], [0.7], [0.8]), "b": runs_of([0.1], [0.2], [0.1])}
    for by in ("seed", "every pair", "median"):
        ax = Figure().subplots()
        plot_ranks(ax, [benchmark], by=by)
        assert set(whole(ax, "a").values()) == {1.0}


def test_unequal_numbers_of_runs_are_ranked_by_every_pair(ax, runs_of):
    benchmark = {"a": runs_of([0.8], [0.1]), "b": runs_of([0.5])}
    plot_ranks(ax, [benchmark])
    assert list(whole(ax, "a").values())[-1] == 1.5
    with pytest.raises(SettingError, match="runs ranked by seed; as many of each expected"):
        plot_ranks(ax, [benchmark], by="seed")


def test_what_has_no_ranks_is_refused(ax, runs_of):
    with pytest.raises(SettingError, match="ranks of 1 optimizer; two or more expected"):
        plot_ranks(ax, [{"a": runs_of([0.1])}])
    with pytest.raises(SettingError, match="none of these runs has an incumbent"):
        plot_ranks(ax, [{"a": runs_of([-np.inf]), "b": runs_of([-np.inf])}])
    with pytest.raises(UnknownNameError, match="unknown axis of these runs 'joules'"):
        plot_ranks(ax, [{"a": runs_of([0.1]), "b": runs_of([0.1])}], axis="joules")

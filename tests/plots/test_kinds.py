"""Kinds of figures of a comparison: what is drawn of it, in which order, under which labels."""

import pytest

import nasbench_kit as nbk
from nasbench_kit.comparison import Comparison
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.plots import KINDS, Kind, draw, selected
from nasbench_kit.plots.kinds import check_choices
from nasbench_kit.plots.style import ShownFigure


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("kinds") / "study.db"
    nbk.compare(
        ["nasbench201/cifar10", "nasbench201/cifar100"],
        ["random_search", ("local_search", {"n_initial": 5}), ("local_search", {}, "LS")],
        runs=2,
        n_evaluations=20,
        study=path,
        n_processes=1,
        progress=lambda done, of: None,
    )
    return path


@pytest.fixture(scope="module")
def made(study):
    return Comparison.of_study(study)


def shown(figure):
    return [ax.get_title() for ax in figure.axes], [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_figure_is_drawn_from_a_study_alone(made):
    assert shown(made.figure()) == (
        ["NAS-Bench-201, CIFAR-10", "NAS-Bench-201, CIFAR-100"],
        ["random search", "local search (n initial 5)", "LS"],
    )


def test_what_is_chosen_is_drawn_in_its_order_under_its_labels(made):
    figure = made.figure(
        benchmarks=["nasbench201/cifar100"],
        optimizers=["LS", "random_search"],
        labels={"LS": "ours", "random_search": "RS"},
    )
    assert shown(figure) == (["NAS-Bench-201, CIFAR-100"], ["ours", "RS"])


def test_the_name_of_an_optimizer_means_all_of_its_settings(made):
    assert shown(made.figure(optimizers=["local_search", "random_search"]))[1] == [
        "local search (n initial 5)",
        "LS",
        "random search",
    ]


def test_labels_that_are_swapped_swap_the_lines(made):
    panels = selected(made.panels, labels={"LS": "random_search", "random_search": "LS"})
    before, after = made.panels["nasbench201/cifar10"], panels["nasbench201/cifar10"]
    assert after.trajectories["LS"] is before.trajectories["random_search"]
    assert after.configurations["LS"].optimizer == "random_search"


def test_panels_without_any_of_the_optimizers_are_left_out(made):
    title, panel = next(iter(made.panels.items()))
    panels = selected(
        {title: selected({title: panel}, optimizers=["LS"])[title], "other": panel}, optimizers=["random_search"]
    )
    assert list(panels) == ["other"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"benchmarks": ["nasbench201/cifar1"]}, "unknown benchmark 'nasbench201/cifar1'; did you mean"),
        ({"optimizers": ["randomsearch"]}, "unknown optimizer 'randomsearch'; did you mean 'random_search'"),
        ({"optimizers": []}, "no optimizer; give one or more, or leave it out for all"),
        ({"labels": {"RS": "x"}}, "unknown optimizer to label 'RS'"),
        ({"labels": {"LS": "random_search"}}, "two optimizers would be called 'random_search'"),
        ({"kind": "anytimes"}, "unknown kind of figure 'anytimes'; did you mean 'anytime'"),
        ({"colour": "red"}, "unknown choice of a figure 'colour'"),
        ({"axis": "energy_kwh"}, "unknown axis of these runs 'energy_kwh'; choose from"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(made, what, message):
    with pytest.raises((SettingError, UnknownNameError), match=message):
        made.figure(**what)


def test_another_kind_is_one_line_of_the_table(made, monkeypatch):
    def empty(panels, *, note="", axis=None):
        return ShownFigure()

    monkeypatch.setitem(KINDS, "empty", Kind(empty, "nothing"))
    assert draw("empty", made.panels, axis="seconds").axes == []
    with pytest.raises(SettingError, match="band=None says nothing to a figure of kind empty; leave it out"):
        check_choices("empty", {"band": None})


def test_every_kind_draws_by_default_and_says_what_it_is(made):
    for name, kind in KINDS.items():
        assert kind.about
        assert "note" not in kind.choices
        made.figure(name).draw_without_rendering()

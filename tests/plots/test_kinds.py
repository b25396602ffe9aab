"""Kinds of figures of a comparison: what is drawn of it, in which order, under which labels."""

from dataclasses import replace

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.comparison import Comparison
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.plots import KINDS, Kind, draw, selected
from nasbench_kit.plots.grids import Drawn
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
    def empty(panels, size, *, note="", axis=None):
        return Drawn(ShownFigure(), f"{axis} on {size.width:g} inches, {len(note)} letters")

    monkeypatch.setitem(KINDS, "empty", Kind(empty, "nothing"))
    figure = draw("empty", made.panels, axis="seconds", width="column", note="One worker.")
    assert figure.get_supxlabel() == "seconds on 3.3 inches, 11 letters. One worker."
    assert draw("empty", made.panels, caption=False)._supxlabel is None
    with pytest.raises(SettingError, match="band=None says nothing to a figure of kind empty; leave it out"):
        check_choices("empty", {"band": None})


def test_every_kind_draws_by_default_and_says_what_it_is(made):
    for name, kind in KINDS.items():
        assert kind.about
        assert "note" not in kind.choices
        if "several objectives" in kind.about:  # see test_fronts
            continue
        render(made.figure(name))


def render(figure):
    """All that drawing calls, without what finds the places of panels, which takes the most time."""
    figure.set_layout_engine("none")
    figure.draw_without_rendering()


def with_runs(made, trajectories):
    """The comparison on one benchmark, with other runs."""
    title, panel = next(iter(made.panels.items()))
    key = next(iter(panel.configurations.values()))
    panel = replace(panel, trajectories=trajectories, configurations=dict.fromkeys(trajectories, key))
    return replace(made, panels={title: panel})


def test_a_critical_difference_diagram_says_what_its_bars_cannot(made, runs_of):
    many = runs_of(*([0.5 - i / 1000] for i in range(60)))
    found = with_runs(made, {"worst": runs_of([0.1], [0.11], [0.12]), "best": runs_of([0.8], [0.81]), "many": many})
    caption = found.figure("critical-difference").get_supxlabel().replace("\n", " ")
    assert "No bar joins these, and yet they are not told apart: 1 and 3." in caption
    assert "Nemenyi's test would need two or more benchmarks" in caption


def test_single_runs_that_tie_are_drawn_in_every_kind_that_needs_values_only(made, runs_of):
    found = with_runs(made, {name: runs_of([0.5], axis="evaluations") for name in ("random_search", "other")})
    for kind in ("ranks", "ecdf", "time-to-target", "profiles", "intervals", "critical-difference", "win-rates"):
        render(found.figure(kind))


def test_a_run_without_an_incumbent_is_no_reason_to_draw_nothing(made, runs_of):
    values = {"random_search": ([0.5], [-np.inf]), "none": ([-np.inf], [-np.inf])}
    found = with_runs(made, {name: runs_of(*some, axis="evaluations") for name, some in values.items()})
    for kind in ("ranks", "ecdf", "time-to-target", "profiles", "intervals", "critical-difference", "win-rates"):
        render(found.figure(kind))


@pytest.mark.parametrize("kind", ["incumbents", "parallel-coordinates"])
def test_architectures_of_an_archive_are_not_known(made, runs_of, kind):
    with pytest.raises(SettingError, match="which architectures a found is not known: an archive holds values only"):
        with_runs(made, {"a": runs_of([0.5])}).figure(kind)


@pytest.mark.parametrize("kind", ["gantt", "learning-curves"])
def test_runs_that_were_not_kept_cannot_be_looked_into(made, kind):
    with pytest.raises(SettingError, match="these runs were not kept; study=FILE keeps them"):
        replace(made, study=None).figure(kind)


def test_benchmarks_are_only_taken_together_if_each_optimizer_has_runs_on_all(made):
    first, second = made.panels
    panels = {first: made.panels[first], second: selected(made.panels, optimizers=["LS"])[second]}
    with pytest.raises(SettingError, match="optimizer 'random_search' has no runs on nasbench201/cifar100; choose"):
        draw("ranks", panels)
    with pytest.raises(SettingError, match="ranks of 1 optimizer"):
        draw("ranks", panels, each=True)


def test_the_cells_of_incumbents_are_the_most_frequent_and_the_best(made):
    figure = made.figure("incumbents", optimizers=["LS"])
    words = [ax.get_gid() for ax in figure.axes]
    assert 1 <= len(words) <= 2
    assert all(word.startswith("LS: ") for word in words)
    assert any("of 2 runs" in word for word in words)
    assert any("best, " in word for word in words)


def test_what_is_set_beside_an_archive_is_in_color_however_it_ends(made, panel_of_many):
    panel = next(iter(made.panels.values()))
    runs = panel_of_many(20)
    worst = list(runs)[-2]
    beside = replace(
        panel,
        trajectories=runs,
        configurations=dict.fromkeys(runs, next(iter(panel.configurations.values()))),
        archived=frozenset(runs) - {worst},
    )
    names = shown(draw("anytime", {"x": beside}))[1]
    assert names[-1].startswith("others (")
    assert "optimizer 18" in names
    assert "optimizer 18" not in shown(draw("anytime", {"x": replace(beside, archived=frozenset())}))[1]
    chosen = selected({"x": beside}, optimizers=[worst, "optimizer_2"], labels={"optimizer_2": "two"})["x"]
    assert chosen.archived == {"two"}


def test_those_of_an_archive_that_lack_a_benchmark_are_left_out_and_named(made):
    (one, first), (other, second) = made.panels.items()
    alone = {"hyperband": first.trajectories["LS"]}
    more = replace(first, trajectories={**first.trajectories, **alone}, archived=frozenset(alone))
    figure = draw("ranks", {one: more, other: second})
    assert "Hyperband" not in shown(figure)[1]
    assert "Not on all benchmarks, and left out: Hyperband." in " ".join(figure.get_supxlabel().split())
    assert "Hyperband" in shown(draw("ranks", {one: more, other: second}, each=True))[1]
    with pytest.raises(SettingError, match="optimizer 'hyperband' has no runs on"):
        draw("ranks", {one: replace(more, archived=frozenset()), other: second})

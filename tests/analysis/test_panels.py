"""What a study holds, without the call that made it."""

import sys

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import load, titled
from nasbench_kit.comparison import Comparison
from nasbench_kit.errors import SettingError, StudyError, UnknownNameError
from nasbench_kit.optimizers import RandomSearch
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Configuration, Study

FEW = {"runs": 4, "n_processes": 1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "s.db"
    return nbk.compare("nasbench201/cifar10", ["random_search", "local_search"], study=path, n_evaluations=20, **FEW)


def test_a_study_alone_says_all_that_the_comparison_said(made):
    again = Comparison.of_study(made.study)
    assert again.table() == made.table()
    assert again.cells() == made.cells()
    assert again.notes() == made.notes()
    assert again.in_words == made.in_words
    assert (again.counts.made, again.counts.there) == (0, 8)
    for optimizer, one in made.trajectories["nasbench201/cifar10"].items():
        same = again.trajectories["nasbench201/cifar10"][optimizer]
        np.testing.assert_array_equal(same.along(), one.along())
        np.testing.assert_array_equal(same.reported, one.reported)
        assert same.run_seeds.tolist() == [0, 1, 2, 3]


def test_some_of_it_may_be_chosen(made):
    (panel,) = load(made.study, optimizers="local_search", run_seeds=[1, 3]).values()
    assert list(panel.trajectories) == ["local_search"]
    assert panel.trajectories["local_search"].run_seeds.tolist() == [1, 3]
    assert list(load(made.study, benchmarks=["nasbench201/cifar10"])) == ["nasbench201/cifar10"]


@pytest.mark.parametrize(
    ("which", "error", "message"),
    [
        ({"benchmarks": "nasbench201/cifar"}, UnknownNameError, "did you mean 'nasbench201/cifar10'"),
        ({"optimizers": ["local"]}, UnknownNameError, "unknown optimizer of .* 'local'"),
        ({"run_seeds": [99]}, SettingError, "holds no runs of these that did not fail"),
    ],
)
def test_what_is_not_there_is_said(made, which, error, message):
    with pytest.raises(error, match=message):
        load(made.study, **which)


def test_an_empty_study_and_none_at_all_are_said(tmp_path):
    Study(tmp_path / "empty.db").close()
    with pytest.raises(SettingError, match=r"empty\.db' holds no runs; nasbench-kit compare --study .* makes some"):
        load(tmp_path / "empty.db")
    with pytest.raises(StudyError, match="there is no study"):
        load(tmp_path / "no.db")


def test_runs_under_several_rules_are_never_put_into_one_panel(tmp_path):
    path = tmp_path / "s.db"
    for how in ({"n_evaluations": 5}, {"n_evaluations": 5, "n_workers": 2}, {"n_evaluations": 7}):
        nbk.compare("nasbench201/cifar10", "random_search", study=path, **how, **FEW)
    panels = load(path)
    assert list(panels) == [
        "nasbench201/cifar10 (n_evaluations=5)",
        "nasbench201/cifar10 (n_evaluations=5, n_workers=2)",
        "nasbench201/cifar10 (n_evaluations=7)",
    ]
    assert [panel.rules.n_workers for panel in panels.values()] == [1, 2, 1]


def test_tables_of_one_name_and_other_content_are_told_apart():
    keys = [Configuration("t/d", sha256 * 64, "random_search", rules=Rules(n_evaluations=5)) for sha256 in "ab"]
    assert titled(keys) == {f"t/d (sha256={letter * 12})": [key] for letter, key in zip("ab", keys, strict=True)}
    limited = Configuration("t/d", "a" * 64, "random_search", rules=Rules(n_evaluations=5), constraints=("x<=1",))
    assert list(titled([keys[0], limited])) == ["t/d (default rules)", "t/d (constraints=x<=1)"]


class AlwaysFailing(RandomSearch):
    def ask(self):
        raise RuntimeError("out of ideas")


def test_runs_that_all_failed_are_no_curve_but_are_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    bench = nbk.load("nasbench201/cifar10")
    names = ("random_search", "own:AlwaysFailing")
    keys = [Configuration.of(bench, name, rules=Rules(n_evaluations=3)) for name in names]
    with Study(tmp_path / "s.db") as study:
        study.run(keys, [0, 1], n_processes=1)
        (panel,) = load(study).values()
        assert list(panel.trajectories) == ["random_search"]
        assert list(panel.configurations) == list(names)
        assert panel.failures == {"own:AlwaysFailing": dict.fromkeys([0, 1], "RuntimeError: out of ideas")}
        with pytest.raises(SettingError, match="holds no runs of these that did not fail; choose others"):
            load(study, optimizers="own:AlwaysFailing")


def test_two_configurations_of_one_label_are_both_in_the_panel(tmp_path, cifar10):
    with Study(tmp_path / "s.db") as study:
        keys = [
            Configuration.of(cifar10, name, label="ours", n_evaluations=5) for name in ("random_search", "local_search")
        ]
        study.run(keys, range(2), n_processes=1)
    (panel,) = load(tmp_path / "s.db").values()
    assert list(panel.trajectories) == ["ours: random_search", "ours: local_search"]
    assert {name: key.optimizer for name, key in panel.configurations.items()} == {
        "ours: random_search": "random_search",
        "ours: local_search": "local_search",
    }

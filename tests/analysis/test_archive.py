"""Archives of reference runs: what is read is what was written, and what does not fit is refused."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Archive, Trajectories, load, random_search_law, summarize, write_archive
from nasbench_kit.comparison.against import check_fits
from nasbench_kit.comparison.planning import Plan
from nasbench_kit.errors import SettingError, StudyError
from nasbench_kit.optimizers import GROUPS
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.report import report_of
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Configuration, Study

NAMES = ("random_search", "asha", "grid_search")
BENCHMARK = "nasbench201_mnist1d/mnist1d"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "s.db"
    nbk.compare(BENCHMARK, NAMES, study=path, runs=5, n_processes=1, budget_s=200)
    return path


@pytest.fixture(scope="module")
def panel(study):
    return load(study)[BENCHMARK]


@pytest.fixture
def path(tmp_path, panel):
    path = tmp_path / "archive.npz"
    write_archive(path, entries(panel))
    return path


def entries(panel):
    return [(panel.configurations[name], {"python": "3"}, runs) for name, runs in panel.trajectories.items()]


def test_what_is_read_is_what_was_written(path, panel):
    archive = Archive.open(path)
    assert [entry.configuration for entry in archive.entries] == list(panel.configurations.values())
    assert archive.version == nbk.__version__
    for entry, runs in zip(archive.entries, panel.trajectories.values(), strict=True):
        again = archive.trajectories(entry, panel.benchmark)
        assert (again.metric, again.best, again.axis, again.budgets) == (
            runs.metric,
            runs.best,
            runs.axis,
            runs.budgets,
        )
        assert entry.versions == {"python": "3"}
        for column in ("starts", "told", "reported", "best_evaluated", "run_seeds"):
            np.testing.assert_array_equal(getattr(again, column), getattr(runs, column), err_msg=column)
        for axis in ("seconds", "evaluations", "epochs"):
            np.testing.assert_allclose(again.along(axis), runs.along(axis), rtol=1e-7)
            np.testing.assert_allclose(again.ended[axis], runs.ended[axis], rtol=1e-7)


def test_the_same_runs_give_the_same_file(path, tmp_path, panel):
    write_archive(tmp_path / "again.npz", entries(panel))
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    write_archive(tmp_path / "other.npz", entries(panel)[:2])
    digests = {Archive.open(tmp_path / name).digest for name in ("again.npz", "archive.npz", "other.npz")}
    assert len(digests) == 2


def test_what_fits_is_found_and_what_does_not_is_refused_with_the_difference(path, panel):
    archive = Archive.open(path)
    mine = Configuration.of(panel.benchmark, "local_search", rules=panel.rules)
    assert [entry.configuration.optimizer for entry in archive.fitting(mine)] == list(NAMES)
    other = Configuration.of(panel.benchmark, "local_search", rules=Rules(budget_s=300, n_workers=4))
    with pytest.raises(
        SettingError,
        match="cannot be compared with these: budget_s is 200 there and 300 here, n_workers is 1 there and 4 here",
    ):
        archive.fitting(other)
    changed = Configuration(BENCHMARK, "a" * 64, "local_search", rules=panel.rules)
    with pytest.raises(SettingError, match=f"sha256 is {panel.benchmark.results.sha256[:12]} there and {'a' * 12}"):
        archive.fitting(changed)
    elsewhere = Configuration.of(nbk.load("nasbench201/cifar10"), "local_search", rules=panel.rules)
    with pytest.raises(
        SettingError, match="the archive holds no runs on nasbench201/cifar10; choose from nasbench201_mnist1d"
    ):
        archive.fitting(elsewhere)


def test_a_comparison_against_an_archive_has_its_runs_beside(path, panel, study):
    how = {"runs": 4, "n_processes": 1, "against": path}
    made = nbk.compare(BENCHMARK, ["local_search", "asha"], rules=panel.rules, **how)
    (found,) = made.panels.values()
    assert list(found.trajectories) == ["local_search", "asha", "random_search", "grid_search"]
    assert [one.n_runs for one in found.trajectories.values()] == [4, 4, 5, 5]  # those of asha are the newcomer's
    assert {one.best for one in found.trajectories.values()} == {panel.trajectories["asha"].best}
    assert made.counts.made == 8
    rows = {row["optimizer"]: row for row in made.table()}
    expected = {row["optimizer"]: row for row in nbk.Comparison.of_study(study).table()}
    assert rows["random_search"] == expected["random_search"]
    assert f"those of the archive 'archive.npz', made by nasbench_kit {nbk.__version__}" in made.in_words
    assert len(made.cells()[1]) == 5
    made.figure()


def test_a_study_is_set_beside_an_archive_without_the_call_that_made_it(path, panel, tmp_path):
    where = tmp_path / "mine.db"
    made = nbk.compare(BENCHMARK, "local_search", rules=panel.rules, runs=3, n_processes=1, study=where, against=path)
    again = nbk.Comparison.of_study(where, against=path)
    assert again.table() == made.table()
    assert again.in_words == made.in_words
    other = tmp_path / "other.db"
    nbk.compare(BENCHMARK, "local_search", budget_s=100, runs=1, n_processes=1, study=other)
    with pytest.raises(SettingError, match="cannot be compared with these: budget_s is 200 there and 100 here"):
        nbk.Comparison.of_study(other, against=path)


def test_every_rule_that_differs_is_told_with_its_value_on_both_sides_and_never_as_some_default(path, panel):
    archive = Archive.open(path)

    def refusal(**rules):
        sha256 = panel.benchmark.results.sha256
        with pytest.raises(SettingError) as refused:
            archive.fitting(Configuration(BENCHMARK, sha256, "local_search", rules=Rules(**rules)))
        return str(refused.value).partition("with these: ")[2]

    assert refusal(n_evaluations=5, run="mean", epoch=4, clock="evaluations", repeats="served") == (
        "budget_s is 200 there and none here, n_evaluations is none there and 5 here, run is drawn there and mean here,"
        " epoch is the last one there and 4 here, clock is seconds there and evaluations here,"
        " repeats is paid there and served here"
    )
    assert refusal(budget_s=200, costs=["cost_s"], reported=("d", "val_loss"), incumbents="any epoch") == (
        "costs is the benchmark's there and cost_s here, reported is the usual one there and d:val_loss here,"
        " incumbents is last epoch there and any epoch here"
    )
    sha256 = panel.benchmark.results.sha256
    several = Configuration(BENCHMARK, sha256, "nsga2", rules=panel.rules, objectives=("a", "b"), constraints=("c<=1",))
    with pytest.raises(
        SettingError,
        match=r"objectives is the usual there and a\+b here, constraints is none there and c<=1 here",
    ):
        archive.fitting(several)


def test_compare_says_what_to_give_and_what_to_leave_out_to_be_set_beside_an_archive(path, tmp_path):
    def refusal(**how):
        with pytest.raises(SettingError) as refused:
            nbk.compare(BENCHMARK, "local_search", against=path, study=tmp_path / "s.db", **how)
        assert not (tmp_path / "s.db").exists()
        return str(refused.value).rpartition("; ")[2]

    assert refusal(budget_s=100) == "give budget_s=200"
    assert refusal(n_evaluations=20) == "give budget_s=200 and leave out n_evaluations=20"
    assert refusal(budget_s=200, n_workers=2) == "leave out n_workers=2"
    assert refusal(protocol="suite_small") == "give budget_s=200 and leave out protocol=suite_small"


def test_of_a_study_that_does_not_fit_the_command_is_told_that_makes_one_which_does(path, tmp_path):
    other = tmp_path / "other.db"
    nbk.compare(BENCHMARK, "local_search", n_evaluations=5, runs=1, n_processes=1, study=other)
    makes = f"nasbench-kit compare -b {BENCHMARK} {{}} makes a study that can be$".format
    for made_of in (nbk.Comparison.of_study, report_of):
        with pytest.raises(SettingError, match=makes("--budget-s 200")):
            made_of(other, against=path)
        with pytest.raises(SettingError, match=makes("--protocol suite_small")):
            made_of(other, against="archive")


def test_other_results_of_the_same_name_are_told_by_their_hash(path, panel):
    changed = Configuration(BENCHMARK, "a" * 64, "local_search", rules=panel.rules)
    there = panel.benchmark.results.sha256[:12]
    with pytest.raises(SettingError, match=f"sha256 is {there} there and a{{12}} here; .* sha256 {there} are needed$"):
        check_fits(Archive.open(path), [Plan(panel.benchmark, panel.rules, (changed,), ())], None)


def test_it_is_said_whose_runs_stand_for_those_of_the_archive(path, panel, tmp_path):
    where = tmp_path / "mine.db"
    how = {"rules": panel.rules, "n_processes": 1, "study": where}
    made = nbk.compare(BENCHMARK, ["local_search", "asha"], runs=2, against=path, **how)
    said = "asha: 2 runs of one's own stand for the archive's 5."
    assert made.in_words.endswith(f"nasbench_kit {nbk.__version__}. {said}")
    assert said in " ".join(made.figure().get_supxlabel().split())
    assert said not in " ".join(made.figure(optimizers=["local_search", "grid_search"]).get_supxlabel().split())
    assert "of the archive" not in " ".join(made.figure(optimizers=["local_search"]).get_supxlabel().split())
    assert "RS: 2 runs" in made.figure(labels={"asha": "RS"}).get_supxlabel().replace("\n", " ")
    assert nbk.Comparison.of_study(where, against=path).in_words == made.in_words
    assert report_of(where, against=path).reference.endswith(said)
    nbk.compare(BENCHMARK, ["random_search", "grid_search"], runs=1, **how)
    assert nbk.Comparison.of_study(where, against=path).in_words.endswith(
        "worker. random_search, grid_search: 1 run of one's own each stand for the archive's 5."
        " asha: 2 runs of one's own stand for the archive's 5."
    )


def test_one_that_is_called_as_another_in_the_archive_is_told_apart(path, panel):
    named = {"asha": ("asha", {"eta": 2})}
    made = nbk.compare(BENCHMARK, named, rules=panel.rules, runs=2, n_processes=1, against=path)
    assert list(made.trajectories[BENCHMARK]) == ["asha", "random_search", "asha (archive)", "grid_search"]


def test_what_cannot_be_compared_with_an_archive_is_refused_before_anything_is_run(path, panel, tmp_path):
    with pytest.raises(SettingError, match="cannot be compared with these: budget_s is 200 there and 100 here"):
        nbk.compare(BENCHMARK, "local_search", budget_s=100, against=path, study=tmp_path / "s.db")
    assert not (tmp_path / "s.db").exists()
    with pytest.raises(SettingError, match="against an archive, but with which optimizers"):
        nbk.compare(BENCHMARK, rules=panel.rules, against=path)
    with pytest.raises(SettingError, match="the archive holds no runs on nasbench201/cifar10"):
        nbk.compare(None, "local_search", against=path)  # of the small suite


def test_runs_without_an_incumbent_stay_runs_without_one(tmp_path, panel):
    runs = panel.trajectories["asha"]
    none = Trajectories.of_arrays(runs.metric, [([], [], []), ([5.0], [0.5], [0.5])], best=runs.best)
    write_archive(tmp_path / "a.npz", [(panel.configurations["asha"], {}, none)])
    archive = Archive.open(tmp_path / "a.npz")
    again = archive.trajectories(archive.entries[0], panel.benchmark)
    assert again.has_incumbent.tolist() == [False, True]
    assert again.best_evaluated.tolist() == [-np.inf, 0.5]


def test_an_archive_of_nothing_or_along_other_axes_is_not_written(tmp_path, panel):
    with pytest.raises(SettingError, match="an archive of no runs"):
        write_archive(tmp_path / "a.npz", [])
    runs = type(panel.trajectories["asha"]).of_arrays(
        panel.benchmark.objective_metric, [([1], [1], [1])], best=1, axis="j"
    )
    with pytest.raises(
        SettingError, match="axes j, evaluations; an archive has place for seconds, evaluations, epochs"
    ):
        write_archive(tmp_path / "a.npz", [(panel.configurations["asha"], {}, runs)])
    assert not (tmp_path / "a.npz").exists()


def rewritten(path, out, change):
    """An archive with another content."""
    arrays = dict(np.load(path))
    change(arrays)
    np.savez_compressed(out, **arrays)
    return out


def other_index(change):
    def apply(arrays):
        index = json.loads(arrays["index"].tobytes())
        change(index)
        arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)

    return apply


@pytest.mark.parametrize(
    "change",
    [
        other_index(lambda index: index.update(format=2)),
        other_index(lambda index: index.update(entries=[])),
        other_index(lambda index: index["entries"].pop()),
        other_index(lambda index: index["entries"][0].update(identity="{}")),
        other_index(lambda index: index["entries"][0].update(run_seeds=[1])),
        other_index(lambda index: index["entries"][0].update(axes=["joules"])),
        other_index(lambda index: index["entries"][0].pop("label")),
        lambda arrays: arrays.update(index=np.frombuffer(b"{", np.uint8)),
        lambda arrays: arrays.update(index=np.frombuffer(b"[]", np.uint8)),
        lambda arrays: arrays.update(told=arrays["told"][:, 1:]),
        lambda arrays: arrays.update(told=arrays["told"][1:]),
        lambda arrays: arrays.update(told=arrays["told"].astype(float)),
        lambda arrays: arrays.update(values=arrays["values"][:3]),
        lambda arrays: arrays.update(values=arrays["values"].reshape(1, -1)),
        lambda arrays: arrays.pop("reported"),
    ],
)
def test_a_damaged_archive_is_refused_in_one_line(path, tmp_path, change):
    with pytest.raises(StudyError) as refused:
        Archive.open(rewritten(path, tmp_path / "bad.npz", change))
    assert len(str(refused.value).splitlines()) == 1


@pytest.fixture(scope="module")
def shipped():
    return Archive.open()


def test_the_archive_that_comes_with_the_package_holds_the_suites(shipped):
    held = {entry.configuration.benchmark: set() for entry in shipped.entries}
    for entry in shipped.entries:
        held[entry.configuration.benchmark].add(entry.configuration.optimizer)
        assert entry.run_seeds == tuple(range(200))
        assert entry.configuration.results_sha256 == nbk.load(entry.configuration.benchmark).results.sha256
    suites = [PROTOCOLS[name] for name in ("suite_full", "suite_held_out")]
    assert held.keys() == {setup.benchmark for suite in suites for setup in suite.setups}
    assert all(set(GROUPS["model-free"]) - {"encoded_search"} <= names for names in held.values())
    assert Path(shipped.path).stat().st_size < 10_000_000
    assert f"`{shipped.digest}`" in Path(shipped.path).with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("benchmark", ["nasbench201/cifar10", "nasbench201_mnist1d/mnist1d-12", "nas_bench_graph/cs"])
def test_its_runs_of_random_search_end_as_the_exact_law_says(shipped, benchmark):
    bench = nbk.load(benchmark)
    (entry,) = (
        entry
        for entry in shipped.entries
        if (entry.configuration.benchmark, entry.configuration.optimizer) == (benchmark, "random_search")
    )
    ends = summarize(shipped.trajectories(entry, bench))
    law = random_search_law(bench, entry.configuration.rules)
    assert abs(ends.mean - law.mean[-1]) < 3 * law.sd[-1] / ends.n_runs**0.5
    assert ends.sd == pytest.approx(law.sd[-1], rel=0.25)


def test_what_is_no_archive_is_refused(tmp_path, study):
    for name, content in (("empty.npz", b""), ("text.npz", b"hello"), ("cut.npz", None)):
        target = tmp_path / name
        if content is None:
            with zipfile.ZipFile(target, "w") as file:
                file.writestr("index.npy", b"x")
            target.write_bytes(target.read_bytes()[:-20])
        else:
            target.write_bytes(content)
        with pytest.raises(StudyError):
            Archive.open(target)
    with pytest.raises(StudyError, match=r"cannot open archive .*no\.npz': No such file"):
        Archive.open(tmp_path / "no.npz")
    with pytest.raises(StudyError):
        Archive.open(study)
    with Study(study, create=False) as opened:
        assert len(opened.configurations()) == 3

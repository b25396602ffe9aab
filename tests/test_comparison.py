"""The comparison as a library function: what it is given, what it gives back."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit import comparison
from nasbench_kit.analysis import likeness, summarize, trajectories_of
from nasbench_kit.comparison import long_work, planning, running
from nasbench_kit.comparison.words import in_one
from nasbench_kit.errors import NotRecordedError, SettingError, StudyError, UnknownNameError
from nasbench_kit.optimizers import Outcome, RandomSearch, Trial
from nasbench_kit.simulator import Rules
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Study

FEW = {"runs": 3, "n_evaluations": 12, "n_processes": 1}


@pytest.fixture
def bench(make_benchmark, stored):
    return make_benchmark(
        stored("val_accuracy", np.arange(18).reshape(3, 6) / 20, seeds=(7, 8, 9)),
        stored("cost_s", np.arange(1, 7) * 10.0),
    )


class Screening:
    """Train everything for one epoch, then the two of four that look best for all three; again and again."""

    def __init__(self, task, rng):
        self.space, self.rng, self.seen, self.promoted = task.space, rng, [], []

    def ask(self):
        if self.promoted:
            return Trial(self.promoted.pop(), 3)
        return Trial(self.space.sample(self.rng), 1)

    def tell(self, trial, outcome):
        if trial.epoch == 1:
            self.seen.append((outcome.value, trial.arch))
            if len(self.seen) == 4:
                self.promoted = [arch for _, arch in sorted(self.seen)[-2:]]
                self.seen = []


class Failing(RandomSearch):
    """Fails where it first sees a good value."""

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.value > 0.6:
            raise RuntimeError("out of luck")


class AlwaysFailing(RandomSearch):
    def ask(self):
        raise RuntimeError("out of ideas")


class Stuck(RandomSearch):
    """Asks for the first architecture, and no other."""

    def ask(self):
        return Trial((0, 0))


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """This file as a module `own`."""
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])


# ---- what comes out ----


def test_the_rows_of_the_table_are_summaries_of_the_runs(bench):
    made = nbk.compare(bench, ["random_search", ("regularized_evolution", {"sample_size": 2})], **FEW)
    rows = made.table()
    assert [row["optimizer"] for row in rows] == ["random_search", "regularized_evolution (sample_size=2)"]
    for row in rows:
        summary = summarize(made.trajectories["mine/d"][row["optimizer"]])
        assert row == {"benchmark": "mine/d", "optimizer": row["optimizer"], **summary._asdict()}
        assert (row["n_runs"], row["mean_evaluations"]) == (3, 12)
    assert made.rules["mine/d"] == Rules(n_evaluations=12)
    assert (
        made.in_words == "A search sees one recorded training run, drawn per training; budget 12 evaluations, 1 worker."
    )
    assert repr(made) == "<Comparison of 2 optimizers on mine/d: 6 runs>"


def test_the_figure_has_a_panel_per_benchmark_and_says_how_it_was_made(bench, cifar10):
    figure = nbk.compare([bench, cifar10], ["random_search"], **FEW).figure()
    assert [ax.get_title() for ax in figure.axes] == ["mine, d", "NAS-Bench-201, CIFAR-10"]
    caption = " ".join(figure.get_supxlabel().split())
    assert "drawn per training; budget 12 evaluations, 1 worker." in caption


def test_a_notebook_shows_the_table_with_names_escaped(bench):
    made = nbk.compare(bench, {"<b>ours</b>": "random_search"}, **FEW)
    assert "&lt;b&gt;ours&lt;/b&gt;" in made._repr_html_()
    assert "<b>ours" not in made._repr_html_()
    assert made._repr_html_().count("<tr>") == 3


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (
            {"m/a": "budget 5 s, 1 worker.", "m/b": "budget 7 s, 1 worker.", "m/c": "budget 5 s, 1 worker."},
            "budget 5 (a, c) / 7 (b) s, 1 worker.",
        ),
        ({"m/a": "one.", "m/b": "one."}, "one."),
        ({"m/a": "one."}, "one."),
        (
            {"m/a": "budget 5 s. By x of t.", "n/b": "budget 6 s. By y of u.", "n/c": "budget 5 s. By y of v."},
            "budget 5 (m/a, n/c) / 6 (n/b) s. By x (m/a) / y (n/b, n/c) of t (m/a) / u (n/b) / v (n/c).",
        ),
        ({"m/a": "a b c d.", "m/b": "e f g h.", "m/c": "a b c d."}, "On a and c: a b c d. On b: e f g h."),
        (
            {"m/a": "5 s.", "m/b": "6 s.", "m/c": "7 epochs each.", "m/d": "6 s."},
            "On a, b and d: 5 (a) / 6 (b, d) s. On c: 7 epochs each.",
        ),
        ({"m/a": "one two.", "m/b": "", "m/c": "one two."}, "On a and c: one two."),
        ({"m/a": "", "m/b": ""}, ""),
    ],
)
def test_what_is_said_of_several_benchmarks_is_one_sentence_that_says_what_holds_of_which(sentences, said):
    assert in_one(sentences) == said


# ---- an optimizer that looks at several epochs ----


def test_screening_ends_on_what_is_best_after_the_last_epoch(tmp_path):
    frame = {"net": [*"ppqqrrss"], "epoch": [1, 3] * 4, "loss": [0.3, 0.9, 0.5, 0.4, 0.6, 0.55, 0.35, 0.45]}
    frame = {"arch": frame["net"], "epoch": frame["epoch"], "val_loss": frame["loss"], "cost_s": [10, 30] * 4}
    space, path = ChoiceSpace("curves", {"net": tuple("pqrs")}), tmp_path / "curves.h5"
    nbk.Table.from_frame(
        frame, path, name="curves", space=space, metrics=["val_loss", "cost_s"], epoch="epoch", objective="val_loss"
    )
    curves = nbk.load("curves/default", results=path)
    made = nbk.compare(curves, ["random_search", "own:Screening"], runs=20, budget_s=3000, n_processes=1)
    panel = made.trajectories["curves/default"]
    row = made.table()[1]
    # q, not p, which has 0.3 after one epoch
    assert (row["mean"], row["median_regret"], row["kept_share"]) == pytest.approx((0.4, 0, 1))
    (line,) = [line for line in made.figure().axes[0].lines if "Screening" in line.get_label()]
    assert line.get_ydata()[-1] < 0.05  # the floor, which stands for 0
    assert likeness(panel, panel).distance["own:Screening"].max() == 0
    any_epoch = nbk.compare(
        curves, ["own:Screening"], runs=20, budget_s=3000, n_processes=1, incumbents="any epoch"
    ).table()[0]
    assert (any_epoch["mean"], any_epoch["median_regret"]) == pytest.approx((0.9, 0.5))
    early = nbk.compare(curves, ["random_search"], runs=5, budget_s=3000, n_processes=1, epoch=1).table()[0]
    assert early["n_without"] == 0


# ---- what it is given ----


@pytest.mark.parametrize(
    ("given", "legends"),
    [
        ("random_search", ["random_search"]),
        ([("random_search", {}, "ours")], ["ours"]),
        ([("local_search", {"n_initial": 2}, None)], ["local_search (n_initial=2)"]),
        ({"a": "random_search", "b": ("local_search", {"n_initial": 2})}, ["a", "b"]),
    ],
    ids=str,
)
def test_optimizers_are_given_by_name_with_settings_and_label(bench, given, legends):
    assert list(nbk.compare(bench, given, **FEW).trajectories["mine/d"]) == legends


@pytest.mark.parametrize(
    ("optimizers", "how", "error", "message"),
    [
        ([], {}, SettingError, "no optimizer; give one or more"),
        ([RandomSearch], {}, SettingError, "is no optimizer; a name like 'random_search'"),
        ([("random_search", 3)], {}, SettingError, r"\('random_search', 3\) is no optimizer"),
        ({"a": "random_search"}, {"b": 1}, UnknownNameError, "rule 'b'"),
        (["random_search", ("random_search", {})], {}, SettingError, "the optimizer 'random_search' is given twice"),
        ({"a": "random_search", "b": "random_search"}, {}, SettingError, "the optimizer 'b' is given twice"),
        ([("random_search", {}, "x"), ("local_search", {}, "x")], {}, SettingError, "two optimizers are called 'x'"),
        (["random_search"], {"runs": 0}, SettingError, "runs=0; an integer of at least 1 expected"),
        (["random_search"], {"first_seed": -1}, SettingError, "first_seed=-1; an integer of at least 0"),
        (["random_search"], {"until_settled": 0.1}, SettingError, "until_settled=0.1 with one optimizer; two or more"),
        (["random_search"], {"until_settled": 5}, SettingError, "until_settled=5; a number between 0 and 0.5, such as"),
        (["random_search"], {"n_evaluation": 5}, UnknownNameError, "did you mean 'n_evaluations'"),
        (["random_search"], {"epoch": 5}, NotRecordedError, "epoch 5 was not recorded"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused_in_one_line_before_any_run(bench, tmp_path, optimizers, how, error, message):
    with pytest.raises(error, match=message):
        nbk.compare(bench, optimizers, study=tmp_path / "s.db", **{"runs": 1, "n_processes": 1} | how)
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize("given", [[], [RandomSearch], 3], ids=str)
def test_what_is_no_benchmark_is_refused(given):
    with pytest.raises((SettingError, TypeError), match=r"no benchmark|not iterable"):
        nbk.compare(given, "random_search", **FEW)


def test_two_benchmarks_of_one_name_are_refused(bench, make_benchmark, stored):
    other = make_benchmark(stored("val_accuracy", np.arange(6) / 10), stored("cost_s", np.ones(6)))
    with pytest.raises(SettingError, match="two different benchmarks are called 'mine/d'"):
        nbk.compare([bench, other], "random_search", **FEW)


def test_by_default_three_optimizers_run_500_times_on_three_datasets():
    assert comparison.BENCHMARKS == ("nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120")
    assert comparison.OPTIMIZERS == ("random_search", "regularized_evolution", "local_search")
    assert (comparison.RUNS, comparison.AVERAGE_EVALUATIONS) == (500, 500)


def test_what_is_not_given_is_the_default(monkeypatch):
    monkeypatch.setattr(planning, "BENCHMARKS", "nasbench201/cifar100")
    monkeypatch.setattr(planning, "OPTIMIZERS", "local_search")
    monkeypatch.setattr(running, "RUNS", 2)
    made = nbk.compare(n_evaluations=5, n_processes=1)
    assert [row["benchmark"] + " " + row["optimizer"] for row in made.table()] == ["nasbench201/cifar100 local_search"]
    assert made.counts.made == 2


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), Rules(budget_s=17_500.0)),  # 500 times the mean of 10, ..., 60
        (Rules(clock="evaluations"), Rules(clock="evaluations", n_evaluations=500)),
        (Rules(n_evaluations=9), Rules(n_evaluations=9)),
        (Rules(n_epochs=9), Rules(n_epochs=9)),
        (Rules(costs=("val_cost_s",)), Rules(costs=("val_cost_s",), budget_s=500.0)),
        (Rules(costs=()), Rules(costs=(), clock="evaluations", n_evaluations=500)),
    ],
    ids=str,
)
def test_the_budget_is_by_default_what_500_evaluations_take(make_benchmark, stored, rules, expected):
    values = stored("val_accuracy", np.arange(6) / 10), stored("cost_s", np.arange(1, 7) * 10.0)
    bench = make_benchmark(*values, stored("val_cost_s", np.ones(6)))
    assert comparison.with_budget(rules, bench) == expected


# ---- studies, processes, progress ----


def test_with_a_study_the_same_call_goes_on(bench, tmp_path):
    path = tmp_path / "s.db"
    first = nbk.compare(bench, "random_search", study=path, **FEW)
    assert (first.counts.made, first.study) == (3, str(path))
    with Study(path) as study:
        again = nbk.compare(bench, "random_search", study=study, **FEW | {"runs": 5})
        assert (again.counts.made, again.counts.there) == (2, 3)
        (key,) = study.configurations()
        records = [run.records for run in study.runs(key)]
    expected = trajectories_of(bench, records, key.rules)
    np.testing.assert_array_equal(again.trajectories["mine/d"]["random_search"].reported, expected.reported)
    assert nbk.compare(bench, "random_search", **FEW).study is None


def test_other_seeds_are_other_runs_and_any_executor_gives_the_same(bench):
    first = nbk.compare(bench, "random_search", **FEW)
    other = nbk.compare(bench, "random_search", first_seed=3, **FEW)
    assert first.table() != other.table()
    with ThreadPoolExecutor(2) as executor:
        same = nbk.compare(bench, "random_search", executor=executor, **FEW)
    assert first.table() == same.table()


def test_progress_is_told(bench):
    told = []
    nbk.compare(bench, "random_search", progress=lambda *counts: told.append(counts), **FEW)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_runs_that_fail_are_left_out_and_said_and_all_that_fail_are_an_error(bench):
    made = nbk.compare(bench, ["random_search", "own:Failing"], runs=8, n_evaluations=4, n_processes=1)
    failed = made.failures["mine/d", "own:Failing"]
    assert 0 < len(failed) < 8
    assert [row["n_runs"] for row in made.table()] == [8, 8 - len(failed)]
    assert any(f"{len(failed)} runs failed and are left out" in note and "out of luck" in note for note in made.notes())
    with pytest.raises(StudyError, match="all 3 runs of own:AlwaysFailing on mine/d failed; with seed 0: RuntimeError"):
        nbk.compare(bench, "own:AlwaysFailing", **FEW)


@pytest.mark.parametrize("how", [{}, {"until_settled": 0.2}])
def test_when_all_runs_of_one_optimizer_fail_it_is_said_that_the_others_are_kept_and_how_to_see_them(
    bench, tmp_path, how
):
    study = tmp_path / "s.db"
    both = ["own:AlwaysFailing", "random_search"]
    kept = "the runs of the others are kept in .*s.db: the same without own:AlwaysFailing shows them, and so does"
    with pytest.raises(StudyError, match=f"failed; with seed 0: .*; {kept} nasbench-kit plot .*s.db$"):
        nbk.compare(bench, both, study=study, **FEW, **how)
    if not how:
        assert nbk.compare(bench, "random_search", study=study, **FEW).counts.made == 0
    with pytest.raises(StudyError, match=r"; the runs of the others were not kept; study=FILE keeps them$"):
        nbk.compare(bench, both, **FEW, **how)
    with pytest.raises(StudyError, match=r"the one run of own:AlwaysFailing on mine/d failed; with seed 0: [^;]*$"):
        nbk.compare(bench, "own:AlwaysFailing", study=tmp_path / "t.db", **FEW | {"runs": 1})


@pytest.mark.parametrize("name", ["Deaf", "Mute", "Neither", "make_nothing"])
def test_what_has_no_ask_or_no_tell_is_refused_before_anything_runs(bench, tmp_path, monkeypatch, name):
    (tmp_path / "wrong.py").write_text(
        "class Neither:\n    def __init__(self, task, rng): pass\n"
        "class Deaf(Neither):\n    def ask(self): return None\n"
        "class Mute(Neither):\n    def tell(self, trial, outcome): pass\n"
        "def make_nothing(task, rng): return object()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = {
        "Deaf": "wrong:Deaf is no optimizer: it has no tell",
        "Mute": "wrong:Mute is no optimizer: it has no ask",
        "Neither": "wrong:Neither is no optimizer: it has no ask and no tell",
        "make_nothing": "wrong:make_nothing makes no optimizer: its object has no ask and no tell",
    }[name]
    with pytest.raises(SettingError, match=rf"^{said}; ask\(\) and tell\(trial, outcome\) expected$"):
        nbk.compare(bench, ["random_search", f"wrong:{name}"], study=tmp_path / "s.db", **FEW)
    assert not (tmp_path / "s.db").exists()


def test_of_one_there_is_one_run(bench):
    made = nbk.compare(bench, ["random_search", "own:Stuck"], **FEW | {"runs": 1})
    assert made.cells()[0][0] == "n = 1 run each"
    assert repr(made) == "<Comparison of 2 optimizers on mine/d: 2 runs>"
    alone = nbk.compare(bench, "random_search", **FEW | {"runs": 1})
    assert repr(alone) == "<Comparison of 1 optimizer on mine/d: 1 run>"
    assert repr(alone.panels["mine/d"].trajectories["random_search"]).startswith("<Trajectories of 1 run: ")


# ---- until settled ----

SETTLED = {"until_settled": 0.2, "runs": 100, "n_evaluations": 4, "n_processes": 1}


@pytest.fixture
def three():
    """Two that are alike, and one that is worse."""
    return {"alike": "random_search", "like": ("regularized_evolution", {"population_size": 50}), "stuck": "own:Stuck"}


def test_runs_end_for_each_optimizer_when_its_pairs_are_settled_or_tied_and_it_is_said(bench, three):
    made = nbk.compare(bench, three, **SETTLED)
    alike, like, stuck = (row["n_runs"] for row in made.table())
    assert stuck < alike == like < 100
    assert made.counts == (alike + like + stuck, 0, 0)
    assert [(*sorted((one.better, one.other)), one.state) for one in made.verdicts] == [
        ("alike", "like", "tied"),
        ("alike", "stuck", "settled"),
        ("like", "stuck", "settled"),
    ]
    assert [one.other for one in made.verdicts[1:]] == ["stuck", "stuck"]
    head, rows = made.cells()
    assert head[0] == f"n = {stuck} to {alike} runs each"
    assert [row[0] for row in rows[1:]] == [f"  alike, n = {alike}", f"  like, n = {like}", f"  stuck, n = {stuck}"]
    notes = "\n".join(made.notes())
    assert "mine/d, settled: alike beats stuck (P = " in notes
    assert f", n = {alike})" in notes.partition("mine/d, tied: ")[2]


def test_the_same_call_makes_the_same_runs_whatever_the_study_holds_and_whoever_makes_them(bench, three, tmp_path):
    alone = nbk.compare(bench, three, **SETTLED).table()
    first = nbk.compare(bench, three, study=tmp_path / "s.db", **SETTLED | {"runs": 15})
    assert [row["n_runs"] for row in first.table()] == [15, 15, 15]
    goes_on = nbk.compare(bench, three, study=tmp_path / "s.db", **SETTLED)
    assert goes_on.counts.there == 45
    again = nbk.compare(bench, three, study=tmp_path / "s.db", **SETTLED)
    assert again.counts.made == 0
    nbk.compare(bench, three, study=tmp_path / "s.db", **SETTLED | {"until_settled": None})
    among_more = nbk.compare(bench, three, study=tmp_path / "s.db", **SETTLED)
    with ThreadPoolExecutor(2) as executor:
        elsewhere = nbk.compare(bench, three, executor=executor, **SETTLED)
    for other in (goes_on, again, among_more, elsewhere):
        assert other.table() == alone


def test_progress_until_settled_goes_up_to_all_runs_at_most(bench, three):
    told = []
    made = nbk.compare(bench, three, progress=lambda *counts: told.append(counts), **SETTLED)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (made.counts.made, 300)
    assert {in_all for _, in_all in told} == {300}


def test_runs_that_fail_are_not_compared_and_when_all_fail_no_more_are_made(bench):
    made = nbk.compare(bench, ["own:Stuck", "own:Failing"], **SETTLED)
    (verdict,) = made.verdicts
    assert (verdict.other, verdict.state) == ("own:Stuck", "settled")
    assert verdict.n_runs < made.table()[1]["n_runs"] + len(made.failures["mine/d", "own:Failing"])
    with pytest.raises(StudyError, match="all 10 runs of own:AlwaysFailing on mine/d failed; with seed 0"):
        nbk.compare(bench, ["own:Stuck", "own:AlwaysFailing"], **SETTLED)


def test_work_of_more_than_some_minutes_is_announced(bench, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(long_work, "perf_counter", lambda: float(next(ticks)))  # an evaluation takes a second
    with pytest.warns(
        UserWarning, match=r"about 10 minutes: an evaluation of mine/d takes 1000.0 ms; what optimizers compute"
    ):
        nbk.compare(bench, "random_search", runs=6, n_evaluations=100, n_processes=1)


def test_the_function_is_the_public_name_whatever_was_imported_first():
    script = "from nasbench_kit.comparison import Comparison; import nasbench_kit as nbk; print(nbk.compare.__name__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "compare\n"

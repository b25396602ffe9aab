"""Many runs in one file: what a run is, resuming, failures, labels, merging, removing."""

import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nasbench_kit as nbk
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, UnknownNameError, WorkerError
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.optimizers.differentiable import chosen
from nasbench_kit.simulator import Records, Rules, simulate, task_of
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration, RunCounts, Study, execute, versions_of
from nasbench_kit.study.claims import Claims
from nasbench_kit.study.running import n_together

SAME = [name for name in Records._fields if name != "optimizer_s"]


def one_line(error):
    return "\n" not in str(error.value) and len(str(error.value)) < 1_000


def ruled(configuration, **how):
    return replace(configuration, rules=replace(configuration.rules, **how))


# ---- what a run is ----


def test_a_stored_run_is_what_the_simulator_gives_for_its_seed(cifar10, path, random_search, filled):
    with Study(filled(path, random_search)) as study:
        (run,) = study.runs(random_search, [2])
    # the streams depend on all that has a name in the configuration, and on the run's seed
    named = json.loads(random_search.identity)
    del named["results_sha256"]
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).digest()
    streams = np.random.SeedSequence([2, *np.frombuffer(digest, "<u4").tolist()]).spawn(2)
    search, draw = map(np.random.default_rng, streams)
    optimizer = OPTIMIZERS["random_search"](task_of(cifar10), search)
    again = simulate(cifar10, optimizer, rng=draw, n_evaluations=20)
    assert run.run_seed == 2
    for name in SAME:
        np.testing.assert_array_equal(getattr(run.records, name), getattr(again, name))
        assert getattr(run.records, name).dtype == getattr(again, name).dtype


@pytest.fixture
def demanding(make_benchmark, stored):
    """A benchmark with failures, two objectives, a constraint and curves."""
    accuracy = np.linspace(0.1, 0.9, 6 * 3 * 2).reshape(2, 3, 6)
    bench = make_benchmark(
        stored("val_accuracy", accuracy, seeds=(0, 1), epochs=(1, 2, 4)),
        stored("cost_s", np.arange(1, 4)[None, :, None] * np.ones((2, 3, 6)), seeds=(0, 1), epochs=(1, 2, 4)),
        stored("latency_ms", np.arange(6.0)),
    )
    return nbk.Benchmark(bench.results, "d", objectives=["val_accuracy", "latency_ms"], constraints=["latency_ms<=2"])


HALVING = """
from nasbench_kit.optimizers import Trial


class Promoting(RandomSearch):
    def __init__(self, task, rng):
        super().__init__(task, rng)
        self.n, self.last = 0, None

    def ask(self):
        self.n += 1
        if self.n % 2:
            self.last = super().ask().arch
        return Trial(self.last, (4, 1)[self.n % 2], (self.n - 1) // 2)
"""


def test_every_column_of_records_comes_back_as_it_was(demanding, path, module):
    module("promoting", HALVING)
    key = Configuration.of(demanding, "promoting:Promoting", n_evaluations=12)
    with Study(path) as study:
        assert study.run([key], range(2), n_processes=1) == RunCounts(2, 0, 0)
        (stored_key,) = study.configurations()
        runs = list(study.runs(stored_key))
    assert stored_key.objectives == ("val_accuracy", "latency_ms")
    assert stored_key.constraints == ("latency_ms<=2",)
    for run in runs:
        again = execute(key, run.run_seed)
        for name in SAME:
            np.testing.assert_array_equal(getattr(run.records, name), getattr(again, name))
            assert getattr(run.records, name).dtype == getattr(again, name).dtype
        assert run.records.values.shape == (12, 2)
        assert run.records.trial.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]
        assert run.records.violation.max() > 0


def test_costs_of_the_benchmark_are_costs_of_its_runs(make_benchmark, stored):
    bench = make_benchmark(
        stored("val_accuracy", np.arange(6) / 10), stored("cost_s", np.ones(6)), stored("latency_s", np.full(6, 9.0))
    )
    slow = nbk.Benchmark(bench.results, "d", costs=["latency_s"])
    records = execute(Configuration.of(slow, "random_search", n_evaluations=3), 0)
    assert records.cost_s.tolist() == [9, 9, 9]
    assert Configuration.of(slow, "random_search", n_evaluations=3) != Configuration.of(
        bench, "random_search", n_evaluations=3
    )


def test_runs_with_different_seeds_differ(random_search):
    assert execute(random_search, 0).archs.tolist() != execute(random_search, 1).archs.tolist()


def test_the_hash_of_the_results_and_the_versions_are_stored(cifar10, path, random_search, filled):
    with Study(filled(path, random_search, 1)) as study:
        (configuration,) = study.configurations()
        (run,) = study.runs(configuration)
    assert configuration == random_search
    assert configuration.results_sha256 == cifar10.results.sha256
    assert run.versions["nasbench_kit"] == nbk.__version__
    assert run.versions["numpy"] == np.__version__
    assert set(run.versions) == {"nasbench_kit", "numpy", "python"}


def test_a_run_without_any_evaluation_can_be_stored(cifar10, path, filled):
    nothing = Configuration.of(cifar10, "random_search", budget_s=1.0)
    with Study(filled(path, nothing, 1)) as study:
        (run,) = study.runs(nothing)
    assert run.records.archs.shape == (0, 6)


def test_where_a_table_lies_and_how_the_optimizer_is_shown_do_not_make_another_configuration(random_search):
    elsewhere = replace(random_search, path="/elsewhere.h5", label="ours", defaults={"a": 1})
    assert elsewhere == random_search
    assert elsewhere.identity == random_search.identity
    assert hash(elsewhere) == hash(random_search)


def test_configurations_that_are_equal_are_the_same_in_the_study(cifar10):
    whole, floating = (Configuration.of(cifar10, "random_search", budget_s=budget) for budget in (50_000, 50_000.0))
    assert whole == floating
    assert whole.identity == floating.identity


def test_an_identity_holds_what_differs_from_the_defaults_and_comes_back(cifar10):
    key = Configuration.of(cifar10, "random_search", n_evaluations=20, run="mean")
    assert json.loads(key.identity) == {
        "benchmark": "nasbench201/cifar10",
        "optimizer": "random_search",
        "results_sha256": cifar10.results.sha256,
        "rules": {"n_evaluations": 20, "run": "mean"},
        "settings": {"repeats": True},
    }
    assert Configuration.from_json(key.identity) == key
    assert Configuration.from_json(key.identity).rules == Rules(n_evaluations=20, run="mean")


THREADS = """class Threads(RandomSearch):
    def ask(self):
        from threadpoolctl import threadpool_info
        with open("threads", "a") as file:
            file.write("".join(f"{each['num_threads']}\\n" for each in threadpool_info()))
        return super().ask()
"""


@pytest.mark.parametrize("n_processes", [1, 2])
def test_numeric_libraries_take_one_thread_in_a_run_wherever_it_is_made(
    tmp_path, path, cifar10, module, monkeypatch, n_processes
):
    module("threads", THREADS)
    monkeypatch.chdir(tmp_path)
    key = Configuration.of(cifar10, "threads:Threads", n_evaluations=3)
    with threadpool_limits(2), Study(path) as study:
        study.run([key], range(2), n_processes=n_processes)
        assert {each["num_threads"] for each in threadpool_info()} == {2}
    assert set((tmp_path / "threads").read_text().split()) == {"1"}


MINE = "class Mine(RandomSearch):\n    def __init__(self, task, rng, size=1, names=()):\n"
MINE += "        super().__init__(task, rng)"


@pytest.mark.parametrize("value", [{1}, 1j, float("nan"), "a\x1b[2J", "long" * 100_000], ids=range(5))
def test_a_setting_that_the_study_file_cannot_hold_is_found_before_any_run(cifar10, module, value):
    module("mine", MINE)
    with pytest.raises(SettingError, match=r"size=.* cannot be stored") as error:
        Configuration.of(cifar10, "mine:Mine", {"size": value}, n_evaluations=5)
    assert one_line(error)


def test_settings_of_lists_and_texts_with_commas_are_kept(cifar10, path, module, filled):
    module("mine", MINE)
    key = Configuration.of(cifar10, "mine:Mine", {"names": ["a,b", "c"]}, n_evaluations=5)
    with Study(filled(path, key, 1)) as study:
        assert study.configurations()[0].settings == {"size": 1, "names": ["a,b", "c"]}


@pytest.mark.parametrize(
    ("name", "how", "error", "message"),
    [
        ("random_serch", {}, UnknownNameError, "did you mean 'random_search'"),
        ("random_search", {"size": 3}, NasbenchKitError, "random_search.*'size'"),
        ("regularized_evolution", {"sample_size": 0}, SettingError, "sample_size=0; an integer of at least 1"),
    ],
)
def test_a_wrong_configuration_is_found_before_any_run(cifar10, name, how, error, message):
    with pytest.raises(error, match=message):
        Configuration.of(cifar10, name, how, n_evaluations=5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"run": 5}, "seed 5 was not recorded; choose from 777"),
        ({"epoch": 12}, "epoch 12 was not recorded; choose from 200"),
        ({"run": 1.5}, "run=1.5; choose 'drawn', 'mean' or the number of a recorded run"),
        ({"n_evaluations": None}, "no budget"),
        ({"n_evaluations": 0}, "n_evaluations=0; an integer of at least 1"),
        ({"n_workers": 0}, "n_workers=0"),
        ({"budget_s": -1}, "budget_s=-1.0; a finite number of seconds above 0"),
        ({"label": "two\nlines"}, "label='two.*; a text of one line expected"),
        ({"label": 3}, "label=3; a text of one line expected"),
    ],
)
def test_what_cannot_be_run_is_found_when_it_is_described(cifar10, how, message):
    with pytest.raises(nbk.NasbenchKitError, match=message) as error:
        Configuration.of(cifar10, "random_search", **{"n_evaluations": 5} | how)
    assert one_line(error)


def test_settings_left_out_are_stored_as_their_defaults(cifar10):
    silent = Configuration.of(cifar10, "regularized_evolution", n_evaluations=5)
    said = Configuration.of(cifar10, "regularized_evolution", {"population_size": 10}, n_evaluations=5)
    assert silent == said
    assert silent.settings == {"population_size": 10, "sample_size": 3, "mutation": "uniform", "remove": "oldest"}
    assert silent.legend == "regularized_evolution"


def test_runs_of_different_configurations_are_independent(cifar10, cifar100):
    first = [Configuration.of(bench, "random_search", n_evaluations=50) for bench in (cifar10, cifar100)]
    first.append(Configuration.of(cifar10, "local_search", n_evaluations=50))
    archs = [execute(configuration, 0).archs.tolist() for configuration in first]
    assert archs[0] != archs[1] != archs[2]
    assert archs[0][0] != archs[2][0]


# ---- how an optimizer is shown ----


def test_a_legend_names_the_settings_that_are_not_default(random_search, evolution):
    assert random_search.legend == "random_search"
    assert evolution.legend == "regularized_evolution (sample_size=5)"


def test_a_legend_of_ones_own_optimizer_is_drawn_from_the_study_alone(cifar10, path, tmp_path, module, filled):
    module("mine", MINE)
    made = [Configuration.of(cifar10, "mine:Mine", {"size": size}, n_evaluations=5) for size in (1, 3)]
    with Study(path) as study:
        study.run(made, [0], n_processes=1)
    (tmp_path / "mine.py").unlink()
    with Study(path, create=False) as study:
        assert [key.legend for key in study.configurations()] == ["mine:Mine", "mine:Mine (size=3)"]


def test_a_label_is_kept_and_the_last_one_counts(path, cifar10):
    for label, n_runs in (("ours", 1), ("ours, tuned", 1), ("ours", 2)):
        with Study(path) as study:
            study.run([Configuration.of(cifar10, "random_search", label=label, n_evaluations=5)], range(n_runs))
        with Study(path) as study:
            (stored,) = study.configurations()
            assert (stored.legend, study.n_runs(stored)) == (label, n_runs)
            assert study.configurations(label) == [stored]


# ---- many runs at once ----


@pytest.mark.parametrize("n_processes", [1, 2])
def test_runs_that_are_made_together_are_those_made_alone(cifar10, path, n_processes):
    names = ("random_search", "regularized_evolution", "local_search", "reinforce")
    keys = [Configuration.of(cifar10, name, budget_s=100_000) for name in names]
    with Study(path) as study:
        assert study.run(keys, range(3, 33), n_processes=n_processes) == RunCounts(120, 0, 0)
        for key in keys:
            for run in study.runs(key):
                alone = execute(key, run.run_seed)
                assert all(getattr(run.records, name).tobytes() == getattr(alone, name).tobytes() for name in SAME)


BREAKS = """
class Breaks(RandomSearch):
    def in_lockstep(self, rngs):
        if len(rngs) == 1:
            return RandomSearch.in_lockstep(self, rngs)
        raise ZeroDivisionError
"""


def test_runs_that_cannot_be_made_together_after_all_are_made_one_by_one(cifar10, path, module):
    module("breaks", BREAKS)
    key = Configuration.of(cifar10, "breaks:Breaks", n_evaluations=5)
    assert n_together(key) > 1
    with Study(path) as study:
        assert study.run([key], range(9), n_processes=1) == RunCounts(9, 0, 0)


def test_runs_that_another_process_makes_are_left_out_of_a_batch(path, random_search, filled, sql):
    filled(path, random_search, 0)
    seen = []
    with Study(path) as study:
        study.run([random_search], [2, 5], n_processes=1)
        me = (os.uname().nodename, os.getpid(), time.time())
        sql(path, "INSERT INTO claims VALUES (1, 4, ?, ?, 'other', ?)", me)
        ids = study._ids()
        claims = Claims(study._db, ids, [(random_search, seed) for seed in range(8)], {random_search: 6})
        seen += claims.take(1, True)
        seen += claims.take(9, False)
    assert seen == [(random_search, (0, 1, 3)), (random_search, (6, 7))]
    assert claims.n_stored_elsewhere == 2


# ---- resume ----


def test_a_study_goes_on_where_it_was(path, random_search):
    seen = []
    with Study(path) as study:
        assert study.run([random_search], range(5), n_processes=1) == RunCounts(made=5, there=0, failed=0)
        before = [run.records.optimizer_s.tobytes() for run in study.runs(random_search)]
        counts = study.run([random_search], range(12), n_processes=1, progress=lambda *done: seen.append(done))
        after = [run.records.optimizer_s.tobytes() for run in study.runs(random_search)]
    assert counts == RunCounts(made=7, there=5, failed=0)
    assert seen == [(n, 12) for n in range(5, 13)]
    assert after[:5] == before  # measured times: had they been made anew, these would differ
    assert len(after) == 12


def test_a_finished_study_makes_nothing_again_and_is_not_written_to(path, random_search, filled):
    before = filled(path, random_search).read_bytes()
    with Study(path) as study:
        assert study.run([random_search], range(3)) == RunCounts(0, 3, 0)
    assert path.read_bytes() == before


def test_the_same_run_asked_for_twice_is_made_once(path, random_search):
    with Study(path) as study:
        assert study.run([random_search, random_search], [1, 1, 2], n_processes=1) == RunCounts(2, 0, 0)


def test_different_settings_and_rules_live_in_the_same_file(cifar10, path, random_search, evolution):
    keys = [random_search, evolution, ruled(random_search, n_evaluations=10), ruled(random_search, run="mean")]
    with Study(path) as study:
        study.run(keys, range(2), n_processes=1)
        assert study.configurations() == keys
        assert [study.n_runs(key) for key in keys] == [2] * 4
        assert [len(next(study.runs(key)).records.value) for key in keys] == [20, 20, 10, 20]


def test_runs_come_in_order_of_seed_and_may_be_chosen(path, random_search):
    with Study(path) as study:
        study.run([random_search], [7, 3, 5], n_processes=1)
        assert [run.run_seed for run in study.runs(random_search)] == [3, 5, 7]
        assert [run.run_seed for run in study.runs(random_search, [7, 3, 99])] == [3, 7]


def test_the_number_of_processes_changes_nothing(tmp_path, random_search, evolution, content):
    def made(name, **how):
        with Study(tmp_path / name) as study:
            study.run([random_search, evolution], range(6), **how)
        return content(tmp_path / name)

    alone = made("one.db", n_processes=1)
    assert len(alone) == 12
    assert made("two.db", n_processes=2) == alone
    with ThreadPoolExecutor(3) as executor:
        assert made("threads.db", executor=executor) == alone
        assert executor.submit(int).result() == 0  # it is left open


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda study, key: study.run(key, [0]), r"=Configuration\(.*; a list of them expected, be it of one"),
        (lambda study, key: study.run(5, [0]), "configurations=5; a list of them expected"),
        (lambda study, key: study.run("abc", [0]), "configurations='abc'; a list of them expected"),
        (lambda study, key: study.run([key, 5], [0]), r"5 is no configuration; Configuration.of\(.*\) expected"),
        (lambda study, key: study.run([key], 3), r"run_seeds=3; a list of integers .* expected, such as range\(3\)"),
        (lambda study, key: study.run([key], [0, 0.5]), r"run_seeds=\[0, 0.5\]; a list of integers"),
        (lambda study, key: study.run([key], [-1]), "run_seeds=-1; a list of integers from 0 to"),
        (lambda study, key: study.run([key], "12"), "run_seeds='12'; a list of integers"),
        (lambda study, key: study.benchmark(5), "5 is no configuration"),
        (lambda study, key: study.n_runs("random_search"), "'random_search' is no configuration"),
        (lambda study, key: list(study.runs("random_search")), "'random_search' is no configuration"),
        (lambda study, key: list(study.runs(key, 2)), "run_seeds=2; a list of integers"),
        (lambda study, key: study.failures(None), "None is no configuration"),
    ],
)  # fmt: skip
def test_an_argument_of_another_kind_is_told_in_one_line_that_says_what_is_expected(
    path, random_search, wrong, message
):
    with Study(path) as study:
        with pytest.raises(SettingError, match=message) as error:
            wrong(study, random_search)
        assert one_line(error)
        assert study.configurations() == []


def test_seeds_from_a_numpy_array_are_the_same_seeds(path, random_search):
    with Study(path) as study:
        study.run([random_search], np.arange(3), n_processes=1)
        assert [run.run_seed for run in study.runs(random_search)] == [0, 1, 2]
        assert study.run([random_search], range(3), n_processes=1).made == 0


def test_more_runs_than_are_in_flight_at_a_time_are_all_made(path, random_search, monkeypatch):
    monkeypatch.setattr("nasbench_kit.study.executors._MOST", 10)
    monkeypatch.setattr("nasbench_kit.study.executors._LEAST", 5)
    monkeypatch.setattr("nasbench_kit.study.executors._WAITING", 1_000)  # of which each result takes a part
    key = ruled(random_search, n_evaluations=2)
    with ThreadPoolExecutor(2) as executor, Study(path) as study:
        assert study.run([key], range(50), executor=executor).made == 50
        assert study.n_runs(key) == 50


# ---- results that change, or are elsewhere ----


def letters(path, accuracy):
    space = ChoiceSpace("letter", {"letter": tuple("abc")})
    frame = {"arch": ["a", "b", "c"], "val_accuracy": [accuracy, 0.5, 0.6], "cost_s": [1, 2, 3]}
    nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=["val_accuracy", "cost_s"])
    return nbk.load("letters/default", results=path)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_table_that_has_changed_is_an_error(tmp_path, path, n_processes):
    configuration = Configuration.of(letters(tmp_path / "t.h5", 0.1), "random_search", n_evaluations=5)
    letters(tmp_path / "t.h5", 0.2)
    with (
        Study(path) as study,
        pytest.raises(StudyError, match=r"t\.h5' has changed since this study was set up") as error,
    ):
        study.run([configuration], range(2), n_processes=n_processes)
    assert one_line(error)


def test_the_runs_on_a_changed_table_are_kept_apart(tmp_path, path):
    keys = [Configuration.of(letters(tmp_path / "t.h5", x), "random_search", n_evaluations=5) for x in (0.1, 0.1, 0.2)]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_a_study_finds_the_table_that_it_was_made_on_by_its_hash(cifar10, path, random_search, filled):
    with Study(filled(path, random_search, 1)) as study:
        (key,) = study.configurations()
        assert key.path == ""
        bench = study.benchmark(key)
        assert (bench.name, bench.results.sha256) == (cifar10.name, cifar10.results.sha256)
        assert study.run([key], range(2), n_processes=2) == RunCounts(1, 1, 0)  # goes on with what it found


def test_a_study_says_which_table_it_lacks_and_takes_one_of_the_same_hash_from_elsewhere(tmp_path, path, filled):
    filled(path, Configuration.of(letters(tmp_path / "t.h5", 0.1), "random_search", n_evaluations=5), 1)
    (tmp_path / "t.h5").rename(tmp_path / "moved.h5")
    with Study(path) as study:
        (key,) = study.configurations()
        with pytest.raises(StudyError, match=r"'letters' that these runs were made on, with the sha256 .* is not here"):
            study.benchmark(key)
        assert study.benchmark(key, tmp_path / "moved.h5").results.path == str(tmp_path / "moved.h5")
        letters(tmp_path / "other.h5", 0.2)
        with pytest.raises(StudyError, match=r"other\.h5' is not the one that these runs"):
            study.benchmark(key, tmp_path / "other.h5")


# ---- optimizers of others, and runs that fail ----


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_optimizer_of_a_module_runs_also_in_worker_processes(cifar10, path, module, n_processes):
    module("mine", MINE)
    mine = Configuration.of(cifar10, "mine:Mine", {"size": 3}, n_evaluations=5)
    with Study(path) as study:
        assert study.run([mine], range(4), n_processes=n_processes).made == 4
        assert [key.legend for key in study.configurations()] == ["mine:Mine (size=3)"]


FRAGILE = """
import pathlib


class Fragile(RandomSearch):
    def __init__(self, task, rng, error="RuntimeError('out of ideas\\\\x1b')"):
        super().__init__(task, rng)
        self.fails = rng.random() > 0.6
        self.error = error

    def ask(self):
        if self.fails and not pathlib.Path(__file__).with_name("mended").exists():
            raise eval(self.error)
        return super().ask()
"""


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_run_that_fails_is_kept_as_failed_and_the_rest_go_on(tmp_path, cifar10, path, module, n_processes, content):
    module("fragile", FRAGILE)
    fragile = Configuration.of(cifar10, "fragile:Fragile", n_evaluations=5)
    seen = []
    with Study(path) as study:
        counts = study.run([fragile], range(20), n_processes=n_processes, progress=lambda *done: seen.append(done))
        failures = study.failures(fragile)
        assert 0 < len(failures) < 20
        assert counts == RunCounts(20 - len(failures), 0, len(failures))
        assert set(failures.values()) == {"RuntimeError: out of ideas\\x1b"}
        assert seen[-1] == (20, 20)
        assert {run.run_seed for run in study.runs(fragile)} == set(range(20)) - set(failures)
        assert study.n_runs(fragile) == 20 - len(failures)
        # the same call tries them again
        assert study.run([fragile], range(20), n_processes=n_processes) == RunCounts(
            0, 20 - len(failures), len(failures)
        )
        (tmp_path / "mended").touch()
        assert study.run([fragile], range(20), n_processes=n_processes) == RunCounts(
            len(failures), 20 - len(failures), 0
        )
        assert study.failures(fragile) == {}
        reference = {seed: execute(fragile, seed).archs.tobytes() for seed in range(20)}
        assert {run.run_seed: run.records.archs.tobytes() for run in study.runs(fragile)} == reference


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("SystemExit(3)", "SystemExit: 3"),
        ("__import__('nasbench_kit.errors').errors.NotRecordedError('never measured')", "never measured"),
        ("MemoryError()", "MemoryError"),
        ("EOFError()", "EOFError"),
        ("ValueError('a\\nb' * 10_000)", "ValueError: a ba ba b.*[.][.][.]"),
    ],
)
def test_whatever_an_optimizer_raises_is_one_line_of_its_run(cifar10, path, module, error, reason):
    module("fragile", FRAGILE)
    key = Configuration.of(cifar10, "fragile:Fragile", {"error": error}, n_evaluations=5)
    with Study(path) as study:
        study.run([key], range(20), n_processes=1)
        found = set(study.failures(key).values())
    assert len(found) == 1
    (text,) = found
    assert text.isprintable()
    assert len(text) < 300
    assert re.fullmatch(reason, text)


def test_an_executor_that_fails_is_an_error_not_a_failed_run(path, random_search):
    class Refusing(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            return super().submit(lambda: 1 / 0)

    with Refusing(1) as executor, Study(path) as study:
        with pytest.raises(StudyError, match=r"random_search on .* with seed 0 was not executed: ZeroDivisionError"):
            study.run([random_search], range(2), executor=executor)
        assert study.failures(random_search) == {}


def test_an_optimizer_that_kills_its_worker_is_an_error(cifar10, path, module):
    module("deadly", "import os\n\nclass Deadly(RandomSearch):\n    def ask(self):\n        os._exit(3)")
    deadly = Configuration.of(cifar10, "deadly:Deadly", n_evaluations=5)
    with Study(path) as study, pytest.raises(WorkerError, match=r"a worker process died.*what is finished is kept"):
        study.run([deadly], range(2), n_processes=2)


def test_a_module_that_cannot_even_be_compiled_is_an_error_of_ours(cifar10, module):
    module("garbled", "class Mine(:")
    with pytest.raises(NasbenchKitError, match="cannot import optimizer 'garbled:Mine'"):
        Configuration.of(cifar10, "garbled:Mine", n_evaluations=5)


# ---- versions, removing, merging ----


def as_if_made_with(monkeypatch, numpy):
    from nasbench_kit.study import study

    whole = study.versions_of
    monkeypatch.setattr(study, "versions_of", lambda key: whole(key) | {"numpy": numpy})


def test_a_study_is_not_continued_with_what_may_give_other_records(path, random_search, monkeypatch):
    with Study(path) as study:
        study.run([random_search], range(2), n_processes=1)
        as_if_made_with(monkeypatch, "1.0")
        assert study.run([random_search], range(2), n_processes=1) == RunCounts(0, 2, 0)
        with pytest.raises(StudyError, match=r"runs of random_search made with numpy \d.*; with 1\.0 .* may give oth"):
            study.run([random_search], range(3), n_processes=1)


def test_the_packages_that_a_search_needs_are_among_its_versions(cifar10):
    for optimizer, settings, package in (
        ("random_forest", {}, "scikit-learn"),
        ("tpe", {}, "optuna"),
        ("warm_start", {"optimizer": "random_forest"}, "scikit-learn"),
        ("regret_stopping", {"optimizer": "warm_start", "settings": {"optimizer": "tpe"}}, "optuna"),
    ):
        configuration = Configuration.of(cifar10, optimizer, settings, n_evaluations=5)
        assert metadata.version(package) in versions_of(configuration).values()
    assert set(versions_of(Configuration.of(cifar10, "random_search", n_evaluations=5))) == {
        "nasbench_kit",
        "numpy",
        "python",
    }


def test_a_surrogate_that_a_search_follows_may_not_change_beneath_its_runs(path, monkeypatch):
    bench = nbk.load("nasbench301/cifar10")
    gaea = Configuration.of(bench, "gaea", n_evaluations=2)
    assert versions_of(gaea)["surrogate_sha256"] == bench.results.sha256
    with Study(path) as study:
        study.run([gaea], [0], n_processes=1)
        monkeypatch.setattr(chosen, "chosen_surrogate", lambda *given: (SimpleNamespace(sha256="f" * 64), "cifar10"))
        with pytest.raises(StudyError, match=r"gaea made with surrogate_sha256 \w+; with ffff.* may give others"):
            study._check_versions(gaea, versions_of(gaea), in_files_alone=True)


@pytest.mark.parametrize("depth", range(3))
def test_the_surrogate_that_a_search_inside_another_follows_is_the_one_that_is_noted(monkeypatch, depth):
    asked_for = []

    def chosen_surrogate(space, name):
        asked_for.append(name)
        return SimpleNamespace(sha256="f" * 64), "cifar10"

    optimizer, settings = "gaea", {"surrogate": "nasbench301/cifar10"}
    for _ in range(depth):
        optimizer, settings = "regret_stopping", {"optimizer": optimizer, "settings": settings}
    key = Configuration.of(nbk.load("nasbench301/cifar10"), optimizer, settings, n_evaluations=2)
    monkeypatch.setattr(chosen, "chosen_surrogate", chosen_surrogate)
    assert versions_of(key)["surrogate_sha256"] == "f" * 64
    assert asked_for == ["nasbench301/cifar10"]


def test_an_optimizer_of_ones_own_may_not_change_inside_another_one(cifar10, path, module):
    module("mine", MINE)
    inside = Configuration.of(cifar10, "warm_start", {"optimizer": "mine:Mine"}, n_evaluations=5)
    with Study(path) as study:
        study.run([inside], [0], n_processes=1)
        module("mine", MINE + "\n# edited")
        with pytest.raises(
            StudyError, match=r"made with optimizer_sha256 \w+; with \w+ the same seeds may give others"
        ):
            study.run([inside], [0], n_processes=1)


def test_what_earlier_runs_did_not_note_is_said_so(cifar10, path, monkeypatch):
    from nasbench_kit.study import study as module

    tpe = Configuration.of(cifar10, "tpe", n_evaluations=2)
    whole = module.versions_of
    with Study(path) as study:
        with monkeypatch.context() as patched:
            patched.setattr(module, "versions_of", lambda key: {k: v for k, v in whole(key).items() if k != "optuna"})
            study.run([tpe], [0], n_processes=1)
        with pytest.raises(StudyError, match=r"tpe made with optuna \(not noted\); with \d.* may give others"):
            study.run([tpe], [1], n_processes=1)


def test_runs_whose_optimizer_was_edited_can_be_removed_and_made_anew(cifar10, path, module, random_search):
    module("mine", MINE)
    mine = Configuration.of(cifar10, "mine:Mine", n_evaluations=5)
    with Study(path) as study:
        study.run([mine, random_search], range(3), n_processes=1)
        module("mine", MINE + "\n# edited")
        with pytest.raises(StudyError, match=r"mine:Mine made with optimizer_sha256 .* --remove mine:Mine\)"):
            study.run([mine], range(3), n_processes=1)
        assert study.remove("mine:Mine") == 3
        assert study.configurations() == [random_search]
        assert study.run([mine, random_search], range(3), n_processes=1) == RunCounts(3, 3, 0)


def test_a_configuration_alone_can_be_removed(path, random_search):
    other = ruled(random_search, n_evaluations=7)
    with Study(path) as study:
        study.run([random_search, other], range(3), n_processes=1)
        assert study.remove(other) == 3
        assert (study.configurations(), study.n_runs(other), study.n_runs(random_search)) == ([random_search], 0, 3)
        with pytest.raises(UnknownNameError, match=r"unknown optimizer of .*'random_serch'; did you mean 'random_s"):
            study.remove("random_serch")


def test_studies_are_merged(tmp_path, random_search, evolution, content):
    with Study(tmp_path / "whole.db") as whole:
        whole.run([random_search, evolution], range(6), n_processes=1)
    with Study(tmp_path / "a.db") as first, Study(tmp_path / "b.db") as second:
        first.run([random_search], range(4), n_processes=1)
        second.run([evolution, random_search], range(2, 6), n_processes=1)
        assert first.merge(second) == 6
        assert first.merge(tmp_path / "b.db") == 0
        first.run([evolution], range(2), n_processes=1)
    assert content(tmp_path / "a.db") == content(tmp_path / "whole.db")


def test_what_is_in_a_study_keeps_its_label_when_another_is_merged(cifar10, tmp_path):
    for name, label, seed in (("a.db", "ours", 0), ("b.db", "theirs", 1)):
        with Study(tmp_path / name) as study:
            key = Configuration.of(cifar10, "random_search", label=label, n_evaluations=5)
            study.run([key], [seed], n_processes=1)
    with Study(tmp_path / "a.db") as study:
        assert study.merge(tmp_path / "b.db") == 1
        assert [(key.label, study.n_runs(key)) for key in study.configurations()] == [("ours", 2)]


def test_a_run_that_failed_in_one_study_is_taken_from_the_other(tmp_path, cifar10, module):
    module("fragile", FRAGILE)
    fragile = Configuration.of(cifar10, "fragile:Fragile", n_evaluations=5)
    with Study(tmp_path / "a.db") as first, Study(tmp_path / "b.db") as second:
        failed = first.run([fragile], range(20), n_processes=1).failed
        assert second.merge(first) == 20
        assert second.failures(fragile) == first.failures(fragile) != {}
        (tmp_path / "mended").touch()
        second.run([fragile], range(20), n_processes=1)
        assert first.merge(second) == failed
        assert first.failures(fragile) == {}
        assert second.merge(first) == 0


def test_runs_made_with_other_versions_are_not_merged(tmp_path, random_search, filled, monkeypatch, content):
    filled(tmp_path / "a.db", random_search)
    as_if_made_with(monkeypatch, "1.0")
    with Study(tmp_path / "b.db") as study:
        study.run([random_search, ruled(random_search, n_evaluations=7)], range(4), n_processes=1)
    before = content(tmp_path / "a.db")
    with (
        Study(tmp_path / "a.db") as study,
        pytest.raises(StudyError, match=r"with numpy \d.*; with 1\.0 the"),
    ):
        study.merge(tmp_path / "b.db")
    assert content(tmp_path / "a.db") == before


def test_different_records_of_one_run_are_not_merged(tmp_path, cifar10, module):
    """An optimizer may depend on what no version says."""
    module("fragile", FRAGILE.replace("rng.random() > 0.6", "pathlib.Path(__file__).with_name('skip').exists()"))
    body = FRAGILE.split("class")[0] + (
        "class Loose(RandomSearch):\n    def __init__(self, task, rng):\n        super().__init__(task, rng)\n"
        "        if pathlib.Path(__file__).with_name('skip').exists():\n            self.ask()"
    )
    module("loose", body)
    loose = Configuration.of(cifar10, "loose:Loose", n_evaluations=5)
    with Study(tmp_path / "a.db") as first, Study(tmp_path / "b.db") as second:
        first.run([loose], range(2), n_processes=1)
        (tmp_path / "skip").touch()
        second.run([loose], range(3), n_processes=1)
        with pytest.raises(StudyError, match=r"hold different records of loose:Loose on .* with seed 0"):
            first.merge(second)
        assert first.n_runs(loose) == 2


def test_a_run_that_another_process_removes_while_all_are_verified_is_not_called_damaged(
    path, random_search, monkeypatch, sql
):
    checked = Study._checked

    def and_removed(self, configuration, row):
        sql(path, "DELETE FROM columns WHERE run = ?", (row.id,))
        sql(path, "DELETE FROM runs WHERE id = ?", (row.id,))
        return checked(self, configuration, row)

    with Study(path) as study:
        study.run([random_search], range(3), n_processes=1)
        study.verify()
        monkeypatch.setattr(Study, "_checked", and_removed)
        study.verify()
        assert study.n_runs(random_search) == 0


def test_verifying_finds_a_damaged_run_among_others(path, random_search, sql):
    with Study(path) as study:
        study.run([random_search], range(3), n_processes=1)
    sql(path, "UPDATE runs SET n_evaluations = 19 WHERE run_seed = 1")
    with Study(path) as study, pytest.raises(StudyError, match="is damaged: run with seed 1 "):
        study.verify()

"""Many runs in one file: resumable, the same with any number of processes, and safe whatever happens to it."""

import hashlib
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.simulator import Records, simulate
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import SCHEMA_VERSION, Configuration, Study, database, execute

COMMAND = Path(sys.executable).with_name("nasbench-kit")
N_KILLS = 20
N_RUNS = 30
SAME = [name for name in Records._fields if name != "optimizer_s"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


@pytest.fixture
def random_search(cifar10):
    return Configuration.of(cifar10, "random_search", n_evaluations=20)


@pytest.fixture
def evolution(cifar10):
    return Configuration.of(cifar10, "regularized_evolution", {"sample_size": 5}, n_evaluations=20, n_workers=3)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported, also by worker processes."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, body):
        (tmp_path / f"{name}.py").write_text(f"from nasbench_kit.optimizers import RandomSearch\n\n{body}\n")

    yield write
    for name in [
        name for name, loaded in sys.modules.items() if str(tmp_path) in (getattr(loaded, "__file__", "") or "")
    ]:
        del sys.modules[name]


def content(path):
    """All that must not depend on when and where a run was made."""
    with Study(path, create=False) as study:
        return {
            (key.identity, run.run_seed): [getattr(run.records, name).tobytes() for name in SAME]
            for key in study.configurations()
            for run in study.runs(key)
        }


def filled(path, configuration, n_runs=3):
    """A study file with some runs."""
    with Study(path) as study:
        study.run([configuration], range(n_runs), n_processes=1)
    return path


def sql(path, *statement):
    """Change a study behind its back."""
    db = sqlite3.connect(path, uri=str(path).startswith("file:"))
    with db:
        found = db.execute(*statement).fetchall()
    db.close()
    return found


def one_line(error):
    return "\n" not in str(error.value)


# ---- what a run is ----


def test_a_stored_run_is_what_the_simulator_gives_for_its_seed(cifar10, path, random_search):
    with Study(filled(path, random_search)) as study:
        (run,) = study.runs(random_search, [2])
    # the streams depend on all that makes the configuration what it is, and on the run's seed
    identity = np.frombuffer(hashlib.sha256(random_search.identity.encode()).digest(), "<u4")
    search, draw = map(np.random.default_rng, np.random.SeedSequence([2, *identity.tolist()]).spawn(2))
    again = simulate(cifar10, OPTIMIZERS["random_search"](cifar10.space, search), rng=draw, n_evaluations=20)
    assert run.run_seed == 2
    for name in SAME:
        np.testing.assert_array_equal(getattr(run.records, name), getattr(again, name))
        assert getattr(run.records, name).dtype == getattr(again, name).dtype


def test_runs_with_different_seeds_differ(random_search):
    assert execute(random_search, 0).archs.tolist() != execute(random_search, 1).archs.tolist()


def test_table_hash_and_versions_are_stored(cifar10, path, random_search):
    with Study(filled(path, random_search, 1)) as study:
        (configuration,) = study.configurations()
        (run,) = study.runs(configuration)
    assert configuration == random_search
    assert configuration.table_sha256 == cifar10.results.sha256
    assert run.versions["nasbench_kit"] == nbk.__version__
    assert run.versions["numpy"] == np.__version__
    assert set(run.versions) == {"nasbench_kit", "numpy", "python"}


def test_a_label_names_the_settings(random_search, evolution):
    assert random_search.label == "random_search"
    assert evolution.label == "regularized_evolution (sample_size=5)"


def test_a_run_without_any_evaluation_can_be_stored(cifar10, path):
    nothing = Configuration.of(cifar10, "random_search", budget_s=1.0)
    with Study(filled(path, nothing, 1)) as study:
        (run,) = study.runs(nothing)
    assert run.records.archs.shape == (0, 6)


def test_where_a_table_lies_does_not_make_another_configuration(random_search):
    elsewhere = replace(random_search, table_path="/elsewhere.h5")
    assert elsewhere == random_search
    assert elsewhere.identity == random_search.identity
    assert hash(elsewhere) == hash(random_search)


def test_configurations_that_are_equal_are_the_same_in_the_study(cifar10):
    whole, floating = (Configuration.of(cifar10, "random_search", budget_s=budget) for budget in (50_000, 50_000.0))
    assert whole == floating
    assert whole.identity == floating.identity


@pytest.mark.parametrize("number", [{1}, 1j], ids=str)
def test_a_setting_that_the_study_file_cannot_hold_is_found_before_any_run(cifar10, module, number):
    module(
        "anything",
        "class Any(RandomSearch):\n    def __init__(self, space, rng, a=0):\n        super().__init__(space, rng)",
    )
    with pytest.raises(SettingError, match="a="):
        Configuration.of(cifar10, "anything:Any", {"a": number}, n_evaluations=5).identity  # noqa: B018


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


# ---- resume ----


def test_a_study_goes_on_where_it_was(path, random_search):
    seen = []
    with Study(path) as study:
        assert study.run([random_search], range(5), n_processes=1) == 5
        before = [run.records.optimizer_s.tobytes() for run in study.runs(random_search)]
        made = study.run([random_search], range(12), n_processes=1, progress=lambda *done: seen.append(done))
        after = [run.records.optimizer_s.tobytes() for run in study.runs(random_search)]
    assert made == 7
    assert seen == [(n, 12) for n in range(5, 13)]
    assert after[:5] == before  # measured times: had they been made anew, these would differ
    assert len(after) == 12


def test_a_finished_study_makes_nothing_again(path, random_search):
    with Study(filled(path, random_search)) as study:
        assert study.run([random_search], range(3)) == 0


def test_the_same_run_asked_for_twice_is_made_once(path, random_search):
    with Study(path) as study:
        assert study.run([random_search, random_search], [1, 1, 2], n_processes=1) == 2


def test_different_settings_live_in_the_same_file(cifar10, path, random_search, evolution):
    keys = [random_search, evolution, replace(random_search, n_evaluations=10), replace(random_search, seed="mean")]
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


def test_the_number_of_processes_changes_nothing(tmp_path, random_search, evolution):
    def stored(name, **how):
        with Study(tmp_path / name) as study:
            study.run([random_search, evolution], range(6), **how)
        return content(tmp_path / name)

    alone = stored("one.db", n_processes=1)
    assert len(alone) == 12
    assert stored("two.db", n_processes=2) == alone
    with ThreadPoolExecutor(3) as executor:
        assert stored("threads.db", executor=executor) == alone
        assert executor.submit(int).result() == 0  # it is left open


def test_seeds_from_a_numpy_array_are_the_same_seeds(path, random_search):
    with Study(path) as study:
        study.run([random_search], np.arange(3), n_processes=1)
        assert [run.run_seed for run in study.runs(random_search)] == [0, 1, 2]
        assert study.run([random_search], range(3), n_processes=1) == 0


def test_more_runs_than_are_in_flight_at_a_time_are_all_made(path, random_search):
    with ThreadPoolExecutor(2) as executor, Study(path) as study:
        assert study.run([replace(random_search, n_evaluations=2)], range(150), executor=executor) == 150
        assert study.n_runs(replace(random_search, n_evaluations=2)) == 150


def test_two_studies_may_fill_the_same_file_at_the_same_time(tmp_path, random_search, evolution):
    def fill(path, keys, start):
        with Study(path) as study:
            start.wait()
            return study.run(keys, range(4), n_processes=1)

    with ThreadPoolExecutor(2) as executor:
        for i in range(25):  # the moments at which they meet differ
            path, start = tmp_path / f"{i}.db", Barrier(2, timeout=10)
            both = [executor.submit(fill, path, keys, start) for keys in ([random_search, evolution], [evolution])]
            assert 8 <= sum(future.result() for future in both) <= 12
            assert len(content(path)) == 8


# ---- tables that change ----


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


# ---- files that are no study ----


def write_bytes(path, what):
    path.write_bytes(what)


def make_foreign(path, _):
    sql(path, "CREATE TABLE runs (a)")


def make_newer(path, configuration):
    sql(filled(path, configuration, 1), f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def make_truncated(path, configuration):
    whole = filled(path, configuration, 20).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, _: path.write_bytes(b"no database at all " * 100), "is no study: file is not a database"),
        (lambda path, _: path.write_bytes(b"\x89HDF\r\n\x1a\n" * 200), "is no study: file is not a database"),
        (make_foreign, "is an SQLite file, but no study of nasbench_kit"),
        (make_newer, r"study format 2; this nasbench_kit reads up to 1: upgrade nasbench_kit"),
        (make_truncated, "malformed"),
        (lambda path, _: path.mkdir(), "cannot open study"),
    ],
    ids=["text", "HDF5", "foreign", "newer", "truncated", "folder"],
)
def test_a_file_that_is_no_readable_study_is_an_error_in_one_line(path, random_search, make, message):
    make(path, random_search)
    with pytest.raises(StudyError, match=message) as error, Study(path) as study:
        list(study.runs(random_search))
    assert one_line(error)
    assert str(path) in str(error.value)


def test_a_foreign_file_is_not_changed(path):
    make_foreign(path, None)
    before = path.read_bytes()
    with pytest.raises(StudyError, match="no study"):
        Study(path)
    assert path.read_bytes() == before


def test_a_damaged_study_is_not_called_safe(path, random_search):
    make_truncated(path, random_search)
    with pytest.raises(StudyError, match="malformed") as error, Study(path) as study:
        list(study.runs(random_search))
    assert "safe" not in str(error.value)


def test_a_missing_study_is_an_error_if_it_must_not_be_made(path):
    with pytest.raises(StudyError, match=r"there is no study '.*study\.db'"):
        Study(path, create=False)
    assert not path.exists()


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(StudyError, match=r"cannot open study '.*nowhere.*unable to open"):
        Study(tmp_path / "nowhere" / "study.db")


@pytest.mark.parametrize("name", ["", ":memory:"])
def test_a_name_that_sqlite_would_not_keep_on_disk_is_refused_or_a_file(tmp_path, monkeypatch, random_search, name):
    monkeypatch.chdir(tmp_path)
    try:
        filled(name, random_search, 1)
    except StudyError:
        return
    assert len(content(name)) == 1


def test_a_locked_study_is_an_error(path, random_search, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    holder = sqlite3.connect(filled(path, random_search, 1), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StudyError, match=r"cannot open study .*locked") as error:
        Study(path)
    holder.close()
    assert one_line(error)
    assert len(content(path)) == 1


def test_a_study_locked_by_a_writer_says_so_and_loses_nothing(path, random_search, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    with Study(filled(path, random_search, 1)) as study:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StudyError, match=r"cannot write study .*locked; every run stored so far is safe"):
            study.run([random_search], range(3), n_processes=1)
        holder.close()
        assert study.run([random_search], range(3), n_processes=1) == 2


# ---- damaged contents ----

BOMB = zlib.compress(bytes(200_000_000), 9)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("value", zlib.compress(b"short")),
        ("value", b"no zlib"),
        ("archs", b""),
        ("archs", None),
        ("cost_s", "text"),
        ("epoch", BOMB),
        ("archs", BOMB),
        ("n_evaluations", 19),
        ("n_evaluations", -1),
        ("n_evaluations", "many"),
        ("n_evaluations", 2**62),
        ("n_decisions", 7),
        ("versions", "{"),
    ],
    ids=lambda what: f"{len(what)} bytes" if isinstance(what, bytes) else str(what),
)
def test_a_damaged_run_is_an_error_in_one_line(path, random_search, change, value):
    filled(path, random_search)
    if value is None:
        value = sql(path, f"SELECT {change} FROM runs WHERE run_seed = 1")[0][0][:-5]  # cut off
    sql(path, f"UPDATE runs SET {change} = ? WHERE run_seed = 1", (value,))
    with Study(path) as study:
        with pytest.raises(StudyError, match="is damaged: run with seed 1") as error:
            list(study.runs(random_search))
        assert [run.run_seed for run in study.runs(random_search, [0, 2])] == [0, 2]  # the others are readable
    assert one_line(error)


@pytest.mark.parametrize(
    ("n_evaluations", "n_decisions"),
    [(20, 6), (6_148_914_691_236_517_205, 3)],  # the product of the latter is -1 in 64 bits
)
def test_a_small_file_does_not_become_a_large_array(path, random_search, n_evaluations, n_decisions):
    new = "UPDATE runs SET archs = ?, n_evaluations = ?, n_decisions = ?"
    sql(filled(path, random_search, 1), new, (BOMB, n_evaluations, n_decisions))
    tracemalloc.start()
    with Study(path) as study, pytest.raises(StudyError, match="is damaged: run with seed 0"):
        list(study.runs(random_search))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("identity", ["{", "[]", '{"benchmark": 1}', '{"extra": 1}'])
def test_a_damaged_configuration_is_an_error(path, random_search, identity):
    sql(filled(path, random_search, 1), "UPDATE configurations SET identity = ?", (identity,))
    with Study(path) as study, pytest.raises(StudyError, match="is damaged: a configuration is unreadable"):
        study.configurations()


# ---- optimizers of others ----


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_optimizer_of_a_module_runs_also_in_worker_processes(cifar10, path, module, n_processes):
    module(
        "mine",
        "class Mine(RandomSearch):\n    def __init__(self, space, rng, size=1):\n        super().__init__(space, rng)",
    )
    mine = Configuration.of(cifar10, "mine:Mine", {"size": 3}, n_evaluations=5)
    with Study(path) as study:
        assert study.run([mine], range(4), n_processes=n_processes) == 4
        assert [key.label for key in study.configurations()] == ["mine:Mine (size=3)"]


FRAGILE = """
class Fragile(RandomSearch):
    def __init__(self, space, rng):
        super().__init__(space, rng)
        self.fails = rng.random() > 0.8

    def ask(self):
        if self.fails:
            raise RuntimeError("out of ideas")
        return super().ask()
"""


def first_to_fail(configuration):
    """The first run seed with which FRAGILE fails."""
    for seed in itertools.count():
        try:
            execute(configuration, seed)
        except RuntimeError:
            return seed


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_optimizer_that_raises_is_named_with_its_run_and_earlier_runs_are_safe(cifar10, path, module, n_processes):
    module("fragile", FRAGILE)
    fragile = Configuration.of(cifar10, "fragile:Fragile", n_evaluations=5)
    pattern = r"fragile:Fragile.* on nasbench201/cifar10 with seed \d+ failed: RuntimeError: out of ideas"
    with Study(path) as study:
        with pytest.raises(StudyError, match=pattern) as error:
            study.run([fragile], range(20), n_processes=n_processes)
        n_safe = study.n_runs(fragile)
        assert n_safe == len(list(study.runs(fragile)))
    assert one_line(error)
    assert n_processes > 1 or n_safe == first_to_fail(fragile)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"seed": 5}, "seed 5 was not recorded; choose from 777"),
        ({"epoch": 12}, "epoch 12 was not recorded; choose from 200"),
        ({"seed": 1.5}, "seed=1.5; choose 'drawn', 'mean' or a recorded seed"),
        ({"n_evaluations": None}, "no budget"),
        ({"n_evaluations": 0}, "n_evaluations=0; an integer of at least 1"),
        ({"n_workers": 0}, "n_workers=0"),
        ({"budget_s": -1}, "budget_s=-1.0; a finite number of seconds above 0"),
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
    assert silent.settings == {"population_size": 10, "sample_size": 3, "mutation": "uniform"}
    assert silent.label == "regularized_evolution"


def test_runs_of_different_configurations_are_independent(cifar10):
    cifar100 = nbk.load("nasbench201/cifar100")
    first = [Configuration.of(bench, "random_search", n_evaluations=50) for bench in (cifar10, cifar100)]
    first.append(Configuration.of(cifar10, "local_search", n_evaluations=50))
    archs = [execute(configuration, 0).archs.tolist() for configuration in first]
    assert archs[0] != archs[1] != archs[2]
    assert archs[0][0] != archs[2][0]


def test_a_study_is_not_continued_with_what_may_give_other_records(path, random_search):
    with Study(path) as study:
        study.run([random_search], range(2), n_processes=1)
        study._db.execute("UPDATE runs SET versions = json_set(versions, '$.numpy', '1.0')")
        assert study.run([random_search], range(2), n_processes=1) == 0
        with pytest.raises(StudyError, match=r"runs of random_search made with numpy 1\.0; with \d.* may give others"):
            study.run([random_search], range(3), n_processes=1)


def test_an_optimizer_that_kills_its_worker_is_an_error(cifar10, path, module):
    module("deadly", "import os\n\nclass Deadly(RandomSearch):\n    def ask(self):\n        os._exit(3)")
    deadly = Configuration.of(cifar10, "deadly:Deadly", n_evaluations=5)
    with (
        Study(path) as study,
        pytest.raises(StudyError, match="a worker process died; every run stored so far is safe"),
    ):
        study.run([deadly], range(2), n_processes=2)


def test_a_module_that_cannot_even_be_compiled_is_an_error_of_ours(cifar10, module):
    module("garbled", "class Mine(:")
    with pytest.raises(NasbenchKitError, match="cannot import optimizer 'garbled:Mine'"):
        Configuration.of(cifar10, "garbled:Mine", n_evaluations=5)


# ---- disks that are full, folders that are read-only ----


HEAD = "import sys\nimport nasbench_kit as nbk\nfrom nasbench_kit.study import Configuration, Study\n"


def run_python(script, *arguments):
    command = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


FILL_UP = """
import os, resource, signal
from nasbench_kit.errors import StudyError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
key = Configuration.of(nbk.load("nasbench201/cifar10"), "random_search", n_evaluations=20)
with Study(sys.argv[1]) as study:
    study.run([key], range(5), n_processes=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1]) + 40_000,) * 2)
    try:
        study.run([key], range(200), n_processes=1)
    except StudyError as error:
        print(error)
"""


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path, path, random_search):
    done = run_python(FILL_UP, path)
    assert "every run stored so far is safe: mend that and run the same again" in done.stdout, done
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    reference = content(filled(tmp_path / "whole.db", random_search, 200))
    n_safe = len(content(path))
    assert 5 <= n_safe < 200
    with Study(path) as study:
        assert study.run([random_search], range(200), n_processes=1) == 200 - n_safe
    assert content(path) == reference


def test_a_study_as_large_as_it_may_become_is_an_error_and_loses_nothing(path, random_search):
    with Study(filled(path, random_search, 5)) as study:
        study._db.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StudyError, match=r"cannot write study .* full; every run stored so far is safe") as error:
            study.run([random_search], range(300), n_processes=1)
    assert one_line(error)
    n_safe = len(content(path))
    assert 5 <= n_safe < 300
    with Study(path) as study:
        assert study.run([random_search], range(100), n_processes=1) == max(100 - n_safe, 0)


READ_ONLY = """
import os
from nasbench_kit.errors import StudyError
folder = sys.argv[1]
key = Configuration.of(nbk.load("nasbench201/cifar10"), "random_search", n_evaluations=20)
if os.getuid() == 0:  # permissions do not bind root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for name in ("old.db", "new.db"):
    try:
        with Study(f"{folder}/{name}") as study:
            print(study.n_runs(key), len(list(study.runs(key))))
            study.run([key], range(5), n_processes=1)
    except StudyError as error:
        print(error)
"""


def test_a_read_only_folder_can_be_read_and_not_written(random_search):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to other users
        filled(Path(folder) / "old.db", random_search).chmod(0o444)
        Path(folder).chmod(0o555)
        done = run_python(READ_ONLY, folder)
        Path(folder).chmod(0o755)
        assert sorted(os.listdir(folder)) == ["old.db"]
    assert done.stderr == ""
    read, write, new = done.stdout.splitlines()
    assert read == "3 3"
    assert "cannot write study" in write
    assert "readonly" in write
    assert "new.db': unable to open database file" in new


# ---- kill -9 ----


def alive_in_group(group):
    """Processes of a process group that are not zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(group, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while (left := alive_in_group(group)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


COMPARE = ["compare", "-b", "nasbench201/cifar10", "-o", "random_search", "-o", "regularized_evolution,sample_size=5"]
COMPARE += ["-o", "local_search", "--runs", str(N_RUNS), "--evaluations", "60", "--processes", "2"]


def compare_in(folder):
    """Start the command in a process group of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [COMMAND, *COMPARE],
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_a_run(path, n_before, process):
    """Until there are more runs, or until the process ends without making any."""
    n_stored = n_before
    while n_stored <= n_before and process.poll() is None:
        time.sleep(0.005)
        try:
            n_stored = sql(f"file:{path}?mode=ro", "SELECT count(*) FROM runs")[0][0]
        except sqlite3.Error:  # not there yet
            continue


def finish(process):
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


def stored_in(folder, copy):
    """What a study holds, read from a copy: opening the study itself would mend it before its owner can."""
    if not (folder / "compare.db").exists():
        return {}
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return content(copy / "compare.db")


def test_a_compare_killed_twenty_times_gives_what_an_undisturbed_one_gives(tmp_path):
    began = time.monotonic()
    finish(compare_in(tmp_path / "undisturbed"))
    duration_s = time.monotonic() - began
    reference = content(tmp_path / "undisturbed" / "compare.db")
    assert len(reference) == 3 * N_RUNS

    delays = [(i + random.Random(i).random()) / N_KILLS * duration_s for i in range(N_KILLS)]  # all over its duration
    random.Random(0).shuffle(delays)
    folder, n_partial, n_before = tmp_path / "killed", 0, 0
    for i, delay_s in enumerate(delays):
        process = compare_in(folder)
        if i % 2:  # while runs are made
            wait_for_a_run(folder / "compare.db", n_before, process)
            delay_s *= 0.02
        time.sleep(delay_s)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert wait_until_gone(process.pid) == [], f"processes outlive their killed parent, killed after {delay_s} s"
        stored = stored_in(folder, tmp_path / "copy")
        assert stored.items() <= reference.items(), f"wrong runs after kill {i} at {delay_s} s"
        assert len(stored) >= n_before, "runs are lost"
        n_partial += 0 < len(stored) < len(reference)
        n_before = len(stored)
        if len(stored) == len(reference):  # nothing left to disturb: finish it, then kill another one
            finish(compare_in(folder))
            assert content(folder / "compare.db") == reference
            folder, n_before = tmp_path / f"killed{i}", 0
    assert n_partial >= N_KILLS // 4  # the kills did hit it while it made runs
    output = finish(compare_in(folder))
    assert content(folder / "compare.db") == reference
    assert "nasbench201/cifar10" in output
    assert sorted(os.listdir(folder)) == ["compare.db", "compare.pdf", "compare.png"]


WRITE = """
key = Configuration.of(nbk.load("nasbench201/cifar10"), "random_search", n_evaluations=20)
with Study(sys.argv[1]) as study:
    study.run([key], range(5_000), n_processes=1, progress=lambda n, _: print(n, flush=True))
"""


def test_a_run_killed_while_it_writes_loses_nothing_that_it_reported(tmp_path, path, random_search):
    n_before = 0
    for i in range(5):
        process = subprocess.Popen([sys.executable, "-c", HEAD + WRITE, path], stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        time.sleep(random.Random(i).random() / 30)
        process.kill()
        reported = process.communicate()[0].splitlines(keepends=True)
        n_reported = max((int(line) for line in reported if line.endswith("\n")), default=n_before)
        with Study(path) as study:
            n_stored = study.n_runs(random_search)
        assert n_stored >= n_reported >= n_before
        n_before = n_stored
    assert n_before > 0
    reference = content(filled(tmp_path / "whole.db", random_search, n_before))
    assert content(path) == reference

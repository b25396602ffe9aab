"""Workers that share nothing but a folder: no run is made twice, none is lost, whoever dies when."""

import json
import os
import shutil
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from nasbench_kit.errors import StudyError
from nasbench_kit.study import Configuration, RunCounts, Study, shared_folder, versions_of
from nasbench_kit.study.running import make_many
from nasbench_kit.study.shared_folder import Worked, gather, is_planned, read_plan, work, write_plan


@pytest.fixture
def planned(path, random_search, evolution):
    """Plan 20 runs of each of two configurations, in batches of 4; the folder of the plan."""

    def plan(n_runs=20, batch=4):
        with Study(path) as study:
            return write_plan(study, [random_search, evolution], range(n_runs), batch=batch)

    return plan


@pytest.fixture
def alone(tmp_path, random_search, evolution, content):
    """What one process makes of the same."""
    with Study(tmp_path / "alone.db") as study:
        study.run([random_search, evolution], range(20), n_processes=1)
    return content(tmp_path / "alone.db")


def gathered(path):
    with Study(path) as study:
        return gather(study)


def claim_of(plan, number, *, host="elsewhere", age_s=0.0, pid=1):
    """A claim, as a worker on another machine left it."""
    claim = plan.claim(number, 0)
    claim.write_text(json.dumps({"host": host, "pid": pid}))
    then = time.time() - age_s
    os.utime(claim, (then, then))
    return claim


# ---- one worker ----


def test_what_workers_make_of_a_plan_are_the_runs_of_one_process(
    path, planned, alone, content, random_search, evolution
):
    plan = planned()
    assert content(path) == {}
    shown = []
    assert work(path, progress=lambda *counts: shown.append(counts)) == Worked(n_batches=10, n_runs=40)
    assert shown == [(0, 10), (10, 10)]
    assert gathered(path) == 0
    assert content(path) == alone
    assert not plan.folder.exists()
    with Study(path) as study:
        assert study.run([random_search, evolution], range(20), n_processes=1) == RunCounts(0, 40, 0)
        assert study.versions(random_search) == [versions_of(random_search)]


def test_only_what_is_not_in_the_study_is_planned(path, planned, random_search, filled, content, alone):
    filled(path, random_search, 7)
    assert sum(len(run_seeds) for _, run_seeds in planned().batches) == 33
    assert work(path).n_runs == 33
    assert gathered(path) == 0
    assert content(path) == alone
    assert planned().batches == []  # nothing is left
    assert not is_planned(path)


def test_workers_need_the_folder_and_not_the_study(tmp_path, path, planned, alone, content):
    planned()
    elsewhere = tmp_path / "node" / "study.db"
    elsewhere.parent.mkdir()
    shutil.copytree(shared_folder.folder_of(path), shared_folder.folder_of(elsewhere))
    work(elsewhere)
    assert not elsewhere.exists()
    shutil.rmtree(shared_folder.folder_of(path))
    shutil.copytree(shared_folder.folder_of(elsewhere), shared_folder.folder_of(path))
    assert gathered(path) == 0
    assert content(path) == alone


def test_what_is_made_so_far_can_be_taken_over_while_workers_go_on(path, planned, alone, content):
    plan = planned()
    claims = [claim_of(plan, number) for number in (2, 3)]
    with ThreadPoolExecutor(1) as executor:
        working = executor.submit(work, path, lapse_s=60)
        while len(plan.left()) > 2:
            time.sleep(0.01)
        assert gathered(path) == 2
        assert len(content(path)) == 32
        assert gathered(path) == 2  # again
        for claim in claims:  # their workers are killed on that machine, and it says so
            claim.unlink()
        assert working.result() == Worked(10, 40)
    assert gathered(path) == 0
    assert content(path) == alone


def test_failed_runs_are_taken_over_as_failed_and_tried_again(path, cifar10, module):
    module("fails", "class Odd(RandomSearch):\n    def ask(self):\n        raise ValueError('this is odd')")
    key = Configuration.of(cifar10, "fails:Odd", n_evaluations=5)
    for _ in range(2):
        with Study(path) as study:
            assert len(write_plan(study, [key], range(3)).batches) == 3
        work(path)
        assert gathered(path) == 0
        with Study(path) as study:
            assert study.failures(key) == dict.fromkeys(range(3), "ValueError: this is odd")


# ---- many ----

SIX = """
import os, sys
import nasbench_kit as nbk
from nasbench_kit.study import shared_folder, study
study._verify = lambda results: None  # which starts Python anew
nbk.load("nasbench201/cifar10")
pids = []
for i in range(6):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"%d %d" % shared_folder.work(sys.argv[1]))
        os._exit(0)
    os.close(write)
    pids.append((pid, read))
for pid, read in pids:
    assert os.waitpid(pid, 0)[1] == 0
    print(os.read(read, 100).decode())
"""


def run_python(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_six_processes_share_the_work_and_repeat_none_of_it(path, planned, alone, content):
    planned(batch=1)
    counts = [Worked(*map(int, line.split())) for line in run_python(SIX, path)]
    assert sum(worked.n_runs for worked in counts) == sum(worked.n_batches for worked in counts) == 40
    assert sum(worked.n_runs > 0 for worked in counts) > 1
    assert gathered(path) == 0
    assert content(path) == alone


def test_of_many_who_find_a_dead_worker_one_makes_its_runs(path, planned):
    plan = planned()
    claim_of(plan, 0, age_s=1_000)
    start = Barrier(8, timeout=60)

    def take(_):
        start.wait()
        return [number for number, _ in shared_folder._taken_over(plan, [0], {0: 0}, 120)]

    with ThreadPoolExecutor(8) as executor:
        assert sorted(executor.map(take, range(8))) == [[]] * 7 + [[0]]
    assert [*shared_folder._taken_over(plan, [0], plan.claims(), 120)] == []  # whose claim is alive


KILLED = """
import os, random, shutil, signal, sys, time
from nasbench_kit.study import Study, shared_folder, study
study._verify = lambda results: None
path = sys.argv[1]
shared_folder.read_plan(path)

def begun(gathers, path):
    pid = os.fork()
    if pid:
        return pid
    if gathers:
        with Study(path) as opened:
            shared_folder.gather(opened)
    else:
        shared_folder.work(path)
    os._exit(0)

undisturbed = sys.argv[2]
shutil.copytree(shared_folder.folder_of(path), shared_folder.folder_of(undisturbed))
began = time.monotonic()
os.waitpid(begun(False, undisturbed), 0)
duration_s = time.monotonic() - began
n_kills = 0
for i in range(24):
    pid = begun(i % 3 == 2, path)
    time.sleep(random.Random(i).random() * duration_s * 0.15)
    os.kill(pid, signal.SIGKILL)
    n_kills += os.waitpid(pid, 0)[1] == signal.SIGKILL
    if not shared_folder.is_planned(path):
        break
print(n_kills)
"""


def test_workers_and_gatherers_killed_at_any_moment_lose_nothing_and_spoil_nothing(path, planned, alone, content):
    planned(batch=1)
    assert int(run_python(KILLED, path, path.with_name("undisturbed.db"))[0]) > 2
    if is_planned(path):
        assert content(path).items() <= alone.items()
        work(path, lapse_s=2)  # one that was killed before its claim said who it is, counts as dead only then
        assert gathered(path) == 0
    assert content(path) == alone
    assert [name for name in os.listdir(path.parent) if "study" in name] == ["study.db"]


def test_processes_of_one_call_work_together_and_say_how_far_they_are(path, planned, alone, content):
    planned()
    shown = []
    assert work(path, n_processes=2, progress=lambda *counts: shown.append(counts)) == Worked(10, 40)
    assert shown[-1] == (10, 10)
    assert gathered(path) == 0
    assert content(path) == alone


# ---- who is dead ----


def test_a_worker_without_a_sign_of_life_is_dead_and_its_runs_are_made_by_others(path, planned, alone, content):
    claim_of(planned(), 3, age_s=121)
    assert work(path) == Worked(10, 40)
    assert gathered(path) == 0
    assert content(path) == alone


def test_a_worker_killed_on_this_machine_is_dead_at_once(path, planned):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    claim_of(planned(), 3, host=os.uname().nodename, pid=ended.pid)
    assert work(path) == Worked(10, 40)


def test_a_worker_that_shows_signs_of_life_is_waited_for(path, planned):
    plan = planned()
    claim = claim_of(plan, 3)
    with ThreadPoolExecutor(1) as executor:
        working = executor.submit(work, path, lapse_s=1)
        for _ in range(25):  # which is longer than the claim would last
            os.utime(claim)
            time.sleep(0.1)
        assert plan.left() == [3]
        assert not working.done()
        assert working.result() == Worked(10, 40)  # and is dead later


def test_clocks_of_machines_do_not_matter(path, planned, monkeypatch):
    claim_of(planned(), 3, age_s=121)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1e6)
    assert work(path) == Worked(10, 40)


def test_a_worker_touches_its_claim_while_it_works(path, planned):
    plan = planned()
    claim = claim_of(plan, 3, age_s=1_000)
    with shared_folder._alive(claim, 0.06):
        while time.time() - claim.stat().st_mtime > 100:
            time.sleep(0.01)
    assert claim.exists()


def test_a_worker_that_is_stopped_gives_its_claim_back(path, planned, monkeypatch):
    plan = planned()

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(shared_folder, "make_many", stopped)
    with pytest.raises(KeyboardInterrupt):
        work(path)
    assert plan.claims() == {}


def test_a_worker_that_slept_through_the_end_does_no_harm(path, planned, alone, content, random_search):
    plan = planned()
    work(path)
    part = plan.part(0).read_bytes()
    shared_folder._make(plan, 0)  # it makes its batch all the same
    assert plan.part(0).read_bytes() == part  # the first stays
    assert gathered(path) == 0
    with pytest.raises(shared_folder._GoneError):
        shared_folder._make(plan, 0)
    assert content(path) == alone


def test_a_worker_ends_quietly_when_the_plan_has_ended(path, planned, monkeypatch):
    plan = planned()
    make = shared_folder._make

    def make_and_end(plan, number):
        make(plan, number)
        shutil.rmtree(plan.folder)

    monkeypatch.setattr(shared_folder, "_make", make_and_end)
    assert work(path) == Worked(1, 4)
    assert not plan.folder.exists()


def test_a_file_system_without_links_will_do(path, planned, alone, content, monkeypatch):
    def refuse(*_):
        raise PermissionError("Operation not permitted")

    planned()
    monkeypatch.setattr(os, "link", refuse)
    work(path)
    assert gathered(path) == 0
    assert content(path) == alone


# ---- parts are others' files ----


def truncated(part, other):
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])


def foreign(part, other):
    part.write_text("no study")


def of_another_batch(part, other):
    shutil.copy(other, part)


def linked(part, other):
    part.unlink()
    part.symlink_to(other)


def a_pipe(part, other):
    part.unlink()
    os.mkfifo(part)


def a_folder(part, other):
    part.unlink()
    part.mkdir()


def empty(part, other):
    part.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncated, foreign, of_another_batch, linked, a_pipe, a_folder, empty])
def test_a_part_that_is_not_what_it_should_be_is_named_and_made_again(path, planned, alone, content, damage):
    plan = planned()
    work(path)
    damage(plan.part(4), plan.part(5))
    with Study(path) as study, pytest.warns(UserWarning, match=r"000004\.db.* it is put aside, and made again") as told:
        shared_folder.finish(study, 1)
    assert len(told) == 1
    assert "\n" not in str(told[0].message)
    assert content(path) == alone
    assert not plan.folder.exists()


def test_a_part_with_a_changed_number_is_named_and_made_again(path, planned, alone, content, sql):
    plan = planned()
    work(path)
    sql(plan.part(4), "UPDATE columns SET data = zeroblob(length(data)) WHERE name = 'value'")
    with pytest.warns(UserWarning, match=r"000004\.db' is damaged: run with seed 16 \(its digest does not match\)"):
        assert gathered(path) == 1
    assert work(path) == Worked(1, 4)
    assert gathered(path) == 0
    assert content(path) == alone


def test_a_part_with_more_than_its_batch_is_not_taken_over(path, planned, evolution, alone, content):
    plan = planned()
    work(path)
    with Study(plan.part(4)) as part:
        part.run([replace(evolution, settings={"sample_size": 7})], range(1), n_processes=1)
    with pytest.warns(UserWarning, match=r"000004\.db' does not hold the runs of its batch; it is put aside"):
        assert gathered(path) == 1
    assert content(path).items() <= alone.items()


def test_parts_damaged_again_and_again_are_an_error(path, planned, monkeypatch):
    planned()
    monkeypatch.setattr(shared_folder, "_publish", lambda content, target: target.write_bytes(content[:100]))
    with Study(path) as study, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(StudyError, match=r"10 parts of '.*study\.db\.work' were damaged, see the warnings"):
            shared_folder.finish(study, 1)


def test_records_that_contradict_those_of_a_part_are_an_error_and_nothing_is_lost(
    path, planned, random_search, content
):
    plan = planned()
    work(path)
    other = make_many(random_search, [100])
    with Study(path) as study:
        study.store([(random_search, versions_of(random_search), [0], other)])
        with pytest.raises(StudyError, match=r"study\.db' and '.*000000\.db' hold different records of random_search"):
            gather(study)
    assert plan.part(0).exists()


# ---- plans ----


def test_the_same_plan_again_is_the_plan(path, planned):
    first = planned()
    claim_of(first, 2)
    again = planned()
    assert again == first
    assert again.claims() == {2: 0}
    assert planned(n_runs=10) == first  # it covers these


def test_a_plan_of_other_runs_is_refused_until_the_first_is_made(path, planned):
    planned()
    with pytest.raises(
        StudyError, match=r"holds a plan of other runs, 10 batches of which are to be made: nasbench-kit"
    ):
        planned(n_runs=21)
    work(path)
    assert [seeds for _, seeds in planned(n_runs=21).batches] == [(20,), (20,)]


def test_a_planner_that_was_killed_leaves_nothing_that_disturbs(path, planned):
    folder = shared_folder.folder_of(path)
    (folder / "claims").mkdir(parents=True)
    (folder / "plan.abc-1-0.partial.json").write_text("{")
    assert len(planned().batches) == 10
    assert sorted(os.listdir(folder)) == ["claims", "parts", "plan.json", "results"]


def test_a_folder_that_is_somebodys_is_left_alone(path, planned):
    folder = shared_folder.folder_of(path)
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(
        StudyError, match=r"study\.db\.work' holds 'thesis\.tex', which is not ours; move that folder away"
    ):
        planned()
    assert (folder / "thesis.tex").exists()


def test_without_a_plan_workers_say_what_writes_one(path):
    with pytest.raises(StudyError, match=r"there is no plan '.*plan\.json': nasbench-kit compare --study .* --plan"):
        work(path)


def changed(**how):
    return lambda plan: json.dumps(plan | how)


def changed_key(**how):
    return lambda plan: json.dumps(plan | {"configurations": [plan["configurations"][0] | how]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda plan: json.dumps(plan)[:100],
        lambda plan: "[]",
        lambda plan: "[" * 100_000,
        lambda plan: "\xff",
        changed(format=2),
        changed(batches=[[7, [0]]]),
        changed(batches=[[-1, [0]]]),
        changed(batches=[[0, [-1]]]),
        changed(batches=[[0, [1.5]]]),
        changed(batches=[[0, [True]]]),
        changed(batches=3),
        changed_key(identity="{}"),
        changed_key(identity=None),
        changed_key(versions="3"),
        changed_key(copy="../../elsewhere"),
        changed_key(path=3),
    ],
)
def test_a_damaged_plan_is_an_error_in_one_line(path, planned, damage):
    file = planned().folder / "plan.json"
    file.write_text(damage(json.loads(file.read_text())), encoding="latin-1")
    with pytest.raises(StudyError, match=r"plan\.json' is damaged|cannot read .*plan\.json") as error:
        work(path)
    assert "\n" not in str(error.value)


def test_a_worker_with_other_software_refuses_before_it_makes_anything(path, planned):
    file = planned().folder / "plan.json"
    plan = json.loads(file.read_text())
    for one in plan["configurations"]:
        one["versions"] = json.dumps(json.loads(one["versions"]) | {"numpy": "1.0"})
    file.write_text(json.dumps(plan))
    with pytest.raises(
        StudyError, match=r"the worker on .* has numpy .*, and runs of random_search are to be made with 1\.0"
    ):
        work(path)
    assert read_plan(path).claims() == {}


# ---- tables ----


@pytest.fixture
def own_key(tmp_path, make_benchmark, stored):
    bench = make_benchmark(stored("val_accuracy", range(6), scale=(1, 10)), path=tmp_path / "mine.h5")
    return Configuration.of(bench, "random_search", n_evaluations=5, clock="evaluations")


def test_a_table_of_ones_own_lies_beside_the_plan(tmp_path, path, own_key, content, filled):
    reference = content(filled(tmp_path / "alone.db", own_key))
    with Study(path) as study:
        plan = write_plan(study, [own_key], range(3))
    (tmp_path / "mine.h5").rename(tmp_path / "hidden.h5")
    assert os.listdir(plan.folder / "results") == [f"{own_key.results_sha256[:12]}-mine.h5"]
    assert work(path).n_runs == 3
    (tmp_path / "hidden.h5").rename(tmp_path / "mine.h5")
    assert gathered(path) == 0
    assert content(path) == reference


def test_a_table_too_large_to_copy_must_be_where_the_workers_are(tmp_path, path, own_key, monkeypatch):
    monkeypatch.setattr("nasbench_kit.study.sending.MOST_SENT", 10)
    with Study(path) as study:
        plan = write_plan(study, [own_key], range(3))
    assert os.listdir(plan.folder / "results") == []
    (tmp_path / "mine.h5").rename(tmp_path / "hidden.h5")
    with pytest.raises(StudyError, match=r"the table or surrogate 'mine' .* is not here; put it into '"):
        work(path)
    assert plan.claims() == {}
    (tmp_path / "hidden.h5").rename(tmp_path / "mine.h5")
    assert work(path).n_runs == 3

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from nasbench_kit import jobs
from nasbench_kit.errors import WorkerError
from nasbench_kit.jobs import Workshop, pool, replacing, run, write_bytes

# ---- processes ----


def test_results_come_in_the_order_of_the_tasks_with_any_number_of_processes():
    tasks = list(range(-9, 0))
    assert list(run(abs, tasks, 1)) == list(run(abs, tasks, 3)) == [abs(task) for task in tasks]
    assert list(run(abs, [], 3)) == []


def test_a_worker_that_dies_is_one_line_that_says_what_to_do():
    with pytest.raises(WorkerError, match=r"a worker process died.*run the same again") as raised:
        list(run(os._exit, [3, 4], 2))
    assert "\n" not in str(raised.value)


def test_an_error_of_a_task_is_raised_as_it_is():
    with pytest.raises(ZeroDivisionError):
        list(run(divmod_by_zero, [1, 2], 2))


def divmod_by_zero(number):
    return divmod(number, 0)


def pid_of(_):
    return os.getpid()


def wait_until_gone(pid):
    for _ in range(600):
        if not jobs.is_alive(pid) or zombie(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return not Path("/proc").exists() or not Path(f"/proc/{pid}").exists()


def test_an_interrupt_abandons_what_the_workers_do():
    with pytest.raises(KeyboardInterrupt), pool(1) as workers:  # noqa: PT012
        (pid,) = workers.map(pid_of, [0])
        sleeping = workers.submit(time.sleep, 3_600)
        raise KeyboardInterrupt
    assert sleeping.done()  # or the test would stand here for an hour
    wait_until_gone(pid)


def killed_while_it_answers():
    from multiprocessing.connection import Connection

    def half(self, answer):
        os.write(self.fileno(), (100).to_bytes(4, "big") + b"less")  # how long it is, and a part of it
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send_bytes = half


def test_a_worker_that_is_killed_while_it_answers_is_one_line():
    with pytest.raises(WorkerError, match="a worker process died"), pool(2) as workers:
        workers.submit(killed_while_it_answers).result()


def test_an_error_in_the_caller_does_not_wait_for_the_rest_of_an_answer():
    def ask_and_fail():
        with pool(2) as workers:
            asked = workers.submit(killed_while_it_answers)
            while all(process.is_alive() for process in workers._processes.values()):
                time.sleep(0.01)
            assert not asked.done()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_and_fail()


def test_a_worker_uses_one_thread_and_a_safe_path_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    own = ["MKL_NUM_THREADS", "PYTHONSAFEPATH"]
    for name in own:
        monkeypatch.delenv(name, raising=False)
    with pool(1) as workers:
        assert list(workers.map(os.getenv, ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])) == ["1", "1"]
        assert workers.submit(has_safe_path).result()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert not {*own} & {*os.environ}


def has_safe_path():
    return sys.flags.safe_path


@pytest.mark.parametrize("given", [None, "1"])
def test_what_a_worker_starts_imports_as_what_the_caller_starts(monkeypatch, given):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    if given:
        monkeypatch.setenv("PYTHONSAFEPATH", given)
    with pool(1) as workers:
        assert workers.submit(os.getenv, "PYTHONSAFEPATH").result() == given


PARENT = """
import os, sys, time
from nasbench_kit.jobs import pool

def main():
    with pool(1) as workers:
        print(*workers.map(abs, [-1]), workers.submit(os.getpid).result(), flush=True)
        workers.submit(time.sleep, 3600).result()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_their_parent(how, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline().split()[1])
    parent.send_signal(how)
    parent.communicate()
    wait_until_gone(worker)


def test_ctrl_c_reaches_the_parent_alone_even_while_workers_start(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script)]
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    parent.stdout.readline()
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
    _, err = parent.communicate()
    assert err.count("Traceback") == 1  # the parent's own


def test_a_program_from_standard_input_can_use_a_pool():
    program = "from nasbench_kit.jobs import run\nprint(list(run(abs, [-1, -2], 2)))"
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[1, 2]\n", "")


# ---- files ----


def test_a_replaced_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.png"
    with replacing(path) as partial:
        partial.write_bytes(b"old")
        assert partial.suffix == ".png"
        assert partial.parent == tmp_path
        assert not path.exists()
    with pytest.raises(RuntimeError, match="half"), replacing(path) as partial:  # noqa: PT012
        partial.write_bytes(b"ne")
        raise RuntimeError("half")
    with pytest.raises(KeyboardInterrupt), replacing(path) as partial:
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    write_bytes(tmp_path / "new", b"")
    (tmp_path / "ordinary").write_bytes(b"")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("new", "ordinary")}
    assert len(modes) == 1


def test_the_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    seen = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (seen.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append("replace"), replace(*names)))
    write_bytes(tmp_path / "a", b"1")
    assert seen == ["sync", "replace", "sync"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    (stem,) = {jobs._stem(tmp_path / "a.csv")}
    left, of_other_target, of_living, of_user = (
        tmp_path / f"{stem}{killed.pid}-0.partial.csv",
        tmp_path / f"{jobs._stem(tmp_path / 'ab.csv')}{killed.pid}-0.partial.csv",
        tmp_path / f"{stem}{os.getppid()}-0.partial.csv",
        tmp_path / "a.partial.csv",
    )
    for path in (left, of_other_target, of_living, of_user):
        path.write_bytes(b"")
    write_bytes(tmp_path / "a.csv", b"1")
    assert not left.exists()
    assert all(path.exists() for path in (of_other_target, of_living, of_user))


def test_a_link_is_written_through_and_what_is_no_file_is_refused_before_work(tmp_path):
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "link").symlink_to("there")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "there").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "."):
        with pytest.raises(FileExistsError, match="no file"), replacing(tmp_path / name):
            raise AssertionError("no work is begun")
    assert stat.S_ISFIFO(os.stat(tmp_path / "fifo").st_mode)


def test_a_full_disk_says_so_to_the_caller(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no device that is full")
    with pytest.raises(OSError, match="No space left") as raised, replacing(tmp_path / "a"):
        Path("/dev/full").write_bytes(b"1")
    assert raised.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


# ---- steps ----

JOB = {"table": "t", "seed": 1}


def make(folder, job=JOB):
    """Two steps; returns the names of those that were made, and what the result is."""
    shop, made = Workshop(folder, job), []
    shop.begin()
    if shop.kept("part") is None:
        shop.keep("part", b"kept " + str(job["seed"]).encode())
        made.append("part")
    if shop.made("parts/0") is None:
        with shop.making("parts/0") as where:
            (where / "model").write_bytes(b"12345")
            (where / "deep").mkdir()
            (where / "deep" / "more").write_bytes(b"678")
        made.append("parts/0")
    where = shop.made("parts/0")
    return made, (shop.kept("part"), (where / "model").read_bytes(), (where / "deep" / "more").read_bytes())


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_done_is_not_done_again(tmp_path):
    made, result = make(tmp_path / "w")
    assert made == ["part", "parts/0"]
    assert make(tmp_path / "w") == ([], result)
    assert Workshop.job_of(tmp_path / "w") == JOB


DAMAGES = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
    "absent": Path.unlink,
    "a FIFO": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_step_of_which_any_file_has_changed_is_made_again(tmp_path, damage):
    _, result = make(tmp_path / "w")
    whole = files(tmp_path / "w")
    assert len(whole) == 5  # job.json, part, parts/0.done, and the two files of the step
    for name in whole:
        DAMAGES[damage](tmp_path / "w" / name)
        made, again = make(tmp_path / "w")
        assert again == result
        assert made == ([] if name == "job.json" else ["part"] if name == "part" else ["parts/0"])
        assert files(tmp_path / "w") == whole


def test_a_file_too_many_in_a_step_makes_it_again(tmp_path):
    make(tmp_path / "w")
    (tmp_path / "w" / "parts/0/other").write_bytes(b"")
    assert make(tmp_path / "w")[0] == ["parts/0"]
    assert not (tmp_path / "w" / "parts/0/other").exists()


def test_what_was_kept_for_another_job_counts_for_nothing(tmp_path):
    make(tmp_path / "w")
    assert make(tmp_path / "w", JOB | {"seed": 2})[0] == ["part", "parts/0"]


def test_a_step_that_was_interrupted_is_made_again(tmp_path):
    make(tmp_path / "w")
    shop = Workshop(tmp_path / "w", JOB)
    with pytest.raises(KeyboardInterrupt), shop.making("parts/0"):
        raise KeyboardInterrupt
    assert shop.made("parts/0") is None
    assert make(tmp_path / "w")[0] == ["parts/0"]


@pytest.mark.parametrize("error", [OSError("handle is closed"), ValueError("bad value(s) in fds_to_keep")], ids=repr)
def test_a_worker_that_dies_while_work_is_handed_over_is_one_line(monkeypatch, error):
    def submit(self, *_):
        self._broken = "a worker died"
        raise error

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with pytest.raises(WorkerError, match=r"a worker process died .* run the same again"):
        list(jobs.run(abs, range(4), 2))


def test_processes_may_be_added_while_all_are_looked_at():
    with pool(2) as workers:
        there = workers._processes
        there[-1] = None
        for _ in there.values():
            there[-2] = None  # while it is looked at, a plain dict refuses this
        there.clear()
        assert workers.submit(abs, -1).result() == 1

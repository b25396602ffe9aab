"""Programs in any language as optimizers: what they are told, what they may say, and that they always end."""

import contextlib
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit import jobs
from nasbench_kit.cli.settings import parse_optimizer
from nasbench_kit.errors import ProgramError, SettingError, StudyError, UnknownNameError, WorkerError
from nasbench_kit.messages import LONGEST
from nasbench_kit.optimizers import Outcome, Trial, optimizer_class
from nasbench_kit.study import Configuration, Study
from nasbench_kit.study.versions import versions_of

ROOT = Path(__file__).resolve().parents[2]
CIFAR10 = nbk.load("nasbench201/cifar10")
CURVES = nbk.load("nasbench201_mnist1d/mnist1d")
READY = "echo '{\"ready\": 1}'"
ARCH = '{"arch": [3, 3, 3, 1, 3, 2]}'
LOOP = f"while read -r line; do case $line in *ask*) echo '{ARCH}' ;; esac; done"
FIXED = f"read -r task; {READY}; {LOOP}"
ANSWERS = r'\{"arch": \[...\]\}, \{"wait": true\} or \{"end": true\}'


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write an executable file into the working directory: what it is called as an optimizer."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine"):
        Path(name).write_text(f"#!/bin/sh\n{text}\n")
        Path(name).chmod(0o755)
        return f"cmd:./{name}"

    return write


def search(name, task=None, seed=0, **settings):
    return optimizer_class(name)(task or nbk.task_of(CIFAR10), np.random.default_rng(seed), **settings)


def answering(*answers):
    """A program that says these lines, one for each ask."""
    says = "; ".join(f"read -r line; printf '%s\\n' '{answer}'" for answer in answers)
    return f"read -r task; {READY}; {says}; cat >/dev/null"


def lines_of(path):
    return list(map(json.loads, Path(path).read_text().splitlines()))


def wait_until(is_so):
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about within a minute")


def is_gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return not jobs.is_alive(pid)
    return state == "Z" and not is_zombie_of_ours(pid)  # orphans are others' to bury


def is_zombie_of_ours(pid):
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return False
    return state == "Z" and parent == str(os.getpid())


# ---- what a program is told ----


def test_a_program_is_told_the_task_its_settings_and_a_seed(program):
    task = nbk.task_of(nbk.load("nasbench201/cifar10", constraints=["params_m<=0.5"]))
    name = program(f'read -r task; echo "$task" >task; {READY}; cat >/dev/null')
    search(name, task, 3, rate=0.1, layers=[1, 2], how={"a": None}, note="a, b")
    (message,) = lines_of("task")
    told = message["task"]
    assert list(told) == [
        *("protocol", "space", "n_archs", "n_choices", "decisions", "epochs", "objectives", "constraints"),
        *("n_workers", "columns", "seed", "settings"),
    ]
    assert told["protocol"] == 1
    assert told["n_choices"] == [5] * 6
    assert told["decisions"][0] == {
        "name": "0->1",
        "choices": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"],
        "ordered": False,
    }
    assert told["epochs"] == [200]
    assert told["objectives"] == ["val_accuracy"]
    assert told["constraints"] == ["params_m<=0.5"]
    assert told["columns"] == list(task.columns)
    assert told["seed"] == int(np.random.default_rng(3).integers(2**31))
    assert told["settings"] == {"rate": 0.1, "layers": [1, 2], "how": {"a": None}, "note": "a, b"}


def test_a_program_is_told_every_outcome_and_null_of_what_is_no_number(program):
    arch = (3, 3, 3, 1, 3, 2)
    made = search(program(f"read -r task; {READY}; cat >told"))
    made.tell(Trial(arch), Outcome(0.5, (0.5, -3.0), 200, 7.5, (-0.25,)))
    made.tell(Trial(arch, 12, 4), Outcome(-inf, (-inf, -inf), 12, nan))
    del made
    told = {"arch": [*arch], "epoch": 200, "training": None, "failed": False, "value": 0.5, "values": [0.5, -3.0]}
    failed = {"arch": [*arch], "epoch": 12, "training": 4, "failed": True, "value": None, "values": [None, None]}
    assert lines_of("told") == [
        {"tell": told | {"cost_s": 7.5, "violations": [-0.25]}},
        {"tell": failed | {"cost_s": None, "violations": []}},
    ]


@pytest.mark.parametrize(
    ("answer", "trial"),
    [
        (ARCH, Trial((3, 3, 3, 1, 3, 2))),
        ('{"arch": "333132"}', Trial((3, 3, 3, 1, 3, 2))),
        ('{"arch": [0, 0, 0, 0, 0, 0], "epoch": 4, "training": 9}', Trial((0,) * 6, 4, 9)),
        ('{"arch": [0, 0, 0, 0, 0, 0], "epoch": null, "training": null}', Trial((0,) * 6)),
        ('{"wait": true}', None),
        ('{"end": true}', None),
    ],
)
def test_an_answer_is_a_trial_or_none(program, answer, trial):
    assert search(program(answering(answer)), nbk.task_of(CURVES)).ask() == trial


def test_a_program_that_waits_is_asked_again_and_one_that_ended_is_not(program):
    made = search(program(answering('{"wait": true}', ARCH, '{"end": true}', ARCH)))
    assert [made.ask(), made.ask() is None, made.ask(), made.ask()] == [None, False, None, None]


def test_a_program_may_ask_about_the_space_and_what_is_known_without_training(program):
    task = nbk.task_of(CIFAR10)
    questions = [
        '{"sample": 2}',
        '{"mutate": [0, 0, 0, 0, 0, 0]}',
        '{"nearest": [4, 4, 4, 4, 4, 4]}',
        '{"neighbors": "000000"}',
        '{"text": [3, 3, 3, 1, 3, 2], "form": "digits"}',
        '{"values": "params_m", "archs": ["333132", [0, 0, 0, 0, 0, 0]]}',
    ]
    asks = "; ".join(f"printf '%s\\n' '{each}'; read -r line; echo \"$line\" >>found" for each in questions)
    name = program(f"read -r task; {READY}; read -r line; {asks}; echo '{ARCH}'; cat >/dev/null")
    assert search(name, task, 5).ask() == Trial((3, 3, 3, 1, 3, 2))
    found = lines_of("found")
    rng, space = np.random.default_rng(5), task.space
    rng.integers(2**31)  # the program's seed
    assert found == [
        {"archs": [list(space.sample(rng)) for _ in range(2)]},
        {"arch": list(space.mutate((0,) * 6, rng))},
        {"arch": [4] * 6},
        {"archs": list(map(list, space.neighbors((0,) * 6)))},
        {"text": "333132"},
        {"values": CIFAR10.values("params_m", ["333132", (0,) * 6]).tolist()},
    ]


# ---- what a program may not say ----

WRONG = {
    "hello": f"cmd:./mine said 'hello'; {ANSWERS} expected",
    "[3, 3, 3, 1, 3, 2]": rf"said '\[3, 3, 3, 1, 3, 2\]'; {ANSWERS} expected",
    "": f"said ''; {ANSWERS} expected",
    '{"arch": [NaN]}': f"said .*NaN.*; {ANSWERS} expected",
    '{"arch": [3, 3]}': rf"{ANSWERS} \(\(3, 3\) has 2 numbers; nasbench201 has 6 decisions\) expected",
    '{"arch": [3, 3, 3, 1, 3, 5]}': r"said .*5\]\}'; .*\(.*5.*\) expected",
    '{"arch": [3, 3, 3, 1, 3, 0.5]}': "6 integers expected",
    '{"arch": "conv"}': "'conv' is no cell of nasbench201; one looks like",
    '{"arch": [3, 3, 3, 1, 3, 2], "epohc": 4}': "'epohc' beside 'arch'; of 'arch', 'epoch', 'training' expected",
    '{"arch": [3, 3, 3, 1, 3, 2], "epoch": 7}': r"epoch 7 is none of the task's: \[200\]",
    '{"arch": [3, 3, 3, 1, 3, 2], "epoch": true}': "epoch True is none of the task's",
    '{"arch": [3, 3, 3, 1, 3, 2], "training": "a"}': "training 'a'; an integer of the program's own, or null",
    '{"wait": false}': "it begins with none of these",
    '{"sample": 0}': "sample 0; a number of architectures from 1 to 10,000 expected",
    '{"sample": 1, "n": 2}': "'n' beside 'sample'",
    '{"nearest": "a"}': "nearest to 'a'; a list of 6 integers expected",
    '{"values": "val_accuracy", "archs": []}': "'val_accuracy' is not known without training",
    '{"values": "params_m"}': "None is one architecture, not a batch",
    '{"error": "no such rate"}': "cmd:./mine gave up: no such rate;",
}


@pytest.mark.parametrize("answer", WRONG)
def test_what_is_no_answer_ends_the_search_in_one_line(program, answer):
    made = search(program(answering(answer)))
    with pytest.raises(ProgramError, match=WRONG[answer]) as raised:
        made.ask()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit 3", r"ended with exit code 3; \{\"ready\": 1\} expected"),
        ("echo 'bad rate' >&2; echo >&2; exit 1", "ended with exit code 1; .*; its stderr ends with 'bad rate'"),
        ("kill -9 $$", r"was ended by SIGKILL; \{\"ready\": 1\} expected"),
        ("exec >&-; read -r task; sleep 1000", "closed its output"),
        ("echo no; exit", "said 'no'"),
        ("printf no", "said 'no'"),
        ("echo '{\"ready\": 2}'", r"said '\{\"ready\": 2\}'; \{\"ready\": 1\} expected"),
        ('echo \'{"error": "no rate"}\'', "gave up: no rate"),
        ("yes | tr -d '\\n'", f"wrote a line of more than {LONGEST:,} bytes, 'yyy.*'; "),
        ("printf '\\377\\n'", "said '\N{REPLACEMENT CHARACTER}'"),
    ],
)
def test_a_program_that_does_not_begin_as_it_should_is_refused_in_one_line(program, text, message):
    with pytest.raises(ProgramError, match=message) as raised:
        search(program(text))
    assert "\n" not in str(raised.value)


def test_a_program_that_is_silent_is_ended(program):
    name = program(f"echo thinking >&2; echo $$ >pid; read -r task; {READY}; sleep 1000")
    made = search(name, timeout_s=5)
    with pytest.raises(
        ProgramError, match=rf"said nothing for 5 s \(timeout_s\); {ANSWERS} expected; its stderr ends with 'thinking'"
    ):
        made.ask()
    assert is_gone(int(Path("pid").read_text()))


@pytest.mark.parametrize("timeout_s", [0, -1, "long", True, inf])
def test_a_time_out_is_a_number_of_seconds(program, timeout_s):
    with pytest.raises(SettingError, match=r"timeout_s=.*; a number of seconds above 0 expected"):
        search(program(FIXED), timeout_s=timeout_s)


def test_settings_that_are_no_json_are_refused(program):
    with pytest.raises(SettingError, match=r"settings=.*cannot be told: they are no JSON"):
        search(program(FIXED), rate=nan)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cmd:", "'cmd:' names no program; cmd:./mine, or cmd:awk -f mine.awk, expected"),
        ("cmd: ", "names no program"),
        ("cmd:./mine 'a", "'cmd:./mine 'a\" is no command: No closing quotation|is no command: No closing quotation"),
        ("cmd:./absent", "no program at '.*/absent'; a path from the working directory, or a name, expected"),
        ("cmd:absent_program", "no program 'absent_program' on PATH"),
        ("cmd:mine", r"'mine' cannot be executed; cmd:./mine is the one in the working directory"),
        ("cmd:./plain", r"'./plain' cannot be executed; chmod \+x ./plain"),
    ],
)
def test_what_is_no_program_is_refused_before_anything_runs(program, name, message):
    program(FIXED)
    Path("plain").write_text("#!/bin/sh\n")
    with pytest.raises(UnknownNameError, match=message):
        Configuration.of(CIFAR10, name, n_evaluations=10)


def test_a_file_that_the_system_does_not_execute_is_refused(program):
    program("")
    Path("mine").write_bytes(b"\x7fELF no program")
    with pytest.raises(SettingError, match=r"'cmd:./mine' cannot be started: Exec format error"):
        search("cmd:./mine")


def test_no_shell_reads_the_command(program):
    program(f'for each in "$@"; do echo "$each"; done >words; {FIXED}')
    search("cmd:./mine $HOME 'two words' ; touch made *")
    assert Path("words").read_text().splitlines() == ["$HOME", "two words", ";", "touch", "made", "*"]
    assert not Path("made").exists()


# ---- it never blocks ----

FLOOD = "head -c 3000000 /dev/zero | tr '\\0' 'x'"


@pytest.mark.parametrize(
    "text",
    [
        f"{FLOOD} >&2; {FIXED}",
        f"read -r task; {READY}; {FLOOD} >&2; while read -r line; do {FLOOD} >&2; echo '{ARCH}'; done",
        f"read -r task; {READY}; for i in 1 2 3 4 5 6 7 8 9; do echo '{ARCH}'; done; cat >/dev/null",
        f"read -r task; {READY}; for i in 1 2 3 4 5 6 7 8 9; do echo '{ARCH}'; done",
        f"read -r task; {READY}; yes '{ARCH}'",
        f"read -r task; {READY}; exec 2>&-; yes '{ARCH}'",
    ],
)
def test_a_program_that_writes_megabytes_on_stderr_or_ahead_does_not_block(program, text):
    made = search(program(text))
    assert [made.ask().arch for _ in range(3)] == [(3, 3, 3, 1, 3, 2)] * 3


def test_many_outcomes_are_told_to_a_program_that_writes_before_it_reads(program):
    loop = f"{FLOOD} >&2; while read -r line; do case $line in *ask*) echo '{ARCH}' ;; *) n=$((n + 1)) ;; esac; done"
    made = search(program(f"read -r task; {READY}; n=0; {loop}; echo $n >told"))
    for _ in range(3_000):
        made.tell(Trial((0,) * 6), Outcome.of(0.5))
    assert made.ask() == Trial((3, 3, 3, 1, 3, 2))
    del made
    assert Path("told").read_text() == "3000\n"


def test_a_program_that_closes_its_input_may_still_answer(program):
    made = search(program(f"read -r task; {READY}; exec <&-; echo '{ARCH}'; exit 0"))
    made.tell(Trial((0,) * 6), Outcome.of(0.5))
    assert made.ask() == Trial((3, 3, 3, 1, 3, 2))
    with pytest.raises(ProgramError, match="ended with exit code 0"):
        made.ask()


# ---- it always ends ----

STUBBORN = "trap '' TERM INT HUP; sleep 1000 & echo $! $$ >>pids; read -r task"
"""It has a child, and heeds neither signals nor the end of its input."""


def pids():
    return [int(pid) for pid in Path("pids").read_text().split()] if Path("pids").exists() else []


@pytest.mark.parametrize("answer", [READY, "echo no", f"{READY}; echo no", f"{READY}; exit 1"])
def test_a_program_and_its_children_end_with_the_search(program, answer):
    name = program(f"{STUBBORN}; {answer}; sleep 1000")
    try:
        made = search(name)
        made.tell(Trial((0,) * 6), Outcome.of(0.5))
        if "no" in answer or "exit" in answer:
            made.ask()
        del made
    except ProgramError:
        pass
    gc.collect()
    assert len(pids()) == 2
    wait_until(lambda: all(map(is_gone, pids())))


def test_a_search_that_fails_elsewhere_leaves_no_program(program):
    name = program(f"{STUBBORN}; {READY}; while read -r line; do echo '{ARCH}'; done; sleep 1000")

    def run():
        made = search(name)
        made.ask()
        raise ZeroDivisionError(made.ask())

    with pytest.raises(ZeroDivisionError):
        run()
    gc.collect()
    wait_until(lambda: all(map(is_gone, pids())))


def test_searches_leave_neither_zombies_nor_open_files(program):
    name = program(FIXED)
    search(name).ask()
    before = len(os.listdir("/proc/self/fd")) if Path("/proc").exists() else 0
    for i in range(10):
        search(name, seed=i).ask()
    assert (len(os.listdir("/proc/self/fd")) if Path("/proc").exists() else 0) == before
    assert [pid for pid in os.listdir("/proc") if pid.isdigit() and is_zombie_of_ours(pid)] == []


SCRIPT = """import sys
import nasbench_kit as nbk
from nasbench_kit.study import Configuration, Study
if __name__ == "__main__":
    key = Configuration.of(nbk.load("nasbench201/cifar10"), sys.argv[1], n_evaluations=5)
    with Study("mine.db") as study:
        study.run([key], range(4), n_processes=int(sys.argv[2]))
"""


@pytest.mark.parametrize("n_processes", [1, 2])
def test_ctrl_c_ends_programs(program, n_processes):
    name = program(f"{STUBBORN}; {READY}; while read -r line; do :; done; sleep 1000")
    Path("script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", name, str(n_processes)]
    # the program is started once to see whether it begins, and then for each run
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        wait_until(lambda: len(pids()) >= 2 + 2 * n_processes)
        running.send_signal(signal.SIGINT)
        assert running.stderr.read().endswith("KeyboardInterrupt\n")
    wait_until(lambda: all(map(is_gone, pids())))


def test_a_command_that_is_terminated_ends_its_programs(program):
    name = program(f"{STUBBORN}; {READY}; while read -r line; do :; done; sleep 1000")
    command = [sys.executable, "-m", "nasbench_kit", "compare", "-b", "nasbench201/cifar10", "-o", name]
    how = ["--evaluations", "5", "--runs", "2", "--processes", "1", "--study", "mine.db"]
    with subprocess.Popen([*command, *how], stderr=subprocess.PIPE) as running:
        wait_until(lambda: len(pids()) >= 4)
        running.terminate()
    assert running.returncode == -signal.SIGTERM
    wait_until(lambda: all(map(is_gone, pids())))


def again(name):
    while True:
        with contextlib.suppress(ProgramError):
            search(name).ask()


def test_a_worker_that_is_terminated_ends_its_programs_and_so_do_the_others(program):
    """As a pool terminates what is left of it when one worker has died, be it while a program is started."""
    name = program(f"{STUBBORN}; {READY}; sleep 1000")

    def in_a_pool():
        with jobs.pool(2) as workers:
            futures = [workers.submit(again, name) for _ in range(2)]
            wait_until(lambda: len(pids()) >= 4)
            os.kill(next(iter(workers._processes)), signal.SIGTERM)
            for future in futures:
                future.result()

    with pytest.raises(WorkerError):
        in_a_pool()
    assert len(pids()) == 4
    wait_until(lambda: all(map(is_gone, pids())))


def test_none_is_started_any_more_by_a_worker_that_ends(program):
    name = program(f"echo $$ >>pids; {FIXED}")
    thread = threading.Thread(target=search, args=(name,))
    with jobs.endings:  # as such a worker holds for ever
        thread.start()
        thread.join(0.5)
        assert pids() == []
    thread.join()
    assert len(pids()) == 1


# ---- in studies ----


def runs_of(path):
    with Study(path, create=False) as study:
        return [
            (run.configuration.identity, run.run_seed, *(getattr(run.records, each) for each in RECORDED))
            for key in study.configurations()
            for run in study.runs(key)
        ]


RECORDED = ("archs", "value", "finished_s", "epoch", "trial", "seed")


def test_runs_are_the_same_with_any_number_of_processes(program):
    # which variables of the environment change what numeric libraries compute, or Python imports, too
    variables = 'read -r task; echo "$OMP_NUM_THREADS $PYTHONSAFEPATH" >>variables'
    draw = "printf '%s\\n' '{\"sample\": 1}'; read -r line; echo \"{\\\"arch\\\": [${line#*[[}\" | sed 's/]]}/]}/'"
    program(f"{variables}; {READY}; while read -r line; do case $line in *ask*) {draw} ;; esac; done")
    for n in (1, 2):
        nbk.compare(
            "nasbench201/cifar10",
            [("cmd:./mine --x 3", {"rate": 0.1})],
            runs=3,
            n_evaluations=4,
            n_workers=2,
            study=f"{n}.db",
            n_processes=n,
        )
    one, two = runs_of("1.db"), runs_of("2.db")
    assert len(one) == 3
    assert repr(one) == repr(two)
    assert len({repr(run[2]) for run in one}) == 3
    assert len(set(Path("variables").read_text().splitlines())) == 1


def test_a_run_whose_program_fails_is_stored_as_failed_and_the_others_go_on(program):
    seed = 'seed=${task##*\\"seed\\": }; case ${seed%%,*} in *[02468]) echo odd >&2; exit 5 ;; esac'
    loop = f"while read -r line; do case $line in *ask*) {{ {seed}; }}; echo '{ARCH}' ;; esac; done"
    name = program(f"read -r task; {READY}; {loop}")
    key = Configuration.of(CIFAR10, name, n_evaluations=2)
    with Study("mine.db") as study:
        counts = study.run([key], range(12), n_processes=1)
        failures = study.failures(key)
    seeds = {i: int(key.streams(i)[0].integers(2**31)) for i in range(12)}
    assert {*failures} == {i for i, seed in seeds.items() if seed % 2 == 0}
    assert 0 < counts.failed < 12
    expected = "cmd:./mine ended with exit code 5; .* expected; its stderr ends with 'odd'"
    assert [text for text in failures.values() if not re.search(expected, text)] == []


def test_settings_of_a_command_are_typed_as_those_of_others(program):
    program(f'read -r task; echo "$task" >task; {READY}; {LOOP}')
    given = parse_optimizer("cmd:./mine --x 3,rate=0.1,label=ours")
    assert given == ("cmd:./mine --x 3", {"rate": 0.1}, "ours")
    nbk.compare("nasbench201/cifar10", [given], runs=1, n_evaluations=3, study="mine.db", n_processes=1)
    assert lines_of("task")[0]["task"]["settings"] == {"rate": 0.1}
    with Study("mine.db", create=False) as study:
        (key,) = study.configurations()
    assert (key.optimizer, dict(key.settings), key.legend) == (given[0], {"rate": 0.1, "timeout_s": 60.0}, "ours")


def test_the_hash_of_the_file_goes_with_the_runs_and_another_one_does_not_join_them(program):
    name = program(FIXED)
    made = Configuration.of(CIFAR10, name, n_evaluations=3)
    before = versions_of(made)["optimizer_sha256"]
    with Study("mine.db") as study:
        study.run([made], [0], n_processes=1)
        program(f"{FIXED} # changed")
        assert versions_of(made)["optimizer_sha256"] != before
        with pytest.raises(StudyError, match="optimizer"):
            study.run([made], [0, 1], n_processes=1)


def test_of_an_installed_program_its_first_file_is_ones_own(program):
    program(FIXED)
    assert optimizer_class("cmd:sh -e ./mine --x 3").file == "./mine"
    assert optimizer_class("cmd:./mine other").file.endswith("mine")
    assert optimizer_class("cmd:sh -c 'exit 3'").file == shutil.which("sh")


def test_a_program_goes_on_with_trainings(program):
    epochs = list(nbk.task_of(CURVES).epochs)
    answers = [f'{{"arch": [3, 3, 3, 1, 3, 2], "epoch": {epoch}, "training": 7}}' for epoch in epochs[:3]]
    made = search(program(answering(*answers, '{"end": true}')), nbk.task_of(CURVES))
    records = nbk.simulate(CURVES, made, rng=np.random.default_rng(0), n_evaluations=10)
    assert records.epoch.tolist() == epochs[:3]
    assert records.trial.tolist() == [0, 0, 0]

"""Runs that were recorded elsewhere: sequences of architectures with seconds, such as those of weight-sharing methods.

They stand in a study beside runs that were made here, under the same rules, and are marked wherever they are shown. An
evaluation is a step: the architecture that the method held after one of its own epochs (or that it evaluated), at the
sum of the seconds so far. What it is worth is looked up in the benchmark; the method itself was told no such value.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import ImportDataError, NasbenchKitError, SettingError, listed, unknown
from nasbench_kit.formats.compressed import unpacked
from nasbench_kit.formats.csv_columns import numbers, parse_csv
from nasbench_kit.formats.files import read_file
from nasbench_kit.optimizers import RECORDED
from nasbench_kit.simulator import NO_EPOCH, NO_SEED, SECONDS, Records, Rules
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.text import check_printable

LATEST, BEST = RETURNS = ("latest", "best")
"""What a method returns when it is stopped: the architecture that it holds, or the best that it has evaluated."""

_MOST_BYTES = 1 << 26  # of a recording, unpacked
_MEMBERS = ("method", "seed", "arch", "runtime_s")
_MOST_LETTERS = 60  # of the name of a method
# seconds under another name: they would be passed over, and those of the benchmark shown instead
_LIKE_SECONDS = re.compile(r"time|second|minute|hour|duration|elapsed|wall.?clock|(^|_)(s|sec|secs|min|h|cost)$", re.I)
# whether the newest is the incumbent -> what is shown
_SHOWN = {True: "the architecture that the method held at the time", False: "the best that it had evaluated"}


class RecordedRun(NamedTuple):
    """One run, step by step."""

    method: str
    run_seed: int
    archs: tuple[Any, ...]  #: in any form that the space reads
    seconds: tuple[float, ...] | None  #: of each step; None where nobody wrote them down


class Recording(NamedTuple):
    """Some runs, and where they come from."""

    source: str  #: the file, without its folder
    sha256: str  #: of its content
    runs: tuple[RecordedRun, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(dict.fromkeys(run.method for run in self.runs))


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """The runs in a file: CSV, a row per step; or JSON, a list of runs. Either may be compressed by gzip.

    CSV has the columns `method`, `seed`, `arch` and, where seconds were recorded, `runtime_s`: those of this step. JSON
    is a list of `{"method": ..., "seed": ..., "arch": [...], "runtime_s": [...]}`. What else is there is passed over.

    Raises:
        ImportDataError: It is neither, or damaged.
        OSError: It is not there, or cannot be read.
    """
    file = Path(path)
    content = unpacked(file, _MOST_BYTES)
    runs = _of_json(content, file.name) if content.lstrip()[:1] in (b"[", b"{") else _of_csv(content, file.name)
    known: set[tuple[str, int]] = set()
    for run in runs:
        if (run.method, run.run_seed) in known:
            raise ImportDataError(f"{file.name} has two runs of {run.method} with seed {run.run_seed}; one expected")
        known.add((run.method, run.run_seed))
    return Recording(file.name, hashlib.sha256(read_file(file, _MOST_BYTES)).hexdigest(), runs)


def _of_csv(content: bytes, name: str) -> tuple[RecordedRun, ...]:
    columns = parse_csv(content, _MEMBERS[:3], name)
    _check_no_slip(columns, name)
    seconds = numbers(columns, "runtime_s", name).tolist() if "runtime_s" in columns else None
    rows: dict[tuple[str, str], list[int]] = {}
    for row, which in enumerate(zip(columns["method"], columns["seed"], strict=True)):
        rows.setdefault(which, []).append(row)
    return tuple(
        _run(
            method,
            int(seed) if seed.isascii() and seed.isdecimal() else seed,
            [columns["arch"][row] for row in some],
            None if seconds is None else [seconds[row] for row in some],
            name,
        )
        for (method, seed), some in rows.items()
    )


def _of_json(content: bytes, name: str) -> tuple[RecordedRun, ...]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImportDataError(f"{name} is no readable JSON ({error!s:.80}); a list of runs expected") from None
    if not isinstance(data, list) or not data or not all(isinstance(run, dict) for run in data):
        raise ImportDataError(f"{name} holds {data!r:.60}; a list of runs with {listed(_MEMBERS)} expected")
    for run in data:
        missing = [member for member in _MEMBERS[:3] if member not in run]
        if missing:
            raise ImportDataError(f"{name}: a run lacks {listed(missing)}; {listed(_MEMBERS)} expected")
        _check_no_slip(run, name)
    return tuple(_run(run["method"], run["seed"], run["arch"], run.get("runtime_s") or None, name) for run in data)


def _check_no_slip(members: Iterable[str], name: str) -> None:
    there = set(members)
    if "runtime_s" not in there:
        near = sorted(filter(_LIKE_SECONDS.search, map(str, there.difference(_MEMBERS))))
        if near:
            raise ImportDataError(
                f"{name} has {near[0]!r:.40} and no 'runtime_s'; seconds of each step expected by that name, or neither"
            )


def _run(method: Any, seed: Any, archs: Any, seconds: Any, name: str) -> RecordedRun:
    try:
        check_printable(method)
        if not 0 < len(method.strip()) <= _MOST_LETTERS:
            raise ValueError("too long, or empty")
    except (ValueError, AttributeError):
        raise ImportDataError(
            f"{name}: method {method!r:.80}; a name of at most {_MOST_LETTERS} letters expected"
        ) from None
    where = f"{name}, {method} with seed {seed!r:.20}"
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise ImportDataError(f"{where}: an integer from 0 to 2^63 - 1 expected as its seed")
    if not isinstance(archs, list) or not archs:
        raise ImportDataError(f"{where}: its architectures are {archs!r:.60}; a list of some expected")
    if seconds is None:
        return RecordedRun(method, seed, tuple(archs), None)
    if not isinstance(seconds, list) or len(seconds) != len(archs):
        n = len(seconds) if isinstance(seconds, list) else "no"
        raise ImportDataError(f"{where}: {len(archs)} architectures and {n} seconds; as many expected")
    wrong = [s for s in seconds if isinstance(s, bool) or not isinstance(s, int | float) or not 0 <= s < np.inf]
    if wrong:
        raise ImportDataError(f"{where}: {wrong[0]!r:.40} seconds for a step; a number from 0 expected")
    return RecordedRun(method, seed, tuple(archs), tuple(map(float, seconds)))


# ---- into a study ----


def recorded_configuration(
    benchmark: Benchmark, recording: Recording, method: str, rules: Rules, *, returns: str, has_seconds: bool
) -> Configuration:
    """What determines the runs of a method: where they come from, and what the method returns."""
    return Configuration(
        benchmark.name,
        benchmark.results.sha256,
        f"{RECORDED}{method}",
        {
            "source": recording.source,
            "source_sha256": recording.sha256,
            "returns": returns,
            "seconds": "recorded" if has_seconds else "of the benchmark",
        },
        rules,
        objectives=benchmark.own_objectives,
        constraints=tuple(map(str, benchmark.constraints)),
        label=f"{method} (recorded)",
        path=benchmark.results.path,
    )


def recorded_runs(
    benchmark: Benchmark, recording: Recording, rules: Rules, *, methods: Iterable[str] | None, returns: str | None
) -> dict[Configuration, dict[int, Records]]:
    """Configuration -> seed -> records, of each method that is asked for.

    Raises:
        UnknownNameError: There is no such method in the recording.
        SettingError: The rules, or what methods return, do not fit; or a run names no architecture of the benchmark.
        NotRecordedError: The benchmark has no value of an architecture.
    """
    if returns is not None and returns not in RETURNS:
        raise SettingError(f"returns={returns!r:.40}; choose from {listed(map(repr, RETURNS))}")
    _check_rules(benchmark, rules)
    wanted = recording.methods if methods is None else [methods] if isinstance(methods, str) else [*methods]
    for method in wanted:
        if method not in recording.methods:
            raise unknown(f"method of {recording.source}", method, recording.methods)
    found: dict[Configuration, dict[int, Records]] = {}
    for run in recording.runs:
        if run.method in wanted:
            has_seconds = run.seconds is not None
            # a step that costs what a training costs is one, and its method knows what it was worth
            held = returns or (LATEST if has_seconds else BEST)
            key = recorded_configuration(benchmark, recording, run.method, rules, returns=held, has_seconds=has_seconds)
            found.setdefault(key, {})[run.run_seed] = records_of(benchmark, run, rules)
    return found


def _check_rules(benchmark: Benchmark, rules: Rules) -> None:
    rules.check(benchmark)
    if rules.clock != SECONDS or rules.budget_s is None:
        raise SettingError(
            "recorded runs are counted in seconds, and these rules are not; rules with budget_s and a clock of seconds"
            " expected"
        )


def records_of(benchmark: Benchmark, run: RecordedRun, rules: Rules) -> Records:
    """The steps of a run up to the budget, as evaluations; each is worth the mean over the recorded trainings.

    Raises:
        SettingError: A step names no architecture of the benchmark.
        NotRecordedError: The benchmark has no value of an architecture.
    """
    paying = rules.applied_to(benchmark)
    archs = []
    for step, text in enumerate(run.archs, 1):
        try:
            archs.append(benchmark.space.parse(text))
        except NasbenchKitError as error:
            raise SettingError(f"{run.method} with seed {run.run_seed}, step {step}: {error}") from None
    answers = {arch: paying.query(arch, epoch=rules.epoch) for arch in dict.fromkeys(archs)}
    cost_s = np.array([answers[arch].cost_s for arch in archs] if run.seconds is None else run.seconds)
    finished_s = np.cumsum(cost_s)
    n = int(np.searchsorted(finished_s, rules.budget_s or np.inf, side="right"))
    archs, cost_s, finished_s = archs[:n], cost_s[:n], finished_s[:n]
    each = [answers[arch] for arch in archs]
    n_objectives = len(benchmark.objectives)
    values = [benchmark.objective_values(arch, answer) for arch, answer in zip(archs, each, strict=True)]
    exceeded = [
        sum(max(0.0, limit) for limit in benchmark.violations(arch, answer))
        for arch, answer in zip(archs, each, strict=True)
    ]
    return Records(
        archs=np.array(archs, np.uint8).reshape(n, benchmark.space.n_decisions),
        trial=np.arange(n, dtype=np.int32),
        epoch=np.array([NO_EPOCH if one.epoch is None else one.epoch for one in each], np.int32),
        seed=np.full(n, NO_SEED, np.int64),
        value=np.array([one.value for one in each], np.float64),
        values=np.array(values, np.float64).reshape(n, n_objectives),
        violation=np.array(exceeded, np.float64),
        failed=np.array([one.failed == 1 for one in each], bool),
        cost_s=cost_s,
        started_s=np.append(0.0, finished_s)[:n],
        finished_s=finished_s,
        worker=np.zeros(n, np.int32),
        optimizer_s=np.full(n, np.nan),
    )


def rules_beside(configurations: Iterable[Configuration], benchmark: Benchmark) -> Rules:
    """The rules of the other runs on a benchmark, so that recorded ones stand beside them.

    Raises:
        SettingError: There are none, or several.
    """
    there = [key for key in configurations if key.results_sha256 == benchmark.results.sha256]
    found = {repr(key.rules): key.rules for key in there if key.benchmark == benchmark.name}
    if not found:
        raise SettingError(f"the study holds no runs on {benchmark.name} to stand beside; give budget_s=SECONDS")
    if len(found) > 1:
        raise SettingError(
            f"the study holds runs on {benchmark.name} under {len(found)} sets of rules, and recorded ones can stand"
            " beside those of one; give budget_s=SECONDS"
        )
    return next(iter(found.values()))


# ---- in words ----


def recorded_in_words(configurations: Iterable[Configuration]) -> str:
    """What is to be known of runs that were recorded elsewhere, for captions; nothing where there are none."""
    keys = [key for key in configurations if key.is_recorded]
    if not keys:
        return ""
    kinds = {key.returns_latest for key in keys}
    held = " or ".join(words for is_latest, words in _SHOWN.items() if is_latest in kinds)
    lacking = any(key.settings.get("seconds") != "recorded" for key in keys)
    seconds = "in its own seconds" + " (the benchmark's, where none were written down)" * lacking
    return f"(recorded): not run here but recorded elsewhere, {seconds}; shown is {held}, with its value looked up."

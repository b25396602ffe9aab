"""Workers that share nothing but a folder, such as the jobs of an array that see one network file system.

`write_plan` says in a folder beside the study what is to be made, in batches; `work`, on any machine, makes batches
until all are made; `gather` takes them over into the study. Nobody has to be alive at the same time as anybody else.

SQLite relies on locks that network file systems do not keep, so workers never open the study. All that they rely on is
that a file is created by one process alone, and that a file gets a name as a whole:

    mine.db.work/plan.json           configurations, versions, batches; written last, and never changed
    mine.db.work/results/            tables and surrogates that do not come with the package
    mine.db.work/claims/000017.0     batch 17 is being made, or is made; created exclusively, so by one worker
    mine.db.work/parts/000017.db     its runs: a study of their own; 000017.done once they are taken over

*No double work*: who creates the claim makes the batch. *Dead workers*: a worker touches its claim every few seconds.
One that was not touched for a while is not removed, which a second worker, late, could do to the claim of a third; who
creates the next one, `000017.1`, has taken the batch over. *Clocks*: how old a claim is, is the difference of two times
that the file system gave, its own and that of the plan, touched just now; the clocks of the machines do not matter.
*Kills*: a part is written under another name, and gets its own when it is whole; the first that gets it stays. A worker
that slept through its claim's end makes its batch in vain, and does no harm: same seed, same records. *Trust*: a part
must hold the runs of its batch and nothing else, and its digests must match, or it is put aside and its batch is made
again. So nobody waits for a disk: what a loss of power takes is made again.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import random
import re
import secrets
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, final

from nasbench_kit import jobs
from nasbench_kit.errors import StudyError
from nasbench_kit.study.claims import Batch
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.executors import check_versions
from nasbench_kit.study.running import make_many, n_together, open_same
from nasbench_kit.study.sending import copy_into
from nasbench_kit.study.study import Study, verify_results
from nasbench_kit.study.text import in_one_line, read_json, write_json
from nasbench_kit.study.versions import versions_of

LAPSE_S = 120.0  # without a sign of life for so long, a worker counts as dead
_BEATS = 6  # signs of life in that time
_LOOK_S = 1.0  # between two looks at what others do
_TOGETHER = 50  # runs in a batch at most, by default
_FORMAT = 1
_FOLDERS = ("claims", "parts", "results")


class Worked(NamedTuple):
    """What a worker made."""

    n_batches: int
    n_runs: int


@final
class Plan(NamedTuple):
    """What is to be made, and where workers find it."""

    folder: Path
    batches: list[Batch]
    versions: dict[Configuration, dict[str, str]]  #: that they are to be made with

    def part(self, number: int) -> Path:
        """The file of the runs of a batch."""
        return self.folder / "parts" / f"{number:06}.db"

    def claim(self, number: int, generation: int) -> Path:
        """The file of who makes a batch first, or after so many others died."""
        return self.folder / "claims" / f"{number:06}.{generation}"

    def left(self) -> list[int]:
        """The batches that are not made yet."""
        made = {name.partition(".")[0] for name in os.listdir(self.folder / "parts") if name.endswith((".db", ".done"))}
        return [number for number in range(len(self.batches)) if f"{number:06}" not in made]

    def claims(self) -> dict[int, int]:
        """The batches that somebody has claimed, and how many died over each of them."""
        claimed: dict[int, int] = {}
        for name in os.listdir(self.folder / "claims"):
            if found := re.fullmatch(r"(\d{6,})\.(\d+)", name):
                number, generation = map(int, found.groups())
                claimed[number] = max(generation, claimed.get(number, 0))
        return claimed


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder that the workers of a study share."""
    return Path(f"{os.fsdecode(path)}.work")


def is_planned(path: str | os.PathLike[str]) -> bool:
    """Whether there is a plan for workers beside a study."""
    return (folder_of(path) / "plan.json").is_file()


# ---- the plan ----


def write_plan(
    study: Study, configurations: Iterable[Configuration], run_seeds: Iterable[int], *, batch: int | None = None
) -> Plan:
    """Write beside a study what is still to be made of some runs. A plan that covers these stays as it is.

    Args:
        study: Where the runs will be.
        configurations: What to run.
        run_seeds: Seeds of the runs' random generators.
        batch: Runs in a batch; by default as many as are made at a time, and 50 at most.

    Raises:
        SettingError, StudyError: The runs cannot be made, as in `Study.run`; or there is a plan of other runs.
    """
    folder = folder_of(study.path)
    if is_planned(study.path):
        gather(study)
    tasks, versions = study.left(configurations, run_seeds)
    if is_planned(study.path):
        plan = read_plan(study.path)
        planned = {(key, seed) for key, run_seeds in plan.batches for seed in run_seeds}
        if not planned.issuperset(tasks):
            raise StudyError(
                f"{os.fspath(folder)!r} holds a plan of other runs, {len(plan.left())} batches of which are to be made:"
                f" nasbench-kit work {study.path} makes them; or remove the folder"
            )
        return plan
    _remove_unfinished(folder)
    if not tasks:
        return Plan(folder, [], {})
    copies = copy_into(folder / "results", map(open_same, dict.fromkeys(key for key, _ in tasks)))
    for name in ("claims", "parts"):
        (folder / name).mkdir()
    plan = Plan(folder, _batches(tasks, batch), {key: versions[key] for key, _ in tasks})
    jobs.write_bytes(folder / "plan.json", json.dumps(_to_json(plan, copies)).encode())
    return plan


def _batches(tasks: Iterable[tuple[Configuration, int]], most: int | None) -> list[Batch]:
    seeds: dict[Configuration, list[int]] = {}
    for key, seed in tasks:
        seeds.setdefault(key, []).append(seed)
    batches: list[Batch] = []
    for key, own in seeds.items():
        n = most or min(n_together(key), _TOGETHER)
        batches += [(key, tuple(own[i : i + n])) for i in range(0, len(own), n)]
    return batches


def _remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed left, and nothing else."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    if others := [name for name in names if name not in _FOLDERS and ".partial" not in name]:
        raise StudyError(f"{os.fspath(folder)!r} holds {others[0]!r}, which is not ours; move that folder away")
    shutil.rmtree(folder)


def _to_json(plan: Plan, copies: dict[str, str]) -> dict[str, Any]:
    numbers = {key: number for number, key in enumerate(plan.versions)}
    configurations = [
        {
            "identity": key.identity,
            "label": key.label,
            "defaults": write_json(dict(key.defaults)),
            "path": os.path.abspath(key.path) if key.path else "",
            "copy": copies.get(key.results_sha256, ""),
            "versions": write_json(versions),
        }
        for key, versions in plan.versions.items()
    ]
    batches = [[numbers[key], list(run_seeds)] for key, run_seeds in plan.batches]
    return {"format": _FORMAT, "configurations": configurations, "batches": batches}


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """The plan beside a study, which need not be here.

    Raises:
        StudyError: There is none, or it is damaged.
    """
    folder = folder_of(path)
    file = folder / "plan.json"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(
            f"there is no plan {os.fspath(file)!r}: nasbench-kit compare --study {os.fsdecode(path)} --plan writes one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"cannot read {os.fspath(file)!r}: {in_one_line(error)}") from None
    try:
        plan = json.loads(text)
        if plan["format"] != _FORMAT:
            raise ValueError(f"its format is {plan['format']!r:.20}; {_FORMAT} expected")
        versions = {_configuration(folder, one): dict(read_json(one["versions"])) for one in plan["configurations"]}
        keys = list(versions)
        batches = [(keys[_number(key)], tuple(map(_number, run_seeds))) for key, run_seeds in plan["batches"]]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise StudyError(
            f"{os.fspath(file)!r} is damaged ({in_one_line(error)}); remove {os.fspath(folder)!r}, and plan again"
        ) from None
    return Plan(folder, batches, versions)


def _configuration(folder: Path, one: dict[str, Any]) -> Configuration:
    key = Configuration.from_json(one["identity"], label=one["label"], defaults=read_json(one["defaults"]))
    path, copy = one["path"], one["copy"]
    if not isinstance(path, str) or not isinstance(copy, str) or copy != os.path.basename(copy):
        raise ValueError("a path is no text, or no name")
    return replace(key, path=os.fspath(folder / "results" / copy) if copy else path)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.20} is no number")
    return value


# ---- the work ----


def work(
    path: str | os.PathLike[str],
    *,
    n_processes: int = 1,
    lapse_s: float = LAPSE_S,
    progress: Callable[[int, int], None] | None = None,
) -> Worked:
    """Make batches of the plan beside a study until all are made, by this process and others anywhere.

    Args:
        path: The study, which need not be here; only its folder is used.
        n_processes: How many processes work; 1 is this one.
        lapse_s: After so many seconds without a sign of life, a worker counts as dead, and its batch is claimed again.
        progress: Called with (batches made, batches in all).

    Raises:
        StudyError: There is no plan; a table was not found or has changed; there is other software here than where the
            plan was written; or the folder cannot be written.
        WorkerError: A worker process died.
    """
    plan = read_plan(path)
    report = progress or (lambda made, planned: None)
    if n_processes == 1:
        return _work(path, lapse_s, report)
    with jobs.pool(n_processes) as workers:
        left = {workers.submit(_work, path, lapse_s) for _ in range(n_processes)}
        n_batches, n_runs = 0, 0
        while left:
            ended, left = wait(left, timeout=jobs.AWAKE_S)
            for future in ended:
                worked = future.result()
                n_batches, n_runs = n_batches + worked.n_batches, n_runs + worked.n_runs
            with contextlib.suppress(FileNotFoundError):
                report(len(plan.batches) - len(plan.left()), len(plan.batches))
    return Worked(n_batches, n_runs)


def _work(path: str | os.PathLike[str], lapse_s: float, report: Callable[[int, int], None] | None = None) -> Worked:
    plan = read_plan(path)
    for key, versions in plan.versions.items():
        check_versions(versions, key)
    verify_results(plan.versions)
    n_batches, n_runs = 0, 0
    with contextlib.suppress(_GoneError):
        for number, claim in _claimed(plan, lapse_s, report):
            with _alive(claim, lapse_s):
                _make(plan, number)
            n_batches, n_runs = n_batches + 1, n_runs + len(plan.batches[number][1])
    return Worked(n_batches, n_runs)


class _GoneError(Exception):
    """Somebody has gathered all parts, or removed the folder."""


def _claimed(plan: Plan, lapse_s: float, report: Callable[[int, int], None] | None) -> Iterator[tuple[int, Path]]:
    """Batches that this process has claimed, one after another; waits while all that are left are made by others."""
    while True:
        left = _if_there(plan, plan.left)
        if report:
            report(len(plan.batches) - len(left), len(plan.batches))
        if not left:
            return
        claims = _if_there(plan, plan.claims)
        free = [number for number in left if number not in claims]
        first = random.randrange(len(free) or 1)  # noqa: S311 - workers that begin together shall not meet at each batch
        n_claimed = 0
        for number in free[first:] + free[:first]:
            if claim := _created(plan, number, 0):
                n_claimed += 1
                yield number, claim
        if not n_claimed and not (yield from _taken_over(plan, left, claims, lapse_s)):
            time.sleep(min(_LOOK_S, lapse_s / _BEATS))


def _taken_over(
    plan: Plan, left: list[int], claims: dict[int, int], lapse_s: float
) -> Generator[tuple[int, Path], None, int]:
    """The batches of workers that died, claimed by this process; how many."""
    n = 0
    now = _if_there(plan, lambda: _touched(plan.folder / "plan.json"))
    for number in left:
        generation = claims.get(number)
        if generation is None or not _is_dead(plan.claim(number, generation), now, lapse_s):
            continue
        if claim := _created(plan, number, generation + 1):
            n += 1
            yield number, claim
    return n


def _created(plan: Plan, number: int, generation: int) -> Path | None:
    """A new claim of this process; None if another was faster."""
    claim = plan.claim(number, generation)

    def create() -> Path | None:
        try:
            with open(claim, "x", encoding="utf-8") as file:
                json.dump({"host": platform.node(), "pid": os.getpid()}, file)
        except FileExistsError:
            return None
        return claim

    return _if_there(plan, create)


def _is_dead(claim: Path, now: float, lapse_s: float) -> bool:
    """Whether whoever made a claim has died."""
    try:
        with open(claim, encoding="utf-8") as file:  # opening makes network file systems look
            who, touched = file.read(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return False  # given back just now
    if now - touched > lapse_s:
        return True
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):  # not written yet
        known = json.loads(who)
        return known["host"] == platform.node() and not jobs.is_alive(_number(known["pid"]))
    return False


@contextlib.contextmanager
def _alive(claim: Path, lapse_s: float) -> Iterator[None]:
    """Show during the block that the one who claimed something is alive; give it back if the block ends by an error."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(lapse_s / _BEATS):
            with contextlib.suppress(OSError):  # the next one may succeed
                _touched(claim)

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # it lapses
            claim.unlink()
        raise
    finally:
        done.set()
        heart.join()


def _make(plan: Plan, number: int) -> None:
    key, run_seeds = plan.batches[number]
    made = make_many(key, run_seeds)
    with TemporaryDirectory(prefix="nasbench_kit-") as scratch:
        part = Path(scratch, "part.db")
        with Study(part, durable=False) as study:
            study.store([(key, versions_of(key), run_seeds, made)])
        content = part.read_bytes()
    _if_there(plan, lambda: _publish(content, plan.part(number)))


def _publish(content: bytes, target: Path) -> None:
    """Give a content its name, if nothing has it."""
    partial = target.with_name(f"{target.stem}.{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(content)
        try:
            os.link(partial, target)
        except FileExistsError:
            pass
        except FileNotFoundError:
            raise
        except OSError:  # a file system without links
            os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _touched(path: Path) -> float:
    """The time that the file system gives a file now."""
    os.utime(path)
    return os.stat(path).st_mtime


def _if_there(plan: Plan, look: Callable[[], Any]) -> Any:
    try:
        return look()
    except FileNotFoundError:
        if (plan.folder / "plan.json").exists():
            raise
        raise _GoneError from None
    except OSError as error:
        raise StudyError(f"cannot use {os.fspath(plan.folder)!r}: {in_one_line(error)}") from None


# ---- the end ----


def gather(study: Study) -> int:
    """Take over into a study what its workers have made. When all is made, their folder is removed.

    A part that is damaged, or holds anything but the runs of its batch, is put aside with a warning that names it, and
    is to be made again.

    Returns:
        How many batches are still to be made.

    Raises:
        StudyError: There is no plan; the study cannot be written; or it holds runs that contradict those of a part.
    """
    plan = read_plan(study.path)
    left, claims = set(plan.left()), plan.claims()
    with study.many_changes():
        for number in range(len(plan.batches)):
            if number in left or not os.path.lexists(plan.part(number)):
                continue
            if not _taken(study, plan, number):
                for generation in range(claims.get(number, -1) + 1):
                    plan.claim(number, generation).unlink(missing_ok=True)
                left.add(number)
    if not left:
        shutil.rmtree(plan.folder, ignore_errors=True)
    return len(left)


def _taken(study: Study, plan: Plan, number: int) -> bool:
    """Take over a part; one that is not what it should be is put aside."""
    part, (key, run_seeds) = plan.part(number), plan.batches[number]
    with TemporaryDirectory(prefix="nasbench_kit-") as scratch:  # no lock is asked of a network
        copy = os.path.join(scratch, "part.db")
        try:
            if part.is_symlink() or not part.is_file():
                raise StudyError(f"{copy!r} is no file")
            shutil.copyfile(part, copy)
            made = _checked(copy, key, run_seeds)
        except StudyError as error:
            os.replace(part, part.with_suffix(".refused"))
            warnings.warn(f"{_named(error, copy, part)}; it is put aside, and made again", stacklevel=3)
            return False
        with made:
            try:
                study.merge(made)
            except StudyError as error:
                raise StudyError(_named(error, copy, part)) from None
    os.replace(part, part.with_suffix(".done"))
    return True


def _checked(copy: str, key: Configuration, run_seeds: Iterable[int]) -> Study:
    """A part, opened, if it holds the runs of its batch and nothing else, each as it was stored."""
    study = Study(copy, create=False)
    try:
        there = {run.run_seed for run in study.runs(key, fields=())} | {*study.failures(key)}
        if study.configurations() != [key] or there != {*run_seeds}:
            raise StudyError(f"{copy!r} does not hold the runs of its batch")
    except BaseException:
        study.close()
        raise
    return study


def _named(error: StudyError, copy: str, part: Path) -> str:
    return str(error).replace(repr(copy), repr(os.fspath(part)))


def finish(study: Study, n_processes: int, progress: Callable[[int, int], None] | None = None) -> None:
    """Make what is left of the plan beside a study, together with its workers, and gather all.

    Raises:
        StudyError: As `work` and `gather`; or a part is damaged again and again.
    """
    if gather(study):
        work(study.path, n_processes=n_processes, progress=progress)
        if n_left := gather(study):
            raise StudyError(f"{n_left} parts of {os.fspath(folder_of(study.path))!r} were damaged, see the warnings")

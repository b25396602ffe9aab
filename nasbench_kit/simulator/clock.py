"""The clock: run an optimizer on a benchmark as if its trials took the time that was recorded for them."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from math import inf, isnan, nan
from sys import maxsize
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.benchmark import Benchmark, Evaluation
from nasbench_kit.errors import NotRecordedError, SettingError, check_generator
from nasbench_kit.optimizers.base import Optimizer, Outcome, Task, Trial, check_can_be_asked
from nasbench_kit.simulator.records import BLOCK, Records, RecordsBuilder
from nasbench_kit.simulator.repeats import ServesRepeats
from nasbench_kit.simulator.rules import DRAWN, EPOCHS, SECONDS, Rules, checked_rules
from nasbench_kit.spaces import DrawnAhead
from nasbench_kit.tables import ONE_TRAINING

if TYPE_CHECKING:
    from numpy.typing import NDArray


def task_of(benchmark: Benchmark, rules: Rules | None = None, *, needs: Iterable[str] = ()) -> Task:
    """What a search of a benchmark may know before it begins.

    Args:
        benchmark: What is to be searched.
        rules: Under which rules; the default ones, if not given.
        needs: What the optimizer states that it needs: of one that needs "epochs" the space holds what was recorded at
            every epoch, else what was recorded at the last.
    """
    if not isinstance(benchmark, Benchmark):
        raise SettingError(f"task_of({benchmark!r:.80}); a benchmark expected, as nbk.load opens one")
    rules = checked_rules(rules)
    benchmark = rules.applied_to(benchmark)
    last = rules.last_epoch(benchmark)
    epochs = tuple(epoch for epoch in benchmark.epochs if last is None or epoch <= last)
    columns = tuple(
        metric.name
        for metric in benchmark.metrics.values()
        if metric.split is None and not metric.epochs and not metric.seeds and metric.name not in benchmark.costs
    )

    def known(name: str, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        if name not in columns:
            raise SettingError(f"{name!r} is not known without training; the task's columns are {', '.join(columns)}")
        return benchmark.values(name, archs, missing="nan")

    known_objectives = [(i, metric) for i, metric in enumerate(benchmark.objectives) if metric.name in columns]
    known_limits = [(i, limit) for i, limit in enumerate(benchmark.constraints) if limit.metric in columns]

    def known_values(archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = np.full((len(archs), len(benchmark.objectives)), nan)
        for i, metric in known_objectives:
            found[:, i] = metric.sign() * known(metric.name, archs)
        return found

    def known_violations(archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = np.full((len(archs), len(benchmark.constraints)), nan)
        for i, limit in known_limits:
            found[:, i] = limit.exceeded_by_many(known(limit.metric, archs))
        return found

    return Task(
        space=benchmark.search_space(epochs=epochs if "epochs" in needs else None, epoch=rules.epoch, seed=rules.seed),
        epochs=epochs,
        objectives=tuple(metric.name for metric in benchmark.objectives),
        constraints=tuple(map(str, benchmark.constraints)),
        n_workers=rules.n_workers,
        columns=columns,
        known=known,
        known_values=known_values if known_objectives else None,
        known_violations=known_violations if known_limits else None,
    )


def simulate(
    benchmark: Benchmark, optimizer: Optimizer, *, rng: np.random.Generator, rules: Rules | None = None, **how: Any
) -> Records:
    """Let an optimizer search until its budget is spent.

    A worker that is free asks for a trial at once. An outcome is told when the clock reaches the end of its trial;
    trials that end at the same time are told in the order in which they began. A trial of a training that was asked
    for before goes on with it: on the same recorded run, paying the difference, unless the rules or the benchmark say
    that it is paid from scratch.

    Args:
        benchmark: What to search.
        optimizer: Who searches; it is told values of which larger are better, negated where the objective is a loss,
            and -inf where a training failed.
        rng: Source of the training runs that `run="drawn"` draws.
        rules: What it is told, what it pays, and when it ends.
        how: Rules by their names, instead of or beside `rules`: `budget_s=500_000, n_workers=4`.

    Raises:
        SettingError: No budget, or an argument out of range; or the optimizer asks for what cannot be.
        NotRecordedError: The epoch, run, architecture or its cost was never recorded.
    """
    if not isinstance(benchmark, Benchmark):
        raise SettingError(f"simulate({benchmark!r:.80}, ...); a benchmark expected, as nbk.load opens one")
    check_can_be_asked(optimizer)
    check_generator(rng)
    rules = checked_rules(rules)
    if how:
        rules = rules.changed(how)
    rules.check(benchmark)
    return _run(rules.applied_to(benchmark), optimizer, rng, rules)


def _run(benchmark: Benchmark, optimizer: Optimizer, rng: np.random.Generator, rules: Rules) -> Records:
    """Ask, wait, tell, until the budget is spent. What every evaluation passes is written out here, not in calls."""
    parse, n_decisions = benchmark.space.parse, benchmark.space.n_decisions
    if rules.repeats == "served":
        optimizer = ServesRepeats(optimizer, parse, rules.last_epoch(benchmark))
    ask, tell = optimizer.ask, optimizer.tell
    draw = DrawnAhead(rng) if rules.run == DRAWN else None
    reveal = benchmark.revealing(rules.seed, draw)
    last_epoch, clock = rules.epoch, rules.clock
    most_s = inf if rules.budget_s is None else rules.budget_s
    most = maxsize if rules.n_evaluations is None else rules.n_evaluations
    epochs_left = inf if rules.n_epochs is None else rules.n_epochs
    charges, counts_overshoot = rules.optimizer_time == "charged", rules.overshoot == "counted"
    is_gapless = rules.n_workers == 1 and not charges  # each begins when the one before ends
    may_not_begin = charges or counts_overshoot or rules.n_epochs is not None  # although time is left
    trainings = _Trainings(benchmark, rules, draw)
    told_of = Told(benchmark)
    sign, is_single = float(told_of.signs[0]), told_of.is_single
    new: Any = tuple.__new__  # what calling `Outcome` does, at half the cost
    records = RecordsBuilder(n_decisions, len(told_of.signs))
    evaluations = records.evaluations
    add_arch, add_evaluation, add_number = records.archs.append, evaluations.append, records.numbers.append
    add_worker, add_paid, add_spent = records.workers.append, records.paid_s.append, records.spent_s.append
    add_start, add_end = records.started_s.append, records.finished_s.append
    now, optimizer_free_s = 0.0, 0.0
    n_begun, is_waiting, is_over = 0, False, False
    running: list[tuple[Any, ...]] = []  # a heap: who ends first, then who began first
    idle = list(range(rules.n_workers - 1, -1, -1))
    while True:
        while idle and n_begun < most and not is_waiting and not is_over:
            began = perf_counter()
            trial = ask()
            asked_s = perf_counter() - began
            if trial is None:
                is_waiting = True
                break
            if not isinstance(trial, Trial):
                raise SettingError(f"ask returned {trial!r:.80}; a Trial, or None to wait, expected")
            arch, epoch, training = trial
            if type(arch) is not tuple or len(arch) != n_decisions:  # a tuple may be another form
                arch = parse(arch)
            if epoch is None:
                epoch = last_epoch
            elif last_epoch is not None and epoch > last_epoch:
                raise SettingError(f"a trial asks for epoch {epoch}, and the rules train up to epoch {last_epoch}")
            try:
                number = n_begun
                if training is None:
                    evaluation = reveal(arch, epoch)
                    paid_s, n_epochs = evaluation[2], evaluation[0]  # faster than by name
                else:
                    number, evaluation, paid_s, n_epochs = trainings.go_on(training, arch, epoch, n_begun)
            except NotRecordedError as error:
                if benchmark.results.is_complete:
                    raise
                raise NotRecordedError(f"{error}; task_of(benchmark).space is the part of the space that is") from None
            takes: Any = paid_s if clock == SECONDS else n_epochs if clock == EPOCHS else 1.0
            if not 0.0 < takes < inf and not (takes == 0 and evaluation.failed == 1):
                raise NotRecordedError(
                    f"{benchmark.name}: a cost of {takes} cannot advance the clock;"
                    " costs must be above 0 and grow with the epoch"
                )
            started_s = now
            if charges:
                started_s = optimizer_free_s = max(now, optimizer_free_s) + asked_s
            if may_not_begin:
                n_epochs = n_epochs or 0  # where none are known, they are not counted
                is_over = started_s >= most_s or epochs_left < (1 if counts_overshoot else n_epochs)
                if is_over:
                    break
                epochs_left -= n_epochs
            end_s, worker = started_s + takes, idle.pop()
            heappush(
                running,
                (end_s, n_begun, worker, trial, arch, training, number, evaluation, paid_s, started_s, asked_s),
            )
            n_begun += 1
        if not running:
            break
        ended = heappop(running)
        finished_s, _, worker, trial, arch, training, number, evaluation, paid_s, started_s, asked_s = ended
        if finished_s > most_s and not counts_overshoot:
            break
        now, is_waiting = finished_s, False
        if is_single and not evaluation[4]:
            value = sign * evaluation[1]
            outcome = new(Outcome, (value, (value,), evaluation[0], paid_s, ()))
        else:
            values, outcome = told_of.all(arch, evaluation, paid_s)
            if not is_single:
                records.further.append((values, outcome.violation))
        if training is not None:
            trainings.finished(training, evaluation)
        began = perf_counter()
        tell(trial, outcome)
        told_s = perf_counter() - began
        if charges:
            optimizer_free_s = max(now, optimizer_free_s) + told_s
        add_arch(arch)
        add_evaluation(evaluation)
        add_number(number)
        add_paid(paid_s)
        if not is_gapless:
            add_worker(worker)
            add_start(started_s)
        add_end(finished_s)
        add_spent(asked_s + told_s)
        if len(evaluations) == BLOCK:
            records.pack()
        idle.append(worker)
    return records.build()


@final
class _Continuable:
    """A training that the optimizer may go on with."""

    __slots__ = ("arch", "evaluation", "number", "training")

    def __init__(self, number: int, arch: tuple[int, ...], training: Any) -> None:
        self.number, self.arch, self.training = number, arch, training
        self.evaluation: Evaluation | None = None  # the last one; None while it runs


@final
class _Trainings:
    """The trainings so far: those with a number of the optimizer's own can be continued."""

    def __init__(self, benchmark: Benchmark, rules: Rules, draw: DrawnAhead | None) -> None:
        self._begin = benchmark.trainings(rules.seed, draw)
        self._pays_difference = rules.continued == "difference" and benchmark.epochs_are == ONE_TRAINING
        self._of: dict[int, _Continuable] = {}

    def go_on(
        self, key: int, arch: tuple[int, ...], epoch: int | None, number: int
    ) -> tuple[int, Evaluation, float, int]:
        """Number of the training (`number` if new), what it reveals after this epoch, its cost, epochs to train."""
        if type(key) is not int and not hasattr(key, "__index__"):
            raise SettingError(
                f"a trial has the training {key!r:.40}; a number of the optimizer's own, or None, expected"
            )
        found = self._of.get(key)
        if found is None:
            found = _Continuable(number, arch, self._begin(arch))
        elif found.evaluation is None:
            raise SettingError(f"training {key} was asked for while it runs; ask again once its outcome was told")
        elif found.arch != arch:
            raise SettingError(f"training {key} is of {found.arch}, and was asked for as of {arch}; use a new number")
        evaluation: Evaluation = found.training.at(epoch)
        paid_s, n_epochs = evaluation.cost_s, evaluation.epoch or 0
        before = found.evaluation
        if before is not None:
            reached = before.epoch or 0
            if n_epochs <= reached:
                raise SettingError(
                    f"training {key} was asked for at epoch {evaluation.epoch}, where it is at {before.epoch};"
                    " a higher one expected"
                )
            if self._pays_difference:
                paid_s, n_epochs = paid_s - before.cost_s, n_epochs - reached
        found.evaluation = None
        self._of[key] = found
        return found.number, evaluation, paid_s, n_epochs

    def finished(self, key: int, evaluation: Evaluation) -> None:
        """It may be gone on with."""
        self._of[key].evaluation = evaluation


@final
class Told:
    """What a search is told of an evaluation where there is more than one number to tell."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self.signs = [metric.sign() for metric in benchmark.objectives]
        self.is_single = len(self.signs) == 1 and not benchmark.constraints

    def all(self, arch: tuple[int, ...], evaluation: Evaluation, paid_s: float) -> tuple[tuple[float, ...], Outcome]:
        """All objectives as recorded, and the outcome."""
        if evaluation.failed == 1:
            failed = (-inf,) * len(self.signs)
            return (nan,) * len(self.signs), Outcome(-inf, failed, evaluation.epoch, paid_s)
        values = self._benchmark.objective_values(arch, evaluation)
        for metric, value in zip(self._benchmark.objectives, values, strict=True):
            if isnan(value):
                after = "" if evaluation.epoch is None else f" at epoch {evaluation.epoch}"
                text = self._benchmark.space.format(arch)
                raise NotRecordedError(f"{self._benchmark.name}: {metric.name} of {text!r} was not recorded{after}")
        told = tuple([sign * value for sign, value in zip(self.signs, values, strict=True)])
        violations = self._benchmark.violations(arch, evaluation)
        return values, Outcome(told[0], told, evaluation.epoch, paid_s, violations)

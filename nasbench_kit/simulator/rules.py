"""What a search is told, what it pays, when it ends, and what it is reported by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from operator import index as as_int
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError, counted, listed, unknown
from nasbench_kit.optimizers.base import check_at_least

if TYPE_CHECKING:
    from nasbench_kit.tables import Metric

DRAWN, MEAN = "drawn", "mean"  # what `run` may be, beside the number of a run
SECONDS, EVALUATIONS, EPOCHS = CLOCKS = ("seconds", "evaluations", "epochs")  # what may advance the clock

_CHOICES = {
    "clock": CLOCKS,
    "continued": ("difference", "from scratch"),
    "repeats": ("paid", "served"),
    "overshoot": ("dropped", "counted"),
    "optimizer_time": ("apart", "charged"),
    "incumbents": ("last epoch", "any epoch"),
}


class Reported(NamedTuple):
    """What incumbents are reported by: a metric of a dataset of the same results, after an epoch."""

    dataset: str
    metric: str
    epoch: int | None = None  #: the last one for None

    def __str__(self) -> str:
        """What `parse` reads."""
        return f"{self.dataset}:{self.metric}" + ("" if self.epoch is None else f"@{self.epoch}")

    @classmethod
    def parse(cls, text: str) -> Reported:
        """What `cifar10:test_accuracy@200` or `cifar10:test_accuracy` says.

        Raises:
            SettingError: It says none.
        """
        dataset, colon, metric = text.rpartition(":")
        metric, at, epoch = metric.partition("@")
        if not (dataset and colon and metric) or (at and not epoch.isdecimal()):
            raise SettingError(f"{text!r} is nothing to report by; DATASET:METRIC or DATASET:METRIC@EPOCH expected")
        return cls(dataset, metric, int(epoch) if at else None)

    @classmethod
    def of(cls, given: object) -> Reported:
        """What a user gave, as such, as a sequence of two or three, or as text.

        Raises:
            SettingError: It is none.
        """
        if isinstance(given, str):
            return cls.parse(given)
        try:
            made = cls(*given)  # type: ignore[misc]
            epoch = None if made.epoch is None else as_int(made.epoch)
        except (TypeError, ValueError):
            made, epoch = cls("", ""), None
        if not (made.dataset and made.metric and isinstance(made.dataset, str) and isinstance(made.metric, str)):
            raise SettingError(f"reported={given!r:.80}; (dataset, metric) or (dataset, metric, epoch) expected")
        return made._replace(epoch=epoch)


@final
@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of a comparison. A published set of them is a protocol.

    Attributes:
        budget_s: Simulated seconds to spend.
        n_evaluations: Evaluations to finish.
        n_epochs: Epochs to train, in sum. At least one of the three budgets is needed; the first that is spent ends
            the search.
        n_workers: Trials that run at the same time.
        run: What an evaluation reveals: "drawn", a recorded training run drawn per training (of a surrogate, a run
            from the predicted noise); "mean", their mean; or a number, that run (or member).
        epoch: Train up to this epoch, or up to a lower one that the trial names; the last one by default. Incumbents
            are chosen by it; what they are reported by is `reported`, after the last epoch by default.
        clock: What advances the clock: "seconds", "evaluations" (each takes 1), or "epochs".
        costs: Names of the metrics that a training pays in seconds; those of the benchmark by default.
        continued: What continuing a training pays: the "difference" to where it was, or "from scratch" again. Where
            the epochs of a benchmark are separate trainings, each is paid in full in any case.
        repeats: Whether an architecture that is asked for again as a new training is "paid" for again, or "served" from
            memory: then it costs nothing, and is no evaluation.
        overshoot: Whether what is running when the budget ends is "dropped", or "counted" as the last evaluations.
        optimizer_time: Whether what the optimizer itself spends is kept "apart", or "charged" to the clock of seconds.
            Records of the latter depend on the machine.
        reported: What incumbents are reported by; by default the test metric that belongs to the objective, else the
            objective, of the same dataset, after the last epoch.
        incumbents: Which evaluations may be incumbents: those at the "last epoch" that the rules report, or at "any
            epoch".
    """

    budget_s: float | None = None
    n_evaluations: int | None = None
    n_epochs: int | None = None
    n_workers: int = 1
    run: str | int = DRAWN
    epoch: int | None = None
    clock: str = SECONDS
    costs: tuple[str, ...] | None = None
    continued: str = "difference"
    repeats: str = "paid"
    overshoot: str = "dropped"
    optimizer_time: str = "apart"
    reported: Reported | None = None
    incumbents: str = "last epoch"

    def __post_init__(self) -> None:
        # numpy's 5, 5 and 5.0 seconds are the same, also as JSON
        for name, convert in _NUMBERS.items():
            value = getattr(self, name)
            try:
                plain = None if value is None or isinstance(value, bool) else convert(value)
            except (TypeError, ValueError):
                plain = None
            if plain is None and value is not None:
                raise SettingError(f"{name}={value!r}; {_EXPECTED[convert]} expected")
            object.__setattr__(self, name, plain)
        if self.run not in (DRAWN, MEAN):
            if isinstance(self.run, bool) or not hasattr(self.run, "__index__"):
                raise SettingError(f"run={self.run!r}; choose 'drawn', 'mean' or the number of a recorded run")
            object.__setattr__(self, "run", as_int(self.run))
        if self.costs is not None:
            if isinstance(self.costs, str) or not isinstance(self.costs, Iterable):
                raise SettingError(f"costs={self.costs!r:.80}; a list of names of metrics expected")
            object.__setattr__(self, "costs", tuple(self.costs))
        if self.reported is not None:
            object.__setattr__(self, "reported", Reported.of(self.reported))
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingError(f"{name}={getattr(self, name)!r}; choose from {listed(map(repr, choices))}")
        self._check_budgets()

    def __repr__(self) -> str:
        return f"Rules({', '.join(f'{name}={value!r}' for name, value in self.to_json().items())})"

    def _check_budgets(self) -> None:
        if self.budget_s is not None and not 0 < self.budget_s < inf:
            raise SettingError(f"budget_s={self.budget_s!r}; a finite number of seconds above 0 expected")
        for name in ("n_evaluations", "n_epochs", "epoch"):
            if getattr(self, name) is not None:
                check_at_least(1, **{name: getattr(self, name)})
        check_at_least(1, n_workers=self.n_workers)
        if self.clock != SECONDS and self.budget_s is not None:
            raise SettingError(
                f"budget_s needs a clock of seconds, and this one counts {self.clock}; give n_evaluations instead"
            )
        if self.clock != SECONDS and self.optimizer_time == "charged":
            raise SettingError(f"what the optimizer spends is seconds; they cannot be charged to {self.clock}")

    def changed(self, how: Mapping[str, Any]) -> Self:
        """These rules with others of these names.

        Raises:
            UnknownNameError: There is no such rule.
            SettingError: A rule cannot be such.
        """
        known = [field.name for field in fields(self)]
        for name in how:
            if name not in known:
                raise unknown("rule", name, known)
        return replace(self, **how)

    # ---- as data ----

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults: so rules that a later version adds leave today's as they are."""
        mine = asdict(self)
        return {field.name: mine[field.name] for field in fields(self) if mine[field.name] != field.default}

    @classmethod
    def from_json(cls, what: Mapping[str, Any]) -> Self:
        """The rules that `to_json` wrote.

        Raises:
            UnknownNameError: There is a rule that this version does not know.
            SettingError: A value is none that the rule can have.
        """
        return cls().changed(what)

    # ---- on a benchmark ----

    @property
    def seed(self) -> int | None:
        """The run that every evaluation reveals, if it is the same one."""
        return None if isinstance(self.run, str) else self.run

    def applied_to(self, benchmark: Benchmark) -> Benchmark:
        """The benchmark with the costs that these rules name."""
        if self.costs is None or self.costs == benchmark.costs:
            return benchmark
        return benchmark.with_costs(self.costs)

    def last_epoch(self, benchmark: Benchmark) -> int | None:
        """The highest epoch that these rules report on a benchmark; None where it knows of none."""
        return benchmark.epochs[-1] if self.epoch is None and benchmark.epochs else self.epoch

    def check(self, benchmark: Benchmark) -> None:
        """Refuse what cannot be done on a benchmark, before it is done.

        Raises:
            SettingError: There is no budget, or the benchmark has no costs for a clock of seconds.
            NotRecordedError, UnknownNameError: An epoch, run or metric was never recorded.
            DataError: The recorded costs cannot advance a clock.
        """
        if self.budget_s is None and self.n_evaluations is None and self.n_epochs is None:
            raise SettingError("no budget; give budget_s (simulated seconds), n_evaluations or n_epochs")
        benchmark = self.applied_to(benchmark)
        if self.clock == SECONDS and not benchmark.costs:
            raise NotRecordedError(
                f"{benchmark.name} records no cost_s, so nothing can advance a clock of seconds;"
                " give clock='evaluations'"
            )
        if not benchmark.epochs and (self.n_epochs is not None or self.clock == EPOCHS):
            raise SettingError(f"{benchmark.name} knows of no epochs, so none can be counted; give n_evaluations")
        benchmark.check_recorded(epoch=self.epoch, seed=self.seed)
        if self.clock == SECONDS:
            benchmark.check_costs()
        if self.reported is not None:
            self.reported_on(benchmark)

    def reported_on(self, benchmark: Benchmark) -> tuple[Benchmark, str, int | None]:
        """The benchmark, metric and epoch that incumbents are reported by.

        Raises:
            UnknownNameError: There is no such dataset or metric.
            NotRecordedError: The epoch was never recorded.
        """
        if self.reported is None:
            return benchmark, default_metric(benchmark), None
        other = benchmark
        if self.reported.dataset != benchmark.dataset:
            if self.reported.dataset not in benchmark.results.datasets:
                raise unknown(f"dataset of {benchmark.results.name}", self.reported.dataset, benchmark.results.datasets)
            other = Benchmark(benchmark.results, self.reported.dataset)
        metric = other.metrics.get(self.reported.metric)
        if metric is None:
            raise unknown(f"metric of {other.name}", self.reported.metric, other.metrics)
        if metric.direction is None:
            raise SettingError(f"{metric.name} of {other.name} has no direction, so no best; report another metric")
        if self.reported.epoch is not None and self.reported.epoch not in metric.epochs:
            raise UnknownNameError(
                f"{other.name}: {metric.name} was not recorded at epoch {self.reported.epoch};"
                f" choose from {listed(metric.epochs)}"
            )
        return other, metric.name, self.reported.epoch

    # ---- in words ----

    def in_words(self, benchmark: Benchmark) -> str:
        """What runs under these rules are, for captions: one sentence or two."""
        return " ".join(filter(None, (f"{self._told(benchmark)}; {self._paid(benchmark)}.", self._apart(benchmark))))

    def _told(self, benchmark: Benchmark) -> str:
        names = " and ".join(metric.name for metric in benchmark.objectives)
        what = f"{names} of " * (len(benchmark.objectives) > 1)
        after = "" if self.epoch is None else f",{_after(self.epoch)}"
        return f"A search sees {what}{benchmark.run_in_words(self.run)}{after}"

    def _paid(self, benchmark: Benchmark) -> str:
        budgets = []
        if self.budget_s is not None:
            seconds = f"{self.budget_s:,.0f}" if self.budget_s >= _MANY else f"{self.budget_s:g}"
            budgets.append(f"{seconds} simulated seconds")
        if self.n_evaluations is not None:
            budgets.append(counted(self.n_evaluations, "evaluation"))
        if self.n_epochs is not None:
            budgets.append(counted(self.n_epochs, "epoch"))
        costs = self.costs if self.costs is not None else benchmark.costs
        paying = f" of {' + '.join(costs)}" if self.budget_s is not None and costs != ("cost_s",) else ""
        clock = f", the clock counts {self.clock}" * (self.clock != SECONDS)
        return f"budget {' or '.join(budgets)}{paying}, {counted(self.n_workers, 'worker')}{clock}"

    def _apart(self, benchmark: Benchmark) -> str:
        said = []
        if benchmark.constraints:
            said.append(f"Incumbents keep to {benchmark.limits_in_words()}.")
        if len(benchmark.epochs) > 1 and benchmark.epochs_are == "separate trainings":
            said.append("Epochs are separate trainings, each paid in full.")
        elif self.continued == "from scratch":
            said.append("A continued training is paid from scratch.")
        if self.repeats == "served":
            said.append("An architecture asked for again is served from memory.")
        if self.overshoot == "counted":
            said.append("What runs when the budget ends is counted.")
        if self.optimizer_time == "charged":
            said.append("The optimizer's own time is charged, so records depend on the machine.")
        if self.incumbents == "any epoch":
            said.append("Evaluations at any epoch may be incumbents.")
        if self.reported is not None:
            said.append(f"Reported by {self.reported.metric} of {self.reported.dataset}{_after(self.reported.epoch)}.")
        elif self.epoch is not None and benchmark.epochs and self.epoch != benchmark.epochs[-1]:
            said.append("Reported after the last epoch.")
        return " ".join(said)


def _after(epoch: int | None) -> str:
    return "" if epoch is None else f" after {counted(epoch, 'epoch')}"


_MANY = 1_000  # seconds that are shown as a whole number of them
_NUMBERS: dict[str, Any] = {
    "budget_s": float,
    "n_evaluations": as_int,
    "n_epochs": as_int,
    "n_workers": as_int,
    "epoch": as_int,
}
_EXPECTED: dict[Any, str] = {float: "a number", as_int: "an integer"}


_DEFAULT = Rules()


def checked_rules(rules: object) -> Rules:
    """The rules that a user gave, or the default ones for None.

    Raises:
        SettingError: They are none.
    """
    if rules is None:
        return _DEFAULT
    if not isinstance(rules, Rules):
        raise SettingError(f"rules={rules!r:.80}; Rules(...) expected, or rules by their names: n_evaluations=100")
    return rules


def default_metric(benchmark: Benchmark, objective: Metric | None = None) -> str:
    """What incumbents are reported by: the test metric that belongs to an objective; without one, the objective.

    A test metric that was not recorded at the last epoch of the objective, or is better the other way round, does not
    belong to it.

    Args:
        benchmark: What is searched.
        objective: One of its objectives; the first one by default.
    """
    objective = objective or benchmark.objective_metric
    test = objective.name.replace("val_", "test_", 1) if objective.split == "val" else ""
    found = benchmark.metrics.get(test, objective)
    same_end = not (found.epochs and objective.epochs) or found.epochs[-1] == objective.epochs[-1]
    return found.name if same_end and found.direction == objective.direction else objective.name

"""What users query and simulators run on, whether the answers were recorded or are predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf, isnan
from typing import TYPE_CHECKING, Any, cast, final

from nasbench_kit.benchmark.constraint import Constraint
from nasbench_kit.benchmark.evaluation import Best, Evaluation, Evaluations
from nasbench_kit.benchmark.recorded import RecordedAnswers, RecordedAt, Revealed
from nasbench_kit.benchmark.training import Training
from nasbench_kit.errors import NotRecordedError, SettingError, check_generator, unknown
from nasbench_kit.notebook import html_table
from nasbench_kit.spaces.base import how_many
from nasbench_kit.tables import Table
from nasbench_kit.tables.schema import COST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.benchmark.predicted import PredictedAnswers, Runs
    from nasbench_kit.benchmark.results import Results
    from nasbench_kit.spaces import Arch, Space, Uniform
    from nasbench_kit.tables.metric import Metric


@final
class Benchmark:
    """One table or surrogate, one of its datasets, and what counts there.

    A surrogate answers for every architecture of its space: with the mean of its members, with one of them by `seed`,
    or with a run drawn from the noise that it predicts by `rng`.

    Args:
        results: What was recorded, or predicts it.
        dataset: Which of its datasets.
        objectives: Names of the metrics that a search optimizes, the first of which is the value of an evaluation; by
            default the one that the results name.
        costs: Names of the metrics whose sum is the cost of a training in seconds; `cost_s` by default, where recorded.
        constraints: Limits, as `Constraint` or as text: `"latency_ms[edgegpu]<=5"`.

    Raises:
        UnknownNameError: There is no such dataset or metric.
        SettingError: A metric cannot play its part, or has no direction.

    Attributes:
        name: `results/dataset`.
        space: What its architectures are.
        objectives: The metrics that a search optimizes.
        objective_metric: The first of them: name, direction, recorded seeds and epochs.
        costs: Names of the metrics whose sum is an evaluation's `cost_s`.
        constraints: The limits.
    """

    def __init__(
        self,
        results: Results,
        dataset: str,
        *,
        objectives: Sequence[str] | None = None,
        costs: Sequence[str] | None = None,
        constraints: Sequence[str | Constraint] | None = None,
    ) -> None:
        if not isinstance(getattr(results, "kind", None), str):
            raise SettingError(f"{results!r} is neither a table nor a surrogate; nbk.load opens one by its name")
        self.results, self.dataset = results, dataset
        self.name = f"{results.name}/{dataset}"
        self.space = results.space
        known = results.metrics(dataset)
        self._given = (objectives, costs, constraints)
        self.costs = ((COST,) if COST in known else ()) if costs is None else _names("costs", costs)
        self.constraints = _limits(constraints)
        names = (results.objectives[dataset],) if objectives is None else _names("objectives", objectives)
        for name in (*names, *self.costs, *(limit.metric for limit in self.constraints)):
            if name not in known:
                raise unknown(f"metric of {self.name}", name, known)
        self.objectives = tuple(known[name] for name in names)
        self._check_roles(known)
        self._answers: RecordedAnswers | PredictedAnswers
        if isinstance(results, Table):
            self._answers = RecordedAnswers(results, dataset, names[0], self.costs)
        else:
            from nasbench_kit.benchmark.predicted import PredictedAnswers

            self._answers = PredictedAnswers(cast(Any, results), dataset, names[0], self.costs)
        self.objective_metric = self._answers.objective_metric
        self._last = self._answers.at(None)

    def _check_roles(self, known: dict[str, Metric]) -> None:
        for metric in self.objectives:
            if metric.direction is None:
                raise SettingError(
                    f"{self.name}: the objective {metric.name} has no direction, so no search knows what is better;"
                    ' say direction "max" or "min" when the table is made'
                )
        own = self.results.objectives[self.dataset]
        for name in (*(metric.name for metric in self.objectives), *(limit.metric for limit in self.constraints)):
            shown = name.replace("test_", "val_", 1)
            if known[name].split == "test" and shown in known and name != own:
                raise SettingError(
                    f"{self.name}: {name} is what incumbents are reported by, which no search is told; give {shown}"
                )
        for cost in self.costs:
            if known[cost].unit != "s":
                raise SettingError(f"{self.name}: the cost {cost} is in {known[cost].unit}; a metric in s expected")

    def __repr__(self) -> str:
        n_archs = how_many(self.results.n_archs)
        return f"<Benchmark {self.name!r}: {n_archs} architectures, {', '.join(self._answers.metrics)}>"

    def _repr_html_(self) -> str:
        head = ("metric", "unit", "better", "epochs", "seeds", "")
        roles = dict.fromkeys(self.costs, "cost") | {metric.name: "objective" for metric in self.objectives}
        roles |= {limit.metric: str(limit) for limit in self.constraints}
        rows = [
            (name, metric.unit, metric.direction or "", _span(metric.epochs), _span(metric.seeds), roles.get(name, ""))
            for name, metric in self.metrics.items()
        ]
        return html_table(head, rows, above=f"{self.name}: {how_many(self.results.n_archs)} architectures")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.results, self.dataset, *self._given)

    @property
    def metrics(self) -> dict[str, Metric]:
        """What was recorded or is predicted, by name."""
        return dict(self._answers.metrics)

    @property
    def own_objectives(self) -> tuple[str, ...] | None:
        """Names of the objectives, if they are not what the results say."""
        names = tuple(metric.name for metric in self.objectives)
        return None if names == (self.results.objectives[self.dataset],) else names

    @property
    def own_costs(self) -> tuple[str, ...] | None:
        """Names of the costs, if they are not what the results say."""
        return None if self.costs == ((COST,) if COST in self.metrics else ()) else self.costs

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs at which the objective is known; empty where the results know of none."""
        return self.objective_metric.epochs

    @property
    def epochs_are(self) -> str:
        """Whether the epochs lie on "one training", which can be continued, or are "separate trainings"."""
        return self.results.epochs_are(self.dataset)

    def query(
        self,
        arch: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: Uniform | None = None,
    ) -> Evaluation:
        """What training one architecture reveals: the objective, which is a validation value, and the cost.

        Args:
            arch: The architecture, in any form that `space.parse` reads.
            epoch: Epochs trained, counted from 1; the last recorded one by default.
            seed: One recorded training run; by default the mean over all that were recorded.
            rng: Draw one of the recorded runs of this architecture instead; of a surrogate, a run from the predicted
                noise, at the expected cost.

        Raises:
            ArchitectureError: `arch` is none of this space.
            NotRecordedError: That epoch, seed or architecture was never recorded.
            SettingError: Both `seed` and `rng` are given.
        """
        at = self._last if epoch is None else self._answers.at(epoch)
        if seed is None and rng is None:
            try:
                return at.means[arch]
            except TypeError:  # lists and arrays are not hashable
                return at.means[self.space.parse(arch)]
        if rng is None:
            return at.run(arch, cast(int, seed))
        if seed is not None:
            _check_drawing(seed, rng)  # raises
        drawn: Any = at.drawn
        if drawn is None:
            drawn = at.drawn_runs()
        runs: tuple[Evaluation, ...] | Runs
        try:
            runs = drawn[arch]
        except TypeError:
            runs = drawn[self.space.parse(arch)]
        try:  # no method of a common class: its call would cost a tenth of a search on a table
            return runs[int(rng.random() * len(runs))] if isinstance(runs, tuple) else runs.draw(rng)
        except AttributeError:
            check_generator(rng)
            raise

    def revealing(self, seed: int | None, rng: Uniform | None) -> Callable[[Arch, int | None], Evaluation]:
        """`query` of tuples with `seed` and `rng` given once: for who asks very often."""
        if rng is None or self.results.kind != "table":
            return lambda arch, epoch: self.query(arch, epoch=epoch, seed=seed, rng=rng)
        random = rng.random
        known: dict[int | None, Any] = {}  # epoch -> runs that may be drawn

        def drawn(arch: Arch, epoch: int | None) -> Evaluation:
            try:
                runs = known[epoch][arch]
            except KeyError:
                known[epoch] = self._answers.at(epoch).drawn_runs()
                runs = known[epoch][arch]
            found: Evaluation = runs[int(random() * len(runs))]
            return found

        return drawn

    def revealed(self, *, epoch: int | None, seed: int | None, is_drawn: bool) -> Revealed | None:
        """All that `revealing` may reveal after one epoch, as arrays; None of a surrogate."""
        at = self._answers.at(epoch)
        return at.revealed(seed, is_drawn) if isinstance(at, RecordedAt) else None

    def objective(
        self,
        arch: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: Uniform | None = None,
    ) -> float:
        """The value of `objective_metric` alone, as `query` gives it: a plain function for any optimizer."""
        return self.query(arch, epoch=epoch, seed=seed, rng=rng).value

    def query_many(
        self,
        archs: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        missing: str = "raise",
    ) -> Evaluations:
        """`query` for a batch.

        Args:
            archs: An integer array (n_archs, n_decisions), or a sequence of what `space.parse` reads.
            epoch: As in `query`.
            seed: As in `query`.
            rng: As in `query`: one recorded run is drawn per architecture.
            missing: "raise" if a value was never recorded, or "nan" to get NaN in its place.

        Raises:
            ArchitectureError, NotRecordedError, SettingError: As `query`.
        """
        at = self._last if epoch is None else self._answers.at(epoch)
        if rng is not None:
            _check_drawing(seed, rng)
        import numpy as np

        found, cost_s, failed = at.many(archs, seed) if rng is None else at.draw_many(archs, rng)
        name = self.objective_metric.name
        self._check_missing(found if failed is None else found[failed != 1], missing, name, seed)
        return Evaluations(at.epoch, found, cost_s, np.zeros(len(found)) if failed is None else failed, name)

    def training(self, arch: object, *, seed: int | None = None, rng: Uniform | None = None) -> Training:
        """One training of one architecture, to be asked at several epochs: `training(arch, rng=rng).at(12)`.

        It is the same recorded run, or the same draw of the predicted noise, at each epoch; where `epochs_are`
        "separate trainings", each epoch is drawn anew.

        Args:
            arch: As in `query`.
            seed: As in `query`.
            rng: As in `query`.

        Raises:
            ArchitectureError, SettingError: As `query`; `at` raises what else it does.
        """
        return self.trainings(seed, rng)(self.space.parse(arch))

    def trainings(self, seed: int | None, rng: Uniform | None) -> Callable[[Arch], Training]:
        """`training` of tuples, with `seed` and `rng` given once; `at` refuses what is no architecture."""
        if rng is not None:
            _check_drawing(seed, rng)
        return lambda arch: Training(self._answers, arch, seed, rng)

    def values(
        self,
        metric: str,
        archs: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        missing: str = "raise",
    ) -> NDArray[np.float64]:
        """Any recorded metric for a batch: float64 (n_archs,).

        This is where test metrics are read; a search never is given them.

        Args:
            metric: One of `metrics`; nothing else stands in for a metric that was not recorded.
            archs: As in `query_many`.
            epoch: As in `query`.
            seed: One recorded run; by default the mean over the recorded ones.
            missing: As in `query_many`.

        Raises:
            UnknownNameError, NotRecordedError: There is no such metric, epoch or seed.
            ArchitectureError: One of `archs` is none of this space.
        """
        if not isinstance(metric, str):
            raise SettingError(f"values({metric!r:.80}, ...); the name of a metric first, then architectures, expected")
        found = self._answers.values(metric, archs, epoch, seed)
        may_fail = bool(getattr(self._answers, "failed", None))
        self._check_missing(found, missing, metric, seed, ", or its training failed," * may_fail)
        return found

    def curves(
        self, metric: str, archs: object, *, seed: int | None = None, missing: str = "raise"
    ) -> NDArray[np.float64]:
        """The values of a metric at all its epochs: float64 (n_archs, n_epochs).

        Args:
            metric: As in `values`.
            archs: As in `query_many`.
            seed: As in `values`.
            missing: As in `query_many`.

        Raises:
            UnknownNameError, NotRecordedError, ArchitectureError: As `values`.
        """
        import numpy as np

        if metric not in self._answers.metrics:
            self._answers.values(metric, [], None, None)  # raises
        epochs: tuple[int | None, ...] = self._answers.metrics[metric].epochs or (None,)
        batch = self.space.parse_many(archs)
        return np.stack(
            [self.values(metric, batch, epoch=epoch, seed=seed, missing=missing) for epoch in epochs], axis=1
        )

    def objective_values(self, arch: Arch, evaluation: Evaluation) -> tuple[float, ...]:
        """All objectives of an evaluation, as recorded: of the same training as far as they depend on one.

        On a surrogate the first is that of the run drawn; the further ones are those expected.
        """
        further = [
            self._answers.value_of(metric.name, arch, evaluation.epoch, evaluation.seeds)
            for metric in self.objectives[1:]
        ]
        return (evaluation.value, *further)

    def violations(self, arch: Arch, evaluation: Evaluation) -> tuple[float, ...]:
        """How far each constraint is exceeded, in its metric's unit; negative: how far it is kept to.

        Raises:
            NotRecordedError: The metric of a constraint was not recorded for this architecture.
        """
        found = []
        for limit in self.constraints:
            value = self._answers.value_of(limit.metric, arch, evaluation.epoch, evaluation.seeds)
            if isnan(value):
                text = self.space.format(arch)
                raise NotRecordedError(f"{self.name}: {limit.metric} of {text!r} was not recorded, so {limit} is open")
            found.append(limit.exceeded_by(value))
        return tuple(found)

    def feasible(self, archs: object) -> NDArray[np.bool_]:
        """Which architectures keep to all constraints after the last epoch: bool (n_archs,)."""
        import numpy as np

        batch = self.space.parse_many(archs)
        found = np.ones(len(batch), bool)
        for limit in self.constraints:
            found &= limit.exceeded_by_many(self.values(limit.metric, batch, missing="nan")) <= 0
        return found

    def reference_point(self) -> tuple[float, ...]:
        """The worst that was recorded of each objective after the last epoch: where hypervolume is measured from.

        It is fixed by the results, so that it is the same for all searches; of surrogates of large spaces it is the
        worst of `results.representative_archs()`.
        """
        import numpy as np

        archs = self.results.representative_archs()
        worst = []
        for metric in self.objectives:
            values = self.values(metric.name, archs, missing="nan")
            worst.append(float(np.nanmin(values) if metric.direction == "max" else np.nanmax(values)))
        return tuple(worst)

    def true_front(self) -> NDArray[np.uint8]:
        """The Pareto-optimal architectures after the last epoch, by the mean over runs: uint8 (n_optimal, n_decisions).

        Those that keep to the constraints, in order of the first objective, the best first.

        Raises:
            SettingError: Not all architectures can be looked at.
        """
        import numpy as np

        archs = self.results.representative_archs()
        if len(archs) < self.results.n_archs:
            raise SettingError(
                f"{self.name}: the front of {how_many(self.results.n_archs)} architectures is unknown; too many to look"
                " at all of them"
            )
        signed = np.stack([m.sign() * self.values(m.name, archs, missing="nan") for m in self.objectives], axis=1)
        there = ~np.isnan(signed).any(axis=1) & self.feasible(archs)
        archs, signed = archs[there], signed[there]
        order = np.lexsort(-signed.T[::-1])
        kept: list[int] = []
        front = np.empty((0, signed.shape[1]))
        for i in order.tolist():
            dominated = (front >= signed[i]).all(axis=1) & (front > signed[i]).any(axis=1)
            if not dominated.any():
                kept.append(i)
                front = np.vstack([front, signed[i]])
        return archs[kept]

    def best(self, metric: str | None = None, *, epoch: int | None = None, seed: int | None = None) -> Best:
        """The best architecture that keeps to the constraints, and its value; the first in order of rows on a tie.

        Of a surrogate whose space is too large to look at whole, it is the best one that is known (see
        `is_best_proven`), and known for the objective after the last epoch only.

        Args:
            metric: By which metric; the objective by default. Its own direction counts.
            epoch: As in `query`.
            seed: One recorded run; by default the mean over the recorded ones.

        Raises:
            UnknownNameError, NotRecordedError: There is no such metric, epoch or seed, or no best is known.
            SettingError: The metric has no better and worse.
        """
        import numpy as np

        metric = metric or self.objective_metric.name
        if self.constraints:
            archs = self.results.representative_archs()
            archs = archs[self.feasible(archs)]
            if not len(archs):
                raise NotRecordedError(f"{self.name}: no architecture is known that keeps to {self.limits_in_words()}")
        else:
            archs = self._answers.candidates(metric, epoch, seed)
        values = self.values(metric, archs, epoch=epoch, seed=seed, missing="nan")
        found = self._answers.metrics[metric]
        if found.direction is None:
            raise SettingError(f"{metric} of {self.name} has no direction, so no best")
        if np.isnan(values).all():
            raise NotRecordedError(f"{self.name}: {metric} was not recorded for any architecture, so there is no best")
        row = int(np.nanargmax(values * found.sign()))
        return Best(tuple(archs[row].tolist()), float(values[row]))

    def is_best_proven(self, metric: str | None = None, *, epoch: int | None = None, seed: int | None = None) -> bool:
        """Whether `best` is the best of all, as in every table; False where it is the best of those looked at.

        Args:
            metric: As in `best`.
            epoch: As in `best`.
            seed: As in `best`.
        """
        if self.constraints:
            return len(self.results.representative_archs()) == self.results.n_archs
        return self._answers.is_proven(metric or self.objective_metric.name, epoch, seed)

    def limits_in_words(self) -> str:
        """The constraints, for captions and errors: `params_m<=0.5 and flops_m<=10`."""
        return " and ".join(map(str, self.constraints))

    def search_space(
        self, *, epoch: int | None = None, seed: int | None = None, epochs: Sequence[int] | None = None
    ) -> Space:
        """What an optimizer may propose: the whole space where all of it was recorded, else what was.

        Args:
            epoch: The objective, and its cost where the table has one, must have been recorded after this epoch, be it
                as failed; the further objectives and the constraints as well.
            seed: They must have been recorded in this training run; by default in any.
            epochs: Several epochs instead of one.

        Raises:
            NotRecordedError: The epoch or seed was never recorded.
        """
        further = [metric.name for metric in self.objectives[1:]] + [limit.metric for limit in self.constraints]
        return self._answers.search_space(tuple(epochs or (epoch,)), seed, further)

    def with_costs(self, costs: Sequence[str]) -> Benchmark:
        """The same benchmark with other costs."""
        objectives, _, constraints = self._given
        return Benchmark(self.results, self.dataset, objectives=objectives, costs=costs, constraints=constraints)

    def check_costs(self) -> None:
        """Refuse costs that cannot advance a clock: 0 or below, or not growing with the epoch on one training.

        Raises:
            DataError: Some cost is such.
        """
        self._answers.check_costs()

    def run_in_words(self, run: str | int = "drawn") -> str:
        """What an evaluation reveals, for captions: `one recorded training run, drawn per training`.

        Args:
            run: "drawn", "mean", or the number of a run or member.
        """
        return self._answers.run_in_words(run)

    def check_recorded(self, *, epoch: int | None = None, seed: int | None = None) -> None:
        """Refuse an epoch or seed for which the objective was never recorded.

        Raises:
            NotRecordedError: It was not.
        """
        self._answers.check_recorded(epoch, seed)

    def _check_missing(
        self, found: NDArray[np.float64], missing: str, metric: str, seed: int | None, or_failed: str = ""
    ) -> None:
        import numpy as np

        if missing not in ("raise", "nan"):
            raise SettingError(f"missing={missing!r}; choose from 'raise', 'nan'")
        if missing == "raise" and np.isnan(found.min(initial=inf)):  # the minimum is NaN if any value is
            absent = np.isnan(found)
            what = metric if seed is None else f"{metric} of seed {seed}"
            raise NotRecordedError(
                f"{self.name}: {what} was not recorded{or_failed} for {absent.sum():,} of these {len(found):,}"
                " architectures; missing='nan' returns NaN for them"
            )


def _check_drawing(seed: int | None, rng: object) -> None:
    """Refuse to draw a run that is named too, or by what is no generator.

    Raises:
        SettingError: It is so.
    """
    if seed is not None:
        raise SettingError("seed and rng exclude each other; give seed to choose a run, rng to draw one")
    check_generator(rng)


def _limits(constraints: Any) -> tuple[Constraint, ...]:
    """Any number of constraints.

    Raises:
        SettingError: They are no list of such.
    """
    if isinstance(constraints, str | Constraint) or not isinstance(constraints or (), Iterable):
        raise SettingError(f"constraints={constraints!r:.80}; a list of them expected")
    return tuple(map(Constraint.of, constraints or ()))


def _names(role: str, names: Any) -> tuple[str, ...]:
    """Several different names.

    Raises:
        SettingError: It is one text, which Python takes for a sequence of letters; or none, or one twice.
    """
    given = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (None,)
    all_names = all(isinstance(name, str) for name in given)
    if not all_names or len(set(given)) != len(given) or not (given or role == "costs"):
        raise SettingError(f"{role}={names!r:.120}; a list of different names of metrics expected")
    return given


def _span(numbers: Sequence[int]) -> str:
    return "" if not numbers else str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _again(results: Results, dataset: str, objectives: Any, costs: Any, constraints: Any) -> Benchmark:
    return Benchmark(results, dataset, objectives=objectives, costs=costs, constraints=constraints)

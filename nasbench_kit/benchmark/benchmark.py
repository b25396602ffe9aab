"""What users query and simulators run on, whether the answers were recorded or are predicted."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, cast, final

from nasbench_kit.benchmark.evaluation import Best, Evaluation, Evaluations, named_as
from nasbench_kit.benchmark.recorded import RecordedAnswers
from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.spaces.base import how_many
from nasbench_kit.tables import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.benchmark.predicted import PredictedAnswers, Runs
    from nasbench_kit.spaces import Space, Uniform
    from nasbench_kit.surrogates import Surrogate
    from nasbench_kit.tables.metric import Metric


@final
class Benchmark:
    """Query a table or a surrogate on one of its datasets.

    A surrogate answers for every architecture of its space: with the mean of its members, with one of them by `seed`,
    or with a run drawn from the noise that it predicts by `rng`.

    Args:
        results: What was recorded, or predicts it.
        dataset: Which of its datasets.

    Raises:
        UnknownNameError: There is no such dataset.

    Attributes:
        name: `results/dataset`.
        space: What its architectures are.
        objective_metric: What a search optimizes: name, direction, recorded seeds and epochs.
    """

    def __init__(self, results: Table | Surrogate, dataset: str) -> None:
        self.results = results
        self.dataset = dataset
        self.name = f"{results.name}/{dataset}"
        self.space = results.space
        self._answers: RecordedAnswers | PredictedAnswers
        if isinstance(results, Table):
            self._answers = RecordedAnswers(results, dataset)
        else:
            from nasbench_kit.benchmark.predicted import PredictedAnswers

            self._answers = PredictedAnswers(results, dataset)
        self.objective_metric = self._answers.objective_metric
        self._evaluations = named_as(Evaluations, self.objective_metric.name)
        self._last = self._answers.at(None)

    def __repr__(self) -> str:
        n_archs = how_many(self.results.n_archs)
        return f"<Benchmark {self.name!r}: {n_archs} architectures, {', '.join(self._answers.metrics)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Benchmark, (self.results, self.dataset)

    @property
    def metrics(self) -> dict[str, Metric]:
        """What was recorded or is predicted, by name."""
        return dict(self._answers.metrics)

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
            raise SettingError("seed and rng exclude each other; give seed to choose a run, rng to draw one")
        runs: tuple[Evaluation, ...] | Runs
        try:
            runs = at.runs[arch]
        except TypeError:
            runs = at.runs[self.space.parse(arch)]
        # no method of a common class: its call would cost a tenth of a search on a table
        return runs[int(rng.random() * len(runs))] if isinstance(runs, tuple) else runs.draw(rng)

    def objective(
        self,
        arch: object,
        *,
        epoch: int | None = None,
        seed: int | None = None,
        rng: Uniform | None = None,
    ) -> float:
        """The value of `objective_metric` alone, as `query` gives it: a plain function for any optimizer."""
        return self.query(arch, epoch=epoch, seed=seed, rng=rng)[1]

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
        if seed is not None and rng is not None:
            raise SettingError("seed and rng exclude each other; give seed to choose a run, rng to draw one")
        found, cost_s = at.many(archs, seed) if rng is None else at.draw_many(archs, rng)
        self._check_missing(found, missing, self.objective_metric.name, seed)
        return cast(Evaluations, self._evaluations(at.epoch, found, cost_s))

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
        found = self._answers.values(metric, archs, epoch, seed)
        self._check_missing(found, missing, metric, seed)
        return found

    def best(self, metric: str | None = None, *, epoch: int | None = None, seed: int | None = None) -> Best:
        """The best architecture of the whole table and its value; the first in order of rows on a tie.

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
        return self._answers.is_proven(metric or self.objective_metric.name, epoch, seed)

    def search_space(self, *, epoch: int | None = None, seed: int | None = None) -> Space:
        """What an optimizer may propose: the whole space where all of it was recorded, else what was.

        Args:
            epoch: The objective, and its cost where the table has one, must have been recorded after this epoch.
            seed: They must have been recorded in this training run; by default in any.

        Raises:
            NotRecordedError: The epoch or seed was never recorded.
        """
        return self._answers.search_space(epoch, seed)

    def check_recorded(self, *, epoch: int | None = None, seed: int | None = None) -> None:
        """Refuse an epoch or seed for which the objective was never recorded.

        Raises:
            NotRecordedError: It was not.
        """
        self._answers.check_recorded(epoch, seed)

    def _check_missing(self, found: NDArray[np.float64], missing: str, metric: str, seed: int | None) -> None:
        import numpy as np

        if missing not in ("raise", "nan"):
            raise SettingError(f"missing={missing!r}; choose from 'raise', 'nan'")
        if missing == "raise" and np.isnan(found.min(initial=inf)):  # the minimum is NaN if any value is
            absent = np.isnan(found)
            what = metric if seed is None else f"{metric} of seed {seed}"
            raise NotRecordedError(
                f"{self.name}: {what} was not recorded for {absent.sum():,} of these {len(found):,} architectures;"
                " missing='nan' returns NaN for them"
            )

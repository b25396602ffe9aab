"""Is a surrogate a better benchmark than the table it was fitted to?

A table of single runs is off by the noise of training. A surrogate fitted to some of these runs averages noise away,
but errs where it generalizes. Both are compared with what neither has seen: the mean of the other runs.

Source: Siems et al. 2020, Surrogate NAS Benchmarks, https://arxiv.org/abs/2008.09777, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import NotRecordedError, SettingError
from nasbench_kit.predictors import Data, model_class
from nasbench_kit.predictors.agreement import Agreement, agreement
from nasbench_kit.predictors.splits import fold, position
from nasbench_kit.surrogates.fitting.training_data import choose_transform, read_runs
from nasbench_kit.surrogates.targets import backward, forward
from nasbench_kit.tables import Table

_FOLDS = 10  # one of which stops the training
_FEWEST_TRAINED = 20


class AgainstOneSeed(NamedTuple):
    """How a surrogate fitted to single runs, and these runs themselves, agree with the mean of the other runs."""

    share: float  #: of all architectures that the surrogate has learned from
    n_train: int
    surrogate: Agreement  #: on the held-out architectures
    table: Agreement  #: on the same


def against_one_seed(
    table: Table,
    dataset: str,
    *,
    seed: int,
    shares: Sequence[float],
    test_share: float = 0.2,
    leave_out: NDArray[np.bool_] | None = None,
    model: str = "lightgbm",
    settings: Mapping[str, Any] | None = None,
) -> list[AgainstOneSeed]:
    """Compare a surrogate of one training run per architecture with the table of these runs.

    Everything is judged on the architectures that are held out, of which the surrogate has seen nothing, by the
    mean of their other runs after the last epoch. The split is by hash (`nasbench_kit.predictors.splits`), so
    isomorphic architectures are never on both sides, and what a smaller share learns from, a larger one does too.

    Args:
        table: One that recorded several runs.
        dataset: One of its datasets.
        seed: The run that the surrogate learns from, and that the table consists of.
        shares: Of all architectures, to learn from; at most `1 - test_share`.
        test_share: Held out.
        leave_out: (n_archs,), in the order of the table's rows: what is neither learned from nor judged.
        model: One of `nasbench_kit.predictors.MODELS`.
        settings: Other values for some of its settings.

    Raises:
        NotRecordedError: There are no other runs than that one, or it does not exist.
        SettingError: A share is out of range.
    """
    if not 0 < test_share < 1 or not all(0 < share <= 1 - test_share + 1e-9 for share in shares):
        raise SettingError(
            f"shares={list(shares)}, test_share={test_share}; above 0, and together at most 1 expected: what is held"
            " out is not learned from"
        )
    (runs,) = read_runs(table, [dataset], [])
    runs = runs._replace(values=runs.values[..., -1:], metric=runs.metric._replace(epochs=runs.metric.epochs[-1:]))
    if seed not in runs.metric.seeds or len(runs.metric.seeds) < 2:
        raise NotRecordedError(
            f"{table.name}/{dataset}: seed {seed} and others needed; {runs.metric.name} was recorded for"
            f" {runs.metric.seeds or 'no more than one run'}"
        )
    chosen = runs.metric.seeds.index(seed)
    one = runs.values[chosen, :, 0]
    others = np.delete(runs.values[:, :, 0], chosen, axis=0)
    n_others = (~np.isnan(others)).sum(axis=0)
    truth = np.divide(np.nansum(others, axis=0), n_others, out=np.full(len(one), np.nan), where=n_others > 0)

    transform = choose_transform(runs.metric, runs.values)
    archs = table.archs()
    place = position(table.space, archs)
    there = ~np.isnan(one) & (True if leave_out is None else ~leave_out)
    test = (place < test_share) & there & ~np.isnan(truth)
    of_table = agreement(truth[test], one[test], unit=runs.metric.unit)
    found = []
    for share in sorted(shares):
        rows = np.flatnonzero((place >= 1 - share) & there)
        if len(rows) < _FEWEST_TRAINED:
            raise SettingError(
                f"a share of {share:g} are {len(rows)} architectures to learn from; at least {_FEWEST_TRAINED} expected"
            )
        predicted = _predicted(table, archs, rows, one[rows], test, transform, model, settings)
        of_surrogate = agreement(truth[test], predicted, unit=runs.metric.unit)
        found.append(AgainstOneSeed(share, len(rows), of_surrogate, of_table))
    return found


def _predicted(
    table: Table,
    archs: NDArray[np.uint8],
    rows: NDArray[np.intp],
    values: NDArray[np.float64],
    test: NDArray[np.bool_],
    transform: str,
    model: str,
    settings: Mapping[str, Any] | None,
) -> NDArray[np.float64]:
    """What one model, fitted to one value per architecture, expects of those that are held out."""
    z = forward(transform, values)
    center, scale = z.mean(), z.std() or 1.0
    outputs = ((z - center) / scale)[:, None]
    stops = fold(table.space, archs[rows], _FOLDS) == 0
    made = model_class(model)(table.space, settings or {})
    made.fit(Data(archs[rows][~stops], outputs[~stops]), Data(archs[rows][stops], outputs[stops]), seed=0)
    return backward(transform, made.predict(archs[test])[:, 0] * scale + center)

"""What `Table.create` is given: values and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.errors import SettingError
from nasbench_kit.tables.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


ONE_TRAINING = "one training"
"""The epochs of a dataset lie on one training: a run goes on from epoch to epoch; continuing pays the difference."""

SEPARATE_TRAININGS = "separate trainings"
"""Each epoch of a dataset is the end of a training of its own, with a schedule of its own, paid in full."""

RECORDED_RUNS, MEANS, PREDICTED = "recorded runs", "means", "predicted"  # what the values of an objective are


class Stored(NamedTuple):
    """A metric given by an array.

    `raw[i, j, k]` belongs to `metric.seeds[i]`, `metric.epochs[j]` and the k-th architecture; an axis without seeds or
    epochs has length 1. Its value is `raw * scale[0] / scale[1]`. The same array given for several metrics is stored
    once.
    """

    metric: Metric
    raw: NDArray[Any]
    scale: tuple[int, int] = (1, 1)
    missing: int | None = None  #: the integer that stands for "not recorded"; floats use NaN


class Additive(NamedTuple):
    """A metric given by a sum over decisions: `(intercept + sum of weights[choice]) * scale[0] / scale[1]`."""

    metric: Metric
    intercept: int
    weights: Mapping[str, int]
    scale: tuple[int, int] = (1, 1)


class DatasetSpec(NamedTuple):
    """What was recorded on one dataset, and which metric a search on it optimizes."""

    metrics: Sequence[Stored | Additive]
    objective: str = "val_accuracy"
    epochs_are: str = ONE_TRAINING  #: or `SEPARATE_TRAININGS`
    failed: str | None = None  #: the metric of unit "failed" that is 1 where a run failed, and so has no objective
    values_are: str | None = None  #: `PREDICTED` if nobody trained; None: recorded runs, or means if there are no seeds


def checked_about(about: object) -> dict[str, Any]:
    """What is to be recorded beside the values, as a dictionary of its own.

    Raises:
        SettingError: It is no mapping.
    """
    if about is not None and not isinstance(about, Mapping):
        raise SettingError(f"about={about!r:.80}; a mapping expected, with title, licence, sources and the like")
    return dict(about or {})

"""What a benchmark answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch


class Evaluation(NamedTuple):
    """What training one architecture up to `epoch` reveals.

    `value` can also be read by the name of its metric, `evaluation.val_accuracy`; no other name stands in for it.
    """

    epoch: int | None  #: epochs trained, counted from 1; None where the results know of none
    value: float  #: the objective `metric`, mean over those of `seeds` that did not fail; NaN where all did
    cost_s: float  #: simulated seconds to train from scratch, up to and including `epoch`; NaN if never recorded
    seeds: tuple[int, ...]  #: the recorded runs that the value averages; empty where the results know of none
    failed: float = 0.0  #: share of these runs that failed
    metric: str = "val_accuracy"  #: what `value` is; a metric's name carries split and unit

    def __getattr__(self, name: str) -> Any:
        return _by_metric(self, name)

    def __repr__(self) -> str:
        return _shown(self)


class Evaluations(NamedTuple):
    """What training each architecture of a batch up to `epoch` reveals; read `value` by the metric's name as well."""

    epoch: int | None  #: epochs trained, counted from 1
    value: NDArray[np.float64]  #: the objective `metric`, shape (n_archs,)
    cost_s: NDArray[np.float64]  #: simulated seconds from scratch, shape (n_archs,)
    failed: NDArray[np.float64]  #: share of the runs that failed, shape (n_archs,)
    metric: str = "val_accuracy"  #: what `value` is

    def __getattr__(self, name: str) -> Any:
        return _by_metric(self, name)

    def __repr__(self) -> str:
        return _shown(self)


class Best(NamedTuple):
    """The best architecture of a benchmark, by one metric."""

    arch: Arch
    value: float


def _by_metric(answer: Evaluation | Evaluations, name: str) -> Any:
    if name == answer.metric:
        return answer.value
    raise AttributeError(f"{type(answer).__name__} has no {name!r}; its value is {answer.metric}")


def _shown(answer: Evaluation | Evaluations) -> str:
    """`Evaluation(epoch=200, val_accuracy=0.9, ...)`: the value by its name, and failures where there are any."""
    fields = answer._asdict()
    metric = fields.pop("metric")
    fields = {metric if name == "value" else name: value for name, value in fields.items()}
    if isinstance(answer, Evaluation) and not answer.failed:
        del fields["failed"]
    return f"{type(answer).__name__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"

"""What a benchmark answers."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch


class Evaluation(NamedTuple):
    """What training one architecture up to `epoch` reveals.

    On a benchmark with another objective than `val_accuracy`, the second field is that objective and has its name
    (`latency_ms_pixel3` for `latency_ms[pixel3]`).
    """

    epoch: int | None  #: epochs trained, counted from 1; None where the table knows of none
    val_accuracy: float  #: fraction in [0, 1], mean over `seeds`
    cost_s: float  #: simulated seconds to train from scratch, up to and including `epoch`; NaN if never recorded
    seeds: tuple[int, ...]  #: the recorded runs that the value averages; empty where the table knows of none


class Evaluations(NamedTuple):
    """What training each architecture of a batch up to `epoch` reveals; the second field is named as the objective."""

    epoch: int | None  #: epochs trained, counted from 1
    val_accuracy: NDArray[np.float64]  #: fraction in [0, 1], shape (n_archs,)
    cost_s: NDArray[np.float64]  #: simulated seconds from scratch, shape (n_archs,)


class Best(NamedTuple):
    """The best architecture of a benchmark, by one metric."""

    arch: Arch
    value: float


@cache
def named_as(kind: Any, objective: str) -> Any:
    """`kind` with its second field named as the objective, where that is another one; `_` for what no name can hold."""
    if objective == kind._fields[1]:
        return kind
    named = "".join(letter if letter.isalnum() else "_" for letter in objective).strip("_")
    fields = (kind._fields[0], named, *kind._fields[2:])
    made: Any = namedtuple(kind.__name__, fields, rename=True)  # type: ignore[misc]
    # pickle finds no class by that name: it is made again where the answer is read
    made.__reduce__ = lambda self: (_remake, (kind, objective, tuple(self)))  # type: ignore[arg-type, method-assign]
    return made


def _remake(kind: Any, objective: str, values: tuple[Any, ...]) -> Any:
    return named_as(kind, objective)._make(values)

"""What one run leaves behind: its evaluations as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Evaluation
    from nasbench_kit.optimizers import Trial

NO_SEED = -1  # in `Records.seed`: the value is a mean over seeds, or does not depend on one
NO_EPOCH = -1


class Records(NamedTuple):
    """One run: its evaluations in the order in which they finished, as arrays of length n_evaluations.

    All but `optimizer_s` are determined by benchmark, optimizer, settings, rules and seed, unless the rules charge the
    optimizer's time.
    """

    archs: NDArray[np.uint8]  #: (n_evaluations, n_decisions)
    trial: NDArray[np.int32]  #: number of the training, rising with their beginning; its evaluations share it
    epoch: NDArray[np.int32]  #: epochs trained; -1 where the results know of none
    seed: NDArray[np.int64]  #: the recorded training run; -1 for a mean over several, or a predicted run
    value: NDArray[np.float64]  #: the first objective as recorded; NaN where the training failed
    values: NDArray[np.float64]  #: (n_evaluations, n_objectives), all objectives as recorded
    violation: NDArray[np.float64]  #: how far the constraints are exceeded, in sum; 0 where it is feasible
    failed: NDArray[np.bool_]  #: whether the training failed
    cost_s: NDArray[np.float64]  #: what was paid for this evaluation: of a continued training, the difference
    started_s: NDArray[np.float64]  #: when it began on the clock
    finished_s: NDArray[np.float64]  #: when it was done: simulated seconds, or what else the clock counts
    worker: NDArray[np.int32]  #: the simulated worker that did it
    optimizer_s: NDArray[np.float64]  #: real seconds that `ask` and `tell` took for it


BLOCK = 1 << 12  # evaluations held as objects, which take several times the memory of arrays


class Done(NamedTuple):
    """A trial that began on a worker. Those that end first, then those that began first, come first."""

    finished_s: float
    n_begun: int
    worker: int
    trial: Trial
    arch: tuple[int, ...]
    number: int  #: of the training
    evaluation: Evaluation
    paid_s: float
    started_s: float
    asked_s: float  #: real seconds that `ask` took


@final
class RecordsBuilder:
    """Records while they grow. A simulation appends to the lists, and calls `pack` at the latest after every `BLOCK`.

    Attributes:
        done: What finished, each as `Done` or a tuple like it.
        told_s: Real seconds that `tell` took for each.
        further: All objectives as recorded and the violation of each, where one objective is not all.
    """

    def __init__(self, n_decisions: int, n_objectives: int) -> None:
        self._n_decisions, self._n_objectives = n_decisions, n_objectives
        self.done: list[tuple[Any, ...]] = []
        self.told_s: list[float] = []
        self.further: list[tuple[tuple[float, ...], float]] = []
        self._packed: list[Records] = []

    def build(self) -> Records:
        """All of it."""
        self.pack()
        return Records(*map(np.concatenate, zip(*self._packed, strict=True)))

    def pack(self) -> None:
        """Make arrays of what is in the lists, and empty them."""
        n = len(self.done)
        done = Done(*zip(*self.done, strict=True)) if n else Done(*[()] * len(Done._fields))
        epochs, value, _, seeds, failed, _ = zip(*done.evaluation, strict=True) if n else [()] * 6
        values, violation = _column(value), np.zeros(n)
        if self.further:
            every, exceeded = zip(*self.further, strict=True)
            values, violation = np.array(every), _column(exceeded)
        self._packed.append(
            Records(
                archs=np.frombuffer(bytearray(b"".join(map(bytes, done.arch))), np.uint8).reshape(
                    -1, self._n_decisions
                ),
                trial=_column(done.number, np.int32),
                epoch=_each(epochs, lambda epoch: NO_EPOCH if epoch is None else epoch, np.int32),
                seed=_each(seeds, lambda runs: runs[0] if len(runs) == 1 else NO_SEED, np.int64),
                value=_column(value),
                values=values.reshape(-1, self._n_objectives),
                violation=violation,
                failed=_each(failed, lambda share: share == 1, np.bool_),
                cost_s=_column(done.paid_s),
                started_s=_column(done.started_s),
                finished_s=_column(done.finished_s),
                worker=_column(done.worker, np.int32),
                optimizer_s=_column(done.asked_s) + _column(self.told_s),
            )
        )
        for column in (self.done, self.told_s, self.further):
            column.clear()


def _column(numbers: Any, kind: Any = np.float64) -> NDArray[Any]:
    return np.fromiter(numbers, kind, len(numbers))


def _each(found: Sequence[Any], number_of: Callable[[Any], float], kind: Any) -> NDArray[Any]:
    """A number for each of many, of which few are different."""
    numbers = {one: number_of(one) for one in set(found)}
    return np.fromiter(map(numbers.__getitem__, found), kind, len(found))

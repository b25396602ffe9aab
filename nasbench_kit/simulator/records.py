"""What one run leaves behind: its evaluations as columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from nasbench_kit.errors import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Evaluation


NO_SEED = -1  # in `Records.seed`: the value is a mean over seeds, or does not depend on one
NO_EPOCH = -1  # in `Records.epoch`: there are none


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
    optimizer_s: NDArray[np.float64]  #: real seconds that `ask` and `tell` took for it; in lock-step, their mean

    def __repr__(self) -> str:
        n, n_failed = len(self.value), int(self.failed.sum())
        failed = f", {n_failed:,} of them failed" * (n_failed > 0)
        end = f", the last finished at {self.finished_s[-1]:g}" * (n > 0)
        return f"<Records of {counted(n, 'evaluation')}{failed}{end}>"


DTYPES: dict[str, Any] = dict.fromkeys(Records._fields, np.float64)
DTYPES |= {"archs": np.uint8, "seed": np.int64, "failed": np.bool_}
DTYPES |= dict.fromkeys(("trial", "epoch", "worker"), np.int32)
"""Column -> its type."""

BLOCK = 1 << 12  # evaluations held as objects, which take several times the memory of arrays


@final
class RecordsBuilder:
    """Records while they grow. A simulation appends to the lists, and calls `pack` at the latest after every `BLOCK`.

    Attributes:
        archs: What was evaluated.
        evaluations: What was revealed.
        numbers: Of the trainings.
        workers: Who did it; may stay empty where there is one worker that never waits.
        paid_s: What it cost.
        started_s: When it began; likewise.
        finished_s: When it was done.
        spent_s: Real seconds of the optimizer.
        further: All objectives as recorded and the violation, where one objective is not all.
    """

    def __init__(self, n_decisions: int, n_objectives: int) -> None:
        self._n_decisions, self._n_objectives = n_decisions, n_objectives
        self.archs: list[tuple[int, ...]] = []
        self.evaluations: list[Evaluation] = []
        self.numbers: list[int] = []
        self.workers: list[int] = []
        self.paid_s: list[float] = []
        self.started_s: list[float] = []
        self.finished_s: list[float] = []
        self.spent_s: list[float] = []
        self.further: list[tuple[tuple[float, ...], float]] = []
        self._packed: list[Records] = []

    def build(self) -> Records:
        """All of it."""
        self.pack()
        if len(self._packed) == 1:
            return self._packed[0]
        shapes = {"archs": (self._n_decisions,), "values": (self._n_objectives,)}
        none = [np.zeros((0, *shapes.get(name, ())), kind) for name, kind in DTYPES.items()]
        return Records(*map(np.concatenate, zip(none, *self._packed, strict=True)))

    def pack(self) -> None:
        """Make arrays of what is in the lists, and empty them."""
        if not self.evaluations:
            return
        self._packed.append(self._arrays())
        numbers: list[list[Any]] = [self.numbers, self.workers, self.paid_s, self.started_s, self.finished_s]
        for column in (*numbers, self.archs, self.evaluations, self.spent_s, self.further):
            column.clear()

    def _arrays(self) -> Records:
        epochs, value, _, seeds, failed, _ = zip(*self.evaluations, strict=True)
        n, several = len(value), bool(self.further)
        first = _column(value)
        values, violations = zip(*self.further, strict=True) if several else (first, ())
        before_s = self._packed[-1].finished_s[-1].item() if self._packed else 0.0
        one_epoch = epochs.count(epochs[0]) == n
        return Records(
            archs=np.fromiter(chain.from_iterable(self.archs), np.uint8, n * self._n_decisions).reshape(n, -1),
            trial=_column(self.numbers, np.int32),
            epoch=np.full(n, _epoch(epochs[0]), np.int32) if one_epoch else _column([*map(_epoch, epochs)], np.int32),
            seed=_column([runs[0] if len(runs) == 1 else NO_SEED for runs in seeds], np.int64),
            value=first,
            values=np.asarray(values).reshape(n, self._n_objectives),
            violation=_column(violations) if several else np.zeros(n),
            failed=np.array(failed) == 1 if any(failed) else np.zeros(n, bool),
            cost_s=_column(self.paid_s),
            started_s=_column(self.started_s or [before_s, *self.finished_s[:-1]]),
            finished_s=_column(self.finished_s),
            worker=_column(self.workers or [0] * n, np.int32),
            optimizer_s=_column(self.spent_s),
        )


def _column(numbers: Sequence[float], kind: Any = np.float64) -> NDArray[Any]:
    return np.fromiter(numbers, kind, len(numbers))


def _epoch(epoch: int | None) -> int:
    return NO_EPOCH if epoch is None else epoch

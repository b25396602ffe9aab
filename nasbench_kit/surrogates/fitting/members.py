"""Members are fitted one by one, each in a process of its own if wanted; what is finished is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.jobs import Workshop, run
from nasbench_kit.predictors import Data, model_class
from nasbench_kit.spaces import Space

OUT_OF_FOLD = "out_of_fold.npy"
SECONDS = "seconds.txt"  # that fitting the member took


class Member(NamedTuple):
    """One member to fit; any process can be given it."""

    number: int
    space: Space
    model: str
    settings: dict[str, Any]
    archs: NDArray[np.uint8]
    outputs: NDArray[np.float64]
    validates: NDArray[np.bool_]  #: which of the architectures it stops by; it learns from the others
    seed: int
    shop: Workshop  #: keeps its files

    @property
    def step(self) -> str:
        """Say where in the shop its files lie."""
        return f"members/{self.number}"

    @property
    def folder(self) -> Path:
        """Return the folder of its files."""
        return self.shop.folder / self.step

    def data(self) -> tuple[Data, Data]:
        """Return what it learns from, and what it stops by: those architectures of which anything is known."""
        known = ~np.isnan(self.outputs).all(axis=1)
        learns, stops = known & ~self.validates, known & self.validates
        return Data(self.archs[learns], self.outputs[learns]), Data(self.archs[stops], self.outputs[stops])


def fit_members(members: Sequence[Member], n_processes: int, progress: Callable[[float], None]) -> None:
    """Fit those members that are not yet, so many at a time; 1 is this process. A `WorkerError` says that one died.

    `progress` is told how many are done; in this process, parts count.
    """
    waiting = [member for member in members if member.shop.made(member.step) is None]
    n_done = len(members) - len(waiting)
    progress(n_done)
    tell = None if min(n_processes, len(waiting)) > 1 else lambda share: progress(n_done + share)
    for _ in run(partial(fit_member, progress=tell), waiting, n_processes):
        n_done += 1
        progress(n_done)


def fit_member(member: Member, progress: Callable[[float], None] | None = None) -> None:
    """Fit one member; write its files and what it predicts for the architectures that it did not learn from."""
    started = time.perf_counter()
    model = model_class(member.model)(member.space, member.settings)
    model.fit(*member.data(), seed=member.seed, progress=lambda done, of: progress(done / of) if progress else None)
    predicted = model.predict(member.archs[member.validates])
    with member.shop.making(member.step) as folder:
        model.save(folder)
        np.save(folder / OUT_OF_FOLD, predicted)
        (folder / SECONDS).write_text(f"{time.perf_counter() - started:.3f}")


def out_of_fold(members: Sequence[Member]) -> NDArray[np.float64]:
    """Average what members that had not seen an architecture predict for it; NaN where all had."""
    shape = members[0].outputs.shape
    total, n_members = np.zeros(shape), np.zeros((shape[0], 1))
    for member in members:
        total[member.validates] += np.load(member.folder / OUT_OF_FOLD)
        n_members[member.validates] += 1
    return np.divide(total, n_members, out=np.full(shape, np.nan), where=n_members > 0)

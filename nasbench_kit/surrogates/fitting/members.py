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
from nasbench_kit.spaces import space_from

OUT_OF_FOLD = "out_of_fold.npy"
SECONDS = "seconds.txt"  # that fitting the member took


class Member(NamedTuple):
    """One member to fit. Numpy arrays, texts and numbers: any process can be given it."""

    number: int
    space: Any  #: as `describe_space` describes it
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


def known_of(archs: NDArray[np.uint8], outputs: NDArray[np.float64]) -> Data:
    """Take those architectures of which anything is known."""
    there = ~np.isnan(outputs).all(axis=1)
    return Data(archs[there], outputs[there])


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
    model = model_class(member.model)(space_from(member.space), member.settings)
    archs, outputs = member.archs, member.outputs
    learns, stops = (known_of(archs[which], outputs[which]) for which in (~member.validates, member.validates))
    model.fit(learns, stops, seed=member.seed, progress=lambda done, of: progress(done / of) if progress else None)
    predicted = model.predict(archs[member.validates])
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

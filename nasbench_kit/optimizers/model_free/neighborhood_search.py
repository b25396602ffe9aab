"""Neighborhood-aware search, Wang et al. 2021, https://arxiv.org/abs/2105.06369: the random search, and a local one."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum, inf
from statistics import median
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

KINDS = ("random", "local")
AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda values: fsum(values) / len(values),
    "median": median,
    "worst": min,
}
_TRIES = 100  # samples before one that was asked for already is accepted


@final
class NeighborhoodSearch:
    """Look for an architecture whose neighbors are good too: its value is that of some of them and its own.

    What this search recommends is the center of the best neighborhood, `recommended`. Records, incumbents and reports
    do not know of it: as of every search, they follow the best single architecture that was told, which this one does
    not look for. So its figures say what it came across, not what it would have chosen.

    What was told once is not asked for again, unless random samples find nothing else. With several workers, a local
    search asks for nothing while the outcomes that decide its next move are awaited.

    Args:
        task: What to search.
        rng: Source of all randomness.
        kind: "random" looks at random neighborhoods, as the paper's NA-RS; "local" moves to the first neighbor whose
            neighborhood is better, in random order, and starts anew at random where none is.
        n_neighbors: Neighbors of a center, one decision away, that are drawn for its neighborhood.
        aggregate: What a neighborhood is worth: the "mean", "median" or "worst" of its values, the center's among them.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        kind: str = "random",
        n_neighbors: int = 10,
        aggregate: str = "mean",
    ) -> None:
        check_start(task, rng)
        check_at_least(0, n_neighbors=n_neighbors)
        if kind not in KINDS:
            raise unknown("kind of neighborhood search", kind, KINDS)
        if aggregate not in list(AGGREGATES):
            raise unknown("aggregate", aggregate, AGGREGATES)
        self._space, self._rng = task.space, rng
        self._climbs, self._n_neighbors, self._aggregate = kind == "local", n_neighbors, AGGREGATES[aggregate]
        self._told: dict[Arch, float] = {}
        self._asked: set[Arch] = set()
        self._queue: list[Arch] = []  # to be asked for, the next one last
        self._members: dict[Arch, list[Arch]] = {}  # center -> its neighborhood
        self._open: list[Arch] = []  # centers whose neighborhoods are not told yet
        self._center_value = -inf  # of the center that is climbed from
        self._candidates: list[Arch] | None = None  # neighbors of that center that may be the next one; None: no center
        self._best_value = -inf
        self.recommended: Arch | None = None  #: the center of the best neighborhood that was told whole

    def ask(self) -> Trial | None:
        """A center, its neighbors, then the next center."""
        while not self._queue:
            if self._climbs and self._open:
                return None
            self._look_at(self._candidates.pop() if self._candidates else self._start())
        arch = self._queue.pop()
        self._asked.add(arch)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Remember the value; judge the neighborhoods that are complete by now."""
        self._told[trial.arch] = outcome.value
        self._judge()

    def _start(self) -> Arch:
        """A random center, which is asked for in any case."""
        self._candidates = None
        for _ in range(_TRIES):
            arch = self._space.sample(self._rng)
            if not self._is_known(arch):
                break
        self._queue.append(arch)
        return arch

    def _look_at(self, center: Arch) -> None:
        """Line up what is not known of a neighborhood; its center comes first."""
        if center not in self._members:
            near = self._space.neighbors(center)
            drawn = self._rng.permutation(len(near))[: self._n_neighbors].tolist()
            self._members[center] = [center, *[near[i] for i in drawn]]
        fresh = [arch for arch in self._members[center] if not self._is_known(arch) and arch not in self._queue]
        self._queue[:0] = fresh[::-1]
        self._open.append(center)
        self._judge()

    def _is_known(self, arch: Arch) -> bool:
        return arch in self._told or arch in self._asked

    def _judge(self) -> None:
        told = self._told
        for center in [center for center in self._open if all(arch in told for arch in self._members[center])]:
            self._open.remove(center)
            value = self._aggregate([told[arch] for arch in self._members[center]])
            if self.recommended is None or value > self._best_value:
                self.recommended, self._best_value = center, value
            if self._climbs and (self._candidates is None or value > self._center_value):
                self._center_value, self._candidates = value, [*self._space.neighbors(center)]
                self._rng.shuffle(self._candidates)

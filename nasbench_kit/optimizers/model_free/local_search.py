"""Local search with restarts, White et al. 2020, https://arxiv.org/abs/2005.02960, algorithm 1."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

NEIGHBORHOODS = ("full", "first")
_TRIES = 100  # samples before one that was told already is accepted


@final
class LocalSearch:
    """Climb from neighbor to neighbor; start anew at a random place when none is better.

    What was told once is not asked for again, unless random samples find nothing else. With several workers, nothing is
    asked for while the outcomes that decide the next move are awaited.

    Args:
        task: What to search.
        rng: Source of all randomness.
        neighborhood: "full" moves to the best of all neighbors once all are known; "first" moves to the first that
            turns out better, in random order; neighbors known from earlier climbs do not count.
        n_initial: Random architectures evaluated at each start, of which the best is climbed from.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, neighborhood: str = "full", n_initial: int = 1) -> None:
        check_start(task, rng)
        check_at_least(1, n_initial=n_initial)
        if neighborhood not in NEIGHBORHOODS:
            raise unknown("neighborhood", neighborhood, NEIGHBORHOODS)
        self._task, self._space = task, task.space
        self._rng = rng
        self._first = neighborhood == "first"
        self._n_initial = n_initial
        self._told: dict[Arch, float] = {}
        self._starts: list[Arch] = []  # told since the last restart
        self._awaited: set[Arch] = set()  # asked for and not told yet
        self._center: Arch | None = None
        self._better: Arch | None = None  # the first neighbor told since that is better
        self._neighbors: list[Arch] = []
        self._queue: list[Arch] = []  # neighbors of the center still to be asked for

    def ask(self) -> Trial | None:
        """A neighbor of the present center that is not known yet, or a random architecture to start from."""
        while True:
            while self._queue and self._better is None:
                arch = self._queue.pop()
                if arch not in self._told:
                    self._awaited.add(arch)
                    return Trial(arch)
            self._move()
            if not self._queue:
                break
        if self._center is not None or len(self._starts) + len(self._awaited) >= self._n_initial:
            return None
        arch = self._sample()
        self._awaited.add(arch)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Remember the value; before a climb begins, whatever was told may become its start."""
        arch, value = trial.arch, outcome.value
        self._awaited.discard(arch)
        is_new = arch not in self._told
        self._told[arch] = value
        if self._center is None:
            self._starts.append(arch)
        elif self._first and is_new and self._better is None and value > self._told[self._center]:
            self._better = arch if arch in self._neighbors else None

    def _move(self) -> None:
        """Go as far as what was told allows."""
        told = self._told
        while True:
            if self._center is None:
                if len(self._starts) < self._n_initial:
                    return
                self._climb_from(max(self._starts, key=told.__getitem__))
            assert self._center is not None
            complete = all(arch in told for arch in self._neighbors)
            better = self._better
            if complete and not self._first:
                best = max(self._neighbors, key=told.__getitem__)
                better = best if told[best] > told[self._center] else None
            if better is not None:
                self._climb_from(better)
                continue
            if not complete:
                return
            self._center = None
            self._starts = []

    def _climb_from(self, center: Arch) -> None:
        self._center = center
        self._better = None
        self._neighbors = self._space.neighbors(center)
        self._queue = [arch for arch in self._neighbors if not self._is_known(arch)]
        self._rng.shuffle(self._queue)

    def _sample(self) -> Arch:
        for _ in range(_TRIES):
            arch = self._space.sample(self._rng)
            if not self._is_known(arch):
                break
        return arch

    def _is_known(self, arch: Arch) -> bool:
        return arch in self._told or arch in self._awaited

    # ---- many at once ----

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> LocalSearches | None:
        """Many such searches at once; None where each outcome may decide what is asked for next."""
        if self._first:
            return None
        return LocalSearches([LocalSearch(self._task, rng, n_initial=self._n_initial) for rng in rngs])

    def ask_all(self) -> list[Arch]:
        """All that is asked for until outcomes decide: what is left of a neighborhood, or the starts of a climb."""
        while True:
            if self._queue:
                asked, self._queue = self._queue[::-1], []
                return asked
            self._move()
            if not self._queue:
                break
        asked = []
        for _ in range(self._n_initial):
            asked.append(self._sample())
            self._awaited.add(asked[-1])
        return asked

    def tell_all(self, archs: list[Arch], values: list[float]) -> None:
        """The outcomes of all that was asked for."""
        self._told.update(zip(archs, values, strict=True))
        if self._center is None:
            self._starts = archs
            self._awaited.clear()


@final
class LocalSearches:
    """Many local searches at once, each of which asks for whole neighborhoods."""

    def __init__(self, searches: Sequence[LocalSearch]) -> None:
        self._searches = searches
        self._asked: list[list[Arch]] = []

    def ask(self) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """The neighborhood of each, or its starts."""
        import numpy as np

        self._asked = [search.ask_all() for search in self._searches]
        n = np.array(list(map(len, self._asked)))
        filled = [archs + archs[:1] * (n.max() - len(archs)) for archs in self._asked]
        codes = bytes(chain.from_iterable(chain.from_iterable(filled)))
        return np.frombuffer(codes, np.uint8).reshape(len(n), n.max(), -1), n

    def tell(self, values: NDArray[np.float64]) -> None:
        """Tell each what it asked for."""
        for search, archs, told in zip(self._searches, self._asked, values.tolist(), strict=True):
            search.tell_all(archs, told[: len(archs)])

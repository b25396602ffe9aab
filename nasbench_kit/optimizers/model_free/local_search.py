"""Local search with restarts, White et al. 2020, https://arxiv.org/abs/2005.02960, algorithm 1."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Asked, Outcome, Task, Trial, check_at_least, check_start
from nasbench_kit.spaces.base import MOST_IN_LOCKSTEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch, Space

NEIGHBORHOODS = ("full", "first")
AT_MINIMUM = ("restart", "continue")
KNOWN = ("count", "ignore")
_TRIES = 100  # samples before one that was told already is accepted
_NONE = -1  # instead of a center


@final
class LocalSearch:
    """Climb from neighbor to neighbor; start anew at a random place when none is better.

    What was told once is not asked for again, unless random samples find nothing else. With several workers, nothing is
    asked for while the outcomes that decide the next move are awaited.

    Args:
        task: What to search.
        rng: Source of all randomness.
        neighborhood: "full" moves to the best of all neighbors once all are known; "first" moves to the first that
            turns out better, in random order.
        n_initial: Random architectures evaluated at each start, of which the best is climbed from.
        at_minimum: Where no neighbor is better, "restart"; or "continue", which moves, there and elsewhere, to the best
            of all so far that was no center yet.
        known: Whether neighbors known from earlier climbs "count" when the next move is chosen, at no cost, or are to
            "ignore". The authors' code, naszilla, has "ignore", `neighborhood="first"` and `n_initial=10`.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        neighborhood: str = "full",
        n_initial: int = 1,
        at_minimum: str = "restart",
        known: str = "count",
    ) -> None:
        check_start(task, rng)
        check_at_least(1, n_initial=n_initial)
        if neighborhood not in NEIGHBORHOODS:
            raise unknown("neighborhood", neighborhood, NEIGHBORHOODS)
        if at_minimum not in AT_MINIMUM:
            raise unknown("what to do at_minimum:", at_minimum, AT_MINIMUM)
        if known not in KNOWN:
            raise unknown("what to do with known neighbors:", known, KNOWN)
        self._space = task.space
        self._rng = rng
        self._first = neighborhood == "first"
        self._n_initial = n_initial
        self._continues = at_minimum == "continue"
        self._centers: set[Arch] = set()  # those so far, if it continues
        self._best: list[tuple[float, int, Arch]] = []  # a heap of what may become one: the best first
        self._told: dict[Arch, float] = {}
        self._starts: list[Arch] = []  # told since the last restart
        self._awaited: set[Arch] = set()  # asked for and not told yet
        self._center: Arch | None = None
        self._better: Arch | None = None  # the first neighbor told since that is better
        self._ignores_known = known == "ignore"
        self._neighbors: list[Arch] = []  # of the center, those that count
        self._queue: list[Arch] = []  # those still to be looked at

    def ask(self) -> Trial | None:
        """A neighbor of the present center that is not known yet, or a random architecture to start from."""
        while True:
            while self._queue and self._better is None:
                arch = self._queue.pop()
                if arch not in self._told:
                    self._awaited.add(arch)
                    return Trial(arch)
                self._compare(arch)
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
        if self._continues and is_new:
            heappush(self._best, (-value, len(self._told), arch))
        if self._center is None:
            self._starts.append(arch)
        elif self._first and is_new and arch in self._neighbors:
            self._compare(arch)

    def _compare(self, arch: Arch) -> None:
        """The first neighbor that is better is the next center, if the first is sought."""
        assert self._center is not None
        if self._first and self._better is None and self._told[arch] > self._told[self._center]:
            self._better = arch

    def _move(self) -> None:
        """Go as far as what was told allows."""
        told = self._told
        while True:
            if self._center is None:
                if len(self._starts) < self._n_initial:
                    return
                self._climb_from(max(self._starts, key=told.__getitem__))
            assert self._center is not None
            complete = not self._queue and all(arch in told for arch in self._neighbors)
            better = self._better
            if complete and not self._first and self._neighbors:
                best = max(self._neighbors, key=told.__getitem__)
                better = best if told[best] > told[self._center] else None
            if not complete and better is None:
                return
            if self._continues:
                better = self._best_other()
            if better is not None:
                self._climb_from(better)
                continue
            self._center = None
            self._starts = []

    def _best_other(self) -> Arch | None:
        """The best so far that was no center."""
        assert self._center is not None
        self._centers.add(self._center)
        while self._best and self._best[0][2] in self._centers:
            heappop(self._best)
        return self._best[0][2] if self._best else None

    def _climb_from(self, center: Arch) -> None:
        self._center = center
        self._better = None
        self._neighbors = self._space.neighbors(center)
        if self._ignores_known:
            self._neighbors = [arch for arch in self._neighbors if not self._is_known(arch)]
        is_hidden = self._awaited.__contains__ if self._first else self._is_known
        self._queue = [arch for arch in self._neighbors if not is_hidden(arch)]
        self._rng.shuffle(self._queue)

    def _sample(self) -> Arch:
        for _ in range(_TRIES):
            arch = self._space.sample(self._rng)
            if not self._is_known(arch):
                break
        return arch

    def _is_known(self, arch: Arch) -> bool:
        return arch in self._told or arch in self._awaited

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> LocalSearches | None:
        """Many such searches at once; None where each outcome may decide what is asked for next, or spaces are odd."""
        if self._first or self._continues or self._ignores_known:
            return None
        if not self._space.is_product or self._space.size > MOST_IN_LOCKSTEP:
            return None
        return LocalSearches(self._space, rngs, self._n_initial)


@final
class LocalSearches:
    """Many local searches at once, in full neighborhoods; architectures are known by their rank."""

    def __init__(self, space: Space, rngs: Sequence[np.random.Generator], n_initial: int) -> None:
        import numpy as np

        self._space, self._rngs, self._n_initial = space, rngs, n_initial
        self._rows = np.arange(len(rngs))
        self._told = np.full((len(rngs), space.size), np.nan)
        self._center = np.full(len(rngs), _NONE)
        # among which the next center is sought: the neighbors of the present one, or the starts; the first one repeated
        self._candidates = np.zeros((len(rngs), max(n_initial, sum(space.n_choices) - space.n_decisions)), np.int64)
        self._asked, self._n_asked = self._candidates.copy(), np.zeros(len(rngs), np.intp)

    def ask(self) -> Asked:
        """The neighbors that are not known yet of the center of each, or its starts."""
        restarting = self._move() if self._n_asked.any() else self._rows
        for row in restarting.tolist():
            self._candidates[row] = self._asked[row] = self._starts(row)
        self._n_asked[restarting] = self._n_initial
        asked = self._asked[:, : self._n_asked.max()]
        archs = self._space.unrank_many(asked.ravel())
        return Asked(archs.reshape(*asked.shape, -1), self._n_asked.copy())

    def tell(self, values: NDArray[np.float64]) -> None:
        """Remember the values."""
        import numpy as np

        rows, columns = np.nonzero(np.arange(values.shape[1]) < self._n_asked[:, None])
        self._told[rows, self._asked[rows, columns]] = values[rows, columns]

    def _move(self) -> NDArray[np.intp]:
        """Go as far as what was told allows; who is to start anew."""
        import numpy as np

        moving = self._rows
        while len(moving):
            rows, candidates, center = moving[:, None], self._candidates[moving], self._center[moving]
            found = candidates[np.arange(len(moving)), self._told[rows, candidates].argmax(axis=1)]
            climbs = (center == _NONE) | (self._told[moving, found] > self._told[moving, center])
            self._center[moving] = np.where(climbs, found, _NONE)
            moving = moving[climbs]
            self._climb(moving)
            moving = moving[self._n_asked[moving] == 0]
        return np.flatnonzero(self._center == _NONE)

    def _climb(self, moving: NDArray[np.intp]) -> None:
        """Line up the neighbors of the new centers that are not known, in random order."""
        import numpy as np

        space = self._space
        near = space.neighbors_many(space.unrank_many(self._center[moving]))
        assert isinstance(near, np.ndarray)
        n_near = near.shape[1]
        ranks = space.rank_many(near.reshape(-1, space.n_decisions)).reshape(len(moving), n_near)
        self._candidates[moving, :n_near] = ranks
        self._candidates[moving, n_near:] = ranks[:, :1]
        is_known = ~np.isnan(self._told[moving[:, None], ranks])
        order = np.argsort(is_known, axis=1, kind="stable")
        n_asked = n_near - is_known.sum(axis=1)
        for rng, row, n in zip([self._rngs[i] for i in moving.tolist()], order, n_asked.tolist(), strict=True):
            rng.shuffle(row[:n])
            row[:n] = row[:n][::-1]  # the last of the queue is asked for first
        self._asked[moving, :n_near] = np.take_along_axis(ranks, order, axis=1)
        self._n_asked[moving] = n_asked

    def _starts(self, row: int) -> NDArray[np.int64]:
        """Random architectures that are not known, as many as there are candidates: the first one repeated."""
        import numpy as np

        space, rng, told = self._space, self._rngs[row], self._told[row]
        ranks: list[int] = []
        for _ in range(self._n_initial):
            for _ in range(_TRIES):
                rank = space.rank(space.sample(rng))
                if told[rank] != told[rank] and rank not in ranks:
                    break
            ranks.append(rank)
        return np.array(ranks + ranks[:1] * (self._candidates.shape[1] - len(ranks)))

"""Part of a space: the architectures that somebody has measured."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.errors import ArchitectureError, check_generator
from nasbench_kit.spaces.base import Arch, Space, Uniform, check_is_space
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MEMO_SIZE = 4_096  # architectures whose nearest ones are remembered
# Where few of many are recorded, the nearest one is often single, and the nearest of that one the first again: a search
# that knew no others would go back and forth between the two, and find less than a random one.
_FEWEST = 8


@final
class RecordedSpace(Space):
    """The recorded architectures of a space: what a search on an incomplete table stays among.

    Samples are uniform among them. The neighbors of an architecture are the recorded ones that differ from it in the
    fewest decisions: at least eight, and all that differ in as many as the eighth. The mutation "uniform" is one of
    them; the others of the whole space are done there, and the recorded architecture nearest to the child is taken.

    Args:
        space: The whole space.
        archs: The recorded architectures, at least two: uint8 (n_archs, n_decisions).
    """

    def __init__(self, space: Space, archs: NDArray[np.uint8]) -> None:
        check_is_space(space)
        super().__init__(space.name, space.decisions, space.forms)
        if len(archs) < 2:
            raise ArchitectureError(f"{len(archs)} recorded architectures of {space.name}; a search needs at least two")
        self.noun = space.noun
        self.official_order = space.official_order
        self.keyed_by_identity = space.keyed_by_identity
        self.mutations = space.mutations
        self.size = self.n_keys = len(archs)
        self._whole = space
        self._recorded = archs
        self._columns = np.ascontiguousarray(archs.T)  # compared several times as fast as rows
        self._archs: list[Arch] = list(map(tuple, archs.tolist()))
        self._nearest: OrderedDict[Arch, list[Arch]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self._archs):,} recorded architectures>"

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordedSpace, (self._whole, self._recorded)

    @property
    def whole(self) -> Space:
        """The whole space."""
        return self._whole

    # ---- as in the whole space ----

    def _checked(self, arch: Iterable[Any]) -> Arch:
        return self._whole._checked(arch)

    def _checked_batch(self, archs: NDArray[Any]) -> NDArray[np.uint8]:
        return self._whole._checked_batch(archs)

    def key(self, arch: Arch) -> int:
        """As in the whole space."""
        return self._whole.key(arch)

    def class_of(self, arch: Arch) -> int:
        """As in the whole space."""
        return self.whole.class_of(arch)

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """As in the whole space."""
        return self._whole.identity(archs)

    def is_valid(self, arch: Arch) -> bool:
        """As in the whole space."""
        return self._whole.is_valid(arch)

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """As in the whole space."""
        return self._whole.graphs(arch)

    def graph_many(self, archs: object) -> GraphBatch:
        """As in the whole space."""
        return self._whole.graph_many(archs)

    # ---- among the recorded ----

    def all_archs(self) -> NDArray[np.uint8]:
        """The recorded architectures: uint8 (n_archs, n_decisions)."""
        return self._recorded

    def sample(self, rng: Uniform) -> Arch:
        """A recorded architecture, each as likely as any other."""
        try:
            return self._archs[int(rng.random() * len(self._archs))]
        except AttributeError:
            check_generator(rng)
            raise

    def sample_from(self, weights: Sequence[Sequence[float]], rng: Uniform) -> Arch:
        """A recorded architecture, its probability proportional to the product of the weights of its choices."""
        check_generator(rng)
        chances = np.log(weights[0])[self._columns[0]]
        for row, column in zip(weights[1:], self._columns[1:], strict=True):
            chances += np.log(row)[column]
        cumulative = np.cumsum(np.exp(chances - chances.max()))
        return self._archs[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]

    def sample_many(self, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
        """The `n` architectures that as many calls of `sample` would give: uint8 (n, n_decisions)."""
        check_generator(rng)
        return self._recorded[(rng.random(n) * len(self._archs)).astype(np.intp)]

    def mutate(self, arch: Arch, rng: Uniform, mutation: str = "uniform") -> Arch:
        """Another recorded architecture near the parent; see the class."""
        check_generator(rng)
        if mutation == "uniform":
            near = self.neighbors(arch)
            return near[int(rng.random() * len(near))]
        return self._closest(self._whole.mutate(arch, rng, mutation), rng, but=arch)

    def nearest(self, choices: Sequence[int], rng: Uniform) -> Arch:
        """The recorded architecture that differs from a tuple of choices in the fewest decisions."""
        return self._closest(super()._checked(choices), rng)

    def _closest(self, arch: Arch, rng: Uniform, but: Arch | None = None) -> Arch:
        check_generator(rng)
        distance = self._distances(arch)
        if but is not None:
            distance[self._distances(but) == 0] = self.n_decisions + 1
        closest = np.flatnonzero(distance == distance.min())
        return self._archs[int(closest[int(rng.random() * len(closest))])]

    def _distances(self, arch: Arch) -> NDArray[np.unsignedinteger[Any]]:
        """In how many decisions each recorded architecture differs from one: (n_archs,)."""
        differs = self._columns != np.array(arch, np.uint8)[:, None]
        return differs.view(np.uint8).sum(axis=0, dtype=np.min_scalar_type(self.n_decisions + 1))

    def mutate_many(self, archs: object, rng: np.random.Generator, mutation: str = "uniform") -> NDArray[np.uint8]:
        """The children that as many calls of `mutate`, in order, would give: uint8 (n_archs, n_decisions)."""
        children = [self.mutate(tuple(arch), rng, mutation) for arch in self.parse_many(archs).tolist()]
        return np.array(children, np.uint8).reshape(-1, self.n_decisions)

    def neighbors(self, arch: Arch) -> list[Arch]:
        """The recorded architectures that differ from it in the fewest decisions, in the order of the table."""
        if type(arch) is not tuple:
            arch = self.parse(arch)
        if arch not in self._nearest:
            if len(self._nearest) >= _MEMO_SIZE:
                self._nearest.popitem(last=False)
            distance = self._distances(arch)
            distance[distance == 0] = self.n_decisions + 1  # itself
            last = min(_FEWEST, len(distance) - 1) - 1
            farthest = min(np.partition(distance, last)[last], self.n_decisions)
            self._nearest[arch] = [self._archs[i] for i in np.flatnonzero(distance <= farthest).tolist()]
        return self._nearest[arch]

    def neighbors_many(self, archs: object) -> list[NDArray[np.uint8]]:
        """`neighbors` of each architecture of a batch: an array (n_neighbors, n_decisions) for each."""
        return [np.array(self.neighbors(tuple(arch)), np.uint8) for arch in self.parse_many(archs).tolist()]

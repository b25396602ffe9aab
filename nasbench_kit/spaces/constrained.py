"""Spaces in which not every tuple of choices is an architecture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from operator import ne
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import ArchitectureError, check_generator
from nasbench_kit.spaces.base import Arch, DrawnInLockstep, Space, Uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20  # tuples of choices looked at together
_STARTS = 8  # random architectures from which one near a tuple of choices is sought


class ConstrainedSpace(Space):
    """A space with a rule that tells architectures from other tuples of choices.

    Sampling draws until the rule holds; so does mutation. Neighbors are those that it holds for.
    """

    @abstractmethod
    def _invalid(self, arch: Arch) -> str | None:
        """What is wrong with one tuple of choices, or None; without numpy."""

    @abstractmethod
    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each row of an array (n_archs, n_decisions) of choices is an architecture: bool (n_archs,)."""

    def is_valid(self, arch: Arch) -> bool:
        """Whether one tuple of choices is an architecture."""
        return self._invalid(arch) is None

    def _checked(self, arch: Iterable[Any]) -> Arch:
        checked = super()._checked(arch)
        wrong = self._invalid(checked)
        if wrong is not None:
            raise ArchitectureError(f"{checked} is no architecture of {self.name}: {wrong}")
        return checked

    def _checked_batch(self, archs: NDArray[Any]) -> NDArray[np.uint8]:
        batch = super()._checked_batch(archs)
        valid = self.valid_many(batch)
        if not valid.all():
            row = int(valid.argmin())
            wrong = self._invalid(tuple(batch[row].tolist()))
            raise ArchitectureError(f"architecture {row}, {tuple(batch[row].tolist())}: {wrong}")
        return batch

    def all_archs(self) -> NDArray[np.uint8]:
        """Every architecture in lexicographic order, invalid tuples left out: uint8 (n_archs, n_decisions)."""
        import numpy as np

        self._refuse_to_list()
        chunks = (
            self.unrank_many(np.arange(start, min(start + _CHUNK, self.size))) for start in range(0, self.size, _CHUNK)
        )
        return np.concatenate([chunk[self.valid_many(chunk)] for chunk in chunks])

    def sample(self, rng: Uniform) -> Arch:
        """One architecture, uniform among the valid ones."""
        while True:
            arch = super().sample(rng)
            if self._invalid(arch) is None:
                return arch

    def sample_many(self, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
        """The `n` architectures that as many calls of `sample` would give: uint8 (n, n_decisions)."""
        import numpy as np

        parts = [np.empty((0, self.n_decisions), np.uint8)]
        lacking = n
        while lacking:
            drawn = super().sample_many(rng, lacking)  # never more than as many calls of `sample` would draw
            parts.append(drawn[self.valid_many(drawn)])
            lacking -= len(parts[-1])
        return np.concatenate(parts)

    def mutate(self, arch: Arch, rng: Uniform, mutation: str = "uniform") -> Arch:
        """One decision changed to another choice, drawn again until an architecture results.

        Args:
            arch: The parent; it is not changed.
            rng: Source of randomness.
            mutation: One of `mutations`: how the decision is chosen.
        """
        while True:
            child = super().mutate(arch, rng, mutation)
            if self._invalid(child) is None:
                return child

    def mutate_many(self, archs: object, rng: np.random.Generator, mutation: str = "uniform") -> NDArray[np.uint8]:
        """The children that as many calls of `mutate`, in order, would give: uint8 (n_archs, n_decisions)."""
        import numpy as np

        children = [self.mutate(tuple(arch), rng, mutation) for arch in self.parse_many(archs).tolist()]
        return np.array(children, np.uint8).reshape(-1, self.n_decisions)

    def sampled_each(self, drawn: DrawnInLockstep) -> NDArray[np.uint8]:
        """What `sample` gives with each of many generators: uint8 (n_generators, n_decisions)."""
        return self._until_valid(len(drawn), lambda rows: self.sampled(drawn.random(self.n_decisions, rows)))

    def mutated_each(
        self, parents: NDArray[np.uint8], drawn: DrawnInLockstep, mutation: str = "uniform"
    ) -> NDArray[np.uint8]:
        """What `mutate` makes of each parent (n_generators, n_decisions) with a generator of its own."""
        return self._until_valid(len(drawn), lambda rows: self.mutated(parents[rows], drawn.random(2, rows), mutation))

    def _until_valid(self, n: int, draw: Callable[[NDArray[np.intp]], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Draw `n` tuples of choices, those that are no architecture again and again."""
        import numpy as np

        found, left = np.empty((n, self.n_decisions), np.uint8), np.arange(n)
        while len(left):
            found[left] = draw(left)
            left = left[~self.valid_many(found[left])]
        return found

    def nearest(self, choices: Sequence[int], rng: Uniform) -> Arch:
        """The architecture for any tuple of choices: itself if it is one, else one that differs in few decisions.

        It is one of those that differ in a single decision, where there are any. Else several random architectures
        take over the given choices, in random order, as far as they stay valid; it is the nearest of them.
        """
        import numpy as np

        check_generator(rng)
        wanted = super()._checked(choices)
        if self._invalid(wanted) is None:
            return wanted
        near = np.array(self._single_changes(wanted), np.uint8)
        near = near[self.valid_many(near)]
        if len(near):
            return tuple(near[int(rng.random() * len(near))].tolist())
        found = [self._towards(wanted, self.sample(rng), rng) for _ in range(_STARTS)]
        return min(found, key=lambda arch: sum(map(ne, arch, wanted)))

    def _towards(self, wanted: Arch, arch: Arch, rng: Uniform) -> Arch:
        """A valid architecture with choices replaced by the wanted ones, one by one, until none more can be."""
        order = sorted(range(self.n_decisions), key=lambda _: rng.random())
        changed = True
        while changed:
            changed = False
            for i in order:
                closer = (*arch[:i], wanted[i], *arch[i + 1 :])
                if closer != arch and self._invalid(closer) is None:
                    arch, changed = closer, True
        return arch

    def neighbors(self, arch: Arch) -> list[Arch]:
        """All architectures that differ in exactly one decision, in order of decision, then choice."""
        return [near for near in super().neighbors(arch) if self._invalid(near) is None]

    def neighbors_many(self, archs: object) -> list[NDArray[np.uint8]]:
        """`neighbors` of each architecture of a batch: an array (n_neighbors, n_decisions) for each."""
        found = super().neighbors_many(archs)
        return [near[self.valid_many(near)] for near in found]

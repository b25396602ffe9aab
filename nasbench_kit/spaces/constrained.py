"""Spaces in which not every tuple of choices is an architecture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import ArchitectureError
from nasbench_kit.spaces.base import Arch, Space, Uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20  # tuples of choices looked at together


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

    def _parse_mapping(self, choices: Mapping[Any, Any]) -> Arch:
        return self._checked(super()._parse_mapping(choices))

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

    def sample_from(self, weights: Sequence[Sequence[float]], rng: Uniform) -> Arch:
        """As for every space; drawn again until an architecture results."""
        while True:
            arch = super().sample_from(weights, rng)
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

    def neighbors(self, arch: Arch) -> list[Arch]:
        """All architectures that differ in exactly one decision, in order of decision, then choice."""
        return [near for near in super().neighbors(arch) if self._invalid(near) is None]

    def neighbors_many(self, archs: object) -> list[NDArray[np.uint8]]:
        """`neighbors` of each architecture of a batch: an array (n_neighbors, n_decisions) for each."""
        found = super().neighbors_many(archs)
        return [near[self.valid_many(near)] for near in found]

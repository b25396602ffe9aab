"""How populations breed: crossing and mutating decisions, in any space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch, Space
    from nasbench_kit.spaces.base import Uniform


def crossed(space: Space, mother: Arch, father: Arch, rng: Uniform) -> Arch:
    """Each decision of one parent or the other, with equal chances; the nearest architecture if none."""
    random = rng.random
    child = tuple([a if random() < 0.5 else b for a, b in zip(mother, father, strict=True)])
    return space.nearest(child, rng)


def redrawn(space: Space, parent: Arch, rate: float, rng: Uniform) -> Arch:
    """Each decision drawn anew with probability `rate`, all choices alike; the nearest architecture if none."""
    random = rng.random
    pairs = zip(parent, space.n_choices, strict=True)
    child = tuple([int(random() * n) if random() < rate else choice for choice, n in pairs])
    return space.nearest(child, rng)

"""Search spaces: what an architecture is, its text forms, its neighbors, when two are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasbench_kit.errors import unknown
from nasbench_kit.spaces.base import Arch, Decision, DrawnAhead, Space, Uniform
from nasbench_kit.spaces.choices import ChoiceSpace
from nasbench_kit.spaces.nasbench201 import NASBench201Space

SPACES: dict[str, type[Space]] = {"nasbench201": NASBench201Space}
"""The spaces that a table may refer to by name."""


def space_from(description: str | Mapping[str, Any]) -> Space:
    """The space that a table names, or describes as `{"name": ..., "decisions": [[name, [choice, ...]], ...]}`.

    Raises:
        UnknownNameError: No space has this name.
    """
    if isinstance(description, str):
        if description not in SPACES:
            raise unknown("space", description, SPACES)
        return SPACES[description]()  # type: ignore[call-arg]
    return ChoiceSpace(description["name"], dict(description["decisions"]))


def describe_space(space: Space) -> str | dict[str, Any]:
    """What `space_from` reads: the name of a space of ours, the decisions of any other."""
    if isinstance(space, ChoiceSpace):
        return {"name": space.name, "decisions": [[name, list(choices)] for name, choices in space.decisions]}
    return space.name


__all__ = [
    "SPACES",
    "Arch",
    "ChoiceSpace",
    "Decision",
    "DrawnAhead",
    "NASBench201Space",
    "Space",
    "Uniform",
    "describe_space",
    "space_from",
]

"""A space that somebody else defines: named decisions, each with named choices, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from nasbench_kit.errors import ArchitectureError, UnknownNameError
from nasbench_kit.spaces.base import Decision, Space


@final
class ChoiceSpace(Space):
    """Independent decisions; the text of an architecture is its choices, separated by commas.

    Args:
        name: The name that tables refer to.
        decisions: Decision name -> names of its choices, e.g. `{"kernel": ("3", "5"), "width": ("16", "32")}`.
    """

    def __init__(self, name: str, decisions: Mapping[str, Sequence[object]]) -> None:
        named = {decision: tuple(map(str, choices)) for decision, choices in decisions.items()}
        for decision, choices in named.items():
            if len(set(choices)) != len(choices):
                raise ArchitectureError(f"decision {decision!r} names a choice twice: {', '.join(choices)}")
            for choice in choices:
                if "," in choice or choice != choice.strip():
                    raise ArchitectureError(
                        f"choice {choice!r} of decision {decision!r} holds a comma or ends in blanks; rename it"
                    )
        super().__init__(name, (Decision(*decision) for decision in named.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return ChoiceSpace, (self.name, dict(self.decisions))

    def _parse_text(self, text: str) -> Sequence[int]:
        choices = [choice.strip() for choice in text.split(",")]
        if len(choices) != self.n_decisions:
            names = ",".join(decision.name for decision in self.decisions)
            raise ArchitectureError(
                f"{text!r} names {len(choices)} choices; {self.name} has {self.n_decisions}: {names}"
            )
        return [self._choice(i, choice) for i, choice in enumerate(choices)]

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The choices of one architecture, separated by commas."""
        if form not in (None, *self.forms):
            raise UnknownNameError(f"unknown form {form!r}; {self.name} has one, 'official'")
        cell = self._checked(arch)
        return ",".join(decision.choices[n] for n, decision in zip(cell, self.decisions, strict=True))

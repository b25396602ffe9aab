"""A space that somebody else defines: named decisions, each with named choices, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, final

from nasbench_kit.errors import ArchitectureError, SettingError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Form, Space


@final
class ChoiceSpace(Space):
    """Independent decisions; the text of an architecture is its choices, separated by commas.

    Args:
        name: The name that tables refer to.
        decisions: Decision name -> names of its choices, e.g. `{"kernel": ("3", "5"), "width": ("16", "32")}`.
        ordered: The decisions whose choices stand in a natural order; by default those whose choices are ascending
            numbers.

    Raises:
        SettingError: An argument is of another kind.
        ArchitectureError: The choices of a decision are no list, are not all different, or cannot be written as text.
        UnknownNameError: There is no such decision to be ordered.
    """

    def __init__(
        self, name: str, decisions: Mapping[str, Sequence[object]], *, ordered: Iterable[str] | None = None
    ) -> None:
        if not isinstance(name, str):
            raise SettingError(f"name={name!r:.60}; a text expected")
        if not isinstance(decisions, Mapping):
            raise SettingError(
                f"decisions={decisions!r:.60}; a mapping from decision to choices expected,"
                " such as {'kernel': [3, 5]}"
            )
        if isinstance(ordered, str) or not isinstance(ordered, Iterable | None):
            raise SettingError(f"ordered={ordered!r:.60}; a list of decisions expected, or None")
        named = {str(decision): _choices(decision, choices) for decision, choices in decisions.items()}
        in_order = [decision for decision, choices in named.items() if is_ascending(choices)]
        in_order = in_order if ordered is None else list(ordered)
        for decision in in_order:
            if decision not in named:
                raise unknown("ordered decision", decision, named)
        made = [Decision(decision, choices, decision in in_order) for decision, choices in named.items()]
        example = ",".join(choices[0] for choices in named.values() if choices)
        super().__init__(name, made, {"official": by_commas(self, made, example)})

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (
            self.name,
            [(d.name, d.choices) for d in self.decisions],
            [d.name for d in self.decisions if d.ordered],
        )


def by_commas(space: Space, decisions: Sequence[Decision], example: str) -> Form:
    """The form whose text is the choices, separated by commas.

    Args:
        space: Whose form; it may still lack its decisions.
        decisions: What it decides.
        example: The text of one of its architectures.
    """

    def read(text: Any) -> Arch | None:
        if not isinstance(text, str) or text.lstrip().startswith('{"'):  # which is a mapping as JSON
            return None
        choices = [choice.strip() for choice in text.split(",")]
        if len(choices) != len(decisions):
            names = ",".join(decision.name for decision in decisions)
            raise ArchitectureError(
                f"{text!r} names {len(choices)} choices; {space.name} has {len(decisions)}: {names}"
            )
        return tuple([space.choice(i, choice) for i, choice in enumerate(choices)])

    def write(arch: Arch) -> str:
        return ",".join([decision.choices[n] for n, decision in zip(arch, decisions, strict=True)])

    return Form(read, write, example)


def is_ascending(choices: Iterable[str]) -> bool:
    """Whether all are numbers, each larger than the one before it."""
    try:
        return all(a < b for a, b in pairwise(map(float, choices)))
    except ValueError:
        return False


def _choices(decision: str, choices: Sequence[object]) -> tuple[str, ...]:
    if isinstance(choices, str) or not isinstance(choices, Iterable):
        raise ArchitectureError(
            f"the choices of decision {decision!r} are {choices!r:.60}; a list of them expected, such as ['3', '5']"
        )
    named = tuple(map(str, choices))
    if len(set(named)) != len(named):
        raise ArchitectureError(f"decision {decision!r} names a choice twice: {', '.join(named)}")
    for choice in named:
        if "," in choice or choice != choice.strip():
            raise ArchitectureError(
                f"choice {choice!r} of decision {decision!r} holds a comma or ends in blanks; rename it"
            )
    return named


def _made(name: str, decisions: Iterable[tuple[str, tuple[str, ...]]], ordered: list[str]) -> ChoiceSpace:
    return ChoiceSpace(name, dict(decisions), ordered=ordered)

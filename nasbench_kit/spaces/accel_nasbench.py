"""The search space of Accel-NASBench: seven blocks in the style of MnasNet, about 10^11 networks.

Each block is a stack of `l` inverted bottlenecks with expansion factor `e` and kernel size `k`, with squeeze and
excitation or without; widths and strides are fixed.

Source: Ahmad et al. 2024, https://arxiv.org/abs/2404.08005, appendix B; github.com/afzalxo/Accel-NASBench,
configurationspaces/configuration_space_writer.py and searchspaces.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Space
from nasbench_kit.spaces.graph import Graph

N_BLOCKS = 7
FIELDS = ("e", "k", "l", "se")
_MOST_LAYERS = (3, 3, 3, 3, 3, 4, 3)
_WIDTHS = (32, 16, 24, 40, 80, 112, 192, 320)  # before the first block, and after each
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_LONGEST_TEXT = 4_096


@final
class AccelNASBenchSpace(Space):
    """Accel-NASBench: expansion, kernel, layers and squeeze-and-excitation of each of seven blocks.

    `parse` reads the lists of the release's `manual_sample`, `[[e of 7 blocks], [k ...], [l ...], [se ...]]`, also as
    text; and its dictionary, `{"block0_e": 1, ..., "block6_se": true}`, also as JSON.
    """

    forms = ("official", "configspace")

    def __init__(self) -> None:
        decisions = []
        for block, layers in enumerate(_MOST_LAYERS):
            choices = ("1", "4", "6"), ("3", "5"), tuple(map(str, range(1, layers + 1))), ("False", "True")
            decisions += [Decision(f"block{block}_{field}", c) for field, c in zip(FIELDS, choices, strict=True)]
        super().__init__("accel_nasbench", decisions)

    def __reduce__(self) -> tuple[Any, ...]:
        return AccelNASBenchSpace, ()

    def parse(self, arch: object, form: str | None = None) -> Arch:
        """One network from its lists, its dictionary, the text of either, or its 28 choices.

        Raises:
            ArchitectureError: It has the wrong shape.
            UnknownNameError: It names an unknown decision, choice or form.
        """
        if form is None and isinstance(arch, Sequence) and not isinstance(arch, str) and len(arch) == len(FIELDS):
            return self._from_lists(arch)
        return super().parse(arch, form)

    def _parse_mapping(self, choices: Mapping[Any, Any]) -> Arch:
        return super()._parse_mapping({name: _text(choice) for name, choice in choices.items()})

    def _from_lists(self, lists: Sequence[Any]) -> Arch:
        if not all(isinstance(values, Sequence) and len(values) == N_BLOCKS for values in lists):
            raise ArchitectureError(f"{lists!r:.100} is no network; {len(FIELDS)} lists of {N_BLOCKS} blocks expected")
        return self._parse_mapping(
            {
                f"block{block}_{field}": value
                for field, values in zip(FIELDS, lists, strict=True)
                for block, value in enumerate(values)
            }
        )

    def _parse_text(self, text: str) -> Sequence[int]:
        import ast

        plain = text.replace("true", "True").replace("false", "False")
        try:
            read = ast.literal_eval(plain.strip()) if len(text) <= _LONGEST_TEXT else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            read = None
        if isinstance(read, dict):
            return self._parse_mapping(read)
        if not isinstance(read, list | tuple) or len(read) != len(FIELDS):
            raise ArchitectureError(
                f"{text!r:.100} is no network of accel_nasbench; one looks like {self.format((0,) * self.n_decisions)}"
            )
        return self._from_lists(read)

    def _parse_form(self, arch: object, form: str) -> Arch:
        if form not in self.forms:
            raise unknown("form", form, self.forms)
        is_dictionary = isinstance(arch, Mapping) or (isinstance(arch, str) and arch.strip()[:1] == "{")
        if is_dictionary != (form == "configspace"):
            example = self.format((0,) * self.n_decisions, form)
            raise ArchitectureError(f"{arch!r:.100} is not of the form {form!r}, like {example:.60}...")
        return self.parse(arch)

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The text of the lists of one network, or its dictionary as JSON."""
        configuration = self.configuration(arch)
        if form == "configspace":
            import json

            return json.dumps(configuration)
        if form not in (None, "official"):
            raise unknown("form", form, self.forms)
        return str([[configuration[f"block{block}_{field}"] for block in range(N_BLOCKS)] for field in FIELDS])

    def configuration(self, arch: Sequence[int]) -> dict[str, int | bool]:
        """One network as the release's dictionary: numbers, and whether there is squeeze and excitation."""
        named = zip(self._checked(arch), self.decisions, strict=True)
        texts = {decision.name: decision.choices[choice] for choice, decision in named}
        return {name: text == "True" if name.endswith("_se") else int(text) for name, text in texts.items()}

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The network as a chain of its blocks."""
        given = self.configuration(arch)
        blocks = [
            f"{given[f'block{i}_l']} x MB{given[f'block{i}_e']} {given[f'block{i}_k']}x{given[f'block{i}_k']}"
            f"{' SE' if given[f'block{i}_se'] else ''}, {_WIDTHS[i + 1]}{f' /{_STRIDES[i]}' if _STRIDES[i] > 1 else ''}"
            for i in range(N_BLOCKS)
        ]
        return {"network": Graph.chain(("input", f"conv 3x3, {_WIDTHS[0]} /2", *blocks, "output"))}


def _text(choice: object) -> object:
    return choice if isinstance(choice, str) else str(choice) if isinstance(choice, int) else repr(choice)

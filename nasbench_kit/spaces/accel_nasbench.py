"""The search space of Accel-NASBench: seven blocks in the style of MnasNet, about 10^11 networks.

Each block is a stack of `l` inverted bottlenecks with expansion factor `e` and kernel size `k`, with squeeze and
excitation or without; widths and strides are fixed.

Source: Ahmad et al. 2024, https://arxiv.org/abs/2404.08005, appendix B; github.com/afzalxo/Accel-NASBench,
configurationspaces/configuration_space_writer.py and searchspaces.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, final

from nasbench_kit.errors import ArchitectureError
from nasbench_kit.spaces.base import Arch, Decision, Form, Space
from nasbench_kit.spaces.graph import Graph

N_BLOCKS = 7
FIELDS = ("e", "k", "l", "se")
_MOST_LAYERS = (3, 3, 3, 3, 3, 4, 3)
_WIDTHS = (32, 16, 24, 40, 80, 112, 192, 320)  # before the first block, and after each
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_LONGEST_TEXT = 4_096
_EXAMPLE = str([[1] * N_BLOCKS, [3] * N_BLOCKS, [1] * N_BLOCKS, [False] * N_BLOCKS])
_DICTIONARY = json.dumps(
    {
        f"block{block}_{field}": choice
        for block in range(N_BLOCKS)
        for field, choice in zip(FIELDS, (1, 3, 1, False), strict=True)
    }
)


@final
class AccelNASBenchSpace(Space):
    """Accel-NASBench: expansion, kernel, layers and squeeze-and-excitation of each of seven blocks.

    `parse` reads the lists of the release's `manual_sample`, `[[e of 7 blocks], [k ...], [l ...], [se ...]]`, also as
    text; and its dictionary, `{"block0_e": 1, ..., "block6_se": true}`, also as JSON.
    """

    noun = "network"

    def __init__(self) -> None:
        decisions = []
        for block, layers in enumerate(_MOST_LAYERS):
            choices = ("1", "4", "6"), ("3", "5"), tuple(map(str, range(1, layers + 1))), ("False", "True")
            for field, c in zip(FIELDS, choices, strict=True):
                decisions.append(Decision(f"block{block}_{field}", c, ordered=field != "se"))
        forms = {
            "official": Form(self._read_lists, self._write_lists, _EXAMPLE),
            "configspace": Form(self._read_dictionary, lambda arch: json.dumps(self.configuration(arch)), _DICTIONARY),
        }
        super().__init__("accel_nasbench", decisions, forms)

    # ---- forms ----

    def _read_lists(self, arch: Any) -> Arch | None:
        lists = _literal(arch) if isinstance(arch, str) else arch
        if not isinstance(lists, Sequence) or len(lists) != len(FIELDS):
            return None
        if not all(isinstance(values, Sequence) and len(values) == N_BLOCKS for values in lists):
            raise ArchitectureError(f"{lists!r:.100} is no network; {len(FIELDS)} lists of {N_BLOCKS} blocks expected")
        return self._parse_mapping(
            {
                f"block{block}_{field}": value
                for field, values in zip(FIELDS, lists, strict=True)
                for block, value in enumerate(values)
            }
        )

    def _write_lists(self, arch: Arch) -> str:
        given = self.configuration(arch)
        return str([[given[f"block{block}_{field}"] for block in range(N_BLOCKS)] for field in FIELDS])

    def _read_dictionary(self, arch: Any) -> Arch | None:
        read = _literal(arch) if isinstance(arch, str) else arch
        return self._parse_mapping(read) if isinstance(read, Mapping) else None

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


def _literal(text: str) -> Any:
    """The lists or the dictionary in a text, written as Python or as JSON writes them; None if there is neither."""
    import ast

    try:
        plain = text.strip().replace("true", "True").replace("false", "False")
        return ast.literal_eval(plain) if len(text) <= _LONGEST_TEXT else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None

"""The cell space of TransNAS-Bench-101.

A cell has four nodes; each of its six edges carries one of four operations: 4^6 = 4,096 architectures. The network
around it is fixed: five modules that double the channels and halve the resolution at the first, third and last.

Source: Duan et al. 2021, https://arxiv.org/abs/2105.11871, section 3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, final

from nasbench_kit.spaces.base import Arch, Decision, Form, Space
from nasbench_kit.spaces.graph import Graph, GraphBatch

OPERATIONS = ("none", "skip_connect", "conv_1x1", "conv_3x3")  # numbered as in the official string
NONE = 0
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order of the official string

_OFFICIAL = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")
_SIX_DIGITS = re.compile("[0-3]{6}")
_TUPLE = re.compile(r"[(\[]?\s*(\d+\s*,\s*){5}\d+\s*,?\s*[)\]]?")
_NODES = ("input", "1", "2", "output")


@final
class TransNASMicroSpace(Space):
    """TransNAS-Bench-101, micro: six edges, four operations.

    `parse` reads the official string `64-41414-1_02_333`; its six digits; six integers; a mapping
    `{"0->1": "conv_3x3", ...}`; and the text of NASLib's tuple, which has the numbers and the order of ours.
    The release knows of no isomorphism, so every architecture is its own class.
    """

    noun = "cell"

    def __init__(self) -> None:
        forms = {
            "official": Form(_read_official, _write_official, "64-41414-1_02_333"),
            "digits": Form(_read_digits, _write_digits, "102333"),
            "naslib": Form(self._read_tuple, str, "(1, 0, 2, 3, 3, 3)"),
        }
        super().__init__("transnas_micro", (Decision(f"{a}->{b}", OPERATIONS) for a, b in EDGES), forms)

    def _read_tuple(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            return self._checked(map(int, re.findall(r"\d+", arch))) if _TUPLE.fullmatch(arch) else None
        return self._checked(arch) if isinstance(arch, Iterable) and not isinstance(arch, Mapping) else None

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The cell: its nodes are sums of feature maps, its edges operations; those without operation are left out."""
        there = zip(EDGES, self._checked(arch), strict=True)
        return {"cell": Graph(_NODES, tuple((a, b, OPERATIONS[n]) for (a, b), n in there if n != NONE))}

    def graph_many(self, archs: object) -> GraphBatch:
        """The operations as nodes: input, the six edges in the order of the official string, output.

        An operation reads those that end where it begins. An edge without operation is no node (-1) and joins nothing.
        """
        import numpy as np

        batch = self.parse_many(archs)
        nodes = np.zeros((len(batch), len(EDGES) + 2), np.int16)
        nodes[:, 1:-1] = np.where(batch == NONE, -1, batch + np.int16(1))  # the first operation but none is label 2
        nodes[:, -1] = 1
        ends = ((-1, 0), *EDGES, (len(_NODES) - 1, len(_NODES)))  # input and output as edges into and out of the cell
        meet = np.array([[end == start for start, _ in ends] for _, end in ends])
        there = nodes >= 0
        adjacency = (meet & there[:, :, None] & there[:, None, :]).astype(np.uint8)
        return GraphBatch(("input", "output", *OPERATIONS[1:]), nodes, adjacency)


def _read_official(text: Any) -> Arch | None:
    found = _OFFICIAL.fullmatch(text) if isinstance(text, str) else None
    return found and tuple(map(int, found.groups()))


def _write_official(arch: Arch) -> str:
    a, b, c, d, e, f = arch
    return f"64-41414-{a}_{b}{c}_{d}{e}{f}"


def _read_digits(text: Any) -> Arch | None:
    return tuple(map(int, text)) if isinstance(text, str) and _SIX_DIGITS.fullmatch(text) else None


def _write_digits(arch: Arch) -> str:
    return "".join(map(str, arch))

"""The network space of TransNAS-Bench-101.

A network stacks four to six modules. Each keeps the feature maps as they are, doubles their channels, halves their
resolution, or does both: `64-1234-basic` names them by the digits 1 to 4. One to four modules halve the resolution,
one to three double the channels: 3,256 networks.

Source: Duan et al. 2021, https://arxiv.org/abs/2105.11871, section 3.2; the counts as in NASLib's sampler
(`TransBench101SearchSpaceMacro.sample_random_architecture`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.spaces.base import Arch, Decision, Form
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODULES = ("absent", "normal", "channels_x2", "resolution_half", "both")  # by the digit of the official string
ABSENT = 0
FEWEST, MOST = 4, 6  # modules
N_NETWORKS = 3_256

_DOUBLES_CHANNELS = (2, 4)
_HALVES_RESOLUTION = (3, 4)
_MOST_DOUBLED, _MOST_HALVED = 3, 4

_OFFICIAL = re.compile(r"64-([1-4]{4,6})-basic")
_DIGITS = re.compile("[1-4]{4,6}")
_TUPLE = re.compile(r"[(\[]?\s*(\d+\s*,\s*){3,5}\d+\s*,?\s*[)\]]?")


@final
class TransNASMacroSpace(ConstrainedSpace):
    """TransNAS-Bench-101, macro: six positions, each with a kind of module; the last two may stay empty.

    `parse` reads the official string `64-1234-basic`; its digits; four to six integers, the digits (zeros at the end
    are empty positions, as in NASLib's tuple); a mapping `{"module1": "normal", ...}` of all six.
    """

    noun = "network"

    def __init__(self) -> None:
        forms = {
            "official": Form(self._read_official, lambda arch: f"64-{_write_digits(arch)}-basic", "64-1234-basic"),
            "digits": Form(self._read_digits, _write_digits, "1234"),
            "naslib": Form(self._read_tuple, lambda arch: str(_modules(arch)), "(1, 2, 3, 4)"),
        }
        super().__init__("transnas_macro", (Decision(f"module{i + 1}", MODULES) for i in range(MOST)), forms)
        self.n_keys = N_NETWORKS

    # ---- which tuples are networks ----

    def _invalid(self, arch: Arch) -> str | None:
        n_modules = len(arch) - arch.count(ABSENT)
        if n_modules < FEWEST or ABSENT in arch[:n_modules]:
            return f"it needs {FEWEST} to {MOST} modules, and empty positions only after the last"
        doubled = sum(module in _DOUBLES_CHANNELS for module in arch)
        halved = sum(module in _HALVES_RESOLUTION for module in arch)
        if not 1 <= doubled <= _MOST_DOUBLED:
            return f"{doubled} modules (2 or 4) double the channels; 1 to {_MOST_DOUBLED} must"
        if not 1 <= halved <= _MOST_HALVED:
            return f"{halved} modules (3 or 4) halve the resolution; 1 to {_MOST_HALVED} must"
        return None

    def valid_many(self, archs: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each row of an array (n_archs, 6) of choices is a network: bool (n_archs,)."""
        import numpy as np

        there = archs != ABSENT
        doubled = np.isin(archs, _DOUBLES_CHANNELS).sum(axis=1)
        halved = np.isin(archs, _HALVES_RESOLUTION).sum(axis=1)
        valid: NDArray[np.bool_] = (
            there[:, :FEWEST].all(axis=1)
            & (there[:, FEWEST] | ~there[:, FEWEST + 1])
            & (doubled >= 1)
            & (doubled <= _MOST_DOUBLED)
            & (halved >= 1)
            & (halved <= _MOST_HALVED)
        )
        return valid

    # ---- forms ----

    def _read_official(self, text: Any) -> Arch | None:
        found = _OFFICIAL.fullmatch(text) if isinstance(text, str) else None
        return found and self._padded(map(int, found[1]))

    def _read_digits(self, text: Any) -> Arch | None:
        return self._padded(map(int, text)) if isinstance(text, str) and _DIGITS.fullmatch(text) else None

    def _read_tuple(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            return self._padded(map(int, re.findall(r"\d+", arch))) if _TUPLE.fullmatch(arch) else None
        return self._padded(arch) if isinstance(arch, Iterable) and not isinstance(arch, Mapping) else None

    def _padded(self, modules: Iterable[Any]) -> Arch:
        """Four to six modules, and empty positions after them."""
        numbers = tuple(modules)
        absent = (ABSENT,) * (MOST - len(numbers))
        return self._checked(numbers + absent if len(numbers) >= FEWEST else numbers)

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The chain of modules, each with the channels it puts out and the share of the input's resolution."""
        channels, share = 64, 4  # the stem quarters the resolution
        labels = [f"stem: {channels} channels, 1/{share}"]
        for module in self._checked(arch):
            if module != ABSENT:
                channels *= 1 + (module in _DOUBLES_CHANNELS)
                share *= 1 + (module in _HALVES_RESOLUTION)
                labels.append(f"{MODULES[module]}: {channels} channels, 1/{share}")
        return {"network": Graph.chain(("input", *labels, "output"))}

    def graph_many(self, archs: object) -> GraphBatch:
        """The chain of modules: input, the six positions, output; an empty position has no node."""
        import numpy as np

        batch = self.parse_many(archs)
        n_nodes = MOST + 2
        nodes = np.empty((len(batch), n_nodes), np.int16)
        nodes[:, 0], nodes[:, -1] = 0, 1
        nodes[:, 1:-1] = np.where(batch == ABSENT, -1, batch.astype(np.int16) + 1)
        adjacency = np.zeros((len(batch), n_nodes, n_nodes), np.uint8)
        adjacency[:, range(FEWEST), range(1, FEWEST + 1)] = 1
        there = batch != ABSENT
        for position in range(FEWEST, MOST):
            adjacency[:, position, position + 1] = there[:, position]
        adjacency[np.arange(len(batch)), there.sum(axis=1), -1] = 1
        return GraphBatch(("input", "output", *MODULES[1:]), nodes, adjacency)


def _modules(arch: Arch) -> Arch:
    return tuple([module for module in arch if module != ABSENT])


def _write_digits(arch: Arch) -> str:
    return "".join(map(str, _modules(arch)))

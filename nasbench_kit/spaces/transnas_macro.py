"""The network space of TransNAS-Bench-101.

A network stacks four to six modules. Each keeps the feature maps as they are, doubles their channels, halves their
resolution, or does both: `64-1234-basic` names them by the digits 1 to 4. One to four modules halve the resolution,
one to three double the channels: 3,256 networks.

Source: Duan et al. 2021, https://arxiv.org/abs/2105.11871, section 3.2; the counts as in NASLib's sampler
(`TransBench101SearchSpaceMacro.sample_random_architecture`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision
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
    are empty positions, as in NASLib's tuple); a mapping `{"module 1": "normal", ...}` of all six.
    """

    forms = ("official", "digits", "naslib")

    def __init__(self) -> None:
        super().__init__("transnas_macro", (Decision(f"module {i + 1}", MODULES) for i in range(MOST)))
        self.n_keys = N_NETWORKS

    def __reduce__(self) -> tuple[Any, ...]:
        return TransNASMacroSpace, ()

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

    # ---- text ----

    def _checked(self, arch: Iterable[Any]) -> Arch:
        numbers = tuple(arch)
        if FEWEST <= len(numbers) < MOST:
            numbers += (ABSENT,) * (MOST - len(numbers))
        return super()._checked(numbers)

    def _parse_text(self, text: str) -> Sequence[int]:
        official = _OFFICIAL.fullmatch(text)
        digits = official.group(1) if official else text
        if _DIGITS.fullmatch(digits):
            return self._checked(map(int, digits))
        if _TUPLE.fullmatch(text):
            return self._checked(map(int, re.findall(r"\d+", text)))
        raise ArchitectureError(
            f"{text[:80]!r} is no network of {self.name}; one looks like '64-1234-basic' (four to six digits 1 to 4)"
            " or '1234'"
        )

    def _parse_form(self, arch: object, form: str) -> Arch:
        if form not in self.forms:
            raise unknown("form", form, self.forms)
        pattern = {"official": _OFFICIAL, "digits": _DIGITS, "naslib": _TUPLE}[form]
        example = {"official": "64-1234-basic", "digits": "1234", "naslib": "(1, 2, 3, 4)"}[form]
        if not (pattern.fullmatch(arch) if isinstance(arch, str) else form == "naslib" and isinstance(arch, Iterable)):
            raise ArchitectureError(f"{str(arch)[:80]!r} is not of the form {form!r}, like {example!r}")
        return self.parse(arch)

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The official string of one network, its digits, or the text of NASLib's tuple."""
        modules = tuple(module for module in self._checked(arch) if module != ABSENT)
        digits = "".join(map(str, modules))
        if form == "digits":
            return digits
        if form == "naslib":
            return str(modules)
        if form not in (None, "official"):
            raise unknown("form", form, self.forms)
        return f"64-{digits}-basic"

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

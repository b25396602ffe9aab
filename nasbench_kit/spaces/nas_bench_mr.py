"""The space of NAS-Bench-MR: networks of up to four branches of different resolution, by width and depth.

Source: Ding et al. 2022, "Learning Versatile Neural Architectures by Propagating Network Codes",
https://arxiv.org/abs/2103.13253; github.com/dingmyu/NCP, README ("Data Format") and data/search_list.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Space

CHANNELS = tuple(range(8, 129, 8))
COUNTS = (1, 2, 3, 4)
STAGES = (1, 2, 3, 4)  # a stage has as many branches as its number


def _decisions() -> list[tuple[str, tuple[int, ...]]]:
    """Name and choices, in the order of the official code of 27 numbers."""
    found: list[tuple[str, tuple[int, ...]]] = [("input channels 1", CHANNELS), ("input channels 2", CHANNELS)]
    for stage in STAGES:
        found.append((f"stage {stage}: blocks", COUNTS))
        found += [(f"stage {stage}, branch {branch + 1}: units", COUNTS) for branch in range(stage)]
        found += [(f"stage {stage}, branch {branch + 1}: channels", CHANNELS) for branch in range(stage)]
    return [*found, ("output channels", CHANNELS)]


_VALUES = tuple(choices for _, choices in _decisions())
_N = len(_VALUES)
_STAGE_STARTS = (2, 5, 10, 17)  # where the official code says how many blocks a stage has


@final
class NASBenchMRSpace(Space):
    """NAS-Bench-MR: 27 numbers, of channels (8, 16, ... 128), blocks and residual units (1 to 4); 10^24 networks.

    `parse` reads the official text, `96_128-1_1_1_48-...-64`, in which each stage also names its number of branches;
    the official code of 27 numbers (`embedding`) with `form="code"`, as a sequence or text; a mapping of the names of
    decisions to numbers. 27 integers without a form are positions among the choices, as in every space.
    """

    forms = ("official", "code")

    def __init__(self) -> None:
        super().__init__("nas_bench_mr", (Decision(name, tuple(map(str, choices))) for name, choices in _decisions()))

    def __reduce__(self) -> tuple[Any, ...]:
        return NASBenchMRSpace, ()

    # ---- text ----

    def _parse_text(self, text: str) -> Sequence[int]:
        try:
            parts = [[int(number) for number in part.split("_")] for part in text.strip().split("-")]
        except ValueError:
            raise _not_a_network(text) from None
        if [len(part) for part in parts] != [2, 4, 6, 8, 10, 1]:
            raise _not_a_network(text)
        for stage in STAGES:
            branches = parts[stage].pop(1)
            if branches != stage:
                raise ArchitectureError(f"{text!r:.120}: stage {stage} says it has {branches} branches; it has {stage}")
        return self._parse_code([number for part in parts for number in part])

    def _parse_form(self, arch: object, form: str) -> Arch:
        if form not in self.forms:
            raise unknown("form", form, self.forms)
        if form == "official":
            return self.parse(arch)
        if isinstance(arch, str):
            numbers: Iterable[Any] = arch.strip(" [()]").split(",")
        elif isinstance(arch, Iterable) and not isinstance(arch, Mapping):
            numbers = arch
        else:
            raise ArchitectureError(f"{arch!r:.80} is not of the form 'code'; {_N} numbers expected")
        return self._parse_code(numbers)

    def _parse_code(self, numbers: Iterable[Any]) -> Arch:
        try:
            values = [int(number) for number in numbers]
        except (TypeError, ValueError):
            raise ArchitectureError(f"{numbers!r:.80} is not of the form 'code'; {_N} numbers expected") from None
        if len(values) != _N:
            raise ArchitectureError(f"{values} has {len(values)} numbers; a code of nas_bench_mr has {_N}")
        for value, choices, decision in zip(values, _VALUES, self.decisions, strict=True):
            if value not in choices:
                raise unknown(f"number of {decision.name}", value, decision.choices)
        return tuple(choices.index(value) for value, choices in zip(values, _VALUES, strict=True))

    def _choice(self, i: int, choice: object) -> int:
        return super()._choice(i, str(choice))

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The official text of one network, or the text of its code of 27 numbers."""
        code = self.code(arch)
        if form == "code":
            return str(list(code))
        if form not in (None, "official"):
            raise unknown("form", form, self.forms)
        parts = [list(code[:2]), *(list(code[a:b]) for a, b in zip(_STAGE_STARTS, (5, 10, 17, 26), strict=True))]
        for stage in STAGES:
            parts[stage].insert(1, stage)
        return "-".join("_".join(map(str, part)) for part in [*parts, [code[-1]]])

    def code(self, arch: Sequence[int]) -> tuple[int, ...]:
        """The 27 numbers of channels, blocks and units of one network: `embedding` in the release."""
        return tuple(choices[i] for i, choices in zip(self._checked(arch), _VALUES, strict=True))


def _not_a_network(text: str) -> ArchitectureError:
    return ArchitectureError(
        f"{text!r:.120} is no network of nas_bench_mr; one looks like"
        " '96_128-1_1_1_48-1_2_1_1_128_8-1_3_1_1_1_128_128_120-4_4_4_4_4_4_128_128_128_128-64'"
    )

"""The space of NAS-Bench-MR: networks of up to four branches of different resolution, by width and depth.

Source: Ding et al. 2022, "Learning Versatile Neural Architectures by Propagating Network Codes",
https://arxiv.org/abs/2103.13253; github.com/dingmyu/NCP, README ("Data Format") and data/search_list.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Form, Space, never

CHANNELS = tuple(range(8, 129, 8))
COUNTS = (1, 2, 3, 4)
STAGES = (1, 2, 3, 4)  # a stage has as many branches as its number


def _decisions() -> list[tuple[str, tuple[int, ...]]]:
    """Name and choices, in the order of the official code of 27 numbers."""
    found: list[tuple[str, tuple[int, ...]]] = [("input_channels_1", CHANNELS), ("input_channels_2", CHANNELS)]
    for stage in STAGES:
        found.append((f"stage{stage}_blocks", COUNTS))
        found += [(f"stage{stage}_branch{branch + 1}_units", COUNTS) for branch in range(stage)]
        found += [(f"stage{stage}_branch{branch + 1}_channels", CHANNELS) for branch in range(stage)]
    return [*found, ("output_channels", CHANNELS)]


_VALUES = tuple(choices for _, choices in _decisions())
_N = len(_VALUES)
_EXAMPLE = "96_128-1_1_1_48-1_2_1_1_128_8-1_3_1_1_1_128_128_120-4_4_4_4_4_4_128_128_128_128-64"
_EXAMPLE_CODE = "[96, 128, 1, 1, 48, 1, 1, 1, 128, 8, 1, 1, 1, 1, 128, 128, 120, 4, 4, 4, 4, 4, 128, 128, 128, 128, 64]"
_STAGE_STARTS = (2, 5, 10, 17)  # where the official code says how many blocks a stage has


@final
class NASBenchMRSpace(Space):
    """NAS-Bench-MR: 27 numbers, of channels (8, 16, ... 128), blocks and residual units (1 to 4); 10^24 networks.

    `parse` reads the official text, `96_128-1_1_1_48-...-64`, in which each stage also names its number of branches;
    the official code of 27 numbers (`embedding`) with `form="code"`, as a sequence or text; a mapping of the names of
    decisions to numbers. 27 integers without a form are positions among the choices, as in every space.
    """

    noun = "network"

    def __init__(self) -> None:
        decisions = (Decision(name, tuple(map(str, choices)), ordered=True) for name, choices in _decisions())
        forms = {
            "official": Form(self._read_official, self._write_official, _EXAMPLE),
            "code": Form(self._read_code, lambda arch: str(list(self.code(arch))), _EXAMPLE_CODE, never),
        }
        super().__init__("nas_bench_mr", decisions, forms)

    # ---- forms ----

    def _read_official(self, text: Any) -> Arch | None:
        try:
            parts = [[int(number) for number in part.split("_")] for part in text.strip().split("-")]
        except (AttributeError, ValueError):
            return None
        if [len(part) for part in parts] != [2, 4, 6, 8, 10, 1]:
            return None
        for stage in STAGES:
            branches = parts[stage].pop(1)
            if branches != stage:
                raise ArchitectureError(f"{text!r:.120}: stage {stage} says it has {branches} branches; it has {stage}")
        return self._from_code([number for part in parts for number in part])

    def _read_code(self, arch: Any) -> Arch | None:
        if isinstance(arch, str):
            arch = arch.strip(" [()]").split(",")
        if not isinstance(arch, Iterable) or isinstance(arch, Mapping):
            return None
        try:
            numbers = [float(number) for number in arch]
        except (TypeError, ValueError):
            return None
        return self._from_code(list(map(int, numbers))) if all(n.is_integer() for n in numbers) else None

    def _from_code(self, values: Sequence[int]) -> Arch:
        if len(values) != _N:
            raise ArchitectureError(f"{values} has {len(values)} numbers; a code of nas_bench_mr has {_N}")
        for value, choices, decision in zip(values, _VALUES, self.decisions, strict=True):
            if value not in choices:
                raise unknown(f"number of {decision.name}", value, decision.choices)
        return tuple(choices.index(value) for value, choices in zip(values, _VALUES, strict=True))

    def _write_official(self, arch: Arch) -> str:
        code = self.code(arch)
        parts = [list(code[:2]), *(list(code[a:b]) for a, b in zip(_STAGE_STARTS, (5, 10, 17, 26), strict=True))]
        for stage in STAGES:
            parts[stage].insert(1, stage)
        return "-".join("_".join(map(str, part)) for part in [*parts, [code[-1]]])

    def code(self, arch: Sequence[int]) -> tuple[int, ...]:
        """The 27 numbers of channels, blocks and units of one network: `embedding` in the release."""
        return tuple(choices[i] for i, choices in zip(self._checked(arch), _VALUES, strict=True))

"""The size space of NATS-Bench: the numbers of channels of five layers of one fixed network.

Each of five layers has 8, 16, ... or 64 channels: 8^5 = 32,768 architectures. All use the same cell.

Source: Dong, Liu, Musial and Gabrys 2021, https://arxiv.org/abs/2009.00437, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import ArchitectureError, unknown
from nasbench_kit.spaces.base import Arch, Decision, Space
from nasbench_kit.spaces.graph import Graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = tuple(map(str, range(8, 65, 8)))
N_LAYERS = 5
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

_CODES = {channels: code for code, channels in enumerate(CHANNELS)}
_LAYERS = ("layer1", "layer2", "layer3", "layer4", "layer5")


@final
class NATSBenchSizeSpace(Space):
    """NATS-Bench's size space: five layers, eight numbers of channels each.

    `parse` reads the official text, "8:8:40:32:40"; an integer, the position in the official release; five integers,
    each the position of a number of channels (0 is 8, 7 is 64); a mapping `{"layer1": "8", ...}`.
    """

    def __init__(self) -> None:
        super().__init__("natsbench_sss", (Decision(layer, CHANNELS) for layer in _LAYERS))

    def __reduce__(self) -> tuple[Any, ...]:
        return NATSBenchSizeSpace, ()

    def _parse_text(self, text: str) -> Sequence[int]:
        channels = text.split(":")
        if len(channels) != N_LAYERS:
            raise ArchitectureError(f"{text!r:.120} is no architecture of {self.name}; one looks like '8:8:40:32:40'")
        try:
            return [_CODES[n] for n in channels]
        except KeyError as error:
            raise unknown("number of channels", error.args[0], CHANNELS) from None

    def _parse_form(self, arch: object, form: str) -> Arch:
        if form in self.forms and not isinstance(arch, str):
            raise ArchitectureError(f"{arch!r} is not of the form {form!r}, like '8:8:40:32:40'")
        return super()._parse_form(arch, form)

    def _parse_index(self, index: int) -> Arch:
        if not 0 <= index < self.size:
            raise ArchitectureError(f"official index {index} is out of range; choose from 0 to {self.size - 1}")
        return self.unrank(index)

    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The official text of one architecture: its numbers of channels, separated by colons."""
        if form not in (None, *self.forms):
            raise unknown("form", form, self.forms)
        return ":".join([CHANNELS[code] for code in self._checked(arch)])

    def index(self, arch: Arch) -> int:
        """The position of one architecture in the official release, which is its `rank`."""
        return self.rank(self._checked(arch))

    def index_many(self, archs: object) -> NDArray[np.int64]:
        """`index` for each architecture of a batch: int64 (n_archs,)."""
        return self.rank_many(archs)

    def parse_many(self, archs: Any) -> NDArray[np.uint8]:
        """As for every space; a 1-D array of integers holds official positions."""
        import numpy as np

        if isinstance(archs, np.ndarray) and archs.ndim == 1 and archs.dtype.kind in "ui":
            self._refuse_single(archs.tolist() if len(archs) == self.n_decisions else ())
            if archs.size and (archs.min() < 0 or archs.max() >= self.size):
                wrong = archs[(archs < 0) | (archs >= self.size)][0]
                raise ArchitectureError(f"official index {wrong} is out of range; choose from 0 to {self.size - 1}")
            return self.unrank_many(archs)
        return super().parse_many(archs)

    def graphs(self, arch: Sequence[int]) -> dict[str, Graph]:
        """The network as a chain of layers with their numbers of channels."""
        layers = [f"{CHANNELS[code]} channels" for code in self._checked(arch)]
        return {"network": Graph.chain(("image", *layers, "classes"))}

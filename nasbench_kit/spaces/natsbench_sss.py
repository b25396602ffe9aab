"""The size space of NATS-Bench: the numbers of channels of five layers of one fixed network.

Each of five layers has 8, 16, ... or 64 channels: 8^5 = 32,768 architectures. All use the same cell.

Source: Dong, Liu, Musial and Gabrys 2021, https://arxiv.org/abs/2009.00437, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from nasbench_kit.errors import unknown
from nasbench_kit.spaces.base import Arch, Decision, Form, OfficialOrder, Space
from nasbench_kit.spaces.graph import Graph

CHANNELS = tuple(map(str, range(8, 65, 8)))
N_LAYERS = 5
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

_CODES = {channels: code for code, channels in enumerate(CHANNELS)}
_RANKS = range(len(CHANNELS) ** N_LAYERS)  # which are the positions in the release
_LAYERS = ("layer1", "layer2", "layer3", "layer4", "layer5")


@final
class NATSBenchSizeSpace(Space):
    """NATS-Bench's size space: five layers, eight numbers of channels each.

    `parse` reads the official text, "8:8:40:32:40"; an integer, the position in the official release; five integers,
    each the position of a number of channels (0 is 8, 7 is 64); a mapping `{"layer1": "8", ...}`.
    """

    def __init__(self) -> None:
        forms = {"official": Form(_read, _write, "8:8:40:32:40")}
        super().__init__("natsbench_sss", (Decision(layer, CHANNELS, ordered=True) for layer in _LAYERS), forms)
        self.official_order = OfficialOrder(lambda: _RANKS, lambda: _RANKS)

    def graphs(self, arch: Sequence[int]) -> dict[str, Graph]:
        """The network as a chain of layers with their numbers of channels."""
        layers = [f"{CHANNELS[code]} channels" for code in self._checked(arch)]
        return {"network": Graph.chain(("image", *layers, "classes"))}


def _read(text: Any) -> Arch | None:
    if not isinstance(text, str):
        return None
    channels = text.split(":")
    if len(channels) != N_LAYERS:
        return None
    try:
        return tuple([_CODES[n] for n in channels])
    except KeyError as error:
        raise unknown("number of channels", error.args[0], CHANNELS) from None


def _write(arch: Arch) -> str:
    return ":".join([CHANNELS[code] for code in arch])

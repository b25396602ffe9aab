"""The macro space of NAS-Bench-Macro: eight layers, each an identity or one of two MobileNetV2 blocks.

Source: Su et al. 2021, "Prioritized Architecture Sampling with Monto-Carlo Tree Search",
https://arxiv.org/abs/2103.11922, section 3.4 and appendix A; https://github.com/xiusu/NAS-Bench-Macro.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from nasbench_kit.spaces.base import Arch, Decision, Form, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCKS = ("identity", "MB3", "MB6")  # MB3: kernel 3, expansion 3; MB6: kernel 5, expansion 6
_LAYERS = 8
# Layers of the same width, but the first of each width: the first changes width and resolution, so that an identity
# there is no identity. Source: NAS-Bench-Macro, train/collect_benchmark.py (widths of 2, 3 and 3 layers)
_INNER = (slice(1, 2), slice(3, 5), slice(6, 8))


@final
class NASBenchMacroSpace(Space):
    """NAS-Bench-Macro: eight layers of three choices, 6,561 networks.

    `parse` reads the official text, eight digits (0 identity, 1 MB3, 2 MB6); eight integers; a mapping
    `{"layer1": "MB6", ...}`.
    """

    noun = "network"

    def __init__(self) -> None:
        forms = {"official": Form(_read, _write, "00120012")}
        super().__init__("nas_bench_macro", (Decision(f"layer{i + 1}", BLOCKS) for i in range(_LAYERS)), forms)
        self.n_classes = 3_969

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per network, equal for those that are the same: 3,969 classes.

        Identities may stand anywhere among the layers of a width but the first. The release trained one network of
        each class and copied its results to the others.

        Source: NAS-Bench-Macro, train/collect_benchmark.py, `get_real_arch`.

        Returns:
            uint64 (n_archs,): the smallest `rank` in the class.
        """
        import numpy as np

        smallest = self.parse_many(archs).copy()
        for inner in _INNER:
            layers = smallest[:, inner]
            identities_first = np.argsort(layers != 0, axis=1, kind="stable")
            smallest[:, inner] = np.take_along_axis(layers, identities_first, axis=1)
        return self.rank_many(smallest).astype(np.uint64)


def _read(text: Any) -> Arch | None:
    if not isinstance(text, str) or len(text) != _LAYERS or not all(digit in "012" for digit in text):
        return None
    return tuple(map(int, text))


def _write(arch: Arch) -> str:
    return "".join(map(str, arch))

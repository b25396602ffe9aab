"""Graph isomorphism networks, Xu et al. 2019, https://arxiv.org/abs/1810.00826, in plain torch on dense adjacency.

The graphs are those of `space.graph_many`, so any space with graphs has one, and isomorphic cells, whose nodes stand in
another order, have the same prediction up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.predictors.base import Ranges
from nasbench_kit.predictors.neural import SHARED, Inputs, Neural
from nasbench_kit.predictors.settings import Setting
from nasbench_kit.spaces import Space

RESIDUAL, PUBLISHED = KINDS = ("residual", "published")


@final
class GIN(Neural):
    """A graph neural network.

    Args:
        space: What it reads.
        settings: See `known`. `kind` is "residual", whose nodes hear what they read, what reads them, and the sum of
            all; or "published", that of NAS-Bench-301: a node hears what it reads and a virtual node, and the readout
            is the mean over nodes.
    """

    name = "gin"
    known: ClassVar[Mapping[str, Setting]] = {
        "kind": Setting(RESIDUAL, choices=KINDS),
        "hidden": Setting(64, 1, 4_096),
        "layers": Setting(5, 1, 64),
        "head": Setting(128, 1, 4_096),  # units of the readout; "published" has none
        "virtual_node": Setting(True),  # in "published"
        "dropout": Setting(0.1, 0.0, 0.99),
        **SHARED,
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        # Source: NAS-Bench-301, https://arxiv.org/abs/2008.09777, the tuned configuration of its repository
        "nasbench301": {
            "kind": PUBLISHED, "hidden": 24, "layers": 8, "dropout": 0.035, "epochs": 128, "batch_size": 51,
            "learning_rate": 0.0777, "warmup": 0.0, "weight_decay": 0.0, "optimizer": "adam", "loss": "l1",
        },
    }  # fmt: skip
    ranges: ClassVar[Ranges] = {
        "hidden": [32, 48, 64, 96],
        "layers": (3, 8),
        "dropout": (0.0, 0.3),
        "learning_rate": (5e-4, 1e-2, "log"),
        "weight_decay": (1e-3, 0.3, "log"),
    }

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        super().__init__(space, settings)
        graphs = space.graph_many(space.sample_many(np.random.default_rng(0), 1))
        self._labels = graphs.labels

    def _inputs(self, archs: NDArray[np.uint8]) -> Inputs:
        graphs = self.space.graph_many(archs)
        return graphs.nodes, graphs.adjacency

    def _build(self, n_outputs: int) -> Any:
        from nasbench_kit.predictors.gin_layers import Published, Residual

        settings = self.settings
        sizes = {name: settings[name] for name in ("hidden", "layers", "dropout")}
        if settings["kind"] == PUBLISHED:
            return Published(len(self._labels), n_outputs, virtual_node=settings["virtual_node"], **sizes)
        outputs = [i for i, label in enumerate(self._labels) if label == "output"]
        return Residual(
            len(self._labels), n_outputs, head=settings["head"], output=outputs[0] if outputs else None, **sizes
        )

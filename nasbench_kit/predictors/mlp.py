"""A multilayer perceptron on paths and other encodings, after BANANAS, White et al. 2021."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import best_dense, matrix
from nasbench_kit.predictors.base import Data, Ranges
from nasbench_kit.predictors.boosters import AUTO
from nasbench_kit.predictors.neural import SHARED, Inputs, Neural
from nasbench_kit.predictors.settings import Setting
from nasbench_kit.spaces import Space

ACTIVATIONS = ("silu", "relu", "selu")
_COLUMNS = "columns"  # the tensor that is 1 for each column that is read


@final
class MLP(Neural):
    """A dense network; its hidden layers are added to what they read.

    It reads the columns that vary in the training data; counts as `log(1 + count)`.

    Args:
        space: What it reads.
        settings: See `known`.
    """

    name = "mlp"
    known: ClassVar[Mapping[str, Setting]] = {
        "encoding": Setting(AUTO),
        "hidden": Setting(256, 1, 8_192),
        "layers": Setting(2, 0, 64),  # besides the first
        "activation": Setting("silu", choices=ACTIVATIONS),
        "dropout": Setting(0.2, 0.0, 0.99),
        **SHARED,
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}}
    ranges: ClassVar[Ranges] = {
        "hidden": [128, 256, 512],
        "layers": (1, 4),
        "dropout": (0.0, 0.4),
        "learning_rate": (5e-4, 1e-2, "log"),
        "weight_decay": (1e-3, 0.3, "log"),
    }

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        super().__init__(space, settings)
        if self.settings["encoding"] == AUTO:
            found = best_dense(space)  # its positions of operations on a scale are for trees
            self.settings["encoding"] = "one_hot+adjacency" if found == "configuration" else found
        self._columns = np.zeros(0, np.int64)
        self._n_columns = self._matrix(space.sample_many(np.random.default_rng(0), 1)).shape[1]

    def _matrix(self, archs: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.log1p(matrix(self.space, archs, self.settings["encoding"])) / np.float32(np.log(2))  # 1 stays 1

    def _inputs(self, archs: NDArray[np.uint8]) -> Inputs:
        return (self._matrix(archs)[:, self._columns],)

    def _prepare(self, train: Data) -> None:
        features = self._matrix(train.archs)
        self._columns = np.flatnonzero((features != features[0]).any(axis=0))

    def _fixed(self) -> dict[str, NDArray[Any]]:
        read = np.zeros(self._n_columns, np.uint8)
        read[self._columns] = 1
        return {_COLUMNS: read}

    def _restore(self, fixed: dict[str, NDArray[Any]]) -> None:
        read = fixed.pop(_COLUMNS)
        if read.shape != (self._n_columns,):
            raise ValueError(f"{len(read.ravel())} columns, {self._n_columns} expected")
        self._columns = np.flatnonzero(read)

    def _build(self, n_outputs: int) -> Any:
        from nasbench_kit.predictors.mlp_layers import Dense

        sizes = {name: self.settings[name] for name in ("hidden", "layers", "dropout", "activation")}
        return Dense(len(self._columns), n_outputs, **sizes)

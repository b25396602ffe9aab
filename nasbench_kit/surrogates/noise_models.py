"""Models of how runs differ, in files: `fit_noise` writes them, a surrogate of fitted members reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import matrix
from nasbench_kit.errors import SurrogateError, listed
from nasbench_kit.predictors import model_class
from nasbench_kit.spaces import Space
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE

_FILE = "noise.json"
_CHUNK = 8_192  # architectures whose features are held in memory at a time
_MOST_MODELS = 100


class NoisePart(NamedTuple):
    """What is learned of one kind: models whose mean output, shifted and scaled, has zero mean and unit variance."""

    models: list[Any]
    shift: NDArray[np.float64]  #: (n_outputs,)
    scale: NDArray[np.float64]  #: (n_outputs,)

    def outputs(self, n_archs: int, features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Predict for so many architectures, by their features in each encoding: (n_archs, n_outputs)."""
        total = np.zeros((n_archs, len(self.shift)))
        for model in self.models:
            total += model.predict_features(features[model.settings["encoding"]])
        return (total / max(1, len(self.models)) - self.shift) / self.scale


def write_noise(folder: Path, parts: Mapping[str, NoisePart]) -> None:
    """Write the models of each kind into a folder that exists."""
    content = {}
    for kind, part in parts.items():
        content[kind] = {"n_models": len(part.models), "shift": part.shift.tolist(), "scale": part.scale.tolist()}
        for k, model in enumerate(part.models):
            where = folder / f"{kind}_{k}"
            where.mkdir(exist_ok=True)
            model.save(where)
    (folder / _FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@final
class NoiseModels:
    """Predict the outputs of noise and collapse of one or several metrics."""

    def __init__(self, space: Space, parts: Sequence[NoisePart]) -> None:
        self._space, self._parts = space, parts

    @classmethod
    def load(cls, space: Space, folders: Sequence[Path]) -> Self:
        """Read what `write_noise` wrote into these folders.

        Raises:
            SurrogateError: A file is absent or damaged.
        """
        parts = []
        for folder in folders:
            path = folder / _FILE
            try:
                content = dict(json.loads(path.read_text(encoding="utf-8")))
                if not content.keys() <= {NOISE, COLLAPSE}:
                    raise ValueError(f"of kinds {listed(content)}")
                for kind in (NOISE, COLLAPSE):
                    if kind in content:
                        entry = content[kind]
                        shift, scale = (np.array(entry[name], np.float64) for name in ("shift", "scale"))
                        if shift.ndim != 1 or shift.shape != scale.shape or not (scale > 0).all():
                            raise ValueError(f"shift and scale of {kind} do not fit together")
                        if not isinstance(entry["n_models"], int) or not 0 <= entry["n_models"] <= _MOST_MODELS:
                            raise ValueError(f"n_models={entry['n_models']!r:.20}")
                        models = [
                            model_class("lightgbm").load(space, folder / f"{kind}_{k}")
                            for k in range(entry["n_models"])
                        ]
                        parts.append(NoisePart(models, shift, scale))
            except OSError as error:
                raise SurrogateError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise SurrogateError(f"{str(path)!r} describes no models of noise, or is damaged: {error}") from None
        return cls(space, parts)

    def outputs(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict for a batch: (n_archs, n_noise), in the order of the targets that were fitted, folder by folder."""
        encodings = sorted({model.settings["encoding"] for part in self._parts for model in part.models})
        pieces = [np.empty((0, sum(len(part.shift) for part in self._parts)))]
        for start in range(0, len(archs), _CHUNK):
            some = archs[start : start + _CHUNK]
            features = {name: matrix(self._space, some, name) for name in encodings}
            found = [part.outputs(len(some), features) for part in self._parts]
            pieces.append(np.hstack([np.empty((len(some), 0)), *found]))
        return np.concatenate(pieces)

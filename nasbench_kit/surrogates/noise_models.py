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
        parts: list[NoisePart] = []
        for path in (folder / _FILE for folder in folders):
            try:
                parts += _read(space, path)
            except OSError as error:
                raise SurrogateError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise SurrogateError(f"{str(path)!r} describes no models of noise, or is damaged: {error}") from None
        return cls(space, parts)

    def outputs(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict for a batch: (n_archs, n_noise), in the order of the targets that were fitted, folder by folder."""
        found = np.empty((len(archs), sum(len(part.shift) for part in self._parts)))
        if len(archs) and self._parts:
            encodings = {model.settings["encoding"] for part in self._parts for model in part.models}
            features = {name: matrix(self._space, archs, name) for name in encodings}
            np.concatenate([part.outputs(len(archs), features) for part in self._parts], axis=1, out=found)
        return found


def _read(space: Space, path: Path) -> list[NoisePart]:
    """Read the models that a file describes, from beside it; raises ValueError or the like where it is damaged."""
    content = dict(json.loads(path.read_text(encoding="utf-8")))
    if not content.keys() <= {NOISE, COLLAPSE}:
        raise ValueError(f"of kinds {listed(content)}")
    parts = []
    for kind in (kind for kind in (NOISE, COLLAPSE) if kind in content):
        n_models, *arrays = (content[kind][name] for name in ("n_models", "shift", "scale"))
        shift, scale = (np.array(array, np.float64) for array in arrays)
        if shift.ndim != 1 or shift.shape != scale.shape or not (scale > 0).all():
            raise ValueError(f"shift and scale of {kind} do not fit together")
        if not isinstance(n_models, int) or not 0 <= n_models <= _MOST_MODELS:
            raise ValueError(f"n_models={n_models!r:.20}")
        models = [model_class("lightgbm").load(space, path.with_name(f"{kind}_{k}")) for k in range(n_models)]
        parts.append(NoisePart(models, shift, scale))
    return parts

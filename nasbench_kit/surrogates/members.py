"""A surrogate whose members are fitted models, each read from its folder: what `surrogate fit` makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SurrogateError
from nasbench_kit.predictors import model_class
from nasbench_kit.surrogates.card import is_inside
from nasbench_kit.surrogates.noise_models import NoiseModels
from nasbench_kit.surrogates.surrogate import Ensemble, Outputs
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE

if TYPE_CHECKING:
    from nasbench_kit.predictors import Predictor
    from nasbench_kit.surrogates.card import Card

_CHUNK = 1 << 14  # architectures whose outputs are computed at a time


@final
class Members(Ensemble):
    """Predict by fitted models, and by models of the noise between runs.

    Args:
        members: One model per member.
        noise: Those of the noise; without parts where none were fitted.
    """

    def __init__(self, members: Sequence[Predictor], noise: NoiseModels) -> None:
        self._members, self._noise = members, noise

    def outputs(self, archs: NDArray[np.uint8]) -> Outputs:
        """Predict the outputs of a batch: (n_archs, n_members, n_values) and (n_archs, n_noise)."""
        parts = [archs[start : start + _CHUNK] for start in range(0, len(archs) or 1, _CHUNK)]
        found = [np.stack([member.predict(part) for member in self._members], axis=1) for part in parts]
        return np.concatenate(found), np.concatenate([self._noise.outputs(part) for part in parts])


def load(folder: str, card: Card) -> Members:
    """Load the members of a surrogate.

    Raises:
        SurrogateError: A file is absent or damaged, or does not fit the card.
    """
    try:
        model = model_class(card.predictor["model"])
        members, noise = ([_inside(folder, name) for name in card.predictor[part]] for part in ("members", "noise"))
    except (KeyError, TypeError) as error:
        raise SurrogateError(f"the card of {folder!r} does not say how its members are read: {error}") from None
    for path in {*members, *noise}:
        _check_files(path, folder, card)
    made = Members([model.load(card.space, path) for path in members], NoiseModels.load(card.space, noise))
    values, outputs = made.outputs(card.space.sample_many(np.random.default_rng(0), 1))  # one prediction tells
    shapes = values.shape, outputs.shape
    expected = (1, card.n_members, card.n_outputs(VALUE)), (1, card.n_outputs(NOISE, COLLAPSE))
    if shapes != expected:
        raise SurrogateError(f"{folder!r}: models with outputs of shape {shapes}; its card says {expected}")
    return made


def _inside(folder: str, name: str) -> Path:
    if not is_inside(name):
        raise SurrogateError(f"the card of {folder!r} names {name!r:.80}, which lies outside of the folder")
    return Path(folder, name)


def _check_files(models: Path, folder: str, card: Card) -> None:
    """Refuse a folder of models that holds what the card does not name, and so nobody compared with its hash."""
    for path in models.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name not in card.files and (path.is_symlink() or not path.is_dir()):
            raise SurrogateError(f"{folder!r} holds {name!r:.80}, which is none of the files that its card names")

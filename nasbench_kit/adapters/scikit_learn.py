"""Our predictors as regressors of scikit-learn, Pedregosa et al. 2011, https://jmlr.org/papers/v12/pedregosa11a.html."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.errors import SettingError, listed
from nasbench_kit.optimizers.base import check_at_least, check_number
from nasbench_kit.optional import require
from nasbench_kit.predictors import MODELS, Data, model_class
from nasbench_kit.predictors.tune import seed_of
from nasbench_kit.spaces.base import check_is_space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space

_base: Any = require("sklearn.base", "scikit-learn")
_check_is_fitted: Any = require("sklearn.utils.validation", "scikit-learn").check_is_fitted


@final
class PredictorRegressor(_base.RegressorMixin, _base.BaseEstimator):  # type: ignore[misc]
    """A predictor that scikit-learn can fit, clone, cross-validate and tune.

    X are architectures: `uint8` (n_archs, n_decisions), or a list of what `space.parse` reads, such as texts. y are
    numbers (n_archs,), or several per architecture, (n_archs, n_outputs); it is standardized before it is learned.

    Args:
        model: A name of `nasbench_kit.predictors.MODELS`.
        space: What its architectures are, such as `benchmark.space`.
        settings: Of the model; the others have its defaults.
        n_members: Models that differ in their seeds and in what they hold out; the prediction is their mean.
        validation_fraction: Share that each member holds out to stop early, drawn anew; 0: it trains all rounds.
        random_state: An integer; the same one gives the same predictions.

    Attributes:
        members_: The fitted models.
    """

    def __init__(
        self,
        model: str = "random_forest",
        space: Space | None = None,
        settings: Mapping[str, Any] | None = None,
        n_members: int = 1,
        validation_fraction: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.space = space
        self.settings = settings
        self.n_members = n_members
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: object, y: object) -> PredictorRegressor:  # noqa: N803 (as scikit-learn has it)
        """Learn from architectures and their values.

        Raises:
            SettingError: A parameter cannot be, or `y` is not a number per architecture.
            ArchitectureError: Something in `X` is no architecture of the space.
        """
        space, rng = self._checked()
        archs, outputs = space.parse_many(X), _numbers(y)
        if not len(archs):
            raise SettingError("X without architectures; at least one expected")
        if outputs.ndim not in (1, 2) or len(outputs) != len(archs) or not np.isfinite(outputs).all():
            raise SettingError(
                f"y of shape {outputs.shape} for {len(archs)} architectures; as many finite numbers expected"
            )
        self._is_single = outputs.ndim == 1
        outputs = outputs.reshape(len(archs), -1)
        self._mean, self._scale = outputs.mean(axis=0), outputs.std(axis=0)
        self._scale[self._scale == 0] = 1.0
        data = Data(archs, (outputs - self._mean) / self._scale)
        self.n_features_in_ = space.n_decisions
        self.members_ = []
        for number in range(self.n_members):
            order = rng.permutation(len(archs))
            n_held_out = int(self.validation_fraction * len(archs))
            parts = [Data(data.archs[rows], data.outputs[rows]) for rows in (order[n_held_out:], order[:n_held_out])]
            member = model_class(self.model)(space, self.settings or {})
            member.fit(*parts, seed=seed_of(self.random_state, number))
            self.members_.append(member)
        return self

    def predict(self, X: object, return_std: bool = False) -> Any:  # noqa: N803
        """The mean over the members: (n_archs,), or (n_archs, n_outputs) where `y` was such.

        Args:
            X: Architectures.
            return_std: Give the standard deviation over the members as well.

        Raises:
            SettingError: One member has no spread.
        """
        _check_is_fitted(self, "members_")
        if return_std and len(self.members_) < 2:
            raise SettingError(f"return_std=True with n_members={len(self.members_)}; at least 2 have a spread")
        archs = self._checked()[0].parse_many(X)
        found = np.stack([member.predict(archs) for member in self.members_]) * self._scale + self._mean
        mean, std = found.mean(axis=0), found.std(axis=0)
        if self._is_single:
            mean, std = mean[:, 0], std[:, 0]
        return (mean, std) if return_std else mean

    def _checked(self) -> tuple[Space, np.random.Generator]:
        if self.space is None:
            raise SettingError("space=None; the space of the architectures expected, such as benchmark.space")
        check_is_space(self.space)
        if not isinstance(self.model, str):
            raise SettingError(f"model={self.model!r:.80}; a name expected, one of {listed(MODELS)}")
        if not isinstance(self.settings, Mapping | None):
            raise SettingError(f"settings={self.settings!r:.80}; a mapping of the model's settings expected")
        check_at_least(1, n_members=self.n_members)
        check_at_least(0, random_state=self.random_state)
        check_number(
            "a share of at least 0 and below 1",
            lambda share: 0 <= share < 1,
            validation_fraction=self.validation_fraction,
        )
        return self.space, np.random.default_rng(self.random_state)


def _numbers(y: object) -> NDArray[np.float64]:
    try:
        return np.asarray(y, np.float64)
    except (TypeError, ValueError):
        shown = " ".join(repr(y).split())
        raise SettingError(f"y={shown:.80}; a finite number for each architecture expected") from None

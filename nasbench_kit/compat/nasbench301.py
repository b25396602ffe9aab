"""NAS-Bench-301's own API: `from nasbench_kit.compat import nasbench301 as nb`.

    performance = nb.load_ensemble("nb_models/xgb_v1.0")
    runtime = nb.load_ensemble("nb_models/lgb_runtime_v1.0")
    performance.predict(config=genotype, representation="genotype", with_noise=True)  # percent
    runtime.predict(config=genotype, representation="genotype")  # seconds

Names, arguments, units and results are those of `nasbench301.api` 0.3. What differs on purpose:

- A folder may be one of a surrogate of ours too, for accuracy; its `predict` says what it expects after the last epoch.
- So may a name that `nasbench-kit list` shows: `load_ensemble("nasbench301")` comes with the package. A folder of that
  name in the working directory comes first.
- Pickles are read, not executed; neither ConfigSpace nor torch is needed. The graph networks are refused in one line.
- Noise is drawn from numpy's global state, as there, unless `rng` is given: `predict(..., rng=...)`.
- Numbers are Python's floats; the original's are numpy's, of XGBoost in single precision.
- The representation "BANANAS", which fails with a NameError there, works.
- A genotype with the same input twice at one node, whose second operation overwrites the first there, is refused, as is
  whatever else the space does not hold; so is a configuration of other training settings than the benchmark's, which
  are ignored by trees there.
- Members are read in the order of their names, not in that of the file system.

Source: Zela, Siems et al. 2022, https://github.com/automl/nasbench301 (Apache-2.0).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

from nasbench_kit.compat.named import path_of
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.spaces.darts_forms import TRAINING, Genotype
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.published import official_nasbench301

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

#: What all trainings of the benchmark have in common, by name.
fixed_hyperparameters = {name: value for name, (value, _) in TRAINING.items()}
REPRESENTATIONS = ("configspace", "genotype", "BANANAS")


class _Members(NamedTuple):
    """What each member says about one architecture, in percent or seconds."""

    n_members: int
    predict: Callable[[Arch], list[float]]


@final
class SurrogateAPI:
    """An ensemble that is asked one architecture at a time. Made by `load_ensemble`.

    Attributes:
        metric: What it predicts: "val_accuracy" (percent) or "cost_s" (seconds).
        n_members: Its members.
    """

    def __init__(self, metric: str, members: _Members) -> None:
        self.metric, self.n_members = metric, members.n_members
        self._members = members
        self._space = DARTSSpace()

    def predict(
        self, config: Any, representation: str, with_noise: bool = True, *, rng: np.random.Generator | None = None
    ) -> float:
        """Mean over the members, in percent or seconds.

        Args:
            config: The architecture.
            representation: What it is given as: "genotype", anything with `normal` and `reduce`; "configspace", a
                configuration of ConfigSpace or its dictionary, with or without training settings; "BANANAS",
                [[(input, operation), ... 8], [... 8]].
            with_noise: Add one draw from a normal distribution with the standard deviation of the members.
            rng: Where to draw it; numpy's global state by default.

        Raises:
            UnknownNameError: There is no such representation; or the configuration names something unknown.
            ArchitectureError: The configuration is no architecture of the space.
            SettingError: It has other training settings than the benchmark's.
        """
        import numpy as np

        members = self._members.predict(self._read(config, representation))
        mean = float(np.mean(members))
        if not with_noise:
            return mean
        normal = np.random.normal if rng is None else rng.normal
        return mean + float(normal(0, np.std(members)))

    def predict_members(self, config: Any, representation: str) -> list[float]:
        """What each member says."""
        return self._members.predict(self._read(config, representation))

    def _read(self, config: Any, representation: str) -> Arch:
        if representation not in REPRESENTATIONS:
            raise unknown("representation", representation, REPRESENTATIONS)
        if representation == "genotype":
            return self._space.parse(config, "official")
        if representation == "BANANAS":
            return self._space.parse(config, "naslib")
        if not isinstance(config, dict):
            as_dictionary = getattr(config, "get_dictionary", None)  # ConfigSpace before 1.0
            config = as_dictionary() if as_dictionary else dict(config)
        for name, value in config.items():
            if name in TRAINING and not _same(value, TRAINING[name][0]):
                raise SettingError(
                    f"{name}={value!r:.40}: NAS-Bench-301 was trained with {TRAINING[name][0]!r}, and no other was seen"
                )
        return self._space.parse(config, "configspace")


def load_ensemble(ensemble_parent_directory: str | os.PathLike[str]) -> SurrogateAPI:
    """The ensemble in an official folder, or a surrogate of ours on the DARTS space.

    Args:
        ensemble_parent_directory: The folder that holds the members' folders, all of one model; a surrogate's
            folder, or its name.

    Raises:
        SettingError: A surrogate is of another space; the folder holds two ensembles; a package is missing.
        ImportDataError, SurrogateError: The folder holds no models, or damaged ones.
    """
    folder = Path(path_of(ensemble_parent_directory))
    if Surrogate.is_one(folder):
        return _of_surrogate(Surrogate.open(folder))
    ensembles = official_nasbench301.read(folder)
    if len(ensembles.metrics) > 1:
        raise SettingError(f"{str(folder)!r} holds ensembles of accuracy and of runtime; give the folder of one")
    (metric,) = ensembles.metrics
    return SurrogateAPI(
        metric, _Members(ensembles.n_members, lambda arch: ensembles.members(metric, [arch])[:, 0].tolist())
    )


def _of_surrogate(surrogate: Surrogate) -> SurrogateAPI:
    if surrogate.space.name != DARTSSpace().name:
        raise SettingError(f"surrogate {surrogate.name!r} is of space {surrogate.space.name}; one of darts expected")
    dataset = "cifar10" if "cifar10" in surrogate.datasets else surrogate.datasets[0]
    metric = surrogate.objectives[dataset]
    if metric != "val_accuracy":
        raise SettingError(f"surrogate {surrogate.name!r} predicts {metric}; val_accuracy expected")
    at = surrogate.at(dataset, metric)

    def predict(arch: Arch) -> list[float]:
        found: list[float] = (100 * at.prediction(*surrogate.predictor.outputs_of(arch)).members).tolist()
        return found

    return SurrogateAPI(metric, _Members(surrogate.n_members, predict))


def _same(given: object, fixed: object) -> bool:
    if isinstance(fixed, str):
        return str(given) == fixed
    try:
        return abs(float(given) - float(fixed)) <= 1e-9 * abs(float(fixed))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


__all__ = ["Genotype", "SurrogateAPI", "fixed_hyperparameters", "load_ensemble"]

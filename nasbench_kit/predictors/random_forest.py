"""Random forests, Breiman 2001, grown by LightGBM: no scikit-learn, whose models are pickles. Kept as LightGBM's text.

Each tree sees a share of the architectures drawn without replacement, not a bootstrap sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.optional import require
from nasbench_kit.predictors.lightgbm import LightGBMTrees, common_parameters, reread
from nasbench_kit.predictors.settings import Setting
from nasbench_kit.predictors.trees import AUTO, MOST_THREADS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@final
class RandomForest(LightGBMTrees):
    """The mean of trees grown deep on random parts of the data.

    Args:
        space: What it reads.
        settings: See `known`.
    """

    name = "random_forest"
    raw = False
    known: ClassVar[Mapping[str, Setting]] = {
        "encoding": Setting(AUTO),
        "rounds": Setting(200, 1, 100_000),  # trees
        "num_leaves": Setting(4_096, 2, 65_536),
        "max_bin": Setting(255, 2, 65_535),
        "min_child_samples": Setting(2, 1, 1_000_000),
        "max_features": Setting(0.3, 1e-3, 1.0),  # share of the columns that a split chooses from
        "bagging_fraction": Setting(0.8, 1e-3, 0.999),
        "threads": Setting(1, 1, MOST_THREADS),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        # Source: NAS-Bench-301, https://arxiv.org/abs/2008.09777, the tuned configuration of its repository
        "nasbench301": {"rounds": 116, "max_features": 0.1706},
    }
    ranges: ClassVar[Mapping[str, Any]] = {
        "min_child_samples": (1, 20, "log"),
        "max_features": (0.05, 1.0, "log"),
        "bagging_fraction": (0.4, 0.95),
    }

    def _train(
        self,
        features: list[NDArray[np.float32]],
        values: list[NDArray[np.float64]],
        seed: int,
        tell: Any,
    ) -> list[Any]:
        lightgbm = require("lightgbm", extra="fit")
        settings = self.settings
        parameters = common_parameters(seed, settings["threads"]) | {
            "boosting": "rf",
            "bagging_freq": 1,
            "bagging_fraction": settings["bagging_fraction"],
            "feature_fraction_bynode": settings["max_features"],
            "num_leaves": settings["num_leaves"],
            "max_bin": settings["max_bin"],
            "min_child_samples": settings["min_child_samples"],
        }
        data = lightgbm.Dataset(features[0], values[0][:, 0], params=parameters, free_raw_data=False)
        made = []
        for channel, column in enumerate(values[0].T):
            data.set_label(column)
            start = channel * settings["rounds"]
            booster = lightgbm.train(
                parameters,
                data,
                settings["rounds"],
                callbacks=[lambda state, start=start: tell(start + state.iteration + 1)],
            )
            made.append(reread(lightgbm, booster))
        return made

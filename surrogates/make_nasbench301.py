"""Make the surrogate `nasbench301` from YAHPO Gym's network of NAS-Bench-301.

    python surrogates/make_nasbench301.py YAHPO_DATA/nb301 --work build/nasbench301 --out build/made

`surrogate import` makes a surrogate of YAHPO's files: the teacher. A curve of it is a few components, which twelve
epochs determine; so labels are cheap. One network is distilled from them, whose last layer is fitted again ten times,
to bootstrap samples: the members. All is measured on architectures that it was not trained on. Needs the extras fit,
onnx and torch; about half an hour on one processor. The same command goes on after an interruption.

The files that ship were made by an earlier form of this recipe, which bred the architectures near the optimum in more
rounds: this one gives a network of the same form, but other bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.predictors.agreement import agreement, kendall_tau
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.card import without_nan, write_card
from nasbench_kit.surrogates.fitting.distill import distill_surrogate
from nasbench_kit.surrogates.published import load_published
from nasbench_kit.surrogates.published.yahpo import EPOCHS, FIRST_SECONDS, Yahpo
from nasbench_kit.surrogates.surrogate import Ensemble
from nasbench_kit.surrogates.targets import VALUE, Target, backward, components, forward

NAME, DATASET = "nasbench301", "cifar10"
LABELLED = (1, 2, 4, 7, 12, 20, 32, 48, 66, 84, 94, 98)
TRANSFORMS = {"val_accuracy": "log_error", "cost_s": "log"}
N_COMPONENTS = {"val_accuracy": 5, "cost_s": 4}
N_CURVES = 4_000  # whole curves that say what the components are
NETWORK: dict[str, Any] = {"encoding": "edges", "hidden": (640, 512), "batch": 512, "learning_rate": 2e-3}
SEED, N_MEMBERS, NEAR_BEST = 301, 10, 0.4
EVALUATED = (1, 6, 12, 50, 98)

ABOUT = {
    "title": "NAS-Bench-301: a surrogate of a surrogate, 10 members at epochs 1 to 98 of CIFAR-10",
    "licence": "Apache-2.0",
    "citation": "Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777; Pfisterer et al. 2022 (YAHPO Gym),"
    " https://arxiv.org/abs/2109.03670",
    "notes": [
        "a surrogate of a surrogate: it follows YAHPO Gym's network, which was fitted to runs of NAS-Bench-301; how far"
        " that is from those runs is not known here, and its final accuracies lie 1.3 points above those that"
        " NAS-Bench-301's own surrogate gave NASLib for 1,218 architectures (Spearman 0.78 between the two)",
        "the spread of its members is the uncertainty of the distillation, about 1e-4, scaled to its error on"
        " architectures kept for that; it does not tell which architectures are less certain. It is not the noise of"
        " training, which nothing in the teacher's file says: draws with rng vary far less than training does. Of"
        " that, NAS-Bench-301 reports (ICLR 2022, Table 5; 500 architectures, 5 seeds) how its own ensembles meet the"
        " standard deviation over seeds: mean absolute error 1.4e-3 to 1.6e-3, KL divergence 3.2 (GIN) to 113.9"
        " (XGBoost)",
        "no test accuracy: the teacher has none",
        f"cost_s is the teacher's from epoch {FIRST_SECONDS} on; before it a share of that epoch's, as the teacher's"
        " seconds fall there",
    ],
}


def curves(network: Yahpo, archs: NDArray[np.uint8], epochs: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    """Compute the teacher's `z` of both metrics, (n_archs, n_epochs); the first seconds are as its card has them."""
    accuracy, seconds = network.curves(archs, epochs)
    at = np.array(epochs)
    early = at < FIRST_SECONDS
    if early.any():
        seconds[:, early] = network.curves(archs, (FIRST_SECONDS,))[1] * at[early] / FIRST_SECONDS
    return {name: forward(TRANSFORMS[name], z) for name, z in (("val_accuracy", accuracy), ("cost_s", seconds))}


@final
class Compressed(Ensemble):
    """The teacher's curves as the components that a few of their epochs determine.

    Args:
        network: What gives the curves.
        archs: Architectures whose whole curves say what the components are.
    """

    def __init__(self, network: Yahpo, archs: NDArray[np.uint8]) -> None:
        self._network = network
        self.targets: list[Target] = []
        self._maps: dict[str, NDArray[np.float64]] = {}
        for name, z in curves(network, archs, EPOCHS).items():
            offset, basis = components(z, keep=1.0, most=N_COMPONENTS[name])
            some = np.column_stack([z[:, np.array(LABELLED) - 1], np.ones(len(z))])
            self._maps[name] = np.linalg.lstsq(some, (z - offset) @ np.linalg.pinv(basis), rcond=None)[0]
            self.targets.append(Target(DATASET, name, VALUE, TRANSFORMS[name], offset, basis, np.empty((0, 0))))

    def outputs(self, archs: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the components of a batch: (n_archs, 1, n_values), and none of noise."""
        ones = np.ones((len(archs), 1))
        some = curves(self._network, archs, LABELLED)
        found = np.hstack([np.hstack([z, ones]) @ self._maps[name] for name, z in some.items()])
        return found[:, None], np.empty((len(archs), 0))


def compressed(teacher: Surrogate, n_curves: int) -> Surrogate:
    """Give the teacher its components in the place of its curves."""
    assert isinstance(teacher.predictor, Yahpo)
    archs = teacher.space.sample_many(np.random.default_rng(SEED), n_curves)
    predictor = Compressed(teacher.predictor, archs)
    made = Surrogate.open(teacher.path)
    made.predictor = predictor
    made.card = made.card._replace(targets=tuple(predictor.targets))
    return made


def evaluated(made: Surrogate, network: Yahpo, n_archs: int) -> dict[str, Any]:
    """Compare with the teacher itself, on uniform architectures that other random numbers gave."""
    archs = made.space.sample_many(np.random.default_rng(SEED + 1), n_archs)
    found: dict[str, Any] = {"against": "the curves of the network in model.onnx", "n_archs": n_archs}
    for name, z in curves(network, archs, EVALUATED).items():
        true = backward(TRANSFORMS[name], z)
        for at, epoch in enumerate(EVALUATED):
            predicted = made.predict(DATASET, archs, name, epoch=epoch).mean
            figures = without_nan(agreement(true[:, at], predicted, unit=made.metrics(DATASET)[name].unit))
            top = np.argsort(-true[:, at])[: max(2, n_archs // 20)]
            figures["kendall_tau_best_5_percent"] = kendall_tau(true[top, at], predicted[top])
            found[f"{name}@{epoch}"] = figures
    best = made.space.parse_many([made.card.best[DATASET]["arch"]])
    own, taught = made.predict(DATASET, best).mean[0], network.curves(best, EVALUATED[-1:])[0][0, 0]
    return found | {"optimum": {"surrogate_at_its_best": float(own), "teacher_there": float(taught)}}


def main(words: list[str] | None = None) -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="YAHPO's folder nb301")
    parser.add_argument("--work", type=Path, required=True, help="where what is made on the way is kept")
    parser.add_argument("--out", type=Path, required=True, help="the surrogate to make")
    parser.add_argument("--archs", type=int, default=426_000, help="architectures to label")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--curves", type=int, default=N_CURVES, help="whole curves that say what the components are")
    given = parser.parse_args(words)
    folder = given.work / "teacher"
    teacher = Surrogate.open(folder) if Surrogate.is_one(folder) else load_published([given.source], folder)
    made = distill_surrogate(
        compressed(teacher, given.curves), given.out, name=NAME, n_archs=given.archs, near_best=NEAR_BEST,
        epochs=given.epochs, members=N_MEMBERS, seed=SEED, **NETWORK,
    )  # fmt: skip
    sources = [{**source, "licence": "Apache-2.0"} for source in teacher.about["sources"]]
    command = f"python surrogates/{Path(__file__).name} YAHPO_DATA/nb301 --work build/{NAME} --out {given.out.name}"
    command += f" --archs {given.archs} --epochs {given.epochs} --curves {given.curves}"
    card = made.card._replace(about=ABOUT | {"sources": sources}, fitted=made.card.fitted | {"command": command})
    assert isinstance(teacher.predictor, Yahpo)
    write_card(made.path, card._replace(quality=evaluated(made, teacher.predictor, max(100, given.archs // 40))))
    print(Surrogate(made.path))


if __name__ == "__main__":
    main()

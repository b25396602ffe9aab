"""Make `surrogates/nasbench301` anew from YAHPO Gym's network of NAS-Bench-301, in stages that are kept.

    python surrogates/make_nasbench301.py YAHPO_DATA/nb301 --work build/nasbench301 --out surrogates/nasbench301

1. `surrogate import` makes a surrogate of YAHPO's files: the teacher.
2. Architectures are labelled with its curves: uniform ones, and those that an evolution from the best of many meets on
   its way to the optimum of the teacher. A curve is a few components; twelve epochs determine them.
3. One network learns the components (`nasbench_kit.surrogates.fitting.student`).
4. Its last layer is fitted again ten times, by least squares on as many bootstrap samples: the members. Their
   deviations from the first are so scaled that the spread is as large as the error on architectures kept for that.
5. All is measured on architectures that took no part in anything: held out by their hash.

Needs the extras fit, onnx and torch; about half an hour on one processor. A stage that is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import kendalltau, spearmanr

from nasbench_kit.encodings.features import sparse
from nasbench_kit.formats.safetensors import write_tensors
from nasbench_kit.predictors.splits import held_out, position
from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.surrogates import Surrogate, student, yahpo
from nasbench_kit.surrogates.card import make_card, sha256_of, write_card
from nasbench_kit.surrogates.targets import VALUE, Target, backward, components, forward
from nasbench_kit.tables.metric import Metric
from nasbench_kit.version import __version__

SPACE = DARTSSpace()
SEED = 301
TEST_SHARE = 0.05
N_TEST = 10_000
N_MEMBERS = 10
N_CURVES = 4_000  # whole curves that say what the components are
LAST = yahpo.EPOCHS[-1]
LABELLED = (1, 2, 4, 7, 12, 20, 32, 48, 66, 84, 94, 98)
TRANSFORMS = {"val_accuracy": "log_error", "cost_s": "log"}
N_COMPONENTS = {"val_accuracy": 5, "cost_s": 4}
N_POOL, N_PARENTS, N_ROUNDS, SURVIVE = 60_000, 2_000, 12, 0.6
STEPS = (1, 1, 1, 2, 2, 3, 4)  # decisions that are changed in the children of each parent
ENCODING, HIDDEN, BATCH, LEARNING_RATE = "edges", (640, 512), 512, 2e-3
WEIGHTS = (1.0, 0.5)  # of accuracy and cost in the loss
N_BOOTSTRAP = 20_000  # architectures that each member's last layer is fitted to
JUDGED = (1, 6, 12, 50, 98)
DATASET, NETWORK = "cifar10", "network.safetensors"


def say(*what: object) -> None:
    """Progress."""
    print(*what, file=sys.stderr, flush=True)


# ---- 1: the teacher ----


def import_teacher(source: Path, folder: Path) -> Surrogate:
    """The surrogate of YAHPO's files."""
    if not Surrogate.is_one(folder):
        folder.mkdir(parents=True, exist_ok=True)
        found = yahpo.find(source)
        if found is None:
            raise SystemExit(f"{source} does not hold YAHPO's encoding.json and config_space.json")
        yahpo.write(found, folder, "nasbench301_yahpo")
    return Surrogate.open(folder)


def curves(teacher: Surrogate, archs, epochs=yahpo.EPOCHS) -> dict[str, np.ndarray]:
    """The teacher's `z`, (n_archs, n_epochs), of both metrics; seconds of the first epochs as its card has them."""
    accuracy, seconds = teacher.predictor.curves(archs, tuple(epochs))
    at = np.array(epochs)
    early = at < yahpo.FIRST_SECONDS
    if early.any():
        (sixth,) = teacher.predictor.curves(archs, (yahpo.FIRST_SECONDS,))[1].T
        seconds[:, early] = sixth[:, None] * at[early] / yahpo.FIRST_SECONDS
    return {
        name: forward(TRANSFORMS[name], values) for name, values in (("val_accuracy", accuracy), ("cost_s", seconds))
    }


# ---- 2: labels ----


def mutated(archs, n_steps: int, rng: np.random.Generator):
    """As many decisions changed in each, some perhaps twice."""
    archs, rows, n_choices = archs.copy(), np.arange(len(archs)), np.array(SPACE.n_choices)
    for _ in range(n_steps):
        at = rng.integers(SPACE.n_decisions, size=len(archs))
        archs[rows, at] = (archs[rows, at] + rng.integers(1, n_choices[at])) % n_choices[at]
    return archs


def evolve(judge, archs, rng: np.random.Generator, report=lambda *_: None):
    """All that an evolution looks at on its way to the best: it keeps the best of a part of parents and children."""
    met = []
    values = judge(archs)
    for number in range(N_ROUNDS):
        best = np.argsort(-values)[:N_PARENTS]
        archs, values = archs[best], values[best]
        children = np.concatenate([mutated(archs, n_steps, rng) for n_steps in STEPS])
        met.append(children)
        archs, values = np.concatenate([archs, children]), np.concatenate([values, judge(children)])
        _, first = np.unique(archs, axis=0, return_index=True)
        first = first[rng.random(len(first)) < SURVIVE]
        archs, values = archs[first], values[first]
        report(number, values.max(), np.median(values))
    return np.unique(np.concatenate(met), axis=0)


def make_labels(teacher: Surrogate, n_uniform: int) -> dict[str, np.ndarray]:
    """Architectures, which of them are near the optimum, their channels, and what the channels mean."""
    rng = np.random.default_rng(SEED)
    last = (LAST,)

    def judge(archs):
        return teacher.predictor.curves(archs, last)[0][:, 0]

    near = evolve(judge, SPACE.sample_many(rng, N_POOL), rng, lambda *at: say("evolution, round, best, median", *at))
    rng.shuffle(near)
    uniform = SPACE.sample_many(rng, n_uniform)
    say(f"{len(uniform):,} uniform architectures, {len(near):,} near the optimum")
    example = curves(teacher, np.concatenate([uniform[: N_CURVES // 2], near[: N_CURVES // 2]]))
    made: dict[str, np.ndarray] = {}
    maps = {}
    for name, z in example.items():
        offset, basis = components(z, keep=1.0, most=N_COMPONENTS[name])
        made[f"offset {name}"], made[f"basis {name}"] = offset, basis
        some = np.column_stack([z[:, np.array(LABELLED) - 1], np.ones(len(z))])
        maps[name] = np.linalg.lstsq(some, (z - offset) @ np.linalg.pinv(basis), rcond=None)[0]
        again = backward(TRANSFORMS[name], some @ maps[name] @ basis + offset)
        wrong = np.sqrt(((again - backward(TRANSFORMS[name], z)) ** 2).mean(axis=0))
        say(f"{name}: {len(basis)} components; error at epochs 1, 12, 49, 98:", *wrong[[0, 11, 48, 97]])
    archs = np.concatenate([uniform, near])
    channels = np.empty((len(archs), sum(N_COMPONENTS.values())), np.float32)
    for start in range(0, len(archs), 10_000):
        piece = slice(start, start + 10_000)
        some = curves(teacher, archs[piece], LABELLED)
        ones = np.ones((len(archs[piece]), 1))
        channels[piece] = np.hstack([np.hstack([z, ones]) @ maps[name] for name, z in some.items()])
        say(f"labelled {min(start + 10_000, len(archs)):,} of {len(archs):,}")
    is_near = np.arange(len(archs)) >= len(uniform)
    return made | {"archs": archs, "is_near": is_near, "channels": channels}


# ---- 3: the network ----


class Split(NamedTuple):
    """Rows of the labels: held out by the hash of the architecture, kept for the scale of the spread, to train on."""

    test_uniform: np.ndarray
    test_near: np.ndarray
    scaling: np.ndarray
    train: np.ndarray

    @classmethod
    def of(cls, labels: dict[str, np.ndarray]) -> Split:
        """Of labels as `make_labels` makes them."""
        near = labels["is_near"]
        test = held_out(SPACE, labels["archs"], TEST_SHARE)
        kept = ~test & (position(SPACE, labels["archs"], salt=2) < 0.02)
        return cls(
            np.flatnonzero(test & ~near)[:N_TEST], np.flatnonzero(test & near)[:N_TEST], np.flatnonzero(kept),
            np.flatnonzero(~test & ~kept),
        )  # fmt: skip


def targets_of(labels: dict[str, np.ndarray]) -> tuple[Target, ...]:
    """What the channels of the labels mean."""
    return tuple(
        Target(DATASET, name, VALUE, transform, labels[f"offset {name}"], labels[f"basis {name}"], np.zeros((0, 0)))
        for name, transform in TRANSFORMS.items()
    )


def importance(targets: tuple[Target, ...]) -> np.ndarray:
    """Of each channel in the loss: its share in the variance of the curve, the last epoch counting half."""
    parts = []
    for target, weight in zip(targets, WEIGHTS, strict=True):
        share = target.basis**2 / (target.basis**2).sum(axis=0)
        parts.append(weight * (share.mean(axis=1) + share[:, -1]))
    return np.concatenate(parts)


def train(labels: dict[str, np.ndarray], rows: np.ndarray, work: Path, epochs: int) -> dict[str, np.ndarray]:
    """The network's parameters, and `center` and `scale` of what it gives."""
    channels = labels["channels"][rows].astype(np.float64)
    center, scale = channels.mean(axis=0), channels.std(axis=0)
    encoding = sparse(SPACE, ENCODING)
    parameters = student.train(
        encoding.many(labels["archs"][rows]),
        ((channels - center) / scale).astype(np.float32),
        importance(targets_of(labels)),
        n_columns=encoding.n_columns,
        hidden=HIDDEN,
        epochs=epochs,
        batch=BATCH,
        learning_rate=LEARNING_RATE,
        seed=SEED,
        state=work / "training.safetensors",
        progress=lambda done, of: say(f"trained {done} of {of} epochs"),
    )
    return parameters | {"center": center, "scale": scale}


# ---- 4: the members ----


def last_units(network: dict[str, np.ndarray], archs: np.ndarray) -> np.ndarray:
    """What the last layer reads: float64 (n_archs, n_units + 1), the last column is 1."""
    found = []
    for start in range(0, len(archs), 8_192):
        columns = sparse(SPACE, ENCODING).many(archs[start : start + 8_192])
        units = network["embedding"][columns].sum(axis=1)
        for i in range(len(HIDDEN)):
            units = np.maximum(units + network[f"bias.{i}"], 0)
            if i < len(HIDDEN) - 1:
                units = units @ network[f"weights.{i}"]
        found.append(units.astype(np.float64))
    units = np.concatenate(found)
    return np.column_stack([units, np.ones(len(units))])


def fit_members(network, labels, split: Split) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """The last layer of each member, (n_units + 1, n_members, n_values), for channels as they are.

    Each is fitted to a bootstrap sample, drawn anew to the network's own by a ridge; so much of its deviation from
    their mean counts, in all channels of a metric, that the spread after the last epoch is as large as the error of
    the network on architectures that it was not trained on.
    """
    rng = np.random.default_rng(SEED + 1)
    own = np.vstack([network[f"weights.{len(HIDDEN) - 1}"], network["bias"]]).astype(np.float64) * network["scale"]
    own[-1] += network["center"]
    fitted = []
    for number in range(N_MEMBERS):
        rows = rng.choice(split.train, N_BOOTSTRAP)
        units = last_units(network, labels["archs"][rows])
        wrong = labels["channels"][rows] - units @ own
        gram = units.T @ units
        gram += np.eye(len(gram)) * np.trace(gram) / len(gram) * 1e-4
        fitted.append(np.linalg.solve(gram, units.T @ wrong))
        say(f"fitted member {number + 1} of {N_MEMBERS}")
    deviations = np.stack(fitted, axis=1)  # (n_units + 1, n_members, n_values)
    deviations -= deviations.mean(axis=1, keepdims=True)
    units = last_units(network, labels["archs"][split.scaling])
    wrong = labels["channels"][split.scaling] - units @ own
    spread = np.einsum("au,umv->amv", units, deviations)
    scales, start = {}, 0
    for target in targets_of(labels):
        channels = slice(start, start + target.n_channels)
        last = target.basis[:, -1]
        error = np.sqrt(((wrong[:, channels] @ last) ** 2).mean())
        scale = error / np.sqrt((spread[..., channels] @ last).var(axis=1).mean())
        deviations[..., channels] *= scale
        scales[target.metric] = float(scale)
        start += target.n_channels
    return own[:, None, :] + deviations, deviations, scales


class Members(NamedTuple):
    """What `student.to_integers` asks for: the last layer gives the channels of all members as they are."""

    n_channels: int

    def back(self) -> tuple[np.ndarray, np.ndarray]:
        """No way back is needed."""
        return np.eye(self.n_channels), np.zeros(self.n_channels)


def write_surrogate(network, layers, labels, split: Split, folder: Path, about: dict, fitted: dict) -> Surrogate:
    """The folder that ships, without what is measured on it."""
    folder.mkdir(parents=True, exist_ok=True)
    n_channels = layers[0].size
    whole = {name: array for name, array in network.items() if name not in ("center", "scale", "bias")}
    flat = layers.reshape(len(layers), n_channels)
    whole |= {f"weights.{len(HIDDEN) - 1}": flat[:-1], "bias": flat[-1]}
    columns = sparse(SPACE, ENCODING).many(labels["archs"][split.train])
    write_tensors(folder / NETWORK, student.to_integers(whole, Members(n_channels), columns))
    card = make_card(
        name="nasbench301",
        space=SPACE,
        predictor={"kind": "network", "file": NETWORK, "encoding": ENCODING},
        n_members=N_MEMBERS,
        objectives={DATASET: "val_accuracy"},
        metrics={DATASET: {name: Metric.from_name(name, (), yahpo.EPOCHS) for name in TRANSFORMS}},
        targets=targets_of(labels),
        files={NETWORK: sha256_of(folder / NETWORK)},
        about=about,
        fitted=fitted,
    )
    write_card(folder, card)
    return Surrogate.open(folder)


# ---- 5: how well it follows ----


def agreement(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Of predictions with what they should be."""
    wrong = found - wanted
    best = np.argsort(-wanted)[: len(wanted) // 20]
    made = {
        "kendall_tau": kendalltau(found, wanted)[0],
        "kendall_tau_best_5_percent": kendalltau(found[best], wanted[best])[0],
        "spearman": spearmanr(found, wanted)[0],
        "r2": 1 - (wrong**2).mean() / wanted.var(),
        "rmse": np.sqrt((wrong**2).mean()),
        "mae": np.abs(wrong).mean(),
        "bias": wrong.mean(),
    }
    return {name: float(f"{value:.4g}") for name, value in made.items()}


def judge(surrogate: Surrogate, teacher: Surrogate, archs: np.ndarray) -> dict[str, object]:
    """Against the teacher itself, at some epochs."""
    wanted = curves(teacher, archs, JUDGED)
    made: dict[str, object] = {"n_archs": len(archs)}
    for name, z in wanted.items():
        values = backward(TRANSFORMS[name], z)
        for at, epoch in enumerate(JUDGED):
            found = surrogate.predict(DATASET, archs, name, epoch=epoch)
            made[f"{name}@{epoch}"] = agreement(found.mean, values[:, at])
            if epoch == LAST:
                wrong = np.abs(found.mean - values[:, at])
                rms = float(np.sqrt((found.spread**2).mean()) / np.sqrt((wrong**2).mean()))
                within = float((wrong < 1.96 * found.spread).mean())
                order = float(spearmanr(found.spread, wrong)[0])
                made[f"spread of {name}@{epoch}"] = {
                    "root_mean_square_over_rmse": round(rms, 3),
                    "share_of_errors_within_1.96": round(within, 3),
                    "spearman_with_error": round(order, 3),
                }
    return made


def climb(value, archs: np.ndarray) -> np.ndarray:
    """The best end of local searches, each to the best neighbor until none is better."""
    ends = []
    for arch in archs:
        at, best = arch, value(arch[None])[0]
        while True:
            near = np.array(SPACE.neighbors(tuple(at.tolist())), np.uint8)
            values = value(near)
            if values.max() <= best:
                break
            at, best = near[values.argmax()], values.max()
        ends.append((best, at))
    return max(ends, key=lambda end: end[0])[1]


def measured(surrogate: Surrogate, teacher: Surrogate, labels, split: Split) -> tuple[dict, dict]:
    """What goes into the card: how well it follows, and the best architecture that it knows."""

    def own(archs):
        return surrogate.predict(DATASET, archs).mean

    def taught(archs):
        return teacher.predictor.curves(archs, (LAST,))[0][:, 0]

    archs = labels["archs"]
    quality: dict[str, object] = {
        "against": "the curves of the network in model.onnx; accuracies are fractions, cost_s is seconds",
        "held_out": f"splits.held_out(space, archs, {TEST_SHARE}): by hash",
        "uniform": judge(surrogate, teacher, archs[split.test_uniform]),
        "near_optimum": judge(surrogate, teacher, archs[split.test_near]),
    }
    near = archs[labels["is_near"]]
    best = climb(own, near[np.argsort(-own(near))[:30]])
    known = climb(taught, near[np.argsort(-taught(near))[:10]])
    quality["optimum"] = {
        "surrogate_at_its_best": round(float(own(best[None])[0]), 6),
        "teacher_there": round(float(taught(best[None])[0]), 6),
        "teacher_at_its_best_known": round(float(taught(known[None])[0]), 6),
        "surrogate_there": round(float(own(known[None])[0]), 6),
    }
    return quality, {DATASET: {"arch": SPACE.format(best.tolist()), "proven": False}}


def finish(teacher: Surrogate, labels, split: Split, network, layers, scales, arguments) -> None:
    """Write the folder and its card."""
    sources = [{**source, "licence": "Apache-2.0"} for source in teacher.about["sources"]]
    about = {
        "title": "NAS-Bench-301: a surrogate of a surrogate, 10 members at epochs 1 to 98 of CIFAR-10",
        "licence": "Apache-2.0",
        "citation": "Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777; Pfisterer et al. 2022 (YAHPO Gym),"
        " https://arxiv.org/abs/2109.03670",
        "sources": sources,
        "notes": NOTES,
    }
    fitted = {
        "command": "python surrogates/make_nasbench301.py YAHPO_DATA/nb301 --work build/nasbench301"
        f" --out surrogates/nasbench301 --n-uniform {arguments.n_uniform} --epochs {arguments.epochs}",
        "teacher": {"files": teacher.card.files, "sha256": teacher.sha256},
        "n_uniform": int((~labels["is_near"]).sum()),
        "n_near_optimum": int(labels["is_near"].sum()),
        "rows": {name: len(rows) for name, rows in split._asdict().items()},
        "settings": {"hidden": HIDDEN, "batch": BATCH, "learning_rate": LEARNING_RATE, "epochs": arguments.epochs},
        "deviations_of_members_multiplied_by": {name: round(scale, 3) for name, scale in scales.items()},
        "versions": {package: version(package) for package in ("numpy", "onnxruntime", "scipy", "torch")}
        | {"nasbench_kit": __version__},
    }
    made = write_surrogate(network, layers, labels, split, arguments.out, about, fitted)
    quality, best = measured(made, teacher, labels, split)
    write_card(arguments.out, made.card._replace(quality=quality, best=best))
    say(json.dumps(quality, indent=1))


NOTES = [
    "a surrogate of a surrogate: it follows YAHPO Gym's network, which was fitted to runs of NAS-Bench-301; how far"
    " that is from those runs is not known here, and its final accuracies lie 1.3 points above those that"
    " NAS-Bench-301's own surrogate gave NASLib for 1,218 architectures (Spearman 0.78 between the two)",
    "the spread of its members is the uncertainty of the distillation, about 1e-4, scaled to its error on architectures"
    " kept for that; it does not tell which architectures are less certain ('spread of' under quality). It is not the"
    " noise of training, which nothing in the teacher's file says: draws with rng vary far less than training does."
    " Of that, NAS-Bench-301 reports (ICLR 2022, Table 5; 500 architectures, 5 seeds) how its own ensembles meet the"
    " standard deviation over seeds: mean absolute error 1.4e-3 to 1.6e-3, KL divergence 3.2 (GIN) to 113.9 (XGBoost)",
    "no test accuracy: the teacher has none",
    f"cost_s is the teacher's from epoch {yahpo.FIRST_SECONDS} on; before it a share of that epoch's, as the teacher's"
    " seconds fall there",
    "an optimum that is found on it is one of it: 'optimum' under quality says what the teacher thinks of it",
]


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="YAHPO's folder nb301")
    parser.add_argument("--work", type=Path, required=True, help="where what is made on the way is kept")
    parser.add_argument("--out", type=Path, required=True, help="the surrogate to make")
    parser.add_argument("--n-uniform", type=int, default=260_000)
    parser.add_argument("--epochs", type=int, default=24)
    arguments = parser.parse_args()
    teacher = import_teacher(arguments.source, arguments.work / "teacher")
    path = arguments.work / "labels.npz"
    if not path.exists():
        np.savez(path, **make_labels(teacher, arguments.n_uniform))
    labels = dict(np.load(path))
    split = Split.of(labels)
    say("rows:", {name: len(rows) for name, rows in split._asdict().items()})
    path = arguments.work / "network.npz"
    if not path.exists():
        np.savez(path, **train(labels, split.train, arguments.work, arguments.epochs))
    network = dict(np.load(path))
    layers, _, scales = fit_members(network, labels, split)
    finish(teacher, labels, split, network, layers, scales, arguments)


if __name__ == "__main__":
    main()

"""Make `surrogates/nasbench301` anew from YAHPO Gym's network of NAS-Bench-301, in stages that are kept.

    python surrogates/make_nasbench301.py YAHPO_DATA/nb301 --work build/nasbench301 --out surrogates/nasbench301

1. `surrogate import` makes a surrogate of YAHPO's files: the teacher.
2. Architectures are labelled with its curves: uniform ones, and those that an evolution from the best of many meets on
   its way to the optimum of the teacher. A curve is a few components; twelve epochs determine them.
3. One network learns the components (`nasbench_kit.surrogates.student`).
4. Its last layer is fitted again ten times, by least squares on as many bootstrap samples: the members. Their
   deviations from the first are so scaled that the spread is as large as the error on architectures kept for that.
5. All is measured on architectures that took no part in anything: held out by their hash.

Needs the extras fit, onnx and torch; about half an hour on one processor. A stage that is done is not done again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.surrogates import Surrogate, yahpo
from nasbench_kit.surrogates.splits import held_out, position
from nasbench_kit.surrogates.targets import VALUE, Target, backward, components, forward

SPACE = DARTSSpace()
SEED = 301
TEST_SHARE = 0.05
N_TEST = 10_000
N_SCALING = 5_000  # of those to train on, kept to learn how large the spread must be
N_MEMBERS = 10
N_CURVES = 4_000  # whole curves that say what the components are
LAST = yahpo.EPOCHS[-1]
LABELLED = (1, 2, 4, 7, 12, 20, 32, 48, 66, 84, 94, 98)
TRANSFORMS = {"val_accuracy": "log_error", "cost_s": "log"}
N_COMPONENTS = {"val_accuracy": 5, "cost_s": 4}
N_POOL, N_PARENTS, N_ROUNDS, SURVIVE = 60_000, 2_000, 12, 0.6
STEPS = (1, 1, 1, 2, 2, 3, 4)  # decisions that are changed in the children of each parent


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
        name: forward(TRANSFORMS[name], values)
        for name, values in (("val_accuracy", accuracy), ("cost_s", seconds))
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


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="YAHPO's folder nb301")
    parser.add_argument("--work", type=Path, required=True, help="where what is made on the way is kept")
    parser.add_argument("--out", type=Path, required=True, help="the surrogate to make")
    parser.add_argument("--n-uniform", type=int, default=260_000)
    arguments = parser.parse_args()
    teacher = import_teacher(arguments.source, arguments.work / "teacher")
    path = arguments.work / "labels.npz"
    if not path.exists():
        labels = make_labels(teacher, arguments.n_uniform)
        np.savez(path, **labels)
    labels = dict(np.load(path))


if __name__ == "__main__":
    main()

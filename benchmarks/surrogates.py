"""Speed of surrogates: the network that ships, beside what else could answer from the same kind of fit.

    python benchmarks/surrogates.py [--surrogate FOLDER] [--rounds N] [--quick]

Ours is the shipped surrogate of the DARTS space, or the one given; where there is none, a network of the same size with
random weights, which takes as long. Beside it stand ensembles of ten boosters of 500 trees, fitted to 10,000
architectures by the 56 columns of NAS-Bench-301: LightGBM and XGBoost by their own predict, and the LightGBM ensemble
converted to ONNX where onnxmltools can be imported; and, with --onnx, YAHPO's own network (nb301_v1_model.onnx). The
encoding is part of ours; the others are given rows that were encoded before. All on one thread.

NAS-Bench-301's own code is not run: it needs packages that cannot be installed any more. With these stubbed, its
LightGBM ensemble of ten took 12.8-15.6 ms for a query on the machine of the figures in README.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, repeat
from pathlib import Path
from typing import Any

import side_by_side
from side_by_side import Row, interleaved, one_by_one, timed

N_MEMBERS, N_TREES, N_TRAINED_ON = 10, 500, 10_000
NASBENCH301_S = 12.8e-3  # the quickest of three runs; see above
SINGLE, BATCH, BATCH_OF_OTHERS = 300, 100_000, 2_000

FIRST_ANSWER = """
import json, sys, time
import numpy
begun = time.perf_counter()
import nasbench_kit as nbk
from nasbench_kit.surrogates import Surrogate
surrogate = Surrogate.open(sys.argv[1])
bench = nbk.Benchmark(surrogate, surrogate.datasets[0])
bench.query(surrogate.space.sample(numpy.random.default_rng(0)))
print(json.dumps(time.perf_counter() - begun))
"""


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    parser = side_by_side.parser(__doc__)
    parser.add_argument("--surrogate", type=Path, help="the folder of a surrogate of the DARTS space")
    parser.add_argument("--nasbench101", type=Path, help="the folder of a surrogate of NAS-Bench-101, to materialize")
    parser.add_argument("--onnx", type=Path, help="YAHPO's nb301_v1_model.onnx")
    parser.add_argument("--here", action="store_true", help="stay in this environment, whatever it has")
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # numpy is not imported yet
    if not arguments.here:
        side_by_side.enter_environment(arguments.venv, __file__)
    rounds = 2 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory() as folder:
        ours = arguments.surrogate or generated_surrogate(Path(folder) / "darts", "darts")
        cells = arguments.nasbench101 or generated_surrogate(Path(folder) / "nasbench101", "nasbench101")
        side_by_side.print_rows(_rows(ours, arguments.onnx, rounds))
        for path in (ours, cells):
            _print_first_answer(path, rounds)
        _print_materialized(cells, Path(folder) / "table.h5")


def generated_surrogate(folder: Path, space_name: str) -> Path:
    """A network as large as those that ship, with random weights: ten members, four epochs, cost and noise."""
    import numpy as np

    from nasbench_kit.encodings import best_sparse
    from nasbench_kit.encodings.features import sparse
    from nasbench_kit.formats.safetensors import write_tensors
    from nasbench_kit.spaces import space_from
    from nasbench_kit.surrogates.card import make_card, sha256_of, write_card
    from nasbench_kit.surrogates.targets import Target
    from nasbench_kit.tables.metric import Metric

    space, rng, epochs = space_from(space_name), np.random.default_rng(0), (4, 12, 36, 108)
    encoding = best_sparse(space)
    units = (512, 384, N_MEMBERS * 8 + 4)
    tensors: dict[str, Any] = {"scale": np.full(units[-1], 1e-12), "shift": np.zeros(units[-1])}
    tensors["embedding"] = rng.integers(-(2**15), 2**15, (sparse(space, encoding).n_columns, units[0])).astype(np.int16)
    for i in (0, 1):
        tensors[f"bias.{i}"], tensors[f"factor.{i}"] = np.zeros(units[i], np.int64), np.full(units[i], 0.1 / 1e5**i)
        tensors[f"weights.{i}"] = rng.integers(-(2**15), 2**15, units[i : i + 2]).astype(np.int16)
    folder.mkdir()
    write_tensors(folder / "network.safetensors", tensors)
    none = np.zeros((0, 0))

    def target(metric: str, kind: str, transform: str) -> Target:
        return Target("d", metric, kind, transform, np.full(4, 2.0), np.eye(4) / 10, none)

    metrics = [Metric.from_name(name, epochs=epochs) for name in ("val_accuracy", "cost_s")]
    card = make_card(
        name=f"{space_name} with random weights",
        space=space,
        predictor={"kind": "network", "file": "network.safetensors", "encoding": encoding},
        n_members=N_MEMBERS,
        objectives={"d": "val_accuracy"},
        metrics={"d": {metric.name: metric for metric in metrics}},
        targets=(
            target("val_accuracy", "value", "log_error"),
            target("cost_s", "value", "log"),
            target("val_accuracy", "noise", "log_error"),
        ),
        files={"network.safetensors": sha256_of(folder / "network.safetensors")},
        about={},
        fitted={},
    )
    write_card(folder, card)
    return folder


def _rows(path: Path, onnx: Path | None, rounds: int) -> Iterator[Row]:
    import numpy as np

    import nasbench_kit as nbk
    from nasbench_kit.surrogates import Surrogate

    surrogate = Surrogate.open(path)
    space, dataset = surrogate.space, surrogate.datasets[0]
    bench = nbk.Benchmark(surrogate, dataset)
    rng = np.random.default_rng(0)
    archs = space.sample_many(rng, BATCH)
    some = space.sample_many(rng, N_TRAINED_ON)
    features, values = space.vector(some), bench.query_many(some)[1]
    values = (values - values.mean()) / values.std()

    def new_archs() -> Iterator[list[tuple[int, ...]]]:
        while True:  # none was asked about before
            yield [tuple(arch) for arch in space.sample_many(rng, SINGLE).tolist()]

    def mean_and_spread(arch: tuple[int, ...]) -> object:
        at = surrogate.at(dataset, bench.objective_metric.name)
        prediction = at.prediction(*surrogate.predictor.outputs_of(arch))
        return prediction.mean, prediction.spread

    single = timed(one_by_one(bench.query), new_archs(), SINGLE)
    with_spread = timed(one_by_one(mean_and_spread), new_archs(), SINGLE)
    batch = timed(bench.query_many, repeat(archs), BATCH)
    one, spread, many = interleaved(rounds, single, with_spread, batch)
    yield Row("query of a new architecture", "300 us allowed", one, 300e-6, at_most=1)
    yield Row("mean and spread of a new architecture", "300 us allowed", spread, 300e-6, at_most=1)
    yield Row("query of a new architecture", "NAS-Bench-301's code, not run now", one, NASBENCH301_S, at_least=40)
    yield Row(f"query_many of {BATCH:,}", "33.3 us allowed", many, 1 / 30_000, at_most=1)
    for name, predict in _peers(features, values, onnx).items():
        rows = features[rng.permutation(len(features))]
        ones = (list(rows[i % 5_000 : i % 5_000 + 20, None]) for i in count(0, 20))
        n = 20 if name == "YAHPO's network by ONNX Runtime" else BATCH_OF_OTHERS  # it takes one row at a time
        ours, peer = interleaved(rounds, single, timed(one_by_one(predict), ones, 20))
        yield Row("query of a new architecture", name, ours, peer)
        if n > 20:
            ours, peer = interleaved(max(2, rounds // 3), batch, timed(predict, repeat(rows[:n]), n))
            yield Row(f"query_many of {BATCH:,}; {n:,}", name, ours, peer)


def _peers(features: Any, values: Any, onnx: Path | None) -> dict[str, Callable[[Any], Any]]:
    """What else predicts mean and spread of ten members, from encoded rows."""
    import numpy as np

    made: dict[str, Callable[[Any], Any]] = {}
    rng = np.random.default_rng(0)
    features = np.nan_to_num(features, nan=-1.0).astype(np.float32)
    folds = [rng.random(len(features)) < 0.9 for _ in range(N_MEMBERS)]

    def ensemble(predictors: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def predict(rows: Any) -> Any:
            found = np.stack([np.ravel(one(rows)) for one in predictors])
            return found.mean(axis=0), found.std(axis=0)

        return predict

    import lightgbm

    settings = {"verbose": -1, "num_threads": 1, "learning_rate": 0.05}
    boosters = [lightgbm.train(settings, lightgbm.Dataset(features[fold], values[fold]), N_TREES) for fold in folds]
    made[f"LightGBM, {N_MEMBERS} x {N_TREES} trees"] = ensemble(
        [lambda rows, b=booster: b.predict(rows, num_threads=1) for booster in boosters]
    )
    try:
        import onnxruntime
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType
    except ImportError as error:
        print(f"LightGBM by ONNX Runtime: left out ({error})")
    else:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        shape = [("x", FloatTensorType([None, features.shape[1]]))]
        sessions = [
            onnxruntime.InferenceSession(convert_lightgbm(b, initial_types=shape).SerializeToString(), options)
            for b in boosters
        ]
        made["the same by ONNX Runtime"] = ensemble([lambda rows, s=s: s.run(None, {"x": rows})[0] for s in sessions])

    import xgboost

    trees = [
        xgboost.train(
            {"nthread": 1, "eta": 0.05, "max_depth": 6}, xgboost.DMatrix(features[fold], values[fold]), N_TREES
        )
        for fold in folds
    ]
    made[f"XGBoost {xgboost.__version__}, {N_MEMBERS} x {N_TREES} trees"] = ensemble(
        [lambda rows, t=tree: t.inplace_predict(rows) for tree in trees]
    )
    if onnx:
        made["YAHPO's network by ONNX Runtime"] = _yahpo(onnx)
    return {
        name: lambda rows, p=predict: p(np.nan_to_num(rows, nan=-1.0).astype(np.float32))
        for name, predict in made.items()
    }


def _yahpo(path: Path) -> Callable[[Any], Any]:
    """One epoch of one architecture, of its single member. Which one does not matter for the time."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    types = {"tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(float)": np.float32}
    given = {
        tensor.name: np.zeros([size if isinstance(size, int) else 1 for size in tensor.shape], types[tensor.type])
        for tensor in session.get_inputs()
    }
    return lambda rows: session.run(None, given)


def _print_first_answer(path: Path, rounds: int) -> None:
    runs = []
    for _ in range(rounds + 1):
        run = subprocess.run([sys.executable, "-c", FIRST_ANSWER, path], check=True, capture_output=True, text=True)
        runs.append(json.loads(run.stdout))
    taken = side_by_side.seconds(statistics.median(runs[1:]))
    print(f"open {path.name} and first answer, in a new process after `import numpy`: {taken} (150 ms allowed)")


def _print_materialized(path: Path, out: Path) -> None:
    from nasbench_kit.surrogates import Surrogate, materialize

    begun = time.perf_counter()
    table = materialize(Surrogate.open(path), out)
    taken, size = time.perf_counter() - begun, out.stat().st_size / 1e6
    what = f"materialize {table.n_archs:,} architectures of {path.name}"
    print(f"{what}: {taken:.0f} s (120 s allowed), {size:.0f} MB")


if __name__ == "__main__":
    main()

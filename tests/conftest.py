"""What several test files use: benchmarks, small tables, and the real data beside a developer's checkout."""
# ruff: noqa: E402

import os

# before numpy is imported: tests run side by side, and small matrices are not worth threads that wait for each other
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import bz2
import gc
import io
import signal
import tempfile
from functools import lru_cache, partial
from itertools import compress, count, pairwise
from operator import not_
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import nasbench_kit as nbk
from nasbench_kit.encodings.features import sparse
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.formats.safetensors import write_tensors
from nasbench_kit.jobs import n_processors
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, needs_of
from nasbench_kit.simulator import task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.study import study
from nasbench_kit.surrogates.card import make_card, sha256_of, write_card
from nasbench_kit.surrogates.network import Network
from nasbench_kit.surrogates.targets import Target
from nasbench_kit.tables import DatasetSpec, Stored
from nasbench_kit.tables.verify import hdf5_fault, verify_content

# on a busy machine everything takes long: that says nothing of what is tested; every run draws other examples, so half
# as many as usual are enough
settings.register_profile("busy", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# a shell ignores Ctrl-C in what it starts in the background, and so would every process that a test interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)

# tables that the user keeps must not be found by tests
os.environ["NASBENCH_KIT_DATA"] = tempfile.mkdtemp(prefix="nasbench_kit_data_")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_xdist_auto_num_workers():
    return n_processors() + 1  # many tests wait for programs, servers and workers


def pytest_collection_modifyitems(items):
    # each process is given an equal part, in this order; a long test that comes last is waited for
    n_processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    is_slow = [item.get_closest_marker("slow") is not None for item in items]
    slow = list(compress(items, is_slow))
    others = list(compress(items, map(not_, is_slow)))
    parts = [slow[i::n_processes] for i in range(n_processes)]
    size = -(-len(items) // n_processes)
    items[:] = []
    for part in parts:
        n = max(0, size - len(part))
        items += [*part, *others[:n]]
        del others[:n]
    items += others
    for item in items:
        if "shared_data" in item.fixturenames and item.get_closest_marker("shared") is None:
            raise pytest.UsageError(f"{item.nodeid} reads shared data; mark it with pytest.mark.shared")
        if not SHARED.is_dir() and item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason=f"the folder of real data {SHARED} is absent"))


def pytest_collection_finish():
    gc.freeze()  # thousands of tests that were collected stay: no search for garbage need look through them again


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data; only tests marked `shared` may use it, and skip where it is absent."""
    return SHARED


@pytest.fixture(scope="session")
def read_nats(shared_data):
    """Read a file of NATS-Bench's topology space, executing nothing."""

    def read(name):
        path = shared_data / "natsbench" / "NATS-tss-v1_0-3ffb9-simple" / f"{name}.pickle.pbz2"
        return read_plain_pickle(io.BytesIO(bz2.decompress(path.read_bytes())), name, PLAIN)

    return read


@pytest.fixture(scope="session", autouse=True)
def verified_once():
    """A study verifies its tables at every call, which starts Python anew: here a file is verified when it is new."""
    verify, verified = study._verify, set()

    def verify_new(results):
        state = os.path.isfile(results.path) and (results.path, os.stat(results.path).st_ctime_ns)
        if state not in verified:
            verify(results)
        if state:
            verified.add(state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "_verify", verify_new)
        yield


@pytest.fixture(scope="session")
def space():
    return NASBench201Space()


@pytest.fixture(scope="session")
def toy_space():
    return ChoiceSpace("toy", {"kernel": ("3", "5"), "width": ("16", "32", "64")})


@pytest.fixture(scope="session")
def equipped():
    """A benchmark with the objectives and limits that an optimizer needs."""

    def equip(name, bench):
        needs, what = set(needs_of(OPTIMIZERS[name])), {}
        columns = [column for column in task_of(bench).columns if bench.metrics[column].direction]
        if "objectives" in needs:
            what["objectives"] = [bench.objective_metric.name, columns[-1]]
        if "constraints" in needs:
            middle = np.nanmedian(bench.values(columns[-1], bench.results.representative_archs(), missing="nan"))
            what["constraints"] = [f"{columns[-1]}<={middle}"]
        return nbk.Benchmark(bench.results, bench.dataset, **what) if what else bench

    return equip


@pytest.fixture(scope="session")
def quickly():
    """An optimizer that learns little from what it is told: how much says nothing of how it behaves."""
    little = {
        "bananas": {"epochs": 5},
        "graf_search": {"n_trees": 5},
        "npenas": {"epochs": 2},
        "random_forest": {"n_trees": 3},
    }
    return lambda name: partial(OPTIMIZERS[name], **little[name]) if name in little else OPTIMIZERS[name]


@pytest.fixture(scope="session")
def n_enough():
    """How many evaluations show how an optimizer behaves: fewer of what takes long to think, or to be asked."""

    def enough(name, bench):
        thinks = name in (*GROUPS["model-based"], "mobster", "sync_mobster", "hyper_tune", "parego", "ehvi", "eic")
        return 20 if thinks else 40 if bench.results.kind == "surrogate" else 300

    return enough


@pytest.fixture(scope="session")
def loaded():
    """A benchmark by its name, for several tests in a row the same: one that keeps its answers takes fewer seconds."""
    return lru_cache(maxsize=3)(nbk.load)


@pytest.fixture(scope="session")
def cifar10():
    return nbk.load("nasbench201/cifar10")


@pytest.fixture(scope="session")
def cifar100():
    return nbk.load("nasbench201/cifar100")


@pytest.fixture(scope="session")
def imagenet():
    return nbk.load("nasbench201/imagenet16-120")


@pytest.fixture(scope="session", params=nbk.list_benchmarks())
def embedded(request):
    return nbk.load(request.param)


@pytest.fixture(scope="session", params=[name for name in nbk.list_benchmarks() if name.startswith("nasbench201/")])
def nasbench201(request):
    return nbk.load(request.param)


@pytest.fixture(scope="session")
def new_path(tmp_path_factory):
    """A path that does not exist yet, per call; for tests of many examples, where `tmp_path` would be shared."""
    folder, number = tmp_path_factory.mktemp("tables"), count()
    return lambda suffix=".h5": folder / f"{next(number)}{suffix}"


@pytest.fixture(scope="session")
def verify():
    """As `Table.verify`, but HDF5 looks in this process: for many tables that were written just now."""

    def verify(table):
        verify_content(table.path)
        assert hdf5_fault(table.path) == ""

    return verify


@pytest.fixture(scope="session")
def stored():
    """A metric by its name in the usual scheme, with an array (seeds, epochs, architectures)."""

    def make(name, raw, *, seeds=(), epochs=(), scale=(1, 1), missing=None):
        raw = np.asarray(raw)
        raw = raw.reshape(max(len(seeds), 1), max(len(epochs), 1), -1)
        return Stored(nbk.Metric.from_name(name, tuple(seeds), tuple(epochs)), raw, scale, missing)

    return make


@pytest.fixture(scope="session")
def make_table(new_path, toy_space):
    """A table `mine` of one dataset `d` on the six architectures of the toy space, unless told otherwise."""

    def make(*metrics, objective="val_accuracy", path=None, **settings):
        given = {"name": "mine", "space": toy_space, "datasets": {"d": DatasetSpec(metrics, objective)}} | settings
        return nbk.Table.create(path or new_path(), **given)

    return make


@pytest.fixture(scope="session")
def make_benchmark(make_table):
    return lambda *metrics, **settings: nbk.Benchmark(make_table(*metrics, **settings), "d")


@pytest.fixture(scope="session")
def make_surrogate(new_path, toy_space):
    """A surrogate in the format that ships: a network of random weights, which takes no training and no torch."""

    def make(
        space=toy_space,
        *,
        path=None,
        name="pretend",
        datasets=("d",),
        metrics=("val_accuracy", "cost_s"),
        epochs=(4, 12, 36, 108),
        n_members=10,
        noise=True,
        collapse=True,
        best=True,
        encoding="one_hot",
        n_units=(32,),
        seed=0,
        about=None,
        quality=None,
    ):
        folder = Path(path or new_path(""))
        folder.mkdir(parents=True, exist_ok=True)
        known = {key: nbk.Metric.from_name(key) for key in metrics}
        known = {
            key: metric._replace(epochs=tuple(epochs) if metric.split or key == "cost_s" else ())
            for key, metric in known.items()
        }
        targets = []
        for dataset in datasets:
            targets += [_pretended(dataset, metric) for metric in known.values()]
            if noise:
                targets.append(_pretended(dataset, known[metrics[0]], "noise"))
            if collapse:
                targets.append(_pretended(dataset, known[metrics[0]], "collapse"))
        n_values = sum(target.n_outputs for target in targets if target.kind == "value")
        n_noise = sum(target.n_outputs for target in targets if target.kind != "value")
        _write_network(folder / "network.safetensors", space, encoding, n_units, n_members * n_values + n_noise, seed)
        fields = {
            "name": name,
            "space": space,
            "predictor": {"kind": "network", "file": "network.safetensors", "encoding": encoding},
            "n_members": n_members,
            "objectives": dict.fromkeys(datasets, metrics[0]),
            "metrics": dict.fromkeys(datasets, known),
            "targets": tuple(targets),
            "files": {"network.safetensors": sha256_of(folder / "network.safetensors")},
            "about": about or _ABOUT,
            "fitted": {"command": "none", "versions": {"numpy": np.__version__}},
            "quality": quality or {},
        }
        write_card(folder, make_card(**fields))
        made = nbk.Surrogate.open(folder)
        if best:
            found = {}
            for dataset in datasets:
                archs = made.representative_archs()
                value = made.predict(dataset, archs).mean * known[metrics[0]].sign()
                whole = len(archs) == made.n_archs
                found[dataset] = {"arch": space.format(archs[int(value.argmax())].tolist()), "proven": whole}
            write_card(folder, make_card(**fields, best=found))
        return nbk.Surrogate.open(folder)

    return make


_ABOUT = {"title": "Random numbers", "licence": "CC0-1.0", "sources": [], "notes": ["fitted to nothing"]}


def _pretended(dataset, metric, kind="value"):
    """A target with curves of a usual shape."""
    epochs = np.array(metric.epochs or (1,), float)
    rising = np.sqrt(epochs / epochs[-1])
    collapsed = np.zeros((len(epochs), 0))
    if kind == "noise":
        return Target(dataset, metric.name, kind, "identity", np.log(0.05 * rising), 0.3 * rising[None], collapsed)
    if kind == "collapse":
        collapsed = np.tile(np.linspace(0.09, 0.11, 5), (len(epochs), 1))
        return Target(dataset, metric.name, kind, "identity", np.full(len(epochs), -2.0), rising[None], collapsed)
    if "accuracy" in metric.name:
        several = (
            np.diag(0.2 * rising) if len(epochs) <= 4 else np.stack([0.2 * rising, 0.05 * rising**2, 0.02 / epochs])
        )
        return Target(dataset, metric.name, kind, "log_error", 2 * rising, several, collapsed)
    growing = np.log(30 * epochs) if metric.name == "cost_s" else -rising
    return Target(dataset, metric.name, kind, "log", growing, np.full((1, len(epochs)), 0.3), collapsed)


def _write_network(path, space, encoding, n_units, n_outputs, seed):
    """Random weights; outputs of mean 0 and variance 1 over architectures, as those of a fitted network."""
    rng = np.random.default_rng(seed)
    widths = (*n_units, n_outputs)
    tensors = {"embedding": rng.integers(-9_000, 9_000, (sparse(space, encoding).n_columns, widths[0])).astype("i2")}
    for i, (n, after) in enumerate(pairwise(widths)):
        tensors[f"bias.{i}"] = rng.integers(-5_000, 5_000, n)
        tensors[f"factor.{i}"] = np.full(n, 0.5 if i == 0 else 1e-4)
        tensors[f"weights.{i}"] = rng.integers(-9_000, 9_000, (n, after)).astype("i2")
    tensors |= {"scale": np.ones(n_outputs), "shift": np.zeros(n_outputs)}
    write_tensors(path, tensors)
    raw = Network(path, space, encoding=encoding, n_members=1, n_values=n_outputs)
    outputs = raw.outputs(space.sample_many(rng, 1_000))[0][:, 0]
    tensors["scale"] = 1 / outputs.std(axis=0)
    tensors["shift"] = -outputs.mean(axis=0) * tensors["scale"]
    write_tensors(path, tensors)

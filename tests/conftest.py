"""What several test files use: benchmarks, small tables, and the real data beside a developer's checkout."""

import bz2
import io
import os
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.plain.plain_numpy import PLAIN
from nasbench_kit.plain.plain_pickle import read_plain_pickle
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.tables import DatasetSpec, Stored

# tables that the user keeps must not be found by tests
os.environ["NASBENCH_KIT_DATA"] = tempfile.mkdtemp(prefix="nasbench_kit_data_")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items):
    for item in items:
        if "shared_data" in item.fixturenames and item.get_closest_marker("shared") is None:
            raise pytest.UsageError(f"{item.nodeid} reads shared data; mark it with pytest.mark.shared")
        if not SHARED.is_dir() and item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason=f"the folder of real data {SHARED} is absent"))


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


@pytest.fixture(scope="session")
def space():
    return NASBench201Space()


@pytest.fixture(scope="session")
def toy_space():
    return ChoiceSpace("toy", {"kernel": ("3", "5"), "width": ("16", "32", "64")})


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

"""The network that ships: exact integers, the same alone and in a batch, and files that nobody should trust."""

import json
import struct
from itertools import pairwise

import numpy as np
import pytest

from nasbench_kit.encodings.features import sparse
from nasbench_kit.errors import DataError, SurrogateError, UnknownNameError
from nasbench_kit.formats.safetensors import read_tensors
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace, NASBench101Space, NASBench201Space
from nasbench_kit.spaces.nasbench101_graphs import EDGES, N_EDGES
from nasbench_kit.surrogates.network import LARGEST, Network

MEMBERS, VALUES, NOISE = 3, 2, 1
N_OUTPUTS = MEMBERS * VALUES + NOISE
CODES = {"<i2": "I16", "<i8": "I64", "<f8": "F64", "<f4": "F32"}


def pack(tensors, *, change=lambda header: None, cut=None):
    """A safetensors file, written here byte by byte after its specification, not by the library."""
    header, body = {}, b""
    for name, array in tensors.items():
        data = array.tobytes()
        header[name] = {
            "dtype": CODES[array.dtype.newbyteorder("<").str],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    change(header)
    text = json.dumps(header).encode()
    return (struct.pack("<Q", len(text)) + text + body)[:cut]


def random_tensors(n_columns, units, rng, n_outputs=N_OUTPUTS):
    def integers(*shape):
        return rng.integers(-LARGEST - 1, LARGEST + 1, shape).astype(np.int16)

    sizes = [*units, n_outputs]
    made = {"embedding": integers(n_columns, units[0])}
    for i, (n, n_next) in enumerate(pairwise(sizes)):
        made[f"bias.{i}"] = rng.integers(-(10**5), 10**5, n)
        # so that activations reach from 0 to beyond the largest
        made[f"factor.{i}"] = rng.uniform(0.1, 1.0, n) / (1 if i == 0 else LARGEST * np.sqrt(units[i - 1]) / 2)
        made[f"weights.{i}"] = integers(n, n_next)
    made["scale"] = rng.uniform(1e-12, 2e-12, n_outputs)
    made["shift"] = rng.normal(size=n_outputs)
    return made


@pytest.fixture
def write(tmp_path):
    def made(tensors, **settings):
        path = tmp_path / "network.safetensors"
        path.write_bytes(pack(tensors, **settings))
        return path

    return made


@pytest.fixture
def tensors():
    return random_tensors(sparse(NASBench201Space(), "pairs").n_columns, (24, 16), np.random.default_rng(0))


def opened(path, space=None, encoding="pairs", n_noise=NOISE):
    return Network(
        path, space or NASBench201Space(), encoding=encoding, n_members=MEMBERS, n_values=VALUES, n_noise=n_noise
    )


def by_hand(tensors, columns):
    """The same in Python's own integers, which are never rounded."""
    n_layers = sum(name.startswith("bias.") for name in tensors)
    sums = [sum(int(tensors["embedding"][c, u]) for c in columns) for u in range(tensors["embedding"].shape[1])]
    for i in range(n_layers):
        bias, factor, weights = (tensors[f"{kind}.{i}"].tolist() for kind in ("bias", "factor", "weights"))
        units = [min(max(round((s + b) * f), 0), LARGEST) for s, b, f in zip(sums, bias, factor, strict=True)]
        sums = [sum(u * row[k] for u, row in zip(units, weights, strict=True)) for k in range(len(weights[0]))]
    return [s * a + b for s, a, b in zip(sums, tensors["scale"].tolist(), tensors["shift"].tolist(), strict=True)]


# ---- exactness ----


def test_a_network_gives_what_python_integers_give(write, tensors):
    network, space = opened(write(tensors)), NASBench201Space()
    for arch in space.sample_many(np.random.default_rng(1), 20).tolist():
        values, noise = network.outputs_of(tuple(arch))
        assert values.shape == (MEMBERS, VALUES)
        assert noise.shape == (NOISE,)
        expected = by_hand(tensors, sparse(space, "pairs").one(tuple(arch)))
        assert [*values.ravel().tolist(), *noise.tolist()] == expected


@pytest.mark.parametrize(
    ("space", "encoding"),
    [(NASBench201Space(), "pairs"), (NASBench101Space(), "neighborhoods"), (DARTSSpace(), "edges")],
    ids=["nasbench201", "nasbench101", "darts"],
)
def test_one_architecture_a_batch_and_a_shuffled_batch_agree_to_the_last_bit(write, space, encoding):
    rng = np.random.default_rng(2)
    made = random_tensors(sparse(space, encoding).n_columns, (384, 256), rng)
    network = opened(write(made), space, encoding)
    archs = space.sample_many(rng, 1_100)  # more than go through the layers together
    values, noise = network.outputs(archs)
    order = rng.permutation(len(archs))
    shuffled_values, shuffled_noise = network.outputs(archs[order])
    assert (shuffled_values == values[order]).all()
    assert (shuffled_noise == noise[order]).all()
    for row, arch in enumerate(archs[:200].tolist()):
        one_value, one_noise = network.outputs_of(tuple(arch))
        assert (one_value == values[row]).all()
        assert (one_noise == noise[row]).all()


def test_the_largest_sums_that_a_file_can_ask_for_are_exact(write):
    space = NASBench201Space()
    n_columns, n = sparse(space, "pairs").n_columns, 512
    made = random_tensors(n_columns, (n, n), np.random.default_rng(3))
    made["embedding"][:] = LARGEST
    made["factor.0"][:] = made["factor.1"][:] = 1.0  # every activation is the largest
    made["weights.0"][:] = LARGEST
    made["weights.1"][:] = LARGEST
    made["weights.1"][0] = LARGEST - 1  # an odd one: the last bit counts
    made["scale"][:], made["shift"][:] = 1.0, 0.0
    values, _ = opened(write(made)).outputs_of((0,) * 6)
    assert values[0, 0] == LARGEST * (LARGEST * (n - 1) + LARGEST - 1)


def test_an_empty_batch_has_no_outputs(write, tensors):
    values, noise = opened(write(tensors)).outputs(np.empty((0, 6), np.uint8))
    assert values.shape == (0, MEMBERS, VALUES)
    assert noise.shape == (0, NOISE)


# ---- files that are damaged, or made to harm ----


def test_a_truncated_file_is_refused(write, tensors):
    size = len(pack(tensors))
    for cut in (0, 4, 8, 60, size // 2, size - 1):
        with pytest.raises(SurrogateError, match="no safetensors file, or damaged"):
            opened(write(tensors, cut=cut))


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [2**62, 4]},
        {"shape": [2**40, 2**40]},
        {"shape": [-1, -24]},
        {"data_offsets": [0, 2**63]},
        {"data_offsets": [-8, 8]},
        {"data_offsets": [8, 0]},
        {"data_offsets": "08"},
        {"dtype": "O"},
        {"dtype": "F128"},
        {"shape": [1.5, 2]},
        {"shape": None},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit_its_bytes_is_refused(write, tensors, entry):
    with pytest.raises(SurrogateError, match="no safetensors file, or damaged"):
        opened(write(tensors, change=lambda header: header["embedding"].update(entry)))


def test_a_header_longer_than_any_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "n.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(DataError, match="a header of"):
        read_tensors(path)


def test_tensors_of_another_type_are_refused(write, tensors):
    for name in ("embedding", "weights.0", "bias.1"):
        wrong = tensors | {name: tensors[name].astype(np.float32)}
        with pytest.raises(SurrogateError, match=f"{name} is float32"):
            opened(write(wrong))


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["scale", "shift", "factor.0"])
def test_numbers_that_are_not_finite_are_refused(write, tensors, name, number):
    tensors[name][0] = number
    with pytest.raises(SurrogateError, match=f"{name} holds numbers that are not finite"):
        opened(write(tensors))


def test_a_bias_beyond_exact_sums_is_refused(write, tensors):
    for bias in (2**62, -(2**62), np.iinfo(np.int64).min):
        tensors["bias.0"][0] = bias
        with pytest.raises(SurrogateError, match=r"bias\.0 goes beyond"):
            opened(write(tensors))


def test_a_missing_tensor_is_named(write, tensors):
    for name in ("embedding", "scale", "factor.1", "weights.1", "bias.0"):
        with pytest.raises(SurrogateError, match="lacks the tensor"):
            opened(write({key: array for key, array in tensors.items() if key != name}))


def test_shapes_that_do_not_fit_the_space_or_the_card_are_refused(write, tensors):
    path = write(tensors)
    with pytest.raises(SurrogateError, match="embedding is int16"):
        opened(path, DARTSSpace(), "edges")
    with pytest.raises(SurrogateError, match="scale is float64"):
        opened(path, n_noise=NOISE + 1)
    with pytest.raises(SurrogateError, match=r"weights\.0 is int16"):
        opened(write(tensors | {"weights.0": tensors["weights.0"][:-1]}))


def test_a_file_that_is_absent_or_json_without_tensors_is_refused(tmp_path):
    with pytest.raises(SurrogateError, match="cannot read"):
        opened(tmp_path / "none.safetensors")
    for text in (b"[]", b"{}", b"null", b'{"embedding": 3}', b"{" * 100_000):
        path = tmp_path / "n.safetensors"
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        with pytest.raises(SurrogateError, match="safetensors"):
            opened(path)


# ---- sparse encodings ----

ENCODINGS = [
    (ChoiceSpace("toy", {"kernel": ("3", "5"), "width": ("16", "32", "64")}), "one_hot"),
    (NASBench201Space(), "pairs"),
    (NASBench201Space(), "one_hot+pairs"),
    (DARTSSpace(), "edges"),
    (DARTSSpace(), "edges+pairs"),
    (NASBench101Space(), "cell"),
    (NASBench101Space(), "neighborhoods"),
]


@pytest.mark.parametrize(("space", "name"), ENCODINGS, ids=lambda part: getattr(part, "name", part))
def test_one_architecture_and_a_batch_have_the_same_columns(space, name):
    encoding = sparse(space, name)
    archs = space.sample_many(np.random.default_rng(4), 1_000)
    columns = encoding.many(archs)
    assert columns.min() >= 0
    assert columns.max() <= encoding.n_columns
    for arch, row in zip(archs.tolist(), columns, strict=True):
        assert sorted(encoding.one(tuple(arch))) == sorted(row[row < encoding.n_columns].tolist())


@pytest.mark.parametrize("name", ["cell", "neighborhoods"])
def test_isomorphic_cells_have_the_same_columns_and_others_do_not(name):
    space = NASBench101Space()
    encoding = sparse(space, name)
    archs = space.sample_many(np.random.default_rng(5), 4_000)
    columns = np.sort(encoding.many(archs), axis=1)
    _, by_hash = np.unique(space.official_hash_many(archs), return_inverse=True)
    _, by_columns = np.unique(columns, axis=0, return_inverse=True)
    together = np.unique(np.stack([by_hash, by_columns.ravel()]), axis=1).shape[1]
    assert together == by_hash.max() + 1 == by_columns.max() + 1


@pytest.mark.parametrize("name", ["cell", "neighborhoods"])
def test_vertices_that_trade_places_do_not_change_the_columns(name):
    """Input to three branches of one operation each, to the output: any order of the branches is the same cell."""
    space = NASBench101Space()

    def cell(*operations):
        edges = [(0, v) for v in (1, 2, 3)] + [(v, 6) for v in (1, 2, 3)]
        return (*(int(edge in edges) for edge in EDGES), *operations, 0, 0)

    one = sparse(space, name).one
    assert sorted(one(cell(0, 1, 2))) == sorted(one(cell(2, 0, 1)))
    assert sorted(one(cell(0, 1, 2))) != sorted(one(cell(0, 1, 1)))


def test_paths_of_a_cell_are_counted():
    """Two equal branches are the same path twice: the columns say so, and a cell with one such branch has others."""
    space = NASBench101Space()
    direct = next(i for i, edge in enumerate(EDGES) if edge == (0, 6))

    def cell(branches):
        edges = [(0, v) for v in range(1, branches + 1)] + [(v, 6) for v in range(1, branches + 1)]
        bits = [int(edge in edges) for edge in EDGES]
        bits[direct] = 1
        return (*bits, *(1,) * (26 - N_EDGES))

    from nasbench_kit.encodings.nasbench101 import Paths

    assert sorted(Paths().one(space.canonical(cell(1)))) == [0, 2]  # nothing between; the second operation alone
    assert sorted(Paths().one(space.canonical(cell(3)))) == [0, 2, 2, 2]


def test_columns_of_darts_tell_all_cells_apart():
    space = DARTSSpace()
    archs = np.unique(space.sample_many(np.random.default_rng(6), 5_000), axis=0)
    columns = sparse(space, "edges").many(archs)
    assert len(np.unique(np.sort(columns, axis=1), axis=0)) == len(archs)


def test_all_pairs_of_nasbench201_are_told_apart():
    space = NASBench201Space()
    columns = sparse(space, "pairs").many(space.all_archs())
    assert len(np.unique(columns, axis=0)) == space.size


def test_an_encoding_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="sparse encoding of nasbench201"):
        sparse(NASBench201Space(), "cell")
    with pytest.raises(UnknownNameError, match="sparse encoding of darts"):
        sparse(DARTSSpace(), "edges+cell")


def test_files_are_as_readable_as_others(tmp_path):
    from nasbench_kit.formats.safetensors import read_tensors, write_tensors

    (tmp_path / "other").write_bytes(b"")
    write_tensors(tmp_path / "some.safetensors", {"a": np.arange(3.0)})
    assert (tmp_path / "some.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert read_tensors(tmp_path / "some.safetensors")["a"].tolist() == [0, 1, 2]

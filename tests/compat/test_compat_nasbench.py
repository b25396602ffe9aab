"""NAS-Bench-101's own API on a table of ours: the original's answers, without its known defects."""

import json
import random
from types import SimpleNamespace

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.compat import nasbench as api
from nasbench_kit.errors import SettingError, TableError
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.tables import SEPARATE_TRAININGS, DatasetSpec

INPUT, OUTPUT = "input", "output"
CONV3X3, CONV1X1, MAXPOOL3X3 = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
SPACE = NASBench101Space()
EPOCHS, SEEDS = (4, 12, 36, 108), (0, 1, 2)
VALUES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
OURS = dict(zip(VALUES, ("cost_s", "train_accuracy", "val_accuracy", "test_accuracy"), strict=True))

# The cell in the original's README, and its first record's. Source: google-research/nasbench, example.py
INCEPTION = {
    "matrix": [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    "ops": [INPUT, CONV1X1, CONV3X3, CONV3X3, CONV3X3, MAXPOOL3X3, OUTPUT],
}
# A record of the release. Source: sile/nasbench-rs, src/dataset.rs
RECORD = ("0100110001000000010010000010000001000000010000000", "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,"
          "conv3x3-bn-relu,conv1x1-bn-relu,output")  # fmt: skip
RECORD_HASH = "00005c142e6f48ac74fdcf73e3439874"


def chain(n):
    return {"matrix": np.eye(n, k=1, dtype=int), "ops": [INPUT, *[CONV3X3] * (n - 2), OUTPUT]}


CHAIN = {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": [INPUT, MAXPOOL3X3, OUTPUT]}


def write_table(path, stored, cells, params, values, *, epochs=EPOCHS, seeds=SEEDS, leave_out=()):
    """A table as the importer writes it; `values[stage, name]` is an array (seeds, epochs, cells)."""
    metrics = [stored("params_m", np.array(params), scale=(1, 1_000_000))]
    for (stage, name), raw in values.items():
        metric = OURS[name] + ("[halfway]" if stage == "halfway" else "")
        if name == "training_time":
            metrics.append(stored(metric, raw.astype(np.float32), seeds=seeds, epochs=epochs))
        else:
            counts = np.where(np.isnan(raw), 65_535, np.round(raw * 9_984)).astype(np.uint16)
            metrics.append(stored(metric, counts, seeds=seeds, epochs=epochs, scale=(1, 9_984), missing=65_535))
    metrics = [metric for metric in metrics if metric.metric.name not in leave_out]
    dataset = {"cifar10": DatasetSpec(metrics, epochs_are=SEPARATE_TRAININGS)}
    nbk.Table.create(path, name="nasbench101", space=SPACE, archs=cells, datasets=dataset)
    return path


@pytest.fixture(scope="module")
def generated():
    """Three cells with generated results: (stage, name) -> array (seeds, epochs, cells)."""
    rng = np.random.default_rng(0)
    shape = (len(SEEDS), len(EPOCHS), 3)
    values = {}
    for stage in ("halfway", "final"):
        for name in VALUES:
            counts = rng.integers(1_000, 9_985, shape)
            values[stage, name] = counts / 9_984 if name != "training_time" else np.float32(counts + 0.25)
    return values


@pytest.fixture(scope="module")
def path(new_path, stored, generated):
    return write_table(new_path(), stored, [INCEPTION, RECORD, CHAIN], [2_694_282, 8_555_530, 227_274], generated)


@pytest.fixture
def nasbench(path):
    return api.NASBench(path, seed=3)


def spec_of(cell):
    return api.ModelSpec(**cell)


# ---- ModelSpec ----


@pytest.mark.parametrize(
    ("n", "edges", "kept"),
    [
        (3, "01 12", [0, 1, 2]),
        (3, "01 02 12", [0, 1, 2]),
        (4, "01 02 13 23", [0, 1, 2, 3]),
        (4, "01 13", [0, 1, 3]),
        (5, "01 14 23", [0, 1, 4]),
        (4, "01 02 23", [0, 2, 3]),
        (4, "02 13 23", [0, 2, 3]),
        (2, "", None),
        (4, "01 23", None),
        (4, "12", None),
    ],
)
def test_pruning_keeps_what_the_original_keeps(n, edges, kept):
    # Source: google-research/nasbench, nasbench/tests/model_spec_test.py: these graphs, and what is left of them
    matrix = np.zeros((n, n), int)
    for a, b in edges.split():
        matrix[int(a), int(b)] = 1
    spec = api.ModelSpec(matrix, list(range(n)))
    assert spec.valid_spec == (kept is not None)
    assert spec.ops == kept
    if kept:
        assert spec.matrix.tolist() == matrix[kept][:, kept].tolist()


def test_a_spec_keeps_what_it_was_given():
    matrix = np.array([
        [0, 1, 1, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
    ])  # fmt: skip
    ops = [INPUT, CONV1X1, CONV3X3, MAXPOOL3X3, OUTPUT]
    spec = api.ModelSpec(matrix, ops)
    assert spec.valid_spec
    assert spec.matrix.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert spec.ops == [INPUT, CONV3X3, OUTPUT]
    assert spec.original_matrix.tolist() == matrix.tolist()
    assert spec.original_ops == ops
    assert spec.data_format == "channels_last"
    assert api.ModelSpec(matrix, ops, "channels_first").data_format == "channels_first"
    matrix[0, 2] = 0
    ops[2] = "changed"
    assert spec.original_matrix[0, 2] == 1
    assert spec.original_ops[2] == CONV3X3


def test_a_disconnected_spec_has_neither_matrix_nor_operations(nasbench):
    spec = api.ModelSpec([[0, 1, 0], [0, 0, 0], [0, 0, 0]], [INPUT, CONV1X1, OUTPUT])
    assert (spec.valid_spec, spec.matrix, spec.ops) == (False, None, None)
    assert not nasbench.is_valid(spec)
    for call in (nasbench.query, nasbench.get_metrics_from_spec, lambda spec: spec.hash_spec([CONV1X1])):
        with pytest.raises(api.OutOfDomainError, match=r"^invalid spec, provided graph is disconnected\.$"):
            call(spec)


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        ([[0, 1, 0], [0, 0, 1]], [INPUT, CONV1X1, OUTPUT], "^matrix must be square$"),
        ([[0, 1], [0]], [INPUT, OUTPUT], "^matrix must be square$"),
        ([0, 1], [INPUT, OUTPUT], "^matrix must be square$"),
        ([[0, 1], [0, 0]], [INPUT, CONV1X1, OUTPUT], "^length of ops must match matrix dimensions$"),
        ([[0, 1], [1, 0]], [INPUT, OUTPUT], "^matrix must be upper triangular$"),
        ([[1, 1], [0, 0]], [INPUT, OUTPUT], "^matrix must be upper triangular$"),
        ([[0, 0.5], [0, 0]], [INPUT, OUTPUT], "^matrix must hold 0 and 1 only$"),
        ([[0, 2], [0, 0]], [INPUT, OUTPUT], "^matrix must hold 0 and 1 only$"),
        ([["0", "1"], ["0", "0"]], [INPUT, OUTPUT], "^matrix must hold 0 and 1 only$"),
    ],
)
def test_what_is_no_graph_is_a_value_error(matrix, ops, message):
    with pytest.raises(ValueError, match=message):
        api.ModelSpec(matrix, ops)


def test_hashes_are_the_releases_whatever_the_type_of_the_numbers():
    labels = [CONV3X3, CONV1X1, MAXPOOL3X3]
    matrix = np.array(list(map(int, RECORD[0]))).reshape(7, 7)
    ops = RECORD[1].split(",")
    for kind in (int, float, bool, np.int8, np.float32):  # the original's hash of floats is another one
        assert api.ModelSpec(matrix.astype(kind), ops).hash_spec(labels) == RECORD_HASH
    assert api.ModelSpec(matrix, tuple(ops)).hash_spec(tuple(labels)) == RECORD_HASH
    assert api.ModelSpec(matrix, ops).hash_spec(labels[::-1]) != RECORD_HASH
    with pytest.raises(ValueError, match="is not in list"):
        api.ModelSpec(matrix, ops).hash_spec(labels[:2])


def test_a_spec_may_have_more_vertices_than_the_space_if_pruning_takes_them_away(nasbench):
    matrix = np.zeros((9, 9), int)
    matrix[0, 4] = matrix[4, 8] = matrix[0, 1] = matrix[2, 3] = 1
    spec = api.ModelSpec(matrix, [INPUT, *["anything"] * 3, MAXPOOL3X3, *["else"] * 3, OUTPUT])
    assert nasbench.is_valid(spec)
    assert nasbench.query(spec)["trainable_parameters"] == 227_274
    assert SPACE.official_hash(SPACE.parse(spec)) == spec_of(CHAIN).hash_spec(nasbench.config["available_ops"])


# ---- queries ----


def test_a_query_returns_one_repeat_drawn_as_the_original_draws(nasbench, generated):
    original = random.Random(3)
    fixed = {"module_adjacency", "module_operations", "trainable_parameters"}
    for epochs in (108, 4, 36, 12) * 5:
        data = nasbench.query(spec_of(INCEPTION), epochs=epochs)
        repeat = original.randint(0, 2)
        assert set(data) == {*VALUES, *fixed}
        for name in VALUES:
            expected = generated["final", name][repeat, EPOCHS.index(epochs), 0]
            assert data[name] == float(np.float32(expected))  # the release holds float32
            assert type(data[name]) is float
        assert data["module_adjacency"].dtype == np.int8
        assert data["module_adjacency"].tolist() == INCEPTION["matrix"]
        assert data["module_operations"] == INCEPTION["ops"]
        assert data["trainable_parameters"] == 2_694_282


def test_half_a_training_is_paid_for_half(nasbench, generated):
    assert nasbench.get_budget_counters() == (0.0, 0)
    half = nasbench.query(spec_of(CHAIN), epochs=36, stop_halfway=True)
    assert half["training_time"] in generated["halfway", "training_time"][:, 2, 2]
    assert half["test_accuracy"] in np.float32(generated["halfway", "test_accuracy"][:, 2, 2])
    whole = nasbench.query(spec_of(CHAIN))
    assert nasbench.get_budget_counters() == (half["training_time"] + whole["training_time"], 18 + 108)
    assert (nasbench.training_time_spent, nasbench.total_epochs_spent) == nasbench.get_budget_counters()
    nasbench.get_metrics_from_spec(spec_of(CHAIN))
    assert nasbench.total_epochs_spent == 126
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_the_same_seed_gives_the_same_repeats_and_leaves_the_generator_of_the_program_alone(path):
    def run(**settings):
        nasbench = api.NASBench(path, **settings)
        return [nasbench.query(spec_of(CHAIN))["training_time"] for _ in range(30)]

    random.seed(1)
    state = random.getstate()
    assert run(seed=5) == run(seed=5) != run(seed=6)
    assert run() == run() == run(seed=None) == run(seed=0)  # the original: other results each time
    assert random.getstate() == state


def test_isomorphic_specs_are_one_cell_in_the_numbering_of_the_release(nasbench):
    matrix = np.array(INCEPTION["matrix"])
    order = [0, 5, 3, 4, 1, 2, 6]
    other = api.ModelSpec(matrix[np.ix_(order, order)], [INCEPTION["ops"][v] for v in order])
    assert other.matrix.tolist() != INCEPTION["matrix"]
    fixed, computed = nasbench.get_metrics_from_spec(other)
    assert fixed["module_adjacency"].tolist() == INCEPTION["matrix"]
    assert computed == nasbench.get_metrics_from_spec(spec_of(INCEPTION))[1]


def test_all_metrics_of_a_cell(nasbench, generated):
    fixed, computed = nasbench.get_metrics_from_hash(RECORD_HASH)
    assert fixed["module_operations"] == RECORD[1].split(",")
    assert fixed["trainable_parameters"] == 8_555_530
    assert type(fixed["trainable_parameters"]) is int
    assert list(computed) == list(EPOCHS)
    for (i, epochs), repeat in ((e, r) for e in enumerate(EPOCHS) for r in range(3)):
        run = computed[epochs][repeat]
        assert set(run) == {f"{stage}_{name}" for stage in ("halfway", "final") for name in VALUES}
        for (stage, name), raw in generated.items():
            assert run[f"{stage}_{name}"] == float(np.float32(raw[repeat, i, 1]))
    spec = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
    assert spec.hash_spec(nasbench.config["available_ops"]) == RECORD_HASH


def test_hashes_are_those_of_all_cells(nasbench):
    labels = nasbench.config["available_ops"]
    hashes = nasbench.hash_iterator()
    expected = {RECORD_HASH, spec_of(INCEPTION).hash_spec(labels), spec_of(CHAIN).hash_spec(labels)}
    assert len(hashes) == 3
    assert set(hashes) == set(nasbench.hash_iterator()) == expected
    assert RECORD_HASH in hashes
    assert "0" * 32 not in hashes
    assert {nasbench.fixed_statistics[known]["trainable_parameters"] for known in hashes} == {
        2_694_282,
        8_555_530,
        227_274,
    }
    assert nasbench.computed_statistics[RECORD_HASH] == nasbench.get_metrics_from_hash(RECORD_HASH)[1]
    with pytest.raises(KeyError, match="no cell of the table has the hash '0000"):
        nasbench.get_metrics_from_hash("0" * 32)


def test_what_a_caller_changes_is_his(nasbench):
    fixed, computed = nasbench.get_metrics_from_hash(RECORD_HASH)
    fixed["module_operations"].clear()
    fixed["module_adjacency"][:] = 0
    computed[108].clear()
    fixed, computed = nasbench.get_metrics_from_hash(RECORD_HASH)
    assert len(fixed["module_operations"]) == 7
    assert fixed["module_adjacency"].sum() == RECORD[0].count("1")
    assert len(computed[108]) == 3


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (chain(8), r"^too many vertices, got 8 \(max vertices = 7\)$"),
        (chain(5) | {"matrix": np.triu(np.ones((5, 5)), 1)}, r"^too many edges, got 10 \(max edges = 9\)$"),
        (CHAIN | {"ops": [CONV3X3, CONV3X3, OUTPUT]}, "^first operation should be 'input'; got 'conv3x3-bn-relu'$"),
        (CHAIN | {"ops": [INPUT, CONV3X3, CONV3X3]}, "^last operation should be 'output'; got 'conv3x3-bn-relu'$"),
        (CHAIN | {"ops": [INPUT, "conv5x5", OUTPUT]}, r"^unsupported op conv5x5 \(available ops = \['conv3x3-bn"),
    ],
)
def test_a_cell_outside_the_space_is_out_of_domain(nasbench, cell, message):
    spec = spec_of(cell)
    assert not nasbench.is_valid(spec)
    for call in (nasbench.query, nasbench.get_metrics_from_spec):
        with pytest.raises(api.OutOfDomainError, match=message):
            call(spec)
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_epochs_that_were_not_recorded_are_out_of_domain(nasbench):
    with pytest.raises(
        api.OutOfDomainError, match=r"^invalid number of epochs, must be one of \[4, 12, 36, 108\]; got 54$"
    ):
        nasbench.query(spec_of(CHAIN), epochs=54)


def test_a_valid_cell_that_the_table_lacks_is_a_key_error(nasbench):
    spec = api.ModelSpec([[0, 1], [0, 0]], [INPUT, OUTPUT])
    assert nasbench.is_valid(spec)
    with pytest.raises(KeyError, match="is not among the 3 architectures of table 'nasbench101'"):
        nasbench.query(spec)


def test_any_object_with_the_attributes_of_a_spec_will_do(nasbench):
    spec = SimpleNamespace(valid_spec=True, matrix=np.array(CHAIN["matrix"]), ops=CHAIN["ops"])
    assert nasbench.query(spec)["trainable_parameters"] == 227_274


def test_the_original_example_search_runs(nasbench):
    # the skeleton of NASBench.ipynb: random specs until one is valid, mutations of `original_matrix`
    rng = np.random.default_rng(0)
    n_valid = 0
    for _ in range(200):
        matrix = np.triu(rng.choice([0, 1], size=(7, 7)), 1)
        ops = [INPUT, *rng.choice(nasbench.config["available_ops"], size=5).tolist(), OUTPUT]
        spec = api.ModelSpec(matrix=matrix, ops=ops)
        n_valid += nasbench.is_valid(spec)
        assert nasbench.is_valid(spec) == SPACE.is_valid((*matrix[np.triu_indices(7, 1)].tolist(), 0, 0, 0, 0, 0))
        new_matrix = spec.original_matrix.copy()
        new_matrix[0, 1] = 1 - new_matrix[0, 1]
        api.ModelSpec(new_matrix, list(spec.original_ops))
    assert 120 < n_valid < 180
    assert (nasbench.config["module_vertices"], nasbench.config["max_edges"], nasbench.config["num_repeats"]) == (
        7,
        9,
        3,
    )


def test_repeats_that_were_not_recorded_are_not_drawn(new_path, stored, generated):
    values = {key: raw.astype(float) for key, raw in generated.items()}
    for raw in values.values():
        raw[1, 3, 2] = raw[:, 0, 2] = np.nan
    path = write_table(new_path(), stored, [INCEPTION, RECORD, CHAIN], [1, 2, 3], values)
    nasbench = api.NASBench(path)
    drawn = {nasbench.query(spec_of(CHAIN))["training_time"] for _ in range(50)}
    assert drawn == set(values["final", "training_time"][[0, 2], 3, 2])
    _, computed = nasbench.get_metrics_from_spec(spec_of(CHAIN))
    assert [len(computed[epochs]) for epochs in EPOCHS] == [0, 3, 3, 2]
    with pytest.raises(KeyError, match="no training of this cell for 4 epochs was recorded"):
        nasbench.query(spec_of(CHAIN), epochs=4)


def test_a_table_of_108_epochs_knows_no_others(new_path, stored, generated):
    values = {key: raw[:, 3:] for key, raw in generated.items()}
    path = write_table(new_path(), stored, [INCEPTION, RECORD, CHAIN], [1, 2, 3], values, epochs=(108,))
    nasbench = api.NASBench(path)
    assert nasbench.valid_epochs == {108}
    assert nasbench.query(spec_of(CHAIN))["training_time"] in values["final", "training_time"][:, 0, 2]
    with pytest.raises(api.OutOfDomainError, match=r"must be one of \[108\]; got 36$"):
        nasbench.query(spec_of(CHAIN), epochs=36)


# ---- what is not a table of it ----


def test_the_table_in_the_data_folder_is_the_default(tmp_path, monkeypatch, stored, generated):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path))
    with pytest.raises(KeyError, match="unknown table 'nasbench101'"):
        api.NASBench()
    write_table(tmp_path / "nasbench101.h5", stored, [INCEPTION, RECORD, CHAIN], [1, 2, 3], generated)
    assert len(api.NASBench().hash_iterator()) == 3


def test_tables_that_cannot_answer_are_refused(new_path, stored, generated, tmp_path):
    lacking = write_table(
        new_path(), stored, [INCEPTION, RECORD, CHAIN], [1, 2, 3], generated,
        leave_out=("test_accuracy", "cost_s[halfway]"),
    )  # fmt: skip
    with pytest.raises(TableError, match=r"lacks cost_s\[halfway\], test_accuracy, which the original's answers hold$"):
        api.NASBench(lacking)
    with pytest.raises(TableError, match=r"is no table of nasbench101 on cifar10$"):
        api.NASBench(nbk.load("nasbench201/cifar10").results.path)
    release = tmp_path / "nasbench_only108.tfrecord"
    release.write_bytes(b"\0" * 1_000)
    with pytest.raises(TableError, match=r"nasbench_only108\.tfrecord"):
        api.NASBench(release)


def test_the_surrogate_that_comes_with_the_package_answers_by_its_name():
    nasbench, again = api.NASBench("nasbench101", seed=3), api.NASBench("nasbench101", seed=3)
    spec = spec_of(INCEPTION)
    drawn = [nasbench.query(spec, epochs=108) for _ in range(300)]
    assert [again.query(spec)["validation_accuracy"] for _ in range(3)] == [d["validation_accuracy"] for d in drawn[:3]]
    assert len({one["validation_accuracy"] for one in drawn}) > 250  # single trainings, not a mean
    bench = nbk.load("nasbench101/cifar10")
    mean = bench.query(bench.space.parse((INCEPTION["matrix"], INCEPTION["ops"])), epoch=108)
    assert np.mean([one["validation_accuracy"] for one in drawn]) == pytest.approx(mean.val_accuracy, abs=0.003)
    assert {one["training_time"] for one in drawn} == {float(np.float32(mean.cost_s))}
    assert nasbench.get_budget_counters() == (pytest.approx(300 * mean.cost_s), 300 * 108)
    assert drawn[0]["module_operations"] == INCEPTION["ops"]
    assert nasbench.valid_epochs == set(EPOCHS)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda shim, spec: shim.query(spec)["test_accuracy"],
            KeyError,
            "a surrogate does not predict 'test_accuracy'",
        ),
        (lambda shim, spec: shim.query(spec, stop_halfway=True), SettingError, "predicts no halves of trainings"),
        (lambda shim, spec: shim.query(spec, epochs=5), api.OutOfDomainError, "invalid number of epochs"),
        (lambda shim, spec: shim.get_metrics_from_spec(spec), SettingError, "has no recorded trainings"),
        (
            lambda shim, spec: shim.get_metrics_from_hash("0" * 32),
            SettingError,
            "a surrogate has no recorded trainings",
        ),
        (lambda shim, spec: shim.hash_iterator(), SettingError, "has no recorded trainings"),
        (lambda shim, spec: shim.computed_statistics, SettingError, "has no recorded trainings"),
    ],
)
def test_what_a_surrogate_does_not_predict_is_refused(ask, error, message):
    with pytest.raises(error, match=message):
        ask(api.NASBench("nasbench101"), spec_of(INCEPTION))


def test_what_the_shim_cannot_do_says_so(nasbench):
    with pytest.raises(SettingError, match=r"^evaluate trains a network, which nasbench_kit does not; query gives"):
        nasbench.evaluate(spec_of(CHAIN), "folder")
    with pytest.raises(SettingError, match=r"^visualize is not available"):
        spec_of(CHAIN).visualize()


@pytest.mark.shared
def test_real_results_of_30_cells_come_back_unchanged(shared_data, new_path, stored):
    # the layout of NASLib's nasbench_only108.pkl, whose values are those of the original's `get_metrics_from_hash`
    cells = json.loads((shared_data / "nasbench101" / "nb101_dummy.json").read_text())
    values = {
        (stage, name): np.array(
            [[[cell["computed"]["108"][r][f"{stage}_{name}"] for cell in cells.values()]] for r in SEEDS]
        )
        for stage in ("halfway", "final")
        for name in VALUES
    }
    params = [cell["trainable_parameters"] for cell in cells.values()]
    nasbench = api.NASBench(write_table(new_path(), stored, list(cells.values()), params, values, epochs=(108,)))
    assert set(nasbench.hash_iterator()) == set(cells)
    for known, cell in cells.items():
        fixed, computed = nasbench.get_metrics_from_hash(known)
        assert computed == {108: cell["computed"]["108"]}
        assert fixed["module_adjacency"].tolist() == cell["module_adjacency"]
        assert fixed["module_operations"] == cell["module_operations"]
        assert fixed["trainable_parameters"] == cell["trainable_parameters"]

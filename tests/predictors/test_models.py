"""Models of surrogates, on 1,000 cells of the embedded NAS-Bench-201."""

import json
import sys

import numpy as np
import pytest

from nasbench_kit.errors import SettingError, SurrogateError, UnknownNameError
from nasbench_kit.optional import require
from nasbench_kit.predictors import MODELS, Data, model_class
from nasbench_kit.spaces import DARTSSpace, NASBench101Space, NASBenchNLPSpace

# small, so that all are fitted in seconds
QUICK = {
    "lightgbm": {"rounds": 150, "learning_rate": 0.1},
    "xgboost": {"rounds": 150, "learning_rate": 0.1},
    "random_forest": {"rounds": 30},
    "mlp": {"epochs": 15, "hidden": 64},
    "gin": {"epochs": 10, "hidden": 24, "layers": 3, "learning_rate": 5e-3},
}
NEURAL = ("gin", "mlp")
TREES = ("lightgbm", "random_forest", "xgboost")
every_model = pytest.mark.parametrize("name", sorted(MODELS))


def new(name, space, **settings):
    return model_class(name)(space, QUICK[name] | settings)


def rows(data, which):
    return Data(data.archs[which], data.outputs[which])


@pytest.fixture(scope="module")
def cells(cifar10, cifar100):
    """Validation accuracy on two datasets after 200 epochs, as -log(1 - accuracy) of unit variance."""
    archs = cifar10.space.all_archs()[np.random.default_rng(0).permutation(15_625)[:3_000]]
    accuracy = np.stack([bench.query_many(archs).val_accuracy for bench in (cifar10, cifar100)], axis=1)
    z = -np.log1p(-accuracy)
    return Data(archs, (z - z.mean(axis=0)) / z.std(axis=0))


@pytest.fixture(scope="module")
def parts(cells):
    return rows(cells, slice(0, 1_000)), rows(cells, slice(1_000, 1_200)), rows(cells, slice(1_200, None))


@pytest.fixture(scope="module")
def fitted(space, parts):
    """Each model fitted once, with what it told of its progress."""
    made = {}

    def get(name):
        if name not in made:
            told = []
            model = new(name, space)
            model.fit(parts[0], parts[1], seed=0, progress=lambda *done: told.append(done))
            made[name] = model, told
        return made[name]

    return get


@every_model
def test_a_model_is_far_better_than_the_mean(name, fitted, parts):
    error = ((fitted(name)[0].predict(parts[2].archs) - parts[2].outputs) ** 2).mean(axis=0)
    assert error.shape == (2,)
    assert (error < 0.25 * parts[2].outputs.var(axis=0)).all()


@every_model
def test_what_was_saved_predicts_the_same(name, fitted, parts, space, tmp_path):
    model, _ = fitted(name)
    model.save(tmp_path)
    again = model_class(name).load(space, tmp_path)
    assert np.array_equal(again.predict(parts[2].archs), model.predict(parts[2].archs))
    other = tmp_path / "again"
    other.mkdir()
    again.save(other)  # of LightGBM, what was read holds the trees without the settings of their training
    third = model_class(name).load(space, other)
    assert third.settings == model.settings
    assert np.array_equal(third.predict(parts[2].archs), model.predict(parts[2].archs))


@every_model
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(name, parts, space, tmp_path):
    files = []
    settings = {"epochs": 2} if name in NEURAL else {"rounds": 5}
    for number, seed in enumerate((3, 3, 4)):
        model = new(name, space, **settings)
        model.fit(rows(parts[0], slice(0, 200)), rows(parts[1], slice(0, 50)), seed=seed)
        folder = tmp_path / str(number)
        folder.mkdir()
        model.save(folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1] != files[2]


@every_model
def test_an_architecture_alone_is_predicted_as_in_a_batch(name, fitted, parts):
    model, archs = fitted(name)[0], parts[2].archs[:600]
    batch = model.predict(archs)
    alone = np.concatenate([model.predict(archs[i : i + 1]) for i in range(0, 600, 29)])
    assert batch.dtype == np.float64
    assert alone == pytest.approx(batch[::29], rel=1e-12, abs=1e-12)
    assert model.predict(archs[:0]).shape == (0, 2)


@every_model
def test_progress_rises_to_the_end(name, fitted):
    told = fitted(name)[1]
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@every_model
def test_outputs_that_are_partly_unknown_are_learned_from_what_is_known(name, parts, space):
    """Where an output is NaN, the other counts: both get better than the mean, from 1,000 and from 500 cells."""
    train, valid, test = (Data(part.archs, part.outputs.copy()) for part in parts)
    train.outputs[::2, 1] = np.nan
    valid.outputs[::3, 0] = np.nan
    model = new(name, space)
    model.fit(train, valid, seed=0)
    error = ((model.predict(test.archs) - test.outputs) ** 2).mean(axis=0)
    assert (error < 0.4 * test.outputs.var(axis=0)).all()


@every_model
def test_an_output_without_any_value_is_refused(name, parts, space):
    train = Data(parts[0].archs, parts[0].outputs * [1, np.nan])
    with pytest.raises(SettingError, match="known of"):
        new(name, space).fit(train, parts[1], seed=0)


@every_model
def test_a_model_is_fitted_without_validation_data(name, parts, space):
    settings = {"epochs": 2} if name in NEURAL else {"rounds": 5}
    model = new(name, space, **settings)
    model.fit(rows(parts[0], slice(0, 100)), rows(parts[1], slice(0, 0)), seed=0)
    assert np.isfinite(model.predict(parts[2].archs)).all()


@every_model
def test_a_damaged_or_absent_file_is_refused_in_one_line(name, fitted, space, tmp_path):
    fitted(name)[0].save(tmp_path)
    load = model_class(name).load
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        damages = {"truncated": whole[: len(whole) // 2], "empty": b"", "flipped": bytes([whole[0] ^ 0xFF]) + whole[1:]}
        for damage in damages.values():
            path.write_bytes(damage)
            with pytest.raises(SurrogateError, match="damaged") as caught:
                load(space, tmp_path)
            assert "\n" not in str(caught.value)
        path.unlink()
        with pytest.raises(SurrogateError, match="cannot read"):
            load(space, tmp_path)
        path.write_bytes(whole)
    load(space, tmp_path)


@every_model
def test_files_of_another_space_are_refused(name, fitted, tmp_path):
    fitted(name)[0].save(tmp_path)
    with pytest.raises(SurrogateError, match=r"columns|expected"):
        model_class(name).load(NASBench101Space(), tmp_path)


@every_model
def test_a_file_says_of_which_model_it_is(name, fitted, space, tmp_path):
    fitted(name)[0].save(tmp_path)
    other = next(other for other in MODELS if other != name)
    with pytest.raises(SurrogateError, match=f"a model '{name}', not '{other}'"):
        model_class(other).load(space, tmp_path)


@every_model
def test_unknown_settings_and_bad_values_are_refused(name, space):
    model = model_class(name)
    with pytest.raises(UnknownNameError, match="unknown setting of"):
        model(space, {"no_such_setting": 1})
    with pytest.raises(SettingError, match="threads=0; a whole number at least 1 and at most 1,024 expected"):
        model(space, {"threads": 0})
    with pytest.raises(SettingError, match="threads=True; a whole number"):
        model(space, {"threads": True})
    with pytest.raises(SettingError, match="threads='2'; a whole number"):
        model(space, {"threads": "2"})


@every_model
def test_presets_are_settings_and_so_are_the_names_of_ranges(name, space):
    model = model_class(name)
    assert model.presets["default"] is not None
    for preset in model.presets.values():
        model(space, preset)
    for setting, choices in model.ranges.items():
        for value in choices[:2]:
            model(space, {setting: value})


def test_published_settings_are_those_of_nasbench301():
    """Source: configs of the repository automl/nasbench301, as `docs` of the issue list them."""
    xgboost, lightgbm = model_class("xgboost").presets["nasbench301"], model_class("lightgbm").presets
    assert (xgboost["max_depth"], xgboost["min_child_weight"], xgboost["lambda"]) == (13, 39, 31.39)
    assert (lightgbm["nasbench301"]["lambda_l2"], lightgbm["nasbench301"]["max_bin"]) == (134.5, 336)
    assert (lightgbm["nasbench301_runtime"]["max_depth"], lightgbm["nasbench301_runtime"]["num_leaves"]) == (1, 41)
    assert model_class("random_forest").presets["nasbench301"] == {"rounds": 116, "max_features": 0.1706}
    gin = model_class("gin").presets["nasbench301"]
    assert (gin["hidden"], gin["layers"], gin["batch_size"], gin["loss"]) == (24, 8, 51, "l1")


@pytest.mark.parametrize("name", ["gin", "mlp", "lightgbm"])
def test_settings_of_nasbench301_fit_architectures_of_darts(name):
    space = DARTSSpace()
    archs = space.sample_many(np.random.default_rng(0), 60)
    data = Data(archs, np.random.default_rng(1).normal(size=(60, 1)))
    model_type = model_class(name)
    short = {"epochs": 1} if name in NEURAL else {"rounds": 3}
    model = model_type(space, {**model_type.presets.get("nasbench301", {}), **short})
    model.fit(data, rows(data, slice(0, 10)), seed=0)
    assert np.isfinite(model.predict(archs)).all()


# ---- trees ----


def test_log_odds_of_lightgbm_give_the_frequency(parts, space):
    """With the objective "cross_entropy" an output is a probability, and the prediction its log-odds."""
    frequency = np.where(parts[0].archs[:, 5:] == 3, 0.8, 0.1)  # known exactly, and read off one decision
    model = new("lightgbm", space, objective="cross_entropy", feature_fraction=1.0, encoding="one_hot")
    model.fit(Data(parts[0].archs, frequency), Data(parts[1].archs[:0], frequency[:0]), seed=0)
    probability = 1 / (1 + np.exp(-model.predict(parts[2].archs)))
    assert probability == pytest.approx(np.where(parts[2].archs[:, 5:] == 3, 0.8, 0.1), abs=0.01)
    with pytest.raises(SettingError, match="from 0 to 1"):
        model.fit(parts[0], parts[1], seed=0)


def test_an_encoding_that_does_not_exist_is_refused(space):
    for name in (*TREES, "mlp"):
        with pytest.raises(UnknownNameError, match="unknown encoding"):
            model_class(name)(space, {"encoding": "no_such"})


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_trees_after_the_best_round_are_not_kept(name, parts, space, tmp_path):
    few = rows(parts[0], slice(0, 60))
    model = new(name, space, rounds=3_000, early_stopping=5, learning_rate=0.5)
    model.fit(few, parts[1], seed=0)
    model.save(tmp_path)
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("channel_*"))]
    assert max(sizes) < 300_000


# ---- networks ----


def permuted(space, cell, order):
    """The same NAS-Bench-101 cell with its inner vertices in another order; None where that is not upper triangular."""
    matrix, operations = space.prune(cell)
    at = [0, *[1 + i for i in order], len(matrix) - 1]
    if any(matrix[a][b] and at[a] >= at[b] for a in range(len(matrix)) for b in range(len(matrix))):
        return None
    moved = [[0] * len(matrix) for _ in matrix]
    named = list(operations)
    for a in range(len(matrix)):
        named[at[a]] = operations[a]
        for b in range(len(matrix)):
            moved[at[a]][at[b]] = int(matrix[a][b])
    return space.parse((moved, named))


@pytest.mark.parametrize("kind", ["residual", "published"])
def test_isomorphic_cells_have_the_same_prediction(kind):
    space = NASBench101Space()
    rng = np.random.default_rng(0)
    archs = space.sample_many(rng, 300)
    data = Data(archs, rng.normal(size=(300, 1)))
    model = new("gin", space, kind=kind, epochs=1)
    model.fit(data, rows(data, slice(0, 50)), seed=0)
    pairs = []
    for cell in map(tuple, archs.tolist()):
        n_inner = len(space.prune(cell)[0]) - 2
        moved = permuted(space, cell, rng.permutation(n_inner).tolist())
        if moved is not None and moved != cell:
            pairs.append((cell, moved))
    assert len(pairs) > 30
    first, second = (np.array(side, np.uint8) for side in zip(*pairs, strict=True))
    assert np.array_equal(space.identity(first), space.identity(second))
    assert model.predict(first) == pytest.approx(model.predict(second), rel=1e-9, abs=1e-11)
    n_different = np.unique(space.identity(archs)).size
    assert np.unique(model.predict(archs).round(10)).size > 0.9 * n_different  # and others have others


def test_random_numbers_and_threads_of_the_caller_stay_as_they_were(parts, space):
    import torch

    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    threads = torch.get_num_threads()
    model = new("gin", space, epochs=1, threads=threads + 1)
    model.fit(rows(parts[0], slice(0, 100)), parts[1], seed=0)
    model.predict(parts[2].archs[:10])
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), wanted)


def test_single_precision_differs_in_the_digits_that_it_lacks(fitted, parts, space, tmp_path):
    fitted("gin")[0].save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    about["settings"]["precision"] = "single"
    (tmp_path / "model.json").write_text(json.dumps(about))
    single = model_class("gin").load(space, tmp_path).predict(parts[2].archs)
    double = fitted("gin")[0].predict(parts[2].archs)
    assert 0 < np.abs(single - double).max() < 1e-4


def test_a_graph_network_reads_spaces_whose_cells_have_no_output_node(embedded):
    """Recurrent cells end in several nodes; of other spaces the decisions are a chain: all can be learned."""
    archs = embedded.space.sample_many(np.random.default_rng(0), 40)
    data = Data(archs, np.random.default_rng(1).normal(size=(40, 2)))
    model = new("gin", embedded.space, epochs=1, hidden=8, layers=2)
    model.fit(data, rows(data, slice(0, 5)), seed=0)
    assert np.isfinite(model.predict(archs)).all()


def test_a_device_that_is_absent_is_refused(parts, space, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SettingError, match="device='cuda', but torch finds none"):
        new("gin", space, device="cuda").fit(parts[0], parts[1], seed=0)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.2, 0.5])
def test_networks_are_trained_for_any_number_of_steps(warmup, parts, space):
    # 20 architectures are one batch of 16; where the rise of the learning rate is one step, torch divides by zero
    for epochs in range(1, 12):
        model = new("mlp", space, epochs=epochs, warmup=warmup, hidden=4)
        model.fit(rows(parts[0], slice(0, 20)), rows(parts[0], slice(0, 0)), seed=0)
        assert np.isfinite(model.predict(parts[0].archs[:2])).all()


def test_training_that_diverges_is_refused(parts, space):
    broken = Data(parts[0].archs, np.where(np.arange(1_000)[:, None] % 3, parts[0].outputs, 1e30))
    with pytest.raises(SettingError, match="diverged"):
        new("mlp", space, epochs=2).fit(broken, rows(parts[1], slice(0, 0)), seed=0)


# ---- packages that may be absent ----


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("lightgbm", "lightgbm", "fit"),
        ("random_forest", "lightgbm", "fit"),
        ("xgboost", "xgboost", "xgboost"),
        ("gin", "torch", "torch"),
        ("mlp", "torch", "torch"),
    ],
)
def test_an_absent_package_is_named_with_what_installs_it(name, package, extra, parts, space, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as Python marks what cannot be imported
    with pytest.raises(SettingError, match=rf"needs the package {package}.*pip install 'nasbench-kit\[{extra}\]'"):
        new(name, space).fit(parts[0], parts[1], seed=0)


def test_a_package_that_breaks_when_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import surely_absent_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingError, match="No module named 'surely_absent_dependency'"):
        require("broken_package", extra="fit")


def test_trees_read_recurrent_cells_that_no_sample_shows():
    # neighbors of a cell, where local search goes, have paths that are in none of 8,192 sampled cells
    space = NASBenchNLPSpace()
    cells = space.sample_many(np.random.default_rng(0), 12)
    model = model_class("lightgbm")(space, {"rounds": 2})
    model.fit(Data(cells, np.arange(12.0)[:, None]), Data(cells[:0], np.zeros((0, 1))), seed=0)
    for near in space.neighbors_many(cells):
        assert np.isfinite(model.predict(near)).all()


def test_a_module_of_an_absent_package_is_told_by_the_name_of_the_package():
    with pytest.raises(SettingError, match=r"^this needs the package surely_absent, which is not installed: pip"):
        require("surely_absent.special", extra="fit")
    with pytest.raises(SettingError, match=r"or '\.\[fit\]' in a checkout$"):
        require("surely_absent", extra="fit")

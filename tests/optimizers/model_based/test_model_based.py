"""Model-based searches: acquisition by hand, pools without repeats, and better than chance on real results."""

from math import pi, sqrt

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import BANANAS, GPBO, NASBOWL, OPTIMIZERS, Outcome, RandomSearch, Task, Trial
from nasbench_kit.optimizers.model_based.acquisition import expected_improvement, scores
from nasbench_kit.optimizers.model_based.proposals import Observed, by_score, candidates
from nasbench_kit.predictors.narrow_ensemble import NarrowEnsemble
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

SPACE = NASBench201Space()
MODELS = ["gp_bo", "nas_bowl", "bananas", "tpe", "random_forest", "weak_predictors", "npenas", "graf_search"]
RULES = Rules(n_evaluations=60, clock=EVALUATIONS, run="mean")
FAST = {
    "bananas": {"epochs": 30},
    "weak_predictors": {"n_initial": 20},
    "npenas": {"epochs": 3},
    "graf_search": {"n_trees": 15},
}


# ---- acquisition ----


def test_expected_improvement_is_the_integral_that_it_stands_for():
    mean, sd, best = np.array([0.3, 0.7, 0.5]), np.array([0.2, 0.1, 0.05]), 0.6
    y = np.linspace(best, 3, 400_001)
    expected = [
        np.trapezoid((y - best) * np.exp(-(((y - m) / s) ** 2) / 2) / (s * sqrt(2 * pi)), y)
        for m, s in zip(mean, sd, strict=True)
    ]
    assert expected_improvement(mean, sd, best) == pytest.approx(expected, rel=1e-6)
    assert expected_improvement(np.array([0.6]), np.array([1.0]), 0.6) == pytest.approx([1 / sqrt(2 * pi)])


def test_without_spread_the_improvement_is_that_of_the_mean():
    assert expected_improvement(np.array([0.5, 0.9]), np.zeros(2), 0.6) == pytest.approx([0.0, 0.3])


def test_upper_confidence_bounds_and_thompson_samples():
    mean, sd = np.array([0.5, 0.4]), np.array([0.1, 0.4])
    rng = np.random.default_rng(0)
    assert scores("ucb", mean, sd, best=0.5, rng=rng) == pytest.approx([0.55, 0.6])
    drawn = np.array([scores("its", mean, sd, best=0.5, rng=rng) for _ in range(4_000)])
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=4 * 0.4 / sqrt(4_000))
    assert drawn.std(axis=0) == pytest.approx(sd, rel=0.05)


def test_scores_that_differ_in_their_last_bits_alone_keep_the_order_of_the_candidates():
    archs = np.arange(12, dtype=np.uint8).reshape(2, 6)
    assert (by_score(archs, np.array([0.1 + 0.2, 0.3])) == archs).all()  # 0.1 + 0.2 > 0.3 by one bit
    assert (by_score(archs, np.array([0.3, 0.1 + 0.2])) == archs).all()


# ---- candidates ----


def test_candidates_are_new_different_and_half_of_them_neighbors_of_the_best():
    rng = np.random.default_rng(0)
    archs = SPACE.sample_many(rng, 30)
    observed = Observed(archs, np.arange(30.0))
    known = set(SPACE.key_many(archs).tolist())
    pool = candidates(SPACE, rng, observed, known, n_mutated=50, n_random=50, n_parents=3)
    keys = SPACE.key_many(pool).tolist()
    assert len({*keys}) == len(keys)
    assert not known & {*keys}
    distances = (pool[:, None] != archs[None, -3:]).sum(axis=2).min(axis=1)
    assert (distances[:30] == 1).all()
    assert (distances[-20:] > 1).mean() > 0.5


# ---- networks ----


def test_the_gradients_of_the_ensemble_are_those_of_its_error():
    rng = np.random.default_rng(0)
    features, values = rng.normal(size=(7, 4)), rng.normal(size=7)
    made = NarrowEnsemble(features, values, rng, n_members=2, n_layers=3, width=5, epochs=1)
    inputs, targets = np.stack([features, features[::-1]]), np.stack([values, values[::-1]])

    def error():
        outputs = made._activations(inputs)[-1][:, :, 0]
        return np.abs(outputs - targets).mean(axis=1).sum()

    of = [np.empty_like(part) for part in (*made._weights, *made._biases)]
    made._gradients(inputs, targets, of[:4], of[4:])
    for part, gradient in zip((*made._weights, *made._biases), of, strict=True):
        for place in np.ndindex(part.shape):
            kept, step = part[place], 1e-6
            part[place] = kept + step
            above = error()
            part[place] = kept - step
            below = error()
            part[place] = kept
            assert gradient[place] == pytest.approx((above - below) / (2 * step), abs=1e-5)


def test_the_ensemble_learns_what_there_is_to_learn_and_is_surer_where_it_learned():
    rng = np.random.default_rng(0)
    features = SPACE.one_hot(SPACE.sample_many(rng, 120)).astype(float)
    values = features @ np.random.default_rng(5).normal(size=features.shape[1])
    made = NarrowEnsemble(features[:90], values[:90], rng)
    mean, sd = made.predict(features)
    assert np.corrcoef(mean[90:], values[90:])[0, 1] > 0.8
    assert sd[90:].mean() > sd[:90].mean()


# ---- searches ----


def run(name, seed, benchmark="nasbench201/cifar100", rules=RULES):
    bench, rng = nbk.load(benchmark), np.random.default_rng(seed)
    optimizer = OPTIMIZERS[name](task_of(bench, rules), rng, **FAST.get(name, {}))
    return simulate(bench, optimizer, rng=rng, rules=rules)


@pytest.mark.parametrize("name", ["gp_bo", "nas_bowl", "bananas"])
def test_a_model_finds_more_than_chance_on_real_results(name):
    ours = np.array([run(name, seed).value.max() for seed in range(4)])
    chance = np.array([run("random_search", seed).value.max() for seed in range(20)])
    assert ours.mean() > chance.mean() + 2 * chance.std() / sqrt(4)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_finds_what_adds_up_over_decisions(name):
    weights = np.random.default_rng(9).normal(size=(6, 5))

    def best(name, seed):
        optimizer = OPTIMIZERS[name](Task(SPACE), np.random.default_rng(seed), **FAST.get(name, {}))
        found = []
        for _ in range(60):
            trial = optimizer.ask()
            found.append(sum(weights[i, choice] for i, choice in enumerate(trial.arch)))
            optimizer.tell(trial, Outcome.of(found[-1]))
        return max(found)

    ours, chance = (np.array([best(which, seed) for seed in range(4)]) for which in (name, "random_search"))
    assert ours.mean() > chance.mean() + 2 * chance.std() / sqrt(4)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "tpe"])  # Optuna's sampler repeats itself
def test_no_architecture_is_asked_for_twice(name):
    records = run(name, 0)
    assert len(np.unique(records.archs, axis=0)) == len(records.archs)


@pytest.mark.parametrize("name", MODELS)
def test_a_space_that_was_asked_for_whole_is_no_end(name):
    space = ChoiceSpace("small", {"a": ("0", "1"), "b": ("0", "1")})
    optimizer = OPTIMIZERS[name](Task(space), np.random.default_rng(0), **FAST.get(name, {}))
    for i in range(30):
        trial = optimizer.ask()
        optimizer.tell(trial, Outcome.of(float(sum(trial.arch)) if i != 3 else -np.inf))
    assert space.is_valid(trial.arch)


def test_nothing_but_failures_is_like_random_search():
    optimizer = GPBO(Task(SPACE), np.random.default_rng(0), n_initial=3)
    for _ in range(10):
        optimizer.tell(optimizer.ask(), Outcome.of(-np.inf))
    assert SPACE.is_valid(optimizer.ask().arch)


def test_a_failed_training_counts_as_the_worst():
    asked = []
    optimizer = GPBO(Task(SPACE), np.random.default_rng(0), n_initial=5)
    bad = SPACE.sample(np.random.default_rng(3))
    optimizer.tell(Trial(bad), Outcome.of(-np.inf))
    for _ in range(20):
        trial = optimizer.ask()
        asked.append(trial.arch)
        optimizer.tell(trial, Outcome.of(sum(a != b for a, b in zip(trial.arch, bad, strict=True)) / 6))
    assert max(sum(a != b for a, b in zip(arch, bad, strict=True)) for arch in asked[5:]) == 6


def test_bananas_asks_for_neighbors_of_the_best_in_batches_of_ten():
    rng = np.random.default_rng(0)
    optimizer = BANANAS(Task(SPACE), rng, epochs=10)
    archs = [optimizer.ask().arch for _ in range(10)]
    values = {arch: i / 10 for i, arch in enumerate(archs)}
    for arch in archs:
        optimizer.tell(Trial(arch), Outcome.of(values[arch]))
    batch = [optimizer.ask().arch for _ in range(10)]
    near = [min(sum(a != b for a, b in zip(arch, best, strict=True)) for best in archs[-5:]) for arch in batch]
    assert set(near) == {1}


@pytest.mark.parametrize(
    ("make", "how", "error", "message"),
    [
        (GPBO, {"acquisition": "pi"}, UnknownNameError, "unknown acquisition 'pi'"),
        (GPBO, {"n_initial": 0}, SettingError, "n_initial=0; an integer of at least 1 expected"),
        (NASBOWL, {"pool_size": 1}, SettingError, "pool_size=1; an integer of at least 2"),
        (BANANAS, {"n_members": 1}, SettingError, "n_members=1; an integer of at least 2"),
        (BANANAS, {"encoding": "path"}, UnknownNameError, "unknown encoding.*'path'"),
        (OPTIMIZERS["random_forest"], {"random_fraction": 2}, SettingError, "random_fraction=2; a number from 0 to 1"),
    ],
)
def test_wrong_settings_are_told_in_one_line(make, how, error, message):
    with pytest.raises(error, match=message) as told:
        make(Task(SPACE), np.random.default_rng(0), **how)
    assert "\n" not in str(told.value)


def test_random_search_is_what_they_begin_with():
    first = [
        OPTIMIZERS[name](Task(SPACE), np.random.default_rng(0)).ask().arch for name in ("gp_bo", "nas_bowl", "bananas")
    ]
    assert len({*first}) == 1
    assert first[0] == RandomSearch(Task(SPACE), np.random.default_rng(0)).ask().arch


def test_tpe_seeks_numbers_near_the_best_where_it_knows_their_order():
    def mean_distance(ordered):
        line, distances = ChoiceSpace("line", {"x": range(200)}, ordered=ordered), []
        optimizer = OPTIMIZERS["tpe"](Task(line), np.random.default_rng(0))
        for _ in range(50):
            trial = optimizer.ask()
            distances.append(abs(trial.arch[0] - 70.0))
            optimizer.tell(trial, Outcome.of(-distances[-1]))
        return np.mean(distances[25:])

    assert mean_distance(["x"]) < 0.7 * mean_distance([])


def test_tpe_learns_of_ordered_choices_that_it_did_not_ask_for():
    optimizer = OPTIMIZERS["tpe"](Task(ChoiceSpace("line", {"x": range(200)})), np.random.default_rng(0))
    for x in range(0, 200, 5):
        optimizer.tell(Trial((x,)), Outcome.of(-abs(x - 150.0)))
    assert abs(optimizer.ask().arch[0] - 150) < 30

"""Expected improvement with constraints: what it promises by its definition, and what it finds on real results."""

from statistics import NormalDist

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import EIC, ConstrainedRandomSearch, Outcome, Task, Trial
from nasbench_kit.optimizers.constrained import eic
from nasbench_kit.optimizers.model_based.acquisition import probability_of_at_most
from nasbench_kit.predictors.gaussian_process import GaussianProcess, hamming_kernels
from nasbench_kit.simulator import EVALUATIONS, Rules, simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space

SPACE = NASBench201Space()
ONE, BOTH = Task(SPACE, constraints=("energy<=1",)), Task(SPACE, constraints=("energy<=1", "size<=1"))
TOLD = SPACE.sample_many(np.random.default_rng(0), 40)
WEIGHTS = np.random.default_rng(1).normal(size=(3, 6, 5))  # of the value, of energy, of size


def additive(weights, archs):
    return weights[np.arange(6), archs].sum(axis=1)


def told(task, values, violations, seed=2, **how):
    optimizer = EIC(task, np.random.default_rng(seed), n_initial=1, **how)
    optimizer.ask()
    for arch, value, exceeded in zip(TOLD.tolist(), values.tolist(), violations.tolist(), strict=True):
        optimizer.tell(Trial(tuple(arch)), Outcome.of(value, violations=tuple(exceeded)))
    return optimizer


@pytest.fixture
def promised(monkeypatch):
    """What was ranked last, and by what."""
    seen = []

    def keep(pool, promise):
        seen[:] = pool, promise
        return pool

    monkeypatch.setattr(eic, "by_score", keep)
    return seen


def posterior(values, pool):
    process = GaussianProcess(TOLD.astype(float), values, kernels=hamming_kernels(SPACE))
    return np.array(process.predict(pool.astype(float)))


def test_probabilities_are_those_of_the_normal_distribution():
    mean, sd = np.array([0.0, 0.4, -0.2, 9.0]), np.array([1.0, 0.2, 0.5, 0.5])
    expected = [NormalDist(m, s).cdf(0.3) for m, s in zip(mean, sd, strict=True)]
    assert probability_of_at_most(0.3, mean, sd) == pytest.approx(expected, rel=1e-9)
    assert probability_of_at_most(0.3, np.array([0.2, 0.3, 0.4]), np.zeros(3)).tolist() == [1, 1, 0]
    assert probability_of_at_most(0.0, np.array([15.0]), np.ones(1))[0] > 0  # not rounded away


def test_the_promise_is_the_mean_improvement_of_what_keeps_to_the_limits(promised):
    values = additive(WEIGHTS[0], TOLD)
    exceeded = np.stack([additive(weights, TOLD) for weights in WEIGHTS[1:]], axis=1)
    best = values[(exceeded <= 0).all(axis=1)].max()
    told(BOTH, values, exceeded).ask()
    order = np.argsort(-promised[1])[:20]
    pool, promise = promised[0][order], promised[1][order]
    rng = np.random.default_rng(3)
    value, energy, size = (
        mean + sd * rng.normal(size=(100_000, len(pool)))
        for mean, sd in (posterior(column, pool) for column in (values, *exceeded.T))
    )
    expected = (np.maximum(value - best, 0) * (energy <= 0) * (size <= 0)).mean(axis=0)
    assert promise / promise.mean() == pytest.approx(expected / expected.mean(), rel=0.1)


def test_as_long_as_nothing_keeps_to_the_limits_the_probability_decides_alone(promised):
    values, exceeded = additive(WEIGHTS[0], TOLD), additive(WEIGHTS[1], TOLD)
    exceeded = (exceeded - exceeded.min() + 0.1)[:, None]
    told(ONE, values, exceeded).ask()
    pool, promise = promised
    mean, sd = posterior(exceeded[:, 0], pool)
    expected = np.array([NormalDist(m, s).cdf(0.0) for m, s in zip(mean, sd, strict=True)])
    assert promise == pytest.approx(expected / expected.max(), rel=1e-6)


def test_what_is_known_is_not_learned(promised):
    def known(archs):
        return np.stack([np.full(len(archs), np.nan), np.where(archs[:, 0] == 4, 1.0, -1.0)], axis=1)

    task = Task(SPACE, constraints=BOTH.constraints, known_violations=known)
    values, exceeded = additive(WEIGHTS[0], TOLD), known(TOLD)
    exceeded[:, 0] = 9.0 + additive(WEIGHTS[1], TOLD)
    assert exceeded[:, 0].min() > 0
    told(task, values, exceeded).ask()
    pool, promise = promised
    assert (pool[:, 0] != 4).all()
    mean, sd = posterior(exceeded[:, 0], pool)
    expected = probability_of_at_most(0.0, mean, sd)
    assert promise == pytest.approx(expected / expected.max(), rel=1e-6)


def test_limits_that_only_outcomes_tell_are_learned_and_the_best_within_found():
    bench = nbk.load("nasbench201/cifar10")
    archs = bench.space.all_archs()
    values, sizes = bench.values("val_accuracy", archs), bench.values("flops_m", archs)

    def run(make, seed):
        optimizer, found = make(ONE, np.random.default_rng(seed)), []
        for _ in range(60):
            trial = optimizer.ask()
            row = bench.space.rank(trial.arch)
            found.append((values[row], sizes[row] - 30))
            optimizer.tell(trial, Outcome.of(float(values[row]), violations=(float(sizes[row] - 30),)))
        value, exceeded = np.array(found).T
        return value[exceeded <= 0].max(), (exceeded[-30:] > 0).mean()

    ours, exceeds = np.mean([run(EIC, seed) for seed in range(3)], axis=0)
    chance, _ = np.transpose([run(ConstrainedRandomSearch, seed) for seed in range(20)])
    assert ours > chance.mean() + 2 * chance.std() / np.sqrt(3)
    assert exceeds < 0.5  # of all, three quarters


def test_nothing_is_paid_for_what_is_known_to_exceed_a_limit_and_nothing_twice():
    bench = nbk.load("nasbench201/cifar10", constraints=["0.3<=params_m<=0.35", "latency_s<=0.015"])
    rules, rng = Rules(n_evaluations=30, clock=EVALUATIONS), np.random.default_rng(0)
    records = simulate(bench, EIC(task_of(bench, rules), rng), rng=rng, rules=rules)
    assert (records.violation == 0).all()
    assert len(np.unique(records.archs, axis=0)) == 30


def test_when_all_that_is_allowed_was_asked_for_it_is_asked_for_again():
    space = ChoiceSpace("small", {"a": ("0", "1", "2"), "b": ("0", "1", "2")})
    task = Task(space, constraints=("size<=1",), known_violations=lambda archs: archs[:, :1] - 0.5)
    optimizer, asked = EIC(task, np.random.default_rng(0)), []
    for _ in range(20):
        asked.append(optimizer.ask())
        optimizer.tell(asked[-1], Outcome.of(float(asked[-1].arch[1]), violations=(-0.5,)))
    assert {trial.arch for trial in asked} == {(0, 0), (0, 1), (0, 2)}


def test_trainings_that_failed_count_as_the_worst_in_value_and_limits():
    optimizer = told(ONE, additive(WEIGHTS[0], TOLD), additive(WEIGHTS[1], TOLD)[:, None])
    for arch in SPACE.sample_many(np.random.default_rng(5), 5).tolist():
        optimizer.tell(Trial(tuple(arch)), Outcome.of(-np.inf))
    seen = []
    optimizer._proposals._propose = lambda observed, known: seen.append(observed) or TOLD
    optimizer.ask()
    assert (seen[0].values[-5:] == seen[0].values[:-5].min()).all()
    assert (seen[0].violations[-5:] == seen[0].violations[:-5].max()).all()


@pytest.mark.parametrize("name", ["pool_size", "n_parents", "n_initial"])
def test_wrong_settings_are_told_in_one_line(name):
    with pytest.raises(SettingError, match=f"{name}=0; an integer of at least"):
        EIC(ONE, np.random.default_rng(0), **{name: 0})

"""Search algorithms: what each is supposed to do, and what all have in common."""

from collections import Counter, deque
from functools import partial
from inspect import signature
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import (
    GROUPS,
    OPTIMIZERS,
    LocalSearch,
    Outcome,
    RandomSearch,
    RegularizedEvolution,
    Task,
    Trial,
    needs_of,
    optimizer_class,
)
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench101Space, NASBench201Space
from nasbench_kit.testing import check_optimizer

SPACE = NASBench201Space()
CUBE = ChoiceSpace("cube", dict.fromkeys(("x", "y", "z"), tuple("abcd")))  # 64 architectures of 9 neighbors
SHIPPED = [  # one of each kind: surrogates, and tables with and without seconds, whole and in part
    "nasbench101/cifar10",
    "nasbench201_surrogate/cifar100",
    "nasbench301/cifar10",
    "nas_bench_graph/cora",
    "nas_bench_graph/proteins",
    "nasbench201_mnist1d/mnist1d",
]
SEARCHES = [
    name
    for name, made in OPTIMIZERS.items()
    if not any(need.startswith(("surrogate", "space:")) for need in needs_of(made))
]
"""Those that search any space; the others have tests of their own."""
VARIANTS = [
    *[(name, {}) for name in SEARCHES],
    ("random_search", {"repeats": False}),
    ("grid_search", {"order": "nested"}),
    ("regularized_evolution", {"population_size": 1, "sample_size": 1}),
    ("regularized_evolution", {"remove": "worst"}),
    ("regularized_evolution", {"remove": "worst of sample"}),
    ("genetic_algorithm", {"population_size": 1, "n_parents": 3, "mutation_rate": 1.0}),
    ("differential_evolution", {"population_size": 4, "crossover_probability": 1.0}),
    ("simulated_annealing", {"n_steps": 5}),
    ("neighborhood_search", {"kind": "local", "n_neighbors": 3}),
    ("neighborhood_search", {"n_neighbors": 0, "aggregate": "worst"}),
    ("graf_search", {"n_trees": 5, "zero_cost": ["params_m", "flops_m"]}),
    ("nsga2", {"population_size": 1, "crossover_rate": 0.0}),
    ("mo_regularized_evolution", {"population_size": 5, "sample_size": 2}),
    ("constrained_evolution", {"reject": False}),
    ("proxy_ranking", {"column": "latency_s", "direction": "min", "pool_size": 50}),
    ("warm_start", {"optimizer": "local_search", "settings": {"n_initial": 10}, "pool_size": None}),
    ("regret_stopping", {"optimizer": "random_search", "noise_std": 0.05, "min_evaluations": 5}),
    ("regularized_evolution", {"population_size": 50, "sample_size": 10, "mutation": "node_then_edge"}),
    ("local_search", {"neighborhood": "first"}),
    ("local_search", {"n_initial": 10}),
    ("reinforce", {"step": "adam", "learning_rate": 0.01}),
    ("local_search", {"neighborhood": "first", "n_initial": 10}),
    ("local_search", {"at_minimum": "continue"}),
    ("local_search", {"known": "ignore"}),
    ("local_search", {"neighborhood": "first", "known": "ignore"}),
]


def distance(arch, other):
    return sum(a != b for a, b in zip(arch, other, strict=True))


def climb(optimizer, value_of, n):
    """The architectures asked for in n rounds of ask and tell, or until the search is over."""
    asked = []
    for trial in islice(iter(optimizer.ask, None), n):
        asked.append(trial.arch)
        optimizer.tell(trial, Outcome.of(value_of[trial.arch]))
    return asked


def tell_all(optimizer, values):
    for arch, value in values.items():
        optimizer.tell(Trial(arch), Outcome.of(value))


def random_values(space, seed):
    """A different value for each architecture."""
    archs = map(tuple, space.all_archs().tolist())
    return dict(zip(archs, np.random.default_rng(seed).permutation(space.size).tolist(), strict=True))


def assert_shares(counts, expected):
    """Counts are within 5 standard deviations of what the shares make one expect."""
    counts, expected = np.array(counts), np.array(expected)
    n = counts.sum()
    assert (np.abs(counts - n * expected) <= 5 * np.sqrt(n * expected * (1 - expected))).all(), counts


# ---- all of them ----


NUMBERS_AND_FLAGS = [
    (name, setting.name)
    for name in OPTIMIZERS
    for setting in signature(OPTIMIZERS[name]).parameters.values()
    if isinstance(setting.default, float | bool)
]


@pytest.mark.parametrize(("name", "setting"), NUMBERS_AND_FLAGS)
@pytest.mark.parametrize("wrong", ["no", None, [1], float("nan")], ids=repr)
def test_what_is_no_number_or_neither_true_nor_false_is_named(cifar10, loaded, equipped, name, setting, wrong):
    has_epochs = "epochs" in needs_of(OPTIMIZERS[name])
    bench = equipped(name, loaded("nasbench201_mnist1d/mnist1d") if has_epochs else cifar10)
    task = task_of(bench, needs=needs_of(OPTIMIZERS[name]))
    with pytest.raises(SettingError, match=rf"{setting}=.*; .* expected"):
        OPTIMIZERS[name](task, np.random.default_rng(0), **{setting: wrong})


@pytest.mark.parametrize(("name", "how"), VARIANTS, ids=str)
def test_every_optimizer_conforms(cifar10, loaded, equipped, n_enough, quickly, name, how):
    has_epochs = "epochs" in needs_of(OPTIMIZERS[name])
    bench = loaded("nasbench201_mnist1d/mnist1d") if has_epochs else cifar10
    make = partial(quickly(name), **how)
    check_optimizer(make, equipped(name, bench), n_evaluations=n_enough(name, bench))


def has_what_it_needs(name, bench):
    """Of several objectives and limits any column is one."""
    needs = {*needs_of(OPTIMIZERS[name])}
    has_columns = not {"objectives", "constraints", "columns"} & needs or task_of(bench).columns
    return bool(has_columns and ("epochs" not in needs or len(bench.epochs) > 1))


@pytest.mark.parametrize(
    ("name", "benchmark"),
    [
        (name, benchmark)
        for benchmark in SHIPPED
        for bench in [nbk.load(benchmark)]
        for name in SEARCHES
        if name not in GROUPS["multi-fidelity"] and has_what_it_needs(name, bench)
    ],
)
def test_optimizers_conform_on_every_shipped_benchmark_that_has_what_they_need(
    loaded, equipped, n_enough, quickly, name, benchmark
):
    # a population is full by then, and changes; longer searches of each are those of the test above
    bench = loaded(benchmark)
    check_optimizer(quickly(name), equipped(name, bench), n_evaluations=min(150, n_enough(name, bench)))


@pytest.mark.parametrize(
    ("name", "how", "error", "message"),
    [
        ("regularized_evolution", {"population_size": 0}, SettingError, "population_size=0; an integer of at least 1"),
        ("regularized_evolution", {"sample_size": 2.5}, SettingError, "sample_size=2.5; an integer of at least 1"),
        ("regularized_evolution", {"sample_size": True}, SettingError, "sample_size=True; an integer of at least 1"),
        ("regularized_evolution", {"mutation": "unifrom"}, UnknownNameError, "did you mean 'uniform'"),
        (
            "regularized_evolution",
            {"remove": "old"},
            UnknownNameError,
            "unknown who to remove: 'old'; did you mean 'oldest'",
        ),
        (
            "grid_search",
            {"order": "random"},
            UnknownNameError,
            "unknown order 'random'; did you mean|choose from strided, nested",
        ),
        ("neighborhood_search", {"n_neighbors": 1.5}, SettingError, "n_neighbors=1.5; an integer of at least 0"),
        ("genetic_algorithm", {"mutation_rate": 0}, SettingError, "mutation_rate=0; above 0 and at most 1 expected"),
        ("genetic_algorithm", {"n_parents": 0}, SettingError, "n_parents=0; an integer of at least 1"),
        ("differential_evolution", {"population_size": 3}, SettingError, "population_size=3; an integer of at least 4"),
        ("differential_evolution", {"mutation_factor": -1}, SettingError, "mutation_factor=-1; a number above 0"),
        (
            "differential_evolution",
            {"crossover_probability": 2},
            SettingError,
            "crossover_probability=2; at least 0 and",
        ),
        ("simulated_annealing", {"temperature": 0}, SettingError, "temperature=0; a number above 0 expected"),
        ("simulated_annealing", {"cooling": 1}, SettingError, "cooling=1; above 0 and below 1 expected"),
        ("simulated_annealing", {"n_steps": 0}, SettingError, "n_steps=0; an integer of at least 1"),
        ("nsga2", {"crossover_rate": 1.5}, SettingError, "crossover_rate=1.5; at least 0 and at most 1"),
        ("mo_regularized_evolution", {"mutation": "none"}, UnknownNameError, "unknown mutation 'none'"),
        ("constrained_evolution", {"mutation": "none"}, UnknownNameError, "unknown mutation 'none'"),
        ("proxy_ranking", {}, UnknownNameError, "unknown column 'params_m'; there is none"),
        ("warm_start", {"optimizer": "simulated_anealing"}, UnknownNameError, "did you mean 'simulated_annealing'"),
        ("warm_start", {"settings": 5}, SettingError, "settings=5; a mapping of settings of regularized_evolution"),
        ("warm_start", {"settings": 0}, SettingError, "settings=0; a mapping of settings of regularized_evolution"),
        ("warm_start", {"optimizer": "nsga2"}, SettingError, "nsga2 needs two objectives or more"),
        (
            "local_search",
            {"at_minimum": "stop"},
            UnknownNameError,
            "unknown what to do at_minimum: 'stop'; choose from",
        ),
        ("local_search", {"n_initial": -1}, SettingError, "n_initial=-1; an integer of at least 1"),
        ("reinforce", {"learning_rate": 0}, SettingError, "learning_rate=0; a number above 0 expected"),
        ("reinforce", {"decay": 1.0}, SettingError, "decay=1.0; at least 0 and below 1 expected"),
        ("reinforce", {"step": "adm"}, UnknownNameError, "unknown step 'adm'; did you mean 'adam'"),
        ("local_search", {"neighborhood": "ful"}, UnknownNameError, "unknown neighborhood 'ful'; did you mean 'full'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named_with_what_would_be_right(name, how, error, message):
    with pytest.raises(error, match=message):
        OPTIMIZERS[name](Task(SPACE), np.random.default_rng(0), **how)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random_serch", "unknown optimizer 'random_serch'; did you mean 'random_search'"),
        ("no_such_module_at_all:Climber", "cannot import optimizer 'no_such_module_at_all:Climber'"),
        ("nasbench_kit.optimizers:Climber", "cannot import optimizer 'nasbench_kit.optimizers:Climber'"),
        (":Climber", "':Climber' names no optimizer"),
    ],
)
def test_an_unknown_optimizer_is_an_error(name, message):
    with pytest.raises(UnknownNameError, match=message):
        optimizer_class(name)


def test_an_optimizer_may_be_named_by_its_module():
    assert optimizer_class("nasbench_kit.optimizers.model_free.random_search:RandomSearch") is RandomSearch


# ---- the conformance check finds what is wrong ----


class Base:
    def __init__(self, task, rng):
        self.task, self.rng = task, rng

    def ask(self):
        return Trial(self.task.space.sample(self.rng))

    def tell(self, trial, outcome):
        pass


class WithItsOwnRandomness(Base):
    def __init__(self, task, rng):
        super().__init__(task, np.random.default_rng())


class WantsOutcomesAtOnce(Base):
    def ask(self):
        self.last = super().ask()
        return self.last

    def tell(self, trial, outcome):
        if trial is not self.last:
            raise RuntimeError("not what I asked for last")


class KnowsOnlyWhatItAskedFor(Base):
    def __init__(self, task, rng):
        super().__init__(task, rng)
        self.asked = []

    def ask(self):
        self.asked.append(super().ask())
        return self.asked[-1]

    def tell(self, trial, outcome):
        self.asked.remove(trial)  # ValueError if it is not there


class NeverBegins(Base):
    def ask(self):
        return None


class HalvesUntilItBreaks(Base):
    """Keeps the better half; divides by the best, which breaks when all have failed."""

    def tell(self, trial, outcome):
        self.best = 1 / int(outcome.value > -np.inf)


class GoesOnWithWhatRuns(Base):
    def ask(self):
        return Trial((0,) * 6, training=0)


class NeedsEpochs(Base):
    needs = frozenset({"epochs"})


class NeedsSynflow(Base):
    needs = frozenset({"known:synflow"})


class NeedsSeveralObjectives(Base):
    needs = frozenset({"objectives"})


class NeedsLimits(Base):
    needs = frozenset({"constraints"})


class NeedsAPackage(Base):
    needs = frozenset({"package:no_such_package"})


class NeedsNonsense(Base):
    needs = frozenset({"gpus"})


def test_the_check_accepts_a_correct_optimizer(cifar10):
    check_optimizer(Base, cifar10)


def test_a_benchmark_without_seconds_will_do_for_the_check():
    check_optimizer(OPTIMIZERS["local_search"], nbk.load("nas_bench_graph/cora"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (WithItsOwnRandomness, AssertionError, "two runs with the same seed differ in"),
        (WantsOutcomesAtOnce, RuntimeError, "not what I asked for last"),
        (KnowsOnlyWhatItAskedFor, ValueError, "not in list"),
        (NeverBegins, AssertionError, "no evaluation with 1 workers: ask returned None at once"),
        (HalvesUntilItBreaks, ZeroDivisionError, "division by zero"),
        (GoesOnWithWhatRuns, SettingError, "training 0 was asked for at epoch 200, where it is at 200; a higher one"),
        (NeedsEpochs, SettingError, "NeedsEpochs needs several epochs to choose from; there is only epoch 200"),
        (NeedsSynflow, UnknownNameError, "unknown column, which NeedsSynflow needs 'synflow'; choose from .*params_m"),
        (NeedsSeveralObjectives, SettingError, "needs two objectives or more; there is val_accuracy alone"),
        (NeedsLimits, SettingError, "NeedsLimits needs a constraint, like 'latency_ms.edgegpu.<=5'; there is none"),
        (NeedsAPackage, SettingError, "needs the package no_such_package, which is not installed: pip install"),
        (
            NeedsNonsense,
            UnknownNameError,
            "needs 'gpus'; epochs, objectives, constraints, known:NAME, .* expected",
        ),
    ],
)
def test_the_check_refuses_a_broken_optimizer(cifar10, make, error, message):
    with pytest.raises(error, match=message):
        check_optimizer(make, cifar10)


# ---- random search ----


def test_random_search_is_uniform_whatever_it_is_told():
    optimizer = RandomSearch(Task(SPACE), np.random.default_rng(0))
    archs = np.array(climb(optimizer, Counter(), 20_000))
    for column in archs.T:
        assert_shares(np.bincount(column), [1 / 5] * 5)
    assert_shares(np.bincount(SPACE.rank_many(archs.astype(np.uint8)) // 625), [1 / 25] * 25)  # the first two together


def test_random_search_repeats_itself_like_the_published_baselines():
    assert max(Counter(climb(RandomSearch(Task(CUBE), np.random.default_rng(0)), Counter(), 100)).values()) > 1


# ---- regularized evolution ----

FAR_APART = [(a, a, a, b, b, b) for a in range(5) for b in range(5)]  # any two differ in at least 3 decisions


def evolution(n_alive, **how):
    return RegularizedEvolution(Task(SPACE), np.random.default_rng(0), population_size=n_alive, **how)


def parents(optimizer, n=2_000):
    """How often each of FAR_APART is the parent."""
    children = [optimizer.ask().arch for _ in range(n)]
    found = Counter(min(FAR_APART, key=lambda arch: distance(arch, child)) for child in children)
    assert sum(found.values()) == n
    assert all(min(distance(arch, child) for arch in found) == 1 for child in children)
    return found


def test_evolution_forgets_the_oldest_even_if_it_is_the_best():
    optimizer = evolution(3, sample_size=100)
    oldest, second, third, newcomer = FAR_APART[:4]
    tell_all(optimizer, {oldest: 0.9, second: 0.8, third: 0.1})
    assert set(parents(optimizer)) == {oldest}
    optimizer.tell(Trial(newcomer), Outcome.of(0.2))
    assert set(parents(optimizer)) == {second}


def test_evolution_takes_the_best_of_a_sample_drawn_with_replacement():
    n, size = 10, 3
    optimizer = evolution(n, sample_size=size)
    tell_all(optimizer, {arch: i / n for i, arch in enumerate(FAR_APART[:n])})
    found = parents(optimizer, 10_000)
    ranks = np.arange(n)
    assert_shares([found[arch] for arch in FAR_APART[:n]], ((ranks + 1) ** size - ranks**size) / n**size)


@given(seed=st.integers(0, 2**32 - 1), n_alive=st.integers(1, 12), sample_size=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_child_differs_from_an_alive_parent_in_exactly_one_decision(seed, n_alive, sample_size):
    rng = np.random.default_rng(seed)
    optimizer = RegularizedEvolution(Task(SPACE), rng, population_size=n_alive, sample_size=sample_size)
    alive = deque(maxlen=n_alive)
    for i in range(60):
        trial = optimizer.ask()
        assert i < n_alive or 1 in [distance(trial.arch, parent) for parent in alive]
        optimizer.tell(trial, Outcome.of(float(rng.integers(5))))
        alive.append(trial.arch)


def test_what_evolution_never_asked_for_enters_its_population():
    optimizer = evolution(2, sample_size=20)
    climb(optimizer, Counter(), 5)
    optimizer.tell(Trial((4,) * 6), Outcome.of(1.0))
    assert distance(optimizer.ask().arch, (4,) * 6) == 1


@pytest.mark.parametrize(
    ("mutation", "shares"),
    [("uniform", [1 / 6] * 6), ("node_then_edge", [1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9])],
)
def test_evolution_mutates_edges_as_often_as_its_setting_says(mutation, shares):
    # node_then_edge: AutoDL-Projects, exps/NATS-algos/regularized_ea.py, mutate_topology_func: node, then edge
    optimizer = evolution(1, mutation=mutation)
    parent = (2,) * 6
    optimizer.tell(Trial(parent), Outcome.of(0.5))
    children = np.array([optimizer.ask().arch for _ in range(10_000)])
    assert_shares((children != parent).sum(axis=0), shares)
    assert_shares(np.bincount(children[children != parent], minlength=5)[[0, 1, 3, 4]], [1 / 4] * 4)


# ---- local search ----


def best_told_neighbor(space, values, told, center):
    """Climb on what is known already, as far as that goes."""
    while better := [arch for arch in space.neighbors(center) if arch in told and values[arch] > values[center]]:
        center = max(better, key=values.get)
    return center


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_full_local_search_asks_for_all_neighbors_then_moves_to_the_best(seed):
    values = random_values(CUBE, seed)
    asked = climb(LocalSearch(Task(CUBE), np.random.default_rng(seed)), values, 40)
    center, done = asked[0], 1
    while done < len(asked):
        fresh = [arch for arch in CUBE.neighbors(center) if arch not in asked[:done]]
        assert set(asked[done : done + len(fresh)]) <= set(fresh)
        done += len(fresh)
        best = max(CUBE.neighbors(center), key=values.get)
        if values[best] > values[center]:
            center = best
        elif done < len(asked):  # a local optimum: it starts anew
            assert asked[done] not in asked[:done]
            center, done = asked[done], done + 1


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_first_local_search_moves_to_the_first_better_neighbor(seed):
    values = random_values(CUBE, seed)
    asked = climb(LocalSearch(Task(CUBE), np.random.default_rng(seed), neighborhood="first"), values, 40)
    told, center = set(), None
    for arch in asked:
        if center is not None and set(CUBE.neighbors(center)) <= told:  # a local optimum: it starts anew
            center = None
        assert arch not in told
        assert center is None or arch in CUBE.neighbors(center)
        told.add(arch)
        center = best_told_neighbor(CUBE, values, told, arch if center is None else center)


def test_local_search_starts_from_the_best_of_its_initial_samples():
    values = random_values(SPACE, 1)
    asked = climb(LocalSearch(Task(SPACE), np.random.default_rng(1), n_initial=10), values, 30)
    start = max(asked[:10], key=values.get)
    assert all(distance(arch, start) == 1 for arch in asked[10:])


def test_local_search_on_a_plateau_starts_anew_after_each_neighborhood():
    asked = climb(LocalSearch(Task(SPACE), np.random.default_rng(0)), Counter(), 45)
    for start in (0, 25):  # after a start and its 24 neighbors comes the next start
        assert {distance(arch, asked[start]) for arch in asked[start + 1 : start + 20]} == {1}


@pytest.mark.parametrize("how", [{}, {"neighborhood": "first"}, {"n_initial": 10}], ids=str)
def test_local_search_never_asks_twice_for_what_it_was_told(how):
    asked = climb(LocalSearch(Task(SPACE), np.random.default_rng(0), **how), random_values(SPACE, 0), 3_000)
    assert len(set(asked)) == len(asked)


def test_local_search_climbs_from_what_it_never_asked_for():
    optimizer = LocalSearch(Task(SPACE), np.random.default_rng(0))
    optimizer.tell(Trial((4,) * 6), Outcome.of(1.0))
    assert distance(optimizer.ask().arch, (4,) * 6) == 1


@pytest.mark.parametrize("name", SEARCHES)
def test_an_exhausted_space_is_no_problem(name):
    tiny = ChoiceSpace("tiny", {"x": tuple("ab"), "y": tuple("ab")})
    task = Task(tiny, (1, 3, 9), columns=("params_m",), known=lambda name, archs: np.ones(len(archs)))
    asked = climb(OPTIMIZERS[name](task, np.random.default_rng(0)), random_values(tiny, 0), 100)
    assert set(asked) == set(map(tuple, tiny.all_archs().tolist()))


# ---- published and recomputed numbers ----


@pytest.mark.parametrize(
    ("dataset", "expected"),
    # an independent computation on the same data, seed means: shared/reference/protocols.md, section 5.3
    [("cifar10", 13), ("cifar100", 26), ("imagenet16-120", 38)],
)
def test_number_of_local_optima(dataset, expected):
    bench = nbk.load(f"nasbench201/{dataset}")
    archs = bench.space.all_archs()
    values = bench.query_many(archs).val_accuracy
    around = values[bench.space.rank_many(bench.space.neighbors_many(archs).reshape(-1, 6))].reshape(len(archs), -1)
    assert (values >= around.max(axis=1)).sum() == expected


def test_evolution_and_local_search_beat_random_search(cifar10):
    def mean_of_best(name):
        runs = (
            simulate(cifar10, OPTIMIZERS[name](Task(cifar10.space), rng), rng=rng, n_evaluations=150, run="mean")
            for rng in map(np.random.default_rng, range(20))
        )
        return np.mean([run.value.max() for run in runs])

    random = mean_of_best("random_search")
    assert mean_of_best("regularized_evolution") > random + 0.001
    assert mean_of_best("local_search") > random + 0.001


# ---- REINFORCE ----


@pytest.mark.parametrize(("step", "rate"), [("sgd", 0.1), ("adam", 0.01)])
def test_reinforce_takes_the_steps_of_the_reference(step, rate):
    """NATS-Bench's loss, -log p * (reward - moving average), through torch's own gradient and optimizer."""
    import torch

    rng = np.random.default_rng(3)
    optimizer = OPTIMIZERS["reinforce"](Task(SPACE), rng, learning_rate=rate, step=step)
    logits = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    steps = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[step]([logits], lr=rate)
    total = weight = 0.0
    for _ in range(40):
        trial = optimizer.ask()
        reward = float(rng.normal())
        optimizer.tell(trial, Outcome.of(reward))
        total, weight = 0.9 * total + 0.1 * reward, 0.9 * weight + 0.1
        log_p = torch.distributions.Categorical(logits=logits).log_prob(torch.tensor(trial.arch)).sum()
        steps.zero_grad()
        (-log_p * (reward - total / weight)).backward()
        steps.step()
    ours = torch.softmax(torch.tensor(optimizer._logits, dtype=torch.float64), dim=1)
    np.testing.assert_allclose(ours.numpy(), torch.softmax(logits, dim=1).detach().numpy(), rtol=1e-9)


def test_reinforce_draws_choices_as_often_as_its_policy_says():
    optimizer = OPTIMIZERS["reinforce"](Task(CUBE), np.random.default_rng(0))
    optimizer._logits = [list(np.log([0.1, 0.2, 0.3, 0.4])), [0.0] * 4, [0.0] * 4]
    asked = np.array([optimizer.ask().arch for _ in range(20_000)])
    assert_shares(np.bincount(asked[:, 0]), [0.1, 0.2, 0.3, 0.4])
    assert_shares(np.bincount(asked[:, 1]), [0.25] * 4)


def test_reinforce_finds_what_is_rewarded_and_survives_huge_rewards():
    optimizer = OPTIMIZERS["reinforce"](Task(CUBE), np.random.default_rng(0))
    every = [tuple(arch) for arch in CUBE.all_archs().tolist()]
    asked = climb(optimizer, {arch: arch.count(2) for arch in every}, 2_000)
    assert np.mean([arch == (2, 2, 2) for arch in asked[-200:]]) > 0.9
    climb(optimizer, {arch: 1e6 * arch[0] for arch in every}, 500)
    assert all(np.isfinite(row).all() for row in optimizer._logits)


def test_reinforce_proposes_only_architectures_of_the_space():
    space = NASBench101Space()
    optimizer = OPTIMIZERS["reinforce"](Task(space), np.random.default_rng(0))
    for _ in range(300):
        trial = optimizer.ask()
        assert space.is_valid(trial.arch)
        optimizer.tell(trial, Outcome.of(sum(trial.arch)))

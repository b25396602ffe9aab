"""How the parameters of an architecture move: the three updates by hand, and what a search makes of them."""

import sys
from itertools import islice
from math import exp, sqrt

import numpy as np
import pytest
import torch

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, Outcome, Task, Trial
from nasbench_kit.optimizers.differentiable.descent import Descent, adam
from nasbench_kit.optimizers.differentiable.drnas import concentration, dirichlet
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import DARTSSpace, NASBench201Space
from nasbench_kit.testing import check_optimizer

NAMES = pytest.mark.parametrize("name", GROUPS["differentiable"])
SPACE = NASBench201Space()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path))
    return tmp_path


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


class Linear:
    """One decision of two choices, of which the second one costs `slope`."""

    shapes = ((1, 2),)

    def __init__(self, slope=1.0):
        self.slope = slope

    def loss(self, mixture):
        return self.slope * mixture[0][0, 1]


def steps_of(name, surrogate, logits, n, **how):
    """What a search moves, after each of its first n steps from these logits."""
    search = OPTIMIZERS[name](Task(SPACE), np.random.default_rng(0), **how)
    return [tables[0].detach().clone() for tables in islice(search._descend(surrogate, [logits.clone()]), n)]


# ---- the updates ----


def test_gaea_multiplies_by_the_exponential_of_the_gradient():
    """Of a linear loss, the odds change by exp(eta * slope) with each step."""
    for k, theta in enumerate(steps_of("gaea", Linear(2.0), double([0, 0]), 5, learning_rate=0.1), start=1):
        assert theta[0].tolist() == pytest.approx([1 / (1 + exp(-0.2 * k)), 1 / (1 + exp(0.2 * k))], rel=1e-12)


def test_gaea_keeps_every_probability_above_0():
    """1e-5 before it is normalized, as in liamcli/gaea_release, cnn/architect/architect_edarts.py."""
    *_, theta = steps_of("gaea", Linear(), double([0, 0]), 200, learning_rate=1.0)
    assert theta[0].tolist() == pytest.approx([1 - 1e-5, 1e-5], rel=1e-6)


def test_darts_takes_the_steps_of_adam_in_the_logits_of_a_softmax():
    """By hand: Kingma and Ba 2015, algorithm 1, with beta = (0.5, 0.999) and the gradient p (1 - p) of a softmax."""
    rate, decay = 0.01, 0.5
    a, m, v = np.array([0.3, 0.0]), np.zeros(2), np.zeros(2)
    found = steps_of("darts", Linear(), double([0.3, 0.0]), 4, learning_rate=rate, weight_decay=decay)
    for t, alpha in enumerate(found, start=1):
        p = 1 / (1 + exp(a[1] - a[0]))
        g = np.array([-p * (1 - p), p * (1 - p)]) + decay * a
        m, v = 0.5 * m + 0.5 * g, 0.999 * v + 0.001 * g**2
        a = a - rate * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        assert alpha[0].tolist() == pytest.approx(a.tolist(), rel=1e-12)


def test_the_first_step_of_darts_is_as_long_whatever_the_gradient():
    for slope in (1e-3, 1.0):
        (alpha,) = steps_of("darts", Linear(slope), double([0, 0]), 1)
        assert alpha[0].tolist() == pytest.approx([3e-4, -3e-4], rel=1e-3)


def test_drnas_has_concentrations_of_1_at_0_and_always_above_0():
    assert concentration(double([0, 2, -1, -9])).tolist()[0] == pytest.approx([1, 3, exp(-1), exp(-9)])


def test_drnas_draws_from_a_dirichlet_distribution_with_a_pathwise_gradient():
    """Mean and variance of Dirichlet(3, 1, 1), and the derivative of its mean: (b - b_0) / b^2, and -b_0 / b^2."""
    torch.manual_seed(0)
    parameters = double(*[[2.0, 0, 0]] * 40_000).requires_grad_()
    drawn = dirichlet(parameters)
    first = drawn[:, 0].detach().numpy()
    assert drawn.sum(dim=1).tolist() == pytest.approx([1.0] * len(drawn))
    assert first.mean() == pytest.approx(3 / 5, abs=5 * sqrt(0.04 / len(first)))
    assert first.var() == pytest.approx(3 * 2 / (5**2 * 6), rel=0.03)
    drawn[:, 0].sum().backward()
    gradient = parameters.grad.numpy()
    expected = np.array([2 / 25, -3 / 25, -3 / 25])  # elu has slope 1 here
    assert (np.abs(gradient.mean(axis=0) - expected) < 5 * gradient.std(axis=0) / sqrt(len(gradient))).all()


def test_drnas_is_drawn_to_concentrations_of_1_by_its_regularization_alone():
    start = double([0.5, -0.5])
    (moved,) = steps_of("drnas", Linear(0.0), start, 1, regularization=1e-3)
    (stayed,) = steps_of("drnas", Linear(0.0), start, 1, regularization=0.0)
    assert moved[0].tolist() == pytest.approx([0.5 - 6e-4, -0.5 + 6e-4], rel=1e-4)
    assert stayed.tolist() == start.tolist()


def test_adam_moves_along_what_a_mixture_is_made_by():
    squares = lambda table: table**2  # noqa: E731
    tables = next(adam(Linear(), [double([1.0, 1.0])], squares, learning_rate=0.1, weight_decay=0))
    assert tables[0][0].tolist() == pytest.approx([1.0, 0.9])


# ---- the search ----


def scripted(toy_space, looks, **how):
    """A search whose steps lead to these (choice of kernel, choice of width), and the logits where it began."""
    starts = []

    def descend(surrogate, logits):
        starts.append(logits)
        for kernel, width in looks:
            yield [torch.eye(2)[[kernel]], torch.eye(3)[[width]]]

    settings = {"surrogate": None, "steps_per_trial": 1, "patience": 2, "noise": 0.5, "n_starts": None}
    return Descent(Task(toy_space), np.random.default_rng(0), descend, **settings | how), starts


def test_a_search_looks_after_so_many_steps_and_asks_for_nothing_twice(folder, make_surrogate, toy_space):
    make_surrogate(path=folder / "toy", name="toy")
    looks = [(0, 0), (0, 1), (0, 2), (0, 1), (1, 1), (1, 2), (1, 1), (0, 1), (1, 0), (1, 0)]
    search, starts = scripted(toy_space, looks, steps_per_trial=2, n_starts=1, patience=2)
    assert [search.ask().arch for _ in range(2)] == [(0, 1), (1, 2)]  # the 2nd step; not the 4th; the 6th
    assert search.ask().arch == (1, 0)  # not the 8th, where it was before; the 10th
    assert len(starts) == 1


def test_a_search_starts_anew_once_nothing_new_came_for_a_while(folder, make_surrogate, toy_space):
    make_surrogate(path=folder / "toy", name="toy")
    search, starts = scripted(toy_space, [(1, 2), (1, 1), (1, 2), (1, 1), (0, 0)], patience=2)
    assert [search.ask().arch for _ in range(2)] == [(1, 2), (1, 1)]
    assert len(starts) == 1
    # nothing of the second start is new; what it has led to is asked for again
    assert [search.ask().arch for _ in range(2)] == [(1, 1), (1, 1)]
    assert len(starts) == 3


def test_a_search_is_over_after_so_many_starts(folder, make_surrogate, toy_space):
    make_surrogate(path=folder / "toy", name="toy")
    search, _ = scripted(toy_space, [(1, 2), (1, 1), (1, 2), (1, 2)], patience=2, n_starts=2)
    assert [search.ask() is None for _ in range(5)] == [False, False, False, True, True]


def test_the_first_start_is_the_middle_and_later_ones_are_as_far_from_it_as_was_set(folder, make_surrogate):
    space = NASBench201Space()
    make_surrogate(space, path=folder / "toy", name="nasbench201_surrogate", n_members=1, best=False)
    search = OPTIMIZERS["gaea"](Task(space), np.random.default_rng(0), noise=2.0, patience=1, steps_per_trial=1)
    starts, descend = [], search._descent._descend

    def kept(surrogate, logits):
        starts.append(logits[0].numpy())
        return descend(surrogate, logits)

    search._descent._descend = kept
    while len(starts) < 4:
        search.ask()
    assert starts[0].std() == pytest.approx(1e-3, rel=0.5)
    assert np.std(starts[1:]) == pytest.approx(2.0, rel=0.3)


@NAMES
@pytest.mark.parametrize("benchmark", ["nasbench201/cifar10", "nasbench301/cifar10"])
def test_a_search_conforms_on_benchmarks_whose_space_has_a_surrogate(name, benchmark):
    def quick(task, rng):
        return OPTIMIZERS[name](task, rng, steps_per_trial=2, patience=1)

    check_optimizer(quick, nbk.load(benchmark), n_evaluations=4)


@NAMES
def test_a_search_stays_inside_what_was_recorded(name, folder, make_surrogate, make_benchmark, stored, toy_space):
    make_surrogate(path=folder / "toy", name="toy")
    archs = np.array([[0, 0], [0, 2], [1, 1]], np.uint8)
    values = stored("val_accuracy", [0.1, 0.2, 0.3])
    bench = make_benchmark(values, stored("cost_s", [1, 1, 1]), archs=archs)

    def often(task, rng):
        return OPTIMIZERS[name](task, rng, noise=5.0, steps_per_trial=1, patience=1)

    check_optimizer(often, bench, n_evaluations=10)
    rng = np.random.default_rng(0)
    records = simulate(bench, often(task_of(bench), rng), rng=rng, n_evaluations=20)
    assert set(map(tuple, records.archs.tolist())) <= set(map(tuple, archs.tolist()))


@NAMES
def test_the_random_numbers_and_threads_of_the_caller_are_neither_used_nor_changed(name):
    asked = []
    for seed, n_threads in ((0, 1), (1, 2)):
        before = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        search = OPTIMIZERS[name](Task(DARTSSpace()), np.random.default_rng(5), steps_per_trial=5)
        with torch.no_grad():
            asked.append([search.ask().arch for _ in range(3)])
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == n_threads
        torch.set_num_threads(before)
    assert asked[0] == asked[1]


@NAMES
def test_nothing_is_learned_from_outcomes(name):
    one, other = (OPTIMIZERS[name](Task(SPACE), np.random.default_rng(3), steps_per_trial=2) for _ in range(2))
    for _ in range(3):
        trial = one.ask()
        one.tell(trial, Outcome.of(0.9))
        other.tell(Trial(SPACE.sample(np.random.default_rng(0))), Outcome.of(0.1))
        assert other.ask() == trial


@NAMES
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"learning_rate": 0}, "learning_rate=0; a number above 0 expected"),
        ({"learning_rate": float("nan")}, "learning_rate=nan; a number above 0 expected"),
        ({"steps_per_trial": 0}, "steps_per_trial=0; an integer of at least 1 expected"),
        ({"patience": 1.5}, "patience=1.5; an integer of at least 1 expected"),
        ({"n_starts": 0}, "n_starts=0; an integer of at least 1 expected"),
        ({"noise": 0}, "noise=0; a number above 0 expected"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(name, how, message):
    with pytest.raises(SettingError, match=message):
        OPTIMIZERS[name](Task(SPACE), np.random.default_rng(0), **how)


@pytest.mark.parametrize(("name", "weight"), [("darts", "weight_decay"), ("drnas", "regularization")])
def test_weights_below_0_are_refused(name, weight):
    with pytest.raises(SettingError, match=f"{weight}=-1; a number of at least 0 expected"):
        OPTIMIZERS[name](Task(SPACE), np.random.default_rng(0), **{weight: -1})


@NAMES
def test_without_torch_the_extra_that_brings_it_is_named(name, monkeypatch, cifar10):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingError, match=r"needs the package torch.*pip install 'nasbench-kit\[torch\]'"):
        nbk.compare(cifar10, name, runs=1, n_evaluations=1)


def test_a_search_on_a_space_without_surrogate_is_refused_before_it_runs():
    with pytest.raises(SettingError, match="no surrogate of nas_bench_graph"):
        nbk.compare("nas_bench_graph/cora", "gaea", runs=1, n_evaluations=1)


def test_exponentiated_gradients_make_up_their_mind_in_fewer_steps_than_those_of_a_softmax():
    """GAEA's point: sparser parameters, sooner."""
    spread, value = {}, {}
    for name in ("darts", "gaea"):
        search = OPTIMIZERS[name](Task(DARTSSpace()), np.random.default_rng(0))._descent
        start = [torch.zeros(shape, dtype=torch.float64) for shape in search._surrogate.shapes]
        tables = next(islice(search._descend(search._surrogate, start), 149, None))
        mixture = [table.detach() if name == "gaea" else table.detach().softmax(dim=1) for table in tables]
        spread[name] = float(-(mixture[0] * mixture[0].log()).sum(dim=1).mean())
        value[name] = float(search._surrogate.value(mixture))
    assert spread["gaea"] < 0.995 * spread["darts"]
    assert value["gaea"] > value["darts"] + 0.002


@NAMES
def test_the_first_few_that_a_search_asks_for_are_better_than_random_ones(name):
    bench = nbk.load("nasbench301/cifar10")
    search = OPTIMIZERS[name](task_of(bench), np.random.default_rng(0))
    found = bench.query_many(np.array([search.ask().arch for _ in range(5)], np.uint8)).value
    drawn = bench.query_many(bench.space.sample_many(np.random.default_rng(0), 500)).value
    assert found.max() > drawn.reshape(100, 5).max(axis=1).mean() + 0.005

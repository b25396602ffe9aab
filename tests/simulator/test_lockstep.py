"""Many runs in lock-step are, seed by seed and to the last bit, those that are simulated one by one."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import NotRecordedError
from nasbench_kit.optimizers import OPTIMIZERS, RandomSearch, RegularizedEvolution, Trial
from nasbench_kit.simulator import Records, Rules, n_in_lockstep, simulate, simulate_in_lockstep, task_of
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.study import Configuration

SAME = [name for name in Records._fields if name != "optimizer_s"]
TABLES = [name for name in nbk.list_benchmarks() if nbk.load(name).results.kind == "table"]
TIMED = [name for name in TABLES if nbk.load(name).costs]
SEARCHES = [
    ("random_search", {}),
    ("regularized_evolution", {}),
    ("regularized_evolution", {"population_size": 7, "sample_size": 1}),
    ("local_search", {}),
    ("local_search", {"n_initial": 3}),
    ("reinforce", {"learning_rate": 0.5}),
    ("reinforce", {"step": "adam", "learning_rate": 0.01}),
    ("simulated_annealing", {}),
    ("genetic_algorithm", {"population_size": 15, "n_parents": 4}),
    ("differential_evolution", {"population_size": 7}),
]
HALVINGS = [
    ("successive_halving", {}),
    ("successive_halving", {"n_archs": 5, "eta": 2}),
    ("hyperband", {}),
    ("hyperband", {"eta": 2, "min_epoch": 2}),
]


def searches(bench, name, how, rules, seeds):
    """(optimizer, streams) of each seed, as in a study."""
    key = Configuration.of(bench, name, how, rules=rules)
    for seed in seeds:
        search, draw = key.streams(seed)
        yield OPTIMIZERS[name](task_of(bench, rules), search, **how), (search, draw)


def in_lockstep(bench, name, how, rules, seeds):
    anyone = OPTIMIZERS[name](task_of(bench, rules), np.random.default_rng(0), **how)
    key = Configuration.of(bench, name, how, rules=rules)
    return simulate_in_lockstep(bench, anyone, [key.streams(seed) for seed in seeds], rules)


def check_same(bench, name, how, rules, seeds):
    """Whether it went in lock-step; if so, to the same records."""
    many = in_lockstep(bench, name, how, rules, seeds)
    if many is None:
        return False
    assert len(many) == len(seeds)
    for mine, (optimizer, (_, draw)) in zip(many, searches(bench, name, how, rules, seeds), strict=True):
        one = simulate(bench, optimizer, rng=draw, rules=rules)
        assert len(mine.optimizer_s) == len(one.optimizer_s)
        for field in SAME:
            expected, found = getattr(one, field), getattr(mine, field)
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape), field
            assert found.tobytes() == expected.tobytes(), field
    return True


def budget(bench, n):
    """Seconds that about so many evaluations take."""
    return float(n * np.nanmean(bench.query_many(bench.results.representative_archs(), missing="nan").cost_s))


@pytest.mark.parametrize(("name", "how"), SEARCHES, ids=lambda what: str(what))
@pytest.mark.parametrize("table", TABLES)
def test_every_run_on_every_table_is_the_one_that_is_simulated_alone(loaded, table, name, how):
    bench = loaded(table)
    # which run is revealed does not depend on who asks: every recorded one is compared where asking costs least
    seeds = bench.objective_metric.seeds[: None if name == "random_search" else 1]
    clock = "seconds" if bench.costs else "evaluations"
    budgets = [{"n_evaluations": 100}, *([{"budget_s": budget(bench, 100)}] if bench.costs else ())]
    went = set()
    for run in ("drawn", "mean", *seeds):
        went |= {(run, check_same(bench, name, how, Rules(run=run, clock=clock, **rule), range(2))) for rule in budgets}
    # NAS-Bench-201 is a product of choices; NAS-Bench-Graph is not, and of one dataset only a part was recorded
    is_whole = type(task_of(bench).space) is type(bench.space)
    draws = is_whole and name in ("regularized_evolution", "simulated_annealing")
    goes = name == "random_search" or draws or table.startswith("nasbench201")
    assert (("drawn", True) in went) == (("mean", True) in went) == goes


@pytest.mark.parametrize(("name", "how"), HALVINGS, ids=lambda what: str(what))
@pytest.mark.parametrize("table", [name for name in TABLES if len(nbk.load(name).epochs) > 1])
def test_trainings_that_go_on_are_those_that_are_simulated_alone(loaded, table, name, how):
    bench = loaded(table)
    for run in ("drawn", "mean", bench.objective_metric.seeds[0]):
        for rule in ({"n_evaluations": 80}, {"budget_s": budget(bench, 15)}, {"n_epochs": 15 * bench.epochs[-1]}):
            assert check_same(bench, name, how, Rules(run=run, **rule), range(2))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_the_rules_records_are_the_same(data):
    bench = nbk.load(data.draw(st.sampled_from(TIMED)))
    clock = data.draw(st.sampled_from(["seconds", "evaluations", "epochs"]))
    epoch = data.draw(st.sampled_from([None, *bench.epochs]))
    last = epoch or bench.epochs[-1]
    halves = len(bench.epochs) > 1 and last > 1
    name, how = data.draw(st.sampled_from([*SEARCHES, *(HALVINGS if halves else ())]))
    budgets = {"n_evaluations": st.integers(1, 300), "n_epochs": st.integers(1, 200 * last)}
    if clock == "seconds":
        budgets["budget_s"] = st.floats(0.1, budget(bench, 300))
    chosen = data.draw(st.sets(st.sampled_from(list(budgets)), min_size=1))
    rules = Rules(
        clock=clock,
        epoch=epoch,
        run=data.draw(st.sampled_from(["drawn", "mean", bench.objective_metric.seeds[0]])),
        continued=data.draw(st.sampled_from(["difference", "from scratch"])),
        overshoot=data.draw(st.sampled_from(["dropped", "counted"])),
        **{each: data.draw(budgets[each]) for each in sorted(chosen)},
    )
    seeds = data.draw(st.lists(st.integers(0, 2**40), min_size=1, max_size=4, unique=True))
    assert check_same(bench, name, how, rules, seeds)


def test_a_run_does_not_depend_on_those_beside_it():
    bench, rules = nbk.load("nasbench201/cifar10"), Rules(budget_s=200_000)
    for name, how in SEARCHES:
        together = in_lockstep(bench, name, how, rules, range(3))
        alone = [in_lockstep(bench, name, how, rules, [seed])[0] for seed in range(3)]
        for mine, other in zip(together, alone, strict=True):
            assert all(getattr(mine, field).tobytes() == getattr(other, field).tobytes() for field in SAME)


# ---- tables with gaps, failures and odd spaces ----


@pytest.fixture
def table(tmp_path):
    """Make a benchmark of three decisions from one row per architecture and seed."""
    space = ChoiceSpace("odd", {"a": ("x", "y"), "b": ("x", "y", "z"), "c": ("x", "y", "z", "w", "v")})

    def make(rows, **how):
        names = list(rows[0])
        frame = {name: [row[name] for row in rows] for name in names}
        metrics = [name for name in names if name not in ("arch", "seed", "failed")]
        path = tmp_path / "odd.h5"
        nbk.Table.from_frame(frame, path, name="odd", space=space, metrics=metrics, **how)
        return nbk.load("odd/default", results=path)

    archs = [space.format(arch) for arch in space.all_archs().tolist()]
    return make, archs


def check_all(bench, **how):
    went = []
    for name, own in SEARCHES:
        for run in ("drawn", "mean"):
            for rule in ({"n_evaluations": 50}, {"budget_s": 50.0}, {"budget_s": 50.0, "n_evaluations": 45}):
                for overshoot in ("dropped", "counted"):
                    rules = Rules(run=run, overshoot=overshoot, **rule, **how)
                    went.append(check_same(bench, name, own, rules, range(2)))
    return went


def test_runs_that_failed_or_took_no_time_are_told_and_paid_alike(table):
    make, archs = table
    rng = np.random.default_rng(0)
    rows = [
        {
            "arch": arch,
            "seed": seed,
            "val_loss": float("nan") if failed else float(rng.integers(3)),  # ties, too
            "cost_s": float(rng.random() + 0.5),
            "failed": failed,
        }
        for arch in archs
        for seed in range(3)
        for failed in [int(rng.random() < 0.3)]
    ]
    assert all(check_all(make(rows, seed="seed", failed="failed", objective="val_loss")))


def test_a_space_that_is_soon_known_whole_is_searched_alike(table):
    make, archs = table
    rng = np.random.default_rng(1)
    rows = [{"arch": arch, "val_accuracy": rng.random(), "cost_s": 0.1 + rng.random()} for arch in archs]
    assert all(check_all(make(rows)))


def test_runs_that_were_not_recorded_are_not_drawn(table):
    make, archs = table
    rng = np.random.default_rng(2)
    rows = [
        {"arch": arch, "seed": seed, "val_accuracy": rng.random(), "cost_s": 0.1 + rng.random()}
        for arch in archs
        for seed in range(4)
        if seed == 1 or rng.random() < 0.5
    ]
    bench = make(rows, seed="seed")
    assert all(check_all(bench))
    assert check_same(bench, "random_search", {}, Rules(run=3, n_evaluations=90), range(4))  # recorded of some only


def test_on_the_recorded_part_of_a_space_it_goes_one_by_one_or_alike(table):
    make, archs = table
    rng = np.random.default_rng(3)
    rows = [{"arch": arch, "val_accuracy": rng.random(), "cost_s": 0.1 + rng.random()} for arch in archs[::2]]
    went = check_all(make(rows))
    assert any(went)
    assert not all(went)


def test_what_was_never_recorded_is_left_to_be_refused_one_by_one(table):
    make, archs = table
    rows = [
        {"arch": arch, "seed": seed, "val_accuracy": 0.5, "cost_s": 1.0}
        for i, arch in enumerate(archs)
        for seed in range(1 + i % 2)
    ]
    bench, rules = make(rows, seed="seed"), Rules(n_evaluations=50, run=1)
    anyone = RandomSearch(task_of(bench), np.random.default_rng(0))  # on the whole space
    assert simulate_in_lockstep(bench, anyone, [(np.random.default_rng(0), np.random.default_rng(1))], rules) is None
    with pytest.raises(NotRecordedError, match=r"seed 1 of .* was not recorded"):
        simulate(bench, anyone, rng=np.random.default_rng(1), rules=rules)


# ---- what goes one by one ----


class Worst(RegularizedEvolution):
    """Another search than the one that it is made from."""

    def ask(self):
        return Trial((0,) * 6)


@pytest.mark.parametrize(
    ("how", "make"),
    [
        ({"n_workers": 2}, RandomSearch),
        ({"repeats": "served"}, RandomSearch),
        ({"optimizer_time": "charged"}, RandomSearch),
        ({}, Worst),
    ],
)
def test_what_cannot_go_in_lockstep_is_left_to_go_one_by_one(cifar10, how, make):
    rules = Rules(n_evaluations=20, **how)
    anyone = make(task_of(cifar10, rules), np.random.default_rng(0))
    streams = [(np.random.default_rng(0), np.random.default_rng(1))]
    assert simulate_in_lockstep(cifar10, anyone, streams, rules) is None
    assert n_in_lockstep(cifar10, anyone, rules) == 1


@pytest.mark.parametrize("more", [{"objectives": ["val_accuracy", "params_m"]}, {"constraints": ["params_m<=1"]}])
def test_several_objectives_and_constraints_go_one_by_one(more):
    bench, rules = nbk.load("nasbench201/cifar10", **more), Rules(n_evaluations=20)
    assert in_lockstep(bench, "random_search", {}, rules, range(3)) is None


def test_a_surrogate_goes_one_by_one():
    rules = Rules(n_evaluations=20)
    assert in_lockstep(nbk.load("nasbench201_surrogate/cifar10"), "random_search", {}, rules, range(3)) is None


def test_long_runs_go_together_by_the_few(cifar10):
    many, few, one = (
        n_in_lockstep(cifar10, RandomSearch(task_of(cifar10), np.random.default_rng(0)), Rules(n_evaluations=n))
        for n in (100, 50_000, 10**7)
    )
    assert many > few > one == 1


def test_runs_that_end_early_are_drawn_as_one_by_one_where_the_rules_end_before(tmp_path):
    space = ChoiceSpace("odd", {"a": ("x", "y", "z", "w"), "b": ("x", "y", "z")})
    rng = np.random.default_rng(0)
    rows = [
        {"arch": arch, "seed": seed, "epoch": epoch, "val_accuracy": rng.random(), "cost_s": float(epoch)}
        for arch in map(space.format, space.all_archs().tolist())
        for seed in range(2)
        for epoch in (1, 3, 9)
        if (seed, epoch) != (1, 9)  # the second run never came to the last epoch
    ]
    frame = {name: [row[name] for row in rows] for name in rows[0]}
    how = {"name": "odd", "space": space, "metrics": ["val_accuracy", "cost_s"], "seed": "seed", "epoch": "epoch"}
    nbk.Table.from_frame(frame, tmp_path / "odd.h5", **how)
    bench = nbk.load("odd/default", results=tmp_path / "odd.h5")
    rules = Rules(n_evaluations=8, epoch=3)
    for name, settings_ in HALVINGS[:3]:
        made = in_lockstep(bench, name, settings_, rules, range(3))
        assert made is None or check_same(bench, name, settings_, rules, range(3))

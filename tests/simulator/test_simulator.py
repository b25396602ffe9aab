"""The clock: what is counted, in which order, and what a search gets to know."""

import inspect
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import NotRecordedError, SettingError, TableError
from nasbench_kit.optimizers import OPTIMIZERS, RandomSearch, RegularizedEvolution, Trial, needs_of
from nasbench_kit.simulator import NO_EPOCH, NO_SEED, Records, simulate, task_of
from nasbench_kit.simulator.records import BLOCK
from nasbench_kit.spaces import ChoiceSpace, TransNASMacroSpace

SAME = [name for name in Records._fields if name != "optimizer_s"]


class Scripted:
    """Asks for the letters a, b, c, ... in turn, and notes what happens when."""

    def __init__(self, numbers):
        self.numbers = iter(numbers)
        self.log = []

    def ask(self):
        number = next(self.numbers)
        self.log.append(("ask", number))
        return Trial((number,))

    def tell(self, trial, outcome):
        self.log.append(("tell", trial.arch[0], outcome.value))


@pytest.fixture
def letters(tmp_path):
    """Make a benchmark of one decision from columns of results, one row a letter."""

    def make(objective="val_accuracy", **columns):
        names = "abcdefgh"[: len(next(iter(columns.values())))]
        path = tmp_path / "letters.h5"
        frame = {"arch": list(names)} | columns
        space = ChoiceSpace("letter", {"letter": tuple(names)})
        nbk.Table.from_frame(frame, path, name="letters", space=space, metrics=list(columns), objective=objective)
        return nbk.load("letters/default", results=path)

    return make


def run(bench, order, **how):
    """Records and the optimizer's log of evaluating letters in a given order."""
    optimizer = Scripted(order)
    how.setdefault("n_evaluations", None if "budget_s" in how else len(order))
    return simulate(bench, optimizer, rng=np.random.default_rng(0), **how), optimizer.log


def random_search(bench, rng_seed=0, **how):
    rng = np.random.default_rng(rng_seed)
    return simulate(bench, RandomSearch(task_of(bench), rng), rng=rng, **how)


# ---- the clock ----


def test_the_first_evaluation_costs_as_much_as_any_other(letters):
    records, _ = run(letters(val_accuracy=[0.5, 0.6], cost_s=[7, 7]), [0, 1])
    assert records.finished_s.tolist() == [7, 14]


def test_one_worker_takes_the_sum_of_the_costs(cifar10):
    records = random_search(cifar10, n_evaluations=50)
    assert records.finished_s.tolist() == np.cumsum(records.cost_s).tolist()
    assert set(records.worker) == {0}


def test_one_worker_never_pauses_however_long_the_run_is(cifar10):
    records = random_search(cifar10, n_evaluations=2 * BLOCK + 7)
    np.testing.assert_array_equal(records.started_s, [0, *records.finished_s[:-1]])
    np.testing.assert_array_equal(records.worker, np.zeros(2 * BLOCK + 7))
    assert records.archs.shape == (2 * BLOCK + 7, 6)
    values = [
        run.value for seed in (777, 888, 999) for run in [cifar10.query_many(records.archs, seed=seed, missing="nan")]
    ]
    assert (records.value == np.array(values)).any(axis=0).all()


def test_two_workers_follow_the_schedule_computed_by_hand(letters):
    bench = letters(val_accuracy=[0.1, 0.2, 0.3, 0.4, 0.5], cost_s=[5, 2, 2, 4, 1])
    records, log = run(bench, range(5), n_workers=2)
    # worker 0:  a a a a a e      a ends at 5, then e from 5 to 6
    # worker 1:  b b c c d d d d  b ends at 2, c at 4, d at 8
    assert records.archs.ravel().tolist() == [1, 2, 0, 4, 3]
    assert records.finished_s.tolist() == [2, 4, 5, 6, 8]
    assert records.worker.tolist() == [1, 1, 0, 0, 1]
    assert records.cost_s.tolist() == [2, 2, 5, 1, 4]
    events = [f"{event[0]} {event[1]}" for event in log]
    assert events == ["ask 0", "ask 1", "tell 1", "ask 2", "tell 2", "ask 3", "tell 0", "ask 4", "tell 4", "tell 3"]


def test_trials_that_end_together_are_told_in_the_order_in_which_they_began(letters):
    bench = letters(val_accuracy=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], cost_s=[3] * 6)
    records, log = run(bench, [5, 3, 1, 4, 2, 0], n_workers=3)
    assert records.archs.ravel().tolist() == [5, 3, 1, 4, 2, 0]
    assert records.finished_s.tolist() == [3, 3, 3, 6, 6, 6]
    assert [event[1] for event in log if event[0] == "tell"] == [5, 3, 1, 4, 2, 0]


def test_a_free_worker_asks_before_the_next_outcome_is_told(letters):
    _, log = run(letters(val_accuracy=[0.1] * 4, cost_s=[3] * 4), range(4), n_workers=2)
    assert [event[0] for event in log] == ["ask", "ask", "tell", "ask", "tell", "ask", "tell", "tell"]


@given(n_workers=st.integers(1, 20), rng_seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_each_worker_does_one_trial_at_a_time_without_a_pause(cifar10, n_workers, rng_seed):
    records = random_search(cifar10, rng_seed, n_evaluations=60, n_workers=n_workers)
    assert (np.diff(records.finished_s) >= 0).all()
    assert set(records.worker) <= set(range(n_workers))
    for worker in set(records.worker):
        mine = records.worker == worker
        np.testing.assert_allclose(records.finished_s[mine], np.cumsum(records.cost_s[mine]))


def test_more_workers_than_evaluations_are_no_problem(cifar10):
    records = random_search(cifar10, n_evaluations=3, n_workers=50)
    assert len(records.value) == 3


# ---- budgets ----


def test_nothing_is_recorded_that_finishes_after_the_budget(letters):
    records, log = run(letters(val_accuracy=[0.1, 0.2, 0.3], cost_s=[4, 4, 4]), range(3), budget_s=11.9)
    assert records.finished_s.tolist() == [4, 8]
    assert ("tell", 2, 0.3) not in log


def test_a_trial_that_finishes_exactly_at_the_budget_counts(letters):
    records, _ = run(letters(val_accuracy=[0.1, 0.2, 0.3, 0.4], cost_s=[4] * 4), range(4), budget_s=12)
    assert records.finished_s.tolist() == [4, 8, 12]


def test_with_several_workers_shorter_trials_still_finish_within_the_budget(letters):
    bench = letters(val_accuracy=[0.1, 0.2, 0.3, 0.4], cost_s=[100, 4, 5, 60])
    records, _ = run(bench, range(4), budget_s=10, n_workers=2)
    assert records.archs.ravel().tolist() == [1, 2]


@pytest.mark.parametrize(("how", "expected"), [({"n_evaluations": 2}, 2), ({"n_evaluations": 100}, 5)], ids=str)
def test_with_both_budgets_the_smaller_one_ends_the_run(letters, how, expected):
    bench = letters(val_accuracy=[0.1, 0.2], cost_s=[2, 2])
    assert len(run(bench, [0, 1] * 50, budget_s=10, **how)[0].value) == expected


def test_a_budget_too_small_for_anything_gives_records_without_rows(letters):
    records, _ = run(letters(val_accuracy=[0.1, 0.2], cost_s=[2, 2]), [0, 1], budget_s=1)
    assert [len(column) for column in records] == [0] * len(records)
    assert records.archs.shape == (0, 1)


def test_as_many_trials_are_begun_as_evaluations_are_wanted(cifar10, letters):
    _, log = run(letters(val_accuracy=[0.1, 0.2, 0.3], cost_s=[2, 3, 4]), range(3), n_evaluations=2, n_workers=5)
    assert [event[0] for event in log].count("ask") == 2


# ---- which recorded run a trial reveals ----


def test_a_drawn_run_gives_the_values_recorded_for_its_seed(cifar10):
    records = random_search(cifar10, n_evaluations=200)
    assert set(records.seed) == {777, 888, 999}
    for arch, epoch, seed, value, cost_s in zip(
        records.archs, records.epoch, records.seed, records.value, records.cost_s, strict=True
    ):
        recorded = cifar10.query(arch, epoch=int(epoch), seed=int(seed))
        assert (recorded.val_accuracy, recorded.cost_s) == (value, cost_s)


def test_every_recorded_run_of_an_architecture_is_drawn_equally_often(cifar10):
    class Always(Scripted):
        def ask(self):
            return Trial((3, 3, 3, 1, 3, 2))

    rng = np.random.default_rng(0)
    records = simulate(cifar10, Always(()), rng=rng, n_evaluations=3_000)
    counts = np.unique(records.seed, return_counts=True)[1]
    assert len(counts) == 3
    assert (np.abs(counts - 1000) < 5 * np.sqrt(3000 * 2 / 9)).all()


def test_the_mean_policy_reveals_means(cifar10):
    records = random_search(cifar10, n_evaluations=20, run="mean")
    assert records.value.tolist() == cifar10.query_many(records.archs).val_accuracy.tolist()
    assert (records.seed == NO_SEED).all()


def test_a_fixed_seed_reveals_that_run(cifar10):
    records = random_search(cifar10, n_evaluations=20, run=777)
    assert records.value.tolist() == cifar10.query_many(records.archs, seed=777).val_accuracy.tolist()
    assert (records.seed == 777).all()


def test_a_seed_from_a_numpy_array_reveals_that_run_too(cifar10):
    seed = np.array([777])[0]
    records = random_search(cifar10, n_evaluations=20, run=seed)
    assert records.value.tolist() == cifar10.query_many(records.archs, seed=777).val_accuracy.tolist()


@pytest.mark.parametrize("how", [{}, {"n_workers": 5}, {"run": "mean"}, {"budget_s": 50_000}], ids=str)
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, made in OPTIMIZERS.items()
        if not any(need.startswith(("surrogate", "space:")) for need in needs_of(made))
    ],
)
def test_the_same_seed_gives_the_same_records(cifar10, loaded, equipped, n_enough, quickly, name, how):
    has_epochs = "epochs" in needs_of(OPTIMIZERS[name])
    bench = equipped(name, loaded("nasbench201_mnist1d/mnist1d") if has_epochs else cifar10)

    how = {"n_evaluations": min(60, n_enough(name, bench))} | how

    def once():
        rng = np.random.default_rng(5)
        return simulate(bench, quickly(name)(task_of(bench), rng), rng=rng, **how)

    first, second = once(), once()
    assert [getattr(first, column).tobytes() for column in SAME] == [
        getattr(second, column).tobytes() for column in SAME
    ]


# ---- what the search costs and sees ----


def test_the_time_of_the_optimizer_is_recorded_apart_from_the_clock(letters):
    class Slow(Scripted):
        def ask(self):
            time.sleep(0.01)
            return super().ask()

        def tell(self, trial, outcome):
            time.sleep(0.02)

    bench = letters(val_accuracy=[0.1, 0.2, 0.3], cost_s=[1, 1, 1])
    records = simulate(bench, Slow(range(3)), rng=np.random.default_rng(0), n_evaluations=3)
    assert records.finished_s.tolist() == [1, 2, 3]
    assert (records.optimizer_s >= 0.03).all()
    assert (records.optimizer_s < 0.5).all()


def test_an_optimizer_is_told_the_validation_value_and_nothing_else(letters):
    bench = letters(val_accuracy=[0.1, 0.2], test_accuracy=[0.8, 0.9], cost_s=[1, 1])
    records, log = run(bench, [0, 1])
    assert [event for event in log if event[0] == "tell"] == [("tell", 0, 0.1), ("tell", 1, 0.2)]
    assert records.value.tolist() == [0.1, 0.2]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_built_from_a_task_and_randomness_alone(cifar10, name):
    first, second, *rest = inspect.signature(OPTIMIZERS[name]).parameters.values()
    assert (first.name, second.name) == ("task", "rng")
    assert all(setting.default is not inspect.Parameter.empty for setting in rest)


def test_the_space_holds_no_results(cifar10):
    reachable = [cifar10.space, *vars(cifar10.space).values()]
    assert not any(isinstance(part, (nbk.Benchmark, nbk.Table)) for part in reachable)
    assert not any("accuracy" in name for name in dir(cifar10.space))


def test_a_minimized_objective_is_told_negated_and_recorded_as_it_is(letters):
    bench = letters("val_loss", val_loss=[0.7, 0.2], cost_s=[1, 1])
    records, log = run(bench, [0, 1])
    assert [event[2] for event in log if event[0] == "tell"] == [-0.7, -0.2]
    assert records.value.tolist() == [0.7, 0.2]


def test_a_trial_in_another_form_is_recorded_as_its_choices(tmp_path):
    space = TransNASMacroSpace()  # which reads (1, 2, 3, 4) as (1, 2, 3, 4, 0, 0)
    frame = {"arch": ["1234", "2143", "12341"], "val_accuracy": [0.1, 0.2, 0.3], "cost_s": [1, 1, 1]}
    table = nbk.Table.from_frame(
        frame, tmp_path / "m.h5", name="m", space=space, metrics=["val_accuracy", "cost_s"], objective="val_accuracy"
    )

    class Short(Scripted):
        def ask(self):
            return Trial((1, 2, 3, 4))

    rng = np.random.default_rng(0)
    records = simulate(nbk.Benchmark(table, "default"), Short([]), rng=rng, n_evaluations=3)
    assert records.archs.tolist() == [[1, 2, 3, 4, 0, 0]] * 3


def test_records_without_seeds_and_epochs_say_so(letters):
    records, _ = run(letters(val_accuracy=[0.1, 0.2], cost_s=[1, 1]), [0, 1])
    assert records.seed.tolist() == [NO_SEED] * 2
    assert records.epoch.tolist() == [NO_EPOCH] * 2


def test_a_trial_may_name_its_epoch(tmp_path):
    frame = {"arch": ["a", "a", "b", "b"], "epoch": [1, 3] * 2, "val_accuracy": [0.1, 0.4, 0.2, 0.3]}
    frame["cost_s"] = [2, 6, 3, 9]
    space = ChoiceSpace("letter", {"letter": tuple("ab")})
    metrics = ["val_accuracy", "cost_s"]
    nbk.Table.from_frame(frame, tmp_path / "t.h5", name="t", space=space, metrics=metrics, epoch="epoch")
    bench = nbk.load("t/default", results=tmp_path / "t.h5")

    class AtEpoch(Scripted):
        def ask(self):
            arch, epoch = next(self.numbers)
            return Trial((arch,), epoch)

    optimizer = AtEpoch([(0, 1), (0, None), (1, 3)])
    records = simulate(bench, optimizer, rng=np.random.default_rng(0), n_evaluations=3)
    assert records.epoch.tolist() == [1, 3, 3]
    assert records.value.tolist() == [0.1, 0.4, 0.3]
    assert records.cost_s.tolist() == [2, 6, 9]
    with pytest.raises(SettingError, match="a trial asks for epoch 3, and the rules train up to epoch 1"):
        simulate(bench, AtEpoch([(0, 1), (0, 3)]), rng=np.random.default_rng(0), n_evaluations=3, epoch=1)


# ---- wrong arguments ----


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({}, SettingError, "no budget; give budget_s"),
        ({"budget_s": 0}, SettingError, "budget_s=0.0; a finite number of seconds above 0"),
        ({"budget_s": -1.0}, SettingError, "budget_s=-1.0; a finite number"),
        ({"budget_s": float("nan")}, SettingError, "budget_s=nan; a finite number"),
        ({"budget_s": float("inf")}, SettingError, "budget_s=inf; a finite number"),
        ({"n_evaluations": 0}, SettingError, "n_evaluations=0; an integer of at least 1"),
        ({"n_evaluations": 1.5}, SettingError, "n_evaluations=1.5; an integer expected"),
        ({"n_evaluations": 5, "n_workers": 0}, SettingError, "n_workers=0; an integer of at least 1"),
        ({"n_evaluations": 5, "run": "median"}, SettingError, "run='median'; choose 'drawn', 'mean' or the number"),
        ({"n_evaluations": 5, "run": None}, SettingError, "run=None; choose 'drawn', 'mean' or the number"),
        ({"n_evaluations": 5, "run": 777.0}, SettingError, "run=777.0; choose 'drawn', 'mean' or the number"),
        ({"n_evaluations": 5, "run": 5}, NotRecordedError, "seed 5 was not recorded; choose from 777, 888, 999"),
        ({"n_evaluations": 5, "epoch": 12}, NotRecordedError, "epoch 12 was not recorded; choose from 200"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named_with_what_would_be_right(cifar10, how, error, message):
    with pytest.raises(error, match=message):
        random_search(cifar10, **how)


def test_without_recorded_costs_there_is_no_clock(letters):
    with pytest.raises(
        NotRecordedError,
        match=r"letters/default records no cost_s, so nothing can advance a clock of seconds; give clock='evaluations'",
    ):
        run(letters(val_accuracy=[0.1, 0.2]), [0, 1])


@pytest.mark.parametrize("cost_s", [0, -1])
def test_a_cost_that_cannot_advance_the_clock_makes_no_table(letters, cost_s):
    with pytest.raises(TableError, match=f"cost_s of 'a' is {cost_s}; .*above 0"):
        letters(val_accuracy=[0.1, 0.2], cost_s=[cost_s, 5])


def test_a_run_whose_cost_was_not_recorded_is_never_drawn(letters):
    bench = letters(val_accuracy=[0.1, 0.2, 0.3], cost_s=[float("nan"), 5, 7])
    assert set(random_search(bench, n_evaluations=100).archs.ravel().tolist()) == {1, 2}
    with pytest.raises(NotRecordedError, match="no cost was recorded of any run of 'a', so none is drawn"):
        run(bench, [0])


def test_of_several_runs_those_with_a_cost_are_drawn(make_benchmark, stored):
    costs = np.full((3, 1, 6), 10.0)
    costs[1, 0, :4] = costs[2, 0, 2] = np.nan
    bench = make_benchmark(
        stored("val_accuracy", np.arange(18) / 20, seeds=(4, 5, 6)), stored("cost_s", costs, seeds=(4, 5, 6))
    )
    records = random_search(bench, n_evaluations=600)
    assert np.isfinite(records.finished_s).all()
    ranks = bench.space.rank_many(records.archs)
    assert [set(records.seed[ranks == rank].tolist()) for rank in range(6)] == [
        {4, 6},
        {4, 6},
        {4},
        {4, 6},
        {4, 5, 6},
        {4, 5, 6},
    ]
    batch = np.repeat(bench.space.all_archs(), 200, axis=0)
    drawn = bench.query_many(batch, rng=np.random.default_rng(0))
    assert np.isfinite(drawn.cost_s).all()
    assert set(np.round(drawn.value[400:600] * 20).astype(int)) == {2}


def test_an_architecture_that_the_table_does_not_hold_is_an_error(tmp_path):
    space = ChoiceSpace("letter", {"letter": tuple("abc")})
    frame = {"arch": ["a", "b"], "val_accuracy": [0.1, 0.2], "cost_s": [1, 1]}
    nbk.Table.from_frame(frame, tmp_path / "t.h5", name="t", space=space, metrics=["val_accuracy", "cost_s"])
    with pytest.raises(
        NotRecordedError, match=r"'c' is not among the 2 architectures of table 't'; task_of\(benchmark\).space is"
    ):
        run(nbk.load("t/default", results=tmp_path / "t.h5"), [0, 2])


# ---- against what can be computed otherwise ----


def test_random_search_finds_what_the_order_statistics_of_the_table_say(cifar10):
    """The best of n uniform draws from the known 15,625 values has a known mean."""
    n, n_runs = 50, 500
    values = np.sort(cifar10.query_many(cifar10.space.all_archs()).val_accuracy)
    cumulative = np.arange(len(values) + 1) / len(values)
    expected = (values * np.diff(cumulative**n)).sum()
    spread = np.sqrt((values**2 * np.diff(cumulative**n)).sum() - expected**2)
    rng = np.random.default_rng(0)
    found = [
        simulate(cifar10, RandomSearch(task_of(cifar10), rng), rng=rng, n_evaluations=n, run="mean").value.max()
        for _ in range(n_runs)
    ]
    assert np.mean(found) == pytest.approx(expected, abs=4 * spread / n_runs**0.5)


def plain_evolution(values, rng, n, population_size, sample_size):
    """Algorithm 1 of Real et al. 2019 on the edges of NAS-Bench-201, written down without any of our code."""
    population, history = [], []
    while len(history) < n:
        if len(population) < population_size:
            cell = [rng.randrange(5) for _ in range(6)]
        else:
            cell = list(max(rng.choices(population, k=sample_size))[1])
            edge = rng.randrange(6)
            cell[edge] = rng.choice([operation for operation in range(5) if operation != cell[edge]])
        value = values["".join(map(str, cell))]
        population = [*population, (value, cell)][-population_size:]
        history.append(value)
    return max(history)


def test_evolution_ends_where_a_plain_transcription_of_the_paper_ends(cifar10):
    archs = cifar10.space.all_archs()
    keys = cifar10.space.format_many(archs, "digits")
    values = dict(zip(keys, cifar10.query_many(archs).val_accuracy.tolist(), strict=True))
    plain = [plain_evolution(values, random.Random(seed), 100, 10, 3) for seed in range(400)]
    rng = np.random.default_rng(0)
    ours = [
        simulate(
            cifar10, RegularizedEvolution(task_of(cifar10), rng), rng=rng, n_evaluations=100, run="mean"
        ).value.max()
        for _ in range(400)
    ]
    error = np.hypot(np.std(plain), np.std(ours)) / 400**0.5
    assert np.mean(ours) == pytest.approx(np.mean(plain), abs=4 * error)
    assert np.quantile(ours, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(plain, [0.1, 0.5, 0.9]), abs=6 * error)

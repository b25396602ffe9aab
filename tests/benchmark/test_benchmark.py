import copy
import math
import pickle
import tracemalloc
from itertools import product
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit import Benchmark, Metric
from nasbench_kit.errors import ArchitectureError, NotRecordedError, SettingError, TableError, UnknownNameError
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables.write import Stored
from nasbench_kit.testing import check_benchmark

SEEDS = (777, 888, 999)
BEST = (3, 3, 3, 1, 3, 2)
TEXT = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
TWO_RUNS = 347  # Source: NATS-Bench, issue 30: the first cell without a run of seed 999
LARGE = ChoiceSpace("large", dict.fromkeys("abcd", tuple("012345")))  # more architectures than are answered one by one
FORMS = {"text": TEXT, "digits": "333132", "tuple": BEST, "list": list(BEST), "array": np.array(BEST), "index": 6111}


def tuples(archs):
    return list(map(tuple, archs.tolist()))


# ---- one answer ----


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_cell_gets_the_same_answer(cifar10, form):
    # Source: the published optimum of validation accuracy, 91.61 % (NATS-Bench)
    answer = cifar10.query(FORMS[form])
    assert answer == cifar10.query(TEXT)
    assert (answer.epoch, round(answer.val_accuracy, 6), answer.seeds) == (200, 0.916067, SEEDS)
    assert cifar10.objective(FORMS[form]) == answer.val_accuracy


def test_what_can_be_named_is_named(cifar10):
    answer = cifar10.query(TEXT)
    assert answer._fields == ("epoch", "value", "cost_s", "seeds", "failed", "metric")
    assert repr(answer).startswith("Evaluation(epoch=200, val_accuracy=0.91606")
    assert answer.value == answer.val_accuracy
    with pytest.raises(AttributeError, match="Evaluation has no 'test_accuracy'; its value is val_accuracy"):
        _ = answer.test_accuracy
    assert isinstance(answer, nbk.Evaluation)
    assert (cifar10.name, cifar10.objective_metric.name) == ("nasbench201/cifar10", "val_accuracy")
    assert list(cifar10.metrics) == ["val_accuracy", "cost_s", "latency_s", "params_m", "flops_m"]
    assert repr(cifar10) == (
        "<Benchmark 'nasbench201/cifar10': 15,625 architectures, val_accuracy, cost_s, latency_s, params_m, flops_m>"
    )


# ---- one answer and many ----


@pytest.mark.slow
def test_benchmarks_conform(embedded):
    check_benchmark(embedded, np.random.default_rng(0))


def test_a_batch_that_leaves_the_callers_generator_where_it_was_does_not_conform(cifar10, monkeypatch):
    query_many = Benchmark.query_many

    def frozen(self, archs, *, rng=None, **how):
        return query_many(self, archs, rng=copy.deepcopy(rng), **how)

    monkeypatch.setattr(Benchmark, "query_many", frozen)
    with pytest.raises(AssertionError, match="runs drawn one by one are not those drawn in a batch"):
        check_benchmark(cifar10, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["texts", "tuples"])
def test_all_cells_have_the_same_answers_alone_and_in_a_batch(nasbench201, kind):
    archs = nasbench201.results.archs()
    asked = nasbench201.space.format_many(archs) if kind == "texts" else tuples(archs)
    fresh = Benchmark(nasbench201.results, nasbench201.dataset)
    singles = [fresh.query(arch) for arch in asked]
    batch = nasbench201.query_many(asked)
    assert [single.val_accuracy for single in singles] == batch.val_accuracy.tolist()
    assert [single.cost_s for single in singles] == batch.cost_s.tolist()
    assert batch.val_accuracy.tolist() == nasbench201.values("val_accuracy", archs).tolist()
    assert batch.cost_s.tolist() == nasbench201.values("cost_s", archs).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_all_runs_have_the_same_answers_alone_and_in_a_batch(nasbench201, seed):
    archs = nasbench201.results.archs()
    batch = nasbench201.query_many(archs, seed=seed, missing="nan")
    assert nasbench201.values("val_accuracy", archs, seed=seed, missing="nan") == pytest.approx(
        batch.val_accuracy, abs=0, nan_ok=True
    )
    for arch, value, cost_s in zip(tuples(archs), batch.value, batch.cost_s, strict=True):
        if math.isnan(value):
            with pytest.raises(NotRecordedError, match=f"seed {seed} of .* was not recorded; choose from 777, 888"):
                nasbench201.query(arch, seed=seed)
        else:
            assert nasbench201.query(arch, seed=seed)[1:4] == (value, cost_s, (seed,))


def test_an_empty_batch_has_an_empty_answer(cifar10):
    for answer in (cifar10.query_many([]), cifar10.query_many([], rng=np.random.default_rng(0))):
        assert (answer.epoch, len(answer.val_accuracy), len(answer.cost_s)) == (200, 0, 0)


def test_answers_of_a_batch_are_the_callers_to_change(cifar10):
    archs = cifar10.results.archs()
    first = cifar10.query_many(archs)
    expected = first.val_accuracy.copy()
    first.val_accuracy[:] = 0
    first.cost_s[:] = 0
    assert (cifar10.query_many(archs).val_accuracy == expected).all()
    assert cifar10.query_many(archs).cost_s.min() > 0


# ---- drawn runs ----


def test_a_drawn_run_is_a_recorded_one_each_as_likely(cifar10):
    rng = np.random.default_rng(0)
    for index, seeds in ((0, SEEDS), (TWO_RUNS, SEEDS[:2])):
        drawn = [cifar10.query(index, rng=rng) for _ in range(6_000)]
        assert set(drawn) == {cifar10.query(index, seed=seed) for seed in seeds}
        for seed in seeds:
            share = np.mean([run.seeds == (seed,) for run in drawn])
            assert share == pytest.approx(1 / len(seeds), abs=4 * np.sqrt(0.25 / 6_000))


def test_a_batch_draws_what_single_queries_draw(nasbench201):
    archs = nasbench201.results.archs()[::5]
    rngs = [np.random.default_rng(3) for _ in range(2)]
    batch = nasbench201.query_many(archs, rng=rngs[0])
    singles = [nasbench201.query(arch, rng=rngs[1]) for arch in tuples(archs)]
    assert [run.val_accuracy for run in singles] == batch.val_accuracy.tolist()
    assert [run.cost_s for run in singles] == batch.cost_s.tolist()
    assert rngs[0].random() == rngs[1].random()


def test_a_batch_draws_each_recorded_run_as_likely(cifar10):
    for index, seeds in ((0, SEEDS), (TWO_RUNS, SEEDS[:2])):
        drawn = cifar10.query_many([index] * 10_000, rng=np.random.default_rng(0)).val_accuracy
        shares = [np.mean(drawn == cifar10.query(index, seed=seed).val_accuracy) for seed in seeds]
        assert shares == pytest.approx([1 / len(seeds)] * len(seeds), abs=4 * np.sqrt(0.25 / 10_000))


# ---- tables of every shape ----


def random_metrics(stored, rng, n_archs, *, n_seeds, n_epochs, cost, missing):
    """Accuracy and cost with holes, of any number of runs and epochs."""
    seeds, epochs = tuple(range(5, 5 + n_seeds)), tuple(range(1, 1 + n_epochs))
    shape = (max(n_seeds, 1), max(n_epochs, 1), n_archs)
    raw = rng.integers(0, 1_000, shape).astype(np.uint16)
    raw[rng.random(shape) < missing] = 9_999
    metrics = [stored("val_accuracy", raw, seeds=seeds, epochs=epochs, scale=(1, 1_000), missing=9_999)]
    if cost is not None:
        of_runs = seeds if cost == "per seed" else ()
        cost_s = (100 * rng.random((max(len(of_runs), 1), shape[1], n_archs))).cumsum(axis=1)  # since the start
        cost_s[rng.random(cost_s.shape) < missing / 2] = nan
        metrics.append(stored("cost_s", cost_s, seeds=of_runs, epochs=epochs))
    return metrics


def answer_or_error(bench, arch, **settings_):
    try:
        answer = bench.query(arch, **settings_)
    except NotRecordedError:
        return None
    return tuple("nan" if value != value else value for value in answer)  # NaN


def test_the_runs_of_a_mean_are_named_however_many_there_are(make_table, stored):
    accuracy = np.full((70, 1, 300), 0.5)
    accuracy[64:, 0, 0] = accuracy[:63, 0, 1] = accuracy[:69, 0, 2] = nan
    table = make_table(stored("val_accuracy", accuracy, seeds=range(70)), space=LARGE, archs=LARGE.all_archs()[:300])
    bench = Benchmark(table, "d")
    archs = tuples(table.archs())
    for arch in archs[3:]:  # so many that all others are computed at once
        assert bench.query(arch).seeds == tuple(range(70))
    expected = tuple(range(64)), tuple(range(63, 70)), (69,)
    assert tuple(bench.query(arch).seeds for arch in archs[:3]) == expected


SHAPES = list(product([0, 1, 3], [0, 2], [None, "once", "per seed"], [0, 0.4]))


@pytest.mark.parametrize(("n_seeds", "n_epochs", "cost", "missing"), SHAPES)
def test_answers_stay_the_same_however_many_are_asked_for(make_table, stored, n_seeds, n_epochs, cost, missing):
    rng = np.random.default_rng(0)
    shape = {"n_seeds": n_seeds, "n_epochs": n_epochs, "cost": cost, "missing": missing}
    table = make_table(*random_metrics(stored, rng, 700, **shape), space=LARGE, archs=LARGE.all_archs()[:700])
    archs = tuples(table.archs())
    asked = archs[::7], LARGE.format_many(table.archs()[::7])
    for epoch, kind in product(range(1, n_epochs + 1) or (None,), (0, 1)):
        bench = Benchmark(table, "d")
        before = [answer_or_error(bench, arch, epoch=epoch) for arch in asked[kind]]
        drawn = [answer_or_error(bench, a, epoch=epoch, rng=np.random.default_rng(1)) for a in asked[kind]]
        for arch in archs if kind == 0 else LARGE.format_many(table.archs()):  # more than are computed one by one
            answer_or_error(bench, arch, epoch=epoch)
            answer_or_error(bench, arch, epoch=epoch, rng=rng)
        assert [answer_or_error(bench, arch, epoch=epoch) for arch in asked[kind]] == before
        assert [answer_or_error(bench, a, epoch=epoch, rng=np.random.default_rng(1)) for a in asked[kind]] == drawn


@pytest.mark.parametrize(("n_seeds", "n_epochs", "cost", "missing"), SHAPES)
def test_batches_agree_with_single_answers_on_tables_of_every_shape(
    make_benchmark, stored, n_seeds, n_epochs, cost, missing
):
    shape = {"n_seeds": n_seeds, "n_epochs": n_epochs, "cost": cost, "missing": missing}
    metrics = random_metrics(stored, np.random.default_rng(1), 100, **shape)
    bench = make_benchmark(*metrics, space=LARGE, archs=LARGE.all_archs()[:100])
    archs = bench.results.archs()
    seeds = (None, *range(5, 5 + n_seeds))
    for epoch, seed in product(range(1, n_epochs + 1) or (None,), seeds):
        batch = bench.query_many(archs, epoch=epoch, seed=seed, missing="nan")
        for arch, value, cost_s in zip(tuples(archs), batch.value, batch.cost_s, strict=True):
            single = answer_or_error(bench, arch, epoch=epoch, seed=seed)
            if single is None:
                assert math.isnan(value)
            else:
                assert single[:3] == (epoch, value, "nan" if math.isnan(cost_s) else cost_s)
    check_benchmark(bench, np.random.default_rng(0))


@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_means_over_runs_are_the_same_to_the_last_bit(make_benchmark, stored, toy_space, n_seeds, n_archs, seed):
    rng = np.random.default_rng(seed)
    metrics = [stored(name, rng.random(n_seeds * n_archs), seeds=range(n_seeds)) for name in ("val_accuracy", "cost_s")]
    bench = make_benchmark(*metrics, archs=toy_space.all_archs()[:n_archs])
    archs = bench.results.archs()
    batch = bench.query_many(archs)
    singles = [bench.query(arch) for arch in tuples(archs)]
    assert [single.val_accuracy for single in singles] == batch.val_accuracy.tolist()
    assert [single.cost_s for single in singles] == batch.cost_s.tolist()


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_large_integers_are_scaled_the_same_alone_and_in_a_batch(make_benchmark, dtype):
    raw = (np.array([2**53 + 1, 2**60 + 3, 2**62 + 7, 1, 0, 3], dtype) - 0).reshape(1, 1, 6)
    bench = make_benchmark(Stored(Metric("val_score", "val", "points", "max"), raw, (3, 7)), objective="val_score")
    archs = bench.results.archs()
    assert [bench.query(arch).val_score for arch in tuples(archs)] == bench.query_many(archs).val_score.tolist()


def test_a_cost_recorded_for_some_runs_alone_means_the_same_alone_and_in_a_batch(make_benchmark, stored):
    cost_s = np.array([[[1.0] * 6], [[nan] * 6]])
    bench = make_benchmark(stored("val_accuracy", [0.1] * 12, seeds=(1, 2)), stored("cost_s", cost_s, seeds=(1, 2)))
    single, batch = bench.query((0, 0)).cost_s, bench.query_many([(0, 0)]).cost_s[0]
    assert single == pytest.approx(batch, nan_ok=True)


# ---- epochs ----


@pytest.fixture(scope="module")
def curves(make_benchmark, stored):
    """Two runs of two epochs: accuracy 0.1 epoch + 0.01 run, cost 10 s an epoch."""
    accuracy = [[[0.1 * epoch + 0.01 * run] * 6 for epoch in (1, 2)] for run in (0, 1)]
    cost_s = [[[10.0] * 6, [20.0] * 6]]
    return make_benchmark(
        stored("val_accuracy", accuracy, seeds=(1, 2), epochs=(1, 2)), stored("cost_s", cost_s, epochs=(1, 2))
    )


def test_an_epoch_is_the_recorded_one_and_the_last_by_default(curves):
    assert curves.query("3,16", epoch=1)[:4] == (1, pytest.approx(0.105), 10, (1, 2))
    assert curves.query("3,16") == curves.query("3,16", epoch=2)
    assert curves.query("3,16")[:4] == (2, pytest.approx(0.205), 20, (1, 2))
    assert curves.query("3,16", epoch=1, seed=2)[:4] == (1, pytest.approx(0.11), 10, (2,))
    assert curves.query_many(["3,16"], epoch=1).epoch == 1
    assert curves.values("cost_s", ["3,16"], epoch=1).tolist() == [10]
    assert curves.best(epoch=1).value == pytest.approx(0.105)


@pytest.mark.parametrize("epoch", [0, -1, 3, 1.5, "1"])
def test_an_epoch_that_was_not_recorded_is_refused_by_every_verb(curves, epoch):
    message = "epoch .* was not recorded; choose from 1, 2"
    for call in (curves.query, curves.objective):
        with pytest.raises(NotRecordedError, match=message):
            call("3,16", epoch=epoch)
    for call in (curves.query_many, lambda archs, **k: curves.values("cost_s", archs, **k)):
        with pytest.raises(NotRecordedError, match=message):
            call(["3,16"], epoch=epoch)
    with pytest.raises(NotRecordedError, match=message):
        curves.best(epoch=epoch)


# ---- seeds ----


def test_a_seed_on_a_table_that_knows_of_none_is_the_same_alone_and_in_a_batch(make_benchmark, stored):
    bench = make_benchmark(stored("val_accuracy", np.full(6, 0.5)))
    outcomes = []
    for call in (lambda: bench.query((0, 0), seed=1)[1], lambda: float(bench.query_many([(0, 0)], seed=1)[1][0])):
        try:
            outcomes.append(call())
        except NotRecordedError as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


def test_an_unknown_seed_is_refused_by_every_verb(cifar10):
    message = "seed 0 was not recorded; choose from 777, 888, 999"
    for call in (cifar10.query, cifar10.objective):
        with pytest.raises(NotRecordedError, match=message):
            call(0, seed=0)
    for call in (cifar10.query_many, lambda archs, **k: cifar10.values("val_accuracy", archs, **k)):
        with pytest.raises(NotRecordedError, match=message):
            call([0], seed=0)
    with pytest.raises(NotRecordedError, match=message):
        cifar10.best(seed=0)


def test_a_missing_run_is_an_error_or_nan_on_request(cifar10):
    message = "val_accuracy of seed 999 was not recorded for 1 of these 2 architectures; missing='nan' returns NaN"
    for call in (cifar10.query_many, lambda archs, **k: cifar10.values("val_accuracy", archs, **k)):
        with pytest.raises(NotRecordedError, match=message):
            call([0, TWO_RUNS], seed=999)
    found = cifar10.query_many([0, TWO_RUNS], seed=999, missing="nan").val_accuracy
    assert np.isnan(found).tolist() == [False, True]
    with pytest.raises(SettingError, match="missing='zero'; choose from 'raise', 'nan'"):
        cifar10.query_many([0], missing="zero")


def test_seed_and_rng_exclude_each_other(cifar10):
    rng = np.random.default_rng(0)
    for call in (cifar10.query, cifar10.objective, lambda arch, **k: cifar10.query_many([arch], **k)):
        with pytest.raises(SettingError, match="seed and rng exclude each other; give seed to choose a run"):
            call(0, seed=777, rng=rng)


# ---- the best ----


def test_the_best_is_by_the_metrics_own_direction(cifar10):
    archs = cifar10.results.archs()
    assert cifar10.best().value == cifar10.query_many(archs).val_accuracy.max()
    assert cifar10.best("cost_s").value == cifar10.query_many(archs).cost_s.min()
    assert cifar10.best("params_m") == ((0,) * 6, 0.073306)
    assert cifar10.best(seed=999).value == np.nanmax(cifar10.query_many(archs, seed=999, missing="nan").val_accuracy)


@pytest.fixture(scope="module")
def errors(make_benchmark):
    metric = Metric("val_error", "val", "fraction", "min", (1, 2))
    raw = np.array([[[0.5, 0.4, 0.3, 0.3, nan, 0.6]], [[0.5, 0.4, 0.3, 0.3, nan, nan]]])
    return make_benchmark(Stored(metric, raw), objective="val_error")


def test_an_objective_of_another_name_has_that_name_and_its_direction(errors):
    assert errors.query((0, 0)).metric == "val_error"
    assert errors.query((0, 0)).val_error == errors.objective((0, 0)) == 0.5
    assert errors.query_many([(0, 0)]).val_error.tolist() == [0.5]
    assert math.isnan(errors.query((0, 0)).cost_s)  # no cost was recorded, and none is made up
    assert errors.best() == ((0, 2), 0.3)  # the first on a tie
    assert errors.query((1, 2)).seeds == (1,)
    with pytest.raises(NotRecordedError, match="val_error of '5,32' was not recorded"):
        errors.query((1, 1))


def test_answers_of_any_benchmark_can_be_pickled(cifar10, errors):
    for bench in (cifar10, errors):
        answer = bench.query((0,) * bench.space.n_decisions)
        copy = pickle.loads(pickle.dumps(answer))  # allowed: made here
        assert (copy._fields, copy[:2], copy.seeds) == (answer._fields, answer[:2], answer.seeds)


def test_a_metric_without_direction_has_no_best(make_benchmark, stored):
    depth = Stored(Metric("depth", None, "layers", None), np.ones((1, 1, 6)))
    with pytest.raises(SettingError, match="depth of mine/d has no direction, so no best"):
        make_benchmark(stored("val_accuracy", np.zeros(6)), depth).best("depth")


def test_the_best_where_nothing_was_recorded_is_an_error_of_ours(make_benchmark, stored):
    accuracy = np.array([[[nan] * 6, [0.5] * 6]])
    bench = make_benchmark(stored("val_accuracy", accuracy, epochs=(1, 2)))
    assert bench.best() == ((0, 0), 0.5)
    with pytest.raises(NotRecordedError, match="not recorded"):
        bench.best(epoch=1)


# ---- wrong inputs ----


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nasbench201/cifar", "unknown benchmark 'nasbench201/cifar'; did you mean 'nasbench201/cifar10'"),
        ("nasbench201/mnist", "unknown benchmark 'nasbench201/mnist'; "),
        ("nasbench201", "'nasbench201' names no dataset; choose from nasbench201/cifar10, nasbench201/cifar100"),
        ("nasbench20/cifar10", "unknown benchmark .*; did you mean 'nasbench201/cifar10'"),
        ("xyz", "unknown benchmark 'xyz'; choose from .*nasbench201/cifar10"),
        ("", "unknown benchmark ''; choose from"),
        (None, "unknown benchmark None; choose from"),
    ],
)
def test_an_unknown_benchmark_is_refused_with_the_nearest(name, message):
    with pytest.raises(UnknownNameError, match=message):
        nbk.load(name)


def test_unknown_datasets_and_metrics_are_refused_with_the_nearest(cifar10):
    with pytest.raises(UnknownNameError, match="unknown dataset of nasbench201 'cifar1'; did you mean 'cifar10'"):
        Benchmark(cifar10.results, "cifar1")
    for call in (lambda metric: cifar10.values(metric, [0]), cifar10.best):
        with pytest.raises(UnknownNameError, match=r"unknown metric .* 'val_acuracy'; did you mean 'val_accuracy'"):
            call("val_acuracy")
        with pytest.raises(UnknownNameError, match="unknown metric of nasbench201/cifar10 'latency_ms'"):
            call("latency_ms")


def test_sums_depend_on_neither_epoch_nor_seed(cifar10):
    for settings_ in ({"epoch": 200}, {"seed": 777}):
        with pytest.raises(NotRecordedError, match="params_m depends on neither epoch nor seed"):
            cifar10.values("params_m", [0], **settings_)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (TEXT[:-1], "is no cell of nasbench201; one looks like"),
        (TEXT.replace("skip_connect", "conv9x9"), "unknown operation 'conv9x9'; choose from none, skip_connect"),
        ("33313x", "'33313x' is no cell"),
        ((3, 3, 3, 1, 3), "has 5 numbers; nasbench201 has 6 decisions"),
        ((3, 3, 3, 1, 3, 5), "choice 5 of decision '2->3' is out of range"),
        ([3, 3, 3, 1, 3, -1], "choice -1 of decision '2->3' is out of range"),
        (np.array(BEST) + 0.5, "is no architecture: 6 integers expected"),
        (15_625, "official index 15625 is out of range"),
        (True, "True is no architecture"),
        (None, "None is no architecture"),
        (6111.0, "6111.0 is no architecture"),
    ],
)
def test_what_is_no_architecture_is_refused_by_every_verb(cifar10, arch, message):
    for call in (
        cifar10.query,
        cifar10.objective,
        lambda arch: cifar10.query(arch, seed=777),
        lambda arch: cifar10.query_many([arch]),
        lambda arch: cifar10.values("params_m", [arch]),
    ):
        with pytest.raises((ArchitectureError, UnknownNameError), match=message):
            call(arch)


def test_numbers_that_equal_a_cell_are_that_cell_whatever_was_asked_before():
    bench = nbk.load("nasbench201/cifar10")  # has answered nothing yet
    floats = tuple(map(float, BEST))
    assert bench.query(floats) == bench.query(BEST) == bench.query(floats)


@pytest.mark.parametrize(
    ("archs", "message"),
    [
        (np.full((2, 6), 5), "architecture 0: choice 5 of decision '0->1' is out of range"),
        (np.zeros((2, 6)), "an array of float64 is no batch of architectures"),
        (np.zeros((2, 7), int), r"a batch of shape \(2, 7\) does not fit nasbench201: \(n, 6\)"),
        (np.array(BEST), "is one architecture, or 6 official positions; put it in a list if it is one"),
        (BEST, "is one architecture, or 6 official positions"),
        (TEXT, "is one architecture, not a batch; put it in a list"),
        (6111, "6111 is one architecture, not a batch"),
    ],
)
def test_what_is_no_batch_is_refused_by_every_verb(cifar10, archs, message):
    for call in (cifar10.query_many, lambda archs: cifar10.values("cost_s", archs)):
        with pytest.raises(ArchitectureError, match=message):
            call(archs)


# ---- tables of one's own, pickling ----


def test_a_table_of_ones_own_is_loaded_by_its_names(curves):
    bench = nbk.load("mine/d", results=curves.results.path)
    assert bench.query("3,16") == curves.query("3,16")
    for name, message in {
        "mine/e": "unknown benchmark 'mine/e'; did you mean 'mine/d'",
        "nasbench201/cifar10": "unknown benchmark 'nasbench201/cifar10'; choose from mine/d",
        "mine": "'mine' names no dataset; choose from mine/d",
    }.items():
        with pytest.raises(UnknownNameError, match=message):
            nbk.load(name, results=curves.results.path)
    with pytest.raises(TableError, match=r"cannot open table 'absent.h5': No such file"):
        nbk.load("mine/d", results="absent.h5")


def test_an_architecture_outside_a_partial_table_is_refused_by_every_verb(make_benchmark, stored):
    bench = make_benchmark(stored("val_accuracy", [0.1, 0.2]), archs=["3,16", "5,64"])
    assert bench.query("5,64").val_accuracy == 0.2
    for call in (
        lambda: bench.query("3,32"),
        lambda: bench.query_many(["3,16", "3,32"]),
        lambda: bench.query_many(["3,32"], missing="nan"),
        lambda: bench.values("val_accuracy", ["5,16"]),
    ):
        with pytest.raises(NotRecordedError, match="is not among the 2 architectures of table 'mine'"):
            call()


def test_a_benchmark_comes_back_from_pickling(cifar10, errors):
    for bench in (cifar10, errors):
        copy = pickle.loads(pickle.dumps(bench))  # allowed: made here
        assert (copy.name, copy.metrics) == (bench.name, bench.metrics)
        assert copy.best() == bench.best()
    assert len(pickle.dumps(cifar10)) < 1_000  # the path, not the data


# ---- known defects of existing systems, by their number in the list of them ----


def test_defect_1_and_3_of_naslib_and_hpobench_validation_is_not_read_as_test(cifar100):
    # Source: NATS-Bench's record 0, CIFAR-100, seed 888: 53.08 validation, 53.68 test
    assert cifar100.query(0, seed=888).val_accuracy == pytest.approx(0.5308, abs=1e-12)
    with pytest.raises(NotRecordedError, match="records nothing on the test split"):
        cifar100.values("test_accuracy", [0], seed=888)


def test_defect_4_of_hpobench_every_epoch_costs_and_missing_seeds_are_not_copied(cifar10):
    # Source: NATS-Bench's record 0: 7.221093 s an epoch on CIFAR-10
    assert cifar10.query(0).cost_s == pytest.approx(200 * 7.221092998981476, rel=1e-12)
    with pytest.raises(NotRecordedError, match=r"seed 999 of .* was not recorded; choose from 777, 888"):
        cifar10.query(TWO_RUNS, seed=999)
    assert np.isnan(cifar10.query_many([TWO_RUNS], seed=999, missing="nan").val_accuracy).all()


def test_defect_5_of_syne_tune_seeds_are_not_imputed_and_splits_are_named(cifar10):
    assert cifar10.query(TWO_RUNS).seeds == (777, 888)
    assert cifar10.objective_metric.split == "val"


def test_defect_6_of_nasbenchapi_the_index_is_official_the_mean_is_over_seeds_and_mutation_mutates(cifar10):
    space = cifar10.space
    assert space.index(BEST) == 6111 != space.rank(BEST)
    assert len(cifar10.query_many(space.all_archs(), seed=777).val_accuracy) == 15_625  # no cell is unknown
    assert cifar10.query(BEST).val_accuracy == np.mean([cifar10.query(BEST, seed=s).val_accuracy for s in SEEDS])
    rng = np.random.default_rng(0)
    assert all(space.mutate(BEST, rng) != BEST for _ in range(1_000))
    with pytest.raises(UnknownNameError, match="unknown benchmark 'nasbench201/cifar100-valid'; did you mean"):
        nbk.load("nasbench201/cifar100-valid")


def test_defect_7_and_8_of_nats_bench_one_query_has_one_epoch_and_one_split(cifar100):
    answer = cifar100.query(0)
    assert answer.epoch == 200
    with pytest.raises(NotRecordedError, match="epoch 12 was not recorded; choose from 200"):
        cifar100.query(0, epoch=12)


def test_defect_9_of_nats_bench_sizes_do_not_differ_between_runs(cifar10):
    # official index 296 has wrong sizes recorded for two of its runs; Source: the formula of NATS-Bench's issue 24
    cell = np.array([cifar10.space.parse(296)])
    expected = 0.073306 + 0.028 * (cell == 2).sum() + 0.24304 * (cell == 3).sum()
    assert cifar10.values("params_m", cell)[0] == pytest.approx(expected, abs=1e-12)


def test_defect_10_of_nats_bench_the_best_is_of_the_whole_table(cifar10):
    assert Benchmark(cifar10.results, "cifar10").best() == (BEST, cifar10.query(BEST).val_accuracy)


def test_defect_12_of_nasbench_the_same_question_has_the_same_answer(cifar10):
    assert len({cifar10.query(0) for _ in range(100)}) == 1
    drawn = [[cifar10.query(0, rng=rng) for _ in range(20)] for rng in map(np.random.default_rng, (5, 5))]
    assert drawn[0] == drawn[1]


def test_defect_15_of_transnas_a_loss_is_minimized(errors):
    assert errors.best().value == 0.3


def test_defect_16_of_hw_nas_bench_a_sentinel_is_no_value(make_benchmark, stored):
    latency = stored("latency_ms[edgetpu]", np.array([5, -1, 7, 8, 9, 10], "i4"), missing=-1)
    bench = make_benchmark(stored("val_accuracy", np.zeros(6)), latency)
    assert bench.best("latency_ms[edgetpu]").value == 5
    with pytest.raises(NotRecordedError, match=r"latency_ms\[edgetpu\] was not recorded for 1 of these 6"):
        bench.values("latency_ms[edgetpu]", bench.results.archs())


def test_defect_17_of_mf_prior_bench_a_curve_may_have_holes(make_benchmark, stored):
    bench = make_benchmark(stored("val_accuracy", [[[0.1] * 6, [nan] * 6, [0.3] * 6]], epochs=(1, 2, 3)))
    assert bench.query((0, 0), epoch=3).val_accuracy == 0.3
    with pytest.raises(NotRecordedError, match="was not recorded at epoch 2"):
        bench.query((0, 0), epoch=2)


def test_defect_18_of_nni_the_order_of_a_mapping_does_not_count(cifar10):
    names = {"0->1": "nor_conv_3x3", "0->2": "nor_conv_3x3", "1->2": "nor_conv_3x3"}
    names |= {"0->3": "skip_connect", "1->3": "nor_conv_3x3", "2->3": "nor_conv_1x1"}
    assert cifar10.query(names) == cifar10.query(dict(reversed(names.items()))) == cifar10.query(BEST)


def test_defect_19_of_jahs_a_table_is_mapped_not_loaded(make_table, stored):
    space = ChoiceSpace("wide", {name: map(str, range(32)) for name in "abcd"})  # a million architectures
    more = stored("latency_ms[x]", np.zeros(space.size, np.uint64))
    table = make_table(stored("val_accuracy", np.zeros(space.size, np.uint8)), more, space=space)
    tracemalloc.start()
    try:
        assert Benchmark(nbk.Table.open(table.path), "d").query((0, 0, 0, 0)).val_accuracy == 0
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 500_000  # the smaller of the two columns has 1,048,576 bytes


def test_defect_20_duplicates_are_told_by_their_identity(cifar10):
    assert len(np.unique(cifar10.space.identity(cifar10.results.archs()))) == 6_466


def test_defect_22_a_table_says_which_data_it_holds(embedded):
    assert len(embedded.results.sha256) == 64
    assert all(len(source["sha256"]) == 64 for source in embedded.results.about["sources"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda bench: bench.query("3,16", rng=0),
        lambda bench: bench.query_many(["3,16"] * 2, rng=0),
        lambda bench: bench.training((0, 0), rng=0),
    ],
)
def test_a_seed_given_for_a_generator_is_told_in_our_words(curves, ask):
    with pytest.raises(SettingError, match="rng=0; a generator expected, such as"):
        ask(curves)

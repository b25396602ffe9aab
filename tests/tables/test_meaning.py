"""What the clock, the direction, failures and bounds mean: refused when written, and before a search on older files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nasbench_kit.errors import SettingError, TableError, UnknownNameError
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.tables import ONE_TRAINING, SEPARATE_TRAININGS, DatasetSpec, Metric, Stored, Table
from nasbench_kit.tables.join import join_tables

INF, NAN = float("inf"), float("nan")
NETS = ChoiceSpace("nets", {"net": ["p", "q"]})


def write(path, value, cost=None, failed=None, **settings):
    """Two seeds, epochs 1, 3 and 9, two architectures; arrays (2, 3, 2)."""
    settings = {"name": "t", "metric": Metric.from_name("val_loss"), "about": None} | settings
    metric = settings.pop("metric")
    runs = {"seeds": (7, 8), "epochs": (1, 3, 9)}
    metrics = [Stored(metric._replace(**runs), np.array(value, float))]
    if cost is not None:
        metrics.append(Stored(Metric.from_name("cost_s", **runs), np.array(cost, float)))
    if failed is not None:
        metrics.append(Stored(Metric.from_name("failed", **runs), np.array(failed, np.uint8)))
    name, about = settings.pop("name"), settings.pop("about")
    spec = DatasetSpec(metrics, metric.name, failed=None if failed is None else "failed", **settings)
    return Table.create(path, name=name, space=NETS, datasets={"d": spec}, about=about)


def runs(fill=1.0, **changes):
    """(2, 3, 2) of one number, but for some cells: `runs(1.0, c011=5)` changes seed 0, epoch 1, architecture 1."""
    found = np.full((2, 3, 2), fill)
    for cell, value in changes.items():
        found[tuple(map(int, cell[1:]))] = value
    return found


COST = np.array([1.0, 3.0, 9.0])[None, :, None] * np.ones((2, 1, 2)) * 10


def cost(**changes):
    found = COST.copy()
    for cell, value in changes.items():
        found[tuple(map(int, cell[1:]))] = value
    return found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c111": 9}, r"cost_s of 'q', seed 8, epoch 3 is 9, but 10 at epoch 1; .* seconds per epoch, add them up"),
        ({"c010": 10}, r"cost_s of 'p', seed 7, epoch 3 is 10, but 10 at epoch 1"),
        ({"c010": NAN, "c020": 10}, r"cost_s of 'p', seed 7, epoch 9 is 10, but 10 at epoch 1"),
        (
            {"c021": 29.5},
            r"cost_s of 'q', seed 7, epoch 9 is 29.5, but 30 at epoch 3; .* epochs_are = \"separate trainings\"",
        ),
        ({"c000": 0}, r"cost_s of 'p', seed 7, epoch 1 is 0; seconds of training above 0 expected"),
        ({"c101": -2.5}, r"cost_s of 'q', seed 8, epoch 1 is -2.5; seconds"),
        ({"c120": INF}, r"cost_s of 'p', seed 8, epoch 9 is inf; seconds"),
    ],
)
def test_costs_that_cannot_advance_a_clock_are_refused_with_their_row(new_path, changes, message):
    path = new_path()
    with pytest.raises(TableError, match=r"^t/d: " + message) as caught:
        write(path, runs(), cost(**changes))
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_costs_of_separate_trainings_need_not_grow(new_path):
    table = write(new_path(), runs(), cost(c111=9, c010=10), epochs_are=SEPARATE_TRAININGS)
    assert table.epochs_are("d") == SEPARATE_TRAININGS
    with pytest.raises(TableError, match="epoch 3 is 0; seconds of training above 0 expected"):
        write(new_path(), runs(), cost(c111=0), epochs_are=SEPARATE_TRAININGS)


def test_a_cost_that_was_not_recorded_leaves_its_value_in_place(new_path):
    table = write(new_path(), runs(), cost(c010=NAN, c020=NAN))
    assert np.isnan(table.runs("d", "cost_s")).sum() == 2
    assert np.isnan(table.runs("d", "val_loss")).sum() == 0


@pytest.mark.parametrize(
    ("value", "metric", "message"),
    [
        (
            runs(),
            Metric("ppl", "val", "ppl", None),
            r"ppl has no direction.*direction = \"min\" or direction = \"max\"",
        ),
        (runs(NAN), Metric.from_name("val_loss"), "the objective val_loss has no value at all"),
        (runs(c010=INF), Metric.from_name("val_loss"), "'p', seed 7, epoch 3 is inf; if the training failed, mark"),
        (runs(c010=-INF), Metric("r", "val", "", "max"), "'p', seed 7, epoch 3 is -inf; if the training failed, mark"),
        (runs(c111=-0.5), Metric.from_name("val_loss"), "'q', seed 8, epoch 3 is -0.5; a value from 0 to inf expected"),
        (
            runs(0.5, c111=50),
            Metric.from_name("val_accuracy"),
            "'q', seed 8, epoch 3 is 50; it is no fraction; if thes",
        ),
        (runs(c111=1.00000004), Metric.from_name("val_accuracy"), "is 1.00000004; that is beyond 1 by rounding; store"),
        (runs(c111=6), Metric("s", "val", "points", "max", bounds=(0, 5)), "is 6; a value from 0 to 5 expected"),
        (runs(c111=0.5), Metric("k", "val", "code", "max", categories=("a", "b")), "whole number from 0 to 1 expected"),
    ],
)
def test_an_objective_that_cannot_be_optimized_is_refused_with_its_row(new_path, value, metric, message):
    path = new_path()
    with pytest.raises(TableError, match=message) as caught:
        write(path, value, metric=metric)
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_bounds_and_categories_come_back_and_are_known_by_name(new_path):
    assert Metric.from_name("test_accuracy").bounds == (0, 1) == Metric("x", "val", "fraction", "max").bounds
    assert Metric.from_name("latency_ms[pixel3]").bounds == (0, INF) == Metric.from_name("train_loss").bounds
    assert Metric("score", "val", "points", "max").bounds == (-INF, INF)
    for metric in (
        Metric("s", "val", "points", "max", bounds=(-5, INF)),
        Metric("val_loss", "val", "nats", "min", bounds=(-INF, INF)),
        Metric("k", "val", "code", "max", categories=("a", "b")),
    ):
        table = write(new_path(), runs(), metric=metric)
        assert table.metrics("d")[metric.name] == metric._replace(seeds=(7, 8), epochs=(1, 3, 9))


# ---- older files ----


def test_an_older_file_that_breaks_the_rules_opens_and_is_refused_before_a_search(new_path, as_format_1_0):
    broken = write(new_path(), runs(), cost(c111=9), epochs_are=SEPARATE_TRAININGS)
    sound = write(new_path(), runs(), cost())

    def undirected(index):
        index["datasets"]["d"]["metrics"]["val_loss"]["direction"] = None
        return index

    for table, change, message in (
        (broken, lambda index: index, "t/d: cost_s of 'q', seed 8, epoch 3 is 9, but 10 at epoch 1"),
        (sound, undirected, "t/d: the objective val_loss has no direction"),
        (sound, lambda index: index, None),
    ):
        path = new_path()
        path.write_bytes(as_format_1_0(Path(table.path).read_bytes(), change))
        old = Table.open(path)
        assert old.runs("d", "cost_s").shape == (2, 3, 2)
        for _ in range(2):
            if message is None:
                old.check_searchable("d")
            else:
                with pytest.raises(TableError, match=message):
                    old.check_searchable("d")
    with pytest.raises(UnknownNameError, match="unknown dataset of t 'e'"):
        sound.check_searchable("e")


# ---- failures ----


def test_a_failed_run_has_its_cost_and_no_value(new_path):
    failed = runs(0, c111=1, c121=1)
    table = write(new_path(), runs(c111=NAN, c121=NAN), cost(c121=30), failed)
    assert table.failed("d") == "failed"
    np.testing.assert_array_equal(table.runs("d", "failed"), failed)
    assert table.coverage("d", "val_loss") == 1.0
    with pytest.raises(TableError, match="val_loss of 'q', seed 8, epoch 3 is 1, yet the run has failed"):
        write(new_path(), runs(c121=NAN), cost(), failed)
    with pytest.raises(TableError, match="'q', seed 8, epoch 9 is 30, but 30 at epoch 3"):  # it went on
        write(new_path(), runs(), cost(c121=30), runs(0))
    with pytest.raises(TableError, match="failed of 'p', seed 7, epoch 1 is 2; 0 or 1 expected"):
        write(new_path(), runs(), cost(), runs(0, c000=2))


def test_the_metric_of_failures_has_the_runs_of_the_objective(new_path):
    value = Stored(Metric.from_name("val_loss", (7, 8), (1, 3, 9)), runs())
    for failed, message in (
        (Metric.from_name("failed", (7, 9), (1, 3, 9)), r"failed has the seeds \(7, 9\); those of val_loss"),
        (Metric.from_name("failed", (7, 8), (1, 3, 4)), r"failed has the epochs \(1, 3, 4\); those of val_loss"),
        (Metric("failed", None, "s", None, (7, 8), (1, 3, 9)), "failed has unit 's'; 'failed' expected"),
    ):
        spec = DatasetSpec([value, Stored(failed, runs(0))], "val_loss", failed="failed")
        with pytest.raises(TableError, match=message):
            Table.create(new_path(), name="t", space=NETS, datasets={"d": spec})
    for spec, message in (
        (DatasetSpec([value], "val_loss", failed="diverged"), "failed='diverged' is none of its metrics: val_loss"),
        (DatasetSpec([value], "val_loss", "curves"), "epochs_are='curves'; choose from one training, separate train"),
        (DatasetSpec([value], "val_loss", values_are="true"), "values_are='true'; choose from recorded runs, means, p"),
    ):
        with pytest.raises(TableError, match=message):
            Table.create(new_path(), name="t", space=NETS, datasets={"d": spec})


@pytest.mark.parametrize("given", ["nasbench201", NASBench201Space, 201], ids=repr)
def test_what_is_no_space_is_refused_in_one_line(new_path, given):
    frame = {"arch": ["333132"], "val_accuracy": [0.9]}
    spec = DatasetSpec([Stored(Metric.from_name("val_accuracy"), [[[0.9]]])], "val_accuracy")
    with pytest.raises(SettingError, match=r"space=.*; a space expected"):
        Table.from_frame(frame, new_path(), name="t", space=given, metrics=["val_accuracy"])
    with pytest.raises(SettingError, match=r"space=.*; a space expected"):
        Table.create(new_path(), name="t", space=given, datasets={"d": spec})


def frame_table(path, frame, **settings):
    given = {"metrics": ["val_loss", "cost_s"], "objective": "val_loss", "arch": "net"} | settings
    return Table.from_frame(frame, path, name="t", space=NETS, **given)


FAILING = {
    "net": ["p", "p", "q", "q"],
    "run": [0, 1, 0, 1],
    "val_loss": [0.5, INF, 0.4, NAN],
    "cost_s": [10, 4, 11, 3],
    "diverged": [False, True, False, True],
}


@pytest.mark.parametrize("kind", ["dict", "frame", "csv"])
@pytest.mark.parametrize("words", [(False, True), (0, 1), ("no", "YES"), (0.0, 1.0)])
def test_a_column_of_failures_makes_them_failed_runs(new_path, kind, words):
    frame = FAILING | {"diverged": [words[truth] for truth in FAILING["diverged"]]}
    if kind == "frame":
        frame = pd.DataFrame(frame)
    if kind == "csv":
        frame = new_path(".csv")
        pd.DataFrame(FAILING).to_csv(frame, index=False)
    table = frame_table(new_path(), frame, seed="run", failed="diverged")
    np.testing.assert_array_equal(table.runs("default", "failed")[:, 0], [[0, 0], [1, 1]])
    np.testing.assert_array_equal(table.runs("default", "val_loss")[:, 0], [[0.5, 0.4], [NAN, NAN]])
    np.testing.assert_array_equal(table.runs("default", "cost_s")[:, 0], [[10, 11], [4, 3]])


def test_an_infinite_loss_that_is_not_marked_names_its_row_and_both_remedies(new_path):
    message = r"val_loss of 'p', seed 1 is inf; if the training failed, mark the run as failed .*; or remove the row"
    with pytest.raises(TableError, match=message):
        frame_table(new_path(), FAILING, seed="run")
    with pytest.raises(TableError, match=message):
        frame_table(new_path(), FAILING | {"diverged": [0, 0, 0, 1]}, seed="run", failed="diverged")
    with pytest.raises(TableError, match="row 1 of column 'diverged' is 'perhaps'; 0 or 1, or false or true, expected"):
        frame_table(new_path(), FAILING | {"diverged": [0, "perhaps", 0, 1]}, seed="run", failed="diverged")


def test_a_training_that_failed_stays_failed_at_the_cost_at_which_it_ended(new_path):
    frame = {
        "net": ["p", "p", "p", "q", "q"],
        "epoch": [1, 2, 3, 1, 2],
        "val_loss": [0.5, 0.4, 0.3, 0.6, NAN],
        "cost_s": [10, 20, 30, 11, 19],
        "bad": [0, 0, 0, 0, 1],
    }
    table = frame_table(new_path(), frame, epoch="epoch", failed="bad")
    assert table.runs("default", "failed")[0].tolist() == [[0, 0], [0, 1], [0, 1]]
    assert table.runs("default", "cost_s")[0].tolist() == [[10, 11], [20, 19], [30, 19]]
    apart = frame_table(new_path(), frame, epoch="epoch", failed="bad", epochs_are=SEPARATE_TRAININGS)
    np.testing.assert_array_equal(apart.runs("default", "failed")[0], [[0, 0], [0, 1], [0, NAN]])


# ---- what the numbers are ----


def test_a_table_says_what_its_numbers_are(new_path, make_table, stored):
    assert write(new_path(), runs()).values_are("d") == "recorded runs"
    assert make_table(stored("val_accuracy", np.zeros(6))).values_are("d") == "means"
    predicted = write(new_path(), runs(), about={"predicted_by": {"surrogate": "s"}}, name="s")
    assert predicted.values_are("d") == "predicted"
    other = Stored(Metric.from_name("params_m"), np.ones((1, 1, 2)))
    sizes = {"e": DatasetSpec([other], "params_m")}
    table = Table.create(new_path(), name="sizes", space=NETS, datasets=sizes)
    joined = join_tables([predicted, table], new_path())
    assert [joined.values_are(dataset) for dataset in ("d", "e")] == ["predicted", "means"]


def test_coverage_is_the_share_of_architectures_with_a_value_at_the_last_epoch(new_path):
    assert write(new_path(), runs(c020=NAN)).coverage("d", "val_loss") == 1.0  # seed 8 has one
    assert write(new_path(), runs(c020=NAN, c120=NAN)).coverage("d", "val_loss") == 0.5
    assert write(new_path(), runs(c010=NAN, c110=NAN)).coverage("d", "val_loss") == 1.0


def test_join_keeps_failures_and_what_epochs_are(new_path):
    first = write(new_path(), runs(c121=NAN), cost(c021=5), runs(0, c121=1), epochs_are=SEPARATE_TRAININGS)
    sizes = DatasetSpec([Stored(Metric.from_name("params_m"), np.ones((1, 1, 2)))], "params_m")
    second = Table.create(new_path(), name="sizes", space=NETS, datasets={"d": sizes})
    for tables in ([first, second], [first, first]):
        joined = join_tables(tables, new_path())
        assert (joined.failed("d"), joined.epochs_are("d")) == ("failed", SEPARATE_TRAININGS)
        np.testing.assert_array_equal(joined.runs("d", "failed"), first.runs("d", "failed"))
    curves = write(new_path(), runs(c121=NAN), cost(), runs(0, c121=1))
    assert curves.epochs_are("d") == ONE_TRAINING
    with pytest.raises(TableError, match="the epochs of d are one training in t and separate trainings in an earlier"):
        join_tables([first, curves], new_path())


# ---- keys, seeds and rounding of anybody's rows ----


def test_every_run_with_a_seed_of_its_own_is_refused_or_counted(new_path, space):
    n = 1_100
    frame = {"arch": space.format_many(space.all_archs()[:n]), "seed": np.arange(n) * 7, "val_accuracy": [0.5] * n}
    settings = {"name": "sweep", "space": space, "metrics": ["val_accuracy"]}
    path = new_path()
    with pytest.raises(TableError, match=r"1,100 different seeds.* 1,210,000 cells \(10 MB\).* seed=\"order\""):
        Table.from_frame(frame, path, seed="seed", **settings)
    assert not path.exists()
    table = Table.from_frame(frame, path, seed="order", **settings)
    assert table.metrics("default")["val_accuracy"].seeds == (0,)
    named = Table.from_frame(frame | {"order": np.arange(n) // 550}, new_path(), seed="order", **settings)
    assert named.metrics("default")["val_accuracy"].seeds == (0, 1)  # there is such a column


def test_rows_of_one_architecture_are_numbered_in_their_order(new_path):
    frame = {"net": ["q", "p", "q", "q"], "val_loss": [1.0, 2.0, 3.0, 4.0], "cost_s": [1, 1, 1, 1]}
    table = frame_table(new_path(), frame, seed="order")
    np.testing.assert_array_equal(table.runs("default", "val_loss")[:, 0], [[2, 1], [NAN, 3], [NAN, 4]])


@pytest.mark.parametrize("kind", [int, float, str, np.int64, "csv"])
def test_official_positions_are_keys_when_the_form_says_so(new_path, space, kind):
    positions = [0, 17, 6111, 15624]
    frame = {"net": positions if kind == "csv" else list(map(kind, positions)), "val_accuracy": [0.1, 0.2, 0.3, 0.4]}
    if kind == "csv":
        path = new_path(".csv")
        pd.DataFrame(frame).to_csv(path, index=False)
        frame = path
    given = {"name": "t", "space": space, "arch": "net", "metrics": ["val_accuracy"]}
    table = Table.from_frame(frame, new_path(), form="index", **given)
    assert table.runs("default", "val_accuracy")[0, 0, table.rows([space.parse(6111)])] == 0.3
    with pytest.raises(ValueError, match="say form = 'index' if"):
        Table.from_frame(frame, new_path(), **given)


def test_positions_that_are_none_are_refused(new_path, space):
    given = {"name": "t", "space": space, "metrics": ["val_accuracy"], "form": "index"}
    for entry, message in (
        (1.5, "1.5; an official position"),
        ("x", "'x'; an official position"),
        (15625, "out of range"),
    ):
        with pytest.raises(ValueError, match=message):
            Table.from_frame({"arch": [entry], "val_accuracy": [0.5]}, new_path(), **given)
    with pytest.raises(ValueError, match="nets has no official order"):
        frame_table(new_path(), {"net": [0, 1], "val_loss": [1, 2], "cost_s": [1, 1]}, form="index")


def test_a_choice_that_pandas_made_a_float_is_the_choice(new_path):
    space = ChoiceSpace("t", {"layers": ["1", "2"], "scale": ["1.0", "0.5"]})
    frame = {"layers": [1.0, 2.0], "scale": [1.0, 0.5], "val_accuracy": [0.9, 0.8]}
    table = Table.from_frame(
        frame, new_path(), name="t", space=space, metrics=["val_accuracy"], arch=["layers", "scale"]
    )
    assert table.archs().tolist() == [[0, 0], [1, 1]]


def test_rounding_beyond_a_bound_is_cut_and_noted_and_no_more(new_path):
    frame = {"net": ["p", "q"], "acc": [100.000004, 99.2]}
    given = {"metrics": {"val_accuracy": "acc"}, "objective": "val_accuracy", "scale": {"val_accuracy": (1, 100)}}
    table = frame_table(new_path(), frame, **given, about={"notes": ["mine"]})
    assert table.runs("default", "val_accuracy")[0, 0].tolist() == [1, 0.992]
    assert table.about["notes"] == [
        "mine",
        "val_accuracy: values beyond 1 by rounding (1, by at most 4e-08) are stored as 1.",
    ]
    with pytest.raises(TableError, match=r"val_accuracy of 'p' is 1\.0004; a value from 0 to 1 expected"):
        frame_table(new_path(), frame | {"acc": [100.04, 99.2]}, **given)

"""Joins: tables of one space side by side, by architecture; nothing invented, nothing lost, nothing mixed up."""

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit import Metric, Table
from nasbench_kit.cli import main
from nasbench_kit.errors import TableError
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.tables import Additive, DatasetSpec
from nasbench_kit.tables.format import read_index
from nasbench_kit.tables.join import join_tables

SOME = [(1, 2), (0, 1), (0, 0)]  # of the six architectures of the toy space, not in order


@pytest.fixture
def accuracy(make_table, stored):
    """All six architectures, with a validation accuracy."""
    return make_table(
        stored("val_accuracy", np.arange(6) / 10), about={"title": "A", "licence": "MIT", "citation": "a"}
    )


def values(table, metric, dataset="d"):
    return nbk.Benchmark(table, dataset).values(metric, table.archs(), missing="nan").tolist()


def test_what_the_later_table_lacks_is_missing_and_what_it_has_more_is_left_out(make_table, stored, accuracy, new_path):
    few = make_table(stored("latency_ms", [1.0, 2.0, 3.0]), archs=SOME, name="hw", objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    joined.verify()
    assert (joined.name, joined.n_archs, joined.is_complete) == ("mine", 6, True)
    assert list(joined.metrics("d")) == ["val_accuracy", "latency_ms"]
    assert joined.objectives == {"d": "val_accuracy"}
    np.testing.assert_array_equal(values(joined, "latency_ms"), [3, 2, np.nan, np.nan, np.nan, 1])
    back = join_tables([few, accuracy], new_path(), name="back")
    back.verify()
    assert (back.name, back.n_archs, back.archs().tolist()) == ("back", 3, [[0, 0], [0, 1], [1, 2]])
    assert values(back, "val_accuracy") == [0.0, 0.1, 0.5]
    assert back.objectives == {"d": "latency_ms"}


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i8"])
def test_integers_without_a_marker_get_one(make_table, stored, accuracy, new_path, dtype):
    few = make_table(stored("latency_ms", np.array([1, 2, 3], dtype)), archs=SOME, objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    assert joined.column("d", "latency_ms").spec().raw.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(values(joined, "latency_ms"), [3, 2, np.nan, np.nan, np.nan, 1])


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_integers_that_use_the_last_number_too_become_floats(make_table, stored, accuracy, new_path, dtype):
    most = np.iinfo(dtype).max
    few = make_table(stored("latency_ms", np.array([1, 2, most], dtype)), archs=SOME, objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    np.testing.assert_array_equal(values(joined, "latency_ms"), [most, 2, np.nan, np.nan, np.nan, 1])


def test_a_marker_that_is_there_is_used(make_table, stored, accuracy, new_path):
    few = make_table(stored("latency_ms", np.array([7, 2, 3], "u1"), missing=7), archs=SOME, objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    assert joined.column("d", "latency_ms").spec().missing == 7
    np.testing.assert_array_equal(values(joined, "latency_ms"), [3, 2, np.nan, np.nan, np.nan, np.nan])


def test_metrics_that_share_a_column_go_on_sharing_it(make_table, stored, accuracy, new_path):
    raw = np.array([1, 2, 3], "u1").reshape(1, 1, 3)
    one, two = (
        stored(name, raw)._replace(raw=raw, scale=scale)
        for name, scale in (("latency_ms", (1, 1)), ("energy_mj", (2, 1)))
    )
    few = make_table(one, two, archs=SOME, objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    assert len(read_index(joined.path)[0]["columns"]) == 2
    np.testing.assert_array_equal(values(joined, "energy_mj"), [6, 4, np.nan, np.nan, np.nan, 2])


def test_metrics_that_share_a_column_and_mark_differently_stay_right(make_table, stored, accuracy, new_path):
    raw = np.array([1, 2, 3], "u1").reshape(1, 1, 3)
    one, two = (
        stored(name, raw)._replace(raw=raw, missing=missing)
        for name, missing in (("latency_ms", 1), ("energy_mj", None))
    )
    few = make_table(one, two, archs=SOME, objective="latency_ms")
    joined = join_tables([accuracy, few], new_path())
    np.testing.assert_array_equal(values(joined, "latency_ms"), [3, 2, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(values(joined, "energy_mj"), [3, 2, np.nan, np.nan, np.nan, 1])


def test_sums_over_decisions_are_joined_as_such(make_table, stored, accuracy, new_path):
    params = Additive(Metric("params_m", None, "million", "min"), 1, {"5": 10})
    few = make_table(stored("val_accuracy", [0.5, 0.1, 0.0]), params, archs=SOME)
    joined = join_tables([accuracy, few], new_path())
    assert values(joined, "params_m") == [1, 1, 1, 11, 11, 11]
    again = join_tables([joined, few], new_path())
    assert values(again, "params_m") == [1, 1, 1, 11, 11, 11]


def test_a_metric_that_both_hold_must_not_differ(make_table, stored, accuracy, new_path):
    path = new_path()
    for other in ([0.5, 0.1, 0.01], [0.5, 0.1, np.nan]):
        few = make_table(stored("val_accuracy", other), archs=SOME, name="few")
        if np.isnan(other[-1]):
            assert values(join_tables([accuracy, few], path), "val_accuracy") == values(accuracy, "val_accuracy")
            continue
        with pytest.raises(TableError, match="val_accuracy of d is in few and in an earlier table, with different val"):
            join_tables([accuracy, few], path)
        assert not path.exists()
    few = make_table(stored("val_accuracy", [0.5, 0.1, 0.0]), archs=SOME, name="few")
    with pytest.raises(TableError, match="with different values"):
        join_tables([make_table(stored("val_accuracy", [0.5, np.nan, 0.0]), archs=SOME), few], new_path())
    seeds = make_table(stored("val_accuracy", np.zeros((1, 6)), seeds=[3]), name="seeds")
    with pytest.raises(TableError, match="val_accuracy of d is in seeds and in an earlier table"):
        join_tables([accuracy, seeds], new_path())


def test_datasets_of_all_tables_are_there(make_table, stored, accuracy, new_path):
    other = make_table(datasets={"e": DatasetSpec([stored("val_loss", [3.0, 2.0, 1.0])], "val_loss")}, archs=SOME)
    third = make_table(datasets={"e": DatasetSpec([stored("test_loss", np.arange(6.0))], "test_loss")})
    joined = join_tables([accuracy, other, third], new_path())
    assert joined.datasets == ("d", "e")
    assert joined.objectives == {"d": "val_accuracy", "e": "val_loss"}
    np.testing.assert_array_equal(values(joined, "val_loss", "e"), [1, 2, np.nan, np.nan, np.nan, 3])
    assert values(joined, "test_loss", "e") == [0, 1, 2, 3, 4, 5]


def test_where_all_of_it_comes_from_is_kept(make_table, stored, accuracy, new_path):
    about = {"title": "B", "licence": "MIT", "citation": "b", "sources": [{"sha256": "s"}]}
    other = make_table(stored("latency_ms", np.arange(6.0)), name="hw", objective="latency_ms", about=about)
    joined = join_tables([accuracy, other], new_path())
    assert joined.about == {
        "title": "A; B",
        "licence": "MIT",
        "citation": "a; b",
        "sources": [{"sha256": "s"}],
        "joined": [{"table": "mine", "sha256": accuracy.sha256}, {"table": "hw", "sha256": other.sha256}],
    }


def test_tables_of_different_spaces_and_single_tables_are_refused(make_table, stored, accuracy, new_path):
    other = make_table(
        stored("latency_ms", [1.0, 2.0]), name="o", space=ChoiceSpace("o", {"k": tuple("35")}), objective="latency_ms"
    )
    with pytest.raises(TableError, match="cannot join o, of space o, with mine, of space toy"):
        join_tables([accuracy, other], new_path())
    with pytest.raises(TableError, match="1 table given; at least two are needed"):
        join_tables([accuracy], new_path())


def test_names_in_place_of_tables_are_told_what_to_open(new_path):
    with pytest.raises(TableError, match="'a' is no table; join opened ones: Table"):
        join_tables(["a", "b"], new_path())


def test_a_search_on_a_joined_table_stays_where_values_are(make_table, stored, accuracy, new_path):
    few = make_table(stored("latency_ms", [1.0, 2.0, 3.0]), archs=SOME, objective="latency_ms", name="hw")
    bench = nbk.Benchmark(join_tables([accuracy, few], new_path()), "d")
    assert bench.search_space() is bench.space  # the objective is there for all


def test_the_command_refuses_to_overwrite_what_it_reads(make_table, stored, accuracy, tmp_path, monkeypatch):
    other = make_table(stored("latency_ms", np.arange(6.0)), objective="latency_ms")
    done = CliRunner().invoke(main, ["join", accuracy.path, other.path, "--out", other.path])
    assert done.exit_code == 2
    assert "would overwrite TABLE" in done.stderr
    done = CliRunner().invoke(main, ["join", accuracy.path, other.path, "--out", str(tmp_path / "j.h5"), "--name", "j"])
    assert done.exit_code == 0
    assert "j/d: 2 metrics; a search sees val_accuracy" in done.stdout
    assert Table.open(tmp_path / "j.h5").name == "j"

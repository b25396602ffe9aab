"""Tables in which isomorphic architectures share a row although their space usually holds them apart."""

import json
import pickle

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import TableError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, needs_of
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space, NASBenchMacroSpace
from nasbench_kit.tables import Table
from nasbench_kit.tables.format import encode_index, read_index
from nasbench_kit.tables.join import join_tables
from nasbench_kit.testing import check_benchmark

SPACES = [NASBench201Space(), NASBenchMacroSpace()]
SPACE = SPACES[0]


def one_of_each(space):
    """The last member of each class, which is not the smallest."""
    archs = space.all_archs()[::-1]
    _, first = np.unique(space.identity(archs), return_index=True)
    return archs[first[::-1]]


@pytest.fixture(scope="module", params=SPACES, ids=lambda space: space.name)
def shared(request, make_table, stored):
    """A table of all classes of a space, with a value of its own for each."""
    archs = one_of_each(request.param)
    values = np.linspace(0, 1, len(archs))
    metrics = stored("val_accuracy", np.stack([values, values**2]), seeds=(3, 5)), stored("cost_s", values + 1)
    return make_table(*metrics, space=request.param, archs=archs, keyed_by_identity=True)


def expected(table):
    """Identity -> mean of the two seeds of its row, as given."""
    archs = one_of_each(table.space)
    values = np.linspace(0, 1, len(archs))
    return dict(zip(table.space.identity(archs).tolist(), ((values + values**2) / 2).tolist(), strict=True))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_number_of_classes_is_the_number_of_identities(space):
    assert len(set(space.identity(space.all_archs()).tolist())) == space.n_classes < space.size


def test_every_member_of_a_class_is_answered_with_its_row_and_however_often_is_asked(shared):
    bench, of_class = nbk.Benchmark(shared, "d"), expected(shared)
    archs = shared.space.all_archs()
    classes = shared.space.identity(archs).tolist()
    texts = shared.space.format_many(archs)
    assert bench.query_many(archs).val_accuracy == pytest.approx([of_class[i] for i in classes], abs=1e-15)
    assert bench.query_many(texts).val_accuracy.tolist() == bench.query_many(archs).val_accuracy.tolist()
    for arch, text, identity in zip(map(tuple, archs.tolist()), texts, classes, strict=True):
        assert bench.query(arch) == bench.query(text)  # one by one at first, then by all answers at once
        assert bench.query(arch).val_accuracy == pytest.approx(of_class[identity], abs=1e-15)
        assert bench.query(arch, seed=5) == bench.query(text, seed=5)


def test_after_a_few_questions_every_member_is_known(shared):
    bench = nbk.Benchmark(shared, "d")
    at = bench._answers.at(None)
    archs = list(map(tuple, shared.space.all_archs().tolist()))
    for arch in archs[:256]:
        bench.query(arch)
        bench.query(arch, seed=3)
    assert set(at.means) == set(at.runs) == set(archs)


def test_it_holds_the_whole_space_which_is_searched(shared):
    bench = nbk.Benchmark(shared, "d")
    assert (shared.n_archs, shared.n_possible, shared.is_complete) == (shared.space.n_classes,) * 2 + (True,)
    assert bench.search_space() is shared.space
    check_benchmark(bench, np.random.default_rng(0))
    for name in (name for name in GROUPS["model-free"] if not needs_of(OPTIMIZERS[name])):
        rng = np.random.default_rng(1)
        record = simulate(bench, OPTIMIZERS[name](task_of(bench), rng), rng=rng, n_evaluations=50)
        assert not np.isnan(record.value).any()


def test_the_best_is_the_architecture_that_was_given(shared):
    best = nbk.Benchmark(shared, "d").best()
    assert best == (tuple(one_of_each(shared.space)[-1].tolist()), 1.0)
    assert best.arch in {tuple(arch) for arch in shared.archs().tolist()}


def test_it_survives_its_file_and_a_pickle(shared):
    shared.verify()
    for again in (Table.open(shared.path), pickle.loads(pickle.dumps(shared))):  # allowed: made here
        assert again.keyed_by_identity
        assert again.is_complete
        members, rows = again.members()
        assert len(members) == again.space.size
        assert (again.space.identity(members) == again.space.identity(again.archs())[rows]).all()


def test_a_part_of_the_classes_lacks_the_others_and_says_so(make_table, stored):
    few = ["333333", "000000", "030000"]  # the last two both compute nothing
    with pytest.raises(TableError, match="is given twice, also as"):
        make_table(stored("val_accuracy", np.zeros(3)), space=SPACE, archs=few, keyed_by_identity=True)
    table = make_table(stored("val_accuracy", [0.5, 0.1]), space=SPACE, archs=few[:2], keyed_by_identity=True)
    assert not table.is_complete
    bench = nbk.Benchmark(table, "d")
    assert bench.query("030000").val_accuracy == 0.1
    with pytest.raises(nbk.errors.NotRecordedError, match="is not among the 2 architectures of table 'mine'"):
        bench.query("333332")
    members, rows = table.members()
    assert {SPACE.format(arch, "digits") for arch in members[rows == table.row(SPACE.parse("333333"))]} == {"333333"}
    assert bench.search_space().all_archs().tolist() == members.tolist()  # as on a whole table: architectures, not rows


def test_a_member_that_is_in_no_row_of_a_frame_is_answered_by_that_of_its_class(new_path):
    frame = {"arch": ["030000", "333333", "000000"], "run": [0, 0, 1], "val_accuracy": [0.1, 0.5, 0.3]}
    how = {"name": "mine", "space": SPACE, "metrics": ["val_accuracy"]}
    table = Table.from_frame(frame, new_path(), seed="run", keyed_by_identity=True, **how)
    assert (table.keyed_by_identity, table.n_archs) == (True, 2)
    bench = nbk.Benchmark(table, "default")
    assert bench.query("300000").val_accuracy == pytest.approx(0.2)  # it computes nothing, as the two in the frame
    assert [bench.query("300000", seed=seed).val_accuracy for seed in (0, 1)] == [0.1, 0.3]
    apart = nbk.Benchmark(Table.from_frame(frame, new_path(), seed="run", **how), "default")
    with pytest.raises(nbk.errors.NotRecordedError, match="is not among the 3 architectures"):
        apart.query("300000")
    with pytest.raises(TableError, match="row 2 gives a second, different value for its architecture"):
        Table.from_frame(frame, new_path(), keyed_by_identity=True, **how)


def test_without_the_flag_isomorphic_architectures_stay_apart(make_table, stored):
    table = make_table(stored("val_accuracy", [0.5, 0.1]), space=SPACE, archs=["000000", "030000"])
    assert not table.keyed_by_identity
    assert nbk.Benchmark(table, "d").query_many(["000000", "030000"]).val_accuracy.tolist() == [0.5, 0.1]
    assert "keyed_by" not in read_index(table.path)[0]


def test_joined_tables_share_rows_only_where_all_do(shared, make_table, stored, new_path):
    space = shared.space
    ranks = np.arange(space.size) / space.size
    apart = make_table(stored("test_accuracy", ranks), space=space, objective="test_accuracy", name="apart")
    also = make_table(
        stored("test_accuracy", np.linspace(0, 0.5, space.n_classes)),
        space=space,
        archs=one_of_each(space),
        objective="test_accuracy",
        keyed_by_identity=True,
    )
    archs = space.all_archs()
    for tables in ([shared, apart], [apart, shared]):
        both = nbk.Benchmark(join_tables(tables, new_path()), "d")
        assert (both.results.keyed_by_identity, both.results.is_complete) == (False, True)
        assert (both.values("test_accuracy", archs) == ranks).all()
        assert (both.values("val_accuracy", archs) == nbk.Benchmark(shared, "d").values("val_accuracy", archs)).all()
    both = nbk.Benchmark(join_tables([shared, also], new_path()), "d")
    assert (both.results.keyed_by_identity, both.results.n_archs) == (True, space.n_classes)
    for table, metric in ((shared, "val_accuracy"), (also, "test_accuracy")):
        assert (both.values(metric, archs) == nbk.Benchmark(table, "d").values(metric, archs)).all()


def test_a_space_whose_classes_nobody_counted_is_refused(make_table, stored):
    space = ChoiceSpace("k", {"k": ("3", "5")})
    with pytest.raises(TableError, match="isomorphic architectures of k cannot share rows"):
        make_table(stored("val_accuracy", np.zeros(2)), space=space, keyed_by_identity=True)


@pytest.mark.parametrize("keyed_by", ["rank", 1, [], "identity"])
def test_an_index_that_says_something_else_is_refused(make_table, stored, keyed_by):
    table = make_table(stored("val_accuracy", np.linspace(0, 1, SPACE.size)), space=SPACE)
    index, _ = read_index(table.path)
    edited = encode_index(json.loads(json.dumps(index | {"keyed_by": keyed_by})))
    with open(table.path, "r+b") as file:
        file.write(edited)
    message = (
        "columns /keys and /archs are missing" if keyed_by == "identity" else "keyed_by=.*; 'identity', or nothing"
    )
    with pytest.raises(TableError, match=message):
        Table.open(table.path)


def test_info_says_that_equal_ones_are_counted_once(shared):
    from click.testing import CliRunner

    from nasbench_kit.cli import main

    shown = CliRunner().invoke(main, ["info", shared.path]).stdout
    assert f"all {shared.space.n_classes:,} architectures, equal ones counted once" in shown


def test_a_search_of_a_part_may_propose_every_member_of_its_classes(make_table, stored):
    few = one_of_each(SPACE)[::162]
    bench = nbk.Benchmark(
        make_table(stored("val_accuracy", np.arange(40) / 40), space=SPACE, archs=few, keyed_by_identity=True), "d"
    )
    found = bench.search_space().all_archs()
    members = np.isin(SPACE.identity(SPACE.all_archs()), SPACE.identity(few))
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, SPACE.all_archs()[members].tolist()))
    assert len(few) == 40 < len(found)
    assert np.isfinite(bench.query_many(found).value).all()

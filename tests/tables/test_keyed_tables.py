"""Tables whose rows are found by the identity of an architecture, so that isomorphic ones share one."""

import itertools
import pickle
import sys
import types
from pathlib import Path

import h5py
import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit import Table, spaces
from nasbench_kit.errors import ArchitectureError, NotRecordedError, TableError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS, needs_of
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import Decision, Form, describe_space, space_from
from nasbench_kit.spaces.constrained import ConstrainedSpace
from nasbench_kit.tables.format import read_index
from nasbench_kit.tables.join import join_tables
from nasbench_kit.testing import check_benchmark, check_space

CLASSES = sorted({tuple(sorted(arch)) for arch in itertools.product(range(3), repeat=3) if len(set(arch)) > 1})


class BagSpace(ConstrainedSpace):
    """Three letters, not all the same, whose order does not count: 24 architectures in 7 classes."""

    keyed_by_identity = True

    def __init__(self):
        form = Form(self._read, lambda arch: "".join("abc"[n] for n in arch), "aab")
        super().__init__("bag", [Decision(name, ("a", "b", "c")) for name in "xyz"], {"official": form})
        self.n_keys = 7

    def _invalid(self, arch):
        return "all letters are the same" if len(set(arch)) == 1 else None

    def valid_many(self, archs):
        return (archs != archs[:, :1]).any(axis=1)

    def _read(self, text):
        return self._checked("abc".find(letter) for letter in text) if isinstance(text, str) else None

    def key(self, arch):
        return self.rank(tuple(sorted(arch)))

    def identity(self, archs):
        return (np.sort(self.parse_many(archs), axis=1) @ np.array([9, 3, 1])).astype(np.uint64)


@pytest.fixture
def bag(monkeypatch):
    module = types.ModuleType("nasbench_kit.spaces.bag")
    module.BagSpace = BagSpace
    monkeypatch.setitem(sys.modules, "nasbench_kit.spaces.bag", module)
    monkeypatch.setitem(spaces.SPACES, "bag", "BagSpace")
    return BagSpace()


@pytest.fixture
def full(bag, make_table, stored):
    """A table of all seven classes, each given by a member that is not the smallest."""
    archs = [tuple(reversed(arch)) for arch in CLASSES]
    metrics = stored("val_accuracy", np.arange(7) / 10), stored("cost_s", np.arange(7) + 1.0)
    return make_table(*metrics, space=bag, archs=archs)


def test_the_toy_space_conforms(bag):
    check_space(bag, np.random.default_rng(0))
    assert describe_space(bag) == "bag"
    assert type(space_from("bag")) is BagSpace
    assert len(bag.all_archs()) == 24
    assert len(set(bag.identity(bag.all_archs()).tolist())) == len(CLASSES) == 7


def test_every_member_of_a_class_finds_its_row(bag, full):
    full.verify()
    again = Table.open(full.path)
    bench = nbk.Benchmark(again, "d")
    for arch in map(tuple, bag.all_archs().tolist()):
        expected = CLASSES.index(tuple(sorted(arch))) / 10
        assert bench.query(arch).val_accuracy == expected
        assert bench.query(bag.format(arch)).val_accuracy == expected
        assert bench.query_many([arch]).val_accuracy.tolist() == [expected]
        assert again.row(arch) == again.rows([arch])[0] == again.rows_or_absent(np.array([arch]))[0]
    assert (again.n_archs, again.is_complete) == (7, True)
    assert bench.search_space() is again.space


def test_architectures_come_back_as_they_were_given(bag, full):
    assert {tuple(arch) for arch in full.archs().tolist()} == {tuple(reversed(arch)) for arch in CLASSES}
    assert full.rows(full.archs()).tolist() == list(range(7))
    _, columns = read_index(full.path)
    assert {"/keys", "/archs"} < set(columns)
    with h5py.File(full.path) as file:
        assert file["/archs"][()].tolist() == full.archs().tolist()
        assert file["/keys"][()].tolist() == bag.identity(full.archs()).tolist()
        assert (np.diff(file["/keys"][()].astype(int)) > 0).all()


def test_the_benchmark_conforms_and_can_be_searched(full):
    bench = nbk.Benchmark(full, "d")
    check_benchmark(bench, np.random.default_rng(0))
    for name in (name for name in GROUPS["model-free"] if not needs_of(OPTIMIZERS[name])):
        rng = np.random.default_rng(1)
        assert simulate(bench, OPTIMIZERS[name](task_of(bench), rng), rng=rng, n_evaluations=60).value.max() == 0.6
    assert pickle.loads(pickle.dumps(full)).n_archs == 7  # allowed: made here


def test_isomorphic_architectures_given_twice_are_refused(bag, make_table, stored):
    with pytest.raises(TableError, match="architecture 'abb' is given twice, also as 'bab'"):
        make_table(stored("val_accuracy", np.zeros(3)), space=bag, archs=["abb", "bab", "abc"])


def test_invalid_architectures_are_refused(bag, make_table, stored, full):
    with pytest.raises(ArchitectureError, match="all letters are the same"):
        make_table(stored("val_accuracy", np.zeros(2)), space=bag, archs=["aaa", "abc"])
    with pytest.raises(ArchitectureError, match="all letters are the same"):
        nbk.Benchmark(full, "d").query("aaa")


def test_a_part_of_the_space_says_what_it_lacks(bag, make_table, stored):
    table = make_table(stored("val_accuracy", [0.1, 0.2]), space=bag, archs=["cab", "bba"])
    assert not table.is_complete
    bench = nbk.Benchmark(table, "d")
    assert bench.query("abc").val_accuracy == 0.1
    with pytest.raises(NotRecordedError, match="'aab' is not among the 2 architectures of table 'mine'"):
        bench.query("aab")
    with pytest.raises(NotRecordedError, match="'aab' is not among"):
        bench.query_many(["abc", "aab"])
    assert table.rows_or_absent(["aab", "bab"]).tolist() == [-1, table.row((1, 0, 1))]
    space = bench.search_space()
    assert {tuple(arch) for arch in space.all_archs().tolist()} == {(2, 0, 1), (1, 1, 0)}
    assert space.neighbors((2, 0, 1)) == [(1, 1, 0)]


def test_all_of_the_space_without_naming_it_needs_one_of_each_class(bag, make_table, stored):
    with pytest.raises(TableError, match="is given twice"):
        make_table(stored("val_accuracy", np.zeros(24)), space=bag)


def test_tables_are_joined_by_class(bag, full, make_table, stored, new_path):
    other = make_table(
        stored("latency_ms", [5.0, 6.0]), space=bag, archs=["cba", "bab"], objective="latency_ms", name="hw"
    )
    joined = join_tables([full, other], new_path())
    joined.verify()
    found = nbk.Benchmark(joined, "d").values("latency_ms", ["acb", "abb", "aab"], missing="nan")
    np.testing.assert_array_equal(found, [5, 6, np.nan])


@pytest.mark.parametrize("column", ["/archs", "/keys"])
def test_a_table_edited_behind_its_back_is_noticed(full, column):
    with h5py.File(full.path, "r+") as file:
        file[column][0] = file[column][1]
    with pytest.raises(TableError, match=r"column .* is damaged: its checksum does not match"):
        full.verify()


def test_a_table_without_its_architectures_is_refused(full, bag, make_table, stored, monkeypatch, new_path):
    from nasbench_kit.tables import schema, write

    monkeypatch.setattr(write, "archs_follow_from_keys", lambda *_: True)
    with pytest.raises(TableError, match="columns /keys and /archs are missing; a table of bag has both"):
        make_table(stored("val_accuracy", np.zeros(7)), space=bag, archs=CLASSES, path=new_path())
    monkeypatch.undo()
    assert not schema.archs_follow_from_keys(bag, bag.keyed_by_identity)
    assert Path(full.path).exists()

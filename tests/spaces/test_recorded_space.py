"""Searches on a part of a space: they stay among what was recorded, and draw from it as the whole space would."""

import pickle
from collections import Counter

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.encodings.features import best_dense, best_sparse, encodings_of, sparse
from nasbench_kit.errors import ArchitectureError, NotRecordedError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS, needs_of
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import DARTSSpace, NASBench201Space
from nasbench_kit.spaces.recorded import RecordedSpace
from nasbench_kit.study import Configuration, Study, execute
from nasbench_kit.testing import check_optimizer

# these have one epoch and no column beside the accuracy
SEARCHES = [name for name, made in OPTIMIZERS.items() if all(need.startswith("package:") for need in needs_of(made))]
WHOLE = NASBench201Space()
ARCHS = WHOLE.all_archs()[np.random.default_rng(0).permutation(WHOLE.size)[:300]]


@pytest.fixture(scope="module")
def part():
    return RecordedSpace(WHOLE, ARCHS)


@pytest.fixture(scope="module")
def bench(make_benchmark, stored):
    values = np.random.default_rng(1).random(300)
    metrics = stored("val_accuracy", values), stored("cost_s", 1 + values)
    return make_benchmark(*metrics, space=WHOLE, archs=ARCHS)


def members(space):
    return set(map(tuple, space.all_archs().tolist()))


def test_everything_drawn_is_recorded(part):
    rng = np.random.default_rng(3)
    known = members(part)
    assert len(known) == 300
    assert set(map(tuple, part.sample_many(rng, 500).tolist())) <= known
    assert {part.mutate(part.sample(rng), rng) for _ in range(200)} <= known
    assert {next(part.samples(rng)) for _ in range(10)} <= known


def test_drawing_in_batches_gives_what_drawing_one_by_one_gives(part):
    one, many = np.random.default_rng(5), np.random.default_rng(5)
    archs = [part.sample(one) for _ in range(40)]
    assert part.sample_many(many, 40).tolist() == list(map(list, archs))
    children = [part.mutate(arch, one) for arch in archs]
    assert part.mutate_many(archs, many).tolist() == list(map(list, children))
    assert part.mutate_many(np.empty((0, 6), np.uint8), many).shape == (0, 6)
    assert one.bit_generator.state == many.bit_generator.state


def test_samples_are_uniform_among_the_recorded():
    part = RecordedSpace(WHOLE, ARCHS[:10])
    counts = Counter(map(tuple, part.sample_many(np.random.default_rng(0), 10_000).tolist()))
    assert len(counts) == 10
    assert all(abs(n - 1000) < 150 for n in counts.values())  # five standard deviations


def test_neighbors_are_the_nearest_recorded_ones(part):
    known = ARCHS.tolist()
    for arch in [*known[:20], WHOLE.unrank(7)]:
        distance = [sum(a != b for a, b in zip(arch, other, strict=True)) for other in known]
        eighth = sorted(d for d in distance if d)[7]
        expected = [tuple(other) for other, d in zip(known, distance, strict=True) if 0 < d <= eighth]
        assert part.neighbors(tuple(arch)) == expected
        assert part.neighbors(list(arch)) == expected
        assert part.neighbors_many([list(arch)])[0].tolist() == list(map(list, expected))


def test_of_two_recorded_architectures_each_is_the_neighbor_of_the_other():
    part = RecordedSpace(WHOLE, WHOLE.parse_many([(0,) * 6, (4,) * 6]))
    assert part.neighbors((0,) * 6) == [(4,) * 6]
    assert part.mutate((4,) * 6, np.random.default_rng(0)) == (0,) * 6


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_architectures_are_no_space_to_search(n):
    with pytest.raises(
        ArchitectureError, match=f"{n} recorded architectures of nasbench201; a search needs at least two"
    ):
        RecordedSpace(WHOLE, ARCHS[:n])


def test_texts_and_numbers_are_those_of_the_whole_space(part):
    absent = next(arch for arch in map(tuple, WHOLE.all_archs().tolist()) if arch not in members(part))
    assert part.parse(WHOLE.format(absent)) == absent
    assert part.parse("(2, 2, 0, 2, 2, 3)", "naslib") == WHOLE.parse("(2, 2, 0, 2, 2, 3)", "naslib")
    assert part.parse(6111) == WHOLE.parse(6111)
    assert part.format(absent, "digits") == WHOLE.format(absent, "digits")
    assert part.rank_many([absent]).tolist() == [WHOLE.rank(absent)] == [part.rank(absent)]
    assert part.identity(ARCHS).tolist() == WHOLE.identity(ARCHS).tolist()
    assert part.key_many(ARCHS).tolist() == [part.key(tuple(arch)) for arch in ARCHS.tolist()]
    assert part.one_hot(ARCHS).tolist() == WHOLE.one_hot(ARCHS).tolist()
    assert part.parse_many(np.array([3, 5, 7])).tolist() == WHOLE.parse_many(np.array([3, 5, 7])).tolist()
    assert part.graphs(absent) == WHOLE.graphs(absent)
    assert part.is_valid(absent)
    with pytest.raises(ArchitectureError, match="out of range"):
        part.parse((9,) * 6)


def test_it_comes_back_from_pickling_and_says_what_it_is(part):
    copy = pickle.loads(pickle.dumps(part))  # allowed: made here
    assert copy.all_archs().tolist() == part.all_archs().tolist()
    assert copy.sample(np.random.default_rng(2)) == part.sample(np.random.default_rng(2))
    assert repr(part) == "<RecordedSpace 'nasbench201': 300 recorded architectures>"
    assert part.n_keys == 300


# ---- searches ----


def test_a_benchmark_on_a_part_offers_that_part_and_keeps_it(bench):
    space = bench.search_space()
    assert members(space) == set(map(tuple, ARCHS.tolist()))
    assert bench.search_space() is space


def test_what_has_no_value_or_no_cost_is_not_offered(make_benchmark, stored):
    values, costs = np.linspace(0, 1, 6), np.arange(1.0, 7)
    values[0], costs[5] = np.nan, np.nan
    bench = make_benchmark(stored("val_accuracy", values), stored("cost_s", costs))
    assert members(bench.search_space()) == set(map(tuple, bench.space.all_archs()[1:5].tolist()))
    with pytest.raises(NotRecordedError, match="epoch 3 was not recorded"):
        bench.search_space(epoch=3)


def test_a_search_that_sees_one_training_run_stays_where_that_was_recorded(cifar10, make_benchmark, stored):
    values = np.array([[0.1] * 6, [0.2, 0.3, np.nan, np.nan, np.nan, 0.4]])
    bench = make_benchmark(stored("val_accuracy", values, seeds=[5, 7]), stored("cost_s", np.ones(6)))
    assert bench.search_space() is bench.space is bench.search_space(seed=5)
    assert len(bench.search_space(seed=7).all_archs()) == 3
    with pytest.raises(NotRecordedError, match="seed 6 was not recorded"):
        bench.search_space(seed=6)
    # 888 was not used for every cell of NAS-Bench-201
    key = Configuration.of(cifar10, "regularized_evolution", n_evaluations=300, run=888)
    assert len(execute(key, 0).value) == 300


def test_each_epoch_has_its_own_part(make_benchmark, stored):
    values = np.array([[0.1] * 6, [0.2, 0.3, np.nan, np.nan, np.nan, np.nan]])
    costs = np.array([[1.0] * 6, [9.0] * 6])
    bench = make_benchmark(stored("val_accuracy", values, epochs=[1, 9]), stored("cost_s", costs, epochs=[1, 9]))
    assert bench.search_space(epoch=1) is bench.space
    assert len(bench.search_space().all_archs()) == 2
    assert bench.search_space(epoch=9) is bench.search_space()


def test_a_whole_table_offers_the_whole_space(cifar10):
    assert cifar10.search_space() is cifar10.space


@pytest.mark.parametrize("name", SEARCHES)
def test_every_optimizer_works_on_a_part(bench, equipped, n_enough, quickly, name):
    bench = equipped(name, bench)
    check_optimizer(quickly(name), bench, n_evaluations=n_enough(name, bench))
    rng = np.random.default_rng(0)
    records = simulate(bench, quickly(name)(task_of(bench), rng), rng=rng, n_evaluations=n_enough(name, bench))
    assert set(map(tuple, records.archs.tolist())) <= members(bench.search_space())


def test_a_part_keeps_what_the_whole_space_knows(part):
    assert part.whole is WHOLE is WHOLE.whole
    assert part.size == part.n_keys == 300
    assert (part.mutations, part.forms, part.official_order) == (WHOLE.mutations, WHOLE.forms, WHOLE.official_order)
    assert list(encodings_of(part)) == list(encodings_of(WHOLE))
    for name, encode in encodings_of(part).items():
        assert encode(ARCHS[:20]).tolist() == encodings_of(WHOLE)[name](ARCHS[:20]).tolist(), name
    assert (
        sparse(part, "path_counts").many(ARCHS[:20]).tolist() == sparse(WHOLE, "path_counts").many(ARCHS[:20]).tolist()
    )
    darts = DARTSSpace()
    few = darts.sample_many(np.random.default_rng(0), 5)
    assert encodings_of(RecordedSpace(darts, few))["configuration"](few).tolist() == darts.vector(few).tolist()
    assert best_dense(part) == best_dense(WHOLE) == "path_counts"
    assert best_sparse(RecordedSpace(darts, few)) == "edges"
    assert len(RecordedSpace(darts, few).all_archs()) == RecordedSpace(darts, few).size == 5


def test_a_named_mutation_is_done_in_the_whole_space_and_brought_to_the_nearest_recorded(part):
    rng = np.random.default_rng(3)
    distances = []
    for parent in part.sample_many(rng, 300).tolist():
        state = rng.bit_generator.state
        child = part.mutate(tuple(parent), rng, "node_then_edge")
        rng.bit_generator.state = state
        meant = WHOLE.mutate(tuple(parent), rng, "node_then_edge")
        rng.random()  # which of those that are equally near
        others = ARCHS[(parent != ARCHS).any(axis=1)]
        assert (np.array(child) != meant).sum() == (others != meant).sum(axis=1).min()
        assert child in members(part) - {tuple(parent)}
        distances.append((np.array(child) != parent).sum())
    assert np.mean(distances) < 3  # of six decisions; two cells at random differ in 4.8
    with pytest.raises(UnknownNameError, match="unknown mutation 'edge'; choose from uniform, node_then_edge"):
        part.mutate(tuple(ARCHS[0].tolist()), rng, "edge")


def test_the_nearest_is_the_recorded_one_that_differs_least(part):
    rng = np.random.default_rng(0)
    for choices in WHOLE.sample_many(rng, 100).tolist():
        found = part.nearest(choices, rng)
        assert (np.array(found) != choices).sum() == (choices != ARCHS).sum(axis=1).min()
    tied = {part.nearest(choices, np.random.default_rng(seed)) for seed in range(50)}
    assert len(tied) == min(50, ((choices != ARCHS).sum(axis=1) == (choices != ARCHS).sum(axis=1).min()).sum())
    with pytest.raises(ArchitectureError, match="choice 5 of decision '0->1' is out of range"):
        part.nearest((5,) * 6, rng)


def test_a_study_on_a_part_gives_the_same_with_any_number_of_processes(bench, tmp_path):
    key = Configuration.of(bench, "regularized_evolution", n_evaluations=40)
    found = []
    for n_processes in (1, 2):
        with Study(tmp_path / f"{n_processes}.db") as study:
            study.run([key], range(3), n_processes=n_processes)
            found.append([run.records.archs.tolist() for run in study.runs(key)])
    assert found[0] == found[1]
    assert nbk.Benchmark(bench.results, "d").query(tuple(found[0][0][0])).cost_s > 0

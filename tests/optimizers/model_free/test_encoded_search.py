"""Searches in the encodings A, B and C of NAS-Bench-101."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import OPTIMIZERS, EncodedSearch, Outcome, Task, Trial
from nasbench_kit.simulator import Rules, simulate
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.spaces.nasbench101_encodings import NASBench101A, NASBench101B, NASBench101C
from nasbench_kit.spaces.recorded import RecordedSpace
from nasbench_kit.study.building import build
from nasbench_kit.testing import check_optimizer

CELLS, B = NASBench101Space(), NASBench101B()
SPACES = {"A": NASBench101A(), "B": B, "C": NASBench101C()}
EVOLUTION = {"optimizer": "regularized_evolution", "settings": {"population_size": 10, "sample_size": 3}}


@pytest.fixture(scope="module")
def bench():
    return nbk.load("nasbench101/cifar10")


@pytest.mark.parametrize(
    ("encoding", "optimizer"),
    [
        ("A", "regularized_evolution"),
        ("A", "reinforce"),
        ("B", "regularized_evolution"),
        ("C", "random_search"),
        ("B", "bohb"),
        ("C", "hyperband"),
    ],
)
def test_searches_of_every_kind_conform_in_an_encoding(bench, encoding, optimizer):
    check_optimizer(partial(EncodedSearch, encoding=encoding, optimizer=optimizer), bench, n_evaluations=40)


@pytest.mark.parametrize("encoding", SPACES)
def test_it_asks_for_the_cells_of_what_the_other_search_asks_for_in_the_encoding(encoding):
    space = SPACES[encoding]
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    ours = EncodedSearch(Task(CELLS), rng, encoding=encoding, **EVOLUTION)
    alone = OPTIMIZERS["regularized_evolution"](Task(space), same, **EVOLUTION["settings"])
    genotypes = []
    for _ in range(20):
        cells, told = [ours.ask() for _ in range(3)], [alone.ask() for _ in range(3)]
        assert [trial.arch for trial in cells] == [space.cell(trial.arch) for trial in told]
        genotypes += [trial.arch for trial in told]
        for cell, genotype in zip(cells, told, strict=True):
            value = Outcome.of(float(sum(cell.arch)))
            ours.tell(cell, value)
            alone.tell(genotype, value)
    assert len(set(genotypes)) > 50


class Scripted:
    """Asks for one cell by two genotypes, and remembers its task and what it was told."""

    ASKED = ((20, 0, 10, *(0,) * 6, *(0,) * 5), (10, 20, 20, *(0,) * 6, *(0,) * 5))
    made = None

    def __init__(self, task, rng):
        Scripted.made, self.task, self.told, self.trials = self, task, [], map(Trial, self.ASKED)

    def ask(self):
        return next(self.trials, None)

    def tell(self, trial, outcome):
        self.told.append((trial.arch, outcome.value))


def scripted(task):
    return EncodedSearch(task, np.random.default_rng(0), optimizer=f"{__name__}:Scripted"), Scripted.made


def test_genotypes_of_one_cell_that_run_at_the_same_time_are_told_one_after_the_other():
    search, inner = scripted(Task(CELLS))
    first, second = search.ask(), search.ask()
    assert first == second
    assert search.ask() is None
    for value in (0.1, 0.2):
        search.tell(first, Outcome.of(value))
    assert inner.told == [*zip(Scripted.ASKED, (0.1, 0.2), strict=True)]


def test_of_a_cell_that_it_did_not_ask_for_the_other_search_is_told_by_a_genotype():
    search, inner = scripted(Task(CELLS))
    cell = CELLS.sample(np.random.default_rng(1))
    search.tell(Trial(cell), Outcome.of(0.5))
    ((genotype, value),) = inner.told
    assert value == 0.5
    assert B.key(genotype) == CELLS.key(cell)


def test_what_is_known_of_genotypes_is_known_of_their_cells():
    def known(name, archs):
        return archs[:, :21].sum(axis=1) + len(name)

    def values(archs):
        return archs[:, :1] * 1.0

    task = Task(CELLS, columns=("n_edges",), known=known, known_values=values)
    _, inner = scripted(task)
    genotypes = B.sample_many(np.random.default_rng(2), 20)
    cells = B.cell_many(genotypes)
    assert inner.task.known("n_edges", genotypes).tolist() == known("n_edges", cells).tolist()
    assert inner.task.known_values(genotypes).tolist() == values(cells).tolist()
    assert inner.task.known_violations is None


def test_records_hold_cells(bench):
    rng = np.random.default_rng(3)
    records = simulate(bench, EncodedSearch(Task(CELLS), rng, **EVOLUTION), rng=rng, n_evaluations=50)
    assert CELLS.valid_many(records.archs).all()
    steps = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(records.archs.tolist())]
    assert max(steps) > 3  # of a random population


def test_a_study_that_goes_on_is_one_made_at_once(tmp_path):
    def outcomes(study, *runs):
        for n in runs:
            made = nbk.compare(
                "nasbench101/cifar10",
                {"RE": ("encoded_search", EVOLUTION)},
                n_evaluations=40,
                runs=n,
                n_processes=1,
                study=tmp_path / study,
            )
        return [told.tolist() for told in made.trajectories["nasbench101/cifar10"]["RE"].told], made.counts.made

    (resumed, n_made), (at_once, _) = outcomes("resumed.db", 1, 3), outcomes("once.db", 3)
    assert n_made == 2
    assert resumed == at_once


def test_what_is_not_all_of_nasbench101_is_refused(cifar10):
    message = (
        "encoded_search needs the whole space nasbench101; the space is nasbench201; it can search nasbench101/cif"
    )
    with pytest.raises(SettingError, match=message):
        build("encoded_search", {}, cifar10, Rules(n_evaluations=5), np.random.default_rng(0))
    part = RecordedSpace(CELLS, CELLS.sample_many(np.random.default_rng(4), 50))
    with pytest.raises(SettingError, match="needs the whole space nasbench101; a part of it was recorded"):
        EncodedSearch(Task(part), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"encoding": "D"}, UnknownNameError, "unknown encoding 'D'; choose from A, B, C"),
        ({"encoding": ["B"]}, UnknownNameError, r"unknown encoding \['B'\]; choose from A, B, C"),
        ({"optimizer": "nsga2"}, SettingError, "nsga2 needs two objectives or more"),
        (
            {"optimizer": "encoded_search"},
            SettingError,
            "needs the whole space nasbench101; the space is nasbench101_b",
        ),
        ({"settings": {"size": 5}}, UnknownNameError, "unknown setting of regularized_evolution 'size'"),
        ({"settings": 5}, SettingError, "settings=5; a mapping of settings of regularized_evolution"),
        ({"settings": False}, SettingError, "settings=False; a mapping of settings of regularized_evolution"),
        ({"encoding": "b"}, UnknownNameError, "unknown encoding 'b'; did you mean 'B'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named_with_what_would_be_right(how, error, message):
    with pytest.raises(error, match=message):
        EncodedSearch(Task(CELLS), np.random.default_rng(0), **how)

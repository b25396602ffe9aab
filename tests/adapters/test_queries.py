"""What all adapters share: configurations, losses, epochs."""

import math
import pickle

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.adapters.queries import Queries, loss, loss_name
from nasbench_kit.errors import ArchitectureError, NotRecordedError, SettingError, UnknownNameError


def test_a_configuration_is_of_names_or_of_positions_and_back(cifar10, cell):
    queries = Queries(cifar10)
    assert queries.arch(cell) == (3, 3, 3, 1, 3, 2)
    assert queries.arch(dict(zip(cell, (3, 3, 3, 1, 3, 2), strict=True))) == (3, 3, 3, 1, 3, 2)
    assert queries.config((3, 3, 3, 1, 3, 2)) == cell


def test_a_position_is_never_taken_for_the_choice_that_is_called_so(failing):
    # kernels are "3" and "5", widths "16", "32" and "64"
    assert Queries(failing).arch({"kernel": "3", "width": 2}) == (0, 2)
    with pytest.raises(SettingError, match=r"^choice number 3 of 'kernel'; 0 to 1 expected: 3, 5$"):
        Queries(failing).arch({"kernel": 3, "width": 2})


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"0->1": "nor_conv_9x9"}, UnknownNameError, r"^unknown choice for '0->1': 'nor_conv_9x9'; did you mean"),
        ({"0->1": 2.0}, UnknownNameError, r"^unknown choice for '0->1': 2.0; choose from none, skip_connect"),
        ({"0->1": True}, UnknownNameError, r"^unknown choice for '0->1': True"),
        ({"0->1": 5}, SettingError, "^choice number 5 of '0->1'; 0 to 4 expected: none, "),
        ({"0->9": "none"}, UnknownNameError, r"^unknown decision '0->9'; did you mean '0->"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_line(cifar10, cell, changed, error, match):
    with pytest.raises(error, match=match):
        Queries(cifar10).arch(cell | changed)


def test_a_configuration_that_lacks_a_decision_is_refused(cifar10, cell):
    del cell["0->1"]
    with pytest.raises(ArchitectureError, match=r"^no choice for 0->1; an architecture of nasbench201 decides all$"):
        Queries(cifar10).arch(cell)


def test_the_same_choices_always_mean_the_same_architecture_and_it_was_recorded(budgets):
    one, other = Queries(budgets), Queries(budgets)
    names = [decision.name for decision in budgets.space.decisions]
    rng = np.random.default_rng(0)
    for _ in range(20):
        config = dict(zip(names, (rng.random(len(names)) * budgets.space.n_choices).astype(int).tolist(), strict=True))
        arch = one.arch(config)
        assert other.arch(config) == arch
        assert budgets.query(arch).value > 0
        assert one.arch(one.config(arch)) == arch


def test_losses_are_smaller_where_values_are_better_whatever_the_direction():
    accuracy, nll = nbk.Metric.from_name("val_accuracy"), nbk.Metric.from_name("val_loss")
    signal = nbk.Metric("val_psnr", "val", "dB", "max")
    assert [loss_name(metric) for metric in (accuracy, nll, signal)] == ["1-val_accuracy", "val_loss", "-val_psnr"]
    assert [loss(accuracy, 0.75), loss(nll, 2.5), loss(signal, 30.0)] == [0.25, 2.5, -30]
    assert loss(accuracy, np.array([0.75, 1])).tolist() == [0.25, 0]


def test_an_answer_is_what_the_benchmark_answers_with_its_cost(curves):
    arch = (3, 3, 3, 1, 3, 2)
    for run, seed in (("mean", None), (1, 1)):
        queries = Queries(curves, run=run, every_epoch=True)
        for epoch in (1, 7, None):
            answer, expected = queries.query(arch, epoch), curves.query(arch, epoch=epoch, seed=seed)
            assert answer[1:3] == (expected.epoch, (expected.val_accuracy,))
            assert answer.losses == (1 - expected.val_accuracy,)
            assert answer.cost_s == expected.cost_s
    assert "test" not in repr(queries.info(answer))


def test_a_drawn_run_is_one_of_those_recorded_and_stays_so_over_the_epochs(curves):
    queries = Queries(curves, run="drawn", every_epoch=True)
    rng, arch, seen = np.random.default_rng(0), (3, 3, 3, 1, 3, 2), set()
    for _ in range(20):
        training = queries.training(arch, rng)
        found = [queries.answer(arch, training, epoch).values[0] for epoch in (3, 20, 36)]
        seeds = [s for s in (0, 1, 2) if [curves.query(arch, epoch=e, seed=s).value for e in (3, 20, 36)] == found]
        assert len(seeds) == 1
        seen |= {*seeds}
    assert seen == {0, 1, 2}


def test_a_run_by_seeds_does_not_depend_on_what_was_asked_before(curves):
    queries, arch = Queries(curves, run="drawn", every_epoch=True), (3, 3, 3, 1, 3, 2)
    runs = set()
    for seed in range(10):
        backwards, forwards = queries.same_training(arch, seed), queries.same_training(arch, seed)
        found = [queries.answer(arch, backwards, epoch) for epoch in (36, 3)]
        assert found == [queries.answer(arch, forwards, epoch) for epoch in (3, 36)][::-1]
        runs.add(found[0].values)
    assert len(runs) > 1


def test_a_training_that_failed_is_as_bad_as_the_worst_recorded_and_keeps_to_no_constraint(failing):
    answer = Queries(failing).query((1, 2))
    assert answer.failed
    assert math.isnan(answer.values[0])
    assert answer.losses == failing.reference_point() == (3.5,)  # (2.6 + 4.4) / 2, of the fifth after the last epoch
    assert answer.violations == (math.inf,)
    assert answer.cost_s == 30


def test_a_budget_suffices_for_the_highest_epoch_that_is_not_above_it(budgets, uncosted):
    queries = Queries(budgets, every_epoch=True)
    assert [queries.epoch_within(budget) for budget in (4, 11.99, 12 - 1e-9, 107.9, 108, None)] == [
        4,
        4,
        12,
        36,
        108,
        108,
    ]
    for budget in (3.9, 109, "12", True, math.nan):
        with pytest.raises(SettingError, match=rf"^budget {budget!r}; epochs from 4 to 108 expected$"):
            queries.epoch_within(budget)
    with pytest.raises(SettingError, match=r"^nas_bench_graph/cora knows of no epochs; no budget expected, got 3$"):
        Queries(uncosted).epoch_within(3)


@pytest.mark.parametrize(
    ("how", "error", "match"),
    [
        ({"epoch": 37}, NotRecordedError, "epoch 37 was not recorded"),
        ({"run": 9}, NotRecordedError, "seed 9 was not recorded"),
        ({"run": "average"}, SettingError, "^run='average'; choose 'drawn', 'mean' or the number of a recorded run$"),
    ],
)
def test_what_was_never_recorded_is_refused_at_once(curves, how, error, match):
    with pytest.raises(error, match=match):
        Queries(curves, **how)


def test_runs_are_drawn_by_a_generator_alone(curves):
    with pytest.raises(SettingError, match=r"^rng=None; a generator expected, such as numpy.random.default_rng"):
        Queries(curves, run="drawn").query((3, 3, 3, 1, 3, 2))


def test_a_name_is_no_benchmark():
    with pytest.raises(SettingError, match=r"'nasbench201/cifar10'.*; a benchmark expected, as nbk.load opens one$"):
        Queries("nasbench201/cifar10")


def test_queries_survive_being_sent_to_another_process(curves):
    sent = pickle.loads(pickle.dumps(Queries(curves, epoch=12, run=1, every_epoch=True)))
    assert (sent.epochs[-1], sent.seed) == (12, 1)
    assert sent.query((3, 3, 3, 1, 3, 2)) == Queries(curves, epoch=12, run=1).query((3, 3, 3, 1, 3, 2))

"""Trainings that go on: the same run at each epoch, and the difference is paid."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import Trial
from nasbench_kit.simulator import Rules, simulate
from nasbench_kit.tables import DatasetSpec

EPOCHS, SEEDS = (1, 3, 9), (0, 1, 2)


class Scripted:
    """Asks for what it is given, in turn; None waits."""

    def __init__(self, trials):
        self.trials, self.told = iter(trials), []

    def ask(self):
        return next(self.trials, None)

    def tell(self, trial, outcome):
        self.told.append(outcome)


@pytest.fixture(scope="module")
def make_curves(make_table, stored, toy_space):
    """A benchmark of three runs of three epochs, on which every value tells its run, epoch and architecture."""

    def make(epochs_are="one training", **more):
        n = toy_space.size
        runs, epochs, archs = np.ogrid[: len(SEEDS), : len(EPOCHS), :n]
        values = 0.001 * archs + 0.1 * epochs + 0.01 * runs
        seconds = np.broadcast_to(10 * np.array(EPOCHS)[None, :, None], values.shape) * (1 + np.arange(n)) / 1.0
        metrics = [
            stored("val_accuracy", values, seeds=SEEDS, epochs=EPOCHS),
            stored("cost_s", seconds, seeds=SEEDS, epochs=EPOCHS),
        ]
        table = make_table(datasets={"d": DatasetSpec(metrics, "val_accuracy", epochs_are=epochs_are)})
        return nbk.Benchmark(table, "d", **more)

    return make


def run(bench, trials, seed=0, **how):
    optimizer = Scripted(trials)
    how.setdefault("n_evaluations", len(trials))
    return simulate(bench, optimizer, rng=np.random.default_rng(seed), **how), optimizer


def rungs(*epochs, arch=(0, 0), training=7):
    return [Trial(arch, epoch, training) for epoch in epochs]


# ---- one training ----


@pytest.mark.parametrize("seed", range(8))
def test_a_training_stays_on_its_run_and_pays_the_difference(make_curves, seed):
    records, _ = run(make_curves(), rungs(1, 3, 9), seed)
    assert len(set(records.seed)) == 1
    assert records.finished_s.tolist() == [10, 30, 90]
    assert records.cost_s.tolist() == [10, 20, 60]
    assert records.started_s.tolist() == [0, 10, 30]
    assert set(records.trial) == {0}
    assert records.value.tolist() == pytest.approx([k / 10 + records.seed[0] / 100 for k in range(3)])


def test_every_run_is_drawn_for_some_training(make_curves):
    bench = make_curves()
    assert {run(bench, rungs(1, 3), seed)[0].seed[0] for seed in range(40)} == set(SEEDS)


def test_without_a_number_each_trial_is_a_training_of_its_own(make_curves):
    records, _ = run(make_curves(), rungs(1, 3, 9, training=None))
    assert records.finished_s.tolist() == [10, 40, 130]
    assert records.trial.tolist() == [0, 1, 2]


def test_two_trainings_of_one_architecture_are_two(make_curves):
    records, _ = run(
        make_curves(), [Trial((0, 0), 1, 1), Trial((0, 0), 1, 2), Trial((0, 0), 9, 1), Trial((0, 0), 9, 2)]
    )
    assert records.trial.tolist() == [0, 1, 0, 1]
    assert records.cost_s.tolist() == [10, 10, 80, 80]
    assert records.seed[0] == records.seed[2]
    assert records.seed[1] == records.seed[3]


def test_a_training_that_is_paid_from_scratch_stays_on_its_run_all_the_same(make_curves):
    records, _ = run(make_curves(), rungs(1, 3, 9), continued="from scratch")
    assert records.finished_s.tolist() == [10, 40, 130]
    assert len(set(records.seed)) == 1


def test_the_mean_and_a_named_run_go_on_too(make_curves):
    for how in ({"run": "mean"}, {"run": 1}):
        records, _ = run(make_curves(), rungs(1, 3, 9), **how)
        assert records.finished_s.tolist() == [10, 30, 90]
        assert records.value.tolist() == pytest.approx([0.01, 0.11, 0.21])


def test_separate_trainings_are_paid_in_full_and_drawn_anew(make_curves):
    bench = make_curves("separate trainings")
    records = [run(bench, rungs(1, 3, 9), seed)[0] for seed in range(20)]
    assert {tuple(one.finished_s) for one in records} == {(10, 40, 130)}
    assert any(len(set(one.seed)) > 1 for one in records)
    assert "Epochs are separate trainings, each paid in full." in Rules(n_evaluations=3).in_words(bench)
    assert "separate" not in Rules(n_evaluations=3).in_words(make_curves())


def test_an_outcome_tells_epoch_and_cost(make_curves):
    _, optimizer = run(make_curves(), rungs(1, 3, 9))
    assert [(outcome.epoch, outcome.cost_s) for outcome in optimizer.told] == [(1, 10), (3, 20), (9, 60)]


def test_the_queries_of_a_training_agree_with_the_table(make_curves):
    bench = make_curves()
    for seed in range(6):
        training = bench.training((1, 2), rng=np.random.default_rng(seed))
        (run_,) = training.at(3).seeds
        for epoch in EPOCHS:
            assert training.at(epoch) == bench.query((1, 2), epoch=epoch, seed=run_)
        assert training.at() == training.at(9)


def test_a_training_says_whose_it_is_and_which(make_curves):
    bench = make_curves()
    rng = np.random.default_rng(0)
    shown = [repr(bench.training((1, 2), **which)) for which in ({"rng": rng}, {"seed": 2}, {})]
    runs = ("drawn", "seed 2", "the mean over all")
    assert shown == [f"<Training of (1, 2) on {bench.name}: {run}>" for run in runs]


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        (rungs(3, 3), "training 7 was asked for at epoch 3, where it is at 3; a higher one expected"),
        (rungs(3, 1), "training 7 was asked for at epoch 1, where it is at 3; a higher one expected"),
        ([*rungs(1), *rungs(3, arch=(1, 0))], r"training 7 is of \(0, 0\), and was asked for as of \(1, 0\)"),
    ],
)
def test_what_a_training_cannot_do_is_refused(make_curves, trials, message):
    with pytest.raises(SettingError, match=message):
        run(make_curves(), trials)


def test_a_training_that_runs_cannot_be_gone_on_with(make_curves):
    with pytest.raises(SettingError, match="training 7 was asked for while it runs; ask again once its outcome"):
        run(make_curves(), rungs(1, 3), n_workers=2)


# ---- surrogates ----


def test_a_drawn_training_of_a_surrogate_is_one_draw_at_each_epoch():
    bench = nbk.load("nasbench301/cifar10")
    arch = bench.space.sample(np.random.default_rng(0))
    records, _ = run(bench, rungs(10, 30, 98, arch=arch))
    whole = bench.query(arch, epoch=98).cost_s
    assert records.finished_s[-1] == pytest.approx(whole)
    assert (np.diff(records.finished_s) > 0).all()


def test_a_surrogate_draws_a_training_once(make_surrogate):
    bench = nbk.Benchmark(make_surrogate(collapse=False), "d")
    drawn = []
    for seed in range(30):
        training, again = (bench.training((1, 2), rng=np.random.default_rng(seed)) for _ in range(2))
        drawn.append([training.at(epoch).value for epoch in (4, 12, 36, 108)])
        assert drawn[-1] == [again.at(epoch).value for epoch in (4, 12, 36, 108)]
        assert training.at(12) == training.at(12)
    order = np.argsort(drawn, axis=0).T.tolist()  # who is the luckiest at one epoch is it at all
    assert order == [order[0]] * 4
    assert order[0] != sorted(order[0])


# ---- curves ----


def test_curves_are_the_values_at_each_epoch(make_curves):
    bench = make_curves()
    archs = bench.space.all_archs()
    for seed in (None, 0, 2):
        curves = bench.curves("val_accuracy", archs, seed=seed)
        assert curves.shape == (len(archs), len(EPOCHS))
        for k, epoch in enumerate(EPOCHS):
            assert curves[:, k].tolist() == bench.values("val_accuracy", archs, epoch=epoch, seed=seed).tolist()

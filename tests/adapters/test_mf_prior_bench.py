"""Our benchmarks by the interface of mf-prior-bench."""

import pickle

import pytest

from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError

pytest.importorskip("ConfigSpace", reason="ConfigSpace is absent: pip install 'nasbench-kit[configspace]'")

from nasbench_kit.adapters.mf_prior_bench import MFBenchmark

BEST = (3, 3, 3, 1, 3, 2)


def test_the_interface_is_that_of_mf_prior_bench(curves, cell):
    # mfpbench.Benchmark and mfpbench.Result of mf-prior-bench 1.10.0, https://pypi.org/project/mf-prior-bench/
    bench = MFBenchmark(curves)
    for name in (
        "name",
        "space",
        "seed",
        "fidelity_range",
        "fidelity_name",
        "start",
        "end",
        "step",
        "has_conditionals",
    ):
        assert hasattr(bench, name)
    for name in ("query", "trajectory", "sample", "iter_fidelities"):
        assert callable(getattr(bench, name))
    for name in ("config", "fidelity", "error", "score", "cost", "test_error", "values"):
        assert hasattr(bench.query(cell), name)


def test_a_result_is_what_the_benchmark_answers_with_its_cost(curves, cell):
    bench = MFBenchmark(curves)
    for at, epoch in ((1, 1), (12, 12), (None, 36)):
        answer, result = curves.query(BEST, epoch=epoch), bench.query(cell, at=at)
        assert (result.config, result.fidelity) == (cell, epoch)
        assert (result.error, result.score) == (1 - answer.val_accuracy, answer.val_accuracy)
        assert result.values == {"val_accuracy": answer.val_accuracy}
        assert result.cost == answer.cost_s


def test_the_test_error_is_not_among_what_is_told_and_is_read_by_its_name(curves, budgets, cell):
    result = MFBenchmark(curves).query(cell)
    assert "test" not in repr(result)
    assert result.test_error == 1 - curves.values("test_accuracy", [BEST])[0] != result.error
    bench = MFBenchmark(budgets)
    with pytest.raises(
        NotRecordedError, match=r"^nasbench101/cifar10 records no test metric that belongs to val_accuracy"
    ):
        bench.query(bench.sample(seed=0)).test_error  # noqa: B018


def test_a_trajectory_is_one_training_at_its_epochs(curves, cell):
    bench = MFBenchmark(curves)
    assert bench.fidelity_range == (1, 36, 1)
    accuracies = curves.curves("val_accuracy", [BEST])[0].tolist()
    assert [result.score for result in bench.trajectory(cell)] == accuracies
    some = bench.trajectory(cell, frm=3, to=10, step=3)
    assert [(result.fidelity, result.score) for result in some] == [(e, accuracies[e - 1]) for e in (3, 6, 9)]


def test_a_drawn_run_is_the_same_in_queries_and_in_trajectories(curves, cell):
    bench = MFBenchmark(curves, run="drawn", seed=4)
    trajectory = [result.score for result in bench.trajectory(cell)]
    assert trajectory in [curves.curves("val_accuracy", [BEST], seed=seed)[0].tolist() for seed in (0, 1, 2)]
    assert [bench.query(cell, at=epoch).score for epoch in range(1, 37)] == trajectory


def test_epochs_with_gaps_are_those_that_were_recorded(budgets):
    bench = MFBenchmark(budgets)
    assert (bench.fidelity_range, bench.epochs) == ((4, 108, 8), (4, 12, 36, 108))
    assert [result.fidelity for result in bench.trajectory(bench.sample(seed=0))] == [4, 12, 36, 108]


def test_samples_were_recorded_and_their_seed_gives_them_again(loaded):
    proteins = loaded("nas_bench_graph/proteins")  # a small part of its space
    bench = MFBenchmark(proteins)
    one, several = bench.sample(seed=3), bench.sample(5, seed=3)
    assert several[0] == one
    assert len(several) == 5
    for config in (*several, bench.sample(), *bench.sample(2)):
        assert bench.query(config).score == proteins.query(config).value


def test_a_loss_is_an_error_and_a_training_that_failed_the_worst_one(failing):
    bench = MFBenchmark(failing)
    result = bench.query({"kernel": "3", "width": "16"})
    assert (result.error, result.score) == (failing.query((0, 0)).val_loss, -failing.query((0, 0)).val_loss)
    failed = bench.query("5,64")
    assert (failed.error, failed.score, failed.cost, failed.values) == (3.5, -3.5, 30, {"val_loss": 3.5})


@pytest.mark.parametrize("at", [0, 37, 1.5, "12", True])
def test_epochs_that_were_not_recorded_are_refused_in_one_line(curves, cell, at):
    with pytest.raises(NotRecordedError, match=rf"^epoch {at!r} was not recorded; choose from 1, 2, "):
        MFBenchmark(curves).query(cell, at=at)


def test_what_cannot_be_is_refused_in_one_line(curves, uncosted, cell):
    bench = MFBenchmark(curves)
    with pytest.raises(UnknownNameError, match=r"^unknown choice for '0->1': 'conv'; "):
        bench.query(cell | {"0->1": "conv"})
    with pytest.raises(SettingError, match=r"^epochs from 30 to 40; from 1 to 36 at most expected$"):
        bench.trajectory(cell, frm=30, to=40)
    with pytest.raises(NotRecordedError, match=r"^nas_bench_graph/cora knows of no epochs, so it has no range"):
        MFBenchmark(uncosted).fidelity_range  # noqa: B018


def test_a_benchmark_survives_being_sent_to_another_process(curves, cell):
    bench = MFBenchmark(curves)
    assert pickle.loads(pickle.dumps(bench)).query(cell, at=3).error == bench.query(cell, at=3).error

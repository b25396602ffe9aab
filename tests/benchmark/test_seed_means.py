"""A mean over training runs weighs each of them once, in every way to ask for it."""

import numpy as np
import pytest

SEEDS = (7, 8, 9)
RUNS = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.5, 0.1, 0.2, 0.9, 0.7], [0.8, 0.4, 0.9, 0.3, 0.1, 0.2]])


@pytest.fixture(params=["whole", "one run is missing"])
def recorded(request, make_benchmark, stored):
    """A benchmark of three unequal runs, and the means by hand."""
    runs = RUNS.copy()
    if request.param != "whole":
        runs[2, 1] = runs[0, 4] = np.nan
    expected = [sum(there) / len(there) for there in (column[~np.isnan(column)].tolist() for column in runs.T)]
    curve = np.stack([runs / 2, runs], axis=1)  # after 4 and 9 epochs
    bench = make_benchmark(
        stored("val_accuracy", curve, seeds=SEEDS, epochs=(4, 9)),
        stored("cost_s", [[[10.0]], [[90.0]]] * np.ones(6), epochs=(4, 9)),
    )
    return bench, np.array(expected)


@pytest.mark.parametrize(("epoch", "factor"), [(None, 1.0), (9, 1.0), (4, 0.5)])
def test_the_mean_weighs_every_seed_once_alone_and_in_a_batch(recorded, epoch, factor):
    bench, expected = recorded
    archs = bench.space.all_archs()
    alone = [bench.query(arch, epoch=epoch).value for arch in map(tuple, archs.tolist())]
    np.testing.assert_allclose(alone, factor * expected, rtol=1e-12)
    np.testing.assert_allclose(bench.query_many(archs, epoch=epoch).value, factor * expected, rtol=1e-12)
    np.testing.assert_allclose(bench.values("val_accuracy", archs, epoch=epoch), factor * expected, rtol=1e-12)
    for i, arch in enumerate(map(tuple, archs.tolist())):
        assert bench.values("val_accuracy", [arch], epoch=epoch)[0] == pytest.approx(factor * expected[i], rel=1e-12)
        assert bench.training(arch).at(epoch).value == pytest.approx(factor * expected[i], rel=1e-12)


def test_the_mean_curve_and_the_best_weigh_every_seed_once(recorded):
    bench, expected = recorded
    curves = bench.curves("val_accuracy", bench.space.all_archs())
    np.testing.assert_allclose(curves, np.stack([expected / 2, expected], axis=1), rtol=1e-12)
    assert bench.best().value == pytest.approx(expected.max(), rel=1e-12)

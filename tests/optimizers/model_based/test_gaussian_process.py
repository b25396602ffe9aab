"""Gaussian processes on architectures, against scikit-learn and the textbook's formulas."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from nasbench_kit.encodings import weisfeiler_lehman
from nasbench_kit.predictors.gaussian_process import (
    GaussianProcess,
    hamming_kernels,
    weisfeiler_lehman_features,
    weisfeiler_lehman_kernels,
)
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
CELLS = SPACE.sample_many(np.random.default_rng(0), 40)
OTHERS = SPACE.sample_many(np.random.default_rng(1), 25)
VALUES = np.random.default_rng(2).normal(0.7, 0.1, 40)


def radial(one, other):
    return np.exp(-0.5 * ((one[:, None] - other[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("noise", [1e-4, 0.03, 0.5])
def test_the_posterior_is_that_of_scikit_learn(noise):
    process = GaussianProcess(CELLS.astype(float), VALUES, kernels=[radial], noises=[noise])
    reference = GaussianProcessRegressor(
        ConstantKernel(process.variance) * RBF(1.0), alpha=noise * process.variance, optimizer=None
    )
    reference.fit(CELLS.astype(float), VALUES - VALUES.mean())
    mean, sd = reference.predict(OTHERS.astype(float), return_std=True)
    ours = process.predict(OTHERS.astype(float))
    assert ours[0] == pytest.approx(mean + VALUES.mean(), abs=1e-9)
    assert ours[1] == pytest.approx(sd, abs=1e-7)
    assert process.log_likelihood == pytest.approx(reference.log_marginal_likelihood_value_, abs=1e-6)


def test_the_variance_is_the_one_of_the_highest_likelihood():
    process = GaussianProcess(CELLS.astype(float), VALUES, kernels=[radial], noises=[0.1])

    def likelihood(variance):
        reference = GaussianProcessRegressor(ConstantKernel(variance) * RBF(1.0), alpha=0.1 * variance, optimizer=None)
        return reference.fit(CELLS.astype(float), VALUES - VALUES.mean()).log_marginal_likelihood_value_

    here = likelihood(process.variance)
    assert here >= max(likelihood(factor * process.variance) for factor in (0.8, 0.95, 1.05, 1.25))


def test_noise_and_kernel_are_those_of_the_highest_likelihood():
    noises, kernels = (1e-3, 0.03, 1.0), hamming_kernels(SPACE)
    each = [
        GaussianProcess(CELLS.astype(float), VALUES, kernels=[kernel], noises=[noise])
        for kernel in kernels
        for noise in noises
    ]
    chosen = GaussianProcess(CELLS.astype(float), VALUES, kernels=kernels, noises=noises)
    assert chosen.log_likelihood == pytest.approx(max(one.log_likelihood for one in each))


def test_a_hamming_kernel_falls_with_the_share_of_decisions_that_differ():
    (kernel, *_) = hamming_kernels(SPACE)  # of length .1
    found = kernel(np.array([[0, 0, 0, 0, 0, 0.0]]), np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 4, 1], [1] * 6], float))
    assert found[0] == pytest.approx([1.0, np.exp(-(2 / 6) / 0.1), np.exp(-1 / 0.1)])


def test_weisfeiler_lehman_kernels_are_normalized_inner_products_of_histograms():
    features = weisfeiler_lehman_features(SPACE, CELLS)
    for rounds, kernel in enumerate(weisfeiler_lehman_kernels(SPACE)):
        counts = weisfeiler_lehman(SPACE, CELLS, rounds=rounds).astype(float)
        lengths = np.sqrt((counts**2).sum(axis=1))
        assert kernel(features, features) == pytest.approx(counts @ counts.T / np.outer(lengths, lengths))


def test_equal_values_and_repeated_architectures_are_no_trouble():
    process = GaussianProcess(np.repeat(CELLS[:2].astype(float), 3, axis=0), np.ones(6), kernels=hamming_kernels(SPACE))
    mean, sd = process.predict(OTHERS.astype(float))
    assert mean == pytest.approx(np.ones(len(OTHERS)))
    assert np.isfinite(sd).all()

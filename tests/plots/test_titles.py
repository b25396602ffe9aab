"""Names in figures are those of the publications."""

import pytest

import nasbench_kit as nbk
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.plots.titles import _LIBRARIES, _OPTIMIZERS, benchmark_title, metric_title, optimizer_title


@pytest.mark.parametrize(
    ("name", "about", "title"),
    [
        ("nasbench201/cifar10", "", "NAS-Bench-201, CIFAR-10"),
        ("nasbench201/imagenet16-120", "", "NAS-Bench-201, ImageNet16-120"),
        ("nasbench101/cifar10", "NAS-Bench-101: all of its cells", "NAS-Bench-101, CIFAR-10"),
        ("nasbench201_mnist1d/mnist1d-12", "", "NAS-Bench-201 cells, MNIST-1D (12)"),
        ("nas_bench_graph/cs", "", "NAS-Bench-Graph, Coauthor CS"),
        ("nasbench201/cifar10 (budget_s=1000)", "", "NAS-Bench-201, CIFAR-10\n(budget_s=1000)"),
        ("mine/default", "", "mine"),
        ("mine/default", "Letters: three of them", "Letters"),
        ("mine/b", "a title that is as long as a sentence and no name", "mine, b"),
        ("NAS-Bench-201, CIFAR-10", "", "NAS-Bench-201, CIFAR-10"),
        ("any title", "", "any title"),
    ],
)
def test_a_benchmark_is_called_as_in_its_publication(name, about, title):
    assert benchmark_title(name, about) == title


def test_every_benchmark_that_comes_with_the_package_has_a_title_of_its_own():
    titles = {name: benchmark_title(name) for name in nbk.list_benchmarks()}
    assert len(set(titles.values())) == len(titles)
    assert not [title for title in titles.values() if "/" in title or "_" in title]


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("random_search", "random search"),
        (
            "regularized_evolution (population_size=20, remove=worst of sample)",
            "regularized evolution (population size 20, remove worst of sample)",
        ),
        ("my_module:MyOptimizer (rate=0.1)", "MyOptimizer (rate 0.1)"),
        ("optuna:TPESampler", "TPESampler (Optuna)"),
        ("skopt:GP (n_initial_points=5)", "GP (scikit-optimize; n initial points 5)"),
        ("asha", "ASHA"),
        ("gp_bo (n_initial=5)", "GP-BO (n initial 5)"),
        ("REA, our run", "REA, our run"),
        ("ours", "ours"),
        ("_", "_"),
        (" ", " "),
    ],
)
def test_an_optimizer_is_called_in_words(label, title):
    assert optimizer_title(label) == title


def test_names_that_are_no_words_are_those_of_optimizers():
    assert set(_OPTIMIZERS) <= set(OPTIMIZERS)
    titles = [optimizer_title(name) for name in OPTIMIZERS]
    assert len(set(titles)) == len(titles)


def test_a_validation_metric_is_called_so():
    assert metric_title("val accuracy") == "validation accuracy"
    assert metric_title("valid") == "valid"


def test_every_library_has_a_title():
    assert set(LIBRARIES) <= set(_LIBRARIES)

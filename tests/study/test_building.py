"""From the name of an optimizer to one that can be asked."""

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.model_free import random_search
from nasbench_kit.simulator import Rules
from nasbench_kit.study.building import build
from nasbench_kit.study.text import reason_of


class Stops(random_search.RandomSearch):
    """Needs a choice of epochs."""

    needs = ("epochs",)


class KnowsLatency(random_search.RandomSearch):
    """Needs a column."""

    needs = ("known:latency_ms[moon]",)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    for made in (Stops, KnowsLatency):
        monkeypatch.setattr(random_search, made.__name__, made, raising=False)


def test_a_benchmark_that_lacks_what_an_optimizer_needs_is_refused_by_the_names_of_those_that_do_not(cifar10):
    rules = Rules(n_evaluations=5)
    with pytest.raises(SettingError, match=r"only epoch 200; it can search .*nasbench301/cifar10") as refused:
        build(f"{random_search.__name__}:Stops", {}, cifar10, rules, np.random.default_rng(0))
    named = str(refused.value).partition("can search ")[2].split(", ")
    assert {name for name in nbk.list_benchmarks() if len(nbk.load(name).epochs) > 1} == {*named}


def test_no_benchmark_is_named_where_none_has_it(cifar10):
    with pytest.raises(
        UnknownNameError, match=r"unknown column, which .* needs 'latency_ms\[moon\]'; (?!.*can search)"
    ):
        build(f"{random_search.__name__}:KnowsLatency", {}, cifar10, Rules(n_evaluations=5), np.random.default_rng(0))


def test_no_error_shows_where_in_memory_an_object_is():
    assert str(SettingError(f"{object()!r} is no optimizer")) == "<object object> is no optimizer"
    assert reason_of(ValueError(object())) == "ValueError: <object object>"


@pytest.mark.parametrize("name", [":", "module:", ":Class"])
def test_a_name_that_is_half_empty_is_refused_with_what_to_write(name):
    with pytest.raises(UnknownNameError, match=f"^'{name}' names no optimizer; module:Class expected$"):
        optimizer_class(name)

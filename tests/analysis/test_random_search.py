"""The law of random search: by hand, against simulation, and against published numbers."""

import csv
import gzip
from collections import defaultdict

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import random_search_law, summarize, trajectories_of
from nasbench_kit.errors import SettingError
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Configuration, execute
from nasbench_kit.study.columns import unpack
from nasbench_kit.study.running import make_many

N_PUBLISHED = 500  # runs behind each published number


def simulated(benchmark, n_runs, rules):
    key = Configuration.of(benchmark, "random_search", rules=rules)
    seeds = np.array_split(np.arange(n_runs), -(-n_runs // 250))
    made = [one for some in seeds for one in make_many(key, some.tolist())]
    return trajectories_of(benchmark, [unpack(one.columns, one.n_evaluations) for one in made], rules)


# ---- by hand ----


def by_hand(letters, budget, overshoot="dropped"):
    """What each letter's chance is to be the incumbent when the budget ends, by all that may happen."""
    ends = defaultdict(float)

    def go_on(now, incumbent, chance):
        for letter, (told, cost) in enumerate(letters):
            better = letter if incumbent is None or told > letters[incumbent][0] else incumbent
            if now + cost < budget:
                go_on(now + cost, better, chance / len(letters))
            else:
                counts = now + cost == budget or overshoot == "counted"
                ends[better if counts else incumbent] += chance / len(letters)

    go_on(0, None, 1.0)
    return ends


@pytest.mark.parametrize("overshoot", ["dropped", "counted"])
def test_every_way_that_a_search_may_go_is_counted_as_often_as_it_happens(letters, overshoot):
    told, cost, reported = [0.5, 0.9, 0.7, 0.2], [1.0, 4.0, 2.0, 8.0], [0.4, 0.8, 0.85, 0.1]
    bench = letters(val_accuracy=told, cost_s=cost, test_accuracy=reported)
    law = random_search_law(bench, budget_s=8, overshoot=overshoot)
    ends = by_hand(list(zip(told, cost, strict=True)), 8, overshoot)
    assert sum(ends.values()) == pytest.approx(1)
    mean = sum(chance * reported[letter] for letter, chance in ends.items())
    assert law.times[-1] == 8
    assert law.has_incumbent[-1] == pytest.approx(1)
    assert law.mean[-1] == pytest.approx(mean, abs=1e-9)
    variance = sum(chance * (reported[letter] - mean) ** 2 for letter, chance in ends.items())
    assert law.sd[-1] == pytest.approx(variance**0.5, abs=1e-6)
    assert law.success_rate(0.8)[-1] == pytest.approx(ends[1] + ends[2], abs=1e-9)
    below = np.cumsum([ends[letter] for letter in np.argsort(reported)])
    expected = [sorted(reported)[int((below >= q - 1e-9).argmax())] for q in (0.1, 0.5, 0.9)]
    assert law.quantiles([0.1, 0.5, 0.9])[:, -1].tolist() == expected


def test_several_workers_are_as_many_independent_searches(letters):
    bench = letters(val_accuracy=[0.5, 0.9, 0.7], cost_s=[1.0, 4.0, 2.0])
    one, three = (random_search_law(bench, budget_s=8, n_workers=n) for n in (1, 3))
    assert 1 - three.success_rate(0.9)[-1] == pytest.approx((1 - one.success_rate(0.9)[-1]) ** 3)


def test_a_budget_of_many_thousand_evaluations_changes_nothing_that_is_sooner(cifar10):
    soon, late = (random_search_law(cifar10, budget_s=budget_s) for budget_s in (1e6, 3e7))
    shares = [np.interp(4e5, law.times, law.success_rate(0.91)) for law in (soon, late)]
    assert shares[1] == pytest.approx(shares[0], abs=0.005)
    assert 0.1 < shares[0] < 0.9
    assert (late.times[-1], late.mean[-1]) == (3e7, pytest.approx(late.best_of(16_400)[0], abs=1e-4))


@pytest.mark.parametrize("budget_s", [9e5, 2e8])
def test_early_times_are_as_exact_as_late_ones(cifar10, budget_s):
    law = random_search_law(cifar10, budget_s=budget_s)
    for at in (np.searchsorted(law.times, time_s) for time_s in (0, 3_000, 6_000, 30_000)):
        ending_there = random_search_law(cifar10, budget_s=float(law.times[at]))
        assert law.mean[at] == pytest.approx(ending_there.mean[-1], abs=2e-4)  # with a single grid 1 to 3 points off


def test_until_the_first_evaluation_may_end_there_is_no_incumbent(letters):
    bench = letters(val_accuracy=[0.5, 0.9], cost_s=[2.0, 6.0])
    law = random_search_law(bench, budget_s=4, n_times=4_096)
    assert law.times[0] == 2
    assert law.has_incumbent[0] == pytest.approx(0.5)
    assert law.mean[0] == pytest.approx(0.5)
    with pytest.raises(SettingError, match="budget_s=1 ends before the first evaluation can; give a larger one"):
        random_search_law(bench, budget_s=1)


def test_the_best_of_some_samples_is_what_so_many_evaluations_find(letters):
    bench = letters(val_accuracy=[0.5, 0.9, 0.7, 0.7], test_accuracy=[0.4, 0.8, 0.85, 0.75])
    law = random_search_law(bench, clock="evaluations", n_evaluations=3)
    chances = np.array([1, 27 - 1, 64 - 27]) / 64  # that the best is 0.5, 0.7, 0.9
    assert law.best_of(3)[0] == pytest.approx(chances @ [0.4, 0.8, 0.8])
    assert law.best_of(1)[0] == pytest.approx(0.7)
    assert law.times.tolist() == [1, 2, 3]
    assert law.mean[2] == pytest.approx(law.best_of(3)[0])


def test_of_a_loss_smaller_is_better(letters):
    bench = letters(objective="val_loss", val_loss=[3.0, 1.0, 2.0])
    law = random_search_law(bench, clock="evaluations", n_evaluations=2)
    assert law.best == 1
    assert law.best_of(2)[0] == pytest.approx((1 * 3 + 3 * 2 + 5 * 1) / 9)
    assert law.success_rate(2.0)[1] == pytest.approx(8 / 9)


# ---- against simulation ----


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("nasbench201/cifar10", {"budget_s": 220_000}),
        ("nasbench201/cifar10", {"budget_s": 20_000, "overshoot": "counted"}),
        ("nasbench201/cifar100", {"budget_s": 440_000, "run": "mean"}),
        ("nasbench201/imagenet16-120", {"budget_s": 60_000, "run": 777}),
        ("nasbench201/cifar10", {"n_evaluations": 30}),
        ("nasbench201_mnist1d/mnist1d", {"budget_s": 2_000}),
        ("nasbench201_mnist1d/mnist1d-12", {"n_epochs": 1_000, "clock": "epochs"}),
        ("nas_bench_graph/cora", {"n_evaluations": 30, "clock": "evaluations"}),
        ("nas_bench_graph/proteins", {"n_evaluations": 30, "clock": "evaluations"}),
    ],
)
def test_simulated_runs_end_as_the_law_says(name, how):
    bench, rules, n_runs = nbk.load(name), Rules(**how), 1_000
    law, simulation = random_search_law(bench, rules), summarize(simulated(bench, n_runs, rules))
    error = simulation.sd / n_runs**0.5
    assert abs(law.mean[-1] - simulation.mean) < 3 * error
    assert law.sd[-1] == pytest.approx(simulation.sd, rel=0.1)
    good = law.quantiles([0.9])[0, -1]
    assert law.success_rate(good)[-1] == pytest.approx(0.1, abs=0.02)


@pytest.mark.slow
def test_ten_thousand_runs_agree_to_a_hundredth_of_a_point_at_all_times():
    bench, rules = nbk.load("nasbench201/cifar10"), Rules(budget_s=400_000)
    law = random_search_law(bench, rules)
    found = simulated(bench, 10_000, rules)
    ends = found.reported[found.finals]
    assert abs(law.mean[-1] - ends.mean()) < 1e-4
    quantiles = (0.1, 0.25, 0.5, 0.75, 0.9)
    shares = [(ends <= value).mean() for value in law.quantiles(quantiles)[:, -1]]
    assert shares == pytest.approx(quantiles, abs=0.02)  # values are discrete


def test_runs_of_several_workers_end_as_the_law_says():
    bench, rules, n_runs = nbk.load("nasbench201/cifar10"), Rules(budget_s=20_000, n_workers=4), 400
    key = Configuration.of(bench, "random_search", rules=rules)
    simulation = summarize(trajectories_of(bench, [execute(key, seed) for seed in range(n_runs)], rules))
    law = random_search_law(bench, rules)
    assert abs(law.mean[-1] - simulation.mean) < 3 * simulation.sd / n_runs**0.5
    assert law.sd[-1] == pytest.approx(simulation.sd, rel=0.12)


# ---- against what was published ----

# Source: Mellor et al. 2021, https://arxiv.org/abs/2006.04647, table 2 (a), rows "Optimal (N=10)" and "(N=100)": mean
# and sd over 500 samples of the best of N random cells, each column by itself
PUBLISHED = {
    "cifar10": {10: ((89.92, 0.75), (93.06, 0.59)), 100: ((91.05, 0.28), (93.84, 0.23))},
    "cifar100": {10: ((69.61, 1.21), (69.76, 1.25)), 100: ((71.45, 0.79), (71.56, 0.78))},
    "imagenet16-120": {10: ((43.11, 1.85), (43.30, 1.87)), 100: ((45.37, 0.61), (45.67, 0.64))},
}
# Source: Dong and Yang 2020, https://arxiv.org/abs/2001.00326, table 5, row RS: mean and sd of 500 runs of 12,000 s
RANDOM_SEARCH = {
    "cifar10": ((90.93, 0.36), (93.70, 0.36)),
    "cifar100": ((70.93, 1.09), (71.04, 1.07)),
    "imagenet16-120": ((44.45, 1.10), (44.57, 1.25)),
}
_TEST = {
    "cifar10": "c10_test_200ep_mean_v1",
    "cifar100": "c100_xtest_200ep_s888",
    "imagenet16-120": "in16_xtest_200ep_s888",
}


def agrees(found, published):
    """Within three standard errors of the published mean, and half of its last digit."""
    mean, sd = published
    return abs(100 * found - mean) < 3 * sd / N_PUBLISHED**0.5 + 0.005


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_best_of_some_random_cells_is_as_good_as_published(dataset, k):
    law = random_search_law(nbk.load(f"nasbench201/{dataset}"), run="mean", n_evaluations=k)
    mean, sd = law.best_of(k)
    assert agrees(mean, PUBLISHED[dataset][k][0])
    assert 100 * sd == pytest.approx(PUBLISHED[dataset][k][0][1], rel=0.12)


@pytest.fixture(scope="module")
def cells(shared_data, tmp_path_factory):
    """Make a table of all cells of NAS-Bench-201 from columns of the real data, in percent."""
    with gzip.open(shared_data / "nasbench201" / "nb201_all.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [row["arch_str"] for row in rows]
    space = nbk.load("nasbench201/cifar10").space

    def make(name, objective, columns, **more):
        frame = {metric: [float(row[column]) / 100 for row in rows] for metric, column in columns.items()}
        frame |= {metric: values(space.parse_many(texts)) for metric, values in more.items()}
        path = tmp_path_factory.mktemp("cells") / f"{name}.h5"
        nbk.Table.from_frame(
            {"arch": texts, **frame}, path, name=name, space=space, metrics=list(frame), objective=objective
        )
        return nbk.load(f"{name}/default", results=path)

    return make


@pytest.mark.shared
@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_best_of_some_random_cells_is_as_good_by_test_accuracy_as_published(cells, dataset, k):
    bench = cells("tests", "test_accuracy", {"test_accuracy": _TEST[dataset]})
    mean, _ = random_search_law(bench, clock="evaluations", n_evaluations=k).best_of(k)
    assert agrees(mean, PUBLISHED[dataset][k][1])


@pytest.mark.shared
@pytest.mark.parametrize("dataset", RANDOM_SEARCH)
def test_random_search_on_nas_bench_201_finds_what_was_published(cells, dataset):
    """It sees the validation accuracy on CIFAR-10 after 12 epochs, and pays for these and for one validation."""
    val = nbk.load(f"nasbench201/{dataset}")
    cifar10 = nbk.load("nasbench201/cifar10")
    bench = cells(
        "official",
        "val_accuracy",
        {"val_accuracy": "c10valid_xvalid_12ep_mean", "test_accuracy[test]": _TEST[dataset]},
        **{"test_accuracy[val]": lambda archs: val.values("val_accuracy", archs)},
        cost_s=lambda archs: cifar10.values("cost_s", archs) * (12 + 0.35) / 200,  # a validation takes .35 of an epoch
    )
    for of, (mean, sd) in zip(("val", "test"), RANDOM_SEARCH[dataset], strict=True):
        law = random_search_law(bench, budget_s=12_000, reported=("default", f"test_accuracy[{of}]"))
        assert agrees(law.mean[-1], (mean, sd))
        assert 100 * law.sd[-1] == pytest.approx(sd, rel=0.05)


# ---- what is not known ----


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"budget_s": 1e5, "n_evaluations": 5}, "no law of random search is known: of two budgets; give one"),
        ({"n_evaluations": 5, "n_workers": 2}, "of several workers without a budget of seconds"),
        ({"budget_s": 1e5, "repeats": "served"}, "it depends on what was sampled before"),
        ({"n_epochs": 100}, "n_epochs=100 is less than one evaluation of 200 epochs"),
        ({}, "no budget; give budget_s"),
    ],
)
def test_rules_whose_law_is_not_known_are_refused_in_one_line(how, message):
    with pytest.raises(SettingError, match=message):
        random_search_law(nbk.load("nasbench201/cifar10"), **how)


def test_benchmarks_whose_law_is_not_known_are_refused_in_one_line():
    with pytest.raises(SettingError, match="is a surrogate, whose noise takes any value; a table is expected"):
        random_search_law(nbk.load("nasbench201_surrogate/cifar10"), n_evaluations=5)
    with pytest.raises(SettingError, match="nasbench201/cifar10 has constraints"):
        random_search_law(nbk.load("nasbench201/cifar10", constraints=["params_m<=0.5"]), n_evaluations=5)
    with pytest.raises(SettingError, match=r"a benchmark expected, as nbk\.load opens one"):
        random_search_law("nasbench201/cifar10", n_evaluations=5)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda bench: random_search_law(bench, n_evaluations=9, n_times=1), "n_times=1; an integer of at least 2"),
        (lambda bench: random_search_law(bench, n_evaluations=9).best_of(0), "k=0; an integer of at least 1"),
        (
            lambda bench: random_search_law(bench, n_evaluations=9).quantiles([1.5]),
            "quantile=1.5; a number from 0 to 1",
        ),
        (
            lambda bench: random_search_law(bench, n_evaluations=9, n_workers=4, clock="evaluations"),
            "of several workers without a budget of seconds; give budget_s",
        ),
    ],
)
def test_what_the_law_cannot_answer_is_refused_in_one_line(cifar10, ask, message):
    with pytest.raises(SettingError, match=message):
        ask(cifar10)

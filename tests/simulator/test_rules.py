"""The rules: budgets, what is paid, what is counted, and how they are said and stored."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import NotRecordedError, SettingError, TableError, UnknownNameError
from nasbench_kit.optimizers import LocalSearch, RandomSearch, Task, Trial
from nasbench_kit.simulator import Rules, simulate, task_of
from nasbench_kit.testing import check_optimizer


class Waits:
    """Asks for one trial of two, then waits for its outcome; ends after six."""

    def __init__(self, archs):
        self.archs, self.running, self.most = iter(archs), 0, 0

    def ask(self):
        if self.running == 2:
            return None
        arch = next(self.archs, None)
        if arch is None:
            return None
        self.running += 1
        self.most = max(self.most, self.running)
        return Trial(arch)

    def tell(self, trial, outcome):
        self.running -= 1


@pytest.fixture
def priced(make_benchmark, stored):
    """Six architectures whose training takes 10 s and validation 2 s."""
    return make_benchmark(
        stored("val_accuracy", np.arange(6) / 10), stored("cost_s", [10.0] * 6), stored("val_cost_s", [2.0] * 6)
    )


class Continues:
    """Names its training by a list."""

    def ask(self):
        return Trial((0,) * 6, 200, [1])

    def tell(self, trial, outcome):
        """Nothing is told."""


def searched(bench, seed=0, **how):
    rng = np.random.default_rng(seed)
    rules = Rules(**how)
    return simulate(bench, RandomSearch(task_of(bench, rules), rng), rng=rng, rules=rules)


# ---- waiting ----


def test_an_optimizer_that_waits_leaves_workers_idle_and_ends_when_it_has_nothing_more(cifar10):
    archs = list(map(tuple, cifar10.space.all_archs()[:6].tolist()))
    optimizer = Waits(archs)
    records = simulate(cifar10, optimizer, rng=np.random.default_rng(0), n_evaluations=100, n_workers=5)
    assert len(records.value) == 6
    assert optimizer.most == 2
    assert set(records.worker) == {0, 1}


def test_local_search_asks_for_neighbors_only_however_many_workers_there_are(cifar10):
    for n_workers in (1, 8, 40):
        rules = Rules(n_evaluations=24, n_workers=n_workers, run="mean")
        records = simulate(
            cifar10,
            LocalSearch(task_of(cifar10, rules), np.random.default_rng(3)),
            rng=np.random.default_rng(0),
            rules=rules,
        )
        start, *others = map(tuple, records.archs.tolist())
        assert set(others) <= set(cifar10.space.neighbors(start))


# ---- budgets ----


def test_each_budget_ends_the_search(priced):
    assert len(searched(priced, budget_s=35).value) == 3
    assert len(searched(priced, n_evaluations=4).value) == 4
    assert len(searched(priced, budget_s=35, n_evaluations=2).value) == 2


def test_an_overshoot_that_counts_is_the_last_evaluation(priced):
    assert searched(priced, budget_s=35, overshoot="counted").finished_s.tolist() == [10, 20, 30, 40]
    assert searched(priced, budget_s=30, overshoot="counted").finished_s.tolist() == [10, 20, 30]
    several = searched(priced, budget_s=35, overshoot="counted", n_workers=3)
    assert several.finished_s.tolist() == [10] * 3 + [20] * 3 + [30] * 3 + [40] * 3


def test_a_budget_of_epochs_counts_what_is_trained(make_surrogate):
    bench = nbk.Benchmark(make_surrogate(), "d")  # 4, 12, 36, 108 epochs

    class Rungs:
        def __init__(self):
            self.n = 0

        def ask(self):
            self.n += 1
            return Trial((0, self.n % 3), (4, 12)[self.n % 2], (self.n + 1) // 2 + 100 * (self.n % 2))

        def tell(self, trial, outcome):
            pass

    def n_epochs(**how):
        return simulate(bench, Rungs(), rng=np.random.default_rng(0), clock="epochs", **how)

    records = n_epochs(n_epochs=40)
    assert records.epoch.tolist() == [12, 4, 12, 4]
    assert records.finished_s.tolist() == [12, 16, 28, 32]
    assert n_epochs(n_epochs=40, overshoot="counted").epoch.tolist() == [12, 4, 12, 4, 12]


def test_a_validation_pass_is_paid_where_the_rules_say_so(priced):
    assert searched(priced, n_evaluations=3).finished_s.tolist() == [10, 20, 30]
    records = searched(priced, n_evaluations=3, costs=("cost_s", "val_cost_s"))
    assert records.finished_s.tolist() == [12, 24, 36]
    assert records.cost_s.tolist() == [12, 12, 12]
    assert priced.with_costs(["cost_s", "val_cost_s"]).query((0, 0)).cost_s == 12


def test_a_search_stays_among_what_has_the_costs_that_the_rules_name(make_benchmark, stored):
    bench = make_benchmark(
        stored("val_accuracy", np.arange(6) / 10),
        stored("cost_s", [10.0] * 6),
        stored("val_cost_s", [2.0, 2, 2, 2, 2, np.nan]),  # of the best one
    )
    costs = ("cost_s", "val_cost_s")
    assert len(task_of(bench, Rules(n_evaluations=1)).space.all_archs()) == 6
    assert len(task_of(bench, Rules(n_evaluations=1, costs=costs)).space.all_archs()) == 5
    made = nbk.compare(bench, ["random_search"], runs=20, n_evaluations=9, costs=costs, n_processes=1)
    assert made.failures == {}
    assert made.trajectories[bench.name]["random_search"].n_runs == 20


@pytest.mark.parametrize("cost_s", [0.0, np.inf])
def test_every_cost_that_the_rules_name_is_looked_at_before_the_first_run(make_benchmark, stored, cost_s):
    bench = make_benchmark(
        stored("val_accuracy", np.arange(6) / 10),
        stored("cost_s", [10.0] * 6),
        stored("val_cost_s", [2.0, 2, cost_s, 2, 2, 2]),
    )
    with pytest.raises(TableError, match=r"mine/d: val_cost_s of '3,64' is .*cannot advance the clock; a number"):
        Rules(n_evaluations=1, costs=["val_cost_s"]).check(bench)
    if cost_s == 0:
        Rules(n_evaluations=1, costs=["cost_s", "val_cost_s"]).check(bench)


# ---- repeats ----


def test_repeats_are_paid_or_served(priced):
    paid = searched(priced, n_evaluations=30)
    assert len(set(map(tuple, paid.archs.tolist()))) <= 6 < len(paid.value)
    served = searched(priced, n_evaluations=30, repeats="served")  # it ends when nothing new comes
    assert sorted(map(tuple, served.archs.tolist())) == sorted(map(tuple, priced.space.all_archs().tolist()))
    assert served.finished_s.tolist() == [10, 20, 30, 40, 50, 60]


def test_a_repeat_is_one_whether_its_epoch_is_named_or_not_and_costs_nothing():
    bench = nbk.load("nasbench201_mnist1d/mnist1d")
    arch = bench.best().arch
    told = []

    class Again:
        trials = iter([Trial(arch), Trial(arch), Trial(arch, 36), Trial(arch, 4)])

        def ask(self):
            return next(self.trials, None)

        def tell(self, trial, outcome):
            told.append((trial.epoch, outcome.epoch, outcome.cost_s))

    records = simulate(bench, Again(), rng=np.random.default_rng(0), n_evaluations=9, repeats="served")
    assert records.epoch.tolist() == [36, 4]
    assert [(at, epoch) for at, epoch, _ in told] == [(None, 36), (None, 36), (36, 36), (4, 4)]
    assert [cost_s > 0 for *_, cost_s in told] == [True, False, False, True]


# ---- the optimizer's own time ----


def test_the_time_of_the_optimizer_is_charged_where_the_rules_say_so(priced):
    apart, charged = (searched(priced, n_evaluations=5, optimizer_time=how) for how in ("apart", "charged"))
    assert apart.finished_s.tolist() == [10, 20, 30, 40, 50]
    assert charged.finished_s[-1] > 50
    # all that was spent was spent before the last trial ended, but for telling its outcome
    assert charged.finished_s[-1] - 50 <= charged.optimizer_s.sum()


# ---- several objectives, constraints ----


def test_further_objectives_are_told_oriented_and_recorded_as_they_are(make_table, stored):
    table = make_table(
        stored("val_accuracy", np.arange(6) / 10),
        stored("latency_ms[chip]", [6.0, 5, 4, 3, 2, 1]),
        stored("cost_s", [1.0] * 6),
    )
    bench = nbk.Benchmark(
        table, "d", objectives=["val_accuracy", "latency_ms[chip]"], constraints=["latency_ms[chip]<=4.5"]
    )
    told = []

    class All:
        archs = iter(map(tuple, bench.space.all_archs().tolist()))

        def ask(self):
            return Trial(next(self.archs))

        def tell(self, trial, outcome):
            told.append(outcome)

    records = simulate(bench, All(), rng=np.random.default_rng(0), n_evaluations=6)
    assert records.values.tolist() == [[k / 10, 6 - k] for k in range(6)]
    assert records.violation.tolist() == [1.5, 0.5, 0, 0, 0, 0]
    assert [outcome.values for outcome in told] == [(k / 10, k - 6.0) for k in range(6)]
    assert [outcome.violation for outcome in told] == [1.5, 0.5, 0, 0, 0, 0]
    assert [outcome.violations for outcome in told] == [(1.5 - k,) for k in range(6)]
    assert bench.reference_point() == (0.0, 6.0)
    assert bench.true_front().tolist() == [[1, 2]]


def test_no_search_is_told_an_objective_that_was_not_recorded(make_table, stored):
    table = make_table(
        stored("val_accuracy", np.arange(6) / 10),
        stored("latency_ms[chip]", [6.0, 5, np.nan, 3, 2, 1]),
        stored("cost_s", [1.0] * 6),
    )
    bench = nbk.Benchmark(table, "d", objectives=["val_accuracy", "latency_ms[chip]"])
    records = searched(bench, n_evaluations=60)
    assert len(set(map(tuple, records.archs.tolist()))) == 5
    assert np.isfinite(records.values).all()
    with pytest.raises(NotRecordedError, match=r"latency_ms\[chip\] of '3,64' was not recorded"):
        simulate(bench, Waits([(0, 2)]), rng=np.random.default_rng(0), n_evaluations=1)


def test_the_true_front_holds_what_nothing_dominates(cifar10):
    bench = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "params_m"])
    front = bench.true_front()
    archs = bench.space.all_archs()
    accuracy, size = bench.values("val_accuracy", archs), bench.values("params_m", archs)
    best = {}
    for value, params in zip(accuracy.tolist(), size.tolist(), strict=True):
        best[params] = max(value, best.get(params, 0))
    expected, so_far = [], -1.0
    for params in sorted(best):  # as the size grows, the accuracy must
        if best[params] > so_far:
            expected.append((best[params], params))
            so_far = best[params]
    found = {(bench.values("val_accuracy", [a])[0], bench.values("params_m", [a])[0]) for a in front.tolist()}
    assert found == set(expected)
    assert (np.diff(bench.values("val_accuracy", front)) <= 0).all()


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"objectives": ["val_acc"]}, UnknownNameError, "unknown metric .* 'val_acc'; did you mean 'val_accuracy'"),
        ({"objectives": "val_accuracy"}, SettingError, "objectives='val_accuracy'; a list of different names"),
        ({"objectives": []}, SettingError, r"objectives=\[\]; a list of different names"),
        ({"objectives": ["params_m"]}, SettingError, "params_m is a sum over decisions.* not the first objective"),
        ({"costs": ["params_m"]}, SettingError, "the cost params_m is in million; a metric in s expected"),
        ({"constraints": ["params_m"]}, SettingError, "'params_m' is no constraint; a text like"),
        ({"constraints": ["params_m<=nan"]}, SettingError, "finite numbers"),
        ({"constraints": ["size<=3"]}, UnknownNameError, "unknown metric of nasbench201/cifar10 'size'"),
    ],
    ids=str,
)
def test_what_cannot_play_its_part_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        nbk.load("nasbench201/cifar10", **how)


# ---- as data and in words ----


def test_rules_are_stored_as_what_differs_from_the_defaults():
    assert Rules().to_json() == {}
    rules = Rules(budget_s=np.float64(5), n_workers=np.int64(4), run=np.int64(777), costs=["cost_s"])
    assert json.dumps(rules.to_json(), sort_keys=True) == (
        '{"budget_s": 5.0, "costs": ["cost_s"], "n_workers": 4, "run": 777}'
    )
    assert repr(rules) == "Rules(budget_s=5.0, n_workers=4, run=777, costs=('cost_s',))"
    for one in (Rules(), rules, Rules(n_evaluations=5, reported=("cifar10", "test_accuracy", 200))):
        assert Rules.from_json(json.loads(json.dumps(one.to_json()))) == one
    with pytest.raises(UnknownNameError, match="unknown rule 'worker'; did you mean 'n_workers'"):
        Rules.from_json({"worker": 3})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"clock": "steps"}, "clock='steps'; choose from 'seconds', 'evaluations', 'epochs'"),
        ({"continued": "free"}, "continued='free'; choose from 'difference', 'from scratch'"),
        ({"repeats": "free"}, "repeats='free'; choose from 'paid', 'served'"),
        ({"overshoot": True}, "overshoot=True; choose from 'dropped', 'counted'"),
        ({"optimizer_time": "ignored"}, "optimizer_time='ignored'; choose from 'apart', 'charged'"),
        ({"incumbents": "all"}, "incumbents='all'; choose from 'last epoch', 'any epoch'"),
        ({"n_workers": True}, "n_workers=True; an integer expected"),
        ({"budget_s": "long"}, "budget_s='long'; a number expected"),
        ({"clock": "epochs", "budget_s": 5}, "budget_s needs a clock of seconds, and this one counts epochs"),
        ({"clock": "epochs", "optimizer_time": "charged"}, "cannot be charged to epochs"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_named_with_what_can(how, message):
    with pytest.raises(SettingError, match=message):
        Rules(**how)


def test_every_rule_is_said_in_words(cifar10):
    usual = Rules(n_evaluations=500)
    assert usual.in_words(cifar10) == (
        "A search sees one recorded training run, drawn per training; budget 500 evaluations, 1 worker."
    )
    others = {
        "budget_s": 1e6,
        "n_evaluations": 7,
        "n_epochs": 9,
        "n_workers": 4,
        "run": "mean",
        "epoch": 200,
        "clock": "evaluations",
        "costs": ("cost_s", "latency_s"),
        "continued": "from scratch",
        "repeats": "served",
        "overshoot": "counted",
        "optimizer_time": "charged",
        "reported": ("cifar10", "latency_s"),
        "incumbents": "any epoch",
    }
    assert set(others) == {field.name for field in fields(Rules)}
    for name, value in others.items():
        base = replace(usual, budget_s=5.0) if name == "costs" else usual
        assert replace(base, **{name: value}).in_words(cifar10) != base.in_words(cifar10), name


def test_what_a_benchmark_cannot_do_is_refused_before_the_first_run(cifar10, priced):
    with pytest.raises(NotRecordedError, match="epoch 12 was not recorded; choose from 200"):
        Rules(n_evaluations=1, epoch=12).check(cifar10)
    with pytest.raises(SettingError, match="mine/d knows of no epochs, so none can be counted; give n_evaluations"):
        Rules(n_epochs=5).check(priced)
    with pytest.raises(UnknownNameError, match="unknown dataset of nasbench201 'cifar'; did you mean 'cifar10'"):
        Rules(n_evaluations=1, reported=("cifar", "val_accuracy")).check(cifar10)
    with pytest.raises(UnknownNameError, match="unknown metric of nasbench201/cifar100 'test_accuracy'"):
        Rules(n_evaluations=1, reported=("cifar100", "test_accuracy")).check(cifar10)
    with pytest.raises(UnknownNameError, match="unknown metric of mine/d 'energy_s'"):
        Rules(n_evaluations=1, costs=("energy_s",)).check(priced)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, rng: simulate(b, RandomSearch, rng=rng, n_evaluations=1), "is no optimizer that can be asked"),
        (lambda b, rng: simulate(b, RandomSearch(task_of(b), rng), rng=0, n_evaluations=1), "rng=0; a generator"),
        (lambda b, rng: simulate(b.space, None, rng=rng), "a benchmark expected, as nbk.load opens one"),
        (lambda b, rng: task_of(b.space), "a benchmark expected"),
        (lambda b, rng: Task(b), "a space expected"),
        (lambda b, rng: task_of(b, {"n_evaluations": 1}), r"rules=.*; Rules\(...\) expected"),
        (
            lambda b, rng: simulate(b, RandomSearch(task_of(b), rng), rng=rng, rules=5),
            r"rules=5; Rules\(...\) expected",
        ),
        (lambda b, rng: nbk.Benchmark(b, "cifar10"), "is neither a table nor a surrogate"),
        (lambda b, rng: b.values([(0,) * 6], "val_accuracy"), "the name of a metric first"),
        (lambda b, rng: check_optimizer(RandomSearch, "nasbench201/cifar10"), "a benchmark expected"),
        (lambda b, rng: nbk.compare(5), "5 is no benchmark"),
        (
            lambda b, rng: nbk.load("x/y", results=b.results),
            r"<Table .* is no path; .* nbk.Benchmark\(opened, dataset\)",
        ),
        (lambda b, rng: nbk.compare(b, 5), "5 is no optimizer"),
        (lambda b, rng: nbk.compare(b, runs=1, study=5), "study=5; the path of a study, or an open one, expected"),
        (lambda b, rng: nbk.compare(b, rules={"n_evaluations": 1}), r"rules=.*; Rules\(...\) expected"),
        (lambda b, rng: Rules(reported="cifar10"), "'cifar10' is nothing to report by"),
        (lambda b, rng: Rules(reported=("cifar10",)), r"\(dataset, metric\) or"),
        (lambda b, rng: Rules(reported=5), r"reported=5; \(dataset, metric\) or"),
        (lambda b, rng: Rules(costs=5), "costs=5; a list of names"),
        (lambda b, rng: Rules(costs="cost_s"), "costs='cost_s'; a list of names"),
        (lambda b, rng: simulate(b, Continues(), rng=rng, n_evaluations=1), r"the training \[1\]; a number"),
        (lambda b, rng: RandomSearch(b, rng), "a task expected"),
        (lambda b, rng: RandomSearch(task_of(b), 0), "rng=0; a generator expected, such as numpy.random.default_rng"),
    ],
)
def test_a_likely_slip_is_told_in_our_words(cifar10, call, message):
    with pytest.raises(SettingError, match=message):
        call(cifar10, np.random.default_rng(0))


def test_what_is_reported_is_read_as_text_too():
    assert Rules(reported="cifar10:test_accuracy@200") == Rules(reported=("cifar10", "test_accuracy", 200))
    assert Rules(reported=["cifar10", "test_accuracy"]) == Rules(reported="cifar10:test_accuracy")


def test_one_optimizer_with_settings_needs_no_list(cifar10):
    made = nbk.compare(
        cifar10, ("regularized_evolution", {"population_size": 5}), runs=1, n_evaluations=9, n_processes=1
    )
    assert list(made.trajectories[cifar10.name]) == ["regularized_evolution (population_size=5)"]


def test_a_caption_says_what_is_optimized_and_under_which_limits_and_what_the_clock_counts():
    bench = nbk.load(
        "nasbench201_mnist1d/mnist1d", objectives=["val_accuracy", "flops_m"], constraints=["params_m<=0.05"]
    )
    rules = Rules(n_evaluations=1, epoch=1, clock="epochs")
    assert rules.in_words(bench) == (
        "A search sees val_accuracy and flops_m of one recorded training run, drawn per training, after 1 epoch;"
        " budget 1 evaluation, 1 worker, the clock counts epochs. Incumbents keep to params_m<=0.05."
        " Reported after the last epoch."
    )


def test_a_benchmark_and_records_show_themselves_in_a_notebook():
    bench = nbk.load(
        "nasbench201_mnist1d/mnist1d", objectives=["val_accuracy", "flops_m"], constraints=["params_m<=0.05"]
    )
    shown = bench._repr_html_()
    row = "<td>val_accuracy</td><td>fraction</td><td>max</td><td>1 to 36</td><td>0 to 2</td><td>objective</td>"
    assert "nasbench201_mnist1d/mnist1d: 6,466 architectures" in shown
    assert row in shown
    assert "<td>params_m&lt;=0.05</td>" in shown
    assert shown.count("<tr>") == 1 + len(bench.metrics)
    records = searched(bench, n_evaluations=12, clock="evaluations")
    assert repr(records) == "<Records of 12 evaluations, the last finished at 12>"


def test_a_rule_of_another_name_is_refused_with_the_nearest_one(cifar10):
    rng = np.random.default_rng(0)
    with pytest.raises(UnknownNameError, match="unknown rule 'n_evals'; did you mean 'n_evaluations'"):
        simulate(cifar10, RandomSearch(task_of(cifar10), rng), rng=rng, n_evals=1)

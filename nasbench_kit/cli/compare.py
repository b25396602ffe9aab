"""`compare`: run optimizers on benchmarks, then a table and a figure."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.settings import parse_optimizers
from nasbench_kit.cli.shared import (
    StoppedError,
    against_option,
    check_picture,
    example,
    json_option,
    print_json,
    print_table,
    results_option,
)
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.outputs import check_outputs

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.comparison import Comparison
    from nasbench_kit.simulator import Rules
    from nasbench_kit.study.shared_folder import Plan

_POSITIVE = click.IntRange(1)

#: a rule -> its option, and what click is told of it; all have the default of `Rules`
_RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "budget_s": (
        "--budget-s",
        {
            "type": click.FloatRange(0, min_open=True),
            "help": "Simulated seconds per run; by default what 500 evaluations take on average"
            " (where no seconds were recorded, so many evaluations).",
        },
    ),
    "n_evaluations": ("--evaluations", {"type": _POSITIVE, "help": "Evaluations per run, as budget."}),
    "n_epochs": ("--budget-epochs", {"type": _POSITIVE, "help": "Epochs trained per run, as budget."}),
    "n_workers": ("--workers", {"type": _POSITIVE, "help": "Simulated workers.  [default: 1]"}),
    "run": (
        "--run",
        {
            "metavar": "drawn|mean|N",
            "help": "What an evaluation reveals: 'drawn', one recorded training run (of a surrogate, one from the"
            " predicted noise), drawn per training; 'mean'; or the run (or member) of that number.  [default: drawn]",
        },
    ),
    "epoch": ("--epoch", {"type": int, "help": "Epochs to train; the last recorded one by default."}),
    "clock": ("--clock", {"help": "What the clock counts: seconds, evaluations or epochs.  [default: seconds]"}),
    "costs": (
        "--costs",
        {"metavar": "METRIC,...", "help": "Metrics whose sum a training pays in seconds.  [default: cost_s]"},
    ),
    "continued": (
        "--continued",
        {"help": "What continuing a training pays: the 'difference', or 'from scratch'.  [default: difference]"},
    ),
    "repeats": (
        "--repeats",
        {"help": "An architecture asked for again is 'paid' for, or 'served' from memory.  [default: paid]"},
    ),
    "overshoot": (
        "--overshoot",
        {"help": "What runs when the budget ends is 'dropped' or 'counted'.  [default: dropped]"},
    ),
    "optimizer_time": (
        "--optimizer-time",
        {"help": "The optimizer's own time is kept 'apart' or 'charged' to the clock.  [default: apart]"},
    ),
    "reported": (
        "--reported",
        {
            "metavar": "DATASET:METRIC[@EPOCH]",
            "help": "What incumbents are reported by; by default the test metric of the objective, else the objective.",
        },
    ),
    "incumbents": (
        "--incumbents",
        {"help": "Evaluations at the 'last epoch' or at 'any epoch' may be incumbents.  [default: last epoch]"},
    ),
}


def _rule_options(command: Callable[..., None]) -> Callable[..., None]:
    for name, (option, how) in reversed(_RULES.items()):
        command = click.option(option, name, **how)(command)
    return command


@click.command(
    epilog=example(
        "nasbench-kit compare",
        "nasbench-kit compare -b nasbench201/cifar10 -o random_search -o regularized_evolution,sample_size=5 --runs 50",
        "nasbench-kit compare -b nasbench201/cifar100 --evaluations 200 --run mean --runs 20",
        "nasbench-kit compare -o random_search -o my_module:MyOptimizer,rate=0.1,label=ours --workers 4",
        "nasbench-kit compare -b nasbench201/cifar10 --until-settled 0.1",
        "nasbench-kit compare -o my_module:MyOptimizer --against archive",
        "nasbench-kit compare --protocol nats_tss_surrogate -o REA -o my_module:MyOptimizer --runs 50",
        "nasbench-kit compare --cluster tcp://host:8786",
        "mpirun -n 8 nasbench-kit compare --executor mpi",
        "nasbench-kit compare --study shared/mine.db --plan",
    )
)
@click.option(
    "-b",
    "--benchmark",
    "benchmarks",
    multiple=True,
    help="Benchmark; repeat for more. By default those of the protocol, or NAS-Bench-201 on its three datasets.",
)
@click.option(
    "-o",
    "--optimizer",
    "optimizers",
    multiple=True,
    metavar="NAME[,SETTING=VALUE...]",
    help="Optimizer, by name, as module:Class or as cmd:./program, its settings, and label=TEXT; repeat for more. With"
    " a protocol also by its name there. By default those of the protocol, or random search, regularized evolution and"
    " local search.",
)
@click.option("--protocol", help="A published set of rules, as `list` shows them, instead of rules one by one.")
@click.option("--runs", type=_POSITIVE, help="Runs per optimizer.  [default: the protocol's, or 500]")
@click.option(
    "--until-settled",
    metavar="TOLERANCE",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="Make no more runs than are needed to settle which of each two optimizers is better, or to know to within"
    " TOLERANCE, such as 0.1, how probable it is that a run of one ends better: such two are tied.",
)
@_rule_options
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    help="Metric to optimize instead of the benchmark's; repeat for several, of which incumbents follow the first.",
)
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    metavar="METRIC<=LIMIT",
    help="Limit to keep to, like 'params_m<=0.5'; repeat for more.",
)
@against_option
@click.option("--first-seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first run.")
@click.option(
    "--study",
    type=click.Path(dir_okay=False),
    default="compare.db",
    show_default=True,
    help="Study file; continued if there.",
)
@click.option(
    "--figure", type=click.Path(dir_okay=False), default="compare.png", show_default=True, help="Figure; PDF beside it."
)
@click.option("--law", is_flag=True, help="Draw the exact law of random search, too: tables alone.")
@click.option(
    "--processes", "n_processes", type=_POSITIVE, help="Processes; as many as there are processors by default."
)
@click.option(
    "--cluster",
    metavar="tcp://HOST:PORT|FILE.toml",
    help="Make the runs on the workers of this Dask scheduler, or on jobs of a queue that a file describes"
    " (docs/clusters.md).",
)
@click.option("--executor", type=click.Choice(["mpi"]), help="Make the runs on the other ranks of mpirun.")
@click.option(
    "--plan",
    "is_plan",
    is_flag=True,
    help="Run nothing: write beside the study what is to be made by `work` on machines that share that folder. The same"
    " command without --plan takes over what they made, and shows it.",
)
@click.option("--batch", type=_POSITIVE, help="With --plan: runs that a worker makes at a time.  [default: 50 at most]")
@results_option
@json_option
def compare(
    benchmarks: tuple[str, ...],
    optimizers: tuple[str, ...],
    protocol: Any,
    runs: int | None,
    until_settled: float | None,
    objectives: tuple[str, ...],
    constraints: tuple[str, ...],
    against: str | None,
    first_seed: int,
    study: str,
    figure: str,
    law: bool,
    n_processes: int | None,
    cluster: str | None,
    executor: str | None,
    is_plan: bool,
    batch: int | None,
    results: str | None,
    as_json: bool,
    **rules: Any,
) -> None:
    """Run optimizers on benchmarks, many times each, and show which is better when.

    Ends with a table and a figure: median regret over simulated time. Regret is how far the validation accuracy (the
    test accuracy, where it was recorded) of the best architecture found so far is from the best there is; the best so
    far is chosen by what the search was told after the last epoch, and reported by the mean over all recorded training
    runs, or by the mean that a surrogate predicts. Where its space is too large to look at whole, the best known stands
    for the best.

    Against an archive, benchmarks and rules are those of the protocol suite_small, if none are given.

    Runs are kept in the study file. Stop it whenever you like: the same command goes on where it was.
    """
    from nasbench_kit import comparison  # takes a while to import
    from nasbench_kit.protocols import protocol_of

    _check_where(cluster, executor, n_processes, is_plan, batch, until_settled)
    if executor is not None:
        from nasbench_kit.study.clusters import mpi_ranks

        if not click.get_current_context().with_resource(mpi_ranks()):
            return
    given = parse_optimizers(optimizers) or None
    ruled = {name: value for name, value in rules.items() if value is not None}
    if not (benchmarks or ruled or objectives or constraints):
        protocol = comparison.protocol_against(against, protocol)
    if protocol is None:
        loaded = [
            load(name, results=results, objectives=objectives or None, constraints=constraints or None)
            for name in dict.fromkeys(benchmarks or comparison.BENCHMARKS)
        ]
    else:
        chosen = {"--objective": objectives, "--constraint": constraints, **{_RULES[name][0]: True for name in ruled}}
        if said := [option for option, value in chosen.items() if value]:
            raise SettingError(f"the protocol {protocol} says the rules; leave out {', '.join(said)}")
        loaded = protocol_of(protocol).load(dict.fromkeys(benchmarks) or None, results=results)
    if law:
        _check_law(loaded, protocol, ruled)
    pictures = _pictures(figure)
    check_outputs(
        reads=[(f"the results of {bench.name}", bench.results.path) for bench in loaded],
        writes=[("--study", study), *(("--figure", picture) for picture in pictures)],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = _warn
        how: dict[str, Any] = {"protocol": protocol, "rules": _rules(**ruled) if ruled else None, "runs": runs}
        how |= {"study": study, "against": against, "first_seed": first_seed}
        if is_plan:
            _say_plan(comparison.plan(loaded, given, batch=batch, **how), study, as_json=as_json)
            return
        how |= {"until_settled": until_settled, "n_processes": n_processes}
        try:
            with _workers(cluster, executor, loaded) as workers:
                made = comparison.compare(loaded, given, **{**how, **workers})
        except KeyboardInterrupt:
            raise StoppedError(f"stopped; the runs made so far are in {study}: the same command goes on") from None
    _draw(made, pictures, law=law)
    if as_json:
        print_json(_rows(made))
        return
    head, rows = made.cells()
    print_table(head, rows, numbers=len(head) - 1)
    click.echo()
    for line in made.notes():
        click.echo(line)
    click.echo(f"how: {made.in_words}")
    click.echo(f"figure: {', '.join(map(str, pictures))}")
    now, before = made.counts.made, made.counts.there
    click.echo(f"study: {study}, {counted(now, 'run')} made now, {before:,} {'was' if before == 1 else 'were'} there")


def _check_where(
    cluster: str | None,
    executor: str | None,
    n_processes: int | None,
    is_plan: bool,
    batch: int | None,
    until_settled: float | None,
) -> None:
    """Refuse options that say different things about who makes the runs."""
    who = {"--cluster": cluster, "--executor": executor, "--processes": n_processes, "--plan": is_plan or None}
    given = [option for option, value in who.items() if value is not None]
    if len(given) > 1:
        raise SettingError(f"{given[0]} and {given[1]} exclude each other; leave one out")
    if is_plan and until_settled is not None:
        raise SettingError(
            "--plan and --until-settled exclude each other: who plans does not see results; leave one out"
        )
    if batch is not None and not is_plan:
        raise SettingError("--batch is of a plan; give --plan as well")


@contextmanager
def _workers(cluster: str | None, executor: str | None, benchmarks: Iterable[Benchmark]) -> Iterator[dict[str, Any]]:
    """Who makes the runs, as arguments of `compare`: a cluster, if one was named."""
    if cluster is None and executor is None:
        yield {}
        return
    from nasbench_kit.study import clusters

    results = [bench.results for bench in benchmarks]
    with clusters.dask_workers(cluster, results) if cluster else clusters.mpi_workers(results) as workers:
        yield {"executor": workers.executor, "n_processes": workers.n}


def _say_plan(plan: Plan, study: str, *, as_json: bool) -> None:
    n_runs = sum(len(run_seeds) for _, run_seeds in plan.batches)
    left = plan.left() if plan.batches else []
    if as_json:
        print_json({"folder": str(plan.folder), "n_batches": len(plan.batches), "n_runs": n_runs, "n_left": len(left)})
    elif not plan.batches:
        click.echo(f"nothing to plan: all runs are in {study}")
    else:
        click.echo(f"plan: {n_runs:,} runs in {len(plan.batches):,} batches, {len(left):,} to be made: {plan.folder}")
        click.echo(f"on machines that see that folder: nasbench-kit work {study}")
        click.echo("then the same command without --plan")


def _rules(**given: Any) -> Rules:
    """The rules that were typed; those that were not are the default ones."""
    from nasbench_kit.simulator import Rules

    if given.get("run", "").isdecimal():
        given["run"] = int(given["run"])
    if "costs" in given:
        given["costs"] = tuple(name.strip() for name in given["costs"].split(","))
    return Rules(**given)


def _check_law(benchmarks: Iterable[Benchmark], protocol: str | None, ruled: dict[str, Any]) -> None:
    """Refuse what has no law that could be drawn, before the work of many runs."""
    from nasbench_kit.analysis import check_law
    from nasbench_kit.protocols import protocol_of

    own = _rules(**ruled)
    published = {setup.benchmark: setup.rules for setup in protocol_of(protocol).setups} if protocol else {}
    for benchmark in benchmarks:
        check_law(benchmark, published.get(benchmark.name, own))


def _pictures(figure: str) -> list[Path]:
    """The files to draw, checked before the work of many runs."""
    check_picture(figure)
    path = Path(figure)
    return list(dict.fromkeys([path, path.with_suffix(".pdf")]))


def _draw(made: Comparison, pictures: list[Path], *, law: bool) -> None:
    from nasbench_kit.plots import save_figure

    try:
        save_figure(made.figure(law=law), *pictures, dpi=300)
    except SettingError as error:
        raise SettingError(f"{error}; the runs are safe in {made.study}") from None


def _rows(made: Comparison) -> list[dict[str, Any]]:
    rows = []
    for row in made.table():
        benchmark, label = row.pop("benchmark"), row.pop("optimizer")
        rows.append({**json.loads(made.configurations[benchmark][label].identity), "label": label, **row})
    return rows


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"warning: {message}", err=True)

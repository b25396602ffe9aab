"""`compare`: run optimizers on benchmarks, then a table and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import (
    StoppedError,
    check_picture,
    example,
    json_option,
    print_json,
    print_table,
    progress_bar,
    table_option,
)
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from nasbench_kit.analysis import Outcomes, Summary
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.study import Configuration, Study

BENCHMARKS = ("nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120")
OPTIMIZERS = ("random_search", "regularized_evolution", "local_search")
AVERAGE_EVALUATIONS = 500  # the default budget: the simulated time that so many evaluations take on average


@click.command(
    epilog=example(
        "nasbench-kit compare",
        "nasbench-kit compare -b nasbench201/cifar10 -o random_search -o regularized_evolution,sample_size=5 --runs 50",
        "nasbench-kit compare -b nasbench201/cifar100 --evaluations 200 --reveal mean --runs 20",
        "nasbench-kit compare -o random_search -o my_module:MyOptimizer,rate=0.1 --workers 4",
    )
)
@click.option(
    "-b",
    "--benchmark",
    "benchmarks",
    multiple=True,
    default=BENCHMARKS,
    help="Benchmark; repeat for more. By default NAS-Bench-201 on its three datasets.",
)
@click.option(
    "-o",
    "--optimizer",
    "optimizers",
    multiple=True,
    default=OPTIMIZERS,
    metavar="NAME[,SETTING=VALUE...]",
    help="Optimizer, by name or as module:Class, and its settings; repeat for more. By default random search,"
    " regularized evolution and local search.",
)
@click.option("--runs", "n_runs", type=click.IntRange(1), default=500, show_default=True, help="Runs per optimizer.")
@click.option(
    "--budget-s",
    type=click.FloatRange(0, min_open=True),
    help=f"Simulated seconds per run; by default what {AVERAGE_EVALUATIONS} evaluations take on average (where no"
    " seconds were recorded, so many evaluations).",
)
@click.option("--evaluations", type=click.IntRange(1), help="Evaluations per run, instead of seconds.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Simulated workers.")
@click.option(
    "--reveal",
    default="drawn",
    show_default=True,
    help="What an evaluation reveals: 'drawn', one recorded training run (of a surrogate, one from the predicted"
    " noise), drawn per trial; 'mean'; or a seed.",
)
@click.option("--epoch", type=int, help="Epochs to train; the last recorded one by default.")
@click.option("--first-seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first run.")
@click.option(
    "--study",
    "path",
    type=click.Path(dir_okay=False),
    default="compare.db",
    show_default=True,
    help="Study file; continued if there.",
)
@click.option(
    "--figure", type=click.Path(dir_okay=False), default="compare.png", show_default=True, help="Figure; PDF beside it."
)
@click.option("--processes", type=click.IntRange(1), help="Processes; as many as there are processors by default.")
@table_option
@json_option
def compare(
    benchmarks: tuple[str, ...],
    optimizers: tuple[str, ...],
    n_runs: int,
    budget_s: float | None,
    evaluations: int | None,
    workers: int,
    reveal: str,
    epoch: int | None,
    first_seed: int,
    path: str,
    figure: str,
    processes: int | None,
    table: str | None,
    as_json: bool,
) -> None:
    """Run optimizers on benchmarks, many times each, and show which is better when.

    Ends with a table and a figure: median regret over simulated time. Regret is how far the validation accuracy (the
    test accuracy, where it was recorded) of the best architecture found so far is from the best there is; the best so
    far is chosen by what the search was told, and judged by the mean over all recorded training runs, or by the mean
    that a surrogate predicts. Where its space is too large to look at whole, the best known stands for the best.

    Runs are kept in the study file. Stop it whenever you like: the same command goes on where it was.
    """
    from nasbench_kit.analysis import check_judgeable
    from nasbench_kit.study import Configuration, Study

    if evaluations and budget_s:
        raise SettingError("--budget-s and --evaluations exclude each other; give one")
    loaded = [load(name, table=table) for name in dict.fromkeys(benchmarks)]
    configurations = {
        bench: [
            Configuration.of(
                bench,
                *_parse_optimizer(text),
                **_budget(bench, budget_s, evaluations, epoch),
                n_workers=workers,
                seed=int(reveal) if reveal.isdecimal() else reveal,
                epoch=epoch,
            )
            for text in dict.fromkeys(optimizers)
        ]
        for bench in loaded
    }
    for bench in loaded:
        check_judgeable(bench, epoch=epoch)
    run_seeds = range(first_seed, first_seed + n_runs)
    pictures = _pictures(figure)
    with Study(path) as study:
        with progress_bar("runs") as advance:
            try:
                n_made = study.run(chain(*configurations.values()), run_seeds, n_processes=processes, progress=advance)
            except KeyboardInterrupt:
                raise StoppedError(f"stopped; the runs made so far are in {path}: the same command goes on") from None
        _report(study, configurations, run_seeds, pictures, as_json)
    if not as_json:
        n_all = n_runs * sum(map(len, configurations.values()))
        click.echo(f"study: {path}, {n_made:,} runs made now, {n_all - n_made:,} were there")


def _pictures(figure: str) -> list[Path]:
    """The files to draw, checked before the work of many runs."""
    check_picture(figure)
    path = Path(figure)
    return list(dict.fromkeys([path, path.with_suffix(".pdf")]))


def _parse_optimizer(text: str) -> tuple[str, dict[str, Any]]:
    name, *pairs = text.split(",")
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingError(f"{pair!r} in {text!r} is no setting; write NAME,SETTING=VALUE,...")
        try:
            settings[key.strip()] = json.loads(value)
        except ValueError:
            settings[key.strip()] = value.strip()
    return name, settings


def _budget(bench: Benchmark, budget_s: float | None, evaluations: int | None, epoch: int | None) -> dict[str, Any]:
    """Clock and budget of a run: seconds where they were recorded, else evaluations."""
    from nasbench_kit.simulator import EVALUATIONS

    if "cost_s" not in bench.metrics:
        if budget_s:
            raise SettingError(f"{bench.name} records no cost_s, so no budget in seconds; give --evaluations instead")
        return {"clock": EVALUATIONS, "n_evaluations": evaluations or AVERAGE_EVALUATIONS}
    if evaluations:
        return {"n_evaluations": evaluations}
    return {"budget_s": budget_s or _default_budget_s(bench, epoch)}


def _default_budget_s(bench: Benchmark, epoch: int | None) -> float:
    costs = bench.query_many(bench.results.representative_archs(), epoch=epoch, missing="nan").cost_s
    costs = costs[costs == costs]  # those that were recorded
    if not len(costs):
        raise SettingError(f"{bench.name} records no cost_s at epoch {epoch}; choose another epoch")
    # six digits: the last bits of a mean differ between processors, and the budget is part of what makes runs the same
    return float(f"{AVERAGE_EVALUATIONS * costs.mean():.6g}")


def _report(
    study: Study,
    configurations: Mapping[Benchmark, Sequence[Configuration]],
    run_seeds: range,
    pictures: Sequence[Path],
    as_json: bool,
) -> None:
    from matplotlib import rc_context

    from nasbench_kit.analysis import judge, summarize, with_common_best
    from nasbench_kit.plots import compare_figure

    outcomes = {
        bench: with_common_best(
            {key: judge(bench, [run.records for run in study.runs(key, run_seeds)], clock=key.clock) for key in keys}
        )
        for bench, keys in configurations.items()
    }
    rows = [(key, summarize(one)) for panel in outcomes.values() for key, one in panel.items()]
    panels = {bench.name: {key.label: one for key, one in panel.items()} for bench, panel in outcomes.items()}
    how = " ".join(  # not all benchmarks may have the same clock
        dict.fromkeys(_how(key, _noise(bench)) for bench, panel in outcomes.items() for key in panel)
    )
    drawn = compare_figure(panels, note=how)
    for picture in pictures:
        try:
            with rc_context({"pdf.fonttype": 42}):  # fonts that publishers accept
                drawn.savefig(picture, dpi=160)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingError(
                f"cannot write figure {str(picture)!r}: {reason}; the runs are safe in {study.path}"
            ) from None
    if as_json:
        print_json([_row(key, summary) for key, summary in rows])
        return
    _print_results(rows, outcomes)
    click.echo(f"how: {how}")
    click.echo(f"figure: {', '.join(map(str, pictures))}")


def _print_results(
    rows: Sequence[tuple[Configuration, Summary]], outcomes: Mapping[Benchmark, Mapping[Configuration, Outcomes]]
) -> None:
    texts: list[Sequence[object]] = []
    judged = [_judged(next(iter(panel.values()))) for panel in outcomes.values()]
    same = len(set(judged)) == 1
    for (bench, panel), by in zip(outcomes.items(), judged, strict=True):
        scale = next(iter(panel.values())).shown_as[0]
        texts.append([bench.name, "", "" if same else by, *[""] * 3])
        for key, summary in rows:
            if key in panel:
                mean, sd, regret = (scale * value for value in (summary.mean, summary.sd, summary.median_regret))
                digits = 2 if scale > 1 else 4  # percentages, or whatever unit the metric has
                spread = f"{mean:.{digits}f} ± {sd:.{digits}f}" if summary.n_runs > 1 else f"{mean:.{digits}f}"
                shares = (f"{100 * share:.1f} %" for share in (summary.found_share, summary.kept_share))
                evaluations = f"{summary.mean_evaluations:.1f}"
                texts.append((f"  {key.label}", evaluations, spread, f"{regret:.{digits}f}", *shares))
    column = judged[0] if same else "metric"
    print_table((f"n = {rows[0][1].n_runs} runs each", "evals", column, "regret", "found", "kept"), texts, 5)
    every = [one for panel in outcomes.values() for one in panel.values()]
    over = {False: "mean over the recorded training runs", True: "mean that the surrogate predicts"}
    means = " or ".join(over[predicted] for predicted in sorted({one.is_predicted for one in every}))
    click.echo(f"\n{column.partition(' [')[0]}: of the final incumbent, after the last epoch, {means};")
    click.echo("  mean ± standard deviation over runs")
    unit = f" {judged[0][judged[0].rindex('[') :]}" if same else ""
    click.echo(f"regret: its distance from the best of the benchmark{unit}, median over runs")
    click.echo("found, kept: share of runs that evaluated the best of the benchmark; that ended on it")
    unproven = [bench.name for bench, panel in outcomes.items() if not all(one.is_proven for one in panel.values())]
    if unproven:
        click.echo(
            f"best: of {', '.join(unproven)} the best known, or that one of these runs evaluated; there may be better"
        )


def _judged(outcomes: Outcomes) -> str:
    return f"{outcomes.metric_in_words} [{outcomes.shown_as[1]}]"


def _how(key: Configuration, noise: str) -> str:
    """How the runs were made, in words; `noise` as `_noise` says."""
    told = {"drawn": "one recorded training run, drawn per trial", "mean": "the mean of the recorded training runs"}
    seen = told.get(str(key.seed), f"training run {key.seed}")
    if noise:
        told = {"drawn": f"a run drawn from {noise}, per trial", "mean": "the predicted mean"}
        seen = told.get(str(key.seed), f"what member {key.seed} predicts")
    budget = f"{key.n_evaluations} evaluations" if key.n_evaluations else "simulated seconds"
    who = "A search of a surrogate" if noise else "A search"
    after = "" if key.epoch is None else f", after {key.epoch} epochs"
    return f"{who} sees {seen}{after}; budget in {budget}; {key.n_workers} worker{'s' * (key.n_workers > 1)}."


def _noise(bench: Benchmark) -> str:
    """What a surrogate draws runs from; empty for a table."""
    from nasbench_kit.surrogates import Surrogate
    from nasbench_kit.surrogates.targets import NOISE

    if not isinstance(bench.results, Surrogate):
        return ""
    modelled = bench.results.card.target(bench.dataset, bench.objective_metric.name, NOISE)
    return "the predicted noise" if modelled else "the spread of the members"


def _row(key: Configuration, summary: Summary) -> dict[str, Any]:
    return {**json.loads(key.identity), **summary._asdict()}

"""`plot`: figures of a study, without the command that made it."""

from __future__ import annotations

from functools import partial
from math import nan
from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.cli.shared import (
    against_option,
    benchmarks_option,
    check_picture,
    example,
    optimizers_option,
    results_option,
    width_option,
)
from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.outputs import check_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nasbench_kit.study import Study

_BANDS = {"none": None, "auto": "auto", "standard-error": "standard error", "bootstrap": "bootstrap"}
_COUNTED = ("seconds", "evaluations", "epochs")

#: a choice of kinds of figures -> its option, and what click is told of it; which kinds have it, they say themselves
_CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "axis": (
        "--axis",
        {
            "metavar": "seconds|evaluations|epochs|METRIC",
            "help": "What was spent: along which lines are drawn, or the sum of a metric of trainings, such as"
            " energy_kwh.  [default: what the clock counts, or evaluations or epochs where no seconds are the budget]",
        },
    ),
    "quantity": (
        "--quantity",
        {
            "metavar": "regret|value|time|speed-up",
            "help": "What is drawn of incumbents: regret or value.  [default: regret]  Of targets: time to them, or"
            " speed-up over random search.  [default: time]",
        },
    ),
    "statistic": (
        "--statistic",
        {
            "metavar": "median|mean|iqm",
            "help": "Over runs, of which those without an incumbent are worse than all others.  [default: median]",
        },
    ),
    "band": (
        "--band",
        {
            "metavar": "LOW-HIGH|standard-error|bootstrap|none",
            "help": "Around lines: two quantiles in percent, such as 10-90; one standard error of the mean; a 95 %"
            " bootstrap interval; none.  [default: 25-75, none of many lines]",
        },
    ),
    "x_scale": ("--x-scale", {"metavar": "log|linear", "help": "Of what was spent.  [default: log]"}),
    "y_scale": ("--y-scale", {"metavar": "log|linear", "help": "[default: log for regret, linear for values]"}),
    "x_limits": ("--x-limits", {"metavar": "LOW:HIGH", "help": "From where to where the axis goes."}),
    "y_limits": ("--y-limits", {"metavar": "LOW:HIGH", "help": "From where to where, in the unit that is shown."}),
    "highlight": (
        "--highlight",
        {
            "multiple": True,
            "metavar": "LABEL",
            "help": "Draw this one in color, the others gray; repeat for more. By default all, or the best few and"
            " random search where there are more than colors.",
        },
    ),
    "each": (
        "--each",
        {"is_flag": True, "default": None, "help": "A panel for each benchmark, instead of all together."},
    ),
    "by": (
        "--by",
        {
            "metavar": "every-pair|seed|median",
            "help": "What is ranked: runs of all optimizers, whichever; of the same seed; medians.  [default: seed]",
        },
    ),
    "share": (
        "--share",
        {"is_flag": True, "default": None, "help": "Time as a share of the budget; of several benchmarks anyway."},
    ),
    "over": (
        "--over",
        {"metavar": "LABEL", "help": "Whom the others are to be better than.  [default: random_search, if there]"},
    ),
    "test": (
        "--test",
        {
            "metavar": "nemenyi|mann-whitney",
            "help": "Over benchmarks, or of the runs on each.  [default: nemenyi, of two benchmarks or more]",
        },
    ),
    "at": (
        "--at",
        {"type": float, "metavar": "SPENT", "help": "Attainment when so much was spent.  [default: at the end]"},
    ),
    "seed": (
        "--seed",
        {
            "type": int,
            "help": "Of the one run to draw: of the first optimizer, on the first benchmark.  [default: first]",
        },
    ),
    "overlay": (
        "--overlay",
        {
            "multiple": True,
            "metavar": "published|FORMAT:FILE,NAME=VALUE,...",
            "help": "Lay over it what others measured on the one benchmark: points that papers print, or runs in a log"
            " of csv (spent= and value= name its columns), optuna, syne-tune, dehb or iohprofiler; label=, metric=,"
            " best=, scale=, axis= as docs/figures.md says; repeat for more.",
        },
    ),
    "law": ("--law", {"is_flag": True, "default": None, "help": "Draw the exact law of random search, too."}),
    "caption": (
        "--no-caption",
        {"is_flag": True, "default": None, "help": "Leave out how the numbers came about, below the figure."},
    ),
}


def _choice_options(command: Callable[..., None]) -> Callable[..., None]:
    for name, (option, how) in reversed(_CHOICES.items()):
        command = click.option(option, name, **how)(command)
    return command


@click.command(
    epilog=example(
        "nasbench-kit plot compare.db",
        "nasbench-kit plot compare.db -o paper.pdf -o paper.png --statistic mean --band standard-error",
        "nasbench-kit plot compare.db --axis evaluations --quantity value --x-scale linear --y-limits 90:92",
        "nasbench-kit plot compare.db -b nasbench201/cifar10 --optimizer local_search --optimizer random_search --law",
        "nasbench-kit plot compare.db --width column --highlight ours --label regularized_evolution=RE",
        "nasbench-kit plot compare.db -b nasbench201/cifar10 --axis seconds"
        " --overlay csv:theirs.csv,spent=time_s,value=val_acc,scale=0.01,label=Theirs",
        "nasbench-kit plot compare.db --kind critical-difference",
        "nasbench-kit plot compare.db --against archive --kind ranks",
        "nasbench-kit plot compare.db --kind gantt -b nasbench201/cifar10 --optimizer local_search --seed 3",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.option(
    "-o",
    "--out",
    "figures",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="Figure: .png, .pdf, .svg or .pgf, and others that matplotlib writes; repeat for more."
    "  [default: the study's name with .png and .pdf]",
)
@click.option(
    "--kind", default="anytime", show_default=True, help="Kind of figure; an unknown one names those there are."
)
@benchmarks_option
@optimizers_option
@click.option("--label", "labels", multiple=True, metavar="OLD=NEW", help="Show an optimizer by another label.")
@_choice_options
@width_option
@against_option
@results_option
def plot(
    study: str,
    figures: tuple[str, ...],
    kind: str,
    benchmarks: tuple[str, ...],
    optimizers: tuple[str, ...],
    labels: tuple[str, ...],
    against: str | None,
    results: str | None,
    **choices: Any,
) -> None:
    """Draw what a study holds, without the command that made it.

    Kinds of figures: anytime, a statistic of regret over what was spent, a panel per benchmark; ranks; ecdf;
    time-to-target; profiles; intervals; critical-difference; win-rates; of several objectives: fronts, hypervolume,
    attainment; of one run: learning-curves, gantt; of architectures: parallel-coordinates, incumbents. Benchmarks and
    optimizers stand in the order given. Lines begin where their statistic exists, dotted until all runs have an
    incumbent, and end where runs end.
    """
    from nasbench_kit.comparison import Comparison  # takes a while to import
    from nasbench_kit.plots import save_figure
    from nasbench_kit.plots.kinds import KINDS, check_choices
    from nasbench_kit.study import Study

    pictures = [Path(name) for name in figures] or [Path(study).with_suffix(end) for end in (".png", ".pdf")]
    for picture in pictures:
        check_picture(str(picture))
    chosen = _typed({name: value for name, value in choices.items() if value not in (None, ())})
    check_outputs(
        reads=[("STUDY", study), ("--from", results), *(("--overlay", path) for path in _files(chosen))],
        writes=[("--out", picture) for picture in pictures],
    )
    check_choices(kind, chosen)
    renamed, axis = dict(_split(text) for text in labels), chosen.get("axis")
    with Study(study, create=False) as opened:
        if axis is not None:
            _check_axis(opened, axis, benchmarks, results)
        looks_at = "run" if "seed" in chosen else KINDS[kind].looks_at
        if looks_at != "all" and not renamed:  # else a label of what is left out would be unknown
            benchmarks, optimizers = _first(opened, benchmarks, optimizers, one_run=looks_at == "run")
        which = {"benchmarks": benchmarks or None, "optimizers": optimizers or None}
        summed = () if axis is None or axis in _COUNTED else (axis,)
        read = which if against is None else {"benchmarks": which["benchmarks"]}  # of an archive, too, some are chosen
        found = Comparison.of_study(opened, against=against, results=results, summed=summed, **read)
    made = found.figure(kind, labels=renamed or None, **which, **chosen)
    save_figure(made, *pictures, dpi=300)
    click.echo("\n".join(map(str, pictures)))


def _check_axis(study: Study, axis: str, benchmarks: Sequence[str], results: str | None) -> None:
    """Refuse an axis that runs do not have, before they are read."""
    from nasbench_kit.analysis.panels import chosen
    from nasbench_kit.analysis.trajectories import main_axis

    for key in chosen(study, benchmarks or None, None):
        benchmark = study.benchmark(key, results)
        counted = [main_axis(key.rules), key.rules.clock, "evaluations", *(["epochs"] if benchmark.epochs else [])]
        costs = [metric.name for metric in benchmark.metrics.values() if metric.direction != "max"]
        if axis not in (*counted, *costs):
            raise unknown("axis of these runs", axis, dict.fromkeys([*counted, *costs]))


def _first(
    study: Study, benchmarks: tuple[str, ...], optimizers: tuple[str, ...], *, one_run: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The benchmark that a figure of one shows, and of one run the optimizer: the first that have runs."""
    from nasbench_kit.analysis.panels import chosen

    keys = [key for key in chosen(study, benchmarks or None, optimizers or None) if study.n_runs(key)]
    if not keys:
        return benchmarks, optimizers
    there = [key.benchmark for key in keys]
    benchmark = next((name for name in benchmarks if name in there), there[0])
    of_it = [key for key in keys if key.benchmark == benchmark]
    named = (key for name in optimizers for key in of_it if name in key.names)
    return (benchmark,), (next(named, of_it[0]).legend,) if one_run else optimizers


def _files(choices: Mapping[str, Any]) -> list[str]:
    """Those that overlays are read from."""
    return [text.partition(":")[2].partition(",")[0] for text in choices.get("overlay", ()) if ":" in text]


def _typed(choices: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the library takes it."""
    readers: dict[str, Callable[[Any], Any]] = {
        "band": _band,
        "x_limits": partial(_limits, "x_limits"),
        "y_limits": partial(_limits, "y_limits"),
        "by": lambda text: text.replace("-", " "),
        "caption": not_,
    }
    return {name: readers[name](value) if name in readers else value for name, value in choices.items()}


def _band(text: str) -> Any:
    if text in _BANDS:
        return _BANDS[text]
    try:
        low, high = map(float, text.split("-"))
    except ValueError:
        low = high = nan
    if not 0 <= low <= high <= 100:
        raise SettingError(
            f"band={text!r:.80} is none; two percentages, the lower one first, like 25-75, or one of"
            f" {', '.join(_BANDS)} expected"
        )
    return low / 100, high / 100


def _limits(name: str, text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        low = high = nan
    if not low < high:
        raise SettingError(
            f"{name}={text!r:.80}; two numbers with a colon between them, the lower one first, expected, like 1e3:1e6"
        )
    return low, high


def _split(text: str) -> tuple[str, str]:
    old, equals, new = text.rpartition("=")
    if not equals or not old or not new.strip():
        raise SettingError(f"label {text!r:.80}; OLD=NEW expected, where OLD is an optimizer of the study")
    return old, new.strip()

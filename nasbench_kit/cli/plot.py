"""`plot`: figures of a study, without the command that made it."""

from __future__ import annotations

from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.cli.shared import benchmarks_option, check_picture, example, optimizers_option, results_option
from nasbench_kit.errors import SettingError
from nasbench_kit.outputs import check_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

_BANDS = {"none": None, "auto": "auto", "standard-error": "standard error", "bootstrap": "bootstrap"}
_COUNTED = ("seconds", "evaluations", "epochs")

#: a choice of kinds of figures -> its option, and what click is told of it; which kinds have it, they say themselves
_CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "axis": (
        "--axis",
        {
            "metavar": "seconds|evaluations|epochs|METRIC",
            "help": "What was spent: along which lines are drawn, or the sum of a metric of trainings, such as"
            " energy_kwh.  [default: what the budget counts]",
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
    "seed": (
        "--seed",
        {
            "type": int,
            "help": "Of the one run to draw: of the first optimizer, on the first benchmark.  [default: first]",
        },
    ),
    "law": ("--law", {"is_flag": True, "default": None, "help": "Draw the exact law of random search, too."}),
    "width": (
        "--width",
        {
            "metavar": "column|text|slide|INCHES",
            "help": "Width in print: of a column, of the text of a page with two columns, of a slide.  [default: text]",
        },
    ),
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
        "nasbench-kit plot compare.db --kind critical-difference",
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
@results_option
def plot(
    study: str,
    figures: tuple[str, ...],
    kind: str,
    benchmarks: tuple[str, ...],
    optimizers: tuple[str, ...],
    labels: tuple[str, ...],
    results: str | None,
    **choices: Any,
) -> None:
    """Draw what a study holds, without the command that made it.

    Kinds of figures: anytime, a statistic of regret over what was spent, a panel per benchmark; ranks; ecdf;
    time-to-target; profiles; intervals; critical-difference; win-rates; of one run: learning-curves, gantt; of
    architectures: parallel-coordinates, incumbents. Benchmarks and optimizers stand in the order given. Lines begin
    where their statistic exists, dotted until all runs have an incumbent, and end where runs end.
    """
    from nasbench_kit.comparison import Comparison  # takes a while to import
    from nasbench_kit.plots import save_figure
    from nasbench_kit.plots.kinds import check_choices

    pictures = [Path(name) for name in figures] or [Path(study).with_suffix(end) for end in (".png", ".pdf")]
    for picture in pictures:
        check_picture(str(picture))
    check_outputs(reads=[("STUDY", study), ("--from", results)], writes=[("--out", picture) for picture in pictures])
    chosen = _typed({name: value for name, value in choices.items() if value not in (None, ())})
    check_choices(kind, chosen)
    renamed = dict(_split(text) for text in labels)
    axis = chosen.get("axis")
    found = Comparison.of_study(
        study,
        benchmarks=benchmarks or None,
        optimizers=optimizers or None,
        results=results,
        summed=() if axis is None or axis in _COUNTED else (axis,),
    )
    made = found.figure(
        kind, benchmarks=benchmarks or None, optimizers=optimizers or None, labels=renamed or None, **chosen
    )
    save_figure(made, *pictures, dpi=300)
    click.echo("\n".join(map(str, pictures)))


def _typed(choices: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the library takes it."""
    readers: dict[str, Callable[[Any], Any]] = {
        "band": _band,
        "x_limits": _limits,
        "y_limits": _limits,
        "width": _width,
        "by": lambda text: text.replace("-", " "),
        "caption": not_,
    }
    return {name: readers[name](value) if name in readers else value for name, value in choices.items()}


def _band(text: str) -> Any:
    if text in _BANDS:
        return _BANDS[text]
    low, _, high = text.partition("-")
    try:
        return float(low) / 100, float(high) / 100
    except ValueError:
        raise SettingError(
            f"band={text!r:.80} is none; two percentages like 25-75, or one of {', '.join(_BANDS)} expected"
        ) from None


def _limits(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise SettingError(
            f"limits {text!r:.80}; two numbers with a colon between them expected, like 1e3:1e6"
        ) from None


def _width(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _split(text: str) -> tuple[str, str]:
    old, equals, new = text.rpartition("=")
    if not equals or not old or not new.strip():
        raise SettingError(f"label {text!r:.80}; OLD=NEW expected, where OLD is an optimizer of the study")
    return old, new.strip()

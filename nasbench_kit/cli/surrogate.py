"""`surrogate`: make surrogates of tables, and evaluate them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.cli.shared import Group, StoppedError, example, open_table, progress_bar
from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    from nasbench_kit.surrogates import Surrogate

ALIASES = {"lgb": "lightgbm", "rf": "random_forest", "xgb": "xgboost"}


def numbers(_: click.Context, option: click.Parameter, text: str | None) -> list[int] | None:
    """Read numbers joined by commas."""
    try:
        return None if text is None else [int(number) for number in text.split(",")]
    except ValueError:
        raise SettingError(f"--{option.name} {text!r}; numbers joined by commas expected, like 4,12,36") from None


@click.group(cls=Group, epilog=example("nasbench-kit surrogate fit --help"))
def surrogate() -> None:
    """Make a surrogate of a table: models that predict what was not measured."""


@surrogate.command(
    epilog=example(
        "nasbench-kit surrogate fit --table nasbench201 --model lgb --members 10 --out my_surrogate",
        "nasbench-kit surrogate fit --table nasbench201 --model xgb --dataset cifar10 --set max_depth=8 --out small",
        "nasbench-kit surrogate fit --table nasbench201 --tune 30 --train-share 0.1 --out tuned",
        "nasbench-kit surrogate fit --table nasbench301.h5 --preset nasbench301 --split official --out nb301",
    )
)
@click.option("--table", required=True, help="Name of a table that `list` shows, or a table file.")
@click.option("--out", type=click.Path(file_okay=False), required=True, help="The folder to make.")
@click.option(
    "--model",
    default="lightgbm",
    show_default=True,
    callback=lambda _, __, name: ALIASES.get(name, name),
    help="lightgbm (lgb), xgboost (xgb), random_forest (rf), mlp or gin.",
)
@click.option(
    "--members",
    "n_members",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Members: the seeds of its benchmarks.",
)
@click.option("--dataset", "datasets", multiple=True, help="Dataset; repeat for more. All of the table by default.")
@click.option(
    "--metric", "metrics", multiple=True, help="What to predict beside the objective; repeat. cost_s by default."
)
@click.option("--epochs", metavar="N[,N...]", callback=numbers, help="Which of the recorded epochs; all by default.")
@click.option("--preset", default="default", show_default=True, help="Settings of the model to start from.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value for a setting of the model; repeat."
)
@click.option("--tune", type=click.IntRange(0), default=0, help="Try so many settings first; take the best.")
@click.option(
    "--split",
    default="hash",
    show_default=True,
    help="What is held out: decided by a hash; or 'official', the lists that were imported with the runs.",
)
@click.option("--test-share", type=float, default=0.2, show_default=True, help="Share held out for evaluation.")
@click.option("--train-share", type=float, default=1.0, show_default=True, help="Share of the rest that is used.")
@click.option("--noise/--no-noise", default=True, help="Whether to model how training runs differ; yes by default.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random.")
@click.option(
    "--processes",
    "n_processes",
    type=click.IntRange(1),
    help="Members fitted at a time; as many as processors by default.",
)
@click.option("--name", help="What to call it, the first part of its benchmarks' names; as the folder by default.")
def fit(table: str, out: str, settings: tuple[str, ...], n_processes: int | None, **given: Any) -> None:
    """Fit an ensemble of models to a table.

    A share of the architectures is held out, by a hash of each, and never read. Of the rest every member learns from
    all but one fold, and stops by that one. Finished members are kept in the folder: stop it whenever you like, the
    same command goes on where it was.
    """
    from nasbench_kit.surrogates.fitting.fit import fit_surrogate

    given["settings"] = dict(map(_setting, settings))
    given |= {name: given[name] or None for name in ("datasets", "metrics")}
    opened = open_table(table)
    with progress_bar("fitting (percent)") as advance:
        try:
            made = fit_surrogate(opened, out, n_processes=n_processes, progress=advance, **given)
        except KeyboardInterrupt:
            raise StoppedError(f"stopped; what is finished is in {out}: the same command goes on") from None
    _tell(made, table, out)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise SettingError(f"--set {text!r}; NAME=VALUE expected, like learning_rate=0.05")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # a word


def _tell(made: Surrogate, table: str, out: str) -> None:
    fitted = made.card.fitted
    n_bytes = sum(made.file_sizes().values())
    click.echo(
        f"{made.path}: {made.n_members} members ({fitted['arguments']['model']}), learned from"
        f" {fitted['n_train']:,} architectures, {fitted['n_test']:,} held out; {n_bytes / 1e6:,.1f} MB"
    )
    for dataset in made.datasets:
        predicted = ", ".join(
            name + (f" at {len(metric.epochs)} epochs" if len(metric.epochs) > 1 else "")
            for name, metric in made.metrics(dataset).items()
        )
        best = made.card.best.get(dataset)
        known = f"; the best, {'of all' if best['proven'] else 'by local search'}: {best['arch']}" if best else ""
        click.echo(f"  {made.name}/{dataset}: {predicted}{known}")
    click.echo(f"evaluate it: nasbench-kit surrogate eval {out} --table {table}")

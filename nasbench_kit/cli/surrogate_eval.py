"""`surrogate eval`: how good a surrogate is, by what a table recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nasbench_kit.catalog import list_tables
from nasbench_kit.cli.shared import (
    check_picture,
    example,
    json_option,
    open_surrogate,
    open_table,
    print_json,
    print_table,
    progress_bar,
)
from nasbench_kit.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.surrogates import Surrogate
    from nasbench_kit.surrogates.quality.calibration import Calibration
    from nasbench_kit.surrogates.quality.evaluate import Comparison, Quality
    from nasbench_kit.surrogates.quality.leave_out import LeftOut
    from nasbench_kit.tables import Table

_MOST_EPOCHS = 8  # columns of a terminal
_MOST_ROWS = 4  # of a figure


@click.command(
    "eval",
    epilog=example(
        "nasbench-kit surrogate eval my_surrogate --table nasbench201",
        "nasbench-kit surrogate eval nasbench101 --table nb101.h5 --epoch 108 --above 0.85 --figure quality.png",
        "nasbench-kit surrogate eval my_surrogate --split val --dataset cifar10 --json",
        "nasbench-kit surrogate eval my_surrogate --table nb301.h5 --leave-out optimizer --members 3",
    ),
)
@click.argument("surrogate")
@click.option("--table", help="Name or file of the table to evaluate by; the one it was fitted to by default.")
@click.option("--dataset", "datasets", multiple=True, help="Dataset; repeat for more. All that both know by default.")
@click.option("--metric", help="What to evaluate; the objective by default.")
@click.option("--epoch", "epochs", type=int, multiple=True, help="Epoch; repeat. All that both know by default, or 8.")
@click.option(
    "--split",
    type=click.Choice(("test", "val", "train", "all")),
    default="test",
    show_default=True,
    help="test: held out; val: each by the member that did not learn from it; train: learned from.",
)
@click.option("--above", type=float, help="Report R² of architectures truly better than this apart, e.g. 0.85.")
@click.option(
    "--best", type=float, default=0.05, show_default=True, help="Report tau among this share, the best, apart."
)
@click.option("--figure", help="The picture to draw: PNG, PDF, SVG, ... by its end.")
@click.option(
    "--leave-out",
    "by",
    type=click.Choice(("optimizer", "best")),
    help="Refit without what one optimizer chose, or without the --best share, and evaluate that.",
)
@click.option("--members", type=click.IntRange(1), help="Members of a refit; as many as it has by default.")
@click.option("--processes", type=click.IntRange(1), help="Members fitted at a time in a refit.")
@json_option
def eval_(
    surrogate: str,
    table: str | None,
    datasets: tuple[str, ...],
    metric: str | None,
    epochs: tuple[int, ...],
    split: str,
    above: float | None,
    best: float,
    figure: str | None,
    by: str | None,
    members: int | None,
    processes: int | None,
    as_json: bool,
) -> None:
    """Evaluate a surrogate: errors and ranks beside what noise lets anyone reach, and whether its noise is right.

    SURROGATE is the name of one that `list` shows, or its folder. The mean of an architecture's recorded runs counts as
    the truth. "ceiling" is what a predictor would reach that knows every architecture's expected value, by the share of
    the truth's variance that is not noise; "one run" is what one recorded run of each reaches, compared with the mean
    of the others.
    """
    from nasbench_kit.surrogates.quality.evaluate import quality_of, shared_datasets

    if figure:
        check_picture(figure)
    if by and (figure or split != "test"):
        raise SettingError(
            "--leave-out evaluates what it leaves out, and draws nothing: give neither --figure nor --split"
        )
    opened = open_surrogate(surrogate)
    truth = _table(opened, table)
    chosen = datasets or shared_datasets(opened, truth)
    if not chosen:
        raise UnknownNameError(
            f"{opened.name} predicts {', '.join(opened.datasets)}, {truth.name} has {', '.join(truth.datasets)}"
        )
    if by:
        _leave_out(opened, truth, chosen, metric, epochs, by, best, members, processes, as_json)
        return
    comparisons = [_compare(opened, truth, dataset, metric, epochs, split) for dataset in chosen]
    found = [[quality_of(one, above=above, best=best) for one in of_dataset] for of_dataset in comparisons]
    if as_json:
        print_json([quality for of_dataset in found for quality in of_dataset])
    else:
        _show(opened, truth, found)
    if figure:
        from nasbench_kit.plots import evaluation_figure
        from nasbench_kit.plots.style import save_figure

        shown = [one for of_dataset in comparisons for one in of_dataset[-1:]]
        if len(comparisons) == 1 and epochs:
            shown = comparisons[0]
        save_figure(evaluation_figure(shown[:_MOST_ROWS]), figure)
        click.echo(f"figure: {figure}", err=as_json)


def _table(surrogate: Surrogate, table: str | None) -> Table:
    from nasbench_kit.surrogates.quality.splits import fitted_to
    from nasbench_kit.tables import Table

    if table:
        return open_table(table)
    for path in list_tables().values():
        opened = Table.open(path)
        if fitted_to(surrogate.card, opened):
            return opened
    raise SettingError(
        f"the table that {surrogate.name!r} was fitted to is none that `list` shows; give one by --table"
    )


def _compare(
    surrogate: Surrogate, table: Table, dataset: str, metric: str | None, epochs: Sequence[int], split: str
) -> list[Comparison]:
    from nasbench_kit.surrogates.quality.evaluate import compare_epochs, shared_epochs

    chosen: Sequence[int | None] = epochs
    if not epochs:
        chosen = shared_epochs(surrogate, table, dataset, metric or surrogate.objectives.get(dataset, ""))
        if len(chosen) > _MOST_EPOCHS:
            last = len(chosen) - 1
            chosen = [chosen[round(i * last / (_MOST_EPOCHS - 1))] for i in range(_MOST_EPOCHS)]
    return compare_epochs(surrogate, table, dataset=dataset, metric=metric, epochs=chosen, split=split)


# ---- the table ----


def _show(surrogate: Surrogate, table: Table, found: Sequence[Sequence[Quality]]) -> None:
    first = found[0][0]
    click.echo(f"{surrogate.name} evaluated by {table.name}, split {first.split}: {first.case}")
    for of_dataset in found:
        one = of_dataset[0]
        click.echo(f"\n{one.dataset}: {one.metric}; truth: {_truth(of_dataset)}")
        columns = [f"epoch {quality.epoch}" if quality.epoch is not None else "" for quality in of_dataset]
        _print_columns("", columns, [_figures(quality) for quality in of_dataset])
        for method in dict.fromkeys(quality.ceiling.noise for quality in of_dataset):
            click.echo(f"ceiling by: {method}")
        click.echo(f"noise: {one.noise}")


def _truth(found: Sequence[Quality]) -> str:
    """Say what counts as true; and at which epochs, where that differs."""
    truths = {quality.truth: [str(one.epoch) for one in found if one.truth == quality.truth] for quality in found}
    if len(truths) == 1:
        return found[0].truth
    return "; ".join(f"{truth} (epoch {', '.join(epochs)})" for truth, epochs in truths.items())


class Row(NamedTuple):
    """A line of the table, of one column."""

    group: str  #: what it belongs to
    name: str
    text: str


def _print_columns(corner: str, titles: Sequence[str], columns: Sequence[Iterable[Row]]) -> None:
    """Print columns side by side; the rows of a group are indented under their first; `-` where a column lacks one."""
    texts = [{(row.group, row.name): row.text for row in column} for column in columns]
    lines = []
    before = ""
    keys = list(dict.fromkeys(key for column in texts for key in column))
    groups = list(dict.fromkeys(group for group, _ in keys))
    for group, name in sorted(keys, key=lambda key: groups.index(key[0])):  # what one column lacks stays in its group
        lines.append(("  " * (group == before) + name, *(column.get((group, name), "-") for column in texts)))
        before = group
    print_table((corner, *titles), lines, numbers=len(titles))


def _figures(quality: Quality) -> Iterable[Row]:
    """List what is shown of one epoch."""
    from nasbench_kit.analysis import shown

    found, ceiling = quality.agreement, quality.ceiling
    show = shown(quality.metric, quality.unit)
    factor, unit = show.factor, show.difference_unit

    def beside(name: str, figure: str, at_most: float = nan) -> Iterable[Row]:
        yield Row(name, name, _text(getattr(quality.figures, figure)))
        if not isnan(at_most):
            yield Row(name, "ceiling", _text(at_most))
        if ceiling.n_one_run:
            yield Row(name, "one run", _text(getattr(ceiling.one_run, figure)))

    yield Row("n", "architectures", f"{found.n:,}")
    yield from beside("R²", "r2", ceiling.reliability)
    yield from beside("Kendall tau", "kendall_tau")
    if not isnan(found.kendall_tau_1_dec):
        yield Row("sparse", "sparse tau (0.1 %)", _text(found.kendall_tau_1_dec))
    yield Row("spearman", "Spearman", _text(found.spearman))
    yield Row("pearson", "Pearson", _text(found.pearson))
    if not isnan(ceiling.pearson):
        yield Row("pearson", "ceiling", _text(ceiling.pearson))
    yield Row("mae", f"MAE [{unit}]", _text(factor * found.mae))
    yield Row("rmse", f"RMSE [{unit}]", _text(factor * found.rmse))
    if quality.above is not None:
        yield from beside(f"R² where truly better than {quality.above:g}", "r2_above")
        yield Row(f"R² where truly better than {quality.above:g}", "architectures", f"{quality.n_above:,}")
    yield from beside(f"Kendall tau among the best {100 * quality.best:g} %", "kendall_tau_best")
    if quality.calibration:
        yield from _figures_of_noise(quality.calibration, factor, unit)


def _figures_of_noise(calibration: Calibration, factor: float, unit: str) -> Iterable[Row]:
    levels = "/".join(f"{100 * level:g}" for level, _ in calibration.coverage)
    inside = f"runs in their {levels} % intervals [%]"
    yield Row("n_runs", "runs", f"{calibration.n_runs:,}")
    yield Row("inside", inside, _shares(calibration.coverage))
    if calibration.spread:
        yield Row("inside", "of these around their other runs [%]", _shares(calibration.spread.coverage))
    yield Row("nll", "negative log likelihood of a run [nats]", _text(calibration.nll))
    yield Row("nll", "with the same noise everywhere", _text(calibration.nll_constant))
    if calibration.spread:
        spread = calibration.spread
        yield Row("sd", f"sd between runs, recorded [{unit}]", _text(factor * spread.sd_recorded))
        yield Row("sd", "predicted", _text(factor * spread.sd_predicted))
        yield Row("sd", "mean absolute error", _text(factor * spread.sd_mae))
        yield Row("kl", "KL of runs from prediction [nats]", _text(spread.kl_mean))
        yield Row("kl", "median", _text(spread.kl_median))
        yield Row("kl", "of a perfect prediction", _text(spread.kl_expected))
    if calibration.collapse:
        collapse = calibration.collapse
        yield Row("collapse", "collapsed runs, recorded [%]", _text(100 * collapse.observed))
        yield Row("collapse", "predicted", _text(100 * collapse.predicted))
        yield Row("collapse", "Brier score", f"{collapse.brier:.5f}")
        yield Row("collapse", "Brier score of the mean rate", f"{collapse.brier_constant:.5f}")


def _shares(coverage: Sequence[tuple[float, float]]) -> str:
    return "/".join(f"{100 * covered:.0f}" for _, covered in coverage)


def _text(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4g}" if abs(value) >= 100 else f"{value:.3f}"


# ---- extrapolation ----


def _leave_out(
    surrogate: Surrogate,
    table: Table,
    datasets: Sequence[str],
    metric: str | None,
    epochs: Sequence[int],
    by: str,
    share: float,
    members: int | None,
    processes: int | None,
    as_json: bool,
) -> None:
    from nasbench_kit.surrogates.fitting.fit import fit_surrogate
    from nasbench_kit.surrogates.fitting.settings import FitSettings
    from nasbench_kit.surrogates.quality.leave_out import leave_out

    arguments: Any = surrogate.card.fitted.get("arguments")
    if surrogate.card.predictor.get("kind") != "members" or not isinstance(arguments, dict):
        raise SettingError(
            f"--leave-out refits, so it needs a surrogate made by `surrogate fit`; {surrogate.name!r} is none"
        )
    if len(epochs) > 1:
        raise SettingError("--leave-out evaluates one epoch; give --epoch once")
    as_fitted = replace(
        FitSettings.from_json(arguments),
        settings=surrogate.card.fitted["settings"],  # those that tuning found
        tune=0,
        n_members=members or surrogate.n_members,
        noise=False,
    )
    found: list[LeftOut] = []
    for dataset in datasets:
        epoch = epochs[0] if epochs else None
        last = table.column(dataset, metric or table.objectives[dataset]).metric.epochs[-1:]

        def fit(train_only: NDArray[np.bool_], folder: Path, dataset: str = dataset, last: Any = last) -> Surrogate:
            with progress_bar(f"{dataset}: fitting {folder.name.replace('_', ' ')} (percent)") as advance:
                how = replace(
                    as_fitted,
                    datasets=[dataset],
                    metrics=[metric] if metric else [],
                    epochs=list(epochs) or last or None,
                )
                return fit_surrogate(
                    table, folder, how=how, train_only=train_only, n_processes=processes, progress=advance
                )

        found += leave_out(table, fit, by=by, dataset=dataset, metric=metric, epoch=epoch, share=share)
    if as_json:
        print_json(found)
        return
    click.echo(f"{surrogate.name} refitted on {table.name} without some architectures, which it then predicts")
    show_left_out(found)


def show_left_out(found: Sequence[LeftOut]) -> None:
    """Print what `leave_out` found: a table per dataset."""
    for dataset in dict.fromkeys(one.dataset for one in found):
        these = [one for one in found if one.dataset == dataset]
        at = "" if these[0].epoch is None else f" at epoch {these[0].epoch}"
        click.echo(f"\n{dataset}: {these[0].metric}{at}")
        _print_columns("without", [one.what for one in these], [_figures_left_out(one) for one in these])


def _figures_left_out(one: LeftOut) -> Iterable[Row]:
    from nasbench_kit.analysis import shown

    left, kept = one.left_out, one.shown
    show = shown(one.metric, one.unit)
    factor, unit = show.factor, show.difference_unit
    yield Row("n", "architectures shown", f"{one.n_shown:,}")
    yield Row("left", "architectures left out", f"{left.n:,}")
    for name, figure in (("R²", "r2"), ("Kendall tau", "kendall_tau"), ("sparse tau (0.1 %)", "kendall_tau_1_dec")):
        yield Row(name, name, _text(getattr(left, figure)))
        yield Row(name, "held out of the kind shown", _text(getattr(kept, figure)))
    yield Row("spearman", "Spearman", _text(left.spearman))
    yield Row("mae", f"MAE [{unit}]", _text(factor * left.mae))
    yield Row("mae", "held out of the kind shown", _text(factor * kept.mae))
    yield Row("bias", f"mean of predicted - recorded [{unit}]", _text(factor * one.bias))
    if not isnan(one.found):
        yield Row("auc", "left out predicted above held out, AUC", _text(one.auc))
        yield Row("better", "left out predicted above every value shown [%]", _text(100 * one.better_than_seen))
        yield Row("found", "left out among as many predicted best [%]", _text(100 * one.found))

"""Runs as rows: every evaluation, or every incumbent, with what is reported of it and its regret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.analysis.incumbents import NONE, incumbents, may_be_incumbents, standing
from nasbench_kit.formats.rows import Column, Rows, Texts, to_frame
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS
from nasbench_kit.study.rows import (
    CONFIGURATION_COLUMNS,
    STORED_COLUMNS,
    Together,
    arch_column,
    configuration_columns,
    runs_together,
    stored_columns,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.analysis.panels import Panel
    from nasbench_kit.analysis.trajectories import Trajectories
    from nasbench_kit.study import Configuration, Study

_AXES = (SECONDS, EVALUATIONS, EPOCHS)

METRIC_COLUMNS = {"told_metric": "text", "reported_metric": "text", "unit": "text"}
"""What the numbers of a row are: what the search was told (`val_accuracy`), what reports it (`test_accuracy`, or
`cifar100:test_accuracy@200` where the rules name a dataset or epoch), and the unit of the latter."""

EVALUATION_COLUMNS = {
    **STORED_COLUMNS,
    **METRIC_COLUMNS,
    "may_be_incumbent": "bool",
    "reported": "float",
    "regret": "float",
    "incumbent_reported": "float",
    "incumbent_regret": "float",
}
"""What `evaluation_rows` gives: the columns of `Study.to_frame`, and what is reported."""

INCUMBENT_COLUMNS = {
    **CONFIGURATION_COLUMNS,
    "run_seed": "int",
    "incumbent": "int",
    **dict.fromkeys(_AXES, "float"),
    **METRIC_COLUMNS,
    "told": "float",
    "reported": "float",
    "regret": "float",
    "arch": "text",
    **{f"run_{axis}": "float" for axis in _AXES},
}
"""What `incumbent_rows` gives."""


def evaluation_frame(study: Study, panels: Mapping[str, Panel]) -> Any:
    """What `evaluation_rows` gives, as a pandas frame.

    Raises:
        SettingError: There is no pandas.
    """
    return to_frame(EVALUATION_COLUMNS, evaluation_rows(study, panels))


def incumbent_frame(panels: Mapping[str, Panel]) -> Any:
    """What `incumbent_rows` gives, as a pandas frame.

    Raises:
        SettingError: There is no pandas.
    """
    return to_frame(INCUMBENT_COLUMNS, incumbent_rows(panels))


def evaluation_rows(study: Study, panels: Mapping[str, Panel]) -> Iterator[Rows]:
    """One row per evaluation, with what is reported of its architecture, some runs at a time.

    `reported` is the metric that the rules report, a mean over the recorded runs, whatever the search was told; none
    where it was not recorded. `regret` is how much worse that is than the best of the benchmark, in the metric's unit:
    smaller is better; none of evaluations that cannot be incumbents. `incumbent_reported` and `incumbent_regret` are
    those of the incumbent when the evaluation had finished; none before the first.

    Args:
        study: Where the runs are.
        panels: What `load` found in it.
    """
    for panel in panels.values():
        for label, one in panel.trajectories.items():
            for together in runs_together(study, [panel.configurations[label]], one.run_seeds.tolist()):
                yield stored_columns(together, panel.benchmark.space) | _reported(together, panel, one.best)


def _reported(together: Together, panel: Panel, best: float) -> dict[str, Column]:
    """What is reported of each evaluation of some runs; `best` is oriented."""
    rules = panel.rules
    where, name, epoch = rules.reported_on(panel.benchmark)
    sign, told_sign = where.metrics[name].sign(), panel.benchmark.objective_metric.sign()
    reported = where.values(name, np.concatenate([run.archs for run in together.records]), epoch=epoch, missing="nan")
    found, counts, start = [], [], 0
    for run in together.records:
        may_be = may_be_incumbents(run, panel.benchmark, rules)
        told = np.where(may_be, told_sign * run.value, -np.inf)
        positions = incumbents(standing(told, run.archs, returns_latest=together.configuration.returns_latest))
        found.append(np.where(positions == NONE, NONE, positions + start))
        counts.append(may_be)
        start += len(may_be)
    which, may_be = np.concatenate(found), np.concatenate(counts)
    regret = np.where(may_be, best - sign * reported, np.nan)
    of_incumbents = (np.where(which == NONE, np.nan, column[which]) for column in (reported, regret))
    columns = (reported, regret, *of_incumbents)
    names = ("reported", "regret", "incumbent_reported", "incumbent_regret")
    return {
        **_metric_columns(panel, start),
        "may_be_incumbent": may_be,
        **{name: np.ma.masked_invalid(column) for name, column in zip(names, columns, strict=True)},
    }


def incumbent_rows(panels: Mapping[str, Panel]) -> Iterator[Rows]:
    """One row per incumbent: the steps of each run's curve.

    `incumbent` counts from 1 within a run. `seconds`, `evaluations` and `epochs` are what the run had spent when it was
    found, and `run_seconds` and so on in all: up to there the last step is flat. A run without an incumbent is one row
    with `incumbent` 0, and none of its values. `told` and `reported` are as recorded; `regret` is how much worse than
    the best of the benchmark, smaller is better.

    Args:
        panels: What `load` found.
    """
    for panel in panels.values():
        for label, one in panel.trajectories.items():
            yield _steps(panel, panel.configurations[label], one)


def _steps(panel: Panel, configuration: Configuration, one: Trajectories) -> dict[str, Column]:
    sizes = np.diff(one.starts)
    shown = np.maximum(sizes, 1)  # rows of each run
    runs = np.repeat(np.arange(one.n_runs), shown)
    is_first = np.concatenate([[True], np.diff(runs) > 0])[: len(runs)]
    place = np.arange(len(runs)) - np.flatnonzero(is_first)[runs]
    has = sizes[runs] > 0
    which = np.where(has, one.starts[runs] + place, -1)
    told_sign = panel.benchmark.objective_metric.sign()

    def of_incumbents(values: NDArray[np.float64]) -> Column:
        return np.ma.MaskedArray(np.append(values, np.nan)[which], ~has)  # -1 takes the last

    def of_runs(values: Mapping[str, NDArray[np.float64]], axis: str) -> Column:
        return values[axis][runs] if axis in values else np.ma.masked_invalid(np.full(len(runs), np.nan))

    columns = {
        "run_seed": one.run_seeds[runs],
        "incumbent": np.where(has, place + 1, 0),
        **{axis: of_incumbents(one.spent.get(axis, np.full(len(one.told), np.nan))) for axis in _AXES},
        "told": of_incumbents(told_sign * one.told),
        "reported": of_incumbents(one.metric.sign() * one.reported),
        "regret": of_incumbents(one.best - one.reported),
        "arch": _incumbent_archs(panel, one, which),
        **{f"run_{axis}": of_runs(one.ended, axis) for axis in _AXES},
    }
    return configuration_columns(configuration, len(runs)) | _metric_columns(panel, len(runs)) | columns


def _incumbent_archs(panel: Panel, one: Trajectories, which: NDArray[np.intp]) -> Texts:
    if one.archs is None or not len(one.archs):
        return Texts.same(None, len(which))
    written = arch_column(one.archs, panel.benchmark.space)
    return Texts(np.append(written.codes, np.int32(-1))[which], written.texts)


def _metric_columns(panel: Panel, n_rows: int) -> dict[str, Column]:
    where, name, epoch = panel.rules.reported_on(panel.benchmark)
    elsewhere = f"{where.dataset}:" if where.dataset != panel.benchmark.dataset else ""
    said = (
        panel.benchmark.objective_metric.name,
        f"{elsewhere}{name}" + (f"@{epoch}" if epoch is not None else ""),
        where.metrics[name].unit,
    )
    return {column: Texts.same(text, n_rows) for column, text in zip(METRIC_COLUMNS, said, strict=True)}

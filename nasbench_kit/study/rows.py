"""The evaluations of a study as rows, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import load
from nasbench_kit.errors import NasbenchKitError, StudyError
from nasbench_kit.formats.rows import Column, Rows, Texts
from nasbench_kit.simulator import Records
from nasbench_kit.spaces import SPACES

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from nasbench_kit.spaces import Space
    from nasbench_kit.study.configuration import Configuration
    from nasbench_kit.study.study import Study

_TOGETHER = 1 << 15  # evaluations, about
_WORD = 8  # bytes of an architecture that is compared as one number

CONFIGURATION_COLUMNS = dict.fromkeys(
    ("benchmark", "results_sha256", "optimizer", "label", "settings", "rules", "objectives", "constraints"), "text"
)
"""What says whose a run is, named as in an identity."""

STORED_COLUMNS = {
    **CONFIGURATION_COLUMNS,
    "run_seed": "int",
    "evaluation": "int",
    "arch": "text",
    "trial": "int",
    "epoch": "int",
    "seed": "int",
    "value": "float",
    "values": "text",
    "violation": "float",
    "failed": "bool",
    "cost_s": "float",
    "started_s": "float",
    "finished_s": "float",
    "worker": "int",
    "optimizer_s": "float",
}
"""Names as in an identity, then those of `Records`; architectures as text, several objectives as a JSON list."""

_AS_THEY_ARE = ("trial", "value", "violation", "failed", "cost_s", "started_s", "finished_s", "worker", "optimizer_s")
_NONE_BELOW_0 = ("epoch", "seed")


class Together(NamedTuple):
    """Some runs of one configuration."""

    configuration: Configuration
    run_seeds: tuple[int, ...]
    records: tuple[Records, ...]


def stored_rows(
    study: Study,
    configurations: Iterable[Configuration],
    run_seeds: Iterable[int] | None = None,
    results: str | os.PathLike[str] | None = None,
) -> Iterator[Rows]:
    """One row per evaluation, as it is stored, some runs at a time.

    Args:
        study: Where the runs are.
        configurations: Whose.
        run_seeds: Their seeds; all by default.
        results: As in `naming_space`.

    Raises:
        StudyError: As `naming_space`; or a run is damaged.
    """
    seeds = None if run_seeds is None else [*run_seeds]
    spaces = {key: naming_space(study, key, results) for key in configurations}
    return (stored_columns(some, spaces[some.configuration]) for some in runs_together(study, spaces, seeds))


def runs_together(
    study: Study, configurations: Iterable[Configuration], run_seeds: Iterable[int] | None = None
) -> Iterator[Together]:
    """The runs that did not fail, some at a time, so that memory is bounded."""
    seeds = None if run_seeds is None else [*run_seeds]
    for key in configurations:
        some: list[tuple[int, Records]] = []
        n_rows = 0
        for run in study.runs(key, seeds):
            some.append((run.run_seed, run.records))
            n_rows += len(run.records.value)
            if n_rows >= _TOGETHER:
                yield Together(key, *zip(*some, strict=True))
                some, n_rows = [], 0
        if some:
            yield Together(key, *zip(*some, strict=True))


def stored_columns(together: Together, space: Space) -> dict[str, Column]:
    """One row per evaluation of some runs.

    Args:
        together: The runs.
        space: What writes their architectures.
    """
    sizes = [len(records.value) for records in together.records]
    whole = {name: np.concatenate(parts) for name, *parts in zip(Records._fields, *together.records, strict=True)}
    columns: dict[str, Column] = configuration_columns(together.configuration, sum(sizes))
    columns["run_seed"] = np.repeat(np.array(together.run_seeds, np.int64), sizes)
    columns["evaluation"] = np.concatenate([np.arange(1, n + 1) for n in sizes])
    columns["arch"] = arch_column(whole["archs"], space)
    columns |= {name: whole[name] for name in _AS_THEY_ARE}
    columns |= {name: np.ma.masked_less(whole[name], 0) for name in _NONE_BELOW_0}
    columns["values"] = _list_column(whole["values"])
    return {name: columns[name] for name in STORED_COLUMNS}


def configuration_columns(configuration: Configuration, n_rows: int) -> dict[str, Column]:
    """What says whose runs these are, the same in every row."""
    what: dict[str, Any] = json.loads(configuration.identity)
    texts = {name: json.dumps(what[name], sort_keys=True) for name in what if not isinstance(what[name], str)}
    said = {**what, **texts, "label": configuration.legend}
    return {name: Texts.same(said.get(name), n_rows) for name in CONFIGURATION_COLUMNS}


def arch_column(archs: NDArray[np.uint8], space: Space) -> Texts:
    """Architectures (n_archs, n_decisions) as text."""
    if not len(archs):
        return Texts(np.zeros(0, np.int32), [])
    if archs.shape[1] <= _WORD:  # as one number each, which is many times as fast
        padded = np.zeros((len(archs), _WORD), np.uint8)
        padded[:, : archs.shape[1]] = archs
        _, firsts, codes = np.unique(padded.view(np.uint64)[:, 0], return_index=True, return_inverse=True)
    else:
        _, firsts, codes = np.unique(archs, axis=0, return_index=True, return_inverse=True)
    return Texts(codes.reshape(-1).astype(np.int32), space.format_many(archs[firsts]))


def _list_column(values: NDArray[np.float64]) -> Texts:
    """Several objectives (n_rows, n_objectives) as a list; none where there is one objective."""
    if values.shape[1] == 1:
        return Texts.same(None, len(values))
    return Texts(np.arange(len(values), dtype=np.int32), [json.dumps(row) for row in values.tolist()])


def naming_space(study: Study, configuration: Configuration, results: str | os.PathLike[str] | None = None) -> Space:
    """What writes the architectures of runs as text: where their space has a name, any results of it will do.

    Args:
        study: Where the runs are.
        configuration: Whose.
        results: Where their table or surrogate lies, if it is not one that `nbk.list_benchmarks` finds.

    Raises:
        StudyError: The table or surrogate that alone knows it is not here.
        DataError: There is none at `results`.
    """
    if results is not None:
        open_results(results)  # be it that these runs do not need it
    try:
        return study.benchmark(configuration).space
    except StudyError as error:
        missing = str(error)
    try:
        space = load(configuration.benchmark, results=results).space
    except NasbenchKitError:
        space = None
    if space is not None and space.name in SPACES:
        return space
    if results is None:
        raise StudyError(missing)
    return study.benchmark(configuration, results).space

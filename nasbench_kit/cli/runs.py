"""`runs`: what a study holds, and its evaluations as CSV or Parquet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import example, json_option, print_json, print_table, results_option
from nasbench_kit.errors import NasbenchKitError, SettingError, UnknownNameError
from nasbench_kit.spaces import SPACES

if TYPE_CHECKING:
    from nasbench_kit.spaces import Space
    from nasbench_kit.study import Configuration, Study

_COLUMNS = {
    "benchmark": "string",
    "optimizer": "string",
    "settings": "string",
    "budget_s": "float64",
    "budget_evaluations": "int64",
    "n_workers": "int64",
    "reveals": "string",
    "epoch_asked_for": "int64",
    "table_sha256": "string",
    "run_seed": "int64",
    "evaluation": "int64",
    "arch": "string",
    "epoch": "int64",
    "seed": "int64",
    "value": "float64",
    "cost_s": "float64",
    "finished_s": "float64",
    "worker": "int64",
    "optimizer_s": "float64",
}


@click.command(
    epilog=example(
        "nasbench-kit runs compare.db",
        "nasbench-kit runs compare.db --out runs.csv",
        "nasbench-kit runs compare.db --out runs.parquet",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.option("--out", type=click.Path(dir_okay=False), help="Write every evaluation to this .csv or .parquet file.")
@results_option
@json_option
def runs(study: str, out: str | None, results: str | None, as_json: bool) -> None:
    """What a study holds; with --out, all its evaluations, one a row."""
    from nasbench_kit.study import Study

    with Study(study, create=False) as opened:
        if out is not None:
            n_rows = _write(opened, out, results)
            if as_json:
                print_json({"out": out, "n_evaluations": n_rows})
            else:
                click.echo(f"{n_rows:,} evaluations in {out}")
            return
        rows = [(key, opened.n_runs(key)) for key in opened.configurations()]
    if as_json:
        print_json([json.loads(key.identity) | {"n_runs": n} for key, n in rows])
        return
    texts = [
        (
            key.benchmark,
            key.table_sha256[:8],
            key.label,
            key.n_workers,
            key.seed,
            key.epoch or "last",
            f"{key.n_evaluations} evaluations" if key.n_evaluations else f"{key.budget_s:g} s",
            n,
        )
        for key, n in rows
    ]
    columns = ("benchmark", "sha256", "optimizer", "workers", "reveals", "epoch", "budget", "runs")
    print_table(columns, texts, numbers=1)


def _write(study: Study, out: str, results: str | None) -> int:
    """Write all evaluations to a file: completely, or not at all."""
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    write = writers.get(Path(out).suffix.lower())
    if write is None:
        raise SettingError(f"{out!r}: the file name must end in {' or '.join(writers)}")
    partial = f"{out}.{os.getpid()}.partial"
    try:
        n_rows = write(partial, _chunks(study, results))
        Path(partial).replace(out)
    except NasbenchKitError:
        raise  # of the study, not of the file to write
    except OSError as error:
        raise SettingError(f"cannot write {out!r}: {error.strerror or error}") from None
    finally:
        Path(partial).unlink(missing_ok=True)
    return n_rows


def _chunks(study: Study, results: str | None) -> Iterator[dict[str, list[Any]]]:
    """The evaluations of one run at a time, as columns."""
    for configuration in study.configurations():
        space = _space(configuration, results)
        for run in study.runs(configuration):
            records = run.records
            n = len(records.value)
            same = {
                "benchmark": configuration.benchmark,
                "optimizer": configuration.optimizer,
                "settings": json.dumps(dict(configuration.settings), sort_keys=True),
                "budget_s": configuration.budget_s,
                "budget_evaluations": configuration.n_evaluations,
                "n_workers": configuration.n_workers,
                "reveals": str(configuration.seed),
                "epoch_asked_for": configuration.epoch,
                "table_sha256": configuration.table_sha256,
                "run_seed": run.run_seed,
            }
            yield {
                **{name: [value] * n for name, value in same.items()},
                "evaluation": list(range(1, n + 1)),
                "arch": space.format_many(records.archs),
                "epoch": [epoch if epoch >= 0 else None for epoch in records.epoch.tolist()],
                "seed": [seed if seed >= 0 else None for seed in records.seed.tolist()],
                **{
                    name: getattr(records, name).tolist()
                    for name in ("value", "cost_s", "finished_s", "worker", "optimizer_s")
                },
            }


def _space(configuration: Configuration, results: str | None) -> Space:
    try:
        bench = load(configuration.benchmark, results=results)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error}; name the table of {configuration.benchmark} by --from") from None
    if bench.space.name not in SPACES and bench.results.sha256 != configuration.table_sha256:
        raise SettingError(  # its decisions, and so the names of architectures, may be others
            f"the table of {configuration.benchmark} is not the one that its runs were made on, which has the sha256"
            f" {configuration.table_sha256[:12]}..., but {bench.results.sha256[:12]}...; name that one by --from"
        )
    return bench.space


def _write_csv(path: str, chunks: Iterator[dict[str, list[Any]]]) -> int:
    n_rows = 0
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for chunk in chunks:
            rows = list(zip(*chunk.values(), strict=True))
            writer.writerows(rows)
            n_rows += len(rows)
    return n_rows


def _write_parquet(path: str, chunks: Iterator[dict[str, list[Any]]]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SettingError("Parquet needs pyarrow: pip install 'nasbench-kit[parquet]'") from None
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _COLUMNS.items()])
    n_rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for chunk in chunks:
            writer.write_table(pa.table(chunk, schema=schema))
            n_rows += len(chunk["arch"])
    return n_rows

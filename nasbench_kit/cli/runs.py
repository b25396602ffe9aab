"""`runs`: what a study holds, its evaluations as CSV or Parquet, and how to remove some."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import example, json_option, print_json, print_table
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError
from nasbench_kit.jobs import replacing
from nasbench_kit.outputs import check_outputs
from nasbench_kit.spaces import SPACES

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.simulator import Rules
    from nasbench_kit.spaces import Space
    from nasbench_kit.study import Configuration, Study

# names as in an identity, then those of Records; architectures as text, several objectives as a list
_COLUMNS = {
    "benchmark": "string",
    "results_sha256": "string",
    "optimizer": "string",
    "label": "string",
    "settings": "string",
    "rules": "string",
    "objectives": "string",
    "constraints": "string",
    "run_seed": "int64",
    "evaluation": "int64",
    "arch": "string",
    "trial": "int64",
    "epoch": "int64",
    "seed": "int64",
    "value": "float64",
    "values": "string",
    "violation": "float64",
    "failed": "bool_",
    "cost_s": "float64",
    "started_s": "float64",
    "finished_s": "float64",
    "worker": "int64",
    "optimizer_s": "float64",
}
_AS_THEY_ARE = ("trial", "value", "violation", "failed", "cost_s", "started_s", "finished_s", "worker", "optimizer_s")
_MOST_LETTERS = 60  # of a setting, in the table on the terminal


@click.command(
    epilog=example(
        "nasbench-kit runs compare.db",
        "nasbench-kit runs compare.db --out runs.csv",
        "nasbench-kit runs compare.db --out runs.parquet",
        "nasbench-kit runs compare.db --remove random_search --yes",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.option("--out", type=click.Path(dir_okay=False), help="Write every evaluation to this .csv or .parquet file.")
@click.option(
    "--from",
    "results",
    type=click.Path(readable=False),
    help="With --out: table file, or folder of a surrogate, that the runs were made on, if `list` does not show it.",
)
@click.option(
    "--remove", metavar="OPTIMIZER", help="Remove all runs of this optimizer, by its name or label; asks before."
)
@click.option("--yes", is_flag=True, help="Remove without asking.")
@json_option
def runs(study: str, out: str | None, results: str | None, remove: str | None, yes: bool, as_json: bool) -> None:
    """What a study holds; with --out, all its evaluations, one a row."""
    from nasbench_kit.study import Study

    if out is not None and remove is not None:
        raise SettingError("--out and --remove exclude each other; give one")
    with Study(study, create=False) as opened:
        if remove is not None:
            _remove(opened, remove, yes, as_json)
        elif out is not None:
            n_rows = _write(opened, out, results)
            if as_json:
                print_json({"out": out, "n_evaluations": n_rows})
            else:
                click.echo(f"{n_rows:,} evaluations in {out}")
        else:
            _show(opened, as_json)
            opened.verify()  # last, so that what it holds is seen beside what is damaged


def _show(study: Study, as_json: bool) -> None:
    counted = [(key, study.n_runs(key), study.failures(key)) for key in study.configurations()]
    if as_json:
        print_json(
            [
                json.loads(key.identity) | {"label": key.legend, "n_runs": n_runs, "failures": failures}
                for key, n_runs, failures in counted
            ]
        )
        return
    rows = [
        (key.benchmark, key.results_sha256[:8], _cut(key.legend), _cut(_in_short(key.rules)), n_runs, len(failures))
        for key, n_runs, failures in counted
    ]
    print_table(("benchmark", "sha256", "optimizer", "rules", "runs", "failed"), rows, numbers=2)
    for key, _, failures in counted:
        for run_seed, reason in list(failures.items())[:1]:
            click.echo(f"{_cut(key.legend)} on {key.benchmark} failed with seed {run_seed}: {reason}")


def _in_short(rules: Rules) -> str:
    """The rules that are not default, by their names."""
    return ", ".join(f"{name}={value}" for name, value in rules.to_json().items())


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 3]}..."


def _remove(study: Study, optimizer: str, yes: bool, as_json: bool) -> None:
    keys = study.configurations(optimizer)
    if not yes:
        n_runs = sum(study.n_runs(key) for key in keys)
        click.confirm(f"Remove {n_runs:,} runs of {optimizer} from {study.path}?", abort=True, err=True)
    n_removed = study.remove(optimizer)
    if as_json:
        print_json({"removed": n_removed})
    else:
        click.echo(f"{n_removed:,} runs removed")


def _write(study: Study, out: str, results: str | None) -> int:
    """Write all evaluations to a file: completely, or not at all."""
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    write = writers.get(Path(out).suffix.lower())
    if write is None:
        raise SettingError(f"{out!r}: the file name must end in {' or '.join(writers)}")
    if results is not None:
        open_results(results)  # be it that none of the runs need it
    benches = {key: _benchmark(study, key, results) for key in study.configurations()}
    found = [("results", bench.results.path) for bench in benches.values()]
    check_outputs(reads=[("STUDY", study.path), ("--from", results), *found], writes=[("--out", out)])
    try:
        with replacing(out) as partial:
            return write(partial, _chunks(study, {key: bench.space for key, bench in benches.items()}))
    except NasbenchKitError:
        raise  # of the study, not of the file to write
    except OSError as error:
        raise SettingError(f"cannot write {out!r}: {error.strerror or error}") from None


def _chunks(study: Study, spaces: Mapping[Configuration, Space]) -> Iterator[dict[str, list[Any]]]:
    """The evaluations of one run at a time, as columns."""
    for configuration, space in spaces.items():
        what = json.loads(configuration.identity)
        texts = {name: _as_text(what.get(name)) for name in ("settings", "rules", "objectives", "constraints")}
        for run in study.runs(configuration):
            records = run.records
            n = len(records.value)
            same = {
                "benchmark": configuration.benchmark,
                "results_sha256": configuration.results_sha256,
                "optimizer": configuration.optimizer,
                "label": configuration.legend,
                **texts,
                "run_seed": run.run_seed,
            }
            columns = {
                **{name: [value] * n for name, value in same.items()},
                **{name: getattr(records, name).tolist() for name in _AS_THEY_ARE},
                "evaluation": list(range(1, n + 1)),
                "arch": space.format_many(records.archs),
                "epoch": [epoch if epoch >= 0 else None for epoch in records.epoch.tolist()],
                "seed": [seed if seed >= 0 else None for seed in records.seed.tolist()],
                "values": [None if len(values) == 1 else json.dumps(values) for values in records.values.tolist()],
            }
            yield {name: columns[name] for name in _COLUMNS}


def _as_text(what: object) -> str | None:
    return None if what is None else json.dumps(what, sort_keys=True)


def _benchmark(study: Study, configuration: Configuration, results: str | None) -> Benchmark:
    """What names the architectures: where their space has a name, any results of it will do."""
    try:
        return study.benchmark(configuration)
    except StudyError as error:
        missing = f"{error} by --from"
    try:
        bench = load(configuration.benchmark, results=results)
    except NasbenchKitError:
        bench = None
    if bench is not None and bench.space.name in SPACES:
        return bench
    if results is None:
        raise StudyError(missing)
    return study.benchmark(configuration, results)


def _write_csv(path: Path, chunks: Iterator[dict[str, list[Any]]]) -> int:
    n_rows = 0
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for chunk in chunks:
            rows = list(zip(*chunk.values(), strict=True))
            writer.writerows(rows)
            n_rows += len(rows)
    return n_rows


def _write_parquet(path: Path, chunks: Iterator[dict[str, list[Any]]]) -> int:
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

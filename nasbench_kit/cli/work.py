"""`work`: make runs of a plan, on any machine that sees the folder of its study."""

from __future__ import annotations

import warnings

import click

from nasbench_kit.cli.shared import StoppedError, example, json_option, print_json, progress_bar
from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import n_processors


@click.command(
    epilog=example(
        "nasbench-kit work shared/mine.db",
        "nasbench-kit work shared/mine.db --processes 1",
        "nasbench-kit work shared/mine.db --gather",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.option(
    "--processes",
    "n_processes",
    type=click.IntRange(1),
    help="Processes that work here; as many as there are processors by default.",
)
@click.option(
    "--lapse-s",
    type=click.FloatRange(0, min_open=True),
    default=120,
    show_default=True,
    help="After so many seconds without a sign of life, a worker counts as dead, and others make its runs.",
)
@click.option("--gather", "is_gather", is_flag=True, help="Make nothing: take over into STUDY what is made so far.")
@json_option
def work(study: str, n_processes: int | None, lapse_s: float, is_gather: bool, as_json: bool) -> None:
    """Make runs that `compare --study STUDY --plan` has planned, together with others who do the same.

    Ends when all are made. Only the folder STUDY.work is used; STUDY itself need not be there. Stop or kill it whenever
    you like: others make what it was making.
    """
    from nasbench_kit.study import Study, shared_folder

    if is_gather:
        if n_processes is not None:
            raise SettingError("--gather and --processes exclude each other; leave one out")
        with Study(study, create=False) as opened, warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
            n_left = shared_folder.gather(opened)
        if as_json:
            print_json({"study": study, "n_left": n_left})
        else:
            click.echo(f"{study} holds all runs that are made; batches to be made: {n_left:,}")
        return
    try:
        with progress_bar("batches") as advance:
            n_processes = n_processes or n_processors()
            worked = shared_folder.work(study, n_processes=n_processes, lapse_s=lapse_s, progress=advance)
    except KeyboardInterrupt:
        raise StoppedError("stopped; others make what this was making") from None
    if as_json:
        print_json({"study": study, **worked._asdict()})
    else:
        click.echo(
            f"{worked.n_runs:,} runs made here, in {worked.n_batches:,} batches; all batches of the plan are made"
        )

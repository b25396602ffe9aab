"""`watch`: the report of a study while it runs."""

from __future__ import annotations

import click

from nasbench_kit.cli.shared import example, results_option


@click.command(epilog=example("nasbench-kit watch compare.db", "nasbench-kit watch compare.db --port 8000"))
@click.argument("study", type=click.Path(dir_okay=False))
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Where to serve.  [default: any free port]")
@results_option
def watch(study: str, port: int, results: str | None) -> None:
    """Serve the report of a study for this machine alone, anew whenever there are new runs; Ctrl-C ends it.

    The study need not be there yet. The page is served at 127.0.0.1, and no other file is.
    """
    from nasbench_kit.report.serving import LivePage, server  # takes a while to import

    with server(LivePage(study, results), port) as serving:
        try:
            click.echo(f"http://127.0.0.1:{serving.server_port}/ shows {study}; Ctrl-C ends it")
            serving.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped")

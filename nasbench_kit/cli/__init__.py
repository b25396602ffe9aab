"""The command line. Every command has an example in its help; errors are one line, with exit code 2."""

from __future__ import annotations

import click

from nasbench_kit.cli.cite import cite
from nasbench_kit.cli.claims import claims
from nasbench_kit.cli.compare import compare
from nasbench_kit.cli.describe import describe
from nasbench_kit.cli.info import info
from nasbench_kit.cli.lookup import list_, query
from nasbench_kit.cli.merge import merge
from nasbench_kit.cli.plot import plot
from nasbench_kit.cli.record import record
from nasbench_kit.cli.report import report
from nasbench_kit.cli.runs import runs
from nasbench_kit.cli.serve import serve
from nasbench_kit.cli.shared import Group
from nasbench_kit.cli.show import show
from nasbench_kit.cli.surrogate import surrogate
from nasbench_kit.cli.surrogate_distill import distill, materialize
from nasbench_kit.cli.surrogate_eval import eval_
from nasbench_kit.cli.surrogate_import import import_ as _surrogate_import
from nasbench_kit.cli.tables import import_, join
from nasbench_kit.cli.watch import watch
from nasbench_kit.cli.work import work
from nasbench_kit.version import __version__


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def main() -> None:
    """Benchmarks for neural architecture search: query, search, simulate, plot."""


for _command in (
    list_,
    info,
    query,
    show,
    describe,
    import_,
    join,
    compare,
    work,
    plot,
    report,
    watch,
    claims,
    runs,
    record,
    merge,
    cite,
    serve,
    surrogate,
):
    main.add_command(_command)
for _command in (_surrogate_import, eval_, distill, materialize):
    surrogate.add_command(_command)

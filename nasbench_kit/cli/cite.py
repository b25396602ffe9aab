"""`cite`: the BibTeX of what was used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nasbench_kit.catalog import list_results
from nasbench_kit.cli.shared import example, json_option, open_named, print_json
from nasbench_kit.errors import UnknownNameError

if TYPE_CHECKING:
    from nasbench_kit.cite import Used

_SQLITE = b"SQLite format 3\0"  # how a study begins


@click.command(
    epilog=example(
        "nasbench-kit cite compare.db",
        "nasbench-kit cite nasbench201 regularized_evolution optuna:TPESampler nats_tss",
        "nasbench-kit cite mine.h5 --json",
    )
)
@click.argument("names", nargs=-1, required=True, metavar="STUDY|NAME...")
@json_option
def cite(names: tuple[str, ...], as_json: bool) -> None:
    """Print the BibTeX of everything that a study used, or of what is named.

    Of a study: its benchmarks, its optimizers and the libraries behind them, the published protocols that its runs
    keep to, this package and numpy. NAME is that of a table, surrogate, optimizer or protocol that `list` shows, or a
    path.
    """
    from nasbench_kit.cite import bibliography

    used = [one for name in names for one in _used(name)]
    found = list(bibliography(used))
    unknown = list(dict.fromkeys(name for name, keys, citation in used if not keys and not citation))
    if as_json:
        print_json(
            {
                "entries": [
                    {"key": entry.key, "kind": entry.kind, "cited_for": cited_for, "bibtex": entry.text}
                    for entry, cited_for in found
                ],
                "unknown": unknown,
            }
        )
        return
    for entry, cited_for in found:
        click.echo("\n".join(filter(None, (f"% for {', '.join(cited_for)}" * bool(cited_for), entry.text, ""))))
        click.echo()
    for name in unknown:
        click.echo(f"% {name.replace('@', ' at ')}: nothing is known of what to cite for it")


def _used(name: str) -> list[Used]:
    from nasbench_kit.cite import of_optimizer, of_protocol, of_results, of_study
    from nasbench_kit.optimizers import OPTIMIZERS
    from nasbench_kit.optimizers.libraries import LIBRARIES
    from nasbench_kit.protocols import PROTOCOLS

    benchmark = name.partition("/")[0]
    if benchmark in list_results():
        return [of_results(open_named(benchmark))]
    if name in PROTOCOLS:  # also those with the name of an optimizer: of which it says what it says of all
        return [of_protocol(PROTOCOLS[name]), *(of_optimizer(name) if name in OPTIMIZERS else ())]
    if _is_study(name):
        from nasbench_kit.study import Study

        with Study(name, create=False) as study:
            return of_study(study)
    if name in OPTIMIZERS or name in LIBRARIES or ":" in name:
        if ":" in name:
            _check_named(name)
        return of_optimizer(name)
    if not Path(name).exists() and not name.replace("_", "").isalnum():
        raise UnknownNameError(f"there is no study, table or surrogate {name!r}")
    return [of_results(open_named(name, OPTIMIZERS, PROTOCOLS))]


def _check_named(optimizer: str) -> None:
    """Refuse what a library has not, as far as it is installed: what is to be cited need not be."""
    from nasbench_kit.optimizers import optimizer_class
    from nasbench_kit.optimizers.libraries import LIBRARIES

    library = LIBRARIES.get(optimizer.partition(":")[0])
    if library is not None and library.installed() is not None:
        optimizer_class(optimizer)


def _is_study(path: str) -> bool:
    if not Path(path).is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE

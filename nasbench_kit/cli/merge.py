"""`merge`: the runs of two studies in one file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from nasbench_kit.cli.shared import example, json_option, print_json, print_table
from nasbench_kit.errors import NasbenchKitError, SettingError, counted
from nasbench_kit.jobs import replacing
from nasbench_kit.outputs import check_different, check_outputs

if TYPE_CHECKING:
    from nasbench_kit.study import Configuration, Study


@click.command(
    epilog=example(
        "nasbench-kit merge compare.db of_another_machine.db",
        "nasbench-kit merge mine.db theirs.db -o both.db",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.argument("other", type=click.Path(dir_okay=False, readable=False))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False),
    help="Write the runs of both to this new study; STUDY stays as it is.",
)
@json_option
def merge(study: str, other: str, out: str | None, as_json: bool) -> None:
    """Take over into STUDY the runs of OTHER that it lacks: all of them, or none.

    Refused are runs of one configuration and seed that differ, and runs of one configuration that were made with
    different versions: of two that contradict each other, one is wrong. STUDY is as it was then.
    """
    from nasbench_kit.study import Study

    check_different("study", (study, other))
    if out is not None:
        check_outputs(reads=[("STUDY", study), ("OTHER", other)], writes=[("--out", out)])
        if os.path.exists(out):
            raise SettingError(f"cannot write --out {out!r}: it is there already; a new file expected")
    with Study(study, create=False) as first, Study(other, create=False) as second:
        before = _counts(first)
        if out is None:
            first.merge(second)
            after = _counts(first)
        else:
            after = _merged_into(out, first, second)
    taken = {key: n - before.get(key, 0) for key, n in after.items()}
    notes = _notes(list(after))
    if as_json:
        found = [
            {"benchmark": key.benchmark, "results_sha256": key.results_sha256, "label": key.legend}
            | {"n_taken": n, "n_runs": after[key]}
            for key, n in taken.items()
        ]
        print_json({"study": out or study, "n_taken": sum(taken.values()), "configurations": found, "notes": notes})
        return
    rows = [(key.benchmark, key.results_sha256[:8], key.legend, n, after[key]) for key, n in taken.items() if n]
    if rows:
        print_table(("benchmark", "sha256", "optimizer", "taken over", "runs now"), rows, numbers=2)
    click.echo(f"{counted(sum(taken.values()), 'run')} of {other} taken over into {out or study}")
    for note in notes:
        click.echo(f"note: {note}")


def _merged_into(out: str, first: Study, second: Study) -> dict[Configuration, int]:
    """The runs of both in a new file, which appears as a whole or not at all."""
    from nasbench_kit.study import Study

    try:
        with replacing(out) as partial, Study(partial) as both:
            both.merge(first)
            both.merge(second)
            return _counts(both)
    except NasbenchKitError as error:
        raise type(error)(str(error).replace(repr(str(partial)), repr(first.path))) from None
    except OSError as error:
        raise SettingError(f"cannot write {out!r}: {error.strerror or error}") from None


def _counts(study: Study) -> dict[Configuration, int]:
    """How many runs there are of each configuration; failed ones, which tell something too, count."""
    return {key: study.n_runs(key) + len(study.failures(key)) for key in study.configurations()}


def _notes(configurations: list[Configuration]) -> list[str]:
    """What two studies may have called by one name, and is kept apart."""
    tables: dict[str, dict[str, None]] = {}
    shown: dict[tuple[str, str, str, str], int] = {}
    for key in configurations:
        tables.setdefault(key.benchmark, {})[key.results_sha256[:8]] = None
        what = (key.benchmark, key.results_sha256, str(key.rules.to_json()), key.legend)
        shown[what] = shown.get(what, 0) + 1
    return [
        f"{name}: runs on {len(found)} different tables of that name ({', '.join(found)}), which are kept apart"
        for name, found in tables.items()
        if len(found) > 1
    ] + [
        f"{benchmark}: {n} different configurations are shown as {legend!r}; compare --study labels them anew"
        for (benchmark, _, _, legend), n in shown.items()
        if n > 1
    ]

"""`runs`: what a study holds, its evaluations or incumbents as files for other tools, and how to remove some."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.cli.shared import example, json_option, print_json, print_table
from nasbench_kit.errors import SettingError, counted
from nasbench_kit.formats.rows import check_ending, write_rows
from nasbench_kit.outputs import check_outputs

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel
    from nasbench_kit.simulator import Rules
    from nasbench_kit.study import Study

_MOST_LETTERS = 60  # of a setting, in the table on the terminal
_MOST_SEEDS = 1_000_000


def _parse_seeds(ctx: click.Context, parameter: click.Parameter, text: str | None) -> list[int] | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,19}(-\d{1,19})?(,\d{1,19}(-\d{1,19})?)*", text):
        raise SettingError(f"--seeds {text!r:.80}; seeds or ranges of them expected, such as 0-9 or 0,3,10-19")
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        several = range(int(first), int(last or first) + 1)
        if not several or len(seeds) + len(several) > _MOST_SEEDS:
            raise SettingError(f"--seeds {part!r}; a range from the lower to the higher of at most a million expected")
        seeds += several
    return seeds


@click.command(
    epilog=example(
        "nasbench-kit runs compare.db",
        "nasbench-kit runs compare.db --out runs.parquet",
        "nasbench-kit runs compare.db --out curves.csv --incumbents -b nasbench201/cifar10 --seeds 0-99",
        "nasbench-kit runs compare.db --iohprofiler ioh_data",
        "nasbench-kit runs compare.db --remove random_search --yes",
    )
)
@click.argument("study", type=click.Path(dir_okay=False, readable=False))
@click.option("--out", type=click.Path(dir_okay=False), help="Write every evaluation to this .csv or .parquet file.")
@click.option("--incumbents", is_flag=True, help="With --out: the incumbents alone, which are the steps of the curves.")
@click.option(
    "--as-stored", is_flag=True, help="With --out: without what is reported and regret, which need the results."
)
@click.option("--iohprofiler", metavar="FOLDER", type=click.Path(), help="Write a new folder for IOHanalyzer.")
@click.option("-b", "--benchmark", "benchmarks", multiple=True, help="Of what is written: of this benchmark alone.")
@click.option(
    "-o",
    "--optimizer",
    "optimizers",
    multiple=True,
    metavar="OPTIMIZER",
    help="Of what is written: of this optimizer alone, by its name or label; repeat for more.",
)
@click.option(
    "--seeds", "run_seeds", metavar="0-9,...", callback=_parse_seeds, help="Of what is written: these runs alone."
)
@click.option(
    "--from",
    "results",
    type=click.Path(readable=False),
    help="Of what is written: table file, or folder of a surrogate, that the runs were made on, if `list` does not"
    " show it.",
)
@click.option(
    "--remove", metavar="OPTIMIZER", help="Remove all runs of this optimizer, by its name or label; asks before."
)
@click.option("--yes", is_flag=True, help="Remove without asking.")
@json_option
def runs(
    study: str,
    out: str | None,
    incumbents: bool,
    as_stored: bool,
    iohprofiler: str | None,
    remove: str | None,
    yes: bool,
    as_json: bool,
    **which: Any,
) -> None:
    """What a study holds; with --out, all its evaluations, one a row."""
    from nasbench_kit.study import Study

    asked = [name for name, given in (("--out", out), ("--iohprofiler", iohprofiler), ("--remove", remove)) if given]
    if len(asked) > 1:
        raise SettingError(f"{' and '.join(asked)} exclude each other; give one")
    _check_asked(asked, which, {"--incumbents": incumbents, "--as-stored": as_stored})
    some = {name: given or None for name, given in which.items()}
    with Study(study, create=False) as opened:
        if remove is not None:
            _remove(opened, remove, yes, as_json)
        elif out is not None:
            kind = "incumbents" if incumbents else "evaluations"
            n_rows = _WRITERS[as_stored, incumbents](opened, out, some)
            _say({"out": out, f"n_{kind}": n_rows}, f"{counted(n_rows, kind.removesuffix('s'))} in {out}", as_json)
        elif iohprofiler is not None:
            n_runs = _write_iohprofiler(opened, iohprofiler, some)
            _say({"out": iohprofiler, "n_runs": n_runs}, f"{counted(n_runs, 'run')} in {iohprofiler}", as_json)
        else:
            _show(opened, as_json)
            opened.verify()  # last, so that what it holds is seen beside what is damaged


def _check_asked(asked: list[str], which: Mapping[str, Any], kinds: Mapping[str, bool]) -> None:
    kind = [name for name, given in kinds.items() if given]
    if len(kind) > 1:
        raise SettingError(f"{' and '.join(kind)} exclude each other; give one")
    if kind and asked != ["--out"]:
        raise SettingError(f"{kind[0]} says what --out writes; give that, too")
    if any(which.values()) and (not asked or asked == ["--remove"]):
        raise SettingError("--benchmark, --optimizer, --seeds and --from say what of it is written; give --out, too")


def _say(what: Mapping[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(what)
    else:
        click.echo(text)


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
        click.confirm(f"Remove {counted(n_runs, 'run')} of {optimizer} from {study.path}?", abort=True, err=True)
    n_removed = study.remove(optimizer)
    if as_json:
        print_json({"removed": n_removed})
    else:
        click.echo(f"{counted(n_removed, 'run')} removed")


def _write_evaluations(study: Study, out: str, which: Mapping[str, Any]) -> int:
    from nasbench_kit.analysis.frames import EVALUATION_COLUMNS, evaluation_rows

    return write_rows(out, EVALUATION_COLUMNS, evaluation_rows(study, _panels(study, out, which)))


def _write_incumbents(study: Study, out: str, which: Mapping[str, Any]) -> int:
    from nasbench_kit.analysis.frames import INCUMBENT_COLUMNS, incumbent_rows

    return write_rows(out, INCUMBENT_COLUMNS, incumbent_rows(_panels(study, out, which)))


def _write_stored(study: Study, out: str, which: Mapping[str, Any]) -> int:
    from nasbench_kit.analysis.panels import chosen
    from nasbench_kit.study.rows import STORED_COLUMNS, stored_rows

    _check_out(study, out, which)
    keys = chosen(study, which["benchmarks"], which["optimizers"])
    return write_rows(out, STORED_COLUMNS, stored_rows(study, keys, which["run_seeds"], which["results"]))


_WRITERS: dict[tuple[bool, bool], Callable[[Study, str, Mapping[str, Any]], int]] = {
    (False, False): _write_evaluations,
    (False, True): _write_incumbents,
    (True, False): _write_stored,
}


def _panels(study: Study, out: str, which: Mapping[str, Any]) -> Mapping[str, Panel]:
    from nasbench_kit.analysis import load

    _check_out(study, out, which)
    panels = load(study, **which)
    found = [("results", panel.benchmark.results.path) for panel in panels.values()]
    check_outputs(reads=found, writes=[("--out", out)])
    return panels


def _check_out(study: Study, out: str, which: Mapping[str, Any]) -> None:
    check_ending(out)
    check_outputs(reads=[("STUDY", study.path), ("--from", which["results"])], writes=[("--out", out)])


def _write_iohprofiler(study: Study, folder: str, which: Mapping[str, Any]) -> int:
    from nasbench_kit.analysis import load
    from nasbench_kit.analysis.iohprofiler import check_new_folder, write_iohprofiler

    check_new_folder(folder)
    return write_iohprofiler(load(study, **which), folder)

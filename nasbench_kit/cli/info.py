"""`info`: what a table or surrogate holds, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.catalog import list_results
from nasbench_kit.cli.settings import described_optimizer
from nasbench_kit.cli.shared import (
    example,
    json_option,
    numbers_in_short,
    open_named,
    place_of,
    print_json,
    print_table,
)
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.spaces.base import READ_BY_DIGIT, how_many
from nasbench_kit.tables import Table
from nasbench_kit.tables.column import AdditiveColumn

if TYPE_CHECKING:
    from nasbench_kit.surrogates import Surrogate

_INDENT = 12
_ONCE = ", equal ones counted once"


@click.command(
    epilog=example(
        "nasbench-kit info nasbench201",
        "nasbench-kit info nasbench201 --verify",
        "nasbench-kit info mine.h5 --json",
        "nasbench-kit info regularized_evolution",
        "nasbench-kit info optuna:TPESampler",
        "nasbench-kit info nats_tss",
    )
)
@click.argument("name")
@click.option("--verify", is_flag=True, help="Read all of it and compare it with its recorded hashes.")
@json_option
def info(name: str, verify: bool, as_json: bool) -> None:
    """What a table holds or a surrogate predicts, and where it comes from; what an optimizer's settings mean.

    NAME is that of a table, surrogate, optimizer or protocol that `list` shows, or the path of a table or surrogate; or
    LIBRARY:NAME, an optimizer of another library. An optimizer and a protocol of one name are both shown.
    """
    if name.partition(":")[0] in LIBRARIES or (name in OPTIMIZERS and name not in list_results()):
        _show_optimizer(name, as_json)
        if name in PROTOCOLS and not as_json:  # local_search is both
            click.echo("\nIt is the name of a protocol, too.\n")
            _show_protocol(name, as_json)
        return
    if name in PROTOCOLS:
        _show_protocol(name, as_json)
        return
    opened = open_named(name, OPTIMIZERS, PROTOCOLS)
    if verify:
        opened.verify()
    if as_json:
        print_json(_as_json(opened, verify))
        return
    title = opened.about.get("title")
    click.echo(f"{opened.name}: {title}" if title else opened.name)
    is_table = isinstance(opened, Table)
    _line("file" if is_table else "folder", f"{opened.path} ({place_of(opened)})" + "  (verified)" * verify)
    _line("content", f"sha256 {opened.sha256}")
    _line("space", f"{opened.space.name}, {_of_space(opened)}")
    if not isinstance(opened, Table):
        _print_card(opened)
    for what in ("licence", "citation"):
        _line(what, opened.about.get(what) or "not stated")
    _line("BibTeX", f"nasbench-kit cite {name}")
    for source in opened.about.get("sources", ()):
        _line("source", _flat(source))
    for many, one in (("limits", "limit"), ("notes", "note")):
        for sentence in opened.about.get(many, ()):
            _line(one, sentence)
    click.echo()
    if isinstance(opened, Table):
        _print_recorded(opened)
    else:
        _print_predicted(opened)


def _show_optimizer(name: str, as_json: bool) -> None:
    found = described_optimizer(name)
    if as_json:
        also = {"protocol": described_protocol(name)} if name in PROTOCOLS else {}
        print_json({"name": name, "kind": "optimizer"} | found | also)
        return
    click.echo(f"{name}: {found['does']}")
    _line("group", found["group"])
    _line("source", found["source"])
    _line("BibTeX", f"nasbench-kit cite {name}")
    _line("needs", ", ".join(found["needs"]) or "nothing but values")
    if settings := found["settings"]:
        click.echo()
        rows = [(setting["name"], f"{setting['default']!r}", setting["meaning"]) for setting in settings]
        print_table(("setting", "default", "meaning"), rows)
        click.echo(f"\nset one by: nasbench-kit compare -o {name},{settings[0]['name']}=VALUE")


def described_protocol(name: str) -> dict[str, Any]:
    """What a protocol is, its rules on each benchmark, and its optimizers with their settings."""
    protocol = PROTOCOLS[name]
    found = {what: getattr(protocol, what) for what in ("title", "source", "n_runs", "data", "approximates")}
    setups = {
        setup.benchmark: setup.rules.to_json()
        | {what: list(limits) for what in ("objectives", "constraints") if (limits := getattr(setup, what))}
        | {"reported": [str(one) for one in setup.all_reports()]}
        for setup in protocol.setups
    }
    optimizers = {label: {"optimizer": made, "settings": how} for label, (made, how) in protocol.optimizers.items()}
    return {
        "name": name,
        "kind": "protocol",
        **found,
        "differences": list(protocol.differences),
        "setups": setups,
        "optimizers": optimizers,
    }


def _show_protocol(name: str, as_json: bool) -> None:
    found = described_protocol(name)
    if as_json:
        print_json(found)
        return
    protocol = PROTOCOLS[name]
    click.echo(f"{name}: {protocol.title}")
    _line("source", protocol.source)
    _line("BibTeX", f"nasbench-kit cite {name}")
    _line("runs", f"{protocol.n_runs} of each optimizer on each benchmark")
    for what in ("data", "approximates"):
        if getattr(protocol, what):
            _line({"approximates": "follows"}.get(what, what), getattr(protocol, what))
    for difference in protocol.differences:
        _line("differs", difference)
    click.echo()
    rows: list[tuple[str, ...]] = [
        (benchmark, "; ".join(f"{rule}: {_said(value)}" for rule, value in rules.items() if value))
        for benchmark, rules in found["setups"].items()
    ]
    print_table(("benchmark", "rules"), rows)
    click.echo()
    rows = [
        (label, made, "; ".join(f"{setting}: {_said(value)}" for setting, value in how.items()))
        for label, (made, how) in protocol.optimizers.items()
    ]
    print_table(("optimizer", "is", "with"), rows)
    click.echo(f"\nrun it by: nasbench-kit compare --protocol {name}")


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def _line(what: str, text: str) -> None:
    click.echo(f"  {what:<{_INDENT - 2}}{text}")


def _of_space(opened: Table | Surrogate) -> str:
    n_archs = how_many(opened.n_archs)
    if not isinstance(opened, Table):
        once = _ONCE if opened.space.keyed_by_identity else ""
        return f"{'all ' * (opened.n_archs < READ_BY_DIGIT)}{n_archs} architectures{once}"
    once = _ONCE if opened.keyed_by_identity else ""
    n_all = opened.n_possible
    if n_all is None or n_all >= READ_BY_DIGIT:
        return f"{n_archs} architectures of a space of {how_many(opened.space.size)}"
    whole = f"all {n_all:,}" if opened.is_complete else f"{n_archs} of {n_all:,}"
    return f"{whole} architectures{once}"


# ---- tables ----


def _print_recorded(table: Table) -> None:
    rows = [
        (
            dataset,
            metric.name + " *" * (metric.name == table.objectives[dataset]),
            metric.split or "-",
            metric.unit,
            metric.direction or "-",
            numbers_in_short(metric.epochs),
            numbers_in_short(metric.seeds),
            _share(*_coverage(table, dataset, metric.name)),
        )
        for dataset in table.datasets
        for metric in table.metrics(dataset).values()
    ]
    print_table(("dataset", "metric", "split", "unit", "better", "epochs", "seeds", "recorded"), rows)
    click.echo("\n*: the objective of a search; recorded: architectures x seeds with a value after the last epoch")


def _coverage(table: Table, dataset: str, metric: str) -> tuple[int, int]:
    """How many values of a metric were recorded after its last epoch, and how many there could be."""
    column = table.column(dataset, metric)
    if isinstance(column, AdditiveColumn):
        return table.n_archs, table.n_archs
    last = column.epoch_position(None)
    values = [column.at(seed, last).all() for seed in column.seed_positions(None)]
    return sum(int((run == run).sum()) for run in values), len(values) * table.n_archs


def _share(recorded: int, possible: int) -> str:
    if recorded == possible:
        return "all"
    return f"{recorded:,} of {possible:,} ({int(1000 * recorded / possible) / 10:.1f} %)"


# ---- surrogates ----


def _print_card(surrogate: Surrogate) -> None:
    card = surrogate.card
    members = f"{card.n_members} members" if card.n_members > 1 else "one member"
    n_bytes = sum(surrogate.file_sizes().values())
    _line("surrogate", f"{card.predictor.get('kind')}, {members}, {n_bytes / 1e6:,.1f} MB")
    for what, entries in (("fitted", _in_short(card.fitted)), ("quality", card.quality)):
        for text in _flat_lines(entries):
            _line(what, text)
    if card.fitted or card.quality:
        _line("", "all that was recorded of how it was fitted and evaluated: --json")
    for dataset, best in card.best.items():
        known = "best of all" if best["proven"] else "best known"
        _line("best", f"{dataset}: {best['arch']} ({known})")


def _print_predicted(surrogate: Surrogate) -> None:
    rows = [
        (
            dataset,
            metric.name + " *" * (metric.name == surrogate.objectives[dataset]),
            metric.split or "-",
            metric.unit,
            metric.direction or "-",
            numbers_in_short(metric.epochs),
            numbers_in_short(metric.seeds),
            ", ".join(_predicted(surrogate, dataset, metric.name)),
        )
        for dataset in surrogate.datasets
        for metric in surrogate.metrics(dataset).values()
    ]
    print_table(("dataset", "metric", "split", "unit", "better", "epochs", "seeds", "predicted"), rows)
    click.echo("\n*: the objective of a search; seeds: the members; noise: between training runs of one architecture;")
    click.echo("  collapse: the probability that a training run ends near chance")


def _predicted(surrogate: Surrogate, dataset: str, metric: str) -> list[str]:
    """The kinds of targets that a metric has."""
    kinds = {target.kind for target in surrogate.card.targets if (target.dataset, target.metric) == (dataset, metric)}
    return [kind for kind in ("value", "noise", "collapse") if kind in kinds]


def _in_short(fitted: Mapping[str, Any]) -> dict[str, Any]:
    """How a surrogate was fitted, without what only a program would compare; of what it follows, the command."""
    short = {key: value for key, value in fitted.items() if key not in ("job", "arguments", "teacher", "fidelity")}
    teacher = fitted.get("teacher")
    taught = teacher.get("fitted") if isinstance(teacher, Mapping) else None
    if isinstance(taught, Mapping) and "command" in taught:
        short["it follows"] = taught["command"]
    return short


def _flat_lines(entries: Mapping[str, Any]) -> Iterator[str]:
    """A line per entry of the outer dictionary, and per entry that is a dictionary of dictionaries in turn.

    Of what `surrogate eval` found, the errors and ranks alone.
    """
    for key, value in entries.items():
        if isinstance(value, Mapping) and isinstance(value.get("agreement"), Mapping):
            for part, figures in value.items():
                if part != "figures" and isinstance(figures, Mapping) and "kendall_tau" in figures:
                    known = {name: figure for name, figure in figures.items() if figure is not None}
                    yield f"{key}{f' {part}' * (part != 'agreement')}: {_flat(known)}"
        elif isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values()):
            yield from (f"{key} {line}" for line in _flat_lines(value))
        else:
            yield f"{key}: {_flat(value)}"


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_flat, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# ---- JSON ----


def _as_json(opened: Table | Surrogate, verified: bool) -> dict[str, Any]:
    found = {
        "name": opened.name,
        "kind": opened.kind,
        "path": opened.path,
        "place": place_of(opened),
        "sha256": opened.sha256,
        "verified": verified,
        "space": opened.space.name,
        "n_archs": opened.n_archs,
        "about": opened.about,
    }
    if not isinstance(opened, Table):
        card = opened.card
        found |= {
            name: getattr(card, name) for name in ("n_members", "predictor", "fitted", "quality", "best", "files")
        }
    found["datasets"] = {
        dataset: {
            "objective": opened.objectives[dataset],
            "metrics": [
                metric._asdict() | _there(opened, dataset, metric.name) for metric in opened.metrics(dataset).values()
            ],
        }
        for dataset in opened.datasets
    }
    return found


def _there(opened: Table | Surrogate, dataset: str, metric: str) -> dict[str, Any]:
    """How much of a metric was recorded, or what is predicted of it."""
    if isinstance(opened, Table):
        return dict(zip(("n_recorded", "n_possible"), _coverage(opened, dataset, metric), strict=True))
    return {"predicted": _predicted(opened, dataset, metric)}

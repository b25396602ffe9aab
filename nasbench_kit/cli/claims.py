"""`claims`: published numbers beside what the same protocol gives here."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import click

from nasbench_kit.cli.shared import StoppedError, example, json_option, print_json, print_table, results_option
from nasbench_kit.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nasbench_kit.claims import Finding

_HEAD = ("optimizer", "what", "published", "here", "difference", "±", "z", "holds")


@click.command(
    epilog=example(
        "nasbench-kit claims local_search --runs 20",
        "nasbench-kit claims best_of_10 nats_tss --runs 100 --study claims.db",
    )
)
@click.argument("protocols", nargs=-1)
@click.option("--runs", type=click.IntRange(1), help="Runs per optimizer; those of the protocol by default.")
@click.option(
    "--study",
    type=click.Path(dir_okay=False),
    default="claims.db",
    show_default=True,
    help="Study file; continued if there.",
)
@click.option(
    "--processes", "n_processes", type=click.IntRange(1), help="Processes; as many as there are processors by default."
)
@results_option
@json_option
def claims(
    protocols: tuple[str, ...],
    runs: int | None,
    study: str,
    n_processes: int | None,
    results: str | None,
    as_json: bool,
) -> None:
    """Run published protocols, and set published numbers beside what comes out.

    PROTOCOLS are those with published numbers; all of them by default. A number holds if both agree within what is
    called equal (.15 percentage points for random search, .25 for other searches), or within three standard errors of
    their difference; an order, unless it is the other way round by more. Runs are kept in the study file: the same
    command goes on where it was.
    """
    from nasbench_kit import claims as ledger  # takes a while to import
    from nasbench_kit.protocols import protocol_of

    known = dict.fromkeys(claim.protocol for claim in ledger.published_claims())
    chosen = [protocol_of(name) for name in protocols or known]
    found: dict[str, list[Finding]] = {}
    try:
        with progress_bar("runs") as advance:
            for protocol in chosen:
                found[protocol.name] = list(
                    ledger.check_claims(
                        protocol, results=results, runs=runs, study=study, n_processes=n_processes, progress=advance
                    )
                )
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; the runs made so far are in {study}: the same command goes on") from None
    if as_json:
        print_json([_as_json(finding) for findings in found.values() for finding in findings])
        return
    for protocol in chosen:
        click.echo(f"{protocol.in_words()} {protocol.title}.")
        for difference in protocol.differences:
            click.echo(f"  {difference}")
        _print(found[protocol.name])
        click.echo()
    every = [finding for findings in found.values() for finding in findings]
    looked_at = [finding for finding in every if finding.holds is not None]
    n_hold = sum(bool(finding.holds) for finding in looked_at)
    share = f" ({100 * n_hold / len(looked_at):.0f} %)" if looked_at else ""
    click.echo(
        f"{n_hold} of {len(looked_at)} published numbers hold{share}; {len(every) - len(looked_at)} not looked at"
    )


def _print(findings: Iterable[Finding]) -> None:
    rows: list[tuple[str, ...]] = []
    reasons: dict[str, int] = {}
    for finding in findings:
        if finding.holds is None:
            reasons[finding.reason] = reasons.get(finding.reason, 0) + 1
            continue
        claim = finding.claim
        text = _percent if claim.what != "evaluations to the best" else "{:.1f}".format
        z = "" if isnan(finding.z) else f"{finding.z:+.1f}"
        rows.append(
            (
                claim.optimizer,
                claim.what,
                text(claim.value),
                text(finding.value),
                text(finding.difference),
                text(finding.standard_error),
                z,
                "yes" if finding.holds else "no",
            )
        )
        if claim.note:
            rows.append((f"  {claim.note}",))
    if rows:
        print_table(_HEAD, rows, numbers=6)
    for reason, n in reasons.items():
        click.echo(f"not looked at: {n}; {reason}")


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "published": finding.claim._asdict(),
        "here": {name: getattr(finding, name) for name in ("value", "sd", "n_runs", "reason")},
        **{name: getattr(finding, name) for name in ("difference", "standard_error", "z", "holds")},
    }

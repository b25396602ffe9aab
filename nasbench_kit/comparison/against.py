"""Runs beside those of an archive: one line on what to type, where it holds none that can be compared with them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from nasbench_kit.comparison.options import given_of, options_of
from nasbench_kit.errors import SettingError
from nasbench_kit.protocols import PROTOCOLS

if TYPE_CHECKING:
    from nasbench_kit.analysis import Archive, Panel
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.comparison.planning import Plan
    from nasbench_kit.protocols import Protocol
    from nasbench_kit.study import Configuration


def check_fits(archive: Archive, plans: Sequence[Plan], protocol: Protocol | None) -> None:
    """Refuse what an archive holds nothing to compare with, before anything is run.

    Raises:
        SettingError: It is so, with the arguments of `compare` to change.
    """
    for plan in plans:
        key = plan.configurations[0]
        with _saying(partial(_to_change, key=key, benchmark=plan.benchmark, protocol=protocol), archive, key):
            archive.fitting(key)


def beside(archive: Archive, panels: Mapping[str, Panel]) -> dict[str, Panel]:
    """Panels of a study, with the runs of an archive added.

    Raises:
        SettingError: It has none that can be compared with them, with the command that makes runs which can.
    """
    found = {}
    for title, panel in panels.items():
        with _saying(partial(_to_run, panel.benchmark), archive, next(iter(panel.configurations.values()))):
            found[title] = archive.beside(panel)
    return found


@contextmanager
def _saying(what: Callable[[Configuration], str], archive: Archive, key: Configuration) -> Iterator[None]:
    """Of what does not fit, what would."""
    try:
        yield
    except SettingError as error:
        fits = archive.nearest(key)
        if fits is None:
            raise
        other = fits.results_sha256 != key.results_sha256
        say = [f"the results with sha256 {fits.results_sha256[:12]} are needed"] if other else []
        raise SettingError("; ".join([str(error), *say, *filter(None, [what(fits)])])) from None


def _to_change(fits: Configuration, key: Configuration, benchmark: Benchmark, protocol: Protocol | None) -> str:
    """What to give to `compare`, and what not."""
    if fits.rules == key.rules and (fits.objectives, fits.constraints) == (key.objectives, key.constraints):
        return ""
    if protocol is not None:
        name = _protocol_of(fits)
        if name is not None:
            return f"give protocol={name} instead of {protocol.name}"
    wanted, given = given_of(fits, benchmark), [] if protocol else given_of(key, benchmark)
    leave = [f"{name}={value}" for name, value in given if name not in dict(wanted)]
    leave += [f"protocol={protocol.name}"] if protocol else []
    give = [f"{name}={value}" for name, value in wanted if (name, value) not in given]
    return " and ".join(f"{verb} {' '.join(some)}" for verb, some in (("give", give), ("leave out", leave)) if some)


def _to_run(benchmark: Benchmark, fits: Configuration) -> str:
    """The command that makes runs which can be compared."""
    name = _protocol_of(fits)
    options = ("--protocol", name) if name else options_of(fits, benchmark)
    command = shlex.join(["nasbench-kit", "compare", "-b", fits.benchmark, *options])
    return f"{command} makes a study that can be"


def _protocol_of(key: Configuration) -> str | None:
    """The first protocol that says its rules."""
    wanted = (key.benchmark, key.rules, key.objectives or (), key.constraints)
    for protocol in PROTOCOLS.values():
        for setup in protocol.setups:
            if (setup.benchmark, setup.rules, setup.objectives, setup.constraints) == wanted:
                return protocol.name
    return None

"""What the benchmark scripts share: an environment with the peers, turns, and the printed table."""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import platform
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent

Side = Callable[[], float]  #: takes one turn and returns its seconds per unit of work


class Row(NamedTuple):
    """One line of the result: seconds per unit of work, and what is wanted of their ratio."""

    what: str
    peer: str
    ours_s: float
    peer_s: float
    at_least: float | None = None  #: wanted: the peer takes at least so many times our time
    at_most: float | None = None  #: wanted: we take at most so many times the peer's time

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        if self.at_least is not None:
            return self.peer_s >= self.at_least * self.ours_s
        return None if self.at_most is None else self.ours_s <= self.at_most * self.peer_s


def parser(documentation: str | None) -> argparse.ArgumentParser:
    """The arguments that all scripts take."""
    made = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=10, help="counted rounds of short measurements")
    made.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    made.add_argument("--venv", type=Path, default=HERE / ".venv", help="virtual environment with the peers")
    made.add_argument("--cache", type=Path, default=HERE / ".cache", help="folder for files that are made once")
    return made


def enter_environment(folder: Path, script: str) -> None:
    """Go on in the interpreter of the environment, made anew when what it should hold has changed."""
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    requirements = [HERE / "peers.txt", CHECKOUT / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()
    installed = folder / "installed.sha256"
    if not installed.exists() or installed.read_text() != wanted:
        venv.create(folder, with_pip=True)
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "-r",
            HERE / "peers.txt",
            "-e",
            f"{CHECKOUT}[fit,optimizers]",
        ]
        subprocess.run(install, check=True)
        installed.write_text(wanted)
    os.execv(python, [str(python), script, *sys.argv[1:]])


def interleaved(rounds: int, *sides: Side) -> list[float]:
    """Median of every side over rounds in which each has its turn, after one round that does not count.

    Turns, because machines drift: what ran a minute ago compares with nothing.
    """
    gc.collect()
    gc.freeze()  # or every collection during a turn would walk through all that the peers hold in memory
    results = [[side() for side in sides] for _ in range(rounds + 1)]
    gc.unfreeze()
    return [statistics.median(turns) for turns in zip(*results[1:], strict=True)]


def timed(work: Callable[[Any], Any], inputs: Iterator[Any], units: int = 1) -> Side:
    """A side that works on the next of `inputs` at every turn. Making the input is not counted."""

    def side() -> float:
        given = next(inputs)
        start = time.perf_counter()
        work(given)
        return (time.perf_counter() - start) / units

    return side


def one_by_one(query: Callable[[Any], Any]) -> Callable[[list[Any]], None]:
    """The plain loop in which single queries are asked."""

    def work(archs: list[Any]) -> None:
        for arch in archs:
            query(arch)

    return work


def print_rows(rows: Iterable[Row]) -> None:
    """Measure what `rows` yields, and print it as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "peer", title=f"Python {platform.python_version()}, time per unit of work, medians")
    for heading in ("ours", "peer", "ratio", "goal", "met"):
        table.add_column(heading, justify="right")
    console = Console(width=max(Console().width, 140))  # wide enough where the output is no terminal
    with console.status("preparing") as status:
        for row in rows:
            status.update(f"{row.what} beside {row.peer}")
            table.add_row(*_cells(row))
    console.print(table)


def _cells(row: Row) -> list[str]:
    met = {True: "yes", False: "no", None: ""}[row.is_met]
    return [row.what, row.peer, seconds(row.ours_s), seconds(row.peer_s), *_ratio_and_goal(row), met]


def _ratio_and_goal(row: Row) -> tuple[str, str]:
    """The ratio in the direction in which the goal speaks of it."""
    if row.at_least is not None:
        return f"{row.peer_s / row.ours_s:.1f}x faster", f">= {row.at_least:g}x"
    return f"{row.ours_s / row.peer_s:.2f}x the time", "" if row.at_most is None else f"<= {row.at_most:g}x"


def seconds(value: float) -> str:
    """A time with a unit that fits it."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"

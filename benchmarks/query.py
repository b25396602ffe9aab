"""Speed of nasbench_kit beside that of other packages, measured in turns on this machine.

    python benchmarks/query.py [--rounds N] [--quick]

The first call makes a virtual environment with the peers (peers.txt) and this checkout (1.5 GB, most of it the XGBoost
that Syne Tune needs) and files for the peers; it measures in there. Times are per process, query, architecture or
evaluation.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comparison import Row

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    arguments = _arguments()
    if Path(sys.prefix).resolve() != arguments.venv.resolve():
        python = _environment(arguments.venv)
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    _measure(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="counted rounds of short measurements")
    parser.add_argument("--quick", action="store_true", help="3 rounds and 50 runs: to see that it works")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="virtual environment with the peers")
    parser.add_argument("--cache", type=Path, default=HERE / ".cache", help="folder for files that peers read")
    return parser.parse_args()


def _environment(folder: Path) -> Path:
    """The interpreter of the environment, (re)installed when what it should hold has changed."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    requirements = [HERE / "peers.txt", CHECKOUT / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()
    installed = folder / "installed.sha256"
    if not installed.exists() or installed.read_text() != wanted:
        venv.create(folder, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "-r", HERE / "peers.txt", "-e", CHECKOUT]
        subprocess.run(install, check=True)
        installed.write_text(wanted)
    return python


def _measure(arguments: argparse.Namespace) -> None:
    from comparison import Size, rows  # imports the peers, which only the environment has
    from rich.console import Console
    from rich.table import Table

    size = Size(rounds=3, long_rounds=2, n_runs=50) if arguments.quick else Size(arguments.rounds)
    table = Table("what", "peer", title=f"Python {platform.python_version()}, time per unit of work, medians")
    for heading in ("ours", "peer", "ratio", "goal", "met"):
        table.add_column(heading, justify="right")
    console = Console(width=max(Console().width, 140))  # wide enough where the output is no terminal
    with console.status("preparing") as status:
        for row in rows(size, arguments.cache):
            status.update(f"{row.what} beside {row.peer}")
            table.add_row(*_cells(row))
    console.print(table)


def _cells(row: Row) -> list[str]:
    met = {True: "yes", False: "no", None: ""}[row.is_met]
    return [row.what, row.peer, _seconds(row.ours_s), _seconds(row.peer_s), *_ratio_and_goal(row), met]


def _ratio_and_goal(row: Row) -> tuple[str, str]:
    """The ratio in the direction in which the goal speaks of it."""
    if row.at_least is not None:
        return f"{row.peer_s / row.ours_s:.1f}x faster", f">= {row.at_least:g}x"
    return f"{row.ours_s / row.peer_s:.2f}x the time", "" if row.at_most is None else f"<= {row.at_most:g}x"


def _seconds(value: float) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


if __name__ == "__main__":
    main()

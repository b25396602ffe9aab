"""Makes the archive of reference runs: `data/reference_runs.npz`.

    python data/make_archive.py [--study build/archive.db] [--processes 2]

Every optimizer that needs no more than a benchmark, and takes reasonable time, on every benchmark of the suites, 200
runs each. The runs are kept in the study file: stopped, the same command goes on. The archive is the same, byte for
byte, each time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from nasbench_kit.analysis import Archive, Trajectories, panel_of, write_archive
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import GROUPS
from nasbench_kit.progress import progress_bar
from nasbench_kit.protocols import PROTOCOLS, Protocol
from nasbench_kit.study import Configuration, Study

OUT = Path(__file__).with_name("reference_runs.npz")
SUITES = ("suite_full", "suite_held_out")
GROUPS_ARCHIVED = ("model-free", "multi-fidelity")
SLOW = {"mobster", "sync_mobster", "hyper_tune"}  # they fit models: some seconds a run, as all that are model-based
ON_LONG_CURVES = {"hyperband", "async_hyperband"}  # of the multi-fidelity ones; others take tens of thousands of
LONG_CURVES = "nasbench301/cifar10"  # predictions a run, six seconds and more


def configurations(protocol: Protocol) -> Iterator[Configuration]:
    """What is archived of a suite: the default settings of each optimizer that can search a benchmark."""
    for setup, benchmark in zip(protocol.setups, protocol.load(), strict=True):
        names = [name for group in GROUPS_ARCHIVED for name in GROUPS[group] if name not in SLOW]
        if setup.benchmark == LONG_CURVES:
            names = [name for name in names if name in GROUPS["model-free"] or name in ON_LONG_CURVES]
        for name in names:
            try:
                yield Configuration.of(benchmark, name, rules=setup.rules)
            except (SettingError, UnknownNameError):
                continue  # it needs epochs, or another space


def entries(study: Study, keys: list[Configuration]) -> Iterator[tuple[Configuration, Mapping[str, str], Trajectories]]:
    """The runs, as an archive takes them."""
    for key in keys:
        versions = next(study.runs(key)).versions
        (runs,) = panel_of(study, [key]).trajectories.values()
        yield key, versions, runs


def main() -> None:
    """Makes the runs that are not there yet, then the archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=Path("build/archive.db"))
    parser.add_argument("--processes", type=int)
    given = parser.parse_args()
    given.study.parent.mkdir(parents=True, exist_ok=True)
    suites = [PROTOCOLS[name] for name in SUITES]
    keys = [key for suite in suites for key in configurations(suite)]
    with Study(given.study) as study:
        with progress_bar("runs") as advance:
            counts = study.run(keys, range(suites[0].n_runs), n_processes=given.processes, progress=advance)
        if counts.failed:
            raise SystemExit(f"{counts.failed:,} runs failed: nasbench-kit runs {given.study} says why")
        write_archive(OUT, entries(study, keys))
    archive = Archive.open(OUT)
    n_runs = sum(len(entry.run_seeds) for entry in archive.entries)
    print(f"{OUT}: {n_runs:,} runs of {len(archive.entries)} configurations, digest {archive.digest[:12]}")


if __name__ == "__main__":
    main()

"""The ledger of claims: published numbers beside what the same protocol gives here."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from math import isnan, nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench_kit.analysis import final_regrets, regret_curves
from nasbench_kit.comparison import Comparison, compare, opened_study
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError, listed
from nasbench_kit.protocols import Protocol, protocol_of
from nasbench_kit.simulator import Reported, Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.study import Study
    from nasbench_kit.study.study import StoredRun

_ENOUGH = 3.0  # standard errors
_FEWEST = 2  # runs that have a standard deviation
ORDER, TO_THE_BEST, REGRET_AT, BEST = "order", "evaluations to the best", "regret at ", "best "


class Claim(NamedTuple):
    """A published number."""

    protocol: str  #: under which it was found
    benchmark: str
    optimizer: str  #: as it is called in the protocol; "A - B" of the difference between two
    what: str
    """`DATASET:METRIC` of final incumbents, "best DATASET:METRIC" of all that was evaluated, "regret at SECONDS s",
    "evaluations to the best", or "order": by how much the final incumbents of A are better than those of B."""
    value: float  #: accuracies are fractions
    sd: float  #: over runs; NaN where it is not stated
    n_runs: int
    within: float  #: what is called equal, whatever the noise; of an order: 0
    version: str  #: of the table, where several circulate
    source: str
    note: str  #: what is to be known of it


class Finding(NamedTuple):
    """A claim, and what was found here."""

    claim: Claim
    value: float = nan  #: NaN where it could not be looked at
    sd: float = nan  #: over runs
    n_runs: int = 0
    reason: str = ""  #: why it could not be looked at

    @property
    def difference(self) -> float:
        """Ours minus the published one."""
        return self.value - self.claim.value

    @property
    def standard_error(self) -> float:
        """Of the difference: both are means over runs. What was published without its sd counts as having ours."""
        published = self.sd if isnan(self.claim.sd) else self.claim.sd
        return sqrt(self.sd**2 / self.n_runs + published**2 / self.claim.n_runs) if self.n_runs else nan

    @property
    def z(self) -> float:
        """The difference in standard errors; NaN where there is no noise."""
        return self.difference / self.standard_error if self.standard_error else nan

    @property
    def holds(self) -> bool | None:
        """Whether both agree: within what the claim says, or within three standard errors. None: not looked at.

        An order holds unless ours is the other way round by more than three of its standard errors.
        """
        if not self.n_runs:
            return None
        if self.claim.what == ORDER:
            return self.value * self.claim.value >= 0 or abs(self.value) * sqrt(self.n_runs) < _ENOUGH * self.sd
        return abs(self.difference) <= self.claim.within or abs(self.z) < _ENOUGH


@cache
def published_claims() -> tuple[Claim, ...]:
    """All published numbers that the package knows."""
    text = files("nasbench_kit.protocols").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        Claim(
            protocol=row["protocol"],
            benchmark=row["benchmark"],
            optimizer=row["optimizer"],
            what=row["what"],
            value=float(row["value"]),
            sd=float(row["sd"] or nan),
            n_runs=int(row["n_runs"]),
            within=0.0 if row["within"] == ORDER else float(row["within"]),
            version=row["version"],
            source=row["source"],
            note=row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def check_claims(
    protocol: str | Protocol,
    *,
    results: str | os.PathLike[str] | None = None,
    runs: int | None = None,
    study: Study | str | os.PathLike[str] | None = None,
    n_processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Finding]:
    """Run a protocol, and set what comes out beside what was published under it.

    Args:
        protocol: Its name, or itself.
        results: A table file, or the folder of a surrogate, to take its benchmarks from.
        runs: Runs of each optimizer; those of the protocol by default.
        study: Where the runs are kept, as in `compare`.
        n_processes: As in `compare`.
        progress: As in `compare`.

    Yields:
        What was found of each claim, or why it cannot be looked at with these results.

    Raises:
        UnknownNameError: There is no such protocol, or nothing was published under it.
    """
    follows = protocol_of(protocol)
    claims = [claim for claim in published_claims() if claim.protocol == follows.name]
    if not claims:
        known = dict.fromkeys(claim.protocol for claim in published_claims())
        raise UnknownNameError(f"no published numbers of the protocol {follows.name}; choose from {listed(known)}")
    for name in dict.fromkeys(claim.benchmark for claim in claims):
        of_it = [claim for claim in claims if claim.benchmark == name]
        try:
            (benchmark,) = follows.load([name], results=results)
        except (UnknownNameError, NotRecordedError, SettingError) as error:
            yield from (Finding(claim, reason=str(error)) for claim in of_it)
            continue
        cannot = {one: _why_not(follows, one, benchmark) for claim in of_it for one in _optimizers_of(claim)}
        wanted = sorted(one for one, reason in cannot.items() if not reason)
        n_runs = follows.n_runs if runs is None else runs
        with opened_study(study) as opened:
            made = compare(
                benchmark,
                wanted,
                protocol=follows,
                runs=n_runs,
                study=opened,
                n_processes=n_processes,
                progress=progress,
            )
            for claim in of_it:
                if reasons := [reason for one in _optimizers_of(claim) if (reason := cannot[one])]:
                    yield Finding(claim, reason=reasons[0])
                    continue
                try:
                    yield _found(claim, benchmark, made, opened, range(n_runs))
                except (NotRecordedError, UnknownNameError) as error:
                    yield Finding(claim, reason=follows.with_where_from(error))


def _optimizers_of(claim: Claim) -> list[str]:
    return claim.optimizer.split(" - ")


def _why_not(protocol: Protocol, optimizer: str, benchmark: Benchmark) -> str:
    """Why an optimizer of a publication cannot be run on a benchmark; empty if it can."""
    try:
        protocol.check(optimizer, benchmark)
    except (UnknownNameError, SettingError) as error:
        return str(error)
    return ""


def _found(claim: Claim, benchmark: Benchmark, made: Comparison, study: Study, run_seeds: range) -> Finding:
    """What a comparison says of a claim."""
    each = [_per_run(claim.what, benchmark, made, one, study, run_seeds) for one in _optimizers_of(claim)]
    each = [values[~np.isnan(values)] for values in each]
    n_runs = min(map(len, each))
    if n_runs < _FEWEST:
        return Finding(claim, reason=f"{n_runs} of {len(run_seeds)} runs have it; at least {_FEWEST} expected")
    value = each[0].mean() - sum(values.mean() for values in each[1:])
    variance = sum(values.var(ddof=1) for values in each)
    return Finding(claim, float(value), sqrt(variance), n_runs)


def _per_run(
    what: str, benchmark: Benchmark, made: Comparison, optimizer: str, study: Study, run_seeds: range
) -> NDArray[np.float64]:
    """What a claim is about, of each run: float64 (n_runs,), NaN where a run has none.

    Raises:
        NotRecordedError, UnknownNameError: The results do not hold it.
    """
    trajectories = made.trajectories[benchmark.name][optimizer]
    key = made.configurations[benchmark.name][optimizer]
    if what.startswith(BEST):
        by = replace(key.rules, reported=Reported.parse(what.removeprefix(BEST)))
        return np.array([run.max() for run in _of_all(benchmark, by, study.runs(key, run_seeds))])
    if what == TO_THE_BEST:
        sign = trajectories.metric.sign()
        is_best = [sign * run >= trajectories.best for run in _of_all(benchmark, key.rules, study.runs(key, run_seeds))]
        return np.array([run.argmax() + 1 if run.any() else nan for run in is_best], float)
    if what.startswith(REGRET_AT):
        time_s = float(what.removeprefix(REGRET_AT).removesuffix(" s"))
        return regret_curves(trajectories, np.array([time_s]))[:, 0]
    if what == ORDER:
        return trajectories.best - final_regrets(trajectories)
    reported = Reported.parse(what)
    finals = made.reports[benchmark.name][optimizer]
    if reported not in finals:
        raise NotRecordedError(f"{benchmark.name} holds no {reported.metric} of {reported.dataset}")
    return finals[reported].values


def _of_all(benchmark: Benchmark, rules: Rules, runs: Iterable[StoredRun]) -> list[NDArray[np.float64]]:
    """What the rules report by, as recorded, of everything that each run evaluated."""
    where, metric, epoch = rules.reported_on(benchmark)
    archs = [run.records.archs for run in runs]
    values = where.values(metric, np.concatenate(archs), epoch=epoch)
    return np.split(values, np.cumsum([len(each) for each in archs])[:-1])

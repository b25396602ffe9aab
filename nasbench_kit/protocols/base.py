"""What a published protocol says: benchmarks, rules, the optimizers' settings, what is reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, final

from nasbench_kit.benchmark import Benchmark, open_results
from nasbench_kit.catalog import load
from nasbench_kit.errors import NotRecordedError, SettingError, UnknownNameError, listed, unknown
from nasbench_kit.optimizers import check_needs, needs_of, optimizer_class
from nasbench_kit.simulator import Reported, Rules, task_of

if TYPE_CHECKING:
    import os

Optimizers = Mapping[str, tuple[str, Mapping[str, Any]]]
"""Name in a publication -> name of the optimizer here, and the settings published."""


class Setup(NamedTuple):
    """What a protocol does on one benchmark."""

    benchmark: str  #: its name
    rules: Rules
    reports: tuple[Reported, ...] = ()
    """What the publication reports final incumbents by, beside what `rules.reported` says."""
    objectives: tuple[str, ...] = ()  #: instead of the benchmark's
    constraints: tuple[str, ...] = ()  #: limits to keep to, as "params_m<=0.5"

    def all_reports(self) -> tuple[Reported, ...]:
        """What final incumbents are reported by, that of the rules first."""
        return (*([self.rules.reported] if self.rules.reported else []), *self.reports)


@final
@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A published set of rules, fixed before anything is run under them.

    Attributes:
        name: What it is called here.
        title: What it is, in a sentence.
        source: The publication, and where its rules are written down.
        setups: What it does, benchmark by benchmark.
        optimizers: Those that it compares.
        n_runs: Runs of each optimizer on each benchmark.
        data: Where results come from that do not come with the package; empty if all do.
        approximates: The protocol that this one follows with results that come with the package; empty if none.
        differences: What is not as in the publication, a sentence each.
    """

    name: str
    title: str
    source: str
    setups: tuple[Setup, ...]
    optimizers: Optimizers
    n_runs: int
    data: str = ""
    approximates: str = ""
    differences: tuple[str, ...] = ()

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Names of its benchmarks."""
        return tuple(setup.benchmark for setup in self.setups)

    def setup(self, benchmark: str) -> Setup:
        """What it does on a benchmark of its own, or on one of another table with the same dataset.

        Raises:
            UnknownNameError: It has none of this name.
        """
        known = {setup.benchmark: setup for setup in reversed(self.setups)}
        by_dataset = {name.partition("/")[2]: setup for name, setup in known.items()}
        found = known.get(benchmark) or by_dataset.get(benchmark.partition("/")[2])
        if found is not None:
            return found
        raise unknown(f"benchmark of the protocol {self.name}", benchmark, self.benchmarks)

    def check(self, optimizer: str, benchmark: Benchmark) -> None:
        """Refuse one of its optimizers on a benchmark that lacks what it needs.

        Args:
            optimizer: Its name in the publication.
            benchmark: One of `load`.

        Raises:
            UnknownNameError: The protocol has none of this name; or the benchmark lacks a column, with where it is.
            SettingError: It lacks something else, likewise.
        """
        if optimizer not in self.optimizers:
            raise unknown(f"optimizer of the protocol {self.name}", optimizer, self.optimizers)
        name, settings = self.optimizers[optimizer]
        made = optimizer_class(name)
        task = task_of(benchmark, self.setup(benchmark.name).rules, needs=needs_of(made, settings))
        with self._saying_where():
            check_needs(made, task, optimizer, settings)

    def load(
        self, benchmarks: Iterable[str] | None = None, *, results: str | os.PathLike[str] | None = None
    ) -> list[Benchmark]:
        """Open its benchmarks, with its objectives and constraints.

        Args:
            benchmarks: Names of those to open; all by default.
            results: A table file, or the folder of a surrogate, of any name, that holds their datasets.

        Raises:
            UnknownNameError: It has no such benchmark; or there are no such results, with where they come from.
            NotRecordedError, SettingError: They lack what its rules need, likewise.
            DataError: They cannot be read.
        """
        stem = "" if results is None else open_results(results).name
        opened = []
        for setup in map(self.setup, self.benchmarks if benchmarks is None else benchmarks):
            name = f"{stem}/{setup.benchmark.partition('/')[2]}" if stem else setup.benchmark
            chosen = {"objectives": setup.objectives or None, "constraints": setup.constraints or None}
            with self._saying_where():
                benchmark = load(name, results=results, **chosen)
                setup.rules.check(benchmark)
            opened.append(benchmark)
        return opened

    @contextmanager
    def _saying_where(self) -> Iterator[None]:
        """Of what the results lack, where it comes from."""
        try:
            yield
        except (UnknownNameError, NotRecordedError, SettingError) as error:
            raise type(error)(self.with_where_from(error)) from None

    def with_where_from(self, error: Exception) -> str:
        """What an error says, and which results are needed, if they do not come with the package."""
        text = str(error)
        if not self.data:
            return text
        from nasbench_kit.protocols import PROTOCOLS  # which know this module

        others = [other.name for other in PROTOCOLS.values() if other.approximates == self.name]
        instead = f"; {listed(others)} does without" if others else ""
        return f"{text}{'' if text.endswith('?') else '.'} The protocol {self.name} needs {self.data}{instead}"

    def in_words(self) -> str:
        """For captions."""
        follows = f", which follows {self.approximates} with other results" if self.approximates else ""
        return f"Protocol {self.name}{follows}: {self.source}."

"""What determines a run, but its seed: a value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from nasbench_kit.benchmark import Benchmark
from nasbench_kit.errors import NasbenchKitError, SettingError
from nasbench_kit.optimizers import OPTIMIZERS, is_recorded
from nasbench_kit.simulator import Rules
from nasbench_kit.study.building import build, defaults_of
from nasbench_kit.study.text import check_printable, in_one_line, read_json, reason_of, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = 2**32 - 1
_SHA256 = re.compile("[0-9a-f]{64}")


@final
@dataclass(frozen=True, eq=False)
class Configuration:
    """Everything that determines a run, but its seed. Two are equal if they determine the same runs.

    Attributes:
        benchmark: Name of the benchmark, `results/dataset`.
        results_sha256: Hash of the content of its table, or of all that determines the numbers of its surrogate.
        optimizer: A name in `nasbench_kit.optimizers.OPTIMIZERS`, `library:Name`, or `module:Class`; `recorded:NAME` of
            what was recorded elsewhere.
        settings: Arguments of the optimizer after `task` and `rng`; of what was recorded, where it comes from.
        rules: What a search is told, what it pays, when it ends.
        objectives: What is optimized, where it is not what the results say.
        constraints: The limits, as text.
        label: How the optimizer is shown; by its name and what is not default of its settings, if empty.
        defaults: The default settings of an optimizer of one's own: what of its settings need not be shown.
        path: Where the table or surrogate lies; found by its hash, if empty.
    """

    benchmark: str
    results_sha256: str
    optimizer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    objectives: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    # what follows is not part of what makes two configurations the same
    label: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""

    def __post_init__(self) -> None:
        plain = {}
        for name, value in self.settings.items():
            try:
                plain[name] = json.loads(write_json(value))
            except (TypeError, ValueError, RecursionError):
                raise SettingError(
                    f"{name}={value!r:.80} of {self.optimizer} cannot be stored; a number, a text, or a list expected"
                ) from None
        object.__setattr__(self, "settings", plain)
        try:
            check_printable(self.label)
        except (AttributeError, ValueError):
            raise SettingError(f"label={self.label!r:.80}; a text of one line expected") from None

    @classmethod
    def of(
        cls,
        benchmark: Benchmark,
        optimizer: str,
        settings: Mapping[str, Any] | None = None,
        *,
        rules: Rules | None = None,
        label: str = "",
        **how: Any,
    ) -> Self:
        """The configuration of an optimizer on a benchmark, checked by building the optimizer once.

        Args:
            benchmark: What to search.
            optimizer: As the attribute of that name.
            settings: As the attribute of that name.
            rules: As the attribute of that name.
            label: As the attribute of that name.
            how: Rules by their names, instead of or beside `rules`.

        Raises:
            UnknownNameError: There is no such optimizer, or it has no such setting.
            SettingError: The optimizer refuses its settings or the task, or the rules cannot be kept on this benchmark.
            NotRecordedError: The epoch or run was never recorded.
        """
        results = benchmark.results
        defaults = defaults_of(optimizer)
        settings = defaults | dict(settings or {})  # or a later version's defaults would pass for these
        rules = (rules or Rules()).changed(how)
        if rules.costs is None and benchmark.own_costs is not None:
            rules = replace(rules, costs=benchmark.own_costs)
        rules.check(benchmark)
        made = cls(
            benchmark.name,
            results.sha256,
            optimizer,
            settings,
            rules,
            objectives=benchmark.own_objectives,
            constraints=tuple(map(str, benchmark.constraints)),
            label=label,
            defaults={} if optimizer in OPTIMIZERS else defaults,
            path=results.path,
        )
        try:
            build(optimizer, made.settings, benchmark, rules, np.random.default_rng(0))
        except NasbenchKitError:
            raise
        except Exception as error:  # whatever somebody's class raises
            raise SettingError(f"cannot make {made.legend}: {reason_of(error)}") from error
        return made

    @property
    def is_recorded(self) -> bool:
        """Whether its runs were recorded elsewhere, so that they cannot be made here."""
        return is_recorded(self.optimizer)

    @property
    def returns_latest(self) -> bool:
        """Whether its incumbent is what the method held last, not the best that it evaluated; see `recorded`."""
        return self.is_recorded and self.settings.get("returns") == "latest"

    @cached_property
    def identity(self) -> str:
        """Canonical JSON of all that makes two configurations the same: what differs from the defaults."""
        try:
            return write_json(self._named() | {"results_sha256": self.results_sha256})
        except (TypeError, ValueError, RecursionError) as error:
            raise SettingError(f"{self.legend:.80} cannot be stored: {in_one_line(error)}") from None

    def _named(self) -> dict[str, Any]:
        what: dict[str, Any] = {
            "benchmark": self.benchmark,
            "optimizer": self.optimizer,
            "settings": self.settings,
            "rules": self.rules.to_json(),
        }
        if self.objectives is not None:
            what["objectives"] = self.objectives
        if self.constraints:
            what["constraints"] = self.constraints
        return what

    def streams(self, run_seed: int) -> tuple[np.random.Generator, np.random.Generator]:
        """The random generators of a run: one for the optimizer, one for the training runs that are drawn.

        They follow from all that has a name, not from the hash of the results: a table that is written anew with
        another licence text is searched in the same way.
        """
        words = [run_seed & _WORD, *([run_seed >> 32] if run_seed > _WORD else [])]  # as SeedSequence splits integers
        entropy = np.concatenate([np.array(words, np.uint32), self._digest])
        search, draw = (np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(i,))) for i in range(2))
        return search, draw

    @cached_property
    def _digest(self) -> NDArray[np.uint32]:
        digest = hashlib.sha256(json.dumps(self._named(), sort_keys=True).encode()).digest()
        return np.frombuffer(digest, "<u4").astype(np.uint32)

    @classmethod
    def from_json(cls, identity: object, *, label: str = "", defaults: Mapping[str, Any] | None = None) -> Self:
        """The configuration of an identity.

        Raises:
            ValueError: It is no identity, or not as this version writes it. (Errors of ours are, too.)
        """
        what = read_json(identity)
        try:
            objectives = what.get("objectives")
            made = cls(
                what["benchmark"],
                what["results_sha256"],
                what["optimizer"],
                what["settings"],
                Rules.from_json(what["rules"]),
                None if objectives is None else tuple(objectives),
                tuple(what.get("constraints", ())),
                label,
                defaults or {},
            )
            names = (made.benchmark, made.optimizer, *(made.objectives or ()), *made.constraints)
            names += (*(made.rules.costs or ()), *(made.rules.reported or ())[:2])
            is_whole = all(isinstance(name, str) for name in names) and made.identity == identity
        except (AttributeError, KeyError, TypeError, NasbenchKitError) as error:
            raise ValueError(str(error)) from None
        if not is_whole or not _SHA256.fullmatch(made.results_sha256):
            raise ValueError("it is not written as this version writes it")
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def names(self) -> tuple[str, ...]:
        """What the optimizer is called where some are chosen: its name, how it is shown, and a class of one's own."""
        return self.optimizer, self.legend, self.optimizer.rpartition(":")[2]

    @property
    def legend(self) -> str:
        """How the optimizer is shown: its label, or itself with what is not default: `local_search (n_initial=10)`."""
        if self.label:
            return self.label
        defaults = defaults_of(self.optimizer) if self.optimizer in OPTIMIZERS else self.defaults
        shown = {name: value for name, value in self.settings.items() if defaults.get(name) != value}
        settings = ", ".join(f"{name}={value}" for name, value in sorted(shown.items()))
        return f"{self.optimizer} ({settings})" if settings else self.optimizer

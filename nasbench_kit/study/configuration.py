"""What determines a run, and the run itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from inspect import Parameter, getsourcefile, signature
from pathlib import Path
from typing import Any, Self, final

import numpy as np

from nasbench_kit.benchmark import Benchmark, Results, open_results
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, UnknownNameError, unknown
from nasbench_kit.optimizers import OPTIMIZERS, check_needs, optimizer_class
from nasbench_kit.simulator import Records, Rules, simulate, task_of
from nasbench_kit.version import __version__


@final
@dataclass(frozen=True, eq=False)
class Configuration:
    """Everything that determines a run, but its seed.

    Attributes:
        benchmark: Name of the benchmark, `results/dataset`.
        results_sha256: Hash of the content of its table, or of all that determines the numbers of its surrogate.
        optimizer: A name in `nasbench_kit.optimizers.OPTIMIZERS`, or `module:Class`.
        settings: Arguments of the optimizer after `task` and `rng`.
        rules: What a search is told, what it pays, when it ends.
        objectives: What is optimized, where it is not what the results say.
        constraints: The limits, as text.
        path: Where the table or surrogate lies; not part of what makes two configurations the same.
    """

    benchmark: str
    results_sha256: str
    optimizer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    objectives: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    path: str = ""

    def __post_init__(self) -> None:
        plain = {}
        for name, value in self.settings.items():
            try:
                plain[name] = json.loads(json.dumps(value, allow_nan=False))
            except (TypeError, ValueError):
                raise SettingError(
                    f"{name}={value!r} of {self.optimizer} cannot be stored; a number, a text, or a list expected"
                ) from None
        object.__setattr__(self, "settings", plain)

    @classmethod
    def of(
        cls,
        benchmark: Benchmark,
        optimizer: str,
        settings: Mapping[str, Any] | None = None,
        *,
        rules: Rules | None = None,
        **how: Any,
    ) -> Self:
        """The configuration of an optimizer on a benchmark, checked by building the optimizer once.

        Args:
            benchmark: What to search.
            optimizer: As the attribute of that name.
            settings: As the attribute of that name.
            rules: As the attribute of that name.
            how: Rules by their names, instead of or beside `rules`.

        Raises:
            UnknownNameError: There is no such optimizer, or it has no such setting.
            SettingError: The optimizer refuses its settings or the task, or the rules cannot be kept on this benchmark.
            NotRecordedError: The epoch or run was never recorded.
        """
        results = benchmark.results
        settings = defaults_of(optimizer) | dict(settings or {})  # or a later version's defaults would pass for these
        rules = replace(rules or Rules(), **how)
        rules.check(benchmark)
        made = cls(
            benchmark.name,
            results.sha256,
            optimizer,
            settings,
            rules,
            objectives=benchmark.own_objectives,
            constraints=tuple(map(str, benchmark.constraints)),
            path=results.path,
        )
        try:
            _build(made, benchmark, np.random.default_rng(0))
        except NasbenchKitError:
            raise
        except Exception as error:  # whatever somebody's class raises
            raise SettingError(f"cannot make {made.label}: {type(error).__name__}: {error}") from error
        return made

    @cached_property
    def identity(self) -> str:
        """Canonical JSON of all that makes two configurations the same: what differs from the defaults."""
        return json.dumps(self._named() | {"results_sha256": self.results_sha256}, sort_keys=True)

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
        digest = hashlib.sha256(json.dumps(self._named(), sort_keys=True).encode()).digest()
        seeds = np.random.SeedSequence([run_seed, *np.frombuffer(digest, "<u4").tolist()]).spawn(2)
        search, draw = map(np.random.default_rng, seeds)
        return search, draw

    @classmethod
    def from_json(cls, what: Mapping[str, Any]) -> Self:
        """The configuration of an identity.

        Raises:
            TypeError, ValueError, UnknownNameError: It is none.
        """
        objectives = what.get("objectives")
        return cls(
            what["benchmark"],
            what["results_sha256"],
            what["optimizer"],
            what["settings"],
            Rules.from_json(what["rules"]),
            None if objectives is None else tuple(objectives),
            tuple(what.get("constraints", ())),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def label(self) -> str:
        """The optimizer with what is not default of its settings, for legends: `local_search (n_initial=10)`.

        Of an optimizer of your own all settings are shown: its module is not imported for that.
        """
        defaults = defaults_of(self.optimizer) if self.optimizer in OPTIMIZERS else {}
        shown = {name: value for name, value in self.settings.items() if defaults.get(name) != value}
        settings = ", ".join(f"{name}={value}" for name, value in sorted(shown.items()))
        return f"{self.optimizer} ({settings})" if settings else self.optimizer


def _build(configuration: Configuration, benchmark: Benchmark, rng: np.random.Generator) -> Any:
    accepted = _accepted(configuration.optimizer)
    names = [parameter.name for parameter in accepted]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted):
        for name in configuration.settings:
            if name not in names:
                raise unknown(f"setting of {configuration.optimizer}", name, names)
    made = optimizer_class(configuration.optimizer)
    task = task_of(benchmark, configuration.rules)
    check_needs(made, task, configuration.optimizer)
    return made(task, rng, **configuration.settings)


def _accepted(optimizer: str) -> list[Parameter]:
    """The arguments of an optimizer's constructor after `task` and `rng`."""
    try:
        return list(signature(optimizer_class(optimizer)).parameters.values())[2:]
    except (TypeError, ValueError):
        raise UnknownNameError(f"{optimizer!r} is no optimizer: a class made from a task and an rng expected") from None


def defaults_of(optimizer: str) -> dict[str, Any]:
    """The default settings of an optimizer, as far as a study can store them.

    Raises:
        UnknownNameError: There is no such optimizer.
    """
    defaults = {}
    for parameter in _accepted(optimizer):
        if parameter.default is not parameter.empty:
            with contextlib.suppress(TypeError, ValueError):
                defaults[parameter.name] = json.loads(json.dumps(parameter.default, allow_nan=False))
    return defaults


def versions_of(configuration: Configuration) -> dict[str, str]:
    """What else the records of a run may depend on: versions of software, and the file of an optimizer of one's own."""
    versions = {"nasbench_kit": __version__, "numpy": np.__version__, "python": platform.python_version()}
    if configuration.optimizer not in OPTIMIZERS:
        with contextlib.suppress(TypeError, OSError):
            source = getsourcefile(optimizer_class(configuration.optimizer)) or ""
            versions["optimizer_sha256"] = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return versions


def open_same(path: str, sha256: str) -> Results:
    """The table or surrogate that a configuration was made for.

    Raises:
        StudyError: It is not known where it lies, or another one lies there.
    """
    if not path:
        raise StudyError("it is not known where the table of this configuration lies; make it by Configuration.of")
    results = open_results(path)
    if results.sha256 != sha256:
        raise StudyError(f"{results.kind} {path!r} has changed since this study was set up; put the earlier one back")
    return results


@cache
def _benchmark(
    path: str, name: str, sha256: str, objectives: tuple[str, ...] | None, constraints: tuple[str, ...]
) -> Benchmark:
    results = open_same(path, sha256)
    return Benchmark(results, name.partition("/")[2], objectives=objectives, constraints=constraints)


def execute(configuration: Configuration, run_seed: int) -> Records:
    """One run: what an executor is given. It depends on nothing but the configuration and the seed."""
    what = configuration
    benchmark = _benchmark(what.path, what.benchmark, what.results_sha256, what.objectives, what.constraints)
    search, draw = what.streams(run_seed)
    return simulate(benchmark, _build(what, benchmark, search), rng=draw, rules=what.rules)

"""What determines a run, and the run itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from inspect import Parameter, getsourcefile, signature
from operator import index as as_int
from pathlib import Path
from typing import Any, Self, final

import numpy as np

from nasbench_kit.benchmark import Benchmark, open_results
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, UnknownNameError, unknown
from nasbench_kit.optimizers import OPTIMIZERS, optimizer_class
from nasbench_kit.simulator import DRAWN, SECONDS, Records, check_settings, simulate
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.tables import Table
from nasbench_kit.version import __version__

_SIMULATION = ("budget_s", "n_evaluations", "n_workers", "seed", "epoch", "clock")  # what `simulate` is told


@final
@dataclass(frozen=True, eq=False)
class Configuration:
    """Everything that determines a run, but its seed.

    Attributes:
        benchmark: Name of the benchmark, `results/dataset`.
        table_sha256: Hash of the content of its table, or of all that determines the numbers of its surrogate.
        optimizer: A name in `nasbench_kit.optimizers.OPTIMIZERS`, or `module:Class`.
        settings: Arguments of the optimizer after `space` and `rng`.
        budget_s: Simulated seconds; as in `simulate`.
        n_evaluations: As in `simulate`.
        n_workers: As in `simulate`.
        seed: As in `simulate`: which recorded training run a trial reveals.
        epoch: As in `simulate`.
        clock: As in `simulate`.
        table_path: Where the table or surrogate lies; not part of what makes two configurations the same.
    """

    benchmark: str
    table_sha256: str
    optimizer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget_s: float | None = None
    n_evaluations: int | None = None
    n_workers: int = 1
    seed: int | str = DRAWN
    epoch: int | None = None
    clock: str = SECONDS
    table_path: str = ""

    def __post_init__(self) -> None:
        # numpy's 5, 5 and 5.0 seconds are the same, also as JSON
        plain: dict[str, Any] = {"settings": {}}
        for name, value in self.settings.items():
            try:
                plain["settings"][name] = json.loads(json.dumps(value, allow_nan=False))
            except (TypeError, ValueError):
                raise SettingError(
                    f"{name}={value!r} of {self.optimizer} cannot be stored; a number, a text, or a list expected"
                ) from None
        for name, convert in (("budget_s", float), ("n_evaluations", as_int), ("n_workers", as_int), ("epoch", as_int)):
            value = getattr(self, name)
            try:
                plain[name] = None if value is None else convert(value)
            except (TypeError, ValueError):
                raise SettingError(f"{name}={value!r}; a number expected") from None
        if hasattr(self.seed, "__index__"):
            plain["seed"] = as_int(self.seed)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, benchmark: Benchmark, optimizer: str, settings: Mapping[str, Any] | None = None, **how: Any) -> Self:
        """The configuration of an optimizer on a benchmark, checked by building the optimizer once.

        Args:
            benchmark: What to search.
            optimizer: As the attribute of that name.
            settings: As the attribute of that name.
            how: `budget_s`, `n_evaluations`, `n_workers`, `seed`, `epoch`, `clock`: as in `simulate`.

        Raises:
            UnknownNameError: There is no such optimizer, or it has no such setting.
            SettingError: The optimizer refuses its settings, or `simulate` would refuse its arguments.
            NotRecordedError: The epoch or seed was never recorded.
        """
        results = benchmark.results
        settings = defaults_of(optimizer) | dict(settings or {})  # or a later version's defaults would pass for these
        made = cls(benchmark.name, results.sha256, optimizer, settings, **how, table_path=results.path)
        check_settings(benchmark, **{name: getattr(made, name) for name in _SIMULATION})
        try:
            _build(made, benchmark, np.random.default_rng(0))
        except NasbenchKitError:
            raise
        except Exception as error:  # whatever somebody's class raises
            raise SettingError(f"cannot make {made.label}: {type(error).__name__}: {error}") from error
        return made

    @cached_property
    def identity(self) -> str:
        """Canonical JSON of all that makes two configurations the same."""
        what = asdict(self)
        del what["table_path"]
        if self.clock == SECONDS:
            del what["clock"]  # as it was before there was another
        return json.dumps(what, sort_keys=True)

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
    seed = None if isinstance(configuration.seed, str) else configuration.seed
    space = benchmark.search_space(epoch=configuration.epoch, seed=seed)
    return optimizer_class(configuration.optimizer)(space, rng, **configuration.settings)


def _accepted(optimizer: str) -> list[Parameter]:
    """The arguments of an optimizer's constructor after `space` and `rng`."""
    try:
        return list(signature(optimizer_class(optimizer)).parameters.values())[2:]
    except (TypeError, ValueError):
        raise UnknownNameError(
            f"{optimizer!r} is no optimizer: a class made from a space and an rng expected"
        ) from None


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


def open_same(path: str, sha256: str) -> Table | Surrogate:
    """The table or surrogate that a configuration was made for.

    Raises:
        StudyError: It is not known where it lies, or another one lies there.
    """
    if not path:
        raise StudyError("it is not known where the table of this configuration lies; make it by Configuration.of")
    results = open_results(path)
    if results.sha256 != sha256:
        kind = "table" if isinstance(results, Table) else "surrogate"
        raise StudyError(f"{kind} {path!r} has changed since this study was set up; put the earlier one back")
    return results


@cache
def _benchmark(path: str, name: str, sha256: str) -> Benchmark:
    return Benchmark(open_same(path, sha256), name.partition("/")[2])


def execute(configuration: Configuration, run_seed: int) -> Records:
    """One run: what an executor is given.

    The optimizer and the simulator have a random generator each, made from the configuration's identity and
    `run_seed`; so runs of different configurations are independent, and none depends on the process that it runs in.
    """
    benchmark = _benchmark(configuration.table_path, configuration.benchmark, configuration.table_sha256)
    digest = np.frombuffer(hashlib.sha256(configuration.identity.encode()).digest(), "<u4").tolist()
    search, draw = map(np.random.default_rng, np.random.SeedSequence([run_seed, *digest]).spawn(2))
    return simulate(
        benchmark,
        _build(configuration, benchmark, search),
        rng=draw,
        **{name: getattr(configuration, name) for name in _SIMULATION},
    )

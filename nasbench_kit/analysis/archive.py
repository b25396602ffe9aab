"""Archives of reference runs: the incumbents of many searches on many benchmarks, in one small file.

Quantiles of curves cannot give ranks, tests or an ECDF against a newcomer; the step functions can. An archive is an
`.npz` file of numbers and nothing else: an index in JSON, and columns over all runs or over all incumbents, one entry
after another, each as planes of bytes, which compress better than numbers do. Values are stored once each and referred
to by their place, so none is rounded but the seconds, to 24 bits.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

import numpy as np

from nasbench_kit.analysis.panels import Panel, in_short, setting_of
from nasbench_kit.analysis.trajectories import Trajectories, frame_of, with_common_best
from nasbench_kit.errors import NasbenchKitError, SettingError, StudyError, counted, listed
from nasbench_kit.formats.npz import read_npz
from nasbench_kit.jobs import write_bytes
from nasbench_kit.places import shipped
from nasbench_kit.simulator import EPOCHS, EVALUATIONS, SECONDS, Rules
from nasbench_kit.study import Configuration
from nasbench_kit.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark

SHIPPED = "archive"  # by this name the archive is asked for that comes with the package
_EXPECTED = "'archive', which comes with the package, or a file that write_archive made, expected"
_FORMAT = 1
_FILE = "reference_runs.npz"
_AXES: dict[str, Any] = {SECONDS: np.float32, EVALUATIONS: np.uint32, EPOCHS: np.uint32}
_COLUMNS = ("n_incumbents", "told", "reported", "best_evaluated")
_NAMES = ("index", "values", *_COLUMNS, *(f"{what}_{axis}" for what in ("spent", "ended") for axis in _AXES))


class Entry(NamedTuple):
    """The runs of one configuration in an archive."""

    configuration: Configuration
    versions: Mapping[str, str]  #: of Python, numpy and nasbench_kit, and of the packages that the optimizer needs
    run_seeds: tuple[int, ...]
    runs: slice  #: of all runs of the archive
    steps: slice  #: of all incumbents of the archive
    axes: tuple[str, ...]  #: along which its runs were counted


@final
@dataclass(frozen=True, eq=False, repr=False)
class Archive:
    """Reference runs, read from a file.

    Attributes:
        path: The file.
        version: Of the nasbench_kit that made it.
        entries: What is in it.
    """

    path: str
    version: str
    entries: tuple[Entry, ...]
    _columns: Mapping[str, NDArray[Any]]

    def __repr__(self) -> str:
        n_runs = sum(len(entry.run_seeds) for entry in self.entries)
        return f"<Archive {self.path!r}: {counted(n_runs, 'run')} of {counted(len(self.entries), 'configuration')}>"

    @classmethod
    def open(cls, path: str | os.PathLike[str] = SHIPPED) -> Self:
        """Read an archive.

        Args:
            path: The file; "archive" for the one that comes with the package.

        Raises:
            StudyError: It is none, is damaged, or of a newer format.
        """
        file = _shipped() if path == SHIPPED else os.fspath(path)
        if not file:
            raise StudyError(f"no archive is named; {_EXPECTED}")
        try:
            arrays = read_npz(Path(file), _NAMES)
        except NasbenchKitError as error:
            raise StudyError(f"{file!r} is no archive of runs: {error}; {_EXPECTED}") from None
        except OSError as error:
            raise StudyError(f"cannot open archive {file!r}: {error.strerror or error}; {_EXPECTED}") from None
        try:
            index = json.loads(arrays["index"].tobytes())
            if index["format"] != _FORMAT:
                raise ValueError(f"format {index['format']}, where this version reads {_FORMAT}")
            columns = {name: _numbers(name, array) for name, array in arrays.items() if name not in ("index", "values")}
            columns["values"] = arrays["values"]
            entries = tuple(_entries(index["entries"], columns["n_incumbents"]))
            _check(entries, columns)
            return cls(file, str(index["version"]), entries, columns)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StudyError(f"{file!r} is no archive of runs, or is damaged ({error!s:.80})") from None

    def fitting(self, like: Configuration) -> list[Entry]:
        """The runs of other optimizers on the same benchmark under the same rules.

        Args:
            like: Of what is to be compared with them.

        Raises:
            SettingError: There are none, with what is different.
        """
        nearest, wanted = self.nearest(like), setting_of(like)
        if nearest is None:
            known = dict.fromkeys(entry.configuration.benchmark for entry in self.entries)
            raise SettingError(f"the archive holds no runs on {like.benchmark}; choose from {listed(known)}")
        there = setting_of(nearest)
        said = ", ".join(
            f"{name} is {_in_short(name, there)} there and {_in_short(name, wanted)} here"
            for name in _different(there, wanted)
        )
        if said:
            raise SettingError(f"the archive's runs on {like.benchmark} cannot be compared with these: {said}")
        return [entry for entry in self.entries if _is_comparable(entry.configuration, like)]

    def nearest(self, like: Configuration) -> Configuration | None:
        """One on the same benchmark whose rules, table and objectives differ the least; None if there is none."""
        of_it = [entry.configuration for entry in self.entries if entry.configuration.benchmark == like.benchmark]
        wanted = setting_of(like)
        return min(of_it, key=lambda one: len(_different(setting_of(one), wanted)), default=None)

    def trajectories(self, entry: Entry, benchmark: Benchmark) -> Trajectories:
        """The runs of an entry.

        Args:
            entry: One of `entries`.
            benchmark: What was searched.
        """
        columns, steps, runs = self._columns, entry.steps, entry.runs
        values = columns["values"]
        return Trajectories(
            **frame_of(benchmark, entry.configuration.rules, float(values[columns["best_evaluated"][runs]].max())),
            starts=np.concatenate([[0], np.cumsum(columns["n_incumbents"][runs], dtype=np.intp)]),
            spent={axis: columns[f"spent_{axis}"][steps].astype(np.float64) for axis in entry.axes},
            ended={axis: columns[f"ended_{axis}"][runs].astype(np.float64) for axis in entry.axes},
            told=values[columns["told"][steps]],
            reported=values[columns["reported"][steps]],
            best_evaluated=values[columns["best_evaluated"][runs]],
            run_seeds=np.array(entry.run_seeds, np.int64),
        )

    def beside(self, panel: Panel) -> Panel:
        """A panel with the runs of other optimizers under the same rules added.

        Those of configurations that the panel has are not added: its own stand for them. One that is shown like another
        gets "(archive)".

        Raises:
            SettingError: There are none, with what is different.
        """
        own = {key: label for label, key in panel.configurations.items()}
        configurations = dict(panel.configurations)
        trajectories = dict(panel.trajectories)
        archived, replaced = set(panel.archived), dict(panel.replaced)
        for entry in self.fitting(next(iter(own))):
            if entry.configuration in own:
                if (label := own[entry.configuration]) in trajectories:
                    replaced[label] = len(entry.run_seeds)
            else:
                label = entry.configuration.legend
                label = f"{label} (archive)" if label in panel.configurations else label
                configurations[label] = entry.configuration
                trajectories[label] = self.trajectories(entry, panel.benchmark)
                archived.add(label)
        return replace(
            panel,
            configurations=configurations,
            trajectories=with_common_best(trajectories),
            archived=frozenset(archived),
            archive=self.in_words,
            replaced=replaced,
        )

    @property
    def in_words(self) -> str:
        """For captions."""
        made_by = f"nasbench_kit {self.version}"
        which = f"of {made_by}" if self.path == _shipped() else f"{os.path.basename(self.path)!r}, made by {made_by}"
        return f"Runs of other optimizers are those of the archive {which}."

    @property
    def digest(self) -> str:
        """SHA-256 over all that is in it: two archives that were made alike have the same."""
        found = hashlib.sha256()
        for name in sorted(self._columns):
            found.update(name.encode() + np.ascontiguousarray(self._columns[name]).tobytes())
        for entry in self.entries:
            found.update(json.dumps([entry.configuration.identity, entry.run_seeds, entry.axes]).encode())
        return found.hexdigest()


def _shipped() -> str:
    return os.path.join(shipped("data"), _FILE)


def write_archive(
    path: str | os.PathLike[str], entries: Iterable[tuple[Configuration, Mapping[str, str], Trajectories]]
) -> None:
    """Write an archive of runs, completely or not at all.

    Args:
        path: The file.
        entries: Configuration, versions of what made the runs, and the runs, which are all of the same seeds or not.

    Raises:
        SettingError: There are none, or there is an axis that an archive has no place for.
        OSError: It cannot be written.
    """
    index: list[dict[str, Any]] = []
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _NAMES if name not in ("index", "values")}
    for configuration, versions, runs in entries:
        if not set(runs.spent) <= set(_AXES):
            raise SettingError(f"axes {listed(runs.spent)}; an archive has place for {listed(_AXES)}")
        axes = [axis for axis in _AXES if axis in runs.spent]
        index.append(
            {
                "identity": configuration.identity,
                "label": configuration.label,
                "versions": dict(versions),
                "run_seeds": runs.run_seeds.tolist(),
                "axes": axes,
            }
        )
        parts["n_incumbents"].append(np.diff(runs.starts).astype(np.uint32))
        for name in _COLUMNS[1:]:
            parts[name].append(getattr(runs, name))
        for axis, kind in _AXES.items():
            for what, columns, n in (("spent", runs.spent, len(runs.told)), ("ended", runs.ended, runs.n_runs)):
                parts[f"{what}_{axis}"].append(np.asarray(columns.get(axis, np.zeros(n))).astype(kind))
    if not index:
        raise SettingError("an archive of no runs; one entry or more expected")
    whole = {name: np.concatenate(columns) for name, columns in parts.items()}
    values = np.unique(np.concatenate([whole[name] for name in _COLUMNS[1:]]))
    for name in _COLUMNS[1:]:
        whole[name] = np.searchsorted(values, whole[name]).astype(np.uint32)
    text = json.dumps({"format": _FORMAT, "version": __version__, "entries": index}, sort_keys=True)
    contents = {name: _planes(column) for name, column in whole.items()}
    contents |= {"index": np.frombuffer(text.encode(), np.uint8), "values": values}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **contents)
    write_bytes(path, file.getvalue())


def _planes(column: NDArray[Any]) -> NDArray[np.uint8]:
    """The first bytes of all numbers, then the second ones, and so on: (n_bytes, n)."""
    return np.ascontiguousarray(column.view(np.uint8).reshape(len(column), column.itemsize).T)


def _numbers(name: str, planes: NDArray[Any]) -> NDArray[Any]:
    kind = np.dtype(_AXES.get(name.partition("_")[2], np.uint32))
    if planes.dtype != np.uint8 or planes.ndim != 2 or len(planes) != kind.itemsize:
        raise ValueError(f"{name} is no column")
    return np.ascontiguousarray(planes.T).view(kind).ravel()


def _entries(index: list[dict[str, Any]], n_incumbents: NDArray[np.uint32]) -> Iterable[Entry]:
    n_steps = np.concatenate([[0], np.cumsum(n_incumbents, dtype=np.int64)])
    n_runs = 0
    for what in index:
        configuration = Configuration.from_json(what["identity"], label=what["label"])
        run_seeds = tuple(map(int, what["run_seeds"]))
        runs = slice(n_runs, n_runs + len(run_seeds))
        n_runs = runs.stop
        steps = slice(int(n_steps[runs.start]), int(n_steps[runs.stop]))
        yield Entry(configuration, dict(what["versions"]), run_seeds, runs, steps, tuple(map(str, what["axes"])))


def _check(entries: tuple[Entry, ...], columns: Mapping[str, NDArray[Any]]) -> None:
    """Refuse columns of other lengths than the entries say, and references to no value."""
    if not entries:
        raise ValueError("it is empty")
    n_runs, n_steps = entries[-1].runs.stop, entries[-1].steps.stop
    for name, column in columns.items():
        n = n_runs if name in ("n_incumbents", "best_evaluated") or name.startswith("ended") else n_steps
        if name != "values" and len(column) != n:
            raise ValueError(f"{name} has {len(column):,} numbers, not {n:,}")
    for name in _COLUMNS[1:]:
        if len(columns[name]) and columns[name].max() >= len(columns["values"]):
            raise ValueError(f"{name} refers to no value")
    for entry in entries:
        if not set(entry.axes) <= set(_AXES):
            raise ValueError(f"axes {entry.axes!r:.40}")


def _is_comparable(one: Configuration, other: Configuration) -> bool:
    return one.benchmark == other.benchmark and setting_of(one) == setting_of(other)


#: what holds where a setting is not among those of `setting_of`, if it is no value
_NOT_SET = {"epoch": "the last one", "costs": "the benchmark's", "reported": "the usual one", "objectives": "the usual"}
_DEFAULT_RULES = asdict(Rules())


def _in_short(name: str, setting: Mapping[str, Any]) -> str:
    value = setting.get(name, _DEFAULT_RULES.get(name))
    return _NOT_SET.get(name, "none") if value is None else in_short(value)


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*one, *other])
    return [name for name in names if one.get(name) != other.get(name)]

"""Anybody's results: a data file, and a small TOML file that says what stands in it.

`docs/your-own-benchmark.md` shows how to write one, and explains every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, final, get_args

from nasbench_kit.errors import ImportDataError, NasbenchKitError, TableError, listed, unknown
from nasbench_kit.importers.base import Content, Progress
from nasbench_kit.spaces import ChoiceSpace, Space, space_from
from nasbench_kit.tables import ONE_TRAINING, SEPARATE_TRAININGS, Metric, Stored
from nasbench_kit.tables.frame import INDEX, ORDER, Part, Results
from nasbench_kit.tables.metric import DIRECTIONS, SPLITS
from nasbench_kit.tables.schema import IDENTITY

KEYS = (
    "name", "data", "space", "keyed_by", "dataset", "objective", "epochs_are", "columns",
    "metrics", "datasets", "about",
)  # fmt: skip
_OURS = ("data", "space", "metrics", "datasets")  # some of these stand in every such file
_KINDS = {str: "a text", int: "a whole number", float: "a number", list: "a list", dict: "a section"}
_MEANING = ("split", "unit", "direction", "bounds")
_PAIR = 2  # numerator and denominator; smallest and largest


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is a TOML file with keys of ours, or one with such a name that no TOML reader could read."""
    if path.suffix.lower() != ".toml" or not head:
        return False
    try:
        return any(key in _OURS for key in tomllib.loads(head.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True  # `read` says what is wrong with it


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results that a TOML file describes.

    Raises:
        ImportDataError: The description is no TOML, has a wrong key or type, or does not fit its data file.
    """
    path = paths[0]
    if len(paths) > 1:
        raise ImportDataError(f"{len(paths)} files given; give the .toml file alone, which names its data file")
    try:
        return _read(path)
    except NasbenchKitError as error:
        raise ImportDataError(f"{str(path)!r}: {error}") from None


def _read(path: Path) -> Content:
    try:
        top = _Section("", tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImportDataError(f"it is no TOML ({error})") from None
    top.check_keys(*KEYS)
    name = top.text("name")
    columns = top.section("columns", "arch", "seed", "epoch", "failed", "dataset")
    space = _space(top)
    about = top.section("about", "title", "licence", "citation")
    described: dict[str, Any] = {key: about.text(key) for key in about.entries}
    data = path.parent / top.text("data")
    if not data.is_file():
        raise ImportDataError(f"there is no data file {str(data)!r}; its place is relative to the .toml file")

    arch, form = _arch(columns, space)
    counted = isinstance(columns.entries.get("seed"), dict)
    if counted and columns.section("seed", "from").one_of("from", ["order"]) is None:
        raise ImportDataError('seed in [columns] is empty; a column, or { from = "order" }, expected')
    keyed_by_identity = top.one_of("keyed_by", [IDENTITY]) is not None
    results = Results(
        data,
        space=space,
        arch=arch,
        form=form,
        seed=ORDER if counted else columns.text("seed", None),
        epoch=columns.text("epoch", None),
        failed=columns.text("failed", None),
        dataset=columns.text("dataset", None),
        keyed_by_identity=keyed_by_identity,
    )
    epochs_are = top.one_of("epochs_are", (ONE_TRAINING, SEPARATE_TRAININGS)) or ONE_TRAINING
    datasets = {}
    for dataset, (metrics, rows) in _datasets(top, columns, results).items():
        stored = [_metric(results, metrics, entry, rows) for entry in metrics.entries]
        objective = _objective(top, stored)
        datasets[dataset] = results.dataset(stored, objective, epochs_are, _parts(metrics, objective), rows)
    if results.notes:
        described["notes"] = results.notes
    return Content(name, space, datasets, results.archs, described, [path, data], keyed_by_identity)


@final
class _Section:
    """A table of the TOML file, whose entries are taken by type."""

    def __init__(self, where: str, entries: Mapping[str, Any]) -> None:
        self.entries = entries
        self.where = where

    def check_keys(self, *known: str) -> None:
        for key in self.entries:
            if key not in known:
                raise unknown(f"key in [{self.where}]" if self.where else "key", key, known)

    def _take(self, key: str, kind: type, default: Any) -> Any:
        if key not in self.entries:
            if default is ...:
                raise ImportDataError(f"{self._called(key)} is missing; {_KINDS[kind]} expected")
            return default
        found = self.entries[key]
        if isinstance(found, bool) or not isinstance(found, (int, float) if kind is float else kind):
            raise ImportDataError(f"{self._called(key)} is {found!r:.60}; {_KINDS[kind]} expected")
        return found

    def _called(self, key: str) -> str:
        return f"{key} in [{self.where}]" if self.where else key

    def text(self, key: str, default: Any = ...) -> Any:
        return self._take(key, str, default)

    def number(self, key: str, default: Any = ...) -> Any:
        return self._take(key, float, default)

    def truth(self, key: str) -> bool:
        found = self.entries.get(key, False)
        if not isinstance(found, bool):
            raise ImportDataError(f"{self._called(key)} is {found!r:.60}; true or false expected")
        return found

    def one_of(self, key: str, choices: Iterable[str]) -> Any:
        found = self.text(key, None)
        if found is not None and found not in choices:
            raise unknown(self._called(key), found, choices)
        return found

    def section(self, key: str, *known: str) -> _Section:
        section = _Section(f"{self.where}.{key}" if self.where else key, self._take(key, dict, {}))
        if known:
            section.check_keys(*known)
        return section

    def items(self, key: str, kind: type | UnionType) -> list[Any]:
        found = self._take(key, list, [])
        if not all(isinstance(item, kind) and not isinstance(item, bool) for item in found):
            raise ImportDataError(f"{self._called(key)} is {found!r:.60}; a list, each {_kind(kind)}, expected")
        return list(found)


def _kind(kind: type | UnionType) -> str:
    return " or ".join(_KINDS[one] for one in get_args(kind) or (kind,))


def _space(top: _Section) -> Space:
    described = top.entries.get("space")
    if isinstance(described, str):
        return space_from(described)
    if described is None:
        raise ImportDataError("space is missing; the name of one, or a section [space.decisions], expected")
    section = top.section("space", "name", "decisions")
    decisions = section.section("decisions")
    choices = {decision: list(map(str, decisions.items(decision, str | int))) for decision in decisions.entries}
    return ChoiceSpace(section.text("name", top.text("name")), choices)


def _arch(columns: _Section, space: Space) -> tuple[str | list[str], str | None]:
    """The column or columns with the architecture, and the form of its text."""
    given = columns.entries.get("arch", "arch")
    if isinstance(given, dict):
        section = columns.section("arch", "column", "form")
        return section.text("column"), section.one_of("form", (*space.forms, INDEX))
    if isinstance(given, list):
        return columns.items("arch", str), None
    if given == "decisions" and isinstance(space, ChoiceSpace):
        return [decision.name for decision in space.decisions], None
    return columns.text("arch", "arch"), None


def _datasets(top: _Section, columns: _Section, results: Results) -> dict[str, tuple[_Section, Any]]:
    """Dataset -> its metrics, and the rows that belong to it (None: all)."""
    column = columns.text("dataset", None)
    ways = [key for key in ("datasets", "dataset") if key in top.entries] + ["columns.dataset"] * (column is not None)
    if len(ways) > 1:
        raise ImportDataError(f"{' and '.join(ways)} exclude each other; give one")
    if ("datasets" in top.entries) == ("metrics" in top.entries):
        raise ImportDataError("a section [metrics] expected, or one [datasets.NAME] for each dataset, not both")
    if "datasets" in top.entries:
        sections = top.section("datasets")
        found: dict[str, tuple[_Section, Any]] = {name: (sections.section(name), None) for name in sections.entries}
    elif column is not None:
        found = {name: (top.section("metrics"), rows) for name, rows in results.groups(column).items()}
    else:
        found = {top.text("dataset", "default"): (top.section("metrics"), None)}
    if not all(metrics.entries for metrics, _ in found.values()):
        raise ImportDataError("a dataset has no metrics; write METRIC = COLUMN for each")
    return found


def _metric(results: Results, metrics: _Section, name: str, rows: Any) -> Stored:
    parts = _parts(metrics, name)
    if isinstance(metrics.entries[name], str):
        return results.metric(_named(name), parts, rows=rows)
    entry = metrics.section(name)
    scale = entry.items("scale", int) or [1, 1]
    if len(scale) != _PAIR or min(scale) < 1:
        raise ImportDataError(f"scale in [{entry.where}] is {scale}; [1, 100] expected for percentages, say")
    return results.metric(
        _meaning(name, entry),
        parts,
        (scale[0], scale[1]),
        missing=entry.number("missing", None),
        rows=rows,
        varies=entry.truth("varies"),
    )


def _parts(metrics: _Section, name: str) -> list[Part]:
    """The columns with the values of a metric."""
    given = metrics.entries[name]
    if isinstance(given, str):
        return [Part(given)]
    if not isinstance(given, dict):
        raise ImportDataError(f"{metrics._called(name)} is {given!r:.60}; a column, or {{ column = ... }}, expected")
    entry = metrics.section(name, *("column", "columns", "seeds", "epochs", "scale", "missing", "varies", *_MEANING))
    if ("column" in entry.entries) == ("columns" in entry.entries):
        raise ImportDataError(f"column, or columns, expected in [{entry.where}], not both")
    columns = entry.items("columns", str) or [entry.text("column")]
    fixed = {key: entry.items(key, int) or [None] * len(columns) for key in ("seeds", "epochs")}
    for key, numbers in fixed.items():
        if len(numbers) != len(columns):
            raise ImportDataError(
                f"{len(numbers)} {key} in [{entry.where}] for {len(columns)} columns; one each expected"
            )
    parts = [Part(*part) for part in zip(columns, fixed["seeds"], fixed["epochs"], strict=True)]
    if len({part[1:] for part in parts}) < len(parts):
        raise ImportDataError(f"several columns in [{entry.where}]; say by seeds or epochs what each is")
    return parts


def _meaning(name: str, entry: _Section) -> Metric:
    """What a metric is: as its name says, with what is given beside; all is given where the name says nothing."""
    if not any(key in entry.entries for key in _MEANING):
        return _named(name)
    bounds = entry.items("bounds", int | float) or None
    if bounds is not None and (len(bounds) != _PAIR or not bounds[0] < bounds[1]):
        raise ImportDataError(f"bounds in [{entry.where}] is {bounds}; the smallest and the largest value expected")
    said = {key: entry.one_of(key, choices) for key, choices in (("split", SPLITS), ("direction", DIRECTIONS))}
    unit = entry.text("unit", None)
    if unit is None and any(said.values()):
        raise ImportDataError(f"unit in [{entry.where}] is missing; who gives a split or direction gives the unit too")
    metric = _named(name) if unit is None else Metric(name, said["split"], unit, said["direction"])
    return metric if bounds is None else metric._replace(bounds=(bounds[0], bounds[1]))


def _named(name: str) -> Metric:
    try:
        return Metric.from_name(name)
    except TableError as error:
        reason = str(error).partition(";")[0]
        raise ImportDataError(
            f'{reason}; give {{ column = ..., unit = "points", split = "val", direction = "max" }}'
        ) from None


def _objective(top: _Section, stored: Sequence[Stored]) -> str:
    objective: str = top.text("objective", "val_accuracy")
    names = [entry.metric.name for entry in stored]
    if objective not in names:
        raise ImportDataError(
            f"the objective {objective!r} is none of the metrics; give objective = one of {listed(names)}"
        )
    return objective

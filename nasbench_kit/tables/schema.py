"""What the index of a table says, understood: the rules of docs/table-format.md, for readers and for the writer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import inf
from types import NoneType
from typing import Any, NamedTuple

from nasbench_kit.errors import NasbenchKitError, TableError, listed
from nasbench_kit.spaces import Space, space_from
from nasbench_kit.spaces.base import MOST_RANKS
from nasbench_kit.tables.column import AdditiveColumn, Column
from nasbench_kit.tables.format import RawColumn
from nasbench_kit.tables.metric import DIRECTIONS, FAILED_UNIT, SPLITS, Metric
from nasbench_kit.tables.spec import MEANS, ONE_TRAINING, PREDICTED, RECORDED_RUNS, SEPARATE_TRAININGS

KEYS = "/keys"  # the column by which rows are found, where they are not the whole space in order
ARCHS = "/archs"  # the architecture of each row, where its key does not tell
IDENTITY = "identity"  # by what rows are found, where the index says so and the space alone does not
COST = "cost_s"  # the metric that advances the simulator's clock
_MAX_INT = 2**53  # floats hold every integer up to here


class Roles(NamedTuple):
    """What a dataset says about its metrics and epochs."""

    objective: str
    epochs_are: str
    failed: str | None
    values_are: str


class Contents(NamedTuple):
    """What the index of a table says, understood."""

    name: str
    space: Space
    about: dict[str, Any]
    sha256: str
    minor: int
    roles: dict[str, Roles]
    metrics: dict[str, dict[str, Column | AdditiveColumn]]
    keys: RawColumn | None
    archs: RawColumn | None
    keyed_by_identity: bool

    @property
    def n_archs(self) -> int:
        """How many architectures the table holds."""
        return self.space.size if self.keys is None else self.keys.shape[0]

    def arch(self, row: int) -> str:
        """The official text of the architecture in a row."""
        n = self.space.n_decisions
        if self.archs is not None:
            return self.space.format(tuple(self.archs.items()[row * n : (row + 1) * n]))
        return self.space.format(self.space.unrank(row if self.keys is None else self.keys.items()[row]))


def parse_index(index: Mapping[str, Any], columns: Mapping[str, RawColumn]) -> Contents:
    """The contents that an index describes; the rules are those of docs/table-format.md.

    Raises:
        TableError: It breaks one of them. (Other errors of ours: in the description of the space.)
    """
    try:
        name, about, sha256 = index["name"], index["about"], index["sha256"]
        for what in (name, sha256, *index["datasets"]):
            if not isinstance(what, str) or not what or "/" in what:
                raise TableError(f"{what!r} cannot be a name; a text without a slash expected")
        if not isinstance(about, dict):
            raise TableError(f"about={about!r}; an object expected")
        space = space_from(index["space"])
        keyed_by_identity = space.keyed_by_identity or _shares_rows(space, index.get("keyed_by"))
        keys, archs = _parse_keys(space, columns, keyed_by_identity)
        n_archs = space.size if keys is None else keys.shape[0]
        minor = index.get("minor", 0)
        if type(minor) is not int or minor < 0:
            raise TableError(f"minor={minor!r:.60}; a number from 0 expected")
        roles, metrics = {}, {}
        for dataset, description in index["datasets"].items():
            where = f"{name}/{dataset}"
            metrics[dataset] = {
                metric: _parse_metric(f"{where}: {metric}", metric, entry, columns, n_archs)
                for metric, entry in description["metrics"].items()
            }
            roles[dataset] = _parse_roles(where, description, metrics[dataset], "predicted_by" in about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, NasbenchKitError):
            raise
        raise TableError(f"its index is malformed ({type(error).__name__}: {error})") from None
    return Contents(name, space, about, sha256, minor, roles, metrics, keys, archs, keyed_by_identity)


def _shares_rows(space: Space, keyed_by: object) -> bool:
    """Whether rows are found by identity although those of its space usually are not."""
    if keyed_by not in (None, IDENTITY):
        raise TableError(f"keyed_by={keyed_by!r}; {IDENTITY!r}, or nothing, expected")
    if keyed_by and space.n_classes is None:
        raise TableError(f"isomorphic architectures of {space.name} cannot share rows: nobody has counted its classes")
    return keyed_by is not None


def archs_follow_from_keys(space: Space, keyed_by_identity: bool) -> bool:
    """Whether the key of an architecture is its rank, so that a table need not hold the architecture too."""
    return not keyed_by_identity and space.size <= MOST_RANKS


def _parse_keys(
    space: Space, columns: Mapping[str, RawColumn], keyed_by_identity: bool
) -> tuple[RawColumn | None, RawColumn | None]:
    keys, archs = columns.get(KEYS), columns.get(ARCHS)
    if archs_follow_from_keys(space, keyed_by_identity):
        archs = None
    elif keys is None or archs is None:
        raise TableError(f"columns {KEYS} and {ARCHS} are missing; a table of {space.name} has both")
    if keys is None and space.n_keys not in (space.size, None):
        raise TableError(f"column {KEYS} is missing; not every tuple of choices is an architecture of {space.name}")
    if keys is None:
        return None, None
    if keys.dtype != "<u8" or len(keys.shape) != 1:
        raise TableError(f"column {KEYS} is {keys.dtype} of shape {keys.shape}; <u8 (architectures) expected")
    if archs is None:
        if keys.last() >= space.size:
            raise TableError(f"column {KEYS} ends in {keys.last()}; the space has {space.size} architectures")
        return keys, None
    if archs.dtype != "|u1" or archs.shape != (keys.shape[0], space.n_decisions):
        raise TableError(
            f"column {ARCHS} is {archs.dtype} of shape {archs.shape}; |u1 {(keys.shape[0], space.n_decisions)} expected"
        )
    return keys, archs


def _parse_metric(
    where: str, name: str, entry: dict[str, Any], columns: Mapping[str, RawColumn], n_archs: int
) -> Column | AdditiveColumn:
    seeds, epochs = (tuple(_integers(where, what, entry[what])) for what in ("seeds", "epochs"))
    if len(set(seeds)) != len(seeds) or min(seeds, default=0) < 0:
        raise TableError(f"{where}: seeds={seeds}; different numbers from 0 expected")
    if any(later <= earlier for earlier, later in pairwise((0, *epochs))):
        zero = "; leave epoch 0 out, it is before any training, or add 1 if it is the first" if 0 in epochs else ""
        raise TableError(f"{where}: epochs={epochs}; ascending numbers from 1 expected{zero}")
    for what, choices in (("split", SPLITS), ("direction", DIRECTIONS)):
        if entry[what] not in (*choices, None):
            raise TableError(f"{where}: {what}={entry[what]!r}; choose from {listed(choices)}, or none")
    scale = _integers(where, "scale", entry["scale"])
    if len(scale) != 2 or not scale[1]:
        raise TableError(f"{where}: scale={scale}; numerator and denominator expected, neither a float nor over 0")
    numerator, denominator = scale
    bounds, categories = _parse_bounds(where, entry.get("bounds")), entry.get("categories", [])
    if not isinstance(categories, list) or not all(isinstance(category, str) for category in categories):
        raise TableError(f"{where}: categories={categories!r:.80}; texts expected")
    metric = Metric(
        name, entry["split"], str(entry["unit"]), entry["direction"], seeds, epochs, bounds, tuple(categories)
    )
    if "additive" in entry:
        weights = entry["additive"]["weights"]
        intercept, *numbers = _integers(where, "additive", [entry["additive"]["intercept"], *weights.values()])
        return AdditiveColumn(metric, intercept, dict(zip(weights, numbers, strict=True)), (numerator, denominator))
    dataset = columns[entry["column"]]
    shape = (max(len(seeds), 1), max(len(epochs), 1), n_archs)
    if dataset.shape != shape:
        raise TableError(f"{where}: its column has shape {dataset.shape}, where {shape} is expected")
    missing = None if entry["missing"] is None else _integers(where, "missing", [entry["missing"]])[0]
    return Column(where, metric, dataset, (numerator, denominator), missing)


def _parse_bounds(where: str, bounds: Any) -> tuple[float, float] | None:
    """Smallest and largest value; null in the file is infinity."""
    if bounds is None:
        return None
    if not isinstance(bounds, list) or [type(bound) in (int, float, NoneType) for bound in bounds] != [True, True]:
        raise TableError(f"{where}: bounds={bounds!r:.80}; two numbers expected, or null where there is none")
    low, high = -inf if bounds[0] is None else bounds[0], inf if bounds[1] is None else bounds[1]
    if not low < high:
        raise TableError(f"{where}: bounds={bounds!r:.80}; a smaller and a larger number expected")
    return low, high


def _integers(where: str, what: str, numbers: Any) -> list[int]:
    if not isinstance(numbers, list) or not all(type(n) is int and -_MAX_INT < n < _MAX_INT for n in numbers):
        raise TableError(f"{where}: {what}={numbers!r:.80}; integers below 2^53 expected")
    return numbers


def _parse_roles(
    where: str, description: Mapping[str, Any], metrics: Mapping[str, Column | AdditiveColumn], predicted: bool
) -> Roles:
    objective, failed = description["objective"], description.get("failed")
    epochs_are, values_are = description.get("epochs_are", ONE_TRAINING), description.get("values_are")
    if not isinstance(objective, str) or objective not in metrics:
        raise TableError(f"{where}: the objective {objective!r:.60} is none of its metrics: {listed(metrics)}")
    if failed is not None and (not isinstance(failed, str) or failed not in metrics):
        raise TableError(f"{where}: failed={failed!r:.60} is none of its metrics: {listed(metrics)}")
    for what, found, choices in (
        ("epochs_are", epochs_are, (ONE_TRAINING, SEPARATE_TRAININGS)),
        ("values_are", values_are, (RECORDED_RUNS, MEANS, PREDICTED, None)),
    ):
        if found not in choices:
            raise TableError(f"{where}: {what}={found!r:.60}; choose from {listed(filter(None, choices))}")
    optimized = metrics[objective].metric
    for role in (objective, COST, failed):
        if role is not None and role in metrics:
            _check_role(where, role, metrics[role], optimized, is_cost=role == COST)
    if failed is not None and metrics[failed].metric.unit != FAILED_UNIT:
        raise TableError(f"{where}: {failed} has unit {metrics[failed].metric.unit!r}; {FAILED_UNIT!r} expected")
    values_are = values_are or (PREDICTED if predicted else RECORDED_RUNS if optimized.seeds else MEANS)
    return Roles(objective, epochs_are, failed, values_are)


def _check_role(where: str, role: str, column: Column | AdditiveColumn, optimized: Metric, *, is_cost: bool) -> None:
    """Whether a column has the seeds and epochs that it must have beside the objective."""
    if not isinstance(column, Column):
        raise TableError(f"{where}: {role} is a sum over decisions; an objective, and {COST}, must be measured")
    metric = column.metric
    if metric.seeds != optimized.seeds and (metric.seeds or not is_cost):
        raise TableError(f"{where}: {role} has the seeds {metric.seeds}; those of {optimized.name}, or none, expected")
    # a cost that does not depend on several epochs would make the first as dear as the last
    several = is_cost and len(optimized.epochs) > 1
    if (metric.epochs or several) and not set(optimized.epochs) <= set(metric.epochs):
        raise TableError(f"{where}: {role} has the epochs {metric.epochs}; those of {optimized.name} expected")

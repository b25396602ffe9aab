"""What a column of results means: split, unit, direction, seeds, epochs, bounds."""

from __future__ import annotations

from math import inf
from typing import NamedTuple, final

from nasbench_kit.errors import TableError, listed

SPLITS = ("train", "val", "test", "valtest")  # the last: validation and test images together
DIRECTIONS = ("max", "min")
FAILED_UNIT = "failed"  # of a metric that is 1 where a training failed, else 0

# quantity that a metric's name ends in -> (unit, direction)
_KNOWN = {
    "accuracy": ("fraction", "max"),
    "error": ("fraction", "min"),
    "top5_accuracy": ("fraction", "max"),
    "loss": ("nats", "min"),
    "cost_s": ("s", "min"),
    "latency_s": ("s", "min"),
    "latency_ms": ("ms", "min"),
    "energy_mj": ("mJ", "min"),
    "params_m": ("million", "min"),
    "flops_m": ("million", "min"),
    "failed": ("failed", "min"),
}


class _Fields(NamedTuple):
    """The fields of `Metric`, without what follows from others."""

    name: str
    split: str | None  #: one of `SPLITS`: the data it was measured on; None where no data are involved
    unit: str
    direction: str | None  #: "max" or "min" says which is better; None where neither is
    seeds: tuple[int, ...] = ()  #: the recorded training runs; empty where the value does not depend on one
    epochs: tuple[int, ...] = ()  #: the recorded epochs, counted from 1; empty where it does not depend on them
    bounds: tuple[float, float] = (-inf, inf)  #: the smallest and the largest value that there can be
    categories: tuple[str, ...] = ()  #: what the values 0, 1, ... stand for, where they are no quantity


@final
class Metric(_Fields):
    """One measured quantity on one dataset.

    The name carries split and unit (`val_accuracy`, `cost_s`, `latency_ms[edgegpu]`); the fields say them again, for
    programs. Bounds that are not given follow from unit and name: 0 to 1 for fractions, 0 and above for the quantities
    that cannot be negative.
    """

    __slots__ = ()

    def __new__(
        cls,
        name: str,
        split: str | None,
        unit: str,
        direction: str | None,
        seeds: tuple[int, ...] = (),
        epochs: tuple[int, ...] = (),
        bounds: tuple[float, float] | None = None,
        categories: tuple[str, ...] = (),
    ) -> Metric:
        """A metric from its fields."""
        if bounds is None:
            bounds = (0, len(categories) - 1) if categories else _usual_bounds(name, unit)
        return super().__new__(cls, name, split, unit, direction, seeds, epochs, bounds, categories)

    @classmethod
    def from_name(cls, name: str, seeds: tuple[int, ...] = (), epochs: tuple[int, ...] = ()) -> Metric:
        """The metric that a name in the usual scheme says, e.g. `test_accuracy`, `train_loss`, `latency_ms[pixel3]`.

        Raises:
            TableError: The name does not end in a known quantity; build the `Metric` from its fields then.
        """
        if not isinstance(name, str):
            raise TableError(f"{name!r:.80} is no name of a metric; a text such as 'val_accuracy' expected")
        split, quantity = _split_and_quantity(name)
        if quantity not in _KNOWN:
            raise TableError(
                f"cannot tell unit and direction from the name {name!r}: it ends in none of {listed(_KNOWN)};"
                " give a Metric(name, split, unit, direction) instead"
            )
        unit, direction = _KNOWN[quantity]
        return cls(name, split, unit, direction, seeds, epochs)

    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        return -1 if self.direction == "min" else 1


def _split_and_quantity(name: str) -> tuple[str | None, str]:
    stem = name.partition("[")[0]
    split, _, quantity = stem.partition("_")
    return (split, quantity) if split in SPLITS else (None, stem)


def _usual_bounds(name: str, unit: str) -> tuple[float, float]:
    if unit in ("fraction", FAILED_UNIT):
        return 0, 1
    known_unit, _ = _KNOWN.get(_split_and_quantity(name)[1], (None, None))
    return (0, inf) if unit == known_unit else (-inf, inf)

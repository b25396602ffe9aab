"""What a column of results means: split, unit, direction, seeds, epochs."""

from __future__ import annotations

from typing import NamedTuple

from nasbench_kit.errors import TableError, listed

SPLITS = ("train", "val", "test", "valtest")  # the last: validation and test images together
DIRECTIONS = ("max", "min")

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
}


class Metric(NamedTuple):
    """One measured quantity on one dataset.

    The name carries split and unit (`val_accuracy`, `cost_s`, `latency_ms[edgegpu]`); the fields say them again, for
    programs.
    """

    name: str
    split: str | None  #: one of `SPLITS`: the data it was measured on; None where no data are involved
    unit: str
    direction: str | None  #: "max" or "min" says which is better; None where neither is
    seeds: tuple[int, ...] = ()  #: the recorded training runs; empty where the value does not depend on one
    epochs: tuple[int, ...] = ()  #: the recorded epochs, counted from 1; empty where it does not depend on them

    @classmethod
    def from_name(cls, name: str, seeds: tuple[int, ...] = (), epochs: tuple[int, ...] = ()) -> Metric:
        """The metric that a name in the usual scheme says, e.g. `test_accuracy`, `train_loss`, `latency_ms[pixel3]`.

        Raises:
            TableError: The name does not end in a known quantity; build the `Metric` from its fields then.
        """
        stem = name.partition("[")[0]
        split, _, quantity = stem.partition("_")
        if split not in SPLITS:
            split, quantity = "", stem
        if quantity not in _KNOWN:
            raise TableError(
                f"cannot tell unit and direction from the name {name!r}: it ends in none of {listed(_KNOWN)};"
                " give a Metric(name, split, unit, direction) instead"
            )
        unit, direction = _KNOWN[quantity]
        return cls(name, split or None, unit, direction, seeds, epochs)

    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        return -1 if self.direction == "min" else 1

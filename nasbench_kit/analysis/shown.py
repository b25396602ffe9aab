"""How a metric is shown in tables and figures: its words, factor, unit and digits."""

from __future__ import annotations

from typing import NamedTuple


class Shown(NamedTuple):
    """How to show the values of a metric."""

    name: str  #: `latency ms (pixel3)` for latency_ms[pixel3]
    factor: float  #: by which values are multiplied
    unit: str  #: of the products
    digits: int  #: behind the point

    def text(self, value: float) -> str:
        """A value in its unit, a dash for NaN."""
        return "-" if value != value else f"{self.factor * value:.{self.digits}f}"

    @property
    def difference_unit(self) -> str:
        """The unit of a difference between two values."""
        return self.unit.replace("%", "percentage points")


def shown(metric: str, unit: str) -> Shown:
    """Fractions are shown as percentages, all else in the metric's own unit."""
    name = metric.replace("[", " (").replace("]", ")").replace("_", " ")
    return Shown(name, 100.0, "%", 2) if unit == "fraction" else Shown(name, 1.0, unit, 4)


def without_unit(show: Shown) -> str:
    """`latency (pixel3)` of `latency ms (pixel3)`, where the unit stands behind."""
    return show.name.replace({"million": " m"}.get(show.unit, f" {show.unit.lower()}"), "", 1)

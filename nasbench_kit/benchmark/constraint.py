"""Limits that an architecture must keep to: a latency, an energy, a size."""

from __future__ import annotations

import re
from math import isfinite
from typing import NamedTuple

from nasbench_kit.errors import SettingError

_TEXT = re.compile(r"\s*(\S+?)\s*(<=|>=)\s*(\S+)\s*")


class Constraint(NamedTuple):
    """A limit on one metric."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """The constraint that `latency_ms[edgegpu]<=5` says.

        Raises:
            SettingError: It says none.
        """
        found = _TEXT.fullmatch(text)
        try:
            if not found:
                raise ValueError
            metric, side, limit = found[1], found[2], float(found[3])
        except ValueError:
            raise SettingError(f"{text!r} is no constraint; a text like 'latency_ms[edgegpu]<=5' expected") from None
        return cls(metric, limit, None).checked() if side == "<=" else cls(metric, None, limit).checked()

    def checked(self) -> Constraint:
        """Itself.

        Raises:
            SettingError: It has no limit, or one that is no finite number.
        """
        limits = [limit for limit in (self.at_most, self.at_least) if limit is not None]
        if not limits or not all(map(isfinite, limits)):
            raise SettingError(f"{self}; at_most, at_least or both expected, finite numbers")
        return self

    def __str__(self) -> str:
        below = "" if self.at_most is None else f"<={self.at_most:g}"
        above = "" if self.at_least is None else f">={self.at_least:g}"
        return f"{self.metric}{below}{above}"

    def exceeded_by(self, value: float) -> float:
        """How far a value is beyond the limits, in the metric's unit; 0 where it keeps to them."""
        above = 0.0 if self.at_most is None else max(value - self.at_most, 0.0)
        return above if self.at_least is None else max(self.at_least - value, above)

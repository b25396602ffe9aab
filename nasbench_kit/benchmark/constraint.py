"""Limits that an architecture must keep to: a latency, an energy, a size."""

from __future__ import annotations

import re
from math import inf, isfinite
from typing import TYPE_CHECKING, NamedTuple

from nasbench_kit.errors import SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ONE_LIMIT = re.compile(r"\s*(\S+?)\s*(<=|>=)\s*(\S+)\s*")
_TWO_LIMITS = re.compile(r"\s*(\S+?)\s*<=\s*(\S+?)\s*<=\s*(\S+)\s*")


class Constraint(NamedTuple):
    """A limit on one metric."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """The constraint that `latency_ms[edgegpu]<=5`, `params_m>=1` or `1<=params_m<=5` says; `str` says it again.

        Raises:
            SettingError: It says none.
        """
        two, one = _TWO_LIMITS.fullmatch(text), _ONE_LIMIT.fullmatch(text)
        try:
            if two:
                return cls(two[2], float(two[3]), float(two[1])).checked()
            if one:
                limit = float(one[3])
                return (cls(one[1], limit, None) if one[2] == "<=" else cls(one[1], None, limit)).checked()
        except ValueError as error:
            if isinstance(error, SettingError):
                raise
        raise SettingError(f"{text!r} is no constraint; a text like 'latency_ms[edgegpu]<=5' expected")

    @classmethod
    def of(cls, given: object) -> Constraint:
        """The constraint that a user gave, as such or as text.

        Raises:
            SettingError: It is none.
        """
        if isinstance(given, str):
            return cls.parse(given)
        if isinstance(given, Constraint):
            return given.checked()
        raise SettingError(f"{given!r:.80} is no constraint; a text like 'latency_ms[edgegpu]<=5' expected")

    def checked(self) -> Constraint:
        """The same with plain numbers.

        Raises:
            SettingError: It has no limit, one that is no finite number, or limits that nothing can keep to.
        """
        try:
            most, least = (None if limit is None else float(limit) for limit in (self.at_most, self.at_least))
        except (TypeError, ValueError):
            raise SettingError(f"{self!r:.120}; at_most, at_least or both expected, finite numbers") from None
        limits = [limit for limit in (most, least) if limit is not None]
        if not limits or not all(map(isfinite, limits)):
            raise SettingError(f"{self!r:.120}; at_most, at_least or both expected, finite numbers")
        if most is not None and least is not None and most < least:
            raise SettingError(f"no {self.metric} is at least {_exact(least)} and at most {_exact(most)}")
        return self._replace(at_most=most, at_least=least)

    def __str__(self) -> str:
        if self.at_most is None:
            return f"{self.metric}>={_exact(self.at_least)}"
        above = "" if self.at_least is None else f"{_exact(self.at_least)}<="
        return f"{above}{self.metric}<={_exact(self.at_most)}"

    def exceeded_by(self, value: float) -> float:
        """How far a value is beyond the nearer limit, in the metric's unit; negative: how far it keeps to it."""
        above = -inf if self.at_most is None else value - self.at_most
        return above if self.at_least is None else max(self.at_least - value, above)

    def exceeded_by_many(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`exceeded_by` for each of an array, NaN where a value is."""
        import numpy as np

        above = values - (inf if self.at_most is None else self.at_most)
        return above if self.at_least is None else np.maximum(self.at_least - values, above)


def _exact(limit: float | None) -> str:
    """The shortest text that is read as the same number: studies name a benchmark by it."""
    return repr(limit).removesuffix(".0")

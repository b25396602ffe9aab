"""What every search algorithm looks like: `ask` for a trial, `tell` its outcome."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from nasbench_kit.errors import SettingError
from nasbench_kit.spaces import Arch


class Trial(NamedTuple):
    """An architecture that the optimizer wants evaluated."""

    arch: Arch
    epoch: int | None = None  #: train up to this epoch; None: up to the one that the simulator was told, or the last


class Optimizer(Protocol):
    """A search algorithm. It is built from a space and a random generator, and learns only what it is told.

    Class attributes are not required; every constructor argument after `space` and `rng` is a setting with a default.
    """

    def ask(self) -> Trial:
        """The next trial. With several workers, trials asked for before may still be without outcome."""
        ...

    def tell(self, trial: Trial, value: float) -> None:
        """The outcome of a trial, asked for or not; larger is better, -inf is a failure.

        Raises:
            SettingError: The value is NaN or +inf.
        """
        ...


def unusable_value(trial: Trial, value: float) -> SettingError:
    """The error for a value that no optimizer can rank: NaN or +inf."""
    return SettingError(f"told {value} for {trial.arch}; a value must be a number, or -inf for a trial that failed")


def check_at_least(least: int, **settings: int) -> None:
    """Refuse settings that are too small.

    Raises:
        SettingError: One of them is below `least`, or no integer.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
            raise SettingError(f"{name}={value!r}; an integer of at least {least} expected")

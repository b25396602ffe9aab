"""The settings of models: each has a default and says which values it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nasbench_kit.errors import NasbenchKitError, SettingError, TableError, listed, unknown

SETTINGS_FILE = "model.json"
_MOST_BYTES = 1 << 16


class Setting(NamedTuple):
    """One setting: its default, whose type all values have, and their limits."""

    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def checked(self, name: str, value: object) -> Any:
        """The value, if it is one.

        Raises:
            SettingError: It is not.
        """
        if isinstance(self.default, str | bool):
            if isinstance(value, type(self.default)) and (not self.choices or value in self.choices):
                return value
            expected = (
                f"choose from {listed(self.choices)}" if self.choices else f"{_NAMES[type(self.default)]} expected"
            )
            raise SettingError(f"{name}={value!r}; {expected}")
        whole = isinstance(self.default, int)
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        low, high = self.low, self.high
        if not right or not (-1e300 if low is None else low) <= value <= (1e300 if high is None else high):  # type: ignore[operator]
            limits = [f"at least {low:,g}"] * (low is not None) + [f"at most {high:,g}"] * (high is not None)
            raise SettingError(
                f"{name}={value!r}; {' '.join([_NAMES[type(self.default)], ' and '.join(limits)])} expected"
            )
        return value if whole else float(value)  # type: ignore[arg-type]


_NAMES = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


def resolved(model: str, known: Mapping[str, Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a model: those given, and the defaults of the others.

    Raises:
        UnknownNameError: The model has no such setting.
        SettingError: A value is not one that it takes.
    """
    for name in given:
        if name not in known:
            raise unknown(f"setting of {model}", name, known)
    return {name: setting.checked(name, given.get(name, setting.default)) for name, setting in known.items()}


def write_settings(folder: Path, model: str, settings: Mapping[str, Any], n_channels: int) -> None:
    """Write what is needed, beside its numbers, to read a model again."""
    content = {"model": model, "n_channels": n_channels, "settings": settings}
    (folder / SETTINGS_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_settings(folder: Path, model: str, known: Mapping[str, Setting]) -> tuple[dict[str, Any], int]:
    """Settings and number of channels of a stored model.

    Raises:
        TableError: The file is absent or damaged, or of another model.
    """
    path = folder / SETTINGS_FILE
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
        if content["model"] != model:
            raise ValueError(f"a model {content['model']!r:.40}, not {model!r}")
        n_channels = content["n_channels"]
        if not isinstance(n_channels, int) or not 1 <= n_channels <= MOST_CHANNELS:
            raise ValueError(f"n_channels={n_channels!r:.40}")
        return resolved(model, known, dict(content["settings"])), n_channels
    except OSError as error:
        raise TableError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NasbenchKitError) as error:
        raise TableError(f"{str(path)!r} is no description of a model, or damaged: {error}") from None


MOST_CHANNELS = 10_000

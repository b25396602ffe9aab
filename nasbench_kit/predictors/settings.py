"""The settings of models, each with a default and the values it takes; and the files that a model is kept in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nasbench_kit.errors import NasbenchKitError, SettingError, SurrogateError, listed, unknown

if TYPE_CHECKING:
    from nasbench_kit.predictors.base import Predictor
    from nasbench_kit.spaces import Space

Model = TypeVar("Model", bound="Predictor")

MODEL_FILE = "model.json"
MOST_OUTPUTS = 10_000
_MOST_BYTES = 1 << 22


class Setting(NamedTuple):
    """One setting: its default, whose type all values have, and their limits."""

    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def checked(self, name: str, value: object) -> Any:
        """Return the value, if it is one.

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
    """Complete the settings of a model: those given, and the defaults of the others.

    Raises:
        UnknownNameError: The model has no such setting.
        SettingError: A value is not one that it takes.
    """
    for name in given:
        if name not in known:
            raise unknown(f"setting of {model}", name, known)
    return {name: setting.checked(name, given.get(name, setting.default)) for name, setting in known.items()}


def write_model(
    folder: Path, model: str, settings: Mapping[str, Any], n_outputs: int, files: Mapping[str, bytes]
) -> None:
    """Write the files of a model, and last what is needed to read it again."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    about = {
        "model": model,
        "n_channels": n_outputs,
        "settings": settings,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    (folder / MODEL_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def read_model(
    kind: type[Model], space: Space, folder: Path, names: Callable[[int], Sequence[str]]
) -> tuple[Model, int, list[bytes]]:
    """Make a model with its stored settings; and say its number of outputs and the contents of its files.

    Files that have changed are refused here: the readers of XGBoost and LightGBM crash on some damaged ones (of 400
    with flipped bytes, XGBoost 3.2 brought down the process with 48). That is no shield against a file made to harm.

    Args:
        kind: The class of the model that is expected.
        space: What it reads.
        folder: Where `write_model` wrote them.
        names: The files of a model with so many outputs.

    Raises:
        SurrogateError: A file is absent, damaged or of another model.
    """
    path = folder / MODEL_FILE
    try:
        with open(path, "rb") as file:
            about = json.loads(file.read(_MOST_BYTES))
        if about["model"] != kind.name:
            raise ValueError(f"a model {about['model']!r:.40}, not {kind.name!r}")
        n_outputs = about["n_channels"]
        if type(n_outputs) is not int or not 1 <= n_outputs <= MOST_OUTPUTS:
            raise ValueError(f"n_channels={n_outputs!r:.40}")
        settings = resolved(kind.name, kind.known, dict(about["settings"]))
        expected = [str(about["files"][name]) for name in names(n_outputs)]
    except OSError as error:
        raise SurrogateError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SurrogateError(f"{str(path)!r} is no description of a model, or damaged: {error}") from None
    contents = []
    for name, sha256 in zip(names(n_outputs), expected, strict=True):
        try:
            contents.append((folder / name).read_bytes())
        except OSError as error:
            raise SurrogateError(f"cannot read {str(folder / name)!r}: {error.strerror or error}") from None
        if hashlib.sha256(contents[-1]).hexdigest() != sha256:
            raise SurrogateError(f"{str(folder / name)!r} is damaged: not the file that {MODEL_FILE} describes")
    try:
        return kind(space, settings), n_outputs, contents
    except NasbenchKitError as error:
        raise SurrogateError(f"{str(folder)!r}: a model fitted to {space.name} expected: {error}") from None

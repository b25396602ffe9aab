"""Messages between us and programs in any language: JSON objects, one a line. `docs/programs.md` is the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import SettingError, listed

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Space

PROTOCOL = 1  #: its version
LONGEST = 1 << 20  #: bytes of a line
_MOST_SAMPLES = 10_000
_MOST_SHOWN = 80  # characters of a line, in errors


def write(message: Mapping[str, Any]) -> bytes:
    """A message as a line: ASCII, its members in the order given."""
    return (_ENCODER.encode(message) + "\n").encode()


def read(line: bytes) -> dict[str, Any]:
    """The message of a line.

    Raises:
        SettingError: It is no JSON object.
    """
    try:
        message = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not message:
        raise SettingError(f"{shown(line)} is no message; a JSON object on a line of its own expected")
    return message


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are no JSON


_ENCODER, _DECODER = json.JSONEncoder(allow_nan=False), json.JSONDecoder(parse_constant=_refuse)


def shown(line: bytes) -> str:
    """A line for an error, in short."""
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")


def check_members(message: Mapping[str, Any], *known: str) -> None:
    """Refuse a message with members that nobody would read.

    Raises:
        SettingError: It has another one than these.
    """
    for member in message:
        if member not in known:
            raise SettingError(f"{member!r} beside {known[0]!r}; of {listed(map(repr, known))} expected")


def number(value: float) -> float | None:
    """A number for JSON, which has neither NaN nor infinity: null stands for both."""
    return float(value) if isfinite(value) else None


def numbers(values: Iterable[float]) -> list[float | None]:
    """Several of them."""
    return list(map(number, values))


def described(space: Space) -> dict[str, Any]:
    """What a message says of a space."""
    return {
        "space": space.name,
        "n_archs": space.size,
        "n_choices": list(space.n_choices),
        "decisions": [decision._asdict() for decision in space.decisions],
    }


# ---- what may be asked about a space ----


def answer(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to a question about a space; None if the message is none.

    Raises:
        NasbenchKitError: It is one, and cannot be answered.
    """
    kind = next(iter(message))
    return _QUESTIONS[kind](space, rng, message) if kind in _QUESTIONS else None


def _sample(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any]:
    check_members(message, "sample")
    n = message["sample"]
    if type(n) is not int or not 1 <= n <= _MOST_SAMPLES:
        raise SettingError(f"sample {n!r:.40}; a number of architectures from 1 to {_MOST_SAMPLES:,} expected")
    return {"archs": [list(space.sample(rng)) for _ in range(n)]}


def _mutate(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any]:
    check_members(message, "mutate")
    return {"arch": list(space.mutate(space.parse(message["mutate"]), rng))}


def _nearest(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any]:
    check_members(message, "nearest")
    choices = message["nearest"]
    if not isinstance(choices, list) or not all(type(choice) is int for choice in choices):
        raise SettingError(f"nearest to {choices!r:.80}; a list of {space.n_decisions} integers expected")
    return {"arch": list(space.nearest(tuple(choices), rng))}


def _neighbors(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any]:
    check_members(message, "neighbors")
    return {"archs": list(map(list, space.neighbors(space.parse(message["neighbors"]))))}


def _text(space: Space, rng: np.random.Generator, message: Mapping[str, Any]) -> dict[str, Any]:
    check_members(message, "text", "form")
    form = message.get("form")
    if not (form is None or isinstance(form, str)):
        raise SettingError(f"form {form!r:.80}; the name of a form expected")
    return {"text": space.format(space.parse(message["text"]), form)}


_QUESTIONS: dict[str, Callable[[Space, np.random.Generator, Mapping[str, Any]], dict[str, Any]]] = {
    "sample": _sample,
    "mutate": _mutate,
    "nearest": _nearest,
    "neighbors": _neighbors,
    "text": _text,
}
QUESTIONS = tuple(_QUESTIONS)
"""What each of these begins with."""

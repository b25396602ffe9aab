"""Texts that are stored: JSON of a bounded size, and nothing that moves a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nasbench_kit.errors import without_addresses, words_of

MOST_LETTERS = 1 << 16  # of a stored text
_MOST_SHOWN = 200  # letters of a reason in an error


def write_json(data: Any) -> str:
    """Canonical JSON.

    Raises:
        TypeError, ValueError, RecursionError: It is no JSON data, has NaN in it, is too long, or a text in it cannot be
            printed.
    """
    text = json.dumps(data, sort_keys=True, allow_nan=False)
    if len(text) > MOST_LETTERS:
        raise ValueError(f"{len(text):,} letters; at most {MOST_LETTERS:,} expected")
    for part in _texts(data):
        check_printable(part)
    return text


def read_json(text: object) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        ValueError: It is none, too long, or a text in it cannot be printed.
    """
    if not isinstance(text, str) or len(text) > MOST_LETTERS:
        raise ValueError(f"a text of at most {MOST_LETTERS:,} letters expected")
    try:
        data = json.loads(text, parse_constant=_refuse)
        for part in _texts(data):
            check_printable(part)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("a JSON object expected")
    return data


def check_printable(text: str) -> None:
    """Refuse a text that could move the cursor of a terminal, or is longer than what is stored may be.

    Raises:
        ValueError: It is such a text.
    """
    if not text.isprintable() or len(text) > MOST_LETTERS:
        raise ValueError(f"{text[:_MOST_SHOWN]!r} cannot be printed in a line")


def in_one_line(reason: object) -> str:
    """What went wrong, cut where nobody reads on."""
    text = " ".join(without_addresses(str(reason)).split())
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def reason_of(error: BaseException) -> str:
    """The kind of an error, and what it says if it says anything, in one line."""
    return in_one_line(": ".join(filter(None, (type(error).__name__, words_of(error)))))


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(name)
            yield from _texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _texts(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")

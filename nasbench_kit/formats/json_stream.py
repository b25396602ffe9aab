"""JSON files larger than memory, read item by item."""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import IO, Any, final

from nasbench_kit.errors import ImportDataError

_CHUNK = 1 << 20  # bytes read at once
_AFTER = (*" \t\n\r", ",", "}")  # what a number ends before
_MOST = 1 << 25  # characters of one item; 50,000 are usual


def nested_items(file: IO[bytes], name: str, depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(keys, value) of what lies so many levels down in a JSON object, in the order of the file, one at a time.

    Args:
        file: Where to read from, to its end.
        name: What to call it in errors.
        depth: 1 gives the items of the object, 2 those of the objects in it, and so on.

    Raises:
        ImportDataError: It is no such object, or one item is larger than that of any release.
    """
    stream = _Stream(file, name)
    yield from stream.items(depth)
    if stream.peek():
        raise stream.wrong("its end")


@final
class _Stream:
    """What was read of a file and not yet used."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._decode = getincrementaldecoder("utf-8")().decode
        self._decoder = json.JSONDecoder()
        self._text, self._at, self._ended = "", 0, False

    def items(self, depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            key = self._value() if self.peek() == '"' else None
            if not isinstance(key, str):
                raise self.wrong("a name in quotes")
            self._take(":")
            if depth > 1:
                for keys, value in self.items(depth - 1):
                    yield (key, *keys), value
            else:
                yield (key,), self._value()
            if self.peek() == "}":
                self._at += 1
                return
            self._take(",")

    def peek(self) -> str:
        """The next character that is no blank; none at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\n\r":
                self._at += 1
            if self._at < len(self._text) or not self._fill():
                return self._text[self._at : self._at + 1]

    def wrong(self, expected: str) -> ImportDataError:
        found = self._text[self._at : self._at + 20]
        return ImportDataError(f"{self._name} is no readable JSON: {found!r} where {expected} is expected")

    def _take(self, character: str) -> None:
        if self.peek() != character:
            raise self.wrong(repr(character))
        self._at += 1

    def _value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise ImportDataError(f"{self._name} is nested too deeply; no release is") from None
            except ValueError as error:
                if not self._fill():
                    raise ImportDataError(f"{self._name} is no readable JSON ({error!s:.80})") from None
                continue
            if isinstance(value, int | float) and self._text[end : end + 1] not in _AFTER and self._fill():
                continue  # the number goes on
            self._at = end
            return value

    def _fill(self) -> bool:
        """Read more; whether there was any."""
        if self._ended:
            return False
        if len(self._text) - self._at > _MOST:
            raise ImportDataError(f"{self._name} has an item of more than {_MOST:,} characters, or is damaged")
        chunk = self._file.read(_CHUNK)
        try:
            text = self._decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            raise ImportDataError(f"{self._name} is no readable JSON: text in UTF-8 expected") from None
        self._ended = not chunk
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(chunk)

"""Pickles larger than memory, read as data: what is in them is handed over part by part and then forgotten.

Python's own unpickler holds all of a pickle at once, 28 GB for the largest releases. This one keeps the texts, which
repeat, and drops each part that its caller took. It knows plain data and an allow-list, so nothing is executed.

Source: the opcodes as CPython documents them in `pickletools`.
"""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Callable, Mapping
from struct import Struct
from struct import error as struct_error
from typing import IO, Any, final

from nasbench_kit.errors import ImportDataError

Take = Callable[[Any, dict[Any, Any]], bool]
"""Called with the key and the value of each dictionary in a dictionary; True if the value may be forgotten."""

_CHUNK = 1 << 20
_MOST_AT_ONCE = 1 << 25  # bytes of a pickle between parts that are taken; 1.4 MB are the most of any release
_SLACK = 300  # bytes that the longest of the short opcodes needs
# an epoch and its value, many times over: most of a file, so it is read at once
_PAIRS = re.compile(rb"(?:K.G.{8})+", re.DOTALL)
_PAIR = Struct(">xBxd")
_FLOAT = Struct(">d")
_UINT2, _UINT4, _UINT8, _INT4 = (Struct(code) for code in ("<H", "<I", "<Q", "<i"))
_NOT_KEPT = -1
_KEPT_TYPES = (str, int, float, bool)


def stream_pickle(
    file: IO[bytes],
    name: str,
    allowed: Mapping[tuple[str, str], Any],
    take: Take,
    progress: Callable[[], None] = lambda: None,
) -> Any:
    """The data in a pickle without the parts that `take` took: these are empty dictionaries.

    Args:
        file: Where to read from; left after the first pickle in it.
        name: What to call it in errors.
        allowed: (module, name) -> what stands for it.
        take: Called with each dictionary in a dictionary as soon as it is complete.
        progress: Called now and then.

    Raises:
        ImportDataError: It names anything else, is damaged, is no pickle, or holds too much that is not taken.
    """
    try:
        found, rest = _Reader(file, allowed, take, progress).read()
        if rest:
            file.seek(-len(rest), io.SEEK_CUR)
        return found
    except ImportDataError as error:
        raise ImportDataError(f"{name}: {error}") from None
    except (IndexError, EOFError, struct_error):
        raise ImportDataError(f"{name} is no readable pickle: it ends too early, or is damaged") from None
    except (OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError, AttributeError) as error:
        raise ImportDataError(f"{name} is no readable pickle: {error or type(error).__name__}") from None


@final
class _Reader:
    def __init__(
        self, file: IO[bytes], allowed: Mapping[tuple[str, str], Any], take: Take, progress: Callable[[], None]
    ) -> None:
        self._file, self._allowed, self._take, self._progress = file, allowed, take, progress
        self._ended = False
        self._n_bytes = 0  # read since a part was taken
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo = array("i")  # number in the memo -> number of a kept object
        self._kept: list[Any] = []  # texts, numbers and names: few different ones, forever
        self._number_of: dict[Any, int] = {}
        self._containers: dict[int, Any] = {}  # number in the memo -> dictionary or list, until it was taken

    def read(self) -> tuple[Any, bytes]:
        """The data in the pickle, and what was read beyond its end."""
        # A loop over opcodes with the frequent ones first; 50,000 of them are one architecture of NATS-Bench.
        stack, marks, memo, kept = self._stack, self._marks, self._memo, self._kept
        buffer, at, safe = b"", 0, -1
        while True:
            if at > safe:
                buffer, at = self._more(buffer, at)
                safe = len(buffer) - _SLACK
            opcode = buffer[at]
            at += 1
            if opcode == 0x8C:  # SHORT_BINUNICODE
                end = at + 1 + buffer[at]
                text = buffer[at + 1 : end].decode("utf-8", "surrogatepass")
                number = self._number_of.get(text)
                if number is None:
                    number = self._keep(text)
                stack.append(kept[number])
                if buffer[end] == 0x94:  # MEMOIZE
                    memo.append(number)
                    end += 1
                at = end
            elif opcode == 0x47:  # BINFLOAT
                stack.append(_FLOAT.unpack_from(buffer, at)[0])
                at += 8
            elif opcode == 0x4B:  # BININT1
                pairs = _PAIRS.match(buffer, at - 1)
                if pairs is None:
                    stack.append(buffer[at])
                    at += 1
                else:
                    for pair in _PAIR.iter_unpack(pairs.group()):
                        stack += pair
                    at = pairs.end()
            elif opcode == 0x94:  # MEMOIZE
                self._put(len(memo))
            elif opcode == 0x71:  # BINPUT
                self._put(buffer[at])
                at += 1
            elif opcode == 0x72:  # LONG_BINPUT
                self._put(_UINT4.unpack_from(buffer, at)[0])
                at += 4
            elif opcode == 0x68:  # BINGET
                stack.append(self._get(buffer[at]))
                at += 1
            elif opcode == 0x6A:  # LONG_BINGET
                stack.append(self._get(_UINT4.unpack_from(buffer, at)[0]))
                at += 4
            elif opcode == 0x28:  # MARK
                marks.append(len(stack))
            elif opcode == 0x7D:  # EMPTY_DICT
                stack.append({})
            elif opcode == 0x75:  # SETITEMS
                items = self._since_mark()
                self._set_items(items[::2], items[1::2])
            elif opcode == 0x73:  # SETITEM
                value, key = stack.pop(), stack.pop()
                self._set_items([key], [value])
            elif opcode == 0x5D:  # EMPTY_LIST
                stack.append([])
            elif opcode == 0x61:  # APPEND
                item = stack.pop()
                _of_type(stack[-1], list).append(item)
            elif opcode == 0x65:  # APPENDS
                items = self._since_mark()
                _of_type(stack[-1], list).extend(items)
            elif opcode == 0x29:  # EMPTY_TUPLE
                stack.append(())
            elif opcode == 0x85 or opcode == 0x86 or opcode == 0x87:  # TUPLE1, TUPLE2, TUPLE3
                items = [stack.pop() for _ in range(opcode - 0x84)]
                stack.append(tuple(reversed(items)))
            elif opcode == 0x74:  # TUPLE
                stack.append(tuple(self._since_mark()))
            elif opcode == 0x4A:  # BININT
                stack.append(_INT4.unpack_from(buffer, at)[0])
                at += 4
            elif opcode == 0x4D:  # BININT2
                stack.append(_UINT2.unpack_from(buffer, at)[0])
                at += 2
            elif opcode == 0x8A:  # LONG1
                end = at + 1 + buffer[at]
                stack.append(int.from_bytes(buffer[at + 1 : end], "little", signed=True))
                at = end
            elif opcode == 0x4E:  # NONE
                stack.append(None)
            elif opcode == 0x88 or opcode == 0x89:  # NEWTRUE, NEWFALSE
                stack.append(opcode == 0x88)
            elif opcode == 0x43:  # SHORT_BINBYTES
                end = at + 1 + buffer[at]
                stack.append(buffer[at + 1 : end])
                at = end
            elif opcode == 0x58:  # BINUNICODE
                n = _UINT4.unpack_from(buffer, at)[0]
                data, buffer, at = self._long(n, buffer, at + 4)
                safe = len(buffer) - _SLACK
                stack.append(data.decode("utf-8", "surrogatepass"))
            elif opcode == 0x42:  # BINBYTES
                n = _UINT4.unpack_from(buffer, at)[0]
                data, buffer, at = self._long(n, buffer, at + 4)
                safe = len(buffer) - _SLACK
                stack.append(data)
            elif opcode == 0x8F:  # EMPTY_SET
                stack.append(set())
            elif opcode == 0x90:  # ADDITEMS
                items = self._since_mark()
                _of_type(stack[-1], set).update(items)
            elif opcode == 0x93:  # STACK_GLOBAL
                attribute, module = stack.pop(), stack.pop()
                stack.append(self._find(module, attribute))
            elif opcode == 0x63:  # GLOBAL
                end = buffer.index(b"\n", buffer.index(b"\n", at) + 1)
                module, attribute = buffer[at:end].decode().split("\n")
                stack.append(self._find(module, attribute))
                at = end + 1
            elif opcode == 0x52:  # REDUCE
                arguments, function = stack.pop(), stack.pop()
                if not any(function is known for known in self._allowed.values()):
                    raise ImportDataError(f"the pickle calls {function!r:.40}, which is no plain data")
                stack.append(function(*_of_type(arguments, tuple)))
            elif opcode == 0x62:  # BUILD
                state = stack.pop()
                stack[-1].__setstate__(state)
            elif opcode == 0x95:  # FRAME
                at += 8
            elif opcode == 0x80:  # PROTO
                if not 2 <= buffer[at] <= 5:
                    raise ImportDataError(f"the pickle is of protocol {buffer[at]}; 2 to 5 expected")
                at += 1
            elif opcode == 0x2E:  # STOP
                (found,) = stack
                return found, buffer[at:]
            elif opcode in (0x50, 0x51):  # PERSID, BINPERSID
                raise ImportDataError("the pickle refers to an object outside of it; it is not self-contained")
            else:
                raise ImportDataError(f"the pickle holds the opcode {bytes([opcode])!r}, which is no plain data")

    # ---- bytes ----

    def _more(self, buffer: bytes, at: int) -> tuple[bytes, int]:
        """The unread part of the buffer, and more where there is more."""
        parts = [buffer[at:]]
        if not self._ended:
            parts.append(self._file.read(_CHUNK))
            self._ended = not parts[1]
            self._count(parts[1])
            self._progress()
        return b"".join(parts), 0

    def _long(self, n: int, buffer: bytes, at: int) -> tuple[bytes, bytes, int]:
        """The next `n` bytes, however many; memory is taken for those that are there."""
        if len(buffer) - at >= n:
            return buffer[at : at + n], buffer, at + n
        parts, lacking = [buffer[at:]], n - (len(buffer) - at)
        while lacking:
            part = self._file.read(min(_CHUNK, lacking))
            if not part:
                raise EOFError
            parts.append(part)
            lacking -= len(part)
            self._count(part)
        return b"".join(parts), b"", 0

    def _count(self, part: bytes) -> None:
        """Small files may unpack to more than memory holds."""
        self._n_bytes += len(part)
        if self._n_bytes > _MOST_AT_ONCE:
            raise ImportDataError(f"the pickle holds more than {_MOST_AT_ONCE:,} bytes that belong to no architecture")

    # ---- the memo ----

    def _keep(self, thing: Any) -> int:
        number = self._number_of[thing] = len(self._kept)
        self._kept.append(thing)
        return number

    def _put(self, index: int) -> None:
        if index > len(self._memo):
            raise ImportDataError(f"the pickle numbers its parts with gaps ({index} after {len(self._memo)})")
        thing = self._stack[-1]
        number = _NOT_KEPT
        if isinstance(thing, _KEPT_TYPES) or callable(thing) or _is_key(thing) or hasattr(thing, "__setstate__"):
            # 1, 1.0 and True are equal and yet different; an object of no value of its own is equal to itself alone
            key = thing if type(thing) is str else (type(thing), thing)
            known = self._number_of.get(key)
            if known is None:
                known = self._number_of[key] = len(self._kept)
                self._kept.append(thing)
            number = known
        else:
            self._containers[index] = thing
        if index == len(self._memo):
            self._memo.append(number)
        else:
            self._memo[index] = number

    def _get(self, index: int) -> Any:
        number = self._memo[index]
        if number != _NOT_KEPT:
            return self._kept[number]
        if index not in self._containers:
            raise ImportDataError(
                "the pickle shares a part between architectures; a release that was saved once expected"
            )
        return self._containers[index]

    def _forget(self, taken: dict[Any, Any]) -> None:
        """Drop what was put into the memo since `taken` was, which is all that is in it."""
        self._n_bytes = 0
        since = []
        for index in reversed(self._containers):
            since.append(index)
            if self._containers[index] is taken:
                for dropped in since:
                    del self._containers[dropped]
                break
        taken.clear()

    # ---- values ----

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _set_items(self, keys: list[Any], values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(keys) != len(values):
            raise ImportDataError(f"the pickle sets items of {type(target).__name__}; a dictionary expected")
        target.update(zip(keys, values, strict=True))
        if values and isinstance(values[0], dict):
            for key, value in zip(keys, values, strict=True):
                if isinstance(value, dict) and self._take(key, value):
                    self._forget(value)

    def _find(self, module: Any, name: Any) -> Any:
        if (module, name) not in self._allowed:
            raise ImportDataError(f"the pickle asks for {module}.{name}, which is no plain data; it was not executed")
        return self._allowed[module, name]


def _is_key(thing: Any) -> bool:
    """Whether it is a tuple of texts and numbers, as keys of dictionaries are."""
    return isinstance(thing, tuple) and all(isinstance(part, _KEPT_TYPES) for part in thing)


def _of_type(thing: Any, kind: type) -> Any:
    if not isinstance(thing, kind):
        raise ImportDataError(f"the pickle fills a {type(thing).__name__}; a {kind.__name__} expected")
    return thing

"""Pickles read as data: lists, dictionaries, strings, numbers, and nothing that is code.

A pickle is a program for a small machine. This is that machine without the instructions that data do not need, and
with no way to the names of Python: it calls what it is given by `allowed` and nothing else. What a pickle may cost is
bounded by its size: lengths and numbers of slots are checked before memory is taken, and what refers to itself, or
unfolds to much more than the pickle holds, is refused. So are keys that make a hash table slow: Python salts the hashes
of texts and bytes, but whoever writes a file chooses those of numbers and tuples.

It also reads pickles larger than memory, 28 GB for the largest releases: each part, as soon as it is complete, may be
taken by the caller and is then forgotten. Only texts and the like, of which there are few different ones, stay.

Source: the opcodes of protocols 0 to 5 are documented in CPython's `Lib/pickletools.py`.
"""

from __future__ import annotations

import codecs
import io
import re
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from itertools import chain
from struct import Struct
from struct import error as StructError  # noqa: N812 (it is a class)
from typing import IO, Any, final

from nasbench_kit.errors import ImportDataError

Take = Callable[[Any, dict[Any, Any]], bool]
"""Called with a key and its dictionary; True if that may be forgotten."""

_CHUNK = 1 << 20  # bytes read at once
_MOST_AT_ONCE = 1 << 25  # bytes of a pickle between parts that are taken; 1.4 MB are the most of any release
_SPARE = 1_000_000  # shared parts may unfold to so many more items than the pickle has bytes
_WALKS = 30  # this often the whole of a pickle may be looked at
_MOST_WHOLE = 1 << 30  # bytes of a pickle of which no part is taken: all of it is held in memory
_SHORT_TUPLE = 8  # items of a tuple that is worth comparing; keys of dictionaries have two
_MOST_UNSALTED = 100  # different tuples and whole numbers that are kept
_LARGEST_KEY = 16  # items of a tuple that is a key, those of tuples in it included: each use hashes it anew
_SMALL, _SMALL_OF_TUPLES = 256, 32  # keys of a dictionary or set that cannot be slow
_MOST_PAIRS = 1 << 32  # of numbers and tuples in larger ones: 92,000 in one; the largest release has twice 32,768
_MOST_ALIKE = 64  # of one hash in a larger one
_MOST_DIGITS = 64  # bytes of a whole number; torch begins its files with one of ten
_MOST_DECIMALS = 160  # the same in decimal
_LONG_TEXT = 1_000  # characters of a text or bytes that count, wherever they stand, as so many items
_SLACK = 300  # bytes that an instruction needs at most, if `run` itself does it
_PAIRS = re.compile(rb"(?:K.G.{8})+", re.DOTALL)  # small numbers and floats, as in epoch -> value: most of a file
_PAIR = Struct(">xBxd")
_BYTE, _SHORT, _INT, _LENGTH, _LENGTH8 = (Struct(code) for code in ("<B", "<H", "<i", "<I", "<Q"))
_FLOAT = Struct(">d")
_EMPTY, _PART = -2, -1  # in a slot of the memory, else the number of something kept
_CONTAINERS = (list, dict, set, frozenset, tuple)
_TEXTS = (str, bytes, bytearray)
_SALTED = frozenset((str, bytes))
_KEYS = frozenset((str, bytes, int, float, bool, type(None)))  # and tuples of these


def read_plain_pickle(
    file: IO[bytes],
    name: str,
    allowed: Mapping[tuple[str, str], Any] | None = None,
    take: Take | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Any:
    """The data in a pickle, without the parts that `take` took: these are empty dictionaries.

    Args:
        file: Where to read from; left after the first pickle in it.
        name: What to call it in errors.
        allowed: (module, name) -> what stands for it; nothing by default. A function is called with whatever the pickle
            says, so let it check that; an object of a class is given its state by the class's own `__setstate__`.
        take: Called with each dictionary in a dictionary of dictionaries, when it is complete.
        progress: Called after each megabyte.

    Raises:
        ImportDataError: It names anything else, is damaged, hostile, or no pickle, or too much of it is not taken.
    """
    try:
        machine = _Machine(file, allowed or {}, take, progress)
        made = machine.run()
        if machine.at < len(machine.buffer):
            file.seek(machine.at - len(machine.buffer), io.SEEK_CUR)
    except ImportDataError as error:
        raise ImportDataError(f"{name}: {error}") from None
    except (IndexError, EOFError, StructError):
        raise ImportDataError(f"{name} is no readable pickle: it ends too early, or is damaged") from None
    except Exception as error:  # damaged bytes make it raise nearly anything
        what = f"{type(error).__name__}: {error}"
        raise ImportDataError(f"{name} is no readable pickle ({what:.200})") from None
    return made


@final
class _Machine:
    """A stack, a memory, and where in the pickle one is."""

    def __init__(
        self, file: IO[bytes], allowed: Mapping[tuple[str, str], Any], take: Take | None, progress: Callable[[], None]
    ) -> None:
        self.file, self.allowed, self.take, self.progress = file, allowed, take, progress
        self.callable = {id(value) for value in allowed.values() if callable(value)}
        self.classes = {value for value in allowed.values() if isinstance(value, type)}
        self.buffer, self.at = b"", 0  # what was read of the file, and where in it one is
        self.safe = -1  # up to there an instruction is surely whole
        self.ended = False
        self.n_read = 0
        self.n_not_taken = 0  # read since a part was taken
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory = array("i")  # slot -> number in `kept`, or _PART; the largest releases have 170 million slots
        self.kept: list[Any] = []  # texts and the like, forever
        self.kept_as: dict[Hashable, int] = {}  # what distinguishes it -> number in `kept`
        self.parts: dict[int, Any] = {}  # slot -> list, dictionary and whatever else, until it is taken
        self.n_unsalted = 0  # tuples and whole numbers in `kept`
        self.tables: dict[int, tuple[Any, Counter[int]]] = {}  # id of a large dictionary or set -> it, hashes of keys
        self.n_pairs = 0  # of keys in all of `tables`
        self.shares = False  # whether some container or long text stands in several places
        self.walked = 0  # items looked at to find out how large that is

    def run(self) -> Any:
        """Execute up to the STOP instruction."""
        stack, push, marks = self.stack, self.stack.append, self.marks
        memory, kept, kept_as = self.memory, self.kept, self.kept_as
        unpack_float, unpack_length = _FLOAT.unpack_from, _LENGTH.unpack_from
        pairs_at, operations = _PAIRS.match, _OPERATIONS
        buffer, at, safe = self.buffer, self.at, self.safe
        while True:
            if at > safe:
                self.at = at
                self.refill()
                buffer, at, safe = self.buffer, self.at, self.safe
            opcode = buffer[at]
            at += 1
            # results are made of these, so they do without a call
            if opcode == 0x47:  # G, BINFLOAT
                push(unpack_float(buffer, at)[0])
                at += 8
            elif opcode == 0x8C or (opcode == 0x58 and buffer[at + 1 : at + 4] == b"\0\0\0"):
                # SHORT_BINUNICODE, or X, BINUNICODE, of less than 256 bytes
                start = at + 1 if opcode == 0x8C else at + 4
                at = start + buffer[at]
                text = str(buffer[start:at], "utf-8", "surrogatepass")
                number = kept_as.get(text)
                if number is None:
                    number = self.keep(text, text)
                push(kept[number])
                following = buffer[at]
                if following == 0x94:  # MEMOIZE
                    memory.append(number)
                    at += 1
                elif following == 0x72 and unpack_length(buffer, at + 1)[0] == len(memory):  # r, LONG_BINPUT
                    memory.append(number)
                    at += 5
                if buffer[at] == 0x47:  # its value, as in "x-valid@199" -> loss
                    push(unpack_float(buffer, at + 1)[0])
                    at += 9
            elif opcode == 0x4B:  # K, BININT1
                pairs = pairs_at(buffer, at - 1)
                if pairs is None:
                    push(buffer[at])
                    at += 1
                else:
                    stack += chain.from_iterable(_PAIR.iter_unpack(pairs.group()))
                    at = pairs.end()
            elif opcode == 0x68 or opcode == 0x6A:  # h, BINGET; j, LONG_BINGET
                slot = buffer[at] if opcode == 0x68 else unpack_length(buffer, at)[0]
                number = memory[slot]
                push(kept[number] if number >= 0 else self.part(slot))
                at += 1 if opcode == 0x68 else 4
            elif opcode == 0x94:  # MEMOIZE
                self.put(len(memory))
            elif opcode == 0x28:  # (, MARK
                marks.append(len(stack))
            elif opcode == 0x7D:  # }, EMPTY_DICT
                push({})
            elif opcode == 0x2E:  # STOP
                break
            else:
                operation = operations.get(opcode)
                if operation is None:
                    raise ValueError(f"the opcode {bytes([opcode])!r} is none that plain data need")
                self.at = at
                operation(self)
                buffer, at, safe = self.buffer, self.at, self.safe
        self.at = at
        if len(stack) != 1 or self.marks:
            raise ValueError(f"{len(stack)} objects at its end; one expected")
        self.check_unfolded(stack[0])
        return stack[0]

    # ---- what is read ----

    def read(self, n: int) -> bytes:
        """Up to `n` more bytes of the file, and none at its end."""
        part = self.file.read(n)
        self.ended = not part
        self.n_read += len(part)
        self.n_not_taken += len(part)
        if self.take is not None and self.n_not_taken > _MOST_AT_ONCE:  # small files may unpack to any size
            raise ImportDataError(f"the pickle holds more than {_MOST_AT_ONCE:,} bytes that belong to no architecture")
        if self.take is None and self.n_read > _MOST_WHOLE:
            raise ImportDataError(f"the pickle holds more than {_MOST_WHOLE:,} bytes; no release does")
        self.progress()
        return part

    def refill(self) -> None:
        if self.ended:
            raise EOFError
        self.buffer, self.at = self.buffer[self.at :] + self.read(_CHUNK), 0
        self.safe = len(self.buffer) - (0 if self.ended else _SLACK)

    def next(self, n: int) -> bytes:
        """The next `n` bytes; memory is taken for those that are there."""
        start, self.at = self.at, self.at + n
        if self.at <= len(self.buffer):
            return self.buffer[start : self.at]
        parts, lacking = [self.buffer[start:]], self.at - len(self.buffer)
        self.buffer, self.at, self.safe = b"", 0, -1
        while lacking:
            parts.append(self.read(min(lacking, _CHUNK)))
            if self.ended:
                raise EOFError
            lacking -= len(parts[-1])
        return b"".join(parts)

    def line(self) -> bytes:
        parts = []
        while (end := self.buffer.find(b"\n", self.at)) < 0:
            parts.append(self.buffer[self.at :])
            self.at = len(self.buffer)
            self.refill()
        parts.append(self.buffer[self.at : end])
        self.at = end + 1
        return b"".join(parts)

    def number(self, layout: Struct) -> int:
        (number,) = layout.unpack(self.next(layout.size))
        return int(number)

    def text(self, layout: Struct, encoding: str = "utf-8") -> str:
        return str(self.next(self.number(layout)), encoding, "surrogatepass")

    def quoted(self) -> str:
        line = self.line().strip()
        if len(line) < len("''") or line[:1] not in b"'\"" or line[:1] != line[-1:]:
            raise ImportDataError("the pickle holds a string without quotes")
        return codecs.escape_decode(line[1:-1])[0].decode("ascii")

    def integer(self) -> int | bool:
        line = self.line()
        return line == b"01" if line in (b"00", b"01") else self.decimal(line)

    def decimal(self, line: bytes) -> int:
        if len(line) > _MOST_DECIMALS:
            raise ImportDataError(f"the pickle holds a whole number of {len(line):,} digits, which no plain data do")
        return int(line)

    def long(self, layout: Struct) -> int:
        n_bytes = self.number(layout)
        if n_bytes > _MOST_DIGITS:
            raise ImportDataError(f"the pickle holds a whole number of {n_bytes:,} bytes, which no plain data do")
        return int.from_bytes(self.next(n_bytes), "little", signed=True)

    def protocol(self) -> None:
        if not 2 <= (protocol := self.number(_BYTE)) <= 5:
            raise ImportDataError(f"the pickle is of protocol {protocol}; 2 to 5 expected")

    # ---- the memory ----

    def keep(self, thing: Any, key: Hashable) -> int:
        self.n_unsalted += type(key) is tuple
        number = self.kept_as[key] = len(self.kept)
        self.kept.append(thing)
        return number

    def put(self, slot: int) -> None:
        if not 0 <= slot <= self.n_read:
            raise ImportDataError(f"the pickle uses slot {f'{slot:,}':.30} within {self.n_read:,} bytes")
        if slot == len(self.memory):
            self.memory.append(_EMPTY)
        elif slot > len(self.memory):  # Python 2 leaves out the slot 0
            self.memory.extend(array("i", [_EMPTY]) * (slot + 1 - len(self.memory)))
        thing = self.stack[-1]
        key = self.key(thing)
        if key is None:
            self.memory[slot], self.parts[slot] = _PART, thing
        else:
            number = self.kept_as.get(key)
            self.memory[slot] = self.keep(thing, key) if number is None else number

    def key(self, thing: Any) -> Hashable | None:
        """What it shares with all that may stand for it, found at little cost; None if it is not to be kept."""
        kind = type(thing)
        if kind is dict or kind is list:
            return None
        if kind is float:
            return _FLOAT.pack(thing)  # as 0.0 == -0.0
        if kind is str:
            return thing if len(thing) <= _LONG_TEXT else None
        if kind in self.classes or id(thing) in self.callable:
            return id(thing)
        if kind is tuple and len(thing) <= _SHORT_TUPLE and all(map(_is_short, thing)):
            key = thing, *map(type, thing)  # as 1 == True
        elif _is_short(thing):
            key = kind, thing
        else:
            return None
        return key if self.n_unsalted < _MOST_UNSALTED or key in self.kept_as else None

    def part(self, slot: int) -> Any:
        """What is in a slot and not kept."""
        if slot < 0 or self.memory[slot] == _EMPTY:
            raise ImportDataError(f"the pickle gets something from slot {slot!s:.20}, where it has put nothing")
        if slot not in self.parts:
            raise ImportDataError("the pickle shares a part between architectures; one that was saved once expected")
        found = self.parts[slot]
        self.shares = self.shares or isinstance(found, _CONTAINERS + _TEXTS)
        return found

    def get(self, slot: int) -> None:
        number = self.memory[slot] if slot >= 0 else _EMPTY
        self.stack.append(self.kept[number] if number >= 0 else self.part(slot))

    def forget(self, taken: dict[Any, Any]) -> None:
        """Drop what was put into the memory since `taken` was, which is all that is in it."""
        self.n_not_taken = 0
        since: list[int] = []
        for slot in reversed(self.parts):
            since.append(slot)
            if self.parts[slot] is taken:
                for dropped in since:
                    del self.parts[dropped]
                break
        self.count_walked(len(since))
        taken.clear()
        if self.tables:  # what is still being filled lies on the stack
            self.count_walked(len(self.stack))
            on_stack = set(map(id, self.stack))
            self.tables = {number: known for number, known in self.tables.items() if number in on_stack}

    # ---- containers ----

    def above_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def last(self, n: int) -> list[Any]:
        items = self.stack[-n:]
        if len(items) < n:
            raise IndexError
        del self.stack[-n:]
        return items

    def set_items(self, items: list[Any], new: dict[Any, Any] | None = None) -> None:
        if new is not None:
            self.stack.append(new)
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ImportDataError(f"the pickle sets items of a {type(target).__name__}, or a key without value")
        self.check_keys(target, items[::2])
        target.update(zip(items[::2], items[1::2], strict=True))
        if self.take and items and isinstance(items[1], dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(value, dict):
                    self.check_unfolded(value)
                    if self.take(key, value):
                        self.forget(value)

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ImportDataError(f"the pickle appends to a {type(target).__name__}")
        target.extend(items)

    def add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, set):
            raise ImportDataError(f"the pickle adds to a {type(target).__name__}")
        self.check_keys(target, items)
        target.update(items)

    def frozen(self, items: list[Any]) -> None:
        self.check_keys([], items)
        self.stack.append(frozenset(items))

    def check_keys(self, table: Any, keys: list[Any]) -> None:
        """Refuse keys with which `table`, that they are for, would be slow.

        Keys of one hash are compared with each other, all with all; and who chooses hashes can choose different ones
        that look for a free place where all the others have looked.
        """
        kinds = set(map(type, keys))
        plain = kinds <= _KEYS
        if not plain and not all(map(_is_key, keys)):
            raise ImportDataError("the pickle has a key that is neither a text, a number nor a short tuple of such")
        known = self.tables.get(id(table))
        if len(table) + len(keys) <= (_SMALL if plain else _SMALL_OF_TUPLES) or (kinds <= _SALTED and known is None):
            return
        if known is None:
            known = self.tables[id(table)] = table, Counter()
            keys = [*table, *keys]
        hashes = [hash(key) for key in keys if type(key) not in _SALTED]
        alike = known[1]
        self.n_pairs += len(hashes) * (len(alike) + len(hashes))
        if self.n_pairs > _MOST_PAIRS:
            raise ImportDataError("the pickle holds more keys that are no texts than any release")
        alike.update(hashes)
        if any(alike[one] > _MOST_ALIKE for one in hashes):
            raise ImportDataError(f"the pickle holds more than {_MOST_ALIKE} keys of one hash, which no plain data do")

    # ---- names, and what is done with them ----

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ImportDataError("the pickle asks for a name that is no text; it was not executed")
        if (module, name) not in self.allowed:
            shown = ascii(f"{module:.60}.{name:.60}")[1:-1]
            raise ImportDataError(f"the pickle asks for {shown}, which is no plain data; it was not executed")
        self.stack.append(self.allowed[module, name])

    def call(self, make: Callable[[Any, Any], Any]) -> None:
        function, arguments = self.last(2)
        if id(function) not in self.callable or type(arguments) is not tuple:
            raise ImportDataError(f"the pickle calls a {type(function).__name__}; it was not executed")
        self.check_unfolded(arguments)
        self.count_texts(arguments)
        for items in arguments:
            if type(items) is list:  # the members of a set, or the pairs of a dictionary
                self.check_keys([], [item[0] if type(item) is list and item else item for item in items])
        self.stack.append(make(function, arguments))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) not in self.classes or not hasattr(type(target), "__setstate__"):
            raise ImportDataError(f"the pickle sets the state of a {type(target).__name__}; it was not executed")
        self.check_unfolded(state)
        self.count_texts(state)
        target.__setstate__(state)

    def outside(self) -> None:
        raise ImportDataError("the pickle refers to an object outside of it; it is not self-contained")

    # ---- what it unfolds to ----

    def count_walked(self, n: int) -> None:
        self.walked += n
        if self.walked > _WALKS * (self.n_read + _SPARE):
            raise ImportDataError("the pickle does the same too often, which no plain data need")

    def count_texts(self, parts: Any) -> None:
        """Texts and bytes are copied by what is called with them."""
        if isinstance(parts, tuple):
            self.count_walked(sum(len(part) for part in parts if isinstance(part, _TEXTS)))

    def check_unfolded(self, made: Any) -> None:
        """Refuse what holds itself, or the same container so often that whoever walks through it would not end."""
        if not self.shares:
            return
        sizes: dict[int, int] = {}  # id of a container -> items in it, shared ones counted as often as they occur
        begun: set[int] = set()
        waiting = [made]
        while waiting:
            one = waiting[-1]
            if id(one) in sizes or not isinstance(one, _CONTAINERS):
                waiting.pop()
                continue
            self.count_walked(len(one))
            items = [*one, *one.values()] if isinstance(one, dict) else one
            inner = [item for item in items if isinstance(item, _CONTAINERS)]
            lacking = [item for item in inner if id(item) not in sizes]
            if lacking and id(one) in begun:
                raise ImportDataError("the pickle holds a container that holds itself, which no plain data do")
            if lacking:
                begun.add(id(one))
                waiting += lacking
                continue
            texts = sum(len(item) for item in items if isinstance(item, _TEXTS) and len(item) > _LONG_TEXT)
            sizes[id(one)] = len(one) + texts + sum(sizes[id(item)] for item in inner)
            if sizes[id(one)] > self.n_read + _SPARE:
                raise ImportDataError("the pickle unfolds to much more than it holds, which no plain data do")
            waiting.pop()


def _is_short(thing: Any) -> bool:
    """Whether it is a text, a small number or a single byte, which Python has but once: cheap to compare."""
    kind = type(thing)
    if kind is int:
        return -(1 << 63) <= thing < 1 << 63
    return kind is str or kind is bool or (kind is bytes and len(thing) <= 1)


def _is_key(thing: Any) -> bool:
    """Whether it is hashed and compared at little cost, however often."""
    waiting, n_items = [thing], 0
    while waiting:
        one = waiting.pop()
        if type(one) is tuple:
            n_items += len(one)
            if n_items > _LARGEST_KEY:
                return False
            waiting += one
        elif type(one) not in _KEYS:
            return False
    return True


def _new(cls: Any, arguments: Any) -> Any:
    if not isinstance(cls, type):
        raise ImportDataError("the pickle makes an object of what is no class; it was not executed")
    return cls.__new__(cls, *arguments)


_OPERATIONS: dict[int, Callable[[_Machine], object]] = {
    code[0]: operation
    for code, operation in {
        # numbers, None, truth
        b"N": lambda m: m.stack.append(None),
        b"\x88": lambda m: m.stack.append(True),
        b"\x89": lambda m: m.stack.append(False),
        b"I": lambda m: m.stack.append(m.integer()),
        b"L": lambda m: m.stack.append(m.decimal(m.line().rstrip(b"L"))),
        b"M": lambda m: m.stack.append(m.number(_SHORT)),
        b"J": lambda m: m.stack.append(m.number(_INT)),
        b"\x8a": lambda m: m.stack.append(m.long(_BYTE)),
        b"\x8b": lambda m: m.stack.append(m.long(_LENGTH)),
        b"F": lambda m: m.stack.append(float(m.line())),
        # texts and bytes
        b"X": lambda m: m.stack.append(m.text(_LENGTH)),
        b"\x8d": lambda m: m.stack.append(m.text(_LENGTH8)),
        b"V": lambda m: m.stack.append(str(m.line(), "raw-unicode-escape")),
        # strings of Python 2
        b"U": lambda m: m.stack.append(m.text(_BYTE, "ascii")),
        b"T": lambda m: m.stack.append(m.text(_LENGTH, "ascii")),
        b"S": lambda m: m.stack.append(m.quoted()),
        b"C": lambda m: m.stack.append(m.next(m.number(_BYTE))),
        b"B": lambda m: m.stack.append(m.next(m.number(_LENGTH))),
        b"\x8e": lambda m: m.stack.append(m.next(m.number(_LENGTH8))),
        b"\x96": lambda m: m.stack.append(bytearray(m.next(m.number(_LENGTH8)))),
        # containers
        b"]": lambda m: m.stack.append([]),
        b"l": lambda m: m.stack.append(m.above_mark()),
        b"a": lambda m: m.append(m.last(1)),
        b"e": lambda m: m.append(m.above_mark()),
        b"d": lambda m: m.set_items(m.above_mark(), {}),
        b"s": lambda m: m.set_items(m.last(2)),
        b"u": lambda m: m.set_items(m.above_mark()),
        b"\x8f": lambda m: m.stack.append(set()),
        b"\x90": lambda m: m.add(m.above_mark()),
        b"\x91": lambda m: m.frozen(m.above_mark()),
        b")": lambda m: m.stack.append(()),
        b"\x85": lambda m: m.stack.append(tuple(m.last(1))),
        b"\x86": lambda m: m.stack.append(tuple(m.last(2))),
        b"\x87": lambda m: m.stack.append(tuple(m.last(3))),
        b"t": lambda m: m.stack.append(tuple(m.above_mark())),
        # the memory
        b"q": lambda m: m.put(m.number(_BYTE)),
        b"r": lambda m: m.put(m.number(_LENGTH)),
        b"p": lambda m: m.put(int(m.line())),
        b"g": lambda m: m.get(int(m.line())),
        # names
        b"c": lambda m: m.name(m.line().decode(), m.line().decode()),
        b"\x93": lambda m: m.name(*m.last(2)),
        b"R": lambda m: m.call(lambda function, arguments: function(*arguments)),
        b"\x81": lambda m: m.call(_new),
        b"b": lambda m: m.build(),
        b"P": lambda m: m.outside(),
        b"Q": lambda m: m.outside(),
        # the frame around
        b"\x80": lambda m: m.protocol(),
        b"\x95": lambda m: m.next(8),
    }.items()
}
"""Opcode -> what it does; the frequent ones are in `run`. Left out: POP, DUP, INST, OBJ, EXT, NEWOBJ_EX, buffers."""

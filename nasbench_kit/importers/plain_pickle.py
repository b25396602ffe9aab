"""Pickles read as data: lists, dictionaries, strings, numbers, and nothing that is code.

A pickle is a program for a small machine. This is that machine without the instructions that data do not need, and
with no way to the names of Python: it calls what it is given by `allowed` and nothing else. What a pickle may cost is
bounded by its size: lengths and numbers of slots are checked before memory is taken, and what refers to itself, or
unfolds to much more than the pickle holds, is refused.

Source: the opcodes of protocols 0 to 5 are documented in CPython's `Lib/pickletools.py`.
"""

from __future__ import annotations

import codecs
import io
import mmap
import struct
from collections.abc import Callable, Mapping
from typing import IO, Any, final

from nasbench_kit.errors import ImportDataError

_SPARE = 1_000_000  # shared parts may unfold to so many more items than the pickle has bytes
_WALKS = 100  # this often the whole of a pickle may be looked at
_DEEPEST = 100  # tuples within tuples: hashing is recursive
_BYTE, _SHORT, _INT, _LENGTH, _LENGTH8 = (struct.Struct(code) for code in ("<B", "<H", "<i", "<I", "<Q"))
_FLOAT = struct.Struct(">d")
_CONTAINERS = (list, dict, set, frozenset, tuple)
_STOP = ord(".")


def read_plain_pickle(file: IO[bytes], name: str, allowed: Mapping[tuple[str, str], Any] | None = None) -> Any:
    """The data in a pickle.

    Args:
        file: Where to read from; left after the first pickle in it.
        name: What to call it in errors.
        allowed: (module, name) -> what stands for it; nothing by default. A function is called with whatever the pickle
            says, so let it check that; an object of a class is given its state by the class's own `__setstate__`.

    Raises:
        ImportDataError: It names anything else, is damaged, hostile, or no pickle.
    """
    try:
        data, start = _contents(file)
        machine = _Machine(data, start, allowed or {})
        made = machine.run()
        file.seek(machine.position - start, io.SEEK_CUR)
    except ImportDataError as error:
        raise ImportDataError(f"{name}: {error}") from None
    except Exception as error:  # damaged bytes make it raise nearly anything
        what = f"{type(error).__name__}: {error}"
        raise ImportDataError(f"{name} is no readable pickle ({what:.200})") from None
    return made


def _contents(file: IO[bytes]) -> tuple[bytes | mmap.mmap, int]:
    """The bytes of a file, mapped where it is one on disk, and where in them it stands; its position stays the same."""
    position = file.tell()
    if isinstance(file, io.BytesIO):
        return file.getvalue(), position
    if isinstance(file, io.BufferedReader) and isinstance(file.raw, io.FileIO):
        if file.seek(0, io.SEEK_END):
            file.seek(position)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), position
        return b"", 0
    data = file.read()
    file.seek(position)
    return data, 0


@final
class _Machine:
    """A stack, a memory, and where in the pickle one is."""

    def __init__(self, data: bytes | mmap.mmap, start: int, allowed: Mapping[tuple[str, str], Any]) -> None:
        self.data = data
        self.position = start
        self.most = len(data) - start + _SPARE
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}
        self.allowed = allowed
        self.callable = {id(value) for value in allowed.values() if callable(value)}
        self.classes = {value for value in allowed.values() if isinstance(value, type)}
        self.nested: dict[int, tuple[Any, int, int]] = {}  # id of a tuple of tuples -> it, unfolded size, depth
        self.shares = False  # whether some container stands in several places
        self.walked = 0  # items looked at to find out how large that is

    def run(self) -> Any:
        """Execute up to the STOP instruction."""
        data, stack, push, memory = self.data, self.stack, self.stack.append, self.memory
        unpack_float, unpack_short, operations = _FLOAT.unpack_from, _SHORT.unpack_from, _OPERATIONS
        position = self.position
        while True:
            opcode = data[position]
            position += 1
            if opcode == 0x47:  # G, BINFLOAT; results are made of these five, so they do without a call
                push(unpack_float(data, position)[0])
                position += 8
            elif opcode == 0x94:  # MEMOIZE
                memory[len(memory)] = stack[-1]
            elif opcode == 0x8C:  # SHORT_BINUNICODE
                start, position = position + 1, position + 1 + data[position]
                push(str(data[start:position], "utf-8", "surrogatepass"))
            elif opcode == 0x4B:  # K, BININT1
                push(data[position])
                position += 1
            elif opcode == 0x4D:  # M, BININT2
                push(unpack_short(data, position)[0])
                position += 2
            elif opcode == _STOP:
                break
            else:
                operation = operations.get(opcode)
                if operation is None:
                    raise ValueError(f"the instruction {opcode:#04x} is none that plain data need")
                self.position = position
                operation(self)
                position = self.position
        self.position = position
        made = self.stack.pop()
        self.check_unfolded(made)
        return made

    # ---- what is read ----

    def take(self, length: int) -> bytes:
        start, self.position = self.position, self.position + length
        if self.position > len(self.data):
            raise EOFError(f"{length:,} bytes expected at {start:,}, where it ends after {len(self.data):,}")
        return self.data[start : self.position]

    def number(self, layout: struct.Struct) -> int:
        (number,) = layout.unpack(self.take(layout.size))
        return int(number)

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise EOFError("a line without end")
        return self.take(end + 1 - self.position)[:-1]

    def text(self, layout: struct.Struct) -> str:
        return str(self.take(self.number(layout)), "utf-8", "surrogatepass")

    def ascii(self, layout: struct.Struct) -> str:
        return str(self.take(self.number(layout)), "ascii")  # a string of Python 2

    def quoted(self) -> str:
        line = self.line().strip()
        if len(line) < len("''") or line[:1] not in b"'\"" or line[:1] != line[-1:]:
            raise ImportDataError("the pickle holds a string without quotes")
        return codecs.escape_decode(line[1:-1])[0].decode("ascii")

    def integer(self) -> int | bool:
        line = self.line()
        return line == b"01" if line in (b"00", b"01") else int(line)

    def long(self, layout: struct.Struct) -> int:
        return int.from_bytes(self.take(self.number(layout)), "little", signed=True)

    # ---- the memory ----

    def put(self, index: int) -> None:
        if not 0 <= index <= len(self.data):
            raise ImportDataError(f"the pickle puts something into slot {index:,}; it has {len(self.data):,} bytes")
        self.memory[index] = self.stack[-1]

    def get(self, index: int) -> None:
        found = self.memory[index]
        self.shares = self.shares or isinstance(found, _CONTAINERS)
        self.stack.append(found)

    # ---- containers ----

    def above_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def last(self, n: int) -> list[Any]:
        items = self.stack[-n:]
        if len(items) < n:
            raise ImportDataError("the pickle takes more than it has put")
        del self.stack[-n:]
        return items

    def tuple(self, items: list[Any]) -> None:
        """Make a tuple whose hash costs no more than reading the pickle did."""
        made = tuple(items)
        inner = [item for item in items if type(item) is tuple]
        if inner:
            known = [self.nested.get(id(item), (None, len(item), 1)) for item in inner]
            size, depth = len(items) + sum(one[1] for one in known), 1 + max(one[2] for one in known)
            if size > self.most or depth > _DEEPEST:
                raise ImportDataError("the pickle holds tuples in tuples without end, which no plain data do")
            self.nested[id(made)] = (made, size, depth)
        self.stack.append(made)

    def dictionary(self, items: list[Any]) -> None:
        self.stack.append({})
        self.set_items(self.stack[-1], items)

    def set_items(self, target: Any, items: list[Any]) -> None:
        if not isinstance(target, dict) or len(items) % 2:
            raise ImportDataError(f"the pickle sets items of a {type(target).__name__}, or a key without value")
        for i in range(0, len(items), 2):
            target[items[i]] = items[i + 1]

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ImportDataError(f"the pickle appends to a {type(target).__name__}")
        target.extend(items)

    def add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, set):
            raise ImportDataError(f"the pickle adds to a {type(target).__name__}")
        target.update(items)

    # ---- names, and what is done with them ----

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ImportDataError("the pickle asks for a name that is no text; it was not executed")
        if (module, name) not in self.allowed:
            raise ImportDataError(
                f"the pickle asks for {module:.60}.{name:.60}, which is no plain data; it was not executed"
            )
        self.stack.append(self.allowed[module, name])

    def call(self, make: Callable[[Any, Any], Any]) -> None:
        function, arguments = self.last(2)
        if id(function) not in self.callable or type(arguments) is not tuple:
            raise ImportDataError(f"the pickle calls a {type(function).__name__}; it was not executed")
        self.check_unfolded(arguments)
        self.stack.append(make(function, arguments))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) not in self.classes or not hasattr(type(target), "__setstate__"):
            raise ImportDataError(f"the pickle sets the state of a {type(target).__name__}; it was not executed")
        self.check_unfolded(state)
        target.__setstate__(state)

    def outside(self) -> None:
        raise ImportDataError("the pickle refers to an object outside of it; it is not self-contained")

    # ---- what it unfolds to ----

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
            self.walked += len(one)
            if self.walked > _WALKS * self.most:
                raise ImportDataError("the pickle does the same too often, which no plain data need")
            inner = [item for item in _items_of(one) if isinstance(item, _CONTAINERS)]
            lacking = [item for item in inner if id(item) not in sizes]
            if lacking and id(one) in begun:
                raise ImportDataError("the pickle holds a container that holds itself, which no plain data do")
            if lacking:
                begun.add(id(one))
                waiting += lacking
                continue
            sizes[id(one)] = len(one) + sum(sizes[id(item)] for item in inner)
            if sizes[id(one)] > self.most:
                raise ImportDataError("the pickle unfolds to much more than it holds, which no plain data do")
            waiting.pop()


def _items_of(container: Any) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, dict) else list(container)


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
        b"L": lambda m: m.stack.append(int(m.line().rstrip(b"L"))),
        b"J": lambda m: m.stack.append(m.number(_INT)),
        b"\x8a": lambda m: m.stack.append(m.long(_BYTE)),
        b"\x8b": lambda m: m.stack.append(m.long(_LENGTH)),
        b"F": lambda m: m.stack.append(float(m.line())),
        # texts and bytes
        b"X": lambda m: m.stack.append(m.text(_LENGTH)),
        b"\x8d": lambda m: m.stack.append(m.text(_LENGTH8)),
        b"V": lambda m: m.stack.append(str(m.line(), "raw-unicode-escape")),
        b"U": lambda m: m.stack.append(m.ascii(_BYTE)),
        b"T": lambda m: m.stack.append(m.ascii(_LENGTH)),
        b"S": lambda m: m.stack.append(m.quoted()),
        b"C": lambda m: m.stack.append(m.take(m.number(_BYTE))),
        b"B": lambda m: m.stack.append(m.take(m.number(_LENGTH))),
        b"\x8e": lambda m: m.stack.append(m.take(m.number(_LENGTH8))),
        b"\x96": lambda m: m.stack.append(bytearray(m.take(m.number(_LENGTH8)))),
        # containers
        b"(": lambda m: m.marks.append(len(m.stack)),
        b"]": lambda m: m.stack.append([]),
        b"l": lambda m: m.stack.append(m.above_mark()),
        b"a": lambda m: m.append([m.stack.pop()]),
        b"e": lambda m: m.append(m.above_mark()),
        b"}": lambda m: m.stack.append({}),
        b"d": lambda m: m.dictionary(m.above_mark()),
        b"s": lambda m: m.set_items(m.stack[-3], m.last(2)),
        b"u": lambda m: m.set_items(m.stack[m.marks[-1] - 1], m.above_mark()),
        b"\x8f": lambda m: m.stack.append(set()),
        b"\x90": lambda m: m.add(m.above_mark()),
        b"\x91": lambda m: m.stack.append(frozenset(m.above_mark())),
        b")": lambda m: m.stack.append(()),
        b"\x85": lambda m: m.tuple(m.last(1)),
        b"\x86": lambda m: m.tuple(m.last(2)),
        b"\x87": lambda m: m.tuple(m.last(3)),
        b"t": lambda m: m.tuple(m.above_mark()),
        # the memory
        b"q": lambda m: m.put(m.number(_BYTE)),
        b"r": lambda m: m.put(m.number(_LENGTH)),
        b"p": lambda m: m.put(int(m.line())),
        b"h": lambda m: m.get(m.number(_BYTE)),
        b"j": lambda m: m.get(m.number(_LENGTH)),
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
        b"\x80": lambda m: m.take(1),
        b"\x95": lambda m: m.take(8),
    }.items()
}
"""Opcode -> what it does. Left out: POP, DUP, INST, OBJ, EXT, NEWOBJ_EX, buffers outside of the pickle."""

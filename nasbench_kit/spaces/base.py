"""What is the same for every search space: architectures are tuples of small integers, one per decision.

A batch of architectures is a `uint8` array of shape (n_archs, n_decisions). A concrete space adds its forms: how people
write its architectures down.
Numpy is imported where batches need it: single queries, and so the start of a process, do without.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate, chain
from math import fsum, prod
from operator import ge
from operator import index as as_int
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

from nasbench_kit.errors import ArchitectureError, NasbenchKitError, SettingError, check_generator, listed, unknown
from nasbench_kit.spaces.graph import Graph, GraphBatch
from nasbench_kit.spaces.literals import LONGEST_TEXT, python_literal
from nasbench_kit.spaces.splitmix import GOLDEN, MASK, mix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Arch = tuple[int, ...]
"""One architecture: the number of the choice taken at each decision."""

_MEMO_SIZE = 65_536  # texts remembered per space
_BLOCK = 512  # random numbers drawn at a time
MOST_IN_LOCKSTEP = 1 << 15  # architectures of a space in which many searches at once remember each
SAMPLES = 64  # architectures that `samples` draws at a time
MOST_RANKS = 2**63  # more architectures cannot be numbered by int64
READ_BY_DIGIT = 10**12
_CHUNK = 8_192  # architectures ranked at a time, so that the work stays in the processor's cache
_MOST_LISTED = 10**9  # architectures that `all_archs` gives
_MOST_DRAWS = 1_000  # by weights, before a valid architecture near the last draw is taken
_PLAIN = (tuple, list)
_EMPTY = ("", "none", "nan", "nat", "<na>")  # how no value reads: None, NaN, and what pandas has for them


class Uniform(Protocol):
    """What sampling and mutating need of a random generator; `numpy.random.Generator` is one."""

    def random(self) -> float:
        """A number uniform in [0, 1)."""
        ...


class DrawnAhead:
    """The numbers that `rng.random()` would give, at a fraction of the cost: drawn in blocks, so `rng` runs ahead."""

    def __init__(self, rng: np.random.Generator) -> None:
        blocks: Iterator[list[float]] = iter(lambda: rng.random(_BLOCK).tolist(), None)
        self.random = chain.from_iterable(blocks).__next__


class DrawnInLockstep:
    """`DrawnAhead` of many generators. Each draws its blocks when it needs them, whatever the others do."""

    def __init__(self, rngs: Sequence[np.random.Generator]) -> None:
        import numpy as np

        self._rngs = rngs
        self._ahead = np.empty((len(rngs), _BLOCK))
        self._first = np.arange(len(rngs)) * _BLOCK  # of each row, in the flat array
        self._next = self._first + _BLOCK  # likewise, up to `_end`
        self._end = self._next.copy()

    def __len__(self) -> int:
        return len(self._rngs)

    def random(self, n: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """The next `n` numbers of each generator, or of those at `rows`, each once: float64 (n_generators, n)."""
        import numpy as np

        every = slice(None) if rows is None else rows
        lacking = self._next[every] + n > self._end[every]
        if lacking.any():
            for row in (np.flatnonzero(lacking) if rows is None else rows[lacking]).tolist():
                self._fill(row, n)
        drawn: NDArray[np.float64] = self._ahead.ravel().take(self._next[every, None] + np.arange(n))
        self._next[every] += n
        return drawn

    def _fill(self, row: int, n: int) -> None:
        import numpy as np

        width = self._ahead.shape[1]
        at, end = int(self._next[row] - self._first[row]), int(self._end[row] - self._first[row])
        rng, left = self._rngs[row], self._ahead[row, at:end]
        blocks = [rng.random(_BLOCK) for _ in range(-(-(n - len(left)) // _BLOCK))]
        filled = np.concatenate([left, *blocks])
        if len(filled) > width:
            wider = np.empty((len(self._rngs), len(filled)))
            wider[:, :width] = self._ahead
            first = np.arange(len(wider)) * len(filled)
            self._next += first - self._first
            self._end += first - self._first
            self._ahead, self._first = wider, first
        self._ahead[row, : len(filled)] = filled
        self._next[row] = self._first[row]
        self._end[row] = self._first[row] + len(filled)


def _owner(kind: type, method: str) -> type:
    """The class whose method it is."""
    return next(each for each in kind.__mro__ if method in vars(each))


class Decision(NamedTuple):
    """One thing that an architecture of the space decides."""

    name: str  #: e.g. "0->1", an edge
    choices: tuple[str, ...]  #: e.g. the operations; an architecture holds positions in this tuple
    ordered: bool = False  #: whether the choices stand in a natural order, as widths and depths do


class Form(NamedTuple):
    """One way in which people write architectures down, as text or as objects."""

    read: Callable[[Any], Arch | None]
    """From anything to the architecture. None: it is of another form; what is of this one and wrong raises."""
    write: Callable[[Arch], str]  #: the text of one valid architecture
    example: str  #: a text of this form
    is_certain: Callable[[Any], bool] | None = None
    """Whether what `read` takes can be of no other form; else it is read only where this one is named. None: always."""
    write_many: Callable[[NDArray[np.uint8]], list[str]] | None = None
    """The texts of a batch (n_archs, n_decisions), where that is faster than one by one."""


class OfficialOrder(NamedTuple):
    """Where the architectures stand in the official release."""

    ranks: Callable[[], Sequence[int]]  #: the `rank` of the architecture at each position
    positions: Callable[[], Sequence[int]]  #: the position of the architecture of each `rank`


class Space:
    """A search space: its decisions, its forms, its neighborhoods.

    Args:
        name: The name that tables refer to.
        decisions: What an architecture decides, in order; each has 2 to 256 choices.
        forms: Name -> how `parse` and `format` read and write it; the first is the official one.

    Attributes:
        n_decisions: Length of an architecture.
        n_choices: Number of choices per decision.
        size: Number of architectures, isomorphic ones counted apart (and invalid ones, where the space has such).
        n_keys: How many architectures a table of the whole space holds; None where nobody has counted.
        n_classes: How many of them are left where those of one `identity` count once; None where nobody has counted.
        mutations: Ways to choose the decision that a mutation changes: its relative weight per decision.
    """

    #: What messages call an architecture of this space.
    noun = "architecture"

    #: Whether tables find an architecture by its `identity`, so that isomorphic ones share a row; else by its `rank`
    #: (or `identity`, where there are more than 2^63).
    keyed_by_identity = False

    #: The order of the official release, where it has one: then integers are read as positions in it.
    official_order: OfficialOrder | None = None

    def __init__(self, name: str, decisions: Iterable[Decision], forms: Mapping[str, Form]) -> None:
        self.name = name
        self.decisions = tuple(decisions)
        for decision in self.decisions:
            if not 2 <= len(decision.choices) <= 256:
                raise ArchitectureError(
                    f"decision {decision.name!r} has {len(decision.choices)} choices; it needs 2 to 256"
                )
        self.n_decisions = len(self.decisions)
        if not self.decisions:
            raise ArchitectureError(f"space {name!r} has no decisions; it needs at least one")
        self._place = {decision.name: i for i, decision in enumerate(self.decisions)}
        self.forms = forms
        self._official = next(iter(forms.values()))
        self._readers = [_where_certain(form) for form in forms.values()]
        self.n_choices = tuple(len(decision.choices) for decision in self.decisions)
        self._n_ranks = prod(self.n_choices)
        self.size = self._n_ranks
        self.n_keys: int | None = self.size
        self.n_classes: int | None = None
        self.mutations: dict[str, tuple[float, ...]] = {"uniform": (1.0,) * self.n_decisions}
        self._cumulative = _Cumulative(self)
        self._rank_of_text = _RankOfText(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name!r}: {self.n_decisions} decisions, {how_many(self.size)} architectures>"
        )

    @property
    def whole(self) -> Space:
        """The space that this one is a part of: itself, unless it is what was recorded of another."""
        return self

    # ---- forms ----

    @final
    def parse(self, arch: object, form: str | None = None) -> Arch:
        """One architecture from any form that users have.

        Args:
            arch: A text or object of one of `forms`; a sequence of integers; a mapping from decision name to choice, or
                its text as JSON; or, in spaces with an official order, an integer: the position in it.
            form: Read `arch` as this one of `forms`; needed where it could as well be of another.

        Raises:
            ArchitectureError: It has the wrong shape or a number out of range.
            UnknownNameError: It names an unknown operation, decision or form.
        """
        if form is not None:
            return self._parse_as(form, arch)
        given: Any = arch
        kind = type(given)
        if kind is not str:  # what needs no form is read at once
            if kind is tuple or kind is list:
                if len(given) == self.n_decisions:
                    return self._checked(given)
            elif kind is dict:
                if given.keys() == self._place.keys():
                    return self._parse_mapping(given)
            elif kind is int and self.official_order is not None:
                return self._at(given)
        for read in self._readers:
            found = read(arch)
            if found is not None:
                return found
        if isinstance(arch, str) and arch.lstrip().startswith("{"):
            return self.parse(_read_mapping(arch))
        if isinstance(arch, Mapping):
            return self._parse_mapping(arch)
        if isinstance(arch, str):
            self._refuse_ambiguous(arch)
            example = _shown(self._official.example)
            raise ArchitectureError(f"{_shown(arch)} is no {self.noun} of {self.name}; one looks like {example}")
        if isinstance(arch, Iterable):
            entries = list(arch)
            try:
                return self._checked(entries)
            except ArchitectureError:
                self._refuse_ambiguous(entries)
                raise
        try:
            if isinstance(arch, bool):
                raise TypeError
            index = as_int(arch)  # type: ignore[arg-type]
        except TypeError:
            raise ArchitectureError(
                f"{arch!r:.100} is no architecture of {self.name}; give a text like {_shown(self._official.example)}"
                f" or {self.n_decisions} integers"
            ) from None
        return self._at(index)

    def _at(self, index: int) -> Arch:
        ranks = self._order(index).ranks()
        if not 0 <= index < len(ranks):
            raise _no_index(index, len(ranks))
        return self.unrank(ranks[index])

    def _refuse_ambiguous(self, arch: object) -> None:
        """Say which forms it may be of, where it is of one that is read only when named."""
        maybe = [name for name, form in self.forms.items() if form.is_certain is not None and _reads(form, arch)]
        if maybe:
            raise ArchitectureError(
                f"{arch!r:.100} is read as {' or '.join(map(repr, maybe))} only where the form is named, as other forms"
                f" look the same and mean other architectures; give form={' or form='.join(map(repr, maybe))}"
                + self._as_choices(arch)
            )

    def _as_choices(self, arch: object) -> str:
        """What to write instead of a text of numbers, if they are those of the choices of this space."""
        if not isinstance(arch, str):
            return ""
        try:
            found = self._checked([int(number) for number in re.findall(r"\d{1,9}", arch)])
        except ArchitectureError:
            return ""
        return f"; if these are choices of {self.name}, write {_shown(self.format(found))}"

    def _parse_as(self, form: str, arch: object) -> Arch:
        known = self._form(form)
        found = known.read(arch)
        if found is None and isinstance(arch, str) and arch.lstrip().startswith("{"):
            found = known.read(_read_mapping(arch))
        if found is None:
            raise ArchitectureError(f"{arch!r:.100} is not of the form {form!r}, like {_shown(known.example)}")
        return found

    def _form(self, form: str) -> Form:
        if form not in self.forms:
            raise unknown("form", form, self.forms)
        return self.forms[form]

    def _parse_mapping(self, choices: Mapping[Any, Any]) -> Arch:
        for name in choices:
            if name not in self._place:
                raise unknown("decision", name, self._place)
        missing = [name for name in self._place if name not in choices]
        if missing:
            raise ArchitectureError(f"no choice for {listed(missing)}; an architecture of {self.name} decides all")
        found = tuple([self.choice(i, choices[name]) for name, i in self._place.items()])
        return found if self.is_valid(found) else self._checked(found)  # which says what is wrong

    @final
    def choice(self, i: int, value: object) -> int:
        """The choice that a value names, as a cell of somebody's table may hold it.

        Args:
            i: Which decision.
            value: The name of a choice; a number, which is the choice that is the same number (2.0, and the text "2.0",
                is the choice "2"); True or False; or nothing (None, NaN, an empty text), which is the choice named
                "none" or "".

        Returns:
            Its position among the choices of the decision.

        Raises:
            UnknownNameError: There is no such choice.
        """
        name, choices, _ = self.decisions[i]
        if type(value) is str:  # the usual case
            try:
                return choices.index(value)
            except ValueError:
                pass
        text = str(value).strip()
        if text in choices:
            return choices.index(text)
        same = [n for n, choice in enumerate(choices) if _means(text.lower(), choice.lower())]
        if len(same) == 1:
            return same[0]
        raise unknown(f"choice for {name!r}:", "nothing" if text.lower() in _EMPTY else text, choices)

    def _checked(self, arch: Iterable[Any]) -> Arch:
        if type(arch) in _PLAIN:  # the usual case, in a few steps; anything odd takes the way below
            try:
                codes = bytes(arch)
            except (TypeError, ValueError):
                codes = b""
            if len(codes) == self.n_decisions and not any(map(ge, codes, self.n_choices)):
                return tuple(codes)
        try:
            # 3.0 is accepted for 3: it is the same key of a dictionary, so where answers are remembered it must be
            numbers = tuple([int(n) if isinstance(n, float) and n.is_integer() else as_int(n) for n in arch])
        except TypeError:
            raise ArchitectureError(f"{arch!r} is no architecture: {self.n_decisions} integers expected") from None
        if len(numbers) != self.n_decisions:
            raise ArchitectureError(
                f"{numbers} has {len(numbers)} numbers; {self.name} has {self.n_decisions} decisions"
            )
        for number, decision in zip(numbers, self.decisions, strict=True):
            if not 0 <= number < len(decision.choices):
                raise _out_of_range(number, decision)
        return numbers

    @final
    def format(self, arch: Sequence[int], form: str | None = None) -> str:
        """The official text of one architecture, or another of `forms`.

        Raises:
            ArchitectureError: `arch` is none of this space.
            UnknownNameError: The form is unknown.
        """
        return (self._official if form is None else self._form(form)).write(self._checked(arch))

    @final
    def parse_many(self, archs: Any) -> NDArray[np.uint8]:
        """A batch from whatever form it has: an array (n_archs, n_decisions), or a sequence of what `parse` reads.

        So the numbers of a 1-D array are official positions.

        Returns:
            uint8 (n_archs, n_decisions). An array that already is one comes back as it is, not copied.

        Raises:
            ArchitectureError: Some entry is no architecture; or the batch could as well be a single architecture.
            UnknownNameError: As `parse`.
        """
        import numpy as np

        if isinstance(archs, np.ndarray) and archs.ndim == 2:
            return self._checked_batch(archs)
        if isinstance(archs, np.ndarray) and archs.ndim == 1 and archs.dtype.kind in "ui" and self.official_order:
            self._refuse_single(archs.tolist() if len(archs) == self.n_decisions else ())
            ranks = _as_array(self.official_order.ranks)
            if archs.size and (archs.min() < 0 or archs.max() >= len(ranks)):
                raise _no_index(int(archs[(archs < 0) | (archs >= len(ranks))][0]), len(ranks))
            return self.unrank_many(ranks[archs])
        if isinstance(archs, str | Mapping) or not isinstance(archs, Iterable) or getattr(archs, "ndim", 1) == 0:
            raise ArchitectureError(f"{archs!r} is one architecture, not a batch; put it in a list")
        if _begins_with_text(archs) and self._n_ranks <= MOST_RANKS:
            return self.unrank_many(self.rank_many(archs))
        archs = archs.tolist() if isinstance(archs, np.ndarray) else list(archs)
        self._refuse_single(archs)
        codes = b"".join([bytes(self.parse(arch)) for arch in archs])
        return np.frombuffer(codes, np.uint8).reshape(-1, self.n_decisions)

    def _refuse_single(self, archs: Sequence[Any]) -> None:
        """Positions that could be the choices of one architecture are more likely that, given by mistake."""
        import numpy as np

        if len(archs) == self.n_decisions and all(
            isinstance(number, int | np.integer) and 0 <= number < n
            for number, n in zip(archs, self.n_choices, strict=True)
        ):
            raise ArchitectureError(
                f"{tuple(map(int, archs))} is one architecture, or {len(archs)} official positions; put it in a list if"
                " it is one, parse the positions one by one if it is many"
            )

    def _checked_batch(self, archs: NDArray[Any]) -> NDArray[np.uint8]:
        import numpy as np

        if archs.dtype.kind not in "ui":
            raise ArchitectureError(f"an array of {archs.dtype} is no batch of architectures; integers expected")
        if archs.shape[1] != self.n_decisions:
            raise ArchitectureError(f"a batch of shape {archs.shape} does not fit {self.name}: (n, {self.n_decisions})")
        if archs.size and (archs.max() >= min(self.n_choices) or (archs.dtype.kind == "i" and archs.min() < 0)):
            wrong = (archs < 0) | (archs >= np.array(self.n_choices))
            if wrong.any():
                row, i = np.argwhere(wrong)[0]
                raise ArchitectureError(f"architecture {row}: {_out_of_range(archs[row, i], self.decisions[i])}")
        return archs.astype(np.uint8, copy=False)

    @final
    def format_many(self, archs: object, form: str | None = None) -> list[str]:
        """`format` of each architecture of a batch."""
        known = self._official if form is None else self._form(form)
        batch = self.parse_many(archs)
        if known.write_many is not None:
            return known.write_many(batch)
        return [known.write(tuple(arch)) for arch in batch.tolist()]

    @final
    def index(self, arch: Arch) -> int:
        """The position of one architecture in the official release.

        Raises:
            ArchitectureError: There is no official order.
        """
        return self._order().positions()[self.rank(self._checked(arch))]

    @final
    def index_many(self, archs: object) -> NDArray[np.int64]:
        """`index` for each architecture of a batch: int64 (n_archs,)."""
        return _as_array(self._order().positions)[self.rank_many(archs)]

    def _order(self, index: int | None = None) -> OfficialOrder:
        if self.official_order is None:
            sought = "" if index is None else f" to look {index} up in"
            raise ArchitectureError(f"{self.name} has no official order{sought}; give a text or a tuple")
        return self.official_order

    # ---- numbers ----

    def rank(self, arch: Arch) -> int:
        """The position of one (valid) architecture in lexicographic order, the first decision varying slowest."""
        rank = 0
        for choice, n in zip(arch, self.n_choices, strict=True):
            rank = rank * n + choice
        return rank

    def unrank(self, rank: int) -> Arch:
        """The tuple of choices at a lexicographic position: the inverse of `rank`.

        Raises:
            ArchitectureError: There are fewer.
        """
        choices = []
        left = rank
        for n in reversed(self.n_choices):
            left, choice = divmod(left, n)
            choices.append(choice)
        if left:
            raise self._no_rank(rank)
        return tuple(reversed(choices))

    def rank_many(self, archs: Any) -> NDArray[np.int64]:
        """`rank` for each architecture of a batch in any form: int64 (n_archs,).

        A text that was seen before costs one dictionary look-up.
        """
        import numpy as np

        if _begins_with_text(archs):
            try:
                return np.fromiter(map(self._rank_of_text.__getitem__, archs), np.int64, len(archs))
            except TypeError:  # lists among the texts are not hashable
                archs = [self.parse(arch) for arch in archs]
        batch = self.parse_many(archs)
        weights = self._rank_weights
        if self._n_ranks > 2**53:  # beyond the integers that float64 holds exactly
            return batch.astype(np.int64) @ weights
        # a matrix product in floating point is several times faster than one in integers, and exact up to here
        real: type[np.floating[Any]] = np.float32 if self._n_ranks <= 2**24 else np.float64
        real_weights = weights.astype(real)
        ranks = np.empty(len(batch), np.int64)
        for start in range(0, len(batch), _CHUNK):
            ranks[start : start + _CHUNK] = batch[start : start + _CHUNK].astype(real) @ real_weights
        return ranks

    def unrank_many(self, ranks: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """`unrank` for an array of positions: uint8 (n_archs, n_decisions)."""
        import numpy as np

        ranks = np.asarray(ranks, np.int64)
        if len(ranks) and not 0 <= ranks.min() <= ranks.max() < self._n_ranks:
            raise self._no_rank(int(ranks[(ranks < 0) | (ranks >= self._n_ranks)][0]))
        columns = ranks[:, None] // self._rank_weights
        return (columns % self._sizes).astype(np.uint8)

    def _no_rank(self, rank: int) -> ArchitectureError:
        return ArchitectureError(f"position {rank} is out of range; choose from 0 to {self._n_ranks - 1}")

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """`n_choices` as an array."""
        import numpy as np

        return np.array(self.n_choices)

    @cached_property
    def _rank_weights(self) -> NDArray[np.int64]:
        import numpy as np

        if self._n_ranks > MOST_RANKS:
            raise ArchitectureError(f"{self.name} has too many architectures to number in 64 bits: {self._n_ranks:.3g}")
        return np.array([prod(self.n_choices[i + 1 :]) for i in range(self.n_decisions)], np.int64)

    def all_archs(self) -> NDArray[np.uint8]:
        """Every architecture in lexicographic order: uint8 (size, n_decisions).

        Raises:
            ArchitectureError: They are too many to list.
        """
        import numpy as np

        self._refuse_to_list()
        return self.unrank_many(np.arange(self.size))

    def _refuse_to_list(self) -> None:
        if self.size > _MOST_LISTED:
            raise ArchitectureError(
                f"{self.name} has {how_many(self.size)} architectures, too many to list; draw some with"
                " sample_many(rng, n)"
            )

    def identity(self, archs: object) -> NDArray[np.uint64]:
        """A number per architecture, equal for those that compute the same function by construction.

        Where a space knows of no isomorphism, every architecture is its own class.

        Returns:
            uint64 (n_archs,): the smallest `rank` in the class. In spaces of more than 2^63 architectures a hash of the
            choices: two different ones agree with a probability of 2^-64.
        """
        import numpy as np

        if self._n_ranks > MOST_RANKS:
            return self.parse_many(archs).astype(np.uint64) @ np.array(_hash_weights(self.n_decisions), np.uint64)
        return self.rank_many(archs).astype(np.uint64)

    def class_of(self, arch: Arch) -> int:
        """`identity` of one (valid) architecture."""
        return self.key(arch) if self.keyed_by_identity else int(self.identity([arch])[0])

    def key(self, arch: Arch) -> int:
        """What a table finds one (valid) architecture by, without numpy: its `rank`, or its `identity`."""
        if self._n_ranks > MOST_RANKS:
            weights = _hash_weights(self.n_decisions)
            return sum(choice * weight for choice, weight in zip(arch, weights, strict=True)) % 2**64
        return self.rank(arch)

    def key_many(self, archs: object) -> NDArray[np.uint64]:
        """`key` for each architecture of a batch: uint64 (n_archs,)."""
        import numpy as np

        by_identity = self.keyed_by_identity or self._n_ranks > MOST_RANKS
        return self.identity(archs) if by_identity else self.rank_many(archs).astype(np.uint64)

    def is_valid(self, arch: Arch) -> bool:
        """Whether one tuple of choices is an architecture; in spaces without constraints all are."""
        return True

    def one_hot(self, archs: object) -> NDArray[np.uint8]:
        """One column per decision and choice, 1 where it is taken; injective.

        Returns:
            uint8 (n_archs, sum of n_choices).
        """
        import numpy as np

        batch = self.parse_many(archs)
        columns = batch + np.concatenate([[0], np.cumsum(self.n_choices)[:-1]])
        encoded = np.zeros((len(batch), sum(self.n_choices)), np.uint8)
        np.put_along_axis(encoded, columns, 1, axis=1)
        return encoded

    # ---- graphs ----

    def graphs(self, arch: Arch) -> dict[str, Graph]:
        """The graph of each cell of one architecture, as papers draw it: cell name -> graph.

        Where a space says nothing else: a chain of its decisions.
        """
        labels = [f"{decision.name}: {decision.choices[n]}" for decision, n in zip(self.decisions, arch, strict=True)]
        return {"network": Graph.chain(("input", *labels, "output"))}

    def graph_many(self, archs: object) -> GraphBatch:
        """A batch as graphs whose nodes carry the operations: what graph neural networks and path encodings read.

        Operations on edges become nodes. Where a space says nothing else: a chain of its decisions, each choice an
        operation of its own.
        """
        import numpy as np

        batch = self.parse_many(archs)
        labels = [f"{decision.name}: {choice}" for decision in self.decisions for choice in decision.choices]
        first = 2 + np.concatenate([[0], np.cumsum(self.n_choices)[:-1]])
        n_nodes = self.n_decisions + 2
        nodes = np.ones((len(batch), n_nodes), np.int16)
        nodes[:, 0] = 0
        nodes[:, 1:-1] = batch + first
        adjacency = np.zeros((len(batch), n_nodes, n_nodes), np.uint8)
        adjacency[:, range(n_nodes - 1), range(1, n_nodes)] = 1
        return GraphBatch(("input", "output", *labels), nodes, adjacency)

    # ---- search ----

    @property
    def is_product(self) -> bool:
        """Whether every tuple of choices is an architecture, and is sampled, mutated and has neighbors as such.

        Then each sample, or mutation, takes as many random numbers as any other, and all have as many neighbors.
        """
        return all(getattr(type(self), name) is getattr(Space, name) for name in ("sample", "mutate", "neighbors"))

    def sample(self, rng: Uniform) -> Arch:
        """One architecture, each choice uniform."""
        try:
            return tuple([int(rng.random() * n) for n in self.n_choices])
        except AttributeError:
            check_generator(rng)
            raise

    def sample_from(self, weights: Sequence[Sequence[float]], rng: Uniform) -> Arch:
        """One architecture, drawn by the weights of the choices at each decision, which are positive.

        Its probability is proportional to the product of the weights of its choices: what is no architecture is drawn
        again. After a thousand draws in vain, one near the last is given.
        """
        check_generator(rng)
        for _ in range(_MOST_DRAWS):
            arch = tuple([_choose(row, rng.random()) for row in weights])
            if self.is_valid(arch):
                return arch
        return self.nearest(arch, rng)

    def nearest(self, choices: Sequence[int], rng: Uniform) -> Arch:
        """The architecture for any tuple of choices: it is one itself, where a space has no constraints.

        Args:
            choices: One for each decision.
            rng: Decides between architectures that are equally near.

        Raises:
            ArchitectureError: Their number is wrong, or one is out of range.
        """
        return self._checked(choices)

    def sample_many(self, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
        """The `n` architectures that as many calls of `sample` would give: uint8 (n, n_decisions)."""
        check_generator(rng)
        return self.sampled(rng.random((n, self.n_decisions)))

    def sampled(self, drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
        """What `sample` makes of the numbers that it draws: uint8 (..., n_decisions). Of a product of choices."""
        return (drawn * self._sizes).astype("uint8")

    def samples(self, rng: np.random.Generator) -> Iterator[Arch]:
        """`sample` without end, drawn in blocks: a few times as fast; `rng` runs ahead of what was taken."""
        return chain.from_iterable(iter(lambda: map(tuple, self.sample_many(rng, SAMPLES).tolist()), None))

    def mutate(self, arch: Arch, rng: Uniform, mutation: str = "uniform") -> Arch:
        """One decision changed to another choice, uniform among the others.

        Args:
            arch: The parent; it is not changed.
            rng: Source of randomness.
            mutation: One of `mutations`: how the decision is chosen.
        """
        try:
            decision = bisect_right(self._cumulative[mutation], rng.random())
        except AttributeError:
            check_generator(rng)
            raise
        n = self.n_choices[decision]
        choice = (arch[decision] + 1 + int(rng.random() * (n - 1))) % n
        return arch[:decision] + (choice,) + arch[decision + 1 :]  # noqa: RUF005 (twice as fast as unpacking)

    def mutate_many(self, archs: object, rng: np.random.Generator, mutation: str = "uniform") -> NDArray[np.uint8]:
        """The children that as many calls of `mutate`, in order, would give: uint8 (n_archs, n_decisions)."""
        parents = self.parse_many(archs)
        check_generator(rng)
        return self.mutated(parents, rng.random((len(parents), 2)), mutation)

    def mutated(
        self, parents: NDArray[np.uint8], drawn: NDArray[np.float64], mutation: str = "uniform"
    ) -> NDArray[np.uint8]:
        """What `mutate` makes of each parent and the two numbers that it draws. Of a product of choices.

        Args:
            parents: (n_archs, n_decisions).
            drawn: (n_archs, 2).
            mutation: As in `mutate`.
        """
        import numpy as np

        children = parents.copy()
        rows = np.arange(len(children))
        decisions = np.searchsorted(self._cumulative[mutation], drawn[:, 0], side="right")
        n = self._sizes[decisions]
        shift = 1 + (drawn[:, 1] * (n - 1)).astype(np.int64)
        children[rows, decisions] = (children[rows, decisions] + shift) % n
        return children

    @property
    def draws_in_lockstep(self) -> bool:
        """Whether `sampled_each` and `mutated_each` are there: classes that override `sample` or `mutate` need own."""
        pairs = (("sample", "sampled_each"), ("mutate", "mutated_each"))
        return all(_owner(type(self), one) is _owner(type(self), each) for one, each in pairs)

    def sampled_each(self, drawn: DrawnInLockstep) -> NDArray[np.uint8]:
        """What `sample` gives with each of many generators: uint8 (n_generators, n_decisions)."""
        return self.sampled(drawn.random(self.n_decisions))

    def mutated_each(
        self, parents: NDArray[np.uint8], drawn: DrawnInLockstep, mutation: str = "uniform"
    ) -> NDArray[np.uint8]:
        """What `mutate` makes of each parent (n_generators, n_decisions) with a generator of its own."""
        return self.mutated(parents, drawn.random(2), mutation)

    def neighbors(self, arch: Arch) -> list[Arch]:
        """All architectures that differ in exactly one decision, in order of decision, then choice."""
        return self._single_changes(self._checked(arch))

    def _single_changes(self, arch: Arch) -> list[Arch]:
        return [
            (*arch[:i], choice, *arch[i + 1 :])
            for i, n in enumerate(self.n_choices)
            for choice in range(n)
            if choice != arch[i]
        ]

    def neighbors_many(self, archs: object) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        """`neighbors` of each architecture of a batch: uint8 (n_archs, n_neighbors, n_decisions).

        Where not all have as many, a list with an array (n_neighbors, n_decisions) for each.
        """
        import numpy as np

        batch = self.parse_many(archs)
        decisions = np.repeat(np.arange(self.n_decisions), np.array(self.n_choices) - 1)
        nth = np.concatenate([np.arange(n - 1) for n in self.n_choices])  # n-th other choice of its decision
        found = np.repeat(batch[:, None, :], len(decisions), axis=1)
        found[:, np.arange(len(decisions)), decisions] = nth + (nth >= batch[:, decisions])
        return found


def check_is_space(space: object) -> None:
    """Refuse a name, a class or a benchmark in place of a space.

    Raises:
        SettingError: It is none.
    """
    if not isinstance(space, Space):
        raise SettingError(f"space={space!r:.80}; a space expected, like nasbench_kit.spaces.NASBench201Space()")


class _RankOfText(dict[str, int]):
    """Texts met so far -> rank. A text that cannot be parsed raises and is not kept."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __missing__(self, text: str) -> int:
        rank = self._space.rank(self._space.parse(text))
        if isinstance(text, str):
            if len(self) >= _MEMO_SIZE:
                self.clear()
            self[text] = rank
        return rank


class _Cumulative(dict[str, tuple[float, ...]]):
    """Mutation -> per decision, the probability that it or an earlier one is changed; filled when first needed."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __missing__(self, mutation: str) -> tuple[float, ...]:
        if mutation not in self._space.mutations:
            raise unknown("mutation", mutation, self._space.mutations)
        weights = self._space.mutations[mutation]
        *inner, _ = accumulate(weight / fsum(weights) for weight in weights)
        self[mutation] = (*inner, 1.0)
        return self[mutation]


@cache
def _hash_weights(n: int) -> tuple[int, ...]:
    """What each decision counts in the hash of an architecture: tables hold such hashes, so these never change.

    Odd numbers of 64 random-looking bits: SplitMix64 from 0.
    """
    return tuple(mix(i * GOLDEN & MASK) | 1 for i in range(n))


def how_many(n: int) -> str:
    """A number of architectures for people: digit by digit, or as a power of ten where nobody would read them."""
    return f"{n:,}" if n < READ_BY_DIGIT else f"about 10^{len(str(n)) - 1}"


def _choose(weights: Sequence[float], at: float) -> int:
    """The choice where `at`, in [0, 1), falls among cumulative weights."""
    edges = list(accumulate(weights))
    return min(bisect_right(edges, at * edges[-1]), len(edges) - 1)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


def _where_certain(form: Form) -> Callable[[Any], Arch | None]:
    """The reader for what may be of any form."""
    if form.is_certain is None:
        return form.read
    return lambda arch: form.read(arch) if form.is_certain(arch) else None  # type: ignore[misc]


def never(arch: object) -> bool:
    """For `Form.is_certain`: it is read only where it is named."""
    return False


def _reads(form: Form, arch: object) -> bool:
    try:
        return form.read(arch) is not None
    except NasbenchKitError:
        return False


def _read_mapping(text: str) -> Mapping[Any, Any]:
    """The dictionary in a text that begins with a brace: JSON, or as Python prints it."""
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"{len(text):,} characters; at most {LONGEST_TEXT:,} expected")
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            read = python_literal(text.strip())
        except ArchitectureError:
            read = None
        if not isinstance(read, dict):
            raise ArchitectureError(f"{text!r:.100} is no JSON object ({error!s:.60})") from None
    return read


def _means(text: str, choice: str) -> bool:
    """Whether a text that is no name of a choice means this one, both in small letters."""
    if text in _EMPTY:
        return choice in ("", "none")
    try:
        return text == choice or float(text) == float(choice)
    except (ValueError, OverflowError):
        return False


@cache
def _as_array(numbers: Callable[[], Sequence[int]]) -> NDArray[np.int64]:
    import numpy as np

    return np.array(numbers(), np.int64)


def _no_index(index: int, n: int) -> ArchitectureError:
    return ArchitectureError(f"official index {index} is out of range; choose from 0 to {n - 1}")


def _begins_with_text(archs: object) -> bool:
    return isinstance(archs, list | tuple) and len(archs) > 0 and isinstance(archs[0], str)


def _out_of_range(number: int, decision: Decision) -> ArchitectureError:
    choices = listed(f"{i} {choice}" for i, choice in enumerate(decision.choices))
    return ArchitectureError(f"choice {number} of decision {decision.name!r} is out of range; choose from {choices}")

"""Rules of several benchmarks in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


_MOST_PLACES = 3  # in which captions of several benchmarks may differ, and are still put into one


def in_one(sentences: Iterable[str]) -> str:
    """Several sentences, in one where they differ in few words, such as the budget."""
    different = list(dict.fromkeys(sentences))
    words = [sentence.split(" ") for sentence in different]
    if len({len(each) for each in words}) == 1:
        columns = [column if len(set(column)) > 1 else column[:1] for column in zip(*words, strict=True)]
        n_differ = sum(len(column) > 1 for column in columns)
        if n_differ == 1:  # of several places the first words belong together, and so on
            columns = [tuple(dict.fromkeys(column)) for column in columns]
        if n_differ <= _MOST_PLACES:
            return " ".join(map(_choice, columns))
    return " ".join(different)


def _choice(words: Sequence[str]) -> str:
    """Words that stand in the same place, with what ends all of them once at the end."""
    stops = {word[-1:] for word in words} & {".", ",", ";"}
    stop = stops.pop() if len(stops) == 1 and len({word[-1:] for word in words}) == 1 else ""
    return " / ".join(word.removesuffix(stop) for word in words) + stop

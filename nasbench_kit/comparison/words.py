"""What is said of several benchmarks, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel

_MOST_PLACES = 3  # in which captions of several benchmarks may differ, and are still put into one


def in_words(panels: Mapping[str, Panel]) -> str:
    """How the runs of several panels were made, for captions: their rules, and which are those of an archive."""
    said = (
        in_one({title: panel.in_words for title, panel in panels.items()}),
        in_one({title: panel.archive_in_words for title, panel in panels.items()}),
    )
    return " ".join(filter(None, said))


def in_one(sentences: Mapping[str, str]) -> str:
    """What is said of each benchmark, once where it is the same; else with the names of those that it is said of.

    Sentences that differ in few words, such as the budget, are put into one.

    Args:
        sentences: Title of a benchmark -> what is said of it; empty for nothing.
    """
    names = _short(list(sentences))
    alike: dict[int, dict[str, list[str]]] = {}  # number of words -> sentence -> of whom
    for name, sentence in zip(names, sentences.values(), strict=True):
        alike.setdefault(len(sentence.split()), {}).setdefault(sentence, []).append(name)
    found = [one for group in alike.values() for one in _merged(group) if one[0]]
    if len(found) == 1 and len(found[0][1]) == len(names):
        return found[0][0]
    return " ".join(f"On {_and(some)}: {said}" for said, some in found)


def _merged(group: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    """Sentences of as many words, and of whom each is said: one if they differ in few places."""
    places = list(zip(*(sentence.split() for sentence in group), strict=True))
    if sum(len(set(words)) > 1 for words in places) > _MOST_PLACES:
        return list(group.items())
    said = " ".join(_choice(words, list(group.values())) for words in places)
    return [(said, [name for some in group.values() for name in some])]


def _choice(words: Sequence[str], names: Sequence[list[str]]) -> str:
    """The words that stand in one place, each with whom it is said of, and with what ends all of them at the end."""
    said: dict[str, list[str]] = {}
    for word, some in zip(words, names, strict=True):
        said.setdefault(word, []).extend(some)
    if len(said) == 1:
        return words[0]
    last = {word[-1] for word in said}
    stop = last.pop() if len(last) == 1 and last <= {".", ",", ";"} else ""
    return " / ".join(f"{word.removesuffix(stop)} ({', '.join(some)})" for word, some in said.items()) + stop


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _short(titles: Sequence[str]) -> list[str]:
    """Without the name of the results, where all have the same."""
    same = len({title.partition("/")[0] for title in titles}) == 1 and len(titles) > 1
    return [title.partition("/")[2] if same else title for title in titles]

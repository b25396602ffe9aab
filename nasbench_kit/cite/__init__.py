"""What to cite: the papers behind benchmarks, optimizers, protocols and libraries, as BibTeX.

`references.bib` holds the entries. Nothing names their keys: what has a paper names it by its link (in the first line
of an optimizer's module, in the citation of a table or surrogate, in the source of a protocol), and that is where an
entry is found by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench_kit.benchmark import open_results
from nasbench_kit.catalog import list_results
from nasbench_kit.errors import StudyError
from nasbench_kit.optimizers import OPTIMIZERS, is_own, is_recorded, needs_of
from nasbench_kit.optimizers.inner import searches_of
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.study.running import open_same

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Results
    from nasbench_kit.protocols import Protocol
    from nasbench_kit.study import Study
    from nasbench_kit.study.configuration import Configuration

ALWAYS = ("nasbench_kit", "numpy")
"""Keys of what every study uses."""

_ENTRY = re.compile(r"^@(\w+)\{([^,\s]+),\n(.*?)\n\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},?$", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s,;}]+")


class Entry(NamedTuple):
    """One publication."""

    kind: str  #: such as "article"
    key: str
    fields: Mapping[str, str]
    text: str  #: as BibTeX reads it


class Used(NamedTuple):
    """Something that was used."""

    name: str  #: of a benchmark, optimizer, protocol or library
    keys: tuple[str, ...]  #: of what to cite for it; none where nothing is known
    citation: str = ""  #: what it asks to be cited, in its own words


@cache
def entries() -> dict[str, Entry]:
    """Key -> entry, of all that are known."""
    text = files(__name__).joinpath("references.bib").read_text(encoding="utf-8")
    found = [Entry(one[1], one[2], dict(_FIELD.findall(one[3])), one[0]) for one in _ENTRY.finditer(text)]
    return {entry.key: entry for entry in found}


def keys_in(text: str) -> tuple[str, ...]:
    """Keys of the entries that a text names: by a link, a title, or, of two authors, as `Storn and Price 1997`."""
    links = set(_links(text))
    return tuple([key for key, entry in entries().items() if _is_named(entry, text, links)])


def _links(text: str) -> list[str]:
    return [link.rstrip(".:") for link in _LINK.findall(text)]


def _is_named(entry: Entry, text: str, links: set[str]) -> bool:
    if not links.isdisjoint(_links(entry.text)):
        return True
    families = [author.partition(",")[0] for author in entry.fields["author"].split(" and ")]
    pair = f"{' and '.join(families)} {entry.fields.get('year')}"
    return (len(families) == 2 and pair in text) or _plain(entry.fields["title"]) in text


def _plain(title: str) -> str:
    return title.translate({ord(brace): None for brace in "{}"})


# ---- what was used ----


def of_results(results: Results) -> Used:
    """A table or a surrogate."""
    citation = str(results.about.get("citation") or "")
    return Used(results.name, keys_in(citation), citation)


def of_protocol(protocol: Protocol) -> Used:
    """A published protocol."""
    return Used(protocol.name, keys_in(protocol.source), protocol.source)


def of_optimizer(name: str, settings: Mapping[str, Any] | None = None) -> list[Used]:
    """An optimizer, the one that runs inside it, if one does, and the packages that these need.

    One's own is not imported, and what was recorded elsewhere is not here: nothing is known of them.

    Raises:
        UnknownNameError: There is none of this name.
    """
    prefix = name.partition(":")[0]
    if is_own(name) or is_recorded(name):
        return [Used(name, ())]
    if prefix in LIBRARIES:  # which need not be installed
        return [_documented(name, f"{import_module('nasbench_kit.optimizers.libraries').__name__}.{prefix}")]
    used = []
    for inner, made, _ in searches_of(name, settings or {}):
        used += [_documented(inner, made.__module__)] if inner in OPTIMIZERS else of_optimizer(inner)
        packages = [need.partition(":")[2] for need in needs_of(made) if need.startswith("package:")]
        used += [Used(package, (package,)) for package in packages if package in entries()]
    return used


def _documented(name: str, module: str) -> Used:
    line = (import_module(module).__doc__ or "").partition("\n")[0]
    return Used(name, keys_in(line), line)


def of_study(study: Study) -> list[Used]:
    """All that the runs of a study used: benchmarks, optimizers, and the protocols whose rules they keep to."""
    used: list[Used] = []
    for key in study.configurations():
        used += [_of_benchmark(key), *of_optimizer(key.optimizer, key.settings)]
        used += [of_protocol(protocol) for protocol in PROTOCOLS.values() if _keeps_to(key, protocol)]
    return list(dict.fromkeys(used))


def _of_benchmark(key: Configuration) -> Used:
    name = key.benchmark.partition("/")[0]
    try:
        return of_results(open_same(key))
    except StudyError:  # another version of it says the same
        known = list_results()
        return of_results(open_results(known[name])) if name in known else Used(name, ())


def _keeps_to(key: Configuration, protocol: Protocol) -> bool:
    """Whether a protocol says so of this optimizer, on this benchmark, with these settings and rules."""
    is_there = any(
        name == key.optimizer and dict(settings).items() <= dict(key.settings).items()
        for name, settings in protocol.optimizers.values()
    )
    return is_there and any(
        (setup.benchmark, setup.constraints, setup.objectives) == (key.benchmark, key.constraints, key.objectives or ())
        and setup.rules == replace(key.rules, costs=setup.rules.costs)
        for setup in protocol.setups
    )


def bibliography(used: Iterable[Used]) -> Iterator[tuple[Entry, list[str]]]:
    """What to cite, each once, with the names of what it is cited for; this package and numpy first.

    What has a citation of its own that no entry is known for, such as a table of yours, becomes an entry of it.
    """
    known = entries()
    cited: dict[str, list[str]] = {key: [] for key in ALWAYS}
    own: dict[str, Entry] = {}
    for name, keys, citation in used:
        if citation and not keys:
            own[name] = _own_entry(name, citation)
            keys = (name,)
        for key in keys:
            cited.setdefault(key, []).append(name)
    for key, names in cited.items():
        yield own.get(key) or known[key], list(dict.fromkeys(names))


def _own_entry(name: str, citation: str) -> Entry:
    key = re.sub(r"[^A-Za-z0-9_.:-]", "_", name)
    fields = {"title": _escaped(name), "note": _escaped(citation)}
    lines = ",\n".join(f"  {field} = {{{value}}}" for field, value in fields.items())
    return Entry("misc", key, fields, f"@misc{{{key},\n{lines}\n}}")


def _escaped(text: str) -> str:
    """A text as LaTeX reads it, with its links as such."""
    parts = re.split(r"(https?://[^\s,;{}]+)", " ".join(text.split()))
    return "".join(rf"\url{{{part}}}" if i % 2 else _without_commands(part) for i, part in enumerate(parts))


def _without_commands(text: str) -> str:
    special = {"\\": r"\textbackslash ", "~": r"\textasciitilde ", "^": r"\textasciicircum "}
    return "".join(special.get(c, rf"\{c}" if c in "#$%&_" else "" if c in "{}" else c) for c in text)

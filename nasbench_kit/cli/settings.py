"""Optimizers and their settings, as they are typed: `-o regularized_evolution,sample_size=5,label=ours`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from math import isfinite
from typing import Any, NamedTuple

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import GROUPS, needs_of, optimizer_class

_LABEL = "label"  # the setting that is no setting of the optimizer: how it is shown
_NOT_OURS = 2  # of an optimizer's arguments: what it searches, and its source of randomness
_WORDS_OF_PYTHON = {"True": "true", "False": "false", "None": "null"}


class GivenOptimizer(NamedTuple):
    """An optimizer as it was asked for."""

    name: str  #: of those that come with the package, or `module:Class`
    settings: dict[str, Any]
    label: str | None  #: how to show it; None: by name and settings


def parse_optimizers(texts: Iterable[str]) -> list[GivenOptimizer]:
    """Several optimizers, as they are typed.

    Raises:
        SettingError: One is malformed; or two are the same, or have the same label.
    """
    given: list[GivenOptimizer] = []
    for text in texts:
        one = parse_optimizer(text)
        for other in given:
            if one[:2] == other[:2]:
                raise SettingError(f"the optimizer {text!r} is given twice; give it once, or with other settings")
            if one.label is not None and one.label == other.label:
                raise SettingError(f"two optimizers have the label {one.label!r}; give each its own")
        given.append(one)
    return given


def parse_optimizer(text: str) -> GivenOptimizer:
    """`NAME[,SETTING=VALUE...]`, where a value is JSON, a word, or any text in single quotes.

    Like `size=5`, `rate=0.1`, `widths=[16,32]`, `how={"a": 1}`, `kernel=rbf`, `note='a, b'`. The setting `label` says
    how the optimizer is shown.

    Raises:
        SettingError: It is none.
    """
    name, comma, rest = text.partition(",")
    if not name.strip():
        raise SettingError(f"{text!r} names no optimizer; write NAME,SETTING=VALUE,...")
    settings: dict[str, Any] = {}
    while comma:
        key, equals, rest = rest.partition("=")
        if not equals or not key.strip().isidentifier():
            raise SettingError(f"{(key + equals)!r} in {text!r} is no setting; write NAME,SETTING=VALUE,...")
        key = key.strip()
        if key in settings:
            raise SettingError(f"setting {key!r} stands twice in {text!r}; give it once")
        settings[key], rest = _value(rest.lstrip(), f"{key} in {text!r}")
        comma, rest = rest[:1], rest[1:]
        if comma not in ("", ","):
            raise SettingError(f"{key} in {text!r} has more behind its value: {comma + rest!r:.40}; a comma expected")
    return GivenOptimizer(name.strip(), settings, _label(settings.pop(_LABEL, None), text))


def _value(text: str, where: str) -> tuple[Any, str]:
    """The value at the beginning of a text, and what is left of it."""
    if text[:1] == "'":
        quoted = re.match(r"'([^']*)'\s*", text)
        if quoted is None:
            raise SettingError(f"{where} lacks its closing quote")
        return quoted[1], text[quoted.end() :]
    if text[:1] in ("[", "{", '"'):
        try:
            value, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
        except (ValueError, RecursionError):
            raise SettingError(
                f'{where} is no JSON; write lists as [1,2] or ["a","b"], and texts with commas in single quotes'
            ) from None
        return _finite(value, where), text[end:].lstrip()
    word = text.partition(",")[0]
    rest = text[len(word) :]
    word = word.strip()
    if not word:
        raise SettingError(f"{where} has no value; write '' for an empty text")
    if word in _WORDS_OF_PYTHON:
        raise SettingError(f"{where} is {word}; write {_WORDS_OF_PYTHON[word]}, or '{word}' for the text")
    try:
        value = json.loads(word, parse_constant=_no_constant)
    except ValueError:
        value = word
    return _finite(value, where), rest


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _finite(value: Any, where: str) -> Any:
    if isinstance(value, float) and not isfinite(value):
        raise SettingError(f"{where} is too large; a finite number expected")
    return value


def _label(given: object, text: str) -> str | None:
    if given is None:
        return None
    label = given if isinstance(given, str) else json.dumps(given)
    if not label.strip() or not label.isprintable():
        raise SettingError(f"the label in {text!r} is no printable text")
    return label.strip()


# ---- what there is to set ----


class Setting(NamedTuple):
    """A setting of an optimizer."""

    name: str
    default: Any
    meaning: str  #: a sentence of its docstring; empty if there is none


def settings_of(optimizer: Callable[..., object]) -> list[Setting]:
    """What can be set of an optimizer, with what its docstring says."""
    parameters = list(inspect.signature(optimizer).parameters.values())[_NOT_OURS:]
    meanings = _of_library(optimizer) | _arguments(inspect.getdoc(optimizer) or "")
    return [Setting(p.name, p.default, meanings.get(p.name, "")) for p in parameters if p.kind is not p.VAR_KEYWORD]


def _arguments(documented: str) -> dict[str, str]:
    """Name -> meaning, of the section `Args` of a docstring."""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", documented, flags=re.MULTILINE)
    entries = re.findall(r"^    (\w+):((?: .*)?(?:\n {5,}.*)*)", section[1] if section else "", flags=re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def _of_library(optimizer: Callable[..., object]) -> dict[str, str]:
    """First sentences of what another library says of the settings of what is wrapped."""
    documented = inspect.getdoc(getattr(optimizer, "wrapped", None)) or ""
    plain = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", documented).replace("``", "`")
    return {name: meaning.partition(". ")[0] for name, meaning in _arguments(plain).items()}


def needs_in_words(name: str) -> list[str]:
    """What an optimizer of ours, or of a library, cannot do without, in words."""
    words = {"package:": "the package ", "known:": "", "space:": "the space "}
    needs = []
    for need in needs_of(optimizer_class(name)):
        kind, colon, rest = need.partition(":")
        needs.append("a surrogate" if need == "surrogate" else words.get(kind + colon, kind) + rest)
    return needs


def described_optimizer(name: str) -> dict[str, Any]:
    """What an optimizer of ours, or of a library, is: its group, source (that of its module), needs and settings."""
    made = optimizer_class(name)
    return {
        "does": first_line(made),
        "group": next((group for group, names in GROUPS.items() if name in names), name.partition(":")[0]),
        "source": first_line(import_module(made.__module__)),
        "needs": needs_in_words(name),
        "settings": [setting._asdict() for setting in settings_of(made)],
    }


def first_line(documented: object) -> str:
    """What something is, by its docstring."""
    return (inspect.getdoc(documented) or "").partition("\n")[0]


__all__ = [
    "GivenOptimizer",
    "Setting",
    "described_optimizer",
    "first_line",
    "needs_in_words",
    "parse_optimizer",
    "parse_optimizers",
    "settings_of",
]

"""What values an argument of another library takes, as far as its signature says, or its name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, formatannotation
from numbers import Integral, Real
from types import NoneType
from typing import Any

import numpy as np

from nasbench_kit.errors import SettingError

_NAMES: Mapping[str, Any] = {each.__name__: each for each in (bool, int, float, str, list, dict, NoneType)} | {
    "List": list,
    "Sequence": list,
    "Tuple": list,
    "tuple": list,
    "Dict": dict,
    "Mapping": dict,
    "Callable": Callable,
}
_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
    Callable: "a function",
}
_AT_LEAST = dict.fromkeys(
    (
        "challengers",
        "n_ei_candidates",
        "n_offsprings",
        "n_elites",
        "n_trees",
        "pop_size",
        "population_size",
        "popsize",
        "retrain_after",
    ),
    1,
) | dict.fromkeys(("n_configs", "n_startup_trials", "restarts", "tabu_length"), 0)
_ABOVE = {"eta": 1, "init_delta": 0, "init_simplex_scale": 0, "reduction_factor": 1, "sigma": 0, "sigma0": 0}
_ONE_OF = {
    "boundary_fix_type": ("random", "clip"),
    "incumbent_selection": ("any_budget", "highest_observed_budget", "highest_budget"),
}
"""What these mean is the same in every library that has them; some search by anything else without a word, or fail
late."""


def check_value(parameter: Parameter, value: Any, whose: str) -> None:
    """Refuse a value that an argument cannot take.

    Args:
        parameter: The argument: its annotation says which kinds of values it takes. Without one, a default that is a
            number, true or false says so. An annotation that names anything else than what can be stored says nothing.
        value: What it is to be.
        whose: What the optimizer is called, for the error.

    Raises:
        SettingError: It is of another kind, too small, or no word that the library knows.
    """
    name = parameter.name
    kinds = _kinds_of(parameter)
    if kinds and not any(_is(value, kind) for kind in kinds):
        expected = " or ".join(words for kind, words in _WORDS.items() if kind in kinds)
        raise SettingError(f"{name}={value!r:.80} of {whose}; {expected} expected")
    if name in _ONE_OF and value not in _ONE_OF[name]:
        raise SettingError(f"{name}={value!r:.80} of {whose}; {' or '.join(_ONE_OF[name])} expected")
    if not _is(value, float):
        return
    if name in _AT_LEAST and value < _AT_LEAST[name]:
        raise SettingError(f"{name}={value!r:.80} of {whose}; at least {_AT_LEAST[name]} expected")
    if name in _ABOVE and value <= _ABOVE[name]:
        raise SettingError(f"{name}={value!r:.80} of {whose}; a number above {_ABOVE[name]} expected")


def as_taken(parameter: Parameter, value: Any) -> Any:
    """A value as an argument takes it: a study stores lists alone, which are tuples where the signature names one."""
    return tuple(value) if isinstance(value, list) and "tuple[" in str(parameter.annotation).lower() else value


def _kinds_of(parameter: Parameter) -> set[Any]:
    """The kinds of values that it takes; none where that is not known."""
    if parameter.annotation is not Parameter.empty:
        said = parameter.annotation
        try:
            return _named(ast.parse(said if isinstance(said, str) else formatannotation(said), mode="eval").body)
        except SyntaxError:
            return set()
    if isinstance(parameter.default, bool):
        return {bool, NoneType}
    return {float, NoneType} if _is(parameter.default, float) else set()


def _named(annotation: ast.expr) -> set[Any]:
    match annotation:
        case ast.Constant(value=None):
            return {NoneType}
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {_NAMES[name]} if name in _NAMES else set()
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _one_of([left, right])
        case ast.Subscript(value=ast.Name(id="Union") | ast.Attribute(attr="Union"), slice=ast.Tuple(elts=parts)):
            return _one_of(parts)
        case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional"), slice=part):
            return _one_of([part, ast.Constant(None)])
        case ast.Subscript(value=whole):
            return _named(whole)
    return set()


def _one_of(parts: Iterable[ast.expr]) -> set[Any]:
    found = [_named(part) for part in parts]
    return set().union(*found) if all(found) else set()


def _is(value: object, kind: Any) -> bool:
    if kind is bool or isinstance(value, bool | np.bool_):
        return kind is bool and isinstance(value, bool | np.bool_)
    wider: dict[type, Any] = {int: Integral, float: Real, list: list | tuple, dict: Mapping}
    return isinstance(value, wider.get(kind, kind))

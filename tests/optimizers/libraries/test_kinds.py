"""What an argument of a library takes is read from its signature."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, Literal, Optional, Union

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.libraries.kinds import check_value


def typed(
    whole: int = 1,
    number: "float | None" = None,
    flag: Optional[bool] = None,  # noqa: UP045
    text: Union[str, float] = "a",  # noqa: UP007
    row: "list[float] | None" = None,
    how: "dict[str, Any] | None" = None,
    function: "Callable[[int], int] | None" = None,
    word: Literal["a", "b"] = "a",
    thing: "Parameter | None" = None,
    broken: "not a type" = 1,  # noqa: F722
) -> None: ...


def untyped(number=3, share=0.5, flag=True, text="a", nothing=None): ...


def check(function, /, **given):
    for name, value in given.items():
        check_value(signature(function).parameters[name], value, "their:Search")


@pytest.mark.parametrize(
    "right",
    [
        {"whole": 2, "number": 2, "flag": False, "text": "b", "row": (1, 2), "how": {}, "function": len},
        {"number": 0.5, "flag": None, "text": 0.5, "row": [1.0], "function": None, "word": 7, "thing": 7, "broken": []},
    ],
)
def test_what_an_annotation_allows_or_does_not_say_is_taken(right):
    check(typed, **right)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"whole": "x"}, "whole='x' of their:Search; an integer expected"),
        ({"whole": 2.5}, "whole=2.5 of their:Search; an integer expected"),
        ({"whole": True}, "whole=True of their:Search; an integer expected"),
        ({"number": "x"}, "number='x' of their:Search; a number expected"),
        ({"flag": 1}, "flag=1 of their:Search; true or false expected"),
        ({"text": [1]}, r"text=\[1\] of their:Search; a number or a text expected"),
        ({"row": 3}, "row=3 of their:Search; a list expected"),
        ({"how": 3}, "how=3 of their:Search; a mapping expected"),
        ({"function": 0.1}, "function=0.1 of their:Search; a function expected"),
    ],
)
def test_what_an_annotation_excludes_is_refused(wrong, message):
    with pytest.raises(SettingError, match=f"^{message}$"):
        check(typed, **wrong)


def test_without_annotations_the_defaults_say_what_is_a_number_or_a_flag():
    check(untyped, number=2.5, share=1, flag=False, text=3, nothing="x")
    check(untyped, number=None, flag=None)
    for name, wrong, expected in (
        ("number", "x", "a number"),
        ("share", True, "a number"),
        ("flag", 1, "true or false"),
    ):
        with pytest.raises(SettingError, match=f"^{name}={wrong!r} of their:Search; {expected} expected$"):
            check(untyped, **{name: wrong})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"eta": 1}, "eta=1 of their:Search; a number above 1 expected"),
        ({"pop_size": -3}, "pop_size=-3 of their:Search; at least 1 expected"),
        ({"n_startup_trials": -1}, "n_startup_trials=-1 of their:Search; at least 0 expected"),
        ({"boundary_fix_type": "x"}, "boundary_fix_type='x' of their:Search; random or clip expected"),
    ],
)
def test_what_a_name_cannot_mean_in_any_library_is_refused(wrong, message):
    def theirs(eta=3, pop_size=100, n_startup_trials=10, boundary_fix_type="random"): ...

    check(theirs, eta=2, pop_size=None, n_startup_trials=0)
    with pytest.raises(SettingError, match=f"^{message}$"):
        check(theirs, **wrong)

"""Paths to write: none of them may be a path that is read, or another one that is written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import combinations

from nasbench_kit.errors import SettingError

Named = tuple[str, str | os.PathLike[str] | None]


def check_outputs(*, reads: Iterable[Named] = (), writes: Iterable[Named]) -> None:
    """Refuse to write a file that is read or written as something else, before any work is done.

    Links count as what they lead to. What is both read and written, as a study is, belongs to `writes`.

    Args:
        reads: Pairs of what a path is called, like "--table", and the path; None where it was not given. All that lies
            in a folder that is read counts as read.
        writes: Pairs of the same kind. Names of files that are not there yet may not differ in case alone, as some file
            systems take these for the same.

    Raises:
        SettingError: Two of them are the same.
    """
    sources = [(name, os.fspath(path)) for name, path in reads if path is not None]
    targets = [(name, os.fspath(path)) for name, path in writes if path is not None]
    for name, path in targets:
        for other, source in sources:
            if is_same_file(path, source):
                raise SettingError(f"{name} {path!r} would overwrite {other} {source!r}; give another file to write")
            if os.path.isdir(source) and _lies_in(path, source):
                raise SettingError(f"{name} {path!r} lies in {other} {source!r}, which is read; give another place")
    for (name, path), (other, second) in combinations(targets, 2):
        if is_same_file(path, second) or _differ_in_case_alone(path, second):
            raise SettingError(f"{name} {path!r} and {other} {second!r} are the same file; give two")


def check_different(name: str, paths: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse the same file given twice, also by another path.

    Args:
        name: What each of them is called, like "study".
        paths: What is read.

    Raises:
        SettingError: Two of them are the same.
    """
    for one, other in combinations([os.fspath(path) for path in paths], 2):
        if is_same_file(one, other):
            same = "" if one == other else f", as {other!r} is the same file"
            raise SettingError(f"the {name} {one!r} is given twice{same}; give different ones")


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to the same file, be it there or not."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def _differ_in_case_alone(one: str, other: str) -> bool:
    there = os.path.exists(one) or os.path.exists(other)  # then the file system has said whether they are the same
    return not there and os.path.realpath(one).casefold() == os.path.realpath(other).casefold()


def _lies_in(path: str, folder: str) -> bool:
    above = os.path.dirname(os.path.realpath(path))
    while not is_same_file(above, folder):
        if above == os.path.dirname(above):
            return False
        above = os.path.dirname(above)
    return True

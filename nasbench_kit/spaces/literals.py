"""Text that Python printed, read without executing it."""

from __future__ import annotations

from typing import Any

from nasbench_kit.errors import ArchitectureError

LONGEST_TEXT = 65_536  #: characters of an architecture


def python_literal(text: str) -> Any:
    """What a text of lists, tuples, dictionaries, texts and numbers says.

    Raises:
        ArchitectureError: It is longer than any architecture, or says something else.
    """
    import ast  # takes a while, and few texts need it

    if len(text) > LONGEST_TEXT:
        raise ArchitectureError(f"{len(text):,} characters; an architecture of at most {LONGEST_TEXT:,} expected")
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ArchitectureError(f"{text!r:.100} is no list or tuple as Python prints it") from None

"""Answers given so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench_kit.spaces import Arch

MEMO_SIZE = 65_536  # architectures remembered per epoch and way to write them
_MANY = 256  # answers computed one by one, at least, before all are computed


class Memo(dict[Any, Any]):
    """Answers given so far, by text or tuple; whatever else is asked about is asked about as the tuple that it means.

    An answer is computed when first asked for, and not kept if that raises. After many such, all that there can be are
    computed at once, which costs much less than one by one.

    Args:
        compute: The answer about one architecture.
        parse: Makes a tuple of whatever else is asked about.
        every: All answers by kind of key, text or tuple; None where they are too many.
        after: How many answers are computed one by one before all are; at least 256.
    """

    def __init__(
        self,
        compute: Callable[[Any], Any],
        parse: Callable[[object], Arch],
        every: Callable[[type], dict[Any, Any]] | None,
        after: int = 0,
    ) -> None:
        self._compute = compute
        self._parse = parse
        self._every = every
        self._after = max(_MANY, after)
        self._n_computed: dict[type, int] = {str: 0, tuple: 0}

    def __missing__(self, arch: object) -> Any:
        kind = type(arch)
        if kind not in self._n_computed:  # of others 5, 5.0 and True are the same key but not the same question
            return self[self._parse(arch)]
        answer = self._compute(arch)
        if len(self) >= 2 * MEMO_SIZE:
            self.clear()
        self[arch] = answer
        self._n_computed[kind] += 1
        if self._every is not None and self._n_computed[kind] == self._after:
            self.update(self._every(kind))
        return answer

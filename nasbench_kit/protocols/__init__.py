"""Published protocols: one module per publication, which says benchmarks, rules, settings and what is reported."""

from __future__ import annotations

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.protocols.base import Protocol, Setup
from nasbench_kit.protocols.constrained import CONSTRAINED, CONSTRAINED_SIZE
from nasbench_kit.protocols.local_search import LOCAL_SEARCH
from nasbench_kit.protocols.multi_objective import MULTI_OBJECTIVE
from nasbench_kit.protocols.nats import NATS_SSS, NATS_TSS, NATS_TSS_SURROGATE
from nasbench_kit.protocols.nb101 import (
    ARCH2VEC,
    ARCH2VEC_SURROGATE,
    NB101,
    NB101_B,
    NB101_B_SURROGATE,
    NB101_C,
    NB101_C_SURROGATE,
    NB101_SURROGATE,
)
from nasbench_kit.protocols.nb201 import NB201, NB201_SURROGATE
from nasbench_kit.protocols.nb301 import NB301
from nasbench_kit.protocols.queries import QUERIES, QUERIES_300
from nasbench_kit.protocols.random_cells import BEST_OF_1, BEST_OF_10, BEST_OF_100
from nasbench_kit.protocols.suites import SUITE_FULL, SUITE_HELD_OUT, SUITE_SMALL
from nasbench_kit.protocols.syne_tune import SYNE_TUNE, SYNE_TUNE_MNIST1D

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        NB101,
        NB101_SURROGATE,
        NB101_B,
        NB101_B_SURROGATE,
        NB101_C,
        NB101_C_SURROGATE,
        ARCH2VEC,
        ARCH2VEC_SURROGATE,
        NB201,
        NB201_SURROGATE,
        NATS_TSS,
        NATS_TSS_SURROGATE,
        NATS_SSS,
        QUERIES,
        QUERIES_300,
        LOCAL_SEARCH,
        BEST_OF_1,
        BEST_OF_10,
        BEST_OF_100,
        NB301,
        SYNE_TUNE,
        SYNE_TUNE_MNIST1D,
        CONSTRAINED,
        CONSTRAINED_SIZE,
        MULTI_OBJECTIVE,
        SUITE_SMALL,
        SUITE_FULL,
        SUITE_HELD_OUT,
    )
}
"""The protocols that have a name."""


def protocol_of(given: str | Protocol) -> Protocol:
    """A protocol, by its name or as such.

    Raises:
        UnknownNameError: There is none of this name.
        SettingError: It is none.
    """
    if isinstance(given, Protocol):
        return given
    if not isinstance(given, str):
        raise SettingError(f"protocol={given!r:.80}; a name or a Protocol expected")
    if given not in PROTOCOLS:
        raise unknown("protocol", given, PROTOCOLS)
    return PROTOCOLS[given]


__all__ = ["PROTOCOLS", "Protocol", "Setup", "protocol_of"]

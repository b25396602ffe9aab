"""Search spaces: what an architecture is, its text forms, its neighbors, when two are the same."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.spaces.base import Arch, Decision, DrawnAhead, Form, Space, Uniform, check_is_space
from nasbench_kit.spaces.choices import ChoiceSpace, is_ascending
from nasbench_kit.spaces.graph import Graph, GraphBatch

if TYPE_CHECKING:
    from nasbench_kit.spaces.accel_nasbench import AccelNASBenchSpace
    from nasbench_kit.spaces.darts import DARTSSpace
    from nasbench_kit.spaces.nas_bench_asr import NASBenchASRSpace
    from nasbench_kit.spaces.nas_bench_graph import NASBenchGraphSpace
    from nasbench_kit.spaces.nas_bench_macro import NASBenchMacroSpace
    from nasbench_kit.spaces.nas_bench_mr import NASBenchMRSpace
    from nasbench_kit.spaces.nas_bench_nlp import NASBenchNLPSpace
    from nasbench_kit.spaces.nasbench101 import NASBench101Space
    from nasbench_kit.spaces.nasbench201 import NASBench201Space
    from nasbench_kit.spaces.natsbench_sss import NATSBenchSizeSpace
    from nasbench_kit.spaces.transnas_macro import TransNASMacroSpace
    from nasbench_kit.spaces.transnas_micro import TransNASMicroSpace

SPACES = {
    "accel_nasbench": "AccelNASBenchSpace",
    "darts": "DARTSSpace",
    "nas_bench_asr": "NASBenchASRSpace",
    "nas_bench_graph": "NASBenchGraphSpace",
    "nas_bench_macro": "NASBenchMacroSpace",
    "nas_bench_mr": "NASBenchMRSpace",
    "nas_bench_nlp": "NASBenchNLPSpace",
    "nasbench101": "NASBench101Space",
    "nasbench201": "NASBench201Space",
    "natsbench_sss": "NATSBenchSizeSpace",
    "transnas_macro": "TransNASMacroSpace",
    "transnas_micro": "TransNASMicroSpace",
}
"""The spaces that a table may refer to by name: name, which is that of their module too -> class."""


def space_from(description: str | Mapping[str, Any]) -> Space:
    """The space that a table names, or describes as `{"name": ..., "decisions": [[name, [choice, ...]], ...]}`.

    A description may add `"ordered": [name, ...]`, as `ChoiceSpace` takes it.

    Raises:
        UnknownNameError: No space has this name.
        SettingError: It is no description.
    """
    if isinstance(description, str):
        if description not in SPACES:
            raise unknown("space", description, SPACES)
        made: Space = _class_of(description)()
        return made
    if not isinstance(description, Mapping) or not {"name", "decisions"} <= {*description}:
        raise SettingError(f"space={description!r:.60}; a name, or a mapping with 'name' and 'decisions', expected")
    return ChoiceSpace(description["name"], dict(description["decisions"]), ordered=description.get("ordered"))


def describe_space(space: Space) -> str | dict[str, Any]:
    """What `space_from` reads: the name of a space of ours, the decisions of any other."""
    check_is_space(space)
    if isinstance(space, ChoiceSpace):
        decisions = [[name, list(choices)] for name, choices, _ in space.decisions]
        ordered = [name for name, _, is_ordered in space.decisions if is_ordered]
        told = ordered == [name for name, choices, _ in space.decisions if is_ascending(choices)]
        return {"name": space.name, "decisions": decisions} | ({} if told else {"ordered": ordered})
    return space.name


def _class_of(name: str) -> Any:
    return getattr(import_module(f"nasbench_kit.spaces.{name}"), SPACES[name])


def __getattr__(attribute: str) -> Any:  # a space's module is imported when its class is asked for
    for name, made in SPACES.items():
        if made == attribute:
            return _class_of(name)
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "SPACES",
    "AccelNASBenchSpace",
    "Arch",
    "ChoiceSpace",
    "DARTSSpace",
    "Decision",
    "DrawnAhead",
    "Form",
    "Graph",
    "GraphBatch",
    "NASBench101Space",
    "NASBench201Space",
    "NASBenchASRSpace",
    "NASBenchGraphSpace",
    "NASBenchMRSpace",
    "NASBenchMacroSpace",
    "NASBenchNLPSpace",
    "NATSBenchSizeSpace",
    "Space",
    "TransNASMacroSpace",
    "TransNASMicroSpace",
    "Uniform",
    "check_is_space",
    "describe_space",
    "space_from",
]

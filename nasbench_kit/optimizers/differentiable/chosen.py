"""Which surrogate a differentiable search follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench_kit.errors import DataError, SettingError, listed, unknown
from nasbench_kit.places import list_surrogates
from nasbench_kit.spaces import describe_space
from nasbench_kit.surrogates import Surrogate

if TYPE_CHECKING:
    from nasbench_kit.spaces import Space


def chosen_surrogate(space: Space, name: str | None) -> tuple[Surrogate, str]:
    """A surrogate of a space, of those that come with the package or lie in the data folder, and one of its datasets.

    Args:
        space: What is searched.
        name: `surrogate/dataset`, or a surrogate alone, for its first dataset. None: the only one of this space.

    Raises:
        SettingError: There is none of this space, or several.
        UnknownNameError: There is no such surrogate or dataset.
    """
    known = opened_surrogates()
    if name is None:
        fitting = [stem for stem, found in known.items() if _is_of(found, space)]
        if len(fitting) != 1:
            there = listed(f"{found.name} of {found.space.name}" for found in known.values())
            many = f"surrogates of {space.name} are {listed(fitting)}; name one of them"
            none = f"no surrogate of {space.name}, whose gradient could be followed; there are {there}"
            raise SettingError(f"surrogate=None, but {many if fitting else none}")
        name = fitting[0]
    if not isinstance(name, str):
        raise SettingError(f"surrogate={name!r:.80}; a name like {next(iter(known), 'surrogate/dataset')!r} expected")
    stem, slash, dataset = name.partition("/")
    if stem not in known:
        raise unknown("surrogate", stem, known)
    found = known[stem]
    if slash and dataset not in found.datasets:
        raise unknown("surrogate", name, [f"{stem}/{dataset}" for dataset in found.datasets])
    if not _is_of(found, space):
        raise SettingError(f"surrogate={name!r} is of {found.space.name}; one of {space.name} expected")
    return found, dataset or found.datasets[0]


def opened_surrogates() -> dict[str, Surrogate]:
    """Those that there are, by name; without those that cannot be read."""
    return {found.name: found for found in map(_opened, list_surrogates().values()) if found}


def _opened(path: str) -> Surrogate | None:
    try:
        return Surrogate(path)
    except DataError:  # what is wrong in the data folder disturbs nothing else
        return None


def _is_of(surrogate: Surrogate, space: Space) -> bool:
    return describe_space(surrogate.space) == describe_space(space.whole)

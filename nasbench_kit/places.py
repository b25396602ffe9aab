"""Where tables and surrogates lie: in the package, and in a folder of the user's."""

from __future__ import annotations

import os

DATA_FOLDER = "NASBENCH_KIT_DATA"  # the environment variable that says where your tables are
_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def shipped(folder: str) -> str:
    """Where the files of `data` or `surrogates` lie: inside an installed package, beside it in a checkout."""
    inside = os.path.join(_PACKAGE, "shipped", folder)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), folder)


def data_folder() -> str:
    """Where tables of your own are looked for: `$NASBENCH_KIT_DATA`, or the system's place for data of users."""
    folder = os.environ.get(DATA_FOLDER)
    if folder:
        return os.path.expanduser(folder)
    from platformdirs import user_data_dir

    return user_data_dir("nasbench_kit", appauthor=False)


def tables_in(folder: str) -> dict[str, str]:
    """Name of each table in a folder -> its file."""
    return {name[:-3]: os.path.join(folder, name) for name in _names_in(folder) if name.endswith(".h5")}


def surrogates_in(folder: str) -> dict[str, str]:
    """Name of each surrogate in a folder -> its folder."""
    paths = {name: os.path.join(folder, name) for name in _names_in(folder)}
    return {name: path for name, path in paths.items() if os.path.isfile(os.path.join(path, "card.json"))}


def list_surrogates() -> dict[str, str]:
    """Surrogate name -> its folder: those in the data folder come before those that come with the package."""
    return surrogates_in(shipped("surrogates")) | surrogates_in(data_folder())


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []

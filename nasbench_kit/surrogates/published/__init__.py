"""Surrogates made of models that others fitted and published."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from nasbench_kit.errors import ImportDataError, SettingError
from nasbench_kit.jobs import sync
from nasbench_kit.surrogates.published import official_nasbench301, yahpo
from nasbench_kit.surrogates.surrogate import Surrogate


def load_published(
    sources: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, name: str | None = None
) -> Surrogate:
    """Make a surrogate of published models of NAS-Bench-301, in the folder `out`.

    `sources` are YAHPO Gym's folder `nb301`; or the folders of official ensembles, one for accuracies and, if wanted,
    one for runtimes. Its `name` is the kind of models by default.

    Raises:
        ImportDataError: A source is none of these, or damaged.
        SurrogateError: A model is damaged, or not of NAS-Bench-301.
        SettingError: `out` is there already, or a package is not installed.
    """
    folders = [Path(source) for source in sources]
    for folder in folders:
        if not folder.is_dir():
            raise ImportDataError(f"there is no folder {str(folder)!r}; give YAHPO's nb301 or NAS-Bench-301's models")
    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SettingError(f"{str(target)!r} exists already; give a new folder")
    found = yahpo.find(folders[0]) if len(folders) == 1 else None
    members = [] if found else [member for folder in folders for member in official_nasbench301.find(folder)]
    if not found and not members:
        raise ImportDataError(
            f"{str(folders[0])!r} holds no models that are known: neither YAHPO's {yahpo.CODES} and {yahpo.SPACE}, nor"
            f" {official_nasbench301.MODEL_FILE} of NAS-Bench-301 in it or below"
        )
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a call that was killed
    try:
        partial.mkdir(parents=True)
        if found:
            yahpo.write(found, partial, name or "nasbench301_yahpo")
        else:
            official_nasbench301.write(members, partial, name or f"nasbench301_{members[0].library}")
        sync(partial)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        raise SettingError(f"cannot write {str(target)!r}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Surrogate.open(target)


__all__ = ["load_published"]

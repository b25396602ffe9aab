"""NATS-Bench: the topology space (that of NAS-Bench-201) and the size space.

Accepts `NATS-tss-v1_0-3ffb9.pickle.pbz2` and `NATS-sss-v1_0-50262.pickle.pbz2`, which hold everything in one pickle,
and the folders `NATS-*-simple` of one file per architecture, of which some may be missing. Either is read one
architecture at a time: a whole release needs a few gigabytes of memory, where the original needs tens.
"""

from __future__ import annotations

import bz2
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasbench_kit.errors import ImportDataError, listed
from nasbench_kit.formats.compressed import UnpackedStream, unpacked
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.importers.base import Content, Progress, each, first_file, recognizes_file
from nasbench_kit.importers.nats_results import Results
from nasbench_kit.spaces import NASBench201Space, NATSBenchSizeSpace

_META = "meta.pickle.pbz2"
_RECORD = re.compile(r"\d+\.pickle\.pbz2")
_BZ2_HEAD = b"BZh"
_MOST_BYTES = 1 << 26  # of one architecture, unpacked; 0.4 MB are usual


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is a folder with the list of architectures and their files, or one file with everything."""
    if path.is_dir():
        return recognizes_file(path / _META, recognizes) and bool(first_file(path, "[0-9]*.pickle.pbz2"))
    if not head.startswith(_BZ2_HEAD):
        return False
    try:
        with open_file(path) as packed, bz2.open(packed) as file:
            start = file.read(4096)
    except (OSError, EOFError):
        return False
    return start.startswith(b"\x80") and b"meta_archs" in start


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in a folder `NATS-*-simple`, or in a file `NATS-*.pickle.pbz2`.

    Raises:
        ImportDataError: It is damaged, hostile, or none of these.
    """
    if len(paths) != 1:
        raise ImportDataError(f"{len(paths)} sources given; one folder or one file of NATS-Bench expected")
    (path,) = paths
    results = _read_folder(path, progress) if path.is_dir() else _read_file(path, progress)
    content = results.content()
    return content._replace(about=_ABOUT[content.name])


def _read_folder(path: Path, progress: Progress) -> Results:
    meta = _load(path / _META)
    if not isinstance(meta, Mapping) or "meta_archs" not in meta:
        raise ImportDataError(f"{_META} has no list of architectures 'meta_archs'")
    results = Results(space_of(meta["meta_archs"]))
    files = sorted(file for file in path.iterdir() if _RECORD.fullmatch(file.name))
    if not files:
        raise ImportDataError(f"{str(path)!r} holds no files of architectures, like 000000.pickle.pbz2")
    for file in each(files, progress):
        record = _load(file)
        if not isinstance(record, Mapping):
            raise ImportDataError(f"{file.name} holds {record!r:.60}; the results of one architecture expected")
        for hp, of_hp in record.items():
            with _Named(file.name):
                results.add(hp, of_hp)
                if of_hp["arch_index"] != int(file.name.partition(".")[0]):
                    raise ImportDataError(f"it holds the architecture {of_hp['arch_index']}")
    with _Named(_META):
        results.check_order(meta["meta_archs"])
    return results


def _load(path: Path) -> Any:
    """The data in one small file."""
    if not path.is_file():
        raise ImportDataError(f"there is no file {path.name} in {str(path.parent)!r}")
    data = unpacked(path, _MOST_BYTES)
    return read_plain_pickle(io.BytesIO(data), path.name, PLAIN)


def _read_file(path: Path, progress: Progress) -> Results:
    size = path.stat().st_size
    with open_file(path) as packed:
        file = UnpackedStream(packed, path.name)
        results = read_release(file, path.name, {}, lambda: progress(packed.tell(), size))
        if file.read(1):
            raise ImportDataError(f"{path.name}: something follows the pickle")
    return results


def read_release(file: Any, name: str, hp_of: Mapping[str, str], progress: Any) -> Results:
    """The results in one pickle with everything, one architecture at a time.

    Args:
        file: Where the pickle begins.
        name: What to call it in errors.
        hp_of: What the file calls a setting of training -> its official name.
        progress: Called now and then.

    Raises:
        ImportDataError: It is no such pickle.
    """
    results: list[Results] = []  # one, once the first architecture told the space

    def take(hp: Any, value: dict[Any, Any]) -> bool:
        if "all_results" not in value:
            return False
        if not results:
            results.append(Results(space_of([value["arch_str"]])))
        try:
            results[0].add(hp_of.get(hp, hp), value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ImportDataError):
                raise
            raise ImportDataError(f"setting {hp!r:.20} of an architecture is malformed ({error!r:.100})") from None
        return True

    release = read_plain_pickle(file, name, PLAIN, take, progress)
    if not isinstance(release, Mapping) or not {"meta_archs", "arch2infos", "evaluated_indexes"} <= release.keys():
        raise ImportDataError(f"{name} holds no dictionary of meta_archs, arch2infos and evaluated_indexes")
    if not results:
        raise ImportDataError(f"{name} lists architectures and holds no results; give the folder or file that does")
    with _Named(name):
        results[0].check_order(release["meta_archs"])
        evaluated, n_archs = release["evaluated_indexes"], len(release["meta_archs"])
        if len(evaluated) > n_archs or not all(type(index) is int and 0 <= index < n_archs for index in evaluated):
            raise ImportDataError(f"evaluated_indexes is {evaluated!r:.60}; positions in meta_archs expected")
        lacking = set(evaluated) - results[0].indexes
        if lacking or set(release["arch2infos"]) != results[0].indexes:
            raise ImportDataError(f"it lacks the results of some architectures that it lists, {listed(lacking, 3)}")
    return results[0]


def space_of(archs: Any) -> NASBench201Space | NATSBenchSizeSpace:
    """The space that a list of official texts is from.

    Raises:
        ImportDataError: It is from neither.
    """
    text = archs[0] if isinstance(archs, list) and archs else None
    if isinstance(text, str) and text.startswith("|"):
        return NASBench201Space()
    if isinstance(text, str) and text.count(":") == 4:
        return NATSBenchSizeSpace()
    raise ImportDataError(f"the first architecture is {text!r:.60}; one of NATS-Bench expected")


class _Named:
    """Errors inside begin with the name of the file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImportDataError):
            raise ImportDataError(f"{self._name}: {error}") from None
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError):
            raise ImportDataError(f"{self._name} is malformed ({error!r:.100})") from None


_NOTES = [
    "cifar10: trained on 25,000 images, and in brackets [trainval] on all 50,000",
    "valtest: the official ori-test, validation and test images together",
    "seconds are those of the release, which it derived from one measurement",
    "params_m and flops_m: seed 888 where the runs disagree",
]
_ABOUT = {
    "nasbench201": {
        "title": "NAS-Bench-201 as in NATS-Bench (topology): curves of accuracy and loss at 12 and 200 epochs",
        "licence": "MIT (NATS-Bench, Xuanyi Dong)",
        "citation": "Dong, Liu, Musial and Gabrys 2021, https://arxiv.org/abs/2009.00437",
        "notes": _NOTES,
    },
    "natsbench_sss": {
        "title": "NATS-Bench (size): curves of accuracy and loss at 1, 12 and 90 epochs",
        "licence": "MIT (NATS-Bench, Xuanyi Dong)",
        "citation": "Dong, Liu, Musial and Gabrys 2021, https://arxiv.org/abs/2009.00437",
        "notes": _NOTES,
    },
}

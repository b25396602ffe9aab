"""Files of `torch.save`, read without torch, by an allow-list; files that hold tensors are refused.

Before version 1.6, torch wrote pickles one after the other: a magic number, the version of the protocol, facts about
the machine, the object, the keys of its tensors. Since then it writes a zip archive, with the object in `data.pkl`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nasbench_kit.errors import ImportDataError, NasbenchKitError
from nasbench_kit.formats.files import open_file
from nasbench_kit.formats.numpy_pickles import PLAIN
from nasbench_kit.formats.pickles import read_plain_pickle

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LEGACY_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number, pickled
_ZIP_HEAD = b"PK\x03\x04"


def is_torch_file(head: bytes) -> bool:
    """Whether a file that begins so comes from `torch.save`, in either container."""
    return head.startswith(_LEGACY_HEAD) or (head.startswith(_ZIP_HEAD) and b"/data.pkl" in head[:1024])


def read_torch_file(path: Path, allowed: Mapping[tuple[str, str], Any] = PLAIN) -> Any:
    """The object in a file of `torch.save`.

    Args:
        path: The file, in either container.
        allowed: (module, name) -> what stands for it in the pickle.

    Raises:
        ImportDataError: The file is none of torch, damaged, names anything else, or holds tensors.
    """
    with torch_pickle(path) as file:
        return read_plain_pickle(file, path.name, allowed)


@contextmanager
def torch_pickle(path: Path) -> Iterator[IO[bytes]]:
    """The pickle of the object in a file of `torch.save`, ready to be read; what follows it is checked at the end."""
    with open_file(path) as file:
        head = file.read(len(_LEGACY_HEAD))
        file.seek(0)
        if head.startswith(_ZIP_HEAD):
            with _data_of_archive(file, path.name) as member:
                yield member
        elif head == _LEGACY_HEAD:
            _read_legacy_header(file, path.name)
            yield file
            if read_plain_pickle(file, f"{path.name}, keys of tensors") != []:
                raise ImportDataError(f"{path.name} holds tensors; a file of plain results expected")
        else:
            raise ImportDataError(f"{path.name} begins with {head[:8]!r}; a file of torch.save expected")


def _read_legacy_header(file: IO[bytes], name: str) -> None:
    magic, protocol = (read_plain_pickle(file, f"{name}, its head") for _ in range(2))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise ImportDataError(f"{name} is of protocol {protocol!r:.20} of torch.save; {_PROTOCOL} expected")
    machine = read_plain_pickle(file, f"{name}, its head")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ImportDataError(f"{name} comes from a machine {machine!r:.80}; a little-endian one expected")


@contextmanager
def _data_of_archive(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl")]
            if len(members) != 1:
                raise ImportDataError(f"{name} is a zip archive with {len(members)} files data.pkl; torch writes one")
            if members[0].compress_type != zipfile.ZIP_STORED:  # as torch has it; so it is no larger than the file
                raise ImportDataError(f"{name} is a compressed zip archive; torch writes uncompressed ones")
            with archive.open(members[0]) as member:
                yield member
                if member.read(1):
                    raise ImportDataError(f"{name}: something follows the pickle in its data.pkl")
    except NasbenchKitError:
        raise
    except Exception as error:  # a damaged directory makes zipfile raise nearly anything
        raise ImportDataError(f"{name} is a damaged zip archive: {error!s:.80}") from None

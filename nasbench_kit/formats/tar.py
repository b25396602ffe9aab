"""Tar archives, read from memory in one pass: a member is as long as its header says, or the archive is refused.

Source: POSIX.1-2008, `pax`, "ustar Interchange Format".
"""

from __future__ import annotations

from collections.abc import Iterator

from nasbench_kit.errors import ImportDataError

_BLOCK = 512
_FILES = (b"0", b"\0")  # the types of members that are files; links, sparse files and extended headers are passed over


def tar_members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The files in an archive: the end of what each is called, 100 bytes at most, and what is in it.

    Args:
        content: The archive, unpacked.
        name: What to call it in errors.

    Raises:
        ImportDataError: It is damaged, or no archive.
    """
    at = 0
    while at < len(content):
        header = content[at : at + _BLOCK]
        if not header.strip(b"\0"):  # the archive ends with blocks of zeros
            return
        at += _BLOCK
        try:
            checksum, size = _octal(header[148:156]), _octal(header[124:136])
        except ValueError:
            raise ImportDataError(f"{name} is damaged: no header of a tar archive at byte {at - _BLOCK:,}") from None
        if sum(header) - sum(header[148:156]) + 8 * ord(" ") != checksum or at + size > len(content):
            raise ImportDataError(f"{name} is damaged: the member at byte {at - _BLOCK:,} is not as its header says")
        if header[156:157] in _FILES:
            yield header[:100].partition(b"\0")[0].decode("utf-8", "replace"), content[at : at + size]
        at += -(-size // _BLOCK) * _BLOCK


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise ValueError(f"{digits!r} is no number")
    return int(digits or b"0", 8)

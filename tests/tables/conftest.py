"""What several test files of tables use."""

import json
import zlib

import pytest

from nasbench_kit.tables.format import MAGIC


@pytest.fixture(scope="session")
def with_index():
    """The bytes of a table with another index, under the right checksum, and of the right size where it fits."""

    def make(content, change):
        start = content.index(b"{")
        n_bytes = int(content[:start].split(b"\n")[1].split()[0])
        index = content[start : start + n_bytes]
        if isinstance(change, bytes):
            body = change
        else:
            body = json.dumps(change(json.loads(index)), separators=(",", ":")).encode()
        head = MAGIC + b"1\n%d %08x\n" % (len(body), zlib.crc32(body)) + body
        return head + content[len(head) :]

    return make


@pytest.fixture(scope="session")
def as_format_1_0(with_index):
    """The bytes of a table as the first minor version of the format wrote it: no checksums, nothing beside metrics."""

    def strip(index):
        index.pop("minor")
        for entry in index["columns"].values():
            del entry["crc32"]
        for dataset in index["datasets"].values():
            for member in ("epochs_are", "failed", "values_are"):
                dataset.pop(member, None)
            for metric in dataset["metrics"].values():
                metric.pop("bounds", None)
        return index

    return lambda content, change=lambda index: index: with_index(content, lambda index: change(strip(index)))

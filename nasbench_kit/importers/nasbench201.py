"""NAS-Bench-201: `NAS-Bench-201-v1_0-e61699.pth` and `NAS-Bench-201-v1_1-096897.pth`, read without torch.

The file is one pickle, in one of torch's two containers; it is read one architecture at a time, so that a few gigabytes
of memory are enough, where the original needs 28.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.torch_file import is_torch_file, torch_pickle
from nasbench_kit.importers.base import Content, Progress
from nasbench_kit.importers.natsbench import read_release

_HP_OF = {"less": "12", "full": "200"}


def recognizes(path: Path, head: bytes) -> bool:
    """Whether it is a file of torch that begins with NAS-Bench-201's architectures, or with the results of one."""
    begins = b"meta_archs" in head or b"arch2infos" in head
    return not path.is_dir() and is_torch_file(head) and begins and b"~0|+|" in head


def read(paths: Sequence[Path], progress: Progress) -> Content:
    """The results in a file `NAS-Bench-201-v1_*.pth`.

    Raises:
        ImportDataError: It is damaged, hostile, or none of these.
    """
    if len(paths) != 1:
        raise ImportDataError(f"{len(paths)} sources given; one file NAS-Bench-201-v1_*.pth expected")
    (path,) = paths
    size = path.stat().st_size
    with torch_pickle(path) as file:
        results = read_release(file, path.name, _HP_OF, lambda: progress(min(file.tell(), size), size))
    if results.space.name != "nasbench201":
        raise ImportDataError(f"{path.name} holds architectures of {results.space.name}; nasbench201 expected")
    content = results.content()
    return content._replace(about=_ABOUT)


_ABOUT = {
    "title": "NAS-Bench-201: curves of accuracy and loss at 12 and 200 epochs",
    "licence": "MIT (NAS-Bench-201, Xuanyi Dong and Yi Yang)",
    "citation": "Dong and Yang 2020, https://arxiv.org/abs/2001.00326",
    "notes": [
        "cifar10: trained on 25,000 images, and in brackets [trainval] on all 50,000",
        "valtest: the official ori-test, validation and test images together",
        "params_m and flops_m: seed 888 where runs disagree",
    ],
}

"""What is not ours is unchanged, and its licence is there."""

import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

VENDOR = files("nasbench_kit.report") / "vendor"
NOTICE = Path(__file__).resolve().parents[2] / "NOTICE"


def test_vendored_files_are_those_that_the_notice_names():
    named = dict(re.findall(r"sha256 ([0-9a-f]{64})  (\S+)", NOTICE.read_text(encoding="utf-8")))
    found = {
        sha256(file.read_bytes()).hexdigest(): file.name for file in VENDOR.iterdir() if "LICENSE" not in file.name
    }
    assert found == named
    assert "The MIT License" in (VENDOR / "uPlot.LICENSE").read_text(encoding="utf-8")

"""A library that is not installed is named with what installs it."""

import sys
import tomllib
from pathlib import Path

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.libraries import LIBRARIES, library_search

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


@pytest.mark.parametrize("prefix", ["smac", "syne_tune", "neps"])
def test_a_library_that_is_absent_is_named_with_the_extra_that_installs_it(prefix, monkeypatch):
    monkeypatch.setitem(sys.modules, LIBRARIES[prefix].package, None)
    library_search.cache_clear()
    with pytest.raises(SettingError, match=rf"needs the package {prefix}, .*pip install 'nasbench-kit\[{prefix}\]'"):
        optimizer_class(f"{prefix}:Anything")
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras[prefix.replace("_", "-")][0].startswith(LIBRARIES[prefix].distribution)

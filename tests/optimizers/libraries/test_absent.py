"""A library that is not installed is named with what installs it."""

import sys
import tomllib
from pathlib import Path

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import Task, optimizer_class
from nasbench_kit.optimizers.base import check_needs
from nasbench_kit.optimizers.libraries import LIBRARIES, library_search
from nasbench_kit.spaces import NASBench201Space

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


@pytest.mark.parametrize("prefix", ["smac", "syne_tune", "neps"])
def test_a_library_that_is_absent_is_named_with_the_extra_that_installs_it(prefix, monkeypatch):
    monkeypatch.setitem(sys.modules, LIBRARIES[prefix].package, None)
    library_search.cache_clear()
    extra = prefix.replace("_", "-")  # as pip of Python 3.11 knows no other spelling than that of the extra itself
    with pytest.raises(SettingError, match=rf"needs the package {prefix}, .*pip install 'nasbench-kit\[{extra}\]'"):
        optimizer_class(f"{prefix}:Anything")
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras[extra][0].startswith(LIBRARIES[prefix].distribution)


def test_what_a_package_warns_of_when_it_is_imported_is_not_said(tmp_path, monkeypatch):
    (tmp_path / "loud_package.py").write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    monkeypatch.syspath_prepend(tmp_path)

    class Search:
        needs = ("package:loud_package",)

    check_needs(Search, Task(NASBench201Space()), "loud")  # a warning is an error in these tests
    assert "loud_package" in sys.modules

"""The face of the package: what it shows is there, and costs nothing until it is asked for."""

import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import nasbench_kit as nbk


def test_the_package_shows_its_public_names_and_no_others():
    assert set(nbk.__all__) < set(dir(nbk))
    assert [name for name in dir(nbk) if name.startswith("_") and name != "__version__"] == []
    assert "annotations" not in dir(nbk)


def test_packages_that_import_their_parts_when_asked_show_their_public_names_and_no_others():
    packages = [import_module(f"nasbench_kit.{module.name}") for module in pkgutil.iter_modules(nbk.__path__)]
    lazy = [package for package in packages if hasattr(package, "__getattr__")]
    assert {nbk.spaces, nbk.surrogates} <= {*lazy}
    for package in lazy:
        assert dir(package) == sorted(package.__all__)
        assert all(hasattr(package, name) for name in dir(package))


def test_every_name_that_the_package_shows_is_there():
    script = "import nasbench_kit as nbk; print([name for name in dir(nbk) if getattr(nbk, name) is None])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_listing_the_names_imports_nothing():
    script = "import sys; import nasbench_kit as nbk; dir(nbk); print('numpy' in sys.modules, 'click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_all_packages_but_private_ones_are_shown():
    hidden = {"__main__", "cli", "formats", "jobs", "messages", "notebook", "optional", "outputs", "places", "progress"}
    found = {module.name for module in pkgutil.iter_modules(nbk.__path__)}
    assert found - hidden - {"version"} <= set(dir(nbk))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nasbench_kit' has no attribute 'lode'"):
        nbk.lode  # noqa: B018

"""Every block of the page on adapters runs."""

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
PACKAGES = {  # of adapters that are called otherwise
    "configspace": "ConfigSpace",
    "hpobench": "ConfigSpace",
    "mf_prior_bench": "ConfigSpace",
    "scikit_learn": "lightgbm",  # which computes the forest
}


def packages(block):
    """What a block imports; what its adapter needs."""
    imported = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imported]
    adapter = next(name for name in names if name.startswith("nasbench_kit.adapters.")).rpartition(".")[2]
    return {name.partition(".")[0] for name in names} | {PACKAGES.get(adapter, adapter)}


def titled(block):
    return re.search(r"adapters\.(\w+)", block)[1]


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("block", BLOCKS, ids=titled)
def test_a_block_of_the_page_runs(block, tmp_path, monkeypatch, capsys):
    absent = [name for name in packages(block) if find_spec(name) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}, which this example of docs/adapters.md needs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    exec(compile(block, "adapters.md", "exec"), {"__name__": "page"})  # allowed: our own text
    assert capsys.readouterr().out


def test_there_is_a_block_for_every_adapter_and_an_extra_for_every_one_that_needs_a_package():
    modules = {path.stem for path in (ROOT / "nasbench_kit" / "adapters").glob("*.py")} - {"__init__", "queries"}
    assert {*map(titled, BLOCKS)} == modules
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {*re.findall(r"nasbench-kit\[(?:[\w-]+,)*([\w-]+)\]", PAGE)} <= {*extras}


def test_the_examples_are_short():
    assert max(len(block.strip().splitlines()) for block in BLOCKS) <= 14

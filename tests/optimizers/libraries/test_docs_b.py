"""What docs/other-libraries-b.md shows runs, where the library is there."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from nasbench_kit.cli.settings import parse_optimizer
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.base import check_settings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "other-libraries-b.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r'optimizer_class\("(\w+):', block)[0])
def test_a_block_of_the_page_runs(block, request, capsys):
    library = request.node.callspec.id
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install 'nasbench-kit[{library}]'")
    exec(compile(block, str(PAGE), "exec"), {})
    assert float(capsys.readouterr().out.split()[-1]) > 0.7


@pytest.mark.parametrize("library", ["smac", "syne_tune", "neps"])
def test_the_names_and_the_command_of_the_page_are_right(library):
    pytest.importorskip(library)
    (row,) = re.findall(rf"^\| `{library}:` \| (.*?) \|", TEXT, flags=re.MULTILINE)
    names = re.findall(r"`(\w+)`", row)
    assert len(names) > 5
    for name in names:
        assert callable(optimizer_class(f"{library}:{name}"))
    commands = [shlex.split(line) for line in re.findall(r"^nasbench-kit compare (.*)$", TEXT, flags=re.MULTILINE)]
    (given,) = [parse_optimizer(word) for words in commands for word in words if word.startswith(f"{library}:")]
    check_settings(optimizer_class(given.name), given.name, given.settings)

"""What docs/other-libraries-b.md shows runs, where the library is there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "other-libraries-b.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r'optimizer_class\("(\w+):', block)[0])
def test_a_block_of_the_page_runs(block, request, capsys):
    library = request.node.callspec.id
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install 'nasbench-kit[{library}]'")
    exec(compile(block, str(PAGE), "exec"), {})
    assert float(capsys.readouterr().out.split()[-1]) > 0.7


def test_the_page_shows_each_library():
    assert len(BLOCKS) == 3

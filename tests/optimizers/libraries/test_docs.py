"""What docs/other-libraries.md shows runs."""

import re
import shlex
from pathlib import Path

import pytest

from nasbench_kit.cli.settings import parse_optimizer
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.base import check_settings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "other-libraries.md").read_text(encoding="utf-8")
SECTIONS = PAGE.split("\n## ")[1:]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_the_example_of_a_library_runs(section, capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, "other-libraries.md", "exec"), {"__name__": "page"})  # allowed: our own text
    assert float(capsys.readouterr().out.split()[-1]) > 0.8


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_the_optimizers_that_a_section_names_have_these_settings(section):
    (command,) = re.findall(r"^nasbench-kit compare (.*)$", section, flags=re.MULTILINE)
    words = shlex.split(command)
    for text in [words[i + 1] for i, word in enumerate(words) if word == "-o"]:
        given = parse_optimizer(text)
        check_settings(optimizer_class(given.name), given.name, given.settings)


def test_every_name_in_the_table_is_there():
    rows = re.findall(r"^\| `(\w+):` \| (.*?) \|", PAGE, flags=re.MULTILINE)
    assert len(rows) == 5
    for prefix, names in rows:
        for name in re.findall(r"`(\w+)`", names):
            assert callable(optimizer_class(f"{prefix}:{name}"))

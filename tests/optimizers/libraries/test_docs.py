"""What docs/other-libraries.md shows runs."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from nasbench_kit.cli.settings import parse_optimizer
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.base import check_settings
from nasbench_kit.optimizers.libraries import LIBRARIES

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "other-libraries.md").read_text(encoding="utf-8")
SECTIONS = [section for section in PAGE.split("\n## ")[1:] if "```python" in section]
NOT_IN_DEV = ("syne_tune", "neps")  # too large for an environment of tests; what is in it is never skipped
IN_THEIR_OWN = any(find_spec(library) for library in NOT_IN_DEV)  # an environment that lacks the others


def skip_if_absent(library):
    if (library in NOT_IN_DEV or IN_THEIR_OWN) and find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install 'nasbench-kit[{library.replace('_', '-')}]'")


def library_of(section):
    return re.search(r'optimizer_class\("(\w+):', section)[1]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_the_example_of_a_library_runs(section, capsys):
    skip_if_absent(library_of(section))
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, "other-libraries.md", "exec"), {"__name__": "page"})  # allowed: our own text
    assert float(capsys.readouterr().out.split()[-1]) > 0.7


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_the_optimizers_that_a_section_names_have_these_settings(section):
    skip_if_absent(library_of(section))
    (command,) = re.findall(r"^nasbench-kit compare (.*)$", section, flags=re.MULTILINE)
    words = shlex.split(command)
    for text in [words[i + 1] for i, word in enumerate(words) if word == "-o"]:
        given = parse_optimizer(text)
        check_settings(optimizer_class(given.name), given.name, given.settings)


@pytest.mark.parametrize(
    ("library", "names"), re.findall(r"^\| `(\w+):` \| (.*?) \|", PAGE, flags=re.MULTILINE), ids=lambda text: text[:10]
)
def test_every_name_in_the_table_is_there(library, names):
    skip_if_absent(library)
    for name in re.findall(r"`(\w+)`", names):
        assert callable(optimizer_class(f"{library}:{name}"))


def test_the_table_has_every_library_and_no_other():
    assert sorted(re.findall(r"^\| `(\w+):`", PAGE, flags=re.MULTILINE)) == sorted(LIBRARIES)

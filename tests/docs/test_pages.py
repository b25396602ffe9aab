"""The pages of the site: their code runs and prints what they say, each is reached, and no link leads nowhere."""

import ast
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nasbench_kit.cli import main
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.plots import KINDS
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.spaces import SPACES

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))
try:
    import _gallery
    import _generate
finally:
    sys.path.remove(str(DOCS))

WRITTEN = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md") if "reference" not in path.parts}
RUN = sorted(page for page in WRITTEN if "/" in page)  # what stands above them is run by test_docs.py, and others
FEW = {
    "runs=30": "runs=2, n_processes=1",
    "--runs 20": "--runs 2 --processes 1",
    "--members 5": "--members 2 --processes 1 --set rounds=100",
}


@pytest.fixture(scope="module")
def made():
    """Page -> text of what is made from the package."""
    return _generate.pages() | {f"{_generate.MADE}/gallery.md": _gallery.page()}


def blocks(text):
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def run(code, namespace, capsys):
    """Run statement by statement: what a line says behind its print is what it prints. What loops print is returned."""
    lines, unsaid = code.splitlines(), ""
    for statement in ast.parse(code).body:
        exec(compile(ast.Module([statement], []), "page", "exec"), namespace)  # allowed: our own text
        printed = capsys.readouterr().out.strip()
        said = re.search(r"\)  # (.*)$", lines[statement.end_lineno - 1])
        if printed and said:
            assert printed == said[1]
        else:
            assert isinstance(statement, ast.For) or not printed
            unsaid += printed
    return unsaid


@pytest.mark.parametrize("page", RUN)
def test_every_block_of_a_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    text = WRITTEN[page].read_text(encoding="utf-8")
    for few, fewer in FEW.items():
        text = text.replace(few, fewer)
    namespace = {"__name__": "page"}
    files = iter(re.findall(r"^(?:Saved as|.* As) `([\w.]+)`:$", text, flags=re.MULTILINE))
    for language, code in blocks(text):
        if language == "toml" or code.startswith('"""'):
            Path(next(files)).write_text(code)
        elif language == "python":
            printed = run(code, namespace, capsys)
        elif language == "sh":
            for line in code.splitlines():
                done = CliRunner().invoke(main, shlex.split(line)[1:])
                assert done.exit_code == 0, done.output
        else:
            assert language == "text"  # what the block above prints, or what cannot be run here
            assert code.startswith(("nasbench-kit", "search space")) or code.strip() == printed
    assert next(files, None) is None
    sys.modules.pop("tabu", None)


@pytest.mark.parametrize("page", sorted(WRITTEN))
def test_what_is_pasted_into_an_interpreter_has_an_empty_line_behind_each_loop(page):
    for language, code in blocks(WRITTEN[page].read_text(encoding="utf-8")):
        if language != "python" or code.startswith('"""'):  # a file to save
            continue
        body, lines = ast.parse(code).body, code.splitlines()
        ended = [one.end_lineno for one in body[:-1] if hasattr(one, "body")]
        assert [lines[end - 1] for end in ended if lines[end].strip()] == []


def test_no_line_in_the_middle_of_a_paragraph_begins_a_list():
    found = []
    for page, path in WRITTEN.items():
        prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        found += [(page, line) for line in re.findall(r"^(?![-+*|#>]|\d+\. | ).+\n([-+*] .*)$", prose, re.MULTILINE)]
    assert found == []


def test_our_side_of_every_call_of_another_library_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = WRITTEN["how-to/coming-from.md"].read_text(encoding="utf-8")
    namespace = {"__name__": "page"}
    n_run = 0
    for section in text.split("\n## ")[1:]:
        for _, code in blocks(section):
            exec(compile(code, "page", "exec"), namespace)  # allowed: our own text
        for row in re.findall(r"^\| (.*) \|$", section, flags=re.MULTILINE)[2:]:
            ours = re.split(r"(?<!\\) \| ", row)[-1]
            for code in re.findall(r"`([^`]*)`", ours):
                if ("(" in code and not code.startswith(("ask", "tell"))) or "[" in code:
                    exec(compile(code, "page", "exec"), namespace)  # allowed: our own text
                    n_run += 1
    assert n_run > 40


def test_every_page_is_in_a_contents_list_and_what_a_list_names_exists(made):
    there = {page: path.read_text(encoding="utf-8") for page, path in WRITTEN.items()} | made
    named = []
    for page, text in there.items():
        for block in re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.DOTALL):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            named += [(Path(page).parent / f"{entry}.md").as_posix() for entry in entries]
    assert sorted(named) == sorted({*there} - {"index.md"})


def test_every_link_between_pages_leads_to_a_page(made):
    there = {
        page: _generate.with_links(path.read_text(encoding="utf-8"), f"docs/{page}") for page, path in WRITTEN.items()
    }
    there |= made
    missing = []
    for page, text in there.items():
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        links = re.findall(r"(?<!!)\]\((?!\w+:)([^)#\s]+\.md)", prose) + [
            f"{target}.md" for target in re.findall(r"\{doc\}`[^`]*?<?(/[\w/.-]+)>?`", text)
        ]
        for link in links:
            target = (Path(link[1:]) if link.startswith("/") else Path(page).parent / link).as_posix()
            target = re.sub(r"[^/]+/\.\./", "", target)
            if target not in there:
                missing.append((page, link))
    assert missing == []


def test_there_is_a_page_of_everything_that_has_a_name(made):
    for folder, names in (
        ("optimizers", OPTIMIZERS),
        ("protocols", PROTOCOLS),
        ("spaces", SPACES),
        ("cli", main.commands),
    ):
        assert {f"reference/{folder}/{name}.md" for name in names} <= {*made}
    assert "algorithm 2" in made["reference/optimizers/asha.md"]


def test_each_module_that_a_page_imports_from_has_a_page(made):
    code = "".join(code for path in WRITTEN.values() for _, code in blocks(path.read_text(encoding="utf-8")))
    named = {*re.findall(r"^from nasbench_kit\.([\w.]+) import", code, flags=re.MULTILINE)}
    assert {f"reference/api/{name}.md" for name in named - {"compat"}} <= {*made}
    assert {f"adapters.{name}" for name in ("optuna", "optunahub", "syne_tune")} <= named


def test_the_page_of_an_adapter_needs_no_library_and_names_what_is_public_in_it(made):
    assert "nasbench_kit.adapters.optuna.Objective" in made["reference/api/adapters.optuna.md"]
    assert "check_directions" not in made["reference/api/adapters.optuna.md"]
    assert (
        "autoclass:: nasbench_kit.adapters.syne_tune.BenchmarkBlackbox" in made["reference/api/adapters.syne_tune.md"]
    )


def test_names_of_files_with_asterisks_are_no_emphasis(made):
    assert r"NATS-\*.pickle.pbz2, or a folder NATS-\*-simple" in made["reference/importers/natsbench.md"]
    assert r"NATS-\*.pickle.pbz2, or a folder NATS-\*-simple" in made["reference/importers.md"]


def test_a_page_that_is_named_by_its_file_is_linked_to(made):
    assert "[](/your-own-benchmark.md) shows how" in made["reference/importers/described.md"]
    assert "([](/clusters.md))" in made["reference/cli/compare.md"]
    assert not [
        page
        for page, text in made.items()
        if re.search(r"(?<![(/])docs/[a-z-]+\.md", text)
        and page.startswith(("reference/cli", "reference/importers", "reference/api"))
    ]


def test_a_constant_has_its_value_or_what_is_said_of_it(made):
    page = made["reference/api/comparison.md"]
    assert "py:data:: nasbench_kit.comparison.RUNS\n   :value: 500\n" in page
    assert "autodata:: nasbench_kit.comparison.planning.Named\n   :no-value:" in page


def test_a_table_has_no_empty_column_and_says_once_what_is_the_same_in_all_rows(made):
    page = made["reference/protocols/nb201.md"]
    assert page.count("Mellor et al. 2021") == 1
    assert "| optimizer | reported by | value | sd |" in page
    assert "| decision | choices |\n" in made["reference/spaces/nasbench201.md"]


def test_architectures_are_counted_as_tables_count_them(made):
    assert "| 423,624 of 509,607,936 tuples |" in made["reference/spaces.md"]
    assert "| 15,625 (6,466 of them different) |" in made["reference/spaces.md"]
    assert "| `eta` | `3` |" in made["reference/optimizers/asha.md"]
    assert "0.9119" in made["reference/protocols/nb201.md"]
    assert "15,625 architectures" in made["reference/spaces/nasbench201.md"]
    assert "--until-settled" in made["reference/cli/compare.md"]


def test_the_gallery_has_every_kind_of_figure_with_a_command_that_can_be_typed():
    assert {example.kind for example in _gallery.EXAMPLES} == {*KINDS}
    for number in range(len(_gallery.EXAMPLES)):
        main.commands["plot"].make_context("plot", shlex.split(_gallery.command(number))[2:])


def test_a_link_leads_to_the_page_of_a_document_and_to_nothing_else():
    with pytest.raises(ValueError, match=r"docs/a.md links to ../LICENSE, which is no page of the site"):
        _generate.with_links("[it](../LICENSE)", "docs/a.md")
    assert _generate.with_links("[it](../data/nasbench201.md#limits)", "docs/a.md") == (
        "[it](/reference/results/nasbench201.md#limits)"
    )
    assert _generate.with_links("[archive.md](archive.md)", "docs/a.md") == "[](/archive.md)"  # whose title is shown

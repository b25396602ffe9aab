"""The documents keep their promises: what README.md shows runs, and what it links to exists."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.importers.described import KEYS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "data/*.md", "surrogates/*.md")
    for path in ROOT.glob(pattern)
)
COMMAND = Path(sys.executable).with_name("nasbench-kit")


SURROGATES = (ROOT / "docs" / "surrogates.md").read_text(encoding="utf-8")
OWN = (ROOT / "docs" / "your-own-benchmark.md").read_text(encoding="utf-8")


def blocks(language, document=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", document, flags=re.DOTALL | re.MULTILINE)


def commands():
    """Everything in README.md that is typed after `nasbench-kit`, as lists of arguments."""
    inline = re.findall(r"`(nasbench-kit [^`\n]+)`", README)
    shell = re.findall(r"nasbench-kit[^&|\n]*", "".join(blocks("sh")))
    return [shlex.split(line)[1:] for line in inline + shell]


def test_every_python_block_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)  # allowed: our own text
    printed = capsys.readouterr().out
    shown = re.search(r"Evaluation\(epoch=200, val_accuracy=(0\.\d+)\.\.\., cost_s=([\d.]+)\.\.\.", README)
    found = re.search(
        r"Evaluation\(epoch=200, val_accuracy=(0\.\d+), cost_s=([\d.]+), seeds=\(777, 888, 999\)\)", printed
    )
    assert [found[i].startswith(shown[i]) for i in (1, 2)] == [True, True]
    best = re.search(r"bench\.best\(\) +# (Best\(arch=\(.*\), value=0\.\d+)\.\.\.", README)[1]
    assert repr(namespace["bench"].best()).startswith(best)


def test_every_block_of_the_page_on_benchmarks_of_ones_own_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    descriptions, frames = blocks("toml", OWN), blocks("csv", OWN)
    for description, frame in zip(descriptions, frames, strict=True):
        described = tomllib.loads(description)
        Path(described["data"]).write_text(frame)
        Path(f"{described['name']}.toml").write_text(description)
    typed = [shlex.split(line)[1:] for line in "".join(blocks("sh", OWN)).splitlines()]
    typed += [["import", "words.toml"], ["compare", "-b", "words/default", "--runs", "2", "--evaluations", "4"]]
    printed = []
    for arguments in typed:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        printed.append(done.stdout)
    assert Path("compare.png").exists()
    assert Path("data/mine.h5").exists()
    assert "Kernels and widths on CIFAR-10" in printed[1]
    assert "0.9155" in printed[2]  # (91.2 + 91.9) / 2
    (block,) = blocks("python", OWN)
    exec(compile(block, "your-own-benchmark.md", "exec"), {"__name__": "page"})  # allowed: our own text
    assert re.findall(r"val_accuracy=(0\.\d+)", capsys.readouterr().out) == ["0.9155", "0.912"]


def test_the_page_on_benchmarks_of_ones_own_names_every_key_of_a_description():
    assert [key for key in KEYS if not re.search(rf"\| `{key}[.`]", OWN)] == []


def test_the_page_on_surrogates_says_what_is_held_out():
    splits, _ = blocks("python", SURROGATES)
    namespace = {"__name__": "page"}
    exec(compile(splits, "surrogates.md", "exec"), namespace)  # allowed: our own text
    assert re.search(r"uint8 \((\d+), 6\)", splits)[1] == str(len(namespace["test"]))


def test_the_recipe_of_the_page_on_surrogates_finds_what_the_shipped_one_answers(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)  # it names the folder as it lies in a checkout
    _, recipe = blocks("python", SURROGATES)
    shown = re.search(r"# cifar10 val_accuracy (0\.\d+)\.\.\.", recipe)[1]
    bench = nbk.load("nasbench201_surrogate/cifar10", results=ROOT / "surrogates" / "nasbench201_surrogate")
    rng = np.random.default_rng(0)
    some = [bench.space.sample(rng) for _ in range(30)]
    for cell in [(3, 3, 3, 1, 3, 2), (0,) * 6, (1,) * 6, (4,) * 6, (3,) * 6, *some]:
        code = recipe.replace("(3, 3, 3, 1, 3, 2)", repr(cell))
        exec(compile(code, "surrogates.md", "exec"), {"__name__": "page"})  # allowed: our own text
        dataset, metric, value = capsys.readouterr().out.split()
        assert (dataset, metric) == ("cifar10", "val_accuracy")
        assert float(value) == pytest.approx(bench.query(cell).val_accuracy, rel=1e-6)
        assert cell != (3, 3, 3, 1, 3, 2) or value.startswith(shown)


def test_the_page_on_surrogates_names_every_member_of_a_card_and_of_its_targets(make_surrogate):
    card = make_surrogate().card.to_json()
    named = {
        name
        for row in re.findall(r"^\| (`.*?`) \|", SURROGATES, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert {*card, "epochs_are", *card["targets"][0]} == named  # what may be absent, too


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs_and_prints_what_it_shows(notebook, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    namespace = {"__name__": "notebook"}
    for cell in cells:
        exec(compile("".join(cell["source"]), notebook.name, "exec"), namespace)  # allowed: our own text
        shown = "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
        assert capsys.readouterr().out == shown


def test_the_readme_compares_the_optimizer_it_shows(tmp_path):
    (block,) = [block for block in blocks("python") if "class Climber" in block]
    (tmp_path / "climber.py").write_text(block)
    (arguments,) = [line for line in commands() if any("climber:Climber" in word for word in line)]
    few = ["--runs", "3", "--evaluations", "20", "--processes", "2"]
    done = subprocess.run([COMMAND, *arguments, *few], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "climber:Climber (restart=0.2)" in done.stdout
    assert (tmp_path / "compare.png").exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / document).read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (ROOT / document.parent / link).exists()] == []


def test_every_command_of_the_readme_exists():
    assert {arguments[0] for arguments in commands()} == set(main.commands)
    for arguments in commands():
        command, rest = main, list(arguments)
        while isinstance(command, click.Group):  # `surrogate fit`
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= known


def test_the_first_shell_block_is_the_main_job_and_the_second_runs_the_tests():
    main_job, tests = blocks("sh")[:2]  # .ci/run relies on it
    assert main_job.split()[-2:] == ["nasbench-kit", "compare"]
    assert tests.split()[-1] == "pytest"

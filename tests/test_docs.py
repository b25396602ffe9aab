"""The documents keep their promises: what README.md shows runs, and what it links to exists."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from itertools import chain
from pathlib import Path

import click
import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.analysis.frames import EVALUATION_COLUMNS, INCUMBENT_COLUMNS
from nasbench_kit.cli import main
from nasbench_kit.errors import SettingError
from nasbench_kit.importers.described import KEYS
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.study import Study
from nasbench_kit.testing import check_optimizer

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "docs/[!r]*/*.md", "data/*.md", "surrogates/*.md")  # docs/reference is made
    for path in ROOT.glob(pattern)
)
COMMAND = Path(sys.executable).with_name("nasbench-kit")


SURROGATES = (ROOT / "docs" / "surrogates.md").read_text(encoding="utf-8")
OWN = (ROOT / "docs" / "your-own-benchmark.md").read_text(encoding="utf-8")
ARCHIVE = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
STUDIES = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
ANALYSIS = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
LANDSCAPE = (ROOT / "docs" / "landscape.md").read_text(encoding="utf-8")
REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
SEARCHING = (ROOT / "docs" / "searching.md").read_text(encoding="utf-8")


def blocks(language, document=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", document, flags=re.DOTALL | re.MULTILINE)


def commands(document=README):
    """Everything in a document that is typed after `nasbench-kit`, as lists of arguments."""
    inline = re.findall(r"`(nasbench-kit [^`\n]+)`", document)
    shell = re.findall(r"nasbench-kit[^&|\n]*", "".join(blocks("sh", document)))
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


def test_every_block_of_the_page_on_analysis_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "analysis"}
    for block in blocks("python", ANALYSIS):
        exec(compile(block, "analysis.md", "exec"), namespace)  # allowed: our own text
        printed = capsys.readouterr().out.splitlines()
        said = re.findall(r"^print\(.*\) +# ([^:;\n]*?)(?:[:;].*)?$", block, flags=re.MULTILINE)
        assert [line.partition(":")[0] for line in printed] == said


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


def test_the_block_of_the_page_on_reports_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nbk.compare("nasbench201/cifar10", "random_search", runs=2, n_evaluations=5, study="compare.db", n_processes=1)
    (block,) = blocks("python", REPORT)
    namespace = {"__name__": "page"}
    exec(compile(block, "report.md", "exec"), namespace)  # allowed: our own text
    assert namespace["html"].startswith("<!doctype html>")
    assert [panel["title"] for panel in namespace["numbers"]] == ["nasbench201/cifar10"]
    assert all(Path(file).exists() for file in namespace["files"])


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


SHORT = {  # notebook -> instead of what the cell of its parameters says
    "searching": {
        "RUNS": 2,
        "FEW": 1,
        "QUERIES": 12,
        "BUDGETS_S": {"nasbench301/cifar10": 40_000, "nasbench101/cifar10": 10_000},
    },
    "paper": {"RUNS": 4},
    "surrogate_claims": {"SHARES": (0.01, 0.05), "ROUNDS": 20, "RUNS": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs_and_prints_what_it_shows(notebook, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    # a pool takes longer to begin than few runs take
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    namespace = {"__name__": "notebook"}
    is_short = False
    with plt.rc_context():  # what it sets is no later test's
        for cell in cells:
            exec(compile("".join(cell["source"]), notebook.name, "exec"), namespace)  # allowed: our own text
            if "parameters" in cell["metadata"].get("tags", ()):
                is_short = True
                assert {*SHORT[notebook.stem]} <= {*namespace}
                namespace |= SHORT[notebook.stem]
            shown = "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
            printed = capsys.readouterr().out
            # of other runs, that it prints at all
            assert bool(printed) == bool(shown) if is_short else printed == shown
    plt.close("all")


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_was_run_from_the_first_cell_to_the_last(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    assert not any(output["output_type"] == "error" for cell in cells for output in cell["outputs"])


def run_here(code, name):
    """What a block of a document defines."""
    namespace = {"__name__": name}
    exec(compile(code, name, "exec"), namespace)  # allowed: our own text
    return namespace


def compared(arguments, folder):
    """What `compare` prints, for few and short runs."""
    few = ["--runs", "3", "--processes", "1", "--budget-s", "20000"]
    if "--runs" in arguments:
        arguments = arguments[: arguments.index("--runs")]
    done = subprocess.run([COMMAND, *arguments, *few], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "compare.png").exists()
    return done.stdout


def test_the_readme_compares_the_optimizer_it_shows(tmp_path, cifar10):
    (block,) = [block for block in blocks("python") if "class Climber" in block]
    (tmp_path / "climber.py").write_text(block)
    (arguments,) = [line for line in commands() if any("climber:Climber" in word for word in line)]
    assert re.search(r"^  ours ", compared(arguments, tmp_path), flags=re.MULTILINE)
    check_optimizer(run_here(block, "climber")["Climber"], cifar10)


@pytest.mark.parametrize(
    ("file", "name", "benchmark", "how"),
    [
        ("halving", "SuccessiveHalving", "nasbench201_mnist1d/mnist1d", {}),
        ("nsga2", "NSGA2", "nasbench201/cifar10", {"objectives": ["val_accuracy", "params_m"]}),
    ],
)
def test_the_optimizers_of_the_page_on_searching_conform_and_are_compared(tmp_path, file, name, benchmark, how):
    (block,) = [block for block in blocks("python", SEARCHING) if f"class {name}" in block]
    assert f"Saved as `{file}.py`" in SEARCHING
    (tmp_path / f"{file}.py").write_text(block)
    make = run_here(block, file)[name]
    check_optimizer(make, nbk.load(benchmark, **how))
    with pytest.raises(SettingError, match=f"{name} needs"):
        check_optimizer(make, nbk.load("nasbench201/cifar100"))
    (arguments,) = [line for line in commands(SEARCHING) if any(f"{file}:{name}" in word for word in line)]
    assert arguments[arguments.index("-b") + 1] == benchmark
    assert "random_search" in compared(arguments, tmp_path)


def test_successive_halving_goes_on_with_its_trainings(tmp_path):
    (block,) = [block for block in blocks("python", SEARCHING) if "class SuccessiveHalving" in block]
    bench, rng = nbk.load("nasbench201_mnist1d/mnist1d"), np.random.default_rng(0)
    made = run_here(block, "halving")["SuccessiveHalving"](nbk.task_of(bench), rng)
    records = nbk.simulate(bench, made, rng=rng, n_evaluations=39, n_workers=4)
    assert [(records.epoch == epoch).sum() for epoch in (4, 12, 36)] == [27, 9, 3]
    last = records.trial[records.epoch == 36]
    for number in last:
        curve = records.trial == number
        assert records.epoch[curve].tolist() == [4, 12, 36]
        assert len(set(records.seed[curve])) == 1
        whole = bench.query(tuple(records.archs[curve][0].tolist())).cost_s
        assert records.cost_s[curve].sum() == pytest.approx(whole)


def test_the_python_of_the_page_on_searching_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    halving, _, compare, law = blocks("python", SEARCHING)
    Path("halving.py").write_text(halving)
    run_here(compare.replace("runs=20", "runs=2, n_processes=1"), "page")
    sys.modules.pop("halving")
    assert 0 <= float(capsys.readouterr().out) < 1
    assert Path("halving.png").exists()
    run_here(law, "law")
    assert 0.9 < float(capsys.readouterr().out.split()[0]) < 0.92


def test_the_page_on_searching_names_every_rule_and_its_option():
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|", SEARCHING.partition("## Rules")[2], flags=re.MULTILINE)
    named = {
        rule: option
        for rules, options in rows
        for rule, option in zip(re.findall(r"`(\w+)`", rules), re.findall(r"`(--[\w-]+)`", options), strict=True)
    }
    options = {parameter.name: parameter.opts[0] for parameter in main.commands["compare"].params}
    assert named == {field.name: options[field.name] for field in fields(nbk.Rules)}


def test_the_page_on_studies_prints_what_it_shows_and_its_commands_write_what_it_says(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for block in blocks("python", STUDIES):
        exec(compile(block, "studies.md", "exec"), namespace)  # allowed: our own text
    shown = re.findall(r"^ *print\(.*\)  # (.*)$", "".join(blocks("python", STUDIES)), flags=re.MULTILINE)
    assert len(shown) > 15
    assert capsys.readouterr().out.splitlines() == shown
    assert Path("mine.png").exists()
    typed = [arguments for arguments in commands(STUDIES) if arguments[0] != "compare"]
    assert {"--remove", "--iohprofiler", "--incumbents", "--as-stored", "--out", "-o"} <= {*chain.from_iterable(typed)}
    for arguments in sorted(typed, key=lambda arguments: "--remove" in arguments):
        remove = "--remove" in arguments
        arguments = [*arguments, "--yes"] if remove else arguments
        done = CliRunner().invoke(main, ["random_search" if word == "ours" else word for word in arguments])
        assert done.exit_code == 0, done.output
    assert Study("mine.db").configurations() == []


def test_the_page_on_studies_names_every_column_of_its_files():
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", STUDIES, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert {*EVALUATION_COLUMNS, *INCUMBENT_COLUMNS} <= named


def test_the_python_of_the_page_on_landscapes_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("python", LANDSCAPE)
    run_here(block, "page")
    shown = re.findall(r"^print\(.*\) +# (.*)$", block, flags=re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    starts = [line.startswith(comment.removesuffix("...")) for line, comment in zip(printed, shown, strict=True)]
    assert starts == [True] * 5
    assert Path("landscape.png").exists()


def test_the_commands_of_the_page_on_landscapes_are_examples_of_the_help():
    typed = {shlex.join(["nasbench-kit", *arguments]) for arguments in commands(LANDSCAPE)}
    assert typed <= {line.strip() for line in main.commands["describe"].epilog.splitlines()}


def test_the_python_of_the_page_on_figures_draws(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("python", FIGURES)
    run_here(block.replace("runs=20", "runs=2, n_processes=1"), "page")
    assert {path.name for path in tmp_path.iterdir()} == {"study.db", "figure.pdf", "figure.png"}


def test_the_page_on_the_archive_runs_and_counts_the_suites_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("python", ARCHIVE)
    run_here(block.replace("runs=3", "runs=3, n_processes=1"), "page")
    said = re.findall(r"print\(.*\)  # (<Panel.*>)", block)
    assert said == capsys.readouterr().out.splitlines()[:1]
    counts = {name: int(n) for name, n in re.findall(r"^\| `(suite_\w+)` \| (\d+)", ARCHIVE, flags=re.MULTILINE)}
    assert counts == {name: len(one.setups) for name, one in PROTOCOLS.items() if name.startswith("suite_")}


def test_the_commands_of_the_page_on_figures_are_the_examples_of_the_help():
    typed = [shlex.join(["nasbench-kit", *arguments]) for arguments in commands(FIGURES)]
    assert typed == [line.strip() for line in main.commands["plot"].epilog.splitlines()[2:]]


def test_the_page_on_figures_names_every_choice_and_its_option():
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|", FIGURES, flags=re.MULTILINE)
    named = {
        choice: option
        for choices, options in rows
        for choice, option in zip(re.findall(r"`(\w+)`", choices), re.findall(r"`(--?[\w-]+)`", options), strict=True)
    }
    options = {parameter.name: parameter.opts[0] for parameter in main.commands["plot"].params}
    others = {"study", "figures", "kind", "results"}
    assert named == {name: option for name, option in options.items() if name not in others}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / document).read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (ROOT / document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_row_of_a_table_has_a_cell_for_each_column(document):
    tables = re.findall(r"(?:^\|.*\n)+", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE)
    odd = [
        row
        for table in tables
        for row in table.splitlines()
        if len(re.findall(r"(?<!\\)\|", row)) != len(re.findall(r"(?<!\\)\|", table.splitlines()[0]))
    ]
    assert odd == []


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

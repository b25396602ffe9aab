"""Programs in any language: a benchmark that answers them, and what the page on both says."""

import io
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.settings import parse_optimizers
from nasbench_kit.messages import LONGEST, PROTOCOL, QUESTIONS
from nasbench_kit.optimizers import optimizer_class
from nasbench_kit.optimizers.program_process import ProgramProcess
from nasbench_kit.serving import Server
from nasbench_kit.testing import check_optimizer

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "programs.md").read_text(encoding="utf-8")


def block(language, begin):
    (found,) = re.findall(rf"^```{language}\n({begin}.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    return found


def session(begin):
    """What is said on the page: pairs of who says it, and the line."""
    return [(line[0], line[2:]) for line in block("text", begin).splitlines()]


def ask(server, **message):
    return json.loads(server.answer(json.dumps(message).encode()))


@pytest.fixture
def server(cifar10):
    return Server(cifar10, np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the programs of the page."""
    monkeypatch.chdir(tmp_path)
    Path("climb.sh").write_text(block("sh", "#!/bin/sh"))
    Path("climb.sh").chmod(0o755)
    Path("climb.jq").write_text(block("jq", "foreach"))


# ---- the page ----


def test_the_session_of_a_program_is_what_it_says(folder):
    lines = session(r"> \{\"task\"")
    program = ProgramProcess("climb.sh", ["./climb.sh"], 600)
    for who, line in lines:
        if who == ">":
            program.say(f"{line}\n".encode())
        else:
            assert program.answer("anything").decode() == line
    program.close()
    assert json.loads(lines[1][1]) == {"ready": PROTOCOL}


def test_the_session_of_a_program_is_what_it_is_told(folder, cifar10):
    told = [line for who, line in session(r"> \{\"task\"") if who == ">"]
    Path("listen.sh").write_text("#!/bin/sh\ntee told | ./climb.sh\n")
    Path("listen.sh").chmod(0o755)
    small = nbk.Benchmark(cifar10.results, "cifar10")

    class Rng:  # whose seed is that of the page
        def integers(self, n):
            return 0

        def random(self):
            return 0.5

    task = nbk.task_of(small)
    task = type(task)(**{**vars(task), "columns": ("params_m",)})
    made = optimizer_class("cmd:./listen.sh")(task, Rng(), n_random=2)
    nbk.simulate(small, made, rng=np.random.default_rng(0), n_evaluations=4, run="mean")
    del made
    assert Path("told").read_text().splitlines() == told


def test_the_answers_of_a_benchmark_are_those_of_the_page():
    lines = session(r"> \{\"query\"")
    said = "".join(f"{line}\n" for who, line in lines if who == ">")
    done = CliRunner().invoke(main, ["serve", "nasbench201/cifar10"], input=said)
    assert done.stdout.splitlines() == [line for who, line in lines if who == "<"]
    assert done.exit_code == 0


def test_the_page_names_every_message(server):
    unknown = ask(server, absolutely=1)["error"]
    kinds = re.search("choose from (.*)", unknown)[1].split(", ")
    assert [kind for kind in kinds if f'`{{"{kind}"' not in PAGE] == []


@pytest.mark.parametrize("command", ["./climb.sh", "jq -nc --unbuffered -f climb.jq"])
@pytest.mark.parametrize("benchmark", ["nasbench201/cifar10", "nasbench201_surrogate/cifar10"])
def test_the_programs_of_the_page_keep_to_ask_and_tell(folder, command, benchmark):
    if not shutil.which(command.split()[0]):
        pytest.skip("there is no jq")
    assert command in PAGE
    check_optimizer(optimizer_class(f"cmd:{command}"), nbk.load(benchmark), n_evaluations=40)


def test_a_program_that_lets_us_mutate_searches_where_not_every_list_of_choices_is_an_architecture(folder):
    if not shutil.which("jq"):
        pytest.skip("there is no jq")
    made = optimizer_class("cmd:jq -nc --unbuffered -f climb.jq")
    check_optimizer(made, nbk.load("nasbench101/cifar10"), n_evaluations=30)


def test_a_program_climbs_and_its_settings_and_seed_count(folder, cifar10):
    def search(seed, **settings):
        made = optimizer_class("cmd:./climb.sh")(nbk.task_of(cifar10), np.random.default_rng(seed), **settings)
        return nbk.simulate(cifar10, made, rng=np.random.default_rng(0), n_evaluations=60, run="mean")

    first, again, other, fewer = search(0), search(0), search(1), search(0, n_random=5)
    assert first.archs.tolist() == again.archs.tolist() != other.archs.tolist()
    assert first.archs[:5].tolist() == fewer.archs[:5].tolist()
    assert first.archs[5:].tolist() != fewer.archs[5:].tolist()
    for records, n_random in ((first, 20), (fewer, 5)):
        for i in range(n_random, 60):
            best = records.archs[records.value[:i].argmax()]
            assert (records.archs[i] != best).sum() == 1


def test_the_command_of_the_page_compares_the_program_with_others(folder):
    (line,) = re.findall(r"^nasbench-kit compare (.*)$", PAGE, flags=re.MULTILINE)
    words = shlex.split(line)
    given = parse_optimizers(words[i + 1] for i, word in enumerate(words) if word == "-o")
    benchmark = words[words.index("-b") + 1]
    made = nbk.compare(benchmark, given, runs=1, n_evaluations=5, study="compare.db", n_processes=1)
    assert [row["optimizer"] for row in made.table()] == ["random_search", "ours"]


def test_every_python_block_of_the_page_runs(folder):
    exec(compile(block("python", "import"), "programs.md", "exec"), {"__name__": "page"})  # allowed: our own text


# ---- a benchmark that answers ----


def test_a_query_is_answered_as_the_benchmark_answers(server, cifar10):
    arch = (3, 3, 3, 1, 3, 2)
    for how in ({}, {"epoch": 200}, {"seed": 888}):
        evaluation = cifar10.query(arch, **how)
        found = ask(server, query=arch, **how)
        assert found == {
            "arch": [*arch],
            "epoch": evaluation.epoch,
            "value": evaluation.value,
            "cost_s": evaluation.cost_s,
            "seeds": [*evaluation.seeds],
            "failed": 0,
        }
    named = {decision.name: decision.choices[n] for decision, n in zip(cifar10.space.decisions, arch, strict=True)}
    for form in ("333132", 6111, named):
        assert ask(server, query=form) == ask(server, query=arch)


def test_drawn_runs_follow_from_the_seed_and_other_metrics_are_of_the_same_run(cifar10):
    one, other = (Server(cifar10, np.random.default_rng(4)) for _ in range(2))
    asked = {"query": "333132", "seed": "drawn", "metrics": ["val_accuracy"]}
    found = [ask(one, **asked) for _ in range(20)]
    assert found == [ask(other, **asked) for _ in range(20)]
    assert {each["seeds"][0] for each in found} == {777, 888, 999}
    for each in found:
        assert each["values"] == {"val_accuracy": each["value"]}
        assert each["value"] == cifar10.query("333132", seed=each["seeds"][0]).value


def test_values_of_many_are_those_of_the_benchmark_and_null_where_nothing_was_recorded(make_table, stored):
    accuracy = stored("val_accuracy", [0.1, np.nan, 0.3, 0.4, 0.5, 0.6])
    bench = nbk.Benchmark(make_table(accuracy), "d")
    server = Server(bench, np.random.default_rng(0))
    archs = bench.results.representative_archs().tolist()
    assert ask(server, values="val_accuracy", archs=archs)["values"] == [0.1, None, 0.3, 0.4, 0.5, 0.6]
    assert "was not recorded" in ask(server, query=archs[1])["error"]
    assert archs[1] not in ask(server, sample=200)["archs"]
    assert ask(server, describe=True)["n_archs"] == 5


def test_a_description_says_what_can_be_asked(server, cifar10):
    found = ask(server, describe=True)
    assert found["protocol"] == PROTOCOL
    assert [metric["name"] for metric in found["metrics"]] == list(cifar10.metrics)
    assert found["seeds"] == [777, 888, 999]
    assert found["sha256"] == cifar10.results.sha256
    for name in (metric["name"] for metric in found["metrics"]):
        assert ask(server, query="333132", metrics=[name])["values"][name] > 0
        assert re.search(r"\| `\{\"describe\": true\}` \|.*`metrics`", PAGE)
    row = re.search(r"^\| `\{\"describe\": true\}` \| (.*) \|$", PAGE, flags=re.MULTILINE)[1]
    space = {"space", "n_archs", "n_choices", "decisions"}
    assert {*re.findall(r"`(\w+)`", row)} == {*found} - space | {"task"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"hello", "'hello' is no message; a JSON object on a line of its own expected"),
        (b"", "'' is no message"),
        (b"\xff", "is no message"),
        (b"[" * 100_000, "is no message"),
        (b"{}", "is no message"),
        (b'{"query": NaN}', "is no message"),
        (b'{"query": 1' + b"0" * 5_000 + b"}", "is no message"),
        (b'{"query": "' + b"x" * LONGEST + b'"}', f"a line of more than {LONGEST:,} bytes"),
        (b'{"quary": 1}', "unknown message 'quary'; did you mean 'query'?"),
        (b'{"query": [3, 3]}', r"\(3, 3\) has 2 numbers; nasbench201 has 6 decisions"),
        (b'{"query": null}', "None is no architecture"),
        (b'{"query": 1.5}', "1.5 is no architecture"),
        (b'{"query": "333132", "epohc": 1}', "'epohc' beside 'query'; of 'query', 'epoch', 'seed', 'metrics' expected"),
        (b'{"query": "333132", "epoch": "12"}', "epoch '12'; an integer, or null for the last one expected"),
        (b'{"query": "333132", "epoch": true}', "epoch True; an integer"),
        (b'{"query": "333132", "seed": 5}', "seed 5 .*choose from"),
        (b'{"query": "333132", "seed": []}', r"seed \[\]; an integer, null for the mean over all, or"),
        (b'{"query": "333132", "metrics": "params_m"}', "metrics 'params_m'; a list of names of metrics expected"),
        (b'{"query": "333132", "metrics": ["param_m"]}', "unknown metric .*did you mean 'params_m'"),
        (b'{"query": "333132", "metrics": [["params_m"]]}', "a list of names of metrics expected"),
        (b'{"values": "params_m"}', "archs None; a list of architectures expected"),
        (b'{"values": 7, "archs": []}', "values.7, ....; the name of a metric first"),
        (b'{"values": "params_m", "archs": [3, 3, 3, 1, 3, 2]}', "put it in a list"),
        (b'{"sample": 1000000}', "sample 1000000; a number of architectures from 1 to 10,000 expected"),
        (b'{"mutate": "3"}', "is no cell of nasbench201"),
        (b'{"nearest": [9, 9, 9, 9, 9, 9]}', "9"),
        (b'{"text": "333132", "form": "no"}', "unknown form 'no'"),
        (b'{"text": "333132", "form": ["no"]}', "the name of a form expected"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_cannot_be_answered_is_an_error_in_one_line_and_it_goes_on(server, line, message):
    found = server.answer(line)
    assert found.count(b"\n") == 1
    assert [*json.loads(found)] == ["error"]
    assert re.search(message, json.loads(found)["error"])
    assert ask(server, query="333132")["value"] == pytest.approx(0.9160666)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
MEMBERS = ("epoch", "seed", "metrics", "archs", "form")


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["query", "values", "best", "describe", *QUESTIONS]),
    what=JSON | st.sampled_from(["333132", "params_m"]),
    beside=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=2),
)
def test_whatever_is_asked_is_answered_by_one_line(kind, what, beside):
    found = SERVER.answer(json.dumps({kind: what} | beside).encode())
    assert found.count(b"\n") == 1
    assert json.loads(found)


SERVER = Server(nbk.load("nasbench201/cifar10"), np.random.default_rng(0))


def test_a_line_that_is_too_long_is_one_message(cifar10):
    said = b'{"query": "' + b"x" * (3 * LONGEST) + b'"}\n{"query": "333132"}\n'
    done = CliRunner().invoke(main, ["serve", "nasbench201/cifar10"], input=io.BytesIO(said))
    errors, value = map(json.loads, done.stdout.splitlines())
    assert "a line of more than" in errors["error"]
    assert value["value"] == cifar10.query("333132").value


def test_a_program_of_another_process_asks_and_reads_line_by_line():
    program = ProgramProcess(
        "serve", [shutil.which("nasbench-kit"), "serve", "nasbench201/cifar10", "--seed", "3"], 600
    )
    for _ in range(2):
        program.say(b'{"sample": 1}\n')
        (arch,) = json.loads(program.answer("architectures"))["archs"]
        program.say(json.dumps({"query": arch}).encode() + b"\n")
        assert json.loads(program.answer("a value"))["arch"] == arch
    program.close()
    assert program._process.returncode == 0

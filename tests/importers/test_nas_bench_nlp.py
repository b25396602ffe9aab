import gzip
import json
import math
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NasbenchKitError, UnknownNameError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import NASBenchNLPSpace, Space, space_from
from nasbench_kit.testing import check_benchmark, check_space

SPACE = NASBenchNLPSpace()
# The first recipes of the release: a simple recurrent network, an LSTM, a GRU (data/recepies_example.json)
RNN = {"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}
LSTM = {
    "i": {"op": "linear", "input": ["x", "h_prev_0"]},
    "i_act": {"op": "activation_tanh", "input": ["i"]},
    "j": {"op": "linear", "input": ["x", "h_prev_0"]},
    "j_act": {"op": "activation_sigm", "input": ["j"]},
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "f_act": {"op": "activation_sigm", "input": ["f"]},
    "o": {"op": "linear", "input": ["x", "h_prev_0"]},
    "o_act": {"op": "activation_tanh", "input": ["o"]},
    "h_new_1_part1": {"op": "elementwise_prod", "input": ["f_act", "h_prev_1"]},
    "h_new_1_part2": {"op": "elementwise_prod", "input": ["i_act", "j_act"]},
    "h_new_1": {"op": "elementwise_sum", "input": ["h_new_1_part1", "h_new_1_part2"]},
    "h_new_1_act": {"op": "activation_tanh", "input": ["h_new_1"]},
    "h_new_0": {"op": "elementwise_prod", "input": ["h_new_1_act", "o_act"]},
}
GRU = {
    "r": {"op": "linear", "input": ["x", "h_prev_0"]},
    "r_act": {"op": "activation_sigm", "input": ["r"]},
    "z": {"op": "linear", "input": ["x", "h_prev_0"]},
    "z_act": {"op": "activation_sigm", "input": ["z"]},
    "rh": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
    "h_tilde": {"op": "linear", "input": ["x", "rh"]},
    "h_tilde_act": {"op": "activation_tanh", "input": ["h_tilde"]},
    "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "h_tilde_act"]},
}
seeds = st.integers(0, 2**32)


def drawn(seed, n=1):
    return list(map(tuple, SPACE.sample_many(np.random.default_rng(seed), n).tolist()))


def with_op(name, **changes):
    return GRU | {name: GRU[name] | changes}


def renamed(recipe, rng):
    """The same cell: other names, another order of nodes, another order of inputs where it does not matter."""
    names = {name: name if name.removeprefix("h_new_").isdigit() else f"n{i}" for i, name in enumerate(recipe)}
    found = {}
    for name in rng.permutation(list(recipe)).tolist():
        inputs = [names.get(source, source) for source in recipe[name]["input"]]
        if recipe[name]["op"] != "blend":
            rng.shuffle(inputs)
        found[names[name]] = {"op": recipe[name]["op"], "input": inputs}
    return found


# ---- the space ----


def test_it_passes_the_conformance_checks_and_pickles():
    check_space(SPACE, np.random.default_rng(0))
    assert isinstance(pickle.loads(pickle.dumps(SPACE)), NASBenchNLPSpace)
    assert isinstance(space_from("nas_bench_nlp"), NASBenchNLPSpace)
    assert SPACE.size > 2**63
    assert SPACE.keyed_by_identity
    assert SPACE.n_keys is None


@pytest.mark.parametrize("recipe", [RNN, LSTM, GRU])
def test_known_cells_come_back_as_the_same_graph(recipe):
    arch = SPACE.parse(recipe)
    written = SPACE.recipe(arch)
    assert [node["op"] for node in written.values()] == [node["op"] for node in recipe.values()]
    names = dict(zip(recipe, written, strict=True))
    for name, node in recipe.items():
        assert written[names[name]]["input"] == [names.get(source, source) for source in node["input"]]
    assert SPACE.parse(json.dumps(recipe)) == SPACE.parse(written) == SPACE.parse(SPACE.format(arch)) == arch


@given(seeds)
def test_names_and_order_of_nodes_do_not_make_another_cell(seed):
    (arch,) = drawn(seed)
    other = SPACE.parse(renamed(SPACE.recipe(arch), np.random.default_rng(seed)))
    assert SPACE.key(other) == SPACE.key(arch) == SPACE.identity([other])[0]
    assert SPACE.canonical(SPACE.canonical(arch)) == SPACE.canonical(arch)


def test_what_matters_makes_another_cell():
    cells = [
        RNN,
        LSTM,
        GRU,
        with_op("h_new_0", input=["z_act", "h_tilde_act", "h_prev_0"]),  # a blend's inputs do not trade places
        with_op("rh", op="elementwise_sum"),
        with_op("h_tilde", input=["x", "rh", "h_prev_0"]),
        # the two gates share one linear map
        {name: node for name, node in with_op("z_act", input=["r"]).items() if name != "z"},
    ]
    # the states swapped: the output is the other one
    swap = {"h_new_0": "h_new_1", "h_new_1": "h_new_0", "h_prev_0": "h_prev_1", "h_prev_1": "h_prev_0"}
    cells.append(
        {
            swap.get(name, name): {"op": node["op"], "input": [swap.get(source, source) for source in node["input"]]}
            for name, node in LSTM.items()
        }
    )
    keys = [SPACE.key(SPACE.parse(cell)) for cell in cells]
    assert len(set(keys)) == len(cells)
    assert SPACE.identity(cells).tolist() == keys


RING, TRIANGLES = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)], [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]


@pytest.mark.parametrize(
    "graphs",
    [
        # three cells of four maps a to d: (ab + cd) (ab + cd), (ab + cd) (ac + bd), and (ab + ab) (cd + cd)
        [
            ([(0, 1), (2, 3), (0, 1), (2, 3)], [(0, 1), (2, 3)]),
            ([(0, 1), (2, 3), (0, 2), (1, 3)], [(0, 1), (2, 3)]),
            ([(0, 1), (0, 1), (2, 3), (2, 3)], [(0, 1), (2, 3)]),
        ],
        [(RING, [(0, 2, 4), (1, 3, 5)]), (TRIANGLES, [(0, 1, 2), (3, 4, 5)])],
    ],
    ids=["products", "ring"],
)
def test_cells_whose_nodes_all_have_like_neighbors_are_told_apart(graphs):
    cells = []
    for products, sums in graphs:
        maps = {f"map_{i}": {"op": "linear", "input": ["x", "h_prev_0"]} for i in range(1 + max(map(max, products)))}
        maps |= {
            f"product_{i}": {"op": "elementwise_prod", "input": [f"map_{a}", f"map_{b}"]}
            for i, (a, b) in enumerate(products)
        }
        maps |= {f"sum_{i}": {"op": "linear", "input": [f"product_{n}" for n in of]} for i, of in enumerate(sums)}
        cells.append(maps | {"h_new_0": {"op": "elementwise_prod", "input": ["sum_0", "sum_1"]}})
    keys = [SPACE.key(SPACE.parse(cell)) for cell in cells]
    assert len(set(keys)) == len(cells)
    assert SPACE.identity(cells).tolist() == keys
    for seed, cell in enumerate(cells):
        assert SPACE.key(SPACE.parse(renamed(cell, np.random.default_rng(seed)))) == keys[seed]


def test_identities_never_change():
    # tables hold them; the last cell has two nodes that the first hashes do not tell apart
    alike = {name: {"op": "linear", "input": ["x", "h_prev_0"]} for name in "ab"}
    alike["h_new_0"] = {"op": "elementwise_prod", "input": ["a", "b"]}
    assert SPACE.identity([RNN, LSTM, GRU, alike]).tolist() == [
        8043904299877490862,
        12534062329640626569,
        3328217149631328808,
        3838446620716591073,
    ]


def test_nodes_that_lead_nowhere_do_not_count():
    idle = RNN | {"idle": {"op": "activation_sigm", "input": ["f"]}}
    assert SPACE.parse(idle) != SPACE.parse(RNN)
    assert SPACE.key(SPACE.parse(idle)) == SPACE.key(SPACE.parse(RNN))
    assert SPACE.canonical(SPACE.parse(idle)) == SPACE.parse(RNN)


@settings(max_examples=30)
@given(seeds)
def test_sampled_cells_use_all_that_they_have(seed):
    for arch in drawn(seed, 5):
        recipe = SPACE.recipe(arch)
        read = {source for node in recipe.values() for source in node["input"]}
        n_states = sum(name.startswith("h_new_") for name in recipe)
        assert {"x", *(f"h_prev_{i}" for i in range(n_states))} <= read
        assert all(name in read or name.startswith("h_new_") for name in recipe)
        assert all(len(set(node["input"])) == len(node["input"]) for node in recipe.values())


def test_validity_is_the_same_one_by_one_and_in_batches():
    rng = np.random.default_rng(0)
    tuples = [Space.mutate(SPACE, arch, rng) for arch in drawn(1, 200) for _ in range(10)]
    tuples += list(map(tuple, rng.integers(0, 2, (200, 99)).tolist()))
    one_by_one = [SPACE.is_valid(arch) for arch in tuples]
    assert SPACE.valid_many(np.array(tuples, np.uint8)).tolist() == one_by_one
    assert 100 < sum(one_by_one) < len(tuples) - 100


def test_a_search_can_add_a_node_and_a_state_one_decision_at_a_time():
    arch = list(SPACE.parse(RNN))
    sigm = next(choices.index("activation_sigm") for _, choices, _ in SPACE.decisions[8:9])
    arch[8] = sigm  # a third node, of x
    assert SPACE.is_valid(tuple(arch))
    assert tuple(arch) in SPACE.neighbors(SPACE.parse(RNN))
    arch[-2] = 3  # it is the state h_new_1
    assert SPACE.is_valid(tuple(arch))
    arch[2] = 2  # and the first node reads h_prev_1 instead of h_prev_0
    assert json.loads(SPACE.format(arch))["node_0"]["input"] == ["x", "h_prev_1"]


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ({}, ArchitectureError, "the recipe has the states none; h_new_0, h_new_1, h_new_2 expected"),
        ({"f": RNN["f"]}, ArchitectureError, "the recipe has the states none"),
        (RNN | {"h_new_2": RNN["h_new_0"]}, ArchitectureError, "the recipe has the states h_new_0, h_new_2"),
        (RNN | {"h_new_00": RNN["h_new_0"]}, ArchitectureError, "the recipe has the states"),
        (with_op("r", op="conv"), UnknownNameError, "unknown operation 'conv'"),
        (with_op("r", op=None), UnknownNameError, "unknown operation None"),
        (with_op("r", input=["x"]), ArchitectureError, "node 'r' has 1 inputs; linear takes 2 or 3"),
        (with_op("r", input=["x"] * 4), ArchitectureError, "node 'r' has 4 inputs; linear takes 2 or 3"),
        (with_op("rh", input=["x"] * 3), ArchitectureError, "node 'rh' has 3 inputs; elementwise_prod takes 2"),
        (with_op("r", input=["x", "q"]), UnknownNameError, "unknown input of node 'r': 'q'"),
        (with_op("r", input=["x", 3]), NasbenchKitError, "unknown input of node 'r': 'a name that is no text'"),
        (
            with_op("r", input=["x", "h_prev_1"]),
            ArchitectureError,
            "node 'r' reads h_prev_1, but the recipe has no h_new_1",
        ),
        (with_op("r", input=["x", "rh"]), ArchitectureError, "wait for each other; a cell has no cycle within a step"),
        (with_op("r", input="x"), ArchitectureError, "node 'r' has no 'op' and 'input'"),
        (RNN | {"x": RNN["f"]}, ArchitectureError, "'x' is no name for a node"),
        (RNN | {f"n{i}": RNN["f"] for i in range(23)}, ArchitectureError, "the recipe has 25 nodes; .* at most 24"),
    ],
)
def test_a_recipe_that_is_no_cell_says_why(recipe, error, message):
    for form in (recipe, json.dumps(recipe)):
        with pytest.raises(error, match=message):
            SPACE.parse(form)


@pytest.mark.parametrize("wrong", ["", "lstm", "[1]", "{" * 5_000, '{"a":' * 60_000, "9" * 9_000, None, 3.5, object()])
def test_what_is_no_recipe_is_refused(wrong):
    with pytest.raises(ArchitectureError, match=r"is no (recurrent cell|architecture) of nas_bench_nlp;|is no JSON"):
        SPACE.parse(wrong)


def test_the_drawing_shows_operations_and_what_the_inputs_of_a_blend_are():
    graph = SPACE.graphs(SPACE.parse(GRU))["cell"]
    assert graph.nodes[:2] == ("x", "h_prev_0")
    assert graph.nodes[-1] == "h_new_0"
    assert len(graph.nodes) == 11
    blend = graph.nodes.index("blend")
    assert [label for _, to, label in graph.edges if to == blend] == ["gate", "open", "closed"]
    assert graph.edges[-1] == (blend, 10, "")
    assert all(a < b for a, b, _ in graph.edges)


def test_graph_batches_hold_nodes_and_edges_of_the_recipe():
    archs = drawn(3, 50)
    batch = SPACE.graph_many(archs)
    assert batch.nodes.shape == (50, 31)
    assert not np.tril(batch.adjacency).any()
    for arch, nodes, adjacency in zip(archs, batch.nodes, batch.adjacency, strict=True):
        recipe = SPACE.recipe(arch)
        states = sum(name.startswith("h_new_") for name in recipe)
        labels = [batch.labels[node] for node in nodes if node >= 0]
        assert Counter(labels) == Counter(
            ["x", *(f"h_prev_{i}" for i in range(states)), *(node["op"] for node in recipe.values())]
            + [f"h_new_{i}" for i in range(states)]
        )
        assert adjacency.sum() == states + sum(len(set(node["input"])) for node in recipe.values())


# ---- the importer: generated files ----


def log(recipe, *, n=3, val=5.0, status="OK", data="data/ptb", diverged=False, **changes):
    """A train log in the layout of the release's main_one_model_train.py."""
    made = {
        "data": data,
        "recepie_id": 1000000,
        "epochs": 50,
        "recepie": json.dumps(recipe),
        "num_params": 5_731_600,
        "init_time": "2020-04-20_07-08-56",
        "wall_times": [60.0 + i for i in range(n)],
        "status": status,
    }
    for name, shift in (("train_losses", -0.5), ("val_losses", 0.0), ("test_losses", -0.1)):
        made[name] = [val + shift - 0.1 * i for i in range(n)]
        if diverged:
            made[name][-1] = math.nan
    return made | changes


@pytest.fixture
def write(tmp_path):
    def make(**logs):
        folder = tmp_path / "train_logs"
        folder.mkdir(exist_ok=True)
        for name, content in logs.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / f"log_stats_model_{name}_2020-04-20_07-08-56_999943918.json").write_text(text)
        return folder

    return make


def test_train_logs_become_a_table(write, tmp_path):
    folder = write(
        a=log(LSTM, val=4.8),
        b=log(RNN, val=5.5),
        c=log(renamed(RNN, np.random.default_rng(0)), val=5.3),
        d=log(GRU, n=1, status="loss is nan!", diverged=True),
        e=log(GRU, data="data/wikitext-2", val=6.0),
    )
    assert guess_kind([folder]) == guess_kind([next(folder.iterdir())]) == "nas_bench_nlp"
    table = import_table([folder], tmp_path / "t.h5")
    assert table.n_archs == 3
    assert table.datasets == ("ptb", "wikitext-2")
    assert table.objectives["ptb"] == "val_loss"
    bench = nbk.Benchmark(table, "ptb")
    assert bench.query(LSTM, epoch=1)[1:3] == pytest.approx((4.8, 60.0))
    assert bench.query(LSTM)[:3] == pytest.approx((3, 4.6, 60 + 61 + 62))  # seconds add up
    assert bench.query(RNN).seeds == (0, 1)
    assert bench.query(RNN, epoch=1)[1] == pytest.approx(5.4)
    assert [bench.query(RNN, epoch=1, seed=seed)[1] for seed in (0, 1)] == pytest.approx([5.5, 5.3])
    assert table.failed("ptb") == "failed"
    failed = [table.column("ptb", "failed").at(0, epoch)(table.row(table.space.parse(GRU))) for epoch in range(3)]
    seconds = [table.column("ptb", "cost_s").at(0, epoch)(table.row(table.space.parse(GRU))) for epoch in range(3)]
    assert (failed, seconds) == ([1, 1, 1], [60, 60, 60])  # of one epoch, in which it diverged
    metrics = table.metrics("ptb")
    assert metrics["test_loss"].split == "test"
    assert metrics["val_loss"].direction == "min"
    assert [metrics[how].direction for how in ("diverged", "crashed", "interrupted")] == ["min"] * 3
    assert bench.values("diverged", [LSTM, GRU]).tolist() == [0, 1]
    assert bench.values("crashed", [LSTM, GRU]).tolist() == [0, 0]
    assert bench.values("params_m", [LSTM])[0] == 5.7316
    assert nbk.Benchmark(table, "wikitext-2").query(GRU).val_loss == pytest.approx(5.8)
    check_benchmark(bench, np.random.default_rng(0))
    table.verify()


@pytest.mark.parametrize("beyond", [math.inf, 1e39])
def test_a_loss_beyond_all_numbers_is_that_of_a_run_that_diverged(write, tmp_path, beyond):
    diverged = log(LSTM) | {"val_losses": [5.0, 4.9, beyond]}
    bench = nbk.Benchmark(import_table([write(a=diverged, b=log(RNN))], tmp_path / "t.h5"), "ptb")
    values = [bench.values("val_loss", [LSTM, RNN], epoch=epoch, missing="nan").tolist() for epoch in (2, 3)]
    assert values[0] == pytest.approx([4.9, 4.9])
    assert values[1] == pytest.approx([math.nan, 4.8], nan_ok=True)
    assert [bench.values("failed", [LSTM, RNN], epoch=epoch).tolist() for epoch in (2, 3)] == [[0, 0], [1, 0]]


def test_how_runs_of_a_cell_ended_is_averaged_to_shares(write, tmp_path):
    again = [renamed(RNN, np.random.default_rng(seed)) for seed in range(3)]
    ends = ["OK", "loss is nan!", "Exception: math range error", "KeyboardInterrupt"]
    runs = zip("abcd", [RNN, *again], ends, strict=True)
    table = import_table([write(**{name: log(cell, status=end) for name, cell, end in runs})], tmp_path / "t.h5")
    bench = nbk.Benchmark(table, "ptb")
    assert [bench.values(how, [RNN])[0] for how in ("diverged", "crashed", "interrupted")] == [0.25] * 3
    assert [bench.values("diverged", [RNN], seed=seed)[0] for seed in range(4)] == [0, 1, 0, 0]


def test_of_cells_with_very_many_runs_a_few_curves_are_kept_and_every_end(write, tmp_path):
    logs = {f"rnn{i:02}": log(RNN, val=5 + i) for i in range(12)}
    logs |= {
        f"other{i:02}": log(SPACE.recipe(arch))
        for i, arch in enumerate(drawn(0, 40))
        if SPACE.key(arch) != SPACE.key(SPACE.parse(RNN))
    }
    bench = nbk.Benchmark(import_table([write(**logs)], tmp_path / "t.h5"), "ptb")
    metrics = bench.results.metrics("ptb")
    assert metrics["val_loss"].seeds == (0, 1, 2)
    assert metrics["val_loss"].epochs == (1, 2, 3)
    assert metrics["val_loss[runs]"].seeds == tuple(range(12))
    assert metrics["val_loss[runs]"].epochs == (3,)
    assert bench.query(RNN, epoch=1).seeds == (0, 1, 2)
    assert bench.values("val_loss[runs]", [RNN], seed=11)[0] == pytest.approx(15.8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(log(RNN))[:-30], "is no readable JSON"),
        ("[]", "is no train log of NAS-Bench-NLP"),
        ("{}", "is no train log of NAS-Bench-NLP"),
        (log(RNN, recepie="[1"), "is no train log of NAS-Bench-NLP"),
        (log(RNN, recepie="[1]"), "'recepie' is no recipe"),
        (log({}), "the recipe has the states none"),
        (log(RNN, val_losses=None), "val_losses is None, where a list of numbers"),
        (log(RNN, val_losses=["x"]), r"val_losses is \['x'\], where a list of numbers"),
        (log(RNN, wall_times=[-1.0]), "wall_times are no seconds per epoch"),
        (log(RNN, num_params="many"), "num_params='many', where a number"),
    ],
)
def test_wrong_logs_are_named_in_one_line(write, tmp_path, content, message):
    folder = write(a=log(LSTM), b=content)
    with pytest.raises(ImportDataError, match=f"log_stats_model_b.*{message}") as error:
        import_table([folder], tmp_path / "t.h5", kind="nas_bench_nlp")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "t.h5").exists()


def test_a_log_of_runs_that_never_finished_an_epoch_is_refused(write, tmp_path):
    with pytest.raises(ImportDataError, match="no run on ptb finished its first epoch"):
        import_table([write(a=log(RNN, n=0, status="Exception: math range error"))], tmp_path / "t.h5")


@pytest.fixture
def pair(tmp_path):
    """A small compact copy, generated."""

    def make(n=2, **arrays):
        lines = [
            {"recepie_id": i, "num_params": 1, "status": "OK", "recepie": recipe}
            for i, recipe in enumerate((RNN, LSTM))
        ]
        with gzip.open(tmp_path / "ptb_archs.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        given = {
            name: np.ones((n, 4), np.float32) for name in ("val_losses", "test_losses", "train_losses", "wall_times")
        }
        np.savez(tmp_path / "ptb_curves.npz", **(given | arrays))
        return tmp_path / "ptb_archs.jsonl.gz", tmp_path / "ptb_curves.npz"

    return make


def test_a_compact_copy_needs_both_files_and_whole(pair, tmp_path):
    archs, curves = pair()
    assert guess_kind([archs]) == guess_kind([tmp_path]) == "nas_bench_nlp"
    assert (
        import_table([archs], tmp_path / "t.h5").n_archs
        == import_table([archs, curves], tmp_path / "t.h5").n_archs
        == 2
    )
    for arrays, message in (
        ({"n": 3}, r"val_losses is float32 of shape \(3, 4\); floats \(2 recipes, epochs\) expected"),
        ({"val_losses": np.array([[None] * 4] * 2)}, "val_losses.npy is damaged"),
        ({"val_losses": np.ones((2, 4), int)}, "val_losses is int64"),
    ):
        pair(**arrays)
        with pytest.raises(ImportDataError, match=message):
            import_table([archs], tmp_path / "x.h5")
    pair()
    whole = curves.read_bytes()
    curves.write_bytes(whole[:-40])
    with pytest.raises(ImportDataError, match=r"ptb_curves\.npz' is a damaged zip archive"):
        import_table([archs], tmp_path / "x.h5")
    curves.unlink()
    with pytest.raises(ImportDataError, match=r"ptb_curves.npz, which belongs to .* is missing"):
        import_table([archs], tmp_path / "x.h5")
    curves.write_bytes(whole)
    archs.write_bytes(archs.read_bytes()[:-20])
    with pytest.raises(ImportDataError, match=r"ptb_archs\.jsonl\.gz' is damaged"):
        import_table([archs], tmp_path / "x.h5", kind="nas_bench_nlp")
    assert not (tmp_path / "x.h5").exists()


def test_it_does_not_recognize_other_files(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n'))
    for path in (tmp_path, *tmp_path.iterdir()):
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([path])
    with pytest.raises(ImportDataError, match="holds neither log_stats_model_"):
        import_table([tmp_path], tmp_path / "t.h5", kind="nas_bench_nlp")


# ---- real data ----


@pytest.fixture(scope="module")
def recorded(shared_data):
    with gzip.open(shared_data / "nasbench_nlp" / "ptb_archs.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def ptb(shared_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("nlp") / "nas_bench_nlp.h5"
    return nbk.Benchmark(import_table([shared_data / "nasbench_nlp"], path), "ptb")


@pytest.mark.slow
@pytest.mark.shared
def test_every_recorded_recipe_comes_back(shared_data, recorded):
    assert len(recorded) == 14_322
    archs = [SPACE.parse(line["recepie"]) for line in recorded]
    assert [SPACE.parse(text) for text in SPACE.format_many(archs)] == archs
    for line, arch in zip(recorded, archs, strict=True):
        recipe = SPACE.recipe(arch)
        assert Counter(node["op"] for node in recipe.values()) == Counter(
            node["op"] for node in line["recepie"].values()
        )
    # equal canonical forms prove an isomorphism, and equal identities are claimed to mean one
    canonical = [SPACE.canonical(arch) for arch in archs]
    same = SPACE.identity(archs)
    assert (
        len(set(canonical)) == len(set(zip(canonical, same.tolist(), strict=True))) == len(set(same.tolist())) == 12_124
    )
    # parameters were counted by the release's own code, so cells of one identity must agree in them
    params = {}
    for line, key in zip(recorded, same.tolist(), strict=True):
        assert params.setdefault(key, line["num_params"]) == line["num_params"]


@pytest.mark.shared
def test_the_real_runs_are_all_there(shared_data, recorded, ptb):
    assert ptb.results.n_archs == 12_124
    with np.load(shared_data / "nasbench_nlp" / "ptb_curves.npz") as arrays:
        val, times = arrays["val_losses"], arrays["wall_times"]
    assert "14322 runs of 12124 cells, 2645 diverged" in ptb.results.about["notes"]  # as the release says
    assert any("three runs of a cell" in note for note in ptb.results.about["notes"])
    known = np.concatenate(list(ptb.results.column("ptb", "val_loss[runs]").every()))  # of each run, at epoch 50
    assert np.isfinite(known).sum() == 11_598
    assert np.nansum(known) == pytest.approx(np.nansum(val[:, -1]), rel=1e-6)
    lstm = next(i for i, line in enumerate(recorded) if line["recepie_id"] == 1_000_001)
    found = ptb.query(recorded[lstm]["recepie"], epoch=7, seed=0)
    assert found[1] == val[lstm, 6]
    assert found.cost_s == pytest.approx(times[lstm, :7].sum())
    # recipe 1000001, an LSTM, is among the best of the release: perplexities 82.7 (validation) and 78.9 (test)
    assert math.exp(ptb.query(LSTM, seed=0).val_loss) == pytest.approx(82.707, abs=1e-3)
    assert math.exp(ptb.values("test_loss", [LSTM], seed=0)[0]) == pytest.approx(78.890, abs=1e-3)


@pytest.mark.shared
def test_runs_of_one_cell_agree_far_better_than_those_of_others(ptb):
    ends = np.stack(list(ptb.results.column("ptb", "val_loss[runs]").every()))
    assert len(ends) == 37
    several = (~np.isnan(ends)).sum(axis=0) > 2
    within = np.nanstd(ends[:, several], axis=0)
    assert several.sum() > 200
    assert np.median(within) < 0.01 < 0.3 < np.nanstd(ends)

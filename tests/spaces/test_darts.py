import csv
import gzip
import json
import pickle
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.errors import ArchitectureError, NasbenchKitError, UnknownNameError
from nasbench_kit.spaces import DARTSSpace, space_from
from nasbench_kit.spaces.recorded import RecordedSpace
from nasbench_kit.testing import check_space

SPACE = DARTSSpace()
OPERATIONS = SPACE.decisions[0].choices
PREFIX = "NetworkSelectorDatasetInfo:darts:"
# Source: quark0/darts, cnn/genotypes.py, DARTS_V2 (Liu et al. 2019, figures 4 and 5)
V2_NORMAL = [
    ("sep_conv_3x3", 0),
    ("sep_conv_3x3", 1),
    ("sep_conv_3x3", 0),
    ("sep_conv_3x3", 1),
    ("sep_conv_3x3", 1),
    ("skip_connect", 0),
    ("skip_connect", 0),
    ("dil_conv_3x3", 2),
]
V2_REDUCE = [
    ("max_pool_3x3", 0),
    ("max_pool_3x3", 1),
    ("skip_connect", 2),
    ("max_pool_3x3", 1),
    ("max_pool_3x3", 0),
    ("skip_connect", 2),
    ("skip_connect", 2),
    ("max_pool_3x3", 1),
]
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # as theirs
V2 = Genotype(V2_NORMAL, [2, 3, 4, 5], V2_REDUCE, [2, 3, 4, 5])
archs = st.tuples(*[st.integers(0, n - 1) for n in SPACE.n_choices])


@pytest.fixture(scope="module")
def batch():
    return SPACE.sample_many(np.random.default_rng(0), 2_000)


def changed(node, i, value, cell="normal"):
    cells = {"normal": list(V2_NORMAL), "reduce": list(V2_REDUCE)}
    cells[cell][2 * (node - 2) + i] = value
    return V2._replace(**cells)


def test_the_space_has_the_size_that_its_authors_count():
    # Zela, Siems et al. 2022, section 4.1: "more than 10^18"; (1 * 3 * 6 * 10 input pairs x 7^8 operations)^2
    assert SPACE.size == (180 * 7**8) ** 2
    assert 1e18 < SPACE.size < 2**63
    assert not SPACE.keyed_by_identity


def test_it_passes_the_conformance_checks_and_pickles():
    check_space(SPACE, np.random.default_rng(0))
    assert isinstance(pickle.loads(pickle.dumps(SPACE)), DARTSSpace)
    assert isinstance(space_from("darts"), DARTSSpace)


def test_the_second_darts_cell_has_its_known_columns_in_the_vector():
    # NAS-Bench-301's array of this normal cell, by ConfigSpace 0.4.21 on nasbench301's configspace.json
    vector = SPACE.vector([V2])[0]
    expected = {10: 3, 11: 3, 15: 0, 16: 0, 17: 1, 36: 3, 37: 3, 39: 2, 40: 3, 43: 2, 33: 5}
    assert {column: vector[column] for column in expected} == expected
    assert (vector[[32, 34, 35, 38, 41, 42]] == -1).all()  # the other edges of the normal cell are absent
    # and the constants of the training settings, by the same
    known = {
        0: 0.58635,
        4: 0.16667,
        5: 0.31,
        14: 0.00315,
        21: 0.00075,
        25: 0.89888,
        27: 0.00995,
        28: 1e-12,
        31: 0.70513,
    }
    assert {column: round(vector[column], 12 if column == 28 else 5) for column in known} == known
    assert vector[[24, 26]] == pytest.approx(np.log([0.025, 0.0003]))
    assert not vector[[1, 2, 3, 6, 7, 8, 9, 22, 23, 29, 30]].any()


def test_the_second_darts_cell_has_its_known_configuration():
    # what nasbench301.representations.convert_genotype_to_config gives
    normal = {"edge_normal_0": 3, "edge_normal_1": 3, "edge_normal_2": 3, "edge_normal_3": 3, "edge_normal_5": 2}
    normal |= {"edge_normal_6": 3, "edge_normal_9": 2, "edge_normal_11": 5}
    reduce = {"edge_reduce_0": 0, "edge_reduce_1": 0, "edge_reduce_3": 0, "edge_reduce_4": 2, "edge_reduce_5": 0}
    reduce |= {"edge_reduce_7": 2, "edge_reduce_10": 0, "edge_reduce_11": 2}
    names = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3")
    expected = {PREFIX + edge: names[operation] for edge, operation in (normal | reduce).items()}
    inputs = {"normal_3": "0_1", "normal_4": "0_1", "normal_5": "0_2"}
    inputs |= {"reduce_3": "1_2", "reduce_4": "0_2", "reduce_5": "1_2"}
    expected |= {f"{PREFIX}inputs_node_{node}": pair for node, pair in inputs.items()}
    assert SPACE.configuration(SPACE.parse(V2)) == expected
    with_training = SPACE.configuration(SPACE.parse(V2), training=True)
    assert len(with_training) == 44
    assert with_training["NetworkSelectorDatasetInfo:darts:init_channels"] == 32
    assert SPACE.parse(with_training) == SPACE.parse(V2)


def test_a_genotype_is_read_from_whatever_holds_it():
    arch = SPACE.parse(V2)
    as_dict = V2._asdict()
    ranges = repr(V2).replace("[2, 3, 4, 5]", "range(2, 6)")
    spread = "genotypes.Genotype(\n  normal = " + repr(V2_NORMAL) + ",\n  reduce=" + repr(V2_REDUCE) + ",\n)"
    positional = f"Genotype({V2_NORMAL}, [2, 3, 4, 5], {V2_REDUCE}, range(2, 6))"
    for form in (as_dict, repr(V2), ranges, spread, positional, json.dumps(as_dict), SPACE.genotype(arch)):
        assert SPACE.parse(form) == arch
    assert SPACE.parse(V2._replace(normal_concat=range(2, 6))) == arch
    assert SPACE.parse(V2._replace(normal=V2_NORMAL[1::-1] + V2_NORMAL[2:])) == arch  # summands have no order


@given(archs)
def test_every_form_comes_back(arch):
    vector = SPACE.vector([arch])[0]
    configuration = SPACE.configuration(arch)
    yahpo = {name.replace(":", "_COLON_"): value for name, value in configuration.items()}
    absent = {f"{PREFIX}edge_{cell}_{edge}": None for cell in ("normal", "reduce") for edge in range(14)}
    plain = {name.removeprefix(PREFIX): value for name, value in configuration.items()}
    for form in (
        SPACE.genotype(arch),
        SPACE.format(arch),
        configuration,
        yahpo,
        absent | configuration,
    ):
        assert SPACE.parse(form) == arch
    nan = np.where(vector == -1, np.nan, vector)
    for form in (plain, vector, vector.tolist(), nan, SPACE.format(arch, "configspace")):
        assert SPACE.parse(form) == arch
    for text, form in ((configuration, "configspace"), (SPACE.genotype(arch), "official")):
        assert SPACE.parse(text, form) == arch
    assert (
        SPACE.parse(
            dict(
                zip(
                    [d.name for d in SPACE.decisions],
                    [d.choices[n] for d, n in zip(SPACE.decisions, arch, strict=True)],
                    strict=True,
                )
            )
        )
        == arch
    )


def test_vectors_come_back_in_batches(batch):
    vectors = SPACE.vector(batch)
    assert vectors.shape == (2_000, 56)
    assert vectors.dtype == np.float64
    assert (SPACE.from_vector(vectors) == batch).all()
    with_nan = SPACE.vector(batch, inactive=np.nan)
    assert (np.isnan(with_nan).sum(axis=1) == 12).all()
    assert (SPACE.parse_many(with_nan) == batch).all()
    assert [SPACE.parse(row) for row in vectors[:50]] == list(map(tuple, batch[:50].tolist()))


def test_wrong_vectors_are_named(batch):
    vectors = SPACE.vector(batch[:3])
    active = np.flatnonzero(vectors[1, 32:44] >= 0)[0] + 32
    absent = np.flatnonzero(vectors[1, 32:44] < 0)[0] + 32
    for column, value, message in (
        (active, np.nan, "vector 1: edge_normal_.* is absent, where the inputs of the node are"),
        (absent, 2, "vector 1: edge_normal_.* is given, where the inputs of the node are"),
        (10, 7, "vector 1: edge_normal_0 is 7 in the vector; choose from 0 max_pool_3x3"),
        (10, 0.5, "edge_normal_0 is 0.5 in the vector"),
        (15, 3, "vector 1: inputs_node_normal_3 is 3 in the vector; choose from 0 0_1, 1 0_2, 2 1_2"),
        (17, np.nan, "vector 1: inputs_node_normal_5 is missing"),
    ):
        wrong = vectors.copy()
        wrong[1, column] = value
        with pytest.raises(ArchitectureError, match=message):
            SPACE.from_vector(wrong)
    with pytest.raises(ArchitectureError, match=r"shape \(3, 34\) given; \(n_archs, 56\) expected"):
        SPACE.from_vector(np.zeros((3, 34)))


@pytest.mark.parametrize(
    ("genotype", "error", "message"),
    [
        # known in NAS-Bench-301's own code: the second silently replaces the first
        (
            changed(3, 1, ("skip_connect", 0)),
            ArchitectureError,
            "node 3 of the normal cell takes input 0 twice, which cannot",
        ),
        (
            changed(3, 1, ("skip_connect", 3)),
            ArchitectureError,
            "node 3 of the normal cell takes input 3; choose from 0, 1, 2",
        ),
        (changed(3, 1, ("skip_connect", -1)), ArchitectureError, "takes input -1; choose from 0, 1, 2"),
        (changed(3, 1, ("skip_connect", 1.5), "reduce"), ArchitectureError, "reduce cell takes input 1.5"),
        (changed(5, 0, ("none", 3)), UnknownNameError, "unknown operation 'none'; choose from max_pool_3x3"),
        (
            changed(5, 0, ("sep_conv_7x7", 3)),
            UnknownNameError,
            "unknown operation 'sep_conv_7x7'; did you mean 'sep_conv",
        ),
        (
            V2._replace(normal_concat=[2, 3, 4, 5, 6]),
            ArchitectureError,
            r"normal_concat=\[2, 3, 4, 5, 6\] cannot be expr",
        ),
        (V2._replace(reduce_concat=[4, 5]), ArchitectureError, r"reduce_concat=\[4, 5\] cannot be expressed"),
        (V2._replace(reduce_concat=None), ArchitectureError, "reduce_concat=None cannot be expressed"),
        (V2._replace(normal=V2_NORMAL[:6]), ArchitectureError, "the normal cell has 6 operations; one of darts has 8"),
        (V2._replace(normal=[3] * 8), ArchitectureError, "is no normal cell; eight pairs"),
        (V2._replace(normal=None), ArchitectureError, "None is no normal cell; eight pairs"),
    ],
)
def test_a_genotype_that_cannot_be_expressed_says_why(genotype, error, message):
    for form in (genotype, repr(genotype), genotype._asdict()):
        with pytest.raises(error, match=message):
            SPACE.parse(form)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("Genotype(normal=__import__('os').system('touch /tmp/x'))", "is no architecture of darts"),
        ("Genotype(normal=open('x'))", "is no architecture of darts"),
        ("(" * 900, "is no architecture of darts; one looks like .Genotype"),
        ("[" * 4_000, "is no architecture of darts"),
        ("9" * 5_000, "is no architecture of darts"),
        ("Genotype(*[1])", "is no architecture of darts"),
        ("Genotype(normal=range(0, 10**9))", "is no architecture of darts"),
        ("Genotype(normal=range(0, 1000000000))", "is no architecture of darts"),
        ("Genotype(norm=[])", "is no architecture of darts"),
        ("Genotype(normal=[])", "the normal cell has 0 operations"),
        ("Other(normal=[])", "is no architecture of darts"),
        ("resnet", "is no architecture of darts"),
        ("", "is no architecture of darts"),
        ("{'a': 1}", "edge_normal_0, from input 0"),
        ("{'a': open('x')}", "is no JSON object"),
        ('{"a": 1}', "inputs_node_normal_3 is missing|edge_normal_0, from input 0"),
        ('{"normal": []}', "the normal cell has 0 operations"),
        ("[[(0, 0)]]", "is no architecture of darts"),
        ("[1, 2]", "is no architecture of darts"),
        ([0.5] * 56, "edge_normal_0 is 0.5 in the vector"),
        (["x"] * 56, "edge_normal_0 is 'x' in the vector; a number expected"),
        ({1: 2}, "unknown hyperparameter 1"),
        ({PREFIX + "edge_normal_14": "skip_connect"}, "unknown hyperparameter '.*edge_normal_14'; did you mean"),
        ({PREFIX + "inputs_node_normal_2": "0_1"}, "unknown hyperparameter"),
        (5, "darts has no official order to look 5 up in"),
        (None, "None is no architecture of darts"),
        ((0,) * 21, "has 21 numbers; darts has 22 decisions"),
    ],
)
def test_what_is_no_architecture_is_refused_and_nothing_in_it_runs(wrong, message):
    with pytest.raises(NasbenchKitError, match=message) as error:
        SPACE.parse(wrong)
    assert "\n" not in str(error.value)


def test_a_configuration_must_agree_with_itself():
    configuration = SPACE.configuration(SPACE.parse(V2))
    for change, message in (
        (
            {"edge_normal_4": "skip_connect"},
            "edge_normal_4, from input 2 to node 3, is given, where the inputs of the node are 0 and 1",
        ),
        ({"edge_normal_3": None}, "edge_normal_3, from input 1 to node 3, is absent, where"),
        ({"edge_normal_3": "none"}, "unknown operation 'none'"),
        ({"inputs_node_normal_4": "1_0"}, "unknown choice of inputs_node_normal_4 '1_0'; did you mean"),
        ({"inputs_node_normal_4": None}, "inputs_node_normal_4 is missing"),
    ):
        with pytest.raises(NasbenchKitError, match=message):
            SPACE.parse(configuration | {PREFIX + name: value for name, value in change.items()})


# file-formats.md of this field's data, section 3.9, for NASLib: max_pool, avg_pool, skip, sep3, sep5, dil3, dil5.
# naszilla/bananas, darts/arch.py, OPS, for BANANAS: the same after none.
NUMBERS = {"naslib": OPERATIONS, "bananas": ("none", *OPERATIONS)}


@given(archs)
def test_numbered_cells_mean_what_their_tool_says(arch):
    for form, names in NUMBERS.items():
        cells = [[(s, names.index(o)) for o, s in cell] for cell in SPACE.genotype(arch)[::2]]
        as_tuples = tuple(map(tuple, cells))
        for same in (
            cells,
            tuple(cells),
            as_tuples,
            str(cells),
            json.loads(json.dumps(cells)),
            SPACE.format(arch, form),
        ):
            assert SPACE.parse(same, form) == arch
    assert SPACE.parse(tuple(cells)) == arch  # the object that BANANAS makes
    for other in (cells, as_tuples, str(cells), SPACE.format(arch, "naslib"), SPACE.format(arch, "bananas")):
        with pytest.raises(ArchitectureError, match=r"only where the form is named, .* give form='(naslib|bananas)'"):
            SPACE.parse(other)


def test_a_pair_of_bananas_is_read_by_its_own_numbers():
    cell = [(0, 4), (1, 4), (0, 3), (2, 4), (1, 6), (3, 4), (2, 3), (4, 5)]
    meant = [(NUMBERS["bananas"][operation], source) for source, operation in cell]
    assert SPACE.parse((cell, cell)) == SPACE.parse({"normal": meant, "reduce": meant})
    assert SPACE.parse((cell, cell), "naslib") != SPACE.parse((cell, cell))


@pytest.mark.parametrize(
    ("cells", "form", "message"),
    [
        ([[(0, 7)] * 8] * 2, "naslib", "operation 7 of the normal cell is out of range; choose from 0 max_pool"),
        ([[(0, 8)] * 8] * 2, "bananas", "operation 8 of the normal cell is out of range; choose from 0 none, 1 max_p"),
        (([(0, 0)] * 8,) * 2, None, "operation 0 of the normal cell is 'none' here, which .* form='naslib'"),
        ([[(0, 1), (1, 1)], []], "naslib", "the normal cell has 2 operations"),
        ([1, 2], "bananas", "1 is no normal cell"),
        ([[(0, 1)] * 8], "bananas", "is not of the form 'bananas', like"),
        ([[(0, True)] * 8] * 2, "bananas", "operation True of the normal cell is out of range"),
    ],
)
def test_numbered_cells_that_cannot_be_are_refused(cells, form, message):
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse(cells, form)


def test_forms_must_be_what_they_are_called():
    for arch, form in (
        (V2, "naslib"),
        (V2, "configspace"),
        (repr(V2), "naslib"),
        ("[[], []]", "official"),
        (3, "naslib"),
    ):
        with pytest.raises(ArchitectureError, match=f"is not of the form '{form}'"):
            SPACE.parse(arch, form)
    with pytest.raises(
        UnknownNameError, match="unknown form 'nds'; choose from official, naslib, bananas, nni, configspace"
    ):
        SPACE.parse(V2, "nds")
    with pytest.raises(UnknownNameError, match="unknown form 'nds'"):
        SPACE.format((0,) * 22, "nds")


def test_the_drawing_has_the_edges_of_the_paper():
    graphs = SPACE.graphs(SPACE.parse(V2))
    assert list(graphs) == ["normal", "reduce"]
    assert graphs["normal"].nodes == ("c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}")
    # Liu et al. 2019, figure 4: node 3 of the normal cell takes a skip from c_{k-2} and a dilated convolution of node 0
    into_last = [edge for edge in graphs["normal"].edges if edge[1] == 5]
    assert into_last == [(0, 5, "skip_connect"), (2, 5, "dil_conv_3x3")]
    assert [edge for edge in graphs["reduce"].edges if edge[1] == 6] == [(node, 6, "") for node in (2, 3, 4, 5)]
    assert len(graphs["normal"].edges) == 12


def test_graphs_with_operations_as_nodes_hold_the_architecture(batch):
    few = batch[:200]
    graphs = SPACE.graph_many(few)
    assert graphs.nodes.shape == (200, 32)
    assert graphs.adjacency.shape == (200, 32, 32)
    assert not np.tril(graphs.adjacency).any()  # topological order
    for arch, nodes, adjacency in zip(few.tolist(), graphs.nodes, graphs.adjacency, strict=True):
        assert (adjacency.sum(axis=0)[1:] > 0).all()
        assert (adjacency.sum(axis=1)[[0, 31]] == [4, 0]).all()
        read = []
        for start in (1, 16):
            carriers = {start: 0, start + 1: 1, start + 4: 2, start + 7: 3, start + 10: 4, start + 13: 5}
            cell = []
            for at in (2, 3, 5, 6, 8, 9, 11, 12):
                (source,) = np.flatnonzero(adjacency[:, start + at])
                cell.append((graphs.labels[nodes[start + at]], carriers[source]))
            read.append(cell)
        assert SPACE.parse({"normal": read[0], "reduce": read[1]}) == tuple(arch)


@settings(max_examples=25)
@given(archs)
def test_mutations_and_neighbors_change_one_decision(arch):
    assert len(SPACE.neighbors(arch)) == 2 * (2 + 5 + 9 + 8 * 6)
    child = SPACE.mutate(arch, np.random.default_rng(0))
    assert sum(a != b for a, b in zip(arch, child, strict=True)) == 1


def test_a_search_among_few_recorded_architectures_is_not_caught_between_two(batch):
    space = RecordedSpace(SPACE, batch)
    seen = [tuple(batch[0].tolist())]
    for arch in seen:  # all that mutations can reach
        near = space.neighbors(arch)
        assert len(near) >= 8
        assert arch not in near
        farthest = max((np.array(near) != np.array(arch)).sum(axis=1))
        closer = ((batch != np.array(arch)).sum(axis=1) <= farthest).sum() - 1
        assert len(near) == closer
        seen += sorted(set(near).difference(seen))
        if len(seen) > 500:
            break
    assert len(seen) > 500
    two = RecordedSpace(SPACE, batch[:2])
    assert two.neighbors(tuple(batch[0].tolist())) == [tuple(batch[1].tolist())]


@pytest.mark.shared
def test_real_compact_forms_of_naslib_come_back(shared_data):
    with gzip.open(shared_data / "nasbench301" / "naslib_zc_nb301_1218.csv.gz", "rt") as file:
        texts = [row["compact_arch"] for row in csv.DictReader(file)]
    assert len(texts) == 1_218
    for text in texts:
        arch = SPACE.parse(text, "naslib")
        back, given_ = ast_pairs(SPACE.format(arch, "naslib")), ast_pairs(text)
        assert back == given_


def ast_pairs(text):
    """Per cell and node the set of (input, operation)."""
    cells = json.loads(text.replace("(", "[").replace(")", "]"))
    return [[{tuple(pair) for pair in cell[i : i + 2]} for i in range(0, 8, 2)] for cell in cells]


@pytest.mark.shared
def test_the_configuration_names_are_those_that_yahpo_knows(shared_data):
    described = json.loads((shared_data / "nasbench301" / "config_space.json").read_text())
    known = {entry["name"].replace("_COLON_", ":"): entry.get("choices") for entry in described["hyperparameters"]}
    for arch in SPACE.sample_many(np.random.default_rng(1), 200).tolist():
        for name, value in SPACE.configuration(arch).items():
            assert value in known[name]

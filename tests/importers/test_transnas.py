import numpy as np
import pytest

from nasbench_kit.errors import ArchitectureError, UnknownNameError
from nasbench_kit.spaces import TransNASMacroSpace, TransNASMicroSpace, describe_space, space_from
from nasbench_kit.testing import check_space

MICRO, MACRO = TransNASMicroSpace(), TransNASMacroSpace()


@pytest.mark.parametrize("space", [MICRO, MACRO], ids=lambda space: space.name)
def test_the_spaces_keep_the_rules_for_spaces(space):
    check_space(space, np.random.default_rng(0))
    assert describe_space(space_from(space.name)) == space.name


def test_the_spaces_have_as_many_architectures_as_published():
    # Duan et al. 2021, abstract and section 3.2: 7,352 backbones, 4,096 cells and 3,256 networks
    assert len(MICRO.all_archs()) == MICRO.size == 4_096
    assert len(MACRO.all_archs()) == MACRO.n_keys == 3_256


def test_the_readme_s_cell_has_the_operations_that_it_says():
    # github.com/yawen-d/TransNASBench, README: node1: skip(0); node2: none(0) + conv1x1(1); node3: conv3x3(0, 1, 2)
    arch = MICRO.parse("64-41414-1_02_333")
    assert {d.name: d.choices[n] for d, n in zip(MICRO.decisions, arch, strict=True)} == {
        "0->1": "skip_connect",
        "0->2": "none",
        "1->2": "conv_1x1",
        "0->3": "conv_3x3",
        "1->3": "conv_3x3",
        "2->3": "conv_3x3",
    }
    assert arch == MICRO.parse("102333") == MICRO.parse("(1, 0, 2, 3, 3, 3)") == MICRO.parse((1, 0, 2, 3, 3, 3))
    assert MICRO.format(arch) == "64-41414-1_02_333"
    assert MICRO.format(arch, "naslib") == "(1, 0, 2, 3, 3, 3)"


def test_naslibs_tuples_have_the_numbers_of_the_official_texts():
    # file-formats.md of this field's data, section 3.9: "TNB micro 6 ops (0-3); macro digit tuple"
    for space in (MICRO, MACRO):
        for arch in space.all_archs()[::97].tolist():
            digits = tuple(int(digit) for digit in space.format(arch, "digits"))
            assert space.format(arch, "naslib") == str(digits)
            assert space.parse(digits, "naslib") == space.parse(str(digits)) == tuple(arch)


def test_the_readme_s_network_has_the_modules_that_it_says():
    # the same README: normal, channels x2, resolution /2, both
    arch = MACRO.parse("64-1234-basic")
    assert arch == (1, 2, 3, 4, 0, 0)
    names = [d.choices[n] for d, n in zip(MACRO.decisions, arch, strict=True)]
    assert names == ["normal", "channels_x2", "resolution_half", "both", "absent", "absent"]
    for same in ("1234", "(1, 2, 3, 4)", "(1, 2, 3, 4, 0, 0)", (1, 2, 3, 4), [1, 2, 3, 4, 0, 0]):
        assert MACRO.parse(same) == arch
    assert MACRO.format(arch) == "64-1234-basic"
    assert MACRO.format(arch, "naslib") == "(1, 2, 3, 4)"


# Networks in published tables and code: the README's index 1, example.py, and the best per task in NASLib's tables.
@pytest.mark.parametrize("digits", ["2311", "4111", "22231", "224131", "2243", "214313", "222133", "224111", "221113"])
def test_published_networks_are_valid(digits):
    assert MACRO.format(MACRO.parse(f"64-{digits}-basic")) == f"64-{digits}-basic"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("64-1111-basic", "0 modules .2 or 4. double the channels"),
        ("64-2222-basic", "4 modules .2 or 4. double the channels; 1 to 3 must"),
        ("64-1112-basic", "0 modules .3 or 4. halve the resolution"),
        ("64-333332-basic", "5 modules .3 or 4. halve the resolution; 1 to 4 must"),
        ("64-123-basic", "is no network of transnas_macro; one looks like '64-1234-basic'"),
        ("64-1250-basic", "is no network"),
        ("64-1234123-basic", "is no network"),
        ("32-1234-basic", "is no network"),
        ("(1, 2, 3, 0, 4, 0)", "empty positions only after the last"),
        ((1, 2, 3, 4, 0, 1), "empty positions only after the last"),
        ((1, 2, 3), "has 3 numbers"),
        ((1, 2, 3, 5), "out of range"),
    ],
)
def test_other_networks_are_refused_with_the_rule(text, why):
    with pytest.raises(ArchitectureError, match=why):
        MACRO.parse(text)


@pytest.mark.parametrize(
    "text", ["64-41414-1_02_334", "64-41414-1_02_33", "64-14141-1_02_333", "1_02_333", "", "٣" * 6]
)
def test_other_texts_are_no_cell(text):
    with pytest.raises(ArchitectureError, match="is no cell of transnas_micro; one looks like '64-41414-1_02_333'"):
        MICRO.parse(text)


@pytest.mark.parametrize("space", [MICRO, MACRO], ids=lambda space: space.name)
def test_a_form_is_read_as_named_or_refused(space):
    arch = space.all_archs()[-1].tolist()
    for form in space.forms:
        for other in set(space.forms) - {form}:
            with pytest.raises(ArchitectureError, match=f"is not of the form '{other}', like"):
                space.parse(space.format(arch, form), other)
    with pytest.raises(UnknownNameError, match="choose from official, digits, naslib"):
        space.format(arch, "genotype")
    assert space.parse(tuple(arch), "naslib") == tuple(arch)


def test_rules_for_one_network_and_for_many_agree_on_every_tuple():
    every = MACRO.unrank_many(np.arange(MACRO.size))
    assert MACRO.valid_many(every).tolist() == [MACRO.is_valid(tuple(arch)) for arch in every.tolist()]


def test_every_network_can_be_reached_from_every_other_by_single_changes():
    first = tuple(MACRO.all_archs()[0].tolist())
    reached, new = {first}, [first]
    while new:
        new = [near for arch in new for near in MACRO.neighbors(arch) if near not in reached]
        new = list(dict.fromkeys(new))
        reached.update(new)
    assert len(reached) == 3_256


def test_a_drawn_cell_shows_its_operations_and_leaves_out_none():
    graph = MICRO.graphs(MICRO.parse("102333"))["cell"]
    assert graph.nodes == ("input", "1", "2", "output")
    assert (0, 2) not in {(a, b) for a, b, _ in graph.edges}
    assert (1, 2, "conv_1x1") in graph.edges


def test_a_drawn_network_shows_channels_and_resolution():
    # 64-41414: the skeleton of the cells' space: channels 64 -> 512, resolution 1/4 -> 1/32
    nodes = MACRO.graphs(MACRO.parse("64-41414-basic"))["network"].nodes
    assert nodes[1] == "stem: 64 channels, 1/4"
    assert nodes[-2] == "both: 512 channels, 1/32"


def test_operations_of_a_cell_as_nodes_are_joined_as_its_edges_meet():
    # the matrix of NASLib's encode_gcn_transbench101, in its order of edges 01, 02, 03, 12, 13, 23
    theirs = np.zeros((8, 8), np.uint8)
    for i, j in [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (2, 6), (3, 7), (4, 6), (5, 7), (6, 7)]:
        theirs[i, j] = 1
    order = [0, 1, 2, 4, 3, 5, 6, 7]  # to 01, 02, 12, 03, 13, 23
    batch = MICRO.graph_many(["122333", "102333", "000000"])
    assert (batch.adjacency[0] == theirs[np.ix_(order, order)]).all()
    assert [batch.labels[n] for n in batch.nodes[0]] == [
        "input", "skip_connect", "conv_1x1", "conv_1x1", "conv_3x3", "conv_3x3", "conv_3x3", "output"
    ]  # fmt: skip
    # without operation on 0->2 there is no such node; without any there is nothing between input and output
    assert batch.nodes[1, 2] == -1
    assert (
        batch.adjacency[1]
        == np.where(np.isin(np.arange(8), 2) | np.isin(np.arange(8), 2)[:, None], 0, batch.adjacency[0])
    ).all()
    assert not batch.adjacency[2].any()


def test_modules_of_a_network_form_a_chain_of_those_that_are_there():
    batch = MACRO.graph_many(["1234", "224131"])
    for graph, n_modules in zip(range(2), (4, 6), strict=True):
        node, seen = 0, []
        while node != 7:
            (node,) = np.flatnonzero(batch.adjacency[graph, node])
            seen.append(batch.labels[batch.nodes[graph, node]])
        assert len(seen) == n_modules + 1
        assert batch.adjacency[graph].sum() == n_modules + 1
    assert batch.nodes[0, 5:7].tolist() == [-1, -1]

"""Neural graph features: by hand, and by walking every path of cells as papers draw them.

All columns were also compared with the authors' code, gabikadlecova/zc_combine at 5a14948, of 1,500 random cells of
NAS-Bench-201 and of NAS-Bench-101 and 60 of DARTS: equal, but for the constants that the docstring of `graf` names.
"""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from nasbench_kit.encodings import encodings_of, graf, graf_names
from nasbench_kit.encodings.features import matrix
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.predictors.agreement import kendall_tau
from nasbench_kit.spaces import SPACES, DARTSSpace, NASBench101Space, NASBench201Space, TransNASMicroSpace, space_from
from nasbench_kit.spaces.recorded import RecordedSpace

SPACES_OF_IT = (NASBench101Space, NASBench201Space, TransNASMicroSpace, DARTSSpace)
N_COLUMNS = {"nasbench101": 45, "nasbench201": 160, "transnas_micro": 79, "darts": 1_284}
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


def columns(space, arch):
    return dict(zip(graf_names(space), graf(space, [arch])[0].tolist(), strict=True))


def of(found, subset, prefix=""):
    """All that a subset of operations has, in order."""
    names = [name for name in found if name.startswith(prefix) and name.endswith((f" of {subset}", f" in {subset}"))]
    return [found[name] for name in names if "count" not in name]


# ---- by hand ----


def test_the_best_cell_of_nasbench201_by_hand(space):
    # 0-1 3x3, 0-2 3x3, 1-2 3x3, 0-3 skip, 1-3 3x3, 2-3 1x1
    found = columns(space, BEST)
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    assert [found[f"count of {operation}"] for operation in operations] == [0, 1, 1, 4, 0]
    # shortest and longest path; degrees of input and output; edges per node
    assert of(found, "nor_conv_3x3") == [2, 2, 2, 1, 4 / 4]  # 0-1-3 alone
    assert of(found, "nor_conv_1x1") == [4, -1, 0, 1, 1 / 4]  # no path
    assert of(found, "skip_connect") == [1, 1, 1, 1, 1 / 4]
    assert of(found, "nor_conv_1x1, nor_conv_3x3") == [2, 3, 2, 2, 5 / 4]
    assert of(found, ", ".join(operations)) == [1, 3, 3, 3, 6 / 4]


def test_none_is_an_operation_and_what_leads_nowhere_is_none(space):
    # node 2 reads nothing, so the 3x3 convolution behind it computes nothing; and nothing reads node 1
    dead = columns(space, "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
    assert dead == columns(space, "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    assert dead["count of none"] == 5
    assert of(dead, "none") == [2, 3, 2, 2, 5 / 4]
    assert of(dead, "none, skip_connect") == [1, 3, 3, 3, 6 / 4]


def test_a_cell_of_nasbench101_by_hand():
    space = NASBench101Space()
    # input to conv3x3, to maxpool, to output; and from conv3x3 to the output
    matrix_of = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    operations = ["input", "conv3x3-bn-relu", "maxpool3x3", "output"]
    found = columns(space, space.parse((matrix_of, operations)))
    counted = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    assert [found[f"count of {operation}"] for operation in counted] == [1, 0, 1]
    # shortest and longest path; to these from the input, from these to the output; from these and to these, per node
    assert of(found, "conv3x3-bn-relu") == [1, 1, 1, 1, 2 / 4, 1 / 4]
    assert of(found, "conv1x1-bn-relu") == [7, -1, 0, 0, 0, 0]
    assert of(found, "maxpool3x3") == [7, -1, 0, 1, 1 / 4, 1 / 4]
    assert of(found, "conv3x3-bn-relu, maxpool3x3") == [1, 2, 1, 2, 3 / 4, 2 / 4]
    matrix_of[0][3] = 1  # the input is read by the output too
    found = columns(space, space.parse((matrix_of, operations)))
    assert of(found, "conv1x1-bn-relu") == [0, 0, 0, 0, 0, 0]
    assert of(found, "conv3x3-bn-relu") == [0, 1, 1, 1, 2 / 4, 1 / 4]


def test_an_architecture_of_darts_by_hand():
    space = DARTSSpace()
    normal = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 2)]
    normal += [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("sep_conv_3x3", 3), ("skip_connect", 0)]
    reduce = [("dil_conv_5x5", 0), ("dil_conv_5x5", 1)] * 4
    found = columns(
        space, {"normal": normal, "normal_concat": [2, 3, 4, 5], "reduce": reduce, "reduce_concat": [2, 3, 4, 5]}
    )
    assert [found[f"normal count of {name}"] for name in ("sep_conv_3x3", "skip_connect", "max_pool_3x3")] == [4, 2, 2]
    # the longest path from each input, the degree of each, edges per node
    assert of(found, "sep_conv_3x3", "normal") == pytest.approx([3, 3, 1, 1, 4 / 7])
    assert of(found, "skip_connect", "normal") == pytest.approx([1, -1, 2, 0, 2 / 7])
    assert of(found, "max_pool_3x3, skip_connect", "normal") == pytest.approx([1, 1, 3, 1, 4 / 7])
    assert of(found, "dil_conv_5x5", "reduce") == pytest.approx([1, 1, 4, 4, 8 / 7])
    assert found["reduce count of dil_conv_5x5"] == 8


# ---- by walking every path ----


def walked(graph, start, end, allowed):
    """The numbers of operations on all paths that meet allowed ones alone; operations on edges, or in nodes."""
    if start == end:
        return [0]
    found = []
    for a, b, on_edge in graph.edges:
        operation = on_edge or (graph.nodes[b] if graph.nodes[b] in allowed else "")
        if a == start and (operation in allowed or (not on_edge and b == end)):
            found += [n + (operation in allowed) for n in walked(graph, b, end, allowed)]
    return found


@pytest.mark.parametrize("make", SPACES_OF_IT)
def test_paths_are_those_that_one_finds_by_walking(make):
    space, rng = make(), np.random.default_rng(0)
    names = graf_names(space)
    operations = [name.removeprefix("count of ") for name in names if name.startswith("count of ")]
    archs = space.sample_many(rng, 40)
    for arch, row in zip(archs.tolist(), graf(space, archs), strict=True):
        found = dict(zip(names, row.tolist(), strict=True))
        for cell, graph in space.graphs(tuple(arch)).items():
            before = f"{cell} " if make is DARTSSpace else ""
            listed = operations or space.decisions[0].choices
            allowed = [name for name in listed if rng.random() < 0.5 and name != "none"] or [listed[-1]]
            subset, last = ", ".join(allowed), len(graph.nodes) - 1
            for start, node in {"c_{k-2}": 0, "c_{k-1}": 1}.items() if before else {"": 0}.items():
                lengths = walked(graph, node, last, allowed)
                longest = f"longest path {f'from {start} ' if before else ''}of {subset}"
                assert found[before + longest] == max(lengths, default=-1)
                if not before:
                    none = 7 if make is NASBench101Space else 4
                    assert found[f"shortest path of {subset}"] == min(lengths, default=none)


# ---- as an encoding ----


@pytest.mark.parametrize("make", SPACES_OF_IT)
def test_it_is_an_encoding_by_name_of_any_part_of_a_space_in_batches_of_any_size(make):
    space = make()
    archs = space.sample_many(np.random.default_rng(0), 2_100)
    encoded = matrix(space, archs, "graf")
    assert encoded.shape == (2_100, N_COLUMNS[space.name]) == (2_100, len({*graf_names(space)}))
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded[2_040:2_060], graf(space, archs[2_040:2_060]))
    part = RecordedSpace(space, archs[:50])
    np.testing.assert_array_equal(graf(part, archs[:50]), encoded[:50])
    assert graf(space, archs[:0]).shape == (0, encoded.shape[1])


def test_isomorphic_cells_have_the_same_features():
    space, rng = NASBench101Space(), np.random.default_rng(0)
    archs = space.sample_many(rng, 500)
    np.testing.assert_array_equal(graf(space, archs), graf(space, space.canonical_many(archs)))


def test_other_spaces_have_no_such_features():
    for name in {*SPACES} - {*N_COLUMNS}:
        other = space_from(name)
        assert "graf" not in encodings_of(other)
        with pytest.raises(SettingError, match=f"{other.name} has no graph features; cells of nasbench101,"):
            graf_names(other)
    with pytest.raises(UnknownNameError, match="unknown encoding of nas_bench_macro 'graf'"):
        matrix(space_from("nas_bench_macro"), [(0,) * 8], "graf")


def test_a_forest_learns_from_it_what_it_does_not_learn_from_choices_and_paths(cifar10):
    # the paper's finding; of 100 cells, tau of 100 trees is .76 here, .47 and .49 with the others (mean of 10 runs)
    archs = cifar10.space.sample_many(np.random.default_rng(0), 1_000)
    values = cifar10.query_many(archs).val_accuracy

    def tau(encoding):
        features = matrix(cifar10.space, archs, encoding)
        forest = RandomForestRegressor(30, random_state=0, n_jobs=1).fit(features[:100], values[:100])
        return kendall_tau(values[100:], forest.predict(features[100:]))

    assert tau("graf") > max(tau("one_hot"), tau("paths")) + 0.1


def test_wrong_arguments_are_told_in_one_line(space):
    with pytest.raises(SettingError, match="a space expected"):
        graf("nasbench201", [(0,) * 6])

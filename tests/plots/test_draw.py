"""Drawings of architectures, by the data of their artists, and the command that makes them."""

import errno
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.shared import parse_arch
from nasbench_kit.errors import SettingError
from nasbench_kit.plots import architecture_figure, operation_colors, plot_graph, save_figure, style
from nasbench_kit.plots.cells import lay_out_graph
from nasbench_kit.plots.layout import lay_out
from nasbench_kit.plots.style import COLORS
from nasbench_kit.spaces import SPACES, ChoiceSpace, Graph, NASBench201Space, space_from

# Inception-like cell. Source: Ying et al. 2019, NAS-Bench-101, README of the reference implementation
NB101 = Graph(
    ("input", "conv1x1-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "maxpool3x3", "output"),
    tuple((a, b, "") for a, b in [(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)]),
)
# Source: Liu et al. 2019, DARTS, genotypes.py, DARTS_V2
NORMAL = (
    "sep_conv_3x3 0 sep_conv_3x3 1 sep_conv_3x3 0 sep_conv_3x3 1 "
    "sep_conv_3x3 1 skip_connect 0 skip_connect 0 dil_conv_3x3 2"
)
REDUCE = (
    "max_pool_3x3 0 max_pool_3x3 1 skip_connect 2 max_pool_3x3 1 "
    "max_pool_3x3 0 skip_connect 2 skip_connect 2 max_pool_3x3 1"
)


def darts(text):
    words = text.split()
    edges = [(int(source), 2 + i // 2, op) for i, (op, source) in enumerate(zip(words[::2], words[1::2], strict=True))]
    return Graph(
        ("c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}"), (*edges, *((node, 6, "") for node in range(2, 6)))
    )


def recurrent(n_nodes=20, seed=1):
    rng = np.random.default_rng(seed)
    labels = ["x", "h", *rng.choice(["linear", "blend", "activation_tanh", "elementwise_sum"], n_nodes - 2).tolist()]
    edges = [(source, node, "") for node in range(2, n_nodes) for source in rng.choice(node, 2, replace=False).tolist()]
    return Graph(tuple(labels), tuple(edges))


GRAPHS = {
    "nasbench101": NB101,
    "darts_normal": darts(NORMAL),
    "darts_reduction": darts(REDUCE),
    "chain": Graph.chain(["input", *(f"layer {i}" for i in range(8)), "output"]),
    "recurrent": recurrent(),
    "parallel": Graph(("input", "output"), ((0, 1, "conv"), (0, 1, "pool"), (0, 1, ""), (0, 1, ""))),
    "nothing": Graph(("input", "1", "2", "output"), ()),
    "one": Graph(("input",), ()),
}


@st.composite
def random_graphs(draw):
    n_nodes = draw(st.integers(1, 7))
    pairs = list(combinations(range(n_nodes), 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=10)) if pairs else []
    labels = st.sampled_from(["", "conv", "a long name of an operation"])
    return Graph(tuple(f"node {i}" for i in range(n_nodes)), tuple((*pair, draw(labels)) for pair in edges))


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["show", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def drawn(ax):
    """Boxes, arrows and texts of an Axes."""
    patches = [[patch for patch in ax.patches if isinstance(patch, kind)] for kind in (FancyBboxPatch, FancyArrowPatch)]
    return *patches, list(ax.texts)


def overlap(one, other):
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2 - 1e-9
        and abs(one.y - other.y) < (one.height + other.height) / 2 - 1e-9
    )


def points_along(curve, n=40):
    """Points on the curve as it is drawn: level at each of its points, an S between."""
    t = np.linspace(0, 1, n)
    for (x0, y0), (x1, y1) in zip(curve.points[:-1], curve.points[1:], strict=True):
        middle = (x0 + x1) / 2
        x = (1 - t) ** 3 * x0 + 3 * (1 - t) ** 2 * t * middle + 3 * (1 - t) * t**2 * middle + t**3 * x1
        y = (1 - t) ** 3 * y0 + 3 * (1 - t) ** 2 * t * y0 + 3 * (1 - t) * t**2 * y1 + t**3 * y1
        yield from zip(x.tolist(), y.tolist(), strict=True)


def check_layout(graph, layout=None):
    layout = layout or lay_out(graph, lambda text: 0.6 * len(text))
    assert (len(layout.nodes), len(layout.edges)) == (len(graph.nodes), len(graph.edges))
    labels = [edge.label for edge in layout.edges if edge.label]
    assert [box.text.replace("\n", " ") for box in layout.nodes] == [node.replace("\n", " ") for node in graph.nodes]
    assert [label.text for label in labels] == [label for *_, label in graph.edges if label]
    boxes = [*layout.nodes, *labels]
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other), (one, other)
    for box in boxes:
        assert 0 <= box.x - box.width / 2 < box.x + box.width / 2 <= layout.width
        assert 0 <= box.y - box.height / 2 < box.y + box.height / 2 <= layout.height
    for (source, target, _), edge in zip(graph.edges, layout.edges, strict=True):
        start, end = layout.nodes[source], layout.nodes[target]
        assert edge.points[0][0] == pytest.approx(start.x + start.width / 2)
        assert edge.points[-1][0] == pytest.approx(end.x - end.width / 2)
        assert abs(edge.points[0][1] - start.y) < start.height / 2
        assert abs(edge.points[-1][1] - end.y) < end.height / 2
        assert all(a[0] < b[0] for a, b in zip(edge.points[:-1], edge.points[1:], strict=True))  # to the right
        others = [box for box in boxes if box not in (start, end, edge.label)]
        for x, y in points_along(edge):
            for box in others:
                inside = abs(x - box.x) < box.width / 2 - 1e-6 and abs(y - box.y) < box.height / 2 - 1e-6
                assert not inside, f"the edge {source}->{target} passes {box.text!r}"
        if edge.label:
            assert any(abs(x - edge.label.x) < 1 and abs(y - edge.label.y) < 1e-6 for x, y in points_along(edge))
    return layout


# ---- layout ----


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_nothing_lies_on_anything_else_and_no_edge_passes_a_box(graph):
    check_layout(graph)


@given(random_graphs())
@settings(max_examples=40, deadline=None)
def test_nothing_lies_on_anything_else_in_any_graph(graph):
    check_layout(graph)


def test_every_cell_of_nasbench201_that_differs_in_what_is_there_is_laid_out(space):
    for there in range(64):
        (graph,) = space.graphs(tuple(1 + i % 4 if there >> i & 1 else 0 for i in range(6))).values()
        check_layout(graph)


def test_a_chain_is_straight():
    layout = check_layout(GRAPHS["chain"])
    assert len({round(box.y, 9) for box in layout.nodes}) == 1


def test_a_long_chain_is_folded():
    graph = Graph.chain(["input", *(f"stage {i}: channels_128" for i in range(20)), "output"])
    layout = lay_out(graph, lambda text: 0.6 * len(text))
    assert layout.width < 80
    for one, other in combinations(layout.nodes, 2):
        assert not overlap(one, other)
    for edge, a, b in zip(layout.edges, layout.nodes[:-1], layout.nodes[1:], strict=True):
        (x0, y0), (x1, y1) = edge.points
        assert (x0 == x1) != (y0 == y1)  # level, or down to the next row
        for (x, y), box in (((x0, y0), a), ((x1, y1), b)):
            assert sorted((abs(abs(x - box.x) - box.width / 2), abs(abs(y - box.y) - box.height / 2)))[0] < 1e-9
        assert 1 < abs(x1 - x0) + abs(y1 - y0) < 25


def test_parallel_edges_are_apart():
    layout = check_layout(GRAPHS["parallel"])
    middles = sorted(dict(points_along(edge, 41))[x] for edge in layout.edges for x in [edge.points[1][0]])
    assert len({edge.points[0] for edge in layout.edges}) == 4
    assert min(np.diff(middles)) > 0.2


def test_planar_cells_are_drawn_without_crossings(space):
    # the skip from input to output, and the two from input to 2 and from 1 to output, drawn above or below
    (graph,) = space.graphs((3, 0, 2, 1, 0, 2)).values()
    assert crossings(check_layout(graph)) == 0
    assert crossings(check_layout(NB101)) == 0
    (graph,) = space.graphs((3, 4, 2, 1, 3, 2)).values()
    assert crossings(check_layout(graph)) == 0


def crossings(layout):
    """Pairs of edges that change sides somewhere."""
    grid = np.linspace(0, layout.width, 400)
    curves = []
    for edge in layout.edges:
        x, y = np.array(list(points_along(edge, 60))).T
        curves.append(np.interp(grid, x, y, left=np.nan, right=np.nan))
    found = 0
    for one, other in combinations(curves, 2):
        gap = (one - other)[~np.isnan(one - other)]
        found += bool(len(gap)) and gap.min() < -1e-6 and gap.max() > 1e-6
    return found


# ---- artists ----


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_there_are_as_many_boxes_arrows_and_texts_as_nodes_edges_and_labels(graph):
    ax = Figure(figsize=(9, 4)).add_subplot()
    plot_graph(ax, graph, title="a title")
    boxes, arrows, texts = drawn(ax)
    n_labels = sum(bool(label) for *_, label in graph.edges)
    assert (len(boxes), len(arrows), len(texts)) == (len(graph.nodes) + n_labels, len(graph.edges), len(boxes))
    assert ax.get_title() == "a title"


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("size", [(4, 2), (14, 7)])
def test_texts_fit_their_boxes_on_axes_of_any_size(graph, size):
    figure = Figure(figsize=size, dpi=400)  # at few dots small letters are rounded to them
    ax = figure.add_subplot()
    plot_graph(ax, graph)
    figure.draw_without_rendering()
    boxes, _, texts = drawn(ax)
    for box, text in zip(boxes, texts, strict=True):
        outer, inner = box.get_window_extent(), text.get_window_extent()
        assert outer.x0 <= inner.x0 <= inner.x1 <= outer.x1, text.get_text()
        assert outer.y0 - 1 <= inner.y0 <= inner.y1 <= outer.y1 + 1, text.get_text()


def test_an_operation_has_one_color_in_all_cells_and_inputs_have_none():
    graphs = (darts(NORMAL), darts(REDUCE))
    colors = operation_colors(graphs)
    assert set(colors) == {"sep_conv_3x3", "skip_connect", "dil_conv_3x3", "max_pool_3x3"}
    assert len(set(colors.values())) == 4
    assert set(operation_colors([NB101])) == set(NB101.nodes) - {"input", "output"}


def test_an_operation_has_one_color_in_all_architectures_of_a_space(space):
    faces = []
    for arch in ((3, 4, 2, 1, 3, 2), (0, 0, 0, 3, 0, 0)):
        boxes, _, texts = drawn(architecture_figure(space, arch).axes[0])
        shown = {text.get_text(): box.get_facecolor() for box, text in zip(boxes, texts, strict=True)}
        faces.append(shown["nor_conv_3x3"])
    assert faces[0] == faces[1]


def test_operations_are_colored_and_what_stands_beside_them_is_not():
    # a recurrent cell: one input of its blend is named on its edge
    graph = Graph(
        ("x", "h", "linear", "blend", "new h"), ((0, 2, ""), (1, 2, ""), (1, 3, "closed"), (2, 3, "gate"), (3, 4, ""))
    )
    assert set(operation_colors([graph], ["x", "h", "blend", "linear", "new h"])) == {"linear", "blend"}
    chain = Graph.chain(["image", "16 channels", "stage 2: 8", "both: 64 channels", "classes"])
    assert set(operation_colors([chain], ["stage 1: 8", "stage 1: 16", "both"])) == {"16", "8", "both"}
    boxes, _, texts = drawn(
        architecture_figure(ChoiceSpace("widths", {"a": tuple("12"), "b": tuple("12")}), (0, 0)).axes[0]
    )
    faces = {text.get_text(): box.get_facecolor() for box, text in zip(boxes, texts, strict=True)}
    assert faces["a:\n1"] == faces["b:\n1"] != faces["input"] == faces["output"]


def test_more_operations_than_colors_leave_the_rest_without():
    graph = Graph.chain(["input", *(f"operation {i}" for i in range(30)), "output"])
    assert 5 <= len(operation_colors([graph])) < 30
    plot_graph(Figure().add_subplot(), graph)


def test_names_with_an_index_are_set_as_mathematics_and_other_signs_as_they_are():
    ax = Figure().add_subplot()
    plot_graph(ax, Graph(("c_{k-1}", "costs $1_2$ and ^"), ((0, 1, "50 $ each $"),)))
    *_, texts = drawn(ax)
    assert {text.get_text(): text.get_parse_math() for text in texts} == {
        "$c_{k-1}$": True,
        "costs $1_2$ and ^": False,
        "50 $ each $": False,
    }
    ax.get_figure().draw_without_rendering()


# ---- figures ----


@pytest.mark.parametrize("name", SPACES)
def test_architectures_of_every_space_are_drawn_cell_by_cell_with_text_of_one_size(name):
    space = space_from(name)
    for arch in map(tuple, space.sample_many(np.random.default_rng(0), 2).tolist()):
        graphs = space.graphs(arch)
        figure = architecture_figure(space, arch)
        assert len(figure.axes) == len(graphs)
        for ax, graph in zip(figure.axes, graphs.values(), strict=True):
            _, arrows, texts = drawn(ax)
            assert len(arrows) == len(graph.edges)
            assert {round(text.get_fontsize(), 3) for text in texts} == {9.0}
            if graph != Graph.chain(graph.nodes):  # which may be folded
                check_layout(graph, lay_out_graph(graph))
        figure.draw_without_rendering()


def test_the_figure_carries_the_text_of_the_architecture(space):
    arch = (3, 4, 2, 1, 3, 2)
    name, text = architecture_figure(space, arch).texts
    assert name.get_text() == "nasbench201"
    assert text.get_text().replace("\n", "") == space.format(arch)


def test_a_long_text_is_cut_and_stays_inside_the_figure():
    space = ChoiceSpace("long", {f"d{i}": ("a" * 200, "b" * 200) for i in range(8)})
    figure = architecture_figure(space, (0,) * 8)
    figure.draw_without_rendering()
    for text in figure.texts:
        extent = text.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= figure.bbox.x1
    assert figure.texts[1].get_text().endswith("...")


@pytest.mark.parametrize("slip", ["nasbench201", NASBench201Space, nbk.load("nasbench201/cifar10"), None])
def test_something_else_than_a_space_is_one_line(slip):
    with pytest.raises(SettingError, match="is no space; a space expected, like the attribute `space` of a benchmark"):
        architecture_figure(slip, (3, 4, 2, 1, 3, 2))


# ---- notebooks and files ----


def test_a_notebook_shows_a_figure_though_pyplot_was_never_imported():
    script = (
        "import sys; from nasbench_kit.plots import architecture_figure; from nasbench_kit.spaces import space_from;"
        "figure = architecture_figure(space_from('nasbench201'), (3, 4, 2, 1, 3, 2));"
        "assert 'matplotlib.pyplot' not in sys.modules; sys.stdout.buffer.write(figure._repr_png_())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.startswith(b"\x89PNG")


def test_a_figure_is_written_to_all_its_files_with_text_as_text(tmp_path, space):
    paths = [tmp_path / f"cell.{suffix}" for suffix in ("png", "PDF", "svg")]
    save_figure(architecture_figure(space, (3, 4, 2, 1, 3, 2)), *paths)
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert b"/CIDFontType2" in paths[1].read_bytes()  # how PDF calls type 42
    assert b"/Type3" not in paths[1].read_bytes()
    assert "nor_conv_3x3" in paths[2].read_text()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("broken", ["draw", "replace"])
def test_a_figure_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch, number, broken):
    figure, written = style.ShownFigure(figsize=(1, 1)), style._write
    picture, beside = tmp_path / "cell.png", tmp_path / "cell.pdf"
    picture.write_bytes(b"earlier")

    def fail(_, path, *rest):
        if broken == "replace" or ".pdf" in str(path):
            raise OSError(number, os.strerror(number))
        written(_, path, *rest)

    monkeypatch.setattr(*((style, "_write", fail) if broken == "draw" else (os, "replace", fail)))
    with pytest.raises(SettingError, match=f"^cannot write figure '.*': {os.strerror(number)}$"):
        save_figure(figure, picture, beside)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("cell.png", b"earlier")]


def test_a_figure_takes_the_place_of_what_a_link_leads_to(tmp_path):
    (tmp_path / "real.png").write_bytes(b"earlier")
    (tmp_path / "cell.png").symlink_to("real.png")
    save_figure(style.ShownFigure(figsize=(1, 1)), tmp_path / "cell.png")
    assert (tmp_path / "cell.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes().startswith(b"\x89PNG")


def test_the_colors_of_lines_are_those_of_okabe_and_ito():
    # Source: Okabe and Ito 2008, Color Universal Design, https://jfly.uni-koeln.de/color/
    published = {"#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}
    assert {color.lower() for color in COLORS} < published
    assert len(set(COLORS)) == 7


# ---- the command ----


def test_show_refuses_to_draw_over_the_table_it_reads(tmp_path, cifar10):
    picture = tmp_path / "table.png"
    picture.write_bytes(Path(cifar10.results.path).read_bytes())
    before = picture.read_bytes()
    text = run("333132", "-b", "nasbench201/cifar10", "--from", picture, "-o", picture, code=2)
    assert "would overwrite --benchmark" in text
    assert picture.read_bytes() == before


def test_show_prints_a_line_per_node():
    lines = run("333132").splitlines()
    assert lines == [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        "",
        "cell",
        "  input",
        "  1      <- nor_conv_3x3(input)",
        "  2      <- nor_conv_3x3(input), nor_conv_3x3(1)",
        "  output <- skip_connect(input), nor_conv_3x3(1), nor_conv_1x1(2)",
    ]


def test_show_reads_every_form_that_query_reads():
    texts = {run(*arguments) for arguments in (("6111",), ("333132",), ("6111", "--space", "nasbench201"))}
    assert len(texts) == 1
    assert run("(4, 0, 3, 1, 4, 3)", "--form", "naslib") == run("410242")


@pytest.mark.parametrize("name", SPACES)
def test_whatever_a_space_writes_can_be_typed(name):
    space = space_from(name)
    for arch in map(tuple, space.sample_many(np.random.default_rng(0), 20).tolist()):
        for form in space.forms:
            text = space.format(arch, form)
            assert parse_arch(space, text, form) == arch
            if form in ("official", "digits"):
                assert parse_arch(space, text) == arch
        assert parse_arch(space, repr(arch)) == arch
        assert parse_arch(space, repr(list(arch)).replace("[", "(").replace("]", ",)")) == arch


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")]
)
def test_show_writes_the_kind_of_file_that_its_name_says(tmp_path, suffix, start):
    path = tmp_path / f"cell.{suffix}"
    assert run("6111", "-o", path).strip() == str(path)
    assert path.read_bytes().startswith(start)


def test_show_takes_the_space_of_a_benchmark(tmp_path):
    space = ChoiceSpace("letters", {"first": tuple("ab"), "second": tuple("ab")})
    frame = {"arch": ["a,a", "a,b", "b,a"], "val_accuracy": [0.1, 0.2, 0.3]}
    path = tmp_path / "mine.h5"
    nbk.Table.from_frame(frame, path, name="mine", space=space, metrics=["val_accuracy"])
    text = run("a,b", "--benchmark", "mine/default", "--from", path)
    assert re.search(r"first: a +<- input\n +second: b <- first: a\n +output +<- second: b", text)
    run("a,b", "--benchmark", "mine/default", "--from", path, "-o", tmp_path / "mine.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["333135"], "choice 5 of decision '2->3' is out of range"),
        (["3", "--space", "nasbench20"], "unknown space 'nasbench20'; did you mean 'nasbench201'"),
        (["3", "--space", "nasbench201", "-b", "nasbench201/cifar10"], "--space and --benchmark exclude each other"),
        (["3", "--from", "mine.h5"], "--from needs --benchmark"),
        (["3", "-o", "cell.xyz"], "cannot write figure 'cell.xyz': its name must end in one of"),
        (["3", "-o", "nowhere/cell.png"], "cannot write figure 'nowhere/cell.png': there is no folder"),
        (["333132", "--form", "json"], "unknown form 'json'"),
    ],
)
def test_what_cannot_be_shown_is_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run(*arguments, code=2)
    assert text.startswith("error: ")
    assert message in text
    assert len(text.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []

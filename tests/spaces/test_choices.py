"""What a value in somebody's table names: choices by text and by number, nothing at all, and choices in order."""

import json
import pickle
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench_kit.spaces
from nasbench_kit.errors import ArchitectureError, SettingError, UnknownNameError
from nasbench_kit.spaces import SPACES, ChoiceSpace, describe_space, space_from
from nasbench_kit.spaces.recorded import RecordedSpace

SPACE = ChoiceSpace(
    "mine",
    {
        "layers": [1, 2, 10],
        "rate": ["0.1", "1e-3", "5"],
        "pool": ["None", "max"],
        "block": ["", "conv"],
        "se": [False, True],
        "kernel": ["3", "5"],
    },
)
AT = {decision.name: i for i, decision in enumerate(SPACE.decisions)}


@pytest.mark.parametrize(
    ("decision", "values", "choice"),
    [
        ("layers", [2, 2.0, "2", "2.0", " 2 ", np.int64(2), np.float32(2), np.array(2)[()]], "2"),
        ("layers", [10, 1e1, "1e1", "010"], "10"),
        ("rate", [0.001, "0.001", "1e-3", "1.0E-3", np.float64(0.001)], "1e-3"),
        ("rate", [0.1, "0.10", ".1"], "0.1"),
        ("pool", [None, nan, "", "none", "NaN", "<NA>", np.nan, " "], "None"),
        ("block", [None, nan, "", "nan"], ""),
        ("se", [True, "True", "true", "TRUE", np.True_], "True"),
        ("se", [False, "false", np.False_], "False"),
    ],
)
def test_a_value_names_the_choice_that_it_means(decision, values, choice):
    at = AT[decision]
    for value in values:
        assert SPACE.decisions[at].choices[SPACE.choice(at, value)] == choice


@pytest.mark.parametrize(
    ("decision", "value", "message"),
    [
        ("layers", 2.5, "unknown choice for 'layers': '2.5'; "),
        ("layers", True, "unknown choice for 'layers': 'True'; choose from 1, 2, 10"),
        ("layers", None, "unknown choice for 'layers': 'nothing'; choose from 1, 2, 10"),
        ("layers", nan, "unknown choice for 'layers': 'nothing'; choose from 1, 2, 10"),
        ("layers", float("inf"), "unknown choice for 'layers': 'inf'"),
        ("layers", "two", "unknown choice for 'layers': 'two'"),
        ("layers", [2], "unknown choice for 'layers'"),
        ("se", 1, "unknown choice for 'se': '1'; choose from False, True"),
        ("kernel", "5x5", "unknown choice for 'kernel': '5x5'"),
        ("kernel", 10**400, "unknown choice for 'kernel'"),
    ],
)
def test_what_names_no_choice_is_refused_with_the_choices(decision, value, message):
    with pytest.raises(UnknownNameError, match=message):
        SPACE.choice(AT[decision], value)


def test_mappings_texts_and_json_read_choices_alike():
    given_ = {"layers": 2.0, "rate": 0.1, "pool": None, "block": nan, "se": True, "kernel": np.int8(5)}
    arch = (1, 0, 0, 0, 1, 1)
    assert SPACE.parse(given_) == SPACE.parse("2.0,0.1,None,,true,5") == arch
    as_json = json.dumps(given_ | {"block": "", "kernel": 5})
    assert SPACE.parse(as_json) == arch
    assert SPACE.format(arch) == "2,0.1,None,,True,5"


@pytest.mark.parametrize("name", SPACES)
def test_every_space_reads_its_architectures_as_mappings_and_as_json(name):
    space = space_from(name)
    for arch in space.sample_many(np.random.default_rng(0), 3).tolist():
        by_name = {d.name: d.choices[n] for d, n in zip(space.decisions, arch, strict=True)}
        assert space.parse(by_name) == space.parse(json.dumps(by_name)) == tuple(arch)


@pytest.mark.parametrize("rng", [0, None])
@pytest.mark.parametrize("name", SPACES)
def test_a_seed_in_place_of_a_generator_is_refused_wherever_a_space_draws(name, rng):
    whole = space_from(name)
    archs = whole.sample_many(np.random.default_rng(0), 9)
    arch = tuple(archs[0].tolist())
    weights = [[1 / n] * n for n in whole.n_choices]
    for space in (whole, RecordedSpace(whole, archs)):
        draws = [
            lambda space=space: space.sample(rng),
            lambda space=space: space.sample_many(rng, 2),
            lambda space=space: next(space.samples(rng)),
            lambda space=space: space.sample_from(weights, rng),
            lambda space=space: space.mutate_many(archs, rng),
        ] + [lambda space=space, mutation=mutation: space.mutate(arch, rng, mutation) for mutation in space.mutations]
        for draw in draws:
            with pytest.raises(SettingError, match=f"^rng={rng}; a generator expected, such as"):
                draw()


@pytest.mark.parametrize("choices", ["abc", 3, None])
def test_choices_that_are_no_list_are_refused(choices):
    with pytest.raises(ArchitectureError, match=r"the choices of decision 'k' are .*; a list of them expected"):
        ChoiceSpace("x", {"k": choices})


# ---- choices in order ----


def test_ascending_numbers_are_in_order_unless_told_otherwise():
    decisions = {
        "width": [8, 16, 64],
        "lr": ["1e-3", "0.1"],
        "code": ["2", "1"],
        "op": ["a", "b"],
        "same": ["1", "1.0"],
    }
    space = ChoiceSpace("x", decisions)
    assert [d.name for d in space.decisions if d.ordered] == ["width", "lr"]
    told = ChoiceSpace("x", decisions, ordered=["op"])
    assert [d.name for d in told.decisions if d.ordered] == ["op"]
    with pytest.raises(UnknownNameError, match="unknown ordered decision 'wide'; did you mean 'width'"):
        ChoiceSpace("x", decisions, ordered=["wide"])


names = st.text("abc012", min_size=1, max_size=3)
decisions = st.dictionaries(names, st.lists(names, min_size=2, max_size=4, unique=True), min_size=1, max_size=4)


@given(decisions, st.data())
def test_a_description_keeps_the_order_and_old_ones_stay_as_they_were(decisions, data):
    plain = ChoiceSpace("x", decisions)
    assert describe_space(plain) == {"name": "x", "decisions": [[name, list(c)] for name, c in decisions.items()]}
    ordered = data.draw(st.lists(st.sampled_from(sorted(decisions)), unique=True))
    for space in (plain, ChoiceSpace("x", decisions, ordered=ordered)):
        described = json.loads(json.dumps(describe_space(space)))
        assert space_from(described).decisions == space.decisions == pickle.loads(pickle.dumps(space)).decisions


# As the papers describe them: numbers of channels, blocks, units, layers, expansion factors and kernel sizes
@pytest.mark.parametrize(
    ("name", "n_ordered"),
    [("natsbench_sss", 5), ("nas_bench_mr", 27), ("accel_nasbench", 21), ("nasbench201", 0), ("nas_bench_asr", 0)],
)
def test_spaces_of_ours_say_which_decisions_are_in_order(name, n_ordered):
    space = space_from(name)
    assert sum(decision.ordered for decision in space.decisions) == n_ordered
    for decision in space.decisions:
        if decision.ordered:
            assert sorted(decision.choices, key=int) == list(decision.choices)


# ---- names ----


def test_lazily_imported_spaces_are_listed():
    assert {*SPACES.values(), "space_from", "Form"} <= set(dir(nasbench_kit.spaces))


def test_names_of_decisions_hold_no_blanks_and_no_colons():
    for name in SPACES:
        for decision in space_from(name).decisions:
            assert not set(decision.name) & set(" :,"), decision.name


@pytest.mark.parametrize("name", ["darts", "nas_bench_mr", "nas_bench_nlp", "accel_nasbench"])
def test_a_space_too_large_to_list_says_what_to_do(name):
    with pytest.raises(
        ArchitectureError, match=rf"{name} has .* architectures, too many to list; draw some with sample_m"
    ):
        space_from(name).all_archs()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", ["k"]), r"decisions=\['k'\]; a mapping from decision to choices expected, such as {'kernel': \[3, 5\]}"),
        (("x", [("k", ["3", "5"])]), "decisions=.*; a mapping from decision to choices expected"),
        (("x", "kernel"), "decisions='kernel'; a mapping"),
        (("x", 5), "decisions=5; a mapping"),
        (("x", None), "decisions=None; a mapping"),
        (({"k": ["3", "5"]}, "x"), "name={'k': .*; a text expected"),
        ((5, {"k": ["3", "5"]}), "name=5; a text expected"),
    ],
)
def test_a_space_is_made_of_a_name_and_a_mapping_or_says_so(arguments, message):
    with pytest.raises(SettingError, match=message):
        ChoiceSpace(*arguments)


@pytest.mark.parametrize("ordered", ["kernel", 5, True])
def test_ordered_decisions_are_a_list_or_that_is_said(ordered):
    with pytest.raises(SettingError, match=f"ordered={ordered!r}; a list of decisions expected, or None"):
        ChoiceSpace("x", {"kernel": ["3", "5"]}, ordered=ordered)


@pytest.mark.parametrize("call", [describe_space, lambda space: RecordedSpace(space, np.zeros((2, 6), np.uint8))])
def test_a_name_in_place_of_a_space_is_told_what_is_expected(call):
    with pytest.raises(SettingError, match="space='nasbench201'; a space expected, like"):
        call("nasbench201")


@pytest.mark.parametrize("description", [5, ["nasbench201"], {}, {"name": "x"}, None])
def test_what_describes_no_space_is_told_what_would(description):
    with pytest.raises(SettingError, match="a name, or a mapping with 'name' and 'decisions', expected"):
        space_from(description)

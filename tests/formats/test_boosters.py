"""Boosters made to harm, or damaged, end in one line and never in their libraries."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench_kit.formats.boosters import check_xgboost, checked_lightgbm

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

RNG = np.random.default_rng(0)
X = RNG.random((300, 7)).astype(np.float32)
Y = X[:, 0] + X[:, 1] ** 2


def text_of(**settings):
    parameters = {"verbosity": -1, "num_leaves": 5, "min_data_in_leaf": 5} | settings
    return lightgbm.train(parameters, lightgbm.Dataset(X, Y), 3).model_to_string()


LIGHTGBM = text_of()
BOOSTER = xgboost.train({"max_depth": 3, "verbosity": 0}, xgboost.DMatrix(X, Y), 3)
UBJSON, JSON = (bytes(BOOSTER.save_raw(form)) for form in ("ubj", "json"))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
        {"objective": "cross_entropy"},
        {"num_leaves": 2, "min_data_in_leaf": 151},  # trees of one leaf
    ],
    ids=str,
)
def test_a_checked_booster_of_lightgbm_predicts_the_same_bits(how):
    y = np.clip(Y, 0, 1)
    parameters = {"verbosity": -1, "num_leaves": 9, "min_data_in_leaf": 5} | how
    text = lightgbm.train(parameters, lightgbm.Dataset(X, y), 4).model_to_string()
    before, after = lightgbm.Booster(model_str=text), lightgbm.Booster(model_str=checked_lightgbm(text.encode()))
    for raw in (True, False):
        np.testing.assert_array_equal(before.predict(X, raw_score=raw), after.predict(X, raw_score=raw))
    assert checked_lightgbm(after.model_to_string().encode())


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("left_child=1 3 -2 -1", "left_child=1 3 -2 3"),  # a circle
        ("left_child=1 3 -2 -1", "left_child=1 99 -2 -1"),
        ("left_child=1 3 -2 -1", "left_child=1 3 -99 -1"),
        ("left_child=1 3 -2 -1", "left_child=1 3 -2"),
        ("left_child=1 3 -2 -1", "left_child=1 3 -2 x"),
        ("num_leaves=5", "num_leaves=500000000"),
        ("num_leaves=5", "num_leaves=-5"),
        ("num_leaves=5", "num_leaves=6"),
        ("num_cat=0", "num_cat=2"),
        ("is_linear=0", "is_linear=1"),
        ("split_feature=1 0", "split_feature=7 0"),
        ("split_feature=1 0", "split_feature=-1 0"),
        ("decision_type=2", "decision_type=1"),
        ("decision_type=2", "decision_type=99"),
        ("max_feature_idx=6", "max_feature_idx=99999999999"),
        ("num_class=1", "num_class=3"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
        ("leaf_value=0", "leaf_value=nan"),
        ("feature_names=Column_0 ", "feature_names="),
        ("\nend of trees\n", "\n"),
        ("tree\n", "forest\n"),
    ],
)
def test_hostile_boosters_of_lightgbm_are_refused(good, bad):
    assert good in LIGHTGBM
    with pytest.raises((ValueError, KeyError)):
        checked_lightgbm(LIGHTGBM.replace(good, bad, 1).encode())


def test_checked_boosters_of_xgboost_are_those_that_it_writes():
    check_xgboost(UBJSON)
    check_xgboost(JSON)
    check_xgboost(bytes(BOOSTER.__getstate__()["handle"]))  # with its configuration, as pickles have it


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"left_children":[1,', '"left_children":[0,'),  # a circle
        ('"left_children":[1,', '"left_children":[99,'),
        ('"left_children":[1,', '"left_children":['),
        ('"left_children":[1,', '"left_children":[-1,'),
        ('"split_indices":[1,', '"split_indices":[7,'),
        ('"split_indices":[1,', '"split_indices":[-7,'),
        ('"split_type":[0,', '"split_type":[1,'),
        ('"parents":[2147483647,0', '"parents":[2147483647,1'),
        ('"categories":[]', '"categories":[1]'),
        ('"num_nodes":"15"', '"num_nodes":"150000000"'),
        ('"num_trees":"3"', '"num_trees":"4"'),
        ('"tree_info":[0', '"tree_info":[5'),
        ('"size_leaf_vector":"1"', '"size_leaf_vector":"9"'),
        ('"base_weights":[', '"base_weights":[NaN,'),
        ('"name":"gbtree"', '"name":"gblinear"'),
        ('"name":"reg:squarederror"', '"name":"multi:softprob"'),
        ('"learner":', '"teacher":'),
    ],
)
def test_hostile_boosters_of_xgboost_are_refused(good, bad):
    text = JSON.decode()
    assert good in text
    with pytest.raises(ValueError, match=r"\w"):
        check_xgboost(text.replace(good, bad, 1).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"' * 9, UBJSON[:-1], UBJSON[:400], UBJSON + b"x"])
def test_what_is_no_ubjson_is_refused(content):
    with pytest.raises(ValueError, match=r"\w"):
        check_xgboost(content)


DAMAGED = """
import sys
import numpy as np
from nasbench_kit.formats.boosters import check_xgboost, checked_lightgbm

library, content = sys.argv[1], bytearray(open(sys.argv[2], "rb").read())
good, rng, x, taken = bytes(content), np.random.default_rng(0), np.zeros((2, 7), np.float32), 0
for _ in range(300):
    content[:] = good
    for place in rng.integers(0, len(content), 3):
        content[place] = rng.integers(0, 256)
    try:
        if library == "xgboost":
            import xgboost
            check_xgboost(bytes(content))
            booster = xgboost.Booster(model_file=bytearray(content))
            booster.inplace_predict(x, validate_features=False)
        else:
            import lightgbm
            booster = lightgbm.Booster(model_str=checked_lightgbm(bytes(content)))
            booster.predict(x)
        taken += 1
    except Exception as error:
        assert isinstance(error, (ValueError, KeyError)) or "Error" in type(error).__name__, error
print("alive", taken)
"""


@pytest.mark.parametrize(("library", "content"), [("xgboost", UBJSON), ("lightgbm", LIGHTGBM.encode())])
def test_of_300_damaged_boosters_none_ends_the_process(library, content, tmp_path):
    (tmp_path / "booster").write_bytes(content)
    arguments = [sys.executable, "-c", DAMAGED, library, str(tmp_path / "booster")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("alive")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_reader_of_ubjson_ends_with_any_bytes_in_one_line(data):
    content = bytearray(UBJSON)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    message = ""
    try:
        check_xgboost(bytes(content))
    except ValueError as error:
        message = str(error)
    assert "\n" not in message

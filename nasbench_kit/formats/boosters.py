"""Boosters in the forms of LightGBM (text) and XGBoost (UBJSON, JSON), checked before their libraries read them.

Both libraries trust their own files: a wrong length or a child that is no node ends the process, or a prediction never
ends. What passes here is well formed, and its trees are trees, one output of regression without categories.

Source: LightGBM 4.7, `src/io/tree.cpp` and `src/boosting/gbdt_model_text.cpp`; XGBoost 3.2, `doc/model.schema` and
`src/common/json.cc`; https://ubjson.org.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_FEATURES = 1_000_000
_DEEPEST = 16  # objects and arrays within each other

# ---- LightGBM ----

_PER_SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_KNOWN = {  # what a tree may hold besides: how many numbers per splits and per leaves
    "split_gain": 0, "internal_value": 0, "internal_weight": 0, "internal_count": 0, "leaf_weight": 1, "leaf_count": 1,
}  # fmt: skip
_HEAD = ("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
         "feature_names", "feature_infos")  # fmt: skip


def checked_lightgbm(content: bytes) -> str:
    """Return the trees of a LightGBM model, in its text, without the settings of their training.

    Raises:
        ValueError: It is damaged, or of another kind than regression.
    """
    body, end, _ = content.decode("utf-8").partition("\nend of trees\n")
    head, *trees = body.split("\nTree=")
    lines = head.split("\n")
    entries = _entries(lines)
    if lines[0] != "tree" or not end:
        raise ValueError("it does not begin with 'tree', or its trees do not end")
    if any(entries.get(name) != "1" for name in ("num_class", "num_tree_per_iteration")):
        raise ValueError("it has several outputs")
    n_features = _whole(entries, "max_feature_idx", 0, _MOST_FEATURES) + 1
    for name in ("feature_names", "feature_infos"):
        if len(entries[name].split(" ")) != n_features:
            raise ValueError(f"{name} are not {n_features}")
    kept = ["tree", *(f"{name}={entries[name]}" for name in _HEAD if name in entries)]
    kept += ["average_output"] * ("average_output" in lines)  # of a forest
    blocks = [_entries(tree.split("\n")) | {"Tree": tree.partition("\n")[0]} for tree in trees]
    _check_lightgbm(blocks, n_features)
    return "\n".join([*kept, "", *map(_lightgbm_tree, blocks), "end of trees", ""])


def _check_lightgbm(trees: list[dict[str, str]], n_features: int) -> None:
    n_leaves = np.array([_whole(tree, "num_leaves", 1, 1 << 24) for tree in trees], np.int64)
    for number, tree in enumerate(trees):
        if tree["Tree"] != str(number) or tree.get("num_cat") != "0" or tree.get("is_linear", "0") != "0":
            raise ValueError(f"tree {number} has another number, categories or linear leaves")
        for name, per_leaf in _KNOWN.items():
            n = n_leaves[number] - 1 + per_leaf
            if name in tree and n_leaves[number] > 1 and tree[name].count(" ") + 1 != n:
                raise ValueError(f"tree {number}: {name} are not {n}")
    splits = [tree for tree, n in zip(trees, n_leaves, strict=True) if n > 1]
    n_splits = n_leaves[n_leaves > 1] - 1
    features, thresholds, kinds, left, right = (_numbers(splits, name, n_splits) for name in _PER_SPLIT)
    _check_trees(left, right, n_splits, -n_leaves[n_leaves > 1])
    if (features < 0).any() or (features >= n_features).any() or np.isnan(thresholds).any():
        raise ValueError("a tree splits by what is no feature")
    if not np.isin(kinds, range(0, 16, 2)).all():  # odd ones are categorical
        raise ValueError("a tree has splits of an unknown kind")
    if not np.isfinite(_numbers(trees, "leaf_value", n_leaves)).all():
        raise ValueError("a tree has values that are not finite")


def _lightgbm_tree(tree: Mapping[str, str]) -> str:
    """Write one tree, with what is known and was checked alone."""
    per_split = () if tree["num_leaves"] == "1" else (*_PER_SPLIT, *_KNOWN)
    kept = [f"{name}={tree[name]}" for name in (*per_split, "leaf_value") if name in tree]
    shrinkage = float(tree.get("shrinkage", "1"))
    head = [f"Tree={tree['Tree']}", f"num_leaves={int(tree['num_leaves'])}", "num_cat=0"]
    return "\n".join([*head, *kept, "is_linear=0", f"shrinkage={shrinkage:.17g}", "\n"])


def _entries(lines: list[str]) -> dict[str, str]:
    return {name: value for name, there, value in (line.partition("=") for line in lines) if there}


def _whole(entries: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """Read a whole number that stands there as text."""
    value = int(entries[name])
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; {low} to {high} expected")
    return value


def _numbers(trees: list[dict[str, str]], name: str, n_each: NDArray[np.int64]) -> NDArray[np.float64]:
    """Read the numbers of all trees, one after the other."""
    texts = [tree[name] for tree in trees]
    if [text.count(" ") + 1 for text in texts] != n_each.tolist():
        raise ValueError(f"{name} are not as many as the tree has nodes")
    found = " ".join(texts)
    if not _NUMBERS.fullmatch(found):
        raise ValueError(f"{name} are not all numbers")
    return np.fromstring(found, np.float64, sep=" ")


_NUMBERS = re.compile(r"[-+.0-9einfa ]*")


def _check_trees(
    left: NDArray[Any], right: NDArray[Any], n_nodes: NDArray[np.int64], first_leaf: NDArray[np.int64]
) -> None:
    """Refuse children that are neither a later node of their tree nor a leaf: so no way down goes in circles.

    Args:
        left: Of the nodes of all trees, one after the other; a leaf is below 0.
        right: The same.
        n_nodes: How many nodes each tree has.
        first_leaf: The smallest number of a leaf of each tree.
    """
    start = np.repeat(np.cumsum(n_nodes) - n_nodes, n_nodes)
    own, n, lowest = np.arange(len(left)) - start, np.repeat(n_nodes, n_nodes), np.repeat(first_leaf, n_nodes)
    for child in (left, right):
        if (((child >= 0) & (child <= own)) | (child >= n) | (child < lowest)).any():
            raise ValueError("a tree has nodes that do not hang together")


# ---- XGBoost ----

_WIDTHS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_SCALARS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
_WHOLE = ("default_left", "left_children", "parents", "right_children", "split_indices", "split_type")
_NO_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def check_xgboost(content: bytes) -> None:
    """Refuse what is no XGBoost model of regression in UBJSON or JSON, with or without its configuration.

    Raises:
        ValueError: It is damaged, or of another kind.
    """
    try:
        if content[:2] == b'{"':
            entries = json.loads(content)
        else:
            entries, end = _ubjson(content, 0)
            if end != len(content):
                raise ValueError(f"{len(content) - end} bytes too many")
        _check_learner(entries.get("Model", entries)["learner"])
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error) as error:
        raise ValueError(f"it is damaged or of another kind ({type(error).__name__}: {error!s:.80})") from None


def _ubjson(content: bytes, at: int, depth: int = 0) -> tuple[Any, int]:
    """Read one value, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    kind = chr(content[at])
    at += 1
    if kind in _WIDTHS:
        (value,) = struct.unpack_from(_SCALARS[kind], content, at)
        return value, at + struct.calcsize(_SCALARS[kind])
    if kind in "TFZN":
        return {"T": True, "F": False}.get(kind), at
    if kind == "S":
        return _ubjson_text(content, at)
    if kind == "[":
        return _ubjson_array(content, at, depth)
    if kind != "{":
        raise ValueError(f"an unknown kind of value {kind!r}")
    entries = {}
    while content[at] != ord("}"):
        name, at = _ubjson_text(content, at)
        entries[name], at = _ubjson(content, at, depth + 1)
    return entries, at + 1


def _ubjson_text(content: bytes, at: int) -> tuple[str, int]:
    n, at = _ubjson_length(content, at)
    return content[at : at + n].decode("utf-8"), at + n


def _ubjson_length(content: bytes, at: int) -> tuple[int, int]:
    n, at = _ubjson(content, at)
    if type(n) is not int or not 0 <= n <= len(content) - at:
        raise ValueError(f"a length of {n!r:.40}")
    return n, at


def _ubjson_array(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = ""
    if content[at] == ord("$"):
        kind, at = chr(content[at + 1]), at + 2
    if content[at] == ord("#"):
        n, at = _ubjson_length(content, at + 1)
        if kind:
            dtype = np.dtype(_WIDTHS[kind])
            return np.frombuffer(content, dtype, n, at), at + n * dtype.itemsize
        found = []
        for _ in range(n):
            value, at = _ubjson(content, at, depth + 1)
            found.append(value)
        return found, at
    if kind:
        raise ValueError("an array of a kind without a length")
    found = []
    while content[at] != ord("]"):
        value, at = _ubjson(content, at, depth + 1)
        found.append(value)
    return found, at + 1


def _check_learner(learner: Mapping[str, Any]) -> None:
    booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
    model = booster["model"]
    trees = model["trees"]
    n_features = _whole(parameters, "num_feature", 1, _MOST_FEATURES)
    several = int(parameters.get("num_class", "0")) > 1 or int(parameters.get("num_target", "1")) > 1
    if booster["name"] != "gbtree" or several or not str(learner["objective"]["name"]).startswith("reg:"):
        raise ValueError(f"a {booster['name']!r:.20} for {learner['objective']['name']!r:.40}; regression expected")
    of_model = model["gbtree_model_param"]
    _whole(of_model, "num_trees", len(trees), len(trees))
    _whole(of_model, "num_parallel_tree", 0, 1)
    if len(model["tree_info"]) != len(trees) or any(model["tree_info"]):
        raise ValueError("trees of several groups")
    rounds = model.get("iteration_indptr", range(len(trees) + 1))
    if list(rounds) != list(range(len(trees) + 1)):
        raise ValueError("rounds of several trees")
    if any(len(part) for part in model.get("cats", {}).values()):
        raise ValueError("categories")
    _check_xgboost_trees(trees, n_features)


def _check_xgboost_trees(trees: list[dict[str, Any]], n_features: int) -> None:
    n_nodes = np.array([len(tree["left_children"]) for tree in trees], np.int64)
    for number, (tree, n) in enumerate(zip(trees, n_nodes.tolist(), strict=True)):
        parameters = tree["tree_param"]
        _whole(parameters, "num_nodes", max(1, n), n)
        _whole(parameters, "num_feature", n_features, n_features)
        _whole(parameters, "num_deleted", 0, n - 1)
        _whole(parameters, "size_leaf_vector", 0, 1)
        if any(len(tree[name]) != n for name in (*_FLOATS, *_WHOLE)) or any(len(tree[name]) for name in _NO_CATEGORIES):
            raise ValueError(f"tree {number} has arrays of other lengths than {n}, or categories")
    for name in _FLOATS if trees else ():
        if not np.isfinite(np.concatenate([tree[name] for tree in trees]).astype(np.float64, casting="safe")).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    whole = {name: np.concatenate([tree[name] for tree in trees] or [[]]).astype(np.int64) for name in _WHOLE}
    left, right, features, parents = (
        whole[name] for name in ("left_children", "right_children", "split_indices", "parents")
    )
    _check_trees(left, right, n_nodes, np.full(len(trees), -1))
    inner = left >= 0
    if (inner != (right >= 0)).any() or whole["split_type"].any():
        raise ValueError("a tree has nodes of one child, or of an unknown kind")
    if (features < 0).any() or (features[inner] >= n_features).any():
        raise ValueError("a tree splits by what is no feature")
    start = np.repeat(np.cumsum(n_nodes) - n_nodes, n_nodes)
    own = np.arange(len(left)) - start
    for child in (left, right):
        if (parents[(start + child)[inner]] != own[inner]).any():
            raise ValueError("a tree has children of other parents")

"""Boosters as XGBoost kept them before version 1.6: a binary form that its versions from 3.1 on do not read.

Here it is read into the JSON form, which all versions since 1.0 read.

Source: XGBoost 1.0, `src/learner.cc` (LearnerModelParamLegacy), `src/gbm/gbtree_model.h` (GBTreeModelParam),
`include/xgboost/tree_model.h` (TreeParam, RegTree::Node, RTreeNodeStat); `doc/model.schema` for the JSON form.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from nasbench_kit.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WITH_CONFIGURATION = b"CONFIG-offset:"  # what pickles hold begins so; the model follows after 8 more bytes
_OLD_HEAD = b"binf"
_LEARNER_BYTES, _MODEL_BYTES, _TREE_BYTES = 136, 160, 148
_DEFAULT_LEFT, _DELETED = 1 << 31, 2**32 - 1


def is_binary(content: bytes) -> bool:
    """Whether a booster is in the binary form: all others begin with a brace."""
    return not content.startswith(b"{")


def to_json(content: bytes) -> bytes:
    """The booster in the JSON form.

    Raises:
        TableError: It is truncated, or not one of regression trees.
    """
    try:
        return json.dumps(_model(content)).encode()
    except (struct.error, ValueError, UnicodeDecodeError, OverflowError) as error:
        raise TableError(f"a booster in XGBoost's binary form is damaged: {error}") from None


def _model(content: bytes) -> dict[str, Any]:
    at = 0
    if content.startswith(_WITH_CONFIGURATION):
        at = len(_WITH_CONFIGURATION) + 8
    elif content.startswith(_OLD_HEAD):
        at = len(_OLD_HEAD)
    base_score, n_features, n_classes = struct.unpack_from("<fIi", content, at)
    at += _LEARNER_BYTES
    names = []
    for _ in range(2):
        (length,) = struct.unpack_from("<Q", content, at)
        if length > 100:
            raise ValueError(f"a name of {length} letters")
        names.append(content[at + 8 : at + 8 + length].decode("ascii"))
        at += 8 + length
    n_trees, _, _, _, _, n_groups, leaf_size = struct.unpack_from("<iiiiqii", content, at)
    at += _MODEL_BYTES
    if names[1] != "gbtree" or not names[0].startswith("reg:") or n_classes > 1 or n_groups > 1 or leaf_size:
        raise ValueError(f"a {names[1]!r:.20} for {names[0]!r:.20}; a gbtree of regression expected")
    if not 0 <= n_trees <= len(content):
        raise ValueError(f"{n_trees} trees")
    trees = []
    for number in range(n_trees):
        tree, at = _tree(content, at, number, n_features)
        trees.append(tree)
    return {
        "version": [1, 7, 6],
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {
                "name": "gbtree",
                "model": {
                    "gbtree_model_param": {
                        "num_parallel_tree": "1",
                        "num_trees": str(n_trees),
                        "size_leaf_vector": "0",
                    },
                    "tree_info": [0] * n_trees,
                    "trees": trees,
                },
            },
            "learner_model_param": {
                "base_score": f"{base_score:.9g}",
                "num_class": "0",
                "num_feature": str(n_features),
                "num_target": "1",
            },
            # squared error whatever it was trained for: predictions of both are the sum over the trees
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
    }


def _tree(content: bytes, at: int, number: int, n_features: int) -> tuple[dict[str, Any], int]:
    """One tree, and where it ends."""
    import numpy as np

    _, n_nodes, n_deleted = struct.unpack_from("<iii", content, at)
    at += _TREE_BYTES
    if n_nodes < 1 or n_deleted < 0 or at + 36 * n_nodes > len(content):
        raise ValueError(f"tree {number} has {n_nodes} nodes, and the booster ends before")
    kinds = [("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")]
    nodes: NDArray[Any] = np.frombuffer(content, np.dtype(kinds), n_nodes, at)
    at += 20 * n_nodes
    kinds = [("gain", "<f4"), ("hessian", "<f4"), ("weight", "<f4"), ("n_leaves", "<i4")]
    about: NDArray[Any] = np.frombuffer(content, np.dtype(kinds), n_nodes, at)
    inner = nodes["left"] != -1
    feature = nodes["split"] & np.uint32(_DEFAULT_LEFT - 1)
    deleted = nodes["split"] == _DELETED  # a pruned node keeps its place
    own = np.arange(n_nodes)
    if deleted.sum() != n_deleted or deleted[0] or (inner & deleted).any():
        raise ValueError(f"tree {number} has {deleted.sum()} pruned nodes; {n_deleted} expected")
    children = np.stack([nodes["left"], nodes["right"]])[:, inner]
    if (children <= own[inner]).any() or (children >= n_nodes).any() or (feature[inner] >= n_features).any():
        raise ValueError(f"tree {number} has nodes that do not hang together")
    numbers = np.concatenate([nodes["value"], about["gain"], about["hessian"], about["weight"]])
    if not np.isfinite(numbers).all():
        raise ValueError(f"tree {number} has numbers that are not finite")
    parents = np.where(own == 0, 2**31 - 1, nodes["parent"] & np.int32(2**31 - 1))
    tree = {
        "base_weights": np.where(inner, about["weight"], nodes["value"]).tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": (nodes["split"] >> np.uint32(31)).astype(int).tolist(),
        "id": number,
        "left_children": nodes["left"].tolist(),
        "loss_changes": about["gain"].tolist(),
        "parents": parents.tolist(),
        "right_children": nodes["right"].tolist(),
        "split_conditions": nodes["value"].tolist(),
        "split_indices": np.where(inner | deleted, feature, 0).tolist(),
        "split_type": [0] * n_nodes,
        "sum_hessian": about["hessian"].tolist(),
        "tree_param": {
            "num_deleted": str(n_deleted),
            "num_feature": str(n_features),
            "num_nodes": str(n_nodes),
            "size_leaf_vector": "1",
        },
    }
    return tree, at + 16 * n_nodes

"""Encodings: architectures of any space as arrays that models read.

All are functions of a space and a batch in any form that `space.parse_many` reads, without state: the columns depend
on the space alone, so that what is encoded today fits a model of yesterday.

| encoding | differs for all different architectures? |
|---|---|
| `one_hot` | yes |
| `adjacency` | as far as `space.graph_many` does: it holds all that the graphs say |
| `paths` | no: two equal branches are one path, and where branches meet before the output is not seen |
| `weisfeiler_lehman` | no: isomorphic graphs are meant to be the same; a few others are too, and hashes may collide |
| `graf` (cells of four spaces) | no: it knows how long paths are, and not in which order they meet operations |
| `graph_tensors` | as `adjacency` |
| `sparse_graphs` | no: absent nodes are left out, so graphs that differ in their places alone are the same |

Bits are `uint8`, which wraps around in products: convert before taking inner products of rows.

Source: White, Neiswanger, Nolen and Savani 2020, A Study on Encodings for Neural Architecture Search,
https://arxiv.org/abs/2007.04965, section 3.
"""

from nasbench_kit.encodings.features import best_dense, best_sparse, encodings_of
from nasbench_kit.encodings.graph_features import graf, graf_names
from nasbench_kit.encodings.named import (
    MOST_COLUMNS,
    GraphTensors,
    SparseGraphs,
    adjacency,
    graph_tensors,
    one_hot,
    path_names,
    paths,
    sparse_graphs,
    weisfeiler_lehman,
)

__all__ = [
    "MOST_COLUMNS",
    "GraphTensors",
    "SparseGraphs",
    "adjacency",
    "best_dense",
    "best_sparse",
    "encodings_of",
    "graf",
    "graf_names",
    "graph_tensors",
    "one_hot",
    "path_names",
    "paths",
    "sparse_graphs",
    "weisfeiler_lehman",
]

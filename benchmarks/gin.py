"""Speed of the graph neural network beside PyTorch Geometric: the same layers, weights and graphs, in turns.

    python benchmarks/gin.py [--rounds N] [--quick]

Batches of 1,024 DARTS architectures, 8 layers, one thread, single precision, from architectures to predictions: graphs
are built on both sides. PyTorch Geometric gets one `Data` per architecture, joined to a `Batch`, from the same arrays
of nodes and edges, made for the whole batch at once; further rows give it one large graph ready-made instead.
That both sides predict the same is checked first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import side_by_side

N_ARCHS = 1_024
LAYERS = 8
SMALL_GAP = 1e-4  # between predictions in single precision


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    arguments = side_by_side.parser(__doc__).parse_args()
    side_by_side.enter_environment(arguments.venv, __file__)
    side_by_side.print_rows(rows(3 if arguments.quick else arguments.rounds))


def rows(rounds: int) -> Iterator[side_by_side.Row]:
    """Both widths, with the virtual node of NAS-Bench-301 and without."""
    import numpy as np
    import torch

    from nasbench_kit.predictors import Data, model_class
    from nasbench_kit.spaces import DARTSSpace

    torch.set_num_threads(1)
    space = DARTSSpace()
    rng = np.random.default_rng(0)
    for hidden in (24, 64):
        for virtual_node in (True, False):
            settings = {"hidden": hidden, "layers": LAYERS, "virtual_node": virtual_node, "epochs": 2, "loss": "l2"}
            model = model_class("gin")(space, {"kind": "published", "precision": "single", **settings})
            some = space.sample_many(rng, 512)
            model.fit(Data(some, rng.normal(size=(512, 1))), Data(some[:64], rng.normal(size=(64, 1))), seed=0)
            theirs = geometric(model._net)  # the weights as they are
            model._net.forward = partial(fused, model._net)
            batches = cycle([space.sample_many(rng, N_ARCHS) for _ in range(4)])
            archs = next(batches)
            for build in (one_by_one, ready_made):
                gap = np.abs(theirs(build(space, archs))[:, 0] - model.predict(archs)[:, 0]).max()
                assert gap < SMALL_GAP, gap
            sides = [model.predict, *(composed(space, build, theirs) for build in (one_by_one, ready_made))]
            ours, plain, ready = side_by_side.interleaved(
                rounds, *(side_by_side.timed(side, batches, N_ARCHS) for side in sides)
            )
            what = f"GIN, hidden {hidden}, {'with' if virtual_node else 'no'} virtual node"
            yield side_by_side.Row(what, "PyTorch Geometric", ours, plain, at_least=2)
            yield side_by_side.Row(what, "PyTorch Geometric on our sparse_graphs", ours, ready)


def fused(net: Any, nodes: Any, adjacency: Any) -> Any:
    """What the published network says, with normalization made part of the weights, and nothing written twice.

    `there` is looked at once: where all nodes are there, as in DARTS, none has to be cleared. The surrogate that ships
    is no graph network; so this lives here.
    """
    import torch

    there = nodes >= 0
    h = net.embedding(nodes.clamp(min=0)) * there[:, :, None]
    mask = None if bool(there.all()) else there[:, :, None].to(h.dtype)
    virtual = None if net.virtual is None else net.virtual.expand(len(h), -1)
    n_graphs, n_nodes, hidden = h.shape
    reads = adjacency.transpose(1, 2).contiguous()
    itself = reads.diagonal(dim1=1, dim2=2)
    h, heard, z = h.reshape(-1, hidden), torch.empty_like(h), h.new_empty(n_graphs * n_nodes, hidden)
    graphs = h.view(n_graphs, n_nodes, hidden)
    last = len(net.first) - 1
    for i, (first, first_norm) in enumerate(zip(net.first, net.first_norm, strict=True)):
        if virtual is not None:
            graphs += virtual[:, None]
            if mask is not None:
                graphs *= mask
            if i < last:
                virtual = virtual + net.hear[i](virtual + graphs.sum(dim=1))
        itself.fill_(1 + float(net.eps[i]))
        torch.bmm(reads, graphs, out=heard)
        weight, bias = folded(first, first_norm)
        torch.addmm(bias, heard.view(-1, hidden), weight, out=z).relu_()
        weight, bias = folded(net.second[i], net.second_norm[i])
        torch.addmm(bias, z, weight, out=h)
        if i < last:
            h.relu_()
        if mask is not None:
            graphs *= mask
    return net.head(graphs.sum(dim=1) / there.sum(dim=1, keepdim=True))


def folded(linear: Any, norm: Any) -> tuple[Any, Any]:
    """Weights (transposed) and bias of a linear layer that normalizes its output as `norm` learned to."""
    import torch

    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (linear.weight * scale[:, None]).t(), (linear.bias - norm.running_mean) * scale + norm.bias


def composed(space: Any, build: Callable[..., Any], predict: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """From architectures to predictions."""
    return lambda archs: predict(build(space, archs))


def one_by_one(space: Any, archs: Any) -> Any:
    """A `Data` per architecture, joined."""
    import numpy as np
    import torch
    from torch_geometric.data import Batch, Data

    graphs = space.graph_many(archs)
    nodes = torch.from_numpy(graphs.nodes.astype(np.int64))
    found = [
        Data(x=labels, edge_index=torch.from_numpy(np.stack(np.nonzero(adjacency))))
        for labels, adjacency in zip(nodes, graphs.adjacency, strict=True)
    ]
    return Batch.from_data_list(found)


def ready_made(space: Any, archs: Any) -> Any:
    """One large graph, made at once."""
    import torch
    from torch_geometric.data import Batch

    from nasbench_kit.encodings import sparse_graphs

    graphs = sparse_graphs(space, archs)
    return Batch(
        x=torch.from_numpy(graphs.node_label),
        edge_index=torch.from_numpy(graphs.edge_index),
        batch=torch.from_numpy(graphs.graph_of_node),
        _num_graphs=len(archs),
    )


def geometric(net: Any) -> Callable[[Any], Any]:
    """The same network in PyTorch Geometric, with the same weights."""
    import torch
    from torch import nn
    from torch_geometric.nn import GINConv, global_add_pool, global_mean_pool

    net = net.float().eval()
    convolutions = []
    for i, first in enumerate(net.first):
        layers = nn.Sequential(first, net.first_norm[i], nn.ReLU(), net.second[i], net.second_norm[i])
        convolutions.append(GINConv(layers, eps=float(net.eps[i])))

    def predict(graphs: Any) -> Any:
        with torch.inference_mode():
            x, batch, n = net.embedding(graphs.x), graphs.batch, graphs.num_graphs
            virtual = None if net.virtual is None else net.virtual.expand(n, -1)
            for i, convolution in enumerate(convolutions):
                if virtual is not None:
                    x = x + virtual[batch]
                    if i < LAYERS - 1:
                        virtual = virtual + net.hear[i](virtual + global_add_pool(x, batch, n))
                x = convolution(x, graphs.edge_index)
                if i < LAYERS - 1:
                    x = torch.relu(x)
            return net.head(global_mean_pool(x, batch, n)).numpy()

    return predict


if __name__ == "__main__":
    main()

"""The torch modules of the graph neural networks. Importing this imports torch.

B graphs of N nodes: `nodes` int64 (B, N) are positions of labels, -1 where there is no node; `adjacency` (B, N, N) is 1
at [b, i, j] where j reads i; states of nodes are (B, N, H), zero where there is none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as f


class Residual(nn.Module):
    """Layers in which a node hears itself, what it reads, what reads it, and all; their results are added up.

    The readout sees the sum over all nodes and the output node: that of label `output`, or the sum of those that
    nothing reads.
    """

    def __init__(
        self, n_labels: int, n_outputs: int, *, hidden: int, layers: int, head: int, dropout: float, output: int | None
    ) -> None:
        super().__init__()
        self.output = output
        self.embedding = nn.Embedding(n_labels, hidden)
        self.heard = nn.ModuleList(nn.Linear(hidden, 3 * hidden, bias=False) for _ in range(layers))
        self.all = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.norm = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.head = nn.Sequential(
            nn.Linear(2 * hidden, head), nn.SiLU(), nn.Dropout(dropout), nn.Linear(head, n_outputs)
        )

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """Compute the outputs: (B, n_outputs)."""
        mask = (nodes >= 0).to(adjacency.dtype)[:, :, None]
        n = nodes.shape[1]
        h = self.embedding(nodes.clamp(min=0)) * mask
        reads = adjacency.transpose(1, 2)
        for heard, everywhere, norm, out in zip(self.heard, self.all, self.norm, self.out, strict=True):
            itself, earlier, later = heard(h).chunk(3, dim=2)
            z = torch.baddbmm(itself, reads, earlier)
            z = torch.baddbmm(z, adjacency, later)
            z = z + everywhere(h.sum(dim=1, keepdim=True) / n)
            h = h + out(f.silu(norm(z))) * mask
        if self.output is None:
            ends = (adjacency.sum(dim=2) == 0)[:, :, None] * mask
        else:
            ends = (nodes == self.output).to(h.dtype)[:, :, None]
        read: Tensor = self.head(torch.cat([h.sum(dim=1) / n, (h * ends).sum(dim=1)], dim=1))
        return read


class Published(nn.Module):
    """GIN as NAS-Bench-301 took it: layers, a virtual node or none, the mean over nodes, then one linear layer.

    A layer is `MLP((1 + eps) h + sum of what the node reads)`, normalized over the nodes of a batch. The virtual node
    is heard by all and hears the sum of all. Source: Hu et al. 2020, https://arxiv.org/abs/2005.00687, section 4.
    """

    def __init__(
        self, n_labels: int, n_outputs: int, *, hidden: int, layers: int, dropout: float, virtual_node: bool
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(n_labels, hidden)
        self.eps = nn.Parameter(torch.zeros(layers))
        self.first = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.first_norm = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(layers))
        self.second = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.second_norm = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(layers))
        self.virtual = nn.Parameter(torch.zeros(1, hidden)) if virtual_node else None
        self.hear = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU())
            for _ in range(layers - 1 if virtual_node else 0)
        )
        self.head = nn.Linear(hidden, n_outputs)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """Compute the outputs: (B, n_outputs)."""
        there = nodes >= 0
        h = self.embedding(nodes.clamp(min=0)) * there[:, :, None]
        h = self._passed(h, there, adjacency)
        read: Tensor = self.head(h.sum(dim=1) / there.sum(dim=1, keepdim=True))
        return read

    def _passed(self, h: Tensor, there: Tensor, adjacency: Tensor) -> Tensor:
        mask = there[:, :, None]
        virtual = None if self.virtual is None else self.virtual.expand(len(h), -1)
        reads = adjacency.transpose(1, 2)
        last = len(self.first) - 1
        for i, first in enumerate(self.first):
            if virtual is not None:
                h = (h + virtual[:, None]) * mask
                if i < last:
                    virtual = virtual + self.hear[i](virtual + h.sum(dim=1))
            z = torch.baddbmm((1 + self.eps[i]) * h, reads, h)[there]  # the nodes that there are
            z = f.relu(self.first_norm[i](first(z)))
            z = self.second_norm[i](self.second[i](z))
            z = f.dropout(z if i == last else f.relu(z), self.dropout, self.training)
            h = torch.zeros_like(h).masked_scatter(mask, z)
        return h

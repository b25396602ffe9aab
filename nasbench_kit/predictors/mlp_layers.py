"""The torch module of the multilayer perceptron. Importing this imports torch."""

from __future__ import annotations

from torch import Tensor, nn

ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU, "selu": nn.SELU}


class Dense(nn.Module):
    """A first layer, blocks of two layers whose result is added to what they read, and a last layer."""

    def __init__(
        self, n_inputs: int, n_outputs: int, *, hidden: int, layers: int, dropout: float, activation: str
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.first = nn.Sequential(nn.Linear(n_inputs, hidden), act(), nn.Dropout(dropout))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), act(), nn.Dropout(dropout), nn.Linear(hidden, hidden))
            for _ in range(layers)
        )
        self.last = nn.Linear(hidden, n_outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the outputs: (B, n_outputs)."""
        h = self.first(features)
        for block in self.blocks:
            h = h + block(h)
        read: Tensor = self.last(h)
        return read

"""A small network that answers for a whole ensemble: numpy alone, microseconds, and the same on every machine.

It reads a sparse encoding, has hidden layers of rectified linear units, and gives the channels of every member and of
the noise. Weights and activations are integers of at most 15 bits and a sign, multiplied and added up in float64, which
holds every intermediate sum exactly. So the order of additions does not matter: an architecture alone, in a batch, on
another processor or with another BLAS gives the same to the last bit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, final

from nasbench_kit.errors import TableError
from nasbench_kit.spaces import Arch, Space
from nasbench_kit.surrogates.features import sparse
from nasbench_kit.surrogates.targets import VALUE
from nasbench_kit.surrogates.tensors import read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.surrogates.card import Card

LARGEST = 2**15 - 1  # of weights and activations
_EXACT = 2**53  # float64 holds every integer up to here
_CHUNK = 512  # architectures that go through the layers together, so that they stay in the processor's cache


@final
class Network:
    """A fitted network.

    Args:
        path: Its safetensors file: `embedding` int16 (n_columns, n_units); then for each hidden layer `i` from 0 its
            `bias.i` int32 and `factor.i` float64, both (n_units,), and the `weights.i` int16 (n_units, n_next) that
            lead on from it; `scale` and `shift` float64 (n_channels,) of the output. An activation is
            `rint((sum + bias) * factor)`, from 0 to 32,767; a channel is `sum * scale + shift`.
        space: What it reads.
        encoding: The name of the sparse encoding.
        n_members: Channels are those of so many members, one after the other, then those of the noise.
        n_values: Channels per member.

    Raises:
        TableError: The file does not fit what the card says.
    """

    def __init__(
        self, path: str | os.PathLike[str], space: Space, *, encoding: str, n_members: int, n_values: int
    ) -> None:
        import numpy as np

        tensors = read_tensors(path)
        self._encoding = sparse(space, encoding)
        self.n_members, self._n_values = n_members, n_values
        try:
            embedding = tensors["embedding"]
            n_layers = sum(name.startswith("bias.") for name in tensors)
            self._biases = [tensors[f"bias.{i}"].astype(np.float64) for i in range(n_layers)]
            self._factors = [tensors[f"factor.{i}"] for i in range(n_layers)]
            self._weights = [tensors[f"weights.{i}"].astype(np.float64) for i in range(n_layers)]
            self._scale, self._shift = tensors["scale"], tensors["shift"]
        except KeyError as error:
            raise TableError(f"{os.fspath(path)!r} lacks the tensor {error}") from None
        widths = [embedding.shape[-1], *(weights.shape[-1] for weights in self._weights)]
        fits = embedding.shape == (self._encoding.n_columns, widths[0]) and self._scale.shape == (widths[-1],)
        fits &= self._shift.shape == self._scale.shape and widths[-1] >= n_members * n_values
        for i in range(n_layers):
            fits &= self._weights[i].shape == (widths[i], widths[i + 1])
            fits &= self._biases[i].shape == self._factors[i].shape == (widths[i],)
        if not fits or max(widths) * LARGEST**2 >= _EXACT or n_layers < 1:
            raise TableError(f"{os.fspath(path)!r}: layers of {widths} units do not fit together, or the card")
        # float32 holds the sums of so few 16-bit weights exactly; the row behind the last stands for no column
        self._embedding = np.vstack([embedding, np.zeros_like(embedding[:1])]).astype(np.float32)

    def channels_of(self, arch: Arch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The channels of one architecture: (n_members, n_values) and (n_noise,)."""
        units = self._embedding[self._encoding.one(arch)].sum(axis=0)
        return self._split(self._forward(units))

    def channels(self, archs: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The channels of a batch: (n_archs, n_members, n_values) and (n_archs, n_noise)."""
        import numpy as np

        found = np.empty((len(archs), len(self._scale)))
        for start in range(0, len(archs), _CHUNK):
            columns = self._encoding.many(archs[start : start + _CHUNK])
            units = self._embedding[columns[:, 0]]
            for column in columns.T[1:]:
                units += self._embedding[column]
            found[start : start + _CHUNK] = self._forward(units)
        return self._split(found)

    def _forward(self, units: NDArray[Any]) -> NDArray[np.float64]:
        import numpy as np

        sums = units.astype(np.float64)
        for bias, factor, weights in zip(self._biases, self._factors, self._weights, strict=True):
            sums += bias
            sums *= factor
            np.rint(sums, out=sums)
            np.clip(sums, 0, LARGEST, out=sums)
            sums = sums @ weights
        return sums * self._scale + self._shift

    def _split(self, outputs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n = self.n_members * self._n_values
        return outputs[..., :n].reshape(*outputs.shape[:-1], self.n_members, self._n_values), outputs[..., n:]


def load(folder: str, card: Card) -> Network:
    """The network of a surrogate."""
    return Network(
        os.path.join(folder, card.predictor["file"]),
        card.space,
        encoding=card.predictor["encoding"],
        n_members=card.n_members,
        n_values=card.n_channels(VALUE),
    )

"""A small network that answers for a whole ensemble: numpy alone, microseconds, and the same on every machine.

It reads a sparse encoding, has hidden layers of rectified linear units, and gives the outputs of every member and of
the noise. Weights and activations are integers of at most 15 bits and a sign, multiplied and added up in float64, which
holds every intermediate sum exactly. So the order of additions does not matter: an architecture alone, in a batch, on
another processor or with another BLAS gives the same to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.encodings.features import sparse
from nasbench_kit.errors import DataError, SurrogateError, listed
from nasbench_kit.formats.safetensors import read_tensors
from nasbench_kit.spaces import Arch, Space
from nasbench_kit.surrogates.surrogate import Ensemble, Outputs, split_outputs
from nasbench_kit.surrogates.targets import COLLAPSE, NOISE, VALUE

if TYPE_CHECKING:
    from nasbench_kit.surrogates.card import Card

LARGEST = 2**15 - 1  # of weights and activations
LARGEST_BIAS = 2**50
_EXACT = 2**53  # float64 holds every integer up to here
_CHUNK = 512  # architectures that go through the layers together, so that they stay in the processor's cache


@final
class Network(Ensemble):
    """Predict by a fitted network.

    Args:
        path: Its safetensors file: `embedding` int16 (n_columns, n_units); then for each hidden layer `i` from 0 its
            `bias.i` int64 and `factor.i` float64, both (n_units,), and the `weights.i` int16 (n_units, n_next) that
            lead on from it; `scale` and `shift` float64 (n_outputs,) of the output. An activation is
            `rint((sum + bias) * factor)`, from 0 to 32,767; an output is `sum * scale + shift`.
        space: What it reads.
        encoding: The name of the sparse encoding.
        n_members: Outputs are those of so many members, one after the other, then those of the noise.
        n_values: Outputs per member.
        n_noise: Outputs of the noise.

    Raises:
        SurrogateError: The file does not fit what the card says.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        space: Space,
        *,
        encoding: str,
        n_members: int,
        n_values: int,
        n_noise: int = 0,
    ) -> None:
        self._encoding = sparse(space, encoding)
        self.n_members, self._n_values = n_members, n_values
        try:
            tensors = read_tensors(path)
            layers = _checked(tensors, self._encoding.n_columns, n_members * n_values + n_noise)
        except DataError as error:
            raise SurrogateError(str(error)) from None
        except (KeyError, ValueError, IndexError) as error:
            what = f"it lacks the tensor {error}" if isinstance(error, KeyError) else str(error)
            what = "a tensor has no columns" if isinstance(error, IndexError) else what
            raise SurrogateError(f"{os.fspath(path)!r} is no network for this card: {what}") from None
        self._layers = [
            tuple(tensors[f"{kind}.{i}"].astype(np.float64) for kind in ("bias", "factor", "weights"))
            for i in range(layers)
        ]
        self._scale, self._shift = tensors["scale"], tensors["shift"]
        # the row behind the last stands for no column
        self._embedding = np.vstack([tensors["embedding"], np.zeros_like(tensors["embedding"][:1])]).astype(np.int32)

    def outputs_of(self, arch: Arch) -> Outputs:
        """Predict the outputs of one architecture: (n_members, n_values) and (n_noise,)."""
        units = self._embedding.take(self._encoding.one(arch), axis=0).sum(axis=0)
        return split_outputs(self._forward(units), self.n_members, self._n_values)

    def outputs(self, archs: NDArray[np.uint8]) -> Outputs:
        """Predict the outputs of a batch: (n_archs, n_members, n_values) and (n_archs, n_noise)."""
        found = np.empty((len(archs), len(self._scale)))
        for start in range(0, len(archs), _CHUNK):
            columns = self._encoding.many(archs[start : start + _CHUNK])
            units = self._embedding[columns[:, 0]]
            for column in columns.T[1:]:
                units += self._embedding[column]
            found[start : start + _CHUNK] = self._forward(units)
        return split_outputs(found, self.n_members, self._n_values)

    def _forward(self, units: NDArray[Any]) -> NDArray[np.float64]:
        sums = units.astype(np.float64)
        for bias, factor, weights in self._layers:
            sums += bias
            sums *= factor
            np.rint(sums, out=sums)
            np.maximum(sums, 0, out=sums)
            np.minimum(sums, LARGEST, out=sums)
            sums = sums @ weights
        sums *= self._scale
        sums += self._shift
        return sums


def _checked(tensors: Mapping[str, NDArray[Any]], n_columns: int, n_outputs: int) -> int:
    """Count the hidden layers; raises KeyError or ValueError where the tensors do not fit together."""
    n_layers = max(1, sum(name.startswith("bias.") for name in tensors))
    n_units = [tensors["embedding"].shape[-1], *(tensors[f"weights.{i}"].shape[-1] for i in range(n_layers))]
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "embedding": ("<i2", (n_columns, n_units[0])),
        "scale": ("<f8", (n_outputs,)),
        "shift": ("<f8", (n_outputs,)),
    }
    for i in range(n_layers):
        wanted[f"bias.{i}"] = ("<i8", (n_units[i],))
        wanted[f"factor.{i}"] = ("<f8", (n_units[i],))
        wanted[f"weights.{i}"] = ("<i2", (n_units[i], n_outputs if i == n_layers - 1 else n_units[i + 1]))
    for name, (kind, shape) in wanted.items():
        found = tensors[name]
        if found.dtype != np.dtype(kind) or found.shape != shape:
            raise ValueError(f"{name} is {found.dtype} {found.shape}; {np.dtype(kind)} {shape} expected")
        if kind == "<f8" and not np.isfinite(found).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        if kind == "<i8" and found.size and not -LARGEST_BIAS <= found.min() <= found.max() <= LARGEST_BIAS:
            raise ValueError(f"{name} goes beyond {LARGEST_BIAS}")
    rows, units = n_columns * (LARGEST + 1), max(n_units) * LARGEST * (LARGEST + 1)
    if not 0 < rows < 2**31 or units + LARGEST_BIAS >= _EXACT:
        raise ValueError(f"{n_columns} columns and {n_units} units could have sums that are not exact")
    return n_layers


def load(folder: str, card: Card) -> Network:
    """Load the network of a surrogate.

    Raises:
        SurrogateError: The file is damaged, or the card does not say how it is read.
    """
    file, encoding = (card.predictor.get(name) for name in ("file", "encoding"))
    if file not in list(card.files) or not isinstance(encoding, str):
        raise SurrogateError(
            f"the card of {folder!r} names the network {file!r:.40} and the encoding {encoding!r:.40};"
            f" one of its files expected, {listed(card.files) or 'of which there are none'}, and an encoding"
        )
    return Network(
        os.path.join(folder, file),
        card.space,
        encoding=encoding,
        n_members=card.n_members,
        n_values=card.n_outputs(VALUE),
        n_noise=card.n_outputs(NOISE, COLLAPSE),
    )

"""What a network learns from: as many architectures as wanted, labelled by the surrogate that it follows.

These are all of a space that can be listed, else a sample, part of which is bred from the best ones met so far, so that
the network follows the surrogate near the optimum too.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import Workshop, pool
from nasbench_kit.spaces import Space
from nasbench_kit.spaces.sampling import draw_different
from nasbench_kit.surrogates.card import Card
from nasbench_kit.surrogates.fitting.best import expected_objective
from nasbench_kit.surrogates.surrogate import Outputs, Surrogate, split_outputs
from nasbench_kit.surrogates.targets import VALUE

PIECE = 16_384  # architectures labelled, and kept, at a time
_ROUNDS = 6  # in which architectures are bred from the best ones
_PARENTS = 0.02  # share of the labelled architectures that are bred from

Pieces = Iterable[NDArray[np.uint8]]
Label = Callable[[Pieces], Iterator[NDArray[np.float64]]]


def labels_of(surrogate: Surrogate, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Compute the outputs of all members, then of the noise: (n_archs, n_outputs)."""
    return joined(surrogate.predictor.outputs(archs))


def joined(outputs: Outputs) -> NDArray[np.float64]:
    """Put the outputs of all members and of the noise into one row per architecture."""
    values, noise = outputs
    return np.hstack([values.reshape(len(values), -1), noise])


def taken_apart(card: Card, labels: NDArray[np.float64]) -> Outputs:
    """Undo `joined`: (n_archs, n_members, n_values) and (n_archs, n_noise)."""
    return split_outputs(labels, card.n_members, card.n_outputs(VALUE))


def goodness(card: Card, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how good each architecture is expected to be, the larger the better: (n_datasets, n_archs)."""
    outputs = taken_apart(card, labels)
    return np.stack([expected_objective(card, dataset, outputs) for dataset in card.metrics])


@contextmanager
def labelling(surrogate: Surrogate, n_processes: int) -> Iterator[Label]:
    """Give a function that labels pieces, in order; it has processes of its own if it is more than one."""
    if n_processes == 1:
        yield partial(map, partial(labels_of, surrogate))
    else:
        with pool(n_processes) as workers:
            yield partial(workers.map, partial(_labels_in_worker, surrogate.path))


def _labels_in_worker(path: str, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    return labels_of(_opened(path), archs)


@cache
def _opened(path: str) -> Surrogate:
    """Open the surrogate that a worker labels with: its models are read once."""
    return Surrogate(path)


class Labels:
    """Keep what was labelled so far, in pieces of a workshop; `progress` is told how many architectures are."""

    def __init__(self, shop: Workshop, label: Label, progress: Callable[[int], None]) -> None:
        self._shop, self._label, self._progress = shop, label, progress
        self._pieces: list[NDArray[np.float64]] = []

    def add(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Label more architectures; what an earlier call kept is taken as it is.

        Raises:
            SettingError: The surrogate predicts what no network can follow.
        """
        pieces = [archs[start : start + PIECE] for start in range(0, len(archs), PIECE)]
        first = len(self._pieces)
        while len(self._pieces) < first + len(pieces) and (kept := self._shop.kept(self._name())) is not None:
            self._done(np.load(io.BytesIO(kept), allow_pickle=False))
        for found in self._label(pieces[len(self._pieces) - first :]):
            if not np.isfinite(found).all():
                raise SettingError("the surrogate predicts numbers that are not finite, which no network can follow")
            content = io.BytesIO()
            np.save(content, found)
            self._shop.keep(self._name(), content.getvalue())
            self._done(found)
        return np.concatenate(self._pieces[first:])

    def all(self) -> NDArray[np.float64]:
        """Return all labels, in the order in which they were added."""
        return np.concatenate(self._pieces)

    def _name(self) -> str:
        return f"labels-{len(self._pieces):05}"

    def _done(self, found: NDArray[np.float64]) -> None:
        self._pieces.append(found)
        self._progress(sum(map(len, self._pieces)))


def sample_near_best(
    surrogate: Surrogate, kept: Labels, n_archs: int, near_best: float, seed: int
) -> tuple[NDArray[np.uint8], int]:
    """Label so many different architectures: some uniform, then some bred from the best in a few rounds.

    `near_best` is the share to breed. Returned are the architectures, fewer where no more are found, and how many of
    them, from the first, are uniform.
    """
    space, rng = surrogate.space, np.random.default_rng(seed)
    n_bred = int(n_archs * near_best)
    archs = draw_different(space, n_archs - n_bred, partial(space.sample_many, rng))
    good = goodness(surrogate.card, kept.add(archs))
    n_uniform = len(archs)
    for sizes in np.array_split(np.arange(n_bred), _ROUNDS):
        best = [np.argsort(-of_dataset)[: max(10, int(_PARENTS * len(archs)))] for of_dataset in good]
        parents = archs[np.concatenate(best)]
        more = draw_different(space, len(sizes), partial(_bred, space, parents, rng), archs)
        if len(more):
            archs = np.concatenate([archs, more])
            good = np.hstack([good, goodness(surrogate.card, kept.add(more))])
    return archs, n_uniform


def _bred(space: Space, parents: NDArray[np.uint8], rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Change 1 to 4 decisions of so many parents, drawn at random."""
    children = parents[rng.integers(len(parents), size=n)]
    n_changes = rng.integers(1, 5, size=n)
    for i in range(4):
        more = n_changes > i
        children[more] = space.mutate_many(children[more], rng)
    return children

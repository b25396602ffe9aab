"""Search for the architecture that a surrogate predicts to be the best: among all, or by local search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.surrogates.surrogate import AtEpoch

if TYPE_CHECKING:
    from nasbench_kit.spaces import Space
    from nasbench_kit.surrogates.card import Card
    from nasbench_kit.surrogates.surrogate import Ensemble, Outputs

Values = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

_CHUNK = 1 << 14  # architectures asked about at a time
_RANDOM = 32  # places where local search starts beside the given ones


def find_best(
    card: Card,
    predictor: Ensemble,
    starts: Mapping[str, NDArray[np.uint8]],
    *,
    n_listed: int,
    n_asked: int,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Find the best architecture of each dataset by the expected objective after the last epoch, as a card has it.

    Of a space with at most `n_listed` different architectures all are looked at, and the answer is proven. Else local
    search climbs from `starts`, dataset -> good architectures, and from 32 random places, and asks about `n_asked`
    architectures at most for each dataset. The search is counted, not timed: every machine finds the same.
    """
    space, found = card.space, {}
    proven = (space.size if space.n_keys is None else space.n_keys) <= n_listed
    archs = space.all_archs() if proven else space.sample_many(np.random.default_rng(seed), _RANDOM)
    for dataset in card.metrics:
        values = partial(_objective, card, predictor, dataset)
        if proven:
            best = archs[values(archs).argmax()]
        else:
            best = climb(space, values, np.vstack([starts[dataset], archs]), n_asked)
        found[dataset] = {"arch": space.format(best.tolist()), "proven": proven}
    return found


def climb(space: Space, values: Values, starts: NDArray[np.uint8], n_asked: int) -> NDArray[np.uint8]:
    """Find the best end of local searches: every place moves to the best of its neighbors until none is better.

    `values` is what is climbed, from a batch to (n_archs,), larger is better; of the `starts` (n_starts, n_decisions)
    the best go first, until `n_asked` architectures were asked about.
    """
    places, heights = starts.copy(), values(starts)
    left = n_asked - len(places)
    moving = np.arange(len(places))
    while len(moving):
        moving = moving[np.argsort(-heights[moving], kind="stable")]
        near = list(space.neighbors_many(places[moving]))
        ends = np.cumsum([len(some) for some in near])
        n_affordable = int(np.searchsorted(ends, left, side="right"))
        if not n_affordable:
            break
        moving, near, ends = moving[:n_affordable], near[:n_affordable], ends[:n_affordable]
        around = np.split(values(np.concatenate(near)), ends[:-1])
        left -= int(ends[-1])
        moved = []
        for place, neighbors, heights_there in zip(moving.tolist(), near, around, strict=True):
            if len(neighbors) and heights_there.max() > heights[place]:
                best = int(heights_there.argmax())
                places[place], heights[place] = neighbors[best], heights_there[best]
                moved.append(place)
        # places that met go on as one
        moving = np.array(moved, np.intp)[np.unique(places[moved], axis=0, return_index=True)[1]]
    return places[int(heights.argmax())]


def expected_objective(card: Card, dataset: str, outputs: Outputs) -> NDArray[np.float64]:
    """Compute the expected objective after the last epoch, the larger the better, from the outputs of a batch."""
    metric = card.metrics[dataset][card.objectives[dataset]]
    at = AtEpoch(card, dataset, metric.name, max(0, len(metric.epochs) - 1))
    return metric.sign() * at.prediction(*outputs).mean


def _objective(card: Card, predictor: Ensemble, dataset: str, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
    pieces = [archs[start : start + _CHUNK] for start in range(0, len(archs), _CHUNK)]
    found = [expected_objective(card, dataset, predictor.outputs(piece)) for piece in pieces]
    return np.concatenate(found) if found else np.empty(0)

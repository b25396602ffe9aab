"""Which architecture a surrogate predicts to be the best: looked for among all, or by local search."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.surrogates.surrogate import ENUMERATED, AtEpoch

if TYPE_CHECKING:
    from nasbench_kit.spaces import Space
    from nasbench_kit.surrogates.card import Card
    from nasbench_kit.surrogates.surrogate import Predictor

_SECONDS = 60.0  # what the search may take, about; predictors differ in speed by a factor of 10,000
_PROBE = 256  # architectures that tell how fast it is
_FEWEST = 2_000  # architectures without which local search is not worth its name
_MOST = 200_000
_STARTS = 32
_CHUNK = 1 << 14


def find_best(
    card: Card, predictor: Predictor, starts: Mapping[str, NDArray[np.uint8]], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """The best architecture of each dataset by the expected objective after the last epoch, as a card has it.

    Of a space that can be listed all architectures are looked at, if that takes about a minute at most, and the answer
    is proven. Else local search climbs from `starts` and from random places for about as long, so that a faster machine
    may find a better one; where the predictor is too slow for that, the answer is empty.

    Args:
        card: What the channels mean.
        predictor: What computes them.
        starts: Dataset -> architectures, those first that are known to be good.
        seed: Of the random places.
    """
    space = card.space
    predicted = _Predicted(card, predictor)
    rng = np.random.default_rng(seed)
    predicted(space.sample_many(rng, 1))  # the first may have something to load
    started = time.perf_counter()
    predicted(space.sample_many(rng, _PROBE))
    affordable = int(_PROBE * _SECONDS / (time.perf_counter() - started))
    n_archs = space.size if space.n_keys is None else space.n_keys
    if n_archs <= min(ENUMERATED, affordable):
        archs = space.all_archs()
        rows = predicted(archs).argmax(axis=1).tolist()
        return {
            dataset: {"arch": space.format(archs[row].tolist()), "proven": True}
            for dataset, row in zip(card.metrics, rows, strict=True)
        }
    budget = min(affordable // len(card.metrics), _MOST)
    if budget < _FEWEST:
        return {}
    random = space.sample_many(rng, _STARTS)
    return {
        dataset: {
            "arch": space.format(
                _climb(space, predicted.of(i), np.vstack([starts[dataset][:_STARTS], random]), budget).tolist()
            ),
            "proven": False,
        }
        for i, dataset in enumerate(card.metrics)
    }


_Values = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


class _Predicted:
    """Expected objectives: (n_datasets, n_archs), the larger the better."""

    def __init__(self, card: Card, predictor: Predictor) -> None:
        metrics = [(dataset, these[card.objectives[dataset]]) for dataset, these in card.metrics.items()]
        self._objectives = [
            (AtEpoch(card, dataset, metric.name, max(0, len(metric.epochs) - 1)), metric.sign())
            for dataset, metric in metrics
        ]
        self._predictor = predictor

    def __call__(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = np.empty((len(self._objectives), len(archs)))
        for start in range(0, len(archs), _CHUNK):
            channels = self._predictor.channels(archs[start : start + _CHUNK])
            for i, (at, sign) in enumerate(self._objectives):
                found[i, start : start + _CHUNK] = sign * at.prediction(*channels).mean
        return found

    def of(self, i: int) -> _Values:
        """Those of one dataset: (n_archs,)."""
        return lambda archs: self(archs)[i]


def _climb(space: Space, predicted: _Values, archs: NDArray[np.uint8], budget: int) -> NDArray[np.uint8]:
    """Every place moves to the best of its neighbors until none is better, or the budget is used up."""
    values = predicted(archs)
    n_asked = len(archs)
    moving = np.arange(len(archs))
    while len(moving):
        moved = []
        for place in moving[np.argsort(-values[moving], kind="stable")].tolist():  # the best, while the budget lasts
            neighbors = space.neighbors_many(archs[place : place + 1])[0]
            if n_asked + len(neighbors) > budget or not len(neighbors):
                break
            around = predicted(neighbors)
            n_asked += len(neighbors)
            best = int(around.argmax())
            if around[best] > values[place]:
                archs[place], values[place] = neighbors[best], around[best]
                moved.append(place)
        # places that met go on as one
        moving = np.array(moved, np.intp)[np.unique(archs[moved], axis=0, return_index=True)[1]]
    return archs[int(values.argmax())]

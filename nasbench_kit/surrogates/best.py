"""Which architecture a surrogate predicts to be the best: looked for among all, or by local search."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.surrogates.surrogate import AtEpoch

if TYPE_CHECKING:
    from nasbench_kit.surrogates.card import Card
    from nasbench_kit.surrogates.surrogate import Predictor

ENUMERATED = 1 << 20  # spaces with so many architectures are looked at whole
_SECONDS = 60.0  # what the search may take, about; predictors differ in speed by a factor of 10,000
_PROBE = 256  # architectures that tell how fast it is
_FEWEST = 2_000  # architectures without which local search is not worth its name
_MOST = 200_000
_STARTS = 32
_CHUNK = 1 << 14


class _Predicted:
    """Predicted objectives of one dataset, the larger the better."""

    def __init__(self, card: Card, predictor: Predictor, dataset: str) -> None:
        metric = card.metrics[dataset][card.objectives[dataset]]
        self._at = AtEpoch(card, dataset, metric.name, max(0, len(metric.epochs) - 1))
        self._sign = metric.sign()
        self._predictor = predictor
        self.seconds = 0.0
        self.n_asked = 0

    def __call__(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        started = time.perf_counter()
        parts = [archs[start : start + _CHUNK] for start in range(0, len(archs), _CHUNK)]
        means = [self._at.prediction(*self._predictor.channels(part)).mean for part in parts]
        self.seconds += time.perf_counter() - started
        self.n_asked += len(archs)
        return np.concatenate([*means, np.empty(0)]) * self._sign


def find_best(card: Card, predictor: Predictor, starts: NDArray[np.uint8], *, seed: int = 0) -> dict[str, Any]:
    """The best architecture of each dataset by the expected objective after the last epoch, as a card has it.

    Of a space that can be listed all architectures are looked at, if that takes about a minute at most, and the answer
    is proven. Else local search climbs from `starts` and from random places for about as long. Datasets for which not
    even that can be done are left out.

    Args:
        card: What the channels mean.
        predictor: What computes them.
        starts: Architectures that are known to be good.
        seed: Of the random places.
    """
    space = card.space
    n_archs = space.size if space.n_keys is None else space.n_keys
    found = {}
    for dataset in card.metrics:
        predicted = _Predicted(card, predictor, dataset)
        rng = np.random.default_rng(seed)
        predicted(space.sample_many(rng, 1))  # the first may have something to load
        predicted.seconds, predicted.n_asked = 0.0, 0
        predicted(space.sample_many(rng, _PROBE))
        affordable = int(_SECONDS / len(card.metrics) / max(predicted.seconds, 1e-9) * _PROBE)
        if n_archs <= min(ENUMERATED, affordable):
            archs = space.all_archs()
            best, proven = archs[int(predicted(archs).argmax())], True
        elif affordable >= _FEWEST:
            random = space.sample_many(rng, _STARTS)
            best, proven = _climb(card, predicted, np.vstack([starts[:_STARTS], random]), min(affordable, _MOST)), False
        else:
            continue
        found[dataset] = {"arch": space.format(best.tolist()), "proven": proven}
    return found


def _climb(card: Card, predicted: _Predicted, archs: NDArray[np.uint8], budget: int) -> NDArray[np.uint8]:
    """Every place moves to the best of its neighbors until none is better, or the budget is used up."""
    values = predicted(archs)
    asked = len(archs)
    moving = np.arange(len(archs))
    while len(moving) and asked < budget:
        order = moving[np.argsort(-values[moving], kind="stable")]  # the best first, in case not all can be asked
        moved = []
        for place in order.tolist():
            neighbors = card.space.neighbors_many(archs[place : place + 1])[0]
            if asked >= budget or not len(neighbors):
                break
            around = predicted(neighbors)
            asked += len(neighbors)
            best = int(around.argmax())
            if around[best] > values[place]:
                archs[place], values[place] = neighbors[best], around[best]
                moved.append(place)
        # places that met go on as one
        _, first = np.unique(archs[moved], axis=0, return_index=True)
        moving = np.array(moved, np.intp)[first]
    return archs[int(values.argmax())]

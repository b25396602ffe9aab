"""What all differentiable searches do: descend along the gradient of a surrogate, and ask for what that leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from math import inf
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.optimizers.base import Task, Trial, check_at_least, check_number, check_start
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench_kit.optimizers.differentiable.relaxed import RelaxedSurrogate
    from nasbench_kit.spaces import Arch

_FIRST_NOISE = 1e-3  # as in the references
_BETA_1, _BETA_2, _TINY = 0.5, 0.999, 1e-8  # of Adam, as in the references


@final
class Descent:
    """Trials of a differentiable search.

    After every few steps the architecture of the largest probabilities is asked for, unless it was asked for before.
    Once no new one was met for a while the descent has converged, and the next one starts at another place nearby. One
    that has met nothing new at all asks for where it has ended. The first start is that of the papers, the middle of
    the simplex but for a little noise.

    Args:
        task: What is searched.
        rng: Source of all randomness.
        descend: From a surrogate and the logits where to start, one tensor for each of its `shapes`: after each step,
            tensors that are largest at the choices that are taken now.
        surrogate: See `relaxed_surrogate`.
        steps_per_trial: Steps before the architecture is looked at.
        patience: Looks without a new architecture until the descent has converged.
        noise: Standard deviation of the logits at each start but the first.
        n_starts: Descents until the search is over; None goes on.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        descend: Callable[[RelaxedSurrogate, list[Tensor]], Iterator[Sequence[Tensor]]],
        *,
        surrogate: str | None,
        steps_per_trial: int,
        patience: int,
        noise: float,
        n_starts: int | None,
    ) -> None:
        check_start(task, rng)
        check_at_least(1, steps_per_trial=steps_per_trial, patience=patience)
        check_number("a number above 0", lambda x: 0 < x < inf, noise=noise)
        if n_starts is not None:
            check_at_least(1, n_starts=n_starts)
        torch = require("torch", "torch")
        from nasbench_kit.optimizers.differentiable.relaxed import relaxed_surrogate

        self._surrogate = relaxed_surrogate(task.space, surrogate)
        self._space, self._rng, self._descend = task.space, rng, descend
        self._steps_per_trial, self._patience, self._n_starts = steps_per_trial, patience, n_starts
        self._noise, self._n_begun = noise, 0
        self._steps: Iterator[Sequence[Tensor]] = iter(())
        self._asked: set[Arch] = set()
        self._n_in_vain = patience  # looks since a new architecture; there is no descent yet
        self._was_fruitful = True  # whether this descent has asked for something
        self._random: Any = torch.Generator().manual_seed(int(rng.integers(2**63))).get_state()

    def ask(self) -> Trial | None:
        """The architecture where the descent has led to."""
        while True:
            if self._n_in_vain == self._patience:
                if self._n_begun == self._n_starts:
                    return None
                self._begin()
            with self._own_torch():
                at = next(islice(self._steps, self._steps_per_trial - 1, None))
                if not all(bool(table.isfinite().all()) for table in at):
                    raise SettingError("the parameters grew beyond all numbers; a smaller learning_rate expected")
                arch = self._space.nearest(self._surrogate.choices(at), self._rng)
            self._n_in_vain += 1
            if arch not in self._asked:
                self._asked.add(arch)
                self._n_in_vain, self._was_fruitful = 0, True
                return Trial(arch)
            if self._n_in_vain == self._patience and not self._was_fruitful:
                return Trial(arch)

    def _begin(self) -> None:
        import torch

        noise = self._noise if self._n_begun else _FIRST_NOISE
        shapes = self._surrogate.shapes
        self._steps = self._descend(
            self._surrogate, [torch.from_numpy(self._rng.normal(scale=noise, size=shape)) for shape in shapes]
        )
        self._n_begun += 1
        self._n_in_vain, self._was_fruitful = 0, False

    @contextmanager
    def _own_torch(self) -> Iterator[None]:
        """Steps with random numbers of their own, in one thread; the caller's are left as they were."""
        import torch

        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums in one order
        try:
            with torch.random.fork_rng(devices=()), torch.enable_grad():
                torch.set_rng_state(self._random)
                yield
                self._random = torch.get_rng_state()
        finally:
            torch.set_num_threads(n_threads)


def adam(
    surrogate: RelaxedSurrogate,
    logits: list[Tensor],
    mix: Callable[[Tensor], Tensor],
    *,
    learning_rate: float,
    weight_decay: float,
) -> Iterator[list[Tensor]]:
    """Descend by Adam, Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, with the momentum of the references.

    It is written out, as importing `torch.optim` takes seconds.

    Args:
        surrogate: What is descended.
        logits: Where to start; they are changed.
        mix: The probabilities that logits (n_decisions, n_choices) stand for, or a sample of them.
        learning_rate: How far a step goes.
        weight_decay: Twice the weight of the squares of the logits in what is minimized.
    """
    import torch

    moments = [(torch.zeros_like(table), torch.zeros_like(table)) for table in logits]
    for t in count(1):
        for table in logits:
            table.requires_grad_()
        gradients = torch.autograd.grad(surrogate.loss([mix(table) for table in logits]), logits)
        with torch.no_grad():
            for table, gradient, (m, v) in zip(logits, gradients, moments, strict=True):
                g = gradient + weight_decay * table
                m += (1 - _BETA_1) * (g - m)
                v += (1 - _BETA_2) * (g**2 - v)
                table -= learning_rate * (m / (1 - _BETA_1**t)) / ((v / (1 - _BETA_2**t)).sqrt() + _TINY)
        yield logits


def check_rates(learning_rate: float, **weights: float) -> None:
    """Refuse a learning rate that is not above 0, and weights below 0.

    Raises:
        SettingError: One is.
    """
    check_number("a number above 0", lambda x: 0 < x < inf, learning_rate=learning_rate)
    check_number("a number of at least 0", lambda x: 0 <= x < inf, **weights)

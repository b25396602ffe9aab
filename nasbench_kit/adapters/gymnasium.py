"""A benchmark as an environment of Gymnasium: an architecture is built decision by decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from nasbench_kit.adapters.queries import Queries
from nasbench_kit.errors import SettingError
from nasbench_kit.optional import require
from nasbench_kit.simulator import MEAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench_kit.benchmark import Benchmark

gymnasium: Any = require("gymnasium", "gymnasium")


@final
class ArchitectureEnv(gymnasium.Env):  # type: ignore[misc]
    """An episode decides all decisions in order; its last step trains the architecture.

    An action is the number of a choice. Where the next decision has fewer choices than there are actions, action a
    stands for choice a % n_choices; `action_mask` in the info, which `action_space.sample(mask=...)` takes, says which
    actions are choices. An observation holds for each decision 0 while it is open, else 1 + its choice. The reward is 0
    until the last step, and then the first objective: negated where smaller is better; of a training that failed, the
    worst that was recorded. Choices that are no architecture that was recorded become the nearest one, always the same.

    The last info has `arch` (a text), `epoch`, `cost_s`, `failed`, every objective by its name, as recorded, and by how
    much each constraint is exceeded.

    Args:
        benchmark: As `nbk.load` opens it.
        epoch: Train up to this epoch; the last one by default.
        run: "mean", the mean over the recorded runs; the number of one of them; or "drawn", one of them per episode, by
            the generator of the environment, which `reset(seed=...)` seeds.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that epoch or run was never recorded.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, benchmark: Benchmark, *, epoch: int | None = None, run: str | int = MEAN) -> None:
        self._queries = Queries(benchmark, epoch=epoch, run=run)
        self._n_choices = self._queries.space.n_choices
        self.action_space = gymnasium.spaces.Discrete(max(self._n_choices))
        self.observation_space = gymnasium.spaces.MultiDiscrete([n + 1 for n in self._n_choices])
        self._chosen: list[int] | None = None  # None: before an episode, and after it

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[NDArray[np.int64], dict[str, Any]]:
        """Begin an episode: nothing is decided."""
        super().reset(seed=seed)
        self._chosen = []
        return self._observation([]), self._mask([])

    def step(self, action: int) -> tuple[NDArray[np.int64], float, bool, bool, dict[str, Any]]:
        """Decide the next decision: observation, reward, whether all are decided, False, and the info.

        Raises:
            SettingError: The action is none, or the episode has not begun or has ended.
        """
        if self._chosen is None:
            raise SettingError("step outside of an episode; reset() begins one")
        if not self.action_space.contains(action):
            raise SettingError(f"action {action!r:.40}; an integer from 0 to {self.action_space.n - 1} expected")
        chosen = [*self._chosen, int(action) % self._n_choices[len(self._chosen)]]
        if len(chosen) < len(self._n_choices):
            self._chosen = chosen
            return self._observation(chosen), 0.0, False, False, self._mask(chosen)
        self._chosen = None
        answer = self._queries.query(self._queries.nearest(chosen), rng=self.np_random)
        value = self._queries.worst[0] if answer.failed else answer.values[0]
        reward = self._queries.benchmark.objective_metric.sign() * value
        return self._observation(chosen), reward, True, False, self._queries.info(answer)

    def _observation(self, chosen: list[int]) -> NDArray[np.int64]:
        seen = np.zeros(len(self._n_choices), np.int64)
        seen[: len(chosen)] = np.array(chosen, np.int64) + 1
        return seen

    def _mask(self, chosen: list[int]) -> dict[str, Any]:
        return {"action_mask": (np.arange(self.action_space.n) < self._n_choices[len(chosen)]).astype(np.int8)}

"""The authors' DEHB, Awad et al. 2021, https://arxiv.org/abs/2105.09821, by its ask and tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_needs, check_number, check_start
from nasbench_kit.optimizers.libraries.wrapped import Losses, changed, seed_of, with_settings_of
from nasbench_kit.optional import require

if TYPE_CHECKING:
    import numpy as np

_UNKNOWN = 1e10  # of a training that failed when nothing else has a value
_HIDDEN = ("cs", "f", "dimensions", "min_fidelity", "max_fidelity", "configspace", "n_workers", "client")
_FILES = ("save_freq", "resume")  # of what is kept on disk


def search_class(name: str) -> type:
    """The searches by the class of this name: there is one.

    Raises:
        UnknownNameError: There is no such.
    """
    if name != "DEHB":
        raise unknown("optimizer of dehb", name, ["DEHB"])
    return with_settings_of(DEHBSearch, _silent(), "dehb:DEHB", hidden=(*_HIDDEN, *_FILES))


@cache
def _silent() -> type:
    """Its class without the files that it writes into the working directory."""
    dehb = require("dehb", "dehb").DEHB

    def nothing(*_: object) -> None:
        pass

    def without_files(self: Any, *_: object) -> None:
        self.output_path, self.logger = Path(), require("loguru", "dehb").logger

    members = {"_setup_logger": without_files, "save": nothing, "__module__": dehb.__module__}
    return type("DEHB", (dehb,), members | {"__qualname__": dehb.__qualname__, "__init__": dehb.__init__})


class DEHBSearch:
    """A search by the authors' implementation of DEHB.

    An individual is a point of the unit cube; decision i of its architecture is the choice floor(x_i n_choices). A
    fidelity is the nearest epoch that there is. Every trial is a training of its own, as DEHB does not go on with one.
    A training that failed is told as the worst so far; what DEHB did not ask for it does not learn.

    Args:
        task: What to search; of several objectives, the first.
        rng: Source of all randomness.
        min_epoch: The lowest fidelity; by default the first epoch that there is.
        settings: Of DEHB.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:dehb", "epochs")
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, task: Task, rng: np.random.Generator, *, min_epoch: int | None = None, **settings: Any) -> None:
        check_start(task, rng)
        check_needs(type(self), task, type(self).__name__)
        highest = task.epochs[-1]
        lowest = task.epochs[0] if min_epoch is None else min_epoch
        expected = f"an epoch of 1 to below {highest}"
        check_number(expected, lambda epoch: 1 <= epoch < highest, min_epoch=lowest)
        self._space, self._rng, self._epochs = task.space, rng, task.epochs
        self._dehb = self.wrapped(
            dimensions=task.space.n_decisions,
            min_fidelity=lowest,
            max_fidelity=highest,
            n_workers=1,  # that it starts
            seed=seed_of(rng),
            save_freq="end",
            **changed(settings, self.their_defaults),
        )
        self._numbers = count()
        self._running: dict[int | None, dict[str, Any]] = {}
        self._losses = Losses()

    def ask(self) -> Trial:
        """The next job of the first bracket that does not wait."""
        job, number = self._dehb.ask(), next(self._numbers)
        self._running[number] = job
        sizes = self._space.n_choices
        choices = [min(int(x * n), n - 1) for x, n in zip(job["config"], sizes, strict=True)]
        epoch = min(self._epochs, key=lambda epoch: abs(epoch - job["fidelity"]))
        return Trial(self._space.nearest(choices, self._rng), epoch, number)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Compete with the parent."""
        job, losses = self._running.pop(trial.training, None), self._losses.of(outcome.values[:1])
        if job is not None:
            fitness = losses[0] if losses else _UNKNOWN
            self._dehb.tell(job, {"fitness": fitness, "cost": outcome.cost_s})

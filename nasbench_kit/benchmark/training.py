"""One training of one architecture, to be asked at several epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from nasbench_kit.benchmark.evaluation import Evaluation
    from nasbench_kit.benchmark.predicted import PredictedAnswers
    from nasbench_kit.benchmark.recorded import RecordedAnswers
    from nasbench_kit.spaces import Arch, Uniform


@final
class Training:
    """One training of one architecture: a recorded run or a draw of the predicted noise, kept over its epochs.

    Where epochs are separate trainings, each epoch is another training, drawn anew. Made by `Benchmark.training`.
    """

    __slots__ = ("_answers", "_arch", "_drawn", "_rng", "_seed")

    def __init__(
        self, answers: RecordedAnswers | PredictedAnswers, arch: Arch, seed: int | None, rng: Uniform | None
    ) -> None:
        self._answers, self._arch, self._seed, self._rng = answers, arch, seed, rng
        self._drawn: Any = None  # what the answers' `draw` gave

    def __repr__(self) -> str:
        run = "the mean over all" if self._rng is None else "drawn"
        run = run if self._seed is None else f"seed {self._seed}"
        return f"<Training of {self._arch} on {self._answers.name}: {run}>"

    def at(self, epoch: int | None = None) -> Evaluation:
        """What it reveals after an epoch; the last by default.

        Raises:
            NotRecordedError: That epoch, seed or architecture was never recorded.
        """
        at = self._answers.at(epoch)
        if self._seed is not None:
            return at.run(self._arch, self._seed)
        if self._rng is None:
            return at.means[self._arch]
        if self._drawn is None or not self._answers.is_one_training:
            self._drawn = self._answers.draw(at, self._arch, self._rng)  # type: ignore[arg-type]  # of the same answers
        return at.that_was_drawn(self._arch, self._drawn)

"""Encodings of NAS-Bench-101, Ying et al. 2019, https://arxiv.org/abs/1902.09635, as in automl/nas_benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_needs, check_start
from nasbench_kit.optimizers.inner import inner_needs, inner_search
from nasbench_kit.spaces.nasbench101_encodings import GenotypeSpace, NASBench101B, NASBench101C

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.spaces import Arch

ENCODINGS = {"B": NASBench101B, "C": NASBench101C}
_INNER = "regularized_evolution"


@final
class EncodedSearch:
    """Run another search on genotypes in another encoding of NAS-Bench-101; their cells are trained.

    The other search samples, mutates and models genotypes. It is told the outcome of a cell as that of the genotype,
    and of a cell that it did not ask for as that of one of its genotypes.

    Args:
        task: What to search.
        rng: Source of all randomness, of the other search.
        encoding: "B", nine decisions, each one of the 21 edges, named once or several times; or "C", a number in [0, 1]
            for each edge, and how many edges, those of the highest numbers. Encoding A is that of the space itself.
        optimizer: Name of the other search.
        settings: Settings of the other search.
    """

    needs: ClassVar[tuple[str, ...]] = ("space:nasbench101",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        encoding: str = "B",
        optimizer: str = _INNER,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        check_start(task, rng)
        check_needs(self, task, "encoded_search")
        if not isinstance(encoding, str) or encoding not in ENCODINGS:
            raise unknown("encoding", encoding, ENCODINGS)
        self._genotypes: GenotypeSpace = ENCODINGS[encoding]()
        self._search = inner_search(_encoded(task, self._genotypes), rng, optimizer, settings)
        self._asked: dict[Trial, list[Arch]] = {}  # genotypes of the trials that are running

    @staticmethod
    def needs_of_settings(optimizer: str = _INNER, settings: object = None, **_: object) -> tuple[str, ...]:
        """What the other search cannot do without."""
        return inner_needs(optimizer, settings)

    def ask(self) -> Trial | None:
        """What the other search asks for, as a cell."""
        asked = self._search.ask()
        if asked is None:
            return None
        genotype = self._genotypes.parse(asked.arch)
        trial = asked._replace(arch=self._genotypes.cell(genotype))
        self._asked.setdefault(trial, []).append(genotype)
        return trial

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the other search of the genotype; of several that run, of the one asked for first."""
        running = self._asked.get(trial, [])
        genotype = running.pop(0) if running else self._genotypes.genotype(trial.arch)
        if not running:
            self._asked.pop(trial, None)
        self._search.tell(trial._replace(arch=genotype), outcome)


def _encoded(task: Task, genotypes: GenotypeSpace) -> Task:
    """The task with genotypes for cells."""

    def of_cells(known: Any) -> Any:
        return known and (lambda *args: known(*args[:-1], genotypes.cell_many(args[-1])))

    return replace(
        task,
        space=genotypes,
        known=of_cells(task.known),
        known_values=of_cells(task.known_values),
        known_violations=of_cells(task.known_violations),
    )

"""Encodings of NAS-Bench-101, Ying et al. 2019, https://arxiv.org/abs/1902.09635, as in automl/nas_benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from nasbench_kit.errors import unknown
from nasbench_kit.optimizers.base import Asked, Lockstep, Outcome, Task, Trial, check_needs, check_start
from nasbench_kit.optimizers.inner import inner_needs, inner_search
from nasbench_kit.spaces.nasbench101_encodings import GenotypeSpace, NASBench101A, NASBench101B, NASBench101C

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench_kit.spaces import Arch

ENCODINGS: Mapping[str, Callable[[], GenotypeSpace]] = {"A": NASBench101A, "B": NASBench101B, "C": NASBench101C}
_INNER = "regularized_evolution"


@final
class EncodedSearch:
    """Run another search on genotypes in another encoding of NAS-Bench-101; their cells are trained.

    The other search samples, mutates and models genotypes. It is told the outcome of a cell as that of the genotype,
    and of a cell that it did not ask for as that of one of its genotypes.

    Args:
        task: What to search.
        rng: Source of all randomness, of the other search.
        encoding: "A", a bit for each of the 21 edges, of which 9 may be there, also before pruning, unlike in the space
            itself; "B", nine decisions, each one of the edges, named once or several times; or "C", a number in [0, 1]
            for each edge, and how many edges, those of the highest numbers.
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
        self._genotypes = ENCODINGS[encoding]()
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

    def in_lockstep(self, rngs: Sequence[np.random.Generator]) -> EncodedSearches | None:
        """Many such searches at once; None where the other one cannot."""
        if "in_lockstep" not in vars(type(self._search)):
            return None
        searches = self._search.in_lockstep(rngs)  # type: ignore[attr-defined]
        return searches and EncodedSearches(searches, self._genotypes)


@final
class EncodedSearches:
    """Many searches at once, of genotypes, as searches of cells."""

    def __init__(self, searches: Lockstep, genotypes: GenotypeSpace) -> None:
        self._searches, self._genotypes = searches, genotypes

    def ask(self) -> Asked:
        """What the other searches ask for, as cells."""
        asked = self._searches.ask()
        n_runs, n, n_decisions = asked.archs.shape
        cells = self._genotypes.cell_many(asked.archs.reshape(-1, n_decisions))
        return asked._replace(archs=cells.reshape(n_runs, n, -1))

    def tell(self, values: NDArray[np.float64]) -> None:
        """Tell the other searches."""
        self._searches.tell(values)


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

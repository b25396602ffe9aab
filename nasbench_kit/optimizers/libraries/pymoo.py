"""Algorithms of pymoo, Blank and Deb 2020, https://doi.org/10.1109/ACCESS.2020.2990567."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache
from importlib import import_module
from inspect import Parameter, isclass, signature
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nasbench_kit.errors import UnknownNameError, unknown
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_at_least, check_flag, check_needs, check_start
from nasbench_kit.optimizers.libraries.wrapped import Losses, Waiting, changed, seed_of, with_settings_of
from nasbench_kit.optional import require

if TYPE_CHECKING:
    from nasbench_kit.spaces import Arch

_ONE_OBJECTIVE, _SEVERAL = "pymoo.algorithms.soo.nonconvex", "pymoo.algorithms.moo"
_DIRECTIONS = "ref_dirs"
_LEFT_OUT = {
    "GDE32NN": "fails on equal values",
    "Optuna": "has an adapter of its own",
    "PINSGA2": "asks a person",
    "RVEA": "plans with a known end",
}
_FOR_SEVERAL_ALONE = "SMSEMOA"  # it fails on one objective
_FOR_NUMBERS = "OmniOptimizer"  # of the genetic ones
_OF_ALL = (
    "output",
    "display",
    "callback",
    "archive",
    "save_history",
    "verbose",
    "evaluator",
    "return_least_infeasible",
    "termination",
    "initial",
    "sampling",
    "selection",
    "crossover",
    "mutation",
    "mating",
    "survival",
    "repair",
)
_TRIES = 100
_UNKNOWN = 1e10  # of a training that failed when nothing else has a value; how far it exceeds constraints


def search_class(name: str) -> type:
    """The searches by the algorithm of this name: those for one objective, and for several.

    Raises:
        UnknownNameError: pymoo has none.
    """
    found = _algorithms()
    if name in _LEFT_OUT:
        raise UnknownNameError(f"pymoo:{name} cannot be used here, as it {_LEFT_OUT[name]}")
    if name not in found:
        raise unknown("algorithm of pymoo", name, found)
    made = found[name]
    needs = PymooSearch.needs
    if name == _FOR_SEVERAL_ALONE or _DIRECTIONS in signature(made).parameters:
        needs = (*needs, "objectives")
    hidden = (_DIRECTIONS, *_OF_ALL)
    return with_settings_of(PymooSearch, made, f"pymoo:{name}", hidden=hidden, further=_handed_on(made), needs=needs)


def _handed_on(made: type) -> list[Parameter]:
    """What an algorithm takes as `**kwargs`: arguments of the classes that it is one of, and of what it is made of."""
    classes = [*made.__mro__]
    if made.__name__ == "DE":
        classes.append(require("pymoo.algorithms.soo.nonconvex.de", "pymoo").Variant)
    found: dict[str, Parameter] = {}
    for each in classes:
        if "__init__" in vars(each) and each is not object:
            found = {name: each for name, each in signature(each).parameters.items() if name not in found} | found
    return [*found.values()]


@cache
def _algorithms() -> dict[str, type]:
    """Name -> class, of those that can be imported and made of settings alone."""
    base = require("pymoo.core.algorithm", "pymoo").Algorithm
    found: dict[str, type] = {}
    for folder in (_ONE_OBJECTIVE, _SEVERAL):
        for module in iter_modules(import_module(folder).__path__, f"{folder}."):
            with suppress(Exception):  # of what it needs and is not installed: not always ImportError
                of_module = vars(import_module(module.name))
                found |= {
                    name: made
                    for name, made in of_module.items()
                    if isclass(made) and issubclass(made, base) and made.__module__ == module.name
                }
    return {name: made for name, made in found.items() if _required(made) <= {_DIRECTIONS} and name not in _LEFT_OUT}


def _required(made: type) -> set[str]:
    kinds = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    arguments = signature(made).parameters.values()
    return {each.name for each in arguments if each.default is each.empty and each.kind not in kinds}


class PymooSearch:
    """A search by an algorithm of pymoo.

    Genetic algorithms cross and mutate choices, ordered ones as integers (pymoo's operators for mixed variables, with
    the selection of the algorithm); to others decision i is a number x_i from 0 to n_choices, and its choice
    floor(x_i). What a constrained space does not hold is replaced by the nearest architecture, of which the algorithm
    learns the value. A generation is told at once: while its last outcomes are awaited, nothing is asked for. A
    training that failed is told as the worst so far, and as one that exceeds all constraints; what the algorithm did
    not ask for it does not learn.

    Args:
        task: What to search; of several objectives, the first, where the algorithm is for one.
        rng: Source of all randomness.
        numbers: Every decision is a number to a genetic algorithm, too, with its own operators.
        n_partitions: Of each axis, for the reference directions (Das and Dennis) of algorithms that need some.
        settings: Of the algorithm.
    """

    needs: ClassVar[tuple[str, ...]] = ("package:pymoo",)
    wrapped: ClassVar[Any]
    their_defaults: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        numbers: bool = False,
        n_partitions: int = 12,
        **settings: Any,
    ) -> None:
        check_start(task, rng)
        check_flag(numbers=numbers)
        check_at_least(1, n_partitions=n_partitions)
        check_needs(type(self), task, type(self).__name__)
        self._space, self._rng = task.space, rng
        self._n_objectives = len(task.objectives) if self.wrapped.__module__.startswith(_SEVERAL) else 1
        self._n_constraints = len(task.constraints)
        arguments = signature(self.wrapped).parameters
        given = _own_objects(arguments) | changed(settings, self.their_defaults)
        if _DIRECTIONS in arguments:
            directions = require("pymoo.util.ref_dirs", "pymoo").get_reference_directions
            given[_DIRECTIONS] = directions("das-dennis", self._n_objectives, n_partitions=n_partitions)
        selection = given.get("selection")
        self._mixed = selection is not None and not numbers and self.wrapped.__name__ != _FOR_NUMBERS
        if self._mixed:
            given |= _operators(selection)
        self._problem = self._made_problem()
        endless, seed = require("pymoo.core.termination", "pymoo").NoTermination(), seed_of(rng)
        self._rest = np.random.default_rng(seed)
        with self._seeded():
            self._algorithm = self.wrapped(**given).setup(self._problem, seed=seed, termination=endless)
        self._generation: Any = None
        self._next: deque[Any] = deque()  # individuals of it
        self._asked: Waiting[Any] = Waiting()
        self._told: dict[int, tuple[list[float], list[float]]] = {}  # id of an individual -> losses, violations
        self._losses = Losses()

    def ask(self) -> Trial | None:
        """The next individual of the generation; None while its outcomes are awaited, or once pymoo has ended."""
        if not self._next and not len(self._asked):
            self._begin_generation()
        if not self._next:
            return None
        individual = self._next.popleft()
        arch = self._arch(individual.X)
        self._asked.add(arch, individual)
        return Trial(arch)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """With the last outcome of the generation, tell pymoo."""
        losses = self._losses.of(outcome.values[: self._n_objectives]) or [_UNKNOWN] * self._n_objectives
        individual = self._asked.pop(trial.arch)
        if individual is None:
            return
        self._told[id(individual)] = losses, [*outcome.violations] or [_UNKNOWN] * self._n_constraints
        if not self._next and not len(self._asked):
            self._end_generation()

    def _begin_generation(self) -> None:
        """What pymoo wants evaluated next; nothing, if it wants what it knows again and again."""
        for _ in range(_TRIES):
            if not self._algorithm.has_next():
                return
            with self._seeded():
                self._generation = self._algorithm.ask()
            if self._generation is None:
                return
            self._next.extend(_new(self._generation))
            if self._next:
                return
            self._end_generation()

    def _end_generation(self) -> None:
        told = [self._told[id(each)] for each in _new(self._generation)]
        values = {"F": np.array([losses for losses, _ in told])}
        if self._n_constraints:
            values["G"] = np.array([violations for _, violations in told])
        static = require("pymoo.problems.static", "pymoo").StaticProblem(self._problem, **values)
        with self._seeded():
            self._algorithm.evaluator.eval(static, self._generation, algorithm=self._algorithm)
            self._algorithm.tell(infills=self._generation)
        self._told = {}

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """A block in which pymoo draws from `_rest` where it does not hand on its own generator, but makes one."""
        util: Any = import_module("pymoo.util")
        before = util.np
        random = SimpleNamespace(
            default_rng=lambda seed=None: self._rest if seed is None else np.random.default_rng(seed)
        )
        util.np = SimpleNamespace(random=random)
        try:
            yield
        finally:
            util.np = before

    def _made_problem(self) -> Any:
        problem = require("pymoo.core.problem", "pymoo").Problem
        sizes = {"n_obj": self._n_objectives, "n_ieq_constr": self._n_constraints}
        if not self._mixed:
            return problem(n_var=self._space.n_decisions, xl=0.0, xu=np.array(self._space.n_choices, float), **sizes)
        variable = require("pymoo.core.variable", "pymoo")
        decisions = zip(self._space.decisions, self._space.n_choices, strict=True)
        variables = {
            decision.name: variable.Integer(bounds=(0, n - 1))
            if decision.ordered
            else variable.Choice(options=range(n))
            for decision, n in decisions
        }
        return problem(vars=variables, **sizes)

    def _arch(self, point: Any) -> Arch:
        """Of a dictionary of choices, or of numbers."""
        drawn = point.values() if self._mixed else point
        choices = [min(int(x), n - 1) for x, n in zip(drawn, self._space.n_choices, strict=True)]
        return self._space.nearest(choices, self._rng)


def _own_objects(arguments: Mapping[str, Parameter]) -> dict[str, Any]:
    """Defaults that are objects, which all that are made by default would share, with what these learn."""
    objects = {name: each.default for name, each in arguments.items() if hasattr(each.default, "__dict__")}
    return {name: deepcopy(default) for name, default in objects.items() if not isclass(default)}


def _operators(selection: Any) -> dict[str, Any]:
    """What a genetic algorithm takes for variables of several kinds."""
    mixed = require("pymoo.core.mixed", "pymoo")
    same = mixed.MixedVariableDuplicateElimination()
    mating = mixed.MixedVariableMating(selection=selection, eliminate_duplicates=same)
    return {"sampling": mixed.MixedVariableSampling(), "mating": mating, "eliminate_duplicates": same}


def _new(generation: Any) -> list[Any]:
    """The individuals of a population, or the one that stands for it, that have no values yet."""
    individuals = generation if isinstance(generation, np.ndarray) else [generation]
    return [each for each in individuals if "F" not in each.evaluated]

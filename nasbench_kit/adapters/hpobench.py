"""A benchmark with the interface of HPOBench, Eggensperger et al. 2021, https://arxiv.org/abs/2109.06716."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nasbench_kit.adapters.configspace import configuration_space
from nasbench_kit.adapters.queries import Queries, loss
from nasbench_kit.errors import SettingError, check_generator, listed
from nasbench_kit.optional import require
from nasbench_kit.simulator import DRAWN

if TYPE_CHECKING:
    from nasbench_kit.benchmark import Benchmark
    from nasbench_kit.spaces import Arch, Uniform

EPOCH = "epoch"


@final
class HPOBenchmark:
    """What a search written for HPOBench calls: `AbstractBenchmark` of HPOBench 0.0.10, without installing it.

    `function_value` is a loss: 1 - accuracy as a fraction (HPOBench has percent), the objective itself where smaller is
    better, else its negative. `cost` are seconds from scratch, the first epoch among them. A search is told validation
    values alone; `objective_function_test` is for reports. Choices that are no recorded architecture become the nearest
    one, always the same. A training that failed has the worst value that was recorded.

    Args:
        benchmark: As `nbk.load` opens it; of several objectives, the first.
        rng: Draws the runs: a generator, or a seed.
        run: "drawn", one of the recorded runs per call; "mean", their mean; or the number of one of them.

    Raises:
        SettingError, NotRecordedError: An argument cannot be, or that run was never recorded.
    """

    def __init__(self, benchmark: Benchmark, rng: Uniform | int | None = None, *, run: str | int = DRAWN) -> None:
        self._queries = Queries(benchmark, run=run, every_epoch=True)
        self.rng = _generator(rng)
        self.configuration_space = self.get_configuration_space()
        self.fidelity_space = self.get_fidelity_space()

    def objective_function(
        self,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, Any] | None = None,
        rng: Uniform | int | None = None,
    ) -> dict[str, Any]:
        """The validation loss of a configuration after an epoch, by default the last.

        Args:
            configuration: Decision -> name of the choice.
            fidelity: `{"epoch": 12}`.
            rng: Draws the run instead of the benchmark's own.

        Raises:
            NotRecordedError, SettingError: That epoch was not recorded, or an argument cannot be.
        """
        arch = self._queries.arch(configuration)
        answer = self._queries.query(arch, self._epoch(fidelity), self.rng if rng is None else _generator(rng))
        info = self._queries.info(answer) | {"fidelity": self._fidelity(answer.epoch)}
        return {"function_value": answer.losses[0], "cost": answer.cost_s, "info": info}

    def objective_function_test(
        self,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, Any] | None = None,
        rng: Uniform | int | None = None,
    ) -> dict[str, Any]:
        """The test loss, as the mean over the recorded runs unless one is chosen by its number.

        Args:
            configuration: As in `objective_function`.
            fidelity: As in `objective_function`.
            rng: Not used, as nothing is drawn.

        Raises:
            NotRecordedError: No test metric that belongs to the objective was recorded, or not at this epoch.
        """
        metric, arch, epoch = self._queries.test_metric(), self._queries.arch(configuration), self._epoch(fidelity)
        value = self._queries.test_value(arch, epoch)
        cost_s = self._queries.benchmark.query(arch, epoch=epoch, seed=self._queries.seed).cost_s
        info = {"arch": self._queries.space.format(arch), metric.name: value, "fidelity": self._fidelity(epoch)}
        return {"function_value": loss(metric, value), "cost": cost_s, "info": info}

    def __call__(self, configuration: Mapping[str, Any], **how: Any) -> float:
        """The `function_value` alone."""
        value: float = self.objective_function(configuration, **how)["function_value"]
        return value

    def arch(self, configuration: object) -> Arch:
        """The architecture of a configuration."""
        return self._queries.arch(configuration)

    def get_configuration_space(self, seed: int | None = None) -> Any:
        """The `ConfigurationSpace`: a hyperparameter per decision."""
        return configuration_space(self._queries.space, self._queries.benchmark.name, seed)

    def get_fidelity_space(self, seed: int | None = None) -> Any:
        """The epochs as a `ConfigurationSpace`: integers, or an ordinal where some are left out; empty without any."""
        module, epochs = require("ConfigSpace", "configspace"), self._queries.epochs
        made = module.ConfigurationSpace(seed=seed)
        if len(epochs) > 1 and all(after == before + 1 for before, after in pairwise(epochs)):
            made.add(module.UniformIntegerHyperparameter(EPOCH, epochs[0], epochs[-1], default_value=epochs[-1]))
        elif epochs:
            made.add(module.OrdinalHyperparameter(EPOCH, epochs, default_value=epochs[-1]))
        return made

    def get_meta_information(self) -> dict[str, Any]:
        """Its name, title, licence and sources."""
        about = self._queries.benchmark.results.about
        return {"name": self._queries.benchmark.name, **{key: about[key] for key in _ABOUT if key in about}}

    def _epoch(self, fidelity: Mapping[str, Any] | None) -> int | None:
        if not isinstance(fidelity, Mapping | None):
            raise SettingError(f"fidelity {fidelity!r:.80}; {{'epoch': ...}} expected")
        given = dict(fidelity or {})
        epoch = given.pop(EPOCH, None)
        if given:
            raise SettingError(f"fidelity {listed(given)}; {{'epoch': ...}} expected")
        return self._queries.recorded_epoch(epoch)

    def _fidelity(self, epoch: int | None) -> dict[str, int]:
        return {} if epoch is None else {EPOCH: epoch}


_ABOUT = ("title", "licence", "sources")


def _generator(rng: Any) -> Uniform:
    if rng is None or isinstance(rng, int | np.integer):
        return np.random.default_rng(rng)
    check_generator(rng)
    made: Uniform = rng
    return made

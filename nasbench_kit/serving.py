"""A benchmark that answers messages: for searches written elsewhere. `docs/programs.md` is the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any, final

from nasbench_kit import messages
from nasbench_kit.errors import NasbenchKitError, NotRecordedError, SettingError, check_generator, unknown
from nasbench_kit.messages import LONGEST, check_members, number, numbers

if TYPE_CHECKING:
    import numpy as np

    from nasbench_kit.benchmark import Benchmark, Evaluation
    from nasbench_kit.spaces import Space

DRAWN = "drawn"


@final
class Server:
    """Answers about a benchmark, a line for a line.

    Args:
        benchmark: What is asked about.
        rng: Source of what is drawn: architectures, and training runs.
    """

    def __init__(self, benchmark: Benchmark, rng: np.random.Generator) -> None:
        check_generator(rng)
        self._benchmark, self._rng = benchmark, rng
        self._answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "query": self._query,
            "values": self._values,
            "best": self._best,
            "describe": self._describe,
        }

    def answer(self, line: bytes) -> bytes:
        """The line that answers a line; what cannot be answered is `{"error": ...}`, in one line."""
        try:
            if len(line) > LONGEST:
                raise SettingError(
                    f"a line of more than {LONGEST:,} bytes, {messages.shown(line)}; a shorter one expected"
                )
            message = messages.read(line)
            kind = next(iter(message))
            if kind in self._answers:
                return messages.write(self._answers[kind](message))
            found = messages.answer(self._space, self._rng, message)
            if found is None:
                raise unknown("message", kind, [*self._answers, *messages.QUESTIONS])
            return messages.write(found)
        except NasbenchKitError as error:
            return messages.write({"error": str(error)})

    @cached_property
    def _space(self) -> Space:
        return self._benchmark.search_space()  # what was recorded

    def _describe(self, message: Mapping[str, Any]) -> dict[str, Any]:
        check_members(message, "describe")
        bench = self._benchmark
        metrics = [
            {
                "name": metric.name,
                "unit": metric.unit,
                "split": metric.split,
                "direction": metric.direction,
                "epochs": metric.epochs,
                "seeds": metric.seeds,
            }
            for metric in bench.metrics.values()
        ]
        return {
            "protocol": messages.PROTOCOL,
            "benchmark": bench.name,
            "kind": bench.results.kind,
            "sha256": bench.results.sha256,
            **messages.described(self._space),
            "objectives": [metric.name for metric in bench.objectives],
            "costs": bench.costs,
            "epochs": bench.epochs,
            "epochs_are": bench.epochs_are,
            "seeds": bench.objective_metric.seeds,
            "metrics": metrics,
        }

    def _query(self, message: Mapping[str, Any]) -> dict[str, Any]:
        check_members(message, "query", "epoch", "seed", "metrics")
        bench = self._benchmark
        arch, epoch, seed = bench.space.parse(message["query"]), _epoch(message), message.get("seed")
        if seed == DRAWN:
            evaluation = bench.query(arch, epoch=epoch, rng=self._rng)
        else:
            evaluation = bench.query(arch, epoch=epoch, seed=_seed(message))
        found: dict[str, Any] = {
            "arch": arch,
            "epoch": evaluation.epoch,
            "value": number(evaluation.value),
            "cost_s": number(evaluation.cost_s),
            "seeds": evaluation.seeds,
            "failed": evaluation.failed,
        }
        if "metrics" in message:
            found["values"] = self._further(message["metrics"], arch, evaluation, seed)
        return found

    def _further(self, names: object, arch: Any, evaluation: Evaluation, seed: object) -> dict[str, float | None]:
        """Other metrics of the same training."""
        bench, values = self._benchmark, {}
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingError(f"metrics {names!r:.80}; a list of names of metrics expected")
        run = evaluation.seeds[0] if seed is not None and evaluation.seeds else None
        for name in names:
            if name not in bench.metrics:
                raise unknown(f"metric of {bench.name}", name, bench.metrics)
            metric = bench.metrics[name]
            same = {"epoch": evaluation.epoch if metric.epochs else None, "seed": run if metric.seeds else None}
            try:
                value = bench.values(name, [arch], missing="nan", **same)[0]
            except NotRecordedError:
                value = nan
            values[name] = number(value)
        return values

    def _values(self, message: Mapping[str, Any]) -> dict[str, Any]:
        check_members(message, "values", "archs", "epoch", "seed")
        archs = message.get("archs")
        if not isinstance(archs, list):
            raise SettingError(f"archs {archs!r:.80}; a list of architectures expected")
        how = {"epoch": _epoch(message), "seed": _seed(message)}
        return {"values": numbers(self._benchmark.values(message["values"], archs, missing="nan", **how).tolist())}

    def _best(self, message: Mapping[str, Any]) -> dict[str, Any]:
        check_members(message, "best")
        bench = self._benchmark
        best = bench.best()
        return {"arch": best.arch, "value": number(best.value), "proven": bench.is_best_proven()}


def _epoch(message: Mapping[str, Any]) -> int | None:
    return _integer("epoch", message.get("epoch"), "an integer, or null for the last one")


def _seed(message: Mapping[str, Any]) -> int | None:
    return _integer("seed", message.get("seed"), "an integer, null for the mean over all, or, of a query, 'drawn'")


def _integer(what: str, value: object, expected: str) -> int | None:
    if value is None or type(value) is int:
        return value
    raise SettingError(f"{what} {value!r:.40}; {expected} expected")

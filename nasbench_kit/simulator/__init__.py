"""The simulator: it runs an optimizer on a benchmark as if its trials took the time that was recorded for them."""

from nasbench_kit.simulator.clock import simulate, task_of
from nasbench_kit.simulator.lockstep import n_in_lockstep, simulate_in_lockstep
from nasbench_kit.simulator.records import NO_EPOCH, NO_SEED, Records
from nasbench_kit.simulator.rules import CLOCKS, DRAWN, EPOCHS, EVALUATIONS, MEAN, SECONDS, Reported, Rules

__all__ = [
    "CLOCKS",
    "DRAWN",
    "EPOCHS",
    "EVALUATIONS",
    "MEAN",
    "NO_EPOCH",
    "NO_SEED",
    "SECONDS",
    "Records",
    "Reported",
    "Rules",
    "n_in_lockstep",
    "simulate",
    "simulate_in_lockstep",
    "task_of",
]

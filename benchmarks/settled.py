"""How often a comparison that stops once it is settled says a wrong order, and how many of the runs it needs.

    python benchmarks/settled.py --study settled.db

makes 500 runs of nine optimizers on NAS-Bench-201 (kept in the study), then replays comparisons of three of them: each
replay takes the runs in another order and stops by the rule of `compare(until_settled=0.1)`. The right order is that of
the probability of improvement over all 500 x 500 pairs of runs.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import nasbench_kit as nbk
from nasbench_kit.analysis import final_regrets, until_settled
from nasbench_kit.comparison import OPTIMIZERS, RUNS

OTHERS = (
    "simulated_annealing",
    "differential_evolution",
    "genetic_algorithm",
    "reinforce",
    ("regularized_evolution", {"sample_size": 5}),
    ("regularized_evolution", {"sample_size": 3, "population_size": 20}),
)
TOLERANCE = 0.1

Runs = dict[str, dict[str, NDArray[np.float64]]]


class Replay(NamedTuple):
    share: float  # of the runs that were made
    any_wrong: bool  # whether any settled order is not that of all runs
    n_settled: int
    n_tied: int
    n_open: int
    n_far_ties: int  # tied pairs with a probability of improvement more than the tolerance from 1/2


def runs_of(study: str) -> Runs:
    """Benchmark -> optimizer -> final regrets of its runs."""
    made = nbk.compare(optimizers=[*OPTIMIZERS, *OTHERS], study=study)
    return {
        benchmark: {name: final_regrets(one) for name, one in panel.items()}
        for benchmark, panel in made.trajectories.items()
    }


def probability(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """That a run of the first ends better, ties counted half."""
    ours, theirs = first[:, np.newaxis], second
    return float(np.mean(ours < theirs) + np.mean(ours == theirs) / 2)


def replay(runs: Runs, optimizers: Sequence[str], rng: np.random.Generator) -> Replay:
    shuffled = {(where, name): rng.permutation(panel[name]) for where, panel in runs.items() for name in optimizers}
    n_all = min(map(len, shuffled.values()))
    made, found = until_settled(
        lambda going, part: {entry: shuffled[entry][part.start : part.stop] for entry in going},
        shuffled,
        n_all,
        TOLERANCE,
    )
    right = [probability(runs[one.benchmark][one.better], runs[one.benchmark][one.other]) for one in found]
    states = [one.state for one in found]
    return Replay(
        share=sum(made.values()) / (n_all * len(made)),
        any_wrong=any(one == "settled" and p < 0.5 for one, p in zip(states, right, strict=True)),
        n_settled=states.count("settled"),
        n_tied=states.count("tied"),
        n_open=states.count("open"),
        n_far_ties=sum(one == "tied" and abs(p - 0.5) > TOLERANCE for one, p in zip(states, right, strict=True)),
    )


def tell(what: str, replays: Sequence[Replay]) -> None:
    means = Replay(*np.mean(replays, axis=0))
    most = np.quantile([one.share for one in replays], 0.9)
    print(f"{what}, {len(replays):,} replays: {100 * means.any_wrong:.1f} % with a wrong order")
    print(f"  {100 * means.share:.1f} % of the runs; in nine of ten replays at most {100 * most:.1f} %")
    print(
        f"  pairs: {means.n_settled:.2f} settled, {means.n_tied:.2f} tied ({means.n_far_ties:.2f} of them farther than"
        f" {TOLERANCE:g} from 1/2), {means.n_open:.2f} open",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="settled.db")
    parser.add_argument("--replays", type=int, default=1_000)
    given = parser.parse_args()
    runs = runs_of(given.study)
    names = list(next(iter(runs.values())))
    rng = np.random.default_rng(0)
    tell("the three of the default comparison", [replay(runs, OPTIMIZERS, rng) for _ in range(given.replays)])
    drawn = [[names[i] for i in rng.choice(len(names), 3, replace=False)] for _ in range(given.replays)]
    tell(f"three drawn from {len(names)}", [replay(runs, three, rng) for three in drawn])


if __name__ == "__main__":
    assert RUNS == 500  # of which the docstring speaks
    main()

"""Speed of nasbench_kit beside that of other packages, measured in turns on this machine.

    python benchmarks/query.py [--rounds N] [--quick]

The first call makes a virtual environment with the peers (peers.txt) and this checkout (1.5 GB, most of it the XGBoost
that Syne Tune needs) and files for the peers; it measures in there. Times are per process, query, architecture or
evaluation.
"""

from __future__ import annotations

import side_by_side


def main() -> None:
    """Enter the environment, making it if needed; once inside, measure and print."""
    arguments = side_by_side.parser(__doc__).parse_args()
    side_by_side.enter_environment(arguments.venv, __file__)
    from comparison import Size, rows  # imports the peers, which only the environment has

    size = Size(rounds=3, long_rounds=2, n_runs=50) if arguments.quick else Size(arguments.rounds)
    side_by_side.print_rows(rows(size, arguments.cache))


if __name__ == "__main__":
    main()

"""`serve`: a benchmark that answers programs, on standard input and output."""

from __future__ import annotations

import sys

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import example, results_option
from nasbench_kit.messages import LONGEST


@click.command(
    epilog=example(
        "nasbench-kit serve nasbench201/cifar10",
        "nasbench-kit serve mine/default --from mine.h5 --seed 7",
    )
)
@click.argument("benchmark")
@click.option(
    "--seed",
    "rng_seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of what is drawn: architectures, and training runs where they are asked for.",
)
@results_option
def serve(benchmark: str, rng_seed: int, results: str | None) -> None:
    """Answer messages about a benchmark on standard input, one JSON object a line, until it ends.

    For searches in another language: {"describe": true}, {"query": ARCH}, {"sample": 10}, {"neighbors": ARCH}, ...
    Each message is answered by one line on standard output; what cannot be answered by {"error": "one line"}. The
    protocol is in docs/programs.md.
    """
    import numpy as np

    from nasbench_kit.serving import Server

    server = Server(load(benchmark, results=results), np.random.default_rng(rng_seed))
    messages, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := messages.readline(LONGEST + 1):
        answers.write(server.answer(line))
        answers.flush()
        while len(line) > LONGEST and not line.endswith(b"\n"):  # what is left of one that is too long
            line = messages.readline(LONGEST + 1)

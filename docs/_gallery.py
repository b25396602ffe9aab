"""The gallery: a figure of each kind, drawn when the site is built by the very code that stands above it."""

from __future__ import annotations

import os
from contextlib import chdir
from typing import NamedTuple

from _generate import DOCS, MADE

from nasbench_kit.plots import KINDS

FOLDER = DOCS / MADE

STUDIES = """\
import nasbench_kit as nbk

both = ["nasbench201/cifar10", "nasbench201/cifar100"]
few = ["random_search", "regularized_evolution", "local_search"]
nbk.compare(both, few, runs=30, n_evaluations=150, study="study.db", n_processes=1)

several = nbk.load("nasbench201/cifar10", objectives=["val_accuracy", "latency_s"])
two = ["random_search", "nsga2"]
nbk.compare(several, two, runs=10, n_evaluations=150, study="several.db", n_processes=1)

epochs = nbk.Rules(n_epochs=1_500, n_workers=4)
nbk.compare("nasbench201_mnist1d/mnist1d", "hyperband", rules=epochs, runs=1, study="epochs.db", n_processes=1)
"""
"""What makes the studies that are drawn: one of the usual kind, one of several objectives, one of several epochs."""


class Example(NamedTuple):
    """A figure of the gallery."""

    kind: str
    study: str = "study"
    python: str = ""  #: further arguments, as they stand in Python
    typed: str = ""  #: the same, as they are typed


EXAMPLES = (
    Example("anytime"),
    Example(
        "anytime",
        python='axis="seconds", statistic="mean", band="standard error"',
        typed="--axis seconds --statistic mean --band standard-error",
    ),
    Example("anytime", python='benchmarks=["nasbench201/cifar10"], law=True', typed="-b nasbench201/cifar10 --law"),
    Example("ranks"),
    Example("ecdf"),
    Example("time-to-target"),
    Example("profiles"),
    Example("intervals"),
    Example("critical-difference"),
    Example("win-rates"),
    Example("fronts", "several"),
    Example("hypervolume", "several"),
    Example("attainment", "several"),
    Example("learning-curves", "epochs"),
    Example("gantt", "epochs"),
    Example("parallel-coordinates"),
    Example("incumbents"),
)

OTHERS = {
    "landscape": """\
from nasbench_kit.analysis.landscape import describe
from nasbench_kit.plots.landscape import landscape_figure

landscape_figure(describe(nbk.load("nasbench201/cifar100"))).savefig("landscape.svg")
""",
    "cell": """\
from nasbench_kit.plots import architecture_figure, save_figure

bench = nbk.load("nasbench201/cifar10")
save_figure(architecture_figure(bench.space, bench.best().arch), "cell.svg")
""",
}
"""Figures of no study: name -> the code."""

_COMMANDS = {
    "landscape": "nasbench-kit describe nasbench201/cifar100 --figure landscape.svg",
    "cell": "nasbench-kit show 333132 -o cell.svg",
}


def picture(number: int) -> str:
    """The file of the example of this number."""
    return f"{number:02d}-{EXAMPLES[number].kind}.svg"


def code(number: int) -> str:
    """What draws the example of this number."""
    kind, study, python, _ = EXAMPLES[number]
    arguments = ", ".join(filter(None, (f'"{kind}"', python)))
    return f'nbk.Comparison.of_study("{study}.db").figure({arguments}).savefig("{picture(number)}")\n'


def command(number: int) -> str:
    """The same, as it is typed."""
    kind, study, _, typed = EXAMPLES[number]
    return " ".join(filter(None, (f"nasbench-kit plot {study}.db --kind {kind}", typed, f"-o {picture(number)}")))


def page() -> str:
    """The page, in MyST."""
    parts = [
        "# Gallery",
        "Every figure here was drawn by the code above it when this site was built. What can be chosen, and how each is"
        " read: [](/figures.md). These lines made the studies:",
        f"```python\n{STUDIES}```",
    ]
    said = ""
    for number, example in enumerate(EXAMPLES):
        if example.kind != said:
            about = KINDS[example.kind].about
            parts += [f"## `{example.kind}`", f"{about[0].upper()}{about[1:]}."]
        said = example.kind
        parts += [
            f"```python\n{code(number)}```",
            f"```text\n{command(number)}\n```",
            f"![A figure of kind {example.kind}](gallery/{picture(number)})",
        ]
    for name, drawn in OTHERS.items():
        title = {"landscape": "The landscape of a benchmark", "cell": "An architecture"}[name]
        parts += [
            f"## {title}",
            f"```python\n{drawn}```",
            f"```text\n{_COMMANDS[name]}\n```",
            f"![{title}](gallery/{name}.svg)",
        ]
    return "\n\n".join(parts) + "\n"


def write() -> None:
    """Write the page, and draw what is not there yet."""
    (FOLDER / "gallery.md").write_text(page(), encoding="utf-8")
    pictures = FOLDER / "gallery"
    pictures.mkdir(exist_ok=True)
    made = [pictures / picture(number) for number in range(len(EXAMPLES))] + [
        pictures / f"{name}.svg" for name in OTHERS
    ]
    if all(file.exists() for file in made):
        return
    os.environ.setdefault("MPLBACKEND", "agg")
    namespace = {"__name__": "gallery"}
    with chdir(pictures):
        for drawn in (STUDIES, *map(code, range(len(EXAMPLES))), *OTHERS.values()):
            exec(compile(drawn, "gallery", "exec"), namespace)  # our own text, shown on the page

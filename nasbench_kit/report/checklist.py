"""The checklist of good practice in neural architecture search, as far as a study knows the answers.

Source: Lindauer and Hutter 2020, https://jmlr.org/papers/v21/20-056.html (arXiv 1909.02453), appendix A.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from nasbench_kit.errors import counted
from nasbench_kit.optimizers import RECORDED, is_own
from nasbench_kit.report.markup import Html, element, joined, table

if TYPE_CHECKING:
    from nasbench_kit.analysis import Panel
    from nasbench_kit.report.contents import Report

RANDOM_SEARCH = "random_search"


class Item(NamedTuple):
    """A question of the checklist."""

    number: str
    question: str
    answer: Literal["yes", "no", "yours to say"]
    why: str


def checklist(panels: Sequence[Panel], n_commands: int) -> list[Item]:
    """Every question, with what the study says to it; what only its authors know is theirs to say."""
    keys = [key for panel in panels for key in panel.configurations.values()]
    own = sorted({key.optimizer for key in keys if is_own(key.optimizer)})
    recorded = sorted({key.optimizer.removeprefix(RECORDED) for key in keys if key.is_recorded})
    timed = sorted({key.optimizer.removeprefix(RECORDED) for key in keys if key.settings.get("seconds") == "recorded"})
    searches = [{key.optimizer for key in panel.configurations.values()} for panel in panels]
    with_random = all(RANDOM_SEARCH in names for names in searches)
    n_runs = [
        panel.trajectories[name].n_runs if name in panel.trajectories else 0
        for panel in panels
        for name in panel.configurations
    ]
    fewest = min(n_runs, default=0)
    same_rules = len({(key.benchmark, repr(key.rules)) for key in keys}) == len({key.benchmark for key in keys})
    kinds = sorted({panel.benchmark.results.kind for panel in panels})
    charged = all(panel.rules.optimizer_time == "charged" for panel in panels)
    code = f"{', '.join(own)} of one's own: release its file" if own else "optimizers of nasbench_kit, by their names"
    elsewhere = f"; {', '.join(recorded)} recorded elsewhere, not run here" if recorded else ""
    return [
        Item(
            "1a",
            "Code of the training pipeline of the final architectures released?",
            "yours to say",
            "results were looked up; the release of the benchmark says how they were trained",
        ),
        Item("1b", "Code of the search space released?", "yes", "it is part of nasbench_kit, by the name shown above"),
        Item(
            "1c",
            "Hyperparameters and seeds of the final evaluation released?",
            "yours to say",
            "those of the benchmark's release; if you train final architectures yourself, say how",
        ),
        Item(
            "1d", "Code of the search method released?", "yours to say" if own or recorded else "yes", code + elsewhere
        ),
        Item(
            "1e",
            "Hyperparameters and seeds of the search method released?",
            "yours to say" if recorded else "yes",
            f"settings and seeds are above, and what repeats all: {counted(n_commands, 'command')}{elsewhere}",
        ),
        Item(
            "2a",
            "The same benchmark for all methods: data, split, space and training?",
            "yes",
            "all optimizers of a panel read the results of the same sha256",
        ),
        Item(
            "2b",
            "Confounding factors controlled: hardware, versions, different runtimes?",
            "no" if timed else "yes",
            "costs are recorded or predicted, so no machine of ours enters; versions are above"
            + ("; the optimizers' own time was charged, and depends on the machine" if charged else "")
            + (f"; the seconds of {', '.join(timed)} are of whatever machine they were recorded on" * bool(timed)),
        ),
        Item("2c", "Ablation studies run?", "yours to say", _ablation(panels)),
        Item(
            "2d",
            "The same evaluation protocol for all methods?",
            "no" if recorded or not same_rules else "yes",
            ("one set of rules per benchmark" if same_rules else "several sets of rules: compare within a panel only")
            + elsewhere,
        ),
        Item("2e", "Performance compared over time?", "yes", "the anytime curves above"),
        Item(
            "2f",
            "Compared with random search?",
            "yes" if with_random else "no",
            "in every panel" if with_random else "add -o random_search to the command",
        ),
        Item(
            "2g",
            "Several runs, with their seeds reported?",
            "yes" if fewest > 1 else "no",
            f"at least {fewest:,} runs of each" if fewest > 1 else "one run of some, or none, says nothing of spread",
        ),
        Item(
            "2h",
            "Tabular or surrogate benchmarks used for in-depth evaluations?",
            "yes",
            " and ".join({"table": "measured results", "surrogate": "a surrogate's predictions"}[k] for k in kinds),
        ),
        Item(
            "3a",
            "Reported how hyperparameters were tuned, and what that took?",
            "yours to say",
            "the study knows settings, not how they were found",
        ),
        Item(
            "3b",
            "Time of the whole method reported, not of the search alone?",
            "yes" if charged else "no",
            "simulated time, with the optimizers' own" if charged else "simulated time of trainings alone",
        ),
        Item(
            "3c",
            "All details of the experimental setup reported?",
            "yours to say",
            "what the study knows is above; say what else matters",
        ),
    ]


def _ablation(panels: Sequence[Panel]) -> str:
    for panel in panels:
        names = [key.optimizer for key in panel.configurations.values()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            return f"{twice} was run with several settings; whether that is an ablation is yours to say"
    return "no optimizer was run with several settings"


def checklist_table(report: Report) -> Html:
    """The checklist as the page shows it, with what is missing named first."""
    items = checklist(list(report.panels.values()), len(report.commands))
    classes = {"yes": "yes", "no": "no", "yours to say": "say"}
    rows = [
        [item.number, item.question, element("span", item.answer, class_=classes[item.answer]), item.why]
        for item in items
    ]
    missing = [item.number for item in items if item.answer != "yes"]
    return joined(
        element(
            "p",
            "Good practice in neural architecture search, by ",
            element("a", "Lindauer and Hutter (2020)", href="https://jmlr.org/papers/v21/20-056.html"),
            f", as far as the study knows. Not answered by it: {', '.join(missing) or 'nothing'}.",
        ),
        table(("item", "question", "answer", "why"), rows, caption="Checklist", class_="text"),
    )

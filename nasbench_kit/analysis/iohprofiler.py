"""Runs in the format of IOHprofiler, which IOHanalyzer and IOHinspector read.

Source: Doerr et al. 2018, https://arxiv.org/abs/1810.05281; the format,
https://iohprofiler.github.io/IOHanalyzer/data/.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench_kit.errors import SettingError
from nasbench_kit.jobs import sync
from nasbench_kit.simulator import EVALUATIONS
from nasbench_kit.version import __version__

if TYPE_CHECKING:
    from nasbench_kit.analysis.panels import Panel
    from nasbench_kit.analysis.trajectories import Trajectories
    from nasbench_kit.study import Configuration

_VERSION = "0.3.5"  # of IOHexperimenter, whose layout this is
_MOST_LETTERS = 60  # of a name of a folder
_OTHER_AXES = ("seconds", "epochs")


def check_new_folder(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that is there already.

    Raises:
        SettingError: It is.
    """
    if os.path.lexists(folder):
        raise SettingError(f"{os.fspath(folder)!r} is there already; give a folder that is to be made")


def write_iohprofiler(panels: Mapping[str, Panel], folder: str | os.PathLike[str]) -> int:
    """Write a new folder with one function per panel and one algorithm per optimizer, as a whole or not at all.

    `raw_y` is what the search was told of its incumbent, which never gets worse, so that readers that keep the best
    so far change nothing. Further columns are what the incumbent is reported by and its regret, which may get worse,
    and what was spent. A run has a row for each incumbent, and one for its first and last evaluation; before the
    first incumbent `raw_y` is infinitely bad, and what is reported is not a number. All runs are of instance 0, in
    order of seed: what differs between them is the seed, not the problem.

    Args:
        panels: What `load` found.
        folder: Where to.

    Returns:
        How many runs were written; those without any evaluation are left out, as the format cannot hold them.

    Raises:
        SettingError: The folder is there already, or cannot be written.
    """
    check_new_folder(folder)
    target = Path(os.path.abspath(folder))
    n_runs = 0
    try:
        partial = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for number, (title, panel) in enumerate(panels.items(), 1):
                for i, (label, one) in enumerate(panel.trajectories.items(), 1):
                    place = partial / f"{i}_{_as_name(label)}"
                    n_runs += _write(place, (number, title), panel, panel.configurations[label], one)
            sync(partial)
            partial.chmod(0o755)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise SettingError(f"cannot write {os.fspath(folder)!r}: {error.strerror or error}") from None
    return n_runs


def _write(
    folder: Path, function: tuple[int, str], panel: Panel, configuration: Configuration, one: Trajectories
) -> int:
    """One algorithm on one function: its .json file and its .dat file."""
    (number, title), n_decisions = function, panel.benchmark.space.n_decisions
    told = panel.benchmark.objective_metric
    axes = [axis for axis in _OTHER_AXES if axis in one.spent]
    name = f"f{number}_{_as_name(title)}"
    path = f"data_{name}/IOHprofiler_f{number}_DIM{n_decisions}.dat"
    runs, lines = [], []
    columns = ["evaluations", "raw_y", "reported", "regret", *axes]
    for i in range(one.n_runs):
        n_evaluations = int(one.ended[EVALUATIONS][i])
        if not n_evaluations:
            continue
        rows = _rows(one, i, told.sign(), axes)
        lines.append(" ".join(columns))
        lines += [" ".join([str(int(row[0])), *(repr(float(value)) for value in row[1:])]) for row in rows]
        best = next(row for row in rows if row[1] == rows[-1][1])
        y = float(best[1]) if np.isfinite(best[1]) else None
        runs.append(
            {"instance": 0, "evals": n_evaluations, "best": {"evals": int(best[0]), "y": y, "x": []}}
            | {"run_seed": int(one.run_seeds[i])}
        )
    about: dict[str, Any] = {
        "version": _VERSION,
        "suite": f"nasbench_kit {__version__}",
        "function_id": number,
        "function_name": title,
        "maximization": told.direction != "min",
        "algorithm": {"name": configuration.legend, "info": configuration.identity},
        "attributes": columns,
        "told_metric": told.name,
        "reported_metric": one.metric.name,
        "best": one.metric.sign() * one.best,
        "scenarios": [{"dimension": n_decisions, "path": path, "runs": runs}],
    }
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / f"IOHprofiler_{name}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return len(runs)


def _rows(one: Trajectories, run: int, told_sign: int, axes: list[str]) -> list[list[float]]:
    """The rows of one run: evaluations, raw_y, reported, regret, then what was spent along other axes."""
    which = slice(one.starts[run], one.starts[run + 1])
    reported = one.reported[which]
    steps = np.column_stack(
        [
            one.spent[EVALUATIONS][which],
            told_sign * one.told[which],
            one.metric.sign() * reported,
            one.best - reported,
            *(one.spent[axis][which] for axis in axes),
        ]
    ).tolist()
    n_evaluations = one.ended[EVALUATIONS][run]
    if not steps or steps[0][0] != 1:
        # when it finished is not known: not later than the first incumbent, and no reader needs it
        steps.insert(0, [1.0, -told_sign * np.inf, np.nan, np.nan, *[np.nan] * len(axes)])
    if steps[-1][0] != n_evaluations:
        steps.append([n_evaluations, *steps[-1][1:4], *(one.ended[axis][run] for axis in axes)])
    return steps


def _as_name(text: str) -> str:
    """A text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)[:_MOST_LETTERS].strip("._") or "unnamed"

"""What is to be laid over a figure, as it is typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench_kit.analysis.external.csv_runs import read_runs
from nasbench_kit.analysis.external.dehb import read_dehb
from nasbench_kit.analysis.external.iohprofiler import read_iohprofiler
from nasbench_kit.analysis.external.logs import Values
from nasbench_kit.analysis.external.optuna import read_optuna
from nasbench_kit.analysis.external.published import PUBLISHED, Points, published_curves
from nasbench_kit.analysis.external.syne_tune import read_syne_tune
from nasbench_kit.analysis.trajectories import Trajectories
from nasbench_kit.errors import SettingError, unknown

if TYPE_CHECKING:
    from nasbench_kit.analysis.panels import Panel

# format -> its reader, the arguments that it needs, and those that it may have
_READERS: dict[str, tuple[Callable[..., Trajectories], tuple[str, ...], tuple[str, ...]]] = {
    "csv": (read_runs, ("spent", "value"), ("run", "axis")),
    "optuna": (read_optuna, (), ("cost",)),
    "syne-tune": (read_syne_tune, ("value",), ("resource",)),
    "dehb": (read_dehb, (), ()),
    "iohprofiler": (read_iohprofiler, (), ("value", "spent", "axis")),
}
_OF_VALUES = ("metric", "best", "scale", "are_regrets")


def read_overlay(text: str, panel: Panel) -> dict[str, Trajectories | Points]:
    """What is to be laid over a panel, as it is typed: label -> runs or points.

    `published`, all that papers print of its benchmark; or `FORMAT:PATH,NAME=VALUE,...` with a format of csv, optuna,
    syne-tune, dehb and iohprofiler, the names of its reader's arguments and those of `Values`, and `label=`. The metric
    and the best are those of the panel, unless told.

    Args:
        text: `csv:curve.csv,spent=time_s,value=test_acc,scale=0.01,label=Theirs`.
        panel: What it is laid over.

    Raises:
        SettingError, UnknownNameError: It cannot be read so.
        ImportDataError: The file is damaged, or has no such columns.
        OSError: It cannot be read.
    """
    if text == "published":
        found = published_curves(panel.benchmark.name)
        if not found:
            raise SettingError(f"no curves of {panel.benchmark.name} are known; there are of {', '.join(PUBLISHED)}")
        return dict(found)
    kind, _, rest = text.partition(":")
    if kind not in _READERS:
        raise unknown("format of an overlay", kind, [*_READERS, "published"])
    path, *pairs = rest.split(",")
    given = dict(pair.partition("=")[::2] for pair in pairs)
    label = given.pop("label", Path(path).name)
    read, needed, further = _READERS[kind]
    names = (*needed, *further)
    for name in given:
        if name not in (*names, *_OF_VALUES):
            raise unknown(f"setting of a {kind} overlay", name, [*names, *_OF_VALUES, "label"])
    absent = [name for name in needed if name not in given]
    if absent:
        raise SettingError(f"overlay {text!r:.80} lacks {absent[0]}=; the name of a column of {path!r:.80} expected")
    one = next(iter(panel.trajectories.values()))
    best = None if "metric" in given else one.metric.sign() * one.best
    are_regrets = given.get("are_regrets", "false")
    if are_regrets not in ("true", "false"):
        raise SettingError(f"are_regrets={are_regrets!r:.40}; true or false expected")
    values = Values(
        given.get("metric", one.metric),
        _number(given, "best") if "best" in given else best,
        _number(given, "scale") if "scale" in given else 1.0,
        are_regrets == "true",
    )
    if not Path(path).is_file():
        raise SettingError(f"overlay={text!r:.80}: there is no file {path!r:.80}; {kind}:FILE,NAME=VALUE,... expected")
    return {label: read(path, values, **{name: given[name] for name in names if name in given})}


def _number(given: Mapping[str, str], name: str) -> float:
    try:
        return float(given[name])
    except ValueError:
        raise SettingError(f"{name}={given[name]!r:.40}; a number expected") from None

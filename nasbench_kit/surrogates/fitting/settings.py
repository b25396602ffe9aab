"""How surrogates are fitted and distilled: settings that are checked once and stand on the card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.predictors import model_class
from nasbench_kit.surrogates.fitting.split import HASH

_FEWEST_LABELLED = 100


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Say how a surrogate is fitted.

    Args:
        name: The name that its benchmarks carry; the folder's by default.
        datasets: Which of the table's; all by default.
        metrics: Which to predict beside the objectives; `cost_s`, where there is one, by default.
        epochs: Which of the recorded epochs; all by default.
        model: One of `nasbench_kit.predictors.MODELS`.
        preset: One of the model's sets of settings.
        settings: Other values for some of them.
        tune: Try so many settings first, on one fold, and take the best.
        n_members: How many members; they are the seeds of its benchmarks.
        split: "hash", or the name of the lists of runs that came with the data: see `split_table`.
        test_share: Held out for evaluation: never read.
        train_share: Share of the rest that is used.
        noise: Whether to model how training runs differ too: their spread, and the probability that one collapses.
        seed: Of all randomness.

    Raises:
        UnknownNameError, SettingError: One is not what it can be.
    """

    name: str | None = None
    datasets: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    epochs: Sequence[int] | None = None
    model: str = "lightgbm"
    preset: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)
    tune: int = 0
    n_members: int = 10
    split: str = HASH
    test_share: float = 0.2
    train_share: float = 1.0
    noise: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_members < 1 or self.seed < 0 or self.tune < 0:
            raise SettingError(
                f"n_members={self.n_members}, seed={self.seed}, tune={self.tune}; at least 1, 0, 0 expected"
            )
        if self.name is not None and (not self.name or "/" in self.name):
            raise SettingError(f"{self.name!r} cannot be a name; a text without a slash expected")
        presets = model_class(self.model).presets
        if self.preset not in presets:
            raise unknown(f"preset of {self.model}", self.preset, presets)

    def of_model(self) -> dict[str, Any]:
        """Return the settings of the model: those of the preset, and the other values."""
        return {**model_class(self.model).presets[self.preset], **self.settings}

    def needs(self) -> dict[str, str]:
        """Return the packages that it takes -> the extra that installs each."""
        noise = [("lightgbm", "fit")] * self.noise
        return dict([*model_class(self.model).needs, *noise, *[("optuna", "fit")] * (self.tune > 0)])

    def to_json(self) -> dict[str, Any]:
        """Return the entries of a card."""
        entries: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return entries

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Self:
        """Read the settings that a card keeps, `card.fitted["arguments"]`.

        Raises:
            UnknownNameError, SettingError: They are none.
        """
        try:
            return cls(**{name: value for name, value in entries.items() if name in cls.__dataclass_fields__})
        except TypeError as error:
            raise SettingError(f"these are no arguments of a fit: {error}") from None

    def command(self, table: str, out: str) -> str:
        """Return what to type to fit the same to a table of that name."""
        words = ["nasbench-kit", "surrogate", "fit", "--table", table, "--model", self.model]
        words += ["--members", str(self.n_members), "--out", out]
        for option, values in (("dataset", self.datasets), ("metric", self.metrics)):
            words += [word for value in values or () for word in (f"--{option}", value)]
        if self.epochs is not None:
            words += ["--epochs", ",".join(map(str, self.epochs))]
        words += [word for item in self.settings.items() for word in ("--set", "=".join(map(str, item)))]
        for name in ("preset", "tune", "split", "test_share", "train_share", "seed"):
            if getattr(self, name) != getattr(FitSettings, name):
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        if self.name not in (None, out):
            words += ["--name", str(self.name)]
        return shlex.join(words + ["--no-noise"] * (not self.noise))


@dataclass(frozen=True, kw_only=True)
class DistillSettings:
    """Say how a network is trained to follow a surrogate.

    Args:
        name: The name of the new surrogate; that of the old one by default.
        n_archs: How many architectures to label; by default all, where the space has at most 2^20 different ones.
        near_best: Which share of a sample is bred from the best ones met so far; the others are uniform.
        encoding: The sparse encoding that the network reads; see `nasbench_kit.encodings.features.sparse`.
        hidden: Units of each hidden layer.
        epochs: Passes over the architectures; by default as many as see 8,000,000 of them.
        batch: Architectures per step.
        learning_rate: The highest of one cycle.
        members: Give the network so many members, where the surrogate has one: by bootstrap of the last layer.
        seed: Of all randomness; the same gives the same bytes on one machine.

    Raises:
        SettingError: One is out of range.
    """

    name: str | None = None
    n_archs: int | None = None
    near_best: float = 0.5
    encoding: str | None = None
    hidden: Sequence[int] = (512, 384)
    epochs: int | None = None
    batch: int = 1_024
    learning_rate: float = 3e-3
    members: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_archs is not None and self.n_archs < _FEWEST_LABELLED:
            raise SettingError(f"n_archs={self.n_archs}; at least {_FEWEST_LABELLED} expected")
        if not 0 <= self.near_best < 1 or min(self.hidden, default=0) < 1 or self.batch < 1 or self.learning_rate <= 0:
            raise SettingError(
                f"near_best={self.near_best}, hidden={tuple(self.hidden)}, batch={self.batch},"
                f" learning_rate={self.learning_rate}; a share below 1 and positive numbers expected"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the entries of a card."""
        given = {name: value for name, value in asdict(self).items() if name != "name"}
        if self.members is None:
            del given["members"]
        entries: dict[str, Any] = json.loads(json.dumps(given))
        return entries

"""What ensembles of trees share: one booster per channel, on an encoding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from nasbench_kit.encodings.features import matrix
from nasbench_kit.errors import NasbenchKitError, SettingError, TableError
from nasbench_kit.predictors.base import Data, Progress, silent
from nasbench_kit.predictors.settings import Setting, read_model, resolved, write_model
from nasbench_kit.spaces import DARTSSpace, NASBench101Space, NASBench201Space, NASBenchNLPSpace, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AUTO = "auto"
MOST_THREADS = 1_024
_CHUNK = 8_192  # architectures whose features are held in memory at a time
_FEWEST = 2  # architectures that a channel must be known of


def encoding_for(space: Space) -> str:
    """The encoding that trees read where the caller names none: what was best in trials.

    Histograms of neighborhoods help on NAS-Bench-101, where isomorphic cells are written in many ways, and harm on
    NAS-Bench-201, where paths with how often they occur say most. The graphs of DARTS have too many paths; there trees
    read the columns of NAS-Bench-301. Cells of NAS-Bench-NLP may have paths that no column was found for. A graph that
    is but a chain of the decisions says nothing that these do not.
    """
    if isinstance(space, DARTSSpace):
        return "configuration"
    if isinstance(space, NASBench201Space):
        return "path_counts"
    if isinstance(space, NASBench101Space):
        return "paths+adjacency+weisfeiler_lehman"
    if isinstance(space, NASBenchNLPSpace):
        return "one_hot+adjacency+weisfeiler_lehman"
    return "one_hot" if type(space).graph_many is Space.graph_many else "one_hot+paths+adjacency"


class Trees(ABC):
    """One booster per channel. See `Model` for the methods."""

    name: ClassVar[str]
    suffix: ClassVar[str]  #: of the files
    known: ClassVar[Mapping[str, Setting]]

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        self.space = space
        self.settings = resolved(self.name, self.known, settings)
        if self.settings["encoding"] == AUTO:
            self.settings["encoding"] = encoding_for(space)
        self._n_columns = matrix(space, space.sample_many(_rng(), 1), self.settings["encoding"]).shape[1]
        self._boosters: list[Any] = []

    @final
    def fit(self, train: Data, valid: Data, *, seed: int, progress: Progress = silent) -> None:
        """Learn from `train`; stop by `valid`, or train all rounds where it is empty. Same seed, same model."""
        import numpy as np

        n_channels = train.channels.shape[1]
        rounds = self.settings["rounds"]
        features = [matrix(self.space, data.archs, self.settings["encoding"]) for data in (train, valid)]
        made: list[Any] = [None] * n_channels
        known = ~np.isnan(train.channels), ~np.isnan(valid.channels)
        # channels that are known of the same architectures share what is computed from the features
        groups: dict[bytes, list[int]] = {}
        for channel in range(n_channels):
            groups.setdefault(b"".join(part[:, channel].tobytes() for part in known), []).append(channel)
        n_done = 0
        for channels in groups.values():
            rows = [part[:, channels[0]] for part in known]
            if rows[0].sum() < _FEWEST:
                raise SettingError(
                    f"{self.name}: channel {channels[0]} is known of {rows[0].sum()} architectures; "
                    f"at least {_FEWEST} expected"
                )
            parts = [part[which] for part, which in zip(features, rows, strict=True)]
            values = [data.channels[which][:, channels] for data, which in zip((train, valid), rows, strict=True)]
            start = n_done * rounds

            def tell(done: int, start: int = start) -> None:
                progress(start + done, n_channels * rounds)

            for channel, booster in zip(channels, self._train(parts, values, seed, tell), strict=True):
                made[channel] = booster
            n_done += len(channels)
        self._boosters = made
        progress(n_channels * rounds, n_channels * rounds)

    @final
    def predict(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The channels of a batch: (n_archs, n_channels)."""
        import numpy as np

        found = np.empty((len(archs), len(self._boosters)))
        for start in range(0, len(archs), _CHUNK):
            features = matrix(self.space, archs[start : start + _CHUNK], self.settings["encoding"])
            found[start : start + _CHUNK] = self.predict_features(features)
        return found

    @final
    def predict_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The same from the matrix of features, for several models that read one: (n_archs, n_channels)."""
        import numpy as np

        return np.stack([self._raw(booster, features) for booster in self._boosters], axis=1).astype(np.float64)

    @final
    def save(self, folder: Path) -> None:
        """Write `model.json`, and one file per channel in the booster's own format."""
        contents = map(self._to_bytes, self._boosters)
        files = dict(zip(self._names(len(self._boosters)), contents, strict=True))
        write_model(folder, self.name, self.settings, len(self._boosters), files)

    @final
    @classmethod
    def load(cls, space: Space, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            TableError: A file is absent or damaged.
        """
        settings, n_channels, contents = read_model(folder, cls.name, cls.known, cls._names)
        try:
            made = cls(space, settings)
        except NasbenchKitError as error:
            raise TableError(f"{str(folder)!r}: a model fitted to {space.name} expected: {error}") from None
        for name, content in zip(cls._names(n_channels), contents, strict=True):
            path = str(folder / name)
            booster, n_columns = made._from_bytes(path, content)
            if n_columns != made._n_columns:
                raise TableError(
                    f"{path!r} reads {n_columns} columns; {made.settings['encoding']!r} of {space.name} has "
                    f"{made._n_columns}"
                )
            made._boosters.append(booster)
        return made

    @classmethod
    def _names(cls, n_channels: int) -> list[str]:
        return [f"channel_{channel}.{cls.suffix}" for channel in range(n_channels)]

    @abstractmethod
    def _train(
        self,
        features: list[NDArray[np.float32]],
        values: list[NDArray[np.float64]],
        seed: int,
        tell: Any,
    ) -> list[Any]:
        """A booster for each column of `values`; train and valid stand in both lists."""

    @abstractmethod
    def _raw(self, booster: Any, features: NDArray[np.float32]) -> NDArray[Any]: ...

    @abstractmethod
    def _to_bytes(self, booster: Any) -> bytes: ...

    @abstractmethod
    def _from_bytes(self, path: str, content: bytes) -> tuple[Any, int]:
        """The booster, and how many columns it reads."""


def _rng() -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(0)

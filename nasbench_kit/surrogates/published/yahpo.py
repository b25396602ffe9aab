"""NAS-Bench-301 as YAHPO Gym has it: a network in an ONNX file, asked through onnxruntime.

Its two outputs are the validation accuracy (percent) and the seconds of training after an epoch from 1 to 98, both from
scratch. The seconds rise with the epoch from the fourth on; at the first epochs the network errs (after one it says
more than after two). So `cost_s` is what the file says from epoch 6 on, and before it that share of the sixth epoch's.

Source: Pfisterer et al. 2022 (YAHPO Gym), https://arxiv.org/abs/2109.03670; files: https://github.com/slds-lmu/yahpo_data,
folder `nb301` (Apache-2.0).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import DataError, ImportDataError, SurrogateError, listed
from nasbench_kit.formats.files import read_file
from nasbench_kit.formats.onnx import OnnxNetwork
from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.spaces.darts_forms import CELLS, COLUMNS, FIRST_EDGE, OPERATIONS, PAIR_AT, PAIRS, PREFIX, TRAINING
from nasbench_kit.surrogates.card import Card, make_card, sha256_of, write_card
from nasbench_kit.surrogates.surrogate import Ensemble, Outputs
from nasbench_kit.surrogates.targets import VALUE, Target
from nasbench_kit.tables.metric import Metric

EPOCHS = tuple(range(1, 99))
FIRST_SECONDS = 6  #: the epoch from which on the file's seconds are taken
MODEL, CODES, SPACE = "model.onnx", "encoding.json", "config_space.json"
_ABSENT = "#na#"
_COLON = "_COLON_"
_CHUNK = 2_048  # rows, architectures times epochs, at once


@final
class Yahpo(Ensemble):
    """Ask YAHPO's network, which knows choices by numbers of its own.

    Args:
        folder: With `model.onnx`, `encoding.json` and `config_space.json`.

    Raises:
        SurrogateError: A file is absent, damaged, or none of NAS-Bench-301's.
        SettingError: The package onnxruntime is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        self._space = DARTSSpace()
        self._codes = self._read_codes()
        where = os.path.join(self.folder, MODEL)
        try:
            self._network = OnnxNetwork(_content(folder, MODEL), where)
        except DataError as error:
            raise SurrogateError(str(error)) from None
        reads, gives = self._network.inputs, self._network.outputs
        if reads != {"x_cat": len(self._codes), "x_cont": 1} or gives != [2]:
            raise SurrogateError(
                f"{where!r} reads {reads}; YAHPO's network of NAS-Bench-301 reads {len(self._codes)} numbers x_cat and"
                " one x_cont, and gives two"
            )

    def curves(
        self, archs: NDArray[np.uint8], epochs: Sequence[int] = EPOCHS
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ask the network for validation accuracy (fraction) and seconds from scratch, (n_archs, n_epochs) each.

        Raises:
            SurrogateError: The network fails, or says what is no number.
        """
        codes = self._rows(archs)
        at = np.array(epochs, np.float32)
        found = np.empty((len(codes), len(at), 2))
        step = max(1, _CHUNK // len(at))
        for start in range(0, len(codes), step):
            some = codes[start : start + step]
            try:
                said = self._network.run(x_cat=np.repeat(some, len(at), axis=0), x_cont=np.tile(at, len(some))[:, None])
            except DataError as error:
                raise SurrogateError(str(error)) from None
            found[start : start + step] = said.reshape(len(some), len(at), 2)
        return found[..., 0] / 100, found[..., 1]

    def outputs(self, archs: NDArray[np.uint8]) -> Outputs:
        """Take the values at all epochs as outputs: (n_archs, 1, n_values), and none of noise."""
        made = np.empty((len(archs), 1, 2 * len(EPOCHS) - FIRST_SECONDS + 1))
        for row, arch in enumerate(archs):  # one by one: sums over a batch of another size may differ in the last bits
            accuracy, seconds = self.curves(arch[None])
            made[row, 0] = np.concatenate([accuracy[0], seconds[0, FIRST_SECONDS - 1 :]])
        return made, np.zeros((len(archs), 0))

    def _rows(self, archs: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Encode each architecture by numbers: (n_archs, 34)."""
        vectors = self._space.vector(archs).astype(np.int64)
        return np.stack([codes[vectors[:, column] + 1] for column, codes in self._codes], axis=1)

    def _read_codes(self) -> list[tuple[int, NDArray[np.int64]]]:
        """Read for each input its column of NAS-Bench-301's vector, and the number of each choice, from -1 on."""
        where = os.path.join(self.folder, CODES)
        entries = _json(self.folder, CODES)
        wanted = {name for name in COLUMNS if name not in TRAINING}
        names = {name.replace(_COLON, ":"): name for name in entries}
        if set(names) != wanted:
            odd = sorted(set(names) ^ wanted)
            raise SurrogateError(
                f"{where!r} is not of the 34 decisions of NAS-Bench-301: {listed(odd, 3)} too many or too few"
            )
        found = []
        for name, official in names.items():
            choices = [_ABSENT, *_choices(name)]
            table = entries[official]
            if not isinstance(table, dict) or sorted(table) != sorted(choices):
                raise SurrogateError(f"{where!r}: {name} has the choices {table!r:.60}; {listed(choices)} expected")
            codes = [table[choice] for choice in choices]
            if sorted(codes, key=str) != sorted(range(len(codes)), key=str):
                raise SurrogateError(f"{where!r}: {name} has the numbers {codes!r:.60}; 0 to {len(codes) - 1} expected")
            found.append((COLUMNS.index(name), np.array(codes, np.int64)))
        return found


def load(folder: str, card: Card) -> Yahpo:
    """Load the predictor of a surrogate.

    Raises:
        SurrogateError: A file is damaged, or none of those that the card names.
    """
    for name in (MODEL, CODES, SPACE):
        if name not in card.files:
            raise SurrogateError(f"the card of {folder!r} does not name {name!r} among its files")
    return Yahpo(folder)


def _choices(name: str) -> tuple[str, ...]:
    return tuple(f"{a}_{b}" for a, b in PAIRS[int(name[-1])]) if "inputs_node" in name else OPERATIONS


# ---- files ----


def find(folder: Path) -> Path | None:
    """Find YAHPO's network in a folder, beside which its other files lie; None if it is another folder.

    Raises:
        ImportDataError: It is one, but it is not clear which network is meant.
    """
    if not all((folder / name).is_file() for name in (CODES, SPACE)):
        return None
    models = [path for path in sorted(folder.glob("*.onnx")) if "noisy" not in path.name]
    if len(models) != 1:
        names = listed(path.name for path in models) or "none"
        raise ImportDataError(f"{str(folder)!r} should have one network .onnx beside {CODES}; it has {names}")
    return models[0]


def write(network: Path, folder: Path, name: str) -> None:
    """Make a surrogate of YAHPO's network, and the files beside it, in a folder that exists.

    Raises:
        SurrogateError: One is damaged, or not of NAS-Bench-301.
    """
    for source, to in ((network.name, MODEL), (CODES, CODES), (SPACE, SPACE)):
        (folder / to).write_bytes(_content(network.parent, source))
    _check_space(folder)
    Yahpo(folder).outputs_of((0,) * DARTSSpace().n_decisions)  # it runs
    n, late = len(EPOCHS), FIRST_SECONDS - 1
    seconds = np.eye(n)[late:]
    seconds[0, :late] = np.arange(1, FIRST_SECONDS) / FIRST_SECONDS
    targets = tuple(
        Target("cifar10", metric, VALUE, "identity", np.zeros(n), basis, np.zeros((0, 0)))
        for metric, basis in (("val_accuracy", np.eye(n)), ("cost_s", seconds))
    )
    files = {file: sha256_of(folder / file) for file in (MODEL, CODES, SPACE)}
    card = make_card(
        name=name,
        space=DARTSSpace(),
        predictor={"kind": "yahpo"},
        n_members=1,
        objectives={"cifar10": "val_accuracy"},
        metrics={"cifar10": {key: Metric.from_name(key, (), EPOCHS) for key in ("val_accuracy", "cost_s")}},
        targets=targets,
        files=files,
        about={
            "title": "NAS-Bench-301 in YAHPO Gym: one network for accuracy and runtime at epochs 1 to 98",
            "licence": "Apache-2.0",
            "citation": "Pfisterer et al. 2022, https://arxiv.org/abs/2109.03670;"
            " Zela, Siems et al. 2022, https://arxiv.org/abs/2008.09777",
            "sources": [
                {"file": f"nb301/{file}", "url": "https://github.com/slds-lmu/yahpo_data", "sha256": sha256}
                for file, sha256 in files.items()
            ],
            "notes": [
                "a surrogate of runs that are not in the file: no noise is known, a query always gives the same",
                f"cost_s before epoch {FIRST_SECONDS} is a share of that at epoch {FIRST_SECONDS}, where the network's"
                " own seconds fall with the epoch",
            ],
        },
        fitted={"command": "surrogate import", "by": "the authors of YAHPO Gym"},
    )
    write_card(folder, card)


def _check_space(folder: Path) -> None:
    """Refuse a space that has other decisions, or edges that depend on other inputs, than ours."""
    where = f"{SPACE!r} of YAHPO's"
    entries = _json(folder, SPACE)
    try:
        choices = {entry["name"].replace(_COLON, ":"): entry.get("choices") for entry in entries["hyperparameters"]}
        needs = {
            (entry["child"].replace(_COLON, ":"), entry["parent"].replace(_COLON, ":")): frozenset(entry["values"])
            for entry in entries["conditions"]
        }
        n_forbidden = len(entries["forbiddens"])
    except (KeyError, TypeError, AttributeError) as error:
        raise SurrogateError(f"{where} is not in the form of ConfigSpace: {type(error).__name__} {error}") from None
    wanted = {name: _choices(name) for name in COLUMNS if name not in TRAINING}
    if {name: tuple(found or ()) for name, found in choices.items() if name != "epoch"} != wanted or n_forbidden:
        raise SurrogateError(f"{where} does not have the 34 decisions of NAS-Bench-301, or not their choices")
    conditions = {
        (f"{PREFIX}edge_{cell}_{FIRST_EDGE[node] + source}", f"{PREFIX}inputs_node_{cell}_{node}"): frozenset(
            f"{a}_{b}" for a, b in PAIRS[node] if source in (a, b)
        )
        for cell in CELLS
        for node in PAIR_AT
        for source in range(node)
    }
    if needs != conditions:
        raise SurrogateError(f"{where} makes edges depend on other inputs than NAS-Bench-301 does")


def _content(folder: str | os.PathLike[str], name: str) -> bytes:
    path = os.path.join(folder, name)
    try:
        return read_file(path)
    except ImportDataError as error:
        raise SurrogateError(str(error)) from None
    except OSError as error:
        raise SurrogateError(f"cannot read {path!r}: {error.strerror or error}") from None


def _json(folder: str | os.PathLike[str], name: str) -> Mapping[str, Any]:
    where, content = repr(os.path.join(folder, name)), _content(folder, name)
    try:
        read = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SurrogateError(f"{where} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise SurrogateError(f"{where} holds a {type(read).__name__}; an object expected")
    return read

"""What neural networks share: how they are trained in torch, asked, and kept as safetensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError, SurrogateError
from nasbench_kit.formats.safetensors import read_tensors, write_tensors
from nasbench_kit.optional import require
from nasbench_kit.predictors.base import Data, Predictor, Progress, silent
from nasbench_kit.predictors.settings import Setting, read_model, resolved, write_model
from nasbench_kit.spaces import Space

WEIGHTS_FILE = "weights.safetensors"
GAUSSIAN, L2, L1 = LOSSES = ("gaussian", "l2", "l1")
OPTIMIZERS = ("adamw", "adam")
CPU, CUDA, AUTO = DEVICES = ("cpu", "cuda", "auto")
SINGLE, DOUBLE = PRECISIONS = ("single", "double")

SHARED: dict[str, Setting] = {
    "epochs": Setting(60, 1, 100_000),
    "batch_size": Setting(256, 2, 65_536),  # at most; see `_batch_size`
    "learning_rate": Setting(2e-3, 1e-7, 1.0),
    "warmup": Setting(0.1, 0.0, 0.9),  # share of all steps in which the learning rate rises
    "weight_decay": Setting(0.02, 0.0, 10.0),
    "optimizer": Setting("adamw", choices=OPTIMIZERS),
    "loss": Setting(GAUSSIAN, choices=LOSSES),
    "device": Setting(CPU, choices=DEVICES),
    "precision": Setting(DOUBLE, choices=PRECISIONS),  # of predictions; training is in single
    "threads": Setting(1, 1, 1_024),
}
_FEWEST_STEPS = 32  # per epoch, where there are so many architectures
_SMALLEST_BATCH = 16
_ASKED = 128  # architectures predicted together: what they need stays in the processor's cache
_KEPT = 1 << 28  # bytes of inputs that are kept while training; more are computed again for each batch

Inputs = tuple[NDArray[Any], ...]


class Neural(Predictor, ABC):
    """A network trained by stochastic gradient descent. See `Predictor` for the methods.

    The loss leaves out outputs that are NaN. "gaussian" learns for each output how uncertain it is, by the beta-NLL
    of Seitzer et al. 2022 with beta = 1/2, so that what is mostly noise counts less; only the means are predicted.
    Kept are the weights of the epoch that is best on the validation data.
    """

    needs = (("torch", "torch"), ("safetensors", "fit"))

    def __init__(self, space: Space, settings: Mapping[str, Any]) -> None:
        self.space = space
        self.settings = resolved(self.name, self.known, settings)
        self._net: Any = None
        self._n_outputs = 0

    # ---- what a kind of network says ----

    @abstractmethod
    def _inputs(self, archs: NDArray[np.uint8]) -> Inputs:
        """Compute what the network reads of architectures, as compact as can be; the first axis of all is theirs."""

    @abstractmethod
    def _build(self, n_outputs: int) -> Any:
        """Build a new torch module, that takes the inputs as tensors and gives (n_archs, n_outputs)."""

    def _prepare(self, train: Data) -> None:
        """Look at the training data before the network is built."""

    def _fixed(self) -> dict[str, NDArray[Any]]:
        """Return what is kept beside the weights."""
        return {}

    def _restore(self, fixed: dict[str, NDArray[Any]]) -> None:
        """Take back what `_fixed` gave, out of the dictionary, before the network is built."""

    # ---- the interface ----

    @final
    def fit(self, train: Data, valid: Data, *, seed: int, progress: Progress = silent) -> None:
        """Learn from `train`; keep the epoch that is best on `valid`, or the last where it is empty."""
        torch = require("torch", extra="torch")
        known = ~np.isnan(train.outputs)
        if len(known) < 2 or not known.any(axis=0).all():  # batch normalization needs two
            raise SettingError(f"{self.name}: {len(known)} architectures; two, and each output known of one, expected")
        self._prepare(train)
        self._n_outputs = train.outputs.shape[1]
        with _quiet(torch, self.settings["threads"], seed):
            self._net = self._trained(torch, train, valid, progress)

    @final
    def predict(self, archs: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Predict the outputs of a batch: (n_archs, n_outputs)."""
        torch = require("torch", extra="torch")
        device = _device(torch, self.settings["device"])
        dtype = torch.float32 if self.settings["precision"] == SINGLE else torch.float64
        net = self._net.to(device, dtype).eval()
        found = np.empty((len(archs), self._n_outputs))
        with _quiet(torch, self.settings["threads"]), torch.inference_mode():
            for start in range(0, len(archs), _ASKED):
                inputs = self._inputs(archs[start : start + _ASKED])
                outputs = net(*_tensors(torch, inputs, device, dtype))[:, : self._n_outputs]
                found[start : start + _ASKED] = outputs.cpu().numpy()
        return found

    @final
    def save(self, folder: Path) -> None:
        """Write `model.json` and `weights.safetensors`."""
        state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in self._state()}
        weights = {name: tensor.cpu().numpy() for name, tensor in state.items()}
        write_tensors(folder / WEIGHTS_FILE, weights | self._fixed())
        files = {WEIGHTS_FILE: (folder / WEIGHTS_FILE).read_bytes()}
        write_model(folder, self.name, self.settings, self._n_outputs, files)

    @final
    @classmethod
    def load(cls, space: Space, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            SurrogateError: A file is absent or damaged.
        """
        made, n_outputs, _ = read_model(cls, space, folder, lambda _: [WEIGHTS_FILE])
        made._n_outputs = n_outputs
        path = folder / WEIGHTS_FILE
        tensors = read_tensors(path)
        torch = require("torch", extra="torch")
        try:
            made._restore(tensors)
            with torch.device("meta"):  # no memory for weights that a damaged file may claim to have
                made._net = made._build(made._width())
        except (KeyError, ValueError) as error:
            raise SurrogateError(f"{str(path)!r} does not fit its model: {error}") from None
        wanted = {name: (tuple(tensor.shape), tensor.is_floating_point()) for name, tensor in made._state()}
        there = {name: (array.shape, array.dtype.kind == "f") for name, array in tensors.items()}
        if wanted != there:
            wrong = min(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
            got, right = (found.get(wrong, ("absent",))[0] for found in (there, wanted))
            raise SurrogateError(f"{str(path)!r}: tensor {wrong!r:.80} is {got}; {right} expected")
        if not all(np.isfinite(array).all() for array in tensors.values()):
            raise SurrogateError(f"{str(path)!r} holds weights that are not finite")
        made._net.load_state_dict({name: torch.tensor(array) for name, array in tensors.items()}, assign=True)
        return made

    # ---- training ----

    def _width(self) -> int:
        return self._n_outputs * (2 if self.settings["loss"] == GAUSSIAN else 1)

    def _state(self) -> Any:
        return self._net.state_dict().items()

    def _trained(self, torch: Any, train: Data, valid: Data, progress: Progress) -> Any:
        settings = self.settings
        device = _device(torch, settings["device"])
        net = self._build(self._width()).to(device)
        adam = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[settings["optimizer"]]
        optimizer = adam(net.parameters(), settings["learning_rate"], weight_decay=settings["weight_decay"])
        n = len(train.archs)
        size = _batch_size(n, settings["batch_size"])
        epochs = settings["epochs"]
        n_steps = epochs * (n // size) + 1
        warmup = settings["warmup"] if settings["warmup"] * n_steps != 1 else 0.0  # torch divides by a rise of no steps
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["learning_rate"], n_steps, pct_start=warmup)
        take = self._taker(torch, train.archs, device)
        values = torch.tensor(train.outputs, dtype=torch.float32, device=device)
        best, kept = float("inf"), None
        for epoch in range(epochs):
            net.train()
            # batches of one size: the last architectures of the order wait for the next epoch's
            for rows in torch.randperm(n)[: n // size * size].split(size):
                loss = _loss(torch, settings["loss"], net(*take(rows)), values[rows.to(device)])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            error = self._error(torch, net, valid, device)
            if error < best:
                best, kept = error, {name: tensor.clone() for name, tensor in net.state_dict().items()}
            progress(epoch + 1, epochs)
        if kept is not None:
            net.load_state_dict(kept)
        if not all(tensor.isfinite().all() for tensor in net.state_dict().values()):
            raise SettingError(
                f"{self.name}: training diverged; choose a lower learning_rate than {settings['learning_rate']:g}"
            )
        return net

    def _taker(self, torch: Any, archs: NDArray[np.uint8], device: Any) -> Callable[[Any], list[Any]]:
        """Make a function from rows to the inputs of these architectures."""
        per_arch = sum(part.nbytes for part in self._inputs(archs[:1]))
        if per_arch * len(archs) > _KEPT:
            return lambda rows: _tensors(torch, self._inputs(archs[rows.numpy()]), device, torch.float32)
        kept = self._inputs(archs)
        return lambda rows: _tensors(torch, tuple(part[rows.numpy()] for part in kept), device, torch.float32)

    def _error(self, torch: Any, net: Any, valid: Data, device: Any) -> float:
        """Compute the mean squared error on validation data; infinity where there are none: the last epoch stays."""
        net.eval()
        total, n_known = 0.0, 0
        with torch.inference_mode():
            for start in range(0, len(valid.archs), _ASKED):
                inputs = self._inputs(valid.archs[start : start + _ASKED])
                outputs = net(*_tensors(torch, inputs, device, torch.float32))[:, : self._n_outputs]
                values = torch.tensor(valid.outputs[start : start + _ASKED], device=device)
                known = ~values.isnan()
                total += float(((outputs - values)[known] ** 2).sum())
                n_known += int(known.sum())
        return total / n_known if n_known else float("inf")


def _loss(torch: Any, kind: str, outputs: Any, values: Any) -> Any:
    known = ~values.isnan()
    values = values.nan_to_num()
    means = outputs[:, : values.shape[1]]
    if kind == L1:
        each = (means - values).abs()
    elif kind == L2:
        each = (means - values) ** 2
    else:
        log_sd = outputs[:, values.shape[1] :].clamp(-4, 3)
        each = ((means - values) ** 2 * torch.exp(-2 * log_sd) / 2 + log_sd) * torch.exp(log_sd).detach()
    return (each * known).sum() / known.sum().clamp(min=1)


def _batch_size(n: int, most: int) -> int:
    """Take smaller batches of few architectures, so that an epoch has some steps."""
    return min(most, max(_SMALLEST_BATCH, n // _FEWEST_STEPS), n)


def _tensors(torch: Any, inputs: Inputs, device: Any, dtype: Any) -> list[Any]:
    """Whole numbers of 16 bits are positions, which torch wants in 64; all else is numbers of the given precision."""
    return [
        torch.from_numpy(part).to(device, torch.int64 if part.dtype == np.int16 else dtype, non_blocking=True)
        for part in inputs
    ]


def _device(torch: Any, name: str) -> Any:
    if name == AUTO:
        name = CUDA if torch.cuda.is_available() else CPU
    if name == CUDA and not torch.cuda.is_available():
        raise SettingError("device='cuda', but torch finds none; choose 'cpu' or 'auto'")
    return torch.device(name)


@contextmanager
def _quiet(torch: Any, threads: int, seed: int | None = None) -> Iterator[None]:
    """Leave the caller's number of threads, and random numbers, as they were."""
    before = torch.get_num_threads()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)

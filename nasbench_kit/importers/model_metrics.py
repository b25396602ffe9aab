"""The protocol buffers in the records of NAS-Bench-101 and of EC-NAS, decoded in batches.

Both hold three evaluations of one training run: before training, on the way, and at its end. EC-NAS's also say how much
energy the training took.

Source: google-research/nasbench, `lib/model_metrics.proto`; PedramBakh/EC-NAS-Bench,
`ecnas/vendors/ec_nasbench/nasbench/lib/model_metrics_energy.proto`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import ImportDataError
from nasbench_kit.formats.protobuf import BYTES, FIXED64, VARINT, fields
from nasbench_kit.formats.tfrecord import RecordError

EVALUATIONS = 3
MEASURED = ("epoch", "cost_s", "train_accuracy", "val_accuracy", "test_accuracy")  # fields 1 to 5 of an evaluation

_INTENSITY = "carbon_intensity_g_per_kwh"
_ENERGY = {6: "energy_kwh", 7: "co2eq_g", 8: _INTENSITY}  # of each evaluation
_PREDICTED = {11: "energy_kwh", 12: "co2eq_g", 13: "cost_s", 14: _INTENSITY}  # of the last
_WHOLE = {3: "total_time_s", 4: "energy_kwh[total]", 5: "co2eq_g[total]", 8: f"{_INTENSITY}[total]"}
_DEVICES = {1: "gpu", 2: "cpu"}
_POWER = {1: "power_w", 2: "energy_j"}
EXTRA = (
    *(f"{name}[midway]" for name in _ENERGY.values()),
    *_ENERGY.values(),
    *(f"{name}[predicted]" for name in _PREDICTED.values()),
    *_WHOLE.values(),
    *(f"{name}[{device}]" for device in _DEVICES.values() for name in _POWER.values()),
)
"""What only EC-NAS records; `[midway]` is the second of the three evaluations."""
_EXTRA_AT = {name: i for i, name in enumerate(EXTRA)}


class Messages(NamedTuple):
    """What a batch of n messages says."""

    measured: NDArray[np.float64]  #: (n, EVALUATIONS, 5): `MEASURED`
    params: NDArray[np.int64]  #: (n,): trainable parameters
    extra: NDArray[np.float64] | None  #: (n, len(EXTRA)), NaN where absent; None for NAS-Bench-101


# How the release's own writer lays a message out: evaluations of 45 bytes with all five numbers, the parameters in
# three or four bytes, the total time.
_EVALUATION = [("head", "<u2"), *((name, [("tag", "u1"), ("value", "<f8")]) for name in MEASURED)]
_USUAL = {
    n_bytes: np.dtype(
        [
            ("evaluation", _EVALUATION, (EVALUATIONS,)),
            ("params_tag", "u1"),
            ("params", "u1", (n_bytes,)),
            ("total_tag", "u1"),
            ("total", "<f8"),
        ]
    )
    for n_bytes in (3, 4)
}
_USUAL_SIZES = {dtype.itemsize: dtype for dtype in _USUAL.values()}
_HEAD = 45 << 8 | 1 << 3 | BYTES
_PARAMS_TAG, _TOTAL_TAG = 2 << 3 | VARINT, 3 << 3 | FIXED64


def decode(messages: Sequence[bytes]) -> Messages:
    """The numbers in a batch of messages.

    Raises:
        RecordError: One of them is damaged, or lacks a number that NAS-Bench-101 has.
    """
    measured = np.empty((len(messages), EVALUATIONS, len(MEASURED)))
    params = np.empty(len(messages), np.int64)
    sizes = np.fromiter(map(len, messages), np.int64, len(messages))
    unusual = np.ones(len(messages), np.bool_)
    for size, dtype in _USUAL_SIZES.items():
        positions = np.flatnonzero(sizes == size)
        if not len(positions):
            continue
        found = np.frombuffer(b"".join([messages[i] for i in positions.tolist()]), dtype)
        evaluations = found["evaluation"]
        usual = (found["params_tag"] == _PARAMS_TAG) & (found["total_tag"] == _TOTAL_TAG)
        usual &= (evaluations["head"] == _HEAD).all(axis=1)
        for number, name in enumerate(MEASURED, 1):
            usual &= (evaluations[name]["tag"] == number << 3 | FIXED64).all(axis=1)
            measured[positions, :, number - 1] = evaluations[name]["value"]
        digits = found["params"].astype(np.int64)
        usual &= (digits[:, :-1] >= 0x80).all(axis=1) & (digits[:, -1] < 0x80)
        params[positions] = (digits & 0x7F) @ (1 << 7 * np.arange(digits.shape[1]))
        unusual[positions] = ~usual
    slow = np.flatnonzero(unusual).tolist()
    extra = np.full((len(messages), len(EXTRA)), np.nan) if slow else None
    any_extra = False
    for i in slow:
        assert extra is not None
        try:
            any_extra |= _decode_one(messages[i], measured[i], params[i : i + 1], extra[i])
        except ImportDataError as error:
            raise RecordError(i, str(error)) from None
    return Messages(measured, params, extra if any_extra else None)


def _decode_one(
    message: bytes, measured: NDArray[np.float64], params: NDArray[np.int64], extra: NDArray[np.float64]
) -> bool:
    """Decode a message of any layout into the given rows; whether it is one of EC-NAS's."""
    found: list[bytes] = []
    n_params, energy = None, False
    for number, wire, value in fields(message):
        if (number, wire) == (1, BYTES):
            found.append(value)
        elif (number, wire) == (2, VARINT):
            n_params = value
        elif wire == FIXED64 and number in _WHOLE:
            _set(extra, _WHOLE[number], value)
            energy |= number != 3  # NAS-Bench-101 has the total time too
        elif (number, wire) == (9, BYTES):
            _add_power(value, extra)
            energy = True
    if len(found) != EVALUATIONS:
        raise ImportDataError(f"holds {len(found)} evaluations; {EVALUATIONS} expected")
    if n_params is None or n_params >= 1 << 31:
        raise ImportDataError(f"says {n_params} trainable parameters; a number below 2^31 expected")
    params[0] = n_params
    for i, evaluation in enumerate(found):
        energy |= _decode_evaluation(evaluation, i, measured[i], extra)
    return energy


def _set(extra: NDArray[np.float64], name: str, value: float) -> None:
    if not 0 <= value < np.inf:
        raise ImportDataError(f"says {value} for {name}; a finite amount expected")
    extra[_EXTRA_AT[name]] = value


def _decode_evaluation(evaluation: bytes, i: int, measured: NDArray[np.float64], extra: NDArray[np.float64]) -> bool:
    doubles = {number: value for number, wire, value in fields(evaluation) if wire == FIXED64}
    for number, name in enumerate(MEASURED, 1):
        if number not in doubles:
            raise ImportDataError(f"has in evaluation {i} no field {number} ({name}) of type double")
        measured[number - 1] = doubles[number]
    last = i == EVALUATIONS - 1
    for number, name in _ENERGY.items():
        if number in doubles and i > 0:
            _set(extra, name if last else f"{name}[midway]", doubles[number])
    for number, name in _PREDICTED.items():
        if number in doubles and last:
            _set(extra, f"{name}[predicted]", doubles[number])
    return not doubles.keys().isdisjoint({*_ENERGY, *_PREDICTED})


def _add_power(message: bytes, extra: NDArray[np.float64]) -> None:
    """Average power and energy of each kind of device, summed over the devices."""
    usages = [
        (f"{_POWER[number]}[{_DEVICES[device]}]", usage)
        for device, wire, of_device in fields(message)
        if wire == BYTES and device in _DEVICES
        for number, wire_of_usage, usage in fields(of_device)
        if wire_of_usage == BYTES and number in _POWER
    ]
    for name, usage in usages:
        for number, wire, value in fields(usage):
            if (number, wire) == (1, FIXED64):
                so_far = extra[_EXTRA_AT[name]]
                _set(extra, name, value if np.isnan(so_far) else so_far + value)

"""Which architectures of a table are learned from, which stop the learning, and which are never touched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError, listed
from nasbench_kit.predictors.splits import fold, held_out, position
from nasbench_kit.tables import Table

HASH = "hash"
OFFICIAL = "official"  # the lists named "default"
_FOLDS = 10  # of a single member, which stops by one of them
_TRAIN_SHARE = 2  # salt of the hash that thins out what is learned from


class Split(NamedTuple):
    """Say where each architecture of a table belongs, in the order of its rows."""

    test: NDArray[np.bool_]  #: never touched by fitting
    train: NDArray[np.bool_]  #: learned from, or stopped by; a part of the rest
    folds: NDArray[np.int64]  #: the fold of each, from 0; -1 for those that every member learns from
    n_folds: int
    rule: dict[str, Any]  #: how to redo it, for the card

    def validates(self, member: int) -> NDArray[np.bool_]:
        """Say which architectures a member stops by."""
        return self.train & (self.folds == member % self.n_folds)

    def learns(self, member: int) -> NDArray[np.bool_]:
        """Say which architectures a member learns from."""
        return self.train & (self.folds != member % self.n_folds)


def split_table(
    table: Table, *, split: str = HASH, test_share: float = 0.2, train_share: float = 1.0, n_members: int = 10
) -> Split:
    """Divide the architectures of a table into what is learned from, what stops it, and what is held out.

    Args:
        table: Which.
        split: "hash" decides by a hash of each architecture, isomorphic ones alike. Otherwise the name of lists of
            training, validation and test runs that came with the data, kept as the metric `split[NAME]`; "official"
            are those named default. An architecture that has a test run is held out whole.
        test_share: Held out, of all; for "hash" alone.
        train_share: Used, of the rest, again by hash.
        n_members: As many folds, for "hash"; one member has 10. With lists, all members stop by the validation runs.

    Raises:
        SettingError: A share is out of range, or the table has no such lists.
    """
    if not 0 < train_share <= 1:
        raise SettingError(f"train_share={train_share!r}; above 0 and at most 1 expected")
    space, archs = table.space, table.archs()
    used = position(space, archs, _TRAIN_SHARE) < train_share
    rule: dict[str, Any] = {"split": split, "train_share": train_share}
    if split != HASH:
        codes = _listed(table, split)
        rule["rule"] = (
            f"by the lists of runs in split[{_name(split)}] of the table: held out is what has a test run; members"
            " differ by their seeds and stop by what else has a validation run"
        )
        return Split(codes == 2, used & (codes < 2), np.where(codes == 1, 0, -1), 1, rule)
    n_folds = n_members if n_members > 1 else _FOLDS
    test = held_out(space, archs, test_share)
    rule |= {
        "test_share": test_share,
        "n_folds": n_folds,
        "rule": (
            "held out is where nasbench_kit.predictors.splits.position(space, archs) < test_share; member k stops by"
            f" fold(space, archs, {n_folds}) == k and learns from the rest"
        ),
    }
    if train_share < 1:
        rule["rule"] += f"; both only where position(space, archs, salt={_TRAIN_SHARE}) < train_share"
    return Split(test, ~test & used, fold(space, archs, n_folds), n_folds, rule)


def restricted(split: Split, train_only: NDArray[np.bool_]) -> Split:
    """Learn from some architectures only, as a list says: bool (n_archs,).

    Raises:
        SettingError: It is no such list.
    """
    if train_only.dtype != bool or train_only.shape != split.train.shape:
        raise SettingError(
            f"train_only: {train_only.dtype} of shape {train_only.shape}; bool of shape {split.train.shape} expected"
        )
    rule = split.rule | {"train_only": hashlib.sha256(np.packbits(train_only).tobytes()).hexdigest()}
    rule["rule"] += f"; learned from were only {int(train_only.sum()):,} chosen architectures, by a list"
    return split._replace(train=split.train & train_only, rule=rule)


def check_split(split: Split, rows: NDArray[np.intp], n_members: int) -> None:
    """Refuse a split that leaves a member too little to learn from, or to stop by, of these rows of the table."""
    for k in range(n_members):
        n_valid, n_train = (int(part[rows].sum()) for part in (split.validates(k), split.learns(k)))
        if n_valid < 1 or n_train < 2:
            raise SettingError(
                f"member {k} would learn from {n_train} architectures and stop by {n_valid}: too few of"
                f" {len(rows):,}; take fewer members, or hold out less"
            )


def split_again(table: Table, rule: Mapping[str, Any]) -> Split:
    """Divide this table, or another of its space, as the card of a surrogate says: `card.fitted["split"]`."""
    known = {name: rule[name] for name in ("split", "test_share", "train_share") if name in rule}
    return split_table(table, **known, n_members=rule.get("n_folds", 1))


def _name(split: str) -> str:
    return "default" if split == OFFICIAL else split


def _listed(table: Table, split: str) -> NDArray[np.float64]:
    """Read the lists of a split: 0 train, 1 validation, 2 test; of several the last; NaN for none."""
    metric = f"split[{_name(split)}]"
    found: list[NDArray[np.float64]] = []
    for dataset in table.datasets:
        if metric in table.metrics(dataset):
            found.extend(table.runs(dataset, metric).reshape(-1, table.n_archs))
    if not found:
        there = {name for dataset in table.datasets for name in table.metrics(dataset) if name.startswith("split[")}
        known = [name[len("split[") : -1].replace("default", OFFICIAL) for name in sorted(there)]
        raise SettingError(f"table {table.name!r} has no split {split!r}; choose from {listed([HASH, *known])}")
    codes = np.stack(found)
    codes[np.isnan(codes)] = -1
    last = codes.max(axis=0)
    return np.where(last < 0, np.nan, last)

"""Which architectures of a table a surrogate is evaluated on: held out, learned from, or all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench_kit.errors import SettingError, unknown
from nasbench_kit.surrogates.fitting.split import split_again

if TYPE_CHECKING:
    from nasbench_kit.surrogates.card import Card
    from nasbench_kit.tables import Table

SPLITS = ("test", "val", "train", "all")


def rows_of(card: Card, table: Table, split: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None, str]:
    """Say which architectures of a table are in a split, which members validate each, if not all, and what it means."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    rule, same = fitted_rule(card), fitted_to(card, table)
    every = np.ones(table.n_archs, bool)
    other = "the surrogate was fitted to other data than this table"
    if split == "all":
        return every, None, "all architectures, those that it was fitted to among them" if same else f"all: {other}"
    if not same and split != "test":
        raise SettingError(f"there is no {split} split: {other}; choose from test, all")
    if not rule:
        if same:
            raise SettingError(
                f"the card of {card.name!r} does not say what was held out; only split all can be evaluated"
            )
        return every, None, f"all: {other}, and its card does not say which architectures were held out"
    try:
        parts = split_again(table, rule)
    except SettingError:  # the lists that it was split by did not come with this table
        if same:
            raise
        return every, None, f"all: {other}, and which architectures were held out is known for that only"
    if split == "test":
        if not parts.test.any():
            raise SettingError(f"of table {table.name!r} nothing was held out for testing; choose split val or all")
        held = f"held out by the rule of the card ({_rule_in_words(rule)})"
        return parts.test, None, held if same else f"{held}; {other}"
    if "train_only" in rule:
        raise SettingError(f"{card.name!r} was fitted to chosen architectures only: choose split test or all")
    if split == "train":
        return parts.train, None, "fitted to these: shows how closely it follows them, not how good it is"
    if card.predictor.get("kind") != "members":
        raise SettingError(
            f"{card.name!r} has no val split: only members that were kept one by one can be evaluated by what each"
            " stopped by; choose split test"
        )
    validates = np.stack([parts.validates(member) for member in range(card.n_members)])
    any_member: NDArray[np.bool_] = np.logical_or.reduce(validates)
    return any_member, validates, "each by the members that stopped by it and did not learn from it"


def fitted_to(card: Card, table: Table) -> bool:
    """Say whether a surrogate, or the one that it was distilled from, was fitted to this table."""
    tables = (fitted.get("table") for fitted in _history(card))
    return any(isinstance(one, Mapping) and one.get("sha256") == table.sha256 for one in tables)


def fitted_rule(card: Card) -> Mapping[str, Any] | None:
    """Find how the architectures were divided when a surrogate, or the one that it was distilled from, was fitted."""
    for fitted in _history(card):
        rule = fitted.get("split")
        if isinstance(rule, Mapping):
            return rule
    return None


def _history(card: Card) -> list[Mapping[str, Any]]:
    """List how it was fitted, and its teacher before it."""
    found: list[Mapping[str, Any]] = []
    fitted: Any = card.fitted
    while isinstance(fitted, Mapping):
        found.append(fitted)
        teacher = fitted.get("teacher")
        fitted = teacher.get("fitted") if isinstance(teacher, Mapping) else None
    return found


def _rule_in_words(rule: Mapping[str, Any]) -> str:
    if rule.get("split", "hash") == "hash":
        return f"{100 * float(rule['test_share']):g} % by hash"
    return f"lists split[{rule['split']}]"

"""Surrogates whose members are boosters: read as files of others are, and asked by several threads."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest

from nasbench_kit.errors import SurrogateError
from nasbench_kit.spaces import ChoiceSpace
from nasbench_kit.surrogates import Surrogate, fit
from nasbench_kit.surrogates.card import make_card, read_card, sha256_of, write_card

SPACE = ChoiceSpace("letters", {f"d{i}": tuple("abcd") for i in range(4)})
ARCHS = SPACE.all_archs()


@pytest.fixture(scope="module")
def table(make_table, stored):
    values = 0.5 + 0.1 * ARCHS @ np.array([1, 0.5, 0.2, 0.1]) / 2
    return make_table(stored("val_accuracy", values, epochs=(9,)), space=SPACE)


def fitted_to(table, folder, model="lightgbm"):
    settings = {"encoding": "one_hot", "rounds": 20, "learning_rate": 0.3}
    return fit(table, folder, model=model, settings=settings, n_members=2, noise=False, n_processes=1)


def test_a_file_of_models_that_the_card_does_not_name_is_refused(table, tmp_path):
    """Nobody compared it with its hash, and a pipe would be read for ever."""
    made = fitted_to(table, tmp_path / "s")
    os.mkfifo(tmp_path / "s" / "members" / "1" / "pipe")
    with pytest.raises(SurrogateError, match=r"holds 'members/1/pipe', which is none of the files that its card names"):
        Surrogate(made.path).predict("d", ARCHS[:2])


@pytest.mark.parametrize("model", ["lightgbm", "xgboost"])
def test_a_damaged_booster_with_the_right_hashes_is_one_line_and_the_process_survives(model, table, tmp_path):
    pytest.importorskip(model)
    made = fitted_to(table, tmp_path / "s", model)
    (path, *_) = sorted((tmp_path / "s" / "members" / "0").glob("channel_0.*"))
    content = path.read_bytes()
    left = b"left_children[$l#L" + (len(content)).to_bytes(8, "big")
    damaged = re.sub(rb"left_child=-?\d+", b"left_child=99", content, count=1)
    damaged = re.sub(rb"left_children\[\$l#L.{8}", left, damaged, count=1, flags=re.DOTALL)
    assert damaged != content
    path.write_bytes(damaged)
    about = path.with_name("model.json")
    about.write_text(about.read_text().replace(sha256(content).hexdigest(), sha256(damaged).hexdigest()))
    card = read_card(made.path)
    files = {name: sha256_of(tmp_path / "s" / name) for name in card.files}
    fields = {name: getattr(card, name) for name in card._fields if name not in ("sha256", "files")}
    write_card(made.path, make_card(**fields, files=files))
    with pytest.raises(SurrogateError, match=r"is no \w+ model, or damaged") as caught:
        Surrogate(made.path).predict("d", ARCHS[:2])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["lightgbm", "xgboost"])
def test_several_threads_are_answered_as_one(model, table, tmp_path):
    pytest.importorskip(model)
    made = fitted_to(table, tmp_path / "s", model)
    expected = made.predict("d", ARCHS[:200]).members
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: made.predict("d", ARCHS[:200]).members, range(64)))
    assert all(np.array_equal(expected, members) for members in found)

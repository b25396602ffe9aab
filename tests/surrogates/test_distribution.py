"""One draw is one run: of one architecture as in a batch, at one epoch as along the curve, never beyond the bounds."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SurrogateError
from nasbench_kit.surrogates import Surrogate, materialize
from nasbench_kit.surrogates.distribution import RunDistribution

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[2] / "surrogates").glob("*/card.json"))
SHAPES = {
    "noise and collapse": {},
    "the members alone": {"noise": False, "collapse": False},
    "collapse alone": {"noise": False},
    "one member": {"n_members": 1},
}


def wide(transform, *, bounds=(0.0, 1.0)):
    """Distributions that reach far beyond any bounds."""
    z, sd = np.linspace(-1, 3, 50), np.linspace(0.5, 3, 50)
    return RunDistribution(transform, z, sd, np.full(50, 0.1), np.array([0.1, 0.2]), bounds)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("epoch", [4, 108])
def test_an_architecture_alone_draws_what_its_row_of_a_batch_does_to_the_last_bit(make_surrogate, shape, epoch):
    made = make_surrogate(**SHAPES[shape])
    archs = made.space.all_archs()
    at = made.at("d", "val_accuracy", epoch)
    batch = at.distribution(*made.predictor.outputs(archs))
    for which, where in np.random.default_rng(0).random((40, 2)):
        drawn = batch.draw(np.full(len(archs), which), np.full(len(archs), where))
        single = [at.distribution(*made.predictor.outputs_of(tuple(arch))) for arch in archs.tolist()]
        alone = [each.draw(which, where) for each in single]
        assert alone == drawn.tolist()


@pytest.mark.parametrize("transform", ["identity", "log", "log_error"])
def test_no_draw_leaves_the_bounds_and_those_inside_keep_their_bits(transform):
    n = 50
    cut, free = wide(transform), wide(transform, bounds=(-math.inf, math.inf))
    for which, where in np.random.default_rng(0).random((200, 2)):
        both = [each.draw(np.full(n, which), np.full(n, where)) for each in (cut, free)]
        np.testing.assert_array_equal(both[0], np.clip(both[1], 0, 1))
        one = cut._replace(z=float(cut.z[0]), sd=float(cut.sd[0]), collapse=0.1)
        assert one.draw(which, where) == both[0][0]
    assert cut.draw(np.full(n, 0.9), np.full(n, 1 - 2**-53)).max() <= 1
    assert cut.draw(np.full(n, 0.9), np.zeros(n)).min() >= 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_answer_of_what_ships_is_a_fraction_where_it_must_be(folder):
    made = Surrogate.open(folder)
    archs = made.space.sample_many(np.random.default_rng(11), 4_000)
    outputs = made.predictor.outputs(archs)
    which, where = np.random.default_rng(12).random((2, len(archs)))
    for dataset in made.datasets:
        objective = made.metrics(dataset)[made.objectives[dataset]]
        for epoch in objective.epochs[:3]:  # where the most lie near 0
            at = made.at(dataset, objective.name, epoch)
            prediction = at.prediction(*outputs)
            drawn = at.distribution(*outputs).draw(which, where)
            extreme = at.distribution(*outputs).draw(which * 0 + 0.99, where * 0)
            for values in (drawn, extreme, prediction.mean, prediction.members, prediction.if_not_failed):
                assert 0 <= values.min() <= values.max() <= 1


def test_predictions_beyond_the_bounds_are_cut_alone_and_in_a_batch(make_surrogate):
    made = make_surrogate(noise=False, collapse=False)
    card = json.loads(Path(made.path, "card.json").read_text())
    offset = made.card.targets[0]._replace(offset=np.full(4, -0.1))  # 1 - exp(0.1) is below 0
    targets = (offset, *made.card.targets[1:])
    assert card["targets"][0]["offset"] != offset.offset.tolist()
    moved = made.card._replace(targets=targets)
    at = nbk.surrogates.surrogate.AtEpoch(moved, "d", "val_accuracy", 3)
    archs = made.space.all_archs()
    prediction = at.prediction(*made.predictor.outputs(archs))
    assert (prediction.members == 0).any()
    assert prediction.members.min() == prediction.if_not_failed.min() == 0
    for i, arch in enumerate(map(tuple, archs.tolist())):
        outputs = made.predictor.outputs_of(arch)
        assert at.members_of(*outputs) == prediction.members[:, i].tolist()
        assert at.expected(*outputs) == prediction.mean[i]


def test_the_same_two_numbers_are_the_same_run_at_every_epoch(make_surrogate):
    """A run that is good among its like early is so late, and a materialized curve is such a run."""
    made = make_surrogate(collapse=False)
    arch = (0, 1)
    outputs = made.predictor.outputs_of(arch)
    at = [made.at("d", "val_accuracy", epoch).distribution(*outputs) for epoch in (4, 12, 36, 108)]
    curves = np.array([[each.draw(0.5, where) for each in at] for where in np.linspace(0.01, 0.99, 9)])
    assert (np.diff(curves, axis=0) > 0).all()


def test_a_materialized_seed_is_one_run_along_the_curve(make_surrogate, tmp_path):
    made = make_surrogate()
    table = materialize(made, tmp_path / "t.h5", draws=3, seed=4)
    archs = made.space.all_archs()
    outputs = made.predictor.outputs(archs)
    which, where = np.random.default_rng(4).random((2, 3, len(archs)))
    for position, epoch in enumerate((4, 12, 36, 108)):
        distribution = made.at("d", "val_accuracy", epoch).distribution(*outputs)
        for seed in range(3):
            stored = table.column("d", "val_accuracy").at(seed, position).all()
            np.testing.assert_array_equal(stored, distribution.draw(which[seed], where[seed]))


# ---- what a card says of epochs ----


def test_what_ships_says_what_its_epochs_are():
    """NAS-Bench-101's budgets, and NAS-Bench-201's 12 and 200 epochs, each have schedules of their own."""
    found = {folder.name: Surrogate.open(folder) for folder in FOLDERS}
    said = {name: {made.epochs_are(dataset) for dataset in made.datasets} for name, made in found.items()}
    assert said == {
        "nasbench101": {"separate trainings"},
        "nasbench201_surrogate": {"separate trainings"},
        "nasbench301": {"one training"},
    }


def test_a_card_without_a_word_on_epochs_means_one_training_and_words_change_no_hash(make_surrogate, tmp_path):
    made = make_surrogate(path=tmp_path / "s")
    path = tmp_path / "s" / "card.json"
    card = json.loads(path.read_text())
    assert "epochs_are" not in card
    assert made.epochs_are("d") == "one training"
    path.write_text(json.dumps(card | {"epochs_are": {"d": "separate trainings"}}))
    again = Surrogate.open(tmp_path / "s")
    assert again.epochs_are("d") == "separate trainings"
    assert again.sha256 == made.sha256
    for wrong, message in (
        ({"d": "sometimes"}, "epochs of d are 'sometimes'; choose from one training, separate trainings"),
        ({"e": "one training"}, "an object of its datasets expected"),
        (["d"], "an object of its datasets expected"),
    ):
        path.write_text(json.dumps(card | {"epochs_are": wrong}))
        with pytest.raises(SurrogateError, match=message):
            Surrogate.open(tmp_path / "s")


def test_a_surrogate_stands_where_a_table_can(make_surrogate):
    made = make_surrogate()
    assert (made.kind, made.values_are("d"), made.coverage("d", "val_accuracy")) == ("surrogate", "predicted", 1.0)
    assert len(made.representative_archs()) == made.n_archs
    with pytest.raises(nbk.errors.UnknownNameError, match="unknown dataset of pretend 'e'"):
        made.epochs_are("e")

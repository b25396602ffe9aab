"""How likely training runs are to collapse: a score becomes probabilities that runs then confirm."""

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from nasbench_kit.predictors.agreement import kendall_tau, r2
from nasbench_kit.predictors.splits import held_out
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.fitting.collapse import log_odds, mask_collapsed

SHIPPED = Path(__file__).parents[2] / "surrogates" / "nasbench101"
EPOCHS = (4, 12, 36, 108)


def probability(odds):
    return 1 / (1 + np.exp(-odds))


def log_loss(p, true):
    """Expected, in nats, where the probability truly is another."""
    return float(-(true * np.log(p) + (1 - true) * np.log1p(-p)).mean())


def drawn(rng, offsets, slopes, n, n_seeds=1):
    """Scores, and runs that collapse with just the log-odds that these offsets and slopes give."""
    scores = rng.standard_normal(n)
    true = probability(np.array(offsets) + scores[:, None] * np.array(slopes))
    return scores, rng.random((n_seeds, *true.shape)) < true


# ---- a score becomes probabilities ----


def test_rare_collapses_are_foretold_better_with_the_help_of_epochs_where_they_are_common():
    # 1,500 architectures; some 80, 40 and 2 collapse
    offsets, slopes, rng = (-4.0, -5.0, -9.0), (1.6, 1.8, 2.1), np.random.default_rng(0)
    unseen = rng.standard_normal(100_000)
    true = probability(offsets[-1] + slopes[-1] * unseen)
    gains = []
    for _ in range(60):
        scores, fell = drawn(rng, offsets, slopes, 1_500)
        known = np.ones_like(fell)
        if not fell[..., -1].any():
            continue
        together = log_odds(scores, fell, known)
        alone = log_odds(scores, fell[..., -1:], known[..., -1:])
        one, other = (log_loss(probability(at[0][-1] + at[1][-1] * unseen), true) for at in (alone, together))
        gains.append((one - other) / log_loss(true, true))
    assert len(gains) > 40
    assert np.mean(gains) > 3 * np.std(gains) / math.sqrt(len(gains))  # better on average, and not by luck
    assert np.mean(gains) > 0.02


@pytest.mark.parametrize("slopes", [(1.0, 1.0, 1.0), (0.4, 1.0, 2.2), (1.7,)])
def test_log_odds_that_are_right_already_stay_what_they_are(slopes):
    offsets = np.array((-3.0, -4.0, -5.0))[: len(slopes)]
    scores, fell = drawn(np.random.default_rng(1), offsets, slopes, 400_000)
    found = log_odds(scores, fell, np.ones_like(fell))
    assert found[0] == pytest.approx(offsets, abs=0.1)
    assert found[1] == pytest.approx(slopes, abs=0.05)
    true, said = (probability(a + scores[:, None] * np.array(b)) for a, b in ((offsets, slopes), found))
    assert log_loss(said, true) - log_loss(true, true) < 1e-5


def test_as_many_collapses_are_expected_at_each_epoch_as_were_recorded():
    scores, fell = drawn(np.random.default_rng(2), (-3.0, -5.0, -8.0), (0.5, 2.0, 2.5), 5_000, n_seeds=2)
    known = np.random.default_rng(3).random(fell.shape) < 0.7
    fell &= known
    offsets, slopes = log_odds(scores, fell, known)
    expected = np.where(known, probability(offsets + scores[:, None] * slopes), 0).sum(axis=(0, 1))
    assert expected == pytest.approx(fell.sum(axis=(0, 1)), rel=0.01)


def test_a_score_that_tells_nothing_gives_the_rate_and_an_epoch_without_collapses_none():
    rng = np.random.default_rng(4)
    fell = rng.random((1, 20_000, 3)) < np.array((0.0, 0.01, 0.03))
    for scores in (np.zeros(20_000), rng.standard_normal(20_000)):
        offsets, slopes = log_odds(scores, fell, np.ones_like(fell))
        p = probability(offsets + scores[:, None] * slopes)
        assert p[:, 0].max() < 1e-12
        assert p.mean(axis=0)[1:] == pytest.approx(fell.mean(axis=(0, 1))[1:], rel=0.01)
        assert p[:, 1:].std(axis=0) == pytest.approx(0, abs=0.004)
    assert log_odds(scores, np.zeros_like(fell), np.ones_like(fell))[0] == pytest.approx([-30] * 3)


def test_more_collapses_at_a_lower_score_are_not_learned_from():
    # the score is made to grow with the chance: the other way round is noise
    rng = np.random.default_rng(5)
    scores = rng.standard_normal(5_000)
    fell = (rng.random(5_000) < probability(-3 - scores))[None, :, None]
    offsets, slopes = log_odds(scores, fell, np.ones_like(fell))
    assert slopes == [0]
    assert probability(offsets[0]) == pytest.approx(fell.mean(), rel=0.01)


def test_where_the_score_tells_all_log_odds_are_large_and_finite():
    scores = np.repeat((-0.15, 6.5), (9_780, 220))
    fell = np.stack([scores > 0] * 3)[..., None]
    offsets, slopes = log_odds(scores, fell, np.ones_like(fell))
    p = probability(offsets[0] + slopes[0] * np.array((-0.15, 6.5)))
    assert p[0] < 1e-3
    assert 0.99 < p[1] < 1


# ---- what ships, on cells that it never saw ----


@pytest.fixture(scope="module")
def cells(shared_data):
    """The held-out cells of the NAS-Bench-101 subset, their accuracies (n_archs, 4), and which of these collapsed."""
    space, names = NASBench101Space(), ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    with gzip.open(shared_data / "nasbench101" / "nb101_subset_30k.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    archs = []
    for row in rows:
        matrix = np.zeros((int(row["num_vertices"]),) * 2, int)
        matrix[np.triu_indices(len(matrix), 1)] = [int(bit) for bit in row["upper_tri_bits_rowmajor"]]
        archs.append(space.parse((matrix.tolist(), ["input", *(names[int(op)] for op in row["ops"]), "output"])))
    whole = np.array(archs, np.uint8)
    test = held_out(space, whole, 0.2)
    true = np.array([[float(row[f"valid_acc_{epoch}"]) for epoch in EPOCHS] for row in rows])
    return whole[test], true[test], mask_collapsed(true[None], "val_accuracy")[0, test]


@pytest.fixture(scope="module")
def shipped():
    return Surrogate(SHIPPED)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("epoch", "n_collapsed", "loss", "tau"), [(12, 70, 0.039, 0.76), (36, 40, 0.019, 0.83), (108, 7, 0.0043, 0.88)]
)
def test_runs_of_held_out_cells_collapse_as_often_as_predicted_and_where(cells, shipped, epoch, n_collapsed, loss, tau):
    archs, true, fell = cells
    true, fell = true[:, EPOCHS.index(epoch)], fell[:, EPOCHS.index(epoch)]
    assert fell.sum() == n_collapsed
    found = shipped.predict("cifar10", archs, epoch=epoch)
    p = found.collapse
    sd = math.sqrt((p * (1 - p)).sum())
    assert abs(p.sum() - n_collapsed) < 2 * sd
    likely = p > 0.1
    assert abs(p[likely].sum() - fell[likely].sum()) < 2.5 * math.sqrt((p * (1 - p))[likely].sum())
    rate = fell.mean()
    assert log_loss(p, fell) < loss < 0.7 * log_loss(np.full(len(p), rate), fell)
    assert ((p - fell) ** 2).mean() < 0.9 * rate * (1 - rate)
    assert kendall_tau(true, found.mean) > tau
    # that some collapse is worth counting: else the errors are larger
    assert ((found.mean - true) ** 2).mean() < ((found.if_not_failed - true) ** 2).mean()


@pytest.mark.shared
def test_few_of_the_good_held_out_cells_are_pulled_down_for_the_collapses_that_they_risk(cells, shipped):
    archs, true, _ = cells
    good = true[:, -1] > 0.85
    found = shipped.predict("cifar10", archs[good])
    by_expectation, if_not_failed = (r2(true[good, -1], said) for said in (found.mean, found.if_not_failed))
    assert by_expectation > 0.88
    assert if_not_failed > 0.96
    assert (found.if_not_failed - found.mean > 0.05).sum() <= 15  # of 5,966
    # a perfect expectation has no more, as none of these collapsed: the card says how much
    said = shipped.card.quality["cifar10"]["108"]["expectation"]
    assert said["r2_above"] == pytest.approx(by_expectation, abs=1e-6)
    low, high = (said["r2_above_if_perfect"][level] for level in ("0.05", "0.95"))
    assert low < by_expectation < high < if_not_failed

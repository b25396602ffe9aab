"""How the table `nasbench201_mnist1d` was made: its data set, its recipe, its networks, and one more training."""

import runpy
import sys
from itertools import islice

import numpy as np
import pytest
import torch
import train_mnist1d
from mnist1d import cost, network
from mnist1d.network import Network, train
from mnist1d.noise import MOST, Noise, spread_between_runs
from mnist1d.recipe import Recipe, batch_order, uniform
from mnist1d.signals import CLASSES, LENGTH, SIZES, make_data, sha256_of, templates

import nasbench_kit as nbk
from nasbench_kit.spaces import NASBench201Space

SPACE = NASBench201Space()
SHALLOW = ("000200", "000300")  # in so few operations, rounding does not grow within an epoch


@pytest.fixture(scope="module")
def data():
    return make_data()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick(data, monkeypatch):
    """The script does not make the data set anew."""
    monkeypatch.setattr(train_mnist1d, "make_data", lambda: data)


def training(text, seed, data, recipe):
    cell = SPACE.parse(text)
    return train(cell, SPACE.class_of(cell), seed, data, recipe)


# ---- the data set ----


def test_the_data_set_is_the_one_that_the_table_was_trained_on(data):
    # as it was published with the counts
    assert sha256_of(data) == "22252ff28d3f7caad3e28ed19c3aa02abfc83684d51e6267a011027e96356634"


def test_splits_hold_the_classes_in_equal_parts_and_share_no_signal(data):
    for split, (x, y) in data.items():
        assert (x.shape, x.dtype, y.dtype) == ((SIZES[split], LENGTH), np.float32, np.uint8)
        assert np.bincount(y).tolist() == [SIZES[split] // CLASSES] * CLASSES
    signals = np.concatenate([x for x, _ in data.values()])
    assert len(np.unique(signals, axis=0)) == sum(SIZES.values())


def test_signals_are_standardized_by_those_of_training_and_rounded(data):
    x, _ = data["train"]
    assert (x.mean(), x.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))
    for signals, _ in data.values():
        assert (signals * 1024 == np.round(signals * 1024)).all()


def test_templates_are_ten_different_curves_that_fit_the_page():
    shapes = templates()
    assert shapes.shape == (10, 12)
    assert np.abs(shapes).max() <= 1.25
    assert min(np.abs(a - b).max() for i, a in enumerate(shapes) for b in shapes[:i]) > 0.4


# ---- the recipe ----


def test_the_random_numbers_are_those_of_splitmix64():
    def mix(z):
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return z ^ z >> 31

    golden = 0x9E3779B97F4A7C15
    for identity, seed in ((0, 0), (15_624, 2), (7, 65_535)):
        key = mix((identity * 65_536 + seed + 1) * golden % 2**64)
        expected = [(mix((key + (i + 1) * golden) % 2**64) >> 40) / 2**23 - 1 for i in range(50)]
        assert uniform(identity, seed, np.arange(50)).tolist() == expected


def test_the_random_numbers_are_uniform_and_depend_on_cell_seed_and_place_alone():
    numbers = uniform(3, 1, np.arange(20_000))
    assert -1 <= numbers.min() < -0.999 < 0.999 < numbers.max() < 1
    assert np.abs(np.histogram(numbers, 10, (-1, 1))[0] / 2_000 - 1).max() < 0.1
    assert (uniform(3, 1, np.arange(100, 200)) == numbers[100:200]).all()
    for other in (uniform(4, 1, np.arange(20_000)), uniform(3, 2, np.arange(20_000))):
        assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.03


def test_every_epoch_of_a_seed_has_its_own_order_of_all_samples():
    orders = [batch_order(seed, epoch, 4_000) for seed in range(3) for epoch in range(3)]
    assert all(sorted(order.tolist()) == list(range(4_000)) for order in orders)
    assert len({order.tobytes() for order in orders}) == 9
    assert (batch_order(1, 2, 4_000) == orders[5]).all()


@pytest.mark.parametrize("n_epochs", [4, 12, 36])
def test_the_learning_rate_falls_from_a_tenth_to_nothing_over_the_whole_schedule(n_epochs):
    rates = Recipe(epochs=n_epochs).learning_rates(62 * n_epochs)
    assert rates[0] == np.float32(0.1)
    assert rates[len(rates) // 2] == pytest.approx(0.05)
    assert 0 < rates[-1] < 1e-5
    assert (np.diff(rates) < 0).all()


# ---- networks ----


@pytest.mark.parametrize("text", ["000000", "111111", "333423", "204130"])
def test_initial_weights_depend_on_cell_and_seed_and_not_on_the_schedule(text, data, monkeypatch):
    def begin(made, *_):
        started.append({name: weight.clone() for name, weight in made.state_dict().items()})
        raise InterruptedError("it began")

    started = []
    monkeypatch.setattr(network, "step", begin)
    for seed, n_epochs in ((0, 4), (0, 12), (0, 36), (1, 36)):
        with pytest.raises(InterruptedError, match="it began"):
            next(training(text, seed, data, Recipe(epochs=n_epochs)))
    first, *same, other = started
    for state in same:
        assert all(torch.equal(first[name], state[name]) for name in first)
    drawn = [name for name in first if "conv.weight" in name or "downs" in name or "head" in name]
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_initial_weights_are_as_pytorch_draws_them():
    torch.manual_seed(0)
    several = [Network(SPACE.parse("333333"), 8) for _ in range(10)]
    made = several[0]
    bounds = {
        name: max(one.get_parameter(name).detach().abs().max().item() for one in several)
        for name, _ in made.named_parameters()
    }
    made.initialize(0, 0)
    for name, weight in made.named_parameters():
        if "bn" in name:
            assert weight.unique().tolist() == [float("weight" in name)]
        else:
            assert weight.abs().max().item() == pytest.approx(bounds[name], rel=0.5)
            assert len(weight.unique()) == weight.numel()


def test_the_mean_of_three_does_not_count_what_is_beyond_the_ends():
    found = network.mean_of_three(torch.tensor([[[1.0, 2.0, 6.0, 4.0]]]))
    assert found.flatten().tolist() == pytest.approx([1.5, 3, 4, 5])


def multiply_adds(made):
    """Of all convolutions and linear layers for one signal, by the shapes that pass through them."""
    counted = []
    for module in made.modules():
        if isinstance(module, torch.nn.Conv1d | torch.nn.Linear):
            module.register_forward_hook(
                lambda module, _, out: counted.append(module.weight[0].numel() * out[0].numel())
            )
    made(torch.zeros(2, LENGTH))
    return sum(counted)


def test_parameters_and_multiply_adds_of_the_table_are_those_of_the_networks():
    bench = nbk.load("nasbench201_mnist1d/mnist1d")
    archs = bench.results.archs()[::400]
    params, flops = (bench.values(metric, archs) * 1e6 for metric in ("params_m", "flops_m"))
    for arch, n_params, n_flops in zip(archs.tolist(), params.round().tolist(), flops.round().tolist(), strict=True):
        made = Network(arch, 8)
        assert sum(weight.numel() for weight in made.parameters()) == n_params
        assert multiply_adds(made) == n_flops


# ---- training ----


@pytest.mark.parametrize("text", SHALLOW)
def test_the_first_epoch_is_that_of_the_recorded_training(text, data, monkeypatch):
    """That was trained by other code, on a GPU: from the same weights and batches, it differs by rounding alone.

    Without oneDNN, that is, which chooses its arithmetic by the processor: on some, a whole point of accuracy goes.
    """
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    bench = nbk.load("nasbench201_mnist1d/mnist1d-4")
    found = next(training(text, 1, data, Recipe(epochs=4)))
    for split, n_right, n in zip(("train", "val", "test"), found, (3_968, 4_000, 10_000), strict=True):
        (recorded,) = bench.values(f"{split}_accuracy", [text], epoch=1, seed=1)
        assert n_right / n == pytest.approx(recorded, abs=0.005)


@pytest.mark.parametrize("text", ["000000", "333000", "000004", "120000"])
def test_a_cell_that_computes_nothing_ends_at_a_tenth(text, data):
    assert SPACE.outputs_zero([text]).all()
    for found in islice(training(text, 9, data, Recipe(epochs=4)), 1):
        assert (found.val, found.test) == (400, 1_000)


def run(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["train_mnist1d.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        train_mnist1d.main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize(("text", "seed"), [("000300", 5), ("010103", 0)])
def test_a_cell_trained_once_more_ends_within_the_noise_of_the_table(text, seed, quick, capsys, monkeypatch):
    code, printed, _ = run(capsys, monkeypatch, "--arch", text, "--seed", str(seed), "--epochs", "4")
    assert code == 0
    recorded = [
        f"{nbk.load('nasbench201_mnist1d/mnist1d-4').query(text, seed=other).val_accuracy:.4f}" for other in range(3)
    ]
    assert f"the table has {', '.join(recorded)}" in printed
    assert "within the noise of seeds: val_accuracy lies " in printed
    assert "times the deviation to expect (0.0" in printed


def test_a_training_that_ends_elsewhere_is_told(quick, capsys, monkeypatch):
    def untrained(*_):
        return iter([network.Correct(400, 400, 1_000)] * 4)

    monkeypatch.setattr(network, "train", untrained)
    code, printed, _ = run(capsys, monkeypatch, "--arch", "000300", "--seed", "5", "--epochs", "4")
    assert code == 1
    assert "val_accuracy 0.1000; the table has" in printed
    assert "OUTSIDE the noise of seeds: val_accuracy lies -" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--arch", "33342x", "--seed", "5"), r"error: '33342x' is no cell of nasbench201"),
        (("--arch", "333423", "--seed", "5", "--epochs", "5"), "argument --epochs: invalid choice"),
        (("--arch", "333423"), "the following arguments are required: --seed"),
        (("--arch", "333423", "--seed", "-1"), "error: seed -1; a number from 0 to 65,535 expected"),
        (("--arch", "333423", "--seed", "65536"), "error: seed 65536; a number from 0 to 65,535 expected"),
        (("--arch", "333423", "--seed", "5", "--threads", "0"), "error: 0 threads; at least one is needed"),
    ],
)
def test_a_slip_is_one_line(arguments, message, capsys, monkeypatch):
    code, _, printed = run(capsys, monkeypatch, *arguments)
    assert code == 2
    assert message in printed.splitlines()[-1]


def test_without_pytorch_it_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["train_mnist1d.py", "--arch", "333423", "--seed", "5"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(train_mnist1d.__file__, run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: this needs the package torch, which ")
    assert line.endswith("'.[torch]' in a checkout")


# ---- noise ----


def test_the_spread_between_runs_is_found_where_it_is_known():
    rng = np.random.default_rng(0)
    mean = rng.uniform(0, 1, 5_000)
    sigma = 0.01 + 0.02 * mean
    found = spread_between_runs(mean + sigma * rng.normal(size=(3, 5_000)))
    assert np.abs(found / sigma - 1).max() < 0.25
    assert np.median(found / sigma) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("dataset", ["mnist1d", "mnist1d-12", "mnist1d-4"])
def test_recorded_runs_lie_as_far_from_their_cells_others_as_is_expected(dataset):
    deviation = Noise(nbk.load(f"nasbench201_mnist1d/{dataset}")).of_the_others()
    assert np.sqrt((deviation**2).mean()) == pytest.approx(1, abs=0.01)
    assert (np.abs(deviation) > MOST).mean() < 0.01


def test_one_more_run_is_judged_by_the_mean_of_the_recorded_ones():
    noise = Noise(nbk.load("nasbench201_mnist1d/mnist1d"))
    # PyTorch on a CPU, when the table was made: cell, seed 0 to 5, its accuracy and how far from the mean that is
    published = {
        "404024": (0.4667, -0.4),
        "202044": (0.7615, 0.5),
        "244134": (0.8095, -0.3),
        "202333": (0.8280, -1.2),
        "322023": (0.8522, -1.6),
        "343243": (0.8780, 0.0),
    }
    for text, (value, deviation) in published.items():
        judged = noise.judge(text, value)
        assert judged.deviation == pytest.approx(deviation, abs=0.06)
        assert judged.is_within_noise
        assert not noise.judge(text, value + 7 * judged.expected).is_within_noise
        assert not noise.judge(text, value - 7 * judged.expected).is_within_noise


# ---- cost ----


def test_the_cost_model_is_what_the_recorded_measurements_give():
    about = nbk.load("nasbench201_mnist1d/mnist1d").results.about["cost"]
    cells = SPACE.parse_many(about["measured"]["cells"])
    seconds = np.array(about["measured"]["seconds"])
    coefficients = cost.fit(cells, seconds)
    assert coefficients == pytest.approx([0.309, 0.035, 0.318, 0.304, 0.164], abs=0.0006)  # published with the counts
    assert coefficients == pytest.approx(list(about["seconds_per_epoch"].values()), rel=1e-9)
    assert tuple(about["seconds_per_epoch"]) == cost.TERMS
    predicted = cost.count_operations(cells) @ coefficients
    left_out = [
        cost.count_operations(cells[[i]])[0] @ cost.fit(np.delete(cells, i, 0), np.delete(seconds, i))
        for i in range(len(cells))
    ]
    for found, published in ((predicted, 0.941), (np.array(left_out), 0.931)):
        r2 = 1 - ((seconds - found) ** 2).sum() / ((seconds - seconds.mean()) ** 2).sum()
        assert r2 == pytest.approx(published, abs=0.0006)
    error = np.abs(predicted / seconds - 1)
    assert (np.median(error), error.max()) == (pytest.approx(0.032, abs=6e-4), pytest.approx(0.14, abs=6e-3))


def test_measuring_takes_each_cell_by_itself_and_leaves_the_threads_as_they_were(data):
    torch.set_num_threads(2)
    seconds = cost.measure(SPACE.parse_many(["000000", "333333"]), data, np.random.default_rng(0), n_rounds=1)
    assert seconds.shape == (2,)
    assert (seconds > 0).all()
    assert torch.get_num_threads() == 2

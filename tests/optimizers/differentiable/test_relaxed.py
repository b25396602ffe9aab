"""What a surrogate predicts of mixtures, and which surrogates can be asked."""

import numpy as np
import pytest
import torch

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError, UnknownNameError
from nasbench_kit.optimizers import Task
from nasbench_kit.optimizers.differentiable.relaxed import RelaxedSurrogate, relaxed_surrogate
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace, NASBench101Space, NASBench201Space, space_from
from nasbench_kit.surrogates.card import make_card, write_card

MINE = ChoiceSpace("mine", {"a": ("x", "y")})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path))
    return tmp_path


def at_vertices(relaxed, benchmark, n=40):
    """What both say of random architectures: of the relaxed one, and of the benchmark after the last epoch."""
    rng, found = np.random.default_rng(0), []
    for _ in range(n):
        mixture = [torch.eye(size, dtype=torch.float64)[rng.integers(size, size=n)] for n, size in relaxed.shapes]
        found.append((float(relaxed.value(mixture)), benchmark.query(relaxed.choices(mixture)).value))
    return np.array(found).T


SHIPPED = [
    *[("nasbench201", f"nasbench201_surrogate/{dataset}") for dataset in ("cifar10", "cifar100", "imagenet16-120")],
    ("darts", "nasbench301/cifar10"),
]


@pytest.mark.parametrize(("space", "name"), SHIPPED)
def test_of_an_architecture_a_shipped_surrogate_predicts_the_same_but_for_rounding(space, name):
    relaxed, answered = at_vertices(relaxed_surrogate(space_from(space), name), nbk.load(name))
    assert answered.std() > 0.005
    np.testing.assert_allclose(relaxed, answered, atol=2e-5)


@pytest.mark.parametrize(
    "how",
    [{}, {"encoding": "pairs"}, {"n_units": (32, 24)}, {"collapse": False}, {"epochs": (1, 2, 4, 8, 16)}],
    ids=str,
)
def test_of_an_architecture_any_network_predicts_the_same_but_for_rounding(make_surrogate, how):
    surrogate = make_surrogate(noise=True, n_members=3, **how)
    relaxed, answered = at_vertices(RelaxedSurrogate(surrogate, "d"), nbk.Benchmark(surrogate, "d"))
    assert answered.std() > 0.01
    np.testing.assert_allclose(relaxed, answered, atol=1e-3)


def test_the_loss_is_the_logarithm_of_the_error_or_of_what_is_minimized(make_surrogate):
    mixture = [torch.tensor([[0.5, 0.5]]).double(), torch.tensor([[0.2, 0.3, 0.5]]).double()]
    accuracy = RelaxedSurrogate(make_surrogate(), "d")
    seconds = RelaxedSurrogate(make_surrogate(metrics=("cost_s",), noise=False, collapse=False), "d")
    assert float(accuracy.loss(mixture)) == pytest.approx(np.log(1 - float(accuracy.value(mixture))))
    assert float(seconds.loss(mixture)) == pytest.approx(np.log(float(seconds.value(mixture))))


def test_the_gradient_is_that_of_small_changes(make_surrogate):
    relaxed = RelaxedSurrogate(make_surrogate(encoding="pairs"), "d")
    mixture = [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in ([[0.4, 0.6]], [[0.2, 0.3, 0.5]])]
    gradients = torch.autograd.grad(relaxed.loss(mixture), mixture)
    for part, choice in ((0, 0), (0, 1), (1, 2)):
        losses = []
        for step in (-1e-6, 1e-6):
            near = [table.detach().clone() for table in mixture]
            near[part][0, choice] += step
            losses.append(float(relaxed.loss(near)))
        assert gradients[part][0, choice] == pytest.approx((losses[1] - losses[0]) / 2e-6, rel=1e-4)


# ---- which surrogate ----


@pytest.mark.parametrize(
    ("space", "name", "error", "message"),
    [
        (
            NASBench101Space(),
            None,
            SettingError,
            "'nasbench101' has no gradient, as it reads the encoding 'neighborhoods'; those that have one: "
            "nasbench201_surrogate of nasbench201, nasbench301 of darts",
        ),
        (NASBench201Space(), "nasbench301", SettingError, "'nasbench301' is of darts; one of nasbench201 expected"),
        (DARTSSpace(), "nasbench302", UnknownNameError, "unknown surrogate 'nasbench302'; did you mean 'nasbench301'"),
        (
            NASBench201Space(),
            "nasbench201_surrogate/cifar",
            UnknownNameError,
            "did you mean 'nasbench201_surrogate/cifar10'",
        ),
        (DARTSSpace(), "nasbench301/", UnknownNameError, "unknown surrogate 'nasbench301/'; did you mean 'nasb"),
        (DARTSSpace(), True, SettingError, "surrogate=True; a name like 'nasbench101' expected"),
        (DARTSSpace(), ["nasbench301"], SettingError, r"surrogate=\['nasbench301'\]; a name like"),
        (MINE, None, SettingError, "no surrogate of mine, whose gradient could be followed; there are nasbench101 of"),
    ],
    ids=str,
)
def test_what_cannot_be_followed_is_refused_with_what_can(space, name, error, message):
    with pytest.raises(error, match=message):
        relaxed_surrogate(Task(space).space, name)


def test_a_surrogate_in_the_data_folder_is_found_and_one_of_several_is_to_be_named(folder, make_surrogate, toy_space):
    make_surrogate(path=folder / "one", name="one", datasets=("d", "e"))
    alone = relaxed_surrogate(toy_space, None)
    make_surrogate(path=folder / "two", name="two", seed=1)
    with pytest.raises(SettingError, match="surrogate=None, but surrogates of toy are one, two; name one of them"):
        relaxed_surrogate(toy_space, None)
    mixture = [torch.full(shape, 1 / shape[1], dtype=torch.float64) for shape in alone.shapes]
    values = [float(relaxed_surrogate(toy_space, name).value(mixture)) for name in ("one", "one/d", "one/e", "two/d")]
    assert float(alone.value(mixture)) == values[0] == values[1]
    assert len({*values}) == 3


def test_a_damaged_surrogate_in_the_data_folder_disturbs_no_other(folder, toy_space, make_surrogate):
    make_surrogate(path=folder / "one", name="one")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "card.json").write_text("{}")
    assert relaxed_surrogate(toy_space, "one").shapes == ((1, 2), (1, 3))


def test_a_surrogate_that_is_no_network_is_refused(folder, toy_space, make_surrogate):
    card = make_surrogate(path=folder / "one", name="one").card
    fields = {name: value for name, value in card._asdict().items() if name != "sha256"}
    write_card(folder / "one", make_card(**fields | {"predictor": {"kind": "members"}}))
    with pytest.raises(SettingError, match="surrogate 'one' has no gradient, as it is no network; those that have one"):
        relaxed_surrogate(toy_space, "one")

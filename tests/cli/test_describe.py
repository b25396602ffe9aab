"""`describe`: the landscape of a benchmark on the terminal, as JSON, as a picture."""

import re

import numpy as np
import pytest

import nasbench_kit as nbk


@pytest.fixture
def mine(tmp_path, make_table, stored):
    """Six architectures with losses, two seeds and a size."""
    losses = np.array([[5.0, 3, 4, 1, 2, 6], [5.5, 3, 4, 1, 2, 6]])
    table = make_table(
        stored("val_loss", losses, seeds=(0, 1)),
        stored("params_m", [1.0, 2, 3, 4, 5, 6]),
        objective="val_loss",
        path=tmp_path / "mine.h5",
    )
    return table.path


def test_the_landscape_of_nasbench201_in_text(invoke):
    text = invoke("describe", "nasbench201/cifar100")
    assert re.search(r"^  searched +all 15,625 cells of the space$", text, flags=re.MULTILINE)
    assert re.search(r"^  local optima +25; 26 architectures have no better neighbor$", text, flags=re.MULTILINE)
    assert re.search(r"^  ascents end +77\.5 % at the best, ", text, flags=re.MULTILINE)
    assert "highest 73.49" in text  # published, Dong and Yang 2020
    assert "6,466 of them are different; each tuple of choices counts" in text
    assert re.search(r"^  left out +epochs: the objective is known after one epoch only$", text, flags=re.MULTILINE)
    assert re.search(r"^datasets +cifar10 +cifar100 +0\.869 +0\.976 +15,625$", text, flags=re.MULTILINE)
    shares = re.search(r"variance: ([\d.]+) % from single.*, ([\d.]+) % from pairs, ([\d.]+) % from more", text)
    assert sum(map(float, shares.groups())) == pytest.approx(100, abs=0.11)


def test_json_is_what_the_library_says(invoke_json, mine):
    found = invoke_json("describe", "mine/d", "--from", mine)
    assert found["direction"] == "min"
    assert found["n_archs"] == 6
    assert found["local_optima"]["archs"] == [[1, 0]]
    assert found["local_optima"]["values"] == [1]
    assert found["local_optima"]["basins"] == [6]
    assert found["rank_correlations"]["training runs"]["names"] == ["0", "1"]
    points, archs = [[1, 4], [3, 2], [5.25, 1]], [[1, 0], [0, 1], [0, 0]]
    assert found["front"] == {"cost": "params_m", "points": points, "archs": archs}
    assert found["noise"] is None
    assert "noise" in found["left_out"]


def test_a_loss_is_best_where_it_is_lowest(invoke, mine):
    text = invoke("describe", "mine/d", "--from", mine)
    assert re.search(r"^kernel +5 -0\.5417 +3 \+0\.5417 ", text, flags=re.MULTILINE)


def test_one_run_after_one_epoch_can_be_described(invoke_json):
    how = ("describe", "nasbench201_mnist1d/mnist1d", "--epoch", 4, "--seed", 1)
    found = invoke_json(*how)
    bench = nbk.load("nasbench201_mnist1d/mnist1d")
    values = bench.values("val_accuracy", bench.space.all_archs(), epoch=4, seed=1)
    assert found["local_optima"]["values"][0] == values.max()


def test_the_picture_is_drawn_and_named(invoke, mine, tmp_path):
    picture = tmp_path / "landscape.png"
    text = invoke("describe", "mine/d", "--from", mine, "--figure", picture, "--width", "column")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert int.from_bytes(picture.read_bytes()[16:20]) == 660  # pixels, of 3.3 inches
    assert text.splitlines()[-1] == str(picture)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nasbench201/cifar"], "unknown benchmark 'nasbench201/cifar'; did you mean 'nasbench201/cifar10'?"),
        (["nasbench201"], "'nasbench201' names no dataset; choose from"),
        (["nasbench201/cifar10", "--epoch", "5"], "epoch 5 was not recorded; choose from 200"),
        (["nasbench201/cifar10", "--seed", "5"], "seed 5 was not recorded"),
        (["nasbench201/cifar10", "--against", "size"], "unknown metric of nasbench201/cifar10 'size'"),
        (["nasbench201/cifar10", "--against", "val_accuracy"], "--against 'val_accuracy' is the objective itself"),
        (["nasbench201/cifar10", "--width", "column"], "--width 'column' says nothing without --figure; give both"),
        (["nasbench201/cifar10", "--figure", "a.png", "--width", "1"], "inches from 2 to 40 expected"),
        (["nasbench201/cifar10", "--figure", "a.xyz"], "cannot write figure 'a.xyz': its name must end in one of"),
    ],
)
def test_faults_end_in_one_line(invoke, arguments, message):
    done = invoke("describe", *arguments, code=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_the_picture_does_not_overwrite_the_table(invoke, tmp_path, make_table, stored):
    table = make_table(stored("val_accuracy", np.arange(6) / 10), path=tmp_path / "mine.png")
    done = invoke("describe", "mine/d", "--from", table.path, "--figure", table.path, code=2)
    assert "would overwrite" in done.stderr
    nbk.Table.open(table.path)

"""The scripts that make the surrogates that ship, run as they are at toy size."""

import csv
import gzip
import json
from importlib.util import module_from_spec, spec_from_file_location
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.spaces import NASBench101Space
from nasbench_kit.surrogates import Surrogate

SCRIPTS = sorted(Path(__file__).parents[2].glob("surrogates/*.py"))


def script(name):
    spec = spec_from_file_location(name, Path(__file__).parents[2] / "surrogates" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_by(name, *words, out):
    script(name).main([*map(str, words), "--out", str(out)])
    made = Surrogate(out)
    made.verify()
    assert sorted(path.name for path in out.iterdir()) == ["card.json", "network.safetensors"]
    command = made.card.fitted["command"].split()
    assert command[:2] == ["python", f"surrogates/{name}.py"]
    return made, command


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_recipe_says_how_it_is_used(path, capsys):
    with pytest.raises(SystemExit):
        script(path.stem).main(["--help"])
    assert f"python surrogates/{path.name}" in capsys.readouterr().out


@pytest.mark.parametrize("shipped", sorted(path.parent for path in SCRIPTS[0].parent.glob("*/card.json")))
def test_every_card_names_a_recipe_that_is_there(shipped):
    command = json.loads((shipped / "card.json").read_text())["fitted"]["command"].split()
    assert command[0] == "python"
    assert shipped.parent / Path(command[1]).name in SCRIPTS


@pytest.mark.slow
def test_the_recipe_of_nasbench101(tmp_path):
    # generated cells in the columns of the file; their hashes are the official ones
    space = NASBench101Space()
    archs = space.sample_many(np.random.default_rng(0), 150)
    archs = archs[np.unique(space.identity(archs), return_index=True)[1]]
    names = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    with gzip.open(tmp_path / "cells.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        accuracies = [f"valid_acc_{epochs}" for epochs in (4, 12, 36, 108)]
        writer.writerow(
            ["hash", *accuracies, "train_time_108_s", "num_vertices", "upper_tri_bits_rowmajor", "ops", "params"]
        )
        for i, arch in enumerate(archs.tolist()):
            matrix, operations = space.prune(tuple(arch))
            n = len(matrix)
            bits = "".join(str(int(matrix[a][b])) for a, b in combinations(range(n), 2))
            ops = "".join(str(names.index(operation)) for operation in operations[1:-1])
            counts = [(7_000 + 500 * epoch + 3 * i) / 9_984 for epoch in range(4)]
            writer.writerow([space.official_hash_many([tuple(arch)])[0], *counts, 900 + i, n, bits, ops, 1_000_000 + i])
    words = ["--work", tmp_path / "work", "--members", 2, "--epochs", 1, "--archs", 300, "--passes", 1]
    words += ["--processes", 1]
    made, command = made_by("make_nasbench101", tmp_path / "cells.csv.gz", *words, out=tmp_path / "made")
    assert made.n_members == 2
    assert command[-8:] == ["--members", "2", "--epochs", "1", "--archs", "300", "--passes", "1"]
    assert made.card.quality["cifar10"]["108"]["agreement"]["n"] < len(archs) / 2
    assert made.epochs_are("cifar10") == "separate trainings"


@pytest.mark.slow
def test_the_recipe_of_nasbench201(tmp_path):
    # of the embedded table what it has, under the names of the file with values after 12 epochs
    benches = [nbk.load(f"nasbench201/{dataset}") for dataset in ("cifar10", "cifar100", "imagenet16-120")]
    archs = benches[0].space.all_archs()
    values = [90 * bench.query_many(archs).val_accuracy for bench in benches]
    with open(tmp_path / "all.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch_str", "c10valid_xvalid_12ep_mean", "c100_xvalid_12ep", "in16_xvalid_12ep"])
        writer.writerows(zip(benches[0].space.format_many(archs), *values, strict=True))
    words = ["--work", tmp_path / "work", "--members", 2, "--train-share", 0.05, "--rounds", 3]
    words += ["--epochs", 1, "--processes", 1]
    made, command = made_by("make_nasbench201_surrogate", tmp_path / "all.csv", *words, out=tmp_path / "made")
    assert made.datasets == ("cifar10", "cifar100", "imagenet16-120")
    assert command[-8:] == ["--members", "2", "--train-share", "0.05", "--rounds", "3", "--epochs", "1"]
    assert made.card.quality["cifar10"]["12"]["new_paths"]["n"] > 0


@pytest.mark.slow
@pytest.mark.shared
def test_the_recipe_of_nasbench301(shared_data, tmp_path):
    words = ["--work", tmp_path / "work", "--archs", 400, "--epochs", 2, "--curves", 30]
    made, command = made_by("make_nasbench301", shared_data / "nasbench301", *words, out=tmp_path / "made")
    assert made.n_members == 10
    assert command[-6:] == ["--archs", "400", "--epochs", "2", "--curves", "30"]
    shipped = Surrogate(SCRIPTS[0].parent / "nasbench301")
    for key in ("n_members", "objectives", "metrics"):
        assert getattr(made.card, key) == getattr(shipped.card, key)
    assert [target.n_outputs for target in made.card.targets] == [5, 4]
    assert made.card.predictor == shipped.card.predictor
    assert made.card.about["sources"] == shipped.card.about["sources"]

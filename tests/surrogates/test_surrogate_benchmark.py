"""A surrogate is a benchmark like a table: every command, every check, every promise.

The surrogates here have the format of those that ship and random weights (`make_surrogate` in conftest.py): what is
tested is that answers agree with each other and with what the card says, not that they are good.
"""

import hashlib
import json
import math
import os
import pickle
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit import surrogates
from nasbench_kit.analysis import trajectories_of, with_common_best
from nasbench_kit.benchmark import Benchmark, open_results
from nasbench_kit.catalog import problems
from nasbench_kit.cli import main
from nasbench_kit.errors import (
    ArchitectureError,
    NotRecordedError,
    SettingError,
    StudyError,
    SurrogateError,
    TableError,
    UnknownNameError,
)
from nasbench_kit.formats.safetensors import read_tensors
from nasbench_kit.optimizers import OPTIMIZERS, LocalSearch, RandomSearch, Trial, needs_of
from nasbench_kit.plots import compare_figure
from nasbench_kit.simulator import simulate, task_of
from nasbench_kit.spaces import SPACES, DrawnAhead, space_from
from nasbench_kit.study import Configuration, Study, execute
from nasbench_kit.surrogates.card import make_card, write_card
from nasbench_kit.surrogates.quality.leave_out import leave_out
from nasbench_kit.testing import check_benchmark, check_optimizer

SHAPES = {
    "as shipped": {},
    "one member without noise": {"n_members": 1, "noise": False, "collapse": False, "epochs": (1,)},
    "one member with noise": {"n_members": 1, "epochs": (7,)},
    "members for noise": {"noise": False, "collapse": False},
    "collapse alone": {"noise": False, "epochs": range(1, 99)},
    "no cost": {"metrics": ("val_accuracy",)},
    "a test metric and parameters": {"metrics": ("val_accuracy", "test_accuracy", "cost_s", "params_m")},
    "a loss": {"metrics": ("val_loss", "cost_s"), "collapse": False},
    "two datasets": {"datasets": ("d", "e")},
    "no best": {"best": False},
    "no epochs": {"epochs": (), "metrics": ("val_accuracy",)},
}


@pytest.fixture(scope="module")
def toy(make_surrogate):
    return Benchmark(make_surrogate(), "d")


@pytest.fixture(scope="module")
def darts(make_surrogate):
    made = make_surrogate(space_from("darts"), name="pretend301", epochs=range(1, 99), encoding="edges")
    return Benchmark(made, "d")


@pytest.fixture
def folder(make_surrogate, tmp_path, monkeypatch):
    """A working directory, and a data folder with two surrogates."""
    data = tmp_path / "data"
    make_surrogate(path=data / "pretend", datasets=("d", "e"), quality={"d": {"val_accuracy": {"tau": 0.87654}}})
    make_surrogate(space_from("darts"), path=data / "deep", name="deep", epochs=range(1, 99), encoding="edges")
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    return data


def run(*arguments, code=0):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


# ---- conformance ----


@pytest.mark.parametrize("shape", SHAPES)
def test_surrogates_of_every_shape_conform(make_surrogate, shape):
    made = make_surrogate(**SHAPES[shape])
    for dataset in made.datasets:
        check_benchmark(Benchmark(made, dataset), np.random.default_rng(0))


@pytest.mark.parametrize("name", SPACES)
def test_surrogates_of_every_space_conform(make_surrogate, name):
    made = make_surrogate(space_from(name), epochs=(1, 2), n_members=3)
    check_benchmark(Benchmark(made, "d"), np.random.default_rng(0))


# it predicts all epochs, and nothing that is known without training; those of one space, or of a surrogate of it, have
# their own tests
OTHERS = {"objectives", "constraints", "columns", "surrogate", "space:nasbench101"}
SEARCHES = [name for name, made in OPTIMIZERS.items() if not OTHERS & {*needs_of(made)}]


@pytest.mark.parametrize("name", SEARCHES)
def test_optimizers_search_a_surrogate(darts, equipped, n_enough, quickly, name):
    check_optimizer(quickly(name), equipped(name, darts), n_evaluations=n_enough(name, darts))


# ---- what a number means ----


def test_a_query_is_the_mean_of_its_members(toy):
    for arch in toy.space.all_archs().tolist():
        members = [toy.query(arch, seed=seed).val_accuracy for seed in range(10)]
        assert toy.query(arch).seeds == tuple(range(10))
        assert toy.query(arch).val_accuracy == pytest.approx(sum(members) / 10, rel=1e-7)


def test_values_are_what_the_card_says_of_the_networks_outputs(make_surrogate):
    """The formulas of docs/surrogates.md, computed here by hand from the tensors."""
    made = make_surrogate(n_members=2, n_units=(3,))
    arch = (1, 2)
    tensors = read_tensors(f"{made.path}/network.safetensors")
    hidden = tensors["embedding"][[1, 2 + 2]].astype(int).sum(axis=0) + tensors["bias.0"]
    hidden = np.clip(np.rint(hidden * tensors["factor.0"]), 0, 32_767).astype(int)
    outputs = hidden @ tensors["weights.0"].astype(int) * tensors["scale"] + tensors["shift"]
    outputs, (noise, collapse) = outputs[:10].reshape(2, 5), outputs[10:]  # four epochs of accuracy, one of cost
    targets = {(target.metric, target.kind): target for target in made.card.targets}
    value = targets["val_accuracy", "value"]
    z = [value.offset[3] + member[3] * value.basis[3, 3] for member in outputs]
    regular = [1 - math.exp(-z) for z in z]
    noise_of = targets["val_accuracy", "noise"]
    sd = math.exp(noise_of.offset[3] + noise * noise_of.basis[0, 3])
    collapse_of = targets["val_accuracy", "collapse"]
    p = 1 / (1 + math.exp(-(collapse_of.offset[3] + collapse * collapse_of.basis[0, 3])))
    collapsed = collapse_of.collapsed[3].mean()
    expected = [(1 - p) * accuracy + p * collapsed for accuracy in regular]
    bench = Benchmark(made, "d")
    assert [bench.query(arch, seed=seed)[1] for seed in (0, 1)] == pytest.approx(expected, rel=1e-6)
    prediction = made.predict("d", [arch])
    assert prediction.mean == pytest.approx(np.mean(expected), rel=1e-6)
    assert prediction.spread == pytest.approx(np.std(expected), rel=1e-4)
    assert prediction.collapse == pytest.approx(p)
    assert prediction.sd == pytest.approx(sd * (1 - np.mean(regular)))
    cost = targets["cost_s", "value"]
    costs = [math.exp(cost.offset[3] + member[4] * cost.basis[0, 3]) for member in outputs]
    assert bench.query(arch).cost_s == pytest.approx(np.mean(costs), rel=1e-6)

    class Given:
        def __init__(self, *numbers):
            self.random = iter(numbers).__next__

    drawn = bench.query(arch, rng=Given(0.999, 0.9)).val_accuracy
    assert drawn == pytest.approx(1 - math.exp(-(np.mean(z) + sd * NormalDist().inv_cdf(0.9))), rel=1e-6)
    assert bench.query(arch, rng=Given(0.0, 0.9)).val_accuracy == pytest.approx(collapse_of.collapsed[3][4])


@pytest.mark.parametrize("how", [{}, {"seed": 4}, {"epoch": 1}, {"epoch": 50}, {"rng": 5}])
def test_one_alone_is_the_same_as_in_a_batch_to_the_last_bit(darts, how):
    archs = darts.space.sample_many(np.random.default_rng(3), 3_000)
    fresh = pickle.loads(pickle.dumps(darts))
    rngs = [{"rng": np.random.default_rng(how["rng"])} if "rng" in how else {} for _ in range(2)]
    batch = darts.query_many(archs, **(how | rngs[0]))
    for i, arch in enumerate(map(tuple, archs.tolist())):
        alone = fresh.query(arch, **(how | rngs[1]))
        assert (alone.val_accuracy, alone.cost_s) == (batch.val_accuracy[i], batch.cost_s[i])


def test_sizes_of_batches_make_no_difference(darts):
    archs = darts.space.sample_many(np.random.default_rng(0), 1_500)
    whole = darts.query_many(archs)[1]
    for size in (1, 7, 512, 513):
        parts = [darts.query_many(archs[start : start + size])[1] for start in range(0, 100 * size, size)][:20]
        found = np.concatenate(parts)
        assert (found == whole[: len(found)]).all()


def test_answers_stay_the_same_when_all_are_computed_at_once(make_surrogate, space):
    made = make_surrogate(space, n_members=2)
    bench, archs = Benchmark(made, "d"), space.all_archs()
    archs = archs[np.random.default_rng(0).permutation(len(archs))[:4_000]]  # an eighth of the space, and more
    texts = space.format_many(archs)
    batch = bench.query_many(archs)
    assert [bench.query(text).val_accuracy for text in texts] == batch.val_accuracy.tolist()
    assert [bench.query(arch).cost_s for arch in map(tuple, archs.tolist())] == batch.cost_s.tolist()


def test_a_draw_takes_two_numbers_whatever_happens_and_its_cost_is_the_expected_one(toy):
    arch = (0, 0)
    rng, reference = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(50):
        drawn = toy.query(arch, rng=rng)
        reference.random(2)
        assert drawn.cost_s == toy.query(arch).cost_s
        assert drawn.seeds == ()
    assert rng.bit_generator.state == reference.bit_generator.state


def test_drawn_runs_collapse_as_often_as_predicted_and_scatter_as_predicted(toy):
    arch = (1, 0)
    prediction = toy.results.predict("d", [arch])
    n = 20_000
    drawn = toy.query_many([arch] * n, rng=np.random.default_rng(1))[1]
    collapsed = drawn < 0.2  # of 0.09 to 0.11
    p = prediction.collapse[0]
    assert abs(collapsed.mean() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert drawn[~collapsed].std() == pytest.approx(prediction.sd[0], rel=0.1)
    assert drawn.mean() == pytest.approx(prediction.mean[0], abs=5 * drawn.std() / math.sqrt(n) + 0.003)


def test_without_predicted_noise_runs_scatter_as_the_members(make_surrogate):
    bench = Benchmark(make_surrogate(noise=False, collapse=False), "d")
    drawn = bench.query_many([(1, 1)] * 5_000, rng=np.random.default_rng(0))[1]
    assert drawn.std() == pytest.approx(bench.results.predict("d", [(1, 1)]).spread[0], rel=0.1)


# ---- what is refused ----


def test_what_is_not_predicted_is_refused_with_the_choices(toy):
    with pytest.raises(NotRecordedError, match="val_accuracy: epoch 5 is not predicted; choose from 4, 12, 36, 108"):
        toy.query((0, 0), epoch=5)
    with pytest.raises(NotRecordedError, match="seed 10 is none of the members that it predicts; choose from 0, 1, 2"):
        toy.query((0, 0), seed=10)
    with pytest.raises(
        UnknownNameError, match="unknown metric of pretend/d 'test_accuracy'; did you mean 'val_accuracy'"
    ):
        toy.values("test_accuracy", [(0, 0)])
    with pytest.raises(UnknownNameError, match="unknown metric of pretend/d ''"):
        toy.values("", [(0, 0)])
    with pytest.raises(UnknownNameError, match="unknown dataset of pretend 'x'"):
        Benchmark(toy.results, "x")
    with pytest.raises(ArchitectureError, match="has 3 numbers; toy has 2 decisions"):
        toy.query((0, 0, 0))


def test_a_single_member_needs_no_number(make_surrogate):
    bench = Benchmark(make_surrogate(n_members=1), "d")
    assert bench.query((0, 0)).seeds == ()
    with pytest.raises(NotRecordedError, match="it has one member, which needs no number"):
        bench.query((0, 0), seed=0)


def test_the_best_of_a_space_too_large_to_look_at_is_the_one_its_card_names(darts, make_surrogate):
    known = darts.results.card.best["d"]["arch"]
    assert darts.best().arch == darts.space.parse(known)
    assert darts.best().value == darts.query(known).val_accuracy
    assert not darts.is_best_proven()
    why = r"the best val_accuracy of about 10\^18 architectures is unknown; the best is known for the mean"
    with pytest.raises(NotRecordedError, match=why):
        darts.best(epoch=3)
    nameless = Benchmark(make_surrogate(darts.space, encoding="edges", best=False), "d")
    with pytest.raises(NotRecordedError, match="its card names no best one"):
        nameless.best()


def test_the_best_of_a_space_that_can_be_looked_at_is_proven(toy):
    for how in ({}, {"epoch": 4}, {"seed": 3}, {"metric": "cost_s"}):
        metric = how.pop("metric", "val_accuracy")
        values = toy.values(metric, toy.space.all_archs(), **how)
        assert toy.best(metric, **how).value == (values.min() if metric == "cost_s" else values.max())
        assert toy.is_best_proven(metric, **how)


# ---- files ----


def test_damage_to_any_file_is_one_line(make_surrogate, tmp_path):
    made = make_surrogate(path=tmp_path / "s")
    made.verify()
    card, network = tmp_path / "s" / "card.json", tmp_path / "s" / "network.safetensors"
    good = card.read_text()
    for text, message in [
        (good.replace('"n_members": 10', '"n_members": 9'), "does not have the sha256 it names"),
        (good.replace('"format": 1', '"format": 2'), "its format is 2; this version reads 1"),
        (good[:100], "is no valid card"),
        ("[]", "is no valid card"),
        (good.replace('"network.safetensors": ', '"../network.safetensors": '), "lies outside of its folder"),
    ]:
        assert text != good
        card.write_text(text)
        with pytest.raises(SurrogateError, match=message):
            nbk.Surrogate.open(tmp_path / "s")
    card.write_text(good)
    content = bytearray(network.read_bytes())
    content[-1] ^= 1
    network.write_bytes(content)
    damaged = Benchmark(nbk.Surrogate.open(tmp_path / "s"), "d")
    with pytest.raises(SurrogateError, match="is not what was fitted: its sha256 is"):
        damaged.query((0, 0))
    network.unlink()
    with pytest.raises(SurrogateError, match=r"lacks 'network\.safetensors': No such file"):
        damaged.results.verify()


def test_hostile_cards_are_refused_in_one_line(make_surrogate, tmp_path):
    make_surrogate(path=tmp_path / "s")
    path = tmp_path / "s" / "card.json"
    good = json.loads(path.read_text())
    keys = ("format", "space", "predictor", "n_members", "datasets", "targets", "files")
    target = {**good["targets"][0], "offset": [10**400] * 4}
    for changed, message in [
        ({"predictor": {**good["predictor"], "file": "../../etc/passwd"}}, "one of its files expected, network.safe"),
        ({"predictor": {**good["predictor"], "file": "/etc/passwd"}}, "one of its files expected"),
        ({"predictor": {**good["predictor"], "file": ["x"]}}, "one of its files expected"),
        ({"predictor": {**good["predictor"], "encoding": 5}}, "the encoding 5"),
        ({"predictor": {"kind": "network"}}, "the network None and the encoding None"),
        ({"predictor": {"kind": ["network"]}}, "kind is .*a text expected"),
        ({"predictor": {"kind": "pickle"}}, "unknown kind of predictor 'pickle'; this version knows network"),
        ({"predictor": []}, "predictor is .*; an object expected"),
        ({"files": {}}, "one of its files expected, of which there are none"),
        ({"files": {"a\0b": ""}}, "lies outside of its folder"),
        ({"files": {"": ""}}, "lies outside of its folder"),
        ({"files": ["network.safetensors"]}, "files is .*; an object expected"),
        ({"targets": [target, *good["targets"][1:]]}, "too large"),
        ({"about": {"sources": 5}}, "sources is 5; a list expected"),
        ({"best": {"d": 5}}, "best of 'd' is 5; arch and proven"),
        ({"best": {"d": {"arch": "3,16"}}}, "best of 'd' is"),
        ({"best": {"f": {"arch": "3,16", "proven": True}}}, "best of 'f' is"),
        ({"quality": "good"}, "quality is 'good'; an object expected"),
        ({"space": "nowhere"}, "is no valid card: unknown space 'nowhere'"),
    ]:
        card = {**good, **changed}
        numbers = json.dumps({key: card[key] for key in keys}, sort_keys=True)
        path.write_text(json.dumps({**card, "sha256": hashlib.sha256(numbers.encode()).hexdigest()}))
        with pytest.raises(SurrogateError, match=message) as error:
            Benchmark(nbk.Surrogate.open(tmp_path / "s"), "d").query((0, 0))
        assert len(str(error.value).replace(str(tmp_path), "")) < 300
    for text in ("[]", "5", "[" * 100_000, '{"a":' * 100_000, '{"format": 1' + "0" * 5_000):
        path.write_text(text)
        with pytest.raises(SurrogateError, match="is no valid card"):
            nbk.Surrogate.open(tmp_path / "s")


def test_a_card_is_json_as_others_read_it_and_what_was_not_computed_is_null(make_surrogate, tmp_path):
    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    make_surrogate(path=tmp_path / "s", quality={"d": {"r2": float("nan"), "tau": [float("inf"), 0.5]}})
    cards = [tmp_path / "s" / "card.json", *sorted((Path(__file__).parents[2] / "surrogates").glob("*/card.json"))]
    read = [json.loads(card.read_text(), parse_constant=refuse) for card in cards]
    assert read[0]["quality"] == {"d": {"r2": None, "tau": [None, 0.5]}}
    assert len(read) > 1


@pytest.mark.parametrize("name", ["card.json", "network.safetensors"])
@pytest.mark.parametrize("what", ["a pipe", "a device", "a link to a device", "a folder"])
def test_what_is_no_file_is_refused_at_once(make_surrogate, tmp_path, name, what):
    made = make_surrogate(path=tmp_path / "s")
    path = tmp_path / "s" / name
    path.unlink()
    if what == "a pipe":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if what == "a device" else "/dev/stdin")
    with pytest.raises(SurrogateError, match=r"no regular file|Is a directory"):
        nbk.Surrogate.open(made.path).predict("d", [(0, 0)])


def test_files_longer_than_any_model_are_refused_before_they_are_read(make_surrogate, tmp_path):
    made = make_surrogate(path=tmp_path / "s")
    with open(tmp_path / "s" / "network.safetensors", "ab") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(SurrogateError, match=r"cannot read 'network\.safetensors' .* more than 1,073,741,824 bytes"):
        made.verify()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '{"format": 1' + "0" * 10_000 + "}", "nan", "1e999"]
)
def test_cards_that_are_deep_or_hold_odd_numbers_are_one_line(make_surrogate, tmp_path, text):
    made = make_surrogate(path=tmp_path / "s")
    (tmp_path / "s" / "card.json").write_text(text)
    with pytest.raises(SurrogateError, match="is no valid card") as error:
        nbk.Surrogate.open(made.path)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity", "null"])
def test_numbers_of_a_card_are_finite(make_surrogate, tmp_path, number):
    made = make_surrogate(path=tmp_path / "s")
    path = tmp_path / "s" / "card.json"
    text = re.sub(r'("offset": \[\s*)[-.0-9e]+', rf"\g<1>{number}", path.read_text(), count=1)
    path.write_text(text)
    with pytest.raises(SurrogateError, match="numbers that are not finite"):
        nbk.Surrogate.open(made.path)


def test_a_table_is_no_surrogate_and_a_folder_no_table(cifar10, toy, tmp_path):
    with pytest.raises(SurrogateError, match=r"nasbench201\.h5' is no surrogate: it has no card\.json"):
        nbk.Surrogate.open(cifar10.results.path)
    with pytest.raises(SurrogateError, match=r"is no surrogate: it has no card\.json"):
        open_results(tmp_path)
    with pytest.raises(TableError, match="cannot open table"):
        nbk.Table.open(toy.results.path)
    assert isinstance(open_results(toy.results.path), nbk.Surrogate)
    assert nbk.Surrogate.is_one(toy.results.path)
    assert not nbk.Surrogate.is_one(cifar10.results.path)


# ---- the catalog ----


def test_a_surrogate_in_the_data_folder_is_found_by_its_name(folder):
    assert {"pretend/d", "pretend/e", "deep/d"} <= set(nbk.list_benchmarks())
    assert nbk.load("pretend/e").query("3,16").epoch == 108
    with pytest.raises(UnknownNameError, match="'pretend' names no dataset; choose from pretend/d, pretend/e"):
        nbk.load("pretend")
    with pytest.raises(UnknownNameError, match="unknown benchmark 'pretend/f'; did you mean 'pretend/e'"):
        nbk.load("pretend/f")


def test_a_folder_without_card_is_ignored_and_a_damaged_card_is_named(folder):
    (folder / "notes").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "card.json").write_text("{")
    (folder / "deep").rename(folder / "other")
    assert [name for name in nbk.list_benchmarks() if name.startswith(("notes", "broken", "other", "deep"))] == []
    assert len(problems()) == 2
    shown = run("list")
    assert "notes" not in shown
    assert "broken/card.json' is no valid card" in shown
    assert "other' holds the surrogate 'deep'; name the folder deep" in shown
    with pytest.raises(UnknownNameError, match="holds the surrogate 'deep'; name the folder deep"):
        nbk.load("other/d")


def test_a_table_comes_before_a_surrogate_of_its_name_and_the_data_folder_before_the_package(
    folder, make_surrogate, make_table, stored
):
    make_surrogate(path=folder / "nasbench201", name="nasbench201", datasets=("cifar10",))
    assert isinstance(nbk.load("nasbench201/cifar10").results, nbk.Surrogate)
    assert "instead of the one that comes with the package" in run("info", "nasbench201")
    make_table(stored("val_accuracy", np.arange(6) / 10), path=folder / "pretend.h5", name="pretend")
    assert isinstance(nbk.load("pretend/d").results, nbk.Table)


# ---- commands ----


def test_list_tells_tables_from_surrogates_and_large_spaces_in_short(folder):
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))["benchmarks"]}
    assert rows["deep/d"]["kind"] == "surrogate"
    assert rows["deep/d"]["n_archs"] == space_from("darts").size
    assert rows["nasbench201/cifar10"]["kind"] == "table"
    lines = [" ".join(line.split()) for line in run("list").splitlines()]
    assert "deep: surrogate, about 10^18 architectures, in the data folder" in lines
    assert "deep/d val_accuracy 1-98 0-9" in lines


def test_info_shows_what_the_card_says(folder):
    shown = " ".join(run("info", "pretend", "--verify").split())
    for text in (
        "pretend: Random numbers",
        "(in the data folder) (verified)",
        "toy, all 6 architectures",
        "surrogate network, 10 members, 0.0 MB",
        "fitted command: none",
        f"fitted versions: numpy {np.__version__}",
        "quality d val_accuracy: tau 0.8765",
        "(best of all)",
        "licence CC0-1.0",
        "note fitted to nothing",
        "d val_accuracy * val fraction max 4, 12, 36, 108 0-9 value, noise, collapse",
        "e cost_s - s min 4, 12, 36, 108 0-9 value",
    ):
        assert text in shown, shown
    assert "about 10^18 architectures" in run("info", "deep")
    assert "(best known)" in run("info", folder / "deep")
    assert len(run("info", "nasbench101").splitlines()) < 60  # the card holds some thousand numbers
    found = json.loads(run("info", "pretend", "--json"))
    assert found["kind"] == "surrogate"
    assert found["sha256"] == nbk.load("pretend/d").results.sha256
    assert found["quality"] == {"d": {"val_accuracy": {"tau": 0.87654}}}
    assert found["datasets"]["d"]["metrics"][0]["predicted"] == ["value", "noise", "collapse"]
    with open(folder / "pretend" / "network.safetensors", "ab") as file:
        file.write(b"0")
    assert "is not what was fitted" in run("info", "pretend", "--verify", code=2)


def test_query_shows_mean_spread_noise_and_collapse(folder):
    (answer,) = json.loads(run("query", "pretend/d", "3,16", "--json"))
    bench = nbk.load("pretend/d")
    prediction = bench.results.predict("d", ["3,16"])
    assert answer["val_accuracy"] == bench.query("3,16").val_accuracy
    assert answer["val_accuracy[spread]"] == prediction.spread[0]
    assert answer["val_accuracy[noise]"] == prediction.sd[0]
    assert answer["val_accuracy[collapse]"] == prediction.collapse[0]
    assert answer["seeds"] == list(range(10))
    (answer,) = json.loads(run("query", "pretend/d", "3,16", "--epoch", "12", "--seed", "7", "--json"))
    assert answer["val_accuracy"] == bench.query("3,16", epoch=12, seed=7).val_accuracy
    assert answer["val_accuracy[noise]"] == bench.results.predict("d", ["3,16"], epoch=12).sd[0]
    assert "val_accuracy[spread]" not in answer
    assert "val_accuracy[noise]" in run("query", "pretend/d", "3,16", "--from", folder / "pretend")


def test_query_shows_no_noise_that_is_not_predicted(make_surrogate, tmp_path):
    make_surrogate(path=tmp_path / "plain", name="plain", n_members=1, noise=False, collapse=False)
    (answer,) = json.loads(run("query", "plain/d", "3,16", "--from", tmp_path / "plain", "--json"))
    assert set(answer) == {"arch", "epoch", "val_accuracy", "cost_s", "seeds"}


def test_show_draws_an_architecture_of_a_surrogates_space(folder):
    assert "3" in run("show", "3,16", "--benchmark", "pretend/d")


def test_commands_that_need_tables_refuse_surrogates_in_one_line(folder):
    message = "'pretend' is a surrogate; a table expected"
    assert message in run("join", "nasbench201", "pretend", "--out", "both.h5", code=2)
    assert message in run("surrogate", "fit", "--table", "pretend", "--out", "fitted", code=2)
    assert "'nasbench201' is a table; a surrogate expected" in run("surrogate", "eval", "nasbench201", code=2)
    for arguments in (
        ["info", "pretence"],
        ["info", folder],
        ["query", "pretend/d", "3,16", "--from", folder / "deep"],
        ["query", "pretend/d", "3,16", "--epoch", "13"],
        ["compare", "-b", "pretend/d", "--epoch", "13"],
        ["compare", "-b", "pretend/d", "--run", "10"],
        ["compare", "-b", "deep/d", "--from", folder / "pretend"],
    ):
        error = run(*arguments, code=2)
        assert error.startswith("error: ")
        assert error.count("\n") == 1


def test_compare_says_what_searches_saw_and_against_what_regret_is(folder):
    few = ("-o", "random_search", "-o", "local_search", "--runs", "3", "--evaluations", "15", "--processes", "1")
    shown = run("compare", "-b", "deep/d", *few)
    assert "A search sees a run drawn from the predicted noise, per training;" in shown
    assert "of the final incumbent, the predicted mean;" in shown
    assert "best: of deep/d the best known" in shown
    shown = run("compare", "-b", "pretend/d", *few, "--run", "3", "--epoch", "12")
    assert "A search sees what member 3 predicts, after 12 epochs;" in shown
    assert "best known" not in shown
    shown = run("compare", "-b", "nasbench201/cifar10", *few)
    assert "A search sees one recorded training run, drawn per training;" in shown
    assert "of the final incumbent, the mean of the recorded runs;" in shown
    rows = json.loads(run("runs", "compare.db", "--json"))
    assert {row["results_sha256"] for row in rows if row["benchmark"] == "deep/d"} == {
        nbk.load("deep/d").results.sha256
    }
    assert "evaluations in runs.csv" in run("runs", "compare.db", "--out", "runs.csv")
    assert "Genotype(" in (folder.parent / "runs.csv").read_text()


def test_compare_does_not_call_the_spread_of_members_noise(make_surrogate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_surrogate(path=tmp_path / "plain", name="plain", noise=False, collapse=False)
    few = ("-o", "random_search", "--runs", "2", "--evaluations", "5", "--processes", "1")
    shown = run("compare", "-b", "plain/d", "--from", "plain", *few)
    assert "sees a run drawn from the spread of the members, per training;" in shown


def test_the_default_budget_is_what_500_evaluations_take_on_average(folder):
    (row,) = json.loads(run("compare", "-b", "pretend/d", "-o", "random_search", "--runs", "1", "--json"))
    bench = nbk.load("pretend/d")
    assert row["rules"]["budget_s"] == pytest.approx(
        500 * bench.query_many(bench.space.all_archs()).cost_s.mean(), rel=1e-5
    )


# ---- regret ----


def searched(bench, make, n_runs=3, n_evaluations=40):
    rngs = map(np.random.default_rng, range(n_runs))
    return [simulate(bench, make(task_of(bench), rng), rng=rng, n_evaluations=n_evaluations) for rng in rngs]


def test_regret_is_to_the_best_that_is_known_or_was_found_by_any(darts, make_surrogate):
    archs = darts.space.sample_many(np.random.default_rng(0), 50)
    poor = archs[int(darts.query_many(archs)[1].argmin())].tolist()
    made = make_surrogate(darts.space, encoding="edges", epochs=range(1, 99), best=False)
    fields = {name: getattr(made.card, name) for name in made.card._fields if name not in ("sha256", "best")}
    write_card(made.path, make_card(**fields, best={"d": {"arch": darts.space.format(poor), "proven": False}}))
    bench = Benchmark(nbk.Surrogate.open(made.path), "d")
    panel = {make.__name__: trajectories_of(bench, searched(bench, make)) for make in (RandomSearch, LocalSearch)}
    bests = [one.best_evaluated.max() for one in panel.values()]
    assert [one.best for one in panel.values()] == bests
    common = with_common_best(panel)
    assert {one.best for one in common.values()} == {max(bests)}
    assert not any(one.is_proven for one in common.values())
    caption = compare_figure({"deep": common}).get_supxlabel().replace("\n", " ")
    assert "regret is to the best known" in caption
    assert "predicted mean" in caption


def test_regret_on_a_space_without_known_best_is_to_the_best_found(darts, make_surrogate):
    made = make_surrogate(darts.space, encoding="edges", best=False)
    one = trajectories_of(Benchmark(made, "d"), searched(Benchmark(made, "d"), RandomSearch))
    assert one.best == one.best_evaluated.max()


# ---- simulator and studies ----


def test_a_run_on_a_surrogate_is_the_same_with_the_same_seed_and_another_with_another(darts):
    def records(seed):
        rng = np.random.default_rng(seed)
        fresh = pickle.loads(pickle.dumps(darts))
        return simulate(fresh, RandomSearch(task_of(fresh), rng), rng=rng, n_evaluations=30, n_workers=3)

    first, second, other = records(1), records(1), records(2)
    for name in set(first._fields) - {"optimizer_s"}:
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert (first.value != other.value).any()
    assert (first.seed == -1).all()


def test_drawn_values_are_those_that_queries_draw_and_costs_are_the_expected_ones(darts):
    class Fixed:
        def __init__(self, archs):
            self.ask, self.tell = map(Trial, archs).__next__, lambda trial, outcome: None

    archs = list(map(tuple, darts.space.sample_many(np.random.default_rng(0), 20).tolist()))
    found = simulate(darts, Fixed(archs), rng=np.random.default_rng(9), n_evaluations=20)
    draw = DrawnAhead(np.random.default_rng(9))
    assert found.value.tolist() == [darts.query(arch, rng=draw).val_accuracy for arch in archs]
    assert found.cost_s.tolist() == darts.query_many(archs).cost_s.tolist()


def test_a_trial_may_name_any_epoch_and_longer_ones_cost_more(darts):
    class Growing:
        def __init__(self, arch):
            self.ask, self.tell = iter([Trial(arch, epoch) for epoch in range(1, 99)]).__next__, lambda *_: None

    found = simulate(darts, Growing((0,) * 22), rng=np.random.default_rng(0), n_evaluations=98, run="mean")
    assert found.epoch.tolist() == list(range(1, 99))
    assert all(a < b for a, b in pairwise(found.cost_s))


def test_a_study_on_a_surrogate_gives_the_same_with_one_and_two_processes(darts, tmp_path):
    key = Configuration.of(darts, "local_search", n_evaluations=25)
    assert json.loads(key.identity)["results_sha256"] == darts.results.sha256
    found = []
    for n_processes in (1, 2):
        with Study(tmp_path / f"{n_processes}.db") as study:
            study.run([key], range(4), n_processes=n_processes)
            found.append([stored.records._replace(optimizer_s=None) for stored in study.runs(key)])
    assert repr(found[0]) == repr(found[1])


def test_a_study_refuses_another_surrogate_in_the_place_of_its_own(make_surrogate, tmp_path):
    made = make_surrogate(path=tmp_path / "s")
    key = Configuration.of(Benchmark(made, "d"), "random_search", n_evaluations=5)
    make_surrogate(path=tmp_path / "s", seed=1)
    with pytest.raises(StudyError, match=r"surrogate '.*s' has changed since this study was set up"):
        execute(key, 0)


# ---- what is imported ----

USED = """
import sys
import nasbench_kit as nbk
bench = nbk.load({name!r})
bench.query({arch!r}){more}
print(*sorted({{module.partition(".")[0] for module in sys.modules}} & set({packages!r})))
"""
PACKAGES = ("h5py", "lightgbm", "matplotlib", "numpy", "onnxruntime", "safetensors", "scipy", "torch", "xgboost")


@pytest.mark.parametrize(
    ("name", "arch", "more", "used"),
    [
        ("nasbench201/cifar10", "333132", "", ""),
        ("pretend/d", "3,16", "", "numpy"),
        ("pretend/d", "3,16", "; bench.query((0, 0), seed=1); bench.query_many([(0, 0)]); bench.best()", "numpy"),
    ],
)
def test_a_query_imports_numpy_for_a_surrogate_and_nothing_for_a_table(folder, name, arch, more, used):
    program = USED.format(name=name, arch=arch, more=more, packages=PACKAGES)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == used.split()


@pytest.mark.parametrize("wrong", ["pretend", 5, None, Path("pretend"), "its benchmark", "the other kind"], ids=repr)
@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda table, surrogate, out: surrogates.materialize(surrogate, out), "surrogate"),
        (lambda table, surrogate, out: surrogates.distill(surrogate, out), "surrogate"),
        (lambda table, surrogate, out: surrogates.evaluate(surrogate, table), "surrogate"),
        (lambda table, surrogate, out: surrogates.evaluate(surrogate, table), "table"),
        (lambda table, surrogate, out: surrogates.fit(table, out), "table"),
        (lambda table, surrogate, out: leave_out(table, surrogates.fit, by="best"), "table"),
    ],
    ids=["materialize", "distill", "evaluate", "evaluate by", "fit", "leave out"],
)
def test_what_was_not_opened_is_refused_in_one_line(make_surrogate, cifar10, tmp_path, ask, expected, wrong):
    given = {"table": cifar10.results, "surrogate": make_surrogate()}
    own = {"table": cifar10, "surrogate": Benchmark(given["surrogate"], "d")}
    (other,) = {*given} - {expected}
    wrong = {"its benchmark": own[expected], "the other kind": given[other]}.get(wrong, wrong)
    message = rf"^{expected}=.*; an opened one expected: nbk\.{expected.title()}\.open\(path\), or nbk\.load\(name\)"
    with pytest.raises(SettingError, match=message) as error:
        ask(**given | {expected: wrong}, out=tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_package_names_surrogates_and_imports_them_when_asked():
    assert nbk.Surrogate.__name__ == "Surrogate"
    assert "Surrogate" in nbk.__all__
    with pytest.raises(AttributeError, match="has no attribute 'Surrogat'"):
        _ = nbk.Surrogat

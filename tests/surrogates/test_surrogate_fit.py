"""Fitting surrogates: what is learned from, what is not, and that it ends in the same files however it went."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.cli.surrogate import surrogate as group
from nasbench_kit.errors import (
    NotRecordedError,
    SettingError,
    SurrogateError,
    UnknownNameError,
    WorkerError,
)
from nasbench_kit.importers import import_table
from nasbench_kit.jobs import pool
from nasbench_kit.predictors.splits import fold, held_out, position
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace, NASBench101Space, NASBench201Space
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.fitting import fit, members
from nasbench_kit.surrogates.fitting.fit import fit_surrogate
from nasbench_kit.surrogates.fitting.settings import FitSettings
from nasbench_kit.surrogates.fitting.split import split_again, split_table
from nasbench_kit.surrogates.fitting.training_data import choose_transform, curve, fit_outputs, read_runs, training_data
from nasbench_kit.surrogates.targets import backward
from nasbench_kit.tables import Additive, DatasetSpec, Table

SPACE = ChoiceSpace("letters", {str(i): tuple("abcd") for i in range(5)})  # 1,024 architectures
ARCHS = SPACE.all_archs()
FAST = {"encoding": "one_hot", "rounds": 40, "learning_rate": 0.3, "early_stopping": 10}
SHORT = FAST | {"rounds": 5}  # where it does not matter how good the models are
EPOCHS = (4, 12, 36)


def true_error(archs=ARCHS):
    """Generated: the logarithm of the error is a sum over decisions, and one interaction."""
    weights = np.random.default_rng(1).normal(size=(5, 4)) * 0.3
    total = sum(weights[i, archs[:, i]] for i in range(5)) + 0.3 * (archs[:, 0] == archs[:, 1])
    return np.exp(total - 2)


def generated(seeds=3, epochs=EPOCHS, noise=0.02, rng=0):
    """Accuracies of generated runs: (n_seeds, n_epochs, n_archs)."""
    rng = np.random.default_rng(rng)
    slower = np.array([1 + 4 / epoch for epoch in epochs])[None, :, None]
    errors = np.minimum(true_error() * slower, 0.9)
    return 1 - errors * np.exp(
        noise * rng.normal(size=(seeds, 1, 1)) + noise * rng.normal(size=(seeds, *errors.shape[1:]))
    )


def costs(epochs=EPOCHS):
    seconds = 3.0 + ARCHS.sum(axis=1)
    return (seconds * np.array(epochs)[:, None])[None]


@pytest.fixture(scope="module")
def make(new_path, stored):
    """A table of generated runs."""

    def make(accuracy=None, *, epochs=EPOCHS, name="generated", space=SPACE, archs=None, more=(), **metrics):
        accuracy = generated(epochs=epochs) if accuracy is None else accuracy
        given = [stored("val_accuracy", accuracy, seeds=range(len(accuracy)), epochs=epochs)]
        if archs is None:
            given.append(stored("cost_s", costs(epochs), epochs=epochs))
        given += [stored(metric, values) for metric, values in metrics.items()]
        datasets = {"d": DatasetSpec([*given, *more])}
        return Table.create(new_path(), name=name, space=space, datasets=datasets, archs=archs)

    return make


@pytest.fixture(scope="module")
def table(make):
    return make()


def quick(table, out, **arguments):
    """A fit of little."""
    given = {"settings": SHORT, "n_members": 3, "n_processes": 1} | arguments
    return fit_surrogate(table, out, **given)


def contents(folder):
    """File -> bytes; of the card all but what the clock said."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }
    card = json.loads(found.pop("card.json"))
    del card["fitted"]["seconds"], card["fitted"]["seconds_per_query"]
    return found | {"card.json": card}


def interrupt(*_, **__):
    raise KeyboardInterrupt


def tau(one, other):
    from scipy.stats import kendalltau

    return kendalltau(one, other).statistic


@pytest.fixture(scope="module")
def fitted(table, tmp_path_factory):
    return quick(table, tmp_path_factory.mktemp("fitted") / "mine", settings=FAST)


@pytest.fixture(scope="module")
def short(table, tmp_path_factory):
    return quick(table, tmp_path_factory.mktemp("short") / "mine")


# ---- quality ----


def test_held_out_cells_of_nasbench201_are_ranked_as_their_seeds_rank_them(tmp_path):
    # two runs of one cell agree to 0.91 (seeds 777 and 888; cells with both, all 15,625). Half of the cells held out,
    # a plain LightGBM has 0.90 (issue 4) where isomorphic cells are on both sides; 0.87 where they are not, as here
    cifar10 = nbk.load("nasbench201/cifar10")
    table = cifar10.results
    settings = {"encoding": "paths+adjacency", "rounds": 300, "learning_rate": 0.1, "feature_fraction": 1.0}
    how = {"datasets": ["cifar10"], "metrics": [], "settings": settings, "n_members": 1, "n_processes": 1}
    made = fit_surrogate(table, tmp_path / "s", test_share=0.5, **how)
    archs = table.archs()
    archs = archs[held_out(table.space, archs, 0.5)]
    predicted = nbk.Benchmark(made, "cifar10").query_many(archs).val_accuracy
    assert tau(predicted, cifar10.query_many(archs).val_accuracy) > 0.85
    assert made.card.fitted["n_test"] == len(archs)
    assert made.card.fitted["n_train"] == table.n_archs - len(archs)


def test_predictions_follow_the_truth_at_every_epoch_and_in_cost(fitted, table):
    mine, truth = nbk.Benchmark(fitted, "d"), nbk.Benchmark(table, "d")
    archs = ARCHS[held_out(SPACE, ARCHS, 0.2)]
    for epoch in EPOCHS:
        predicted, measured = mine.query_many(archs, epoch=epoch), truth.query_many(archs, epoch=epoch)
        assert np.corrcoef(predicted.val_accuracy, measured.val_accuracy)[0, 1] > 0.95
        assert np.corrcoef(predicted.cost_s, measured.cost_s)[0, 1] > 0.95
    assert mine.objective_metric.epochs == EPOCHS
    assert mine.objective_metric.seeds == (0, 1, 2)


def test_the_noise_is_that_of_the_runs(fitted):
    # generated: each run's logarithm of the error is off by 0.02 of its own and 0.02 of its seed, so sd is about 0.03 z
    prediction = fitted.predict("d", ARCHS)
    sd_z = prediction.sd / (1 - prediction.mean)
    assert 0.012 < np.median(sd_z) < 0.12


def test_the_best_of_a_small_space_is_looked_for_among_all(fitted, table):
    best = nbk.Benchmark(fitted, "d").best()
    assert fitted.card.best["d"] == {"arch": SPACE.format(best.arch), "proven": True}
    means = fitted.predict("d", ARCHS).mean
    assert means[SPACE.rank(best.arch)] == means.max()
    truth = nbk.Benchmark(table, "d").query_many(ARCHS).val_accuracy
    assert truth[SPACE.rank(best.arch)] > np.quantile(truth, 0.97)


def test_the_best_of_a_large_space_is_found_by_local_search(tmp_path, make):
    space = ChoiceSpace("large", {str(i): tuple("abcd") for i in range(12)})
    archs = np.unique(space.sample_many(np.random.default_rng(0), 400), axis=0)
    accuracy = (0.2 + archs.sum(axis=1) / 48)[None, None]
    how = {"settings": FAST, "n_members": 2, "noise": False}
    made = quick(make(accuracy, epochs=(1,), space=space, archs=archs), tmp_path / "s", **how)
    best = made.card.best["d"]
    assert not best["proven"]
    sampled = made.predict("d", space.sample_many(np.random.default_rng(1), 3_000)).mean
    assert made.predict("d", [best["arch"]]).mean[0] >= sampled.max()


# ---- what is never looked at ----


def test_values_of_held_out_architectures_change_nothing(make, tmp_path):
    accuracy = generated()
    poisoned = accuracy.copy()
    test = held_out(SPACE, ARCHS, 0.2)
    assert 0.15 < test.mean() < 0.25
    poisoned[:, :, test] = np.random.default_rng(3).random(poisoned[:, :, test].shape)
    one, other = (
        contents(quick(make(values), tmp_path / str(i) / "s").path) for i, values in enumerate((accuracy, poisoned))
    )
    cards = one.pop("card.json"), other.pop("card.json")
    assert one == other
    assert len(one) > 3 * 4
    assert cards[0]["targets"] == cards[1]["targets"]
    assert cards[0]["sha256"] == cards[1]["sha256"]
    assert cards[0]["fitted"]["table"] != cards[1]["fitted"]["table"]
    learned = accuracy.copy()
    learned[0, :, np.flatnonzero(~test)[0]] = 0.01  # the same in what is learned from changes the model
    assert (
        contents(quick(make(learned), tmp_path / "2" / "s").path)["members/0/channel_0.txt"]
        != one["members/0/channel_0.txt"]
    )


def test_an_out_of_fold_prediction_is_by_a_member_that_did_not_see_it(table, tmp_path, monkeypatch):
    seen, real = {}, fit.fit_noise

    def keep(space, archs, target, runs, z, folder, **how):
        seen[target.metric] = archs, z
        return real(space, archs, target, runs, z, folder, **how)

    monkeypatch.setattr(fit, "fit_noise", keep)
    made = quick(table, tmp_path / "s", settings=FAST | {"early_stopping": 0})
    assert list(seen) == ["val_accuracy"]  # the seconds of a run are not drawn
    archs, z = seen["val_accuracy"]
    assert len(archs) == made.card.fitted["n_train"]
    folds = fold(SPACE, archs, 3)
    values, _ = made.predictor.outputs(archs)
    target, first = made.card.target("d", "val_accuracy", "value")
    for k in range(3):
        mine = curve(target, values[folds == k, k][:, first : first + target.n_outputs])
        assert np.allclose(z[folds == k], mine)


@pytest.mark.parametrize("space", [NASBench201Space(), NASBench101Space()], ids=lambda space: space.name)
def test_isomorphic_cells_are_on_one_side(space, make):
    archs = space.sample_many(np.random.default_rng(0), 4_000)
    if space.keyed_by_identity:
        archs = archs[np.unique(space.identity(archs), return_index=True)[1]]
    else:
        archs = np.unique(archs, axis=0)
    table = make(np.full((1, 1, len(archs)), 0.5), epochs=(1,), space=space, archs=archs)
    parts = split_table(table, train_share=0.5)
    identity = space.identity(table.archs())
    for of in (parts.test, parts.train, parts.folds):
        assert len(np.unique(np.stack([identity, of.astype(np.uint64)]), axis=1).T) == len(np.unique(identity))
    assert not (parts.test & parts.train).any()


def test_parts_are_what_the_card_says(table):
    parts = split_table(table, test_share=0.3, train_share=0.5, n_members=4)
    assert parts.test.tolist() == (position(SPACE, table.archs()) < 0.3).tolist()
    assert parts.train.tolist() == (~parts.test & (position(SPACE, table.archs(), salt=2) < 0.5)).tolist()
    for k in range(4):
        assert parts.validates(k).tolist() == (parts.train & (fold(SPACE, table.archs(), 4) == k)).tolist()
        assert parts.learns(k).tolist() == (parts.train & (fold(SPACE, table.archs(), 4) != k)).tolist()
    again = split_again(table, json.loads(json.dumps(parts.rule)))
    assert all(np.array_equal(a, b) for a, b in zip(again[:3], parts[:3], strict=True))
    assert "position(space, archs, salt=2) < train_share" in parts.rule["rule"]


def test_more_training_data_include_what_fewer_had(table):
    smaller, larger = (split_table(table, train_share=share).train for share in (0.1, 0.4))
    assert (larger | ~smaller).all()
    assert 0.05 < smaller.mean() < 0.11


# ---- the same files, however it went ----


def test_the_same_seed_gives_the_same_files_with_one_process_and_with_two(short, table, tmp_path):
    two = quick(table, tmp_path / "mine", n_processes=2)
    assert contents(two.path) == contents(short.path)
    other = quick(table, tmp_path / "other", seed=1, settings=SHORT | {"feature_fraction": 0.5}, name="mine")
    assert contents(other.path)["members/0/channel_0.txt"] != contents(short.path)["members/0/channel_0.txt"]


SMALL = {
    "xgboost": {"encoding": "one_hot", "rounds": 20},
    "random_forest": {"encoding": "one_hot", "rounds": 5},
    "mlp": {"encoding": "one_hot", "epochs": 3, "hidden": 16},
}


@pytest.mark.slow
def test_every_model_gives_the_same_files_in_this_process_and_in_another(table, tmp_path, monkeypatch):
    with pool(1) as other:  # for all: importing what models need takes longer than fitting them
        for model, settings in SMALL.items():
            how = {"model": model, "settings": settings, "n_members": 2, "train_share": 0.2, "noise": False}
            here = quick(table, tmp_path / model / "here" / "mine", **how)
            with monkeypatch.context() as patch:
                patch.setattr(members, "run", lambda fit_member, waiting, _: other.map(fit_member, waiting))
                apart = quick(table, tmp_path / model / "apart" / "mine", n_processes=2, **how)
            assert contents(here.path) == contents(apart.path)
            assert here.predict("d", ARCHS).members.shape == (2, len(ARCHS))


def test_nothing_but_models_and_the_card_is_left(fitted):
    there = contents(fitted.path)
    assert set(there) == {"card.json", *fitted.card.files}
    assert {name.split("/")[0] for name in there} == {"card.json", "members", "noise"}
    assert not [name for name in there if "out_of_fold" in name or name.startswith(".")]
    fitted.verify()


@pytest.mark.parametrize("at", ["second member", "noise", "files", "best", "card"])
def test_a_fit_that_stopped_goes_on_to_the_same_files(at, short, table, tmp_path, monkeypatch):
    fitted_members = []
    whole = members.fit_member

    def counted(member, progress):
        if at == "second member" and len(fitted_members) == 1:
            raise KeyboardInterrupt
        whole(member, progress)
        fitted_members.append(member.number)

    with monkeypatch.context() as patch:
        patch.setattr(members, "fit_member", counted)
        places = {"noise": "fit_noise", "files": "_hashes", "best": "find_best", "card": "write_card"}
        if at in places:
            patch.setattr(fit, places[at], interrupt)
        with pytest.raises(KeyboardInterrupt):
            quick(table, tmp_path / "mine")
    assert not Surrogate.is_one(tmp_path / "mine")
    assert fitted_members == ([0] if at == "second member" else [0, 1, 2])
    monkeypatch.setattr(members, "fit_member", counted)
    at = "over"
    made = quick(table, tmp_path / "mine")
    assert fitted_members == [0, 1, 2]
    assert contents(made.path) == contents(short.path)


def half_made(table, out, monkeypatch, at="write_card", **how):
    """A folder as it is when a fit is stopped just before its card is written."""
    with monkeypatch.context() as patch:
        patch.setattr(fit, at, interrupt)
        with pytest.raises(KeyboardInterrupt):
            quick(table, out, **how)
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


DAMAGES = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "absent": Path.unlink,
}


def test_after_a_loss_of_power_the_same_call_goes_on_to_the_same_files(make, tmp_path, monkeypatch):
    table = make(generated(seeds=2, epochs=(9,)), epochs=(9,))
    how = {"n_members": 2, "tune": 2, "settings": FAST | {"rounds": 2}, "name": "mine", "train_share": 0.3}
    whole = contents(quick(table, tmp_path / "whole", **how).path)
    half = tmp_path / "half"
    names = half_made(table, half, monkeypatch, **how)
    assert len(names) > 30
    one_of_a_kind = {re.sub(r"\d+", "N", str(name)): name for name in names}
    assert {
        ".fit/job.json", ".fit/trials/N", ".fit/members/N.done", ".fit/members/N/out_of_fold.npy",
        ".fit/members/N/channel_N.txt", ".fit/noise/N.done", ".fit/noise/N/targets.json", "members/N/channel_N.txt",
    } <= set(one_of_a_kind)  # fmt: skip
    damages = cycle(DAMAGES.values())
    for name in one_of_a_kind.values():
        state = tmp_path / "state"
        shutil.copytree(half, state)
        next(damages)(state / name)
        made = contents(quick(table, state, **how).path)
        cards = made.pop("card.json"), {**whole}.pop("card.json")
        assert made == {key: whole[key] for key in whole if key != "card.json"}, name
        assert cards[0]["sha256"] == cards[1]["sha256"], name
        shutil.rmtree(state)


def test_a_finished_surrogate_that_lost_a_file_is_made_whole_by_the_same_call(table, tmp_path):
    how = {"n_members": 2, "noise": False}
    whole = contents(quick(table, tmp_path / "mine", **how).path)
    os.truncate(tmp_path / "mine" / "members" / "1" / "channel_0.txt", 100)
    assert contents(quick(table, tmp_path / "mine", **how).path) == whole


def test_a_killed_command_goes_on_to_the_same_files(fitted, table, tmp_path):
    options = [word for item in FAST.items() for word in ("--set", "=".join(map(str, item)))]
    words = ["surrogate", "fit", "--table", table.path, "--members", "3", "--processes", "2", "--out", "mine", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nasbench_kit", *words]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment)
    members = tmp_path / "mine" / ".fit" / "members"
    until = time.monotonic() + 600
    while not (members / "0").exists() and not (members / "1").exists():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "mine" / "card.json").exists()
    made = quick(table, tmp_path / "mine", settings=FAST)
    assert contents(made.path) == contents(fitted.path)


def test_children_of_a_killed_fit_end_too(table, tmp_path):
    settings = [
        word
        for item in (FAST | {"rounds": 100_000, "early_stopping": 0}).items()
        for word in ("--set", "=".join(map(str, item)))
    ]
    words = [
        "surrogate",
        "fit",
        "--table",
        table.path,
        "--members",
        "2",
        "--processes",
        "2",
        "--out",
        "mine",
        *settings,
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "nasbench_kit", *words], cwd=tmp_path, env=environment)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not tell the children of a process")
    until = time.monotonic() + 600
    while len(found := children.read_text().split()) < 3:  # two members, and what cleans up after them
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(Path(f"/proc/{child}").exists() for child in found):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_finished_fit_is_not_repeated(short, table, monkeypatch):
    before = contents(short.path)
    monkeypatch.setattr(members, "fit_member", lambda *_, **__: pytest.fail("fitted again"))
    assert quick(table, short.path).sha256 == short.sha256
    assert contents(short.path) == before


def test_a_process_that_dies_is_one_line_and_loses_nothing(table, tmp_path):
    # a model of so many rounds that it is still at it when it is killed
    settings = FAST | {"rounds": 100_000, "early_stopping": 0}

    def kill():
        import multiprocessing

        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        os.kill(children[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(WorkerError, match=r"a worker process died .* run the same again"):
        quick(table, tmp_path / "mine", settings=settings, n_processes=2)
    killer.join()


def test_a_full_disk_is_one_line(table, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(SettingError, match=r"cannot write to '.*mine': No space left on device"):
        quick(table, tmp_path / "mine")


def test_an_error_in_a_process_arrives_as_it_is(table, tmp_path):
    with pytest.raises(SettingError, match="takes outputs from 0 to 1"):
        quick(table, tmp_path / "s", settings=FAST | {"objective": "cross_entropy"}, n_processes=2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, "holds the beginning of another fit: seed is 0 there, 1 now; give another folder"),
        ({"settings": FAST | {"rounds": 3}}, r"settings.rounds is 5 there, 3 now"),
        ({"test_share": 0.1}, r"test_share is 0.2 there, 0.1 now"),
        ({"n_members": 4}, "n_members is 3 there, 4 now"),
    ],
)
def test_a_folder_of_another_fit_is_refused(changed, message, table, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(members, "fit_member", interrupt)
        with pytest.raises(KeyboardInterrupt):
            quick(table, tmp_path / "mine")
    with pytest.raises(SettingError, match=message):
        quick(table, tmp_path / "mine", **changed)


def test_a_surrogate_of_another_table_is_not_overwritten(short, make):
    with pytest.raises(SettingError, match="holds a surrogate of another fit: the table's sha256 is"):
        quick(make(generated(rng=5)), short.path)


def test_a_folder_of_something_else_is_not_touched(table, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(SettingError, match="exists already and is no surrogate; give a new folder"):
        quick(table, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(SettingError, match=r"exists already|cannot make"):
        quick(table, tmp_path / "thesis.tex")
    with pytest.raises(SettingError, match="cannot make the folder"):
        quick(table, tmp_path / "thesis.tex" / "below")


# ---- what is missing, and what is many ----


def test_what_was_not_recorded_is_not_learned(make, tmp_path):
    accuracy = generated()
    whole = make(accuracy)
    holes = accuracy.copy()
    holes[1:, :, ::2] = np.nan  # one run of every other architecture
    holes[:, 0, 5::7] = np.nan  # the first epoch of some
    holes[:, :, 3::11] = np.nan  # nothing of others
    made = quick(make(holes), tmp_path / "s", settings=FAST)
    assert made.card.fitted["n_train"] + made.card.fitted["n_test"] > (~np.isnan(holes).all(axis=(0, 1))).sum() - 1
    truth = nbk.Benchmark(whole, "d").query_many(ARCHS[3::11]).val_accuracy
    assert np.corrcoef(nbk.Benchmark(made, "d").query_many(ARCHS[3::11]).val_accuracy, truth)[0, 1] > 0.9


def test_a_missing_epoch_leaves_the_others_of_a_short_curve(make):
    accuracy = generated(seeds=1)
    accuracy[:, 0, :100] = np.nan
    data = training_data(read_runs(make(accuracy), metrics=[]))
    missing = np.isnan(data.outputs)
    assert missing[:100].tolist() == [[True, False, False]] * 100
    assert not missing[100:].any()
    assert np.nanstd(data.outputs, axis=0) == pytest.approx(1)


def test_collapsed_runs_are_left_to_the_noise_and_learned_from_without_it(make, tmp_path):
    accuracy = generated(seeds=1)
    accuracy[0, :, ::9] = 0.1  # of one value, near chance: see test_surrogate_noise.py for what counts as such
    runs = read_runs(make(accuracy), metrics=[])
    assert np.isnan(training_data(runs).outputs[::9]).all()
    assert not np.isnan(training_data(runs, mask=False).outputs).any()
    how = {"settings": FAST, "metrics": [], "n_members": 2}
    plain, noisy = (quick(make(accuracy), tmp_path / str(noise), noise=noise, **how) for noise in (False, True))
    assert [target.kind for target in plain.card.targets] == ["value"]
    assert [target.kind for target in noisy.card.targets] == ["value", "noise", "collapse"]
    assert noisy.predict("d", ARCHS).collapse.mean() == pytest.approx(1 / 9, abs=0.05)
    assert not Path(plain.path, "noise").exists()


def test_outputs_give_the_mean_of_the_runs_back(make):
    accuracy = generated()
    data = training_data(read_runs(make(accuracy), metrics=[]))
    (target,) = data.targets
    assert target.transform == "log_error"
    values = backward(target.transform, curve(target, data.outputs))
    assert values == pytest.approx(1 - np.exp(np.log(1 - accuracy).mean(axis=0)).T)


def test_long_curves_are_a_few_outputs(make):
    # generated curves of two components
    epochs = tuple(range(1, 41))
    rng = np.random.default_rng(0)
    level, speed = rng.normal(size=(2, len(ARCHS)))
    z = 3 + 0.3 * level + np.outer(1 - np.exp(-np.array(epochs) / 10), 1 + 0.2 * speed)
    runs = read_runs(make(-np.expm1(-z)[None], epochs=epochs), metrics=[])
    (target,) = training_data(runs).targets
    assert target.n_outputs == 2
    data = training_data(runs)
    assert pytest.approx(z, abs=1e-3) == curve(target, data.outputs).T
    assert np.cov(data.outputs.T) == pytest.approx(np.eye(2), abs=0.01)


def test_half_a_long_curve_tells_its_outputs_and_less_does_not(make):
    epochs = tuple(range(1, 41))
    rng = np.random.default_rng(0)
    level, speed = rng.normal(size=(2, len(ARCHS)))
    z = 3 + 0.3 * level + np.outer(1 - np.exp(-np.array(epochs) / 10), 1 + 0.2 * speed)
    z += 1e-3 * rng.normal(size=z.shape)
    cut = z.copy()
    cut[20:, :50] = np.nan  # trained half as long
    cut[19:, 50:100] = np.nan
    (runs,) = read_runs(make(-np.expm1(-cut)[None], epochs=epochs), metrics=[])
    data = training_data([runs])
    (target,) = data.targets
    whole = fit_outputs(target, z.T)
    assert data.outputs[:50] == pytest.approx(whole[:50], abs=0.15)
    assert np.isnan(data.outputs[50:100]).all()
    assert data.outputs[100:] == pytest.approx(whole[100:])


def test_long_curves_of_which_none_is_whole_are_refused(make):
    accuracy = generated(epochs=tuple(range(1, 11)))
    accuracy[:, ::2, ::2] = np.nan
    accuracy[:, 1::2, 1::2] = np.nan
    runs = read_runs(make(accuracy, epochs=tuple(range(1, 11))), metrics=[])
    with pytest.raises(NotRecordedError, match=r"at all 10 epochs for none of the 1,024 .* or 4 at most"):
        training_data(runs)


def test_errors_and_costs_are_learned_as_logarithms():
    metric = nbk.Metric.from_name
    some = np.array([0.2, 0.9])
    assert choose_transform(metric("val_accuracy"), some) == "log_error"
    assert choose_transform(metric("val_accuracy"), 100 * some) == "identity"
    assert choose_transform(metric("cost_s"), some) == "log"
    assert choose_transform(metric("val_loss"), some) == "log"
    assert choose_transform(metric("val_loss"), -some) == "identity"  # TransNAS-Bench-101 has negative ones
    assert choose_transform(metric("val_error"), some) == "log"


def test_a_run_without_any_error_is_not_infinitely_good(make):
    accuracy = generated(seeds=1, epochs=(1,))
    accuracy[0, 0, 7] = 1.0
    data = training_data(read_runs(make(accuracy, epochs=(1,)), metrics=[]))
    assert np.isfinite(data.outputs).all()
    assert data.outputs[:, 0].argmax() == 7


def test_metrics_without_seeds_and_epochs_are_learned_too(make, tmp_path):
    latency = 2.0 + ARCHS[:, 0]
    params = Additive(nbk.Metric.from_name("params_m"), 10, {"b": 5})
    table = make(**{"latency_ms[edgegpu]": latency}, more=[params])
    how = {"settings": FAST, "metrics": ["latency_ms[edgegpu]", "params_m"], "noise": False, "n_members": 2}
    made = quick(table, tmp_path / "s", **how)
    assert list(made.metrics("d")) == ["val_accuracy", "latency_ms[edgegpu]", "params_m"]
    assert made.predict("d", ARCHS, "latency_ms[edgegpu]").mean == pytest.approx(latency, rel=0.1)
    assert made.metrics("d")["params_m"].epochs == ()
    assert np.isnan(made.predict("d", ARCHS).sd).all()


def test_several_datasets_are_predicted_by_one_model(new_path, stored, tmp_path):
    accuracy = generated(epochs=(1,))
    both = {
        name: DatasetSpec([stored("val_accuracy", values, seeds=range(3), epochs=(1,))])
        for name, values in (("c", accuracy), ("d", 1 - accuracy))
    }
    table = Table.create(new_path(), name="two", space=SPACE, datasets=both)
    made = quick(table, tmp_path / "s", settings=FAST)
    assert made.datasets == ("c", "d")
    assert made.card.n_outputs("value") == 2
    for dataset in ("c", "d"):
        truth = nbk.Benchmark(table, dataset).query_many(ARCHS).val_accuracy
        assert np.corrcoef(nbk.Benchmark(made, dataset).query_many(ARCHS).val_accuracy, truth)[0, 1] > 0.95
    one = quick(table, tmp_path / "one", datasets=["d"])
    assert one.datasets == ("d",)


def test_one_member_stops_by_a_tenth(table, tmp_path):
    made = quick(table, tmp_path / "s", n_members=1)
    assert made.card.fitted["split"]["n_folds"] == 10
    bench = nbk.Benchmark(made, "d")
    assert bench.objective_metric.seeds == ()
    assert bench.query(ARCHS[3]).seeds == ()
    assert np.isfinite(bench.query(ARCHS[3], rng=np.random.default_rng(0)).val_accuracy)


def test_some_of_the_epochs(table, tmp_path):
    made = quick(table, tmp_path / "s", epochs=[36, 4], noise=False, n_members=2)
    assert made.metrics("d")["val_accuracy"].epochs == made.metrics("d")["cost_s"].epochs == (4, 36)
    with pytest.raises(NotRecordedError, match="epoch 12 is not predicted; choose from 4, 36"):
        nbk.Benchmark(made, "d").query(ARCHS[0], epoch=12)


# ---- the lists that come with NAS-Bench-301 ----

DARTS = DARTSSpace()


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Generated: 260 results in the layout of NAS-Bench-301, see test_import_nasbench301.py, and their split lists."""
    folder = tmp_path_factory.mktemp("nasbench301")
    archs = DARTS.sample_many(np.random.default_rng(0), 250).tolist()
    archs += archs[:10]  # trained twice
    paths = []
    for i, arch in enumerate(archs):
        val = round(90 + 4 * sum(arch) / (34 * 6) + 0.01 * (i % 7), 2)
        epochs = 12
        content = {
            "optimized_hyperparamater_config": DARTS.configuration(tuple(arch), training=True),
            "budget": epochs,
            "info": [{"val_accuracy": val, "epochs": epochs, "model_parameters": 1_000_000}],
            "test_accuracy": val - 0.5,
            "runtime": 1000.0 + 100 * sum(arch),
            "learning_curves": {
                "Train/val_accuracy": np.round(val - 40 / np.arange(1, epochs + 1) + 40 / epochs, 2).tolist()
            },
        }
        path = folder / "nb_301" / ("rs" if i < 150 else "re") / f"results_{i}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        paths.append(f"/home/user/nb_301_v13/{path.parent.name}/{path.name}")
    lists = folder / "default_split"
    lists.mkdir()
    # the first run of architecture 0 is for training, its second (250) for testing
    for part, which in {"train": range(200), "val": range(200, 225), "test": range(225, 255)}.items():
        (lists / f"{part}_paths.json").write_text(json.dumps([paths[i] for i in which]))
    return import_table([folder / "nb_301", lists], folder / "nasbench301.h5"), np.array(archs, np.uint8)


def test_official_lists_say_what_is_held_out(official):
    table, archs = official
    parts = split_table(table, split="official", n_members=3)
    rows = table.rows(archs[:250])
    assert parts.test.sum() == 25 + 5
    assert parts.test[rows[225:]].all()
    assert parts.test[rows[:5]].all()  # held out whole: another run of it is a test run
    assert parts.learns(0)[rows[5:200]].all()
    assert parts.learns(0).sum() == 195
    for k in range(3):  # all members stop by the same
        assert np.flatnonzero(parts.validates(k)).tolist() == sorted(rows[200:225].tolist())
    again = split_again(table, json.loads(json.dumps(parts.rule)))
    assert all(np.array_equal(a, b) for a, b in zip(again[:3], parts[:3], strict=True))


def test_a_surrogate_of_nasbench301_has_members_of_different_seeds(official, tmp_path):
    table, archs = official
    settings = {"rounds": 40, "learning_rate": 0.3, "feature_fraction": 0.5, "min_child_samples": 5}
    made = quick(table, tmp_path / "s", split="official", settings=settings, n_members=2)
    assert made.card.fitted["n_train"] == 195 + 25
    assert made.card.fitted["n_test"] == 30
    assert made.metrics("cifar10")["val_accuracy"].epochs == tuple(range(1, 13))
    target, _ = made.card.target("cifar10", "val_accuracy", "value")
    assert target.n_outputs < 4  # of curves that are all alike
    bench = nbk.Benchmark(made, "cifar10")
    first, second = (bench.query(archs[230].tolist(), seed=seed).val_accuracy for seed in (0, 1))
    assert first != second
    truth = nbk.Benchmark(table, "cifar10").query_many(archs[225:250]).val_accuracy
    assert np.corrcoef(bench.query_many(archs[225:250]).val_accuracy, truth)[0, 1] > 0.5


def test_a_table_without_lists_says_what_it_has(table, official):
    with pytest.raises(SettingError, match="table 'generated' has no split 'official'; choose from hash"):
        split_table(table, split="official")
    with pytest.raises(
        SettingError, match="table 'nasbench301' has no split 'leave_out_rs'; choose from hash, official"
    ):
        split_table(official[0], split="leave_out_rs")


# ---- tuning ----


def test_tuning_never_ends_worse_than_it_began_and_is_on_the_card(table, tmp_path):
    start = FAST | {"learning_rate": 1e-4}  # far outside of what is searched
    made = quick(table, tmp_path / "s", settings=start, tune=4, n_members=1)
    chosen = made.card.fitted["settings"]
    assert made.card.fitted["arguments"]["tune"] == 4
    assert chosen["learning_rate"] >= 0.01
    assert chosen["encoding"] == "one_hot"
    assert (
        json.loads(Path(made.path, "members/0/model.json").read_text())["settings"]["num_leaves"]
        == chosen["num_leaves"]
    )


def test_an_interrupted_search_goes_on_to_the_same_settings(table, tmp_path, monkeypatch):
    how = {"tune": 4, "n_members": 1, "name": "mine"}
    whole = quick(table, tmp_path / "whole", **how)
    with monkeypatch.context() as patch:
        patch.setattr(fit, "fit_members", interrupt)
        with pytest.raises(KeyboardInterrupt):
            quick(table, tmp_path / "cut", **how)
    trials = sorted((tmp_path / "cut" / ".fit" / "trials").iterdir())
    assert len(trials) == 4
    os.truncate(trials[1], 20)  # a loss of power
    trials[3].unlink()
    cut = quick(table, tmp_path / "cut", **how)
    assert cut.card.fitted["settings"] == whole.card.fitted["settings"]
    assert cut.sha256 == whole.sha256


# ---- wrong arguments ----


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"model": "lightgb"}, UnknownNameError, "unknown model 'lightgb'; did you mean 'lightgbm'"),
        ({"preset": "publish"}, UnknownNameError, "unknown preset of lightgbm 'publish'; choose from default"),
        ({"settings": {"leaves": 3}}, UnknownNameError, "unknown setting of lightgbm 'leaves'"),
        ({"settings": {"rounds": -1}}, SettingError, "rounds=-1"),
        ({"datasets": ["cifar"]}, UnknownNameError, "unknown dataset of generated 'cifar'"),
        ({"metrics": ["val_acc"]}, UnknownNameError, "unknown metric|records nothing|no 'val_acc'"),
        ({"metrics": ["test_accuracy"]}, NotRecordedError, "records nothing on the test split"),
        ({"epochs": [5]}, NotRecordedError, "epoch 5 was not recorded; choose from 4, 12, 36"),
        ({"test_share": 1.0}, SettingError, "held-out share 1.0; at least 0 and below 1 expected"),
        ({"train_share": 0}, SettingError, "train_share=0; above 0 and at most 1 expected"),
        ({"train_share": 0.01}, SettingError, r"member \d would learn from \d+ architectures and stop by \d+: too few"),
        ({"n_members": 0}, SettingError, "n_members=0"),
        ({"n_processes": 0}, SettingError, "n_processes=0"),
        ({"seed": -1}, SettingError, "seed=-1"),
        ({"split": "official"}, SettingError, "has no split 'official'; choose from hash"),
        ({"name": "a/b"}, SettingError, "'a/b' cannot be a name"),
        ({"name": ""}, SettingError, "'' cannot be a name"),
        ({"datasets": []}, SettingError, "no dataset"),
    ],
)
def test_wrong_arguments_are_one_line_and_leave_nothing(changed, error, message, table, tmp_path):
    with pytest.raises(error, match=message) as raised:
        quick(table, tmp_path / "s", **({"n_members": 10} | changed))
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_metric_that_was_never_recorded_for_them_is_refused(make, tmp_path):
    accuracy = generated()
    accuracy[:, 1] = np.nan
    accuracy[0, 1, np.flatnonzero(held_out(SPACE, ARCHS, 0.2))[0]] = 0.5
    with pytest.raises(
        NotRecordedError, match=r"d: val_accuracy was recorded at epoch 12 for none of the 8.. architectures"
    ):
        quick(make(accuracy), tmp_path / "s")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("value", "said"), [(np.inf, "is inf"), (-np.inf, "is -inf")])
@pytest.mark.parametrize("noise", [True, False])
def test_a_run_of_no_finite_value_is_named_with_what_to_do(value, said, noise, table, tmp_path, monkeypatch):
    # a table of format 1.0 may hold such; writers refuse them now
    row = np.flatnonzero(~held_out(SPACE, ARCHS, 0.2))[3]

    def with_one(*given):
        found = read_runs(*given)
        found[0].values[1, row, 2] = value
        return found

    monkeypatch.setattr(fit, "read_runs", with_one)
    with pytest.raises(SurrogateError, match=f"seed 1, epoch 36 {said} .1 of .* let the table say") as raised:
        quick(table, tmp_path / "s", noise=noise)
    assert SPACE.format(ARCHS[row].tolist()) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_the_probability_that_a_run_fails_is_learned_where_the_table_says_which_did(metric, stored, new_path, tmp_path):
    # generated: nine in ten runs fail of architectures whose first decision is 'd'
    fails = np.random.default_rng(0).random((2, 1, len(ARCHS))) < np.where(ARCHS[:, 0] == 3, 0.9, 0.0)
    loss = generated(seeds=2, epochs=(9,))
    values = np.where(fails, np.nan, loss if metric == "val_accuracy" else 2 - loss)
    spec = DatasetSpec(
        [
            stored(metric, values, seeds=(0, 7), epochs=(9,)),
            stored("failed", fails.astype(float), seeds=(0, 7), epochs=(9,)),
            stored("cost_s", costs((9,)), epochs=(9,)),
        ],
        objective=metric,
        failed="failed",
    )
    table = Table.create(new_path(), name="failing", space=SPACE, datasets={"d": spec})
    made = quick(table, tmp_path / "s", settings=FAST)
    assert made.card.fitted["n_train"] + made.card.fitted["n_test"] == len(ARCHS)  # none is left out
    collapse = made.predict("d", ARCHS).collapse
    assert collapse[ARCHS[:, 0] == 3].mean() == pytest.approx(0.9, abs=0.05)
    assert collapse[ARCHS[:, 0] != 3].max() < 0.1
    drawn = nbk.Benchmark(made, "d").query_many(ARCHS[ARCHS[:, 0] == 3], rng=np.random.default_rng(0))[1]
    worst = (np.nanmin if metric == "val_accuracy" else np.nanmax)(values[:, :, ~held_out(SPACE, ARCHS, 0.2)])
    assert 0.85 < np.mean(np.isclose(drawn, worst)) < 0.95  # a failed run has no value: the worst stands for it
    assert [target.kind for target in quick(table, tmp_path / "plain", noise=False).card.targets] == ["value", "value"]


def test_settings_of_a_fit_are_checked_and_survive_their_card(fitted, table):
    arguments = fitted.card.fitted["arguments"]
    again = FitSettings.from_json(json.loads(json.dumps(arguments)))
    assert again.to_json() == arguments
    assert again.command(Path(table.path).name, "mine") == fitted.card.fitted["command"]
    assert again.of_model() == fitted.card.fitted["settings"]
    with pytest.raises(SettingError, match="seed=-1"):
        FitSettings.from_json(arguments | {"seed": -1})


# ---- reading ----


def test_a_damaged_member_is_noticed(table, tmp_path):
    made = quick(table, tmp_path / "s", n_members=2, noise=False)
    path = tmp_path / "s" / "members" / "1" / "channel_0.txt"
    content = path.read_text()
    path.write_text(content.replace("1", "2", 5))
    with pytest.raises(SurrogateError, match=r"'members/1/channel_0.txt' of surrogate .* is not what was fitted"):
        Surrogate(made.path).predict("d", ARCHS[:2])
    path.unlink()
    with pytest.raises(SurrogateError, match=r"lacks 'members/1/channel_0.txt'"):
        Surrogate(made.path).predict("d", ARCHS[:2])


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        ({"members": ["members/0"]}, "its card says"),
        ({"members": ["../members/0"]}, "lies outside of the folder"),
        ({"members": 3}, "does not say how its members are read"),
        ({"model": "forest"}, "unknown model 'forest'"),
    ],
)
def test_a_card_that_does_not_fit_its_members_is_noticed(predictor, message, table, tmp_path):
    from nasbench_kit.surrogates.card import read_card
    from nasbench_kit.surrogates.members import load

    made = quick(table, tmp_path / "s", n_members=2, noise=False)
    card = read_card(made.path)
    with pytest.raises((SurrogateError, UnknownNameError), match=message):
        load(made.path, card._replace(predictor=card.predictor | predictor))


def test_one_architecture_is_answered_as_in_a_batch(fitted):
    values, noise = fitted.predictor.outputs(ARCHS[:5])
    assert values.shape == (5, 3, fitted.card.n_outputs("value"))
    for i in range(5):
        one, its_noise = fitted.predictor.outputs_of(tuple(ARCHS[i].tolist()))
        assert one.tolist() == values[i].tolist()
        assert its_noise.tolist() == noise[i].tolist()
    assert fitted.predictor.outputs(ARCHS[:0])[0].shape == (0, 3, fitted.card.n_outputs("value"))


def test_the_card_says_where_it_comes_from(fitted, table):
    card = fitted.card
    assert card.fitted["table"] == {"name": "generated", "sha256": table.sha256}
    assert {"python", "numpy", "nasbench_kit", "lightgbm"} <= set(card.fitted["versions"])
    assert card.fitted["seconds"] > 0
    assert card.about["licence"] == "not stated"
    file = Path(table.path).name
    assert card.fitted["command"].startswith(f"nasbench-kit surrogate fit --table {file} --model lightgbm --members 3")
    assert set(card.files) == {path for path in contents(fitted.path) if path != "card.json"}


# ---- the command line ----


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["surrogate", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.output


def examples(command):
    lines = [line.strip() for line in command.epilog.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("nasbench-kit ")]


@pytest.mark.parametrize("name", group.commands)
def test_every_command_has_help_and_examples(name):
    command = group.commands[name]
    text = run(name, "--help")
    assert examples(command)
    for words in examples(command):
        assert words[:2] == ["surrogate", name]
        assert shlex.join(["nasbench-kit", *words]) in " ".join(text.split())
    assert all(parameter.param_type_name == "argument" or parameter.help for parameter in command.params)


@pytest.mark.parametrize("words", examples(group.commands["fit"]), ids=shlex.join)
def test_the_examples_are_understood(words, tmp_path, monkeypatch):
    seen = []

    def stop(opened, out, **arguments):
        seen.append((opened, out, arguments))
        raise SettingError("enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fit, "fit_surrogate", stop)
    monkeypatch.setattr(sys.modules["nasbench_kit.cli.surrogate"], "open_table", lambda name: name)
    assert run(*words[1:], code=2) == "error: enough\n"
    ((_, _, arguments),) = seen
    assert arguments["model"] in ("lightgbm", "xgboost")


def test_the_command_fits_what_the_function_fits(short, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = [word for item in SHORT.items() for word in ("--set", "=".join(map(str, item)))]
    words = ["--table", table.path, "--model", "lgb", "--members", 3, "--processes", 1, "--out", "mine", *settings]
    text = run("fit", *words)
    assert contents("mine") == contents(short.path)
    assert "3 members (lightgbm), learned from" in text
    assert "mine/d: val_accuracy at 3 epochs, cost_s at 3 epochs; the best, of all:" in text
    assert text.endswith(f"nasbench-kit surrogate eval mine --table {table.path}\n")


def test_the_command_on_the_card_fits_the_same_again(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"n_members": 2, "epochs": [4, 36], "seed": 3, "test_share": 0.3, "name": "other", "noise": False}
    made = quick(table, "mine", datasets=["d"], metrics=["cost_s"], **arguments)
    words = shlex.split(made.card.fitted["command"])
    before = contents("mine")
    (tmp_path / Path(table.path).name).symlink_to(table.path)
    (tmp_path / "mine").rename(tmp_path / "before")
    run(*words[2:], "--processes", 1)
    assert contents("mine") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "rounds"], "--set 'rounds'; NAME=VALUE expected"),
        (["--set", "rounds=many"], "rounds='many'"),
        (["--epochs", "4;12"], "--epochs '4;12'; numbers joined by commas expected"),
        (["--model", "svm"], "unknown model 'svm'"),
        (["--table", "nowhere.h5"], "nowhere.h5"),
    ],
)
def test_wrong_words_are_one_line(words, message, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run("fit", "--table", table.path, "--out", "s", *words, code=2)
    assert text.startswith("error: ")
    assert message in text
    assert text.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_ctrl_c_says_how_to_go_on(table, tmp_path, monkeypatch):
    monkeypatch.setattr(members, "fit_member", interrupt)
    result = CliRunner().invoke(
        main, ["surrogate", "fit", "--table", table.path, "--processes", "1", "--out", str(tmp_path / "s")]
    )
    assert result.exit_code == 130
    assert result.output == f"error: stopped; what is finished is in {tmp_path / 's'}: the same command goes on\n"


@pytest.mark.parametrize(
    ("model", "package"), [("lightgbm", "lightgbm"), ("xgboost", "lightgbm"), ("mlp", "safetensors")]
)
def test_a_fit_that_lacks_a_package_begins_nothing_that_would_stand_in_the_way(model, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    given = ["surrogate", "fit", "--table", "nasbench201", "--model", model, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    assert f"needs the package {package}, which is not installed" in result.stderr
    assert list(tmp_path.iterdir()) == []

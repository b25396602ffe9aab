"""Distilling a surrogate into a network, and writing its predictions into a table.

The teachers are GENERATED networks of random weights, in a space small enough to look at whole; one is a LightGBM
ensemble fitted to the real values of NAS-Bench-201.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count, cycle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.encodings.features import sparse
from nasbench_kit.errors import SettingError, TableError, UnknownNameError, WorkerError
from nasbench_kit.spaces import ChoiceSpace, DARTSSpace
from nasbench_kit.surrogates import Surrogate, materialize
from nasbench_kit.surrogates.card import make_card, sha256_of, write_card
from nasbench_kit.surrogates.network import Network
from nasbench_kit.surrogates.targets import Target
from nasbench_kit.tables.metric import Metric
from nasbench_kit.tables.spec import SEPARATE_TRAININGS

MEMBERS, VALUES, NOISE = 3, 3, 2
SPACE = ChoiceSpace("letters", {f"edge{i}": tuple("abcd") for i in range(6)})  # 4,096 architectures


def make_teacher(folder, space=SPACE, n_members=MEMBERS):
    """A surrogate whose members nearly agree, of accuracies at two epochs, cost, and noise of two epochs."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    encoding = sparse(space, "one_hot")
    n_members_values = n_members * VALUES
    common = rng.integers(-20_000, 20_000, (12, VALUES + NOISE))
    own = rng.integers(-4_000, 4_000, (12, n_members_values))
    last = np.hstack([np.tile(common[:, :VALUES], n_members) + own, common[:, VALUES:]]).astype(np.int16)
    tensors = {
        "embedding": rng.integers(-8_000, 8_000, (encoding.n_columns, 12)).astype(np.int16),
        "bias.0": np.zeros(12, np.int64),
        "factor.0": np.ones(12),
        "weights.0": last,
        "scale": np.full(last.shape[1], 1e-9),
        "shift": np.zeros(last.shape[1]),
    }
    folder.mkdir()
    path = folder / "network.safetensors"
    save_file(tensors, path)
    some = space.sample_many(rng, 500)
    found = Network(path, space, encoding="one_hot", n_members=n_members, n_values=VALUES, n_noise=NOISE).outputs(some)
    flat = np.hstack([found[0].reshape(len(some), -1), found[1]])
    tensors["scale"] = 1e-9 / flat.std(axis=0)
    tensors["shift"] = -flat.mean(axis=0) / flat.std(axis=0)
    save_file(tensors, path)
    none = np.zeros((0, 0))
    card = make_card(
        name="teacher",
        space=space,
        predictor={"kind": "network", "file": path.name, "encoding": "one_hot"},
        n_members=n_members,
        objectives={"d": "val_accuracy"},
        metrics={
            "d": {
                "val_accuracy": Metric.from_name("val_accuracy", epochs=(4, 8)),
                "cost_s": Metric.from_name("cost_s", epochs=(4, 8)),
            }
        },
        targets=(
            Target("d", "val_accuracy", "value", "log_error", np.array([1.5, 2.0]), np.diag([0.2, 0.3]), none),
            Target("d", "cost_s", "value", "log", np.array([4.0, 4.7]), np.array([[0.5, 0.5]]), none),
            Target("d", "val_accuracy", "noise", "log_error", np.array([-3.0, -3.5]), np.diag([0.1, 0.2]), none),
        ),
        files={path.name: sha256_of(path)},
        about={"title": "generated"},
        fitted={"command": "made by a test"},
    )
    write_card(folder, card)
    return Surrogate.open(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made, number = tmp_path_factory.mktemp("distilled"), count()
    return lambda: made / str(next(number))


@pytest.fixture(scope="module")
def teacher(folder):
    return make_teacher(folder())


QUICK = {"hidden": (32, 16), "epochs": 3, "batch": 256}


@pytest.fixture(scope="module")
def distill():
    """`distill_surrogate` with one thread of torch, as everywhere in the tests."""
    torch = pytest.importorskip("torch")
    from nasbench_kit.surrogates.fitting.distill import distill_surrogate

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield lambda teacher, out, **settings: distill_surrogate(teacher, out, **(QUICK | settings))
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def distilled(distill, teacher, folder):
    return distill(teacher, folder(), hidden=(64, 32), epochs=40, batch=128, name="student")


# ---- distilling ----


def test_a_network_follows_mean_members_and_noise_of_its_teacher(distilled, teacher):
    archs = SPACE.all_archs()
    for metric in ("val_accuracy", "cost_s"):
        wanted, found = (one.predict("d", archs, metric) for one in (teacher, distilled))
        assert 1 - ((wanted.mean - found.mean) ** 2).mean() / wanted.mean.var() > 0.98
        for k in range(MEMBERS):
            own, guessed = wanted.members[k] - wanted.mean, found.members[k] - found.mean
            assert np.corrcoef(own, guessed)[0, 1] > 0.9
    wanted, found = (one.predict("d", archs, epoch=4) for one in (teacher, distilled))
    assert np.corrcoef(wanted.sd, found.sd)[0, 1] > 0.98


def test_its_card_says_what_was_distilled_and_how_well_it_follows(distilled, teacher):
    fitted = distilled.card.fitted
    assert distilled.name == "student"
    assert fitted["teacher"]["sha256"] == teacher.sha256
    assert fitted["teacher"]["fitted"] == teacher.card.fitted
    assert fitted["n_trained_on"] + fitted["n_held_out"] == SPACE.size
    assert 0.01 < fitted["n_held_out"] / SPACE.size < 0.03
    assert fitted["fidelity"]["rounding"] < 0.002
    held_out = fitted["fidelity"]["held_out"]
    assert held_out["n_archs"] == fitted["n_held_out"]
    figures = held_out["d/val_accuracy epoch 8"]
    assert figures["r2"] > 0.95
    assert figures["kendall_tau"] > 0.9
    assert set(figures) >= {"kendall_tau_best_5_percent", "spread_correlation", "noise_correlation"}
    assert {"torch", "numpy", "nasbench_kit"} <= set(fitted["versions"])


def test_what_is_distilled_is_a_whole_surrogate_and_nothing_is_left_of_the_work(distilled):
    assert sorted(os.listdir(distilled.path)) == ["card.json", "network.safetensors"]
    Surrogate.open(distilled.path).verify()
    bench = nbk.Benchmark(distilled, "d")
    arch = tuple(SPACE.all_archs()[77].tolist())
    assert bench.query(arch)[1] == bench.query_many([arch])[1][0]
    assert bench.query(arch).seeds == (0, 1, 2)


def test_the_best_of_a_listed_space_is_the_best_of_all(distilled):
    best = distilled.card.best["d"]
    assert best["proven"] is True
    values = distilled.predict("d", SPACE.all_archs()).mean
    assert nbk.Benchmark(distilled, "d").best().value == values.max()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(distill, teacher, folder):
    def weights(seed):
        return sha256_of(os.path.join(distill(teacher, folder(), seed=seed).path, "network.safetensors"))

    assert weights(1) == weights(1) != weights(2)


@pytest.mark.parametrize("sampled", [{}, {"n_archs": 700}], ids=["all", "sampled"])
def test_work_that_is_stopped_goes_on_with_the_same_result(distill, teacher, folder, sampled):
    undisturbed = distill(teacher, folder(), **sampled)
    stopped_at, out = [], folder()
    seen = set()

    def stop(done, total):
        if done not in seen:  # every new step is stopped once
            seen.add(done)
            stopped_at.append(done / total)
            raise KeyboardInterrupt

    for _ in range(30):
        try:
            made = distill(teacher, out, progress=stop, **sampled)
            break
        except KeyboardInterrupt:
            continue
    assert len(stopped_at) >= 4
    assert made.sha256 == undisturbed.sha256
    assert made.card.to_json() == undisturbed.card.to_json()


def test_work_that_was_killed_before_it_began_begins_anew(distill, teacher, folder):
    for left in (None, "job.1234-0.partial.json"):
        out = folder()
        (out / "unfinished").mkdir(parents=True)
        if left:
            (out / "unfinished" / left).write_text('{"teacher": "5')
        assert distill(teacher, out, epochs=1).sha256 == distill(teacher, folder(), epochs=1).sha256
        assert sorted(path.name for path in out.iterdir()) == ["card.json", "network.safetensors"]


def test_after_a_loss_of_power_the_same_call_goes_on_to_the_same_files(distill, teacher, folder, monkeypatch):
    from nasbench_kit.surrogates.fitting import distill as module

    damages = cycle(
        [
            lambda path: os.truncate(path, path.stat().st_size // 2),
            lambda path: os.truncate(path, 0),
            lambda path: path.write_bytes(bytes(path.stat().st_size)),
            Path.unlink,
        ]
    )
    how = {"n_archs": 300, "epochs": 2}
    whole, half = distill(teacher, folder(), **how), folder()
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_card", interrupt)
        with pytest.raises(KeyboardInterrupt):
            distill(teacher, half, **how)
    names = sorted(path.relative_to(half) for path in half.rglob("*") if path.is_file())
    assert {"job.json", "labels-00000", "labels-00006", "state", "network.safetensors"} <= {name.name for name in names}
    for name in names:
        state = folder()
        shutil.copytree(half, state)
        next(damages)(state / name)
        made = distill(teacher, state, **how)
        assert made.card.to_json() == whole.card.to_json(), name
        made.verify()


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_process_that_labels_reads_the_models_once(teacher, monkeypatch):
    from nasbench_kit.surrogates.fitting import labels

    expected = labels.labels_of(teacher, SPACE.all_archs())  # whose models are read now, if they were not before
    opened = []
    real = Surrogate.verify
    monkeypatch.setattr(Surrogate, "verify", lambda self: opened.append(self.path) or real(self))
    labels._opened.cache_clear()
    found = [labels._labels_in_worker(teacher.path, piece) for piece in np.array_split(SPACE.all_archs(), 5)]
    assert np.array_equal(np.concatenate(found), expected)
    assert opened == [teacher.path]


def dies(*_):
    os._exit(1)


def test_a_process_that_labels_and_dies_is_one_line(distill, teacher, folder, monkeypatch):
    from nasbench_kit.surrogates.fitting import labels

    monkeypatch.setattr(labels, "_labels_in_worker", dies)
    with pytest.raises(WorkerError, match="is kept: run the same again"):
        distill(teacher, folder(), n_processes=2)


def test_processes_that_label_change_nothing(distill, teacher, folder):
    one, two = (distill(teacher, folder(), epochs=1, n_processes=n) for n in (1, 2))
    assert one.sha256 == two.sha256


def test_work_with_other_settings_is_not_gone_on_with(distill, teacher, folder):
    out = folder()

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(teacher, out, progress=stop)
    with pytest.raises(SettingError, match="the beginning of another distillation: seed is 0 there, 9 now"):
        distill(teacher, out, seed=9)


def test_a_sample_is_partly_bred_from_the_best_and_has_no_repetition(teacher, folder):
    from nasbench_kit.jobs import Workshop
    from nasbench_kit.surrogates.fitting.labels import Labels, labels_of, sample_near_best

    kept = Labels(
        Workshop(folder(), {}), lambda pieces: (labels_of(teacher, piece) for piece in pieces), lambda done: None
    )
    archs, n_uniform = sample_near_best(teacher, kept, 800, near_best=0.5, seed=0)
    assert (len(archs), n_uniform) == (800, 400)
    assert len(np.unique(archs, axis=0)) == 800
    values = teacher.predict("d", archs).mean
    assert np.median(values[400:]) > np.quantile(values[:400], 0.8)
    assert kept.all().shape == (800, MEMBERS * VALUES + NOISE)


def test_the_best_of_a_sample_is_proven_where_the_network_can_be_asked_about_all(distill, teacher, folder):
    made = distill(teacher, folder(), n_archs=700, epochs=30)
    best = made.card.best["d"]
    assert best["proven"] is True
    values = made.predict("d", SPACE.all_archs()).mean
    assert made.predict("d", [best["arch"]]).mean[0] == values.max()
    assert "held_out_near_best" in made.card.fitted["fidelity"]


def test_the_best_of_a_large_space_has_no_better_neighbor_and_is_not_proven(distill, folder):
    space = ChoiceSpace("large", {f"edge{i}": tuple("abcd") for i in range(11)})  # 4,194,304 architectures
    made = distill(make_teacher(folder(), space), folder(), n_archs=700, epochs=2)
    best = made.card.best["d"]
    assert best["proven"] is False
    near = space.neighbors_many(space.parse_many([best["arch"]]))[0]
    assert made.predict("d", near).mean.max() <= made.predict("d", [best["arch"]]).mean[0]


def test_one_member_becomes_several_by_bootstrap_of_the_last_layer(distill, folder):
    teacher = make_teacher(folder(), n_members=1)
    made = distill(teacher, folder(), members=5, epochs=20, batch=128)
    plain = distill(teacher, folder(), epochs=20, batch=128)
    archs = SPACE.all_archs()
    found, alone, wanted = (one.predictor.outputs(archs) for one in (made, plain, teacher))
    assert found[0].shape == (len(archs), 5, VALUES)
    assert made.n_members == made.card.fitted["settings"]["members"] == 5
    assert found[0].mean(axis=1) == pytest.approx(alone[0][:, 0], abs=0.02)  # the same network, up to rounding
    assert found[1] == pytest.approx(alone[1], abs=0.02)
    # its spread is as large as its error, on average; which architectures are less certain, one network cannot know
    error = alone[0][:, 0] - wanted[0][:, 0]
    ratio = np.sqrt(found[0].var(axis=1).mean(axis=0) / (error**2).mean(axis=0))
    assert 0.5 < ratio[1] < 2  # of the last epoch
    assert set(made.card.fitted["deviations_multiplied_by"]) == {"d/val_accuracy", "d/cost_s"}
    with pytest.raises(SettingError, match="members=5 of 3; at least 2 in the place of one"):
        distill(make_teacher(folder()), folder(), members=5)


def test_one_member_can_be_followed(distill, folder):
    made = distill(make_teacher(folder(), n_members=1), folder(), epochs=20, batch=128)
    assert made.n_members == 1
    assert "spread_correlation" not in made.card.fitted["fidelity"]["held_out"]["d/cost_s epoch 8"]


def test_settings_that_make_no_sense_are_refused(distill, teacher, folder):
    with pytest.raises(SettingError, match="share below 1"):
        distill(teacher, folder(), near_best=1.0)
    with pytest.raises(SettingError, match="hidden"):
        distill(teacher, folder(), hidden=())
    with pytest.raises(SettingError, match="at least 100"):
        distill(teacher, folder(), n_archs=5)
    with pytest.raises(UnknownNameError, match="sparse encoding"):
        distill(teacher, folder(), encoding="cell")
    with pytest.raises(SettingError, match="say how many"):
        distill(make_teacher(folder(), DARTSSpace()), folder())


def test_folders_of_other_things_are_not_replaced(distill, teacher, folder):
    with pytest.raises(SettingError, match="the surrogate to follow"):
        distill(teacher, teacher.path)
    out = folder()
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(SettingError, match="not replaced"):
        distill(teacher, out)
    (out / "thesis.tex").rename(out / "unfinished")  # not ours either
    with pytest.raises(SettingError, match="not replaced"):
        distill(teacher, out / "unfinished")
    (out / "unfinished").unlink()
    (out / "unfinished").mkdir()
    (out / "unfinished" / "thesis.tex").write_text("years of work")
    with pytest.raises(SettingError, match="not replaced"):
        distill(teacher, out)


def test_children_of_a_killed_distillation_end_too(teacher, tmp_path):
    words = ["surrogate", "distill", teacher.path, "--out", "mine", "--processes", "2"]
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time\n"
        "from nasbench_kit.surrogates.network import Network\n"
        "real = Network.outputs\n"
        "Network.outputs = lambda self, archs: time.sleep(2) or real(self, archs)\n"
        "from nasbench_kit.cli import main\n"
        "if __name__ == '__main__':\n"
        f"    main({words!r})\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, env=environment)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not tell the children of a process")
    until = time.monotonic() + 600
    while len(found := _workers(children)) < 1:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(Path(f"/proc/{child}").exists() for child in found):
        assert time.monotonic() < until
        time.sleep(0.05)


def _workers(children):
    return children.read_text().split()[1:]  # the first cleans up after the others


@pytest.mark.slow
def test_an_ensemble_fitted_to_nasbench201_is_followed(distill, folder):
    pytest.importorskip("lightgbm")
    from nasbench_kit.surrogates.fitting.fit import fit_surrogate

    table = nbk.load("nasbench201/cifar10").results
    ensemble = fit_surrogate(
        table,
        folder(),
        datasets=["cifar10"],
        metrics=[],
        n_members=2,
        train_share=0.2,
        noise=False,
        n_processes=1,
        settings={"rounds": 50, "learning_rate": 0.1, "encoding": "one_hot"},
    )
    made = distill(ensemble, folder(), hidden=(96, 48), epochs=15, batch=512)
    figures = made.card.fitted["fidelity"]["held_out"]["cifar10/val_accuracy epoch 200"]
    assert figures["kendall_tau"] > 0.85
    assert figures["r2"] > 0.93


# ---- tables of predictions ----


def test_a_materialized_table_answers_as_its_surrogate(teacher, new_path):
    table = materialize(teacher, new_path())
    recorded, predicted = nbk.Benchmark(table, "d"), nbk.Benchmark(teacher, "d")
    assert table.is_complete
    archs = SPACE.sample_many(np.random.default_rng(1), 50)
    for epoch in (4, 8):
        for seed in (None, 0, 2):
            one, other = (bench.query_many(archs, epoch=epoch, seed=seed) for bench in (recorded, predicted))
            np.testing.assert_allclose(one[1], other[1], rtol=2e-7)
            np.testing.assert_allclose(one[2], other[2], rtol=2e-7)
    assert recorded.query(tuple(archs[0].tolist())).seeds == (0, 1, 2)
    table.verify()


def test_it_says_that_it_is_predicted_and_by_what(teacher, new_path):
    about = materialize(teacher, new_path()).about
    assert teacher.sha256 in about["notes"][0]
    assert about["notes"][0].startswith("Predicted, not measured")
    assert about["predicted_by"]["sha256"] == teacher.sha256


@pytest.mark.parametrize("how", [{}, {"mean": True}, {"draws": 2}], ids=["members", "mean", "drawn"])
def test_what_was_predicted_never_passes_for_recorded_runs(teacher, new_path, how):
    apart = Surrogate(teacher.path)
    apart.card = apart.card._replace(epochs_are={"d": SEPARATE_TRAININGS})
    for surrogate in (teacher, apart):
        table = materialize(surrogate, new_path(), archs=100, **how)
        assert table.values_are("d") == "predicted"
        assert table.epochs_are("d") == surrogate.epochs_are("d")
        for run in ("drawn", "mean", 0):
            assert nbk.Benchmark(table, "d").run_in_words(run) == "a predicted value"


@pytest.mark.parametrize("how", [{}, {"mean": True}, {"draws": 30}], ids=["members", "mean", "drawn"])
def test_what_was_predicted_stays_within_the_bounds_of_its_metric(teacher, new_path, how):
    card = teacher.card
    low, high = 0.85, 0.9  # which the teacher leaves on both sides
    metrics = {
        "d": card.metrics["d"] | {"val_accuracy": card.metrics["d"]["val_accuracy"]._replace(bounds=(low, high))}
    }
    bounded = Surrogate(teacher.path)
    bounded.card = card._replace(metrics=metrics)
    free, cut = (materialize(one, new_path(), **how).runs("d", "val_accuracy") for one in (teacher, bounded))
    assert free.min() < low < high < free.max()
    assert np.allclose(cut.min(), low)
    assert np.allclose(cut.max(), high)
    if "mean" not in how:  # a mean of values that were cut is another
        assert np.allclose(cut, np.clip(free, low, high))


def test_the_mean_alone_has_no_seeds(teacher, new_path):
    table = materialize(teacher, new_path(), mean=True)
    assert table.metrics("d")["val_accuracy"].seeds == ()
    archs = SPACE.all_archs()
    values = nbk.Benchmark(table, "d").values("val_accuracy", archs)
    assert (values == teacher.predict("d", archs).mean).all()


def test_a_sample_holds_so_many_different_architectures(teacher, new_path):
    for n in (1, 1_000, 4_000):
        table = materialize(teacher, new_path(), archs=n, seed=3)
        assert table.n_archs == n
        again = materialize(teacher, new_path(), archs=n, seed=3)
        assert again.sha256 == table.sha256


def test_drawn_runs_are_curves_around_what_is_expected(teacher, new_path):
    table = materialize(teacher, new_path(), draws=40)
    metrics = table.metrics("d")
    assert metrics["val_accuracy"].seeds == tuple(range(40))
    assert metrics["cost_s"].seeds == ()
    archs = SPACE.all_archs()
    runs = np.stack(
        [[nbk.Benchmark(table, "d").values("val_accuracy", archs, epoch=e, seed=k) for k in range(40)] for e in (4, 8)]
    )
    expected = teacher.predict("d", archs, epoch=8)
    assert np.median(runs[1].std(axis=0) / expected.sd) == pytest.approx(1, abs=0.1)
    deviations = runs - runs.mean(axis=1, keepdims=True)
    assert np.corrcoef(deviations[0].ravel(), deviations[1].ravel())[0, 1] > 0.9  # a lucky run is lucky at each epoch


def test_what_no_table_can_be_made_of_is_refused(teacher, folder, new_path):
    with pytest.raises(SettingError, match="say how many to sample"):
        materialize(make_teacher(folder(), DARTSSpace()), new_path())
    with pytest.raises(SettingError, match="not both"):
        materialize(teacher, new_path(), draws=3, mean=True)
    with pytest.raises(SettingError, match="1 to 4,096"):
        materialize(teacher, new_path(), archs=5_000)
    path = new_path()
    path.write_text("something else")
    with pytest.raises(TableError, match="not replaced"):
        materialize(teacher, path)
    assert path.read_text() == "something else"


def test_a_stopped_materialization_leaves_the_old_table(teacher, new_path):
    path = new_path()
    sha256 = materialize(teacher, path).sha256

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize(teacher, path, mean=True, progress=stop)
    assert nbk.Table.open(path).sha256 == sha256


# ---- the command line ----


def test_distill_and_materialize_work_from_the_command_line(distill, teacher, folder, new_path):
    out, table = str(folder()), str(new_path())
    run = CliRunner().invoke(
        main, ["surrogate", "distill", teacher.path, "--out", out, "--hidden", "16", "--epochs", "2", "--name", "x"]
    )
    assert run.exit_code == 0, run.output
    assert "held out" in run.output
    assert "d/val_accuracy epoch 8: R2" in run.output
    run = CliRunner().invoke(main, ["surrogate", "materialize", out, "--out", table, "--archs", "9", "--mean"])
    assert run.exit_code == 0, run.output
    assert "9 architectures" in run.output
    assert nbk.Table.open(table).name == "x"


def test_errors_on_the_command_line_are_one_line(tmp_path):
    for arguments, said in (
        (["distill", "nowhere", "--out", str(tmp_path / "a")], "unknown table or surrogate 'nowhere'"),
        (["materialize", "nowhere", "--out", str(tmp_path / "a.h5")], "unknown table or surrogate 'nowhere'"),
    ):
        run = CliRunner().invoke(main, ["surrogate", *arguments])
        assert run.exit_code == 2
        assert said in run.output
        assert len(run.output.strip().splitlines()) == 1

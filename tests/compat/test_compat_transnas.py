"""TransNAS-Bench-101: importer and shim. No real .pth was available: it is made here in the official layout.

Source of the layout: yawen-d/TransNASBench, api/api.py (keys), README (names, `info_names`, index 1), and
configs/train_from_scratch/*/config.py (metrics and epochs of each task). The values are random.
"""

import pickle
import random
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.compat.transnas import TransNASBenchAPI
from nasbench_kit.errors import (
    ImportDataError,
    NasbenchKitError,
    NotRecordedError,
    SettingError,
    TableError,
    UnknownNameError,
)
from nasbench_kit.importers import guess_kind, import_table, import_tables, transnasbench101
from nasbench_kit.testing import check_benchmark

CLASSES = [f"{split}_{what}" for split in ("train", "valid", "test") for what in ("top1", "top5", "loss")]
GAN = ["train_g_loss", "train_d_loss", *(f"{s}_{w}" for s in ("train", "valid", "test") for w in ("l1_loss", "ssim"))]
METRICS = {
    "class_scene": CLASSES,
    "class_object": CLASSES,
    "room_layout": [f"{split}_{what}" for split in ("train", "valid", "test") for what in ("loss", "neg_loss")],
    "jigsaw": CLASSES,
    "segmentsemantic": [f"{s}_{what}" for s in ("train", "valid", "test") for what in ("loss", "acc", "mIoU")],
    "normal": GAN,
    "autoencoder": GAN,
}
METRICS = {task: [*names, "time_elapsed"] for task, names in METRICS.items()}
EPOCHS = dict(zip(METRICS, (25, 25, 25, 10, 30, 30, 30), strict=True))
INFOS = ["inference_time", "encoder_params", "model_params", "model_FLOPs", "encoder_FLOPs"]
ARCHS = {
    "macro": ["64-4111-basic", "64-2311-basic", "64-224131-basic", "64-22413-basic"],  # index 1 as in the README
    "micro": ["64-41414-1_02_333", "64-41414-3_13_113", "64-41414-0_00_000"],
}


def release():
    rng = random.Random(3)

    def percent():
        return float(np.float32(100 * rng.random()))

    def curve(name, epochs):
        if name == "time_elapsed":
            return np.cumsum([rng.uniform(50, 60) for _ in range(epochs)]).tolist()
        if name.endswith(("top1", "top5", "acc", "mIoU")):
            return [percent() for _ in range(epochs)]
        return [rng.random() * (-1 if "neg" in name else 1) for _ in range(epochs)]

    def results(task):
        counts = {name: rng.randrange(10**6, 10**9) for name in INFOS[1:]}
        metrics = {name: curve(name, EPOCHS[task]) for name in METRICS[task]}
        info = {"inference_time": rng.random() / 100} | counts
        return {"total_epochs": EPOCHS[task], "metrics": metrics, "model_info": info}

    data = {
        space: {arch: {task: results(task) for task in METRICS} for arch in archs} for space, archs in ARCHS.items()
    }
    return {"metrics_dict": METRICS, "info_names": INFOS, "task_list": list(METRICS), "data": data}


def write_legacy(path, data):
    """As torch.save before version 1.6: torch/serialization.py, `_legacy_save`."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, machine, data, [])))
    return path


def write_zip(path, data):
    """As torch.save since version 1.6."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("transnas/data.pkl", pickle.dumps(data, 2))
        file.writestr("transnas/version", "3\n")
    return path


NAME = "transnas-bench_v10141024.pth"
RELEASE = release()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transnas")
    import_tables([write_legacy(folder / NAME, RELEASE)], folder=folder)
    return folder


@pytest.fixture(scope="module")
def api(folder):
    return TransNASBenchAPI(folder)


# ---- the importer ----


@pytest.mark.parametrize("write", [write_legacy, write_zip])
def test_one_release_makes_two_tables_with_what_it_recorded(tmp_path, write):
    path = write(tmp_path / NAME, RELEASE)
    assert guess_kind([path]) == "transnasbench101" == guess_kind([tmp_path])
    macro, micro = import_tables([path], folder=tmp_path)
    assert (macro.name, micro.name) == ("transnas_macro", "transnas_micro")
    for table, archs in ((macro, ARCHS["macro"]), (micro, ARCHS["micro"])):
        table.verify()
        assert sorted(table.space.format_many(table.archs())) == sorted(archs)
        assert list(table.datasets) == list(METRICS)
        for task in table.datasets:
            check_benchmark(nbk.Benchmark(table, task), np.random.default_rng(0))


# Duan et al. 2021, table 1, and the code that recorded the numbers, name what each task is judged by.
@pytest.mark.parametrize(
    ("task", "objective", "theirs", "factor", "direction"),
    [
        ("class_object", "val_accuracy", "valid_top1", 100, "max"),
        ("jigsaw", "val_accuracy", "valid_top1", 100, "max"),
        ("room_layout", "val_neg_loss", "valid_neg_loss", 1, "max"),
        ("segmentsemantic", "val_pixel_accuracy", "valid_acc", 100, "max"),
        ("autoencoder", "val_ssim", "valid_ssim", 1, "max"),
    ],
)
def test_a_search_on_a_task_sees_its_validation_metric_epoch_by_epoch(
    folder, task, objective, theirs, factor, direction
):
    table = nbk.Table.open(folder / "transnas_micro.h5")
    assert table.objectives[task] == objective
    assert table.metrics(task)[objective].direction == direction
    bench = nbk.Benchmark(table, task)
    for arch in ARCHS["micro"]:
        recorded = RELEASE["data"]["micro"][arch][task]["metrics"]
        for epoch in (1, EPOCHS[task]):
            evaluation = bench.query(bench.space.parse(arch), epoch=epoch)
            assert evaluation[1] == recorded[theirs][epoch - 1] / factor
            assert evaluation.cost_s == recorded["time_elapsed"][epoch - 1]
        assert bench.query(bench.space.parse(arch)).epoch == EPOCHS[task]  # by default the last, not the best


def test_names_say_what_each_number_is(folder):
    table = nbk.Table.open(folder / "transnas_micro.h5")
    room, segment, normal = (table.metrics(task) for task in ("room_layout", "segmentsemantic", "normal"))
    assert (room["val_loss"].unit, room["val_loss"].direction) == ("MSE", "min")
    assert room["test_neg_loss"].direction == "max"
    assert "val_accuracy" not in room | segment | normal
    assert (segment["test_miou"].unit, segment["test_miou"].direction) == ("fraction", "max")
    assert normal["test_l1_loss"].direction == "min"
    assert normal["train_discriminator_loss"].direction is None
    assert table.metrics("jigsaw")["val_loss"].unit == "nats"


def test_times_as_the_training_code_writes_them_are_read(tmp_path):
    # lib/models/utils.py, Timer.elapse_string: "01:02:03" since the start of training
    data = release()
    for tasks in data["data"]["micro"].values():
        tasks["jigsaw"]["metrics"]["time_elapsed"] = [f"01:{minute:02}:03" for minute in range(10)]
    table = import_table([write_zip(tmp_path / NAME, data)], tmp_path / "a.h5", name="transnas_micro")
    costs = [nbk.Benchmark(table, "jigsaw").query(ARCHS["micro"][0], epoch=epoch).cost_s for epoch in (1, 10)]
    assert costs == [3603, 3603 + 9 * 60]


def test_the_time_of_a_run_that_was_started_again_is_missing(tmp_path):
    data = release()
    data["data"]["micro"][ARCHS["micro"][1]]["jigsaw"]["metrics"]["time_elapsed"][5] = 1.0
    table = import_table([write_zip(tmp_path / NAME, data)], tmp_path / "a.h5", name="transnas_micro")
    bench = nbk.Benchmark(table, "jigsaw")
    assert np.isnan(bench.query(ARCHS["micro"][1]).cost_s)
    assert bench.query(ARCHS["micro"][0]).cost_s > 0
    assert any("jigsaw: time_elapsed does not grow in 1 runs" in note for note in table.about["notes"])


def test_times_that_are_not_since_the_start_are_no_cost(tmp_path):
    data = release()
    for arch in ARCHS["micro"]:
        data["data"]["micro"][arch]["jigsaw"]["metrics"]["time_elapsed"] = [5.0, 4.0] * 5
    table = import_table([write_zip(tmp_path / NAME, data)], tmp_path / "a.h5", name="transnas_micro")
    assert "cost_s" not in table.metrics("jigsaw")
    assert "cost_s" in table.metrics("normal")
    assert any(
        "jigsaw: time_elapsed does not grow in 3 of 3 runs, so it is not" in note for note in table.about["notes"]
    )
    api = TransNASBenchAPI(table.path)
    assert api.get_single_metric(ARCHS["micro"][0], "jigsaw", "time_elapsed", "list") == [5.0, 4.0] * 5


def test_what_was_not_recorded_for_an_architecture_is_missing(tmp_path):
    data = release()
    del data["data"]["micro"]["64-41414-0_00_000"]["jigsaw"]["metrics"]["test_top1"]
    table = import_table([write_zip(tmp_path / NAME, data)], tmp_path / "a.h5", name="transnas_micro")
    values = nbk.Benchmark(table, "jigsaw").values("test_accuracy", ARCHS["micro"], missing="nan")
    assert np.isnan(values).tolist() == [False, False, True]


def test_a_mean_of_batches_just_above_all_is_all(tmp_path):
    data = release()
    data["data"]["micro"][ARCHS["micro"][0]]["jigsaw"]["metrics"]["train_top5"][9] = float(
        np.nextafter(np.float32(100), 101)
    )
    table = import_table([write_zip(tmp_path / NAME, data)], tmp_path / "a.h5", name="transnas_micro")
    assert nbk.Benchmark(table, "jigsaw").values("train_top5_accuracy", ARCHS["micro"][:1]).tolist() == [1.0]


def test_a_file_of_two_tables_needs_the_name_of_one_for_one_file(folder, tmp_path):
    with pytest.raises(ImportDataError, match="makes several tables: transnas_macro, transnas_micro; give the name"):
        import_table([folder / NAME], tmp_path / "a.h5")
    with pytest.raises(UnknownNameError, match="did you mean 'transnas_micro'"):
        import_table([folder / NAME], tmp_path / "a.h5", name="transnas_mikro")
    assert import_table([folder / NAME], tmp_path / "a.h5", name="transnas_macro").name == "transnas_macro"


def test_the_command_line_writes_both_tables(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(tmp_path / "data"))
    done = CliRunner().invoke(main, ["import", str(folder / NAME)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["transnas_macro.h5", "transnas_micro.h5"]
    shown = CliRunner().invoke(main, ["info", "transnas_macro"])
    assert "4 of 3,256 architectures" in shown.output
    assert "note      cost_s: seconds since training began" in shown.output
    assert nbk.load("transnas_macro/jigsaw").query("64-2311-basic").epoch == 10


class Hostile:
    def __reduce__(self):
        return print, ("executed",)


def broken():
    wrong = release()
    wrong["data"]["micro"]["64-41414-1_02_339"] = wrong["data"]["micro"].pop("64-41414-1_02_333")
    yield wrong, "macro|micro: '64-41414-1_02_339' is no cell|is not of the form 'official'"
    wrong = release()
    wrong["data"]["macro"]["64-2311-basic"]["normal"]["metrics"]["valid_ssim"] = 0.5
    yield wrong, "normal, 64-2311-basic: valid_ssim is 0.5; 30 numbers expected"
    wrong = release()
    wrong["data"]["macro"]["64-2311-basic"]["normal"]["metrics"]["valid_ssim"].pop()
    yield wrong, "30 numbers expected"
    wrong = release()
    wrong["data"]["macro"]["64-2311-basic"]["normal"]["total_epochs"] = "30"
    yield wrong, "total_epochs is '30'; a number of epochs expected"
    wrong = release()
    wrong["data"]["macro"]["64-2311-basic"]["normal"]["metrics"]["valid_ssim"][3] = "x"
    yield wrong, "valid_ssim is .*numbers expected"
    wrong = release()
    wrong["metrics_dict"] = {**METRICS, "normal": ["time_elapsed"]}
    yield wrong, "normal: val_ssim is missing; it is what a search optimizes"
    yield {"data": {"nano": {}}, "metrics_dict": {}}, "data holds nano; macro and micro expected"
    yield {"metrics_dict": {}}, "no dictionary 'data'"
    yield [1, 2], "no dictionary 'data'"
    yield {"data": Hostile(), "metrics_dict": {}}, "print, which is no plain data; it was not executed"


@pytest.mark.parametrize(("data", "why"), list(broken()))
@pytest.mark.parametrize("write", [write_legacy, write_zip])
def test_wrong_and_hostile_files_are_refused_in_one_line(tmp_path, capsys, data, why, write):
    path = write(tmp_path / NAME, data)
    before = path.read_bytes()
    with pytest.raises(ImportDataError, match=why) as refused:
        import_tables([path], kind="transnasbench101", folder=tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert NAME in str(refused.value)
    assert path.read_bytes() == before
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("write", [write_legacy, write_zip])
def test_truncated_files_are_refused_in_one_line(tmp_path, write):
    whole = write(tmp_path / NAME, RELEASE).read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 5):
        (tmp_path / NAME).write_bytes(whole[:length])
        with pytest.raises(ImportDataError, match=NAME):
            import_tables([tmp_path / NAME], kind="transnasbench101", folder=tmp_path / "out")


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return [write(folder / NAME, RELEASE).read_bytes() for write in (write_legacy, write_zip)]


@settings(max_examples=30, deadline=None)
@given(which=st.integers(0, 1), position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_a_number_at_most(whole_files, new_path, verify, which, position, bit):
    damaged = bytearray(whole_files[which])
    damaged[int(position * len(damaged))] ^= 1 << bit
    path, out = new_path(".pth"), new_path()
    path.write_bytes(damaged)
    try:
        table = import_table([path], out, kind="transnasbench101", name="transnas_micro")
    except NasbenchKitError:
        assert not out.exists()
    else:
        verify(table)


def test_other_files_are_not_taken_for_the_release(tmp_path):
    for name, content in (("a.csv", b"arch,val\n1,2\n"), ("b.pkl", pickle.dumps({"a": 1})), ("c.json", b"{}")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImportDataError, match="looks like none of the releases"):
            guess_kind([tmp_path / name])
    other = write_zip(tmp_path / "d.pth", {"meta_archs": ["|none~0|"], "arch2infos": {}})
    assert not transnasbench101.recognizes(other, other.read_bytes())


# ---- NASLib's copy of the cells: real data ----


@pytest.fixture(scope="module")
def copy(shared_data, tmp_path_factory):
    path = shared_data / "transnasbench101" / "tnb101_micro_valid.csv.gz"
    assert guess_kind([path]) == "transnasbench101"
    return import_table([path], tmp_path_factory.mktemp("copy") / "copy.h5")


# The best cell per task in NASLib's tables, in percent where they are accuracies.
@pytest.mark.shared
@pytest.mark.parametrize(
    ("task", "metric", "value", "best"),
    [
        ("class_object", "val_accuracy", 0.455862, (3, 1, 3, 1, 1, 3)),
        ("class_scene", "val_accuracy", 0.549363, (3, 3, 2, 1, 3, 2)),
        ("jigsaw", "val_accuracy", 0.953722, (3, 3, 0, 1, 3, 2)),
        ("room_layout", "val_neg_loss", -0.6010, (3, 1, 1, 1, 3, 3)),
        ("segmentsemantic", "val_pixel_accuracy", 0.946125, (3, 1, 3, 0, 2, 2)),
        ("normal", "val_ssim", 0.5873, (1, 3, 0, 1, 2, 3)),
        ("autoencoder", "val_ssim", 0.5772, (1, 2, 0, 3, 1, 0)),  # together with (1, 2, 1, 3, 1, 0)
    ],
)
def test_the_best_cells_are_those_that_are_known(copy, task, metric, value, best):
    assert copy.is_complete
    assert copy.objectives[task] == metric
    bench = nbk.Benchmark(copy, task)
    found = bench.best()
    assert found.arch == best
    assert found.value == pytest.approx(value, abs=5.1e-7 if value > 0.9 or metric == "val_accuracy" else 5e-5)


@pytest.mark.shared
def test_values_of_the_copy_are_kept_to_the_last_bit(copy):
    # the first row of the file
    cell = nbk.Benchmark(copy, "class_scene").query((0, 0, 0, 0, 0, 0))
    assert (cell.val_accuracy, cell.epoch) == (7.484076499938965 / 100, 25)
    assert nbk.Benchmark(copy, "room_layout").query("64-41414-0_00_000").val_neg_loss == -1.094284176826477
    check_benchmark(nbk.Benchmark(copy, "autoencoder"), np.random.default_rng(0))


@pytest.mark.shared
def test_the_copy_has_no_epochs_but_the_last(copy):
    api = TransNASBenchAPI(copy.path)
    arch = "64-41414-3_13_113"
    assert api.get_single_metric(arch, "class_object", "valid_top1", mode="final") == 45.586185455322266
    assert api.get_epoch_status(arch, "class_object", epoch=24) == {"epoch": 24, "valid_top1": 45.586185455322266}
    with pytest.raises(NotRecordedError, match="only epoch 25 was recorded; mode='final' gives it"):
        api.get_single_metric(arch, "class_object", "valid_top1")


def test_a_copy_whose_two_names_of_a_cell_differ_is_refused(tmp_path):
    header = "naslib_op_indices,transnas_arch_str," + ",".join(f"{task}_valid" for task in METRICS)
    good = '"(0, 0, 0, 0, 0, 1)",64-41414-0_00_001,1,1,-1,1,1,.1,.1'
    path = tmp_path / "a.csv"
    for row, why in (
        (good.replace("_001", "_010"), "row 2: .* are different cells"),
        (good.replace("_001", "_004"), "is not of the form 'official'"),
        (good + ",5", "row 2 has 10 cells; 9 expected"),
        (good.replace("-1", "minus one"), "room_layout_valid is 'minus one'; a number expected"),
        (good.replace("-1", "-1e999"), "room_layout_valid holds an infinite number"),
    ):
        path.write_text(f"{header}\n{row}\n")
        with pytest.raises(ImportDataError, match=why):
            import_table([path], tmp_path / "a.h5")
    path.write_text(f"{header}\n")
    with pytest.raises(ImportDataError, match="holds no rows"):
        import_table([path], tmp_path / "a.h5")
    path.write_text(f"{header}\n{good}\n")
    assert import_table([path], tmp_path / "a.h5").n_archs == 1


# ---- the shim, against the original's rules applied to the file's own content ----


def test_the_shim_names_what_the_release_names(api):
    assert len(api) == 7
    assert api.search_spaces == ["macro", "micro"]
    assert api.all_arch_dict == ARCHS
    assert api.index2arch(1) == "64-2311-basic"  # README
    assert [api.arch2index(api.index2arch(i)) for i in range(7)] == list(range(7))
    assert api.get_arch_list("micro") == ARCHS["micro"]
    assert api.task_list == list(METRICS)
    assert api.metrics_dict == METRICS
    assert sorted(api.info_names) == sorted(INFOS)
    assert repr(api) == "TransNASBenchAPI(7 architectures/7 tasks)"


def original(name, values, mode):
    if mode == "best":  # the original takes max of everything; smaller losses are better
        smaller_is_better = name.endswith("loss") and "neg" not in name and "_d_loss" not in name
        return min(values) if smaller_is_better else max(values)
    return {"final": values[-1], "list": values}[mode] if isinstance(mode, str) else values[mode]


@pytest.mark.parametrize("space", ["macro", "micro"])
def test_the_shim_answers_as_the_original_would(api, space):
    for arch, task in [(arch, task) for arch in ARCHS[space] for task in METRICS]:
        recorded = RELEASE["data"][space][arch][task]
        assert api.get_total_epochs(arch, task) == recorded["total_epochs"]
        for info in INFOS:
            assert api.get_model_info(arch, task, info) == recorded["model_info"][info]
        for name, values in recorded["metrics"].items():
            for mode in ("final", "best", "list", 0, 3, -1, len(values) - 1):
                assert api.get_single_metric(arch, task, name, mode=mode) == original(name, values, mode)
        for epoch in (0, 4, -1):
            status = {"epoch": epoch % recorded["total_epochs"]}
            status |= {name: values[epoch] for name, values in recorded["metrics"].items()}
            assert api.get_epoch_status(arch, task, epoch) == status
        assert api.get_arch_result(arch)[task] == recorded
        assert api.data[space][arch].query_all_results() == RELEASE["data"][space][arch]
    assert api[1].arch_str == "64-2311-basic"
    assert api[1].arch_index == 1


def test_the_best_epoch_of_a_loss_is_that_of_the_smallest(api):
    arch, task = "64-2311-basic", "class_scene"
    losses = RELEASE["data"]["macro"][arch][task]["metrics"]["valid_loss"]
    assert api.get_single_metric(arch, task, "valid_loss") == min(losses)
    assert api.get_best_epoch_status(arch, task, "valid_loss")["epoch"] == losses.index(min(losses))
    top1 = RELEASE["data"]["macro"][arch][task]["metrics"]["valid_top1"]
    assert api.get_best_epoch_status(arch, task, "valid_top1")["epoch"] == top1.index(max(top1))


def test_the_best_architectures_come_first(api):
    for metric, better in (("valid_top1", max), ("valid_loss", min)):
        values = {arch: better(RELEASE["data"]["macro"][arch]["jigsaw"]["metrics"][metric]) for arch in ARCHS["macro"]}
        expected = sorted(((value, arch) for arch, value in values.items()), reverse=better is max)
        assert api.get_best_archs("jigsaw", metric, "macro", topk=3) == expected[:3]


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        (lambda api: api.get_single_metric("64-2311-basic", "jigsaw", "valid_ssim"), UnknownNameError, "valid_ssim"),
        (lambda api: api.get_single_metric("64-2311-basic", "inpainting", "x"), UnknownNameError, "unknown task"),
        (lambda api: api.get_single_metric("64-1111-basic", "jigsaw", "x"), UnknownNameError, "unknown architecture"),
        (
            lambda api: api.get_single_metric("64-2311-basic", "jigsaw", "valid_top1", "last"),
            SettingError,
            "mode='last'",
        ),
        (lambda api: api.get_single_metric("64-2311-basic", "jigsaw", "valid_top1", 10), SettingError, "from 0 to 9"),
        (lambda api: api.get_epoch_status("64-2311-basic", "jigsaw", 1.0), SettingError, "epoch 1.0 is out of range"),
        (lambda api: api.get_model_info("64-2311-basic", "jigsaw", "size"), UnknownNameError, "unknown info"),
        (lambda api: api.get_arch_list("nano"), UnknownNameError, "unknown search space"),
    ],
)
def test_what_does_not_exist_is_named(api, call, error, why):
    with pytest.raises(error, match=why):
        call(api)


def test_the_shim_takes_a_folder_a_table_or_several(folder, tmp_path, monkeypatch, cifar10):
    one = TransNASBenchAPI(folder / "transnas_micro.h5")
    assert one.search_spaces == ["micro"]
    both = TransNASBenchAPI([folder / "transnas_micro.h5", folder / "transnas_macro.h5"])
    assert both.all_arch_dict == ARCHS
    monkeypatch.setenv("NASBENCH_KIT_DATA", str(folder))
    assert len(TransNASBenchAPI()) == 7
    with pytest.raises(TableError, match=r"holds none of transnas_macro.h5, transnas_micro.h5"):
        TransNASBenchAPI(tmp_path)
    with pytest.raises(TableError, match="is of nasbench201; one table each of"):
        TransNASBenchAPI(cifar10.results.path)
    with pytest.raises(NasbenchKitError, match=NAME):
        TransNASBenchAPI(folder / NAME)

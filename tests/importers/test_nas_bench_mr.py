"""The space and the importer of NAS-Bench-MR; one genuine record, otherwise GENERATED files in the release's layout."""

import os
import pickle

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import ArchitectureError, ImportDataError, NotRecordedError, UnknownNameError
from nasbench_kit.importers import guess_kind, import_table
from nasbench_kit.spaces import NASBenchMRSpace
from nasbench_kit.testing import check_benchmark, check_space

MR = NASBenchMRSpace()
# Source: dingmyu/NCP, README, "Code2Setting": the text and the code of one network
TEXT = "96_128-1_1_1_48-1_2_1_1_128_8-1_3_1_1_1_128_128_120-4_4_4_4_4_4_128_128_128_128-64"
# fmt: off
CODE = [96, 128, 1, 1, 48, 1, 1, 1, 128, 8, 1, 1, 1, 1, 128, 128, 120, 4, 4, 4, 4, 4, 128, 128, 128, 128, 64]
# Source: the same, "An example in NAS-Bench-MR (Seg)"; there, `embedding` lacks the channels of the output
README = {
    "mIoU": 70.57, "mAcc": 80.07, "aAcc": 95.29, "input_channel": [16, 64],
    "network_setting": [[1, [3], [128]], [2, [3, 3], [32, 48]], [2, [3, 3], [32, 48]], [2, [3, 3], [32, 48]],
                        [3, [2, 3, 2], [16, 32, 16]], [3, [2, 3, 2], [16, 32, 16]],
                        [4, [2, 4, 1, 1], [96, 112, 48, 80]]],
    "last_channel": 112,
    "embedding": [16, 64, 1, 3, 128, 3, 3, 3, 32, 48, 2, 2, 3, 2, 16, 32, 16, 1, 2, 4, 1, 1, 96, 112, 48, 80],
}
# Source: lines of dingmyu/NCP, data/search_list.txt
LISTED = [
    "32_16-1_1_1_32-3_2_3_2_16_32-1_3_1_1_1_112_48_32-2_4_4_3_4_2_32_64_32_112-128",
    "48_48-3_1_3_96-1_2_1_4_80_64-3_3_4_4_2_64_32_48-1_4_4_4_3_3_48_16_96_112-112",
    "8_8-1_1_1_8-1_2_1_1_8_8-1_3_1_1_1_8_8_8-1_4_1_1_1_1_8_8_8_8-8",
    "128_128-2_1_4_128-2_2_4_4_128_128-2_3_4_4_4_128_128_128-2_4_4_4_4_4_128_128_128_128-128",
]
# fmt: on


# ---- the space ----


def test_the_space_conforms():
    check_space(MR, np.random.default_rng(0))
    assert pickle.loads(pickle.dumps(MR)).size == 16**13 * 4**14


def test_text_and_code_are_the_same_network():
    assert MR.parse(TEXT) == MR.parse(CODE, "code") == MR.parse(str(CODE), "code") == MR.parse(np.array(CODE), "code")
    assert list(MR.code(MR.parse(TEXT))) == CODE
    assert MR.format(MR.parse(TEXT)) == TEXT
    assert MR.format(MR.parse(TEXT), "code") == str(CODE)
    named = {decision.name: number for decision, number in zip(MR.decisions, CODE, strict=True)}
    assert MR.parse(named) == MR.parse(TEXT)


@pytest.mark.parametrize("text", LISTED)
def test_networks_of_the_publishers_list_come_back(text):
    assert MR.format(MR.parse(text)) == text


def test_identities_never_change():
    example = MR.parse("96_128-1_1_1_48-1_2_1_1_128_8-1_3_1_1_1_128_128_120-4_4_4_4_4_4_128_128_128_128-64")
    keys = [461872246301216536, 5224306521774037195, 3963944119909667541]  # tables hold them
    assert MR.identity([example, (1,) * 27, [n - 1 for n in MR.n_choices]]).tolist() == keys


def test_keys_differ_between_networks():
    archs = MR.sample_many(np.random.default_rng(0), 20_000)
    assert len(np.unique(MR.identity(archs))) == len(np.unique(archs, axis=0)) == 20_000
    near = MR.parse_many(MR.neighbors(MR.parse(TEXT)))
    assert len(np.unique(MR.identity(near))) == len(near) == 13 * 15 + 14 * 3


@pytest.mark.parametrize(
    ("arch", "form", "message"),
    [
        (TEXT.replace("-4_4", "-4_3"), None, "stage 4 says it has 3 branches; it has 4"),
        (TEXT[:-3], None, "is no network of nas_bench_mr; one looks like"),
        (TEXT + "-64", None, "is no network"),
        (TEXT.replace("96", "x"), None, "is no network"),
        (TEXT.replace("96_", "97_"), None, "unknown number of input_channels_1 97"),
        (TEXT.replace("96_", "136_"), None, "unknown number of input_channels_1 136"),
        (CODE[:-1], "code", "has 26 numbers; a code of nas_bench_mr has 27"),
        (CODE, None, "is out of range"),
        (None, "code", r"is not of the form 'code', like '\[96, 128, 1"),
        ("a,b", "code", r"is not of the form 'code', like '\[96, 128, 1"),
        (TEXT, "other", "unknown form 'other'"),
    ],
)
def test_what_is_no_network_is_refused(arch, form, message):
    with pytest.raises((ArchitectureError, UnknownNameError), match=message):
        MR.parse(arch, form)


# ---- the importer ----


def item(text, **results):
    """One entry, of a network given by its text, with all 27 numbers in `embedding`."""
    code = list(MR.code(MR.parse(text)))
    setting = []
    for stage, start in ((1, 2), (2, 5), (3, 10), (4, 17)):
        units, channels = code[start + 1 : start + 1 + stage], code[start + 1 + stage : start + 1 + 2 * stage]
        setting += [[stage, units, channels]] * code[start]
    described = {"input_channel": code[:2], "network_setting": setting, "last_channel": code[-1], "embedding": code}
    return results | described


SEG = [README, item(LISTED[0], mIoU=50.0, mAcc=60.0, aAcc=90.0), item(LISTED[2], mIoU=40.0, mAcc=50.0, aAcc=80.0)]
CLS = [
    item(LISTED[0], top1=60.5, top5=80.25, flops=1.5, params=2.5),
    item(LISTED[1], top1=61, top5=81, flops=2, params=3),
]


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "NCP" / "data"
    for setting, content in (("seg", SEG), ("cls-50-1000", CLS), ("nas-bench-201", [{"another": "benchmark"}])):
        (data / setting).mkdir(parents=True)
        (data / setting / "trainval.pkl").write_bytes(pickle.dumps(content))
    (data / "search_list.txt").write_text("\n".join(LISTED))
    return data


def test_the_settings_make_one_table(folder, tmp_path):
    assert (
        guess_kind([folder])
        == guess_kind([folder.parent])
        == guess_kind([folder / "seg/trainval.pkl"])
        == "nas_bench_mr"
    )
    table = import_table([folder], tmp_path / "made.h5")
    assert (table.datasets, table.n_archs) == (("cls-50-1000", "seg"), 4)
    seg, cls = (nbk.Benchmark(table, name) for name in ("seg", "cls-50-1000"))
    assert list(seg.metrics) == ["val_miou", "val_accuracy[mean_of_classes]", "val_accuracy[pixels]"]
    assert list(cls.metrics) == ["val_accuracy", "val_top5_accuracy", "flops", "params"]
    readme = MR.parse([*README["embedding"], README["last_channel"]], "code")
    assert seg.query(readme).val_miou == pytest.approx(0.7057)
    assert [seg.values(metric, [readme])[0] for metric in seg.metrics] == pytest.approx([0.7057, 0.8007, 0.9529])
    assert cls.values("params", [LISTED[0]]).tolist() == [2.5]
    assert (cls.best().value, cls.best().arch) == (0.61, MR.parse(LISTED[1]))
    with pytest.raises(NotRecordedError, match=r"val_accuracy of '16_64-.*' was not recorded"):
        cls.query(readme)
    for bench in (seg, cls):
        check_benchmark(bench, np.random.default_rng(0))
        assert len(bench.search_space().all_archs()) == len(bench.results.archs()) - 1 - (bench is cls)
    assert import_table([folder.parent], tmp_path / "again.h5").sha256 != table.sha256  # another origin is recorded


class Command:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "seg/trainval.pkl is no readable pickle"),
        (pickle.dumps(SEG)[:-30], "seg/trainval.pkl is no readable pickle"),
        ([Command("touch never")], r"asks for (posix|nt)\.system, which is no plain data"),
        ({}, "holds no list of networks"),
        ([], "holds no list of networks"),
        ([1], "network 0 is 1; a dictionary expected"),
        ([{"mIoU": 1.0}], "network 0 describes no network of NAS-Bench-MR"),
        ([README | {"embedding": [1, 2, 3]}], "network 0 describes no network of NAS-Bench-MR"),
        ([README | {"embedding": CODE}], "network 0: its embedding .* and its network_setting, .*, differ"),
        ([README | {"network_setting": README["network_setting"][1:]}], "stage 1 has blocks"),
        ([README | {"mIoU": "70.57"}], "network 0: mIoU is '70.57'; a number from 0 expected"),
        ([README | {"mIoU": float("nan")}], "mIoU is nan; a number from 0 expected"),
        ([README, README | {"mIoU": 70.0}], "network 1, 16_64-.*, is given twice with different results"),
        ([item(LISTED[0], flops=1)], "holds none of the results top1, mIoU, moderate"),
        ([item(LISTED[0], mIoU=7057)], "is 70.57; a value from 0 to 1 expected"),
    ],
    ids=range(15),
)
def test_a_damaged_file_is_refused(folder, tmp_path, content, message):
    path = folder / "seg/trainval.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    with pytest.raises((ImportDataError, nbk.errors.TableError), match=message) as caught:
        import_table([path], tmp_path / "made.h5", kind="nas_bench_mr")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made.h5").exists()


def test_a_file_outside_a_folder_of_a_setting_is_refused(folder, tmp_path):
    path = tmp_path / "trainval.pkl"
    path.write_bytes(pickle.dumps(SEG))
    with pytest.raises(ImportDataError, match="which setting it is only its folder tells, one of cls-50-1000"):
        import_table([path], tmp_path / "made.h5")
    path = folder / "seg/trainval.pkl"
    with pytest.raises(ImportDataError, match="gives the setting seg a second time"):
        import_table([path, path], tmp_path / "made.h5")


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps([1, 2]), pickle.dumps({"embedding": [1]}), b"{}", b"PK\3\4"]
)
def test_other_files_are_not_taken_for_a_release(tmp_path, content):
    path = tmp_path / "trainval.pkl"
    path.write_bytes(content)
    for source in (path, tmp_path):
        with pytest.raises(ImportDataError, match="looks like none of the releases; give its kind"):
            guess_kind([source])

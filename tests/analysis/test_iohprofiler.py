"""Folders for IOHprofiler: iohinspector 0.0.8 (`DataManager.add_folder`, `load`) reads these as is expected here."""

import json
import os
from math import inf

import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Panel, Trajectories, load
from nasbench_kit.analysis.iohprofiler import write_iohprofiler
from nasbench_kit.errors import SettingError
from nasbench_kit.simulator import Rules
from nasbench_kit.study import Configuration


@pytest.fixture
def panel(cifar10):
    """Two runs of which the second finds something at its second evaluation alone, and one without any evaluation."""
    key = Configuration.of(cifar10, "random_search", label="ours / 2", n_evaluations=4)
    runs = [
        ([1.0, 2.0, 3.5], [0.5, 0.75, 0.25], [0.5, 0.25, 1.0]),
        ([1.0, 4.0], [-inf, 0.5], [-inf, 0.75]),
        ([], [], []),
    ]
    made = Trajectories.of_arrays(nbk.Metric.from_name("test_accuracy"), runs, best=1.0, run_seeds=[4, 5, 6])
    return Panel(cifar10, Rules(n_evaluations=4), {key.legend: key}, {key.legend: made}, {})


def files(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def test_a_folder_holds_a_function_per_panel_and_an_algorithm_per_optimizer(panel, tmp_path):
    assert write_iohprofiler({"nasbench201/cifar10": panel}, tmp_path / "ioh") == 2
    meta, data = files(tmp_path / "ioh")
    assert meta == "1_ours_2/IOHprofiler_f1_nasbench201_cifar10.json"
    assert data == "1_ours_2/data_f1_nasbench201_cifar10/IOHprofiler_f1_DIM6.dat"
    assert (tmp_path / "ioh" / data).read_text() == (
        "evaluations raw_y reported regret seconds\n"
        "1 0.5 0.5 0.5 1.0\n"
        "2 0.75 0.25 0.75 2.0\n"
        "3 0.75 0.25 0.75 3.5\n"
        "evaluations raw_y reported regret seconds\n"
        "1 -inf nan nan nan\n"
        "2 0.5 0.75 0.25 4.0\n"
    )
    about = json.loads((tmp_path / "ioh" / meta).read_text())
    assert about["function_name"] == "nasbench201/cifar10"
    assert (about["function_id"], about["maximization"]) == (1, True)
    assert about["algorithm"]["name"] == "ours / 2"
    assert json.loads(about["algorithm"]["info"])["results_sha256"] == panel.benchmark.results.sha256
    assert about["attributes"] == ["evaluations", "raw_y", "reported", "regret", "seconds"]
    assert (about["told_metric"], about["reported_metric"], about["best"]) == ("val_accuracy", "test_accuracy", 1.0)
    assert "experiment_attributes" not in about  # iohinspector would evaluate their texts as Python
    (scenario,) = about["scenarios"]
    assert (scenario["dimension"], f"1_ours_2/{scenario['path']}") == (6, data)
    assert scenario["runs"] == [
        {"instance": 0, "evals": 3, "best": {"evals": 2, "y": 0.75, "x": []}, "run_seed": 4},
        {"instance": 0, "evals": 2, "best": {"evals": 2, "y": 0.5, "x": []}, "run_seed": 5},
    ]


def test_every_run_begins_at_evaluation_1_and_ends_at_its_last_and_never_gets_worse(tmp_path):
    path = tmp_path / "s.db"
    few = {"runs": 3, "n_evaluations": 30, "study": path, "n_processes": 1}
    nbk.compare("nasbench201_mnist1d/mnist1d", ["random_search", "hyperband"], **few)
    panels = load(path)
    assert write_iohprofiler(panels, tmp_path / "ioh") == 6
    n_runs = 0
    for name in files(tmp_path / "ioh"):
        if name.endswith(".dat"):
            text = (tmp_path / "ioh" / name).read_text()
            for run in text.split("evaluations raw_y reported regret seconds epochs\n")[1:]:
                rows = [list(map(float, line.split())) for line in run.splitlines()]
                assert [row[0] for row in rows] == sorted({row[0] for row in rows})
                assert (rows[0][0], rows[-1][0]) == (1, 30)
                assert [row[1] for row in rows] == sorted(row[1] for row in rows)
                n_runs += 1
    assert n_runs == 6


def test_of_what_is_minimized_smaller_is_better_there_too(cifar10, tmp_path):
    bench = nbk.Benchmark(cifar10.results, "cifar10", objectives=["latency_s"])
    path = tmp_path / "s.db"
    nbk.compare(bench, "random_search", runs=1, n_evaluations=9, study=path, n_processes=1)
    write_iohprofiler(load(path), tmp_path / "ioh")
    meta, data = files(tmp_path / "ioh")
    assert json.loads((tmp_path / "ioh" / meta).read_text())["maximization"] is False
    values = [float(line.split()[1]) for line in (tmp_path / "ioh" / data).read_text().splitlines()[1:]]
    assert values == sorted(values, reverse=True)
    assert min(values) > 0


def test_a_folder_that_is_there_is_left_alone(panel, tmp_path):
    (tmp_path / "ioh").mkdir()
    with pytest.raises(SettingError, match="ioh' is there already; give a folder that is to be made"):
        write_iohprofiler({"t": panel}, tmp_path / "ioh")
    with pytest.raises(SettingError, match=r"cannot write .*No such file"):
        write_iohprofiler({"t": panel}, tmp_path / "nowhere" / "ioh")
    assert os.listdir(tmp_path) == ["ioh"]


def test_a_folder_that_cannot_be_finished_leaves_nothing(panel, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nasbench_kit.analysis.iohprofiler.sync", fail)
    with pytest.raises(SettingError, match="No space left on device"):
        write_iohprofiler({"t": panel}, tmp_path / "ioh")
    assert os.listdir(tmp_path) == []

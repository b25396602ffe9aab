"""`compare --plan`, `work`, and `compare` again: three commands, one result."""

import os

import pytest

C10 = ["-b", "nasbench201/cifar10", "-o", "random_search", "--evaluations", "20", "--runs", "12"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)


def test_a_plan_is_made_by_work_and_shown_by_the_command_that_planned_it(invoke, invoke_json):
    alone = invoke_json("compare", *C10, "--study", "alone.db", "--processes", "1")
    said = invoke("compare", *C10, "--study", "mine.db", "--plan", "--batch", "5")
    assert "plan: 12 runs in 3 batches, 3 to be made: mine.db.work" in said
    assert "nasbench-kit work mine.db" in said
    assert invoke_json("compare", *C10, "--study", "mine.db", "--plan")["n_left"] == 3  # again
    assert invoke_json("work", "mine.db", "--gather") == {"study": "mine.db", "n_left": 3}
    assert invoke_json("work", "mine.db", "--processes", "1") == {"study": "mine.db", "n_batches": 3, "n_runs": 12}
    assert invoke("work", "mine.db", "--processes", "1").startswith(
        "0 runs made here, in 0 batches; all batches of the"
    )
    assert invoke_json("compare", *C10, "--study", "mine.db", "--processes", "1") == alone
    assert sorted(name for name in os.listdir() if name.startswith("mine")) == ["mine.db"]
    assert "nothing to plan: all runs are in mine.db" in invoke("compare", *C10, "--study", "mine.db", "--plan")


def test_compare_helps_to_finish_a_plan(invoke, invoke_json):
    alone = invoke_json("compare", *C10, "--study", "alone.db", "--processes", "1")
    invoke("compare", *C10, "--study", "mine.db", "--plan")
    assert invoke_json("compare", *C10, "--study", "mine.db", "--processes", "1") == alone
    assert not os.path.exists("mine.db.work")


def test_gathering_takes_over_what_there_is_and_names_what_is_damaged(invoke):
    invoke("compare", *C10, "--study", "mine.db", "--plan", "--batch", "4")
    invoke("work", "mine.db", "--processes", "1")
    with open("mine.db.work/parts/000001.db", "wb") as part:
        part.write(b"no study")
    said = invoke("work", "mine.db", "--gather")
    assert said == "mine.db holds all runs that are made; batches to be made: 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--plan", "--cluster", "tcp://a:1"], "--cluster and --plan exclude each other; leave one out"),
        (["compare", "--executor", "mpi", "--cluster", "tcp://a:1"], "--cluster and --executor exclude each other"),
        (["compare", "--plan", "--processes", "2"], "--processes and --plan exclude each other; leave one out"),
        (["compare", "--plan", "--until-settled", "0.1"], "--plan and --until-settled exclude each other"),
        (["compare", "--batch", "2"], "--batch is of a plan; give --plan as well"),
        (["compare", "--cluster", "somewhere"], "'somewhere' is no cluster; an address like tcp://host:8786, or a"),
        (["work", "mine.db"], "there is no plan 'mine.db.work/plan.json': nasbench-kit compare --study mine.db --plan"),
        (["work", "mine.db", "--gather"], "there is no study 'mine.db'"),
        (["work", "mine.db", "--gather", "--processes", "2"], "--gather and --processes exclude each other"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(invoke, arguments, message):
    result = invoke(*arguments, code=2)
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1


def test_a_cluster_does_not_make_what_workers_of_a_folder_make(invoke, cifar10):
    from concurrent.futures import ThreadPoolExecutor

    import nasbench_kit as nbk
    from nasbench_kit.errors import SettingError

    invoke("compare", *C10, "--study", "mine.db", "--plan")
    how = {"runs": 12, "n_evaluations": 20, "study": "mine.db"}
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(SettingError, match="has a plan for workers that share its folder"),
    ):
        nbk.compare(cifar10, "random_search", executor=executor, **how)

"""`plot`: figures from a study alone, and wrong inputs in one line."""

import shutil
from pathlib import Path

import pytest

import nasbench_kit as nbk
from nasbench_kit.plots import style
from nasbench_kit.study import Study

ONE = ("-b", "nasbench201/cifar10")
MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF-", "svg": b"<?xml"}


THEIRS = """run,time_s,acc
a,2e3,80
a,3e4,90
b,4e3,85
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A study of three optimizers on two benchmarks."""
    path = tmp_path_factory.mktemp("plot") / "study.db"
    nbk.compare(
        ["nasbench201/cifar10", "nasbench201/cifar100"],
        ["random_search", "regularized_evolution", ("local_search", {"n_initial": 3}, "ours")],
        runs=2,
        n_evaluations=20,
        study=path,
        n_processes=1,
        progress=lambda done, of: None,
    )
    return path


@pytest.fixture
def study(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(filled, "study.db")
    return "study.db"


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were to be written, instead of files."""
    figures = []
    monkeypatch.setattr("nasbench_kit.plots.save_figure", lambda figure, *paths, dpi: figures.append(figure))
    return figures


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_plot_says_how_it_is_called(invoke):
    text = invoke("plot", "--help")
    assert "Draw what a study holds, without the command that made it." in text
    assert "nasbench-kit plot compare.db" in text
    for option in ("--axis", "--statistic", "--band", "--highlight", "--width", "--law", "--from", "--label"):
        assert option in text


def test_by_default_the_figure_lies_beside_the_study(study, invoke):
    assert invoke("plot", study).split() == ["study.png", "study.pdf"]
    assert Path("study.png").read_bytes().startswith(MAGIC["png"])
    assert Path("study.pdf").read_bytes().startswith(MAGIC["pdf"])


def test_files_are_of_the_kinds_that_their_names_say(study, invoke):
    names = [f"figure.{kind}" for kind in MAGIC]
    assert invoke("plot", study, *(word for name in names for word in ("-o", name))).split() == names
    for name, magic in zip(names, MAGIC.values(), strict=True):
        assert Path(name).read_bytes().startswith(magic)
    assert "random search" in Path("figure.svg").read_text()  # text stays text


def test_what_was_chosen_is_drawn(study, drawn, invoke):
    arguments = ["-b", "nasbench201/cifar100", "--optimizer", "ours", "--optimizer", "random_search"]
    arguments += ["--label", "random_search=RS", "--axis", "seconds", "--quantity", "value", "--statistic", "mean"]
    arguments += ["--band", "standard-error", "--x-scale", "linear", "--x-limits", "1e3:9e4", "--y-limits", "50:75"]
    invoke("plot", study, *arguments, "--width", "column", "--highlight", "ours")
    (figure,) = drawn
    (ax,) = figure.axes
    assert ax.get_title() == "NAS-Bench-201, CIFAR-100"
    assert legend(figure) == ["ours", "others (1)"]
    assert "others: RS" in [text.get_text() for text in figure.texts]
    assert (ax.get_xlabel(), ax.get_xscale()) == ("simulated time [s]", "linear")
    assert (ax.get_xlim(), ax.get_ylim()) == ((1e3, 9e4), (50, 75))
    assert "validation accuracy" in ax.get_ylabel()
    assert figure.get_figwidth() == 3.3
    assert "mean over 2 runs each; bands: one standard error" in figure.get_supxlabel().replace("\n", " ")


def test_bands_and_captions_can_be_left_out_and_the_law_be_drawn(study, drawn, invoke):
    invoke("plot", study, "--band", "none", "--no-caption", "--law")
    (figure,) = drawn
    assert [len(ax.collections) for ax in figure.axes] == [1, 1]  # the laws
    assert figure._supxlabel is None
    assert legend(figure)[-1] == "random search, exact law"


def test_an_optimizer_with_settings_gets_another_label(tmp_path, monkeypatch, drawn, invoke):
    monkeypatch.chdir(tmp_path)
    optimizer = ("local_search", {"n_initial": 3})
    nbk.compare("nasbench201/cifar10", [optimizer], runs=1, n_evaluations=5, study="one.db", progress=lambda *_: None)
    invoke("plot", "one.db", "--label", "local_search (n_initial=3)=LS 3")
    assert legend(drawn[0]) == ["LS 3"]


def theirs(**more):
    Path("theirs.csv").write_text(THEIRS)
    told = {"spent": "time_s", "value": "acc", "run": "run", "scale": "0.01", "label": "Theirs"} | more
    return "--overlay", "csv:theirs.csv," + ",".join(f"{name}={value}" for name, value in told.items())


def test_what_others_measured_is_laid_over(study, drawn, invoke):
    invoke("plot", study, *ONE, "--axis", "seconds", "--statistic", "mean", "--quantity", "value", *theirs())
    (figure,) = drawn
    (line,) = [line for line in figure.axes[0].lines if line.get_gid() == "overlay"]
    steps = dict(zip(*line.get_data(), strict=True))
    assert (steps[4e3], steps[3e4]) == pytest.approx((82.5, 87.5))  # from when both have a value
    assert legend(figure)[-1] == "Theirs, n = 2"
    assert "not run here: Theirs (as in theirs.csv)" in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "overlay 'Theirs' is over seconds, not over evaluations; --axis seconds expected"),
        (["--axis", "epochs"], "overlay 'Theirs' is over seconds, not over epochs"),
    ],
)
def test_an_overlay_along_another_axis_is_refused(study, invoke, arguments, message):
    assert message in invoke("plot", study, *ONE, *arguments, *theirs(), code=2).stderr


def test_an_overlay_is_in_the_unit_of_the_runs_and_has_a_name_of_its_own(study, invoke):
    def error(**more):
        return invoke("plot", study, *ONE, "--axis", "seconds", *theirs(**more), code=2).stderr

    assert "overlay 'Theirs' is of latency_s [s], these runs are reported by val_accuracy" in error(
        metric="latency_s", best=0, scale=1
    )
    assert "two lines would be called 'ours'; give the overlay its own label=" in error(label="ours")


def test_a_figure_of_one_run_reads_no_others(study, drawn, invoke, monkeypatch):
    read = []
    runs = Study.runs

    def noted(self, configuration, *which, **how):
        read.append((configuration.benchmark, configuration.legend))
        return runs(self, configuration, *which, **how)

    monkeypatch.setattr(Study, "runs", noted)
    invoke("plot", study, "--kind", "gantt", "-b", "nasbench201/cifar100", *ONE, "--optimizer", "ours")
    assert set(read) == {("nasbench201/cifar100", "ours")}
    read.clear()
    invoke("plot", study, "--kind", "parallel-coordinates", "--seed", "1")
    assert set(read) == {("nasbench201/cifar10", "random_search")}
    read.clear()
    invoke("plot", study, "--kind", "incumbents")
    assert {benchmark for benchmark, _ in read} == {"nasbench201/cifar10"}
    invoke("plot", study, "--kind", "gantt", "--label", "ours=LS")
    assert "random search on NAS-Bench-201" in drawn[-1].axes[0].get_title()


def test_quantiles_are_typed_in_percent(study, drawn, invoke):
    invoke("plot", study, "--band", "10-90")
    assert "bands: 10-90 % quantiles" in drawn[0].get_supxlabel().replace("\n", " ")


def test_the_sum_of_a_metric_is_an_axis(study, drawn, invoke):
    invoke("plot", study, "--axis", "flops_m", "-b", "nasbench201/cifar10")
    assert drawn[0].axes[0].get_xlabel() == "sum of flops m"


@pytest.mark.parametrize(
    ("arguments", "caption"),
    [
        (["ranks", "--each", "--by", "median"], "Lines: ranks of medians over runs; 1 is the best"),
        (["ecdf", "--share", "--highlight", "ours"], "Share of all pairs of a run and one of 51 targets"),
        (["time-to-target", "--quantity", "speed-up"], "until half of all runs have an incumbent as good as a target"),
        (["profiles", "--band", "bootstrap"], "bands: 95 % bootstrap intervals"),
        (["intervals", "--over", "ours"], "Strokes: aggregates of final scores over 2 benchmarks"),
        (["critical-difference"], "Nemenyi's test over 2 benchmarks"),
        (["critical-difference", "--test", "mann-whitney"], "Mann-Whitney tests of runs, corrected by Holm"),
        (["win-rates", "--each"], "Percentage of pairs of runs"),
        (["learning-curves", "--seed", "1"], "20 trainings, of which 20 went on to epoch 200"),
        (["gantt", "--optimizer", "ours"], "20 evaluations; workers were busy 100 % of the time"),
        (["parallel-coordinates"], "Lines: final incumbents of all runs"),
        (["parallel-coordinates", "--seed", "0"], "Lines: what the run trained to the end"),
        (["incumbents", "--width", "column"], "the most frequent one of each optimizer, and its best one"),
    ],
)
def test_each_kind_is_drawn_from_a_study_alone(study, drawn, invoke, arguments, caption):
    invoke("plot", study, "--kind", *arguments)
    (figure,) = drawn
    assert caption in figure.get_supxlabel().replace("\n", " ")
    assert figure.axes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.db"], "nowhere.db"),
        (["study.db", "--kind", "anytimes"], "unknown kind of figure 'anytimes'; did you mean 'anytime'?"),
        (["study.db", "--kind", "ranks", "--by", "luck"], "'luck'; seed, every pair or median expected"),
        (["study.db", "--kind", "ranks", "--optimizer", "ours"], "ranks of 1 optimizer; two or more expected"),
        (["study.db", "--kind", "intervals", "--over", "mine"], "unknown optimizer to compare with 'mine'"),
        (["study.db", "--kind", "profiles", "--band", "25-75"], "unknown band of profiles"),
        (["study.db", "--kind", "critical-difference", "--test", "t"], "unknown test 't'"),
        (
            ["study.db", "--kind", "critical-difference", "--test", "nemenyi", "-b", "nasbench201/cifar10"],
            "Nemenyi's test of 3 optimizers on 1 benchmark; two or more of each expected",
        ),
        (["study.db", "--kind", "gantt", "--seed", "7"], "has the seed 7; one of 2 from 0 to 1 expected"),
        (["study.db", "--seed", "1"], "--seed 1 says nothing to a figure of kind anytime; leave it out"),
        (
            ["study.db", "--axis", "energy_kwh"],
            "'energy_kwh'; choose from evaluations, seconds, epochs,",
        ),
        (
            ["study.db", "--axis", "val_accuracy"],
            "epochs, cost_s, latency_s, params_m, flops_m",
        ),  # the sum of what costs
        (["study.db", "--kind", "ecdf", "--axis", "second"], "did you mean 'seconds'?"),
        (["study.db", "--statistic", "average"], "unknown statistic 'average'; choose from median, mean, iqm"),
        (
            ["study.db", "--band", "wide"],
            "--band 'wide' is none; two percentages, the lower one first, like 25-75, or one of none, auto",
        ),
        (["study.db", "--band", "standard-error"], "a standard error is of the mean, not of the median"),
        (
            ["study.db", "--x-limits", "10"],
            "--x-limits '10'; two numbers with a colon between them, the lower one first, expected",
        ),
        (["study.db", "--x-limits", "0:10"], "numbers above 0 expected on a logarithmic axis"),
        (["study.db", "--x-limits", "1e9:1e10"], "show nothing; evaluations from 1 to 20 expected"),
        (["study.db", "--y-limits", "1e9:1e10"], "show nothing; values from"),
        (["study.db", "--kind", "ranks", "--x-limits", "1e9:1e10"], "show nothing; share of the budget from"),
        (
            ["study.db", "--kind", "ranks", "--x-limits", "5:2"],
            "two numbers with a colon between them, the lower one first, expected",
        ),
        (["study.db", "--kind", "ranks", "--x-limits", "0:5"], "numbers above 0 expected on a logarithmic axis"),
        (["study.db", "--kind", "gantt", "--x-limits", "1e9:1e10"], "show nothing; seconds from 0 to"),
        (["study.db", "--kind", "ecdf", "--x-scale", "lin"], "unknown --x-scale 'lin'; did you mean 'linear'?"),
        (["study.db", "--each"], "error: --each says nothing to a figure of kind anytime; leave it out"),
        (["study.db", "--kind", "fronts"], "nasbench201/cifar10 has one objective, val_accuracy; a study of several"),
        (["study.db", "--kind", "attainment", "--at", "0"], "--at 0.0; a number above 0 expected"),
        (["study.db", "--overlay", "published"], "overlays are of one benchmark, and there are 2; choose one"),
        (["study.db", "--kind", "ranks", "--overlay", "published"], "says nothing to a figure of kind ranks"),
        (["study.db", *ONE, "--overlay", "published"], "no curves of nasbench201/cifar10 are known"),
        (["study.db", *ONE, "--overlay", "x.csv"], "unknown format of an overlay 'x.csv'; did you mean 'csv'?"),
        (
            ["study.db", *ONE, "--overlay", "csv:x.csv,spent=s,value=v"],
            "there is no file 'x.csv'; csv:FILE,NAME=VALUE,... expected",
        ),
        (["study.db", "-o", "x.png", "--overlay", "csv:x.png,spent=s,value=v"], "would overwrite --overlay 'x.png'"),
        (["study.db", "-b", "nasbench201/cifar1"], "unknown benchmark of study.db 'nasbench201/cifar1'; did you mean"),
        (["study.db", "--optimizer", "mine"], "unknown optimizer of study.db 'mine'"),
        (["study.db", "--label", "mine"], "label 'mine'; OLD=NEW expected, where OLD is an optimizer of the study"),
        (["study.db", "--label", "mine=x"], "unknown optimizer to label 'mine'"),
        (["study.db", "--highlight", "mine"], "unknown optimizer to highlight 'mine'"),
        (["study.db", "--width", "wide"], "--width 'wide'; column, text, slide or inches from 2 to 40 expected"),
        (["study.db", "--width", "0"], "inches from 2 to 40 expected"),
        (["study.db", "--law", "--axis", "seconds"], "the law of random search is over evaluations, not over seconds"),
        (["study.db", "-o", "figure.xyz"], "cannot write figure 'figure.xyz': its name must end in one of"),
        (["study.db", "-o", "nowhere/figure.png"], "there is no folder"),
        (["study.db", "-o", "a.png", "-o", "a.png"], "are the same file; give two"),
        (["study.db", "--from", "study.db"], "study.db"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(study, invoke, arguments, message):
    result = invoke("plot", *arguments, code=2)
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert [path.name for path in Path.cwd().iterdir()] == ["study.db"]


def test_a_figure_is_never_drawn_over_the_study(study, invoke):
    shutil.copy(study, "study.png")
    before = Path("study.png").read_bytes()
    assert "would overwrite STUDY" in invoke("plot", "study.png", code=2).stderr
    assert Path("study.png").read_bytes() == before


def test_pgf_needs_what_measures_its_text(study, invoke, monkeypatch):
    monkeypatch.setattr(style.shutil, "which", lambda name: None)
    error = invoke("plot", study, "-o", "figure.pgf", code=2).stderr
    assert error == (
        "error: cannot write figure 'figure.pgf': pgf is measured by xelatex, which is not installed; install it, or"
        " write pdf\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--band", "75-25"],
            "--band '75-25' is none; two percentages, the lower one first, like 25-75, or one of none",
        ),
        (["--band", "0-200"], "--band '0-200' is none; two percentages"),
        (["--band", "nan-50"], "--band 'nan-50' is none; two percentages"),
        (
            ["--x-limits", "5:1"],
            "--x-limits '5:1'; two numbers with a colon between them, the lower one first, expected",
        ),
        (["--y-limits", "nan:1"], "--y-limits 'nan:1'; two numbers with a colon between them, the lower one first"),
        (["--kind", "gantt", *ONE, "--seed", "7"], "has the seed 7; one of 2 from 0 to 1 expected"),
        (
            [*ONE, "--overlay", "csv:none.csv,spent=a,value=b"],
            "--overlay 'csv:none.csv,spent=a,value=b': there is no file",
        ),
        (["--against", ""], "no archive is named; 'archive', which comes with the package, or a file"),
        (["--against", "archive", *ONE], "nasbench-kit compare -b nasbench201/cifar10 --protocol suite_small makes a"),
    ],
)
def test_what_is_wrong_is_shown_as_it_was_typed_with_what_to_type(study, invoke, arguments, message):
    text = invoke("plot", study, *arguments, code=2).stderr
    assert message in text
    assert text.count("\n") == 1


def test_the_only_seed_is_named(tmp_path, monkeypatch, invoke):
    monkeypatch.chdir(tmp_path)
    nbk.compare(ONE[1], "random_search", runs=1, n_evaluations=3, study="s.db", first_seed=4, n_processes=1)
    assert (
        "has the seed 7; the only one has 4\n"
        in invoke("plot", "s.db", "--kind", "gantt", "--seed", "7", code=2).stderr
    )


@pytest.mark.parametrize("kind", ["intervals", "ranks", "ecdf", "profiles", "win-rates", "critical-difference"])
def test_a_panel_for_each_benchmark_is_advised_only_where_a_figure_can_have_them(tmp_path, monkeypatch, invoke, kind):
    monkeypatch.chdir(tmp_path)
    how = {"runs": 2, "n_evaluations": 5, "study": "s.db", "n_processes": 1}
    nbk.compare(["nasbench201/cifar10", "nasbench201/cifar100"], ["random_search", "grid_search"], **how)
    nbk.compare("nasbench201/cifar10", "local_search", **how)
    text = invoke("plot", "s.db", "--kind", kind, code=2).stderr
    assert "optimizer 'local_search' has no runs on nasbench201/cifar100; choose benchmarks or optimizers" in text
    assert ("or a panel for each benchmark by --each\n" in text) == (kind != "intervals")
    assert ("panel" in text) == (kind != "intervals")


def test_a_class_of_ones_own_is_chosen_as_figures_call_it(tmp_path, monkeypatch, drawn, invoke):
    monkeypatch.chdir(tmp_path)
    Path("hills.py").write_text("from nasbench_kit.optimizers import RandomSearch\nclass Climber(RandomSearch): pass\n")
    nbk.compare(ONE[1], ["random_search", "hills:Climber"], runs=1, n_evaluations=5, study="s.db", n_processes=1)
    invoke("plot", "s.db", "--optimizer", "Climber")
    assert legend(drawn[0]) == ["Climber"]
    assert invoke("runs", "s.db", "--out", "x.csv", "-o", "Climber") == "5 evaluations in x.csv\n"

"""The folder for a paper: tables and figures that a paper takes as they are."""

import csv
import re

import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import Verdict
from nasbench_kit.errors import SettingError
from nasbench_kit.report import report_of, write_paper
from nasbench_kit.report.finals import final_rows
from nasbench_kit.report.paper import latex, markdown
from nasbench_kit.report.statistics import pairs_of, verdicts_of


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    place = tmp_path_factory.mktemp("paper") / "appendix"
    return place, write_paper(report, place)


def test_all_files_are_there_and_named(folder):
    place, files = folder
    names = [
        "report.md",
        "tables.tex",
        "figures.tex",
        "verdicts.csv",
        "anytime.pdf",
        "ranks.pdf",
        "ecdf.pdf",
        "critical-difference.pdf",
        "best-1-nasbench201-cifar10.pdf",
        "best-2-nasbench201-cifar100.pdf",
    ]
    assert [file.name for file in files] == names
    assert all(file.read_bytes()[:5] == b"%PDF-" for file in files[4:])
    text = (place / "report.md").read_text()
    assert all(f"]({name})" in text for name in names[3:])


def test_tables_hold_the_numbers_and_their_marks(folder, report):
    place, _ = folder
    tex, text = ((place / name).read_text() for name in ("tables.tex", "report.md"))
    assert tex.count(r"\toprule") == tex.count(r"\bottomrule") == len(report.panels)
    for panel in report.panels.values():
        _, rows = final_rows(panel, pairs_of(panel.trajectories), report.names)
        for (name, mean, *others), is_best in rows:
            bold = rf"\textbf{{{latex(name)}}} & \textbf{{{latex(mean)}}}"
            line = bold if is_best else f"{latex(name)} & {latex(mean)}"
            assert f"{line} & {' & '.join(map(latex, others))} \\\\" in tex
            strong = (
                f"**{markdown(name)}** | **{markdown(mean)}**" if is_best else f"{markdown(name)} | {markdown(mean)}"
            )
            assert strong in text
    assert f"    {report.commands[0]}\n" in text


@pytest.mark.parametrize("name", ["tables.tex", "figures.tex"])
def test_braces_are_balanced_whatever_labels_hold(folder, name):
    tex = re.sub(r"\\[{}\\]", "", (folder[0] / name).read_text())
    assert tex.count("{") == tex.count("}")


def test_figures_are_included_with_their_captions(folder, report):
    place, files = folder
    tex = (place / "figures.tex").read_text()
    assert re.findall(r"\\includegraphics\[.*\]\{(.*)\}", tex) == [file.name for file in files[4:]]
    captions = re.findall(r"\\caption\{(.*)\}", tex)
    assert len(captions) == len(files) - 4
    for kind, caption in zip(("anytime", "ranks"), captions, strict=False):
        figure = report.comparison.figure(kind)
        assert caption == latex(" ".join(figure.get_supxlabel().split()))


def test_verdicts_of_all_pairs_are_a_file_under_their_code_names(folder, report, tmp_path, monkeypatch):
    place, _ = folder
    head, *rows = csv.reader((place / "verdicts.csv").read_text().splitlines())
    assert tuple(head) == Verdict._fields
    assert rows == [[str(value) for value in one] for one in verdicts_of(report.panels)]
    assert "Of 6 pairs, in [verdicts.csv](verdicts.csv); verdicts: settled are" in (place / "report.md").read_text()
    monkeypatch.setattr("nasbench_kit.report.paper._KINDS", ())
    for module in ("statistics", "finals"):
        monkeypatch.setattr(f"nasbench_kit.report.{module}.MOST_PAIRS", 5)
    few = write_paper(report, tmp_path / "few")
    assert "verdicts.csv" not in [file.name for file in few]
    assert "verdicts are left out: they would take longer" in (tmp_path / "few" / "report.md").read_text()


def test_the_best_incumbent_beside_an_archive_is_said_to_be_of_known_ones(beside_many, tmp_path, monkeypatch):
    monkeypatch.setattr("nasbench_kit.report.paper._KINDS", ())
    write_paper(report_of(beside_many[0], against=beside_many[1]), tmp_path / "beside")
    said = "on NAS-Bench-201, CIFAR-10, of runs whose architectures are known: an archive holds values only."
    assert f"The best final incumbent {said}" in (tmp_path / "beside" / "report.md").read_text()


def test_fronts_are_among_the_figures(fronts_study, tmp_path, monkeypatch):
    monkeypatch.setattr("nasbench_kit.report.paper._KINDS", ("ecdf",))
    files = write_paper(report_of(fronts_study), tmp_path / "fronts")
    assert [file.name for file in files if file.name.startswith("front")] == ["front-1-nasbench201-cifar10.pdf"]
    text = (tmp_path / "fronts" / "report.md").read_text()
    assert "hypervolume" in text
    assert (tmp_path / "fronts" / "ecdf.pdf").is_file()  # a panel for each benchmark, as not all ran on both


def test_what_cannot_be_drawn_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("nasbench_kit.report.paper._KINDS", ("ranks", "ecdf", "critical-difference"))
    nbk.compare(
        "nasbench201/cifar10", "random_search", runs=2, n_evaluations=5, study=tmp_path / "one.db", n_processes=1
    )
    names = [file.name for file in write_paper(report_of(tmp_path / "one.db"), tmp_path / "one")]
    assert "ecdf.pdf" in names
    assert not {"ranks.pdf", "critical-difference.pdf"} & set(names)


def test_no_letter_of_a_user_is_a_command():
    assert latex(r"\input{x} 5% a_b $y$ #1 ~^ & ±") == (
        r"\textbackslash{}input\{x\} 5\% a\_b \$y\$ \#1 \textasciitilde{}\textasciicircum{} \& $\pm$"
    )
    assert markdown("a|b <i>*c*</i> [d](e) `f`") == r"a\|b \<i\>\*c\*\</i\> \[d\]\(e\) \`f\`"


def test_a_file_in_place_of_the_folder_is_refused(report, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SettingError, match=r"cannot write into '.*file': it is a file; a folder expected"):
        write_paper(report, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(report, tmp_path):
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(SettingError, match=r"it holds 'report.md', and is of no earlier report; a new folder expected"):
        write_paper(report, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]

"""The folder for a paper: tables and figures that a paper takes as they are."""

import re

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.report import write_paper
from nasbench_kit.report.finals import final_rows
from nasbench_kit.report.paper import latex, markdown
from nasbench_kit.report.statistics import pairs_of


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    place = tmp_path_factory.mktemp("paper") / "appendix"
    return place, write_paper(report, place)


def test_all_files_are_there_and_named(folder):
    place, files = folder
    names = [
        "report.md",
        "tables.tex",
        "anytime.pdf",
        "best-1-nasbench201-cifar10.pdf",
        "best-2-nasbench201-cifar100.pdf",
    ]
    assert [file.name for file in files] == names
    assert all(file.read_bytes()[:5] == b"%PDF-" for file in files[2:])
    text = (place / "report.md").read_text()
    assert all(f"]({name})" in text for name in names[2:])


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


def test_braces_are_balanced_whatever_labels_hold(folder):
    tex = re.sub(r"\\[{}\\]", "", (folder[0] / "tables.tex").read_text())
    assert tex.count("{") == tex.count("}")


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

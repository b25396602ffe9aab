"""The page: its numbers are those of the analysis, what users give is text, what is wrong is said."""

import json
import re
from html import unescape

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import (
    aggregate,
    average_ranks,
    bootstrap_band,
    common_targets,
    elo_ratings,
    final_regrets,
    pairwise_mann_whitney,
    quantile_band,
    ranks,
    regret_curves,
    running_time_ecdf,
    standard_error_band,
    summarize,
    time_grid,
    times_to,
    win_rates,
    write_archive,
)
from nasbench_kit.errors import SettingError, StudyError
from nasbench_kit.report import html_page, report_of
from nasbench_kit.report.checklist import checklist
from nasbench_kit.report.curves import ERRORS, N_RESAMPLES, decoded
from nasbench_kit.report.finals import final_rows
from nasbench_kit.report.incumbents import incumbents_of
from nasbench_kit.report.setup import faults
from nasbench_kit.report.statistics import N_RATINGS, SEED, TOLERANCE, over_benchmarks, pairs_of, verdicts_of
from nasbench_kit.simulator import Rules

C10, C100 = "nasbench201/cifar10", "nasbench201/cifar100"
_STEP = 1e-3  # relative: no step of 16 bits is as large


@pytest.fixture(scope="module")
def html(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(html, read):
    return json.loads(read(html).scripts[0])


def panels(data, report):
    return [(shown, report.panels[shown["title"]].trajectories) for shown in data["panels"]]


def test_the_page_asks_for_nothing_from_anywhere(html, read):
    shown = read(html)
    loaded = {(tag, name) for tag, name, _ in shown.attributes if name in ("src", "srcset", "action", "data", "poster")}
    assert loaded == set()
    links = [value for tag, name, value in shown.attributes if name == "href" and tag == "link"]
    assert links == ["data:,"]
    policy = next(value for _, name, value in shown.attributes if name == "content" and value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "url(" not in html.split("</style>")[0]


def test_a_label_that_is_markup_stays_text(html, data, hostile, read):
    shown = read(html)
    assert len(shown.scripts) == 2
    assert "img" not in shown.tags
    assert hostile in data["optimizers"]
    assert any(hostile in text for text in shown.texts)


def test_names_are_those_of_figures_but_where_one_has_to_type_them(html, data, report, hostile, read):
    assert data["optimizers"] == ["random_search", hostile, "local_search"]
    assert data["names"] == ["random search", hostile, "local search"]
    assert [(one["title"], one["shown"]) for one in data["panels"]] == [
        (C10, "NAS-Bench-201, CIFAR-10"),
        (C100, "NAS-Bench-201, CIFAR-100"),
    ]
    code = read(html).within["code"]
    assert {C10, C100, "random_search", *report.commands} <= set(code)
    seen = " ".join(text for text in read(html).texts if text not in code)
    assert not re.search(r"random_search|local_search|nasbench201/", seen)


def test_two_that_would_be_called_the_same_keep_their_labels(tmp_path):
    optimizers = [("random_search", {}), ("local_search", {}, "random search")]
    report = made(tmp_path / "same.db", (C10, optimizers, {"runs": 2, "n_evaluations": 5}))
    assert report.names == {"random_search": "random_search", "random search": "random search"}


def test_curves_are_those_of_the_analysis(data, report):
    for shown, trajectories in panels(data, report):
        assert list(shown["axes"]) == ["evaluations", "seconds", "epochs"]
        for axis, drawn in shown["axes"].items():
            times = time_grid(list(trajectories.values()), 200, axis=axis)
            np.testing.assert_allclose(drawn["times"], times, rtol=1e-5)
            beside = np.hstack([100 * regret_curves(one, times, axis) for one in trajectories.values()])
            iqm = bootstrap_band(beside, "iqm", np.random.default_rng(SEED), n_replications=N_RESAMPLES)
            for i, (name, one) in enumerate(trajectories.items()):
                curves = 100 * regret_curves(one, times, axis)
                low, high = standard_error_band(curves, ERRORS)
                part = slice(200 * i, 200 * (i + 1))
                expected = {
                    "median": (aggregate(curves, "median"), *quantile_band(curves, 0.25, 0.75)),
                    "mean": (aggregate(curves, "mean"), np.maximum(low, 0), high),
                    "iqm": (aggregate(curves, "iqm"), iqm.low[part], iqm.high[part]),
                }
                for statistic, parts in expected.items():
                    for text, values in zip(drawn["curves"][name][statistic], parts, strict=True):
                        got = decoded(text, drawn["low"], drawn["step"])
                        np.testing.assert_allclose(got, np.where(np.isfinite(values), values, np.nan), rtol=_STEP)


def test_ranks_and_shares_are_those_of_the_analysis(data, report):
    for shown, trajectories in panels(data, report):
        for axis, drawn in shown["axes"].items():
            times = time_grid(list(trajectories.values()), 200, axis=axis)
            curves = [regret_curves(one, times, axis) for one in trajectories.values()]
            np.testing.assert_allclose(list(drawn["ranks"].values()), average_ranks(curves, by="every pair"), atol=1e-3)
            targets = common_targets(trajectories)
            for name, one in trajectories.items():
                steps = running_time_ecdf([times_to(one, targets, axis)], [one.known_until(axis)], budgets=None)
                expected = [steps.shares[steps.times <= time][-1:].sum() for time in times]
                np.testing.assert_allclose(drawn["shares"][name], expected, atol=1e-3)


def test_targets_go_from_where_runs_begin_to_the_least_above_0(report):
    for panel in report.panels.values():
        every = np.concatenate([one.best - one.reported for one in panel.trajectories.values()])
        firsts = [(one.best - one.reported)[one.starts[:-1]] for one in panel.trajectories.values()]
        targets = common_targets(panel.trajectories)
        assert (len(targets), targets[0]) == (51, pytest.approx(np.median(np.concatenate(firsts))))
        assert targets[-1] == pytest.approx(every[every > 0].min())


def test_the_final_table_is_that_of_the_analysis(html, report, read):
    texts = read(html).texts
    for panel in report.panels.values():
        tests = pairwise_mann_whitney({name: final_regrets(one) for name, one in panel.trajectories.items()})
        better = tests.better()
        _, rows = final_rows(panel, pairs_of(panel.trajectories), report.names)
        for i, (label, ((name, mean, regret, counts, *_, n), is_best)) in enumerate(
            zip(panel.trajectories, rows, strict=True)
        ):
            one = panel.trajectories[label]
            summary = summarize(one)
            assert mean == f"{one.show.text(summary.mean)} ± {one.show.text(summary.sd)}"
            assert (regret, n) == (one.show.text(summary.median_regret), "12")
            assert counts == f"{better[i].sum()} / {better[:, i].sum()}"
            assert is_best == (not better[:, i].any())
            assert mean in texts
            assert name == report.names[label]


def test_average_ranks_ratings_and_win_rates_over_benchmarks_are_those_of_the_analysis(html, report, rows_of):
    finals = {
        name: [final_regrets(panel.trajectories[name]) for panel in report.panels.values()]
        for name in report.optimizers
    }
    rated = elo_ratings(finals, np.random.default_rng(SEED), n_replications=N_RATINGS)
    average = ranks(np.array([[np.median(one) for one in several] for several in finals.values()])).mean(axis=1)
    cells = rows_of(html, "Elo ratings")
    assert [row[0] for row in cells] == [report.names[rated.names[i]] for i in np.argsort(-rated.elo)]
    for i, name in enumerate(rated.names):
        _, elo, interval, wins, rank = next(row for row in cells if row[0] == report.names[name])
        assert (elo, interval) == (f"{rated.elo[i]:.0f}", f"{rated.low[i]:.0f} to {rated.high[i]:.0f}")
        assert rank == f"{average[i]:.2f}"
        rates = np.mean([win_rates([runs[j] for runs in finals.values()]) for j in range(2)], axis=0)[i]
        assert wins == f"{100 * np.delete(rates, i).mean():.1f}"
        matrix = next(row for row in rows_of(html, "Mean over 2 benchmarks") if row[0].endswith(report.names[name]))
        assert matrix[1:] == [f"{100 * rate:.0f}" if j != i else "·" for j, rate in enumerate(rates)]


def test_the_diagram_shows_every_optimizer_with_its_rank_in_both_widths(html, report, read):
    found = over_benchmarks(report.panels).difference
    assert read(html).tags.count("desc") == 2
    for name, rank in found.ranks.items():
        for words in read(html).within["desc"]:
            assert f"{report.names[name]} {rank:.2f}" in words
    ids = [value for _, key, value in read(html).attributes if key == "id"]
    assert len(ids) == len(set(ids))


def test_verdicts_are_those_of_the_comparison_that_stopped_by_them(tmp_path, rows_of):
    names = ["random_search", "regularized_evolution", "local_search"]
    how = {"runs": 40, "n_evaluations": 100, "until_settled": TOLERANCE, "study": tmp_path / "some.db"}
    compared = nbk.compare([C10, C100], names, n_processes=1, **how)
    report = report_of(tmp_path / "some.db")
    assert verdicts_of(report.panels) == list(compared.verdicts)
    html = html_page(report)
    for title, panel in report.panels.items():
        there = [one for one in compared.verdicts if one.benchmark == title]
        shown = rows_of(html, f"{report.titles[title]}: P is")
        assert shown == [
            [
                report.names[one.better],
                report.names[one.other],
                one.state,
                f"{one.probability:.2f}",
                f"{one.low:.2f} to {one.high:.2f}",
                str(one.n_runs),
            ]
            for one in there
        ]
        head, rows = final_rows(panel, pairs_of(panel.trajectories), report.names, there)
        for name, (row, _) in zip(panel.trajectories, rows, strict=True):
            n_better = sum(one.state == "settled" and one.better == name for one in there)
            n_worse = sum(one.state == "settled" and one.other == name for one in there)
            cell = dict(zip(head, row, strict=True))
            assert (f"{n_better} better" in cell["verdicts"], f"{n_worse} worse" in cell["verdicts"]) == (
                n_better > 0,
                n_worse > 0,
            )
            assert cell["n"] == str(panel.trajectories[name].n_runs)
    assert {one.state for one in compared.verdicts} >= {"settled", "open"}


def test_verdicts_of_very_many_pairs_are_left_out_and_said_to_be(report, html, monkeypatch):
    assert html.count("<summary>Verdicts of 3 pairs</summary>") == 2
    for module in ("statistics", "finals"):
        monkeypatch.setattr(f"nasbench_kit.report.{module}.MOST_PAIRS", 5)
    assert verdicts_of(report.panels) == []
    few = html_page(report)
    assert "<summary>Verdicts" not in few
    assert "as there are 6 pairs, more than 5; fewer benchmarks (-b) or optimizers (--optimizer) have theirs" in few
    assert "verdicts are left out" not in html


def test_all_pairs_of_many_optimizers_have_their_verdicts_listed(beside_many, rows_of):
    report = report_of(beside_many[0], against=beside_many[1])
    html = html_page(report)
    for title, n_pairs in ((C10, 66), (C100, 3)):
        assert len(rows_of(html, f"{report.titles[title]}: P is")) == n_pairs
        assert f"<summary>Verdicts of {n_pairs} pairs</summary>" in html


def test_incumbents_are_the_best_and_the_most_frequent_of_each_optimizer(report):
    for panel in report.panels.values():
        found = {one.arch: one for one in incumbents_of(panel.trajectories)}
        for name, one in panel.trajectories.items():
            finals = [tuple(arch) for arch in one.archs[one.finals].tolist()]
            best = min(zip(final_regrets(one), finals, strict=True))
            assert any(found[arch].regret == best[0] for arch in found if name in found[arch].n_runs)
            most = max(map(finals.count, finals))
            assert most == max(one.n_runs.get(name, 0) for one in found.values())
            assert all(one.n_runs.get(name, 0) == finals.count(arch) for arch, one in found.items())


def test_rules_seeds_versions_and_hashes_are_said(html, report, read):
    text = " ".join(read(html).texts)
    for panel in report.panels.values():
        assert panel.in_words in text
        assert panel.benchmark.results.sha256 in text
    assert "12, seeds 0 to 11, each optimizer" in text
    assert f"numpy {np.__version__}" in text
    assert report.commands[0] in text
    assert "sample_size=5" in text


def test_the_checklist_knows_what_the_study_knows(report, tmp_path):
    answers = {item.number: item.answer for item in checklist(list(report.panels.values()), 1)}
    assert {number for number, answer in answers.items() if answer == "yes"} == {
        "1b",
        "1d",
        "1e",
        "2a",
        "2b",
        "2d",
        "2e",
        "2f",
        "2g",
        "2h",
    }
    nbk.compare(C10, "local_search", runs=1, n_evaluations=5, study=tmp_path / "one.db", n_processes=1)
    alone = {item.number: item for item in checklist(list(report_of(tmp_path / "one.db").panels.values()), 1)}
    assert (alone["2f"].answer, alone["2g"].answer) == ("no", "no")
    assert "random_search" in alone["2f"].why


# ---- faults ----


def made(path, *calls):
    for benchmarks, optimizers, how in calls:
        nbk.compare(benchmarks, optimizers, study=path, n_processes=1, **how)
    return report_of(path)


def test_a_single_run_is_shown_and_said(tmp_path, read):
    report = made(tmp_path / "one.db", (C10, "random_search", {"runs": 1, "n_evaluations": 5}))
    assert any("a single run of random search" in one for one in faults(report))
    text = " ".join(read(html_page(report)).texts)
    assert "Ranks and ratings take two optimizers" in text
    assert "nan" not in text.lower().split()


def test_unequal_runs_and_several_rules_are_said(tmp_path):
    report = made(
        tmp_path / "two.db",
        (C10, "random_search", {"runs": 3, "n_evaluations": 5}),
        (C10, "local_search", {"runs": 2, "n_evaluations": 5}),
        (C10, "local_search", {"runs": 2, "n_evaluations": 9}),
    )
    said = "\n".join(faults(report))
    assert "unequal numbers of runs: 3 of random search; 2 of local search" in said
    assert "NAS-Bench-201, CIFAR-10 was searched under 2 sets of rules" in said
    assert list(report.panels) == [f"{C10} (n_evaluations=5)", f"{C10} (n_evaluations=9)"]
    html_page(report)


def test_runs_that_failed_are_said_even_if_all_did(tmp_path, monkeypatch, read):
    (tmp_path / "saying_html.py").write_text(
        "from nasbench_kit.optimizers import RandomSearch\n"
        "class Failing(RandomSearch):\n"
        "    def tell(self, trial, outcome):\n"
        "        raise ValueError('<b>no</b>')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from nasbench_kit.study import Configuration, Study

    bench = nbk.load(C10)
    with Study(tmp_path / "failed.db") as study:
        rules = Rules(n_evaluations=5)
        keys = [Configuration.of(bench, name, rules=rules) for name in ("saying_html:Failing", "random_search")]
        study.run(keys, range(2), n_processes=1)
        study.run([Configuration.of(nbk.load(C100), "saying_html:Failing", rules=rules)], range(2), n_processes=1)
    report = report_of(tmp_path / "failed.db")
    said = "\n".join(faults(report))
    assert "Failing on NAS-Bench-201, CIFAR-10: all 2 runs failed" in said
    assert "Failing on NAS-Bench-201, CIFAR-100: all 2 runs failed" in said
    assert list(report.panels) == [C10, C100]
    assert "<b>no</b>" in " ".join(read(html_page(report)).texts)


def test_runs_without_incumbents_are_worse_than_all_and_said(tmp_path):
    report = made(
        tmp_path / "few.db",
        (nbk.load(C10, constraints=["params_m<=0.08"]), "random_search", {"runs": 4, "n_evaluations": 5}),
    )
    one = next(iter(report.panels.values())).trajectories["random_search"]
    n_without = int((~one.has_incumbent).sum())
    assert n_without > 0
    assert any(f"{n_without} of 4 runs ended without an incumbent" in line for line in faults(report))
    html_page(report)


def test_two_optimizers_of_one_label_are_shown_apart(tmp_path):
    call = {"runs": 2, "n_evaluations": 5}
    report = made(
        tmp_path / "same.db",
        (C10, [("regularized_evolution", {"sample_size": 5}, "ours")], call),
        (C10, [("regularized_evolution", {"sample_size": 4}, "ours")], call),
    )
    assert report.optimizers == [f"ours: regularized_evolution (sample_size={n})" for n in (5, 4)]


def test_an_empty_study_is_refused_in_one_line(tmp_path):
    nbk.Study(tmp_path / "empty.db").close()
    with pytest.raises(SettingError, match=r"holds no runs; nasbench-kit compare --study .* makes some"):
        report_of(tmp_path / "empty.db")
    with pytest.raises(SettingError, match="no study; give one or more"):
        report_of([])


# ---- several studies ----


def test_several_studies_stand_side_by_side(tmp_path):
    made(tmp_path / "a.db", (C10, "random_search", {"runs": 2, "n_evaluations": 5}))
    made(
        tmp_path / "b.db",
        (C10, "local_search", {"runs": 2, "n_evaluations": 5}),
        (C100, "local_search", {"runs": 2, "n_evaluations": 7}),
    )
    report = report_of([tmp_path / "a.db", tmp_path / "b.db"])
    assert {title: list(panel.trajectories) for title, panel in report.panels.items()} == {
        C10: ["random_search", "local_search"],
        C100: ["local_search"],
    }
    assert report.studies == ("a.db", "b.db")


def test_the_same_runs_of_two_studies_count_once_and_different_ones_are_refused(tmp_path, monkeypatch):
    call = (C10, "random_search", {"runs": 2, "n_evaluations": 5})
    made(tmp_path / "a.db", call)
    made(tmp_path / "b.db", call)
    assert report_of([tmp_path / "a.db", tmp_path / "b.db"]).panels[C10].trajectories["random_search"].n_runs == 2
    from nasbench_kit.study import Configuration

    monkeypatch.setattr(
        Configuration, "streams", lambda self, seed: (np.random.default_rng(seed), np.random.default_rng(9))
    )
    made(tmp_path / "c.db", call)
    with pytest.raises(StudyError, match=r"hold different records of random_search on nasbench201/cifar10 with seed 0"):
        report_of([tmp_path / "a.db", tmp_path / "c.db"])


def test_a_page_is_the_same_every_time(report, html):
    assert html_page(report) == html
    assert not re.search(r"/tmp|/home|/root", html.split('<script type="application/json"')[0].split("<body>")[1])


def test_an_archive_is_set_beside_and_said_to_be_one(study, tmp_path):
    rules = {"n_evaluations": 40}
    others = tmp_path / "others.db"
    names = ["nasbench201/cifar10", "nasbench201/cifar100"]
    made = nbk.compare(names, ["grid_search", "local_search"], runs=3, study=others, n_processes=1, **rules)
    archive = tmp_path / "others.npz"
    write_archive(
        archive,
        [
            (panel.configurations[name], {}, panel.trajectories[name])
            for panel in made.panels.values()
            for name in panel.trajectories
        ],
    )
    alone, beside = report_of(study), report_of(study, against=archive)
    assert beside.commands == alone.commands
    assert beside.optimizers == [*alone.optimizers, "grid_search"]  # its own runs of local search are kept
    said = f"Runs of other optimizers are those of the archive 'others.npz', made by nasbench_kit {nbk.__version__}."
    assert said in unescape(html_page(beside))
    assert "of the archive" not in html_page(alone)
    unknown = "Without architectures, as an archive holds values only: grid search."
    assert html_page(beside).count(unknown) == 2
    assert "Without architectures" not in html_page(alone)
    assert f"{said} local_search: " in beside.comparison.in_words


def test_optimizers_with_as_many_runs_are_named_together(beside_many, read):
    text = " ".join(read(html_page(report_of(beside_many[0], against=beside_many[1]))).texts)
    assert "ours, random search: 10, seeds 0 to 9; local search 1, local search 2, " in text
    assert "local search 10: 10, seeds 0 to 9, of the archive" in text
    assert "unequal numbers of runs" not in text

"""Several objectives on the page: hypervolume over time, at the end, and the fronts drawn."""

import json

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.analysis import aggregate, quantile_band
from nasbench_kit.analysis.fronts import reference_of
from nasbench_kit.analysis.volumes import final_indicator_values, in_words, indicator_curves, indicator_of
from nasbench_kit.comparison import Comparison
from nasbench_kit.report import html_page, report_of
from nasbench_kit.report.curves import decoded
from nasbench_kit.report.fronts import front_figure

C10, C100 = "nasbench201/cifar10", "nasbench201/cifar100"
_STEP = 1e-3  # relative: no step of 16 bits is as large


@pytest.fixture(scope="module")
def report(fronts_study):
    return report_of(fronts_study)


@pytest.fixture(scope="module")
def html(report):
    return html_page(report)


def test_hypervolume_over_time_is_that_of_the_analysis(html, report, read):
    panels = json.loads(read(html).scripts[0])["panels"]
    assert [("volumes" in one["axes"]["evaluations"], one["volume"] is None) for one in panels] == [
        (True, False),
        (False, True),
    ]
    fronts = report.panels[C10].fronts
    some_without = False
    for axis, drawn in panels[0]["axes"].items():
        times = np.array(drawn["times"]) * (1 + 1e-5)  # which are rounded, maybe to before a step
        for name, one in fronts.items():
            curves = indicator_of(one.reference).at_front - indicator_curves(one, times, "hypervolume", axis)
            firsts = np.array([one.along(axis)[start] for start in one.starts[:-1]])
            curves[times < firsts[:, None]] = np.nan
            some_without |= bool(np.isnan(curves).any())
            middle, low, high = (
                decoded(text, drawn["volumes"]["low"], drawn["volumes"]["step"])
                for text in drawn["volumes"]["curves"][name]["median"]
            )
            for got, values in zip(
                (middle, low, high), (aggregate(curves, "median"), *quantile_band(curves, 0.25, 0.75)), strict=True
            ):
                np.testing.assert_allclose(got, np.where(np.isfinite(values), values, np.nan), rtol=_STEP)
    assert some_without


def test_final_hypervolume_is_that_of_the_comparison(html, report, fronts_study, rows_of):
    volumes = Comparison.of_study(fronts_study).volumes()[C10]
    shown = {row[0]: row[-5] for row in rows_of(html, "NAS-Bench-201, CIFAR-10: final")}
    for name, values in volumes.items():
        np.testing.assert_array_equal(values, final_indicator_values(report.panels[C10].fronts[name]))
        assert shown[report.names[name]] == f"{values.mean():.4f} ± {values.std(ddof=1):.4f}"
    assert len(rows_of(html, "NAS-Bench-201, CIFAR-100: final")[0]) == 8  # no column for it


def test_the_text_names_the_reference_point_and_the_true_front(html, report, read):
    panel = report.panels[C10]
    reference = reference_of(panel.benchmark, panel.rules)
    said = f"Gray: the true front, {len(reference.front)} architectures. Hypervolume: {in_words(reference)}."
    assert said in read(html).texts


def test_fronts_are_drawn_once_for_each_benchmark_of_several_objectives(html, report, read):
    described = [words for words in read(html).within["desc"] if "median attainment surfaces" in words]
    assert len(described) == 2  # for a wide screen and a narrow one
    assert all(f"{report.names[name]} 0." in described[0] for name in report.panels[C10].fronts)
    fronts = {report.names[name]: one for name, one in report.panels[C10].fronts.items()}
    legend = front_figure(fronts, "text").legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [
        "true front",
        "random search, n = 8",
        "NSGA-II, n = 8",
    ]


def test_a_study_of_one_objective_has_none_of_it(fronts_study):
    html = html_page(report_of(fronts_study, benchmarks=[C100]))
    assert 'id="quantity"' not in html
    assert 'id="fronts"' not in html


def test_three_objectives_are_not_drawn_and_said(tmp_path, read):
    three = nbk.load(C10, objectives=["val_accuracy", "params_m", "latency_s"])
    nbk.compare(three, ["random_search"], runs=2, n_evaluations=5, study=tmp_path / "three.db", n_processes=1)
    report = report_of(tmp_path / "three.db")
    html = html_page(report)
    assert any("3 objectives are not drawn" in text for text in read(html).texts)
    assert "volumes" in json.loads(read(html).scripts[0])["panels"][0]["axes"]["evaluations"]

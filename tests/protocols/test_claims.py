"""The ledger: published numbers, each with its source, beside what the same protocol gives here."""

from math import inf, isnan, nan, sqrt

import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.claims import ORDER, Claim, Finding, check_claims, published_claims
from nasbench_kit.cli import main
from nasbench_kit.errors import DataError, UnknownNameError
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.simulator import Reported


def claim(**how):
    known = {
        "protocol": "p",
        "benchmark": "b/d",
        "optimizer": "RS",
        "what": "d:val_accuracy",
        "value": 0.9,
        "sd": 0.03,
        "n_runs": 100,
        "within": 0.0015,
        "version": "",
        "source": "",
        "note": "",
    }
    return Claim(**known | how)


def test_at_least_a_hundred_published_numbers_are_known_each_with_protocol_benchmark_and_source():
    claims = published_claims()
    assert len(claims) >= 100
    for one in claims:
        protocol = PROTOCOLS[one.protocol]
        assert one.benchmark in protocol.benchmarks
        assert one.source
        assert one.n_runs > 0
        assert -1 < one.value < 1 or one.what == "evaluations to the best"
        if ":" in one.what:
            assert one.what.removeprefix("best ") == str(Reported.parse(one.what.removeprefix("best ")))


def test_numbers_are_those_of_the_publications():
    known = {(one.protocol, one.benchmark, one.optimizer, one.what): (one.value, one.sd) for one in published_claims()}
    # Dong and Yang 2020, table 5, version A: cifar100 test of REA; Mellor et al. 2021, table 2 (b): ImageNet of RS
    table_5 = ("nb201", "nasbench201/cifar10-hp12", "REA", "cifar100:test_accuracy")
    assert known[table_5] == pytest.approx((0.7184, 0.0099))
    table_2b = ("nats_sss", "natsbench_sss/imagenet16-120-hp12", "RS", "imagenet16-120:test_accuracy")
    assert known[table_2b] == pytest.approx((0.4542, 0.0086))


def test_a_difference_is_measured_by_the_standard_error_of_both():
    finding = Finding(claim(), 0.91, 0.04, 400)
    expected = sqrt(0.03**2 / 100 + 0.04**2 / 400)  # .0036
    assert finding.standard_error == pytest.approx(expected)
    assert finding.z == pytest.approx(0.01 / expected)
    assert finding.holds  # z is 2.8
    assert not Finding(claim(), 0.912, 0.04, 400).holds  # 3.3
    assert Finding(claim(), 0.9014, 1e-9, 400)._replace(claim=claim(sd=1e-9)).holds  # z is huge, but within .0015


def test_a_published_mean_without_its_sd_counts_as_having_ours():
    assert Finding(claim(sd=nan), 0.9, 0.04, 400).standard_error == pytest.approx(0.04 * sqrt(1 / 400 + 1 / 100))


@pytest.mark.parametrize(
    ("ours", "sd", "holds"),
    [(0.002, 0.001, True), (-0.002, 0.001, False), (-0.002, 0.01, True), (0.0, 0.1, True), (0.0, 0.0, True)],
)
def test_an_order_holds_unless_it_is_the_other_way_round_by_more_than_its_noise(ours, sd, holds):
    assert Finding(claim(what=ORDER, value=0.001), ours, sd, 100).holds is holds


def test_what_cannot_be_looked_at_neither_holds_nor_fails():
    finding = Finding(claim(), reason="not there")
    assert finding.holds is None
    assert isnan(finding.z)
    assert finding.value != inf


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "runs"),
    [("best_of_1", 500), ("best_of_10", 500), ("best_of_100", 100), ("nb201", 60), ("nats_tss", 40)],
)
def test_published_numbers_of_nasbench201_come_out_on_real_results(protocol, runs, nasbench201_file, tmp_path):
    # fewer runs than published: the standard errors grow with it
    findings = list(check_claims(protocol, results=nasbench201_file, runs=runs, study=tmp_path / "study.db"))
    looked_at = [finding for finding in findings if finding.holds is not None]
    explained = [finding for finding in looked_at if finding.claim.note]
    runnable = {*PROTOCOLS[protocol].optimizers} - {"BOHB"}  # which needs the values after fewer epochs, too
    assert {finding.claim.optimizer for finding in looked_at} == runnable
    misses = [finding for finding in looked_at if not finding.holds and finding not in explained]
    assert not misses
    assert all(finding.reason for finding in findings if finding.holds is None)


def test_published_numbers_that_need_nothing_but_the_package_come_out():
    (finding,) = check_claims("local_search", runs=30, n_processes=1)
    assert finding.holds
    assert abs(finding.z) < 3


def test_numbers_whose_results_are_absent_say_which_file_to_import():
    findings = list(check_claims("nats_sss"))
    assert len(findings) == 24
    assert all("nasbench-kit import NATS-sss" in finding.reason for finding in findings)


def test_one_run_is_too_few_for_a_standard_error():
    (finding, *_) = check_claims("best_of_10", runs=1, n_processes=1)
    assert finding.holds is None
    assert finding.reason == "1 of 1 runs have it; at least 2 expected"


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot open table"):
        list(check_claims("nats_tss", results=tmp_path / "none.h5"))


def test_a_study_with_other_runs_too_changes_nothing(tmp_path):
    study = tmp_path / "study.db"
    alone = [finding.value for finding in check_claims("best_of_10", runs=3, n_processes=1)]
    nbk.compare("nasbench201/cifar10", protocol="best_of_10", runs=4, first_seed=2, n_processes=1, study=study)
    again = [finding.value for finding in check_claims("best_of_10", runs=3, n_processes=1, study=study)]
    assert str(again) == str(alone)


def test_a_protocol_without_published_numbers_is_refused_by_the_names_of_those_with():
    with pytest.raises(UnknownNameError, match="no published numbers of the protocol nb301; choose from nb201, "):
        list(check_claims("nb301"))


def test_the_command_prints_the_ledger_and_goes_on_where_its_study_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["claims", "best_of_10", "nats_sss", "--runs", "5", "--processes", "1"]
    first, second = (CliRunner().invoke(main, arguments) for _ in range(2))
    assert first.exit_code == 0
    assert first.output == second.output
    assert "published" in first.output
    assert "not looked at: 8; unknown benchmark 'natsbench_sss/cifar10-hp12'" in first.output
    assert first.output.splitlines()[-1].endswith("not looked at")

"""What was begun is gone on with only for the same job; else the first entry in which the two differ is named."""

import re

import pytest

from nasbench_kit.errors import SettingError
from nasbench_kit.surrogates.fitting.begun import refuse_other

JOB = {
    "table": {"sha256": "a"},
    "arguments": {"seed": 1, "tune": {"n": 0, "folds": [1, 2]}},
    "versions": {"numpy": "2"},
}


def test_the_same_job_goes_on_whatever_stands_beside_it(tmp_path):
    refuse_other(tmp_path, "another fit", JOB, JOB)
    refuse_other(
        tmp_path, "another fit", JOB | {"beside": 1}, JOB | {"arguments": dict(reversed(JOB["arguments"].items()))}
    )
    refuse_other(tmp_path, "another fit", JOB, JOB | {"arguments": {"seed": 1, "tune": {"n": 0, "folds": (1, 2)}}})


@pytest.mark.parametrize(
    ("known", "difference"),
    [
        ({"table": {"sha256": "b"}}, "the table's sha256 is 'b' there, 'a' now"),
        ({"arguments": JOB["arguments"] | {"seed": 2}}, "seed is 2 there, 1 now"),
        ({"arguments": {"seed": 1, "tune": {"n": 3, "folds": [1, 2]}}}, "tune.n is 3 there, 0 now"),
        ({"arguments": {"seed": 1}}, "tune is None there, {'n': 0, 'folds': [1, 2]} now"),
        ({"arguments": JOB["arguments"] | {"more": 1}}, "more is 1 there, None now"),
        ({"arguments": 5}, "seed is None there, 1 now"),
        ({"versions": {"numpy": "1"}}, "the version of numpy is '1' there, '2' now"),
        ({"table": {"sha256": "b"}, "versions": {}}, "the table's sha256 is 'b' there, 'a' now"),
    ],
)
def test_the_first_entry_in_which_two_jobs_differ_is_named(tmp_path, known, difference):
    with pytest.raises(SettingError, match=re.escape(f"holds another fit: {difference}; give another folder")):
        refuse_other(tmp_path, "another fit", JOB | known, JOB)

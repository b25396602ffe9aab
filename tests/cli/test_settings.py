"""Optimizers as they are typed."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nasbench_kit.cli.settings import parse_optimizer, parse_optimizers, settings_of
from nasbench_kit.errors import NasbenchKitError, SettingError
from nasbench_kit.optimizers import OPTIMIZERS, RegularizedEvolution


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("mine:Mine", {}),
        ("mine:Mine,size=5,rate=0.1,flag=true,none=null", {"size": 5, "rate": 0.1, "flag": True, "none": None}),
        ("mine:Mine,kernel=rbf,path=a/b=c.txt", {"kernel": "rbf", "path": "a/b=c.txt"}),
        ("mine:Mine,widths=[16,32],size=5", {"widths": [16, 32], "size": 5}),
        ("mine:Mine,names=['a']", None),
        ('mine:Mine,names=["a","b, c"]', {"names": ["a", "b, c"]}),
        ('mine:Mine,how={"a": [1, 2], "b": {}} , size=5', {"how": {"a": [1, 2], "b": {}}, "size": 5}),
        ("mine:Mine,note='a, b=c',size=5", {"note": "a, b=c", "size": 5}),
        ('mine:Mine,note="it\'s, so"', {"note": "it's, so"}),
        ("mine:Mine,note=it's", {"note": "it's"}),
        ("mine:Mine,text='5',empty=''", {"text": "5", "empty": ""}),
        ("mine:Mine, size = 5 ", {"size": 5}),
    ],
)
def test_settings_are_json_words_or_quoted_texts(text, settings):
    if settings is None:
        with pytest.raises(SettingError, match="is no JSON; write lists as"):
            parse_optimizer(text)
    else:
        assert parse_optimizer(text) == ("mine:Mine", settings, None)


@pytest.mark.parametrize(
    ("text", "label"), [("a,label=ours", "ours"), ("a,x=1,label='ours, b'", "ours, b"), ("a,label=5", "5")]
)
def test_a_label_is_no_setting(text, label):
    parsed = parse_optimizer(text)
    assert parsed.label == label
    assert "label" not in parsed.settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no optimizer"),
        (",size=5", "names no optimizer"),
        ("a,", r"'' in 'a,' is no setting; write NAME,SETTING=VALUE"),
        ("a,size", "'size' in 'a,size' is no setting"),
        ("a,=5", "'=' in 'a,=5' is no setting"),
        ("a,two words=5", "'two words=' in .* is no setting"),
        ("a,size=", "size in 'a,size=' has no value; write '' for an empty text"),
        ("a,x=1,x=2", "setting 'x' stands twice"),
        ("a,x=[1,2", "x in .* is no JSON"),
        ("a,x=[1,2]3", "more behind its value: '3'; a comma expected"),
        ("a,x='b", "x in .* lacks its closing quote"),
        ("a,x='b'c", "more behind its value"),
        ("a,flag=True", "flag in .* is True; write true, or 'True' for the text"),
        ("a,x=None", "write null"),
        ("a,x=1e999", "too large; a finite number expected"),
        ("a,x=[NaN]", "is no JSON"),
        ("a,x=" + "[" * 100_000, "is no JSON"),
        ("a,label=''", "the label in .* is no printable text"),
        ("a,label='\x1b[2J'", "the label in .* is no printable text"),
    ],
)
def test_a_malformed_optimizer_is_one_line(text, message):
    with pytest.raises(SettingError, match=message) as caught:
        parse_optimizer(text)
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(max_size=40))
@example('a,x="\\ud800"')
def test_any_text_is_an_optimizer_or_one_line(text):
    try:
        name, settings, _ = parse_optimizer(text)
    except NasbenchKitError:
        return
    assert name
    json.dumps(settings, allow_nan=False)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True).filter("label".__ne__), _JSON, max_size=4))
def test_whatever_is_written_as_json_comes_back(settings):
    text = ",".join(["a", *(f"{name}={json.dumps(value)}" for name, value in settings.items())])
    assert parse_optimizer(text).settings == settings


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("a", "a"), "the optimizer 'a' is given twice"),
        (("a,x=1,y=2", "a,y=2,x=1"), "is given twice"),
        (("a,label=one", "a,label=two"), "is given twice"),
        (("a,label=ours", "b,label=ours"), "two optimizers have the label 'ours'"),
    ],
)
def test_the_same_optimizer_given_twice_is_refused(texts, message):
    with pytest.raises(SettingError, match=message):
        parse_optimizers(texts)


def test_optimizers_that_differ_in_settings_are_two():
    assert [given.settings for given in parse_optimizers(["a,x=1", "a,x=2", "a"])] == [{"x": 1}, {"x": 2}, {}]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_setting_of_every_optimizer_has_a_meaning(name):
    assert [setting.name for setting in settings_of(OPTIMIZERS[name]) if not setting.meaning] == []


def test_the_settings_of_an_optimizer_are_those_of_its_constructor():
    found = {setting.name: setting.default for setting in settings_of(RegularizedEvolution)}
    assert found == {"population_size": 10, "sample_size": 3, "mutation": "uniform", "remove": "oldest"}

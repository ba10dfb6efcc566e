"""YAML from anybody is read as the parser reads it, or refused in time: no traceback, no crash, no minutes of work."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from morphseq_manifest.base import yaml_text
from morphseq_manifest.base.yaml_text import NotYamlError

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back(value: Any) -> None:
    from io import StringIO

    out = StringIO()
    YAML(typ="safe").dump(value, out)
    assert yaml_text.load(out.getvalue()) == value


@given(st.text("abc: -[]{}&*x'\"\n|>#?!~1.\t\x00\x07é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = yaml_text.load(text)
    except NotYamlError:
        return
    assert repr(found) == repr(YAML(typ="safe").load(text))


def laughs(deep: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, deep)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 200 + "]" * 200, "nested more than 100 deep"),
        ("a: " + "[" * 200_000, "nested more than 100 deep"),
        ("{" * 200_000, "nested more than 100 deep"),
        ("a: &x [*x]", r"\*x stands within itself"),
        ("a: &x {b: {c: *x}}", r"\*x stands within itself"),
        (laughs(9), "stands for more than"),
        ("n: " + "9" * 5000, "digits"),
        ("\0" * 300, "special characters|control characters|unacceptable"),
        ("a: [1,", "flow|did not find"),
        ("a: *b", "alias|anchor"),
    ],
)
def test_what_would_take_the_machine_is_refused_at_once(text: str, said: str) -> None:
    begun = time.process_time()
    with pytest.raises(NotYamlError, match=said):
        yaml_text.load(text)
    assert time.process_time() - begun < 20


def test_a_line_is_named_if_it_is_known() -> None:
    with pytest.raises(NotYamlError) as raised:
        yaml_text.load("a: 1\nb: [\n")
    assert raised.value.where.startswith(", line")


def test_a_modest_use_of_anchors_is_fine() -> None:
    assert yaml_text.load("a: &x {b: 1}\nc: [*x, *x]\n") == {"a": {"b": 1}, "c": [{"b": 1}] * 2}
    assert yaml_text.load("a: &x 1\nb: *x\n") == {"a": 1, "b": 1}

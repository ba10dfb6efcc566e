"""Experiments added, removed and renamed in the text of a params.yaml: all else in it stays, byte for byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort.experiments_text import added, comments, removed, renamed
from morphseq_manifest.tracker.dvc import params_file

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\x85\u2028\u2029\ufeff"), max_size=8)
remarks = st.builds("# {}".format, words)
# A segmenter's name; one that would be a number or so without quotes.
kinds = st.sampled_from(["threshold", "sam2.1_hiera", "20240418", "true", "null", "1e5"])


@st.composite
def entries(draw: st.DrawFn, name: str) -> str:
    """What one experiment looks like in the file: quoted in either way, in block or in braces, with comments."""
    quote = draw(st.sampled_from("'\""))
    said = draw(st.sampled_from([": {segmenter: a}", ": { 'segmenter': a, polarity: dark }"]) | st.none())
    tail = draw(st.just("") | remarks.map(" {}".format))
    before = "".join(
        f"{draw(st.sampled_from(['  ', '   ', '']))}{line}\n" for line in draw(st.lists(remarks, max_size=2))
    )
    if said:
        return f"{before}  {quote}{name}{quote}{said}{tail}\n"
    more = draw(
        st.sampled_from(["", "    polarity: dark\n", "    pixel_range: [0,\n      4095]\n", "\n    channel: 1\n"])
    )
    after = draw(st.just("") | remarks.map(" {}".format))
    return f"{before}  {quote}{name}{quote}:{tail}\n    segmenter: a{after}\n{more}"


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A params.yaml, with its experiments in any order."""
    names = draw(st.lists(ids, unique_by=str.lower, max_size=5))
    block = "".join(draw(entries(name)) + draw(st.sampled_from(["", "\n"])) for name in names)
    head = draw(
        st.sampled_from(["", "model_name: demo_a  # one\n\n", "# the list\n", "large: 0.15\nlist: [1,\n   2]\n"])
    )
    tail = draw(st.sampled_from(["", "versions: {images: 1}\n", "\n# the end", "df02:\n  k: 1.4   # odd\n  b: 'x'\n"]))
    key = "experiments:" + draw(st.sampled_from(["", "  # by hand"])) if names else "experiments: {}"
    text = f"{head}{key}\n{block}{tail}"
    return (text.replace("\n", "\r\n") if draw(st.booleans()) else text), names


def said(text: str) -> dict[str, object]:
    found: dict[str, object] = params_file.parse(text)["experiments"]
    return found


@given(texts(), st.dictionaries(ids, kinds, min_size=1, max_size=3))
def test_added_ones_are_there_and_all_else_is_as_it_was(
    text_and_names: tuple[str, list[str]], new: dict[str, str]
) -> None:
    text, names = text_and_names
    new = {name: kind for name, kind in new.items() if name not in names}
    changed = added(text, new)
    assert said(changed) == said(text) | {name: {"segmenter": kind} for name, kind in new.items()}
    lines, own = changed.splitlines(keepends=True), []
    for name in new:
        at = next(number for number, line in enumerate(lines) if line.strip() == f'"{name}":')
        own += lines[at : at + 2]
        del lines[at : at + 2]
    rest = "".join(lines)
    assert rest in {text, text + "\n", text + "\r\n"} or "experiments: {}" in text
    assert all(line.endswith("\r\n") == ("\r\n" in text) for line in own if line.endswith("\n"))
    if names == sorted(names):
        assert [*said(changed)] == sorted(said(changed))
    if names:
        assert removed(changed, [*new]) == rest, "the way back"


@given(texts(), st.data())
def test_removed_ones_are_gone_and_comments_of_their_own_lines_stay(
    text_and_names: tuple[str, list[str]], data: st.DataObject
) -> None:
    text, names = text_and_names
    gone = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    changed = removed(text, gone)
    assert [*said(changed)] == [name for name in names if name not in gone]
    kept = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in changed.splitlines() if line.lstrip().startswith("#")] == kept
    left = iter(text.splitlines())
    shown = changed if said(changed) else changed.replace("experiments: {}", "experiments:")
    assert all(line in left for line in shown.splitlines()) or not names, "nothing but lines is gone"


@given(texts().filter(lambda drawn: bool(drawn[1])), ids, st.data())
def test_a_renamed_one_keeps_its_settings(text_and_names: tuple[str, list[str]], new: str, data: st.DataObject) -> None:
    text, names = text_and_names
    old = data.draw(st.sampled_from(names))
    if new in names:
        return
    changed = renamed(text, old, new)
    assert said(changed) == {new if name == old else name: value for name, value in said(text).items()}
    if names == sorted(names):
        assert [*said(changed)] == sorted(said(changed))
    assert len(changed.splitlines()) == len(text.splitlines())


def test_the_comment_above_an_experiment_stays_above_it() -> None:
    text = 'experiments:\n  # of June\n  "b":\n    segmenter: a\n    # withdrawn\nmodel_name: x\n'
    changed = added(text, {"a": "s", "c": "s"})
    a, c = (f'  "{name}":\n    segmenter: s\n' for name in "ac")
    assert changed == (f'experiments:\n{a}  # of June\n  "b":\n    segmenter: a\n    # withdrawn\n{c}model_name: x\n')
    assert removed(changed, {"a", "c"}) == text


def test_a_comment_within_an_experiment_goes_with_it_and_is_named() -> None:
    text = 'experiments:\n  # above\n  "a":  # on\n    # in\n    segmenter: s  # at\n  "b": {segmenter: s}\n'
    assert comments(text, {"a"}) == ["# on", "# in", "# at"]
    assert removed(text, {"a"}) == 'experiments:\n  # above\n  "b": {segmenter: s}\n'


def test_indented_as_the_others_are() -> None:
    text = 'experiments:\n    "a":\n          segmenter: s'
    assert added(text, {"b": "s"}) == text + '\n    "b":\n          segmenter: s'


@pytest.mark.parametrize(
    "empty", ["experiments: {}\n", "experiments:\n", "experiments: null  # none yet\n", "experiments: ~"]
)
def test_the_first_and_the_last_one(empty: str) -> None:
    changed = added(empty, {"20240418": "threshold"})
    assert said(changed) == {"20240418": {"segmenter": "threshold"}}
    assert said(removed(changed, {"20240418"})) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('experiments: {"a": {segmenter: s}}\n', "params.yaml, line 1: the experiments can't be edited: they stand in"),
        ('{"experiments": {"a": {"segmenter": "s"}}}', "they stand in braces"),
        ("model_name: a\n", "expected a mapping `experiments:`"),
        ("experiments: [a]\n", "expected a mapping `experiments:`"),
        ('experiments:\n  "a": &x\n    segmenter: s\n  "b": *x\n', "others refer to what is said of one"),
        ('experiments:\r  "a": {segmenter: s}\r', r"line 1: the experiments can't be edited: a line ends with '\r'"),
        ('experiments:\n  # x\u2028  # y\n  "a": {segmenter: s}\n', "line 2: the experiments can't be edited: a line"),
    ],
)  # fmt: skip
def test_what_can_not_be_edited_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        removed(text, {"a"}, Path("params.yaml"))
    assert told in str(refused.value)

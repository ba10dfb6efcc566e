"""Two sides' params.yaml: experiments one by one, comments and settings by lines, and what is in conflict named."""

import itertools
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.cohort import experiments_merging
from morphseq_manifest.cohort.experiments_text import added, removed, renamed
from morphseq_manifest.tracker.dvc import params_file
from tests.cohort.test_experiments_text import ids, kinds, said, texts

HERE = Path(__file__).parent
BASE = """\
# An experiment is the quoted name of its folder.
experiments:
  # the first ones
  "20240401":
    segmenter: threshold  # by hand
  "20240402":
    segmenter: threshold
    # its plate was turned
    polarity: dark
  "20240403":
    segmenter: sam2

# The model.
model_name: a
df02:
  k_upper: 1.4
  k_lower: 0.9
"""


def merged(base: str, ours: str, theirs: str) -> Merged:
    return experiments_merging.merged(HERE, base, ours, theirs, "params.yaml", 7)


def test_everybody_s_changes_in_all_orders() -> None:
    sides = [
        added(BASE, {"20240404": "threshold"}),
        added(BASE, {"20240405": "sam2", "20240400": "sam2"}),
        removed(BASE, ["20240402"]),
        BASE.replace("segmenter: sam2", "segmenter: other").replace("# The model.", "# The model that embeds."),
        BASE.replace("k_upper: 1.4", "k_upper: 1.5"),
    ]
    found = set()
    for order in itertools.permutations(sides):
        text = order[0]
        for side in order[1:]:
            one = merged(BASE, text, side)
            assert one.conflicts == []
            text = one.text
        found.add(text)
    (text,) = found
    assert (
        text
        == """\
# An experiment is the quoted name of its folder.
experiments:
  "20240400":
    segmenter: sam2
  # the first ones
  "20240401":
    segmenter: threshold  # by hand
  "20240403":
    segmenter: other
  "20240404":
    segmenter: threshold
  "20240405":
    segmenter: sam2

# The model that embeds.
model_name: a
df02:
  k_upper: 1.5
  k_lower: 0.9
"""
    )


@st.composite
def edited(draw: st.DrawFn, text: str, names: list[str], prefix: str) -> tuple[str, dict[str, object]]:
    """A side: other experiments removed, added and renamed; and what that is in the list (None: no longer there)."""
    own: dict[str, object] = {}
    for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []:
        new = f"{prefix}{name}"
        if draw(st.booleans()) and new not in said(text):
            own |= {name: None, new: said(text)[name]}
            text = renamed(text, name, new)
        else:
            own[name] = None
            text = removed(text, [name])
    new_ones = {f"{prefix}{name}": kind for name, kind in draw(st.dictionaries(ids, kinds, max_size=2)).items()}
    new_ones = {name: kind for name, kind in new_ones.items() if name not in said(text)}
    text = added(text, new_ones) if new_ones else text
    return text, own | {name: {"segmenter": kind} for name, kind in new_ones.items()}


def comments_above(text: str) -> list[str]:
    """The lines that are comments, and stand where experiments do: no entry takes them with it."""
    return [line for line in text.splitlines() if line.startswith("  #")]


@given(texts(), st.data())
@settings(max_examples=30, deadline=None)
def test_what_either_does_with_others_is_done(text_and_names: tuple[str, list[str]], data: st.DataObject) -> None:
    base, names = text_and_names
    half = len(names) // 2
    ours, own = data.draw(edited(base, names[:half], "o"))
    theirs, other = data.draw(edited(base, names[half:], "t"))
    wanted = {name: value for name, value in (said(base) | own | other).items() if value is not None}
    for one in (merged(base, ours, theirs), merged(base, theirs, ours)):
        assert one.conflicts == []
        assert said(one.text) == wanted
        rest = {key: value for key, value in params_file.parse(base).items() if key != "experiments"}
        assert params_file.parse(one.text) == rest | {"experiments": wanted}
        assert {*comments_above(ours)} & {*comments_above(theirs)} <= {*comments_above(one.text)}


def test_two_sides_say_something_new_of_one() -> None:
    theirs = added(BASE.replace("segmenter: sam2", "segmenter: b"), {"20240404": "threshold"})
    found = merged(BASE, BASE.replace("segmenter: sam2", "segmenter: a"), theirs)
    assert found.conflicts == ["20240403"]
    assert found.text == BASE.replace('  "20240403":\n    segmenter: sam2\n', """\
<<<<<<< ours
  "20240403":
    segmenter: a
=======
  "20240403":
    segmenter: b
>>>>>>> theirs
  "20240404":
    segmenter: threshold
""")  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (removed(BASE, ["20240403"]), BASE.replace("segmenter: sam2", "segmenter: b")),
        (renamed(BASE, "20240403", "x"), BASE.replace("segmenter: sam2", "segmenter: b")),
        (BASE.replace("segmenter: sam2", "segmenter: b\n    page: 1"), BASE.replace("r: sam2", "r: sam2\n    page: 2")),
    ],
)  # fmt: skip
def test_what_is_a_conflict_is_one_both_ways(ours: str, theirs: str) -> None:
    assert merged(BASE, ours, theirs).conflicts == merged(BASE, theirs, ours).conflicts == ["20240403"]


def test_the_same_twice_is_no_conflict() -> None:
    ours = added(removed(BASE, ["20240402"]), {"20240404": "sam2"})
    theirs = added(ours, {"20240405": "a"})
    assert merged(BASE, ours, theirs) == Merged(theirs, [])
    written_otherwise = ours.replace('  "20240404":\n', '  # of June\n  "20240404":\n')
    assert merged(BASE, ours, written_otherwise) == Merged(written_otherwise, [])


def test_comments_of_both_stay() -> None:
    one, other = '  # checked\n  "20240402"', '  # of June\n  "20240402"'
    ours = BASE.replace('  "20240402"', one)
    theirs = BASE.replace('  "20240402"', other).replace("polarity: dark", "polarity: bright")
    found = merged(BASE, ours, theirs)
    assert found.conflicts == []
    assert '  # checked\n  # of June\n  "20240402"' in found.text
    assert "polarity: bright" in found.text


def test_other_settings_conflict_as_in_git() -> None:
    found = merged(
        BASE,
        added(BASE.replace("k_lower: 0.9", "k_lower: 0.8"), {"a": "s"}),
        BASE.replace("k_lower: 0.9", "k_lower: 1"),
    )
    assert found.conflicts == ["1 change of other settings"]
    assert "<<<<<<< ours\n  k_lower: 0.8\n=======\n  k_lower: 1\n>>>>>>> theirs\n" in found.text
    assert '  "a":\n    segmenter: s\n' in found.text


@pytest.mark.parametrize("empty", ["experiments: {}\n", "experiments:\n"])
def test_from_none_and_to_none(empty: str) -> None:
    ours, theirs = added(empty, {"b": "s"}), added(empty, {"a": "s"})
    found = merged(empty, ours, theirs)
    assert said(found.text) == {"a": {"segmenter": "s"}, "b": {"segmenter": "s"}}
    assert found == merged(empty, theirs, ours)
    gone = merged(found.text, ours, theirs)
    assert gone.text == "experiments: {}\n"


def test_a_project_of_other_things_is_merged_by_lines() -> None:
    base = "a: 1\nb: 1\nc: 1\n"
    assert merged(base, base.replace("a: 1", "a: 2"), base.replace("c: 1", "c: 2")).text == "a: 2\nb: 1\nc: 2\n"


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ("experiments:\n  20240418:\n    segmenter: s\n", "params.yaml (theirs), line 2: experiment id 20240418 is"),
        ('experiments: {"a": {segmenter: s}}\n', "they stand in braces"),
        ("experiments: [\n", "not valid YAML"),
        (BASE.replace("model_name: a", "model_name: &x a\nm: *x\nk_lower: {a: *x}").replace("*x}", "*y}"), "undefined"),
        ("a: &a [1]\n" + "".join(f"{b}: &{b} [{f'*{a}, ' * 9}]\n" for a, b in pairwise("abcdefghij")), "more than"),
    ],
)  # fmt: skip
def test_what_can_t_be_read_is_refused(theirs: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        merged(BASE, added(BASE, {"a": "s"}), theirs)
    assert told in str(refused.value)


def test_what_only_lines_make_wrong_is_seen() -> None:
    """Both add a setting of one name, in two places: to git that is fine, and YAML takes the one or the other."""
    ours = BASE.replace("model_name: a", "model_name: a\nnew: 1")
    with pytest.raises(ConfigError, match="'new' is given twice"):
        merged(BASE, ours, f"{BASE}new: 2\n")

"""The settings in versions of params.yaml, read in a way of our own: the same as a YAML parser finds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.answers.blame.settings_reading import SettingsOf
from morphseq_manifest.answers.changes import flatten
from morphseq_manifest.base import plain_yaml, yaml_text
from morphseq_manifest.base.yaml_text import NotYamlError
from tests.project import REPOSITORY

_words = st.sampled_from(["a", "b_1", "on", "y", "No", "null", "x.y", "'q'", "mask_v0", "e1", "true", "~", ""])
_numbers = st.sampled_from(["1", "0", "-3", "0.5", "1.0", "007", "1e3", "0x1f", "1_000", ".5", "5.", "-0.25", "12:30"])
_lines = st.builds(
    "{}{}:{}{}".format,
    st.sampled_from(["", "  ", "  ", "    ", " "]),
    st.sampled_from(["a", "b", "c", "y", "on", "d_1", "'1'", '"2_0"', "1", "a.b", "-a"]),
    st.sampled_from([" ", " ", "", "  "]),
    st.one_of(_words, _numbers, st.sampled_from(["[1, 2]", "{a: 1}", "1 # why", "- x", "|", "&x 1", "*x"])),
)
_texts = st.lists(st.one_of(_lines, st.sampled_from(["", "# a comment", "  # another", "- 1"])), max_size=7)


@given(_texts)
def test_plain_settings_are_what_a_yaml_parser_finds(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    found = plain_yaml.load(text)
    if found is None:
        return
    try:
        values = yaml_text.load(text)
    except NotYamlError:
        values = None
    assert values == found
    assert [type(value) for value in flatten(values).values()] == [type(value) for value in flatten(found).values()]


def test_the_settings_of_this_project_are_plain_but_for_the_experiments() -> None:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    whole = yaml_text.load(text)
    listed = whole.pop("experiments")
    assert plain_yaml.load(text) == yaml_text.load(text)
    name = next(iter(listed))
    assert SettingsOf(name)(text.encode()) == flatten(whole) | {f"experiments.{name}.segmenter": "threshold"}


_OTHERS = "model_name: demo_a\n"


@pytest.mark.parametrize(
    "written",
    [
        'experiments:\n  "1_A":\n    segmenter: a\n  "1_A2":\n    segmenter: b\n',
        "experiments:\n  '1_A':\n    segmenter: a\n",
        "experiments:\n  # first\n  '1_A': # why\n    # more\n    segmenter: a\n\n  '1_B':\n    segmenter: b\n",
        "experiments:\n      '1_B':\n        '1_A':\n          x: 1\n      '1_A':\n        segmenter: a\n",
        "experiments: {'1_A': {segmenter: a}}\n",
        "experiments:\n  '1_A': {segmenter: a}\n",
        "experiments:\n  '1_B': &same\n    segmenter: a\n  '1_A': *same\n",
        "experiments:   # the list\n  '1_A':\n    segmenter: a",
        "{experiments: {'1_A': {segmenter: a}}}\n",
    ],
)
def test_what_is_said_of_an_experiment_is_found_however_it_is_written(written: str) -> None:
    others = "" if written.startswith("{") else _OTHERS
    for text in {others + written, written.removesuffix("\n") + "\n" + others}:
        expected: dict[str, Any] = {"experiments.1_A.segmenter": "a"} | ({"model_name": "demo_a"} if others else {})
        assert SettingsOf("1_A")(text.encode()) == expected
        del expected["experiments.1_A.segmenter"]
        assert SettingsOf("1_C")(text.encode()) == expected

"""Two sides' dvc.yaml: the dependencies of a table one by one, all else by lines."""

import itertools
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.tracker.dvc import definition, pipeline_merging

HERE = Path(__file__).parent
LINE = "      - ${{paths.build03}}/expr_embryo_metadata_{}.csv\n"
PIPELINE = """\
vars:
  - paths:
      build03: data/build03
stages:
  build03:
    foreach: ${{experiments}}
    do:
      cmd: python -m stages.build03 '${{key}}'
      deps:
        - ${{paths.sam2}}/${{key}}

  # A table has them all.
  df01:
    cmd: python -m stages.df01
    deps:
      - manifests/experiments.json
      # one line each
{}      - data/models/a.bin
    params:
      - experiments
    outs:
      - data/df01.csv
"""


def pipeline(*experiments: str) -> str:
    return PIPELINE.format("".join(LINE.format(name) for name in experiments))


def merged(base: str, ours: str, theirs: str) -> Merged:
    return pipeline_merging.merged(HERE, base, ours, theirs, "dvc.yaml", 7)


def test_everybody_s_lines_in_all_orders() -> None:
    base = pipeline("b", "d", "f")
    sides = [
        pipeline("b", "c", "d", "f"),
        pipeline("b", "c_1", "d", "e", "f", "g"),
        pipeline("b", "f"),
        base.replace("data/df01.csv", "data/df01.parquet"),
    ]
    for order in itertools.permutations(sides):
        text = order[0]
        for side in order[1:]:
            found = merged(base, text, side)
            assert found.conflicts == []
            text = found.text
        assert text == pipeline("b", "c", "c_1", "e", "f", "g").replace("data/df01.csv", "data/df01.parquet")


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,5}", fullmatch=True)


@given(*([st.lists(names, unique=True, max_size=5)] * 3))
@settings(max_examples=60, deadline=None)
def test_a_line_is_there_if_it_should_be(base: list[str], ours: list[str], theirs: list[str]) -> None:
    replaced = [len(side) for side in (base, ours, theirs)] == [1, 1, 1] and len({*base, *ours, *theirs}) == 3
    assume(not replaced)  # which is a conflict, as it is in git
    texts = [pipeline(*sorted(side)) for side in (base, ours, theirs)]
    found = merged(*texts)
    assert found.conflicts == []
    assert sorted(found.text) == sorted(merged(texts[0], texts[2], texts[1]).text)
    deps = definition.parse(found.text.encode(), "it")["stages"]["df01"]["deps"]
    wanted = {name for name in {*base, *ours, *theirs} if (name in ours) + (name in theirs) + (name not in base) >= 2}
    assert sorted(deps) == sorted(
        ["manifests/experiments.json", "data/models/a.bin", *(LINE.format(name).strip()[2:] for name in wanted)]
    )


def test_from_a_folder_to_a_line_each() -> None:
    base = PIPELINE.format("      - ${paths.build03}\n")
    assert merged(base, pipeline("a", "c"), pipeline("a", "b", "c")).text == pipeline("a", "b", "c")


def test_a_dependency_that_both_have_replaced_is_a_conflict_as_in_git() -> None:
    base = pipeline("a")
    ours, theirs = (base.replace("models/a.bin", f"models/{name}.bin") for name in "bc")
    found = merged(base, ours, theirs)
    assert found.conflicts == ["1 other change"]
    assert "<<<<<<< ours\n      - data/models/b.bin\n=======\n      - data/models/c.bin\n" in found.text


def test_other_lines_conflict_as_in_git_and_dependencies_are_merged_even_so() -> None:
    base = pipeline("a", "d")
    ours = pipeline("a", "b", "d").replace("data/df01.csv", "data/one.csv")
    found = merged(base, ours, pipeline("a", "c", "d").replace("data/df01.csv", "data/other.csv"))
    assert found.conflicts == ["1 other change"]
    assert "".join(map(LINE.format, "abcd")) in found.text


def test_a_stage_that_both_add_otherwise_is_git_s() -> None:
    base = pipeline("a")
    assert merged(base, f"{base}  x:\n    cmd: a\n", f"{base}  x:\n    cmd: b\n").conflicts == ["1 other change"]


def test_what_comes_of_it_is_a_pipeline() -> None:
    base = pipeline("a")
    added = "  x:\n    cmd: a\n"
    ours = base.replace("stages:\n", f"stages:\n{added}")
    with pytest.raises(ConfigError, match=r"dvc\.yaml \(merged by lines\), line \d+: not valid YAML"):
        merged(base, ours, f"{base}{added}")

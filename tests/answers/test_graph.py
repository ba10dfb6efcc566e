"""`morphseq graph`: boxes and arrows as the stages stand, in a form that draws."""

import json
import re
from pathlib import Path

from morphseq_manifest.answers.graph import view
from morphseq_manifest.answers.graph.report import Group, Report
from morphseq_manifest.tracker.freshness.steps import State
from tests.project import Project
from tests.running import copy_of

_BOX = re.compile(r'^  (g\d+)\["([^"]*)<br/>([^"]*)"\]:::(\w+)$', re.MULTILINE)
_ARROW = re.compile(r"^  (g\d+) --> (g\d+)$", re.MULTILINE)


def test_boxes_have_the_states_of_status_and_arrows_those_of_dvc(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    said = project.morphseq("graph", code=1)
    names = {box: name for box, name, _, _ in _BOX.findall(said)}
    shown = {name: (counts, style) for _, name, counts, style in _BOX.findall(said)}
    told = json.loads(project.morphseq("status", "--json", code=1))
    steps = [step for row in told["experiments"].values() for step in row.values()]
    steps += list(told["cohort"].values())
    for name, (counts, style) in shown.items():
        states = [step["state"] for step in steps if step["stage"].partition("@")[0] == name]
        parts = {state: states.count(state) for state in states}
        assert sum(parts.values()) == 1 or counts == ", ".join(f"{count} {state}" for state, count in parts.items())
        assert style == max(parts, key=[str(state) for state in State].index).replace(" ", "_")
    arrows = {(names[one], names[other]) for one, other in _ARROW.findall(said)}
    dag = project.run("dvc", "dag", "--dot")
    expected = {
        (one.partition("@")[0], other.partition("@")[0]) for one, other in re.findall(r'"([^"]+)" -> "([^"]+)"', dag)
    }
    assert arrows == {(one, other) for one, other in expected if one != other}
    assert said.startswith("flowchart LR\n")


def test_all_is_up_to_date_or_nothing_is_there(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    assert {style for *_, style in _BOX.findall(project.morphseq("graph"))} == {"up_to_date"}
    told = json.loads(project.morphseq("graph", "--json"))
    assert (told["schema"], told["exit_code"]) == ("morphseq/graph/1", 0)
    (tmp_path / "empty").mkdir()
    empty = Project(tmp_path / "empty")
    empty.run("git", "init", "--quiet")
    empty.run("dvc", "init", "--quiet")
    (empty.root / "dvc.yaml").write_text("stages: {}\n")
    assert empty.morphseq("graph").strip() == "flowchart LR"


def test_a_name_is_never_taken_for_more_than_a_name() -> None:
    group = Group('a"] --> b<script>&\x1b', {State.MISSING: 2, State.FAILED: 1}, [])
    assert group.state == State.FAILED
    assert view.mermaid(Report([group])).splitlines() == [
        "flowchart LR",
        '  g0["a&quot;] --&gt; b&lt;script&gt;&amp;\\x1b<br/>2 missing, 1 failed"]:::failed',
        "  classDef failed fill:#f4a3a8,stroke:#333,color:#000",
    ]

"""Stages that change what others read, and do not say so: what comes later in DVC's order runs, as with `dvc repro`."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.dvc.twins import Twins, repo_in
from tests.project import as_json
from tests.running import ended, named

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
# `writer` changes what `reader` depends on only if it runs.
WRITER = """\
  writer:
    cmd: cp given o-out && cp given shared
    deps: [given]
    outs: [o-out]
"""
READER = """\
  reader:
    cmd: cp shared o-read
    deps: [shared]
    outs: [o-read]
"""
USER = """\
  user:
    cmd: cat o-read own > o-used
    deps: [o-read, own]
    outs: [o-used]
"""
FILES = {"given": "1", "shared": "1", "own": "1", ".gitignore": "/o-*\n"}


def twins_of(folder: Path, *stages: str, files: Mapping[str, str] = MappingProxyType({})) -> Twins:
    """Two copies of a project of these stages, in which all has run."""
    twins = Twins(folder, {**FILES, **files, "dvc.yaml": "stages:\n" + "".join(stages)})
    twins.check_run()
    twins.check_run()
    assert twins.check_status()
    return twins


def test_a_stage_after_it_runs_and_so_does_what_depends_on_that(tmp_path: Path) -> None:
    twins = twins_of(tmp_path, WRITER, READER, USER)
    twins.write({"given": "2"})
    assert twins.check_run().ran == {"writer", "reader", "user"}
    assert twins.check_status()
    log: Any = as_json(twins.ours.morphseq("log", "--json"))
    assert log["runs"][-1]["stages"] == {"ran": 3}, "each is counted once"


def test_a_stage_before_it_does_not_run_until_the_next_time(tmp_path: Path) -> None:
    twins = twins_of(tmp_path, READER, WRITER)
    twins.write({"given": "2"})
    assert twins.check_run().ran == {"writer"}
    assert not twins.check_status()
    assert twins.check_run().ran == {"reader"}
    assert twins.check_status()


def test_what_has_run_with_the_earlier_output_runs_once_more(tmp_path: Path) -> None:
    twins = twins_of(tmp_path, WRITER, READER, USER)
    twins.write({"given": "2", "own": "2"})
    with repo_in(twins.theirs) as repo:
        repo.reproduce()
    assert "3 ran" in twins.ours.morphseq("run")
    for name in ("dvc.lock", "o-used"):
        assert (twins.ours.root / name).read_bytes() == (twins.theirs / name).read_bytes()
    assert twins.check_status()


def test_if_it_fails_then_what_depends_on_it_is_blocked(tmp_path: Path) -> None:
    twins = twins_of(tmp_path, WRITER, READER.replace("cp shared", "grep -v 2 shared > o-no && cp shared"), USER)
    twins.write({"given": "2"})
    code, output = twins.ours.ending("morphseq", "run", "--json")
    assert (code, ended(output)) == (1, {"writer": "ran", "reader": "failed", "user": "blocked"})
    assert not twins.check_run().fine


def test_settings_that_cannot_be_read_fail_their_own_stage_alone(tmp_path: Path) -> None:
    settings = "  set:\n    cmd: echo > o-set\n    params: [{more.yaml: [x]}]\n    outs: [o-set]\n"
    twins = twins_of(tmp_path, WRITER, settings, files={"more.yaml": "x: 1\n"})
    twins.write({"more.yaml": "x: [", "given": "2"})
    code, output = twins.ours.ending("morphseq", "run", "--json")
    ends = ended(output)
    assert (code, named(ends, "failed"), named(ends, "ran")) == (1, {"set"}, {"writer"})
    assert "more.yaml, line 2: not valid YAML" in twins.ours.morphseq("why", "set", code=4)


@pytest.mark.parametrize(("name", "text"), [
    ("more.yaml", "x: ["), ("more.json", '{"x": 1} // c'), ("more.json", "\ufeff{}"), ("more.yaml", "x: 1\nx: 2\n"),
])  # fmt: skip
def test_settings_that_cannot_be_read_are_told_of_their_own_stage_alone(tmp_path: Path, name: str, text: str) -> None:
    settings = f"  set:\n    cmd: echo > o-set\n    params: [{{{name}: [x]}}]\n    outs: [o-set]\n"
    twins = twins_of(tmp_path, WRITER, settings, files={name: '{"x": 1}'})
    twins.write({name: text, "given": "2"})
    code, output = twins.ours.ending("morphseq", "status", "--json")
    report: Any = as_json(output)
    states = {row["stage"]: row["state"] for row in report["cohort"].values()}
    assert (code, states) == (4, {"writer": "out of date", "set": "unreadable"}), output
    assert name in output
    planned = twins.ours.morphseq("run", "--dry-run", code=1)
    assert re.search(r"set +fails", planned), planned


def test_half_a_character_in_a_setting_fails_its_stage(tmp_path: Path) -> None:
    """No YAML can be read that has it: DVC fails there, too."""
    settings = "  set:\n    cmd: echo > o-set\n    params: [{more.json: [m]}]\n    outs: [o-set]\n"
    twins = twins_of(tmp_path, WRITER, settings, files={"more.json": '{"m": "a"}'})
    twins.write({"more.json": r'{"m": "\ud83d"}'})
    code, output = twins.ours.ending("morphseq", "run", "--json")
    assert (code, ended(output)) == (1, {"set": "failed", "writer": "up to date"}), output
    assert "depends on what DVC can't record" in output
    assert twins.ours.ending("morphseq", "status")[0] == 1

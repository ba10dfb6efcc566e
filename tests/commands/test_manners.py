"""What every command has: colours when they are asked for, quiet when it is wanted."""

import sys
from pathlib import Path

import pytest

from tests.project import Project
from tests.running import copy_of


def test_colours_are_there_if_they_are_asked_for(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    plain = project.morphseq("status", code=1)
    assert "\x1b" not in plain
    assert project.morphseq("--color", "never", "status", code=1) == plain
    coloured = project.morphseq("--color", "always", "status", code=1)
    assert "\x1b[33mout of date" in coloured
    assert "'odd' is not one of" in project.morphseq("--color", "odd", "status", code=2)


def test_who_wants_quiet_hears_of_errors_alone(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    assert "running" not in project.morphseq("-q", "run")
    assert project.morphseq("--quiet", "why", "odd", code=2).startswith("error: 'odd' is not a stage")


@pytest.mark.parametrize("words", ["--help", "status -h", "code -h", "--version", "graph --json", "why odd --json"])
def test_where_nothing_can_be_printed_that_is_said_in_a_line(slow_states: Path, tmp_path: Path, words: str) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    code, said = project.ending("sh", "-c", f"morphseq {words} >/dev/full")
    why = "'odd' is not a stage" if "odd" in words else "input or output: No space left on device"
    assert (code, said.count("\n")) == (2 if "odd" in words else 4, 1)
    assert said.startswith(f"error: {why}")
    assert project.ending("sh", "-c", f"morphseq {words} >/dev/full 2>/dev/full") == (code, "")


# Ctrl-C while a kept answer is looked for, and while a command is being loaded.
_PRESSED = """
import signal
from {module} import {name}
{name}.{function} = lambda *_: signal.raise_signal(signal.SIGINT)
from morphseq_manifest.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "name", "function"),
    [
        ("morphseq_manifest.commands", "standing", "find"),
        ("morphseq_manifest.base", "console", "open_streams"),
        ("morphseq_manifest.commands", "group", "import_module"),
    ],
)
def test_ctrl_c_at_once_is_said_as_it_is_later(tmp_path: Path, module: str, name: str, function: str) -> None:
    text = _PRESSED.format(module=module, name=name, function=function)
    assert Project(tmp_path).ending(sys.executable, "-c", text, "status") == (130, "interrupted\n")


def test_verbose_has_a_short_form(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    assert project.morphseq("status", "-v", code=1) == project.morphseq("status", "--verbose", code=1)


def test_nothing_is_completed_outside_of_a_project(tmp_path: Path) -> None:
    words = ("env", "_MORPHSEQ_COMPLETE=bash_complete", "COMP_WORDS=morphseq why sam", "COMP_CWORD=2", "morphseq")
    project = Project(tmp_path / "empty")
    project.root.mkdir()
    assert project.ending(*words) == (0, "\n")
    (project.root / "dvc.yaml").write_text("stages: [")
    assert project.ending(*words) == (0, "\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_stages_and_experiments_are_completed(slow_states: Path, tmp_path: Path, shell: str) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")

    def completed(line: str) -> str:
        word = line.rpartition(" ")[2] if shell == "fish" else str(line.count(" "))
        return project.run(
            "env", f"_MORPHSEQ_COMPLETE={shell}_complete", f"COMP_WORDS={line}", f"COMP_CWORD={word}", "morphseq"
        )

    assert "sam2@20250305_1" in completed("morphseq why sam2@2025")
    assert "20240418" not in completed("morphseq why sam2@2025")
    assert "20240418,odd_v1.2" in completed("morphseq status --experiments 20240418,o")
    assert "20240418" in completed(f"morphseq -C {project.root} report 2024")
    assert "df03" in completed("morphseq provenance df")

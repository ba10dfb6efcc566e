"""What DVC takes is taken: odd settings, keys and meta; and what is damaged in its cache is made anew."""

from pathlib import Path

import msgspec
import pytest

from tests.project import Project

ODD_PARAMS = """\
experiments: {}
versions: {}
large: 123456789012345678901234567890
low: -.inf
listed: [1, 2]
20240418: a number as a key
names:
  x: {t: 1}
"""
ODD_PIPELINE = """\
stages:
  large: {cmd: echo 1 > large, params: [large], outs: [large], meta: a text}
  low: {cmd: echo 1 > low, params: [low], outs: [low], meta: 7}
  listed: {cmd: echo 1 > listed, params: [listed.1], outs: [listed], meta: [a]}
  numbers:
    foreach: {2021: {t: foo}, 2022: {t: bar}}
    do: {cmd: 'echo ${key} ${item.t} > n-${key}', outs: ['n-${key}']}
  texts:
    foreach: [x, y]
    do: {cmd: 'echo ${item} > t-${item}', outs: ['t-${item}']}
  named:
    foreach: ${names}
    do: {cmd: 'echo ${key} > d-${key}', outs: ['d-${key}']}
"""
STAGES = {"large", "low", "listed", "numbers@2021", "numbers@2022", "texts@x", "texts@y", "named@x"}


def make(root: Path, params: str, pipeline: str, ignored: str) -> Project:
    """A project with these files, in which nothing has run."""
    root.mkdir()
    for name, text in {"params.yaml": params, "dvc.yaml": pipeline, ".gitignore": ignored}.items():
        (root / name).write_text(text)
    project = Project(root)
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    return project


def states(project: Project, code: int) -> dict[str, str]:
    """The state of every stage that `morphseq status` names, whichever part of the answer it is in."""
    report = msgspec.json.decode(project.morphseq("status", "--json", code=code))
    rows = [*report["experiments"].values(), report["cohort"]]
    return {step["stage"]: step["state"] for row in rows for step in row.values()}


@pytest.mark.slow
def test_every_stage_is_in_the_answer_and_dvc_agrees(tmp_path: Path) -> None:
    project = make(tmp_path / "it", ODD_PARAMS, ODD_PIPELINE, "/large\n/low\n/listed\n/?-*\n")
    assert states(project, 1) == dict.fromkeys(STAGES, "missing")
    project.repro("--all-pipelines")
    assert states(project, 0) == dict.fromkeys(STAGES, "up to date")
    assert f"{len(STAGES)} stages: {len(STAGES)} up to date" in project.morphseq("run")
    assert "up to date" in project.status()
    for old, new, stage in (
        (": 123456", ": 223456", "large"),
        ("-.inf", ".inf", "low"),
        ("[1, 2]", "[1, 3]", "listed"),
    ):
        project.edit("params.yaml", old, new)
        assert states(project, 1) == dict.fromkeys(STAGES, "up to date") | {stage: "out of date"}
        assert stage in project.status()
        project.edit("params.yaml", new, old)


@pytest.mark.slow
def test_what_a_run_records_of_odd_settings_is_what_dvc_records(tmp_path: Path) -> None:
    locks = []
    for name, command in (("ours", ("morphseq", "run")), ("theirs", ("dvc", "repro", "--quiet"))):
        project = make(tmp_path / name, ODD_PARAMS, ODD_PIPELINE, "/large\n/low\n/listed\n/?-*\n")
        project.run(*command)
        locks.append((project.root / "dvc.lock").read_text())
    assert locks[0] == locks[1]


def damaged(root: Path, mode: int) -> tuple[Project, Path]:
    """A project without its only output, of which the cache holds something else under a file mode; and that object."""
    project = make(
        root, "experiments: {}\nversions: {}\n",
        "stages:\n  a: {cmd: cp foo bar, deps: [foo], outs: [bar]}\n", "/bar\n",
    )  # fmt: skip
    (project.root / "foo").write_text("1\n")
    project.repro("a")
    (cached,) = (project.root / ".dvc/cache/files/md5").glob("*/*")
    cached.chmod(0o644)
    cached.write_text("junk\n")
    cached.chmod(mode)
    (project.root / "bar").unlink()
    return project, cached


def test_a_damaged_object_that_is_write_protected_is_restored_by_dvc_and_not_here(tmp_path: Path) -> None:
    project, _ = damaged(tmp_path / "it", 0o444)
    project.repro("a")
    assert (project.root / "bar").read_text() == "junk\n"
    project.morphseq("run")
    assert (project.root / "bar").read_text() == "1\n"


@pytest.mark.parametrize("mode", [0o644, 0o444])
def test_a_damaged_object_in_the_cache_is_made_anew(tmp_path: Path, mode: int) -> None:
    project, cached = damaged(tmp_path / "it", mode)
    project.morphseq("run")
    assert ((project.root / "bar").read_text(), cached.read_text()) == ("1\n", "1\n")
    assert "1 stage: 1 up to date" in project.morphseq("run")
    assert states(project, 0) == {"a": "up to date"}

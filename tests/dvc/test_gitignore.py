"""New outputs are put into .gitignore as `dvc repro` puts them there: to the byte, and in its order."""

import subprocess
from pathlib import Path

import pytest

from tests.dvc.twins import Twins, differences
from tests.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = """\
stages:
  last:
    cmd: cat made/a made/b > 'all [of] them!'
    deps: [made]
    outs: ['all [of] them!']
  second:
    cmd: cp in made/b
    deps: [in]
    outs: [made/b]
  first:
    cmd: sleep 0.2; cp in made/a; mkdir folder; cp in folder/x; cp in kept; cp in made/m.json
    deps: [in]
    outs: [made/a, folder, kept: {cache: false}]
    metrics: [made/m.json]
  third:
    foreach: [x, y]
    do:
      cmd: cp in '#o-${item}'
      deps: [in]
      outs: ['#o-${item}']
"""
FILES = {"dvc.yaml": PIPELINE, "in": "1", "made/here": ""}


@pytest.mark.parametrize(
    "ignored",
    [None, "", "/else\n", "/else", "folder/\n", "/made/\n", "!/folder\n/folder\n!folder\n", "# only\n\n"],
)
def test_it_is_written_as_by_dvc(tmp_path: Path, ignored: str | None) -> None:
    twins = Twins(tmp_path, FILES | ({} if ignored is None else {".gitignore": ignored}))
    twins.check_run()
    twins.write({"in": "2"})
    twins.check_run()
    assert twins.check_status()


@pytest.mark.parametrize("ignored", ["*\n!in\n", "dvc.lock\n", "dvc.yaml\n"])
def test_dvc_s_own_files_may_not_be_ignored(tmp_path: Path, ignored: str) -> None:
    Twins(tmp_path, FILES | {".gitignore": ignored}).check_refused("git ignores it")


def test_the_order_is_that_of_dvc_however_the_stages_end(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    twins.check_run("-j4")
    twins.write({".gitignore": None, "made/.gitignore": None, "in": "2"})
    twins.check_run("-j4")
    twins.write({".gitignore": None, "in": "1"})
    assert twins.check_run().restored


@pytest.mark.parametrize("inside", ["", "deep/er"])
def test_in_a_folder_of_a_repository_and_without_one(tmp_path: Path, inside: str) -> None:
    twins = Twins(tmp_path, FILES, inside=inside, scm=bool(inside))
    twins.check_run()
    assert twins.check_status()
    assert (twins.ours.root / ".gitignore").exists() == bool(inside)


def test_a_worktree_is_as_a_repository(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    twins.ours.commit()
    trees = tmp_path / "trees/dvc", tmp_path / "trees/ours"
    for tree in trees:
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(tree)], cwd=twins.ours.root, check=True)
    twins = Twins.of(tmp_path / "trees")
    twins.check_run()
    assert twins.check_status()
    assert not differences(*trees)


def test_a_submodule_is_as_a_repository(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    twins.ours.commit()
    above = Project(tmp_path / "above")
    above.root.mkdir()
    above.run("git", "init", "--quiet")
    for name in ("dvc", "ours"):
        allowed = ("-c", "protocol.file.allow=always")
        above.run("git", *allowed, "submodule", "--quiet", "add", str(twins.ours.root), name)
    inside = Twins.of(above.root)
    assert not inside.check_status()
    inside.check_run()
    assert inside.check_status()
    inside.write({"in": "2"})
    inside.check_run()


@pytest.mark.parametrize("place", ["config", "config.local"])
def test_a_repository_of_which_dvc_is_to_know_nothing(tmp_path: Path, place: str) -> None:
    """`core.no_scm` in a git repository: nothing is put into .gitignore, and what git tracks may be an output."""
    twins = Twins(tmp_path, FILES | {"made/b": "tracked"})
    for root in (twins.theirs, twins.ours.root):
        subprocess.run(["git", "add", "made/b"], cwd=root, check=True)
    twins.write({f".dvc/{place}": "[core]\n    no_scm = True\n"})
    twins.check_run()
    assert twins.check_status()
    assert not (twins.ours.root / ".gitignore").exists()
    twins.write({"in": "2"})
    twins.check_run()
    assert twins.check_status()


def test_a_gitignore_that_is_not_utf_8(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    for ending in (b"", b"\n"):
        twins.both(lambda root, ending=ending: (root / ".gitignore").write_bytes(b"# caf\xe9s" + ending))  # type: ignore[misc]
        assert twins.check_run().fine


def test_a_gitignore_that_is_a_link_is_refused_before_anything_runs(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    (twins.ours.root / "made/.gitignore").symlink_to("here")
    assert "made/.gitignore: a link" in twins.ours.morphseq("run", code=2)
    assert not (twins.ours.root / "folder").exists()


def test_an_output_with_a_backslash(tmp_path: Path) -> None:
    twins = Twins(
        tmp_path,
        {
            "in": "1",
            "dvc.yaml": """
stages:
  a: {cmd: "cp in 'a\\\\b'", deps: [in], outs: ['a\\b']}
""",
        },
    )
    twins.check_run()
    assert twins.check_status()


def test_an_output_that_git_tracks_is_refused(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES | {"made/b": "committed"})
    for root in (twins.theirs, twins.ours.root):
        subprocess.run(["git", "add", "made/b"], cwd=root, check=True)
    twins.check_refused("git rm -r --cached made/b")

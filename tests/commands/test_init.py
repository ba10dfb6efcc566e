"""`morphseq init`: a clone in which git merges entry by entry, whatever folder, worktree or environment it is in."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import experiments_text
from morphseq_manifest.cohort.manifests import code_manifest
from tests.project import Project, replace_file

PARAMS = 'experiments:\n  "20240418":\n    segmenter: threshold\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A DVC project, not set up, with one experiment."""
    project = Project(tmp_path / "it")
    project.root.mkdir()
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("dvc", "init", "--quiet")
    (project.root / "params.yaml").write_text(PARAMS)
    project.commit("One")
    return project


def diverge(project: Project) -> None:
    """Two branches that each add an experiment, which git takes for a conflict; `two` is checked out."""
    for name in ("one", "two"):
        project.run("git", "checkout", "--quiet", "-b", name, "main")
        replace_file(project.root / "params.yaml", experiments_text.added(PARAMS, {f"{name}": "s"}).encode())
        project.commit(name)


def listed(project: Project) -> list[str]:
    return [line.strip('" :') for line in (project.root / "params.yaml").read_text().splitlines() if line[2:3] == '"']


def test_set_up_once_and_found_so_the_next_time(project: Project) -> None:
    said = project.morphseq("init")
    assert "git now merges by " in said
    assert ".gitattributes now names the files: commit it" in said
    config, attributes = ((project.root / name).read_bytes() for name in (".git/config", ".gitattributes"))
    said = project.morphseq("init")
    assert "git already merges by " in said
    assert ".gitattributes" not in said
    assert (project.root / ".git/config").read_bytes() == config
    assert (project.root / ".gitattributes").read_bytes() == attributes
    project.commit("Set up")
    diverge(project)
    assert "CONFLICT" not in project.run("git", "merge", "--no-edit", "one")
    assert listed(project) == ["20240418", "one", "two"]


def test_what_else_gitattributes_says_stays(project: Project) -> None:
    (project.root / ".gitattributes").write_text("*.bin binary\nparams.yaml merge=union")
    said = project.morphseq("init")
    assert "params.yaml: .gitattributes says merge=union; left so" in said
    text = (project.root / ".gitattributes").read_text()
    assert text.startswith("*.bin binary\nparams.yaml merge=union\n/dvc.yaml merge=morphseq\n")
    assert "/params.yaml" not in text


def test_what_is_known_by_its_hash_is_checked_out_as_it_was_whatever_git_does_to_line_ends(project: Project) -> None:
    manifest = project.root / "manifests/code.json"
    manifest.parent.mkdir()
    manifest.write_bytes(whole := code_manifest.dump({}))
    project.run("git", "config", "core.autocrlf", "true")
    project.commit("With a manifest")
    manifest.unlink()
    project.run("git", "checkout", "--quiet", "--", "manifests")
    changed = manifest.read_bytes()
    assert changed != whole
    with pytest.raises(ContentError, match=r"CRLF line ends: git's core\.autocrlf.*`morphseq init`.*`git checkout`"):
        code_manifest.parse(changed, "code.json")
    assert ".gitattributes now names the files: commit it" in project.morphseq("init")
    manifest.unlink()
    project.run("git", "checkout", "--quiet", "--", "manifests")
    assert manifest.read_bytes() == whole


def test_in_a_subfolder_of_a_repository_a_worktree_and_a_folder_of_the_project(tmp_path: Path) -> None:
    whole = Project(tmp_path / "whole")
    project = Project(whole.root / "sub folder")
    project.root.mkdir(parents=True)
    whole.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("dvc", "init", "--quiet", "--subdir")
    (project.root / "params.yaml").write_text(PARAMS)
    whole.commit("One")
    inner = Project(project.root / "inner")
    inner.root.mkdir()
    inner.morphseq("init")
    assert (project.root / ".gitattributes").exists()
    whole.commit("Set up")
    diverge(project)
    whole.run("git", "worktree", "add", "--quiet", "../tree", "one")
    tree = Project(tmp_path / "tree/sub folder")
    assert "git already merges by " in tree.morphseq("init")
    tree.run("git", "merge", "--no-edit", "two")
    assert listed(tree) == ["20240418", "one", "two"]


def moved(project: Project, folder: Path) -> Path:
    """An environment in another folder, which is no more than the command and its Python: by links."""
    (folder / "bin").mkdir(parents=True)
    own = Path(shutil.which("morphseq", path=project.environment()["PATH"]) or "")
    python = folder / "bin/python"
    python.write_text(f'#!/bin/sh\nexec "{own.parent}/python" "$@"\n')
    (folder / "bin/morphseq").write_text(f'#!/bin/sh\nexec "{own}" "$@"\n')
    for path in folder.glob("bin/*"):
        path.chmod(0o755)
    return folder / "bin/morphseq"


def test_an_environment_of_an_odd_name_and_one_that_is_gone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """git fills in %A and the like, and a shell reads the rest: neither is to see anything in a name."""
    from morphseq_manifest.cohort import sharing

    folder = project.root.parent / 'it\'s $(touch x) 50%A; "odd"'
    command = moved(project, folder)
    monkeypatch.setattr("sys.executable", str(command.with_name("python")))
    sharing.set_up(project.root)
    monkeypatch.undo()
    project.commit("Set up")
    diverge(project)
    assert "CONFLICT" not in project.run("git", "merge", "--no-edit", "one")
    assert listed(project) == ["20240418", "one", "two"]
    assert not (project.root / "x").exists()
    shutil.rmtree(folder)
    project.run("git", "reset", "--quiet", "--hard", "HEAD~1")
    assert "CONFLICT" in project.run("git", "merge", "--no-edit", "one", fails=True)
    assert "<<<<<<< ours\n" in (project.root / "params.yaml").read_text(), "as if nothing had been set up"
    project.run("git", "merge", "--abort")
    assert "git now merges by " in project.morphseq("init")
    project.run("git", "merge", "--no-edit", "one")


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_a_conflict_from_before_is_merged_as_its_message_says(project: Project, how: str) -> None:
    attributes = "".join(f"/{name} merge=morphseq\n" for name in ("params.yaml", "dvc.lock"))
    (project.root / ".gitattributes").write_text(attributes)  # as in a clone of a project that is set up elsewhere
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--amend", "--no-edit")
    diverge(project)
    again = ("git", how, "one")
    project.run(*again, fails=True)
    said = project.morphseq("status", code=3)
    assert "params.yaml, line 4: not merged: git has left the marks of a conflict" in said
    advice = "`git merge --abort` (or `git rebase --abort`), `morphseq init`, and the same again"
    assert f"Or have both sides merged entry by entry: {advice}" in said
    project.morphseq("init")
    assert advice in project.morphseq("status", code=3), "it has been set up since"
    project.run("git", how, "--abort")
    project.morphseq("init")
    project.run("git", "checkout", "--quiet", "--", ".gitattributes")
    project.run(*again)
    assert listed(project) == ["20240418", "one", "two"]


def test_where_there_is_nothing_to_set_up_is_said(project: Project, tmp_path: Path) -> None:
    plain = Project(tmp_path / "plain")
    plain.root.mkdir()
    assert "not a DVC project. Run this in one; `dvc init` makes one" in plain.morphseq("init", code=2)
    plain.run("dvc", "init", "--quiet", "--no-scm")
    assert "DVC's setting core.no_scm is true" in plain.morphseq("init", code=2)
    plain.run("dvc", "config", "--unset", "core.no_scm")
    assert "not in a git repository. `git init` makes one" in plain.morphseq("init", code=2)
    assert not (plain.root / ".gitattributes").exists()


def test_a_link_is_not_followed(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a\n")
    (project.root / ".gitattributes").symlink_to(tmp_path / "elsewhere")
    assert "a link, which git does not follow" in project.morphseq("init", code=2)
    assert (tmp_path / "elsewhere").read_text() == "a\n"


def test_dvc_s_own_merge_driver_stays(project: Project) -> None:
    project.run("dvc", "install")
    before = project.run("git", "config", "--get-regexp", r"^merge\.dvc\.")
    (project.root / ".gitattributes").write_text("*.dvc merge=dvc\n")
    project.morphseq("init")
    assert project.run("git", "config", "--get-regexp", r"^merge\.dvc\.") == before
    assert project.run("git", "check-attr", "merge", "data.dvc") == "data.dvc: merge: dvc\n"


@pytest.mark.parametrize(("shell", "place"), [("bash", "~/.bashrc"), ("zsh", "~/.zshrc"), ("fish", "config.fish")])
def test_the_line_that_completes_commands(project: Project, shell: str, place: str) -> None:
    def typed(*words: str, **more: str) -> str:
        done = subprocess.run(
            words, cwd=project.root, env=project.environment() | more, text=True, capture_output=True, check=True
        )
        return done.stdout + done.stderr

    said = typed("morphseq", "init", SHELL=f"/usr/bin/{shell}")
    assert place in said
    line = said.splitlines()[-1].strip()
    assert f"_MORPHSEQ_COMPLETE={shell}_source morphseq" in line
    assert "_MORPHSEQ_COMPLETE" in typed("morphseq", _MORPHSEQ_COMPLETE=f"{shell}_source")
    begun = {"COMP_WORDS": "morphseq merge", "COMP_CWORD": "merge" if shell == "fish" else "1"}
    found = typed("morphseq", _MORPHSEQ_COMPLETE=f"{shell}_complete", **begun)
    assert "merge-driver" in found
    if shell == "bash" and (bash := shutil.which("bash")):
        assert "_morphseq_completion" in typed(bash, "-c", f"{line}\ncomplete -p morphseq", HOME=os.devnull)
    assert "to complete" not in typed("morphseq", "init", SHELL="/bin/odd")

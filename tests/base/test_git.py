"""git is asked without running what a project's own configuration names, and what it refuses is said in its words."""

from pathlib import Path

import pytest

from morphseq_manifest.base import git, git_history
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from tests.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A repository with one commit."""
    project = Project(tmp_path / "it")
    project.root.mkdir()
    project.run("git", "init", "--quiet")
    (project.root / "a.txt").write_text("one\n")
    project.commit("One")
    return project


def test_content_and_history_are_told(project: Project) -> None:
    head = git.commit(project.root, "HEAD")
    assert git.content(project.root, head, Path("a.txt")) == b"one\n"
    assert git.content(project.root, head, Path("b.txt")) is None
    assert git.history(project.root, Path("a.txt")) == [head]
    assert git.describe(project.root, head).endswith(" One")
    with pytest.raises(ConfigError, match="is not a commit"):
        git.commit(project.root, "nothing")


@pytest.fixture
def older(project: Project) -> str:
    """Its first commit, before two others."""
    first = git.commit(project.root, "HEAD")
    for number in ("two", "three"):
        (project.root / "a.txt").write_text(f"{number}\n")
        project.commit(number)
    project.run("git", "config", "uploadpack.allowFilter", "true")
    return first


def clone(project: Project, *options: str) -> Path:
    root = project.root.parent / "clone"
    project.run("git", "clone", "--quiet", *options, f"file://{project.root}", root)
    return root


def test_where_a_shallow_clone_ends_is_said(project: Project, older: str) -> None:
    root = clone(project, "--depth", "2")
    newest, oldest = git.history(root, Path("a.txt"))
    assert git.shallow(root) == {oldest}
    assert git.describe(root, newest).endswith(" three")
    assert git.describe(root, oldest).endswith(" two (or an older commit, which this shallow clone lacks)")
    with pytest.raises(ConfigError, match="git fetch --unshallow"):
        git.commit(root, older)
    assert not git.shallow(project.root)
    assert not git.shallow(root.parent)


@pytest.mark.parametrize("lacking", ["blob:none", "tree:0"])
def test_what_a_partial_clone_lacks_is_not_said_to_be_gone(project: Project, older: str, lacking: str) -> None:
    root = clone(project, f"--filter={lacking}")
    assert git.content(root, git.commit(root, "HEAD"), Path("a.txt")) == b"three\n"
    with pytest.raises(UnreadableError, match=r"lacks its content.*git fetch --refetch"):
        git.content(root, older, Path("a.txt"))
    if lacking == "tree:0":
        with pytest.raises(UnreadableError, match="lacks parts of its history"):
            git.history(root, Path("a.txt"))
    else:
        assert git.content(root, older, Path("b.txt")) is None


def test_what_the_project_s_configuration_names_is_not_run(project: Project) -> None:
    ran = project.root.parent / "ran"
    script = project.root.parent / "script.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program", "diff.external"):
        project.run("git", "config", name, script)
    project.run("git", "config", "log.showSignature", "true")
    hook = project.root / ".git/hooks/post-index-change"
    hook.write_text(script.read_text())
    hook.chmod(0o755)
    head = git.commit(project.root, "HEAD")
    git.run(project.root, "ls-files", "-z", "-co", "--exclude-standard", "--", "*.txt")
    git.history(project.root, Path("a.txt"))
    git.describe(project.root, head)
    git.ignored(project.root, ["a.txt"])
    assert not ran.exists()


def test_what_git_refuses_is_said_in_its_words(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for ask in (
        lambda: git.commit(project.root, "HEAD"),
        lambda: git.history(project.root, Path("a.txt")),
        lambda: git.ignored(project.root, ["a.txt"]),
    ):
        with pytest.raises(UnreadableError, match=r"dubious ownership.*safe\.directory"):
            ask()


def test_a_folder_outside_of_git_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a git repository"):
        git.commit(tmp_path, "HEAD")
    assert git.history(tmp_path, Path("a.txt")) == []
    assert git.ignored(tmp_path, ["a.txt"]) is None


def test_the_repository_is_that_which_the_folder_is_in_whatever_git_tells_a_hook(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, other = git.commit(project.root, "HEAD"), Project(project.root.parent / "other")
    other.root.mkdir()
    other.run("git", "init", "--quiet")
    other.commit("Another")
    for name, place in {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(name, str(other.root / place))
    assert git.commit(project.root, "HEAD") == head
    assert git.tracked(project.root, ["a.txt"]) == ["a.txt"]
    with git_history.objects(project.root) as read:
        assert read(f"{head}:a.txt") == b"one\n"

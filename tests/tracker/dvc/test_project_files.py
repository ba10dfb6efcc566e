"""Which files of DVC's are in a project: those that DVC itself collects, whatever git and .dvcignore leave out."""

import contextlib
import subprocess
import tempfile
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.repo.index import collect_files
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from morphseq_manifest.tracker.dvc import project_files

PLACES = ["", "a/", "a/b/", "a/b/c/", "data/", "data/a/", "é/", "a b/"]
NAMES = ["dvc.yaml", "x.dvc", "y.dvc", "other.yaml", ".dvcx"]
# Not `a/*`, by which DVC takes `a` itself to be left out, too, and git does not.
RULES = ["/data", "data/", "a/?*", "!a/b", "*.dvc", "!x.dvc", "dvc.yaml", "b/", "**/c", "/a b", "é", "x.dvc"]
rules = st.lists(st.sampled_from(RULES), max_size=3)
ignoring = st.dictionaries(st.sampled_from(["", "a/", "data/"]), rules, max_size=2)
files = st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES)).map("".join), max_size=8)
odd = st.sampled_from([None, "a/b/.dvc/config", "a/.git/HEAD", "a/link"])


def plant(root: Path, paths: set[str], git: dict[str, list[str]], dvc: dict[str, list[str]], odd: str | None) -> None:
    """A project with these files and rules, all of them in git's index, and perhaps something odd."""
    (root / ".dvc/tmp").mkdir(parents=True)
    (root / ".dvc/config").write_text(f"[core]\n    site_cache_dir = {root}/site\n")
    texts = dict.fromkeys(sorted(paths), "{}\n")
    texts |= {f"{folder}.gitignore": "\n".join(lines) for folder, lines in git.items()}
    texts |= {f"{folder}.dvcignore": "\n".join(lines) for folder, lines in dvc.items()}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--force", "--", *texts, ".dvc/config"], cwd=root, check=True)
    if odd:
        (root / odd).parent.mkdir(parents=True, exist_ok=True)
        (root / odd).symlink_to("../data") if odd.endswith("link") else (root / odd).touch()


def of_dvc(root: Path) -> list[str]:
    """What DVC collects."""
    with Repo(str(root)) as repo:
        found = sorted(str(Path(path).relative_to(root)) for path, _ in collect_files(repo))
    return [path for path in found if path != "dvc.yaml"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(files, ignoring, ignoring, odd)
def test_as_dvc_collects_them(
    paths: set[str], git: dict[str, list[str]], dvc: dict[str, list[str]], odd: str | None
) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        plant(Path(name), paths, git, dvc, odd)
        assert project_files.others(Path(name), True) == of_dvc(Path(name))


def test_what_can_not_be_listed_is_passed_over_as_by_dvc(tmp_path: Path) -> None:
    plant(tmp_path, {"dvc.yaml", "a/x.dvc", "data/y.dvc"}, {}, {}, None)
    (tmp_path / "data").chmod(0)
    try:
        assert project_files.others(tmp_path, True) == of_dvc(tmp_path)
    finally:
        (tmp_path / "data").chmod(0o755)


def test_without_git(tmp_path: Path) -> None:
    plant(tmp_path, {"a/x.dvc", "data/y.dvc"}, {"": ["data"]}, {"": ["a/"]}, None)
    assert project_files.others(tmp_path, True) == []
    assert project_files.others(tmp_path, False) == ["data/y.dvc"]
    (tmp_path / ".git").rename(tmp_path / "gone")
    assert project_files.others(tmp_path, True) == ["data/y.dvc"]

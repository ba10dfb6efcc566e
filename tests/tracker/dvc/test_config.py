"""DVC's settings, as DVC itself writes and reads them."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.cache import DvcCache


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without settings, of a user without settings."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "user"))
    project = tmp_path / "project"
    (project / ".dvc").mkdir(parents=True)
    (project / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    return project


def of_dvc(root: Path) -> Path:
    """Where DVC has its cache."""
    with Repo(str(root)) as repo:
        return Path(repo.cache.local.path).resolve()


@pytest.mark.parametrize("place", ["../elsewhere", "{root}/else where", "a, b", "a#b", "it's"])
@pytest.mark.parametrize("level", ["--local", "--project", "--global"])
def test_the_cache_is_where_dvc_config_puts_it(root: Path, place: str, level: str) -> None:
    place = place.format(root=root)
    subprocess.run([sys.executable, "-m", "dvc", "config", level, "cache.dir", place], cwd=root, check=True)
    assert Path(DvcCache(root).place).resolve() == of_dvc(root)


@pytest.mark.parametrize("section", ["[cache]", "['cache']", '["cache"]', "[ cache ]"])
def test_the_section_may_stand_in_quotes(root: Path, section: str) -> None:
    (root / ".dvc/config.local").write_text(f"{section}\n    dir = ../elsewhere\n['remote \"store\"']\n    url = /x\n")
    assert Path(DvcCache(root).place).resolve() == of_dvc(root) == root / "elsewhere/files/md5"


def test_the_last_one_counts_and_none_is_the_projects_own(root: Path) -> None:
    assert Path(DvcCache(root).place) == of_dvc(root) == root / ".dvc/cache/files/md5"
    (root.parent / "user").mkdir()
    for number, path in enumerate((root.parent / "user/config", root / ".dvc/config", root / ".dvc/config.local")):
        path.write_text(f"[core]\n    no_scm = True\n[cache]\n    dir = {number}\n    type = symlink\n")
        assert Path(DvcCache(root).place).resolve() == of_dvc(root) == path.parent / f"{number}/files/md5"
    assert DvcCache(root).settings == {"cache.type": "symlink"}


def test_settings_that_can_not_be_used_are_named(root: Path) -> None:
    (root / ".dvc/config.local").write_text("dir = 1\n")
    with pytest.raises(ConfigError, match=r"config\.local: can't be used"):
        DvcCache(root)

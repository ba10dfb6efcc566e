"""DVC's settings, as DVC itself writes and reads them."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc.config import Config
from dvc.exceptions import DvcException
from dvc.repo import Repo

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.config import places


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
    assert DvcCache(root).config.links == ["symlink"]


def test_settings_that_can_not_be_used_are_named(root: Path) -> None:
    (root / ".dvc/config.local").write_text("dir = 1\n")
    with pytest.raises(ConfigError, match=r"config\.local: can't be used"):
        DvcCache(root)


def test_the_four_places_are_those_of_dvc(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DVC_GLOBAL_CONFIG_DIR")
    for names in (
        {},
        {"XDG_CONFIG_HOME": str(tmp_path / "x")},
        {"XDG_CONFIG_DIRS": f"{tmp_path}/s:/etc/xdg"},
        {"DVC_SYSTEM_CONFIG_DIR": str(tmp_path / "m")},
        {"DVC_GLOBAL_CONFIG_DIR": str(tmp_path / "g")},
    ):
        with monkeypatch.context() as context:
            for name, value in names.items():
                context.setenv(name, value)
            theirs = Config(dvc_dir=str(root / ".dvc"), validate=False).files
            assert list(map(str, places(root))) == list(theirs.values())


def test_the_settings_of_the_machine_are_read_before_all_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(root.parent / "machine"))
    (root.parent / "machine").mkdir()
    (root.parent / "machine/config").write_text("[cache]\n    dir = shared\n[CORE]\n    Autostage = True\n")
    assert Path(DvcCache(root).place) == of_dvc(root) == root.parent / "machine/shared/files/md5"
    assert DvcCache(root).config.autostage


@pytest.mark.parametrize(
    "value", ["reflink,copy", '"reflink,copy"', "copy", "hardlink", "'copy, reflink'", "symlink, hardlink", "reflink,"]
)
def test_the_kinds_of_link_are_those_that_dvc_tries(root: Path, value: str) -> None:
    (root / ".dvc/config.local").write_text(f"[cache]\n    type = {value}\n[core]\n    hardlink_lock = false\n")
    with Repo(root) as repo:
        assert DvcCache(root).config.links == repo.cache.local.cache_types
    assert DvcCache(root).config.unsupported == {}


@pytest.mark.parametrize(
    "text", ["[core]\n    no_scm = maybe\n", "[cache]\n    dir = a, b\n", "[parsing]\n    bool = x\n"]
)
def test_a_value_that_dvc_refuses_is_refused(root: Path, text: str) -> None:
    (root / ".dvc/config.local").write_text(text)
    with pytest.raises(ConfigError, match="expected"):
        DvcCache(root)
    with pytest.raises((DvcException, TypeError, AttributeError)):
        of_dvc(root)

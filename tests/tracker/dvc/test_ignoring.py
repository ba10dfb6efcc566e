"""What .dvcignore leaves out, as `dvc check-ignore` has it: in the file at the top, and in those of other folders."""

import contextlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from dvc.repo import Repo
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.ignoring import Ignore

NAMES = ["a", "b", "c.png", "keep.tmp", "x.tmp", "é", "a b", ".hidden", "-", "x\ny", "#b", "!c", "b\\", "[a]", "\u2028"]
RULES = [
    "*.tmp", "!keep.tmp", "b/", "a/b", "/a", "/data/a", "**/a b", "c*", "[a-c]", "# a", "\\#b", "\\!c", "é", "a/**",
    "**/b/*", "!a/b", "!b/", "?.png", "!/a", "/", " b ", "*", "!*", "data/", "!data/", "**/", "/**", "a\x0bb", "\u2028",
    "!", "-", "[z-a]", "a\\ ", "/data/**/b/", "x?y", "",
]  # fmt: skip
UNUSABLE = "unusable"
paths_in_data = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=1, max_size=6)
rules = st.lists(st.sampled_from(RULES), max_size=4)
nested_rules = st.dictionaries(st.sampled_from(["data", "data/a", "data/b", "data/a/b"]), rules, max_size=2)
inner_projects = st.sampled_from([None, None, "data/a", "data/a/b"])


def ours(ignore: Ignore, path: str, is_folder: bool) -> bool | str:
    """What our reader says."""
    try:
        return ignore.leaves_out(path, is_folder)
    except ConfigError:
        return UNUSABLE


def of_dvc(repo: Repo, path: str) -> bool | str:
    """What DVC says."""
    try:
        return bool(repo.dvcignore.check_ignore(path).match)
    except (re.error, ValueError):
        return UNUSABLE


def plant(root: Path, paths: list[str], top: bytes, nested: dict[str, bytes], inner: str | None) -> None:
    """A project with these files, as far as they can stand together, and a project of its own in the folder `inner`."""
    (root / ".dvc/tmp").mkdir(parents=True)
    (root / ".dvc/config").write_text(f"[core]\n    no_scm = True\n    site_cache_dir = {root}/site\n")
    (root / ".dvcignore").write_bytes(top)
    (root / "data").mkdir()
    for folder, text in nested.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".dvcignore").write_bytes(text)
    if inner:
        (root / inner / ".dvc").mkdir(parents=True)
    for path in paths:
        with contextlib.suppress(OSError):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()


@pytest.mark.slow
@settings(max_examples=100, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(paths_in_data, rules, nested_rules, inner_projects, st.sampled_from(["\n", "\r\n", "\r"]))
def test_dvc_ignores_the_same(
    names: list[str], top: list[str], nested: dict[str, list[str]], inner: str | None, end: str
) -> None:
    paths = [f"data/{name}" for name in names]
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        root = Path(name)
        texts = {folder: end.join(lines).encode() for folder, lines in nested.items()}
        plant(root, paths, end.join(top).encode(), texts, inner)
        ignore = Ignore(root, nested=True)
        try:
            repo = Repo()
        except (re.error, ValueError):
            assert {ours(ignore, path, False) for path in paths} == {UNUSABLE}
            return
        with repo:
            for path in paths:
                is_folder = Path(path).is_dir()
                assert ours(ignore, path, is_folder) == of_dvc(repo, path), (path, top, nested, inner)
                if not nested and not inner:
                    assert ours(Ignore(root), path, is_folder) == ours(ignore, path, is_folder)


def test_the_command_says_the_same(tmp_path: Path) -> None:
    paths = ["data/x.tmp", "data/keep.tmp", "data/a/Thumbs.db", "data/a b.png", "data/other.png", "data/inner/x"]
    nested = {"data": b"a b.png\n!keep.tmp\n"}
    plant(tmp_path, paths, b"*.tmp\nThumbs.db\n", nested, "data/inner")
    said = subprocess.run(
        [sys.executable, "-m", "dvc", "check-ignore", *paths], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    ignore = Ignore(tmp_path, nested=True)
    assert [path for path in paths if ignore.leaves_out(path)] == said.stdout.splitlines()
    assert len(said.stdout.splitlines()) == 4


def test_rules_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for folder in (tmp_path / "data", tmp_path):
        for text in (b"a\nb\\", b"[z-a]", b"\xff"):
            (folder / ".dvcignore").write_bytes(text)
            with pytest.raises(ConfigError, match=f"{re.escape(str(folder / '.dvcignore'))}: can't be used"):
                Ignore(tmp_path, nested=True).leaves_out("data/x")

"""A digest of what is at many paths is another as soon as anything there is another, whoever lists the folders."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from morphseq_manifest.tracker.disk import listing
from morphseq_manifest.tracker.disk.observing import UnsettledError, observe


def _written_over(top: Path) -> None:
    inside = top / "one/deep/a.txt"
    times = inside.stat()
    inside.write_text("B")
    os.utime(inside, ns=(times.st_atime_ns, times.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "written over, of the same size and time": _written_over,
    "longer": lambda top: (top / "one/deep/a.txt").write_text("AA"),
    "new": lambda top: (top / "two/new").touch(),
    "gone": lambda top: (top / "two/b.txt").unlink(),
    "renamed": lambda top: (top / "two/b.txt").rename(top / "two/l c\n.txt"),
    "moved": lambda top: (top / "two/b.txt").rename(top / "one/b.txt"),
    "another file in its place": lambda top: (top / "two/other").replace(top / "two/b.txt"),
    "mode": lambda top: (top / "two/b.txt").chmod(0o600),
    "a folder": lambda top: (top / "two/empty").mkdir(),
    "a link": lambda top: (top / "two/link").symlink_to("b.txt"),
}


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    for name in ("one/deep/a.txt", "two/b.txt", "two/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("A")
    return [str(tmp_path / "one"), str(tmp_path / "two")]


@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_another_digest(
    folders: list[str], tmp_path: Path, change: Callable[[Path], object], is_listed: bool
) -> None:
    before = observe([], folders, is_listed=is_listed)
    assert observe([], folders, is_listed=is_listed).digest == before.digest
    change(tmp_path)
    assert observe([], folders, is_listed=is_listed).digest != before.digest


@pytest.mark.parametrize("is_listed", [False, True])
def test_the_newest_is_told(folders: list[str], tmp_path: Path, is_listed: bool) -> None:
    newest = max(path.stat().st_ctime_ns for path in tmp_path.rglob("*"))
    seen = observe([], folders, newest + 1, is_listed=is_listed)
    assert seen.newest_ns == newest
    with pytest.raises(UnsettledError):
        observe([], folders, newest, is_listed=is_listed)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="other programs list nothing on this system")
def test_what_can_not_be_listed_is_looked_at(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two/link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_text("A")
    before = observe([], folders, is_listed=True)
    assert not before.is_listed
    (tmp_path / "outside").write_text("AA")
    assert observe([], folders, is_listed=True).digest != before.digest
    (tmp_path / "two/link").unlink()
    assert listing.listed(folders, 2) is not None
    assert listing.listed([*folders, str(tmp_path / "nowhere")], 2) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert listing.listed(folders, 2) is None
    (tmp_path / "find").symlink_to(str(shutil.which("true", path="/bin:/usr/bin")))
    assert listing.listed(folders, 2) is None

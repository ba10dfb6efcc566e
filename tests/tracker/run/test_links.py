"""Links to the cache where files can share their blocks, which is acted: most file systems under tests can not."""

import errno
import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.tracker.dvc.modes import COPIED, PROTECTED
from morphseq_manifest.tracker.run.links import Links


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    kept = tmp_path / "kept"
    kept.write_text("content")
    kept.chmod(PROTECTED)
    return kept


def act(monkeypatch: pytest.MonkeyPatch, done: Callable[[], None]) -> list[int]:
    """Have `done` happen where the system is asked to share the blocks of two files; what it is asked."""
    asked: list[int] = []

    def ioctl(clone: int, request: int, content: int) -> None:
        asked.append(request)
        done()
        Path(f"/proc/self/fd/{clone}").write_bytes(Path(f"/proc/self/fd/{content}").read_bytes())

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return asked


def refuse(number: int) -> Callable[[], None]:
    def done() -> None:
        raise OSError(number, "refused")

    return done


def test_a_clone_is_a_file_of_its_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = act(monkeypatch, lambda: None)
    place = kept.with_name("place")
    Links(["reflink"], COPIED).bring_back(str(kept), str(place))
    Links(["hardlink"], COPIED).take(str(place), str(kept.with_name("again")))
    assert len(asked) == 2
    assert (place.read_text(), place.stat().st_nlink, place.stat().st_mode & 0o777) == ("content", 1, COPIED)
    assert kept.with_name("again").stat().st_mode & 0o777 == PROTECTED


def test_where_there_are_none_it_is_tried_once(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = act(monkeypatch, refuse(errno.ENOTTY))
    found = Links(["reflink", "hardlink"], COPIED)
    for name in ("one", "other"):
        found.bring_back(str(kept), str(kept.with_name(name)))
        assert kept.with_name(name).samefile(kept)
    assert len(asked) == 1
    assert not [path for path in kept.parent.iterdir() if path.name.startswith(".")]


def test_another_trouble_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act(monkeypatch, refuse(errno.ENOSPC))
    error: Any
    with pytest.raises(OSError, match="refused") as error:
        Links(["reflink", "copy"], COPIED).bring_back(str(kept), str(kept.with_name("place")))
    assert error.value.filename == str(kept.with_name("place"))

"""What DVC's cache holds, what it does not, and what can't be told."""

from pathlib import Path

import pytest

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.folder_hash import folder_listing, folder_md5

FILE, MEMBERS = md5_bytes(b"content"), {"a": md5_bytes(b"a"), "b/c": md5_bytes(b"c")}
FOLDER = folder_md5(MEMBERS)


@pytest.fixture
def cache(tmp_path: Path) -> DvcCache:
    """The cache of a project, which holds a file and a folder of two files."""
    (tmp_path / ".dvc").mkdir()
    cache = DvcCache(tmp_path)
    held = {FILE: b"content", FOLDER: folder_listing(MEMBERS), MEMBERS["a"]: b"a", MEMBERS["b/c"]: b"c"}
    for md5, data in held.items():
        place(cache, md5).parent.mkdir(parents=True, exist_ok=True)
        place(cache, md5).write_bytes(data)
    return cache


def place(cache: DvcCache, md5: str) -> Path:
    return Path(cache.path(md5))


def test_what_is_there_and_whole_is_held(cache: DvcCache) -> None:
    assert cache.holds(FILE)
    assert cache.holds(FOLDER)
    assert not cache.holds("0" * 32)
    assert not cache.holds("0" * 32 + ".dir")


@pytest.mark.parametrize("part", [FOLDER, MEMBERS["b/c"]])
@pytest.mark.parametrize("damage", ["other content", "a folder", "gone"])
def test_a_folder_is_held_if_all_of_it_is(cache: DvcCache, part: str, damage: str) -> None:
    path = place(cache, part)
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "other content":
        path.write_bytes(b"other")
    assert not cache.holds(FOLDER)
    assert cache.holds(FILE)


@pytest.mark.parametrize("part", [FOLDER, MEMBERS["b/c"]])
def test_what_can_not_be_read_is_not_said_to_be_gone(cache: DvcCache, part: str) -> None:
    path = place(cache, part)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(UnreadableError, match=path.name):
        cache.holds(FOLDER)

"""Any folder has the md5 that DVC gives it, whatever is in it and whatever is to be ignored."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from dvc.fs import localfs
from dvc.repo import Repo
from dvc_data.hashfile.build import build
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from tests.tracker.disk.looking import DATA

NAMES = ["a", "b", "c.png", "keep.tmp", "x.tmp", "é", "a b", ".hidden", ".git", ".hg", ".dvc", "Thumbs.db", "-"]
RULES = [
    "*.tmp", "!keep.tmp", "Thumbs.db", "b/", "a/b", "/data/frames/a/c.png", "**/a b", "c*", "[a-c]", "# a", "\\#b", "é",
    "a/**", "**/b/*", "!a/b", "?.png", "data/frames/b/**/x.tmp", " b ", "/a",
]  # fmt: skip
trees = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
        st.sampled_from(["file", "file", "file", "folder", "link to a file", "link to a folder"]),
        st.binary(max_size=4),
    ),
    max_size=12,
)
rules = st.lists(st.sampled_from(RULES), max_size=4)


def plant(folder: Path, tree: list[tuple[list[str], str, bytes]]) -> None:
    """Make what can be made of a tree: a name that is taken stays what it is."""
    storage = folder.parents[1] / "storage"
    (storage / "more").mkdir(parents=True)
    (storage / "file").write_bytes(b"linked")
    (storage / "more/file").write_bytes(b"in a linked folder")
    folder.mkdir(parents=True)
    for names, kind, data in tree:
        path = folder.joinpath(*names)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                path.write_bytes(data)
            elif kind == "folder":
                path.mkdir()
            else:
                path.symlink_to(storage / ("file" if kind == "link to a file" else "more"))


@pytest.mark.slow
@settings(max_examples=100, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(trees, rules)
def test_any_tree_has_the_md5_that_dvc_gives_it(tree: list[tuple[list[str], str, bytes]], ignored: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        root = Path(name)
        (root / ".dvc/tmp").mkdir(parents=True)
        (root / ".dvc/config").write_text(f"[core]\n    no_scm = True\n    site_cache_dir = {root}/site\n")
        (root / ".dvcignore").write_text("\n".join(ignored))
        plant(root / DATA, tree)
        with Repo() as repo:
            if repo.dvcignore.is_ignored_dir(str(root / DATA)):
                return
            _, meta, tree_object = build(
                repo.cache.local, str(root / DATA), localfs, "md5", ignore=repo.dvcignore, dry_run=True
            )
        expected = Content(tree_object.hash_info.value, meta.size, meta.nfiles)
        for _ in ("nothing is remembered", "all is"):
            assert Workspace(root, 2).look([DATA])[DATA] == expected
        assert len(Workspace(root, 2).members(DATA)) == meta.nfiles

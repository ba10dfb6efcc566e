"""Storage that shows late what a node has written: it is waited for, and never recorded before it is seen."""

from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.stages import Output, Stage
from morphseq_manifest.tracker.run import settled
from morphseq_manifest.tracker.run.jobs import listing, moving
from morphseq_manifest.tracker.run.jobs.place import Place
from tests.cluster.conftest import Make


def place_of(tmp_path: Path, *outs: str) -> Place:
    (tmp_path / "place").mkdir()
    return Place(str(tmp_path / "project"), str(tmp_path / "place"), "1-1", [*outs], [], "")


def test_what_is_not_there_as_it_was_listed_is_named(tmp_path: Path) -> None:
    place = place_of(tmp_path, "out", "file")
    out = tmp_path / "place/out"
    (out / "deep").mkdir(parents=True)
    (out / "deep/a").write_text("aa")
    (tmp_path / "place/file").write_text("b")
    made = {name: listing.listed(f"{place.place}/{name}") for name in place.outs}
    assert made["out"].keys() == {"deep/a"}
    assert moving.late(place, made, 0) is None
    assert moving.late(place, {"out": {**made["out"], "later": (1, "")}}, 0) == "out/later"
    (out / "deep/a").write_text("a")
    assert moving.late(place, made, 0) == "out/deep/a"
    (tmp_path / "place/file").unlink()
    assert moving.late(place, {"file": made["file"]}, 0) == "file"


def test_what_is_seen_otherwise_than_it_was_written_is_not_recorded(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "_LATE_S", 0)
    root = make("stages: {}\n").root
    (root / "out").mkdir()
    (root / "out/a").write_text("new")
    outs = [Output("out", True, False, False)]
    stage = Stage("one", "one", None, "", [], {}, outs, {}, False, False)
    seen = listing.listed(str(root / "out"))
    assert settled.contents(Workspace(root), stage, {"out": seen})["out"].nfiles == 1
    (root / ".dvcignore").write_text("*.log\n")
    ignored = {**seen, "b.log": (1, "1" * 32)}
    assert settled.contents(Workspace(root), stage, {"out": ignored})["out"].nfiles == 1
    for other in ({"a": (3, "0" * 32)}, {**seen, "b": (1, "1" * 32)}, {}):
        with pytest.raises(ContentError, match="seen here otherwise than on the node"):
            settled.contents(Workspace(root), stage, {"out": other})

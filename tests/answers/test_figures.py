"""A manifest is not believed: whatever figure in it is changed by hand, with a digest to match, `--check` names it."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from morphseq_manifest.answers.provenance import figures, table_check
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort import experiments_manifest
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.manifests import canonical, part_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from tests.project import PLATES, Project

TABLES = ("df01", "df02", "df03")


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The places of all single values in nested mappings."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    else:
        yield place


def other(value: Any, place: tuple[str, ...]) -> Any:
    """Another value of the same kind."""
    if place[-1] == "reasons":
        return {"made_up": 1}
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if len(value) == 32:
            return "0" * 32
        case str():
            return value + "x"
        case None:
            return None
        case _:
            return {"made_up": [PLATES[0]]}


def forged(root: Path, table: str, place: tuple[str, ...]) -> list[str] | None:
    """What a check names if one value of a manifest is another one, and dvc.lock has the md5 of just this manifest."""
    snapshot = CohortSnapshot(root)
    manifest = snapshot.cohort(table)
    assert manifest
    values = copy.deepcopy(msgspec.to_builtins(manifest))
    inner = values
    for key in place[:-1]:
        inner = inner[key]
    before = inner[place[-1]]
    inner[place[-1]] = other(before, place)
    if inner[place[-1]] == before:
        return None
    data = canonical.dump(canonical.seal(msgspec.convert(values, CohortManifest)))
    path = places.cohort(table)
    was, now = md5_bytes(snapshot.content(path) or b""), md5_bytes(data)
    lock = (root / LOCK).read_bytes().replace(was.encode(), f"'{now}'".encode() if now.isdigit() else now.encode())
    snapshot = CohortSnapshot(root, texts={path: data, LOCK: lock})
    found = snapshot.cohort(table)
    assert found
    file = root / "data/metadata/combined_metadata_files" / f"embryo_metadata_{table}.csv"
    return [f"{change.kind} {change.name}" for change in table_check.check(table, file, found, snapshot)]


@pytest.mark.parametrize("table", TABLES)
def test_whatever_is_changed_in_a_manifest_is_named(built: Path, table: str) -> None:
    manifest = CohortSnapshot(built).cohort(table)
    assert manifest
    of_itself = {"schema", "table", "digest"}
    values = [place for place in leaves(msgspec.to_builtins(manifest)) if place[0] not in of_itself]
    assert len(values) > 40
    named = {place: forged(built, table, place) for place in values}
    assert not [place for place, found in named.items() if found == []]
    assert f"rows {PLATES[0]}" in (named["experiments", PLATES[0], "rows"] or [])
    assert named["experiments", PLATES[0], "embryos"] == [f"embryos {PLATES[0]}"]
    assert named["experiments", PLATES[0], "contributed"] == [f"content of rows {PLATES[0]}"]


@pytest.mark.parametrize(
    ("table", "source"), [("df01", "images"), ("df01", "sam2"), ("df01", "build03"), ("df03", "latents")]
)
def test_a_part_that_lists_another_content_is_named(built: Path, table: str, source: str) -> None:
    snapshot = CohortSnapshot(built)
    manifest = snapshot.cohort(table)
    assert manifest
    assert not list(figures.of_parts(table, manifest, snapshot))
    path = places.part(table, PLATES[0])
    before = snapshot.content(path) or b""
    contents = part_manifest.parse(before, "it").contents
    data = canonical.dump(part_manifest.of(table, PLATES[0], contents | {source: "0" * 32}))
    lock = (built / LOCK).read_bytes().replace(md5_bytes(before).encode(), f"'{md5_bytes(data)}'".encode())
    for texts, named in (({path: data}, {"manifest", source}), ({path: data, LOCK: lock}, {source})):
        found = figures.of_parts(table, manifest, CohortSnapshot(built, texts=texts))
        assert {change.kind for change in found} == named
    of_another = canonical.dump(part_manifest.of(table, PLATES[1], contents))
    assert "of" in {
        one.kind for one in figures.of_parts(table, manifest, CohortSnapshot(built, texts={path: of_another}))
    }


@pytest.mark.parametrize("field", ["frames", "wells", "bytes", "rows"])
def test_a_count_that_is_changed_in_the_manifest_of_frames_is_named(built: Path, field: str) -> None:
    snapshot = CohortSnapshot(built)
    manifest, listed = snapshot.cohort("df01"), snapshot.images(PLATES[2])
    assert manifest
    assert listed
    assert listed.problems
    counts = msgspec.structs.replace(listed.counts, **{field: getattr(listed.counts, field) + 1})
    data = canonical.dump(canonical.seal(msgspec.structs.replace(listed, counts=counts)))
    part = msgspec.structs.replace(manifest.experiments[PLATES[2]], images=md5_bytes(data))
    forged = msgspec.structs.replace(manifest, experiments=manifest.experiments | {PLATES[2]: part})
    found = figures.of_frames(forged, CohortSnapshot(built, texts={places.images(PLATES[2]): data}))
    told = {"rows": ["plate_rows", "rows"]}  # the table's own manifest has the rows, too
    assert [change.kind for change in found] == told.get(field, [field])
    assert not list(figures.of_frames(manifest, snapshot))


@pytest.mark.parametrize(
    ("field", "change", "named"),
    [
        ("frames", {"well": "H12"}, "frame"),
        ("frames", {"time_int": 9999}, "frame"),
        ("problems", {"kind": "made_up"}, "problem"),
        ("problems", {"path": "A01_t0000_stitch.png"}, "problem"),
        ("problems", {"well": "A01", "time_int": 0}, "problem"),
    ],
)
def test_a_frame_or_problem_that_can_not_be_so_is_named(
    built: Path, field: str, change: dict[str, Any], named: str
) -> None:
    listed = CohortSnapshot(built).images(PLATES[2])
    assert listed
    items = list(getattr(listed, field))
    items[-1] = msgspec.structs.replace(items[-1], **change)
    found = figures._of_names(PLATES[2], msgspec.structs.replace(listed, **{field: items}))
    assert named in [one.kind for one in found]
    assert not list(figures._of_names(PLATES[2], listed))


@pytest.mark.parametrize("change", ["other segmenter", "one more", "one less"])
def test_experiments_that_are_not_those_of_the_run_are_named(built: Path, change: str) -> None:
    snapshot = CohortSnapshot(built)
    assert not list(figures.of_experiments(snapshot))
    data = snapshot.content(places.EXPERIMENTS)
    assert data
    manifest = experiments_manifest.parse(data, "it")
    experiments = dict(manifest.experiments)
    match change:
        case "other segmenter":
            experiments[PLATES[0]] = Experiment("made_up")
        case "one more":
            experiments["20990101"] = Experiment("threshold")
        case _:
            del experiments[PLATES[0]]
    forged = canonical.dump(canonical.seal(msgspec.structs.replace(manifest, experiments=experiments)))
    found = list(figures.of_experiments(CohortSnapshot(built, texts={places.EXPERIMENTS: forged})))
    assert [one.kind for one in found] == ["20990101" if change == "one more" else PLATES[0]]


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_named_where_nothing_was_changed(built: Path, table: str) -> None:
    assert Project(built).morphseq("provenance", table, "--check").strip().endswith("every row is as recorded")


def test_an_edited_manifest_is_said_to_be_another_than_the_stage_wrote(project: Project) -> None:
    path = project.root / "manifests/df01.json"
    manifest = project.manifest("df01")
    path.unlink()
    path.write_bytes(canonical.dump(canonical.seal(msgspec.structs.replace(manifest, model="demo_c"))))
    output = project.morphseq("provenance", "df01", code=3)
    assert "manifests/df01.json is not the one that df01 wrote" in output
    assert "manifests/df01.json" in project.morphseq("provenance", "df01", "--check", code=3)

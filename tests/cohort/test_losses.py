"""What was lost of an experiment: counts of images manifests and cohort manifests, in words; manifests of schema 1."""

from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort import losses
from morphseq_manifest.cohort.manifests import canonical, cohort_manifest, images_manifest
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution, FirstContribution
from morphseq_manifest.cohort.manifests.images_manifest import Frame, Problem

FRAMES = [Frame("A01", number, f"A01_t{number:04d}.png", 5, "0" * 32) for number in range(4)]
PROBLEMS = [
    Problem("row_without_frame", "B01", 7, ""),
    Problem("row_without_frame", "B02", 7, ""),
    Problem("not_a_frame", "", -1, "A01_0004.png"),
]
FUNNEL = {
    "plate_rows": 6, "row_without_frame": 2, "frame_without_row": 0, "not_a_frame": 1, "frame_without_embryo": 1,
    "sam2_rows": 3, "well_qc_flag": 2,
}  # fmt: skip
FIRST = FirstContribution(
    rows=1, embryos=1, wells=1, frames=4, contributed="c" * 32, segmenter="threshold", images="a" * 32, sam2="b" * 32,
    build03="d" * 32, versions={"images": 1}, blank={"area_um2": 0},
)  # fmt: skip


def part(rows: int, funnel: dict[str, int], reasons: dict[str, int] | None = None) -> Contribution:
    return Contribution(**msgspec.structs.asdict(FIRST) | {"rows": rows, "funnel": funnel, "reasons": reasons or {}})


def manifest(schema: str, experiments: dict[str, FirstContribution]) -> CohortManifest:
    kind = CohortManifest if schema == cohort_manifest.SCHEMA else cohort_manifest._FirstManifest
    return kind(
        schema=schema, table="embryo_metadata_df01.csv", hash="e" * 32, rows=1, columns=4, filled={}, params={},
        versions={"df01": 1}, model=None, coverage=None, experiments=experiments, digest="",
    )  # fmt: skip


def said(one: Contribution) -> str:
    return ", ".join(map(str, losses.of_part(one)))


def test_what_is_lost_is_said_step_by_step_and_nothing_else() -> None:
    assert said(part(1, FUNNEL)) == (
        "2 of 6 plate rows without a frame, 1 of 5 files without a frame's name, 1 of 4 frames without an embryo, "
        "2 of 3 embryos in flagged wells"
    )
    assert said(part(1, {name: 0 for name in FUNNEL})) == ""
    assert said(part(1, {})) == ""
    usable = {"usable": 1, "unusable": 9}
    reasons = {"LARGE_MASK": 2, "dead_flag": 7, "a": 1, "b": 1, "c": 1}
    assert said(part(1, usable, reasons)) == ("9 of 10 rows not usable (dead_flag 7, LARGE_MASK 2, a 1, b 1, ...)")
    (loss,) = losses.of_part(part(1, usable, {"dead_flag": 9}))
    assert (loss.way, loss.cell) == ("not usable", "9 of 10 rows: dead_flag 9")
    assert [loss.way for loss in losses.of_part(part(1, FUNNEL | usable))] == [
        way for way in losses.WAYS if way != "without row"
    ]


def test_why_there_is_no_row_is_said() -> None:
    unusable = FUNNEL | {"usable": 0, "unusable": 9}
    assert losses.no_row("x", part(0, unusable, {"LARGE_MASK": 9})) == "no usable row of x: LARGE_MASK 9"
    assert losses.no_row("x", part(0, {"sam2_rows": 3, "well_qc_flag": 3})) == (
        "no row of x: 3 of 3 embryos in flagged wells"
    )
    assert losses.no_row("x", part(0, {})) == "no row of x: its manifest does not say why"


@pytest.mark.parametrize("many", [0, 2000])
def test_frames_that_do_not_fit_are_counted_from_the_end_of_a_manifest(tmp_path: Path, many: int) -> None:
    path = tmp_path / "x.json"
    more = [Problem("not_a_frame", "", -1, f"a{number}.png") for number in range(many)]
    images_manifest.write(path, images_manifest.build("x", FRAMES, PROBLEMS + more, 6))
    fit, whole = images_manifest.read_fit(path), images_manifest.read(path)
    assert (fit.problems, fit.counts) == (whole.problems, whole.counts)
    assert losses.unfit("x", fit) == (
        f"x: frames and plate table do not fit: 2 of 6 plate rows without a frame, {1 + many} of {5 + many} files "
        "without a frame's name (as A01_0004.png, B01 7)"
    )
    images_manifest.write(path, images_manifest.build("x", FRAMES, [], 4))
    assert losses.unfit("x", images_manifest.read_fit(path)) is None


@pytest.mark.parametrize("data", [b"", b"no manifest", b'{\n"problems":[],\n"counts":{}\n}\n', b'\n"problems":[{'])
def test_the_end_of_something_else_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(ContentError, match=r"x\.json: not a whole manifest"):
        images_manifest.read_fit(tmp_path / "x.json")


def test_a_manifest_of_frames_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="dvc repro images"):
        images_manifest.read_fit(tmp_path / "x.json")


def test_a_manifest_of_schema_1_is_read_and_has_no_funnel() -> None:
    data = canonical.dump(canonical.seal(manifest(cohort_manifest.FIRST_SCHEMA, {"x": FIRST})))
    assert b"funnel" not in data
    found = cohort_manifest.parse(data, "it")
    assert found.schema == cohort_manifest.FIRST_SCHEMA
    assert found.experiments == {"x": part(1, {})}
    with pytest.raises(ContentError, match="edited or damaged"):
        cohort_manifest.parse(data.replace(b'"rows":1', b'"rows":2', 1), "it")


def test_a_manifest_of_the_present_schema_comes_back() -> None:
    sealed = canonical.seal(manifest(cohort_manifest.SCHEMA, {"x": part(1, FUNNEL, {"dead_flag": 2})}))
    assert cohort_manifest.parse(canonical.dump(sealed), "it") == sealed
    first = canonical.dump(sealed).replace(cohort_manifest.SCHEMA.encode(), cohort_manifest.FIRST_SCHEMA.encode())
    with pytest.raises(ContentError):
        cohort_manifest.parse(first, "it")

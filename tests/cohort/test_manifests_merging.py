"""Two sides' manifests: what is one plate's is left to people, what is a table's is ours, code goes stage by stage."""

from pathlib import Path

import pytest

from morphseq_manifest.base.conflicts import marked, settled
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.cohort import manifests_merging, merging
from morphseq_manifest.cohort.manifests import canonical, code_manifest, cohort_manifest, images_manifest
from morphseq_manifest.cohort.manifests.code_manifest import StageCode

HERE = Path(__file__).parent


def merged(name: str, base: str, ours: str, theirs: str) -> Merged:
    return manifests_merging.merged(HERE, base, ours, theirs, name, 7)


def code(**stages: str) -> str:
    return code_manifest.dump({name: StageCode(1, {"stages.x": print_}) for name, print_ in stages.items()}).decode()


def frames(experiment: str, *sizes: int) -> str:
    listed = [images_manifest.Frame("A01", n, f"A01_t{n:04d}.png", size, "0" * 32) for n, size in enumerate(sizes)]
    return canonical.dump(images_manifest.build(experiment, listed, [], len(sizes))).decode()


def table(rows: int) -> str:
    manifest = cohort_manifest.CohortManifest(
        cohort_manifest.SCHEMA, "df01.csv", "0" * 32, rows, 1, {}, {}, {}, None, None, {}, ""
    )
    return canonical.dump(canonical.seal(manifest)).decode()


def test_a_table_s_manifest_is_ours() -> None:
    found = merged("manifests/df01.json", table(1), table(2), table(3))
    assert found == Merged(table(2), [], "written on both sides: ours stands until its stage runs again")


def test_code_accepted_on_both_sides() -> None:
    base = code(images="a", sam2="a", old="a")
    ours, theirs = code(images="b", sam2="a", old="a"), code(images="a", sam2="c", new="d")
    assert merged("manifests/code.json", base, ours, theirs) == Merged(code(images="b", sam2="c", new="d"), [])
    found = merged("manifests/code.json", base, ours, code(images="c", sam2="a"))
    assert found.conflicts == ["the code of images"]
    assert "<<<<<<< ours\n" in found.text


def test_frames_of_one_plate_are_left_to_people_also_if_their_lines_would_merge() -> None:
    base, ours, theirs = (frames("a", *sizes) for sizes in ((1, 2, 3, 4, 5), (9, 2, 3, 4, 5), (1, 2, 3, 4, 9)))
    found = merged("manifests/images/a.json", base, ours, theirs)
    assert found.conflicts == ["the frames of a"]
    assert "<<<<<<< ours\n" in found.text


@pytest.mark.parametrize("name", ["manifests/images/a.json", "sub/manifests/images/a.json"])
def test_frames_of_another_plate_are_not_those_of_this_file(name: str) -> None:
    renamed, run_again = frames("a", 1), frames("b", 2)
    assert merged(name, frames("b", 1), renamed, run_again).text == renamed
    assert merged(name, frames("b", 1), run_again, renamed).text == renamed
    assert merged("manifests/images/c.json", frames("b", 1), run_again, renamed).conflicts == ["the frames of c"]


def test_a_base_that_git_has_merged_has_no_conflicts_in_it() -> None:
    inner = marked("a\n", "b\n", 11)
    outer = marked(f"p\n{inner}", "q\n", 9)
    assert settled(f"x\n{outer}y\n") == "x\ny\n"
    assert settled("a <<<<<<< b\n<<<<<< c\n") == "a <<<<<<< b\n<<<<<< c\n"


def test_bytes_that_are_not_utf_8_come_out_as_they_were() -> None:
    base = b"a\n\xff\nb\nc\nd\n"
    found = merging.merge(HERE, base, base.replace(b"a", b"x"), base.replace(b"d", b"y"), "params.yaml")
    assert found.text.encode(errors="surrogateescape") == b"x\n\xff\nb\nc\ny\n"
    assert found.left == "params.yaml (base): not UTF-8 at byte 2"

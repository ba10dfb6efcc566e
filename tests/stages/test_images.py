"""Frames named, checked and listed: the same manifest wherever a folder lies and whenever it was written."""

import contextlib
import io
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pathspec
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.frames.form import Form
from morphseq_manifest.cohort.frames.pixels import form_of
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, Reading
from stages import images
from stages.files import frame_folder, layout
from stages.files.frame_checks import check_fit, check_sizes
from stages.files.frames import decode, read_frame
from tests.project import REPOSITORY

SAID = Experiment("threshold")
keys = st.lists(
    st.tuples(st.sampled_from(["A01", "A02", "H12"]), st.integers(0, 400)), min_size=1, max_size=6, unique=True
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("A01_t0000_stitch.png", ("A01", 0)),
        ("H12_t12345.TIF", ("H12", 12345)),
        ("C04_t0339_ch00.jpeg", ("C04", 339)),
        ("A13_t0000.png", None),
        ("I01_t0000.png", None),
        ("A01_0000.png", None),
        ("A01_t0000.txt", None),
    ],
)
def test_frame_numbers_come_from_the_files_name(name: str, key: tuple[str, int] | None) -> None:
    assert frame_key(name) == key


def test_whole_images_are_told_from_cut_ones() -> None:
    grey = np.random.default_rng(1).integers(0, 255, (60, 60), np.uint8)
    encoded = {"a.png": io.BytesIO(), "a.jpg": io.BytesIO(), "a.tif": io.BytesIO()}
    for name, out in encoded.items():
        Image.fromarray(grey).save(out, {"png": "png", "jpg": "jpeg", "tif": "tiff"}[name[-3:]])
        data = out.getvalue()
        assert frame_folder.whole_image(name, data) is None
        for length in (0, 5, len(data) // 2, len(data) - 1):
            assert frame_folder.whole_image(name, data[:length]) is not None, (name, length)


def test_a_tiff_whose_writer_was_ended_is_not_whole() -> None:
    """Strips that it had not written yet have no place and no size."""
    out = io.BytesIO()
    tifffile.imwrite(out, np.full((60, 80), 190, np.uint8), rowsperstrip=10)
    data = bytearray(out.getvalue())
    with tifffile.TiffFile(io.BytesIO(out.getvalue())) as tif:
        tags = [tif.pages.first.tags[number] for number in (273, 279)]
    for tag in tags:
        size = tag.dtype.itemsize if hasattr(tag.dtype, "itemsize") else {3: 2, 4: 4}[int(tag.dtype)]
        data[tag.valueoffset + 3 * size : tag.valueoffset + 6 * size] = bytes(3 * size)
    assert frame_folder.whole_image("a.tif", out.getvalue()) is None
    assert frame_folder.whole_image("a.tif", bytes(data)) == f"is not a whole TIF image ({len(data)} bytes)"


def test_a_file_with_the_ending_of_another_kind_is_named() -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(out, "PNG")
    said = frame_folder.whole_image("a.tif", out.getvalue())
    assert said == "is a PNG image by its content. Give its name the ending .png"


def test_a_folder_without_frames_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "A1_t0000.tif").write_bytes(b"x")
    with pytest.raises(UnreadableError, match=r"expected files like A01_t0000_stitch.png, found A1_t0000.tif$"):
        frame_folder.find_frames(tmp_path)


def test_a_frame_that_git_lfs_has_not_fetched_is_called_so(tmp_path: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{0:064x}\nsize 12345\n"
    (tmp_path / "A01_t0000.png").write_text(pointer)
    with pytest.raises(
        UnreadableError, match=r"A01_t0000.png: only git LFS's pointer is here.*`git lfs pull` brings it$"
    ):
        frame_folder.read_frames(tmp_path, {("A01", 0): "A01_t0000.png"}, SAID)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"A01_t0000_5\xb5m.png")).write_bytes(b"x")
    with pytest.raises(ContentError, match=r"the name A01_t0000_5\\xb5m.png is not in UTF-8"):
        frame_folder.find_frames(tmp_path)


def claiming(width: int, height: int) -> dict[str, bytes]:
    """Small files that claim to be large images."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return {"a.png": png, "a.tif": struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)}


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_an_image_that_claims_more_pixels_than_are_decoded_is_named(name: str, tmp_path: Path) -> None:
    data, said = claiming(100_000, 100_000)[name], "(100,000 x 100,000|10000000000) pixels"
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableError, match=f"{name} can't be used: .*{said}"):
        frame_folder.read_frames(tmp_path, {("A01", 0): name}, SAID)
    with pytest.raises(UnreadableError, match=f"{name}: not a whole image .*{said}"):
        decode(data, tmp_path / name)
    assert form_of(name, claiming(5_000, 5_000)[name]) == Form(5_000, 5_000, "uint8")


def test_frames_of_another_size_than_their_row_says_are_named() -> None:
    frames = [Frame("A01", number, f"A01_t{number:04d}.png", 1, "x") for number in range(20)]
    listed = [(frame, Form(512, 400, "uint8")) for frame in frames]
    expected = {("A01", number): (number + 2, 512.0, 400.0) for number in range(18)}
    check_sizes(listed, expected, Path("frames"), Path("plate.csv"))
    expected[("A01", 3)] = (5, 256.0, 200.0)
    with pytest.raises(ContentError, match=r"plate.csv: .*A01_t0003.png has 512 x 400 px, row 5 says 256 x 200\. Corr"):
        check_sizes(listed, expected, Path("frames"), Path("plate.csv"))
    doubled = {key: (row, 2 * width, 2 * height) for key, (row, width, height) in expected.items()}
    with pytest.raises(ContentError, match=r"\(and 7 more\)"):
        check_sizes(listed, doubled, Path("frames"), Path("plate.csv"))


def deep(form: str) -> Iterator[np.ndarray]:
    """Three frames of a camera, whose numbers come in this form; only the second is bright."""
    for brightest in (0.2, 0.9, 0.1):
        levels = np.linspace(0, brightest, 24 * 20).reshape(20, 24)
        yield (levels if form == "float32" else levels * {"12 bits": 4095, "int32": 1023}[form]).astype(
            {"12 bits": np.uint16}.get(form, form)
        )


@contextlib.contextmanager
def plate_of(pictures: Iterable[np.ndarray], suffix: str = "tif") -> Iterator[Path]:
    with folder():
        shown = list(pictures)
        keys = [("A01", number) for number in range(len(shown))]
        write([], keys)
        table = layout.plate_table("exp").read_text().replace(",4,5,", ",20,24,")
        layout.plate_table("exp").write_text(table)
        for (well, number), picture in zip(keys, shown, strict=True):
            path = layout.FRAMES / "exp" / f"{well}_t{number:04d}.{suffix}"
            if suffix == "tif":
                tifffile.imwrite(path, picture, photometric="minisblack")
            else:
                Image.fromarray(picture).save(path)
        yield layout.FRAMES / "exp"


def test_a_plate_of_a_camera_of_twelve_bits_is_read_by_one_range() -> None:
    with plate_of(deep("12 bits")) as frames:
        manifest = images.list_images("exp", SAID)
        assert manifest.reading == Reading((0, 4095))
        dark, bright, _ = (read_frame(frames, manifest.reading, frame) for frame in manifest.frames)
        assert (dark.max(), bright.max()) == (51, 230)
    for suffix in ("tif", "png"):
        with plate_of((picture.astype(np.uint16) for picture in deep("int32")), suffix):
            assert images.list_images("exp", SAID).reading.range == (0, 1023)


@pytest.mark.parametrize(
    ("form", "given", "said"),
    [
        ("float32", None, "A01_t0000.tif has numbers of kind float32, from 0 to 0.2"),
        ("float32", (0, 0), "0 to 0 is no range"),
        ("12 bits", (4000, 5000), "A01_t0000.tif has numbers from 0 to 819 only"),
    ],
)
def test_numbers_of_which_nobody_says_what_is_white_are_refused(form: str, given: Any, said: str) -> None:
    with plate_of(deep(form)), pytest.raises(ContentError) as refused:
        images.list_images("exp", Experiment("threshold", pixel_range=given))
    assert said in str(refused.value)
    assert "`pixel_range: [black, white]` of the experiment in params.yaml" in str(refused.value)


def test_frames_of_8_bits_beside_deeper_ones_are_refused_unless_a_range_is_given() -> None:
    pictures = [np.zeros((20, 24), np.uint8), *deep("12 bits")]
    with plate_of(pictures) as frames:
        with pytest.raises(ContentError, match=r"A01_t0001.tif has numbers of kind uint16, but A01_t0000.tif only 8"):
            images.list_images("exp", SAID)
        manifest = images.list_images("exp", Experiment("threshold", pixel_range=(0, 4095)))
        assert [read_frame(frames, manifest.reading, frame).max() for frame in manifest.frames] == [0, 51, 230, 25]


def test_a_range_that_is_given_holds() -> None:
    said = Experiment("threshold", pixel_range=(0, 1))
    with plate_of(deep("float32")) as frames:
        manifest = images.list_images("exp", said)
        assert read_frame(frames, manifest.reading, manifest.frames[1]).max() == 230
    with plate_of([np.zeros((20, 24), np.uint8)]), pytest.raises(ContentError, match="have 8 bits"):
        images.list_images("exp", said)
    with plate_of([np.full((20, 24), np.nan, np.float32)]), pytest.raises(UnreadableError, match="not a number"):
        images.list_images("exp", said)


@pytest.mark.parametrize(("brightest", "is_read"), [(1023, False), (1024, True)])
def test_files_that_name_many_more_bits_than_their_numbers_have_are_refused(brightest: int, is_read: bool) -> None:
    with plate_of([np.zeros((20, 24), np.uint16)]) as frames:
        picture = np.full((20, 24), brightest, np.uint16)
        tifffile.imwrite(frames / "A01_t0000.tif", picture, extratags=[(281, "H", 1, 16383, True)])
        if is_read:
            assert images.list_images("exp", SAID).reading.range == (0, 16383)
        else:
            with pytest.raises(ContentError, match=r"numbers of 14 bits, as the frames say, but none above 1,023"):
                images.list_images("exp", SAID)


def test_the_lower_may_be_the_brighter() -> None:
    picture = np.full((20, 24), 4095 - 3200, np.uint16)
    picture[8:12, 8:16] = 4095 - 800
    with plate_of([picture] * 3) as frames:
        for path in frames.iterdir():
            tifffile.imwrite(path, picture, photometric="miniswhite")
        manifest = images.list_images("exp", SAID)
        assert manifest.reading == Reading((0, 4095))
        assert np.unique(read_frame(frames, manifest.reading, manifest.frames[0])).tolist() == [50, 200]


def test_a_plate_in_dark_field_is_turned_unless_params_say_otherwise() -> None:
    picture = np.full((20, 24), 20, np.uint8)
    picture[8:12, 8:16] = 200
    with plate_of([picture] * 3) as frames:
        manifest = images.list_images("exp", SAID)
        assert manifest.reading.dark_field
        assert (read_frame(frames, manifest.reading, manifest.frames[0]) == 255 - picture).all()
        assert not images.list_images("exp", Experiment("threshold", polarity="bright")).reading.dark_field
    with plate_of([255 - picture] * 3):
        assert not images.list_images("exp", SAID).reading.dark_field
        assert images.list_images("exp", Experiment("threshold", polarity="dark")).reading.dark_field


def test_one_plane_of_several_is_read_if_params_say_which() -> None:
    planes = np.arange(20 * 24 * 3, dtype=np.uint8).reshape(3, 20, 24)
    with plate_of([planes]) as frames:
        with pytest.raises(UnreadableError, match=r"several planes\. Export one plane, or say which one with `page`"):
            images.list_images("exp", SAID)
        with pytest.raises(UnreadableError, match="there is no page 3: they are 0 to 2"):
            images.list_images("exp", Experiment("threshold", page=3))
        manifest = images.list_images("exp", Experiment("threshold", polarity="bright", page=2))
        assert (read_frame(frames, manifest.reading, manifest.frames[0]) == planes[2]).all()


@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini", ".DS_Store", "._A01_t0000.png"])
def test_what_windows_and_macos_leave_is_no_content(name: str) -> None:
    with plate_of([np.zeros((20, 24), np.uint8)]) as frames:
        before = images.list_images("exp", SAID)
        (frames / name).write_text("left behind")
        assert images.list_images("exp", SAID) == before
        assert pathspec.GitIgnoreSpec.from_lines((REPOSITORY / ".dvcignore").open()).match_file(frames / name)


def test_what_does_not_fit_is_listed() -> None:
    listed = [Frame("A01", 0, "A01_t0000.png", 1, "x"), Frame("A01", 340, "A01_t0340.png", 1, "y")]
    problems = frame_folder.compare(listed, [("A01", 0), ("A01", 339)], ["Thumbs.db"])
    assert {(problem.kind, problem.well, problem.time_int, problem.path) for problem in problems} == {
        ("row_without_frame", "A01", 339, ""),
        ("frame_without_row", "A01", 340, "A01_t0340.png"),
        ("not_a_frame", "", -1, "Thumbs.db"),
    }


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)


def write(frames: list[tuple[str, int]], rows: list[tuple[str, int]]) -> None:
    (layout.FRAMES / "exp").mkdir(parents=True)
    layout.PLATES.mkdir(parents=True)
    for well, time_int in frames:
        pixels = np.full((4, 5), (ord(well[0]) + time_int) % 256, np.uint8)
        Image.fromarray(pixels).save(layout.FRAMES / "exp" / f"{well}_t{time_int:04d}_stitch.png")
    lines = [f"{well},{time_int},1,1,4,5,1,28.5,0,0" for well, time_int in rows]
    layout.plate_table("exp").write_text("\n".join([",".join(columns.needed_of_plate()), *lines, ""]))


def listed() -> bytes:
    return canonical.dump(images.list_images("exp", SAID))


@settings(max_examples=25, deadline=None)
@given(keys, st.randoms())
def test_a_manifest_is_the_same_in_another_order_at_another_time_and_place(frames, random) -> None:  # type: ignore[no-untyped-def]
    with folder() as first:
        write(frames, frames)
        data = listed()
        for path in (first / layout.FRAMES / "exp").iterdir():
            os.utime(path, (random.randint(1, 10**9), 5))
        assert listed() == data
        with folder() as second:
            shutil.copytree(first / "data", second / "data")
            assert listed() == data
        random.shuffle(frames)
        with folder():
            write(frames, frames)
            assert listed() == data


@settings(max_examples=25, deadline=None)
@given(keys, st.data())
def test_a_manifest_differs_if_any_path_or_byte_does(frames: list[tuple[str, int]], data: st.DataObject) -> None:
    with folder():
        write(frames, frames)
        first = listed()
        well, time_int = data.draw(st.sampled_from(frames))
        path = layout.FRAMES / "exp" / f"{well}_t{time_int:04d}_stitch.png"
        renamed = path.with_name(path.name.replace("stitch", "again"))
        path.rename(renamed)
        assert listed() != first
        renamed.rename(path)
        assert listed() == first
        whole = bytearray(path.read_bytes())
        whole[data.draw(st.integers(8, len(whole) - 13))] ^= 1
        path.write_bytes(whole)
        # It may claim another size now, or be no image: then it is refused.
        with contextlib.suppress(ContentError, UnreadableError):
            assert listed() != first


def test_more_that_does_not_fit_than_is_allowed_is_refused_with_examples() -> None:
    frames = [Frame("A01", number, f"A01_t{number:04d}.png", 1, "x") for number in range(10)]
    rows = [("A01", number) for number in range(1, 11)]
    manifest = images_manifest.build("exp", frames, frame_folder.compare(frames, rows, ["A01_0003.png"]), len(rows))
    check_fit(manifest, 0.1, Path("frames"), Path("plate.csv"))
    with pytest.raises(ContentError) as refused:
        check_fit(manifest, 0.09, Path("frames"), Path("plate.csv"))
    for said in ("1 of 10 rows are without a frame", "1 of 10 frames without a row", "1 files are no frames",
                 "as A01 10, A01_t0000.png, A01_0003.png", "images.most_unfit, 0.09"):  # fmt: skip
        assert said in str(refused.value)


def test_what_does_not_fit_is_in_the_manifest() -> None:
    with folder():
        write([("A01", 0), ("A01", 340)], [("A01", 0), ("A01", 339)])
        (layout.FRAMES / "exp/notes.txt").write_text("look")
        manifest = images.list_images("exp", SAID)
        assert [(item.kind, item.well, item.time_int, item.path) for item in manifest.problems] == [
            ("frame_without_row", "A01", 340, "A01_t0340_stitch.png"),
            ("not_a_frame", "", -1, "notes.txt"),
            ("row_without_frame", "A01", 339, ""),
        ]
        assert (manifest.counts.frames, manifest.counts.rows) == (2, 2)

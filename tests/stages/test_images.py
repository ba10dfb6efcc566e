"""Frames named, checked and listed: the same manifest wherever a folder lies and whenever it was written."""

import contextlib
import io
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages import images
from stages.files import layout
from stages.files.frames import decode
from stages.files.pixels import Form, form_of
from stages.images import Listed

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
        assert images.whole_image(name, data) is None
        for length in (0, 5, len(data) // 2, len(data) - 1):
            assert images.whole_image(name, data[:length]) is not None, (name, length)


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
        images.read_frames(tmp_path, {("A01", 0): name})
    with pytest.raises(UnreadableError, match=f"{name}: not a whole image .*{said}"):
        decode(data, tmp_path / name)
    assert form_of(name, claiming(5_000, 5_000)[name]) == Form(5_000, 5_000, 8)


def test_frames_of_another_size_than_their_row_says_are_named() -> None:
    frames = [Frame("A01", number, f"A01_t{number:04d}.png", 1, "x") for number in range(20)]
    listed = [Listed(frame, Form(512, 400, 8), None) for frame in frames]
    expected = {("A01", number): (number + 2, 512.0, 400.0) for number in range(18)}
    images.check_sizes(listed, expected, Path("frames"), Path("plate.csv"))
    expected[("A01", 3)] = (5, 256.0, 200.0)
    with pytest.raises(ContentError, match=r"plate.csv: .*A01_t0003.png has 512 x 400 px, row 5 says 256 x 200\. Corr"):
        images.check_sizes(listed, expected, Path("frames"), Path("plate.csv"))
    doubled = {key: (row, 2 * width, 2 * height) for key, (row, width, height) in expected.items()}
    with pytest.raises(ContentError, match=r"\(and 7 more\)"):
        images.check_sizes(listed, doubled, Path("frames"), Path("plate.csv"))


@pytest.mark.parametrize(("brightest", "is_fine"), [(1023, False), (4095, False), (16383, False), (16384, True)])
def test_a_camera_of_fewer_bits_than_its_files_is_named(brightest: int, is_fine: bool) -> None:
    def frame(number: int, form: Form, brightest: int | None) -> Listed:
        return Listed(Frame("A01", number, f"A01_t{number:04d}.tif", 1, "x"), form, brightest)

    listed = [frame(0, Form(5, 4, 8), None), frame(1, Form(5, 4, 16), 7), frame(2, Form(5, 4, 16), brightest)]
    images.check_depth(listed[:1], Path("frames"))
    if is_fine:
        images.check_depth(listed, Path("frames"))
    else:
        with pytest.raises(ContentError, match=rf"frames: .*{brightest:,} of 65,535 \(A01_t0002.tif has that one\)"):
            images.check_depth(listed, Path("frames"))


def test_what_does_not_fit_is_listed() -> None:
    listed = [Frame("A01", 0, "A01_t0000.png", 1, "x"), Frame("A01", 340, "A01_t0340.png", 1, "y")]
    problems = images.compare(listed, [("A01", 0), ("A01", 339)], ["Thumbs.db"])
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
    return canonical.dump(images.list_images("exp"))


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
    manifest = images_manifest.build("exp", frames, images.compare(frames, rows, ["A01_0003.png"]), len(rows))
    images.check_fit(manifest, 0.1, Path("frames"), Path("plate.csv"))
    with pytest.raises(ContentError) as refused:
        images.check_fit(manifest, 0.09, Path("frames"), Path("plate.csv"))
    for said in ("1 of 10 rows are without a frame", "1 of 10 frames without a row", "1 files are no frames",
                 "as A01 10, A01_t0000.png, A01_0003.png", "images.most_unfit, 0.09"):  # fmt: skip
        assert said in str(refused.value)


def test_what_does_not_fit_is_in_the_manifest() -> None:
    with folder():
        write([("A01", 0), ("A01", 340)], [("A01", 0), ("A01", 339)])
        (layout.FRAMES / "exp/notes.txt").write_text("look")
        manifest = images.list_images("exp")
        assert [(item.kind, item.well, item.time_int, item.path) for item in manifest.problems] == [
            ("frame_without_row", "A01", 340, "A01_t0340_stitch.png"),
            ("not_a_frame", "", -1, "notes.txt"),
            ("row_without_frame", "A01", 339, ""),
        ]
        assert (manifest.counts.frames, manifest.counts.rows) == (2, 2)

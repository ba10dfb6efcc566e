"""Image stacks, and the lab's older form of them."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import tifffile
from PIL import Image

from morphseq_manifest.answers.pictures import image_files
from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files import stacks


def test_stacks_say_which_frame_each_page_is_of(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)
    pages = [
        stacks.Page(stacks.PageTag(time_int, f"{time_int:032x}"), page)
        for time_int, page in zip((0, 2, 11), pixels, strict=True)
    ]
    path = tmp_path / "A01.tif"
    stacks.write_stack(path, pages)
    first = path.read_bytes()
    stacks.write_stack(path, pages)
    assert path.read_bytes() == first
    assert tifffile.imread(path).shape == (3, 20, 30)
    page: Any = tifffile.TiffFile(path).pages[1]
    assert json.loads(page.description) == {"time_int": 2, "frame": f"{2:032x}"}
    with stacks.open_stack(tmp_path, "A01") as readers:
        assert list(readers) == [0, 2, 11]
        assert (readers[11]() == pixels[2]).all()
    path.write_bytes(first[: len(first) // 2])
    with (
        pytest.raises((ContentError, UnreadableError), match=r"A01\.tif"),
        stacks.open_stack(tmp_path, "A01") as readers,
    ):
        [read() for read in readers.values()]


def written(path: Path, times: tuple[int, ...], scale: stacks.Scale | None) -> list[stacks.Page]:
    pixels = np.random.default_rng(1).integers(0, 9, (len(times), 20, 30), np.uint16)
    pages = [
        stacks.Page(stacks.PageTag(time_int, f"{time_int:032x}"), page)
        for time_int, page in zip(times, pixels, strict=True)
    ]
    with stacks.writing(path, times, scale) as append:
        for page in pages:
            append(page)
    return pages


@pytest.mark.parametrize("scale", [(7.5, 7.5), (6.71, 3.25), None], ids=str)
@pytest.mark.parametrize("times", [(0, 2, 11), (4,)], ids=str)
def test_imagej_is_told_the_axes_the_pages_and_a_scale_only_if_it_is_known(
    tmp_path: Path, times: tuple[int, ...], scale: stacks.Scale | None
) -> None:
    pages = written(tmp_path / "A01.tif", times, scale)
    with tifffile.TiffFile(tmp_path / "A01.tif") as tif:
        assert (tif.is_imagej, tif.series[0].axes) == (True, "TYX" if len(times) > 1 else "YX")
        about = tif.imagej_metadata or {}
        assert about["images"] == len(times)
        labels = [f"A01_t{time_int:04d}" for time_int in times]
        assert about["Labels"] == (labels if len(labels) > 1 else labels[0])
        assert (tif.asarray().reshape(-1, 20, 30) == [page.pixels for page in pages]).all()
        for page in tif.pages:
            (x, by_x), (y, by_y) = (page.tags[f"{axis}Resolution"].value for axis in "XY")
            assert page.tags["ResolutionUnit"].value == 1, "none of TIFF's own units"
            assert (by_y / y, by_x / x) == pytest.approx(scale or (1, 1))
        assert about.get("unit") == (None if scale is None else "um")
    assert [tag for tag, _ in stacks.read_tags(tmp_path / "A01.tif")] == [page.tag for page in pages]


def test_stacks_of_earlier_versions_are_read(tmp_path: Path) -> None:
    tags = [stacks.PageTag(time_int, f"{time_int:032x}", "k") for time_int in (0, 3)]
    with tifffile.TiffWriter(tmp_path / "A01.tif") as tif:
        for tag in tags:
            said = msgspec.json.encode(tag).decode()
            tif.write(np.full((4, 5), tag.time_int, np.uint8), description=said, metadata=None, contiguous=False)
    assert [page.tag for page in stacks.read_stack(tmp_path / "A01.tif")] == tags
    assert stacks.read_key(tmp_path / "A01.tif") == "k"
    found = [(time_int, int(pixels[0, 0])) for time_int, pixels in image_files.pages(tmp_path / "A01.tif")]
    assert found == [(0, 0), (3, 3)]
    written(tmp_path / "A01.tif", (2, 5), None)
    assert [time_int for time_int, _ in image_files.pages(tmp_path / "A01.tif")] == [2, 5]


def test_the_labs_older_form_is_read(tmp_path: Path) -> None:
    mask = np.full((40, 40), 127, np.uint8)
    mask[10:30, 10:30] = 255
    Image.fromarray(mask).save(tmp_path / "A01_t0003_stitch.jpg", quality=95)
    Image.fromarray(mask).save(tmp_path / "20240418_A02_t0004.png")
    with stacks.open_stack(tmp_path, "A01", mask=True) as readers:
        assert list(readers) == [3]
        assert (readers[3]() == np.where(mask == 255, 255, 0)).all()
    with stacks.open_stack(tmp_path, "A02") as readers:
        assert (readers[4]() == mask).all()
    with stacks.open_stack(tmp_path, "A03") as readers:
        assert readers == {}


def test_what_a_run_of_sam2_in_the_lab_has_left_is_read(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    label = np.arange(1600, dtype=np.uint16).reshape(40, 40).astype(np.uint8)
    for time_int in (7, 0):
        name = f"20250305_1_A01_ch00_t{time_int:04d}_masks_emnum_1.png"
        Image.fromarray(label + np.uint8(time_int)).save(tmp_path / "masks" / name)
    with stacks.open_stack(tmp_path, "A01") as readers:
        assert list(readers) == [0, 7]
        assert (readers[7]() == label + np.uint8(7)).all()
    Image.fromarray(label).save(tmp_path / "A01_t0007.png")
    with pytest.raises(ContentError, match="of the same frame"), stacks.open_stack(tmp_path, "A01"):
        pass


LABELS = np.array([[0, 0, 1], [2, 2, 0]], np.uint8)
MASK = np.array([[127, 127, 255], [255, 127, 127]], np.uint8)


def claiming_much() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def as_image(pixels: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


NOT_TAKEN: dict[str, tuple[bytes, str, bool, str]] = {
    "labels of many pixels": (claiming_much(), "png", False, "not a whole image"),
    "a mask of many pixels": (claiming_much(), "png", True, "not a whole image"),
    "labels in colours": (as_image(np.dstack([LABELS] * 3), "PNG"), "png", False, "expected one plane"),
    "labels in JPG": (as_image(LABELS, "JPEG"), "jpg", False, "blurred. Export them as PNG"),
    "a mask of a JPG's values": (as_image(MASK, "PNG"), "png", True, "holds 127, 255; a mask holds 0 and one"),
    "a mask of a JPG's background": (as_image(MASK[:1, :2], "PNG"), "png", True, "holds 127; a mask holds 0 and one"),
    "a mask of probabilities": (as_image(LABELS, "PNG"), "png", True, "holds 0, 1, 2; a mask holds 0 and one"),
}


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_an_image_of_the_older_form_that_is_none_is_named(case: str, tmp_path: Path) -> None:
    data, suffix, is_mask, said = NOT_TAKEN[case]
    name = f"20250101_A01_ch00_t0003.{suffix}"
    (tmp_path / name).write_bytes(data)
    with (
        stacks.open_stack(tmp_path, "A01", mask=is_mask) as readers,
        pytest.raises((ContentError, UnreadableError), match=said) as refused,
    ):
        readers[3]()
    assert name in str(refused.value)


@pytest.mark.parametrize("is_mask", [False, True])
def test_one_bit_a_pixel_is_a_whole_number(tmp_path: Path, is_mask: bool) -> None:
    (tmp_path / "20250101_A01_ch00_t0003.png").write_bytes(as_image(LABELS == 1, "PNG"))
    with stacks.open_stack(tmp_path, "A01", mask=is_mask) as readers:
        pixels = readers[3]()
    assert pixels.dtype == np.uint8
    assert (pixels == (LABELS == 1)).all()

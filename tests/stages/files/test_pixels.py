"""The same picture in every form in which microscopes and Fiji write it: the same grey, or refused with the reason."""

import io
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from morphseq_manifest.cohort.manifests.images_manifest import Reading
from stages.files import pixels
from stages.files.frame_form import Form

ROWS, COLUMNS = np.mgrid[:60, :80]
GREY = ((ROWS * 3 + COLUMNS * 2) % 256).astype(np.uint8)
RGB = np.stack([GREY] * 3, axis=-1)
# A palette from white to black.
PALETTE = np.tile(np.arange(255, -1, -1, dtype=np.uint16) * 257, (3, 1))


def tiff(pixels: Any = GREY, **how: Any) -> tuple[str, bytes]:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **how)
    return "a.tif", out.getvalue()


def pillow(name: str, image: Image.Image, kind: str, **how: Any) -> tuple[str, bytes]:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return name, out.getvalue()


def turned(orientation: int) -> tuple[str, bytes]:
    exif = Image.Exif()
    exif[274] = orientation
    return pillow("a.jpg", Image.fromarray(GREY), "JPEG", exif=exif, quality=100)


def with_thumbnail() -> tuple[str, bytes]:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(GREY)
        file.write(GREY[::4, ::4], subfiletype=1)
    return "a.tif", out.getvalue()


def with_thumbnail_first() -> tuple[str, bytes]:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(GREY[::4, ::4], subfiletype=1)
        file.write(GREY)
    return "a.tif", out.getvalue()


SAME: dict[str, Callable[[], tuple[str, bytes]]] = {
    "PNG": lambda: pillow("a.png", Image.fromarray(GREY), "PNG"),
    "PNG RGB": lambda: pillow("a.png", Image.fromarray(RGB), "PNG"),
    "PNG RGBA": lambda: pillow("a.PNG", Image.fromarray(RGB).convert("RGBA"), "PNG"),
    "PNG grey with alpha": lambda: pillow("a.png", Image.fromarray(GREY).convert("LA"), "PNG"),
    "PNG palette": lambda: pillow("a.png", Image.fromarray(GREY).convert("P"), "PNG"),
    "PNG 16": lambda: pillow("a.png", Image.fromarray(GREY.astype(np.uint16) * 256 + 7), "PNG"),
    "BMP": lambda: pillow("a.bmp", Image.fromarray(GREY), "BMP"),
    "upright JPG": lambda: turned(1),
    "JPG that does not say whether": lambda: turned(0),
    "TIFF": tiff,
    "TIFF 16": lambda: tiff(GREY.astype(np.uint16) * 256 + 7),
    "TIFF 16 the other way round": lambda: tiff(GREY.astype(np.uint16) * 256 + 7, byteorder=">"),
    "TIFF RGB": lambda: tiff(RGB, photometric="rgb"),
    "TIFF RGB, a plane a colour": lambda: tiff(np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"),
    "TIFF RGBA": lambda: tiff(np.dstack([RGB, GREY]), photometric="rgb", extrasamples=["unassalpha"]),
    "TIFF grey with alpha": lambda: tiff(
        np.dstack([GREY, GREY]), photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]
    ),
    "TIFF MINISWHITE": lambda: tiff(255 - GREY, photometric="miniswhite"),
    "TIFF palette": lambda: tiff(255 - GREY, photometric="palette", colormap=PALETTE),
    "TIFF LZW": lambda: tiff(compression="lzw"),
    "TIFF LZW with predictor": lambda: tiff(compression="lzw", predictor=True),
    "TIFF deflate": lambda: tiff(compression="zlib"),
    "TIFF PackBits": lambda: tiff(compression="packbits"),
    "TIFF ZSTD": lambda: tiff(compression="zstd"),
    "TIFF JPEG": lambda: pillow("a.tiff", Image.fromarray(GREY), "TIFF", compression="jpeg", quality=100),
    "TIFF in tiles": lambda: tiff(tile=(32, 32)),
    "BigTIFF": lambda: tiff(bigtiff=True),
    "ImageJ": lambda: tiff(imagej=True),
    "OME": lambda: tiff(ome=True),
    "TIFF with a thumbnail": with_thumbnail,
    "TIFF with a thumbnail first": with_thumbnail_first,
    "TIFF RGBA 16": lambda: tiff(
        np.dstack([RGB.astype(np.uint16) * 256 + 7, np.full_like(GREY, 65535, np.uint16)]),
        photometric="rgb",
        extrasamples=["unassalpha"],
    ),
    "TIFF 16 MINISWHITE": lambda: tiff(65535 - (GREY.astype(np.uint16) * 256 + 7), photometric="miniswhite"),
    "TIFF, upright": lambda: tiff(extratags=[(274, "H", 1, 1, True)]),
}


def with_next_page(data: bytes, page: int, following: int) -> bytes:
    """A TIFF in which a page, by its offset, says that another one follows; 0: none does."""
    at = page + 2 + 12 * int.from_bytes(data[page : page + 2], "little")
    return data[:at] + following.to_bytes(4, "little") + data[at + 4 :]


def in_a_circle() -> tuple[str, bytes]:
    """The second page is its own next one, and no whole one."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(GREY)
        file.write(GREY[::4, ::4], subfiletype=1)
    data = out.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        second = tif.pages[1].offset
    return "a.tif", with_next_page(data, second, second)


def behind_one_page() -> tuple[str, bytes]:
    """Many planes as ImageJ writes them if they are large: only the first is said to be a page."""
    name, data = tiff(np.stack([GREY] * 3), imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        return name, with_next_page(data, tif.pages.first.offset, 0)


def sixteen_bits_a_colour() -> tuple[str, bytes]:
    return "a.png", imagecodecs.png_encode(RGB.astype(np.uint16) * 257)


REFUSED: dict[str, tuple[Callable[[], tuple[str, bytes]], str]] = {
    "channels": (lambda: tiff(np.stack([GREY] * 2), imagej=True, metadata={"axes": "CYX"}), "several planes"),
    "z-planes": (lambda: tiff(np.stack([GREY] * 3), imagej=True, metadata={"axes": "ZYX"}), "several planes"),
    "pages": (lambda: tiff(np.stack([GREY] * 4), photometric="minisblack"), "several planes"),
    "planes behind one page": (behind_one_page, "several planes"),
    "complex": (lambda: tiff(GREY.astype(np.complex64)), "its pixels are complex64"),
    "16 bits a colour": (sixteen_bits_a_colour, "colours have 16 bits each"),
    "turned": (lambda: turned(6), "orientation 6"),
    "turned TIFF": (lambda: tiff(extratags=[(274, "H", 1, 6, True)]), "orientation 6"),
    "two numbers a pixel": (
        lambda: tiff(np.dstack([GREY, GREY]), photometric="minisblack", planarconfig="contig"), "2 numbers each",
    ),
    "five numbers a pixel": (
        lambda: tiff(np.dstack([RGB, GREY, GREY]), photometric="minisblack", planarconfig="contig"), "5 numbers each",
    ),
    "planes behind one page that is no ImageJ's": (
        lambda: tiff(np.stack([255 - GREY, GREY, GREY]), truncate=True, photometric="minisblack"), "several planes",
    ),
    "CMYK": (lambda: tiff(np.dstack([RGB, GREY]), photometric="separated"), "its colours are of kind SEPARATED"),
}  # fmt: skip


@pytest.mark.parametrize("form", SAME)
def test_the_same_picture_is_the_same_grey(form: str) -> None:
    name, data = SAME[form]()
    assert pixels.form_of(name, data) == Form(80, 60, "uint16" if "16" in form else "uint8")
    most = 3 if "JPG" in form or "JPEG" in form else 0
    reading = Reading((0, 65535) if "16" in form else None)
    assert np.abs(pixels.grey(name, data, reading).astype(int) - GREY).max() <= most
    if "16" in form and "MINISWHITE" not in form:
        assert pixels.numbers(name, data).values.max() == int(GREY.max()) * 256 + 7


@pytest.mark.parametrize("form", REFUSED)
def test_what_can_not_be_used_is_refused_with_the_reason(form: str) -> None:
    make, said = REFUSED[form]
    name, data = make()
    for look in (pixels.form_of, pixels.grey):
        with pytest.raises(ValueError, match=r"Export ") as refused:
            look(name, data)
        assert said in str(refused.value)


@pytest.mark.timeout(60)
def test_pages_that_go_in_a_circle_have_an_end() -> None:
    name, data = in_a_circle()
    for look in (pixels.form_of, pixels.grey):
        with pytest.raises(ValueError, match="its pages go in a circle"):
            look(name, data)


# A camera of 12 bits in the forms that say so.
TWELVE = GREY.astype(np.uint16) * 16


def with_sbit(bits: int) -> tuple[str, bytes]:
    """A PNG of 16 bits that names its significant ones."""
    name, data = pillow("a.png", Image.fromarray(TWELVE), "PNG")
    chunk = b"sBIT" + bytes([bits])
    return name, data[:33] + (1).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:]


SAYING: dict[str, Callable[[], tuple[str, bytes]]] = {
    "PNG's sBIT": lambda: with_sbit(12),
    "OME's SignificantBits": lambda: tiff(TWELVE, ome=True, metadata={"SignificantBits": 12}),
    "what is packed in a TIFF": lambda: tiff(TWELVE, bitspersample=12),
    "TIFF's MaxSampleValue": lambda: tiff(TWELVE, extratags=[(281, "H", 1, 4095, True)]),
}


@pytest.mark.parametrize("form", SAYING)
def test_the_significant_bits_are_those_that_the_file_names(form: str) -> None:
    name, data = SAYING[form]()
    assert pixels.form_of(name, data) == Form(80, 60, "uint16", 12)
    assert (pixels.grey(name, data, Reading((0, 4095))) == GREY).all()


UNSAID: dict[str, Callable[[], tuple[str, bytes]]] = {
    "OME, all bits": lambda: tiff(TWELVE, ome=True, metadata={"SignificantBits": 16}),
    "MINISWHITE": lambda: tiff(4095 - TWELVE, photometric="miniswhite"),
    "ImageJ, signed": lambda: tiff(
        TWELVE + 32768, metadata=None, description="ImageJ=1.54f\ncf=0\nc0=-32768.0\nc1=1.0\nvunit=Gray Value\n"
    ),
}


@pytest.mark.parametrize("form", UNSAID)
def test_numbers_of_a_camera_are_the_cameras_however_they_are_stored(form: str) -> None:
    name, data = UNSAID[form]()
    assert pixels.form_of(name, data).bits is None
    assert pixels.numbers(name, data).values.max() <= 4095
    levels = pixels.grey(name, data, Reading((0, 4095))).astype(int)
    assert np.abs(levels - GREY).max() <= 1


@pytest.mark.parametrize("bits", [2, 4, 6])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_fewer_than_8_bits_reach_from_black_to_white(bits: int, photometric: str) -> None:
    few = GREY >> (8 - bits)
    name, data = tiff(few if photometric == "minisblack" else (1 << bits) - 1 - few, bitspersample=bits,
                      photometric=photometric)  # fmt: skip
    expected = np.rint(few * (255 / ((1 << bits) - 1)))
    assert (pixels.grey(name, data) == expected).all()
    assert pixels.form_of(name, data) == Form(80, 60, "uint8")


@pytest.mark.parametrize("kind", ["int16", "int32", "uint32", "float32", "float64"])
def test_numbers_of_any_kind_are_grey_by_a_range(kind: str) -> None:
    name, data = tiff(GREY.astype(kind) * 4 + 100)
    assert pixels.form_of(name, data).dtype == kind
    assert (pixels.grey(name, data, Reading((100, 100 + 4 * 256 - (kind[0] != "f")))) == GREY).all()
    with pytest.raises(ValueError, match="nothing says which are black and white"):
        pixels.grey(name, data)


def of_many_files() -> tuple[str, bytes]:
    """The second of two files of one OME-TIFF, each with two planes of a point in time."""
    uuids = [f"urn:uuid:0000000{number}-0000-0000-0000-000000000000" for number in range(2)]
    planes = "".join(
        f'<TiffData FirstT="{t}" FirstZ="{z}" IFD="{z}" PlaneCount="1"><UUID FileName="t{t}.ome.tif">{uuids[t]}</UUID>'
        "</TiffData>" for t in range(2) for z in range(2)
    )  # fmt: skip
    said = (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuids[1]}"><Image ID="Image:0"><Pixels '
        'ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="80" SizeY="60" SizeC="1" SizeZ="2" SizeT="2">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(255 - GREY, description=said, metadata=None)
        file.write(GREY, metadata=None)
    return "t1.ome.tif", out.getvalue()


def stack_with_thumbnail() -> tuple[str, bytes]:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for picture in (255 - GREY, GREY):
            file.write(picture, metadata=None)
        file.write(GREY[::4, ::4], subfiletype=1, metadata=None)
    return "a.tif", out.getvalue()


STACKS: dict[str, tuple[Callable[[], tuple[str, bytes]], Reading]] = {
    "channel of ImageJ": (
        lambda: tiff(np.stack([255 - GREY, GREY]), imagej=True, metadata={"axes": "CYX"}), Reading(channel=1),
    ),
    "page of ImageJ": (
        lambda: tiff(np.stack([255 - GREY, 255 - GREY, GREY]), imagej=True, metadata={"axes": "ZYX"}), Reading(page=2),
    ),
    "page and channel of OME": (
        lambda: tiff(np.stack([np.stack([255 - GREY, 0 * GREY]), np.stack([0 * GREY, GREY])]), ome=True,
                     metadata={"axes": "ZCYX"}), Reading(page=1, channel=1),
    ),
    "colour": (lambda: tiff(np.dstack([0 * GREY, GREY, 0 * GREY]), photometric="rgb"), Reading(channel=1)),
    "page of one of many files of OME": (of_many_files, Reading(page=1)),
    "page beside a thumbnail": (stack_with_thumbnail, Reading(page=1)),
    "page of a palette": (
        lambda: tiff(np.stack([GREY, 255 - GREY]), photometric="palette", colormap=PALETTE), Reading(page=1),
    ),
    "page of floats": (
        lambda: tiff(np.stack([255 - GREY, GREY]).astype(np.float32), photometric="minisblack"),
        Reading((0, 256), page=1),
    ),
    "page of MINISWHITE": (lambda: tiff(np.stack([GREY, 255 - GREY]), photometric="miniswhite"), Reading(page=1)),
    "sample of five": (
        lambda: tiff(np.dstack([RGB, 255 - GREY, GREY]), photometric="minisblack", planarconfig="contig"),
        Reading(channel=4),
    ),
    "page of many behind one": (lambda: tiff(np.stack([0 * GREY, GREY]), imagej=True), Reading(page=1)),
}  # fmt: skip


@pytest.mark.parametrize("form", STACKS)
def test_one_plane_of_several_is_the_one_that_is_named(form: str) -> None:
    make, reading = STACKS[form]
    name, data = make()
    assert pixels.form_of(name, data, reading)[:2] == (80, 60)
    assert (pixels.grey(name, data, reading) == GREY).all()
    with pytest.raises(ValueError, match=r"there is no (page|channel) 9"):
        pixels.grey(name, data, Reading(page=9) if reading.channel is None else Reading(channel=9))

"""What a frame may be, and how it becomes grey: one plane of numbers, in whatever file microscopes write it."""

import io
import re
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC

from morphseq_manifest.cohort.manifests.images_manifest import AS_IT_IS, Reading
from stages.files import depth
from stages.files.tiff_planes import chosen_plane, only_plane, series_of
from stages.imaging.arrays import Grey

# More than Pillow decodes: a few bytes can claim a terabyte.
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)
_FORMATS = ("PNG", "JPEG", "BMP")
_TURNED = 274  # the EXIF tag of how a camera was held
_KINDS = {
    "1": "bool", "L": "uint8", "LA": "uint8", "P": "uint8", "PA": "uint8", "RGB": "uint8", "RGBA": "uint8",
    "CMYK": "uint8", "YCbCr": "uint8", "I;16": "uint16", "I;16B": "uint16", "I": "int32",
}  # fmt: skip
_PHOTOMETRIC = {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR}
_MAX_SAMPLE_VALUE = 281
_OME_BITS = re.compile(r'SignificantBits="(\d{1,2})"')
_EXPORT = "Export it as one plane of 8 bits"


class Form(NamedTuple):
    """What a frame's header says: width and height in px, what a pixel's colour is (numpy's name of the dtype).

    `bits` are the significant ones of more than 8, if the file says so.
    """

    width: int
    height: int
    dtype: str
    bits: int | None = None


def form_of(name: str, data: bytes, reading: Reading = AS_IT_IS) -> Form:
    """What the frame in file `name` is, undecoded. Raises ValueError saying why it can't be used.

    Raises whatever decoders come across in bytes that are no whole image.
    """
    if is_tiff(name):
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            return _form_of_tiff(tif, reading)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return _form_of_image(image, data, reading)


def numbers(name: str, data: bytes, reading: Reading = AS_IT_IS) -> NDArray[np.generic]:
    """The frame's pixels as they are in its file, (H, W) or (H, W, 3), the brighter the higher. Raises as form_of."""
    if is_tiff(name):
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            _form_of_tiff(tif, reading)
            return _decoded(only_plane(tif)) if _is_single(reading) else _chosen(tif, reading)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _form_of_image(image, data, reading)
        return np.asarray(image.convert("RGB") if image.mode in {"P", "PA", "RGBA", "LA", "CMYK"} else image)


def grey(name: str, data: bytes, reading: Reading = AS_IT_IS) -> Grey:
    """The frame as uint8 (H, W), read as the plate's manifest says: colours become luminance, dark field is turned.

    Raises as form_of and depth.to_levels do.
    """
    levels = depth.luminance(depth.to_levels(numbers(name, data, reading), reading.range))
    return np.invert(levels) if reading.dark_field else levels


def is_tiff(name: str) -> bool:
    """Whether a file's name is that of a TIFF."""
    return name.lower().endswith((".tif", ".tiff"))


def check_size(width: int, height: int) -> None:
    """Raise ValueError if an image claims more pixels than are decoded."""
    if width * height > MOST_PIXELS:
        raise ValueError(f"it claims {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are decoded")


def _is_single(reading: Reading) -> bool:
    return reading.page is None and reading.channel is None


def _form_of_image(image: Image.Image, data: bytes, reading: Reading) -> Form:
    check_size(*image.size)
    kind = _KINDS.get(image.mode)
    if kind is None:
        raise ValueError(f"its pixels are of kind {image.mode}, not whole numbers of 8 or 16 bits. {_EXPORT}")
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"it holds {getattr(image, 'n_frames', 1)} pictures. {_EXPORT}")
    if not _is_single(reading):
        raise ValueError("only a TIFF has a `page` or `channel`. Leave them out of the experiment's settings")
    # Of a PNG without EXIF before its pixels, Pillow would decode them all to look for one behind them.
    turned = image.getexif().get(_TURNED, 1) if image.format != "PNG" or "exif" in image.info else 1
    if turned != 1:
        raise ValueError(f"its EXIF says that it is to be turned (orientation {turned}). Export it as it is to be seen")
    if image.format == "PNG" and data[24] == 16 and kind == "uint8":  # Pillow would keep the upper half of each colour
        raise ValueError(f"its colours have 16 bits each. {_EXPORT}, or as grey")
    return Form(*image.size, kind, _bits_of_png(data) if depth.is_deep(kind) and image.format == "PNG" else None)


def _bits_of_png(data: bytes) -> int | None:
    """The significant bits that a grey PNG names in its chunk sBIT, which stands before the pixels."""
    start = 8
    while (kind := data[start + 4 : start + 8]) not in {b"", b"IDAT"}:
        if kind == b"sBIT":
            return data[start + 8]
        start += 12 + int.from_bytes(data[start : start + 4], "big")
    return None


def _form_of_tiff(tif: tifffile.TiffFile, reading: Reading) -> Form:
    if _is_single(reading):
        page = only_plane(tif)
        width, height = page.imagewidth, page.imagelength
    else:
        series, page = series_of(tif), tif.pages.first
        width, height = (series.shape[series.axes.index(axis)] for axis in "XY")
        check_size(series.size, 1)
    check_size(width, height)
    if page.photometric not in _PHOTOMETRIC:
        raise ValueError(f"its colours are of kind {PHOTOMETRIC(page.photometric).name}. {_EXPORT}")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise ValueError(f"its pixels are {page.dtype}, not real numbers. {_EXPORT}")
    return Form(width, height, page.dtype.name, _bits_of_tiff(tif, page) if page.dtype.kind in "iu" else None)


def _bits_of_tiff(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> int | None:
    """The significant bits of a TIFF of more than 8: by OME, by what is packed, or by the largest value it names."""
    size = page.dtype.itemsize * 8 if page.dtype is not None else 8
    if size == 8:
        return None
    if said := _OME_BITS.search(tif.ome_metadata or ""):
        return int(said[1])
    if page.bitspersample != size:
        return int(page.bitspersample)
    tag: Any = page.tags.get(_MAX_SAMPLE_VALUE)
    largest = tag.value[0] if tag is not None and isinstance(tag.value, tuple) else getattr(tag, "value", None)
    return largest.bit_length() if isinstance(largest, int) and 0 < largest < 2**size - 1 else None


def _chosen(tif: tifffile.TiffFile, reading: Reading) -> NDArray[np.generic]:
    plane = chosen_plane(tif, reading)
    inverted: NDArray[np.generic] = np.invert(plane)
    return inverted if tif.pages.first.photometric == PHOTOMETRIC.MINISWHITE else plane


def _decoded(page: tifffile.TiffPage) -> NDArray[np.generic]:
    """The pixels of a page, (H, W) or (H, W, colours), the brighter the higher."""
    image: NDArray[np.generic] = page.asarray()
    if page.axes.startswith("S"):  # a plane a colour
        image = np.moveaxis(image, 0, -1)
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours: NDArray[np.generic] = (page.colormap.T[image] >> 8).astype(np.uint8)
        return colours
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        if image.dtype.kind == "f":
            raise ValueError(f"its pixels are {image.dtype}, the lower the brighter. {_EXPORT}")
        inverted: NDArray[np.generic] = np.invert(image)
        return inverted
    return image[..., 0] if image.ndim == 3 and image.shape[-1] < 3 else image  # grey with an alpha beside it

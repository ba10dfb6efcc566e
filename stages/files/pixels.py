"""What a frame may be, and how it becomes grey: one plane of whole numbers, in whatever file microscopes write it."""

import io
from itertools import islice
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC

from stages.files.tiff_pages import pages_of
from stages.imaging.arrays import Grey

# More than Pillow decodes: a few bytes can claim a terabyte.
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)
_FORMATS = ("PNG", "JPEG", "BMP")
_TURNED = 274  # the EXIF tag of how a camera was held
_COLOURS = {"1": 1, "L": 8, "LA": 8, "P": 8, "PA": 8, "RGB": 8, "RGBA": 8, "CMYK": 8, "YCbCr": 8, "I;16": 16}
_PHOTOMETRIC = {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR}
_EXPORT = "Export it as one plane of 8 bits"


class Form(NamedTuple):
    """What a frame's header says: its width and height in px, and the bits of a pixel's colour: 1, 8 or 16."""

    width: int
    height: int
    bits: int


def form_of(name: str, data: bytes) -> Form:
    """What the frame in file `name` is, undecoded. Raises ValueError saying why it can't be used.

    Raises whatever decoders come across in bytes that are no whole image.
    """
    if is_tiff(name):
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            return _form_of_page(_plane(tif))
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return _form_of_image(image)


def grey(name: str, data: bytes) -> Grey:
    """The frame as uint8 (H, W): 16 bits keep their upper 8, colours become luminance. Raises as form_of."""
    if is_tiff(name):
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            return to_grey(_decoded(_plane(tif)))
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _form_of_image(image)
        return to_grey(np.asarray(image.convert("RGB") if image.mode in {"P", "PA", "RGBA", "LA", "CMYK"} else image))


def brightest(name: str, data: bytes) -> int:
    """The largest number in a frame of 16 bits. Raises as form_of."""
    if is_tiff(name):
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            return int(_decoded(_plane(tif)).max())
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return int(np.asarray(image).max())


def is_tiff(name: str) -> bool:
    """Whether a file's name is that of a TIFF."""
    return name.lower().endswith((".tif", ".tiff"))


def to_grey(image: NDArray[np.generic]) -> Grey:
    """(H, W) or (H, W, 3), bool, uint8 or uint16, to grey uint8 (H, W); luminance by ITU-R 601."""
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    if image.dtype.kind in "iu" and image.dtype.itemsize > 1:
        image = np.clip(image, 0, 65535).astype(np.uint16) >> np.uint16(8)
    if image.ndim == 3:
        image = np.rint(image[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    if image.ndim != 2:
        raise ValueError(f"an array of shape {image.shape} is not a grey or RGB image")
    return np.ascontiguousarray(image, dtype=np.uint8)


def check_size(width: int, height: int) -> None:
    """Raise ValueError if an image claims more pixels than are decoded."""
    if width * height > MOST_PIXELS:
        raise ValueError(f"it claims {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are decoded")


def _form_of_image(image: Image.Image) -> Form:
    check_size(*image.size)
    bits = _COLOURS.get(image.mode)
    if bits is None:
        raise ValueError(f"its pixels are of kind {image.mode}, not whole numbers of 8 or 16 bits. {_EXPORT}")
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"it holds {getattr(image, 'n_frames', 1)} pictures. {_EXPORT}")
    # Of a PNG without EXIF before its pixels, Pillow would decode them all to look for one behind them.
    turned = image.getexif().get(_TURNED, 1) if image.format != "PNG" or "exif" in image.info else 1
    if turned != 1:
        raise ValueError(f"its EXIF says that it is to be turned (orientation {turned}). Export it as it is to be seen")
    return Form(*image.size, bits)


def _plane(tif: tifffile.TiffFile) -> tifffile.TiffPage:
    """The only plane of a TIFF; smaller versions of it do not count. Raises ValueError if there are several."""
    page = tif.pages.first
    whole = islice((one for one in pages_of(tif) if not one.is_reduced), 2)
    deep = any(size > 1 for axis, size in zip(page.axes, page.shape, strict=True) if axis not in "YXS")
    # ImageJ may write many planes behind one page.
    if deep or len(list(whole)) > 1 or (tif.imagej_metadata or {}).get("images", 1) > 1:
        raise ValueError(f"it holds several planes. {_EXPORT}")
    return page


def _form_of_page(page: tifffile.TiffPage) -> Form:
    check_size(page.imagewidth, page.imagelength)
    if page.photometric not in _PHOTOMETRIC:
        raise ValueError(f"its colours are of kind {PHOTOMETRIC(page.photometric).name}. {_EXPORT}")
    if page.dtype not in {np.dtype(np.bool_), np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ValueError(f"its pixels are {page.dtype}, not whole numbers of 8 or 16 bits. {_EXPORT}")
    return Form(page.imagewidth, page.imagelength, page.dtype.itemsize * 8)


def _decoded(page: tifffile.TiffPage) -> NDArray[np.generic]:
    """The pixels of a page, (H, W) or (H, W, colours), the brighter the higher. Raises ValueError as form_of does."""
    _form_of_page(page)
    image: NDArray[np.generic] = page.asarray()
    if page.axes.startswith("S"):  # a plane a colour
        image = np.moveaxis(image, 0, -1)
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours: NDArray[np.generic] = (page.colormap.T[image] >> 8).astype(np.uint8)
        return colours
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        inverted: NDArray[np.generic] = np.invert(image)
        return inverted
    return image[..., 0] if image.ndim == 3 and image.shape[-1] < 3 else image  # grey with an alpha beside it

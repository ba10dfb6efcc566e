"""A frame in a TIFF: which numbers it holds, in all the ways in which microscopes and Fiji write them."""

import re
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from morphseq_manifest.cohort.manifests.images_manifest import Reading
from stages.files.frame_form import EXPORT, Form, Numbers, check_size, check_upright
from stages.files.tiff_planes import chosen_plane, only_plane, series_of

_ORIENTATION, _MAX_SAMPLE_VALUE = 274, 281
_OME_BITS = re.compile(r'SignificantBits="(\d{1,2})"')
# How many numbers a colour has.
_COLOURS: dict[int, int] = {
    PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.MINISWHITE: 1, PHOTOMETRIC.PALETTE: 1, PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
}  # fmt: skip
_ALPHA = {1, 2}  # of the tag ExtraSamples
# How ImageJ has signed numbers of 16 bits: as unsigned ones, and this calibration.
_SIGNED = {"cf": 0, "c0": -32768, "c1": 1}


def form_of(tif: tifffile.TiffFile, reading: Reading) -> Form:
    """What the frame is, undecoded. Raises ValueError saying why it can't be used."""
    if reading.names_plane:
        series = series_of(tif)
        page = series.keyframe
        width, height = (series.shape[series.axes.index(axis)] for axis in "XY")
        check_size(series.size, 1)
    else:
        page = only_plane(tif)
        width, height = page.imagewidth, page.imagelength
    check_size(width, height)
    if page.photometric not in _COLOURS:
        raise ValueError(f"its colours are of kind {PHOTOMETRIC(page.photometric).name}. {EXPORT}")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise ValueError(f"its pixels are {page.dtype}, not real numbers. {EXPORT}")
    check_upright(page.tags.valueof(_ORIENTATION, 1))
    if not reading.names_plane:
        _check_samples(page)
    if _is_signed(tif):
        return Form(width, height, "int16")
    return Form(width, height, page.dtype.name, _bits(tif, page) if page.dtype.kind in "iu" else None)


def numbers(tif: tifffile.TiffFile, reading: Reading) -> Numbers:
    """The numbers of the frame. Raises as form_of does."""
    form_of(tif, reading)
    if reading.names_plane:
        return _meant(tif, series_of(tif).keyframe, chosen_plane(tif, reading))
    page = only_plane(tif)
    image: NDArray[np.generic] = page.asarray()
    if page.axes.startswith("S"):  # a plane a colour
        image = np.moveaxis(image, 0, -1)
    if image.ndim == 3:  # without an alpha
        image = image[..., :3] if _COLOURS[page.photometric] == 3 else image[..., 0]
    return _meant(tif, page, image)


def _meant(tif: tifffile.TiffFile, page: Any, image: NDArray[np.generic]) -> Numbers:
    """What the stored numbers of a page stand for."""
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        return Numbers((page.colormap.T[image] >> 8).astype(np.uint8))
    if _is_signed(tif):
        image = (image.astype(np.int32) - 32768).astype(np.int16)
    elif image.dtype == np.uint8 and page.bitspersample < 8:  # white is 15 of 4 bits
        white = (1 << page.bitspersample) - 1
        image = ((image.astype(np.uint16) * 255 + white // 2) // white).astype(np.uint8)
    return Numbers(image, page.photometric == PHOTOMETRIC.MINISWHITE)


def _check_samples(page: tifffile.TiffPage) -> None:
    """Raise ValueError if pixels have more numbers than a colour, or a grey, and an alpha."""
    more = page.samplesperpixel - _COLOURS[page.photometric]
    alphas = sum(kind in _ALPHA for kind in page.extrasamples)
    untold = 1 if _COLOURS[page.photometric] == 3 else 0  # programs forget to say that it is an alpha
    if more > max(alphas, untold):
        raise ValueError(
            f"its pixels have {page.samplesperpixel} numbers each. Export one plane, or say which one with `channel` "
            "of the experiment"
        )


def _is_signed(tif: tifffile.TiffFile) -> bool:
    said = tif.imagej_metadata or {}
    return tif.pages.first.dtype == np.uint16 and {name: said.get(name) for name in _SIGNED} == _SIGNED


def _bits(tif: tifffile.TiffFile, page: Any) -> int | None:
    """The significant bits of a TIFF of more than 8: by OME, by what is packed, or by the largest value it names.

    As many as the numbers have room for say nothing: many programs write that of any camera.
    """
    size = page.dtype.itemsize * 8
    if size == 8:
        return None
    said = _OME_BITS.search(tif.pages.first.description)
    if said and 0 < int(said[1]) < size:
        return int(said[1])
    if page.bitspersample != size:
        return int(page.bitspersample)
    tag: Any = page.tags.get(_MAX_SAMPLE_VALUE)
    largest = tag.value[0] if tag is not None and isinstance(tag.value, tuple) else getattr(tag, "value", None)
    return largest.bit_length() if isinstance(largest, int) and 0 < largest < 2**size - 1 else None

"""What a frame may be, and how it becomes grey: one plane of numbers, in whatever file microscopes write it."""

import io

import numpy as np
from PIL import Image

from morphseq_manifest.cohort.manifests.images_manifest import AS_IT_IS, Reading
from stages.files import depth, tiff_pixels
from stages.files.frame_form import EXPORT, Form, Numbers, check_size, check_upright
from stages.files.tiff_planes import opened
from stages.imaging.arrays import Grey

_FORMATS = ("PNG", "JPEG", "BMP")
_TURNED = 274  # the EXIF tag of how a camera was held
_KINDS = {
    "1": "bool", "L": "uint8", "LA": "uint8", "P": "uint8", "PA": "uint8", "RGB": "uint8", "RGBA": "uint8",
    "CMYK": "uint8", "YCbCr": "uint8", "I;16": "uint16", "I;16B": "uint16", "I": "int32",
}  # fmt: skip


def form_of(name: str, data: bytes, reading: Reading = AS_IT_IS) -> Form:
    """What the frame in file `name` is, undecoded. Raises ValueError saying why it can't be used.

    Raises whatever decoders come across in bytes that are no whole image.
    """
    if is_tiff(name):
        with opened(data) as tif:
            return tiff_pixels.form_of(tif, reading)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return _form_of_image(image, data, reading)


def numbers(name: str, data: bytes, reading: Reading = AS_IT_IS) -> Numbers:
    """The frame's pixels as they are in its file. Raises as form_of."""
    if is_tiff(name):
        with opened(data) as tif:
            return tiff_pixels.numbers(tif, reading)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _form_of_image(image, data, reading)
        return Numbers(np.asarray(image.convert("RGB") if image.mode in {"P", "PA", "RGBA", "LA", "CMYK"} else image))


def grey(name: str, data: bytes, reading: Reading = AS_IT_IS) -> Grey:
    """The frame as uint8 (H, W), read as the plate's manifest says: colours become luminance, dark field is turned.

    Raises as form_of and depth.to_levels do.
    """
    found = numbers(name, data, reading)
    levels = depth.luminance(depth.to_levels(found.values, reading.range))
    return np.invert(levels) if reading.dark_field != found.is_negative else levels


def is_tiff(name: str) -> bool:
    """Whether a file's name is that of a TIFF."""
    return name.lower().endswith((".tif", ".tiff"))


def _form_of_image(image: Image.Image, data: bytes, reading: Reading) -> Form:
    check_size(*image.size)
    kind = _KINDS.get(image.mode)
    if kind is None:
        raise ValueError(f"its pixels are of kind {image.mode}, not whole numbers of 8 or 16 bits. {EXPORT}")
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"it holds {getattr(image, 'n_frames', 1)} pictures. {EXPORT}")
    if reading.names_plane:
        raise ValueError("only a TIFF has a `page` or `channel`. Leave them out of the experiment's settings")
    # Of a PNG without EXIF before its pixels, Pillow would decode them all to look for one behind them.
    if image.format != "PNG" or "exif" in image.info:
        check_upright(image.getexif().get(_TURNED, 1))
    if image.format == "PNG" and data[24] == 16 and kind == "uint8":  # Pillow would keep the upper half of each colour
        raise ValueError(f"its colours have 16 bits each. {EXPORT}, or as grey")
    return Form(*image.size, kind, _bits_of_png(data) if depth.is_deep(kind) and image.format == "PNG" else None)


def _bits_of_png(data: bytes) -> int | None:
    """The significant bits that a grey PNG names in its chunk sBIT, which stands before the pixels."""
    start = 8
    while (kind := data[start + 4 : start + 8]) not in {b"", b"IDAT"}:
        if kind == b"sBIT":
            return data[start + 8]
        start += 12 + int.from_bytes(data[start : start + 4], "big")
    return None

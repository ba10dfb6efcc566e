"""Frames: read from the listed files as grey arrays."""

import io
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.reading import read_small
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.imaging.arrays import Grey

MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)


def read_frame(folder: Path, frame: Frame) -> Grey:
    """Read one listed frame as grey, uint8 (H, W), after checking that its bytes are the listed ones.

    Raises UnreadableError if it is gone or not an image, ContentError if its content has changed.
    """
    path = folder / frame.path
    try:
        data = read_small(path)
    except OSError as error:
        raise UnreadableError(
            f"{path}: listed frame can't be read ({error.strerror}). Restore it, or run `dvc repro images`"
        ) from error
    digest = hash_bytes(data)
    if digest != frame.xxh3_128:
        raise ContentError(
            f"{path}: content has changed since it was listed: expected xxh3_128 {frame.xxh3_128}, {frame.size} bytes, "
            f"found {digest}, {len(data)} bytes. Run `dvc repro images` to list it again, or restore the file"
        )
    return decode(data, path)


def decode(data: bytes, path: Path) -> Grey:
    """Decode a PNG, JPG or TIFF to grey, uint8 (H, W); 16 bits keep their upper 8, colours become luminance.

    Raises UnreadableError naming `path` if the bytes are not a whole image.
    """
    try:
        if path.suffix.lower() in {".tif", ".tiff"}:
            with tifffile.TiffFile(io.BytesIO(data)) as tif:
                page = tif.pages.first
                check_size(page.imagewidth, page.imagelength)
                return to_grey(page.asarray())
        with Image.open(io.BytesIO(data)) as image:
            check_size(*image.size)
            return to_grey(np.asarray(image.convert("RGB") if image.mode in {"P", "RGBA", "LA", "CMYK"} else image))
    except Exception as error:
        raise UnreadableError(
            f"{path}: not a whole image ({error or type(error).__name__}). Export the frame again, or remove it"
        ) from error


def check_size(width: int, height: int) -> None:
    """Raise ValueError if an image claims more pixels than Pillow decodes: a few bytes can claim a terabyte."""
    if width * height > MOST_PIXELS:
        raise ValueError(f"it claims {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are decoded")


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

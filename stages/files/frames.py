"""Frames: from a listed file to a grey array, and to and from the form in which the QC networks see it."""

import io
import struct
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests.images_manifest import Frame

Grey = NDArray[np.uint8]
# Height and width of a QC network's input and output.
QC_SIZE = (576, 320)
_WHOLE = (slice(None), slice(None))


def read_frame(folder: Path, frame: Frame) -> Grey:
    """Read one listed frame as grey, uint8 (H, W), after checking that its bytes are the listed ones.

    Raises UnreadableError where it is gone or no image, ContentError where its content has changed.
    """
    path = folder / frame.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(
            f"{path}: listed frame can't be read ({error.strerror}). Restore it, or run `dvc repro images`"
        ) from error
    found = hash_bytes(data)
    if found != frame.xxh3_128:
        raise ContentError(
            f"{path}: content has changed since it was listed: expected xxh3_128 {frame.xxh3_128}, {frame.size} bytes, "
            f"found {found}, {len(data)} bytes. Run `dvc repro images` to list it again, or restore the file"
        )
    return decode(data, path)


def decode(data: bytes, path: Path) -> Grey:
    """Decode a PNG, JPG or TIFF to grey, uint8 (H, W); 16 bits keep their upper 8, colours become luminance.

    Raises UnreadableError naming `path` where the bytes are no whole image.
    """
    try:
        if path.suffix.lower() in {".tif", ".tiff"}:
            return to_grey(tifffile.imread(io.BytesIO(data), key=0))
        with Image.open(io.BytesIO(data)) as image:
            return to_grey(np.asarray(image.convert("RGB") if image.mode in {"P", "RGBA", "LA", "CMYK"} else image))
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        IndexError,
        struct.error,
        tifffile.TiffFileError,
    ) as error:
        raise UnreadableError(f"{path}: not a whole image ({error}). Export the frame again, or remove it") from error


def to_grey(image: NDArray[np.generic]) -> Grey:
    """(H, W) or (H, W, 3), bool, uint8 or uint16, to grey uint8 (H, W); luminance by ITU-R 601."""
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    if image.dtype.kind in "iu" and image.dtype.itemsize > 1:
        image = np.clip(image, 0, 65535).astype(np.uint16) >> np.uint16(8)
    if image.ndim == 3:
        image = np.rint(image[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    if image.ndim != 2:
        raise ValueError(f"an array of shape {image.shape} is no grey or RGB image")
    return np.ascontiguousarray(image, dtype=np.uint8)


def to_qc_input(grey: Grey) -> NDArray[np.float32]:
    """A frame as the QC networks take it: portrait (landscape is turned), 576 x 320, float32 in 0..1."""
    height, width = QC_SIZE
    portrait = np.rot90(grey) if grey.shape[1] > grey.shape[0] else grey
    resized = Image.fromarray(np.ascontiguousarray(portrait)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32) / np.float32(255)


def from_qc(image: NDArray[np.uint8], shape: tuple[int, ...], part: tuple[slice, slice] = _WHOLE) -> Grey:
    """What was made of a QC input (uint8, 576 x 320), laid back on its frame of `shape` (H, W): uint8, nearest pixel.

    With `part`, only that part of the frame: the rest is not made at all.
    """
    rows, columns = (np.arange(*side.indices(size)) for side, size in zip(part, shape, strict=True))
    if shape[1] > shape[0]:
        # A landscape frame was turned by a quarter: its last column is the network's first row.
        return image[np.ix_(_nearest(shape[1] - 1 - columns, shape[1], 0), _nearest(rows, shape[0], 1))].T
    return image[np.ix_(_nearest(rows, shape[0], 0), _nearest(columns, shape[1], 1))]


def _nearest(pixels: NDArray[np.intp], size: int, axis: int) -> NDArray[np.intp]:
    """Which pixel of a QC image's axis lies under the middle of each of these, of an axis of `size`; exact."""
    return (2 * pixels + 1) * QC_SIZE[axis] // (2 * size)

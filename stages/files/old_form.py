"""Label images and masks in the lab's older form: one PNG or JPG a frame, in a folder or in `masks` in it."""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files.frame_form import check_size

Pixels = NDArray[Any]
# In the lab's JPG masks the background is 127 and the foreground 255.
_JPG_FOREGROUND, _JPG_BACKGROUND = 191, 127
# Where the lab's SAM 2 run left its label images, in the experiment's folder.
MASKS = "masks"
_NAME = re.compile(r"(?:.*_)?([A-H]\d\d)(?:_ch\d+)?_t(\d+).*\.(png|jpe?g)", re.IGNORECASE)


def readers(folder: Path, name: str, mask: bool) -> dict[int, Callable[[], Pixels]]:
    """A reader of the pixels of each image of a well or embryo, by time_int in order; `mask`: they are masks."""
    return {time_int: partial(_read_image, path, mask) for time_int, path in images_of(folder, name).items()}


def old_key(file: str) -> tuple[str, int] | None:
    """(well, time_int) that the name of a file in the lab's older form says; None for any other name."""
    match = _NAME.fullmatch(file)
    return (match[1], int(match[2])) if match else None


def images_of(folder: Path, name: str) -> dict[int, Path]:
    """The lab's files of a well, one a frame, by frame number, in order. Raises ContentError if a frame has two."""
    by_frame: dict[int, Path] = {}
    for place in (folder, folder / MASKS):
        for file in sorted(os.listdir(place)) if place.is_dir() else ():  # noqa: PTH208 - as names
            key = old_key(file)
            if key is None or key[0] != name:
                continue
            if other := by_frame.get(key[1]):
                raise ContentError(f"{place / file}: {other} is of the same frame. Take one of them away")
            by_frame[key[1]] = place / file
    return dict(sorted(by_frame.items()))


def _read_image(path: Path, mask: bool) -> Pixels:
    """A label image, or a mask of 0 and one other value, in the lab's older form, as whole numbers (H, W)."""
    try:
        with Image.open(path) as image:
            check_size(*image.size)
            pixels = np.asarray(image)
    except Exception as error:
        raise UnreadableError(f"{path}: not a whole image ({error or type(error).__name__}). Copy it again") from error
    if pixels.ndim != 2 or pixels.dtype.kind not in "bui":
        raise ContentError(f"{path}: {pixels.dtype} of shape {pixels.shape}, expected one plane of whole numbers")
    pixels = pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
    is_exact = path.suffix.lower() == ".png"
    if mask:
        return _exact_mask(pixels, path) if is_exact else _lossy_mask(pixels)
    if not is_exact:
        raise ContentError(f"{path}: labels that a {path.suffix[1:].upper()} has blurred. Export them as PNG")
    return pixels


def _lossy_mask(pixels: Pixels) -> Pixels:
    return np.where(pixels >= _JPG_FOREGROUND, np.uint8(255), np.uint8(0))


def _exact_mask(pixels: Pixels, path: Path) -> Pixels:
    values = np.unique(pixels).tolist()
    if len(values) > 2 or (len(values) == 2 and values[0] != 0) or values == [_JPG_BACKGROUND]:
        found = ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
        raise ContentError(f"{path}: holds {found}; a mask holds 0 and one other value. Export it so")
    return pixels

"""What a frame's file says of it, and the numbers in it, whatever kind of file it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# More than Pillow decodes: a few bytes can claim a terabyte.
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)
EXPORT = "Export it as one plane of 8 bits"


class Form(NamedTuple):
    """What a frame's header says: width and height in px, what a pixel's colour is (numpy's name of the dtype).

    `bits` are the significant ones of more than 8, if the file says so.
    """

    width: int
    height: int
    dtype: str
    bits: int | None = None


class Numbers(NamedTuple):
    """The pixels of a frame as they are in its file, (H, W) or (H, W, 3); `is_negative`: the lower, the brighter."""

    values: NDArray[np.generic]
    is_negative: bool = False

    @property
    def brightness(self) -> NDArray[np.generic]:
        """The same, the brighter the higher."""
        return np.negative(self.values.astype(np.float64)) if self.is_negative else self.values


def check_size(width: int, height: int) -> None:
    """Raise ValueError if an image claims more pixels than are decoded."""
    if width * height > MOST_PIXELS:
        raise ValueError(f"it claims {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are decoded")


def check_upright(orientation: int) -> None:
    """Raise ValueError if a frame is to be turned (tag 274 of EXIF and TIFF): programs do not agree about that."""
    if 2 <= orientation <= 8:
        raise ValueError(f"it says that it is to be turned (orientation {orientation}). Export it as it is to be seen")

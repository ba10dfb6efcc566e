"""What an embryo's frames say one after the other: whether it has darkened, as dying embryos of a time lapse do."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def darkening(hours: Floats, brightness: Floats, window_h: float) -> Floats:
    """By how much of it an embryo lost brightness against its brightest earlier frame of the last `window_h` hours.

    Arrays in the order of time, brightness over the background's; NaN if there is no such frame, negative if it grew.
    """
    lost = np.full(len(hours), np.nan)
    for frame in range(1, len(hours)):
        earlier = brightness[:frame][hours[:frame] >= hours[frame] - window_h]
        if len(earlier) and not np.isnan(earlier).all():
            lost[frame] = 1 - brightness[frame] / np.nanmax(earlier)
    return lost


def darkened(lost: Floats, brightness: Floats, most: float) -> Floats:
    """1 from the frame on in which an embryo lost more than `most` of its brightness, 0 before, NaN if not known.

    It is 0 again if the embryo gets back half of what it lost: then something lay over it. `lost` is by darkening.
    """
    flags = np.where(np.isnan(lost), np.nan, 0.0)
    limit = None
    for frame, loss in enumerate(lost):
        if limit is not None and brightness[frame] > limit:
            limit = None
        if limit is None and loss > most:
            limit = brightness[frame] * (1 + loss / (1 - loss) / 2)
        if limit is not None:
            flags[frame] = 1.0
    return flags

"""How the numbers of a camera become 256 levels of grey: one range for a plate, never one for a frame."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.imaging.arrays import Grey

Range = tuple[float, float]
# What cameras have; the numbers of a plate are those of the smallest one that holds them all.
_CAMERAS = (8, 10, 12, 14, 16)
# Frames without a number above this part of what their files say they hold: what is said is hardly so.
_DARKEST = 16
_SHALLOW = ("bool", "uint8")


class Span(NamedTuple):
    """The numbers in a frame of more than 8 bits: its file, their kind (numpy's name), the least and the largest.

    `bits` are the significant ones, if the file says.
    """

    path: str
    dtype: str
    least: float
    largest: float
    bits: int | None


def is_deep(dtype: str) -> bool:
    """Whether such numbers need a range to become grey."""
    return dtype not in _SHALLOW


def range_of(spans: Iterable[Span], shallow: str | None, given: Range | None) -> Range | None:
    """The numbers that become black and white on a plate whose deep frames these are; None if it has none.

    The range `given` in params.yaml, else that of the smallest usual camera which holds all numbers, and as many bits
    as the files say. Raises ValueError if neither says, or what is given or said leaves a frame black or white.
    `shallow` is a frame of 8 bits, if there is one: beside it, nobody knows what a camera's numbers were made of.
    """
    frames = list(spans)
    if given is not None:
        return _checked(frames, given)
    if not frames:
        return None
    if shallow is not None:
        raise ValueError(f"{frames[0].path} has numbers of kind {frames[0].dtype}, but {shallow} only 8 bits")
    odd = next((one for one in frames if np.dtype(one.dtype).kind not in "iu" or one.least < 0), None)
    if odd is not None:
        raise ValueError(f"{odd.path} has numbers of kind {odd.dtype}, from {odd.least:g} to {odd.largest:g}")
    brightest = max(frames, key=lambda one: one.largest)
    needed = max(int(brightest.largest).bit_length(), *(one.bits or 0 for one in frames))
    bits = next((camera for camera in _CAMERAS if camera >= needed), None)
    if bits is None:
        raise ValueError(f"{brightest.path} has numbers up to {brightest.largest:,.0f}, more than 16 bits hold")
    if brightest.largest < 2**bits / _DARKEST:
        raise ValueError(f"numbers of {bits} bits, as the frames say, but none above {brightest.largest:,.0f}")
    return 0.0, float(2**bits - 1)


def _checked(frames: list[Span], given: Range) -> Range:
    low, high = given
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{low:g} to {high:g} is no range")
    if not frames:
        raise ValueError("its frames have 8 bits, and are taken as they are")
    outside = next((one for one in frames if one.largest <= low or one.least >= high), None)
    if outside is not None:
        raise ValueError(f"{outside.path} has numbers from {outside.least:g} to {outside.largest:g} only")
    return low, high


def to_levels(numbers: NDArray[np.generic], within: Range | None) -> NDArray[np.uint8]:
    """Numbers of any kind as levels of the same shape: those `within` spread over 0..255, others clipped.

    bool and uint8 stay as they are (True is 255). Raises ValueError for others without a range, and for what is not a
    number.
    """
    if numbers.dtype == np.bool_:
        return numbers.astype(np.uint8) * np.uint8(255)
    if numbers.dtype == np.uint8:
        return numbers.astype(np.uint8, copy=False)
    if within is None:
        raise ValueError(f"its pixels are {numbers.dtype}, and nothing says which are black and white")
    low, high = within
    if numbers.dtype == np.uint16:
        table = _levels(np.arange(65536, dtype=np.float64), low, high - low + 1)
        levels: NDArray[np.uint8] = table[numbers]
        return levels
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        raise ValueError("it has pixels that are not a number")
    return _levels(numbers.astype(np.float64), low, high - low + (numbers.dtype.kind != "f"))


def _levels(numbers: NDArray[np.float64], low: float, width: float) -> NDArray[np.uint8]:
    return np.clip(np.floor((numbers - low) * (256 / width)), 0, 255).astype(np.uint8)


def luminance(levels: NDArray[np.uint8]) -> Grey:
    """(H, W) as it is, (H, W, 3) as luminance by ITU-R 601. Raises ValueError for another shape."""
    grey: NDArray[np.generic] = levels
    if levels.ndim == 3:
        grey = np.rint(levels[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    if grey.ndim != 2:
        raise ValueError(f"an array of shape {levels.shape} is not a grey or RGB image")
    return np.ascontiguousarray(grey, dtype=np.uint8)

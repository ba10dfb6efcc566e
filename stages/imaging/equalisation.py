"""Contrast-limited adaptive histogram equalisation (CLAHE; Zuiderveld 1994), continuous in the grey levels.

scikit-image's spreads what it clips in whole counts, one after the other, and maps whole bins: a grey level's tenth
more in one place can then change others by thirty. Here what is clipped is spread evenly, and a level within a bin is
mapped between the bin's ends, so that nearly the same image gives nearly the same result.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# As scikit-image has them by default: tiles along each axis, bins from the darkest to the brightest level, and how
# many times the mean of the bins a bin may hold.
_TILES = 8
_BINS = 256
_LIMIT = 2.56

Image = NDArray[np.float32]


def equalise(image: Image) -> Image:
    """An image of any grey levels, float32 (H, W), equalised to 0..255; H and W are multiples of 8.

    An image of one level stays as it is.
    """
    darkest, brightest = float(image.min()), float(image.max())
    if not brightest > darkest:
        return image
    places = (image - np.float32(darkest)) * np.float32(_BINS / (brightest - darkest))
    bins = np.minimum(places.astype(np.intp), _BINS - 1)
    starts, counts = _mappings(bins)
    return np.float32(255) * _blend(bins, places - bins.astype(np.float32), starts.ravel(), counts.ravel())


def _mappings(bins: NDArray[np.intp]) -> tuple[Image, Image]:
    """For each tile and bin, the equalised level (0..1) at the bin's lower end, and by how much the bin raises it."""
    height, width = (size // _TILES for size in bins.shape)
    tiles = bins.reshape(_TILES, height, _TILES, width).swapaxes(1, 2).reshape(_TILES * _TILES, -1)
    offsets = np.arange(_TILES * _TILES)[:, None] * _BINS
    counted = np.bincount((tiles + offsets).ravel(), minlength=offsets.size * _BINS).reshape(-1, _BINS)
    limit = _LIMIT * tiles.shape[1] / _BINS
    clipped = np.minimum(counted, limit)
    clipped += (tiles.shape[1] - clipped.sum(axis=1, keepdims=True)) / _BINS
    shares = clipped / tiles.shape[1]
    return (np.cumsum(shares, axis=1) - shares).astype(np.float32), shares.astype(np.float32)


def _blend(bins: NDArray[np.intp], within: Image, starts: Image, counts: Image) -> Image:
    """Each pixel by the mappings of the four tiles whose middles are around it, the nearer the more."""
    blended = np.zeros(bins.shape, np.float32)
    for first_bin, share in _corners(bins.shape):
        index = first_bin + bins
        level = counts.take(index)
        level *= within
        level += starts.take(index)
        level *= share
        blended += level
    return blended


@lru_cache(maxsize=1)
def _corners(shape: tuple[int, int]) -> list[tuple[NDArray[np.intp], Image]]:
    """For each of the four tiles around a pixel: where its bins begin among those of all, and its share in it."""
    rows, columns = (_neighbours(size) for size in shape)
    return [
        ((tile_row[:, None] * _TILES + tile_column) * _BINS, row_share[:, None] * column_share)
        for tile_row, row_share in rows
        for tile_column, column_share in columns
    ]


def _neighbours(size: int) -> tuple[tuple[NDArray[np.intp], Image], tuple[NDArray[np.intp], Image]]:
    """Along an axis: for each pixel the tile before and the one after it, and the share that each has in it."""
    place = np.clip((np.arange(size) + 0.5) * _TILES / size - 0.5, 0, _TILES - 1)
    before = np.minimum(place.astype(np.intp), _TILES - 2)
    share = (place - before).astype(np.float32)
    return (before, 1 - share), (before + 1, share)

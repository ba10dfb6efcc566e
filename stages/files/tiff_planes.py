"""The planes of a TIFF: the only one there is, or the one that params.yaml names of several."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from morphseq_manifest.cohort.manifests.images_manifest import Reading

_EXPORT = "Export one plane, or say which one with `page` or `channel` of the experiment"


@contextmanager
def opened(data: bytes) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF that is these bytes alone: of an OME-TIFF in many files, the planes of this one are all it has."""
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        if not tif.is_ome or all(page is not None for series in tif.series for page in series.pages):
            yield tif
            return
    with tifffile.TiffFile(io.BytesIO(data), is_ome=False) as tif:
        yield tif


def pages_of(tif: tifffile.TiffFile) -> Iterator[Any]:
    """The pages in their order. Raises ValueError if they go in a circle, of which tifffile sees no end."""
    seen: set[int] = set()
    for page in tif.pages:
        if page.offset in seen:
            raise ValueError("its pages go in a circle")
        seen.add(page.offset)
        yield page


def only_plane(tif: tifffile.TiffFile) -> tifffile.TiffPage:
    """The only plane of a TIFF; smaller versions of it do not count. Raises ValueError if there are several."""
    pages = list(pages_of(tif))
    whole = [page for page in pages if not page.is_reduced] or pages[:1]
    page: tifffile.TiffPage = whole[0]
    deep = any(size > 1 for axis, size in zip(page.axes, page.shape, strict=True) if axis not in "YXS")
    # ImageJ, MetaMorph and others may write many planes behind one page.
    if deep or len(whole) > 1 or any(series.size > page.size for series in tif.series):
        raise ValueError(f"it holds several planes. {_EXPORT}")
    return page


def series_of(tif: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """All planes of a TIFF together. Raises ValueError if the pages go in a circle, or are of several sizes."""
    for _ in pages_of(tif):
        pass
    whole = [series for series in tif.series if not series.keyframe.is_reduced] or tif.series
    if len(whole) != 1:
        raise ValueError(f"it holds pictures of {len(whole)} kinds. Export one plane")
    return whole[0]


def chosen_plane(tif: tifffile.TiffFile, reading: Reading) -> NDArray[np.generic]:
    """The plane (H, W) that `reading` names: `page` counts planes from 0 on, `channel` the colours of each.

    Channels are an axis C (ImageJ, OME), else the samples of a pixel. Raises ValueError if there is no such plane, or
    if several are left.
    """
    series = series_of(tif)
    planes: NDArray[np.generic] = series.asarray()
    axes = series.axes
    colours = "C" if "C" in axes else "S" if "S" in axes else ""
    if reading.channel is not None:
        if not colours:
            raise ValueError(f"it has no channels (its axes are {axes}); leave out `channel`, or use `page`")
        planes, axes = _take(planes, axes, colours, reading.channel, "channel"), axes.replace(colours, "", 1)
    if "S" in axes:
        raise ValueError("its pixels have several colours. Say which with `channel`")
    planes = planes.reshape(-1, *planes.shape[-2:])
    if reading.page is None and len(planes) > 1:
        raise ValueError(f"it holds {len(planes)} planes. Say which with `page`")
    return _take(planes, "Q", "Q", reading.page or 0, "page")


def _take(planes: NDArray[np.generic], axes: str, axis: str, number: int, name: str) -> NDArray[np.generic]:
    count = planes.shape[axes.index(axis)]
    if number >= count:
        raise ValueError(f"there is no {name} {number}: they are 0 to {count - 1}")
    return np.asarray(np.take(planes, number, axes.index(axis)))

"""The pages of a TIFF, one after the other: each says where the next one is, which in a spoilt file may be itself."""

from collections.abc import Iterator
from typing import Any

import tifffile


def pages_of(tif: tifffile.TiffFile) -> Iterator[Any]:
    """The pages in their order. Raises ValueError if they go in a circle, of which tifffile sees no end."""
    seen: set[int] = set()
    for page in tif.pages:
        if page.offset in seen:
            raise ValueError("its pages go in a circle")
        seen.add(page.offset)
        yield page

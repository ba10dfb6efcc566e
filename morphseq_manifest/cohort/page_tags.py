"""Where a page of a stack says what it is of: its description, or a tag of its own if the description is ImageJ's."""

from typing import Any

# Of the first page, whose description ImageJ reads; one of the numbers that TIFF leaves to everybody.
TAG = 65001


def text(page: Any) -> str:
    """What a page (tifffile.TiffPage) says of itself, JSON; of a stranger's TIFF whatever stands there."""
    own = page.tags.get(TAG)
    said: str = own.value if own is not None else page.description
    return said

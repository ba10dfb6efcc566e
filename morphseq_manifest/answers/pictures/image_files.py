"""Pictures read from a project's files for people to look at: frames, label images, masks and snips.

The stages read them more strictly, for what they measure. Whatever these functions can't read, they say why.
"""

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.small_files import OPEN, check_regular
from morphseq_manifest.cohort import page_tags
from morphseq_manifest.cohort.manifests.images_manifest import Frame, Reading

Grey = NDArray[np.uint8]
Number = TypeVar("Number", bound=np.integer)
Labels = NDArray[np.integer]
OldFiles = dict[tuple[str, int], Path]  # by well and frame
# More than microscopes make; a few bytes can claim a terabyte.
_MOST_PIXELS = 1 << 27
_MOST_PAGES = 20_000
# In the lab's JPG masks the background is 127 and the foreground 255.
_JPG_FOREGROUND = 191
_OLD_FORM = re.compile(r"(?:.*_)?([A-H]\d\d)(?:_ch\d+)?_t(\d+).*\.(png|jpe?g)", re.IGNORECASE)
_FORMATS = ("PNG", "JPEG", "BMP")


class _Tag(msgspec.Struct):
    """What a page of a stack says of itself, as far as it is needed to find it."""

    time_int: int


def frame(folder: Path, listed: Frame, reading: Reading) -> Grey:
    """A listed frame as grey, uint8 (H, W), the brighter the higher, as `reading` says.

    Raises UnreadableError if it is gone or not an image, ContentError if its content is not the listed one.
    """
    path = inside(folder, listed.path)
    data = files.read_bytes(path, "Restore it")
    if hash_bytes(data) != listed.xxh3_128:
        raise ContentError(f"{path}: content has changed since it was listed. `dvc repro images` lists it again")
    from morphseq_manifest.cohort.frames import pixels

    try:
        return pixels.grey(path.name, data, reading)
    except Exception as error:
        raise UnreadableError(f"{path}: not shown ({error or type(error).__name__})") from error


def inside(folder: Path, name: str) -> Path:
    """The file of this name in a folder. Raises ContentError for a name that leads elsewhere."""
    if Path(name).name != name:
        raise ContentError(f"{folder}: {name!r} is not the name of a file in it. Restore what names it")
    return folder / name


def picture(folder: Path, name: str, time_int: int, older: OldFiles) -> Any:
    """What a folder has of a well or embryo `name` in a frame, integers (H, W); None if there is nothing.

    That is a page of its stack, or else one of the lab's `older` files of this folder. Raises as `page` does.
    """
    path = inside(folder, f"{name}.tif")
    if path.exists():
        return page(path, time_int)
    old = older.get((name, time_int))
    if old is None:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(files.read_bytes(old, "Copy it again")), formats=_FORMATS) as image:
            _check_size(image.width * image.height)
            pixels = np.asarray(image.convert("RGB") if image.mode in {"P", "PA", "RGBA", "LA", "CMYK"} else image)
    except Exception as error:
        raise UnreadableError(f"{old}: not shown ({error or type(error).__name__})") from error
    plane = pixels if pixels.ndim == 2 else pixels[..., 0]
    return plane if old.suffix.lower() == ".png" else (plane >= _JPG_FOREGROUND).astype(np.uint8)


def old_files(folder: Path) -> OldFiles:
    """The files in the lab's older form, one a frame, by well and frame; those in its folder `masks`, too."""
    found: OldFiles = {}
    for place in (folder, folder / "masks"):
        for name in sorted(os.listdir(place)) if place.is_dir() else ():  # noqa: PTH208
            if match := _OLD_FORM.fullmatch(name):
                found[match[1], int(match[2])] = place / name
    return found


def page(path: Path, time_int: int) -> NDArray[np.integer] | None:
    """The page of a stack that is of this frame, integers (H, W); None if there is none.

    Raises UnreadableError if the stack is gone or can't be read.
    """
    import tifffile

    try:
        # A stack of many pages is not read for one of them; a pipe in its place is not waited for.
        with _opened(path) as file, tifffile.TiffFile(file) as tif:
            pages: Iterable[Any] = islice(tif.pages, _MOST_PAGES)
            for one in pages:
                if msgspec.json.decode(page_tags.text(one), type=_Tag).time_int == time_int:
                    _check_size(one.imagewidth * one.imagelength)
                    pixels: NDArray[np.integer] = one.asarray()
                    return pixels
    except OSError as error:
        raise files.unreadable(path, error, "Run its stage again") from error
    except Exception as error:
        raise UnreadableError(f"{path}: not shown ({error or type(error).__name__})") from error
    return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with open(path, "rb", opener=lambda name, _: os.open(name, OPEN)) as file:
        check_regular(os.fstat(file.fileno()))
        yield file


def pages(path: Path) -> Iterator[tuple[int, Any]]:
    """The pages of a stack, one at a time: of which frame, and its pixels. Raises as `page` does."""
    import tifffile

    try:
        with _opened(path) as file, tifffile.TiffFile(file) as tif:
            found: Iterable[Any] = islice(tif.pages, _MOST_PAGES)
            for one in found:
                _check_size(one.imagewidth * one.imagelength)
                yield msgspec.json.decode(page_tags.text(one), type=_Tag).time_int, one.asarray()
    except OSError as error:
        raise files.unreadable(path, error, "Run its stage again") from error
    except Exception as error:
        raise UnreadableError(f"{path}: not shown ({error or type(error).__name__})") from error


def _check_size(pixels: int) -> None:
    if pixels > _MOST_PIXELS:
        raise ValueError(f"it claims {pixels:,} pixels")


def laid_back(mask: Grey, shape: tuple[int, ...]) -> Grey:
    """A QC network's mask on a frame of `shape`: it sees frames in portrait, those in landscape turned by a quarter."""
    return nearest(np.rot90(mask, -1) if shape[1] > shape[0] else mask, shape)


def nearest(image: NDArray[Number], shape: tuple[int, ...]) -> NDArray[Number]:
    """The image in another size, of nearest pixels."""
    rows, columns = (
        (2 * np.arange(size) + 1) * old // (2 * size) for size, old in zip(shape, image.shape, strict=True)
    )
    return image[np.ix_(rows, columns)]

"""Image stacks: one multi-page TIFF a well or embryo, a page a frame in time order, deflate-compressed.

Each page says which frame it is of, which content that frame had, and by which key the stack was made
(`{"time_int": 3, "frame": "<xxh3_128>", "key": "<xxh3_128>"}`), so that a stack found anywhere can be traced: in its
description, but the first page in a tag of its own (`page_tags`), since its description is ImageJ's. By that Fiji and
napari know the axes (TYX), what each page is of, and, if the scale is known, um. Stacks of earlier versions, which lack
it, and the lab's older form, one PNG or JPG a frame, there or in a folder `masks`, are read too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import tifffile
from numpy.typing import NDArray

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError, MorphseqError
from morphseq_manifest.base.hashing import hash_bytes, hash_file
from morphseq_manifest.cohort import page_tags
from morphseq_manifest.cohort.frames.tiff_planes import pages_of
from stages.files import old_form

Pixels = NDArray[Any]
Reader = Callable[[], Pixels]
# How many um a row is high and a column wide.
Scale = tuple[float, float]


class EmbryoTag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An embryo of a label image: its value, area in px, bounding box (top, left, bottom, right; ends not in it).

    Of parts that don't touch, `pieces` has the areas of the two largest, the second 0 if there is one only, and
    `largest` is the box of the largest. `confidence` (0..1) is the segmenter's. Brightness and sharpness are as
    stages.imaging.appearance measures them.
    """

    value: int
    area: int
    box: tuple[int, int, int, int]
    largest: tuple[int, int, int, int]
    pieces: tuple[int, int]
    confidence: float
    brightness: float | None = None
    sharpness: float | None = None


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a snip was cut: its scale in um per px, by how many degrees its top points clockwise from the frame's, and
    the share of the embryo that lies in it.
    """

    um_per_px: float
    angle: float
    inside: float


class PageTag(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a page says of itself: the frame's number, the hash of the frame's file, the key of all it is made from.

    A label image also says which embryos it shows, so that they need not be measured again, and whether it is a seed;
    a snip, how it was cut.
    """

    time_int: int
    frame: str
    key: str = ""
    embryos: tuple[EmbryoTag, ...] = ()
    is_seed: bool = False
    cut: Cut | None = None


# Made before there are threads, as morphseq_manifest.base.kinds says.
_read_tag = msgspec.json.Decoder(PageTag).decode


class Page(NamedTuple):
    """One page: its tag and its pixels."""

    tag: PageTag
    pixels: Pixels


@contextmanager
def writing(path: Path, times: Sequence[int], um_per_px: Scale | None) -> Iterator[Callable[[Page], None]]:
    """Open a stack of frames with these time_int for writing; yields what appends a page, uint8 or uint16 (H, W).

    `um_per_px` is that of rows and columns; None if it is not known. A page is called as the stack, with its time_int:
    of a snip that is its snip_id. Same pages, same bytes.
    """
    name = path.stem.removeprefix(files.TEMPORARY)
    labels = [f"{name}_t{time_int:04d}" for time_int in times]
    resolution = (1 / um_per_px[1], 1 / um_per_px[0]) if um_per_px else None
    numbers = count()
    with tifffile.TiffWriter(path, byteorder="<") as tif:

        def append(page: Page) -> None:
            said, tags = msgspec.json.encode(page.tag).decode(), list[Any]()
            if next(numbers) == 0:
                tags = [(page_tags.TAG, "s", 0, said, True), *tifffile.imagej_metadata_tag({"Labels": labels}, "<")]
                said = _of_imagej(page.pixels.shape, len(labels), um_per_px)
            tif.write(
                page.pixels,
                photometric="minisblack",
                compression="adobe_deflate",
                description=said,
                extratags=tags,
                metadata=None,
                software=False,
                contiguous=False,
                resolution=resolution,
                resolutionunit="NONE",
            )

        yield append


def _of_imagej(shape: tuple[int, ...], pages: int, um_per_px: Scale | None) -> str:
    """The description by which ImageJ knows the axes, and the unit of the resolution, if there is one."""
    said = tifffile.imagej_description((pages, 1, 1, *shape, 1), loop=False)
    return f"{said}\nunit=um\n" if um_per_px else f"{said}\n"


def write_stack(path: Path, pages: Sequence[Page], um_per_px: float | None = None) -> None:
    """Write a whole stack, whose pixels are square."""
    scale = None if um_per_px is None else (um_per_px, um_per_px)
    with writing(path, [page.tag.time_int for page in pages], scale) as append:
        for page in pages:
            append(page)


@contextmanager
def open_stack(folder: Path, name: str, *, mask: bool = False) -> Iterator[dict[int, Reader]]:
    """Open what `folder` has of the well or embryo `name`: a reader of its pixels for each time_int, in time order.

    Takes `{name}.tif`, or else the lab's older form, one PNG or JPG a frame; `mask` says that the pixels are a mask
    (JPGs: 127/255). Empty if there is neither. Raises UnreadableError or ContentError naming the file.
    """
    path = folder / f"{name}.tif"
    if not path.exists():
        yield old_form.readers(folder, name, mask)
        return
    with _explaining(path):
        tif = tifffile.TiffFile(path)
    with tif:
        with _explaining(path):
            readers = {_tag(page).time_int: partial(_read_page, path, page) for page in pages_of(tif)}
        yield dict(sorted(readers.items()))


def read_stack(path: Path) -> Iterator[Page]:
    """The pages of one stack, one at a time, with their tags. Raises UnreadableError or ContentError naming it."""
    with _explaining(path):
        tif = tifffile.TiffFile(path)
    with tif:
        with _explaining(path):
            pages = [(_tag(page), page) for page in pages_of(tif)]
        for tag, page in pages:
            yield Page(tag, _read_page(path, page))


def read_tags(path: Path) -> list[tuple[PageTag, tuple[int, ...]]]:
    """What the pages of a stack say of themselves, and their shapes, without decoding any. Raises as read_stack."""
    with _explaining(path), tifffile.TiffFile(path) as tif:
        return [(_tag(page), page.shape) for page in pages_of(tif)]


def read_key(path: Path) -> str | None:
    """The key of a stack, from its first page; None if there is none, or if it can't be read as a stack."""
    try:
        with _explaining(path), tifffile.TiffFile(path) as tif:
            return _tag(tif.pages[0]).key or None
    except (MorphseqError, IndexError):
        return None


def content(folder: Path, name: str) -> str:
    """One hash of what `folder` has of the well or embryo `name`, in either form; of nothing it is always the same.

    Raises UnreadableError naming what can't be read.
    """
    path = folder / f"{name}.tif"
    if path.exists():
        return hash_file(path)
    return hash_bytes("".join(hash_file(file) for file in old_form.images_of(folder, name).values()).encode())


def _tag(page: Any) -> PageTag:
    return _read_tag(page_tags.text(page))


def _read_page(path: Path, page: Any) -> Pixels:
    with _explaining(path):
        pixels: Pixels = page.asarray()
    return pixels


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn what tifffile raises on a missing or damaged file into an error that names it."""
    try:
        yield
    except OSError as error:
        raise files.unreadable(path, error, "Run its stage again") from error
    except Exception as error:
        raise ContentError(
            f"{path}: not a stack of this pipeline, or damaged ({error}). Run its stage again"
        ) from error

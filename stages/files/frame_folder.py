"""A plate's folder of frames: which files in it are frames, whether they are whole, and what their headers say."""

import io
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import tifffile

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.progress import watching
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.frames import depth, pixels
from morphseq_manifest.cohort.frames.depth import Span
from morphseq_manifest.cohort.frames.form import Form, Numbers
from morphseq_manifest.cohort.frames.tiff_planes import pages_of
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Frame,
    ImagesManifest,
    Problem,
    Reading,
)
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from stages.files import layout, plates
from stages.imaging.polarity import is_dark_field

# Reading frames waits for storage more than for the processor.
_READERS = 8
_SHOWN = 10
# How files of a kind begin, and the endings of their names.
_MARKS = {
    b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF",
}  # fmt: skip
_SUFFIXES = {"PNG": ("png",), "JPEG": ("jpg", "jpeg"), "BMP": ("bmp",), "TIFF": ("tif", "tiff")}
# .dvcignore has these names, too, so that such a file reruns nothing.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "@eadir"}


def whole_image(name: str, data: bytes) -> str | None:
    """Why the bytes of file `name` can't be a whole image, by the format's own marks; None if they look whole.

    Decoding half a million frames here would take longer than hashing them: the stages that decode a frame anyway
    refuse one whose inside is damaged. Of JPEG no decoder can tell: it has no checksum, and shows what there is.
    """
    if not data:
        return "is empty"
    suffix = name.rsplit(".", 1)[-1].lower()
    inside = next((kind for mark, kind in _MARKS.items() if data.startswith(mark)), None)
    if inside and suffix not in _SUFFIXES[inside]:
        return f"is a {inside} image by its content. Give its name the ending .{_SUFFIXES[inside][0]}"
    if suffix == "png":
        whole = data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    elif suffix in {"jpg", "jpeg"}:
        whole = data.startswith(b"\xff\xd8") and data.rstrip(b"\0").endswith(b"\xff\xd9")
    elif suffix == "bmp":
        whole = data.startswith(b"BM") and int.from_bytes(data[2:6], "little") == len(data)
    else:
        whole = _whole_tiff(data)
    return None if whole else f"is not a whole {suffix.upper()} image ({len(data)} bytes)"


def _whole_tiff(data: bytes) -> bool:
    """Whether all strips and tiles of its pages are there: of one whose writer was ended, some have no place yet."""
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            parts = [
                (start, count)
                for page in pages_of(tif)
                for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)
            ]
    except Exception:  # noqa: BLE001 - of spoilt bytes, decoders raise whatever they come across
        return False
    return bool(parts) and all(start and count and start + count <= len(data) for start, count in parts)


def compare(frames: Iterable[Frame], rows: Iterable[tuple[str, int]], other_files: Iterable[str]) -> list[Problem]:
    """What does not fit: rows without a frame, frames without a row, files that are not frames."""
    by_key = {(frame.well, frame.time_int): frame.path for frame in frames}
    listed = set(rows)
    return [
        *(Problem(ROW_WITHOUT_FRAME, well, time_int, "") for well, time_int in listed - by_key.keys()),
        *(Problem(FRAME_WITHOUT_ROW, *key, by_key[key]) for key in by_key.keys() - listed),
        *(Problem(NOT_A_FRAME, "", -1, name) for name in other_files),
    ]


def is_left_behind(name: str) -> bool:
    """Whether a file is what Windows, macOS or a file server leave in folders: no content, and no frame."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def find_frames(folder: Path) -> tuple[dict[tuple[str, int], str], list[str]]:
    """The files of a folder of frames: names by (well, time_int), and the names that are not a frame's.

    Raises UnreadableError if there is no folder or no frame in it, ContentError if two files are of one frame.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{folder}: no such folder of frames. Copy it there, or correct the id in {PARAMS}")
    names: dict[tuple[str, int], str] = {}
    others = []
    for name in sorted(path.name for path in folder.iterdir() if not is_left_behind(path.name)):
        if (shown := files.printable(name)) != name:
            raise ContentError(f"{folder}: the name {shown} is not in UTF-8, and DVC stops there. Rename it")
        key = frame_key(name)
        if key is None:
            others.append(name)
        elif key in names:
            raise ContentError(
                f"{folder}: two files for well {key[0]}, time_int {key[1]}: {names[key]} and {name}. Remove one of them"
            )
        else:
            names[key] = name
    if not names:
        found = f", found {others[0]}" if others else ""
        raise UnreadableError(f"{folder}: holds no frames; expected files like A01_t0000_stitch.png{found}")
    return names, others


class Listed(NamedTuple):
    """A frame, and what its header says of it.

    `span` has the numbers in it if it has more than 8 bits; `is_dark` is None if nobody asked for its polarity.
    """

    frame: Frame
    form: Form
    span: Span | None
    is_dark: bool | None


def read_frames(folder: Path, names: dict[tuple[str, int], str], said: Experiment) -> list[Listed]:
    """Hash the frames. Raises UnreadableError naming those that can't be read, are not whole, or can't be used.

    Of those that git LFS has not fetched the first is named alone: the others are as easily brought.

    Decoded are only those of more than 8 bits and, unless params.yaml has `said` which polarity the plate has, the
    first of each well.
    """
    plane = Reading(page=said.page, channel=said.channel)
    first = {well: (well, time_int) for well, time_int in sorted(names, reverse=True)}

    def list_frame(item: tuple[tuple[str, int], str]) -> Listed | str:
        (well, time_int), name = item
        try:
            data = files.fetched(read_small(folder / name), folder / name)
        except OSError as error:
            return f"{folder / name} can't be read ({error.strerror})"
        wrong = whole_image(name, data)
        if wrong:
            return f"{folder / name} {wrong}"
        try:
            form = pixels.form_of(name, data, plane)
            is_asked = said.polarity is None and first[well] == (well, time_int)
            is_decoded = is_asked or depth.is_deep(form.dtype)
            numbers = pixels.numbers(name, data, plane) if is_decoded else None
            span = None if numbers is None else span_of(name, numbers, form)
            is_dark = is_dark_field(numbers.brightness) if is_asked and numbers is not None else None
        except Exception as error:  # noqa: BLE001 - of spoilt bytes, decoders raise whatever they come across
            return f"{folder / name} can't be used: {error or type(error).__name__}"
        return Listed(Frame(well, time_int, name, len(data), hash_bytes(data)), form, span, is_dark)

    frames_or_faults: list[Listed | str] = []
    with ThreadPoolExecutor(_READERS) as pool, watching(f"images {folder.name}", len(names)) as advance:
        for listed in pool.map(list_frame, names.items()):
            frames_or_faults.append(listed)
            advance(1)
    wrong = [item for item in frames_or_faults if isinstance(item, str)]
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise UnreadableError("; ".join(wrong[:_SHOWN]) + more + ". Export these frames again, or remove them")
    return [item for item in frames_or_faults if not isinstance(item, str)]


def span_of(name: str, numbers: Numbers, form: Form) -> Span | None:
    """The numbers in a frame of more than 8 bits. Raises ValueError if one of them is not a number."""
    if not depth.is_deep(form.dtype):
        return None
    least, largest = float(numbers.values.min()), float(numbers.values.max())
    if not (math.isfinite(least) and math.isfinite(largest)):
        raise ValueError("it has pixels that are not a number")
    return Span(name, form.dtype, least, largest, form.bits)


def reading_of(listed: Iterable[Listed], said: Experiment, folder: Path) -> Reading:
    """How all frames of a plate become grey: as params.yaml has `said`, else as the frames say themselves.

    Raises ContentError if neither says what is black and white.
    """
    frames = list(listed)
    shallow = next((one.frame.path for one in frames if one.span is None), None)
    try:
        within = depth.range_of([one.span for one in frames if one.span is not None], shallow, said.pixel_range)
    except ValueError as error:
        raise ContentError(
            f"{folder}: what is black and white is not to be told: {error}. Correct `pixel_range: [black, white]` of "
            f"the experiment in {PARAMS}, or export the frames with 8 bits"
        ) from error
    votes = [one.is_dark for one in frames if one.is_dark is not None]
    is_dark = said.polarity == "dark" if said.polarity else 2 * sum(votes) > len(votes)
    return Reading(within, is_dark, said.page, said.channel)


def manifest_of(
    experiment: str, plate: pd.DataFrame, listed: list[Listed], others: Iterable[str], said: Experiment
) -> ImagesManifest:
    """The manifest of an experiment's frames, of the `plate` table, and of the `others` that lie among the frames.

    Raises ContentError as `reading_of`.
    """
    frames = [one.frame for one in listed]
    rows = list(zip(plate["well"], plate["time_int"], strict=True))
    problems = compare(frames, rows, others)
    reading = reading_of(listed, said, layout.FRAMES / experiment)
    summary = plates.summary(plate, layout.plate_table(experiment))
    return images_manifest.build(experiment, frames, problems, len(rows), reading, summary)

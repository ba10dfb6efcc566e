"""Stage `images`: lists an experiment's frames with their content hashes, and what does not fit its plate table."""

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import tifffile

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.progress import watching
from morphseq_manifest.base.reading import read_small
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Frame,
    ImagesManifest,
    Problem,
)
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, pixels, plates
from stages.files.pixels import Form

# Reading frames waits for storage more than for the processor.
_READERS = 8
_SHOWN = 10
_FOURTEEN_BITS = (1 << 14) - 1


def whole_image(name: str, data: bytes) -> str | None:
    """Why the bytes of file `name` can't be a whole image, by the format's own marks; None if they look whole.

    Decoding half a million frames here would take longer than hashing them: the stages that decode a frame anyway
    refuse one whose inside is damaged.
    """
    if not data:
        return "is empty"
    suffix = name.rsplit(".", 1)[-1].lower()
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
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            page = tif.pages.first
            ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    except Exception:  # noqa: BLE001 - of spoilt bytes, decoders raise whatever they come across
        return False
    return bool(ends) and max(ends) <= len(data)


def compare(frames: Iterable[Frame], rows: Iterable[tuple[str, int]], other_files: Iterable[str]) -> list[Problem]:
    """What does not fit: rows without a frame, frames without a row, files that are not frames."""
    by_key = {(frame.well, frame.time_int): frame.path for frame in frames}
    listed = set(rows)
    return [
        *(Problem(ROW_WITHOUT_FRAME, well, time_int, "") for well, time_int in listed - by_key.keys()),
        *(Problem(FRAME_WITHOUT_ROW, *key, by_key[key]) for key in by_key.keys() - listed),
        *(Problem(NOT_A_FRAME, "", -1, name) for name in other_files),
    ]


def find_frames(folder: Path) -> tuple[dict[tuple[str, int], str], list[str]]:
    """The files of a folder of frames: names by (well, time_int), and the names that are not a frame's.

    Raises UnreadableError if there is no folder or no frame in it, ContentError if two files are of one frame.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{folder}: no such folder of frames. Copy it there, or correct the id in {PARAMS}")
    names: dict[tuple[str, int], str] = {}
    others = []
    for name in sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
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
        raise UnreadableError(f"{folder}: holds no frames; expected files like A01_t0000_stitch.png")
    return names, others


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `images`: the share of rows of the plate table, and of frames, that may be without the other."""

    most_unfit: float


class Listed(NamedTuple):
    """A frame, what its header says of it, and the largest number in it if it has 16 bits."""

    frame: Frame
    form: Form
    brightest: int | None


def read_frames(folder: Path, names: dict[tuple[str, int], str]) -> list[Listed]:
    """Hash the frames. Raises UnreadableError naming those that can't be read, are not whole, or can't be used."""

    def list_frame(item: tuple[tuple[str, int], str]) -> Listed | str:
        (well, time_int), name = item
        try:
            data = read_small(folder / name)
        except OSError as error:
            return f"{folder / name} can't be read ({error.strerror})"
        wrong = whole_image(name, data)
        if wrong:
            return f"{folder / name} {wrong}"
        try:
            form = pixels.form_of(name, data)
            brightest = pixels.brightest(name, data) if form.bits > 8 else None
        except Exception as error:  # noqa: BLE001 - of spoilt bytes, decoders raise whatever they come across
            return f"{folder / name} can't be used: {error or type(error).__name__}"
        return Listed(Frame(well, time_int, name, len(data), hash_bytes(data)), form, brightest)

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


def check_depth(listed: Iterable[Listed], folder: Path) -> None:
    """Raise ContentError if all frames of 16 bits are of a camera of fewer: their upper 8 bits are nearly black."""
    deep = {one.frame.path: one.brightest for one in listed if one.brightest is not None}
    name = max(deep, key=lambda path: deep[path], default="")
    if deep and deep[name] <= _FOURTEEN_BITS:
        raise ContentError(
            f"{folder}: its frames have 16 bits, but no pixel above {deep[name]:,} of 65,535 ({name} has that one), as "
            "of a camera of 10, 12 or 14 bits. Export them with 8 bits, or stretched to all 16"
        )


def check_sizes(listed: Iterable[Listed], expected: plates.FrameSizes, folder: Path, table: Path) -> None:
    """Raise ContentError naming the frames that have another size than their plate table's row says."""
    wrong = []
    for frame, (width, height, _), _ in listed:
        row, *said = expected.get((frame.well, frame.time_int), (0, width, height))
        if [width, height] != said:
            told = " x ".join(f"{length:.0f}" for length in said)
            wrong.append(f"{frame.path} has {width} x {height} px, row {row} says {told}")
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise ContentError(
            f"{table}: not the frames of {folder}: {'; '.join(wrong[:_SHOWN])}{more}. Correct `Width (px)` and "
            "`Height (px)`, or export the frames as the table has them"
        )


def check_fit(manifest: ImagesManifest, most: float, folder: Path, table: Path) -> None:
    """Raise ContentError if more than a share of the rows, or of the frames, has no other: something is amiss then."""
    without = {
        kind: [problem for problem in manifest.problems if problem.kind == kind]
        for kind in (ROW_WITHOUT_FRAME, FRAME_WITHOUT_ROW, NOT_A_FRAME)
    }
    rows, frames, others = without.values()
    if len(rows) > most * manifest.counts.rows or len(frames) > most * manifest.counts.frames:
        examples = [f"{one.well} {one.time_int}" for one in rows[:1]] + [one.path for one in (*frames[:1], *others[:1])]
        raise ContentError(
            f"{folder} and {table} do not fit: {len(rows)} of {manifest.counts.rows} rows are without a frame, "
            f"{len(frames)} of {manifest.counts.frames} frames without a row, {len(others)} files are no frames "
            f"(as {', '.join(examples)}): more than images.most_unfit, {most:g}. Correct names or numbers, or raise it"
        )


def list_images(experiment: str) -> ImagesManifest:
    """The images manifest of an experiment, from its folder of frames and its plate table."""
    folder, table = layout.FRAMES / experiment, layout.plate_table(experiment)
    plate = plates.read_plate(table, experiment)
    names, others = find_frames(folder)
    listed = read_frames(folder, names)
    check_sizes(listed, plates.frame_sizes(plate, table), folder, table)
    check_depth(listed, folder)
    frames = [one.frame for one in listed]
    rows = list(zip(plate["well"], plate["time_int"], strict=True))
    return images_manifest.build(experiment, frames, compare(frames, rows, others), len(rows))


@click.command("images", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """List EXPERIMENT's frames with their hashes in manifests/images."""
    settings = params.read()
    settings.experiment(experiment)
    manifest = list_images(experiment)
    most = settings.block("images", Settings).most_unfit
    check_fit(manifest, most, layout.FRAMES / experiment, layout.plate_table(experiment))
    images_manifest.write(layout.images_manifest(experiment), manifest)
    counts = manifest.counts
    note(f"{experiment}: {counts.frames} frames in {counts.wells} wells, {len(manifest.problems)} that do not fit")


if __name__ == "__main__":
    main()

"""Frames: read from the listed files as grey arrays."""

from pathlib import Path

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.frames import pixels
from morphseq_manifest.cohort.manifests.images_manifest import AS_IT_IS, Frame, Reading
from stages.imaging.arrays import Grey


def read_frame(folder: Path, reading: Reading, frame: Frame) -> Grey:
    """Read one listed frame as grey, uint8 (H, W), after checking that its bytes are the listed ones.

    `reading` is how the plate's manifest says that its frames become grey.

    Raises UnreadableError if it is gone or not an image, ContentError if its content has changed.
    """
    path = folder / frame.path
    try:
        data = read_small(path)
    except OSError as error:
        raise UnreadableError(
            f"{path}: listed frame can't be read ({error.strerror}). Restore it, or run `dvc repro images`"
        ) from error
    digest = hash_bytes(data)
    if digest != frame.xxh3_128:
        raise ContentError(
            f"{path}: content has changed since it was listed: expected xxh3_128 {frame.xxh3_128}, {frame.size} bytes, "
            f"found {digest}, {len(data)} bytes. Run `dvc repro images` to list it again, or restore the file"
        )
    return decode(data, path, reading)


def decode(data: bytes, path: Path, reading: Reading = AS_IT_IS) -> Grey:
    """Decode a frame to grey, uint8 (H, W), as pixels.grey does.

    Raises UnreadableError naming `path` if the bytes are not a whole image, or one that can't be used.
    """
    try:
        return pixels.grey(path.name, data, reading)
    except Exception as error:
        raise UnreadableError(
            f"{path}: not a whole image ({error or type(error).__name__}). Export the frame again, or remove it"
        ) from error

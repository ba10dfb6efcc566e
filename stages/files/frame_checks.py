"""Whether frames are those of their plate table: of its sizes, and all that it lists."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.frames.form import Form
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Fit,
    Frame,
    ImagesManifest,
)
from stages.files import plates
from stages.imaging.share import Share

_SHOWN = 10


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `images`: the share of rows of the plate table, and of frames, that may be without the other."""

    most_unfit: Share


def check_sizes(listed: Iterable[tuple[Frame, Form]], expected: plates.FrameSizes, folder: Path, table: Path) -> None:
    """Raise ContentError naming the frames that have another size than their plate table's row says."""
    wrong = []
    for frame, form in listed:
        found = [form.width, form.height]
        row, *said = expected.get((frame.well, frame.time_int), (0, *found))
        if found != said:
            told = " x ".join(f"{length:.0f}" for length in said)
            wrong.append(f"{frame.path} has {form.width} x {form.height} px, row {row} says {told}")
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise ContentError(
            f"{table}: not the frames of {folder}: {'; '.join(wrong[:_SHOWN])}{more}. Correct `Width (px)` and "
            "`Height (px)`, or export the frames as the table has them"
        )


def check_fit(manifest: ImagesManifest | Fit, most: float, folder: Path, table: Path) -> None:
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

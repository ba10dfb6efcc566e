"""The funnel: how many rows and frames of an experiment come in, and how many are lost on the way to each table.

These counts stand in a cohort manifest, for each experiment; df02 and df03 have those of the table before them, too:

- `plate_rows` of the plate table; `row_without_frame`, `frame_without_row` and `not_a_frame` (a file): what of them and
  of the folder of frames does not fit, as the images manifest has it;
- `frame_without_embryo`: listed frames of which the sam2 table has no row; `sam2_rows`: its rows;
- `well_qc_flag`: rows that are left out since a well is flagged, so that the rest is df01;
- `usable` and `unusable` rows of df02; the usable ones are df03. For which reasons is counted beside the funnel.
"""

from collections import Counter

from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Fit,
    Frame,
    ImagesManifest,
)

PLATE_ROWS = "plate_rows"
FRAME_WITHOUT_EMBRYO = "frame_without_embryo"
SAM2_ROWS = "sam2_rows"
WELL_QC_FLAG = "well_qc_flag"
USABLE, UNUSABLE = "usable", "unusable"
# The counts of what is lost, step by step.
LOST = (ROW_WITHOUT_FRAME, FRAME_WITHOUT_ROW, NOT_A_FRAME, FRAME_WITHOUT_EMBRYO, WELL_QC_FLAG, UNUSABLE)
_ALL = {PLATE_ROWS, SAM2_ROWS, USABLE, *LOST}
# The counts that each table's manifest has.
STEPS = {"df01": _ALL - {USABLE, UNUSABLE}, "df02": _ALL, "df03": _ALL}
# The column of df02 and df03 with the reasons, joined by `|`.
REASONS = "qc_fail_reasons"


def of_frames(listed: ImagesManifest | Fit) -> dict[str, int]:
    """What an images manifest says of its plate table, and of what does not fit."""
    kinds = Counter(problem.kind for problem in listed.problems)
    unfit = {kind: kinds[kind] for kind in (ROW_WITHOUT_FRAME, FRAME_WITHOUT_ROW, NOT_A_FRAME)}
    return {PLATE_ROWS: listed.counts.rows, **unfit}


def of_embryos(sam2: bytes, frames: list[Frame], rows: int, name: str) -> dict[str, int]:
    """What a sam2 table (CSV) says of these frames and of the `rows` that became of it; `name` is for messages.

    Raises ContentError if it is not a table.
    """
    import numpy as np

    from morphseq_manifest.cohort.manifests.table_columns import read_columns
    from morphseq_manifest.cohort.row_keys import FRAME_KEY

    read = read_columns(sam2, FRAME_KEY, name)
    (wells, well_names), (times, time_texts) = (read.coded(column) for column in FRAME_KEY)
    numbers = [_number(text) for text in time_texts]
    pairs = np.unique(wells.astype(np.int64) * len(numbers) + times)
    seen = {(well_names[pair // len(numbers)], numbers[pair % len(numbers)]) for pair in pairs.tolist()}
    without = sum((frame.well, frame.time_int) not in seen for frame in frames)
    return {FRAME_WITHOUT_EMBRYO: without, SAM2_ROWS: len(wells), WELL_QC_FLAG: len(wells) - rows}


def _number(text: str | None) -> float | None:
    """A frame number, also as pandas writes it beside a blank; None for what is no number."""
    try:
        return float(text or "")
    except ValueError:
        return None

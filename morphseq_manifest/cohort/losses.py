"""What was lost of an experiment, in words: rows and frames that do not fit, and why a table has no row of it."""

from morphseq_manifest.cohort.manifests import funnel
from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Fit,
)

_SHOWN = 4


def lost(part: Contribution) -> str:
    """What was lost on the way to a table, step by step; empty if nothing was, or the manifest does not say."""
    return ", ".join(_phrases(part.funnel, part.frames, part.reasons))


def no_row(experiment: str, part: Contribution) -> str:
    """Why a table has no row of an experiment, of which `part` is its part."""
    if part.funnel.get(funnel.UNUSABLE):
        return f"no usable row of {experiment}: {_counts(part.reasons)}"
    return f"no row of {experiment}: {lost(part) or 'its manifest does not say why'}"


def unfit(experiment: str, listed: Fit) -> str | None:
    """What does not fit of an experiment's frames and its plate table, with an example of each; None if all does."""
    if not listed.problems:
        return None
    examples = {}
    for problem in listed.problems[::-1]:
        examples[problem.kind] = problem.path or f"{problem.well} {problem.time_int}"
    told = ", ".join(_phrases(funnel.of_frames(listed), listed.counts.frames, {}))
    return f"{experiment}: frames and plate table do not fit: {told} (as {', '.join(sorted(examples.values()))})"


def _phrases(counts: dict[str, int], frames: int, reasons: dict[str, int]) -> list[str]:
    """What was lost, a phrase a step, with how many of how many."""
    rows, usable, unusable = (counts.get(name, 0) for name in (funnel.PLATE_ROWS, funnel.USABLE, funnel.UNUSABLE))
    steps = {
        ROW_WITHOUT_FRAME: (rows, "plate rows without a frame"),
        FRAME_WITHOUT_ROW: (frames, "frames without a plate row"),
        NOT_A_FRAME: (frames + counts.get(NOT_A_FRAME, 0), "files without a frame's name"),
        funnel.FRAME_WITHOUT_EMBRYO: (frames, "frames without an embryo"),
        funnel.WELL_QC_FLAG: (counts.get(funnel.SAM2_ROWS, 0), "embryos in flagged wells"),
        funnel.UNUSABLE: (usable + unusable, f"rows not usable ({_counts(reasons)})"),
    }
    return [f"{counts[name]} of {of} {what}" for name, (of, what) in steps.items() if counts.get(name)]


def _counts(reasons: dict[str, int]) -> str:
    """The reasons with how many rows each, the most frequent first; of many, the first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    more = ", ..." if len(ordered) > _SHOWN else ""
    return ", ".join(f"{reason} {rows}" for reason, rows in ordered[:_SHOWN]) + more

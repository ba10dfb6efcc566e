"""What was lost of an experiment, in words: rows and frames that do not fit, and why a table has no row of it."""

from typing import NamedTuple

from morphseq_manifest.cohort.manifests import funnel
from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    Fit,
)

_SHOWN = 4
# By what a funnel calls it: the way in which something is lost, in a word and in a sentence.
_WAYS = {
    ROW_WITHOUT_FRAME: ("without frame", "without a frame"),
    FRAME_WITHOUT_ROW: ("without row", "without a plate row"),
    NOT_A_FRAME: ("misnamed", "without a frame's name"),
    funnel.FRAME_WITHOUT_EMBRYO: ("without embryo", "without an embryo"),
    funnel.WELL_QC_FLAG: ("in flagged wells", "in flagged wells"),
    funnel.UNUSABLE: ("not usable", "not usable"),
}
WAYS = tuple(way for way, _ in _WAYS.values())


class Loss(NamedTuple):
    """So many of so many things were lost, in which way, in a word and in a sentence, and for which reasons, if any."""

    lost: int
    of: int
    things: str
    way: str
    sentence: str
    reasons: str = ""

    @property
    def cell(self) -> str:
        """What stands in a table, under its `way`."""
        return f"{self.lost} of {self.of} {self.things}" + (f": {self.reasons}" if self.reasons else "")

    def __str__(self) -> str:
        reasons = f" ({self.reasons})" if self.reasons else ""
        return f"{self.lost} of {self.of} {self.things} {self.sentence}{reasons}"


def of_part(part: Contribution) -> list[Loss]:
    """What was lost on the way to a table, step by step; nothing if its manifest does not say."""
    return _losses(part.funnel, part.frames, part.reasons)


def no_row(experiment: str, part: Contribution) -> str:
    """Why a table has no row of an experiment, of which `part` is its part."""
    if part.funnel.get(funnel.UNUSABLE):
        return f"no usable row of {experiment}: {_counts(part.reasons)}"
    return f"no row of {experiment}: {', '.join(map(str, of_part(part))) or 'its manifest does not say why'}"


def unfit(experiment: str, listed: Fit) -> str | None:
    """What does not fit of an experiment's frames and its plate table, with an example of each; None if all does."""
    if not listed.problems:
        return None
    examples = {}
    for problem in listed.problems[::-1]:
        examples[problem.kind] = problem.path or f"{problem.well} {problem.time_int}"
    told = ", ".join(map(str, _losses(funnel.of_frames(listed), listed.counts.frames, {})))
    return f"{experiment}: frames and plate table do not fit: {told} (as {', '.join(sorted(examples.values()))})"


def _losses(counts: dict[str, int], frames: int, reasons: dict[str, int]) -> list[Loss]:
    """What is lost by these counts of a funnel, of an experiment with so many `frames`, in the order of the steps."""
    lost = {name: counts.get(name, 0) for name in funnel.LOST}
    rows, embryos = counts.get(funnel.PLATE_ROWS, 0), counts.get(funnel.SAM2_ROWS, 0)
    usable = counts.get(funnel.USABLE, 0)
    of = {
        ROW_WITHOUT_FRAME: (rows, "plate rows"),
        FRAME_WITHOUT_ROW: (frames, "frames"),
        NOT_A_FRAME: (frames + lost[NOT_A_FRAME], "files"),
        funnel.FRAME_WITHOUT_EMBRYO: (frames, "frames"),
        funnel.WELL_QC_FLAG: (embryos, "embryos"),
        funnel.UNUSABLE: (usable + lost[funnel.UNUSABLE], "rows"),
    }
    why = {funnel.UNUSABLE: _counts(reasons)}
    return [Loss(lost[name], *of[name], *_WAYS[name], why.get(name, "")) for name in funnel.LOST if lost[name]]


def _counts(reasons: dict[str, int]) -> str:
    """The reasons with how many rows each, the most frequent first; of many, the first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    more = ", ..." if len(ordered) > _SHOWN else ""
    return ", ".join(f"{reason} {rows}" for reason, rows in ordered[:_SHOWN]) + more

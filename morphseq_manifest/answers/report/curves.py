"""Area against stage: each row of df02 of an experiment, with the reference curves behind it."""

import csv
import io

import msgspec
import numpy as np

from morphseq_manifest.answers.report import drawing
from morphseq_manifest.answers.report.drawing import Axis, Floats
from morphseq_manifest.answers.report.rows import AREA, CHORION, STAGE, USABLE, Rows
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.snapshot import CohortSnapshot

WIDTH, HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 470, 12, 258
_REFERENCE = "sa_reference_curves.csv"
_CURVES = ("p5", "p50", "p95")
MM2 = 1e6


class Reference(msgspec.Struct, frozen=True):
    """The reference curves: stages in hpf, and the areas in um2 that 5, 50 and 95 % of the embryos stay below."""

    stages: list[float]
    areas: dict[str, list[float]]


class Points(msgspec.Struct, frozen=True):
    """Points of one kind: what they are, how they are drawn, their path, and how many there are."""

    what: str
    style: str
    path: str
    count: int


class Curves(msgspec.Struct, frozen=True):
    """The plot: both axes, the band of the reference and its median as paths, the points by kind.

    `drawn` of `known` rows are drawn; `unknown` ones have no area or no stage.
    """

    x: Axis
    y: Axis
    band: str
    median: str
    points: list[Points]
    drawn: int
    known: int
    unknown: int


def reference(snapshot: CohortSnapshot) -> Reference | None:
    """The reference that df02 reads; None if it reads none. Raises UnreadableError or ContentError naming the file."""
    stage = snapshot.graph.stages.get("df02")
    place = next((path for path in (stage.deps if stage else ()) if path.endswith(_REFERENCE)), None)
    if place is None:
        return None
    path = snapshot.root / place
    text = files.read_bytes(path, "Bring it back: `git checkout` or `dvc pull`").decode(errors="replace")
    try:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]
        return Reference([row["stage_hpf"] for row in rows], {name: [row[name] for row in rows] for name in _CURVES})
    except (KeyError, ValueError, TypeError) as error:
        raise ContentError(f"{path}: not a table of stage_hpf, p5, p50, p95 ({error}). Correct it") from error


def of_rows(rows: Rows, behind: Reference | None, most: int) -> Curves:
    """The plot of one experiment's rows, of which about `most` are drawn."""
    stages, areas = rows.numbers(STAGE), rows.numbers(AREA)
    known = np.isfinite(stages) & np.isfinite(areas)
    unusable = (rows.flags(USABLE) == 0) & known
    egg = (rows.flags(CHORION) == 1) & known & ~unusable
    kinds = (
        ("usable", "usable", known & ~unusable & ~egg),
        ("usable, in its chorion", "egg", egg),
        ("not usable", "unusable", unusable),
    )
    inside = _near(behind, stages[known])
    x = drawing.axis([*stages[known].tolist(), *(inside.stages if inside else ())], _LEFT, _RIGHT)
    curves = [area for curve in inside.areas.values() for area in curve] if inside else []
    y = drawing.axis([*areas[known].tolist(), *curves], _BOTTOM, _TOP, MM2)
    points, share = [], most / max(int(known.sum()), 1)
    drawn = 0
    for what, style, chosen in kinds:
        places = np.flatnonzero(chosen)
        kept = places[drawing.thinned(len(places), max(round(len(places) * share), 20))]
        path = drawing.crosses if style == "unusable" else drawing.dots
        drawn += len(kept)
        points.append(Points(what, style, path(x.at(stages[kept]), y.at(areas[kept])), len(places)))
    band, median = _behind(inside, x, y)
    return Curves(
        x, y, band, median, [one for one in points if one.count], drawn, int(known.sum()), int((~known).sum())
    )


def _near(behind: Reference | None, stages: Floats) -> Reference | None:
    """The part of the reference at the stages that there are; all of it if there are none."""
    if behind is None or not len(behind.stages):
        return None
    least, most = (float(stages.min()), float(stages.max())) if len(stages) else (-np.inf, np.inf)
    margin = max((most - least) * 0.1, 2.0)
    at = np.asarray(behind.stages)
    chosen = np.flatnonzero((at >= least - margin) & (at <= most + margin))
    if len(chosen) < 2:
        return None
    return Reference(
        at[chosen].tolist(), {name: np.asarray(curve)[chosen].tolist() for name, curve in behind.areas.items()}
    )


def _behind(inside: Reference | None, x: Axis, y: Axis) -> tuple[str, str]:
    if inside is None:
        return "", ""
    at = x.at(np.asarray(inside.stages))
    low, middle, high = (y.at(np.asarray(inside.areas[name])) for name in _CURVES)
    band = drawing.line(np.concatenate([at, at[::-1]]), np.concatenate([high, low[::-1]])) + "Z"
    return band, drawing.line(at, middle)

"""What `dvc plots show` draws of the cohort tables: lists of points in JSON, a point a line, as dvc.yaml names them."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from morphseq_manifest.base import files
from morphseq_manifest.cohort.manifests import funnel
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from stages.files import metrics

# Stages are told to this many hours, from 0; what is older than a week counts there. So there are 84 points at most.
_BIN_H, _LAST_H = 2, 168
_QUANTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
Floats = NDArray[np.float64]
Points = list[dict[str, Any]]


def lost(manifest: CohortManifest) -> Points:
    """How much is lost on the way to df02: by step, then by reason; a row with two reasons counts in each."""
    parts = manifest.experiments.values()
    steps, reasons = metrics.total(part.funnel for part in parts), metrics.total(part.reasons for part in parts)
    found = {name: steps[name] for name in funnel.LOST if name != funnel.UNUSABLE}
    found |= {reason: reasons[reason] for reason in sorted(reasons)}
    return [{"reason": reason, "lost": count} for reason, count in found.items()]


def area(area_um2: Floats, stage_hpf: Floats, curves: pd.DataFrame) -> Points:
    """Quantiles of areas (um2) by stage, beside the reference's median; rows of which either is not known are in none.

    `stage_hpf` of a point is the middle of its stages. A quantile is the smallest area that such a share of the rows
    reaches at most, one that is there: none is computed between two, so that every machine tells the same.
    """
    known = np.isfinite(area_um2 + stage_hpf)
    bins = np.clip(stage_hpf[known] // _BIN_H, 0, _LAST_H // _BIN_H - 1)
    sizes = area_um2[known]
    points = []
    for number in np.unique(bins).tolist():
        own, middle = sizes[bins == number], (number + 0.5) * _BIN_H
        told = {name: float(np.quantile(own, q, method="inverted_cdf")) for name, q in _QUANTILES.items()}
        told["reference_p50"] = float(np.interp(middle, curves["stage_hpf"], curves["p50"]))
        points.append({"stage_hpf": middle, "rows": len(own)} | {name: round(um2, 0) for name, um2 in told.items()})
    return points


def coverage(manifest: CohortManifest) -> Points:
    """By experiment, the shares of its frames with an embryo, of its rows that are usable, of these with latents.

    A share of nothing is null: not known. The manifest is that of df03.
    """
    points = []
    for experiment, part in manifest.experiments.items():
        seen, usable = _seen_and_usable(part)
        latents = metrics.share(part.with_latents or 0, part.rows)
        points.append({"experiment": experiment, "frames_with_embryo": seen, "usable": usable, "with_latents": latents})
    return points


def _seen_and_usable(part: Contribution) -> tuple[float | None, float | None]:
    counts = part.funnel
    if not counts:
        return None, None  # of a manifest of schema 1
    usable, unusable = counts[funnel.USABLE], counts[funnel.UNUSABLE]
    seen = part.frames - counts[funnel.FRAME_WITHOUT_EMBRYO]
    return metrics.share(seen, part.frames), metrics.share(usable, usable + unusable)


def write(path: Path, points: Points) -> None:
    """Write points in one step."""
    files.write_bytes(path, b"[\n" + b",\n".join(map(msgspec.json.encode, points)) + b"\n]\n")

"""The metrics of a cohort table: counts and shares of the whole, which `dvc metrics` and `dvc exp show` compare.

`metrics/{name}.json`, `{name: {...}}`, so that a count has a name of its own among those of all tables. They are told
by the manifest, which has them by experiment, with hashes and settings. Not known is null, which DVC leaves out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.cohort.manifests import funnel
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from stages.files import layout

# Of a share, for people to read; what it is the share of is beside it.
_DIGITS = 4
# What is lost before there is a row.
_BEFORE = [name for name in funnel.LOST if name != funnel.UNUSABLE]


def share(part: float, whole: float) -> float | None:
    """The rounded share of a whole; None if there is none of which it could be one."""
    return round(part / whole, _DIGITS) if whole else None


def of_table(name: str, manifest: CohortManifest) -> dict[str, Any]:
    """The metrics of df01, df02 or df03, by its manifest: how much is in it, and what its own step has lost or added.

    df02 has the wells and embryos of df01. `missing` are blank cells; a row with two `reasons` counts in each.
    """
    return {"rows": manifest.rows} | _OWN[name](list(manifest.experiments.values()))


def write(name: str, manifest: CohortManifest) -> None:
    """Write the metrics of a table, a line a metric."""
    text = msgspec.json.format(msgspec.json.encode({name: of_table(name, manifest)}), indent=2)
    files.write_bytes(layout.metrics(name), text + b"\n")


def total(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Counts by name, those of all experiments together; also those that are 0."""
    found: Counter[str] = Counter()
    for of_one in counts:
        found.update(of_one)
    return found


def _size(parts: list[Contribution]) -> dict[str, Any]:
    blank = total(part.blank for part in parts)
    return {
        "experiments": sum(part.rows > 0 for part in parts),
        "experiments_without_row": sum(part.rows == 0 for part in parts),
        "wells": sum(part.wells for part in parts),
        "embryos": sum(part.embryos for part in parts),
        "missing": {column: blank[column] for column in sorted(blank)},
    }


def _df01(parts: list[Contribution]) -> dict[str, Any]:
    lost = total(part.funnel for part in parts)
    frames = sum(part.frames for part in parts)
    return _size(parts) | {"frames": frames, "lost": {name: lost[name] for name in _BEFORE}}


def _df02(parts: list[Contribution]) -> dict[str, Any]:
    counts, reasons = total(part.funnel for part in parts), total(part.reasons for part in parts)
    usable, unusable = counts[funnel.USABLE], counts[funnel.UNUSABLE]
    return {
        "usable": usable,
        "usable_share": share(usable, usable + unusable),
        "unusable": unusable,
        "reasons": {reason: reasons[reason] for reason in sorted(reasons)},
    }


def _df03(parts: list[Contribution]) -> dict[str, Any]:
    embedded = sum(part.with_latents or 0 for part in parts)
    coverage = share(embedded, sum(part.rows for part in parts))
    return _size(parts) | {"with_latents": embedded, "latent_coverage": coverage}


_OWN = {"df01": _df01, "df02": _df02, "df03": _df03}

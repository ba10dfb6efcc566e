"""Which experiments are in a cohort table, from its manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphseq_manifest import cohort_manifest
from morphseq_manifest.cohort_manifest import CohortManifest
from morphseq_manifest.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("df01", "df02", "df03")


def manifest_path(name: str, root: Path = Path()) -> Path:
    """Where the manifest of df01, df02 or df03 is. Raises ConfigError for any other name."""
    if name not in TABLES:
        raise ConfigError(f"{name!r} is no cohort table; there are {', '.join(TABLES)}")
    return root / "manifests" / f"{name}.json"


def rows(manifest: CohortManifest) -> list[dict[str, Any]]:
    """A row an experiment: what of it is in the table."""
    return [
        {
            "experiment": experiment,
            "rows": part.rows,
            "embryos": part.embryos,
            "wells": part.wells,
            "frames": part.frames,
            "segmenter": part.segmenter,
            "contributed": part.contributed,
            **({} if manifest.model is None else {"coverage": part.coverage}),
        }
        for experiment, part in manifest.experiments.items()
    ]


def provenance(name: str, root: Path | str = ".") -> "pd.DataFrame":
    """What is in df01, df02 or df03: a row an experiment, with rows, embryos, wells, frames and the hash of its rows.

    Raises UnreadableError where the table has no manifest, ContentError where that was edited or damaged.
    """
    import pandas as pd

    return pd.DataFrame(rows(cohort_manifest.read(manifest_path(name, Path(root)))))

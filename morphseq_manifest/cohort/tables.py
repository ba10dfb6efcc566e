"""The cohort tables: their names, their manifests, and where they lie."""

from pathlib import Path

from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.lock_reading import LOCK

TABLES = ("df01", "df02", "df03")


def manifest_of(table: str, snapshot: CohortSnapshot) -> CohortManifest:
    """The manifest of df01, df02 or df03. Raises ConfigError for another name, UnreadableError for no manifest."""
    if table not in TABLES:
        raise ConfigError(f"{table!r} is not a cohort table; there are {', '.join(TABLES)}")
    manifest = snapshot.cohort(table)
    if manifest is None:
        raise UnreadableError(
            f"{snapshot.name(places.cohort(table))}: not there: {table} was never built. Run `dvc repro {table}`"
        )
    return manifest


def at(root: Path, rev: str | None, table: str) -> CohortSnapshot:
    """The project in the working tree or at a commit, of which a table is asked."""
    return CohortSnapshot(root, rev, soon=[places.cohort(table), LOCK])


def table_path(table: str, manifest: CohortManifest, snapshot: CohortSnapshot) -> Path:
    """Where the table is, as dvc.lock has it. Raises ContentError if it is not among the outputs of its stage."""
    stage = snapshot.entry(table)
    paths = [path for path in stage.outs if Path(path).name == manifest.table] if stage else []
    if not paths:
        raise ContentError(
            f"{snapshot.name(Path('dvc.lock'))}: has no output {manifest.table} of {table}. Run `dvc repro {table}`"
        )
    return snapshot.root / paths[0]

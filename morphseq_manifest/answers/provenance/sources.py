"""Where the stage of a table finds what the stages before it made, as dvc.lock has it."""

from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.lock_reading import StageLock

# By field of a contribution: which of the results of the stage of that name it is the md5 of, by its ending.
SOURCES = {"images": ".json", "sam2": ".csv", "build03": ".csv", "latents": ".csv"}


def folder_read(source: str, entry: StageLock, snapshot: CohortSnapshot) -> str | None:
    """The folder in which the stage of a table finds what the stage `source` of each experiment makes."""
    folders = {
        path.rpartition("/")[0]
        for name, stage in snapshot.lock.items()
        if name.startswith(f"{source}@")
        for path in stage.outs
    }
    return next((path for path in entry.deps if path in folders), None)


def made(source: str, experiment: str, snapshot: CohortSnapshot) -> tuple[str, str | None]:
    """The file's name and md5 of what the stage `source` of an experiment made, as dvc.lock has it now."""
    stage = snapshot.lock.get(f"{source}@{experiment}")
    outs = stage.outs if stage else {}
    ending = SOURCES[source]
    files = ((path.rpartition("/")[2], out.md5) for path, out in outs.items() if path.endswith(ending))
    return next(files, (experiment, None))

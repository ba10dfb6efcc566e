"""Where what the stages of an experiment made lies, as dvc.lock has it."""

from morphseq_manifest.cohort.snapshot import CohortSnapshot

# By field of a contribution: which of the results of the stage of that name it is the md5 of, by its ending.
_SOURCES = {"images": ".json", "sam2": ".csv", "build03": ".csv", "latents": ".csv"}


def made(source: str, experiment: str, snapshot: CohortSnapshot) -> tuple[str, str | None]:
    """The path and md5 of what the stage `source` of an experiment made, as dvc.lock has it now."""
    stage = snapshot.lock.get(f"{source}@{experiment}")
    outs = stage.outs if stage else {}
    files = ((path, out.md5) for path, out in outs.items() if path.endswith(_SOURCES[source]))
    return next(files, (experiment, None))

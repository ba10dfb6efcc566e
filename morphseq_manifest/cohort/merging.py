"""The files that several people write, merged by what stands in them: what git's merge driver does."""

from pathlib import Path, PurePosixPath

from morphseq_manifest.base import conflicts, git
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.cohort import experiments_merging, manifests_merging
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.dvc import definition, lock_merging, lock_reading, params_file, pipeline_merging

# What .gitattributes gives to the driver, by paths from the project's folder.
PATTERNS = (
    str(params_file.PARAMS), str(definition.PIPELINE), str(lock_reading.LOCK),
    f"{places.FOLDER}/*.json", f"{places.FOLDER}/*/*.json", f"{places.METRICS}/*.json",
)  # fmt: skip


def merge(root: Path, base: bytes, ours: bytes, theirs: bytes, name: str, size: int = git.MARK_SIZE) -> Merged:
    """The file `name`, by its path in the repository, merged; marks of conflicts are so many characters long.

    One that can't be merged by what stands in it is merged by lines, which is `left` to people. Raises ContentError if
    git can't do that either.
    """
    try:
        texts = [_text(data, f"{name} ({side})") for data, side in ((base, "base"), (ours, "ours"), (theirs, "theirs"))]
        return _by_entries(root, conflicts.settled(texts[0]), texts[1], texts[2], name, size)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's branch holds, its lines are to be seen
        left = str(error).partition(". ")[0]  # what it says to do is meant for files that are not being merged
    data, _ = git.merge_lines(root, [base, ours, theirs], size)
    return Merged(data.decode(errors="surrogateescape"), [], left=left)


def _by_entries(root: Path, base: str, ours: str, theirs: str, name: str, size: int) -> Merged:
    file = PurePosixPath(name)
    if file.name == lock_reading.LOCK.name:
        return lock_merging.merged(base, ours, theirs, name, size)
    if file.name == definition.PIPELINE.name:
        return pipeline_merging.merged(root, base, ours, theirs, name, size)
    if file.name == params_file.PARAMS.name:
        return experiments_merging.merged(root, base, ours, theirs, name, size)
    if file.match(f"{places.METRICS}/*.json"):
        return manifests_merging.metrics(ours, theirs, name)
    if any(file.match(f"{places.FOLDER}/{below}") for below in ("*.json", "*/*.json")):
        return manifests_merging.merged(root, base, ours, theirs, name, size)
    raise ContentError(f"{name}: not a file that is known here")


def _text(data: bytes, name: str) -> str:
    """The text, with an end of its last line. Raises ContentError if it is not UTF-8."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ContentError(f"{name}: not UTF-8 at byte {error.start}") from error
    return text if text.endswith("\n") or not text else f"{text}\n"

"""A crate's files against what is recorded of them in the crate itself: by dvc.lock, and by the manifests."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from morphseq_manifest.answers.export.hashes import Described
from morphseq_manifest.answers.export.run import Run
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.stages import parents


class Difference(NamedTuple):
    """A path whose content is another than what `by` says: the hash there, and that of what is here."""

    path: str
    by: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: its hash is {self.found}; {self.by} has {self.expected}"


def differences(files: Mapping[str, Described], run: Run) -> Iterator[Difference]:
    """Every file and folder of these that dvc.lock or a table's manifest has otherwise."""
    folders = {folder for path in files for folder in parents(path)}
    for entry in run.stages.values():
        for path, out in entry.outs.items():
            found = _md5(path, files) if path in files or path in folders else None
            if found is not None and found != out.md5 and not out.legacy:  # DVC 2 took another md5 of some texts
                yield Difference(path, str(LOCK), out.md5, found)
    for table in run.tables:
        manifest = run.cohorts[table]
        for path in run.stages[table].outs:
            if path in files and path.endswith(f"/{manifest.table}") and files[path].xxh3_128 != manifest.hash:
                yield Difference(path, str(places.cohort(table)), manifest.hash, files[path].xxh3_128)


def _md5(path: str, files: Mapping[str, Described]) -> str:
    """The md5 of one of these files, or of a folder of them."""
    if path in files:
        return files[path].md5
    start = f"{path}/"
    return folder_md5({name.removeprefix(start): file.md5 for name, file in files.items() if name.startswith(start)})


def edited(texts: Mapping[str, bytes]) -> Iterator[str]:
    """The manifests whose digest is not that of their content."""
    for path, data in texts.items():
        start = data.rfind(b'"digest":"')
        if path.startswith(f"{places.FOLDER}/") and path.endswith(".json") and start >= 0:
            start += len(b'"digest":"')
            end = data.find(b'"', start)
            if hash_bytes(data[:start] + data[end:]) != data[start:end].decode(errors="replace"):
                yield path

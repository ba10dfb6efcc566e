"""`morphseq export`: a crate of tables, of the working tree or of a commit."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from morphseq_manifest.answers.export import content, destination, hashes, held, metadata, prov, writing
from morphseq_manifest.answers.export.content import Content
from morphseq_manifest.answers.export.entities import Entities
from morphseq_manifest.answers.export.metadata import About
from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ContentError

_SHOWN = 10


class Exported(NamedTuple):
    """How many files and bytes are in a crate, of which commit, and which files that commit has otherwise."""

    files: int
    size: int
    commit: str
    changed: list[str]


def export(
    root: Path, tables: Iterable[str], path: Path, rev: str | None = None, *, licence: str, force: bool = False
) -> Exported:
    """Write a crate of `tables` to `path`, a zip if that ends with .zip and else a folder.

    Raises as `metadata.check_installed`, `destination.check_free` and `content.gather` do; ContentError if a file is
    not what dvc.lock or a manifest has of it. Then nothing is written.
    """
    metadata.check_installed()
    destination.check_free(path, root, force)
    found = content.gather(root, list(dict.fromkeys(tables)), rev)
    with writing.crate(path) as crate:
        files: dict[str, bytes | Path] = {**found.large, **found.texts}
        for name in sorted(files):
            crate.add(name, files[name])
        _check(crate.described, found)
        telling = Entities(crate.described, found.run)
        entities = telling.all()
        crate.add(prov.PATH, _dumped(prov.document(entities, found.commit)))
        entities.append(telling.file(prov.PATH, crate.described[prov.PATH]))
        crate.add(metadata.PATH, metadata.dump(entities, _about(root, found, licence)))
        crate.add(hashes.SUMS, hashes.sums(crate.described))
    size = sum(file.size for file in crate.described.values())
    return Exported(len(crate.described), size, found.commit, found.changed)


def _check(files: dict[str, hashes.Described], found: Content) -> None:
    wrong: Sequence[str] = [str(other) for other in held.differences(files, found.run)]
    wrong = [*wrong, *(f"{path}: edited, its digest is not that of its content" for path in held.edited(found.texts))]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ContentError(
            f"{'; '.join(wrong[:_SHOWN])}{more}. `git checkout` or `dvc checkout` brings back what was recorded, "
            "or `dvc repro` makes it again. Nothing was exported"
        )


def _dumped(document: dict[str, object]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1) + b"\n"


def _about(root: Path, found: Content, licence: str) -> About:
    """What is said of the crate as a whole, from its commit."""
    said = git.run(root, "log", "-1", "--format=%cI%n%an", found.commit) or b""
    date, _, person = said.decode(errors="replace").strip().partition("\n")
    tables = ", ".join(found.run.tables)
    counts = "; ".join(
        f"{table}: {found.run.cohorts[table].rows} rows of {len(found.run.cohorts[table].experiments)} experiments"
        for table in found.run.tables
    )
    changed = f" Changed since that commit: {', '.join(found.changed)}." if found.changed else ""
    description = (
        f"{counts}. With the manifests, settings, stages and hashes that say where every row comes from, as of commit "
        f"{found.commit}.{changed}"
    )
    return About(f"MorphSeq {tables}", description, licence, found.commit, date, person)

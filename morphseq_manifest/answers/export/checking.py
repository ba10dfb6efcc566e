"""`morphseq verify --crate`: whether a crate is as it was exported, told from the crate alone.

Every file is held against the list of sha256, and the metadata against both; then the files against dvc.lock and the
manifests in the crate, and so is every hash in the metadata: who edits one would have to edit them all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers.export import archive, hashes, held, metadata, prov, run
from morphseq_manifest.answers.export.archive import Archive
from morphseq_manifest.answers.export.entities import Entities, Entity
from morphseq_manifest.answers.export.hashes import SUMS, Described
from morphseq_manifest.base.errors import ContentError, ExitCode
from morphseq_manifest.base.files import printable
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.disk.wrong import Wrong
from morphseq_manifest.tracker.dvc.lock_reading import LOCK

_MOST_TEXT_BYTES = 1 << 30
# What of an entity is told again from the crate's files; the first five, no other entity has.
_HELD = (
    "sha256", "md5", "xxh3_128", "object", "result",
    "contentSize", "value", "instrument", "about", "hasPart", "softwareVersion", "additionalProperty",
)  # fmt: skip
_OF_NO_OTHER = _HELD[:5]


class Finding(msgspec.Struct, frozen=True):
    """Something in a crate that is not as it was exported: the file or entity, what is wrong, what by whom."""

    path: str
    what: Wrong
    expected: str = ""
    found: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a check found, how much it looked at, and of which tables and commit the crate says it is."""

    crate: str
    tables: list[str]
    commit: str | None
    files: int
    size: int
    findings: list[Finding]

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        return ExitCode.CONTENT if self.findings else ExitCode.OK


def check(path: Path) -> Report:
    """Check the crate at `path`, a folder or a zip.

    Raises UnreadableError if it is not there or can't be read, ContentError if it is nothing like a crate.
    """
    no_crate = ContentError(f"{path}: has neither {metadata.PATH} nor {SUMS}, so it is not what export has written")
    if path.is_dir() and not any((path / name).exists() for name in (metadata.PATH, SUMS)):
        raise no_crate  # without a look at all that may be in it
    with archive.opened(path) as crate:
        names = crate.names()
        if not {SUMS, metadata.PATH} & set(names):
            raise no_crate
        findings = [Finding(str(path), Wrong.DAMAGED, found=fault) for fault in crate.faults()]
        findings += [Finding(name, Wrong.UNRECORDED, found="twice") for name, n in Counter(names).items() if n > 1]
        files = dict(_described(crate, names, findings))
        findings += _listed(crate, files)
        graph, texts = _graph(crate, files, findings), _texts(crate, files)
        tables = _told_again(files, texts, graph, findings)
    findings = list(dict.fromkeys(map(_printable, findings)))
    commit = graph.get("./", {}).get("version")
    size = sum(file.size for file in files.values())
    return Report(str(path), tables, commit if isinstance(commit, str) else None, len(files), size, findings)


def _printable(finding: Finding) -> Finding:
    """The finding in characters that can be printed, and be JSON: names may have any bytes."""
    path, expected, found = map(printable, (finding.path, finding.expected, finding.found))
    return Finding(path, finding.what, expected, found)


def _described(crate: Archive, names: Iterable[str], findings: list[Finding]) -> Iterator[tuple[str, Described]]:
    for name in dict.fromkeys(names):
        try:
            yield name, crate.describe(name)
        except ContentError as error:
            findings.append(Finding(name, Wrong.DAMAGED, found=str(error)))
        except OSError as error:
            findings.append(Finding(name, Wrong.UNREADABLE, found=error.strerror or str(error)))


def _listed(crate: Archive, files: Mapping[str, Described]) -> Iterator[Finding]:
    """The files against the list of them."""
    if SUMS not in files:
        yield Finding(SUMS, Wrong.MISSING, "the list of all files", "nothing")
        return
    try:
        sums = hashes.parse_sums(crate.read(SUMS))
    except ContentError as error:
        yield Finding(SUMS, Wrong.DAMAGED, "a list of files", str(error))
        return
    for name in sorted(sums.keys() - files.keys()):
        yield Finding(name, Wrong.MISSING, sums[name], "nothing")
    for name in sorted(files.keys() - sums.keys() - {SUMS}):
        yield Finding(name, Wrong.UNRECORDED, "no file", "a file")
    for name in sorted(files.keys() & sums.keys()):
        if files[name].sha256 != sums[name]:
            yield Finding(name, Wrong.DAMAGED, sums[name], files[name].sha256)


def _graph(crate: Archive, files: Mapping[str, Described], findings: list[Finding]) -> dict[str, Entity]:
    """The entities in the metadata, by `@id`."""
    if metadata.PATH not in files:
        return {}
    try:
        content = msgspec.json.decode(crate.read(metadata.PATH), type=dict[str, Any])
        entities = msgspec.convert(content.get("@graph"), list[dict[str, Any]])
    except (ContentError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        findings.append(Finding(metadata.PATH, Wrong.DAMAGED, "JSON-LD", str(error)))
        return {}
    return {str(entity.get("@id")): entity for entity in entities}


def _texts(crate: Archive, files: Mapping[str, Described]) -> dict[str, bytes]:
    """The small files that say what the others are to be."""
    wanted = [name for name in files if name in {str(LOCK), prov.PATH} or name.startswith(f"{places.FOLDER}/")]
    if sum(files[name].size for name in wanted) > _MOST_TEXT_BYTES:
        raise ContentError(f"{places.FOLDER}: more than {_MOST_TEXT_BYTES:,} bytes, which no export has written")
    return {name: crate.read(name) for name in wanted}


def _told_again(
    files: Mapping[str, Described], texts: Mapping[str, bytes], graph: Mapping[str, Entity], findings: list[Finding]
) -> list[str]:
    """Hold files and metadata against what dvc.lock and the manifests say; the tables that the crate is of."""
    findings += (Finding(path, Wrong.DAMAGED, "its digest", "that of other content") for path in held.edited(texts))
    try:
        tables = [table for table in TABLES if f"#output/{table}" in graph and str(places.cohort(table)) in texts]
        found = run.told(texts, tables)
    except ContentError as error:
        findings.append(Finding(str(error).partition(":")[0], Wrong.DAMAGED, found=str(error)))
        return []
    if lost := [table for table in tables if table not in found.stages]:
        findings.append(Finding(str(LOCK), Wrong.DAMAGED, "a stage of each table", f"no {', '.join(lost)}"))
        return tables
    findings += (
        Finding(other.path, Wrong.DAMAGED, f"{other.expected} by {other.by}", other.found)
        for other in held.differences(files, found)
    )
    inside = {path: file for path, file in files.items() if path not in {SUMS, metadata.PATH}}
    expected = Entities(inside, found).all()
    if graph:
        findings += _entities({entity["@id"]: entity for entity in expected}, graph)
    if prov.PATH in texts:
        without = [entity for entity in expected if entity["@id"] != prov.PATH]  # it can't have its own hash
        findings += _provenance(prov.document(without, ""), texts[prov.PATH])
    return tables


def _entities(expected: Mapping[str, Entity], graph: Mapping[str, Entity]) -> Iterator[Finding]:
    """The entities in the metadata against those that the files tell."""
    for name in sorted(expected.keys() | graph.keys()):
        wanted, entity = expected.get(name, {}), graph.get(name)
        if entity is None:
            yield Finding(f"{metadata.PATH}: {name}", Wrong.MISSING, "an entity", "nothing")
            continue
        for key in _HELD if wanted else _OF_NO_OTHER:
            if _many(entity.get(key)) != _many(wanted.get(key)):
                there, here = (_shown(side.get(key)) for side in (wanted, entity))
                yield Finding(f"{metadata.PATH}: {name}", Wrong.DAMAGED, f"{key} {there}", here)


def _many(value: Any) -> list[Any]:
    """The values of an entity: one stands without a list, and so does none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _provenance(expected: dict[str, Any], data: bytes) -> Iterator[Finding]:
    """What PROV-JSON says of contents and who used and made them, against what the files tell."""
    try:
        found = msgspec.json.decode(data, type=dict[str, dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        yield Finding(prov.PATH, Wrong.DAMAGED, "PROV-JSON", str(error))
        return
    for kind in expected.keys() - {"prefix"}:
        names = expected[kind].keys() | found.get(kind, {}).keys()
        for name in sorted(names):
            wanted, there = expected[kind].get(name), found.get(kind, {}).get(name)
            if wanted != there:
                yield Finding(f"{prov.PATH}: {name}", Wrong.DAMAGED, _shown(wanted), _shown(there))


def _shown(value: Any) -> str:
    """A value in a few characters."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 100 else f"{text[:100]}..."

"""Tracing what a row depends on through git's history: which commit last changed it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.answers.blame import facts, readings, row_id
from morphseq_manifest.answers.blame.cause import (
    FILE_BY_FILE,
    NO_COMMIT,
    NOT_COMMITTED,
    NOT_IN_GIT,
    RUN_AGAIN,
    Cause,
    Later,
)
from morphseq_manifest.answers.blame.facts import ADOPTED, Fact
from morphseq_manifest.answers.blame.history import WORKING, FileHistory, with_working_tree
from morphseq_manifest.answers.blame.readings import Values
from morphseq_manifest.answers.blame.row_id import RowId
from morphseq_manifest.answers.blame.settings_reading import SettingsOf
from morphseq_manifest.answers.blame.side import Side
from morphseq_manifest.base import git_history
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.git_history import Place, Read, Version
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.dvc.params_file import PARAMS


class Tracing:
    """The history of the files in which something stands that a row depends on, at one of the `sides`.

    The first of these is the one asked about. `missing` is what can't be told, and why.
    """

    def __init__(self, row: RowId, sides: Sequence[Side], read: Read, place: Place) -> None:
        self.missing: list[str] = []
        self._row, self._side, self._ask, self._place = row, sides[0], read, place
        self._readings = {path: reading for side in sides for path, reading in side.inputs.readings(row).items()}
        self._readings[str(PARAMS)] = SettingsOf(row.experiment)
        self._versions = self._history([str(PARAMS), *(path for side in sides for path in side.paths())])
        self._files: dict[str, FileHistory] = {}
        self._told: dict[tuple[str | None, str, str], Values] = {}

    def _history(self, paths: Sequence[str]) -> list[Version]:
        root, start = self._side.moment.root, self._side.moment.commit
        if start:
            return git_history.versions(root, start, paths)
        versions = git_history.versions(root, self._place.head, paths) if self._place.head else []
        there = {self._place.prefix + path: f":{path}" for path in paths if (root / path).is_file()}
        return with_working_tree(versions, there)

    def _read(self, blob: str) -> bytes:
        """A version of a file: the one in the working tree, or a blob in git."""
        if not blob.startswith(":"):
            return self._ask(blob) or b""
        try:
            return read_small(self._side.moment.root / blob[1:])
        except OSError as error:
            raise UnreadableError(f"{blob[1:]}: can't be read ({error.strerror})") from error

    def facts(self, side: Side) -> list[Fact]:
        """What the row depends on at a moment."""

        def known(path: str, md5: str) -> Values:
            return self._known(side, path, md5)

        settings: Values = {}
        if side is self._side:
            settings = self._file(str(PARAMS)).now() or side.moment.settings  # which says what is wrong
            if side.inputs.images:
                row_id.check(self._row, list(known(*side.inputs.images)), side.moment.label)
        return facts.of(side.inputs, self._row, side.adopted, settings, known)

    def _known(self, side: Side, path: str, md5: str) -> Values:
        """What a file of this content says: of the newest version that is it, or, failing that, of the one there."""
        key = (side.moment.commit, path, md5)
        if key not in self._told:
            self._told[key] = self._tell(side, path, md5)
        return self._told[key]

    def _tell(self, side: Side, path: str, md5: str) -> Values:
        name, data = side.moment.name(Path(path)), self._file(path).with_md5(md5)
        if data is None:
            data = side.moment.content(Path(path))
            why = "not in git" if data is None else "not the one that the stages have read, which no commit has"
            self.missing.append(f"{name}: {why}")
        found = None if data is None else self._file(path).of(data)
        if data is not None and found is None:
            self.missing.append(f"{name}: can't be read: nothing is told of what stands in it")
        return found or {}

    def _file(self, path: str) -> FileHistory:
        """The history of a file; of data without parts, that of the `.dvc` file beside it, if there is one."""
        if path not in self._files:
            reading, beside = self._readings.get(path), f"{path}.dvc"
            data = [(beside, readings.tracked(beside)), (path, readings.content(path))]
            tried = [(path, reading)] if reading else data
            found = [FileHistory(self._place.prefix + name, self._versions, self._read, how) for name, how in tried]
            self._files[path] = next((history for history in found if history.is_known), found[-1])
        return self._files[path]

    def _why_unknown(self, path: str) -> str:
        """Why no commit is told of something without a history."""
        inside = f"{self._place.prefix}{path}/"
        is_folder = any(name.startswith(inside) for version in self._versions for name in version.blobs)
        return FILE_BY_FILE if is_folder else NOT_IN_GIT

    def cause(self, fact: Fact, was: Any = None) -> Cause:
        """A fact with the commit that last changed it, and what stands there otherwise by now."""
        stages, value, history = [*fact.stages], shown(fact.value), self._file(fact.path)
        if fact.kind == ADOPTED and fact.value is None:  # its manifest stays, as history
            return Cause(stages, fact.kind, fact.name, None, None, RUN_AGAIN, was=was)
        commit = history.origin(fact.pick, fact.value)
        unknown = NOT_COMMITTED if commit == WORKING else NO_COMMIT if commit is None else ""
        unknown = unknown if history.is_known else self._why_unknown(fact.path)
        later, now = None, fact.pick(history.now())
        if history.is_present and now != fact.value:
            later = Later(shown(now), history.origin(fact.pick, now) or None)
        return Cause(stages, fact.kind, fact.name, value, commit or None, unknown, later, shown(was))


def shown(value: Any) -> Any:
    """A value; of many rows the one that they all have, or how many there are."""
    if not isinstance(value, dict):
        return value
    distinct = list(dict.fromkeys(map(str, value.values())))
    return distinct[0] if len(distinct) == 1 else f"{len(distinct)} values in {len(value)} places"

"""At which commits something of a table changed, by its manifests and, where these don't tell, what caches hold of it.

Every commit that changed the table's manifest is looked at, not some by halving: what changed and changed back is
found too. Nothing is run, and of an experiment whose rows have the same hash nothing is read twice.
"""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers.bisect import quantity as quantities
from morphseq_manifest.answers.bisect.quantity import UNTOLD, Quantity
from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.base import git, git_history
from morphseq_manifest.base.errors import ConfigError, ContentError, ExitCode, MorphseqError, UnreadableError
from morphseq_manifest.base.git_history import Commit
from morphseq_manifest.cohort.manifests import cohort_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.row_keys import KEY
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES

# At a commit at which a shallow clone ends, all seems to have been made.
_OLDER = "whether it changed there or before: this clone is shallow, and `git fetch --unshallow` brings what is older"


class Change(msgspec.Struct, frozen=True):
    """A commit at which it changed, from what it was before (by more than one way, if it is a merge) to what it is.

    If it is `vague`, it may have been one before, of which that could not be told.
    """

    commit: str
    by: Commit
    before: list[Any]
    now: Any
    vague: bool = False


class Report(msgspec.Struct, frozen=True):
    """The changes, newest first, of how many commits that changed the table; why some could not be told."""

    table: str
    changes: list[Change]
    commits: int
    untold: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        """0 if a change was found, 1 if there is none, 4 if that can't be said of some commit."""
        if self.untold:
            return ExitCode.UNREADABLE
        return ExitCode.OK if self.changes else ExitCode.STALE


def bisect(root: Path, table: str, when: str, rev: str = "HEAD") -> Report:
    """Find the commits up to `rev` at which what is asked of a table changed.

    Raises ConfigError for what can't be asked, or a table that no commit has.
    """
    if table not in TABLES:
        raise ConfigError(f"{table!r} is not a cohort table; there are {', '.join(TABLES)}")
    asked = quantities.parse(when)
    path = places.cohort(table)
    history = git_history.versions(root, git.commit(root, rev), [path.as_posix()])
    if not history:
        raise ConfigError(f"{path}: no commit up to {rev} has it. Commit it with dvc.lock after `dvc repro {table}`")
    values, untold = _values(root, table, asked, history)
    parents = {version.commit: version.parents for version in history}
    found = {commit: _before(commit, parents, values) for commit in parents if commit in values}
    changed = [commit for commit, (before, _) in found.items() if before and values[commit] not in before]
    untold |= dict.fromkeys(git.shallow(root) & parents.keys(), _OLDER)
    known = git_history.commits(root, [*changed, *untold])
    return Report(
        table,
        [Change(commit, known[commit], found[commit][0], values[commit], found[commit][1]) for commit in changed],
        len(history),
        {f"{known[commit].id} {known[commit].subject}": why for commit, why in untold.items()},
    )


def _values(
    root: Path, table: str, asked: Quantity, history: list[git_history.Version]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What is asked, by commit; and of those at which it can't be told, why."""
    values: dict[str, Any] = {}
    untold: dict[str, str] = {}
    path = places.cohort(table)
    by_blob: dict[str, CohortManifest] = {}
    reading = _Reading(root, table, asked)
    with git_history.objects(root) as read:
        # Once more, since what one commit lacks of an experiment, another may have had of the same.
        for version in (*history, *history):
            if version.commit in values:
                continue
            blob = next(iter(version.blobs.values()), None)
            try:
                if blob is None:
                    values[version.commit] = None
                    continue
                if blob not in by_blob:
                    by_blob[blob] = cohort_manifest.parse(read(blob) or b"", f"{path} at {version.commit[:12]}")
                manifest = by_blob[blob]
                told = asked.told_by(manifest)
                value = reading.value(manifest, version.commit) if told is UNTOLD else told
                values[version.commit] = asked.as_asked(value)
                untold.pop(version.commit, None)
            except ConfigError:
                raise
            except MorphseqError as error:
                untold[version.commit] = str(error)
    return values, untold


def _before(commit: str, parents: dict[str, list[str]], values: dict[str, Any]) -> tuple[list[Any], bool]:
    """The values at the nearest commits before that are told, none before the first; and whether some are between."""
    waiting, seen, found = list(parents[commit]), set[str](), []
    while waiting:
        earlier = waiting.pop()
        if earlier in values:
            found.append(values[earlier])
        elif earlier not in seen:
            waiting += parents[earlier]
            seen.add(earlier)
    return found, bool(seen)


class _Reading:
    """What the rows of a table say, kept by the hash of an experiment's rows."""

    def __init__(self, root: Path, table: str, asked: Quantity) -> None:
        self._root, self._table, self._asked = root, table, asked
        self._known: dict[tuple[str, int], Any] = {}
        self._missing: dict[str, UnreadableError] = {}  # by the hash of the table

    def value(self, manifest: CohortManifest, commit: str) -> Any:
        """What is asked, at a commit with this manifest. Raises as Table does, ConfigError for a name that is none."""
        asked, open_table = self._asked, self._opener(commit)
        if not asked.is_share:
            if asked.subject is None:
                raise quantities.unknown(asked, open_table().columns)
            return self._cell(manifest, open_table)
        names = [asked.experiment(manifest)] if asked.subject else list(manifest.experiments)
        if names == [None]:
            return None
        if asked.subject and names != [asked.subject]:
            raise ConfigError(f"--when: {asked.subject} is in {names[0]}: a share is of an experiment or of the table")
        counts = [self._of_block(manifest, str(name), open_table, self._count) for name in names]
        rows = sum(count[1] for count in counts)
        return round(sum(count[0] for count in counts) / rows, 6) if rows else None

    def _opener(self, commit: str) -> Callable[[], Table]:
        opened: list[Table] = []

        def open_table() -> Table:
            if not opened:
                opened.append(Table(self._table, CohortSnapshot(self._root, commit)))
            return opened[0]

        return open_table

    def _cell(self, manifest: CohortManifest, open_table: Callable[[], Table]) -> Any:
        experiment = self._asked.experiment(manifest)
        if experiment is None:
            return None
        if experiment == self._asked.subject:
            if self._asked.name not in (columns := open_table().columns):
                raise quantities.unknown(self._asked, columns)
            raise ConfigError(f"--when: name a row of {experiment}, or ask for a share. {quantities.EXPECTED}")
        return self._of_block(manifest, experiment, open_table, self._find)

    def _of_block(
        self, manifest: CohortManifest, experiment: str, open_table: Callable[[], Table],
        tell: Callable[[Table, bytes], Any],
    ) -> Any:  # fmt: skip
        """What the rows of an experiment say, read once for all commits that have the same."""
        part = manifest.experiments[experiment]
        key = (part.contributed, manifest.columns)
        if key not in self._known:
            if manifest.hash in self._missing:
                raise self._missing[manifest.hash]
            try:
                table = open_table()
                if self._asked.name not in table.columns:
                    raise quantities.unknown(self._asked, table.columns)
                self._known[key] = tell(table, b"".join(table.rows([experiment]) if part.rows else ()))
            except UnreadableError as error:
                self._missing[manifest.hash] = error
                raise
        return self._known[key]

    def _count(self, table: Table, lines: bytes) -> tuple[int, int]:
        """How many rows have True, and how many there are."""
        cells = list(_column(table, lines, self._asked.name))
        return sum(cell == "True" for cell in cells), len(cells)

    def _find(self, table: Table, lines: bytes) -> str | None:
        """The cell of the row; None if there is no such row."""
        subject = str(self._asked.subject)
        rows = [line for line in lines.splitlines() if line.split(b",", 4)[3:4] == [subject.encode()]]
        return next(_column(table, b"\n".join(rows), self._asked.name), None)


def _column(table: Table, lines: bytes, name: str) -> Iterator[str]:
    """The cells of a column. Raises ContentError for a line that is cut short."""
    place = table.columns.index(name)
    for cells in csv.reader(io.StringIO(lines.decode(), newline="")):
        if len(cells) <= place:
            raise ContentError(f"{table.path}: {','.join(cells[: len(KEY)])} is cut short")
        yield cells[place]

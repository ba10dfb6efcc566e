"""The rows of some experiments of a cohort table, as they stand in it, each held against the table's manifest."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.manifests import table_blocks
from morphseq_manifest.cohort.manifests.table_rows import check_header, opened
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import manifest_of, table_path
from morphseq_manifest.tracker import kept_content

if TYPE_CHECKING:
    from morphseq_manifest.cohort.selection import Selection


class Table:
    """df01, df02 or df03 as it is on the disk, or was at a commit, with its manifest.

    `place` is its path in the project, `path` where its content is. Raises as `manifest_of`, `table_path` and
    `kept_content.find` do, UnreadableError if the table is not there, ContentError if it is not a cohort table.
    """

    def __init__(self, name: str, snapshot: CohortSnapshot) -> None:
        self.name, self._snapshot = name, snapshot
        self.manifest = manifest_of(name, snapshot)
        self.place = table_path(name, self.manifest, snapshot).relative_to(snapshot.root)
        self.path = kept_content.find(snapshot, name, str(self.place))
        with opened(self.path) as file:
            self.header = file.readline()
        self.columns = check_header(self.header, str(self.path))

    def select(self, names: Iterable[str], later_than: str | None = None) -> "Selection":
        """The experiments of the table that are named or later than a day; all if neither is asked for.

        Raises ConfigError for one that is not in the table, and as `selection.select` does.
        """
        from morphseq_manifest.cohort import selection

        known, named = list(self.manifest.experiments), list(names)
        for name in (name for text in named for name in text.split(",") if name):
            if name not in known:
                raise ConfigError(f"experiment {name!r} is not in {self.name}{suggest(name, known)}")
        return selection.select(known, named, later_than)

    def rows(self, experiments: Collection[str]) -> Iterator[bytes]:
        """The lines of each of these experiments, in the table's order. Raises as `blocks`."""
        return (lines for _, lines in self.blocks(experiments))

    def blocks(self, experiments: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Each of these experiments that has rows, with its lines, in the table's order.

        Raises ContentError for lines that are not those that its stage wrote.
        """
        waiting = {name for name in experiments if self.manifest.experiments[name].rows}
        for experiment, lines in table_blocks.blocks(self.path, set(experiments)):
            waiting.discard(experiment)
            if hash_bytes(lines) != self.manifest.experiments[experiment].contributed:
                raise self._other(experiment)
            yield experiment, lines
            if not waiting and len(experiments) < len(self.manifest.experiments):
                return  # of all of them, what may come after is looked at
        if waiting:
            raise self._other(min(waiting))

    @property
    def typed(self) -> Path:
        """The place of its typed copy in the project."""
        from morphseq_manifest.cohort import typed_tables

        return self.place.with_suffix(typed_tables.SUFFIX)

    def _other(self, experiment: str) -> ContentError:
        told = f"its rows of {experiment} are not those that {self.name} wrote"
        if self._snapshot.commit:
            return ContentError(f"{told}: {kept_content.damaged(self._snapshot, self.name, str(self.place))}")
        return ContentError(
            f"{self.path}: {told}. `dvc checkout {self.path}` brings them back; "
            f"`morphseq provenance {self.name} --check` tells what differs"
        )

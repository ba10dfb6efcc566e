"""A project at one moment, of which only what one experiment needs is read: its stages, and those of all."""

from pathlib import Path

from morphseq_manifest.answers.blame.row_id import RowId, forms, unknown
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.git_history import Read
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import lock_reading
from morphseq_manifest.tracker.dvc.lock_reading import LOCK, Lock


class Moment(CohortSnapshot):
    """The working tree, or a commit, whose files `read` gives; `prefix` comes before their paths."""

    def __init__(self, root: Path, rev: str | None, read: Read, prefix: str) -> None:
        super().__init__(root, rev)
        self._ask, self._prefix = read, prefix
        self._experiments: set[str] = set()
        self._stages: Lock = {}

    def content(self, path: Path) -> bytes | None:
        """A file's bytes, as Snapshot has it."""
        if self.commit is None or path in self._texts:
            return super().content(path)
        return self._ask(f"{self.commit}:{self._prefix}{path.as_posix()}")

    def find(self, name: str) -> RowId:
        """What an id is of. Raises ConfigError if nobody knows it, UnreadableError if nothing is recorded of it yet."""
        rows = forms(name)
        recorded = {stage.partition("@")[2] for stage in self._read_lock({row.experiment for row in rows})} - {""}
        if known := [row for row in rows if row.experiment in recorded]:
            return known[0]
        listed = self.params.experiments
        if row := next((row for row in rows if row.experiment in listed), None):
            raise UnreadableError(
                f"{row.experiment}: nothing is recorded of it in {self.label}: its stages have not run. "
                f"Run `morphseq run --experiments {row.experiment}`"
            )
        raise unknown(name, {*listed, *(stage.partition("@")[2] for stage in self.lock)} - {""}, self.label)

    def stages_of(self, experiment: str) -> Lock:
        """What is recorded of an experiment's stages, and of those without one. Raises as lock_reading.parse does."""
        own = {"", experiment}
        return {name: entry for name, entry in self._read_lock(own).items() if name.partition("@")[2] in own}

    def _read_lock(self, experiments: set[str]) -> Lock:
        """The stages of these experiments, those without one, and perhaps others."""
        if not experiments <= self._experiments:
            self._experiments |= experiments | {""}
            text, wanted = self.text(LOCK), self._experiments
            found = (
                lock_reading.parse(text, self.name(LOCK), lambda name: name.partition("@")[2] in wanted) if text else {}
            )
            self._stages = found
        return self._stages

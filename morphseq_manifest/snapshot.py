"""The project at one moment: its settings, lock and manifests, in the working tree or at a commit."""

from functools import cached_property
from pathlib import Path

from morphseq_manifest import cohort_manifest, git, images_manifest, lock, params
from morphseq_manifest.cohort_manifest import CohortManifest
from morphseq_manifest.errors import ContentError, UnreadableError
from morphseq_manifest.images_manifest import ImagesManifest
from morphseq_manifest.lock import Lock
from morphseq_manifest.params import Params

MANIFESTS = Path("manifests")


class Snapshot:
    """What is recorded in the working tree of `root`, or at the commit `rev`. Nothing is checked out."""

    def __init__(self, root: Path, rev: str | None = None) -> None:
        self.root = root
        self.commit = git.commit(root, rev) if rev else None
        self.label = rev or "the working tree"

    def recorded_in(self, path: Path) -> str | None:
        """The commit that first had a file as it is at this moment; None where it is not committed."""
        commits = git.history(self.root, path, start=self.commit or "HEAD")[:1]
        same = bool(commits) and git.content(self.root, commits[0], path) == self.content(path)
        return commits[0] if same else None

    def content(self, path: Path) -> bytes | None:
        """A file's bytes, by its path in the project; None where it is not there."""
        if self.commit:
            return git.content(self.root, self.commit, path)
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(f"{self.root / path}: can't be read ({error.strerror})") from error

    def text(self, path: Path) -> str | None:
        """A file's text; None where it is not there. Raises ContentError where it is not UTF-8."""
        data = self.content(path)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as error:
            raise ContentError(
                f"{self.name(path)}: not UTF-8 at byte {error.start}. Restore it: `git checkout {path}`"
            ) from error

    def name(self, path: Path) -> str:
        """How messages name a file of this moment."""
        return f"{path} at {self.label}" if self.commit else str(self.root / path)

    @cached_property
    def params(self) -> Params:
        """The settings. Raises as params.read does."""
        text = self.text(params.PARAMS)
        if text is None:
            raise UnreadableError(f"{self.name(params.PARAMS)}: not there. Is this the project's folder?")
        return params.parse(text, Path(self.name(params.PARAMS)))

    @cached_property
    def lock(self) -> Lock:
        """The lock; empty where nothing has run yet. Raises as lock.parse does."""
        return lock.parse(self.text(lock.LOCK) or "", self.name(lock.LOCK))

    def cohort(self, table: str) -> CohortManifest | None:
        """The manifest of df01, df02 or df03; None where the table was never built. Raises for a damaged one."""
        path = MANIFESTS / f"{table}.json"
        data = self.content(path)
        return None if data is None else cohort_manifest.parse(data, self.name(path))

    def images(self, experiment: str) -> ImagesManifest | None:
        """The manifest of an experiment's frames; None where there is none. Raises for a damaged one."""
        path = MANIFESTS / "images" / f"{experiment}.json"
        data = self.content(path)
        return None if data is None else images_manifest.parse(data, self.name(path))

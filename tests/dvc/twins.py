"""One project twice: in one copy `dvc` works, in the other `morphseq`, and both must leave the same behind."""

import difflib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dvc.exceptions import DvcException
from dvc.repo import Repo

from tests.project import Project, as_json
from tests.running import ended, named

_RUNNING = re.compile(r"^Running stage '(.+)':$")
_RESTORED = re.compile(r"^Stage '(.+)' is cached - skipping run")
# What the two keep for themselves: stats, locks, notes, and DVC's copies of unchanged listings.
_OWN = {".git", "tmp"}


class Done(NamedTuple):
    """Whether a run succeeded, and which stages ran or were restored."""

    fine: bool
    ran: set[str]
    restored: set[str]


class Twins:
    """Two copies of a project with these files; with `scm`, in a git repository each."""

    def __init__(self, folder: Path, files: Mapping[str, str], *, scm: bool = True, inside: str = "") -> None:
        self.folder, self.inside = folder, inside
        for name in ("dvc", "ours"):
            root = folder / name / inside
            root.mkdir(parents=True)
            project = Project(folder / name)
            if scm:
                project.run("git", "init", "--quiet", "--initial-branch=main")
            with _at(root):
                Repo.init(".", no_scm=not scm, subdir=bool(inside)).close()
        self.write(files)

    @classmethod
    def of(cls, folder: Path) -> "Twins":
        """Two copies that are there already."""
        twins = cls.__new__(cls)
        twins.folder, twins.inside = folder, ""
        return twins

    @property
    def ours(self) -> Project:
        """The copy in which `morphseq` works."""
        return Project(self.folder / "ours" / self.inside)

    @property
    def theirs(self) -> Path:
        """The copy in which DVC works."""
        return self.folder / "dvc" / self.inside

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files in both copies; None deletes what is there."""
        for name, text in files.items():
            for root in (self.theirs, self.ours.root):
                _put(root / name, text)

    def both(self, change: Callable[[Path], object]) -> None:
        """Change both copies in the same way."""
        for root in (self.theirs, self.ours.root):
            change(root)

    def check_status(self) -> bool:
        """Assert that both say the same: up to date, or which stages are not as recorded; whether all is."""
        with repo_in(self.theirs) as repo:
            theirs: Any = repo.status()
        code, output = self.ours.ending("morphseq", "status", "--json")
        report: Any = as_json(output)
        late = _late(report)
        said = f"DVC: {theirs}\nours: {code} {sorted(late)}: {output}"
        assert (code, late) == (1 if theirs else 0, set(theirs)), said
        return not theirs

    def check_run(self, *arguments: str) -> Done:
        """Run both; assert that both end alike, run and restore the same stages, and leave the same behind."""
        theirs = self._repro()
        code, output = self.ours.ending("morphseq", "run", "--json", "-j1", *arguments)
        ends = ended(output) if code in {0, 1} else {}
        ours = Done(code == 0, named(ends, "ran"), named(ends, "restored"))
        assert (code == 0) == theirs.fine, f"DVC: {theirs}\nours: {code} {output}"
        if theirs.fine:  # of a stage that fails, DVC deletes the earlier outputs, which are put back here
            assert ours == theirs, f"DVC: {theirs}\nours: {ours}"
            found = differences(self.ours.root, self.theirs)
            assert not found, "\n".join(found)
        return theirs

    def check_refused(self, said: str) -> None:
        """Assert that DVC does not run the project to its end, and that ours refuses it, in these words."""
        assert not self._repro().fine
        code, output = self.ours.ending("morphseq", "run")
        assert (code, said in output) == (2, True), f"{code}: {output}"

    def _repro(self) -> Done:
        lines: list[str] = []
        handler = _Lines(lines)
        logger = logging.getLogger("dvc")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            with repo_in(self.theirs) as repo:
                repo.reproduce(on_error="keep-going")
            fine = True
        except (DvcException, ValueError, TypeError, AttributeError, KeyError, AssertionError):
            fine = False
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
        ran = {match[1] for line in lines if (match := _RUNNING.match(line))}
        restored = {match[1] for line in lines if (match := _RESTORED.match(line))}
        return Done(fine, ran - restored, restored)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines += record.getMessage().splitlines()


@contextmanager
def _at(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def repo_in(root: Path) -> Iterator[Repo]:
    """DVC's own view of a project, in whose folder this block is."""
    with _at(root), Repo(".") as repo:
        yield repo


def _put(path: Path, text: str | None) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _late(report: Any) -> set[str]:
    """The stages that are not as recorded themselves."""
    rows = [step for row in report["experiments"].values() for step in row.values()]
    rows += report["cohort"].values()
    return {row["stage"] for row in rows if row["changed"]}


def tree(root: Path) -> dict[str, bytes]:
    """All that is in a project, by path: contents, mode and links; the modes of folders in the cache."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _OWN]
        if any(f"/cache/{part}" in folder for part in ("files", "runs")):
            found[f"{os.path.relpath(folder, root)}/"] = f"{Path(folder).stat().st_mode:o}".encode()
        for name in names:
            if name in _OWN:
                continue
            path = Path(folder, name)
            place = path.relative_to(root).as_posix()
            if place.startswith(".dvc/cache/") and not place.startswith((".dvc/cache/files/", ".dvc/cache/runs/")):
                continue  # where DVC 2 had its cache, DVC 3 leaves listings of folders, which nothing refers to
            found[place] = f"{_kind(path, root)}\n".encode() + path.read_bytes()
    return found


def _kind(path: Path, root: Path) -> str:
    """The mode of a file, how many hard links it has, and where in the project a symbolic link points to."""
    status = path.stat()
    target = f" -> {os.path.relpath(path.readlink(), root)}" if path.is_symlink() else ""
    return f"{status.st_mode:o} {status.st_nlink}{target}"


def differences(ours: Path, theirs: Path) -> list[str]:
    """In what two projects differ: lines of texts, ours (+) from theirs (-)."""
    one, other = tree(ours), tree(theirs)
    lines = []
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            theirs_, ours_ = (part.get(name, b"(not there)").decode(errors="replace") for part in (other, one))
            lines += [name, *difflib.unified_diff(theirs_.splitlines(), ours_.splitlines(), n=1, lineterm="")]
    return lines

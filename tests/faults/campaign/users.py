"""Another user in somebody's project, who may read or write more of it or less: all ends, and says why it can't."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.faults.campaign import small
from tests.faults.campaign.part import Part
from tests.project import Project
from tests.running import copy_of, state_of

_COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status",), "why": ("why", "joined"), "verify": ("verify",), "diff": ("diff",), "run": ("run",),
    "plan": ("run", "--dry-run"), "provenance": ("provenance", "df01"), "code": ("code", "status"), "log": ("log",),
}  # fmt: skip
# Nobody's own ids, as most systems have them.
_OTHER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
_HANGS_S = 60
_OWN = ".dvc/tmp/morphseq"


def _read_only(project: Project, chance: Random) -> None:
    """Everybody may read."""


def _writable(project: Project, chance: Random) -> None:
    """Everybody may write, but git does not trust the folder."""
    _open_up(project.root)


def _closed_file(project: Project, chance: Random) -> None:
    """One file is for its owner alone."""
    _open_up(project.root)
    chance.choice(sorted(path for path in (project.root / "data").rglob("*") if path.is_file())).chmod(0o600)


def _closed_record(project: Project, chance: Random) -> None:
    """One of the records is for its owner alone."""
    _open_up(project.root)
    (project.root / chance.choice(["params.yaml", "dvc.yaml", "dvc.lock", ".dvcignore", ".dvc/config"])).chmod(0o600)


def _closed_folder(project: Project, chance: Random) -> None:
    """One folder is for its owner alone."""
    _open_up(project.root)
    chance.choice(sorted(path for path in (project.root / "data").rglob("*") if path.is_dir())).chmod(0o700)


def _closed_own(project: Project, chance: Random) -> None:
    """What the owner's commands have left in the tool's own folder is for the owner alone."""
    project.run("morphseq", "status", "--json", fails=True)
    notes = project.root / _OWN / "failed"
    notes.mkdir(parents=True, exist_ok=True)
    (notes / "images@20240418.txt").write_text("the owner's")
    _open_up(project.root)
    for path in [project.root / _OWN, *(project.root / _OWN).rglob("*")]:
        if chance.random() < 0.5:
            path.chmod(0o700 if path.is_dir() else 0o600)


def _closed_cache(project: Project, chance: Random) -> None:
    """DVC's cache is for its owner alone."""
    _open_up(project.root)
    (project.root / ".dvc/cache").chmod(0o700)


def _open_up(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else path.stat().st_mode | 0o666)


_SITUATIONS: dict[str, Callable[[Project, Random], None]] = {
    "read-only": _read_only, "writable": _writable, "closed file": _closed_file, "closed record": _closed_record,
    "closed folder": _closed_folder, "closed own": _closed_own, "closed cache": _closed_cache,
}  # fmt: skip


def hinders() -> str:
    """Why nobody else can be here."""
    if os.geteuid() or not shutil.which("setpriv"):
        return "only root can be somebody else, with setpriv"
    with tempfile.NamedTemporaryFile() as file:
        mine = subprocess.run([*_OTHER, "cat", file.name], capture_output=True, check=False)
    program = shutil.which("morphseq") or "morphseq"
    able = subprocess.run([*_OTHER, program, "--version"], capture_output=True, check=False)
    return "" if mine.returncode and able.returncode == 0 else "another user can't run what is installed here"


def rounds(prepared: Path) -> Mapping[str, int]:
    """Each command in each situation twice."""
    return {f"{situation}: {command}": 2 for situation in _SITUATIONS for command in _COMMANDS}


@contextmanager
def _place() -> Iterator[Path]:
    """A folder that others can get to."""
    folder = Path(tempfile.mkdtemp(prefix="users-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Let another user type a command in an edited project."""
    situation, _, command = kind.partition(": ")
    with _place() as place:
        project = copy_of(prepared / "edited", place / "project")
        project.root.chmod(0o755)
        _SITUATIONS[situation](project, chance)
        before = state_of(project.root)
        environment = project.environment() | {"HOME": str(place), "DVC_SITE_CACHE_DIR": str(place / "site")}
        try:
            done = subprocess.run(
                [*_OTHER, "morphseq", *_COMMANDS[command]], cwd=project.root, env=environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_HANGS_S,
                check=False, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return ["it hangs"]
        return [f"{line}:\n{done.stdout}" for line in _wrong(prepared, project, situation, command, done, before)]


def _wrong(
    prepared: Path, project: Project, situation: str, command: str, done: "subprocess.CompletedProcess[str]",
    before: dict[str, str],
) -> Iterator[str]:  # fmt: skip
    """What is wrong with how a command ended."""
    for word in ("Traceback", "input or output"):
        if word in done.stdout:
            yield word
    if done.returncode not in range(5):
        yield f"exit status {done.returncode}"
    if command in {"status", "plan"} and done.returncode == 0:
        yield "exit status 0 of an edited project"
    if "is no commit" in done.stdout:
        yield "git's distrust is told as a commit that is not there"
    if command != "run" or situation == "read-only":
        if state_of(project.root) != before:
            yield "something is another"
    elif done.returncode == 0 and small.other_than_second(prepared, project):
        yield "exit status 0, and something is not as it should be"


USERS = Part("users", small.states, rounds, attempt, hinders)

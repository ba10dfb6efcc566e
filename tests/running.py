"""What the tests of `morphseq run` share: all that a run leaves behind, and the toy pipeline it is tried on."""

import difflib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from dvc.repo import Repo

from morphseq_manifest.base import files
from tests import toy
from tests.project import Project

DEADLINE_S = 120
Change = Callable[[Project], None]

# Some stages run warm, in a worker that has their module, and some by a shell; one makes a program out of settings
# alone, by two commands, and one a folder with a folder in it.
MIXED = (
    toy.PIPELINE.replace("python stage.py '${key}' ${paths", "python -m stage '${key}' ${paths")
    .replace("python stage.py all ${paths", "python -m stage all ${paths")
    .replace("to data/df03/", "to data/df03/ data/df03/deep/")
    .replace("      - data/df01.csv\n      - data/lat", "      - data/df01.csv\n      - data/list.sh\n      - data/lat")
    .replace("stages:\n", "stages:\n" + """\
  list:
    cmd:
      - python stage.py list to data/list.sh
      - chmod +x data/list.sh
    params:
      - experiments
    outs:
      - data/list.sh
""", 1)
)  # fmt: skip


# As MIXED, by stages that say how far they are in the file `ticks`, wait there as long as there is a file `hold`, or so
# many seconds as the file `pause` has in it, and fail where the file `fail` names what they make; some commands are
# more than a shell can turn into.
SLOW = MIXED.replace("to data/latents/${model_name}/${key}.csv", "to data/latents/${model_name}/${key}.csv && true")
_STEP = """\
import os, time
def tick():
    with open("ticks", "ab", 0) as file:
        file.write(b".")
    if os.path.exists("pause"):
        time.sleep(float(open("pause").read()))
    while os.path.exists("hold"):
        time.sleep(0.01)
def write(path, text):
    with path.open("w") as file:
        file.write(text[:len(text) // 2])
        file.flush()
        tick()
        print("making", path, flush=True)
        if os.path.exists("fail") and str(path) in open("fail").read().split():
            sys.exit(f"can't make {path}")
        file.write(text[len(text) // 2:])
    tick()
"""


def slow(root: Path) -> Project:
    """The toy project with such stages; nothing has run yet."""
    project = toy.write(root, SLOW)
    text = toy.STAGE.replace("pathlib.Path(path).write_text(", "write(pathlib.Path(path), ")
    (root / "stage.py").write_text(_STEP + text)
    (root / ".git/info/exclude").write_text("/ticks\n/pause\n/hold\n/fail\n")
    return project


def state_of(root: Path) -> dict[str, str]:
    """What a run leaves behind, file by file: dvc.lock and settings as text, all else by mode and hash."""
    found = {name: (root / name).read_text() for name in ("dvc.lock", "params.yaml") if (root / name).exists()}
    # Beside these two, DVC leaves listings of folders where DVC 2 had its cache, which nothing refers to.
    for top in (".dvc/cache/files", ".dvc/cache/runs", "data", "manifests", "metrics"):
        for folder, _, names in os.walk(root / top):
            for name in names:
                if name.startswith(files.TEMPORARY):
                    continue  # left by a killed process
                path = Path(folder, name)
                mode = f"{path.stat().st_mode:o}" if top.startswith(".dvc") else ""
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(root))] = f"{mode} {digest}"
    return found


def differences(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """In what two states differ, ours (+) from theirs (-): lines of the lock and the settings, names of files."""
    texts = ("dvc.lock", "params.yaml")
    found = [
        line.rstrip()
        for name in texts
        for line in difflib.unified_diff(theirs.get(name, "").splitlines(), ours.get(name, "").splitlines(), n=1)
    ]
    names = [name for name in ours.keys() | theirs.keys() if name not in texts and ours.get(name) != theirs.get(name)]
    return found + [f"{theirs.get(name, '-')} {ours.get(name, '+')} {name}" for name in sorted(names)]


def status(root: Path) -> dict[str, Any]:
    """What `dvc status` says; nothing if all is up to date."""
    with Repo(str(root)) as repo:
        found: dict[str, Any] = repo.status()
    return found


def ended(output: str) -> dict[str, str]:
    """How it ended with each stage, from what `morphseq run --json` prints."""
    lines = output.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith("{"))
    stages: dict[str, dict[str, Any]] = msgspec.json.decode("".join(lines[start:]))["stages"]
    return {name: str(result["end"]) for name, result in stages.items()}


def named(ends: dict[str, str], end: str) -> set[str]:
    """The stages with which it ended so."""
    return {name for name, found in ends.items() if found == end}


def run_json(project: Project, *arguments: str | Path, code: int = 0) -> dict[str, str]:
    """`morphseq run --json`: how it ended with each stage."""
    return ended(project.morphseq("run", "--json", *arguments, code=code))


class Step(msgspec.Struct):
    """What DVC did after one change."""

    state: dict[str, str]
    ran: set[str]
    restored: set[str]


def steps_of_dvc(project: Project, changes: Sequence[Change]) -> list[Step]:
    """What `dvc repro` does after each of the changes."""
    steps = []
    for change in changes:
        change(project)
        ran = project.repro()
        steps.append(Step(state_of(project.root), ran.stages - ran.restored, ran.restored))
    return steps


def check_steps(project: Project, changes: Sequence[Change], by_dvc: Sequence[Step], how: Sequence[str]) -> None:
    """Assert that `morphseq run` leaves the same behind after each of the changes, having run and restored the same."""
    for change, step in zip(changes, by_dvc, strict=True):
        change(project)
        ends = run_json(project, *how)
        assert differences(state_of(project.root), step.state) == [], change.__name__
        assert named(ends, "ran") == step.ran, change.__name__
        assert named(ends, "restored") == step.restored, change.__name__
        assert status(project.root) == {}, change.__name__


def copy_of(source: Path, to: Path) -> Project:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(source, to, symlinks=True)
    return Project(to)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until, f"waited too long: {what}"
        time.sleep(0.001)


def ticks(project: Project) -> int:
    path = project.root / "ticks"
    return path.stat().st_size if path.exists() else 0


def words_of(pid: str) -> list[str]:
    """What the kernel says of a process: state, parent, group, session."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children(parent: int) -> list[int]:
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and words_of(pid)[1:2] == [str(parent)]]


def workers(runner: int) -> list[int]:
    return [pid for pid in children(runner) if b"morphseq_manifest.tracker.run.worker" in command(pid)]


def reapers(runner: int) -> list[int]:
    return [pid for pid in children(runner) if b"tracker/run/reaper.py" in command(pid)]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def at_work(root: Path) -> list[bytes]:
    """The processes that are still at work in a project."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{pid}/cwd").readlink() == root and words_of(pid)[:1] not in ([], ["Z"]):
                found.append(command(int(pid)))
        except OSError:
            continue
    return found


def blocks(root: Path) -> dict[str, str]:
    """The entries of dvc.lock as they stand there."""
    path = root / "dvc.lock"
    text = path.read_text() if path.exists() else "schema: '2.0'\nstages:\n"
    head, *found = text.replace("\n  ", "\n\0  ").split("\0  ")
    assert head == "schema: '2.0'\nstages:\n"
    assert text.endswith("\n")
    entries: dict[str, str] = {}
    name = ""
    for part in found:
        if not part.startswith((" ", "-")):
            name = part.partition(":\n")[0]
        entries[name] = entries.get(name, "") + part
    return entries

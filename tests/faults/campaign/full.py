"""A file system of its own that is really full, or about to be: run, status, verify and provenance there."""

import ctypes
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.faults.campaign import calls
from tests.faults.campaign.faulty import Ended
from tests.faults.campaign.part import Part
from tests.running import blocks, copy_of, state_of

_BYTES = 64 << 20
# Left free, in pages of 4 KiB: the first kinds of write fail first.
_PAGES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_HANGS_S = 60
_NEW_MOUNTS, _PRIVATE, _RECURSIVE = 0x20000, 1 << 18, 1 << 14


def hinders() -> str:
    """Why no file system can be mounted here."""
    if os.geteuid():
        return "only root can mount a file system"
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else "no file system can be mounted here"


def rounds(prepared: Path) -> Mapping[str, int]:
    """Each command at each fill."""
    return dict.fromkeys(calls.COMMANDS, len(_PAGES))


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Run a command on a file system with so much space left, and again when there is more."""
    disk = folder / "disk"
    disk.mkdir()
    _mount(disk)
    state = chance.choice(calls.STATES[kind])
    project = copy_of(prepared / state, disk / "project")
    before, old = state_of(project.root), blocks(project.root) if kind == "run" else {}
    filler = disk / "filler"
    _fill(filler, 4096 * _PAGES[number])
    try:
        done = subprocess.run(
            calls.COMMANDS[kind], cwd=project.root, env=project.environment(), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_HANGS_S, check=False, errors="replace",
        )  # fmt: skip
        ended = Ended(done.returncode, done.stdout, 0)
    except subprocess.TimeoutExpired:
        ended = Ended(None, "", 0)
    filler.unlink()
    found = ended.faults((0, 1, 2, 3, 4))
    if kind == "run":
        found += calls.after_run(prepared, project, ended, old)
    else:
        found += calls.after_looking(project, calls.COMMANDS[kind], state, ended, before)
    return [f"with {_PAGES[number]} pages free: {line}" for line in found]


def _mount(folder: Path) -> None:
    """Mount an empty file system that this process and those it starts see, and that is gone with them."""
    library = ctypes.CDLL(None, use_errno=True)
    for failed in (
        library.unshare(_NEW_MOUNTS),
        library.mount(b"none", b"/", None, _PRIVATE | _RECURSIVE, None),
        library.mount(b"none", os.fsencode(folder), b"tmpfs", 0, f"size={_BYTES}".encode()),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))


def _fill(path: Path, left: int) -> None:
    """Write a file that leaves so many bytes free."""
    status = os.statvfs(path.parent)
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - left)


FULL = Part("full", calls.prepare, rounds, attempt, hinders)

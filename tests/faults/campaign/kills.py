"""`kill -9` at some open, read, write or rename of run, status, verify, `dvc repro`, and of what they start."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.faults.campaign import calls, faulty, small
from tests.faults.campaign.faulty import Ended, Fault
from tests.faults.campaign.part import Part
from tests.project import Project
from tests.running import at_work, blocks, copy_of, state_of, wait_until

# By command: its words, the word in the command line of the processes that are killed, and how often each is.
_COMMANDS: dict[str, tuple[tuple[str, ...], str, int]] = {
    "run": (("morphseq", "run", "-j", "2"), "bin/morphseq", 16),
    "worker": (("morphseq", "run", "-j", "2"), "tracker.run.worker", 8),
    "reaper": (("morphseq", "run", "-j", "2"), "run/reaper.py", 4),
    "stage": (("morphseq", "run", "-j", "2"), "python stage.py", 4),
    "status": (("morphseq", "status"), "morphseq", 8),
    "verify": (("morphseq", "verify"), "morphseq", 8),
    "dvc": (("dvc", "repro", "packed"), "bin/dvc", 16),
}
_CALLS = ("open", "read", "write", "rename")
_KILLED = -9


def rounds(prepared: Path) -> Mapping[str, int]:
    """So often each."""
    return {f"{name} {call}": often for name, (_, _, often) in _COMMANDS.items() for call in _CALLS}


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Kill at one call of those that the command makes, and look at what is there then and after the next run."""
    name, call = kind.split()
    command, only, _ = _COMMANDS[name]
    state = "frames" if name == "verify" else "edited"
    every = _calls(prepared / state, folder, command, Fault(call, 0, "kill"), only)
    if not every:
        return []  # it makes none of these calls
    project = copy_of(prepared / state, folder / "project")
    before, old = state_of(project.root), blocks(project.root)
    fault = Fault(call, chance.randint(1, every), "kill")
    ended = faulty.run(project, command, fault, only)
    found = [f"at call {fault.at} of {every}: {line}" for line in ended.faults((_KILLED, 0, 1, 4, 255))]
    if name in {"status", "verify"}:
        looked = Ended(None if ended.code == _KILLED else ended.code, ended.output, ended.calls)
        return found + calls.after_looking(project, command, state, looked, before)
    wait_until(lambda: not at_work(project.root), "for what was started to end")
    if name == "dvc":
        small.remove_left_by_dvc(project)
        found += _restored_lock(project)
    return found + calls.after_run(prepared, project, ended, old)


def _calls(source: Path, folder: Path, command: tuple[str, ...], fault: Fault, only: str) -> int:
    """How many there are if nothing is killed."""
    return faulty.run(copy_of(source, folder / "counted"), command, fault, only).calls


def _restored_lock(project: Project) -> list[str]:
    """Restore dvc.lock if DVC has left it empty, since it does not write it in one step; that must be refused here."""
    lock = project.root / "dvc.lock"
    if lock.read_bytes():
        return []
    code, output = project.ending("morphseq", "status")
    project.run("git", "checkout", "dvc.lock")
    return [] if code == 3 and "dvc.lock" in output else [f"exit status {code} of an empty dvc.lock:\n{output}"]


KILLS = Part("kills", calls.prepare, rounds, attempt, faulty.hinders)

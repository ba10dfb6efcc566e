"""Every k-th write, fsync, rename, open, link and read of run, status, verify and provenance fails once."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

from morphseq_manifest.base.errors import ExitCode
from tests.faults.campaign import faulty, small
from tests.faults.campaign.faulty import FAILURES, Ended, Fault
from tests.faults.campaign.part import Part
from tests.faults.campaign.truth import wrong_verdict
from tests.project import Project
from tests.running import at_work, blocks, copy_of, state_of, wait_until

COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("morphseq", "run", "-j", "2"),
    "status": ("morphseq", "status"),
    "verify": ("morphseq", "verify"),
    "provenance": ("morphseq", "provenance", "df01", "--check"),
}
STATES = {"run": ("edited",), "status": ("edited", "first"), "verify": ("frames",), "provenance": ("cohort",)}


def prepare(folder: Path) -> None:
    """Make the projects."""
    small.states(folder)
    small.cohort(folder)
    small.frames(folder)


def rounds(prepared: Path) -> Mapping[str, int]:
    """How many calls of each kind a command makes: each fails once."""
    found = {}
    for name, command in COMMANDS.items():
        for call in FAILURES:
            project = copy_of(prepared / STATES[name][0], prepared / "counted")
            calls = faulty.run(project, command, Fault(call, 0, "EIO")).calls
            if calls:
                found[f"{name} {call}"] = calls
    return found


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Make one call fail, and look at what is there then, and after the same command without."""
    name, call = kind.split()
    fault = Fault(call, number + 1, chance.choice(FAILURES[call]))
    state = chance.choice(STATES[name])
    project = copy_of(prepared / state, folder / "project")
    before, old = state_of(project.root), blocks(project.root)
    ended = faulty.run(project, COMMANDS[name], fault)
    found = [f"{fault.how} of call {fault.at}: {line}" for line in ended.faults((0, 1, 2, 3, 4))]
    if name == "run":
        return found + after_run(prepared, project, ended, old)
    return found + after_looking(project, COMMANDS[name], state, ended, before)


def after_looking(
    project: Project, command: tuple[str, ...], state: str, ended: Ended, before: dict[str, str]
) -> list[str]:
    """What is wrong after a command that only looks."""
    found = []
    if state == "edited" and ended.code == ExitCode.OK:
        found.append(f"all is up to date, of an edited project:\n{ended.output}")
    if state != "edited" and ended.code in {ExitCode.STALE, ExitCode.CONTENT} and "can't be" not in ended.output:
        found.append(f"something is out of date or damaged, of a project that is whole:\n{ended.output}")
    if state_of(project.root) != before:
        found.append("a command that looks has changed something")
    code, output = project.ending(*command)
    if code != (ExitCode.STALE if state == "edited" else ExitCode.OK):
        found.append(f"afterwards, exit status {code}:\n{output}")
    return found


def after_run(prepared: Path, project: Project, ended: Ended, old: dict[str, str]) -> list[str]:
    """What is wrong after a run, and after another one, in which nothing fails."""
    wait_until(lambda: not at_work(project.root), "for what the run had started to end")
    found = []
    new = blocks(prepared / "second")
    recorded = blocks(project.root)
    found += [f"dvc.lock has {name} half made" for name in recorded if recorded[name] not in (old.get(name), new[name])]
    found += wrong_verdict(project.root)
    if ended.code == ExitCode.OK and recorded != new:
        found.append(f"exit status 0, and not all is recorded:\n{ended.output}")
    code, output = project.ending("morphseq", "run")
    if code != ExitCode.OK:
        found.append(f"afterwards, exit status {code}:\n{output}\nand before\n{ended.output}")
    found += [f"afterwards: {line}" for line in small.other_than_second(prepared, project)]
    own = project.root / ".dvc/tmp/morphseq"
    found += [f"left behind: {path}" for place in ("aside", "running") for path in (own / place).glob("*")]
    return found


CALLS = Part("calls", prepare, rounds, attempt, faulty.hinders)

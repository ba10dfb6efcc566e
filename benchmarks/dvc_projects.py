"""Figures of status and run in any DVC project, in seconds of processors; git, doit, ninja and DVC beside."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks import copying, shapes
from benchmarks.figures import Figure, Taken, command, cpu_and_wall, may_fail, settle
from benchmarks.status import STATUS, project

RUN = ("morphseq", "run", "--jobs", "2")


def figures(quick: bool) -> Iterator[Figure]:
    """Whole processes, start-up included; the machine should have nothing else to do."""
    yield from status_of_many(60 if quick else 2000)
    yield status_of_the_smallest()
    yield status_of_frames(2_000 if quick else 200_000)
    yield from run_of_few(10 if quick else 100, quick)
    yield run_of_many(50 if quick else 1000)
    if not quick:  # DVC takes minutes for them
        yield from shapes.figures()


def status_of_many(experiments: int) -> Iterator[Figure]:
    """Six stages an experiment: nothing has changed, or one frame has."""
    with project(experiments) as (root, listed):
        settle(root, *STATUS)
        git = cpu_and_wall(command("git", "status", "--porcelain", folder=root), 5)
        ours = cpu_and_wall(may_fail(*STATUS, folder=root), 5)
        note = f"{ours} for {6 * experiments + 1} stages; git status: {git}"
        yield Figure("status, nothing changed: s of processors", ours.cpu, 0.2, note=note)
        frame = next((root / "data/frames" / listed[0]).iterdir())
        ours = cpu_and_wall(may_fail(*STATUS, folder=root), 5, before=lambda: _touch(frame))
        yield Figure("status, one file changed: s of processors", ours.cpu, 0.3, note=str(ours))


def _touch(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b".")


def status_of_the_smallest() -> Figure:
    """One stage."""
    with copying.project(0, 1) as root:
        command(*RUN, folder=root)()
        settle(root, *STATUS)
        ours = cpu_and_wall(command(*STATUS, folder=root), 9)
        git = cpu_and_wall(command("git", "status", "--porcelain", folder=root), 9)
        python = cpu_and_wall(command("python", "-c", "pass", folder=root), 9)
    note = f"{ours}; git status: {git}; python alone: {python}"
    return Figure("status of one stage: s of processors", ours.cpu, 0.06, note=note)


def status_of_frames(frames: int) -> Figure:
    """Many frames in the folders of 133 experiments, which git tracks too."""
    with project(133, frames // 133) as (root, _):
        (root / ".gitignore").write_text("/data/*\n!/data/frames\n")
        for words in (("add", "."), ("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "all")):
            command("git", *words, folder=root)()
        settle(root, *STATUS)
        command("git", "status", "--porcelain", folder=root)()  # it too has an index to bring up to date
        git = cpu_and_wall(command("git", "status", "--porcelain", folder=root), 3)
        ours = cpu_and_wall(may_fail(*STATUS, folder=root), 3)
    note = f"{ours} against {git} for {frames} frames"
    return Figure("status of frames: times git status", ours.cpu / git.cpu, 1.2, note=note)


def run_of_few(groups: int, quick: bool) -> Iterator[Figure]:
    """Stages that copy a file: all for the first time, one changed, nothing to do."""
    others = _others(groups, quick)
    with copying.project(groups, 3) as root:
        ours = cpu_and_wall(command(*RUN, folder=root), 1)
        note = _note(f"{ours} for {3 * groups + 3} stages", {name: first for name, (first, _) in others.items()})
        yield Figure("run, first: s of processors", ours.cpu, 1.5, note=note)
        given = root / "in/0.txt"
        ours = cpu_and_wall(command(*RUN, folder=root), 5, before=lambda: _touch(given))
        yield Figure("run, one changed: s of processors", ours.cpu, 0.25, note=str(ours))
        settle(root, *RUN)
        ours = cpu_and_wall(command(*RUN, folder=root), 5)
        note = _note(str(ours), {name: again for name, (_, again) in others.items()})
        yield Figure("run, nothing to do: s of processors", ours.cpu, 0.12, note=note)


def _others(groups: int, quick: bool) -> dict[str, tuple[Taken, Taken]]:
    """What other programs that are there take for the same stages, first and again."""
    found = {}
    for name, (words, write) in copying.OTHERS.items():
        if not shutil.which(words[0]) or (quick and name == "dvc"):
            continue
        with copying.project(groups, 3) as root:
            write(root, groups)
            first, again = (cpu_and_wall(command(*words, folder=root), 1) for _ in range(2))
            found[name] = first, again
    return found


def _note(ours: str, others: dict[str, Taken]) -> str:
    return "; ".join([ours, *(f"{name}: {taken}" for name, taken in others.items())])


def run_of_many(groups: int) -> Figure:
    """Ten times as many."""
    with copying.project(groups, 3) as root:
        ours = cpu_and_wall(command(*RUN, folder=root), 1)
    count = 3 * groups + 3
    note = f"{ours} for {count} stages"
    return Figure("run of many: ms of processors a stage", ours.cpu / count * 1000, 6, note=note)

"""The small projects that faults are tried on, each in the states that it goes through."""

import re
from pathlib import Path

import msgspec

from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from tests import toy
from tests.project import Project
from tests.running import MIXED, copy_of, differences, state_of

_AFTER = "second.json"
_LEFT_BY_DVC = re.compile(r"\.[A-Za-z0-9_-]{22}\.tmp")
# Without the names of the tables that have manifests: what has no experiments can be up to date as a whole.
_PIPELINE = (
    MIXED.replace("  df01:\n", "  joined:\n").replace("  df03:\n", "  packed:\n").replace("s.df01\n", "s.joined\n")
)


def states(folder: Path) -> None:
    """The toy pipeline after a `dvc repro` (`first`), edited since (`edited`), and what another one makes of that."""
    project = toy.write(folder / "first", _PIPELINE)
    project.edit("params.yaml", "df01:", "joined:")
    project.repro("packed")
    project.run("morphseq", "code", "accept")
    project.commit("One")
    edited = copy_of(folder / "first", folder / "edited")
    edit(edited)
    second = copy_of(folder / "edited", folder / "second")
    second.repro("packed")
    (folder / _AFTER).write_bytes(msgspec.json.encode(state_of(second.root)))


def edit(project: Project) -> None:
    """Change a frame, a setting and a command."""
    (project.root / "data/frames/20240418/A01_t0001.png").write_text("another frame")
    project.edit("params.yaml", "large: 0.15", "large: 0.2")
    project.edit("dvc.yaml", "python stage.py '${key}' data/labels", "python stage.py 'x${key}' data/labels")


def other_than_second(prepared: Path, project: Project) -> list[str]:
    """In what a project differs from what `dvc repro` made of the edited one; what a killed process left is nothing."""
    second = msgspec.json.decode((prepared / _AFTER).read_bytes(), type=dict[str, str])
    found = differences(state_of(project.root), second)
    # Of outputs that were replaced, the run cache may have one more or one less: what a stage made that was cut off.
    return [line for line in found if ".dvc/cache/" not in line]


def cohort(folder: Path) -> None:
    """A project with df01 built of three experiments, committed."""
    from benchmarks import cohort as benchmark
    from benchmarks.synthetic import lock_table, synthesise

    root = folder / "cohort"
    root.mkdir()
    synthesise(root, 3, 30)
    project = Project(root)
    project.run("python", "-m", "stages.df01")
    lock_table(root, "df01")
    benchmark.commit(root)


def frames(folder: Path) -> None:
    """A project of one experiment with a few frames, as recorded."""
    from tests.answers.verifying import FRAMES, listed_frames

    def write(path: Path, number: int) -> tuple[int, str]:
        data = f"frame {number}".encode()
        path.write_bytes(data)
        return len(data), hash_bytes(data)

    project = listed_frames(folder / "frames", write, 5)
    read = {path.name: md5_bytes(path.read_bytes()) for path in (project.root / FRAMES / "20240418").iterdir()}
    project.edit("dvc.lock", f"{'0' * 32}.dir", folder_md5(read))


def remove_left_by_dvc(project: Project) -> None:
    """Remove the empty or trial files that a killed DVC leaves beside outputs, and counts as content from then on."""
    for path in [*(project.root / "data").rglob(".*.tmp"), *(project.root / "manifests").rglob(".*.tmp")]:
        if _LEFT_BY_DVC.fullmatch(path.name):
            path.unlink()

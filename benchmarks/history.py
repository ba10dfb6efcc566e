"""Figures of what is asked of git's history, at the lab's scale: 133 experiments, 700,000 rows, 500 commits."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import past_tables
from benchmarks.figures import Figure, command, cpu_and_wall
from benchmarks.planted import Planted
from benchmarks.projects import names
from stages.files import layout

_WELLS = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 12)]
# A frame of each well, so often: with one embryo in each, 700,000 rows.
_TIMES = 60


def figures(quick: bool) -> Iterator[Figure]:
    """What `morphseq blame`, `show`, `diff --rows` and `bisect` take, start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        listed = plant(root, *((20, _WELLS[:8], 60) if quick else (133, _WELLS, 500)))
        yield from blame_figures(root, listed)
        yield from past_tables.figures(quick, Path(folder))


def blame_figures(root: Path, listed: Sequence[str]) -> Iterator[Figure]:
    """One snip, of an experiment that has changed often; and what has changed of it since the first commit."""
    snip = f"{listed[0]}_A01_e01_t0001"
    first = _git(root, "rev-list", "--max-parents=0", "HEAD").decode().strip()
    asked = {"a snip": (), "a snip at HEAD": ("--rev", "HEAD"), "a snip since the first commit": ("--since", first)}
    for name, options in asked.items():
        taken = cpu_and_wall(command("morphseq", "blame", snip, *options, folder=root), 5)
        yield Figure(f"blame of {name}: s", taken.wall, 0.3, note=str(taken))


def plant(root: Path, experiments: int, wells: Sequence[str], commits: int) -> list[str]:
    """Make a project with so many experiments and commits; returns the experiments, of which the first changes most."""
    listed = names(experiments)
    planted = Planted(root, listed, wells, _TIMES)
    planted.start()
    planted.write()
    planted.run()
    _git(root, "add", "--all")
    _commit(root, "Everything has run")
    lock = (root / "dvc.lock").read_bytes()
    script = [b"reset refs/heads/main\nfrom refs/heads/main^0\n"]
    for number in range(1, commits - 1):
        name = listed[0 if number % 50 == 0 else number % experiments]
        # Of every commit another lock, as runs leave it; that of the last one is what a run of it all records.
        edited = _edited(planted, name, number) | {"dvc.lock": lock.replace(b"size: 1\n", b"size: %d\n" % number, 1)}
        script.append(_as_commit(number, edited))
    subprocess.run(["git", "fast-import", "--quiet", "--depth=0"], cwd=root, input=b"".join(script), check=True)
    _git(root, "reset", "--quiet", "--hard")
    planted.write()
    planted.run()
    _git(root, "add", "--all")
    _commit(root, "Everything has run again")
    return listed


def _edited(planted: Planted, name: str, number: int) -> dict[str, bytes]:
    """The files of one edit: a frame, a cell, a setting or a model."""
    key = list(planted.frames[name])[number * 7 % len(planted.frames[name])]
    match number % 4:
        case 0:
            planted.frames[name][key] += 1
            return {str(layout.images_manifest(name)): planted.images_manifest(name)}
        case 1:
            planted.cells[name][key]["temperature"] = f"{26 + number / 1000:.3f}"
            return {str(layout.plate_table(name)): planted.plate_table(name)}
        case 2:
            planted.settings["snips"]["blend_um"] = 50 + number
        case _:
            planted.models[list(planted.models)[number % len(planted.models)]] += 1
    return {path: data for path, data in planted.written(()).items()}


def _as_commit(number: int, files: dict[str, bytes]) -> bytes:
    """A commit for `git fast-import`."""
    subject = b"Edit %d" % number
    head = b"commit refs/heads/main\ncommitter Lab <lab@example.org> %d +0000\ndata %d\n%s\n"
    parts = [head % (1_700_000_000 + 3600 * number, len(subject), subject)]
    parts += [b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data) for path, data in files.items()]
    return b"".join(parts)


def _commit(root: Path, message: str) -> None:
    who = ("-c", "user.name=Lab", "-c", "user.email=lab@example.org")
    _git(root, *who, "commit", "--quiet", "--message", message)


def _git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True).stdout

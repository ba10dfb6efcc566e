"""Figures of `morphseq status` against `dvc status`, Snakemake and bare system calls, nothing having changed."""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks import projects
from benchmarks.figures import Figure, alternating, command, median_seconds, peak_memory, seconds
from morphseq_manifest.answers.status.report import status
from morphseq_manifest.tracker.disk import folder_stats
from morphseq_manifest.tracker.disk.workspace import Workspace

STATUS = ("morphseq", "status")
_SLOW_S = 0.005


def figures(quick: bool) -> Iterator[Figure]:
    """Warm figures first: whole processes, start-up included, after runs that do not count."""
    yield from many_experiments(*((30, 90) if quick else (500, 2000)), runs=1 if quick else 3)
    yield against_snakemake(40 if quick else 200, 1 if quick else 3)
    yield from many_frames(5_000 if quick else 500_000, quick)
    yield slow_storage(11 if quick else 96)
    yield cold(160 if quick else 1500, quick)


@contextmanager
def project(
    experiments: int, frames: int = 2, size: int = 16, *, settled: bool = True
) -> Iterator[tuple[Path, list[str]]]:
    """A synthetic project; unless not to be `settled`, one that `morphseq status` has looked at once."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        os.environ["DVC_SITE_CACHE_DIR"] = f"{folder}/site"
        listed = projects.make_built(root, experiments, frames, size)
        if settled:
            time.sleep(2.1)  # what is younger is not remembered
            command(*STATUS, folder=root)()
        yield root, listed


def many_experiments(few: int, many: int, runs: int) -> Iterator[Figure]:
    """Six stages an experiment with few files each."""
    with project(few) as (root, _):
        small = median_seconds(command(*STATUS, folder=root), 5)
    with project(many) as (root, _):
        large = median_seconds(command(*STATUS, folder=root), 5)
        ours, dvc = alternating(command(*STATUS, folder=root), command("dvc", "status", folder=root), runs)
    note = f"{ours:.2f} s against {dvc:.1f} s for {many} experiments x 6 stages"
    bound = 30 if many >= 2000 else 12  # start-up weighs more on few
    yield Figure("status: times faster than dvc status", dvc / ours, bound, at_least=True, note=note)
    each = (large - small) / (many - few) * 1000
    note = f"{small:.2f} s for {few}, {large:.2f} s for {many}"
    yield Figure("status: ms for each further experiment", each, 1, note=note)


def against_snakemake(experiments: int, runs: int) -> Figure:
    """The same graph, nothing to be done."""
    name = "status: times faster than snakemake -n"
    snakemake = program("snakemake")
    if snakemake is None:
        return Figure(name, None, 3, at_least=True, note=missing("snakemake"))
    with project(experiments) as (root, listed):
        projects.write_snakefile(root, listed)
        ours, other = alternating(
            command(*STATUS, folder=root), command(snakemake, "--dry-run", "--quiet", folder=root), runs
        )
    return Figure(name, other / ours, 3, at_least=True, note=f"{ours:.2f} s against {other:.2f} s, {experiments} exp.")


def program(name: str) -> str | None:
    """Where another program is: on the path, or where an environment variable, its name in capitals, says."""
    return os.environ.get(name.upper()) or shutil.which(name)


def missing(name: str) -> str:
    """What is said where it is not there."""
    return f"no {name} on the path, nor named by {name.upper()}"


def many_frames(frames: int, quick: bool) -> Iterator[Figure]:
    """133 experiments of many frames: against DVC, and against nothing but listing and taking stats."""
    with project(133, frames // 133) as (root, _):
        ours, dvc = alternating(command(*STATUS, folder=root), command("dvc", "status", folder=root), 1 if quick else 3)
        note = f"{ours:.2f} s against {dvc:.1f} s for {frames} frames"
        yield Figure("status of many frames: times faster than dvc status", dvc / ours, 8, at_least=True, note=note)
        processors = os.cpu_count() or 1
        name = "status of many frames: times scandir and stat"
        if quick:
            yield Figure(name, None, 1.5, note="takes more frames than --quick allows")
        else:
            ours, bare = alternating(lambda: in_process(root), lambda: scan(root, processors), 5)
            note = f"{ours:.2f} s against {bare:.2f} s on {processors} processors"
            yield Figure(name, ours / bare, 1.5, note=note)
        memory = peak_memory([Path(sys.executable).parent / STATUS[0], STATUS[1]], root)
        yield Figure("status of many frames: peak memory, MiB", memory, 400)


def in_process(root: Path) -> None:
    """`morphseq status` without the start of an interpreter, as the command does it."""
    gc.disable()
    try:
        status(root)
    finally:
        gc.enable()


def scan(root: Path, threads: int) -> None:
    """List every folder of frames and take the stat of each entry."""

    def one(folder: str) -> int:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries)

    with os.scandir(root / "data/frames") as folders, ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(one, [folder.path for folder in folders])) > 0


def slow_storage(frames: int) -> Figure:
    """5 ms added to the stat of each frame: how much sooner 16 threads are done than one."""
    with project(133, frames) as (root, _):
        folders = [f"data/frames/{folder.name}" for folder in (root / "data/frames").iterdir()]

        def look(threads: int) -> Callable[[], object]:
            return lambda: Workspace(root, threads).look(folders)

        plain = folder_stats.take_stat
        folder_stats.take_stat = slow_stat
        try:
            many, one = seconds(look(16)), seconds(look(1))
        finally:
            folder_stats.take_stat = plain
    note = f"{many:.1f} s against {one:.1f} s for {133 * frames} frames"
    return Figure("status on slow storage: 16 threads, times faster", one / many, 10, at_least=True, note=note)


def slow_stat(entry: "os.DirEntry[str]") -> os.stat_result:
    """A stat over a network."""
    time.sleep(_SLOW_S)
    return entry.stat()


def cold(frames: int, quick: bool) -> Figure:
    """Nothing remembered: the rate of md5sum, which is what the verdict needs, on all CPU cores; page cache warm."""
    size = 1_600_000  # the lab's mean
    with project(4, frames // 4, size, settled=False) as (root, _):
        files = "\0".join(str(path) for path in sorted((root / "data/frames").rglob("*.png"))).encode()
        processors = str(os.cpu_count() or 1)

        def ours() -> None:
            shutil.rmtree(root / ".dvc/tmp", ignore_errors=True)
            command(*STATUS, folder=root)()

        def md5sum() -> None:
            words = ["xargs", "--null", "--max-args=8", f"--max-procs={processors}", "md5sum"]
            subprocess.run(words, input=files, check=True, capture_output=True)

        mine, other = alternating(ours, md5sum, 1 if quick else 3)
    note = f"{mine:.2f} s against {other:.2f} s for {frames * size / 1e9:.1f} GB"
    bound = 0.4 if quick else 0.7  # start-up weighs more on few
    return Figure("status without its cache: share of md5sum's rate", other / mine, bound, at_least=True, note=note)

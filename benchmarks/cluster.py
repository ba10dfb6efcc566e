"""Figures of runs in a queueing system: a real SLURM, where one answers, and a simulated one with very many stages."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.figures import Figure, seconds

_PROGRAM = Path(__file__).with_name("simulated_queue.py")
_STAGES = "stages:\n  n:\n    foreach: ${items}\n    do: {cmd: 'echo > out/${item}.txt', outs: ['out/${item}.txt']}\n"
_SNAKEFILE = """\
FILES = [f"out/i{{number:05}}.txt" for number in range({count})]
rule all:
    input: FILES
rule n:
    output: "out/{{item}}.txt"
    shell: "echo > {{output}}"
"""
# Each job starts a Snakemake, which needs more than its command.
_SNAKEMAKE = ["--executor", "slurm", "--jobs", "300", "--slurm-no-account", "--slurm-status-command", "squeue",
              "--default-resources", "mem_mb=500", "runtime=5"]  # fmt: skip
_MIB = 1 << 20


def figures(quick: bool) -> Iterator[Figure]:
    """Wall time against a bare loop of sbatch, and what the run itself costs."""
    yield from of_the_run(300 if quick else 10_000)
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0:
        yield against_bare_loop(20 if quick else 301)
        yield against_snakemake(5 if quick else 40)


@contextmanager
def project(count: int) -> Iterator[Path]:
    """A project of so many trivial stages, in which nothing has run."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        for words in (["git", "init", "-q"], ["dvc", "init", "-q"]):
            subprocess.run(words, cwd=root, check=True)
        (root / "dvc.yaml").write_text(_STAGES)
        (root / "params.yaml").write_text("items:\n" + "".join(f"- i{number:05}\n" for number in range(count)))
        (root / "cluster.yaml").write_text("kind: slurm\njobs: 300\nneeds: {memory: 100M, time: 5m}\nretries: 5\n")
        (root / ".gitignore").write_text("/out\n")  # as data/ is here
        (root / "out").mkdir()
        yield root


def of_the_run(count: int) -> Iterator[Figure]:
    """Processor time and memory of the run alone, and how often it asks, with jobs that are lost or late."""
    with project(count) as root:
        home = root.parent / "queue"
        (home / "bin").mkdir(parents=True)
        for name in ("sbatch", "squeue", "scancel", "sacct"):
            (home / "bin" / name).write_text(f"#!{sys.executable} -SE\n{_PROGRAM.read_text()}")
            (home / "bin" / name).chmod(0o755)
        environment = os.environ | {"SIMULATED_QUEUE": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
        begun = time.perf_counter()
        words = ["morphseq", "run", "--cluster", "cluster.yaml"]
        process = subprocess.Popen(
            words, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        cpu, memory = watched(process)
        wall = time.perf_counter() - begun
        made = len(os.listdir(root / "out"))  # noqa: PTH208
        calls = [line.split() for line in (home / "calls").read_text().splitlines()]
    if process.returncode or made < count:
        raise SystemExit(f"the run ended with {process.returncode}, {made} of {count} stages done")
    submissions = sum(name == "sbatch" for _, name in calls)
    note = f"{count} stages in {wall:.0f} s, 1 % lost, 1 % late, 2 % of calls unanswered"
    yield Figure("cluster: CPU ms of the run a stage", 1000 * cpu / count, 5, note=note)
    yield Figure("cluster: MiB of the run", memory / _MIB, 200, note=note)
    yield Figure("cluster: calls of sbatch a second", submissions / wall, 10, note=f"{submissions} calls, {note}")


def watched(process: "subprocess.Popen[bytes]") -> tuple[float, int]:
    """Wait for a process; seconds of processors that it used itself, and its peak memory in bytes."""
    cpu, memory = 0.0, 0
    while process.poll() is None:
        try:
            found = psutil.Process(process.pid)
            times = found.cpu_times()
            cpu, memory = times.user + times.system, max(memory, found.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.1)
    process.wait()
    return cpu, memory


def against_bare_loop(count: int) -> Figure:
    """Stages as jobs of SLURM, and the same commands by a loop of sbatch and a wait for the last file."""
    with project(count) as root:
        ours = seconds(lambda: _quiet(["morphseq", "run", "--cluster", "cluster.yaml"], root))
    with project(count) as root:
        bare = seconds(lambda: _loop(count, root))
    note = f"{ours:.1f} s against {bare:.1f} s for {count} trivial stages"
    return Figure("cluster: times as long as a bare loop of sbatch", ours / bare, 1.1, note=note)


def against_snakemake(count: int) -> Figure:
    """Stages as jobs of SLURM by this, and rules of the same commands by Snakemake's executor for SLURM."""
    name = "cluster: times as fast as Snakemake's executor for SLURM"
    snakemake = os.environ.get("SNAKEMAKE") or shutil.which("snakemake")
    if not snakemake or "slurm" not in subprocess.run([snakemake, "--help"], capture_output=True, text=True).stdout:
        return Figure(name, None, 10, at_least=True, note="left out: no snakemake with that plugin on the path")
    with project(count) as root:
        ours = seconds(lambda: _quiet(["morphseq", "run", "--cluster", "cluster.yaml"], root))
    with project(count) as root:
        (root / "Snakefile").write_text(_SNAKEFILE.format(count=count))
        theirs = seconds(lambda: _quiet([snakemake, *_SNAKEMAKE], root))
        made = len(os.listdir(root / "out"))  # noqa: PTH208
    if made < count:
        raise SystemExit(f"snakemake has made {made} of {count} files")
    note = f"{ours:.1f} s against {theirs:.1f} s for {count} trivial stages"
    return Figure(name, theirs / ours, 10, at_least=True, note=note)


def _loop(count: int, root: Path) -> None:
    for number in range(count):
        wrap = f"--wrap=echo > out/i{number:05}.txt"
        _quiet(["sbatch", "--mem=100M", "--time=5", "--output=/dev/null", wrap], root)
    while len(os.listdir(root / "out")) < count:  # noqa: PTH208
        time.sleep(0.05)


def _quiet(words: list[str], root: Path) -> None:
    subprocess.run(words, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

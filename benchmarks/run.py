"""Figures of `morphseq run` on graphs that `dvc repro`, two of them side by side, paraffin and Snakemake run too."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import projects
from benchmarks.figures import Figure, command, seconds
from benchmarks.status import missing, program

RUN = ("morphseq", "run", "--jobs", "2")
_CPU_BOUND = "import time\nwhile time.process_time() < 1: pass"


def figures(quick: bool) -> Iterator[Figure]:
    """Whole processes, start-up included; trivial commands, so that all but the stages' work is measured."""
    few, many = (6, 30) if quick else (100, 500)
    yield from first_run(few, quick)
    yield from growth(few, many)
    yield from one_changed(many if not quick else 12, quick)
    yield two_processors(6 if quick else 10, quick)


@contextmanager
def project(experiments: int) -> Iterator[tuple[Path, list[str]]]:
    """A synthetic project in which nothing has run."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        os.environ["DVC_SITE_CACHE_DIR"] = f"{folder}/site"
        yield root, projects.make(root, experiments)


def first_run(experiments: int, quick: bool) -> Iterator[Figure]:
    """Everything for the first time, by each of the programs."""
    ours = our_time(experiments)
    with project(experiments) as (root, _):
        dvc = seconds(command("dvc", "repro", folder=root))
    note = f"{ours:.1f} s against {dvc:.0f} s for {experiments} experiments x 6 stages"
    bound = 5 if quick else 40  # what DVC takes grows with the square of the stages
    yield Figure("run: times faster than dvc repro", dvc / ours, bound, at_least=True, note=note)
    side_by_side = {"two dvc repro with --wait-for-lock": dvc_side_by_side(experiments)}
    if (paraffin := program("paraffin")) and not quick:
        side_by_side |= paraffin_side_by_side(experiments, paraffin)
    note = f"{ours:.1f} s against " + ", ".join(f"{taken:.0f} s of {name}" for name, taken in side_by_side.items())
    note += "" if paraffin else f"; {missing('paraffin')}"
    ratio = min(side_by_side.values()) / ours
    yield Figure("run: times faster than the best side by side", ratio, 3 if quick else 10, at_least=True, note=note)
    yield against_snakemake(experiments, 1 if quick else 3)


def our_time(experiments: int, runs: int = 3) -> float:
    """The median time of a first run."""
    times = []
    for _ in range(runs):
        with project(experiments) as (root, _):
            times.append(seconds(command(*RUN, folder=root)))
    return median(times)


def dvc_side_by_side(experiments: int) -> float:
    """Two `dvc repro` at once, each with half of the experiments, and then one for the cohort."""
    with project(experiments) as (root, listed):
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

        def both() -> None:
            started = []
            for half in (listed[::2], listed[1::2]):
                targets = [f"{stage}@{name}" for name in half for stage in ("build03", "latents")]
                words = ["dvc", "--wait-for-lock", "repro", "--quiet", *targets]
                started.append(subprocess.Popen(words, cwd=root, env=environment))
            for process in started:
                process.wait()
            command("dvc", "repro", folder=root)()

        return seconds(both)


def paraffin_side_by_side(experiments: int, paraffin: str) -> dict[str, float]:
    """Two workers of paraffin, with the DVC of their own environment; empty if they leave stages undone."""
    with project(experiments) as (root, _):
        words = ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "all")
        for part in words:  # it needs a commit
            command("git", *part, folder=root)()
        # Its worker starts the `dvc` that it finds on the path.
        environment = os.environ | {"PATH": f"{Path(paraffin).parent}{os.pathsep}{os.environ['PATH']}"}

        def both() -> None:
            subprocess.run([paraffin, "submit"], cwd=root, env=environment, capture_output=True, check=True)
            worker = [paraffin, "worker", "--timeout", "1"]
            started = [
                subprocess.Popen(
                    [*worker, "--name", name],
                    cwd=root,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.STDOUT,
                )
                for name in ("one", "other")
            ]
            for process in started:
                process.wait()

        taken = seconds(both)
        done = subprocess.run(["dvc", "status", "--quiet"], cwd=root, env=environment, check=False).returncode == 0
    return {"two workers of paraffin": taken} if done else {}


def against_snakemake(experiments: int, runs: int) -> Figure:
    """The same graph with two jobs at a time."""
    name = "run: times faster than snakemake -j2"
    snakemake = program("snakemake")
    if snakemake is None:
        return Figure(name, None, 1.5, at_least=True, note=missing("snakemake"))
    ours, others = [], []
    for _ in range(runs):
        with project(experiments) as (root, listed):
            ours.append(seconds(command(*RUN, folder=root)))
        with project(experiments) as (root, listed):
            projects.write_snakefile(root, listed)
            others.append(seconds(command(snakemake, "--jobs", "2", "--quiet", folder=root)))
    note = f"{median(ours):.1f} s against {median(others):.1f} s"
    return Figure(name, median(others) / median(ours), 1.5, at_least=True, note=note)


def growth(few: int, many: int) -> Iterator[Figure]:
    """How the time grows with the stages; trivial stages are all overhead."""
    small, large = our_time(few), our_time(many, 1)
    note = f"{small:.1f} s for {few}, {large:.1f} s for {many} experiments"
    yield Figure("run: ms for each stage", large / (6 * many + 1) * 1000, 20, note=note)
    yield Figure("run: growth, times proportional", large / small / (many / few), 1.3, note=note)


def one_changed(experiments: int, quick: bool) -> Iterator[Figure]:
    """One frame of one experiment has changed; the rest is up to date."""
    snakemake = program("snakemake")
    times: dict[str, list[float]] = {"ours": [], "dvc": [], "snakemake": []}
    with project(experiments) as (root, listed):
        projects.write_snakefile(root, listed)
        command(*RUN, folder=root)()
        command("dvc", "status", folder=root)()
        if snakemake:
            command(snakemake, "--touch", "--jobs", "2", "--quiet", folder=root)()
        frames = sorted((root / "data/frames" / listed[0]).iterdir())
        for number in range(1 if quick else 2):
            programs = {"ours": RUN, "dvc": ("dvc", "repro")} | (
                {"snakemake": (snakemake, "--jobs", "2", "--quiet")} if snakemake else {}
            )
            for key, words in programs.items():
                (frames[0].parent / f"B{number + 1:02d}_t0000_{key}.png").write_text("new")
                times[key].append(seconds(command(*words, folder=root)))
    ours, dvc = median(times["ours"]), median(times["dvc"])
    note = f"{ours:.2f} s against {dvc:.1f} s for one of {experiments} experiments"
    bound = 3 if quick else 20
    yield Figure("run, one changed: times faster than dvc repro", dvc / ours, bound, at_least=True, note=note)
    name = "run, one changed: times faster than snakemake"
    if snakemake is None:
        yield Figure(name, None, 1, at_least=True, note=missing("snakemake"))
        return
    other = median(times["snakemake"])
    yield Figure(name, other / ours, 1, at_least=True, note=f"{ours:.2f} s against {other:.2f} s")


def two_processors(experiments: int, quick: bool) -> Figure:
    """Stages that each keep a processor busy for a second, one and two at a time."""
    times = {}
    for jobs in ("1", "2"):
        with project(experiments) as (root, _):
            (root / "busy.py").write_text(_CPU_BOUND)
            text = (root / "dvc.yaml").read_text()
            (root / "dvc.yaml").write_text(text.replace("cmd: ls data/frames", "cmd: python busy.py; ls data/frames"))
            times[jobs] = seconds(command("morphseq", "run", "images", "--jobs", jobs, folder=root))
    note = f"{times['1']:.1f} s and {times['2']:.1f} s on {os.cpu_count()} processors"
    bound = 1.7 if quick else 1.9  # start-up weighs more on few
    return Figure(
        "run, 1 s of work a stage: times faster with -j 2", times["1"] / times["2"], bound, at_least=True, note=note
    )

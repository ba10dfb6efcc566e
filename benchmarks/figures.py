"""What a benchmark gives: figures with bounds, and how times are taken."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

_SETTLED_S = 2.1  # what is younger is not relied on


@dataclass(frozen=True)
class Figure:
    """A measured value and its bound, an upper one unless `at_least`. A value of None could not be measured."""

    name: str
    value: float | None
    bound: float
    at_least: bool = False
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the bound holds; what could not be measured is not held against it."""
        if self.value is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> str:
        """Name, value, bound, and `ok` or `short`."""
        sign = ">=" if self.at_least else "<="
        found = "-" if self.value is None else f"{self.value:.4g}"
        verdict = "not measured" if self.value is None else "ok" if self.ok else "short"
        note = f"  ({self.note})" if self.note else ""
        return f"{self.name:<58} {found:>9}  {sign} {self.bound:<7.4g} {verdict}{note}"


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_seconds(action: Callable[[], object], runs: int) -> float:
    """The median time of an action, after one run that does not count."""
    action()
    return median(seconds(action) for _ in range(runs))


def alternating(one: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float]:
    """The median times of two actions, run in turn after one of each that does not count."""
    one(), other()
    times = [(seconds(one), seconds(other)) for _ in range(runs)]
    return median(pair[0] for pair in times), median(pair[1] for pair in times)


def cpu_seconds(action: Callable[[], object]) -> float:
    """How long processors are busy with the processes that one call starts, and waits for, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_and_wall(action: Callable[[], object], runs: int, before: Callable[[], object] | None = None) -> "Taken":
    """The medians of both over some runs, with something done before each that does not count."""
    taken = []
    for _ in range(runs):
        if before:
            before()
        begun = time.perf_counter()
        cpu = cpu_seconds(action)
        taken.append(Taken(cpu, time.perf_counter() - begun))
    return Taken(median(one.cpu for one in taken), median(one.wall for one in taken))


class Taken(NamedTuple):
    """Seconds of processors, and on the clock."""

    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{self.cpu:.3g} s of processors, {self.wall:.3g} s"


def command(*parts: str | Path, folder: Path) -> Callable[[], None]:
    """Running a command of this environment in `folder`, which must succeed; its output is not kept."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it: what is imported is compiled once

    def run() -> None:
        subprocess.run([str(part) for part in parts], cwd=folder, env=environment, check=True, capture_output=True)

    return run


def settle(root: Path, *words: str) -> None:
    """Let the project be as it is for a while, and have the command look at it, which then knows it."""
    time.sleep(_SETTLED_S)
    for _ in range(2):
        may_fail(*words, folder=root)()


def may_fail(*words: str, folder: Path) -> Callable[[], None]:
    """A command that says by its exit status that something has changed."""
    run = command(*words, folder=folder)

    def attempt() -> None:
        try:
            run()
        except subprocess.CalledProcessError as error:
            if error.returncode != 1:
                raise

    return attempt


def peak_memory(parts: Sequence[str | Path], folder: Path) -> float:
    """The peak memory of a command in MiB, from a process that starts nothing else."""
    probe = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    words = [sys.executable, "-c", probe, *(str(part) for part in parts)]
    return float(subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout)

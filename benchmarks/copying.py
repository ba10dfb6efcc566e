"""A project of stages that copy a file: three groups of so many, and a chain of three; for other programs too."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import command

_GROUPS = ("one", "two", "three")


def steps(count: int, chain: int) -> Iterator[tuple[str, str, str]]:
    """Name, input and output of each stage, an earlier one first."""
    before = "in"
    for group in _GROUPS if count else ():
        for number in range(count):
            yield f"{group}@{number}", f"{before}/{number}.txt", f"{group}/{number}.txt"
        before = group
    last = f"{before}/0.txt"
    for number in range(chain):
        yield f"all{number}", last, f"all{number}.txt"
        last = f"all{number}.txt"


@contextmanager
def project(count: int, chain: int) -> Iterator[Path]:
    """Such a project, in which nothing has run."""
    with empty_project() as root:
        for name in ("in", *_GROUPS):
            (root / name).mkdir(parents=True)
        for number in range(max(count, 1)):
            (root / f"in/{number}.txt").write_text(f"content {number}\n")
        (root / "dvc.yaml").write_text("stages:\n" + "".join(_stages(count, chain)))
        (root / ".gitignore").write_text("".join(f"/{group}\n" for group in _GROUPS))
        yield root


@contextmanager
def empty_project() -> Iterator[Path]:
    """A git repository with DVC and no stages."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        os.environ["DVC_SITE_CACHE_DIR"] = f"{folder}/site"
        root.mkdir()
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        command("dvc", "init", "--quiet", folder=root)()
        command("dvc", "config", "core.analytics", "false", folder=root)()
        yield root


def _stages(count: int, chain: int) -> Iterator[str]:
    listed = "".join(f'      - "{number}"\n' for number in range(count))
    before = "in"
    for group in _GROUPS if count else ():
        paths = f"{before}/${{item}}.txt", f"{group}/${{item}}.txt"
        yield f"  {group}:\n    foreach:\n{listed}    do:\n{_stage(*paths, 6)}"
        before = group
    for name, given, made in [step for step in steps(count, chain) if "@" not in step[0]]:
        yield f"  {name}:\n{_stage(given, made, 4)}"


def _stage(given: str, made: str, indent: int) -> str:
    space = " " * indent
    return f"{space}cmd: cp {given} {made}\n{space}deps:\n{space}  - {given}\n{space}outs:\n{space}  - {made}\n"


def _write_ninja(root: Path, count: int) -> None:
    lines = [f"build {made}: copy {given}\n" for _, given, made in steps(count, 3)]
    (root / "build.ninja").write_text("rule copy\n  command = cp $in $out\n" + "".join(lines))


def _write_doit(root: Path, count: int) -> None:
    tasks = [
        {"name": name, "actions": [f"cp {given} {made}"], "file_dep": [given], "targets": [made]}
        for name, given, made in steps(count, 3)
    ]
    (root / "dodo.py").write_text(f"def task_all():\n    yield from {tasks!r}\n")


def _write_pytask(root: Path, count: int) -> None:
    lines = [
        "import shutil",
        "from pathlib import Path",
        "from typing import Annotated",
        "from pytask import Product, task",
    ]
    for name, given, made in steps(count, 3):
        reads, makes = (f"Path(__file__).parent / {path!r}" for path in (given, made))
        arguments = f"given: Path = {reads}, made: Annotated[Path, Product] = {makes}"
        lines += [f"@task(id={name!r})", f"def task_copy({arguments}) -> None:", "    shutil.copyfile(given, made)"]
    (root / "task_copy.py").write_text("\n".join(lines) + "\n")


def _write_nothing(root: Path, count: int) -> None:
    """It reads dvc.yaml."""


# By name: the command, and what writes what it reads.
OTHERS: dict[str, tuple[tuple[str, ...], Callable[[Path, int], None]]] = {
    "doit": (("doit", "--verbosity", "0"), _write_doit),
    "ninja": (("ninja", "-j2", "--quiet"), _write_ninja),
    "pytask": (("pytask", "--verbose", "0"), _write_pytask),
    "dvc": (("dvc", "repro", "--quiet"), _write_nothing),
}

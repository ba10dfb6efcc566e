"""The shapes of published projects (tests/dvc/shapes.py), each copied to 300 stages: `morphseq` beside DVC."""

import json
import posixpath
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from benchmarks.copying import empty_project
from benchmarks.figures import Figure, command, cpu_and_wall, cpu_seconds, may_fail, settle
from tests.dvc.shapes import PROGRAM, SHAPES, Shape

_STATUS, _RUN = ("morphseq", "status"), ("morphseq", "run", "--jobs", "2")
_DVC_STATUS, _DVC_RUN = ("dvc", "status"), ("dvc", "repro", "--quiet")
# DVC takes two minutes for the first run of 300 stages: two shapes stand for all.
_FIRST = ("tutorial: prepare, featurize, train, evaluate", "a grid of models and seeds by matrix")


class Taken(NamedTuple):
    """What `morphseq` and DVC took for the same, in seconds of processors."""

    ours: float
    theirs: float

    @property
    def times(self) -> float:
        """How many times as long DVC took."""
        return self.theirs / self.ours


def figures(stages: int = 300) -> Iterator[Figure]:
    """The smallest of the ratios to DVC over all shapes; for the first run, over two."""
    taken: dict[str, list[Taken]] = {}
    for shape in SHAPES.values():
        for name, one in _taken(shape, stages):
            taken.setdefault(name, []).append(one)
    taken["first run of two"] = [_first(SHAPES[name], stages) for name in _FIRST]
    for name, all_ in taken.items():
        note = "ours and DVC's, s of processors: " + ", ".join(f"{one.ours:.2g} {one.theirs:.3g}" for one in all_)
        least = min(one.times for one in all_)
        yield Figure(f"{len(SHAPES)} shapes, {stages} stages, {name}: times DVC", least, 20, at_least=True, note=note)


def _taken(shape: Shape, stages: int) -> Iterator[tuple[str, Taken]]:
    """Of a project in which all has run: nothing has changed, or the input of one copy."""
    with project(shape, stages) as root:
        for _ in range(2):  # what stands beside outputs, as .gitignore, is an input too
            command(*_RUN, folder=root)()
        yield "status", _both(root, _STATUS, _DVC_STATUS, 3)
        yield "run, nothing to do", _both(root, _RUN, _DVC_RUN, 3)
        given = root / "copy0" / shape.given
        yield "run, one changed", _both(root, _RUN, _DVC_RUN, 1, lambda: _touch(given))


def _both(
    root: Path, ours: tuple[str, ...], theirs: tuple[str, ...], runs: int, before: Callable[[], object] | None = None
) -> Taken:
    settle(root, *ours)  # DVC has just looked at the project, and left its own files there
    took = [cpu_and_wall(may_fail(*words, folder=root), runs, before).cpu for words in (ours, theirs)]
    return Taken(*took)


def _first(shape: Shape, stages: int) -> Taken:
    took = []
    for words in (_RUN, _DVC_RUN):
        with project(shape, stages) as root:
            took.append(cpu_seconds(command(*words, folder=root)))
    return Taken(*took)


def _touch(path: Path) -> None:
    with path.open("a") as file:
        file.write("more\n")


@contextmanager
def project(shape: Shape, stages: int) -> Iterator[Path]:
    """A project of at least so many stages, in which nothing has run: each copy of the shape has its own folder."""
    with empty_project() as root:
        copies = -(-stages // _count(root, shape))
        _write(root, shape, copies)
        yield root


def _count(root: Path, shape: Shape) -> int:
    """The stages of one copy, as DVC lists them."""
    _write(root, shape, 1)
    listed = subprocess.run(
        ["dvc", "stage", "list", "--all", "--name-only"], cwd=root, check=True, capture_output=True, text=True
    )
    return len(listed.stdout.split())


def _write(root: Path, shape: Shape, copies: int) -> None:
    files = {"src/step.py": PROGRAM.replace("VERSION", "1"), **shape.files}
    for name, text in files.items():
        if posixpath.basename(name) == "dvc.yaml":
            _put(root / name, json.dumps(_multiplied(YAML(typ="safe").load(text), posixpath.dirname(name), copies)))
            continue
        _put(root / name, text)  # settings with which dvc.yaml is filled in
        for number in range(copies if posixpath.basename(name) != ".dvcignore" else 0):
            _put(root / f"copy{number}" / name, text)
    for folder in {posixpath.dirname(name) for name in files}:
        for number in range(copies):
            (root / f"copy{number}" / folder).mkdir(parents=True, exist_ok=True)


def _multiplied(pipeline: dict[str, Any], folder: str, copies: int) -> dict[str, Any]:
    """A dvc.yaml, which lies in `folder`, with each stage once a copy, in whose folder it works."""
    stages = {
        f"{name}-{number}": _moved(definition, folder, f"copy{number}")
        for number in range(copies)
        for name, definition in pipeline["stages"].items()
    }
    return {"vars": pipeline.get("vars", []), "stages": stages}


def _moved(definition: dict[str, Any], folder: str, copy: str) -> dict[str, Any]:
    if "do" in definition:
        return definition | {"do": _moved(definition["do"], folder, copy)}
    place = posixpath.normpath(posixpath.join(copy, folder, definition.get("wdir", ".")))
    return definition | {"wdir": posixpath.relpath(place, folder or ".")}


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Generated projects through seeded edits: after each, both say the same, run the same and leave the same behind.

`EXAMPLES=250 python -m pytest tests/dvc/test_generated.py --hypothesis-seed=1` takes that many through four edits.
"""

import os
import posixpath
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dvc.twins import Twins
from tests.tracker.dvc.test_definition import written

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
INPUTS = ("in0", "src/in1", "data/x", "data/deep/y")
FOLDERS = ("", "src")
SETTINGS = {"params.yaml": "lr: 1\nother: [1, 2]\n", "src/params.yaml": "lr: 5\n", "conf.json": '{"a": {"b": 1}}'}


class Planned(NamedTuple):
    """A stage: its number, folder and kind, what it reads, and how its output is kept."""

    number: int
    folder: str
    kind: str
    reads: list[str]
    params: list[Any]
    flags: dict[str, bool]
    part: str

    @property
    def outs(self) -> list[str]:
        """The paths of its outputs."""
        keys = {"plain": [""], "foreach": ["-p", "-q"], "matrix": ["-1-p", "-2-p"]}[self.kind]
        return [posixpath.join(self.folder, f"o{self.number}{key}") for key in keys]

    def definition(self) -> dict[str, Any]:
        """The stage as dvc.yaml has it."""
        key = {"plain": "", "foreach": "-${item}", "matrix": "-${item.n}-${item.m}"}[self.kind]
        out = f"o{self.number}{key}"
        reads = [posixpath.relpath(path, self.folder or ".") for path in self.reads]
        files = " ".join(f"$(find {path} -type f -not -name .gitignore | sort)" for path in reads) or "/dev/null"
        stage: dict[str, Any] = {
            "cmd": [f"cat {files} > {out}", f"echo {self.number}{key} >> {out}"],
            "deps": reads,
            "params": self.params,
            self.part: [{out: self.flags}] if self.flags else [out],
        }
        stage |= {"wdir": self.folder} if self.folder else {}
        if self.kind == "foreach":
            return {"foreach": ["p", "q"], "do": stage}
        return stage | ({"matrix": {"n": [1, 2], "m": ["p"]}} if self.kind == "matrix" else {})


@st.composite
def projects(draw: st.DrawFn) -> list[Planned]:
    """Stages that read inputs, the folder of some, and what earlier ones make."""
    planned: list[Planned] = []
    for number in range(draw(st.integers(1, 4))):
        folder = draw(st.sampled_from(FOLDERS))
        earlier = [out for stage in planned for out in stage.outs]
        reads = draw(st.lists(st.sampled_from([*INPUTS, "data", *earlier]), max_size=3, unique=True))
        reads = [path for path in reads if not (path.startswith("data/") and "data" in reads)]
        params = draw(st.sampled_from([[], ["lr"], ["lr", {posixpath.relpath("conf.json", folder or "."): ["a.b"]}],
                                       [{posixpath.relpath("conf.json", folder or "."): None}]]))  # fmt: skip
        flags = draw(st.sampled_from([{}, {}, {"cache": False}, {"persist": True}]))
        part = draw(st.sampled_from(["outs", "outs", "metrics", "plots"]))
        planned.append(Planned(number, folder, draw(st.sampled_from(["plain", "plain", "foreach", "matrix"])),
                               reads, params, flags, part))  # fmt: skip
    return planned


def edit(twins: Twins, planned: list[Planned], data: st.DataObject) -> None:
    """Change one thing, in both copies alike."""
    made = [out for stage in planned for out in stage.outs]
    kind = data.draw(st.sampled_from(["input", "setting", "delete", "damage", "command", "lock", "cache", "again"]))
    number = data.draw(st.integers(0, 2))
    if kind == "input":
        twins.write({data.draw(st.sampled_from(INPUTS)): f"{number}\n"})
    elif kind == "setting":
        twins.write({"params.yaml": f"lr: {number}\nother: [{number}]\n", "conf.json": f'{{"a": {{"b": {number}}}}}'})
    elif kind in {"delete", "damage"}:
        twins.write({data.draw(st.sampled_from(made)): None if kind == "delete" else "damaged"})
    elif kind == "command":
        whole = {f"s{stage.number}": stage.definition() for stage in planned}
        changed = whole["s0"].get("do", whole["s0"])
        changed["cmd"] = [*changed["cmd"], f": {number}"]
        twins.write({"dvc.yaml": written({"stages": whole})})
    elif kind == "lock":
        twins.write({"dvc.lock": None})
    elif kind == "cache":
        twins.both(lose_from_the_cache)


def lose_from_the_cache(root: Path) -> None:
    for path in sorted((root / ".dvc/cache/files").rglob("*"))[::3]:
        if path.is_file():
            path.unlink()


def through_edits(folder: Path, planned: list[Planned], data: st.DataObject, edits: int) -> None:
    files = {name: f"{name}\n" for name in INPUTS} | SETTINGS
    pipeline = {"stages": {f"s{stage.number}": stage.definition() for stage in planned}}
    twins = Twins(folder, files | {"dvc.yaml": written(pipeline), ".dvcignore": ".morphseq-*\n"})
    twins.check_run()
    for _ in range(edits):
        edit(twins, planned, data)
        twins.check_status()
        twins.check_run()
        twins.check_status()


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(projects(), st.data())
def test_a_few_generated_projects_through_edits(
    tmp_path_factory: pytest.TempPathFactory, planned: list[Planned], data: st.DataObject
) -> None:
    through_edits(tmp_path_factory.mktemp("generated"), planned, data, 2)


@pytest.mark.slow
@settings(max_examples=int(os.environ.get("EXAMPLES", "50")), deadline=None, suppress_health_check=list(HealthCheck))
@given(projects(), st.data())
def test_generated_projects_through_edits(
    tmp_path_factory: pytest.TempPathFactory, planned: list[Planned], data: st.DataObject
) -> None:
    through_edits(tmp_path_factory.mktemp("generated"), planned, data, 4)

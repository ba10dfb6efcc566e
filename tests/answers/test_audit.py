"""What is recorded, made again by a random sample in a place of its own: the same, near, or something else."""

import itertools
import json
import math
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from morphseq_manifest.answers.audit import comparing, sampling
from morphseq_manifest.answers.audit.comparing import Compared, Likeness
from morphseq_manifest.answers.audit.sampling import Unit
from morphseq_manifest.cohort.manifests import audit_manifest, places
from tests.project import PLATES, Project, replace_file
from tests.running import wait_until

SNAPSHOT = PLATES[1]
# Ten stages, of which `noisy` gives something else each time, and `near` a number that is not quite the same; `folder`
# writes into a file that it does not speak of.
_PLAIN = "".join(
    f"  s{number}: {{cmd: cp in s{number}, deps: [in], outs: [s{number}: {{cache: false}}]}}\n" for number in range(7)
)
PIPELINE = f"""\
stages:
{_PLAIN}\
  noisy: {{cmd: head -c 8 /dev/urandom > noisy, deps: [in], outs: [noisy]}}
  near: {{cmd: python near.py, deps: [in], outs: [near.csv, near.json]}}
  folder: {{cmd: echo it >> notes && mkdir -p made/deep && cp in made/deep && cp in made, deps: [in], outs: [made]}}
"""
NEAR = """\
import os, pathlib
value = 1 + int.from_bytes(os.urandom(2)) * 1e-14
pathlib.Path("near.csv").write_text(f"snip_id,area_um2\\na,{value!r}\\n")
pathlib.Path("near.json").write_text(repr(value))
"""


@given(total=some.integers(0, 400), percent=some.floats(0.01, 100), seed=some.integers())
def test_a_draw_is_of_the_size_asked_for_and_the_same_again(total: int, percent: float, seed: int) -> None:
    units = [Unit(f"stage{number}") for number in range(total)]
    drawn = sampling.draw(units, percent, seed)
    assert len(drawn) == len(set(drawn)) == (min(total, max(1, math.ceil(total * percent / 100))) if total else 0)
    assert drawn == sampling.draw(units, percent, seed) == sorted(drawn, key=units.index)


@pytest.mark.parametrize(("total", "drawn", "faulty"), [(6, 2, 1), (6, 3, 2), (5, 5, 1), (5, 1, 5), (7, 2, 0)])
def test_the_probability_that_is_told_is_that_of_all_draws(total: int, drawn: int, faulty: int) -> None:
    draws = list(itertools.combinations(range(total), drawn))
    found = sum(any(unit < faulty for unit in draw) for draw in draws) / len(draws)
    assert sampling.chance(total, drawn, faulty) == pytest.approx(found)


def test_a_planted_unit_is_drawn_as_often_as_the_size_promises() -> None:
    units, rounds = [Unit(f"stage{number}") for number in range(40)], 4000
    promised = sampling.chance(40, sampling.size(40, 15), 1)
    found = sum(Unit("stage7") in sampling.draw(units, 15, seed) for seed in range(rounds)) / rounds
    assert abs(found - promised) < 4 * math.sqrt(promised * (1 - promised) / rounds)


def tables(folder: Path, old: str, new: str, tolerance: float = 1e-6) -> Compared:
    (folder / "old.csv").write_text(old)
    (folder / "new.csv").write_text(new)
    return comparing.table(folder / "old.csv", folder / "new.csv", tolerance)


@pytest.mark.parametrize(
    ("old", "new", "likeness", "columns"),
    [
        ("a,b\nx,1\n", "a,b\nx,1.0000001\n", Likeness.NEAR, {"b": pytest.approx(1e-7)}),
        ("a,b\nx,1\n", "a,b\nx,1.01\n", Likeness.OTHER, {"b": pytest.approx(0.01, rel=0.02)}),
        ("a,b\nx,1\n", "a,b\ny,1\n", Likeness.OTHER, {"a": math.inf}),
        ("a,b\nx,\n", "a,b\nx,1\n", Likeness.OTHER, {"b": math.inf}),
        ("a,b\nx,1\n", "a,b\nx,nan\n", Likeness.OTHER, {"b": math.inf}),
        ("a,b\nx,0\n", "a,b\nx,-0.0\n", Likeness.NEAR, {"b": 0}),
        ("a,b\nx,1\n", "a,c\nx,1\n", Likeness.OTHER, {}),
        ("a,b\nx,1\n", "a,b\nx,1\nx,1\n", Likeness.OTHER, {}),
    ],
)
def test_tables_are_compared_column_by_column(
    tmp_path: Path, old: str, new: str, likeness: Likeness, columns: dict[str, float]
) -> None:
    found = tables(tmp_path, old, new)
    assert (found.likeness, found.columns) == (likeness, columns)


@pytest.fixture
def toys(tmp_path: Path) -> Project:
    """Ten stages that have run, committed."""
    project = Project(tmp_path / "toys")
    project.root.mkdir()
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    for name, text in {"dvc.yaml": PIPELINE, "near.py": NEAR, "in": "1", "notes": ""}.items():
        (project.root / name).write_text(text)
    project.run("dvc", "repro")
    project.commit("Run")
    return project


def seed_of(noisy: bool) -> int:
    """A seed by which 30 per cent of the ten stages are drawn with `noisy` or without, and never with `near`."""
    names = [f"s{number}" for number in range(7)] + ["noisy", "near", "folder"]
    for seed in itertools.count():
        drawn = {unit.stage for unit in sampling.draw([Unit(name) for name in names], 30, seed)}
        if ("noisy" in drawn) == noisy and "near" not in drawn:
            return seed
    raise AssertionError


def test_a_stage_that_is_not_deterministic_is_found_if_it_is_drawn(toys: Project) -> None:
    before = {path: path.read_bytes() for path in toys.root.iterdir() if path.is_file()}
    said = toys.morphseq("audit", "--sample", "30", "--seed", str(seed_of(noisy=False)))
    assert "3 of 10 units made again" in said
    assert "if 1 of the 10 did not come out again, this draw shows it with 30%" in said
    said = toys.morphseq("audit", "--sample", "30", "--seed", str(seed_of(noisy=True)), code=3)
    assert [line.split()[:3] for line in said.splitlines() if line.startswith("noisy ")][-1] == ["noisy", "-", "other"]
    assert {path: path.read_bytes() for path in toys.root.iterdir() if path.is_file()} == before
    assert toys.run("dvc", "status").strip().endswith("up to date.")


def test_all_of_it_what_is_near_and_what_is_left_out(toys: Project) -> None:
    (toys.root / "s3").write_text("edited")
    said = toys.morphseq("audit", "--sample", "100", "--json", code=3)
    told = json.loads(said[said.index("{\n") :])
    results = {one["stage"]: one for one in told["results"]}
    assert {name for name, one in results.items() if one["result"] == "same"} == {
        "s0", "s1", "s2", "s4", "s5", "s6", "folder",
    }  # fmt: skip
    assert results["near"]["outputs"]["near.csv"].startswith("near: area_um2 by ")
    assert results["near"]["outputs"]["near.json"] == "near: follows from the table"
    assert told["left_out"] == {"s3": "it is not up to date: s3 modified"}
    toys.morphseq("audit", "near", "--sample", "100", code=1)
    said = toys.morphseq("audit", "near", "--sample", "100", "--tolerance", "0", code=3)
    assert "near.csv: other: area_um2 by " in said
    assert "Did you mean 'noisy'" in toys.morphseq("audit", "noisi", code=2)


def test_what_a_stage_writes_elsewhere_is_not_written_into_the_project(toys: Project) -> None:
    before = (toys.root / "notes").read_text()
    toys.morphseq("audit", "folder", "--sample", "100")
    assert (toys.root / "notes").read_text() == before == "it\n"


def test_an_audit_that_is_killed_leaves_nothing_that_hinders(toys: Project) -> None:
    toys.edit("near.py", "import os, pathlib", "import os, pathlib, time\nopen('begun', 'w')\ntime.sleep(600)\n")
    for number, code in ((signal.SIGTERM, 130), (signal.SIGKILL, -9)):
        with toys.start("morphseq", "audit", "near", "--sample", "100") as audit:
            wait_until(lambda: list(toys.root.glob(".dvc/tmp/.morphseq-*/begun")), "for the stage to begin")
            audit.send_signal(number)
            assert audit.wait(60) == code
        assert bool(list(toys.root.glob(".dvc/tmp/.morphseq-*"))) == (number == signal.SIGKILL)
    toys.edit("near.py", "time.sleep(600)", "")
    toys.morphseq("run")
    assert not list(toys.root.glob(".dvc/tmp/.morphseq-*"))


def test_a_stage_that_fails_is_named_with_the_end_of_its_log(toys: Project) -> None:
    toys.edit("near.py", "import os, pathlib", "import os, pathlib, not_there")
    said = toys.morphseq("audit", "near", "--sample", "100", code=4)
    assert "exit status 1: " in said
    assert "No module named 'not_there'" in said


def test_wells_of_real_stages_come_out_again_and_nothing_else_changes(project: Project) -> None:
    def state() -> dict[str, tuple[int, int, int]]:
        files = [path for path in project.root.rglob("*") if path.is_file() and ".dvc/tmp" not in str(path)]
        kept = [path for path in files if "__pycache__" not in str(path) and ".git/" not in str(path)]
        return {str(path): (path.stat().st_ino, path.stat().st_ctime_ns, path.stat().st_size) for path in kept}

    before = state()
    project.morphseq("audit", "--sample", "15", "--seed", "3", f"sam2@{SNAPSHOT}", f"snips@{SNAPSHOT}", "df01", "df03")
    audit = project.root / places.AUDIT
    found = audit_manifest.parse(audit.read_bytes(), str(audit))
    assert {name: path for name, path in state().items() if name != str(audit)} == before
    assert {one.result for one in found.results} == {"same"}
    assert any(one.wells for one in found.results)
    assert (found.percent, found.seed, found.drawn) == (15, 3, sampling.size(found.units, 15))
    assert found.commit == project.run("git", "rev-parse", "HEAD").strip()
    assert {"python", "numpy", "torch", "morphseq-manifest"} <= found.versions.keys()


def test_a_stack_that_no_stage_made_is_found_though_all_records_say_so(project: Project) -> None:
    folder = project.root / f"data/training_data/bf_embryo_snips/{SNAPSHOT}"
    one, other = sorted(folder.glob("*.tif"))[:2]
    replace_file(one, other.read_bytes())
    project.morphseq("index", folder)
    project.run("dvc", "commit", "--force", f"snips@{SNAPSHOT}")
    assert project.run("dvc", "status", f"snips@{SNAPSHOT}").strip().endswith("up to date.")
    said = project.morphseq("audit", f"snips@{SNAPSHOT}", "--sample", "100", code=3)
    assert one.name in said

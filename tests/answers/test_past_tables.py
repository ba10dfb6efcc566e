"""Tables as of a commit: shown, compared row by row, and searched for the commit at which something changed."""

import csv
import io
import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import morphseq_manifest
from benchmarks.past import Past, lines
from morphseq_manifest.answers.bisect.report import bisect
from morphseq_manifest.answers.table.comparison import Rows, compare
from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from tests.project import PLATES, Project

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
HEADER = "experiment_date,well,embryo_id,snip_id,time_int,area_um2,use_embryo_flag,genotype"
COLUMNS = HEADER.split(",")
EXPERIMENTS = ("20250101", "20250101_2", "b")
Cells = dict[tuple[str, int], list[str]]


def table(cells: Cells) -> dict[str, bytes]:
    """Lines by experiment of rows given by experiment and number: area, flag, genotype."""
    rows: dict[str, list[list[str]]] = {}
    for (name, number), values in sorted(cells.items()):
        embryo = f"{name}_A01_e{number:02d}"
        rows.setdefault(name, []).append([name, "A01", embryo, f"{embryo}_t0000", "0", *values])
    return {name: lines(rows[name]) for name in rows}


def kept_at(past: Past, rev: str) -> Path:
    """The table of a commit in the cache."""
    (md5,) = re.findall(r"md5: ([0-9a-f]{32})", past.git("show", f"{rev}:dvc.lock"))
    return past.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"


def project_of(past: Past) -> Project:
    return Project(past.root)


keys = some.tuples(some.sampled_from(EXPERIMENTS), some.integers(0, 3))
values = some.tuples(
    some.sampled_from(["", "1", "1.0000000001", "2.5", "-3e5"]),
    some.sampled_from(["", "True", "False"]),
    some.sampled_from(["", "wt", "é"]),
)
tables = some.dictionaries(keys, values.map(list), max_size=9)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Past]:
    folder, count = tmp_path_factory.mktemp("pairs"), iter(range(10_000))
    return lambda: Past(folder / str(next(count)))


@given(before=tables, after=tables, tolerance=some.sampled_from([0.0, 1e-6]))
@settings(max_examples=150, deadline=None)
def test_rows_differ_as_a_full_outer_join_says(
    pairs: Callable[[], Past], before: Cells, after: Cells, tolerance: float
) -> None:
    states = []
    for cells in (before, after):
        past = pairs()
        past.write(HEADER, table(cells))
        states.append(Table("df03", CohortSnapshot(past.root)))
    found = compare(states[0], states[1], tolerance)
    assert found.experiments == joined(before, after, tolerance)
    assert found.same == len({name for name, _ in [*before, *after]}) - len(found.experiments)


def joined(before: Cells, after: Cells, tolerance: float) -> dict[str, Rows]:
    """The same by pandas."""
    frames = [
        pd.read_csv(io.BytesIO(b"".join([HEADER.encode() + b"\n", *table(cells).values()])), dtype=str, na_filter=False)
        for cells in (before, after)
    ]
    both = frames[0].merge(frames[1], on=["experiment_date", "snip_id"], how="outer", indicator=True, sort=True)
    rows: dict[str, Rows] = {}
    for row in both.to_dict("records"):
        one = rows.setdefault(str(row["experiment_date"]), Rows([], [], {}))
        snip = str(row["snip_id"])
        if row["_merge"] == "both":
            cells = {
                name: (row[f"{name}_x"], row[f"{name}_y"])
                for name in COLUMNS
                if f"{name}_x" in row and differs(name, row[f"{name}_x"], row[f"{name}_y"], tolerance)
            }
            one.changed.update({snip: cells} if cells else {})
        else:
            (one.removed if row["_merge"] == "left_only" else one.added).append(snip)
    return {name: one for name, one in rows.items() if one}


def differs(name: str, old: str, new: str, tolerance: float) -> bool:
    if old == new or not (tolerance and name == "area_um2" and old and new):
        return old != new
    return abs(float(old) - float(new)) > tolerance * max(abs(float(old)), abs(float(new)))


def test_fifty_planted_changes_are_found_each_at_its_commit(tmp_path: Path) -> None:
    chance, past = Random(7), Past(tmp_path / "past")
    cells = {(name, number): ["1.5", "True", "wt"] for name in EXPERIMENTS for number in range(4)}
    snip = "20250101_2_A01_e02_t0000"
    asked: dict[str, Callable[[], Any]] = {
        "rows of b": lambda: sum(name == "b" for name, _ in cells),
        "rows": lambda: len(cells),
        f"area_um2 of {snip}": lambda: cells["20250101_2", 2][0] if ("20250101_2", 2) in cells else None,
        "share with use_embryo_flag": lambda: round(sum(row[1] == "True" for row in cells.values()) / len(cells), 6),
        f"area_um2 of snip {snip} > 2": lambda: (
            float(cells["20250101_2", 2][0]) > 2 if ("20250101_2", 2) in cells else None
        ),
    }
    told: dict[str, list[tuple[str, Any]]] = {text: [] for text in asked}
    for _ in range(50):
        key = (chance.choice(EXPERIMENTS), chance.randrange(4))
        if key in cells and len(cells) > 3 and chance.random() < 0.3:
            del cells[key]
        else:
            cells[key] = [chance.choice(["1.5", "2.25", "9"]), chance.choice(["True", "False"]), "wt"]
        commit = past.commit(HEADER, table(cells))
        for text, value in asked.items():
            told[text].append((commit, value()))
    for text, series in told.items():
        expected = [(commit, new) for (_, old), (commit, new) in itertools.pairwise(series) if old != new]
        report = bisect(past.root, "df03", text)
        assert [(change.commit, change.now) for change in report.changes][::-1] == expected, text
        assert not report.untold


def test_a_change_on_a_branch_is_found_there_and_not_at_its_merge(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    cells: Cells = {("b", 1): ["1", "True", "wt"]}
    past.commit(HEADER, table(cells))
    past.git("checkout", "--quiet", "-b", "side")
    side = past.commit(HEADER, table(cells | {("b", 2): ["1", "True", "wt"]}), "On a branch")
    past.git("checkout", "--quiet", "main")
    (past.root / "notes").write_text("else")
    past.git("add", "notes")
    past.git("commit", "--quiet", "--message", "Something else")
    past.git("merge", "--quiet", "--no-edit", "side")
    said = json.loads(project_of(past).morphseq("bisect", "df03", "--when", "rows of b", "--json"))
    assert [(one["commit"], one["before"], one["now"]) for one in said["changes"]] == [(side, [1], 2)]


def test_what_no_cache_holds_is_said_and_a_change_behind_it_is_vague(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    commits = [past.commit(HEADER, table({("b", 1): [area, "True", "wt"]})) for area in ("1", "2", "3")]
    kept_at(past, commits[1]).unlink()
    said = project_of(past).morphseq("bisect", "df03", "--when", "area_um2 of b_A01_e01_t0000", code=4)
    assert "changed at 1 of 3 commits" in said
    assert " or before" in said
    assert "not told at 1 commit, as " in said
    assert f"Stage df03 makes it, at commit {commits[1][:7]}" in said
    assert "no remote" in project_of(past).morphseq("show", "df03", "--rev", commits[1], code=4)
    with pytest.raises(UnreadableError, match="df03 makes it"):
        morphseq_manifest.read_table("df03", root=past.root, rev=commits[1])


def test_what_a_shallow_clone_lacks_is_not_said_to_be_without_a_change(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    cells: Cells = {}
    commits = []
    for key in (("b", 1), ("b", 2), ("20250101", 1)):
        cells[key] = ["1", "True", "wt"]
        commits.append(past.commit(HEADER, table(cells)))
    past.git("clone", "--quiet", "--depth", "2", f"file://{past.root}", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    said = clone.morphseq("bisect", "df03", "--when", "rows of b", code=4)
    assert "did not change at any of 2 commits" in said
    assert f"not told at 1 commit, as {commits[1][:7]}" in said
    assert "whether it changed there or before: this clone is shallow, and `git fetch --unshallow` brings" in said
    clone.run("git", "fetch", "--quiet", "--unshallow")
    assert "changed at 1 of 3 commits" in clone.morphseq("bisect", "df03", "--when", "rows of b")


def test_rows_that_another_commit_has_the_same_are_told_though_the_table_is_gone(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    cells: Cells = {("b", 1): ["1", "True", "wt"], ("20250101", 1): ["1", "True", "wt"]}
    commits = []
    for area in ("1", "2", "3"):
        cells["20250101", 1] = [area, "True", "wt"]
        commits.append(past.commit(HEADER, table(cells)))
    for lost in (0, 2):
        kept_at(past, commits[lost]).unlink()
        (past.root / past.place).unlink(missing_ok=True)
    report = bisect(past.root, "df03", "area_um2 of b_A01_e01_t0000")
    assert (report.changes, report.untold) == ([], {})
    assert len(bisect(past.root, "df03", "area_um2 of 20250101_A01_e01_t0000").untold) == 2


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("area of b", "Did you mean"), ("area_um2", "of which row or experiment?"), ("(x", "can't be read"),
        ("area_um2 of b", "name a row of b"), ("share with nothing", "no column or count 'nothing'"),
        ("share with use_embryo_flag of b_A01_e01_t0000", "b_A01_e01_t0000 is in b: a share is of an experiment"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused(tmp_path: Path, when: str, told: str) -> None:
    past = Past(tmp_path / "past")
    past.commit(HEADER, table({("b", 1): ["1", "True", "wt"]}))
    assert told in project_of(past).morphseq("bisect", "df03", "--when", when, code=2)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Two states of a table, tagged: in `new` a cell is another, a row has gone, one has come, and a column too."""
    past = Past(tmp_path_factory.mktemp("shown") / "past")
    cells: Cells = {(name, number): [f"{number}.5", "True", "wt"] for name in EXPERIMENTS for number in range(3)}
    cells["b", 2] = ["", "", "a"]
    past.commit(HEADER, table(cells))
    past.git("tag", "old")
    cells["b", 0] = ["7", "False", "wt"]
    cells["b", 5] = cells.pop(("b", 1))
    past.commit(HEADER, table(cells))
    past.git("tag", "new")
    return past


def test_a_table_as_of_a_commit_without_checking_it_out(shown: Past) -> None:
    project = project_of(shown)
    for rev in ("old", "new"):
        whole = kept_at(shown, rev).read_text()
        assert project.morphseq("show", "df03", "--rev", rev) == whole
        header, *rest = whole.splitlines(keepends=True)
        own = "".join(line for line in rest if line.startswith("b,"))
        assert project.morphseq("show", "df03", "--rev", rev, "--experiments", "b") == header + own
        frame = morphseq_manifest.read_table("df03", ["b"], shown.root, rev=rev)
        assert frame["area_um2"].fillna(-1).tolist() == {"old": [0.5, 1.5, -1], "new": [7, -1, 1.5]}[rev]


def test_columns_conditions_and_forms(shown: Past, tmp_path: Path) -> None:
    project = project_of(shown)
    some_ = ("show", "df03", "--rev", "old", "--columns", "snip_id,area_um2")
    assert project.morphseq(*some_, "--where", "area_um2 > 2 and use_embryo_flag").splitlines() == [
        "snip_id,area_um2", "20250101_A01_e02_t0000,2.5", "20250101_2_A01_e02_t0000,2.5",
    ]  # fmt: skip
    told = json.loads(project.morphseq(*some_, "--experiments", "b", "--format", "json"))
    assert (told["schema"], told["columns"]) == ("morphseq/rows/1", ["snip_id", "area_um2"])
    assert [row["area_um2"] for row in told["rows"]] == [0.5, 1.5, None]
    project.morphseq(*some_, "--where", "genotype == 'a'", "--output", tmp_path / "some.parquet")
    assert pd.read_parquet(tmp_path / "some.parquet").to_dict("list") == {
        "snip_id": ["b_A01_e02_t0000"],
        "area_um2": [pytest.approx(float("nan"), nan_ok=True)],
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--columns", "area"), "no column 'area' in df03. Did you mean 'area_um2'?"),
        (("--where", "area > 1"), "no column 'area'. Did you mean 'area_um2'?"),
        (("--where", "well > 1"), "well is text and 1 is not"),
        (("--where", "experiment_date == 20250101"), "experiment_date is text and 20250101 is not"),
        (("--where", "well in ['A01', 1]"), "well is text and ['A01', 1] is not"),
        (("--where", "area_um2 > 'abc'"), "'abc' is text and area_um2 is not"),
        (("--where", "area_um2 + well > 1"), "only numbers are calculated with, and well is none"),
        (("--columns", ""), "--columns names no column"),
        (("--experiments", ","), "no experiment is named"),
        (("--where", "genotype"), "genotype is not True or False"),
        (("--where", "__import__('os')"), "no column '__import__'"),
        (("--where", "well.lower() == 'a'"), "well.lower() is not understood"),
        (("--where", "9**9 > 1"), "is not understood"),
        (("--where", "(" * 300 + "1" + ")" * 300), "can't be read"),
        (("--rev", "nothing"), "is not a commit"),
        (("--rev", ""), "'' is not a commit"),
    ],
)
def test_what_can_not_be_shown_is_refused(shown: Past, arguments: tuple[str, ...], told: str) -> None:
    assert told in project_of(shown).morphseq("show", "df03", *arguments, code=2)


def test_blank_cells_leave_a_condition_open(shown: Past) -> None:
    for where in ("area_um2 > 0", "not area_um2 > 0", "use_embryo_flag", "not use_embryo_flag", "area_um2 not in [1]"):
        said = project_of(shown).morphseq("show", "df03", "--rev", "old", "--where", where)
        assert "b_A01_e02" not in said, where


def test_rows_that_differ_by_experiment_by_column_as_csv_and_json(shown: Past) -> None:
    project = project_of(shown)
    said = project.morphseq("diff", "old", "new", "--rows", "df03", code=1)
    assert "rows of 1 experiment differ, those of 2 do not" in said
    assert "area_um2             1            1         6.5" in said
    rows = list(csv.reader(project.morphseq("diff", "old", "new", "--rows", "df03", "--csv", code=1).splitlines()))
    assert rows == [
        ["experiment_date", "snip_id", "what", "column", "old", "new"],
        ["b", "b_A01_e01_t0000", "removed", "", "", ""],
        ["b", "b_A01_e05_t0000", "added", "", "", ""],
        ["b", "b_A01_e00_t0000", "changed", "area_um2", "0.5", "7"],
        ["b", "b_A01_e00_t0000", "changed", "use_embryo_flag", "True", "False"],
    ]
    told = json.loads(project.morphseq("diff", "old", "new", "--rows", "df03", "--json", code=1))
    assert told["experiments"]["b"]["changed"]["b_A01_e00_t0000"]["area_um2"] == ["0.5", "7"]
    assert "no difference" in project.morphseq("diff", "new", "--rows", "df03")
    assert "name a table" in project.morphseq("diff", "--csv", code=2)


def test_a_column_that_came_is_said_once(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    block = table({("b", 1): ["1", "True", "wt"]})
    past.commit(HEADER, block)
    past.commit(f"{HEADER},colour", {"b": block["b"].replace(b"\n", b",red\n")})
    said = project_of(past).morphseq("diff", "HEAD~1", "--rows", "df03", code=1)
    assert "columns that came: colour" in said
    assert "rows of 0 experiments differ" in said


def test_a_clone_without_a_working_tree_tells_what_manifests_tell_and_what_is_missing(
    shown: Past, tmp_path: Path
) -> None:
    shown.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    before = sorted(str(path) for path in (tmp_path / "bare").rglob("*"))
    project = Project(tmp_path / "bare")
    said = project.morphseq("bisect", "df03", "--when", "contributed of b")
    assert "changed at 1 of 2 commits" in said
    for words in (("show", "df03", "--rev", "old"), ("diff", "old", "new", "--rows", "df03")):
        assert "Stage df03 makes it, at commit " in project.morphseq(*words, code=4)
    assert sorted(str(path) for path in (tmp_path / "bare").rglob("*")) == before


def test_content_in_the_cache_that_is_not_what_was_recorded_is_refused(tmp_path: Path) -> None:
    past = Past(tmp_path / "past")
    past.commit(HEADER, table({("b", 1): ["1", "True", "wt"]}))
    past.write(HEADER, table({("b", 1): ["2", "True", "wt"]}))
    for path in (past.root / ".dvc/cache/files").rglob("*"):
        if path.is_file():
            data = path.read_bytes().replace(b",1,True", b",4,True")
            path.unlink()
            path.write_bytes(data)
            path.chmod(0o444)
    assert "what is in DVC's cache is damaged" in project_of(past).morphseq("show", "df03", "--rev", "HEAD", code=3)


def test_a_real_table_from_a_remote_after_the_next_run(project: Project, tmp_path: Path) -> None:
    before = project.table("df03").read_text()
    project.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "remote"))
    project.run("dvc", "push", "df03")
    project.run("git", "tag", "paper")
    project.edit("params.yaml", "min_fraction_alive: 0.9", "min_fraction_alive: 0.99")
    project.repro("df03")
    project.commit("Another setting")
    shutil.rmtree(project.root / ".dvc/cache/files")
    assert project.morphseq("show", "df03", "--rev", "paper") == before
    assert set(morphseq_manifest.read_table("df03", root=project.root, rev="paper")["experiment_date"]) == {
        line.partition(",")[0] for line in before.splitlines()[1:]
    }

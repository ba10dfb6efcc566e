"""Branches of several people, merged by the real git with `morphseq merge-driver`: what is merged, and what is left."""

import itertools
import re
from pathlib import Path

import pytest

from morphseq_manifest.cohort import experiments_manifest, params
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.experiments_manifest import SCHEMA, ExperimentsManifest
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from tests.conftest import Once
from tests.lab import TABLES, Lab, build
from tests.project import Project, replace_file
from tests.running import blocks, copy_of, run_json, status

# Who has done what, each on a branch of their own: two add a plate, one removes one, one runs one again.
PEOPLE = ("adds", "adds_too", "removes", "reruns")


@pytest.fixture(scope="session")
def begun(once: Once) -> Path:
    """The project of several people, in which nobody has done anything yet."""
    return once("people", build)


@pytest.fixture(scope="session")
def branched(once: Once, begun: Path) -> Path:
    """The same with a branch of each of PEOPLE."""
    return once("people_branched", lambda folder: branch_out(Lab(copy_of(begun, folder).root)))


def branch_out(lab: Lab) -> None:
    """Do on a branch each what PEOPLE do."""
    work = (
        lambda: lab.add("20240501"), lambda: lab.add("20240502"), lambda: lab.remove("20250305_1"),
        lambda: lab.change("20240418"),
    )  # fmt: skip
    for person, do in zip(PEOPLE, work, strict=True):
        lab.branch(person)
        do()
        lab.run_and_commit(person)


@pytest.fixture
def lab(begun: Path, tmp_path: Path) -> Lab:
    return Lab(copy_of(begun, tmp_path / "lab").root)


@pytest.fixture
def people(branched: Path, tmp_path: Path) -> Lab:
    return Lab(copy_of(branched, tmp_path / "lab").root)


def check_only_tables(lab: Lab) -> None:
    """Assert that nothing is in conflict, and that tables are out of date, and only they; or ours are right."""
    assert lab.run("git", "status", "--porcelain") == ""
    assert lab.out_of_date() <= TABLES
    if "df01" not in lab.out_of_date():
        check_table(lab)
    blocks(lab.root)


def check_table(lab: Lab) -> None:
    """Assert that df01 is that of the experiments listed now, and so are the manifests."""
    listed = params.read(lab.root).experiments
    manifest = experiments_manifest.parse((lab.root / "manifests/experiments.json").read_bytes(), "it")
    assert manifest.experiments == listed
    tables = "".join((lab.root / f"data/tables/{name}.csv").read_text() for name in listed)
    assert lab.text("data/df01.csv") == tables
    assert lab.manifest("df01").rows == len(listed)


def check_clean_after(lab: Lab, tool: str) -> None:
    """Assert that the tables, and only they, run, and that all is up to date then."""
    if tool == "dvc":
        assert lab.repro().stages <= TABLES
    else:
        ends = run_json(lab)
        assert {name for name, end in ends.items() if end in {"ran", "restored"}} <= TABLES
    assert lab.out_of_date() == set()
    check_table(lab)


def merge_all(lab: Lab, order: tuple[str, ...]) -> None:
    lab.run("git", "checkout", "--quiet", "-B", "merged", order[0])
    for branch in order[1:]:
        said = lab.run("git", "merge", "--no-edit", branch)
        assert "CONFLICT" not in said


@pytest.mark.parametrize(("order", "tool"), [(PEOPLE, "dvc"), (PEOPLE[::-1], "morphseq")], ids=["dvc", "morphseq"])
def test_everybody_s_branches_are_merged_and_only_tables_run(people: Lab, order: tuple[str, ...], tool: str) -> None:
    merge_all(people, order)
    check_only_tables(people)
    assert people.out_of_date() == TABLES
    assert "df01" in people.morphseq("status", code=1)
    check_clean_after(people, tool)
    assert [*params.read(people.root).experiments] == ["20240418", "20240501", "20240502", "odd_v1.2"]


@pytest.mark.slow
def test_in_all_orders(people: Lab) -> None:
    found = set()
    for order in itertools.permutations(PEOPLE):
        merge_all(people, order)
        check_only_tables(people)
        entries = {name: text for name, text in blocks(people.root).items() if "@" in name}
        found.add((people.text(), people.text("dvc.yaml"), tuple(sorted(entries.items()))))
    assert len(found) == 1, "all else is the same, whoever was first"


@pytest.mark.parametrize("order", [PEOPLE, PEOPLE[::-1]], ids=["first_to_last", "last_to_first"])
def test_rebased_one_upon_the_other(people: Lab, order: tuple[str, ...]) -> None:
    for upon, branch in itertools.pairwise(order):
        people.run("git", "checkout", "--quiet", branch)
        said = people.run("git", "rebase", upon)
        assert "CONFLICT" not in said
    check_only_tables(people)
    check_clean_after(people, "morphseq")


def test_provenance_says_what_the_table_lacks_after_a_merge(project: Project) -> None:
    """In the pipeline itself: one takes a plate out, the other runs another one again."""
    project.morphseq("init")
    project.run("git", "checkout", "--quiet", "-b", "removes")
    project.morphseq("remove", "20250101")
    project.morphseq("run")
    project.commit("Removed")
    project.run("git", "checkout", "--quiet", "-b", "reruns", "main")
    project.change_pixel("20250102_snapshot", "A01_t0000_stitch.png", 5, 7)
    project.morphseq("run")
    project.commit("Run again")
    project.run("git", "checkout", "--quiet", "removes")
    project.run("git", "merge", "--no-edit", "reruns")
    tables = {"wells", "experiments", "df01", "df02", "df03"}
    assert "df01" in (stale := {name.rpartition(":")[2] for name in status(project.root)})
    assert stale <= tables
    said = project.morphseq("provenance", "df01", code=1)
    assert re.search(r"^20250102_snapshot +outdated ", said, re.MULTILINE)
    assert "20250101 " not in said, "ours had it no longer"
    assert project.repro().stages <= tables
    assert status(project.root) == {}


@pytest.mark.parametrize("explicit", [True, False], ids=["by_experiment", "by_folder"])
@pytest.mark.slow
def test_a_table_may_depend_on_the_whole_folder(tmp_path: Path, explicit: bool) -> None:
    build(tmp_path / "lab", explicit=explicit)
    lab = Lab(tmp_path / "lab")
    branch_out(lab)
    merge_all(lab, PEOPLE)
    check_only_tables(lab)
    check_clean_after(lab, "dvc")


def diverge(lab: Lab, **work: str) -> None:
    """Make branches, each with what `work` says in it: `method argument argument`, separated by semicolons."""
    for name, steps in work.items():
        lab.branch(name)
        for step in steps.split(";"):
            method, *arguments = step.split()
            getattr(lab, method)(*arguments)
        lab.run_and_commit(name)


@pytest.mark.parametrize("there", ["add 20240501", "change odd_v1.2", "change 20240418"], ids=["adds", "runs", "same"])
def test_one_renames(lab: Lab, there: str) -> None:
    """The frames of a renamed plate are elsewhere: what the other has recorded of it is a matter of the past."""
    diverge(lab, other=there, renames="rename 20240418 20240418_wt")
    for ours, theirs in (("renames", "other"), ("other", "renames")):
        lab.run("git", "checkout", "--quiet", "-B", "merged", ours)
        lab.run("git", "merge", "--no-edit", theirs)
        check_only_tables(lab)


def test_a_manifest_that_git_takes_for_a_renamed_one_is_that_of_its_plate(lab: Lab) -> None:
    """If the old manifest goes in the same commit, git merges what the other has done to it into the new one."""
    frame = images_manifest.Frame("A01", 0, "A01_t0000.png", 1, "0" * 32)
    old, new = lab.root / "manifests/images/old.json", lab.root / "manifests/images/new.json"
    images_manifest.write(old, images_manifest.build("old", [frame], [], 1))
    lab.commit("Old")
    lab.branch("renames", "HEAD")
    images_manifest.write(new, images_manifest.build("new", [frame], [], 1))
    old.unlink()
    lab.commit("Renamed")
    lab.branch("reruns", "HEAD~1")
    images_manifest.write(old, images_manifest.build("old", [frame, frame], [], 2))
    lab.commit("Run again")
    for ours, theirs in (("renames", "reruns"), ("reruns", "renames")):
        lab.run("git", "checkout", "--quiet", "-B", "merged", ours)
        lab.run("git", "merge", "--no-edit", theirs)
        assert images_manifest.read(new).experiment == "new"
        assert not old.exists()


def test_both_change_one_plate(lab: Lab) -> None:
    diverge(lab, one="change 20240418 one;add 20240501", other="change 20240418 other;add 20240502")
    for ours, theirs in (("one", "other"), ("other", "one")):
        lab.run("git", "checkout", "--quiet", "-B", "merged", ours)
        said = lab.run("git", "merge", "--no-edit", theirs, fails=True)
        assert set(lab.unmerged()) == {"dvc.lock", "manifests/images/20240418.json"}
        changed = "images@20240418, sam2@20240418, latents@20240418"
        assert f"error: dvc.lock: both sides changed, each in its own way: {changed}\n" in said
        told = lab.morphseq("status", code=3)
        assert "dvc.lock, line " in told
        assert "not merged" in told
        assert "`git add dvc.lock`" in told
        assert "morphseq init" not in told, "it is set up"
        lock = lab.text("dvc.lock")
        assert lock.count("<<<<<<< ours\n  sam2@20240418:\n") == lock.count("<<<<<<< ") // 3 == 1
        assert "  sam2@20240501:\n" in lock
        assert "  sam2@20240502:\n" in lock
        lab.run("git", "merge", "--abort")


def test_a_plate_chosen_from_one_side_is_all_that_is_to_be_done(lab: Lab) -> None:
    diverge(lab, one="change 20240418 one;add 20240501", other="change 20240418 other;add 20240502")
    lab.run("git", "merge", "--no-edit", "one", fails=True)  # on `other`, whose frame is on the disk
    lock, kept = [], True
    for line in lab.text("dvc.lock").splitlines(keepends=True):
        kept = {"<<<<<<<": True, "=======": False, ">>>>>>>": True}.get(line[:7], kept)
        lock += [line] if kept and line[:7] not in {"<<<<<<<", "=======", ">>>>>>>"} else []
    replace_file(lab.root / "dvc.lock", "".join(lock).encode())
    lab.run("git", "restore", "--ours", "manifests/images/20240418.json")
    lab.commit("Merged")
    check_only_tables(lab)
    check_clean_after(lab, "dvc")


def test_both_say_something_new_of_one_plate(lab: Lab) -> None:
    def listed(name: str, old: str, new: str) -> None:
        lab.branch(name)
        lab.settings(lab.text().replace(old, new))
        lab.run_and_commit(name)

    listed("one", "segmenter: other", "segmenter: threshold")
    listed("other", "segmenter: other", "segmenter: other\n    polarity: dark")
    said = lab.run("git", "merge", "--no-edit", "one", fails=True)
    assert "error: params.yaml: both sides changed, each in its own way: odd_v1.2\n" in said
    assert "params.yaml" in lab.unmerged()
    assert "params.yaml, line " in lab.morphseq("status", code=3)


def test_a_merge_of_merges(people: Lab) -> None:
    """Two have merged each other's branches: git first merges what both begin with, and that, too, entry by entry."""
    for name, first, second in (("left", "adds", "removes"), ("right", "removes", "adds")):
        people.run("git", "checkout", "--quiet", "-B", name, first)
        people.run("git", "merge", "--no-edit", second)
    people.run("git", "checkout", "--quiet", "left")
    people.remove("20240501")
    people.run_and_commit("Taken back")
    people.run("git", "checkout", "--quiet", "right")
    people.add("20240503")
    people.run_and_commit("One more")
    people.run("git", "merge", "--no-edit", "left")
    assert '"20240503"' in people.text()
    assert '"20240501"' not in people.text(), "what was added before and taken out since stays out"
    check_only_tables(people)


def test_a_conflict_within_a_merge_of_merges_is_not_one_if_both_agree_since(lab: Lab) -> None:
    diverge(lab, one="change 20240418 one", other="change 20240418 other")
    for name, first, second in (("left", "one", "other"), ("right", "other", "one")):
        lab.run("git", "checkout", "--quiet", "-B", name, first)
        lab.run("git", "merge", "--no-edit", second, fails=True)
        lab.run("git", "checkout", "other", "--", ".")
        lab.commit("Merged")
    lab.run("git", "checkout", "--quiet", "left")
    lab.add("20240501")
    lab.run_and_commit("One more")
    lab.run("git", "checkout", "--quiet", "right")
    lab.add("20240502")
    lab.run_and_commit("And one")
    lab.run("git", "merge", "--no-edit", "left")
    check_only_tables(lab)


def driven(project: Project, base: bytes, ours: bytes, theirs: bytes, path: str) -> tuple[int, str, bytes]:
    """What the driver makes of three texts: its exit status, what it says, and the merged bytes."""
    for name, data in (("o", base), ("a", ours), ("b", theirs)):
        (project.root / name).write_bytes(data)
    code, said = project.ending("morphseq", "merge-driver", "--", "o", "a", "b", path, "7")
    assert (project.root / "o").read_bytes() == base
    assert (project.root / "b").read_bytes() == theirs
    assert sorted(path.name for path in project.root.iterdir()) == ["a", "b", "o"], "it writes nothing else"
    return code, said, (project.root / "a").read_bytes()


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    (tmp_path / "empty").mkdir()
    return Project(tmp_path / "empty")


LOCK = "schema: '2.0'\nstages:\n  a@1:\n    cmd: {}\n"
PARAMS = 'experiments:\n  "a":\n    segmenter: {}\n'


def listing(segmenter: str) -> str:
    sealed = canonical.seal(ExperimentsManifest(SCHEMA, {"a": Experiment(segmenter)}, ""))
    return canonical.dump(sealed).decode()


def frames(size: int) -> str:
    frame = images_manifest.Frame("A01", 0, "A01_t0000.png", size, "0" * 32)
    return canonical.dump(images_manifest.build("a", [frame], [], 1)).decode()


# What is sound, before and on our side.
SOUND = {
    "dvc.lock": (LOCK.format("a"), LOCK.format("b")),
    "params.yaml": (PARAMS.format("a"), PARAMS.format("b")),
    "dvc.yaml": ("stages:\n  a:\n    cmd: a\n", "stages:\n  a:\n    cmd: b\n"),
    "manifests/df01.json": (listing("a"), listing("b")),
    "manifests/images/a.json": (frames(1), frames(2)),
    "metrics/df01.json": ('{"df01": {"rows": 1}}', '{"df01": {"rows": 2}}'),
}
_DEEP = '{"schema":"morphseq/images/2","x":' + "[" * 100_000


@pytest.mark.parametrize(
    ("path", "theirs"),
    [
        ("dvc.lock", LOCK.format("[").encode()),
        ("dvc.lock", LOCK.replace("2.0", "3.0").encode()),
        ("dvc.lock", LOCK.encode() + b"\xff"),
        ("dvc.lock", b""),
        ("dvc.lock", f"<<<<<<< a\n{LOCK}=======\n>>>>>>> b\n".encode()),
        ("dvc.lock", LOCK.format("a\n  a@1:\n    cmd: b").encode()),
        ("params.yaml", b"experiments:\n  20240418:\n    segmenter: s\n"),
        ("params.yaml", b"a: " + b"[" * 100_000),
        ("params.yaml", b'experiments: {"a": {b: c}}\n'),
        ("params.yaml", b"experiments: [a]\n"),
        ("params.yaml", PARAMS.replace('"a"', f'"{"a" * 10_000}/"').encode()),
        ("dvc.yaml", b"stages: [a]\n"),
        ("dvc.yaml", b"a: &a [1]\nb: *b\n"),
        ("dvc.yaml", b"stages: {a: &a {b: *a}}\n"),
        ("manifests/df01.json", b'{"schema":"morphseq/cohort/9"}'),
        ("manifests/df01.json", b'{"schema":"' + b"x" * 1_000_000 + b'"}'),
        ("manifests/df01.json", listing("a").replace('"a"}', '"c"}').encode()),
        ("manifests/df01.json", frames(1).encode()),
        ("manifests/images/a.json", _DEEP.encode()),
        ("manifests/images/a.json", b"no manifest"),
        ("metrics/df01.json", b'{"df01": '),
        ("metrics/df01.json", b"[" * 100_000),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:30]),  # a name goes into the environment
)
def test_what_a_stranger_has_broken_is_left_to_people(empty: Project, path: str, theirs: bytes) -> None:
    base, ours = SOUND[path]
    code, said, merged = driven(empty, base.encode(), ours.encode(), theirs, path)
    assert code == 1
    assert said.startswith(f"error: {path}: merged by lines alone; look through all of it: ")
    assert "(theirs)" in said or "two kinds of manifests" in said
    assert said.count("\n") == 1
    assert len(said) < 500
    assert "git checkout" not in said, "which git refuses in a merge"
    assert b"<<<<<<< ours\n" in merged, "as git leaves it"


def test_metrics_are_ours_until_their_stage_runs_again(empty: Project) -> None:
    base, ours = SOUND["metrics/df01.json"]
    code, said, merged = driven(empty, base.encode(), ours.encode(), b'{"df01": {"rows": 3}}', "metrics/df01.json")
    assert (code, merged.decode()) == (0, f"{ours}\n")
    assert "metrics/df01.json" in said


@pytest.mark.parametrize("path", ["--help/params.yaml", "something.txt", "$(touch x)/dvc.lock"])
def test_files_of_other_names_are_left_to_people(empty: Project, path: str) -> None:
    code, said, merged = driven(empty, b"o\n", b"a\n", b"b\n", path)
    assert code == 1
    assert said.startswith(f"error: {path}: merged by lines alone; look through all of it: ")
    assert merged == b"<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"


@pytest.mark.parametrize("path", ["dvc.lock", "params.yaml", "manifests/df01.json"])
def test_what_is_not_a_text_is_ours_and_a_conflict(empty: Project, path: str) -> None:
    code, said, merged = driven(empty, b"\0o", b"\0a", b"\0b", path)
    assert code != 0
    assert "git can't merge it by lines" in said
    assert merged == b"\0a"


def test_marks_are_as_long_as_git_says(empty: Project) -> None:
    texts = [f'experiments:\n  "a":\n    segmenter: {kind}\nb: 1\n'.encode() for kind in "oab"]
    for name, data in zip("oab", texts, strict=True):
        (empty.root / name).write_bytes(data)
    empty.morphseq("merge-driver", "--", "o", "a", "b", "params.yaml", "9", code=1)
    assert (empty.root / "a").read_bytes().startswith(b"experiments:\n<<<<<<<<< ours\n")

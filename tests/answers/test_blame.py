"""`morphseq blame`: every cause of a row, and the commit that last changed it."""

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.planted import CURVES, Planted
from morphseq_manifest.answers.blame.inputs import ORDER
from morphseq_manifest.answers.blame.report import Blame, blame
from morphseq_manifest.answers.changes import flatten
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.cohort.manifests import adopted_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Plate
from morphseq_manifest.tracker.dvc import lock_reading
from stages.files import layout
from tests.project import Project, as_json, replace_file

NAMES = ("20240418", "odd_v1.2_A01")
WELLS, TIMES = ("A01", "B02"), 3
SNIP = "20240418_A01_e01_t0001"


class Lab(NamedTuple):
    """A project without data in which everything has run, and what stands in it."""

    planted: Planted
    project: Project

    def commit(self, message: str) -> str:
        """Commit all; the full id."""
        self.project.commit(message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        return self.project.run("git", *words).strip()

    def edit(self, message: str, *, run: bool = True) -> str:
        """Write what stands in it now, and, unless it is not to `run`, the records of a run; and commit that."""
        self.planted.write()
        if run:
            self.planted.run()
        return self.commit(message)

    def blame(self, name: str = SNIP, **options: str) -> dict[tuple[str, str], Any]:
        """The causes by kind and name."""
        return by_name(blame(name, self.project.root, **options))


def by_name(found: Blame) -> dict[tuple[str, str], Any]:
    causes = {(cause.kind, cause.name): cause for cause in found.causes}
    assert len(causes) == len(found.causes)
    return causes


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make(tmp_path / "project")


def make(root: Path) -> Lab:
    planted = Planted(root, NAMES, WELLS, TIMES)
    planted.start()
    found = Lab(planted, Project(root))
    found.edit("First")
    return found


# What stands in the files that people write, and in those that a run writes: by kind and name, as blame calls it.
State = dict[tuple[str, str], Any]


def written(planted: Planted, name: str, key: tuple[str, int]) -> State:
    """What people have written that a snip in this frame depends on."""
    settings = {k: v for k, v in planted.settings.items() if k not in {"experiments", "versions"}}
    versions = {k: v for k, v in planted.settings["versions"].items() if k != "experiments"}
    found: State = {("setting", setting): value for setting, value in flatten(settings).items()}
    found |= {("version", stage): value for stage, value in versions.items()}
    found |= {("model", path): number for path, number in planted.models.items()} | {("file", CURVES): planted.curves}
    segmenter = f"experiments.{name}.segmenter"
    found["setting", segmenter] = planted.settings["experiments"][name]["segmenter"]
    for (well, time_int), cells in planted.cells[name].items():
        if well == key[0]:
            before = "" if time_int == key[1] else f"{well} t{time_int:04d} "
            found |= {("plate row", f"{before}{column}"): cell for column, cell in cells.items()}
    return found


def made(planted: Planted, name: str, key: tuple[str, int]) -> State:
    """What a run has written of the frames, the plate and the well of a snip in this frame."""
    frames = {k: number for k, number in planted.frames[name].items() if k[0] == key[0]}
    found: State = {("frame", f"{well} t{time_int:04d}"): number for (well, time_int), number in frames.items()}
    if planted.plates[name].um_per_px is not None:
        found["plate", "um_per_px"] = planted.plates[name].um_per_px
    return found | {("well row", column): cell for column, cell in planted.wells[name][key[0]].items()}


def used(state: State, name: str) -> State:
    """What of this a row is made from: of models only those that the settings name."""
    named = {value for (kind, _), value in state.items() if kind == "setting"}
    return {key: value for key, value in state.items() if key[0] != "model" or Path(key[1]).name in named}


class Told(NamedTuple):
    """Of one snip: what stood in the files at each commit, and what the last run before it had used."""

    commits: list[str]
    files: list[State]
    recorded: list[State]
    made: list[State]

    def origin(self, key: tuple[str, str], value: Any) -> str:
        """The commit that last set this value: the newest that has it, and back as long as it was the same."""
        at = next(number for number in reversed(range(len(self.files))) if self.files[number].get(key) == value)
        while at and self.files[at - 1].get(key) == value:
            at -= 1
        return self.commits[at]


def plant(planted: Planted, draw: random.Random) -> None:
    """Edit something, so that it often comes back to what it was."""
    name = draw.choice(NAMES)
    key = draw.choice(list(planted.frames[name]))
    values = planted.settings
    match draw.choice(["frame", "cell", "well", "setting", "version", "model", "segmenter", "vae", "curves", "plate"]):
        case "frame":
            planted.frames[name][key] = draw.randrange(3)
        case "cell":
            planted.cells[name][key][draw.choice(["temperature", "medium", "start_age_hpf"])] = str(draw.randrange(3))
        case "well":
            planted.wells[name][key[0]][draw.choice(["genotype", "medium"])] = draw.choice(["wt", "mut", ""])
        case "setting":
            block = draw.choice(["images", "qc_masks", "sam2", "build03", "snips", "df02", "df03"])
            setting = draw.choice([k for k, value in values[block].items() if not isinstance(value, dict)])
            values[block][setting] = draw.choice([1, 0.5, 2, -3])
        case "version":
            stage = draw.choice([name for name in values["versions"] if name != "experiments"])
            values["versions"][stage] = draw.randrange(1, 4)
        case "model":
            planted.models[draw.choice(list(planted.models))] = draw.randrange(3)
        case "segmenter":
            values["experiments"][name]["segmenter"] = draw.choice(["threshold", "other"])
        case "vae":
            values["model_name"] = draw.choice(["demo_a", "demo_b"])
        case "curves":
            planted.curves = draw.randrange(3)
        case _:
            planted.plates[name] = Plate(draw.choice([7.5, 7.25, None]), ["Keyence"])


def check_all(told: Told, found: dict[tuple[str, str], Any]) -> None:
    """Without `--since`: each cause has its commit, and what has been changed since the last run is told as such."""
    recorded, files = told.recorded[-1], told.files[-1]
    one_by_one = {key: value for key, value in recorded.items() if key in found}
    assert one_by_one.keys() >= {key for key in recorded if key[0] not in {"frame", "plate row"}}
    for key, value in one_by_one.items():
        cause = found[key]
        assert cause.commit == told.origin(key, value), key
        is_later = files.get(key) != value
        assert (cause.later is not None) == is_later, key
        if is_later:
            assert cause.later.commit == told.origin(key, files.get(key)), key
        if key[0] in {"setting", "version", "plate row", "well row"}:
            assert cause.value == value, key


def check_since(told: Told, found: dict[tuple[str, str], Any], since: int) -> None:
    """With `--since`: what is not as it was, and nothing else; models that came or went with a setting aside."""
    was, now = told.recorded[since], told.recorded[-1]
    keys = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
    keys -= {key for key in keys if key[0] == "model" and not (key in was and key in now)}
    assert found.keys() == keys
    for key in keys:
        assert found[key].commit == told.origin(key, now.get(key)), key
        if key[0] in {"setting", "version", "plate row", "well row"}:
            assert (found[key].was, found[key].value) == (was.get(key), now.get(key)), key


@pytest.mark.parametrize("seed", [1, 2])
def test_every_cause_is_named_with_its_commit_and_nothing_else(lab: Lab, seed: int) -> None:
    draw, planted = random.Random(seed), lab.planted
    snips = [(name, (well, time_int)) for name in NAMES for well in WELLS for time_int in range(TIMES)]
    told = {snip: Told([], [], [], []) for snip in snips}
    first = lab.git("rev-parse", "HEAD")

    def remember(commit: str, ran: bool) -> None:
        for (name, key), known in told.items():
            of_run = known.made[-1] if known.made and not ran else made(planted, name, key)
            known.made.append(of_run)
            files = written(planted, name, key) | of_run
            known.commits.append(commit)
            known.files.append(files)
            known.recorded.append(used(files, name) if ran else known.recorded[-1])

    remember(first, True)
    for number in range(100):
        plant(planted, draw)
        ran = draw.random() < 0.3
        remember(lab.edit(f"Edit {number}", run=ran), ran)
        if draw.random() < 0.3:
            name, (well, time_int) = snip = draw.choice(snips)
            asked, known = f"{name}_{well}_e01_t{time_int:04d}", told[snip]
            since = draw.randrange(len(known.commits))
            check_all(known, lab.blame(asked))
            check_since(known, lab.blame(asked, since=known.commits[since]), since)


def test_of_a_merge_the_branch_that_changed_it_is_named(lab: Lab) -> None:
    lab.git("checkout", "-q", "-b", "side")
    lab.planted.settings["snips"]["blend_um"] = 60
    on_side = lab.edit("On a branch", run=False)
    lab.git("checkout", "-q", "main")
    lab.planted.settings["snips"]["blend_um"] = 75
    lab.planted.settings["df02"]["k_upper"] = 1.5
    on_main = lab.edit("On main", run=False)
    lab.git("merge", "-q", "--no-edit", "side")
    lab.planted.settings["snips"]["blend_um"] = 60
    lab.edit("Run")
    found = lab.blame()
    assert found["setting", "snips.blend_um"].commit == on_side
    assert found["setting", "df02.k_upper"].commit == on_main


def test_what_is_not_committed_or_not_run_yet_is_told_so(lab: Lab) -> None:
    lab.project.setting("blend_um", 60)
    found = lab.blame()["setting", "snips.blend_um"]
    assert (found.value, found.later.value, found.later.commit) == (75, 60, None)
    output = lab.project.morphseq("blame", SNIP)
    assert "no run has used it yet" in output
    lab.planted.settings["snips"]["blend_um"] = 60
    lab.planted.run()
    found = lab.blame()["setting", "snips.blend_um"]
    assert (found.value, found.commit, found.unknown, found.later) == (60, None, "not committed", None)
    lab.git("checkout", "-q", "params.yaml")
    found = lab.blame()["setting", "snips.blend_um"]
    assert (found.commit, found.unknown, found.later.value) == (None, "no commit has this value", 75)


def test_what_is_said_of_an_experiment_is_named_if_it_is_new_or_gone(lab: Lab) -> None:
    name = ("setting", f"experiments.{NAMES[0]}.pixel_range")
    assert name not in lab.blame()
    first = lab.git("rev-parse", "HEAD")
    listed = lab.planted.settings["experiments"]
    listed[NAMES[0]]["pixel_range"] = [0, 4095]
    commit = lab.edit("A range", run=False)
    found = lab.blame()[name]
    assert (found.value, found.later.value, found.later.commit) == (None, "0 4095", commit)
    assert lab.blame(since=first) == {}
    lab.planted.run()
    ran = lab.commit("Run")
    found = lab.blame(since=first)[name]
    assert (found.was, found.value, found.commit) == (None, "0 4095", commit)
    assert name not in lab.blame(f"{NAMES[1]}_A01_t0001")
    del listed[NAMES[0]]["pixel_range"]
    commit = lab.edit("No range")
    found = lab.blame(since=ran)[name]
    assert (found.was, found.value, found.commit) == ("0 4095", None, commit)


def test_any_commit_is_answered_for_also_in_clones_without_data(lab: Lab, tmp_path: Path) -> None:
    first = lab.git("rev-parse", "HEAD")
    before = lab.blame()
    lab.planted.frames[NAMES[0]]["A01", 1] += 1
    lab.planted.models[f"{layout.VAES}/demo_a"] += 1
    second = lab.edit("Another frame")
    assert lab.blame(rev=first) == before
    assert {cause.commit for cause in before.values()} == {first}
    for kind in ("--bare", "--no-checkout"):
        clone = tmp_path / f"clone{kind}"
        lab.git("clone", "-q", kind, str(lab.project.root), str(clone))
        found = blame(SNIP, clone, rev="HEAD", since=first)
        assert {(cause.kind, cause.commit) for cause in found.causes} == {("frame", second), ("model", second)}
        assert [change.name for change in found.tables] == ["df01", "df02", "df03"]
    in_bare: Any = as_json(Project(tmp_path / "clone--bare").morphseq("blame", SNIP, "--json"))
    assert (in_bare["schema"], in_bare["commit"], in_bare["missing"]) == ("morphseq/blame/1", second, [])
    known = in_bare["commits"][second]
    assert (known["author"], known["subject"]) == ("Test", "Another frame")


def test_a_shallow_clone_says_that_it_may_have_been_an_older_commit(lab: Lab, tmp_path: Path) -> None:
    lab.planted.frames[NAMES[0]]["A01", 1] += 1
    second = lab.edit("Another frame")
    lab.git("clone", "-q", "--depth", "1", f"file://{lab.project.root}", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    found = blame(SNIP, clone.root)
    assert {cause.commit for cause in found.causes} == {second}
    assert found.oldest == [second]
    assert "Another frame (or an older commit, which this shallow clone lacks)" in clone.morphseq("blame", SNIP)
    assert "not a commit" in clone.morphseq("blame", SNIP, "--since", "HEAD~1", code=2)


def test_a_project_in_a_folder_of_a_repository(lab: Lab, tmp_path: Path) -> None:
    shutil.rmtree(lab.project.root / ".git")
    outer = Project(tmp_path)
    outer.run("git", "init", "--quiet")
    outer.commit("All at once")
    commit = outer.run("git", "rev-parse", "HEAD").strip()
    for rev in ({}, {"rev": "HEAD"}):
        found = blame(SNIP, lab.project.root, **rev)
        assert {cause.commit for cause in found.causes} == {commit}
        assert found.missing == []


def test_the_reader_s_own_settings_of_git_change_nothing(lab: Lab) -> None:
    before = lab.blame()
    for name, value in {"log.showRoot": "false", "log.follow": "true", "color.ui": "always", "diff.renames": "copies",
                        "core.abbrev": "9", "log.diffMerges": "off", "log.decorate": "full"}.items():  # fmt: skip
        lab.git("config", name, value)
    assert lab.blame() == before


def test_a_project_without_git(lab: Lab) -> None:
    shutil.rmtree(lab.project.root / ".git")
    found = blame(SNIP, lab.project.root)
    assert {(cause.commit, cause.unknown) for cause in found.causes} == {(None, "not committed")}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("20240419_A01_e01_t0001", "Did you mean '20240418_A01_e01_t0001'?"),
        ("2024418", "Did you mean '20240418'?"),
        ("20240418_A02_e01_t0001", "no frame of well A02"),
        ("20240418_A01_t0009", "The nearest is 2"),
        ("20240418_A01_e1_t0001", "are like 20240418_A01, 20240418_A01_t0003"),
        ("nothing", "no experiment of this name"),
        ("", "no experiment of this name"),
        ("_A01", "no experiment of this name"),
    ],
)
def test_what_nobody_knows_ends_with_2(lab: Lab, name: str, said: str) -> None:
    output = lab.project.morphseq("blame", name, code=2)
    assert said in output


def test_an_experiment_that_has_not_run_ends_with_4(lab: Lab) -> None:
    lab.planted.settings["experiments"]["20240501"] = {"segmenter": "threshold"}
    lab.project.root.joinpath("params.yaml").write_bytes(lab.planted.written(())["params.yaml"])
    assert "its stages have not run" in lab.project.morphseq("blame", "20240501_A01", code=4)


def test_what_is_not_in_git_is_not_guessed(lab: Lab, tmp_path: Path) -> None:
    plate, model = layout.plate_table(NAMES[0]), f"{layout.VAES}/demo_a"
    lab.git("rm", "-q", "--cached", str(plate), f"{model}.dvc")
    (lab.project.root / f"{model}.dvc").unlink()
    lab.git("commit", "-q", "--amend", "-m", "Without the plate table")
    found = lab.blame()
    assert found["plate row", "temperature"].unknown == "not committed"
    assert found["model", model].unknown == "not in git"
    output = lab.project.morphseq("blame", SNIP, "--rev", "HEAD", code=4)
    assert f"can't be told: {plate} at HEAD: not in git" in output
    assert "temperature" not in output


def test_a_model_that_lies_elsewhere(lab: Lab) -> None:
    lock = lab.project.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("data/models/legacy/demo_a\n", "/storage/demo_a\n"))
    lab.commit("Elsewhere")
    for options in ({}, {"rev": "HEAD"}):
        assert lab.blame(**options)["model", "/storage/demo_a"].unknown == "not in git"


def test_a_model_whose_files_are_in_git_one_by_one(lab: Lab) -> None:
    model = f"{layout.VAES}/demo_a"
    (lab.project.root / f"{model}.dvc").unlink()
    (lab.project.root / model).mkdir()
    (lab.project.root / model / "config.json").write_text("{}")
    lab.git("rm", "-q", "--cached", f"{model}.dvc")
    lab.git("add", "--force", model)
    lab.git("commit", "-q", "--amend", "-m", "First")
    assert lab.blame()["model", model].unknown == "in git file by file"


def test_a_clone_that_lacks_a_content_says_so(lab: Lab) -> None:
    for path in ("dvc.lock", "params.yaml", str(layout.images_manifest(NAMES[0]))):
        blob = lab.git("rev-parse", f"HEAD:{path}")
        place = lab.project.root / ".git/objects" / blob[:2] / blob[2:]
        kept = place.read_bytes()
        place.unlink()
        output = lab.project.morphseq("blame", SNIP, "--rev", "HEAD", code=4)
        assert "this clone lacks" in output
        assert "--no-filter" in output
        replace_file(place, kept)
    lab.project.morphseq("blame", SNIP, "--rev", "HEAD")


def test_a_table_that_the_stages_have_not_read_yet_is_told_beside_the_one_that_they_have(lab: Lab) -> None:
    first = lab.git("rev-parse", "HEAD")
    lab.planted.cells[NAMES[0]]["A01", 1]["temperature"] = "27"
    second = lab.edit("A corrected temperature", run=False)
    found = lab.blame()["plate row", "temperature"]
    assert (found.value, found.commit) == ("28.5", first)
    assert (found.later.value, found.later.commit) == ("27", second)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_table_as_spreadsheets_write_it(lab: Lab, encoding: str) -> None:
    place = lab.project.root / layout.plate_table(NAMES[0])
    text = place.read_text(encoding="utf-8").replace(",", ";").replace("28.5", "28,5").replace("\n", "\r\n")
    commits = []
    for medium in ("Wäßrig", "Wößrig"):
        replace_file(place, f"sep=;\r\n{text}".replace("E3", medium).replace("A01;1;", "A01;1,0;").encode(encoding))
        lab.planted.run()
        commits.append(lab.commit(medium))
    (cause,) = (cause for (_, name), cause in lab.blame(since=commits[0]).items() if name == "medium")
    assert (cause.was, cause.value, cause.commit) == ("Wäßrig", "Wößrig", commits[1])
    assert lab.blame()["plate row", "temperature"].value == "28,5"
    lab.project.morphseq("blame", SNIP, "--json")


def test_of_what_was_taken_over_the_settings_are_not_known(lab: Lab) -> None:
    first = lab.git("rev-parse", "HEAD")
    entry = lock_reading.read(lab.project.root)[f"sam2@{NAMES[0]}"]
    adopted_manifest.add(lab.project.root, NAMES[0], "sam2", {path: out.md5 for path, out in entry.outs.items()})
    commit = lab.commit("Taken over")
    found = lab.blame()
    assert found["adopted", "sam2"].commit == commit
    assert [name for (kind, name), cause in found.items() if "sam2" in cause.stages] == ["sam2"]
    assert [*lab.blame(since=first)] == [("adopted", "sam2")]
    assert "sam2: not known are settings, version, model" in lab.project.morphseq("blame", SNIP)
    lab.planted.settings["versions"]["sam2"] += 1
    lab.edit("Run again")
    found = lab.blame(since=commit)
    assert [*found] == [("adopted", "sam2")]
    assert (found["adopted", "sam2"].commit, found["adopted", "sam2"].unknown) == (None, "has run again since")


def test_an_embryo_a_well_and_an_experiment_have_all_their_frames(lab: Lab) -> None:
    for name, count in {"20240418_A01_e01": TIMES, "20240418_A01": TIMES, "20240418": TIMES * len(WELLS)}.items():
        assert sum(kind == "frame" for kind, _ in lab.blame(name)) == count
    first = lab.git("rev-parse", "HEAD")
    for time_int in range(TIMES):
        lab.planted.cells[NAMES[0]]["B02", time_int]["temperature"] = "27"
    commit = lab.edit("A corrected temperature")
    assert lab.blame("20240418")["plate row", "temperature"].value == "2 values in 6 places"
    assert lab.blame("20240418_B02")["plate row", "temperature"].value == "27"
    changed = lab.blame("20240418", since=first)
    assert [*changed] == [("plate row", f"B02 t{time_int:04d} temperature") for time_int in range(TIMES)]
    assert {cause.commit for cause in changed.values()} == {commit}
    assert lab.blame("20240418_A01", since=first) == {}


def test_a_row_of_a_table_is_asked_about_by_its_number(lab: Lab, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(f"experiment_date,well,snip_id\n20240418,B02,20240418_B02_e01_t0000\n20240418,A01,{SNIP}\n")
    output = lab.project.morphseq("blame", str(table), "--row", "3")
    assert output == lab.project.morphseq("blame", SNIP)
    assert "there are 2 to 3" in lab.project.morphseq("blame", str(table), "--row", "4", code=2)
    assert "go together" in lab.project.morphseq("blame", str(table), code=2)
    table.write_text("well\nA01\n")
    assert "snip_id" in lab.project.morphseq("blame", str(table), "--row", "2", code=3)


def test_a_broken_version_of_the_settings_is_passed_over_and_a_broken_present_one_named(lab: Lab) -> None:
    path = lab.project.root / "params.yaml"
    text = path.read_bytes()
    first = lab.git("rev-parse", "HEAD")
    path.write_bytes(text + b"x: [\n")
    lab.commit("Broken")
    assert "params.yaml, line" in lab.project.morphseq("blame", SNIP, code=2)
    path.write_bytes(text)
    lab.commit("Mended")
    assert {cause.commit for cause in lab.blame().values()} == {first}


def test_git_is_asked_as_often_of_a_long_history_as_of_a_short_one(lab: Lab) -> None:
    def questions() -> int:
        trace = lab.project.root.parent / "trace"
        trace.unlink(missing_ok=True)
        environment = lab.project.environment() | {"GIT_TRACE": str(trace)}
        words = ["morphseq", "blame", SNIP]
        subprocess.run(words, cwd=lab.project.root, env=environment, check=True, capture_output=True)
        return trace.read_text().count("built-in: git")

    few = questions()
    for number in range(10):
        lab.planted.settings["snips"]["blend_um"] = number
        lab.edit(f"Edit {number}", run=False)
    assert 0 < few == questions()


def test_a_snip_of_a_project_that_has_run(project: Project) -> None:
    table = project.table("df03").read_text(encoding="utf-8").splitlines()
    snip = table[1].split(",")[3]
    found = blame(snip, project.root)
    assert (found.missing, [change.name for change in found.tables]) == ([], ["df01", "df02", "df03"])
    assert {stage for cause in found.causes for stage in cause.stages} == {*ORDER}
    causes, subjects = by_name(found), {commit: said.subject for commit, said in found.commits.items()}
    row = dict(zip(table[0].split(","), table[1].split(","), strict=True))
    assert causes["plate row", "temperature"].value == row["temperature"]
    frame = next(cause for (kind, _), cause in causes.items() if kind == "frame")
    path = project.frames(found.row.experiment) / f"{found.row.well}_t{found.row.time_int:04d}_stitch.png"
    assert (frame.value, subjects[frame.commit]) == (hash_file(path), "First run")
    assert subjects[causes["setting", "snips.um_per_px"].commit] == "The project"
    models = {cause.unknown for (kind, _), cause in causes.items() if kind == "model"}
    assert models == {"not in git"}
    project.morphseq("blame", snip)

"""`morphseq verify`: what is damaged, missing, unrecorded, unreadable or stale, each named."""

import os
import shutil
from pathlib import Path

import pytest

from morphseq_manifest.answers.verify.plan import take_sample
from morphseq_manifest.answers.verify.report import verify
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.cohort.manifests import stack_index
from morphseq_manifest.tracker.disk.rehash import Job
from tests.answers.verifying import (
    AWKWARD,
    DF01,
    FRAMES,
    LABELS,
    MODEL,
    SNAPSHOT,
    SNIPS,
    TIME_LAPSE,
    findings,
    first,
    flip,
    report,
)
from tests.project import PLATES, Project, replace_file


def test_what_was_just_built_is_as_recorded(project: Project) -> None:
    found = report(project)
    assert found["findings"] == []
    assert found["hashed"] == found["recorded"] > 400
    assert found["skipped"] == 0
    assert "as recorded" in project.morphseq("verify")
    assert not list((project.root / files.OWN).glob("verify.*"))


def test_one_flipped_bit_is_found_wherever_it_is(project: Project) -> None:
    frame = first(project.frames(TIME_LAPSE), "*.png")
    stack = first(project.root / SNIPS / TIME_LAPSE)
    masks = first(project.root / "data/segmentation/via_v1_0100_predictions" / SNAPSHOT)
    table, model = project.root / DF01, project.root / MODEL / "model.safetensors"
    manifest = project.root / f"manifests/images/{AWKWARD}.json"
    for path in (frame, stack, masks, table, model, manifest):
        flip(path)
    # dvc.lock has one md5 for a model, and that is what can be named.
    named = [*(path.relative_to(project.root).as_posix() for path in (frame, stack, masks, table, manifest)), MODEL]
    assert findings(project) == dict.fromkeys(named, "damaged")
    text = project.morphseq("verify", code=3)
    assert f"dvc checkout {DF01}" in text
    assert f"git checkout manifests/images/{AWKWARD}.json" in text
    assert f"dvc repro -f -s snips@{TIME_LAPSE}" in text
    assert all(name in text for name in named)


def test_missing_and_cut_files_are_named_and_a_lost_folder_once(project: Project) -> None:
    frames, snips = project.frames(TIME_LAPSE), project.root / SNIPS / TIME_LAPSE
    gone = [first(frames, "*.png"), first(snips), project.root / DF01]
    for path in gone:
        path.unlink()
    cut = [first(frames, "A02*.png"), first(snips)]
    for path in cut:
        replace_file(path, path.read_bytes()[:-1])
    shutil.rmtree(project.root / LABELS / SNAPSHOT)
    for path in project.frames(SNAPSHOT).iterdir():
        path.unlink()
    expected = {path.relative_to(project.root).as_posix(): "missing" for path in gone}
    expected |= {path.relative_to(project.root).as_posix(): "damaged" for path in cut}
    expected |= {f"{LABELS}/{SNAPSHOT}": "missing", f"{FRAMES}/{SNAPSHOT}": "missing"}
    assert findings(project) == expected
    assert (
        findings(project, "--sample", "0.1").items()
        >= {name: what for name, what in expected.items() if what == "missing"}.items()
    )


def test_what_nobody_recorded_is_named_but_not_what_dvc_ignores(project: Project) -> None:
    places = [
        f"{FRAMES}/{TIME_LAPSE}",
        f"{SNIPS}/{TIME_LAPSE}",
        MODEL,
        "manifests/df01_parts",
        "data/metadata/built_metadata_files",
    ]
    for place in places:
        (project.root / place / "extra.bin").write_bytes(b"x")
        (project.root / place / ".morphseq-left.tmp").write_bytes(b"left by a killed process")
        (project.root / place / "Thumbs.db").write_bytes(b"x")
    with (project.root / ".dvcignore").open("a") as file:
        file.write("Thumbs.db\n")
    assert findings(project) == {f"{place}/extra.bin": "unrecorded" for place in places}


def test_a_folder_or_a_pipe_in_place_of_a_file_is_no_file(project: Project) -> None:
    table, pipe, frame = (
        project.root / DF01,
        first(project.root / SNIPS / SNAPSHOT),
        first(project.frames(SNAPSHOT), "*.png"),
    )
    for path in (table, frame, pipe):
        path.unlink()
    table.mkdir()
    frame.mkdir()
    os.mkfifo(pipe)
    expected = {table: "damaged", pipe: "damaged", frame: "missing"}
    assert findings(project) == {path.relative_to(project.root).as_posix(): what for path, what in expected.items()}


def test_a_lost_or_damaged_index_is_named_and_written_again_from_the_stacks(project: Project) -> None:
    lost, damaged, both = (project.root / SNIPS / plate / stack_index.NAME for plate in PLATES)
    lost.unlink()
    flip(damaged)
    flip(both)
    flip(first(both.parent))
    folder = both.parent.relative_to(project.root).as_posix()
    assert findings(project) == {
        lost.relative_to(project.root).as_posix(): "missing",
        damaged.relative_to(project.root).as_posix(): "damaged",
        folder: "damaged",
    }
    for path in (lost, damaged):
        path.unlink(missing_ok=True)
        Project(path.parent.parent).morphseq("index", path.parent.name)  # as it is called in the folder above it
    assert findings(project) == {folder: "damaged"}


def test_stacks_replaced_together_with_their_index_are_not_the_recorded_ones(project: Project) -> None:
    folder = project.root / SNIPS / SNAPSHOT
    flip(first(folder))
    (folder / stack_index.NAME).unlink()
    stack_index.write(folder)
    assert findings(project) == {f"{SNIPS}/{SNAPSHOT}": "damaged"}


def test_the_older_form_without_an_index_is_checked_as_a_whole(project: Project) -> None:
    folder = project.root / SNIPS / SNAPSHOT
    (folder / stack_index.NAME).unlink()
    project.run("dvc", "commit", "--force", f"snips@{SNAPSHOT}", f"latents@{SNAPSHOT}")
    assert report(project, "--experiments", SNAPSHOT)["findings"] == []
    flip(first(folder))
    assert findings(project, "--experiments", SNAPSHOT) == {f"{SNIPS}/{SNAPSHOT}": "damaged"}


def test_frames_are_checked_without_their_manifest(project: Project) -> None:
    (project.root / f"manifests/images/{SNAPSHOT}.json").unlink()
    manifest = {f"manifests/images/{SNAPSHOT}.json": "missing"}
    assert findings(project) == manifest
    flip(first(project.frames(SNAPSHOT), "*.png"))
    assert findings(project) == manifest | {f"{FRAMES}/{SNAPSHOT}": "damaged"}


def test_the_remedies_bring_the_content_back(project: Project) -> None:
    table, stack = project.root / DF01, first(project.root / SNIPS / SNAPSHOT)
    for path in (table, stack):
        replace_file(path, path.read_bytes())
    project.status()
    for path in (table, stack, project.root / f"manifests/images/{SNAPSHOT}.json"):
        before = path.stat()
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = report(project, code=3)["findings"]
    assert len(found) == 3
    for item in reversed(found):
        for command in item["remedy"].strip("`").split("; "):
            project.run(*command.split())
    assert report(project)["findings"] == []


def test_stages_that_recorded_different_contents_are_stale(project: Project) -> None:
    flip(project.plate(SNAPSHOT))
    name = project.plate(SNAPSHOT).relative_to(project.root).as_posix()
    assert findings(project) == {name: "damaged"}
    project.run("dvc", "commit", "--force", f"images@{SNAPSHOT}")
    # The stage `wells` recorded the folder in which the table lies, as it was before.
    assert findings(project, code=1) == {name: "stale", name.rpartition("/")[0]: "stale"}
    flip(first(project.frames(SNAPSHOT), "*.png"))
    assert set(findings(project).values()) == {"stale", "damaged"}


def test_a_cohort_that_lacks_what_was_made_since_is_stale(project: Project) -> None:
    listed = {name: "threshold" for name in PLATES}
    project.experiments({name: listed[name] for name in PLATES[:2]})
    found = report(project)
    assert (found["findings"], found["left_out"]) == ([], [AWKWARD])
    assert AWKWARD in project.morphseq("verify")
    (project.root / f"data/metadata/build03_output/expr_embryo_metadata_{AWKWARD}.csv").unlink()
    assert findings(project, code=0) == {}, "what is not listed is in no table's folder"
    (project.root / f"manifests/df01_parts/{AWKWARD}.json").unlink()
    assert findings(project, code=1) == {"manifests/df01_parts": "stale"}


def test_one_experiment_and_a_wrong_name(project: Project) -> None:
    flip(first(project.frames(TIME_LAPSE), "*.png"))
    flip(project.root / DF01)
    assert findings(project, "--experiments", SNAPSHOT, code=0) == {}
    assert list(findings(project, "--experiments", f"{SNAPSHOT},{TIME_LAPSE}").values()) == ["damaged"]
    assert f"Did you mean '{SNAPSHOT}'" in project.morphseq("verify", "--experiments", SNAPSHOT[:-1], code=2)
    project.experiments(dict.fromkeys([*PLATES, "new"], "threshold"))
    assert "dvc repro" in project.morphseq("verify", "--experiments", "new", code=4)
    assert report(project, code=3)["waiting"] == ["new"]


def test_a_sample_is_a_part_that_its_seed_repeats(project: Project) -> None:
    for path in project.frames(TIME_LAPSE).iterdir():
        flip(path)
    some = report(project, "--sample", "10", code=3)
    assert 0 < some["hashed"] < some["recorded"] / 5
    again = report(project, "--sample", "10", "--seed", str(some["seed"]), code=3)
    assert again["findings"] == some["findings"]
    assert len(findings(project, "--sample", "100")) == len(list(project.frames(TIME_LAPSE).iterdir()))
    project.morphseq("verify", "--seed", "1", code=2)
    project.morphseq("verify", "--sample", "0", code=2)


@pytest.mark.parametrize("percent", [0.01, 1, 37.5, 100])
def test_a_sample_is_never_empty_and_keeps_the_manifests(percent: float) -> None:
    jobs = [Job(f"data/{number}", 1, "0" * 32) for number in range(300)] + [Job("manifests/a.json", 1, "0" * 32)]
    some = take_sample(jobs, percent, 7)
    assert some == take_sample(jobs, percent, 7)
    assert jobs[-1] in some
    assert len(some) in {-(-301 * percent // 100), -(-301 * percent // 100) + 1}


def test_what_can_not_be_read_is_never_fine(project: Project) -> None:
    frame = first(project.frames(SNAPSHOT), "*.png")
    replace_file(frame, frame.read_bytes())
    frame.chmod(0)
    if os.access(frame, os.R_OK):
        pytest.skip("this user reads everything")
    assert findings(project, code=4) == {frame.relative_to(project.root).as_posix(): "unreadable"}
    folder = project.root / SNIPS / SNAPSHOT
    folder.chmod(0)
    assert findings(project, code=4)[f"{SNIPS}/{SNAPSHOT}"] == "unreadable"
    folder.chmod(0o755)


def test_a_link_that_leads_in_a_circle_can_not_be_read(project: Project) -> None:
    frame = first(project.frames(SNAPSHOT), "*.png")
    frame.unlink()
    frame.symlink_to(frame.name)
    assert findings(project, code=4) == {frame.relative_to(project.root).as_posix(): "unreadable"}


def test_a_damaged_lock_and_no_lock_are_errors_that_say_what_to_do(project: Project) -> None:
    lock = project.root / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text[: len(text) // 2].rpartition(":")[0])
    assert "git checkout dvc.lock" in project.morphseq("verify", code=3)
    lock.unlink()
    assert "dvc repro" in project.morphseq("verify", code=4)
    with pytest.raises(UnreadableError, match=r"dvc\.lock"):
        verify(project.root)


def test_the_remedy_is_in_dvcs_cache_wherever_its_settings_put_it(project: Project, tmp_path: Path) -> None:
    (project.root / ".dvc/cache").rename(tmp_path / "elsewhere")
    (project.root / ".dvc/config.local").write_text(f"['cache']\n    dir = {tmp_path / 'elsewhere'}\n")
    flip(project.root / DF01)
    (item,) = report(project, code=3)["findings"]
    assert item["remedy"] == f"`rm {DF01}; dvc checkout {DF01}`"
    for command in item["remedy"].strip("`").split("; "):
        project.run(*command.split())
    assert report(project)["findings"] == []


def test_in_a_clone_what_is_not_here_can_be_pulled(project: Project, tmp_path: Path) -> None:
    """What is recorded has run, by whomever; the table comes from a remote, a folder here."""
    project.run("dvc", "remote", "add", "--default", "lab", str(tmp_path / "remote"))
    project.run("dvc", "push", "--quiet", DF01)
    project.commit()
    project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    there = Project(tmp_path / "clone")
    assert "has not run yet" not in there.morphseq("run", "--dry-run", code=1)
    assert f"`dvc pull {DF01}`, or, if no remote has it, `dvc repro -f -s df01`" in there.morphseq("verify", code=3)
    there.run("dvc", "pull", DF01)
    assert (there.root / DF01).read_bytes() == (project.root / DF01).read_bytes()
    assert f"`dvc pull {DF01}`" not in there.morphseq("verify", code=3)


def test_nothing_of_the_project_is_run(project: Project) -> None:
    """Not even what stands there under the name of a program that is asked."""
    for name in ("dvc", "pathspec", "xxhash"):
        (project.root / f"{name}.py").write_text(f"open('ran', 'w').write({name!r})\nraise SystemExit(1)\n")
    folder = project.root / SNIPS / SNAPSHOT
    (folder / "extra.bin").write_bytes(b"x")
    (folder / ".morphseq-left").mkdir()
    (folder / "Thumbs.db").write_bytes(b"x")
    with (project.root / ".dvcignore").open("a") as file:
        file.write("Thumbs.db\n")
    assert findings(project) == {f"{SNIPS}/{SNAPSHOT}/extra.bin": "unrecorded"}
    assert not (project.root / "ran").exists()


def test_rules_of_what_to_ignore_count_where_dvc_counts_them(project: Project) -> None:
    for name in ("one.bin", "other.bin"):
        (project.root / MODEL / name).write_bytes(b"x")
    (project.root / MODEL).parent.joinpath(".dvcignore").write_text("*.bin\n!other.bin\n")
    assert findings(project) == {f"{MODEL}/other.bin": "unrecorded"}
    (project.root / ".dvcignore").write_text("a\\\n")
    assert ".dvcignore: can't be used" in project.morphseq("verify", code=2)

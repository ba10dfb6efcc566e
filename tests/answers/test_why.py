"""`morphseq why`: the file, setting, version, experiment or command that a stage runs for, and the way from there."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import morphseq_manifest
from morphseq_manifest.answers.why import view
from morphseq_manifest.answers.why.explanation import Explanation
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.tracker.dvc.lock_reading import read as read_lock
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
EVERYTHING = dict.fromkeys(PLATES, "threshold")
FRAMES = "data/built_image_data/stitched_FF_images"
SNIPS = "data/training_data/bf_embryo_snips"
TABLES = "data/metadata/combined_metadata_files"
# What the awkward plate is drawn with.
UNFIT = f"{AWKWARD}: frames and plate table do not fit: 1 of 48 plate rows without a frame (as A02 2)"


def why(project: Project, target: str = "df03") -> Explanation:
    found: Explanation = morphseq_manifest.why(target, project.root, threads=2)
    return found


def named(found: Explanation) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What was and is, by kind and name."""
    return {(cause.change.kind, cause.change.name): (cause.change.old, cause.change.new) for cause in found.causes}


def ways(found: Explanation) -> set[tuple[str, ...]]:
    return {tuple(cause.way) for cause in found.causes}


def content(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "xxh3_128": hash_bytes(data)}


def test_what_is_up_to_date_needs_no_reason(project: Project) -> None:
    for target in ("df03", SNAPSHOT, "sam2", f"images@{SNAPSHOT}"):
        assert f"{target} is up to date" in project.morphseq("why", target)
    found = why(project)
    assert (found.causes, found.exit_code, found.states) == ([], 0, {"df03": "up to date"})


def test_frames_are_named_with_sizes_and_hashes_and_the_way_to_the_target(project: Project) -> None:
    folder = project.frames(SNAPSHOT)
    one, other, gone, new = (folder / f"{well}_t0000_stitch.png" for well in ("A01", "A02", "A03", "H12"))
    before, after, lost = one.read_bytes(), other.read_bytes(), gone.read_bytes()
    replace_file(one, after)
    gone.unlink()
    shutil.copy2(other, new)
    found = why(project)
    assert found.exit_code == 1
    expected = {
        ("frame", f"{FRAMES}/{SNAPSHOT}/{one.name}"): (content(before), content(after)),
        ("frame", f"{FRAMES}/{SNAPSHOT}/{gone.name}"): (content(lost), None),
        ("frame", f"{FRAMES}/{SNAPSHOT}/{new.name}"): (None, content(after)),
    }
    assert named(found) == expected
    assert ways(found) == {(f"images@{SNAPSHOT}", f"df01_part@{SNAPSHOT}", "df01", "df02", "df03")}
    assert ways(why(project, "df01")) == {(f"images@{SNAPSHOT}", f"df01_part@{SNAPSHOT}", "df01")}
    text = project.morphseq("why", "df03", code=1)
    assert f"frame {FRAMES}/{SNAPSHOT}/{gone.name} is gone" in text
    assert f"frame {FRAMES}/{SNAPSHOT}/{new.name} added" in text
    assert f"was  {len(before)} bytes, xxh3_128 {hash_bytes(before)}" in text
    assert f"is   {len(after)} bytes, xxh3_128 {hash_bytes(after)}" in text
    assert f"images@{SNAPSHOT} -> df01_part@{SNAPSHOT} -> df01 -> df02 -> df03" in text

    # After that stage alone has run, what it saw before is in git.
    project.repro("-s", f"images@{SNAPSHOT}")
    assert named(why(project, SNAPSHOT)) == expected
    project.commit("Other frames")
    assert named(why(project, f"sam2@{SNAPSHOT}")) == expected


def test_a_plate_table_and_a_model_are_named_with_md5(project: Project) -> None:
    plate = project.plate(AWKWARD)
    before, after = plate.read_bytes(), plate.read_bytes() + b"\n"
    replace_file(plate, after)
    name = str(plate.relative_to(project.root))
    found = why(project, f"build03@{AWKWARD}")
    # Workbooks lie beside the tables, and of a folder that no stage makes DVC records no files.
    assert named(found).keys() == {("input", name), ("input", str(Path(name).parent))}
    assert named(found)["input", name] == (
        {"size": len(before), "md5": md5_bytes(before)},
        {"size": len(after), "md5": md5_bytes(after)},
    )
    stages = {stage.partition("@")[0] for cause in found.causes for stage in cause.stages}
    assert stages == {"images", "build03", "wells"}
    model = project.root / "data/models/legacy/demo_a"
    (model / "more").write_text("x")
    changed = named(why(project, f"latents@{TIME_LAPSE}"))
    assert [key for key in changed if key[0] == "input"] == [("input", "data/models/legacy/demo_a")]
    shutil.rmtree(model)
    assert ("folder", "data/models/legacy/demo_a") in named(why(project, f"latents@{TIME_LAPSE}"))


def test_a_setting_a_version_and_a_command_are_named_with_what_they_were(project: Project) -> None:
    project.edit("params.yaml", "margin_um: 150", "margin_um: 140")
    project.edit("params.yaml", "  snips: 4", "  snips: 5")
    project.edit("dvc.yaml", "cmd: python -m stages.df02", "cmd: python -m stages.df02 --more")
    found = why(project)
    assert named(found) == {
        ("setting", "build03.margin_um"): (150, 140),
        ("version", "snips"): (4, 5),
        ("command", "df02"): ("python -m stages.df02", "python -m stages.df02 --more"),
    }
    assert ways(found) == {
        (f"build03@{TIME_LAPSE}", f"df01_part@{TIME_LAPSE}", "df01", "df02", "df03"),
        (f"snips@{TIME_LAPSE}", f"latents@{TIME_LAPSE}", f"df03_part@{TIME_LAPSE}", "df03"),
        ("df02", "df03"),
    }
    setting = next(cause for cause in found.causes if cause.change.kind == "setting")
    assert setting.stages == [*(f"build03@{name}" for name in PLATES), "df01"]


def test_a_model_that_was_switched_is_one_setting(project: Project) -> None:
    project.edit("params.yaml", "model_name: demo_a", "model_name: demo_b")
    found = why(project)
    assert named(found) == {("setting", "model_name"): ("demo_a", "demo_b")}
    assert found.causes[0].stages == [
        *(f"latents@{name}" for name in PLATES),
        *(f"df03_part@{name}" for name in PLATES),
        "df03",
    ]
    assert ways(found) == {(f"latents@{TIME_LAPSE}", f"df03_part@{TIME_LAPSE}", "df03")}


def test_another_segmenter_and_another_network_are_settings(project: Project) -> None:
    project.experiments(EVERYTHING | {SNAPSHOT: "another"})
    segmenter = {("setting", f"experiments.{SNAPSHOT}.segmenter"): ("threshold", "another")}
    assert named(why(project, f"sam2@{SNAPSHOT}")) == segmenter
    project.edit("params.yaml", "dead: via_v1_0100", "dead: via_v2")
    # What params.yaml says of an experiment is an argument of `images`, from which its masks come.
    found = named(why(project, f"qc_masks@{SNAPSHOT}"))
    assert found == {("setting", "qc_masks.models.dead"): ("via_v1_0100", "via_v2")} | segmenter


def test_what_is_declared_otherwise_is_told_as_it_stands_in_dvc_yaml(project: Project) -> None:
    project.edit("dvc.yaml", "      - data/metadata/reference/sa_reference_curves.csv\n", "      - README.md\n")
    following = "\n      - ${paths.cohort}/embryo_metadata_df02.parquet"
    project.edit("dvc.yaml", f"embryo_metadata_df02.csv{following}", f"other.csv{following}")
    assert set(named(why(project, "df02"))) == {
        ("dependency", "README.md"),
        ("dependency", "data/metadata/reference/sa_reference_curves.csv"),
        ("declared output", f"{TABLES}/other.csv"),
        ("declared output", f"{TABLES}/embryo_metadata_df02.csv"),
    }


def test_an_experiment_added_and_one_removed(project: Project) -> None:
    shutil.copytree(project.frames(SNAPSHOT), project.frames("20990101"))
    shutil.copy2(project.plate(SNAPSHOT), project.plate("20990101"))
    project.experiments({TIME_LAPSE: "threshold", SNAPSHOT: "threshold", "20990101": "threshold"})
    found = named(why(project, "df01"))
    assert found["experiment", "20990101"] == (None, {"segmenter": "threshold"})
    assert found["experiment", AWKWARD] == ({"segmenter": "threshold"}, None)
    assert found["stage", "images@20990101"] == (None, "has not run")
    text = project.morphseq("why", "df01", code=1)
    assert "experiment 20990101 added" in text
    assert f"experiment {AWKWARD} removed" in text


def test_a_stack_that_was_edited_or_deleted_is_named(project: Project) -> None:
    folder = project.root / SNIPS / SNAPSHOT
    edited, deleted = sorted(folder.glob("*.tif"))[:2]
    before, lost = edited.read_bytes(), deleted.read_bytes()
    after = before[:-1] + b"x"
    replace_file(edited, after)
    deleted.unlink()
    found = why(project, f"latents@{SNAPSHOT}")
    assert named(found) == {
        ("stack", f"{SNIPS}/{SNAPSHOT}/{edited.name}"): (content(before), content(after)),
        ("stack", f"{SNIPS}/{SNAPSHOT}/{deleted.name}"): (content(lost), None),
    }
    assert ways(found) == {(f"snips@{SNAPSHOT}", f"latents@{SNAPSHOT}")}
    # Without the index that lists them, or with another one, the folder as a whole.
    (folder / "contents.json").unlink()
    assert set(named(why(project, f"snips@{SNAPSHOT}"))) == {("output", f"{SNIPS}/{SNAPSHOT}")}
    shutil.rmtree(folder)
    assert "is gone" in project.morphseq("why", f"snips@{SNAPSHOT}", code=1)


def test_a_table_edited_deleted_or_lost_from_the_cache(project: Project) -> None:
    name = f"{TABLES}/embryo_metadata_df02.csv"
    before = project.table("df02").read_bytes()
    was = {"size": len(before), "md5": md5_bytes(before)}
    replace_file(project.table("df02"), before + b"\n")
    assert named(why(project)) == {("output", name): (was, {"size": len(before) + 1, "md5": md5_bytes(before + b"\n")})}
    project.table("df02").unlink()
    assert named(why(project)) == {("output", name): (was, None)}
    replace_file(project.table("df02"), before)
    md5 = read_lock(project.root)["df02"].outs[name].md5
    (project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    assert named(why(project)) == {("cache", name): (was, None)}
    assert "is no longer in DVC's cache" in project.morphseq("why", "df02", code=1)


def test_a_failure_is_told_in_its_words(project: Project) -> None:
    replace_file(project.frames(SNAPSHOT) / "A01_t0000_stitch.png", b"")
    project.repro(f"images@{SNAPSHOT}", fails=True)
    text = project.morphseq("why", "df03", code=1)
    assert f"images@{SNAPSHOT} failed: " in text
    assert "A01_t0000_stitch.png is empty" in text


def test_code_that_changed_under_its_version_is_told_by_why_and_run(project: Project) -> None:
    project.edit("stages/df02.py", "drops > settings.min_drop", "drops >= settings.min_drop")
    said = "code not as recorded: df02 (changed). See `morphseq code status`"
    assert project.morphseq("why", "df03") == f"df03 is up to date\n\nwarning: {UNFIT}\n\n{said}\n"
    assert said not in project.morphseq("why", "df01")
    assert said in project.morphseq("run", "df03", "--dry-run")
    assert said in project.morphseq("run", "df03")
    assert said not in project.morphseq("run", "df01")
    assert msgspec.json.decode(project.morphseq("why", "df03", "--json"))["code"] == {
        "stages": {"df02": "changed"},
        "problems": [],
    }


def test_what_can_not_be_read_is_said_and_ends_with_4(project: Project) -> None:
    (project.frames(SNAPSHOT) / "A01_t0009.png").symlink_to("nowhere")
    text = project.morphseq("why", "df03", code=4)
    assert "could not be determined: " in text
    assert "A01_t0009.png: a symbolic link to nothing" in text
    assert "is up to date" in project.morphseq("why", TIME_LAPSE)


def test_what_a_table_lacks_is_told_by_experiment(project: Project) -> None:
    project.repro("-f", "-s", f"build03@{SNAPSHOT}")
    assert why(project).exit_code == 0, "the same content"
    plate = project.plate(SNAPSHOT)
    replace_file(plate, plate.read_bytes().replace(b",wt,", b",mut,"))
    project.repro("df01_part")
    found = why(project, "df01")
    assert [name for kind, name in named(found) if SNAPSHOT in name]
    assert all(cause.way[-1] == "df01" for cause in found.causes)
    assert not [name for kind, name in named(found) if TIME_LAPSE in name]


@pytest.mark.parametrize(
    ("target", "meant"), [("df04", "df0"), ("snip", "snips"), ("2025010", TIME_LAPSE), (f"sam@{SNAPSHOT}", "sam2@")]
)
def test_an_unknown_target_suggests_the_nearest(project: Project, target: str, meant: str) -> None:
    said = project.morphseq("why", target, code=2)
    assert f"'{target}' is not a stage, group or experiment" in said
    assert f"Did you mean '{meant}" in said


def test_json_is_all_that_is_printed(project: Project) -> None:
    project.edit("params.yaml", "margin_um: 150", "margin_um: 140")
    done = subprocess.run(
        [Path(sys.executable).parent / "morphseq", "why", "build03", "--json"],
        cwd=project.root, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")
    assert msgspec.json.decode(done.stdout) == {
        "schema": view.SCHEMA,
        "target": "build03",
        "wells": {},
        "states": {f"build03@{name}": "out of date" for name in PLATES},
        "causes": [
            {
                "change": {"kind": "setting", "name": "build03.margin_um", "old": 150, "new": 140},
                "stages": [f"build03@{name}" for name in PLATES],
                "way": [f"build03@{TIME_LAPSE}"],
            }
        ],
        "code": {"stages": {}, "problems": []},
        "warnings": [UNFIT],
        "exit_code": 1,
    }

"""Which experiments, with which content, are in a table: every state, through the real commands."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

import morphseq_manifest
from morphseq_manifest.cohort import params
from morphseq_manifest.tracker.dvc.lock_reading import read as read_lock
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
EVERYTHING = dict.fromkeys(PLATES, "threshold")


def states(project: Project, table: str = "df01", *options: str, code: int = 1) -> dict[str, Any]:
    found = msgspec.json.decode(project.morphseq("provenance", table, "--json", *options, code=code))
    assert found["schema"] == "morphseq/provenance/1"
    return {item["experiment"]: item for item in found["experiments"]}


def changes_of(item: dict[str, Any]) -> set[tuple[str, str]]:
    return {(change["kind"], change["name"]) for change in item["changes"]}


def swap_frames(project: Project, experiment: str) -> None:
    """Change a frame of the experiment, add one, remove one."""
    folder = project.frames(experiment)
    replace_file(folder / "A01_t0000_stitch.png", (folder / "A02_t0000_stitch.png").read_bytes())
    shutil.copy2(folder / "A02_t0000_stitch.png", folder / "H12_t0000_stitch.png")
    (folder / "A03_t0000_stitch.png").unlink()


def edit_rows(path: Path, edit: Any) -> None:
    replace_file(path, b"".join(edit(path.read_bytes().splitlines(keepends=True))))


def test_after_a_run_every_experiment_is_current(project: Project) -> None:
    for table in ("df01", "df02", "df03"):
        assert {item["state"] for item in states(project, table, code=0).values()} == {"current"}
    text = project.morphseq("provenance", "df01")
    assert "df01 in the working tree" in text
    assert "3 current" in text
    frame = morphseq_manifest.provenance("df03", project.root).to_frame()
    assert frame["experiment"].tolist() == list(PLATES)
    assert frame["state"].eq("current").all()
    assert frame["rows"].tolist() == [project.manifest("df03").experiments[name].rows for name in PLATES]


def test_outdated_names_the_frames_the_table_and_the_setting(project: Project) -> None:
    swap_frames(project, SNAPSHOT)
    plate = project.plate(AWKWARD)
    replace_file(plate, plate.read_bytes().replace(b",wt,", b",mut,"))
    project.repro("df01_part")
    found = states(project)
    assert {name: item["state"] for name, item in found.items()} == {
        TIME_LAPSE: "current",
        SNAPSHOT: "outdated",
        AWKWARD: "outdated",
    }
    assert changes_of(found[SNAPSHOT]) == {
        ("frame", "A01_t0000_stitch.png"),
        ("frame", "A03_t0000_stitch.png"),
        ("frame", "H12_t0000_stitch.png"),
    }
    assert changes_of(found[AWKWARD]) == {("input", f"data/metadata/built_metadata_files/{AWKWARD}_metadata.csv")}
    text = project.morphseq("provenance", "df01", code=1)
    assert "frame A03_t0000_stitch.png removed" in text
    assert "frame H12_t0000_stitch.png added" in text
    assert "1 current, 2 outdated" in text

    project.setting("margin_um", 140)
    assert ("setting", "build03.margin_um") in changes_of(states(project)[TIME_LAPSE])
    assert "build03.margin_um: 150 -> 140" in project.morphseq("provenance", "df01", code=1)

    project.run("git", "checkout", "--quiet", "params.yaml", "dvc.lock", "manifests")
    assert {item["state"] for item in states(project, code=0).values()} == {"current"}


def test_waiting_removed_and_failed(project: Project) -> None:
    without = {name: kind for name, kind in EVERYTHING.items() if name != AWKWARD}
    for name in ("20990101", "20990102"):
        shutil.copytree(project.frames(SNAPSHOT), project.frames(name))
        project.plate(name).write_text(project.plate(SNAPSHOT).read_text().replace(SNAPSHOT, name))
    project.experiments(without | {"20990101": "threshold", "20990102": "threshold"})
    found = states(project)
    assert {name: item["state"] for name, item in found.items()} == {
        TIME_LAPSE: "current",
        SNAPSHOT: "current",
        AWKWARD: "removed",
        "20990101": "waiting",
        "20990102": "waiting",
    }

    replace_file(project.frames("20990101") / "A05_t0000_stitch.png", b"")
    project.repro("images@20990101", fails=True)
    project.repro("images@20990102")
    found = states(project)
    assert found["20990101"]["state"] == found["20990102"]["state"] == "failed"
    assert "A05_t0000_stitch.png is empty" in project.morphseq("provenance", "df01", code=1)
    assert {change["name"] for change in found["20990102"]["changes"]} == {
        f"{stage}@20990102" for stage in ("qc_masks", "sam2", "build03", "df01_part")
    }

    project.repro("df01_part@20990102")
    item = states(project)["20990102"]
    assert item["state"] == "waiting"
    assert "dvc repro df01" in item["changes"][0]["new"]

    project.repro("images@20990101", fails=True)
    project.experiments(without | {"20990102": "threshold"})
    project.repro("df01")
    assert {item["state"] for item in states(project, code=0).values()} == {"current"}
    assert sorted(states(project, code=0)) == sorted([*without, "20990102"])


def test_an_experiment_whose_stages_stopped_half_way_is_failed(project: Project) -> None:
    swap_frames(project, SNAPSHOT)
    project.repro(f"images@{SNAPSHOT}")
    item = states(project)[SNAPSHOT]
    assert item["state"] == "failed"
    assert {
        ("stage", f"qc_masks@{SNAPSHOT}"),
        ("stage", f"sam2@{SNAPSHOT}"),
        ("frame", "H12_t0000_stitch.png"),
    } <= changes_of(item)
    assert states(project)[TIME_LAPSE]["state"] == "current"


def test_an_experiment_in_the_table_whose_stage_fails_later_is_failed_until_it_is_put_right(project: Project) -> None:
    path = project.plate(SNAPSHOT)
    before = path.read_bytes()
    replace_file(path, before.replace(b"28.5", b"warm", 1))
    assert "failed" in project.morphseq("run", "df01", code=1)
    found = states(project)
    assert {name: item["state"] for name, item in found.items() if item["state"] != "current"} == {SNAPSHOT: "failed"}
    assert "warm" in str(found[SNAPSHOT]["changes"])
    replace_file(path, before)
    project.morphseq("run", "df01")
    assert {item["state"] for item in states(project, code=0).values()} == {"current"}


def test_any_commit_is_answered_without_checking_it_out(project: Project) -> None:
    first = project.run("git", "rev-parse", "HEAD").strip()
    project.experiments({name: kind for name, kind in EVERYTHING.items() if name != SNAPSHOT})
    project.repro()
    project.commit("Without the snapshot plate")
    assert sorted(states(project, code=0)) == [TIME_LAPSE, AWKWARD]
    for rev in ("HEAD~1", first, first[:10]):
        assert sorted(states(project, "df03", "--rev", rev, code=0)) == sorted(PLATES)
    assert "'nowhere' is not a commit" in project.morphseq("provenance", "df01", "--rev", "nowhere", code=2)
    assert "never built" in project.morphseq("provenance", "df01", "--rev", "HEAD~2", code=4)

    text = project.morphseq("diff", "HEAD~1", "HEAD", code=1)
    assert f"rows of df01 from HEAD~1 to HEAD: 1 removed\nwhat               old  new\n{SNAPSHOT}   24  -\n" in text
    found = msgspec.json.decode(project.morphseq("diff", "HEAD~1", "HEAD", "--json", code=1))["difference"]
    assert [(change["name"], change["old"], change["new"]) for change in found["experiments"]] == [
        (SNAPSHOT, "threshold", None)
    ]
    assert [(change["name"], change["old"], change["new"]) for change in found["rows"]["df01"]] == [
        (SNAPSHOT, 24, None)
    ]

    project.run("git", "checkout", "--quiet", "HEAD~1")
    assert sorted(states(project, code=0)) == sorted(PLATES)
    assert "No difference" in project.morphseq("diff", first)
    text = project.morphseq("diff", "HEAD~1", code=1)
    assert f"frames of {TIME_LAPSE} from HEAD~1 to the working tree: 96 added\n--json has them all\n" in text


def test_diff_names_frames_settings_and_versions(project: Project) -> None:
    assert "No difference" in project.morphseq("diff")
    swap_frames(project, SNAPSHOT)
    project.repro(f"images@{SNAPSHOT}")
    old = params.read(project.root).values["df02"]["k_upper"]
    project.setting("k_upper", 1.5)
    project.edit("params.yaml", "  snips: 4", "  snips: 5")
    found = msgspec.json.decode(project.morphseq("diff", "--json", code=1))["difference"]
    assert {(change["name"], change["old"] is None, change["new"] is None) for change in found["frames"][SNAPSHOT]} == {
        ("A01_t0000_stitch.png", False, False),
        ("A03_t0000_stitch.png", False, True),
        ("H12_t0000_stitch.png", True, False),
    }
    assert found["settings"] == [{"kind": "setting", "name": "df02.k_upper", "old": old, "new": 1.5}]
    assert found["versions"] == [{"kind": "version", "name": "snips", "old": 4, "new": 5}]
    text = project.morphseq("diff", code=1)
    assert "H12_t0000_stitch.png" in text
    assert f"frames of {SNAPSHOT} from HEAD to the working tree: 1 added, 1 removed, 1 changed\n" in text


def test_diff_names_outputs_that_dvc_lock_records_otherwise_and_reads_no_damaged_one(project: Project) -> None:
    lock = project.root / "dvc.lock"
    text = lock.read_text()
    md5 = read_lock(project.root)["df02"].outs["manifests/df02.json"].md5
    lock.write_text(text.replace(md5, "f" * 32))
    found = msgspec.json.decode(project.morphseq("diff", "--json", code=1))["difference"]
    assert [(change["name"], change["old"], change["new"]) for change in found.pop("outputs")] == [
        ("manifests/df02.json", md5, "f" * 32)
    ]
    assert not any(found.values())
    assert "outputs recorded in dvc.lock from HEAD to the working tree: 1 changed" in project.morphseq("diff", code=1)
    lock.write_bytes(bytes(len(text)))
    assert "dvc.lock: cut short or damaged" in project.morphseq("diff", code=3)


def test_the_way_back_leads_from_df03_to_the_frames(project: Project) -> None:
    found = msgspec.json.decode(project.morphseq("provenance", "--experiment", SNAPSHOT, "--json"))
    steps = [step["stage"].partition("@")[0] for step in found["way"]["steps"]]
    assert steps[:4] == ["df03", "df02", "df01", "df03_part"]
    assert set(steps[4:]) == {"df01_part", "latents", "snips", "build03", "sam2", "qc_masks", "images", "wells"}
    assert steps[-1] == "images"
    assert len(found["images"]["frames"]) == 24
    paths = {item["path"]: item for step in found["way"]["steps"] for item in step["items"]}
    assert paths["data/models/legacy/demo_a"]["role"] == "from outside"
    assert paths[f"data/built_image_data/stitched_FF_images/{SNAPSHOT}"]["nfiles"] == 24
    text = project.morphseq("provenance", "--experiment", SNAPSHOT)
    assert "First run" in text
    assert "blend_um" in text
    nearest = project.morphseq("provenance", "--experiment", "20250102_snapshoot", code=2)
    assert f"Did you mean '{SNAPSHOT}'" in nearest
    (project.root / "dvc.lock").write_text((project.root / "dvc.lock").read_text().replace("size: 2", "size: 3", 1))
    assert "not committed" in project.morphseq("provenance", "--experiment", SNAPSHOT)


def _edit_a_cell(lines: list[bytes]) -> list[bytes]:
    return [*lines[:50], lines[50].replace(b",E3,", b",E2,"), *lines[51:]]


def _drop_a_row(lines: list[bytes]) -> list[bytes]:
    return lines[:50] + lines[51:]


def _truncate(lines: list[bytes]) -> list[bytes]:
    return [*lines[:120], lines[120][:40]]


def _sort_anew(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *sorted(lines[1:], reverse=True)]


def _swap_experiments(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[97:], *lines[1:97]]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_edit_a_cell, [TIME_LAPSE, "content of rows"]),
        (_drop_a_row, [TIME_LAPSE, "96", "95"]),
        (_truncate, ["line 121 is cut short", SNAPSHOT, AWKWARD]),
        (_sort_anew, ["is duplicated or out of order"]),
        (_swap_experiments, ["order", "experiments"]),
    ],
)
def test_check_finds_and_names_what_is_not_as_recorded(project: Project, edit: Any, said: list[str]) -> None:
    assert "every row is as recorded" in project.morphseq("provenance", "df01", "--check")
    edit_rows(project.table("df01"), edit)
    output = project.morphseq("provenance", "df01", "--check", code=3)
    for text in said:
        assert text in output
    assert msgspec.json.decode(project.morphseq("provenance", "df01", "--check", "--json", code=3))["differences"]


def test_a_copy_found_anywhere_is_recognised(project: Project, tmp_path: Path) -> None:
    old, mail = project.table("df02").read_bytes(), tmp_path / "from a mail.csv"
    project.experiments({name: kind for name, kind in EVERYTHING.items() if name != AWKWARD})
    project.repro()
    project.commit("Two experiments")
    mail.write_bytes(old)
    output = project.morphseq("provenance", mail)
    assert "df02 of" in output
    assert "First run" in output
    assert AWKWARD in output

    lines = old.splitlines(keepends=True)
    mail.write_bytes(b"".join(_edit_a_cell(lines)))
    output = project.morphseq("provenance", mail, code=3)
    assert "not known. Nearest is df02 of" in output
    assert "First run" in output
    assert "content of rows" in output
    found = msgspec.json.decode(project.morphseq("provenance", mail, "--json", code=3))
    assert [change["name"] for change in found["differences"]] == [TIME_LAPSE]

    mail.write_bytes(b"".join([lines[0], *(line.replace(b"E3", b"E9") for line in lines[1:])]))
    assert "not known" in project.morphseq("provenance", mail, code=3)
    mail.write_text("a,b\n1,2\n")
    assert "not a table of this pipeline" in project.morphseq("provenance", mail, code=3)
    assert "can't be read" in project.morphseq("provenance", tmp_path / "gone.csv", code=4)


def test_latents_that_are_missing_show_up_by_experiment(project: Project) -> None:
    project.setting("min_latent_coverage", 0.5)
    table = project.plate(SNAPSHOT)
    text = pd.read_csv(table, dtype=str, keep_default_na=False)
    text.loc[text["well"].isin(["B05", "B06"]), "Width (um)"] = ""
    replace_file(table, text.to_csv(index=False).encode())
    project.repro()
    parts = project.manifest("df03").experiments
    assert parts[TIME_LAPSE].coverage == parts[AWKWARD].coverage == 1
    missing = parts[SNAPSHOT].rows - (parts[SNAPSHOT].with_latents or 0)
    assert missing == 2
    item = states(project, "df03", code=0)[SNAPSHOT]
    assert item["part"]["with_latents"] == parts[SNAPSHOT].rows - 2
    assert "coverage" in project.morphseq("provenance", "df03").splitlines()[1]


@pytest.mark.parametrize("name", ["manifests/df01.json", "dvc.lock"])
def test_damaged_records_are_refused_and_named(project: Project, name: str) -> None:
    path = project.root / name
    whole = path.read_bytes()
    # In the middle of a key: a lock that is cut between two lines can be one of fewer stages.
    path.write_bytes(whole[: whole.index(b":", len(whole) // 2) - 1])
    code, output = project.ending("morphseq", "provenance", "df01")
    assert code == 3
    assert name in output


@pytest.mark.parametrize("name", ["dvc.lock", "params.yaml"])
def test_records_that_are_not_utf_8_are_named(project: Project, name: str) -> None:
    (project.root / name).write_bytes(b"# caf\xe9\n" + (project.root / name).read_bytes())
    remedy = "Save it as UTF-8" if name == "params.yaml" else "Restore it: `git checkout dvc.lock`"
    assert f"{name}: not UTF-8 at byte 5. {remedy}" in project.morphseq("provenance", "df01", code=3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a table"),
        (("df09",), "not a cohort table"),
        (("df01", "--experiment", SNAPSHOT), "leave out TABLE"),
        (("df01", "--check", "--rev", "HEAD"), "leave out --rev"),
    ],
)
def test_wrong_usage_ends_with_2(project: Project, arguments: tuple[str, ...], said: str) -> None:
    assert said in project.morphseq("provenance", *arguments, code=2)

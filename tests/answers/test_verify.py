"""`morphseq verify`: what is damaged, missing, unrecorded, unreadable or stale, each named; and taking it up again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from morphseq_manifest.answers.verify import proofs, view
from morphseq_manifest.answers.verify.plan import take_sample
from morphseq_manifest.answers.verify.report import verify
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, images_manifest, stack_index
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from morphseq_manifest.tracker.disk.rehash import Job
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
MODEL = "data/segmentation/segmentation_models/mask_v0_0100"
LABELS = "data/sam2_pipeline_files/exported_masks"
SNIPS = "data/training_data/bf_embryo_snips"
DF01 = "data/metadata/combined_metadata_files/embryo_metadata_df01.csv"
FRAMES = "data/built_image_data/stitched_FF_images"
DEADLINE_S = 60


def report(project: Project, *options: str, code: int = 0) -> dict[str, Any]:
    """What `morphseq verify --json` prints, nothing else being on stdout."""
    done = subprocess.run(
        [Path(sys.executable).parent / "morphseq", "verify", "--json", *options],
        cwd=project.root, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    assert found["schema"] == view.SCHEMA
    assert found["exit_code"] == code
    return found


def findings(project: Project, *options: str, code: int = 3) -> dict[str, str]:
    """What was found wrong, by path."""
    return {found["path"]: found["what"] for found in report(project, *options, code=code)["findings"]}


def flip(path: Path) -> None:
    """Change one bit of a file, leaving its size and times as they were."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    replace_file(path, bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def first(folder: Path, pattern: str = "*.tif") -> Path:
    return min(folder.glob(pattern))


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
        "manifests/images",
        "data/metadata/build03_output",
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
        project.run("python", "-m", "morphseq_manifest.cohort.manifests.stack_index", path.parent)
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
    assert findings(project, code=1) == {name: "stale"}
    flip(first(project.frames(SNAPSHOT), "*.png"))
    assert set(findings(project).values()) == {"stale", "damaged"}


def test_a_cohort_that_lacks_what_was_made_since_is_stale(project: Project) -> None:
    listed = {name: "threshold" for name in PLATES}
    project.experiments({name: listed[name] for name in PLATES[:2]})
    found = report(project)
    assert (found["findings"], found["left_out"]) == ([], [AWKWARD])
    assert AWKWARD in project.morphseq("verify")
    (project.root / f"data/metadata/build03_output/expr_embryo_metadata_{AWKWARD}.csv").unlink()
    assert findings(project, code=1) == {"data/metadata/build03_output": "stale"}


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


def listed_frames(root: Path, write: Callable[[Path, int], tuple[int, str]], count: int) -> Project:
    """A project of one experiment with `count` frames, each made by `write`, which returns its size and hash."""
    folder = root / FRAMES / "20240418"
    folder.mkdir(parents=True)
    frames = []
    for number in range(count):
        name = f"A01_t{number:05d}.png"
        frames.append(Frame("A01", number, name, *write(folder / name, number)))
    data = canonical.dump(images_manifest.build("20240418", frames, [], count))
    manifest = root / "manifests/images/20240418.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(data)
    (root / ".dvc").mkdir()
    (root / "params.yaml").write_text('experiments:\n  "20240418":\n    segmenter: threshold\n')
    (root / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  images@20240418:\n    cmd: python -m stages.images '20240418'\n    deps:\n"
        f"    - path: {FRAMES}/20240418\n      hash: md5\n      md5: '{'0' * 32}.dir'\n"
        f"    outs:\n    - path: manifests/images/20240418.json\n      hash: md5\n      md5: '{md5_bytes(data)}'\n"
    )
    return Project(root)


def linked(source: bytes) -> Callable[[Path, int], tuple[int, str]]:
    """Frames that are links to a few files, so that a great many need little room."""

    def write(path: Path, number: int) -> tuple[int, str]:
        original = path.with_name(f"A01_t{number // 1000 * 1000 + 1:05d}.png")
        if original.exists():
            os.link(original, path)
        else:
            path.write_bytes(source)
        return len(source), hash_bytes(source)

    return write


@pytest.mark.parametrize(("size", "count"), [(8_000_000, 1000), (1000, 60_000)], ids=["large files", "small files"])
def test_an_interrupted_check_goes_on_where_it_was(tmp_path: Path, size: int, count: int) -> None:
    project = listed_frames(tmp_path / "project", linked(bytes(size)), count)
    environment = os.environ | {"COLUMNS": "200"}
    process = subprocess.Popen(
        [Path(sys.executable).parent / "morphseq", "verify", "--json"], cwd=project.root, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    kept = project.root / files.OWN
    give_up = time.monotonic() + DEADLINE_S
    while not any(path.stat().st_size > 1000 for path in kept.glob("verify.*")):
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < give_up
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (130, "")
    assert f"of {count + 1} files hashed; the same command goes on from there" in err
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    damaged = project.root / FRAMES / "20240418/A01_t00000.png"
    flip(damaged)
    found = report(project, code=3)
    assert found["skipped"] > 0
    assert found["hashed"] + found["skipped"] == found["recorded"] == count + 1
    assert [item["path"] for item in found["findings"]] == [f"{FRAMES}/20240418/{damaged.name}"]
    assert not list(kept.glob("verify.*"))


def test_what_was_proved_holds_only_for_the_same_stat_content_and_time(tmp_path: Path) -> None:
    project = listed_frames(tmp_path, linked(b"frame"), 3)
    before = proofs.Progress(project.root, "all")
    job = Job(f"{FRAMES}/20240418/A01_t00000.png", 5, hash_bytes(b"frame"))
    other = msgspec.structs.replace(job, digest=hash_bytes(b"other"))
    from morphseq_manifest.tracker.disk.rehash import proof, seen

    path = project.root / job.path
    before.add([proof(job, seen(path.stat()))])
    before.close(finished=False)
    again = proofs.Progress(project.root, "all")
    assert again.has(job)
    assert not again.has(other)
    assert not proofs.Progress(project.root, "some").has(job)
    with again.path.open("ab") as file:
        file.write(b"cut")
    assert proofs.Progress(project.root, "all").has(job)
    flip(path)
    assert not proofs.Progress(project.root, "all").has(job)
    assert not proofs.Progress(project.root, "all", restart=True).proofs
    again.close(finished=True)
    assert not again.path.exists()


def test_small_files_are_hashed_by_processes_with_the_same_result(tmp_path: Path) -> None:
    def write(path: Path, number: int) -> tuple[int, str]:
        data = str(number).encode()
        path.write_bytes(data)
        return len(data), hash_bytes(data)

    project = listed_frames(tmp_path, write, 3000)
    assert report(project)["hashed"] == 3001
    names = [f"{FRAMES}/20240418/A01_t{number:05d}.png" for number in (0, 1499, 2999)]
    flip(project.root / names[0])
    (project.root / names[1]).unlink()
    replace_file(project.root / names[2], b"")
    assert findings(project) == dict(zip(names, ("damaged", "missing", "damaged"), strict=True))


def test_progress_is_kept_nowhere_where_nothing_can_be_written(tmp_path: Path) -> None:
    project = listed_frames(tmp_path, linked(b"frame"), 3)
    (tmp_path / ".dvc/tmp").write_text("in the way")
    assert verify(project.root).exit_code == 0
    assert not proofs.Progress(project.root, "all").is_kept

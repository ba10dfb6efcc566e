"""`morphseq verify` of many files: by threads and by processes, interrupted, and taken up again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.answers.verify import proofs
from morphseq_manifest.answers.verify.report import verify
from morphseq_manifest.base import files
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.reading import stat_of
from morphseq_manifest.tracker.disk.rehash import Job, proof
from tests.answers.verifying import DEADLINE_S, FRAMES, findings, flip, linked, listed_frames, report
from tests.project import replace_file


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
    assert (process.returncode, msgspec.json.decode(out)["error"]) == (130, "interrupted")
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
    path = project.root / job.path
    before.add([proof(job, [stat_of(path.stat())])])
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

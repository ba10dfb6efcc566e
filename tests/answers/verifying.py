"""What the tests of `morphseq verify` share: what it reports, damage no stat tells, and projects of many frames."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers.verify import view
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame
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

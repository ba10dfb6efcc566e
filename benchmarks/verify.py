"""Figures of `morphseq verify`: a whole check of listed frames against `xxhsum -H2` on them, page cache warm."""

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, alternating, command
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files import layout

EXPERIMENT = "20240418"
_LARGE_FILES, _LARGE_BYTES, _SMALL_BYTES = 200, 10_000_000, 4096
_RATE_NAME = "verify, files of 10 MB: share of the rate of xxhsum -H2"
_TIME_NAME = "verify, files of 4 KB: times xxhsum -H2"


def figures(quick: bool) -> Iterator[Figure]:
    """Files like the largest frames, and more small ones than a plate has. Start-up of both programs is included."""
    if shutil.which("xxhsum") is None:
        for name, bound in ((_RATE_NAME, 0.8), (_TIME_NAME, 1.5)):
            yield Figure(name, None, bound, note="xxhsum is not installed: Debian has it in the package xxhash")
        return
    # Less than 2 GB takes xxhsum hardly longer than an interpreter takes to start.
    small, runs = (60_000, 5) if quick else (200_000, 9)
    ours, xxhsum = compare(_LARGE_FILES, _LARGE_BYTES, 9)
    note = f"{ours:.3f} s against {xxhsum:.3f} s for {_LARGE_FILES * _LARGE_BYTES / 1e9:.1f} GB"
    yield Figure(_RATE_NAME, xxhsum / ours, 0.8, at_least=True, note=note)
    ours, xxhsum = compare(small, _SMALL_BYTES, runs)
    yield Figure(_TIME_NAME, ours / xxhsum, 1.5, note=f"{ours:.2f} s against {xxhsum:.2f} s for {small} files")


def compare(count: int, size: int, runs: int) -> tuple[float, float]:
    """Median seconds of `morphseq verify` and of `xxhsum` for `count` frames of `size` bytes each."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = synthesise(root, count, size)
        listed = "\0".join(names).encode()

        def xxhsum() -> None:
            subprocess.run(
                ["xargs", "--null", "--max-chars=1000000", "xxhsum", "-H2"],
                cwd=root / layout.FRAMES / EXPERIMENT, input=listed, check=True, capture_output=True,
            )  # fmt: skip

        return alternating(command("morphseq", "verify", folder=root), xxhsum, runs)


def synthesise(root: Path, count: int, size: int) -> list[str]:
    """A project of one experiment whose stage `images` has run on `count` frames of noise; the frames' names."""
    place = root / layout.FRAMES / EXPERIMENT
    place.mkdir(parents=True)
    noise = random.Random(0).randbytes(size + count)
    frames = []
    for number in range(count):
        well, time_int = f"{'ABCDEFGH'[number % 8]}{number // 8 % 12 + 1:02d}", number // 96
        name = f"{well}_t{time_int:04d}_stitch.png"
        data = noise[number : number + size]
        (place / name).write_bytes(data)
        frames.append(Frame(well, time_int, name, size, hash_bytes(data)))
    manifest = canonical.dump(images_manifest.build(EXPERIMENT, frames, [], count))
    path = root / layout.images_manifest(EXPERIMENT)
    path.parent.mkdir(parents=True)
    path.write_bytes(manifest)
    (root / "params.yaml").write_text(f'experiments:\n  "{EXPERIMENT}":\n    segmenter: threshold\n')
    (root / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  images@{EXPERIMENT}:\n    cmd: python -m stages.images '{EXPERIMENT}'\n    deps:\n"
        f"    - path: {layout.FRAMES / EXPERIMENT}\n      hash: md5\n      md5: '{md5_bytes(manifest)}.dir'\n"
        f"      size: {count * size}\n      nfiles: {count}\n    outs:\n"
        f"    - path: {layout.images_manifest(EXPERIMENT)}\n      hash: md5\n      md5: '{md5_bytes(manifest)}'\n"
        f"      size: {len(manifest)}\n"
    )
    return [frame.path for frame in frames]

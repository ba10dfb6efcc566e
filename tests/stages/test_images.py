"""The images manifest of real folders: the same wherever they lie and whenever they were written."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphseq_manifest.cohort.manifests import canonical
from stages import images
from stages.files import layout

COLUMNS = (
    "well,time_int,Height (um),Width (um),Height (px),Width (px),start_age_hpf,temperature,well_qc_flag,Time Rel (s)"
)
keys = st.lists(
    st.tuples(st.sampled_from(["A01", "A02", "H12"]), st.integers(0, 400)), min_size=1, max_size=6, unique=True
)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)


def write(frames: list[tuple[str, int]], rows: list[tuple[str, int]]) -> None:
    (layout.FRAMES / "exp").mkdir(parents=True)
    layout.PLATES.mkdir(parents=True)
    for well, time_int in frames:
        pixels = np.full((4, 5), (ord(well[0]) + time_int) % 256, np.uint8)
        Image.fromarray(pixels).save(layout.FRAMES / "exp" / f"{well}_t{time_int:04d}_stitch.png")
    lines = [f"{well},{time_int},1,1,1,1,1,28.5,0,0" for well, time_int in rows]
    layout.plate_table("exp").write_text("\n".join([COLUMNS, *lines, ""]))


def listed() -> bytes:
    return canonical.dump(images.list_images("exp"))


@settings(max_examples=25, deadline=None)
@given(keys, st.randoms())
def test_a_manifest_is_the_same_in_another_order_at_another_time_and_place(frames, random) -> None:  # type: ignore[no-untyped-def]
    with folder() as first:
        write(frames, frames)
        data = listed()
        for path in (first / layout.FRAMES / "exp").iterdir():
            os.utime(path, (random.randint(1, 10**9), 5))
        assert listed() == data
        with folder() as second:
            shutil.copytree(first / "data", second / "data")
            assert listed() == data
        random.shuffle(frames)
        with folder():
            write(frames, frames)
            assert listed() == data


@settings(max_examples=25, deadline=None)
@given(keys, st.data())
def test_a_manifest_differs_if_any_path_or_byte_does(frames: list[tuple[str, int]], data: st.DataObject) -> None:
    with folder():
        write(frames, frames)
        first = listed()
        well, time_int = data.draw(st.sampled_from(frames))
        path = layout.FRAMES / "exp" / f"{well}_t{time_int:04d}_stitch.png"
        renamed = path.with_name(path.name.replace("stitch", "again"))
        path.rename(renamed)
        assert listed() != first
        renamed.rename(path)
        assert listed() == first
        whole = bytearray(path.read_bytes())
        whole[data.draw(st.integers(8, len(whole) - 13))] ^= 1
        path.write_bytes(whole)
        assert listed() != first


def test_what_does_not_fit_is_in_the_manifest() -> None:
    with folder():
        write([("A01", 0), ("A01", 340)], [("A01", 0), ("A01", 339)])
        (layout.FRAMES / "exp/notes.txt").write_text("look")
        manifest = images.list_images("exp")
        assert [(item.kind, item.well, item.time_int, item.path) for item in manifest.problems] == [
            ("frame_without_row", "A01", 340, "A01_t0340_stitch.png"),
            ("not_a_frame", "", -1, "notes.txt"),
            ("row_without_frame", "A01", 339, ""),
        ]
        assert (manifest.counts.frames, manifest.counts.rows) == (2, 2)

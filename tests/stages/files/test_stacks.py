"""Image stacks, and the lab's older form of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files import stacks


def test_stacks_say_which_frame_each_page_is_of(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)
    pages = [
        stacks.Page(stacks.PageTag(time_int, f"{time_int:032x}"), page)
        for time_int, page in zip((0, 2, 11), pixels, strict=True)
    ]
    path = tmp_path / "A01.tif"
    stacks.write_stack(path, pages)
    first = path.read_bytes()
    stacks.write_stack(path, pages)
    assert path.read_bytes() == first
    assert tifffile.imread(path).shape == (3, 20, 30)
    page: Any = tifffile.TiffFile(path).pages[1]
    assert json.loads(page.description) == {"time_int": 2, "frame": f"{2:032x}"}
    with stacks.open_stack(tmp_path, "A01") as readers:
        assert list(readers) == [0, 2, 11]
        assert (readers[11]() == pixels[2]).all()
    path.write_bytes(first[: len(first) // 2])
    with (
        pytest.raises((ContentError, UnreadableError), match=r"A01\.tif"),
        stacks.open_stack(tmp_path, "A01") as readers,
    ):
        [read() for read in readers.values()]


def test_the_labs_older_form_is_read(tmp_path: Path) -> None:
    mask = np.full((40, 40), 127, np.uint8)
    mask[10:30, 10:30] = 255
    Image.fromarray(mask).save(tmp_path / "A01_t0003_stitch.jpg", quality=95)
    Image.fromarray(mask).save(tmp_path / "20240418_A02_t0004.png")
    with stacks.open_stack(tmp_path, "A01", mask=True) as readers:
        assert list(readers) == [3]
        assert (readers[3]() == np.where(mask == 255, 255, 0)).all()
    with stacks.open_stack(tmp_path, "A02") as readers:
        assert (readers[4]() == mask).all()
    with stacks.open_stack(tmp_path, "A03") as readers:
        assert readers == {}


def test_what_a_run_of_sam2_in_the_lab_has_left_is_read(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    label = np.arange(1600, dtype=np.uint16).reshape(40, 40).astype(np.uint8)
    for time_int in (7, 0):
        name = f"20250305_1_A01_ch00_t{time_int:04d}_masks_emnum_1.png"
        Image.fromarray(label + np.uint8(time_int)).save(tmp_path / "masks" / name)
    with stacks.open_stack(tmp_path, "A01") as readers:
        assert list(readers) == [0, 7]
        assert (readers[7]() == label + np.uint8(7)).all()
    Image.fromarray(label).save(tmp_path / "A01_t0007.png")
    with pytest.raises(ContentError, match="of the same frame"), stacks.open_stack(tmp_path, "A01"):
        pass

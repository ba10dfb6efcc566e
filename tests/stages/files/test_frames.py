"""Frames of every form, decoded to grey."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.cohort.manifests.images_manifest import Reading
from stages.files import frames
from tests.stages.drawing import png


def test_frames_are_decoded_to_grey_from_every_form() -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert (frames.decode(png(grey), Path("a.png")) == grey).all()
    assert (frames.decode(png(np.repeat(grey[..., None], 3, axis=2)), Path("a.png")) == grey).all()
    deep = Reading((0, 65535))
    assert (frames.decode(png(grey.astype(np.uint16) * 256 + 9), Path("a.png"), deep) == grey).all()
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, grey.astype(np.uint16) << 8)
    assert (frames.decode(tiff.getvalue(), Path("a.tif"), deep) == grey).all()
    with pytest.raises(UnreadableError, match=r"a\.tif: .*nothing says which are black and white"):
        frames.decode(tiff.getvalue(), Path("a.tif"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_what_is_no_image_is_named(name: str) -> None:
    for data in (b"", b"no image", png(np.zeros((50, 50), np.uint8))[:60]):
        with pytest.raises(UnreadableError, match=name):
            frames.decode(data, Path(name))

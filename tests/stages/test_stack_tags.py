"""What other programs are told by the stacks that a run has made: axes, um and what each page is of."""

from pathlib import Path
from typing import Any

import pytest
import tifffile

from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import images_manifest
from stages.files import layout
from stages.files.stacks import read_tags
from stages.imaging import qc_frame
from stages.imaging.snip_settings import SnipSettings
from stages.networks.qc_networks import QcSettings
from tests.project import PLATES

TIME_LAPSE = PLATES[0]


def told(path: Path) -> tuple[str, Any, list[str], tuple[float, float]]:
    """The axes, the unit, the labels of the pages, and how many of the unit a row and a column are."""
    with tifffile.TiffFile(path) as tif:
        about, tags = tif.imagej_metadata or {}, tif.pages.first.tags
        (x, by_x), (y, by_y) = (tags[f"{axis}Resolution"].value for axis in "XY")
        return tif.series[0].axes, about.get("unit"), about["Labels"], (by_y / y, by_x / x)


def test_labels_masks_and_snips_are_measured_in_one_scale(built: Path) -> None:
    settings, plate = params.read(built), images_manifest.read(built / layout.images_manifest(TIME_LAPSE)).plate
    um_per_px, cut = plate.um_per_px, settings.block("snips", SnipSettings).um_per_px
    assert um_per_px is not None
    labels = built / layout.LABELS / TIME_LAPSE / "A01.tif"
    (_, shape), *_ = read_tags(labels)
    scales = {labels: (um_per_px, um_per_px)}
    for name in settings.block("qc_masks", QcSettings).models.names():
        mask = built / layout.predictions(name, TIME_LAPSE) / "A01.tif"
        height, width = qc_frame.QC_SIZE
        scales[mask] = (um_per_px * max(shape) / height, um_per_px * min(shape) / width)
    scales[built / layout.SNIPS / TIME_LAPSE / f"{TIME_LAPSE}_A01_e01.tif"] = (cut, cut)
    for path, scale in scales.items():
        times = [tag.time_int for tag, _ in read_tags(path)]
        assert len(times) > 1
        assert told(path) == ("TYX", "um", [f"{path.stem}_t{one:04d}" for one in times], pytest.approx(scale))


def test_of_a_frame_without_a_scale_the_masks_have_none() -> None:
    assert qc_frame.qc_scale(None, (1200, 1600)) is None
    assert qc_frame.qc_scale(2.0, (1152, 640)) == qc_frame.qc_scale(2.0, (640, 1152)) == (4, 4)

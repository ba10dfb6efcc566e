"""`morphseq view`: a well as layers of one scale, and as an OME-TIFF that says its axes, channels and micrometres."""

import re
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
from PIL import Image

from morphseq_manifest.answers.layers.report import Well
from tests.project import Project, replace_file

NAME = "SimFish_awkward_v1.2_b"


def test_a_well_is_one_ome_tiff(project: Project) -> None:
    said = project.morphseq("view", NAME, "A02", "--output", "A02.ome.tif")
    assert "5 frames, channels frame, embryos, yolk, dead, focus, bubble" in said
    with tifffile.TiffFile(project.root / "A02.ome.tif") as tif:
        assert (tif.is_ome, tif.series[0].axes, tif.series[0].shape) == (True, "TCYX", (5, 6, 400, 512))
        data, told = tif.asarray(), ET.fromstring(tif.ome_metadata or "")
    pixels = next(element for element in told.iter() if element.tag.endswith("}Pixels"))
    sizes = {name: pixels.get(name) for name in ("PhysicalSizeX", "PhysicalSizeXUnit", "PhysicalSizeY", "SizeT")}
    assert sizes == {"PhysicalSizeX": "8.0", "PhysicalSizeXUnit": "µm", "PhysicalSizeY": "8.0", "SizeT": "5"}
    names = [element.get("Name") for element in told.iter() if element.tag.endswith("}Channel")]
    assert names == ["frame", "embryos", "yolk", "dead", "focus", "bubble"]
    times = [0, 1, 3, 4, 5]  # frame 2 is missing
    labels = tifffile.imread(project.root / f"data/sam2_pipeline_files/exported_masks/{NAME}/A02.tif")
    for place, time_int in enumerate(times):
        frame = np.asarray(Image.open(project.frames(NAME) / f"A02_t{time_int:04d}_stitch.png"))
        assert np.array_equal(data[place, 0], frame)
        assert np.array_equal(data[place, 1], labels[place])
    assert set(np.unique(data[:, 2])) <= {0, 255}
    assert ((data[:, 2] > 0) & (data[:, 1] > 0)).sum() > 0.8 * (data[:, 2] > 0).sum()  # the yolk lies in the embryo


def test_the_same_well_gives_the_same_bytes(project: Project) -> None:
    for name in ("one.ome.tif", "two.ome.tif"):
        project.morphseq("view", "20250101", "A01", "--output", name)
    assert (project.root / "one.ome.tif").read_bytes() == (project.root / "two.ome.tif").read_bytes()


def test_what_can_not_be_shown_is_named(project: Project) -> None:
    assert "Did you mean 'A12'?" in project.morphseq("view", "20250101", "A13", code=2)
    assert "is not listed" in project.morphseq("view", "20250199", "A01", code=2)
    assert "ends with .ome.tif" in project.morphseq("view", "20250101", "A01", "--output", "a.tif", code=2)
    project.change_pixel("20250101", "A02_t0001_stitch.png", 0, 0)
    assert "content has changed" in project.morphseq("view", "20250101", "A02", "--output", "a.ome.tif", code=3)
    replace_file(project.root / "data/sam2_pipeline_files/exported_masks/20250101/A03.tif", b"II*\0")
    assert "A03.tif: not shown" in project.morphseq("view", "20250101", "A03", "--output", "a.ome.tif", code=4)
    assert not (project.root / "a.ome.tif").exists()
    (project.root / "data/sam2_pipeline_files/exported_masks/20250101/A03.tif").unlink()
    said = project.morphseq("view", "20250101", "A03", "--output", "a.ome.tif")
    assert re.search(r"channels frame, yolk", said)


def test_snips_have_a_picture_for_each_frame(project: Project) -> None:
    well = Well(project.root, NAME, "A02")
    snips = {found.name: found.planes for found in well.snips()}
    assert snips
    for name, planes in snips.items():
        assert planes.shape == (5, 576, 256), name
        assert planes.any()


@pytest.mark.skipif(find_spec("napari") is not None, reason="napari is installed: a window would open")
def test_without_napari_it_says_what_to_do(project: Project) -> None:
    said = project.morphseq("view", "20250101", "A01", code=2)
    assert "pip install 'napari[all]'" in said
    assert "--output" in said


@pytest.mark.skipif(find_spec("napari") is None, reason="napari is not installed")
def test_napari_has_layers_of_one_scale(project: Project) -> None:
    from napari.components import ViewerModel

    from morphseq_manifest.answers.layers import napari_view

    viewer = ViewerModel()
    napari_view.add_layers(viewer, Well(project.root, NAME, "A02"))
    assert [layer.name for layer in viewer.layers][:3] == ["frame", "embryos", "yolk"]
    assert tuple(viewer.layers["frame"].scale) == (1, 8, 8)
    assert {tuple(layer.scale) for layer in viewer.layers if layer.name.startswith(NAME)} == {(1, 6.5, 6.5)}

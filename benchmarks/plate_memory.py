"""How much memory each stage takes on wells of the lab's longest time-lapse: 340 frames of 2189 x 2189 px."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from benchmarks.figures import Figure, peak_memory
from benchmarks.frames import SIDE, UM, Drawn
from stages.files import layout
from stages.networks import model_folder
from stages.networks.model_folder import VaeConfig
from stages.networks.shapes import Encoder, UNet
from stages.segmentation.segmenters import ThresholdConfig
from stages.segmentation.threshold import Settings

EXPERIMENT = "20240418"
# Three wells, since as many are in memory at once; more only lengthen tables, by about 1 KB a row.
_WELLS, _FRAMES, _BOUND_MIB = 3, 340, 4096
_COLUMNS = "well,time_int,Height (um),Width (um),Height (px),Width (px),start_age_hpf,temperature,well_qc_flag"
_REPOSITORY = Path(__file__).parent.parent


def memory(drawn: list[Drawn], quick: bool) -> Iterator[Figure]:
    """The peak of each stage's process, in MiB."""
    frames = 3 if quick else _FRAMES
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _write(root, drawn, frames)
        for stage, *options in (
            ("images",), ("qc_masks",), ("sam2", "--segmenter", "threshold"), ("build03",), ("snips",),
            ("latents", "--model", "vae"),
        ):  # fmt: skip
            peak = peak_memory([sys.executable, "-m", f"stages.{stage}", EXPERIMENT, *options], root)
            note = f"{_WELLS} wells of {frames} frames"
            yield Figure(f"{stage}: peak memory, MiB", peak, _BOUND_MIB, note=note)


def _write(root: Path, drawn: list[Drawn], frames: int) -> None:
    """A project with the drawn frames in turn, as hard links, the plate's table, and models."""
    folder = root / layout.FRAMES / EXPERIMENT
    folder.mkdir(parents=True)
    sources = [root / f"frame{number}.png" for number in range(len(drawn))]
    for path, one in zip(sources, drawn, strict=True):
        Image.fromarray(one.grey).save(path, compress_level=4)
    rows = [f"{_COLUMNS},Time Rel (s)"]
    for well in (f"A{number:02d}" for number in range(1, _WELLS + 1)):
        for time_int in range(frames):
            os.link(sources[time_int % len(sources)], folder / f"{well}_t{time_int:04d}_stitch.png")
            rows.append(f"{well},{time_int},{SIDE * UM},{SIDE * UM},{SIDE},{SIDE},26,28.5,0,{900 * time_int}")
    table = root / layout.plate_table(EXPERIMENT)
    table.parent.mkdir(parents=True)
    table.write_text("\n".join([*rows, ""]))
    yaml = YAML()
    values = yaml.load(_REPOSITORY / "params.yaml")
    values["experiments"] = {DoubleQuotedScalarString(EXPERIMENT): {"segmenter": "threshold"}}
    with (root / "params.yaml").open("w") as file:
        yaml.dump(values, file)
    for network in values["qc_masks"]["models"].values():
        model_folder.save(root / layout.MODELS / network, model_folder.UNetConfig(12), UNet(12).state_dict())
    model_folder.save(root / layout.MODELS / "threshold", ThresholdConfig(Settings()), None)
    encoder = Encoder([16, 32, 64, 128, 256], 100)
    model_folder.save(
        root / layout.VAES / "vae", VaeConfig([16, 32, 64, 128, 256], 100, 0.2, (288, 128)), encoder.state_dict()
    )

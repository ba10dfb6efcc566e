"""Simulated plates as files: frames, acquisition tables and reference curves where the pipeline looks for them.

The truth lies beside them under `truth/`: {exp}.csv, a row an embryo and frame; {exp}_frames.csv, a row a frame;
masks/{exp}/{well}.tif, the embryos' labels, a page a frame.
"""

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import hash_bytes
from simulation.anatomy import surface_area_um2
from simulation.embryo import UM_PER_PX
from simulation.plate import Plate
from simulation.scene import SHAPE, Frame, Truth, draw, truths
from stages.files import stacks

Rows = list[dict[str, Any]]
# What the plate tables name, and what the default networks were trained on.
MICROSCOPE = "simulated"
TRUTH_COLUMNS = ("well", "time_int", *(field.name for field in fields(Truth)))


def write_plate(plate: Plate, data_root: Path, advance: Callable[[], None] = lambda: None) -> bool:
    """Write a plate and its truth; False if it was there already with the same content, then left untouched.

    Calls `advance` after every frame. Raises ContentError, and changes nothing, where other content is in its place.
    """
    data_root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=files.TEMPORARY, dir=data_root) as scratch:
        root = Path(scratch)
        places = _draw_plate(plate, root, advance)
        missing = [place for place in places if not _there_already(root / place, data_root / place)]
        for place in missing:
            (data_root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(root / place, data_root / place)
    return bool(missing)


def write_reference(data_root: Path) -> None:
    """Write the surface area's reference curves: the Hill curve, 0 to 96 hpf, with the spread of simulated embryos."""
    path = data_root / "metadata/reference/sa_reference_curves.csv"
    rows = []
    for stage in np.arange(0, 96.25, 0.5).tolist():
        area = surface_area_um2(stage)
        curves = {"p5": f"{0.95 * area:.2f}", "p50": f"{area:.2f}", "p95": f"{1.05 * area:.2f}"}
        rows.append({"stage_hpf": stage, **curves, "n": 100})
    text = _csv(("stage_hpf", "p5", "p50", "p95", "n"), rows)
    if not path.exists() or path.read_bytes() != text:
        if path.exists():
            raise ContentError(f"{path}: other reference curves are there. Move them away, or use another data root")
        files.write_bytes(path, text)


def _draw_plate(plate: Plate, root: Path, advance: Callable[[], None]) -> list[Path]:
    """Draw all of a plate under `root`; returns what was written, relative to it."""
    frames = Path("built_image_data/stitched_FF_images") / plate.experiment
    masks = Path("truth/masks") / plate.experiment
    for folder in (frames, masks):
        (root / folder).mkdir(parents=True)
    embryo_rows: Rows = []
    frame_rows: Rows = []
    for well in plate.wells:
        pages = []
        for time_int in plate.times(well):
            scene = plate.scene(well, time_int)
            frame = draw(scene)
            png = _png(frame)
            (root / frames / f"{well}_t{time_int:04d}_stitch.png").write_bytes(png)
            pages.append(stacks.Page(stacks.PageTag(time_int, hash_bytes(png)), frame.labels))
            found = truths(scene, frame)
            embryo_rows += [_truth_row(well, time_int, truth) for truth in found]
            frame_rows.append({"well": well, "time_int": time_int, "embryos": len(found)})
            advance()
        stacks.write_stack(root / masks / f"{well}.tif", pages)
    tables = {
        f"metadata/built_metadata_files/{plate.experiment}_metadata.csv": _acquisition(plate),
        f"truth/{plate.experiment}.csv": _csv(TRUTH_COLUMNS, embryo_rows),
        f"truth/{plate.experiment}_frames.csv": _csv(("well", "time_int", "embryos"), frame_rows),
    }
    for name, text in tables.items():
        files.write_bytes(root / name, text)
    return [frames, masks, *(Path(name) for name in tables)]


def _png(frame: Frame) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame.image).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _truth_row(well: str, time_int: int, truth: Truth) -> dict[str, Any]:
    rounded = {"area_um2": f"{truth.area_um2:.1f}", "fraction_dead": f"{truth.fraction_dead:.6f}"}
    return {"well": well, "time_int": time_int, **asdict(truth), **rounded}


def _acquisition(plate: Plate) -> bytes:
    """The table that comes with a plate's frames, with the rows of frames that are missing."""
    rows = []
    for well, content in plate.wells.items():
        for time_int in range(plate.frames):
            seconds = plate.seconds(well, time_int)
            rows.append(
                {
                    "well_id": f"{plate.experiment}_{well}",
                    "well": well,
                    "microscope": MICROSCOPE,
                    "time_int": time_int,
                    "Height (um)": SHAPE[0] * UM_PER_PX,
                    "Width (um)": SHAPE[1] * UM_PER_PX,
                    "Height (px)": SHAPE[0],
                    "Width (px)": SHAPE[1],
                    "BF Channel": 0,
                    "Objective": plate.objective,
                    "Time (s)": seconds,
                    "experiment_date": plate.experiment,
                    "medium": "E3",
                    "genotype": "wt",
                    "chem_perturbation": "",
                    "start_age_hpf": plate.start_age_hpf,
                    "embryos_per_well": content.embryos,
                    "temperature": "" if content.temperature is None else content.temperature,
                    "well_qc_flag": 0,
                    "Time Rel (s)": seconds,
                }
            )
    return _csv(tuple(rows[0]), rows)


def _csv(columns: Iterable[str], rows: Rows) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, tuple(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _there_already(drawn: Path, place: Path) -> bool:
    """Whether `place` holds what was drawn. Raises ContentError if it holds anything else."""
    if not place.exists():
        return False
    drawn_files = {path.relative_to(drawn): path for path in (drawn.rglob("*") if drawn.is_dir() else [drawn])}
    found = {path.relative_to(place) for path in (place.rglob("*") if place.is_dir() else [place])}
    odd = sorted(found ^ set(drawn_files))
    odd += [name for name, path in drawn_files.items() if not odd and path.read_bytes() != (place / name).read_bytes()]
    if odd:
        raise ContentError(
            f"{place / odd[0]}: not what this plate would be; nothing was written. "
            f"Move {place} away, or use another data root"
        )
    return True

"""A data root in the lab's form: two wells of three small frames an experiment, with all that was made of them."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import Source

WELLS, TIMES = ("A01", "B02"), (0, 1, 2)
NETWORKS = ("mask_v0_0100", "via_v1_0100", "yolk_v1_0050", "focus_v0_0100", "bubble_v0_0100")
MODEL = "demo_a"
SIZE = (48, 64)
FRAMES = "built_image_data/stitched_FF_images"
PLATES = "metadata/built_metadata_files"
MASKS = "sam2_pipeline_files/exported_masks"
SAM2 = "sam2_pipeline_files/sam2_expr_files"
BUILD03 = "metadata/build03_output"
SNIPS = "training_data/bf_embryo_snips"
LATENTS = f"analysis/latent_embeddings/legacy/{MODEL}"
COHORT = "metadata/combined_metadata_files"
_PLATE = {
    "microscope": "keyence", "Height (um)": "480", "Width (um)": "640", "Height (px)": "48", "Width (px)": "64",
    "BF Channel": "0", "Objective": "4x", "Time (s)": "0", "medium": "E3", "genotype": "wt", "chem_perturbation": "",
    "start_age_hpf": "24", "embryos_per_well": "1", "temperature": "28.5", "well_qc_flag": "0", "Time Rel (s)": "0",
}  # fmt: skip


class LabRoot:
    """A data root in `path`, written experiment by experiment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, *, flat: bool = False) -> None:
        """All steps of an experiment, whole; label images in the folder itself if `flat`, else in `masks`."""
        grey = np.random.default_rng(7).integers(150, 200, SIZE, np.uint8)
        label = np.zeros(SIZE, np.uint8)
        label[10:20, 10:40] = 1
        for well in WELLS:
            for time in TIMES:
                self.image(f"{FRAMES}/{name}/{well}_t{time:04d}_stitch.png", grey + np.uint8(time))
                place = f"{MASKS}/{name}" if flat else f"{MASKS}/{name}/masks"
                self.image(f"{place}/{name}_{well}_ch00_t{time:04d}_masks_emnum_1.png", label)
                for network in NETWORKS:
                    mask = np.full((576, 320), 127, np.uint8)
                    self.image(f"segmentation/{network}_predictions/{name}/{well}_t{time:04d}_stitch.jpg", mask)
                self.image(f"{SNIPS}/{name}/{name}_{well}_e01_t{time:04d}.jpg", grey)
        self.tables(name)

    def tables(self, name: str) -> None:
        """The tables of an experiment."""
        keys = [(well, time, f"{name}_{well}_e01") for well in WELLS for time in TIMES]
        plate = [
            {"well_id": f"{name}_{w}", "well": w, "time_int": t, "experiment_date": name} | _PLATE for w, t, _ in keys
        ]
        self.table(f"{PLATES}/{name}_metadata.csv", plate)
        found = [
            dict.fromkeys(columns.names(Source.SAM2), "0")
            | {"image_id": f"{name}_{w}_ch00_t{t:04d}", "embryo_id": e, "snip_id": f"{e}_t{t:04d}", "area_px": "300.0"}
            | {"experiment_id": name, "video_id": f"{name}_{w}", "well": w, "time_int": t, "sam2_qc_flags": ""}
            | {"is_seed_frame": "False"} | _PLATE | {f"extra_{number}": "x" for number in range(8)}
            for w, t, e in keys
        ]  # fmt: skip
        assert len(found[0]) == 43
        self.table(f"{SAM2}/sam2_metadata_{name}.csv", found)
        built = [
            {
                "experiment_date": name,
                "well": w,
                "embryo_id": e,
                "snip_id": f"{e}_t{t:04d}",
                "time_int": t,
                "area_px": "300.0",
            }
            | {"surface_area_um": "800000.0", "predicted_stage_hpf": "24.0", "fraction_alive": "1.0"}
            | {"dead_flag": "False", "sam2_qc_flag": "False", "Time Rel (s)": "0.0"}
            for w, t, e in keys
        ]
        self.table(f"{BUILD03}/expr_embryo_metadata_{name}.csv", built)
        latents = [
            {"experiment_date": name, "embryo_id": e, "snip_id": f"{e}_t{t:04d}", "z_mu_00": "0.5"} for _, t, e in keys
        ]
        self.table(f"{LATENTS}/morph_latents_{name}.csv", latents)

    def image(self, place: str, pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> None:
        """Write an image."""
        path = self.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    def table(self, place: str, rows: list[dict[str, object]]) -> None:
        """Write a table."""
        path = self.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [",".join(rows[0]), *(",".join(str(cell) for cell in row.values()) for row in rows)]
        path.write_text("\n".join([*lines, ""]))

    def edit(self, place: str, change: Callable[[list[str]], list[str]]) -> None:
        """Write a table anew with other lines; the first one has the columns."""
        path = self.path / place
        path.write_text("\n".join([*change(path.read_text().splitlines()), ""]))

    def remove(self, *patterns: str) -> None:
        """Delete files and folders; each pattern must name one at least."""
        for pattern in patterns:
            paths = list(self.path.glob(pattern))
            assert paths, pattern
            for path in paths:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def files(self) -> dict[str, str]:
        """The hash of every file."""
        return dict(sorted(self._hashed()))

    def _hashed(self) -> Iterator[tuple[str, str]]:
        for path in self.path.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(self.path)), hashlib.sha256(path.read_bytes()).hexdigest()


def in_all_states(path: Path) -> tuple[LabRoot, dict[str, dict[str, str]]]:
    """Twenty experiments, and of each what is not whole, by step."""
    root = LabRoot(path)
    names = [f"202504{day:02d}" for day in range(1, 21)]
    for name in names:
        root.write(name, flat=name == names[1])
    steps = ("images", "qc_masks", "sam2", "build03", "snips", "latents")
    found: dict[str, dict[str, str]] = {name: {} for name in names}

    def spoilt(day: int, *patterns: str, **odd: str) -> str:
        name = names[day - 1]
        root.remove(*(pattern.format(name) for pattern in patterns))
        found[name] = odd
        return name

    made = (
        f"{MASKS}/{{0}}",
        f"{SAM2}/*_{{0}}.csv",
        f"{BUILD03}/*_{{0}}.csv",
        f"{SNIPS}/{{0}}",
        f"{LATENTS}/*_{{0}}.csv",
    )
    qc = "segmentation/*_predictions/{0}"
    spoilt(3, qc, *made, **dict.fromkeys(steps[1:], "missing"))
    spoilt(4, FRAMES + "/{0}/B02*", FRAMES + "/{0}/A01_t0002*", images="half done")
    spoilt(5, MASKS + "/{0}/masks/*_B02_*", sam2="half done")
    spoilt(6, qc, qc_masks="missing")
    spoilt(7, "segmentation/via*/{0}/*_t0001*", qc_masks="half done")
    spoilt(8, SAM2 + "/*_{0}.csv", sam2="half done", build03="half done")
    for day, place, step in ((9, BUILD03, "build03"), (11, LATENTS, "latents")):
        name = spoilt(day, **{step: "half done"})
        root.edit(f"{place}/{_FILES[place]}{name}.csv", lambda lines: lines[:-1])
    spoilt(10, SNIPS + "/{0}/*_t0000.jpg", snips="half done")
    name = spoilt(12, latents="contradictory")
    root.edit(f"{LATENTS}/morph_latents_{name}.csv", lambda lines: [line.replace("_e01_", "_e02_") for line in lines])
    name = spoilt(13, build03="contradictory")
    other = names[0]
    root.edit(f"{BUILD03}/expr_embryo_metadata_{name}.csv", lambda lines: [*lines, lines[-1].replace(name, other, 1)])
    name = spoilt(14, sam2="contradictory")
    root.edit(f"{SAM2}/sam2_metadata_{name}.csv", lambda lines: [*lines, lines[-1]])
    name = spoilt(15, images="contradictory")
    shutil.copy(path / FRAMES / name / "A01_t0000_stitch.png", path / FRAMES / name / "A01_t0000_again.png")
    name = spoilt(16, sam2="contradictory")
    masks = path / MASKS / name / "masks"
    shutil.copy(next(masks.glob("*_A01_*_t0000_*")), masks / f"{name}_C03_ch00_t0000_masks_emnum_1.png")
    spoilt(17, PLATES + "/{0}_*", images="half done")
    gone = ("images", "qc_masks", "sam2", "build03", "snips")
    spoilt(
        18, FRAMES + "/{0}", PLATES + "/{0}_*", qc, *made[:-1], **dict.fromkeys(gone, "missing"), latents="half done"
    )
    name = spoilt(19, images="contradictory")
    root.edit(f"{PLATES}/{name}_metadata.csv", lambda lines: [lines[0].replace("time_int", "frame"), *lines[1:]])
    name = spoilt(20, sam2="half done")
    for mask in (path / MASKS / name / "masks").glob("*_t0002_*"):
        mask.write_bytes(b"")
    root.table(
        f"{COHORT}/embryo_metadata_df01.csv", [{"experiment_date": one, "snip_id": one} for one in (other, "20240101")]
    )
    whole = dict.fromkeys(steps, "whole")
    return root, {name: whole | odd for name, odd in found.items()}


_FILES = {BUILD03: "expr_embryo_metadata_", LATENTS: "morph_latents_"}

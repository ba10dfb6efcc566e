"""Figures of `morphseq adopt`: how long it takes to look through a lab's data root, with all files in place."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, command, seconds
from morphseq_manifest.cohort import columns, row_keys
from morphseq_manifest.cohort.columns import Source

_PROJECT = Path(__file__).parent.parent
_NETWORKS = ("mask_v0_0100", "via_v1_0100", "yolk_v1_0050", "focus_v0_0100", "bubble_v0_0100")
_WELLS = [f"{row}{column:02d}" for row in "ABCDE" for column in range(1, 11)]
_TIMES = 10
_FRAMES = len(_WELLS) * _TIMES


def figures(quick: bool) -> Iterator[Figure]:
    """The whole process, start-up included, of a dry run over 133 experiments of 4,000 files and four tables each."""
    experiments = 13 if quick else 133
    with tempfile.TemporaryDirectory() as folder:
        for number in range(experiments):
            write(Path(folder), f"2024{number // 28 + 1:02d}{number % 28 + 1:02d}")
        took = seconds(command("morphseq", "adopt", "--dry-run", "--from", folder, folder=_PROJECT))
        note = f"{experiments} experiments of {8 * _FRAMES} files"
        yield Figure("adopt --dry-run: seconds", took, 15 if quick else 60, note=note)


def write(root: Path, name: str) -> None:
    """An experiment in the lab's form, every step whole; the images hold a byte, since only names are looked at."""
    keys = [(well, time) for well in _WELLS for time in range(_TIMES)]
    folders = {
        f"built_image_data/stitched_FF_images/{name}": "{w}_t{t:04d}_stitch.png",
        f"sam2_pipeline_files/exported_masks/{name}/masks": "{n}_{w}_ch00_t{t:04d}_masks_emnum_1.png",
        f"training_data/bf_embryo_snips/{name}": "{n}_{w}_e01_t{t:04d}.jpg",
        **{f"segmentation/{one}_predictions/{name}": "{w}_t{t:04d}_stitch.jpg" for one in _NETWORKS},
    }
    for folder, form in folders.items():
        place = root / folder
        place.mkdir(parents=True)
        for well, time in keys:
            (place / form.format(n=name, w=well, t=time)).write_bytes(b"x")
    sam2, latents = columns.names(Source.SAM2), columns.latents(100, 20)
    built = [*row_keys.FRAME_KEY, *columns.names(Source.BUILD03), "sam2_qc_flag", "Time Rel (s)"]
    tables = {
        f"metadata/built_metadata_files/{name}_metadata.csv": ["well", "time_int", "experiment_date", "well_qc_flag"],
        f"sam2_pipeline_files/sam2_expr_files/sam2_metadata_{name}.csv": [*sam2, *(f"x{n}" for n in range(24))],
        f"metadata/build03_output/expr_embryo_metadata_{name}.csv": [*row_keys.KEY, *built],
        f"analysis/latent_embeddings/legacy/demo_a/morph_latents_{name}.csv": [*row_keys.LATENTS_KEY, *latents],
    }  # fmt: skip
    for path, header in tables.items():
        named = list(dict.fromkeys(header))
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        rows = [",".join(_cell(column, name, well, time) for column in named) for well, time in keys]
        (root / path).write_text("\n".join([",".join(named), *rows, ""]))


def _cell(column: str, name: str, well: str, time: int) -> str:
    known = {
        "experiment_date": name,
        "experiment_id": name,
        "well": well,
        "time_int": str(time),
        "embryo_id": f"{name}_{well}_e01",
        "snip_id": f"{name}_{well}_e01_t{time:04d}",
        "well_qc_flag": "0",
    }
    return known.get(column, "0.123456789")

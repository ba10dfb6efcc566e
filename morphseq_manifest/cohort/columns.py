"""The columns of the cohort tables: name, type, unit, what a blank cell means, and which stage writes it.

df01 has the key, then what `sam2` found, then the plate table's columns, then what `build03` measured; df02 adds its
own columns after them, and df03 the latents. No other module lists them; columns_page makes docs/columns.md from this.
The same list says which of the plate's columns a workbook may speak of, and under which names.
"""

import math
import re
from enum import StrEnum
from typing import NamedTuple

from morphseq_manifest.cohort.row_keys import FRAME_KEY


class Dtype(StrEnum):
    """What a column holds, under pandas' names; in the files all is text."""

    TEXT = "str"
    INTEGER = "int64"
    FLOAT = "float64"  # 12 digits
    SINGLE = "float32"  # 9 digits, which bring every value back
    FLAG = "bool"  # True or False


class Source(StrEnum):
    """Where a column's values come from: the stage that writes it, or the acquisition table of the plate."""

    PLATE = "plate table"
    SAM2 = "sam2"
    BUILD03 = "build03"
    SNIPS = "snips"
    LATENTS = "latents"
    DF02 = "df02"


class Column(NamedTuple):
    """One column; `blank` says what an empty cell means, and is empty if there is none.

    `needed` columns of a plate table are those that some stage computes with; the manifests count the blanks of
    `counted` ones by experiment. Numbers lie from `least` to `most`; one that does not is a mistake. People decide the
    columns with names `in_workbook`, and may write them there, a value a well; all others are measured.
    """

    name: str
    dtype: Dtype
    source: Source
    meaning: str
    unit: str = ""
    blank: str = ""
    needed: bool = False
    counted: bool = False
    least: float = -math.inf
    most: float = math.inf
    in_workbook: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return self.dtype in {INTEGER, FLOAT, SINGLE}

    @property
    def limits(self) -> str:
        """Where its numbers lie; empty if anywhere."""
        if self.most < math.inf:
            return f"{self.least:,.0f} to {self.most:,.0f}"
        return f"{self.least:,.0f} or more" if self.least > -math.inf else ""


TEXT, INTEGER, FLOAT, SINGLE, FLAG = Dtype
PLATE, SAM2, BUILD03, SNIPS, LATENTS, DF02 = Source
_NOT_GIVEN = "the plate table has no value"
_NO_SCALE = "the plate table gives no scale"
_NO_SNIP = "the row has no snip: " + _NO_SCALE + "; or its latents were taken over from the lab"
_NO_MASK = "the network's mask is missing"
_NO_MASK_OR_SCALE = "the network's mask or the scale is missing"
_NO_INFERENCE = "the area is not known, a chorion's, or outside the reference, or the error above `max_error_h`"

COLUMNS = (
    Column("image_id", TEXT, SAM2, "the frame: `{experiment}_{well}_t{time_int:04d}`"),
    Column("embryo_id", TEXT, SAM2, "the embryo: `{experiment}_{well}_e{NN}`, NN being its value in the label image"),
    Column("snip_id", TEXT, SAM2, "the row: `{embryo_id}_t{time_int:04d}`"),
    Column("frame_index", INTEGER, SAM2, "the frame's place among the well's frames, from 0 on"),
    Column("area_px", INTEGER, SAM2, "the mask's area", "px"),
    Column("bbox_x_min", FLOAT, SAM2, "the mask's left edge", "of the width"),
    Column("bbox_y_min", FLOAT, SAM2, "the mask's upper edge", "of the height"),
    Column("bbox_x_max", FLOAT, SAM2, "the mask's right edge", "of the width"),
    Column("bbox_y_max", FLOAT, SAM2, "the mask's lower edge", "of the height"),
    Column("mask_confidence", FLOAT, SAM2, "how sure the segmenter is of the mask", "0..1"),
    Column("exported_mask_path", TEXT, SAM2, "the well's label images, from `data/` on"),
    Column("experiment_id", TEXT, SAM2, "the experiment; the cohort tables have it as `experiment_date`"),
    Column("video_id", TEXT, SAM2, "the well over time: `{experiment}_{well}`"),
    Column("is_seed_frame", FLAG, SAM2, "whether embryos were looked for anew in the frame, not followed from another"),
    Column("well", TEXT, SAM2, "the well, A01 to H12"),
    Column("time_int", INTEGER, SAM2, "the frame's number"),
    Column("brightness", FLOAT, SAM2, "the embryo's mean brightness, over that of the background round it"),
    Column("sharpness", FLOAT, SAM2, "the variance of the Laplacian of brightness over background, at 6.5 um per px",
           blank=_NO_SCALE),
    Column("sam2_qc_flags", TEXT, SAM2, "what is odd about the mask, joined by `|`",
           blank="nothing is; but on a plate without a scale LARGE_MASK, SMALL_MASK and, unless the mask touches the "
           "edge, MASK_ON_EDGE are not known"),
    Column("well_id", TEXT, PLATE, "the plate and well", blank=_NOT_GIVEN),
    Column("microscope", TEXT, PLATE, "the microscope", blank=_NOT_GIVEN),
    Column("Height (um)", FLOAT, PLATE, "the frame's height", "um", _NOT_GIVEN, needed=True, least=1, most=1e6),
    Column("Width (um)", FLOAT, PLATE, "the frame's width", "um", _NOT_GIVEN, needed=True, least=1, most=1e6),
    Column("Height (px)", INTEGER, PLATE, "the frame's height", "px", _NOT_GIVEN, needed=True, least=1, most=1e5),
    Column("Width (px)", INTEGER, PLATE, "the frame's width", "px", _NOT_GIVEN, needed=True, least=1, most=1e5),
    Column("BF Channel", TEXT, PLATE, "the bright-field channel, by its number or its name", blank=_NOT_GIVEN),
    Column("Objective", TEXT, PLATE, "the objective", blank=_NOT_GIVEN),
    Column("Time (s)", FLOAT, PLATE, "when the frame was taken", "s", _NOT_GIVEN),
    Column("medium", TEXT, PLATE, "the medium", blank=_NOT_GIVEN, in_workbook=("medium", "media")),
    Column("genotype", TEXT, PLATE, "the genotype", blank=_NOT_GIVEN, in_workbook=("genotype", "strain", "line")),
    Column("chem_perturbation", TEXT, PLATE, "the chemical that was added", blank="none was, or " + _NOT_GIVEN,
           in_workbook=("chem_perturbation", "chemical_perturbation", "perturbation", "chemical", "treatment",
                        "compound", "drug")),
    Column("start_age_hpf", FLOAT, PLATE, "the age in the first frame", "hpf", _NOT_GIVEN, needed=True, least=0,
           most=2000, in_workbook=("start_age_hpf", "start_age", "age_hpf", "age", "stage_hpf", "stage")),
    Column("embryos_per_well", INTEGER, PLATE, "how many embryos the well was given", blank=_NOT_GIVEN, least=0,
           most=1000, in_workbook=("embryos_per_well", "n_embryos", "num_embryos", "embryos")),
    Column("temperature", FLOAT, PLATE, "the temperature", "degC", _NOT_GIVEN, needed=True, least=0, most=45,
           in_workbook=("temperature", "temp", "temperature_c", "temp_c")),
    Column("well_qc_flag", INTEGER, PLATE, "if not 0, the well is not in df01", "", "0, or " + _NOT_GIVEN, needed=True,
           in_workbook=("well_qc_flag", "well_qc", "qc_flag", "qc")),
    Column("Time Rel (s)", FLOAT, PLATE, "the time since the first frame", "s", _NOT_GIVEN, needed=True, least=0),
    Column("experiment_date", TEXT, BUILD03, "the experiment's id, the name of its folder of frames"),
    Column("area_um2", FLOAT, BUILD03, "the mask's area", "um2", _NO_SCALE, counted=True),
    Column("perimeter_px", FLOAT, BUILD03, "the mask's perimeter, by Crofton's formula", "px"),
    Column("perimeter_um", FLOAT, BUILD03, "the mask's perimeter, by Crofton's formula", "um", _NO_SCALE),
    Column("centroid_x_px", FLOAT, BUILD03, "the mask's centroid, from the frame's left edge", "px"),
    Column("centroid_y_px", FLOAT, BUILD03, "the mask's centroid, from the frame's upper edge", "px"),
    Column("centroid_x_um", FLOAT, BUILD03, "the mask's centroid, from the frame's left edge", "um", _NO_SCALE),
    Column("centroid_y_um", FLOAT, BUILD03, "the mask's centroid, from the frame's upper edge", "um", _NO_SCALE),
    Column("major_axis_um", FLOAT, BUILD03, "the long axis of the ellipse with the same moments", "um", _NO_SCALE),
    Column("minor_axis_um", FLOAT, BUILD03, "the short axis of the ellipse with the same moments", "um", _NO_SCALE),
    Column("length_um", FLOAT, BUILD03, "how far the mask reaches along its long axis", "um", _NO_SCALE),
    Column("width_um", FLOAT, BUILD03, "how far the mask reaches across its long axis", "um", _NO_SCALE),
    Column("surface_area_um", FLOAT, BUILD03, "`area_um2`, under the lab's older name", "um2", _NO_SCALE),
    Column("scale_missing_flag", FLAG, BUILD03, "whether the plate table gives no scale"),
    Column("predicted_stage_hpf", FLOAT, BUILD03, "the stage by age, time and temperature (Kimmel et al. 1995)", "hpf",
           "the plate table lacks one of these", counted=True),
    Column("stage_status", TEXT, BUILD03, "`clock` if `predicted_stage_hpf` is known, or what it lacks, joined by `|`"),
    Column("in_chorion", FLAG, BUILD03, "whether the outline is as large and round as a chorion: then nothing is told "
           "by its size, and the snip is not turned", blank=_NO_SCALE),
    Column("sam2_qc_flag", FLAG, BUILD03, "whether `sam2_qc_flags` says anything"),
    Column("fraction_alive", FLOAT, BUILD03, "the share of the mask that network `dead` leaves out", "0..1", _NO_MASK),
    Column("darkening", FLOAT, BUILD03, "the share of its brightness that the embryo lost against its brightest frame "
           "of the last `darkening_h` hours", "0..1", "there is no such frame, or no brightness"),
    Column("dead_flag", FLAG, BUILD03, "whether `fraction_alive` is below `min_fraction_alive`; if blank, whether the "
           "embryo has darkened by more than `max_darkening`", blank="neither is known"),
    Column("frame_flag", FLAG, BUILD03, "whether the embryo lies at the frame's edge", blank=_NO_SCALE),
    Column("no_yolk_flag", FLAG, BUILD03, "whether the embryo touches no yolk", blank=_NO_MASK),
    Column("focus_flag", FLAG, BUILD03, "whether something out of focus is near the embryo; if the mask is missing, "
           "whether `sharpness` is below `focus_min`", blank=_NO_MASK_OR_SCALE),
    Column("bubble_flag", FLAG, BUILD03, "whether a bubble is near the embryo", blank=_NO_MASK_OR_SCALE),
    Column("touching_flag", FLAG, BUILD03, "whether the mask lies next to that of another embryo"),
    Column("count_flag", FLAG, BUILD03, "whether the frame shows another number of embryos than `embryos_per_well`",
           blank=_NOT_GIVEN),
    Column("sa_outlier_flag", FLAG, DF02, "whether the area lies outside the reference curves at its stage",
           blank="the area or the stage is not known, or the outline is a chorion's"),
    Column("dead_flag2", FLAG, DF02, "whether the embryo is dying or dead, by the course of its `fraction_alive`",
           blank="too few of the embryo's frames are known"),
    Column("use_embryo_flag", FLAG, DF02, "whether none of `dead_flag`, `dead_flag2`, `sa_outlier_flag` and "
           "`sam2_qc_flag` is raised; df03 has these rows only"),
    Column("qc_fail_reasons", TEXT, DF02, "why the row is not usable: the flags raised, with the names in "
           "`sam2_qc_flags` in place of `sam2_qc_flag`, joined by `|`", blank="the row is usable"),
    Column("inferred_stage_hpf", FLOAT, DF02, "the stage at which the reference's median embryo has this area", "hpf",
           _NO_INFERENCE),
    Column("inferred_stage_error_h", FLOAT, DF02, "half the time in which 90 % of the reference's embryos are so large",
           "h", "there is no inferred stage"),
    Column("snip_um_per_px", FLOAT, SNIPS, "the scale of the snip", "um", _NO_SNIP),
    Column("snip_angle", FLOAT, SNIPS, "by how much the snip's upper end points clockwise from the frame's", "degrees",
           _NO_SNIP),
    Column("out_of_frame_flag", FLAG, SNIPS, "whether over 2 % of the embryo lie outside the snip", blank=_NO_SNIP),
    Column("z_mu_NN", SINGLE, LATENTS, "latent NN (from 00 on) of a VAE that tells no parts apart",
           blank=_NO_SNIP),
    Column("z_mu_n_NN", SINGLE, LATENTS, "latent NN of a split VAE, of its nuisance part", blank="as `z_mu_NN`"),
    Column("z_mu_b_NN", SINGLE, LATENTS, "latent NN of a split VAE, of its biological part; the numbers run on over "
           "both parts", blank="as `z_mu_NN`"),
)  # fmt: skip

_DTYPES = {column.name: column.dtype for column in COLUMNS}
_LATENT = re.compile(r"z_mu_(?:[nb]_)?\d+")


def of(source: Source) -> tuple[Column, ...]:
    """The columns of one source, in the order in which it writes them."""
    return tuple(column for column in COLUMNS if column.source is source)


def names(source: Source) -> list[str]:
    """The names of the columns of one source, in their order."""
    return [column.name for column in of(source)]


def counted() -> list[str]:
    """The columns whose blanks the manifests count, by experiment."""
    return [column.name for column in COLUMNS if column.counted]


def needed_of_plate() -> list[str]:
    """The columns that a plate table must have: the frame's, and those that some stage computes with."""
    return [*FRAME_KEY, *(column.name for column in of(PLATE) if column.needed)]


def measured_of_plate() -> list[str]:
    """Those of them that a plate table itself must have: a workbook may bring the others."""
    by_people = {column.name for column in of(PLATE) if column.in_workbook}
    return [name for name in needed_of_plate() if name not in by_people]


def variable(name: str) -> Column | None:
    """The column that a workbook means by a name, however it is punctuated; None if it is none of the list."""
    return _VARIABLES.get(plain(name))


def writer(name: str) -> str | None:
    """Which stage or source writes a column of this name that nobody may add by hand; None if anybody may."""
    if is_latent(name):
        return str(LATENTS)
    return _WRITERS.get(plain(name))


def plain(name: str) -> str:
    """A name as it is compared: in lower case, with `_` for all that is neither letter nor digit."""
    return re.sub(r"[\W_]+", "_", name).strip("_").lower()


_VARIABLES = {name: column for column in COLUMNS for name in column.in_workbook}
# `Width (um)`, the frame's, is no other name of `width_um`, the embryo's: the plate table's own come last.
_WRITERS = {
    plain(column.name): str(column.source)
    for column in sorted(COLUMNS, key=lambda column: column.source is PLATE)
    if not column.in_workbook
}


def dtype_of(name: str) -> Dtype:
    """The type of the column `name` of a cohort table; what is not listed passed through a plate table as text."""
    if is_latent(name):
        return Dtype.SINGLE
    return _DTYPES.get(name, Dtype.TEXT)


def is_latent(name: str) -> bool:
    """Whether a column of this name is a VAE's latent."""
    return bool(_LATENT.fullmatch(name))


def latents(count: int, nuisance: int | None) -> list[str]:
    """The names of a VAE's `count` latents; the first `nuisance` are its nuisance part, None if it is not split."""
    whole, first, second = names(LATENTS)
    if nuisance is None:
        return [_numbered(whole, number) for number in range(count)]
    return [_numbered(first if number < nuisance else second, number) for number in range(count)]


def _numbered(pattern: str, number: int) -> str:
    return pattern.replace("NN", f"{number:02d}")

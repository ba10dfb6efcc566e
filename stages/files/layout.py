"""Where everything lies, relative to the project's folder. dvc.yaml names the same places; a test compares them."""

from pathlib import Path

from morphseq_manifest.cohort.manifests import places

DATA = Path("data")
FRAMES = DATA / "built_image_data/stitched_FF_images"
PLATES = DATA / "metadata/built_metadata_files"
SEGMENTATION = DATA / "segmentation"
MODELS = SEGMENTATION / "segmentation_models"
LABELS = DATA / "sam2_pipeline_files/exported_masks"
SAM2_TABLES = DATA / "sam2_pipeline_files/sam2_expr_files"
BUILD03 = DATA / "metadata/build03_output"
SNIPS = DATA / "training_data/bf_embryo_snips"
LATENTS = DATA / "analysis/latent_embeddings/legacy"
VAES = DATA / "models/legacy"
PERTURBATION_KEY = PLATES / "perturbation_key.csv"
COHORT = DATA / "metadata/combined_metadata_files"
REFERENCE_CURVES = DATA / "metadata/reference/sa_reference_curves.csv"
IMAGES = places.IMAGES
WELL_TABLES = places.WELLS
KEY_TABLE = WELL_TABLES / "perturbation_key.csv"
EXPERIMENTS = places.EXPERIMENTS
PLOTS = COHORT / "plots"


def images_manifest(experiment: str) -> Path:
    """The experiment's images manifest."""
    return places.images(experiment)


def plate_table(experiment: str) -> Path:
    """The experiment's acquisition table, an input."""
    return PLATES / f"{experiment}_metadata.csv"


def workbook(experiment: str) -> Path:
    """The workbook in which people describe the experiment's plate, an input that need not be there."""
    return PLATES / f"{experiment}_well_metadata.xlsx"


def well_table(experiment: str) -> Path:
    """What the workbook says of the experiment's wells."""
    return WELL_TABLES / f"{experiment}.csv"


def predictions(network: str, experiment: str) -> Path:
    """The folder of QC masks that `network` made."""
    return SEGMENTATION / f"{network}_predictions" / experiment


def sam2_table(experiment: str) -> Path:
    """The experiment's embryos, a row an embryo and frame."""
    return SAM2_TABLES / f"sam2_metadata_{experiment}.csv"


def build03_table(experiment: str) -> Path:
    """What the experiment adds to df01."""
    return BUILD03 / f"expr_embryo_metadata_{experiment}.csv"


def latents_table(model: str, experiment: str) -> Path:
    """The experiment's latents under one model."""
    return LATENTS / model / f"morph_latents_{experiment}.csv"


def cohort_table(name: str) -> Path:
    """df01, df02 or df03."""
    return COHORT / f"embryo_metadata_{name}.csv"


def typed_table(name: str) -> Path:
    """The typed copy of df01, df02 or df03, in Parquet."""
    return cohort_table(name).with_suffix(".parquet")


def cohort_manifest(name: str) -> Path:
    """What went into df01, df02 or df03."""
    return places.cohort(name)


def metrics(name: str) -> Path:
    """The counts and shares of df01, df02 or df03, for DVC to compare."""
    return places.metrics(name)


def plot(name: str) -> Path:
    """The points of one of the plots that DVC draws."""
    return PLOTS / f"{name}.json"

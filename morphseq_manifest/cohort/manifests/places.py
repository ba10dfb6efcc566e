"""Where the manifests, and the metrics that are told by them, lie, relative to the project's folder."""

from pathlib import Path

FOLDER = Path("manifests")
METRICS = Path("metrics")
IMAGES = FOLDER / "images"
WELLS = FOLDER / "wells"
ADOPTED = FOLDER / "adopted"
EXPERIMENTS = FOLDER / "experiments.json"
CODE = FOLDER / "code.json"
PROJECT = FOLDER / "project.json"
AUDIT = FOLDER / "audit.json"


def images(experiment: str) -> Path:
    """The manifest of an experiment's frames."""
    return IMAGES / f"{experiment}.json"


def cohort(table: str) -> Path:
    """The manifest of df01, df02 or df03."""
    return FOLDER / f"{table}.json"


def metrics(table: str) -> Path:
    """The counts and shares of df01, df02 or df03."""
    return METRICS / f"{table}.json"


def parts(table: str) -> Path:
    """The folder of what df01 or df03 takes of each experiment."""
    return FOLDER / f"{table}_parts"


def part(table: str, experiment: str) -> Path:
    """What df01 or df03 takes of an experiment."""
    return parts(table) / f"{experiment}.json"


def adopted(experiment: str) -> Path:
    """Which results of an experiment were taken over, not made by its stages."""
    return ADOPTED / f"{experiment}.json"

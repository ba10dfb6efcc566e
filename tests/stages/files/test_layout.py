"""dvc.yaml and stages/layout.py name the same places."""

from pathlib import Path

import pytest

from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.dvc import lock_reading
from stages.files import layout
from stages.networks.qc_networks import QcSettings
from tests.project import PLATES


@pytest.fixture(scope="module")
def recorded(built: Path) -> dict[str, tuple[set[str], set[str]]]:
    """By stage, the paths that it depends on and those that it makes, as DVC resolved them."""
    return {name: (set(entry.deps), set(entry.outs)) for name, entry in lock_reading.read(built).items()}


def paths(*places: Path) -> set[str]:
    return {path.as_posix() for path in places}


@pytest.mark.parametrize("experiment", PLATES)
def test_the_stages_of_an_experiment_make_what_the_layout_names(
    built: Path, recorded: dict[str, tuple[set[str], set[str]]], experiment: str
) -> None:
    networks = params.read(built).block("qc_masks", QcSettings).models.names()
    expected = {
        "images": paths(layout.images_manifest(experiment)),
        "qc_masks": paths(*(layout.predictions(name, experiment) for name in networks)),
        "sam2": paths(layout.LABELS / experiment, layout.sam2_table(experiment)),
        "build03": paths(layout.build03_table(experiment)),
        "df01_part": paths(places.part("df01", experiment)),
        "snips": paths(layout.SNIPS / experiment),
        "latents": paths(layout.latents_table("demo_a", experiment)),
        "df03_part": paths(places.part("df03", experiment)),
    }
    assert {stage: recorded[f"{stage}@{experiment}"][1] for stage in expected} == expected
    inputs = {
        "images": paths(layout.FRAMES / experiment, layout.plate_table(experiment)),
        "qc_masks": paths(*(layout.MODELS / name for name in networks)),
        "sam2": paths(layout.MODELS / "threshold"),
        "build03": paths(layout.plate_table(experiment), layout.well_table(experiment)),
        "df01_part": paths(
            layout.images_manifest(experiment), layout.sam2_table(experiment), layout.build03_table(experiment)
        ),
        "latents": paths(layout.VAES / "demo_a"),
        "df03_part": paths(layout.latents_table("demo_a", experiment)),
    }
    for stage, needed in inputs.items():
        assert needed <= recorded[f"{stage}@{experiment}"][0]


def test_the_cohort_stages_read_and_make_what_the_layout_names(
    recorded: dict[str, tuple[set[str], set[str]]],
) -> None:
    assert recorded["experiments"][1] == paths(layout.EXPERIMENTS)
    plots: dict[str, list[str]] = {"df01": [], "df02": ["lost", "area"], "df03": ["coverage"]}
    assert recorded["wells"] == (paths(layout.PLATES), paths(layout.WELL_TABLES))
    for name in ("df01", "df02", "df03"):
        made = (layout.cohort_table(name), layout.typed_table(name), layout.cohort_manifest(name), layout.metrics(name))
        assert recorded[name][1] == paths(*made, *(layout.plot(plot) for plot in plots[name]))
    assert recorded["df01"][0] == paths(places.parts("df01"), layout.EXPERIMENTS)
    earlier = [layout.cohort_table("df01"), layout.cohort_manifest("df01")]
    assert recorded["df02"][0] == paths(*earlier, layout.REFERENCE_CURVES, layout.KEY_TABLE)
    earlier = [layout.cohort_table("df02"), layout.cohort_manifest("df02")]
    assert recorded["df03"][0] == paths(*earlier, places.parts("df03"))

"""The segmenters' folders: which settings are taken, and what is said of those of earlier releases."""

import json
from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.base.errors import ConfigError
from simulation.default_models import FOLDER
from stages.segmentation import segmenters, threshold

NETWORKS = FOLDER / "segmentation/segmentation_models"
OLD = {"work_px": 400, "level": 0.86, "smooth_px": 0.8, "opening_px": 3.5, "min_area": 0.02, "min_solid": 0.5}


def folder_of(config: object, folder: Path) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("config", "renamed"),
    [
        (
            {"kind": "threshold", "settings": OLD},
            ["`work_px` is now `work_um`", "`opening_px` is now `opening_um`", "`min_area` is now `least_um2`"],
        ),
        ({"kind": "build02", "width": 16, "probability": 0.5, "min_area": 0.02}, ["`min_area` is now `least_um2`"]),
    ],
)
def test_settings_of_an_earlier_release_are_refused_with_their_new_names(
    config: object, renamed: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        segmenters.load(folder_of(config, tmp_path))
    assert str(tmp_path / "config.json") in str(error.value)
    assert all(pair in str(error.value) for pair in renamed)


def test_another_unknown_setting_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="depth"):
        segmenters.load(folder_of({"kind": "threshold", "settings": {"depth": 1}}, tmp_path))


def test_the_default_folder_has_the_default_settings() -> None:
    written = json.loads((NETWORKS / "threshold/config.json").read_bytes())
    assert written["settings"] == msgspec.to_builtins(threshold.Settings())

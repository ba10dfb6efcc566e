"""Networks as torch.export archives: what they give, and what is refused."""

import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from stages.networks import mask_models
from stages.networks.mask_network import probabilities
from stages.networks.shapes import IMAGENET_MEAN, IMAGENET_SD
from tests import tiny
from tests.project import REPOSITORY
from tests.stages.networks.pickled import Code

pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_exported_network_gives_what_it_gave_before(tiny_exported: Path) -> None:
    torch.manual_seed(0)
    original = tiny.Pyramid().eval()
    images = np.random.default_rng(0).random((3, 576, 320), np.float32)
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    with torch.inference_mode():
        expected = torch.sigmoid(original((torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1) - mean) / sd))[:, 0]
    network = mask_models.load(tiny_exported).network
    given = probabilities(network, images)
    assert given.shape == (3, 576, 320)
    assert np.allclose(given, expected, atol=1e-5)
    assert np.allclose(np.concatenate([probabilities(network, image[None]) for image in images]), given, atol=1e-5)


def rewrite(folder: Path, place: Path, changes: dict[str, bytes]) -> Path:
    """A copy of an exported folder in which files of the archive, named by their ends, are others."""
    shutil.copytree(folder, place)
    with zipfile.ZipFile(folder / "model.pt2") as old, zipfile.ZipFile(place / "model.pt2", "w") as new:
        top = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            data = next((data for end, data in changes.items() if name.endswith(end)), old.read(name))
            new.writestr(name, data)
        for end, data in changes.items():
            if not any(name.endswith(end) for name in old.namelist()):
                new.writestr(top + end, data)
    return place


def read(folder: Path, end: str) -> bytes:
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        return next(archive.read(name) for name in archive.namelist() if name.endswith(end))


@pytest.mark.parametrize("case", ["example", "weights", "operator", "size", "library", "condition"])
def test_an_archive_that_could_run_code_is_refused(
    tiny_exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("MORPHSEQ_TEST_TRACE", str(trace))
    graph = read(tiny_exported, "/models/model.json")
    changes = {
        "example": {"/data/sample_inputs/model.pt": pickle.dumps(Code())},
        "weights": {
            "/model_weights_config.json": read(tiny_exported, "/model_weights_config.json").replace(
                b'"use_pickle": false', b'"use_pickle": true', 1
            )
        },
        "operator": {"/models/model.json": graph.replace(b"torch.ops.aten.relu.default", b"torch.hub.load", 1)},
        "size": {"/models/model.json": graph.replace(b"Symbol('s", b"__import__('os').getpid() + Symbol('s", 1)},
        "library": {"/data/aotinductor/model/model.so": b"\x7fELF"},
        "condition": {"/models/model.json": graph.replace(b'"guards_code": []', b'"guards_code": ["exit()"]', 1)},
    }[case]
    place = rewrite(tiny_exported, tmp_path / "spoilt", changes)
    with pytest.raises(
        ConfigError, match=r"spoilt/model\.pt2: .*could run code, and it is not loaded.*docs/models\.md"
    ):
        mask_models.load(place)
    assert not trace.exists()


def test_an_archive_that_is_none_or_of_other_shapes_is_named(tiny_exported: Path, tmp_path: Path) -> None:
    place = tmp_path / "cut"
    shutil.copytree(tiny_exported, place)
    (place / "model.pt2").write_bytes((tiny_exported / "model.pt2").read_bytes()[:2000])
    with pytest.raises(ConfigError, match=r"cut/model\.pt2: not a whole torch\.export archive"):
        mask_models.load(place)
    (place / "model.pt2").unlink()
    with pytest.raises(UnreadableError, match=r"cut/model\.pt2: missing"):
        mask_models.load(place)
    with pytest.raises(ConfigError, match=r"does not take 2 x 3 x 576 x 320"):
        mask_models.load(tiny.exported_folder(tmp_path / "small", tiny.Pyramid(), (2, 3, 64, 32)))
    with pytest.raises(ConfigError, match=r"2 images give \(2, 4, 288, 160\), expected logits"):
        mask_models.load(tiny.exported_folder(tmp_path / "other", nn.Conv2d(3, 4, 3, 2, 1)))


def test_the_documented_script_makes_an_archive_that_loads(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs/models.md").read_text()
    (script,) = (part for part in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "torch.export.save" in part)
    assert sum(bool(line) for line in script.splitlines()) <= 10
    (tmp_path / "export.py").write_text(script)
    # In place of segmentation_models_pytorch: a small network under its names.
    (tmp_path / "segmentation_models_pytorch.py").write_text(
        "from tests import tiny\n\ndef FPN(name, encoder_weights, in_channels, classes):\n    return tiny.Pyramid()\n"
    )
    torch.manual_seed(3)
    original = tiny.Pyramid().eval()
    torch.save(original.state_dict(), tmp_path / "checkpoint.pt")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text('{"kind": "exported"}')
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "export.py", "checkpoint.pt", "model/model.pt2"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    images = np.random.default_rng(0).random((1, 576, 320), np.float32)
    assert probabilities(mask_models.load(tmp_path / "model").network, images).shape == (1, 576, 320)

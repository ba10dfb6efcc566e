"""Networks as torch.export archives: read only if they are plain data, since torch's own reader falls back to pickle.

An archive is a zip of a graph of named operators (JSON) and of tensors (raw bytes). Everything in it by which loading
could run code is refused first: pickled objects, compiled parts, operators from outside ATen, and sizes that are more
than arithmetic (torch evaluates them as Python).
"""

import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export.passes import move_to_device_pass

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from stages.imaging.qc_frame import QC_SIZE
from stages.networks.shapes import IMAGENET_MEAN, IMAGENET_SD
from stages.networks.torch_device import device

ARCHIVE = "model.pt2"
_OPERATORS = ("torch.ops.aten.", "_operator.", "math.")
_ARITHMETIC = {"Symbol", "Integer", "Max", "Min", "FloorDiv", "CeilDiv", "Mod", "PythonMod"}
_ASSUMED = {"positive", "nonnegative", "integer", "True", "False"}
_NAMES = re.compile(r"[^\W\d]\w*")
_SYMBOL = re.compile(r"[su]\d+")


class Normalised(nn.Module):
    """A network for colour images, fed with grey ones: (N, 1, H, W) float32 in 0..1, normalised as ImageNet's are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.mean = nn.Buffer(torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.sd = nn.Buffer(torch.tensor(IMAGENET_SD).view(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) of images (N, 1, H, W)."""
        logits: torch.Tensor = self.network(((images - self.mean) / self.sd).contiguous())
        return logits


def load_exported(folder: Path) -> nn.Module:
    """The mask network of a folder with a `model.pt2`: (N, 1, 576, 320) float32 in 0..1 to logits (N, 1, 576, 320).

    The archive's own input is (N, 3, 576, 320), as Normalised makes it. Raises UnreadableError if there is no
    archive, ConfigError if it is damaged, holds code, or is of other shapes.
    """
    path = folder / ARCHIVE
    if not path.is_file():
        raise UnreadableError(f"{path}: missing; a model of kind `exported` is a torch.export archive of this name")
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, path)
        program = torch.export.load(path)
    except (zipfile.BadZipFile, RuntimeError, ValueError, AssertionError, KeyError, EOFError) as error:
        raise ConfigError(f"{path}: not a whole torch.export archive ({_line(error)}). Export it again") from error
    if device().type != "cpu":
        program = move_to_device_pass(program, device())
    network = Normalised(program.module()).to(device())
    _check_shapes(network, path)
    return network


@torch.inference_mode()
def _check_shapes(network: nn.Module, path: Path) -> None:
    """Raise ConfigError unless a batch of two images goes through and gives two logits of the same size."""
    try:
        shape = tuple(network(torch.zeros(2, 1, *QC_SIZE, device=device())).shape)
    except (RuntimeError, AssertionError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: does not take 2 x 3 x 576 x 320 ({_line(error)}). Export it with a dynamic batch"
        ) from error
    if shape != (2, 1, *QC_SIZE):
        raise ConfigError(f"{path}: 2 images give {shape}, expected logits (2, 1, 576, 320). Export it so")


def check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise ConfigError naming what in an archive is more than operators and tensors.

    Raises KeyError or ValueError if it is not an archive of torch's.
    """
    names = archive.namelist()
    if not any(name.endswith("/archive_format") for name in names):
        raise ValueError("it has no archive_format")
    for name in names:
        if "/data/aotinductor/" in name or name.endswith((".so", ".py")):
            _refuse(path, f"{name} is compiled code")
        if name.endswith(".pt"):
            _check_plain(archive.read(name), name, path)
        if name.endswith(".json"):
            _check_json(json.loads(archive.read(name)), name, path)


def _check_plain(data: bytes, name: str, path: Path) -> None:
    """Tensors saved by torch.save (the example that the network was exported with) must load as nothing but that."""
    try:
        torch.load(BytesIO(data), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        _refuse(path, f"{name} is pickled")


def _check_json(content: Any, name: str, path: Path) -> None:
    for key, value in _entries(content):
        if key == "use_pickle" and value:
            _refuse(path, f"{name} names pickled objects")
        if key == "target" and isinstance(value, str) and not value.startswith(_OPERATORS):
            _refuse(path, f"{name} calls {value}")
        if key == "expr_str" and not all(map(_is_arithmetic, _NAMES.findall(value))):
            _refuse(path, f"{name} computes with {value!r}")
        if key == "guards_code" and value:
            _refuse(path, f"{name} holds conditions on its input")


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of decoded JSON, at any depth."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item.items()
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _is_arithmetic(name: str) -> bool:
    return name in _ARITHMETIC or name in _ASSUMED or _SYMBOL.fullmatch(name) is not None


def _refuse(path: Path, what: str) -> None:
    raise ConfigError(
        f"{path}: {what}; loading it could run code, and it is not loaded. Export the network with "
        "torch.export.export and torch.export.save, by the script in docs/models.md"
    )


def _line(error: Exception) -> str:
    """An error's message in one line of moderate length."""
    return " ".join(str(error).split())[:200]

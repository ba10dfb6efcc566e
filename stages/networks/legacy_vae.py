"""The lab's legacy VAEs: a folder of pythae's `model_config.json` and `model.pt`, the shape taken from the tensors."""

import re
from pathlib import Path

import msgspec
import torch

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from stages.networks import model_folder
from stages.networks.shapes import Encoder

CONFIG = "model_config.json"
_PART = "encoder."
_CONV = re.compile(r"conv_layers\.(\d+)\.weight")


class LegacyConfig(msgspec.Struct):
    """What is needed of pythae's model_config.json; `zn_frac` of the latents are nuisance (absent: none)."""

    input_dim: tuple[int, int, int]
    latent_dim: int
    zn_frac: float | None = None


def read_config(folder: Path) -> LegacyConfig:
    """Read a legacy folder's model_config.json. Raises UnreadableError if missing, ConfigError if it can't be used."""
    path = folder / CONFIG
    data = files.read_bytes(path, "Copy the model's folder again")
    try:
        config = msgspec.json.decode(data, type=LegacyConfig)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: can't be used: {error}. Copy the model's folder again") from error
    if config.input_dim[0] != 1:
        raise ConfigError(f"{path}: input_dim is {list(config.input_dim)}, expected one channel: [1, height, width]")
    return config


def load_encoder(folder: Path, config: LegacyConfig) -> Encoder:
    """The encoder of a legacy folder, ready for inference; its decoder, and any pickled `encoder.pkl`, stay unread.

    Raises ConfigError naming the tensors that don't fit, and as model_folder.load_weights does.
    """
    whole = model_folder.load_weights(folder)
    state = {name.removeprefix(_PART): tensor for name, tensor in whole.items() if name.startswith(_PART)}
    channels = conv_channels(state)
    size = config.input_dim[1], config.input_dim[2]
    scale = 2 ** len(channels)
    if not channels or min(size) < scale:
        raise ConfigError(
            f"{folder}: {len(channels)} convolutions {_PART}conv_layers.* found for an input of {size[0]} x {size[1]}; "
            "expected at least one, and no more than halve it to 1. Copy the folder again"
        )
    complaint = f"{folder}: the tensors {_PART}* of its weights don't fit each other or {CONFIG}"
    return model_folder.fit(Encoder(channels, config.latent_dim, size), state, complaint)


def conv_channels(state: dict[str, torch.Tensor]) -> list[int]:
    """The channels that each convolution (the tensors of four dimensions) gives, in the order of the layers."""
    layers = {}
    for name, tensor in state.items():
        match = _CONV.fullmatch(name)
        if match and tensor.ndim == 4:
            layers[int(match[1])] = int(tensor.shape[0])
    return [layers[number] for number in sorted(layers)]

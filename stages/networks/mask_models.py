"""The mask networks that the stage qc_masks takes: a model folder of kind `unet` or `exported`."""

from pathlib import Path

import torch

from stages.networks import model_folder
from stages.networks.exported import load_exported
from stages.networks.mask_network import load_unet


def load(folder: Path) -> torch.nn.Module:
    """The mask network of a model folder, ready for inference.

    Raises as model_folder.read_config, model_folder.fill and exported.load_exported do.
    """
    config = model_folder.read_config(folder, model_folder.UNetConfig | model_folder.ExportedConfig)
    return load_exported(folder) if isinstance(config, model_folder.ExportedConfig) else load_unet(folder, config.width)

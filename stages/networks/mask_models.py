"""The mask networks that the stage qc_masks takes: a model folder of kind `unet` or `exported`."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch

from stages.networks import model_folder
from stages.networks.exported import load_exported
from stages.networks.mask_network import load_unet


class MaskModel(NamedTuple):
    """A mask network, ready for inference, and the microscopes whose plates it knows; None: every plate's."""

    network: torch.nn.Module
    trained_on: list[str] | None

    def knows(self, microscopes: Iterable[str]) -> bool:
        """Whether it was made for the plates of these microscopes; if none is named, only one for every plate was."""
        named = set(microscopes)
        return self.trained_on is None or (bool(named) and named <= set(self.trained_on))


def load(folder: Path) -> MaskModel:
    """The mask network of a model folder.

    Raises as model_folder.read_config, model_folder.fill and exported.load_exported do.
    """
    config = model_folder.read_config(folder, model_folder.UNetConfig | model_folder.ExportedConfig)
    is_exported = isinstance(config, model_folder.ExportedConfig)
    network = load_exported(folder) if is_exported else load_unet(folder, config.width)
    return MaskModel(network, config.trained_on)

"""A mask network at work: the project's own UNet from its folder, and the probabilities that any network gives."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stages.networks import model_folder
from stages.networks.shapes import UNet
from stages.networks.torch_device import device


def load_unet(folder: Path, width: int) -> torch.nn.Module:
    """The UNet of `width` whose weights a model folder holds, ready for inference. Raises as model_folder.fill does."""
    return model_folder.fill(UNet(width), folder)


@torch.inference_mode()
def probabilities(network: torch.nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's sigmoid for a batch, float32 (N, 576, 320) of inputs in 0..1 to float32 of the same shape."""
    batch = torch.from_numpy(images[:, None]).to(device(), memory_format=torch.channels_last)
    sigmoid: NDArray[np.float32] = torch.sigmoid(network(batch).float())[:, 0].cpu().numpy()
    return sigmoid

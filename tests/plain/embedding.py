"""Latents by a batch and a loader of its own for each snip."""

from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from stages.files import stacks
from stages.networks.shapes import Encoder


class OneSnip(Dataset[torch.Tensor]):
    """One page of a stack, read and resized as the encoder takes it."""

    def __init__(self, path: Path, page: int, input_size: tuple[int, int]) -> None:
        self.path, self.page, self.size = path, page, input_size

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        pixels = tifffile.imread(self.path, key=self.page)
        height, width = self.size
        resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(resized, np.float32) / 255)[None]


def embedded(folder: Path, encoder: Encoder, input_size: tuple[int, int], workers: int = 0) -> dict[str, np.ndarray]:
    """The latents of every snip of a folder by its id: a batch and a loader of its own for each, with `workers`."""
    by_snip = {}
    device = next(encoder.parameters()).device
    for path in sorted(folder.glob("*.tif")):
        with tifffile.TiffFile(path) as tif:
            times = [stacks._tag(page).time_int for page in tif.pages]
        for number, time_int in enumerate(times):
            (image,) = DataLoader(OneSnip(path, number, input_size), batch_size=1, num_workers=workers)
            with torch.no_grad():
                by_snip[f"{path.stem}_t{time_int:04d}"] = encoder(image.to(device))[0][0].cpu().numpy()
    return by_snip

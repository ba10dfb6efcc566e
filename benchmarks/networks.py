"""Networks as large as the lab's, with random weights: their results mean nothing, their times do."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from benchmarks.figures import Figure
from benchmarks.frames import Drawn
from stages import latents
from stages.imaging.qc_frame import to_qc_input
from stages.networks import mask_network
from stages.networks.shapes import Encoder, to_mu

# Convolutions a level and their channels, about those of a ResNet-34, which the lab's mask networks have inside.
_LEVELS = ((6, 64), (8, 128), (12, 256), (6, 512))


class StandIn(nn.Module):
    """A feature pyramid over a trunk of the lab's size: (N, 1, 576, 320) to logits of the same size."""

    def __init__(self) -> None:
        super().__init__()
        before = 64
        self.stem = nn.Sequential(nn.Conv2d(1, before, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.levels, self.across = nn.ModuleList(), nn.ModuleList()
        for level, (count, channels) in enumerate(_LEVELS):
            layers: list[nn.Module] = [nn.Conv2d(before, channels, 3, 1 if level == 0 else 2, 1), nn.ReLU()]
            for _ in range(count - 1):
                layers += [nn.Conv2d(channels, channels, 3, 1, 1), nn.BatchNorm2d(channels), nn.ReLU()]
            self.levels.append(nn.Sequential(*layers))
            self.across.append(nn.Conv2d(channels, 64, 1))
            before = channels
        self.head = nn.Conv2d(64, 1, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        level, levels = self.stem(images), []
        for down in self.levels:
            level = down(level)
            levels.append(level)
        merged = self.across[-1](levels[-1])
        for across, level in zip(list(self.across)[-2::-1], levels[-2::-1], strict=True):
            merged = across(level) + nn.functional.interpolate(merged, size=level.shape[-2:])
        return nn.functional.interpolate(self.head(merged), size=images.shape[-2:], mode="bilinear")


def on_a_gpu(drawn: list[Drawn]) -> Iterator[Figure]:
    """How many a second on a GPU: frames by one mask network, frames by SAM 2.1 tiny, snips by a VAE."""
    names = ("masks of one network", "frames through SAM 2.1 (tiny, 1024 px)", "latents")
    if not torch.cuda.is_available():
        for name in names:
            yield Figure(f"on a GPU: {name} a second", None, 0, at_least=True, note="no GPU here")
        return
    for name, rate in zip(names, (_masks(drawn), _sam2(drawn), _latents()), strict=True):
        yield Figure(f"on a GPU: {name} a second", rate, 0, at_least=True, note=torch.cuda.get_device_name())


def _rate(action: Callable[[], object], count: int) -> float:
    action()
    begun = time.perf_counter()
    action()
    return count / (time.perf_counter() - begun)


def _masks(drawn: list[Drawn]) -> float:
    from stages.networks import torch_device

    network = StandIn().eval().to(torch_device.device(), memory_format=torch.channels_last)
    images = np.stack([to_qc_input(frame.grey) for frame in drawn] * 2)
    return _rate(lambda: [mask_network.probabilities(network, images) for _ in range(8)], 8 * len(images))


def _sam2(drawn: list[Drawn]) -> float:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    from stages.networks import torch_device
    from stages.segmentation.sam2_video import Video

    model = Sam2VideoModel(Sam2VideoConfig()).eval().to(torch_device.device())
    frames = [frame.grey for frame in drawn] * 4

    def follow() -> None:
        video = Video(model, np.array([[700, 700, 1500, 1500]], np.float32), frames[0].shape)
        for frame in frames:
            video.follow(frame).cpu()

    return _rate(follow, len(frames))


def _latents() -> float:
    from stages.networks import torch_device

    encoder = Encoder([16, 32, 64, 128, 256], 100).eval().to(torch_device.device(), memory_format=torch.channels_last)
    model = latents.LatentModel(to_mu(encoder), (288, 128), latents.latent_columns(100, 0.2))
    inputs = np.random.default_rng(0).integers(0, 255, (latents.BATCH, 288, 128), np.uint8)
    return _rate(lambda: [latents.embed(model, inputs) for _ in range(64)], 64 * len(inputs))

"""Training the VAEs: an encoder of the pipeline's shape with a decoder that is needed here only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulation.mask_training import reproducible
from stages.imaging.snip_settings import SnipSettings
from stages.networks.model_folder import SnipsSeen, VaeConfig
from stages.networks.shapes import SNIP_INPUT, Encoder

CHANNELS = (8, 16, 32, 64)
_STEPS = 240
_BATCH = 8
_LEARNING_RATE = 3e-3
# The decoder's spread around a pixel (grey levels in 0..1): what is finer need not be told apart.
_SPREAD = 0.3


@dataclass(frozen=True)
class VaePlan:
    """One of the default VAEs: the size of its latent space, the nuisance part of it, the seed of its training."""

    latent_dim: int
    zn_frac: float
    seed: int

    def config(self, cut: SnipSettings) -> VaeConfig:
        """What its folder's config.json says, trained on snips that are `cut` so."""
        seen = SnipsSeen(cut.um_per_px, cut.blend_um)
        return VaeConfig(list(CHANNELS), self.latent_dim, self.zn_frac, SNIP_INPUT, seen)


class Decoder(nn.Module):
    """The encoder's mirror image: (N, latent_dim) to snips (N, 1, 288, 128) in 0..1."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self._coarse = (CHANNELS[-1], *(size // 2 ** len(CHANNELS) for size in SNIP_INPUT))
        self.spread = nn.Linear(latent_dim, int(np.prod(self._coarse)))
        layers: list[nn.Module] = []
        for inputs, outputs in zip(CHANNELS[:0:-1], CHANNELS[-2::-1], strict=True):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(CHANNELS[0], 4, 3, padding=1), nn.PixelShuffle(2), nn.Sigmoid())

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Snips (N, 1, 288, 128) of latents (N, latent_dim)."""
        image: torch.Tensor = self.layers(self.spread(latents).unflatten(1, self._coarse))
        return image


def train_vae(snips: Sequence[NDArray[np.uint8]], plan: VaePlan, threads: int = 1) -> tuple[Encoder, Decoder]:
    """Train on snips, uint8 (288, 128); returns encoder and decoder, ready for inference. Deterministic."""
    reproducible(plan.seed, threads)
    # Convolutions of one channel are several times faster in this order of memory.
    encoder = Encoder(CHANNELS, plan.latent_dim, SNIP_INPUT).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decoder = Decoder(plan.latent_dim).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=_STEPS)
    images = torch.from_numpy(np.stack(snips))[:, None].float() / 255
    images = images.to(memory_format=torch.channels_last)
    for _ in range(_STEPS):
        batch = images[torch.randperm(len(images))[:_BATCH]]
        loss = _loss(encoder, decoder, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return encoder.eval(), decoder.eval()


def _loss(encoder: Encoder, decoder: Decoder, batch: torch.Tensor) -> torch.Tensor:
    """Squared error and Kullback-Leibler divergence a pixel, for a Gaussian decoder of fixed spread."""
    mu, log_var = encoder(batch)
    drawn = decoder(mu + torch.randn_like(mu) * torch.exp(log_var / 2))
    error = ((drawn - batch) ** 2).sum() / (2 * _SPREAD**2)
    divergence = (mu**2 + log_var.exp() - 1 - log_var).sum() / 2
    return (error + divergence) / batch.numel()  # type: ignore[no-any-return]

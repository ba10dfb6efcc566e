"""The shapes of the project's own networks: a UNet for QC masks and a VAE's encoder for latents."""

from collections.abc import Sequence

import torch
from torch import nn

SNIP_INPUT = (288, 128)
# Mean and spread (red, green, blue) of the images on which most networks are trained first.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """A small UNet (Ronneberger 2015) that works at a quarter of the resolution.

    Pixels are folded 4 x 4 into channels first, which keeps fine detail at a sixteenth of the work; logits are
    enlarged last, linearly, so that edges lie between the coarse pixels. Input (N, 1, H, W) float32 in 0..1,
    output logits (N, 1, H, W); H and W are multiples of 16.
    """

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(4)
        self.down1 = _double_conv(16, width)
        self.down2 = _double_conv(width, 2 * width)
        self.bottom = _double_conv(2 * width, 4 * width)
        self.up2 = _double_conv(6 * width, 2 * width)
        self.up1 = _double_conv(3 * width, width)
        self.head = nn.Conv2d(width, 1, 1)
        self.enlarge: nn.Module = nn.Upsample(scale_factor=4, mode="bilinear")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) of images (N, 1, H, W)."""
        half = nn.functional.max_pool2d
        level1 = self.down1(self.fold(image))
        level2 = self.down2(half(level1, 2))
        level3 = self.bottom(half(level2, 2))
        level2 = self.up2(torch.cat([nn.functional.interpolate(level3, scale_factor=2.0), level2], dim=1))
        level1 = self.up1(torch.cat([nn.functional.interpolate(level2, scale_factor=2.0), level1], dim=1))
        out: torch.Tensor = self.enlarge(self.head(level1))
        return out


class Encoder(nn.Module):
    """A convolutional VAE encoder: (Conv2d 4/2/1, BatchNorm2d, ReLU) a layer, then two linear heads.

    Input (N, 1, *input_size) float32 in 0..1; output (mu, log_var), each (N, latent_dim). Module names are
    those of the lab's legacy models, so that both are read alike.
    """

    def __init__(self, channels: Sequence[int], latent_dim: int, input_size: tuple[int, int] = SNIP_INPUT) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip([1, *channels[:-1]], channels, strict=True):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.conv_layers = nn.Sequential(*layers)
        scale = 2 ** len(channels)
        features = channels[-1] * (input_size[0] // scale) * (input_size[1] // scale)
        self.embedding = nn.Linear(features, latent_dim)
        self.log_var = nn.Linear(features, latent_dim)

    def forward(self, snips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(mu, log_var), each (N, latent_dim), of snips (N, 1, H, W)."""
        features = self.conv_layers(snips).flatten(1)
        return self.embedding(features), self.log_var(features)


def to_mu(encoder: Encoder) -> nn.Sequential:
    """Of an encoder ready for inference what leads to mu, each normalisation folded into the convolution before it.

    (N, 1, H, W) to (N, latent_dim), as the encoder has it but for rounding: on a processor, normalising by itself
    costs as much as a layer or two.
    """
    layers: list[nn.Module] = []
    for layer in encoder.conv_layers:
        if isinstance(layer, nn.Conv2d):
            convolution = layer
        elif isinstance(layer, nn.BatchNorm2d):
            layers += [nn.utils.fuse_conv_bn_eval(convolution, layer), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Flatten(), encoder.embedding)

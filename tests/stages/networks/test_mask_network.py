"""A mask network gives each frame the same mask, whatever goes through it beside."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from stages.networks.mask_network import probabilities
from stages.networks.shapes import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


def test_masks_do_not_depend_on_the_batch_size_or_on_workers() -> None:
    torch.manual_seed(0)
    network = UNet(6).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = np.random.default_rng(0).random((5, 576, 320), np.float32)
    whole = probabilities(network, images)
    singly = np.concatenate([probabilities(network, image[None]) for image in images])
    assert np.allclose(whole, singly, atol=1e-5)
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(lambda _: probabilities(network, images), range(3)))
    assert all((other == whole).all() for other in beside)

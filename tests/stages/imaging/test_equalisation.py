"""Equalisation, against scikit-image's."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import exposure

from stages.imaging.equalisation import equalise


def test_equalising_is_scikit_images_but_for_its_steps() -> None:
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(120, 300, (576, 256)), 6).astype(np.float32)
    equalised, reference = equalise(image), exposure.equalize_adapthist(image / 255) * 255
    assert np.abs(equalised - reference).mean() < 6
    assert np.corrcoef(equalised.ravel(), reference.ravel())[0, 1] > 0.995
    assert equalised.min() == pytest.approx(0, abs=0.1)
    assert equalised.max() == pytest.approx(255, abs=0.1)
    nudged = image + np.random.default_rng(1).normal(0, 0.01, image.shape).astype(np.float32)
    assert np.abs(equalise(nudged) - equalised).max() < 1
    flat = np.full((576, 256), 7, np.float32)
    assert (equalise(flat) == flat).all()

"""A mask network says which plates it knows."""

import pytest
from torch import nn

from stages.networks.mask_models import MaskModel


@pytest.mark.parametrize(
    ("trained_on", "microscopes", "knows"),
    [
        (None, [], True),
        (None, ["YX1"], True),
        (["YX1", "Keyence"], ["YX1"], True),
        (["YX1"], ["YX1", "Keyence"], False),
        (["simulated"], [], False),
        ([], ["YX1"], False),
    ],
)
def test_a_network_knows_the_plates_of_its_microscopes(
    trained_on: list[str] | None, microscopes: list[str], knows: bool
) -> None:
    assert MaskModel(nn.Identity(), trained_on).knows(microscopes) == knows

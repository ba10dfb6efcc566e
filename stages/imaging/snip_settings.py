"""The block `snips` of params.yaml: for the stage that cuts the snips, and those that use them."""

import msgspec


class SnipSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scale, width of the blend, and the noise (grey levels, normal, cut off at 0)."""

    um_per_px: float
    blend_um: float
    noise_mean: float
    noise_sd: float

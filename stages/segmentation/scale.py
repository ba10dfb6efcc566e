"""What a pixel of a frame measures, also on a plate that does not say."""

# A plate without a scale is worked on as if the shorter side of its frames were so long: between the frame of an
# eighth of a well and that of a whole one. What counts as large is then a share of the frame.
ASSUMED_UM = 4800.0


def um_per_px(shape: tuple[int, ...], known: float | None) -> float:
    """The scale of a frame of `shape` (H, W), as `known` from its plate, or assumed."""
    return ASSUMED_UM / min(shape) if known is None else known

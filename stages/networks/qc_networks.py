"""The block `qc_masks` of params.yaml: for the stage that makes the masks, and those that use them."""

import msgspec


class Networks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the five networks' model folders."""

    embryo: str
    dead: str
    yolk: str
    focus: str
    bubble: str

    def names(self) -> list[str]:
        """All five, in the order of the fields."""
        return [self.embryo, self.dead, self.yolk, self.focus, self.bubble]


class QcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pixel belongs to a mask from the probability `threshold` on; `models` are the networks."""

    threshold: float
    models: Networks

"""What a lab's data root holds of each experiment and step; a stage's code says it as JSON, and `adopt` reads it."""

import msgspec

from morphseq_manifest.base.outcomes import Outcome

# The steps that can be taken over, by their stages, an earlier one first.
STEPS = ("images", "qc_masks", "sam2", "build03", "snips", "latents")


class Standing(Outcome):
    """How far the results of a step are there."""

    WHOLE = "whole", "all that belongs to it is there, and fits what it was made from", "green"
    HALF = "half done", "some of it is there, or nothing says whether it is all", "yellow"
    MISSING = "missing", "nothing of it is there", "cyan"
    CONTRADICTORY = "contradictory", "some of it is of what is not there, or is there twice", "red"
    UNREADABLE = "unreadable", "something can't be read", "bright_red"


class Found(msgspec.Struct, frozen=True):
    """What is there of a step, or of a cohort table: how it stands, how much there is, and what is wrong with it.

    `told` has what makes it contradictory or unreadable, and what else is to be known.
    """

    standing: Standing
    amount: str = ""
    told: list[str] = []

    @property
    def text(self) -> str:
        """All of it in a line."""
        told = "; ".join([*([self.amount] if self.amount else []), *self.told])
        return f"{self.standing}: {told}" if told else self.standing


class LabRoot(msgspec.Struct, frozen=True):
    """By experiment, what there is of each of STEPS; and of the cohort tables, which are never taken over.

    `odd` are names, where those of experiments are, that can't be ids: nothing of them was looked at.
    """

    experiments: dict[str, dict[str, Found]]
    tables: dict[str, Found]
    odd: list[str] = []


class Asked(msgspec.Struct, frozen=True):
    """Which data root is looked at, by its absolute path, and the experiments that are wanted, all if none."""

    root: str
    experiments: list[str] = []

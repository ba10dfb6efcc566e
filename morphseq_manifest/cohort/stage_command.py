"""What the stages' command lines share: a failure leaves a message for the user, and a note of it for `morphseq`."""

from typing import Any

import click

from morphseq_manifest.base.console import Command
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.tracker.freshness import failure_notes


class StageCommand(Command):
    """The command of one stage: its name is the stage's, its argument `experiment`, if it has one, the group's item."""

    def attempt(self, ctx: click.Context) -> Any:
        """Run the stage's function, noting what went wrong."""
        experiment = ctx.params.get("experiment")
        stage = f"{self.name}@{experiment}" if experiment else str(self.name)
        try:
            result = super().attempt(ctx)
        except (MorphseqError, OSError) as error:
            failure_notes.record(stage, str(error))
            raise
        failure_notes.clear(stage)
        return result

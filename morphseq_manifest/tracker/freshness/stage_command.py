"""What the command lines of stages share: a failure leaves a message for the user, and a note of it for `morphseq`."""

from typing import Any

import click

from morphseq_manifest.base.console import Command
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.tracker.freshness import failure_notes


class StageCommand(Command):
    """The command of one stage: its name is the stage's, its argument, if it has one, the item of the stage's group."""

    def attempt(self, ctx: click.Context) -> Any:
        """Run the stage's function, noting what went wrong."""
        keys = [ctx.params[param.name] for param in self.params if isinstance(param, click.Argument) and param.name]
        stage = f"{self.name}@{keys[0]}" if keys else str(self.name)
        try:
            result = super().attempt(ctx)
        except (MorphseqError, OSError) as error:
            failure_notes.record(stage, str(error))
            raise
        failure_notes.clear(stage)
        return result

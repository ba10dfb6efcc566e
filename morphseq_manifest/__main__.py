"""The start of the `morphseq` command."""

import gc
import os
import sys
from contextlib import suppress

from morphseq_manifest.commands import KEPT


def main() -> None:
    """Run the command that is asked for."""
    # What most commands make lives until they end: to look through it for garbage, also at the end, only takes time.
    gc.disable()
    try:
        if any(word in KEPT for word in sys.argv):
            _say_what_stands()
        from morphseq_manifest.base.console import open_streams
        from morphseq_manifest.commands.group import main as command

        open_streams()
        command()
    except KeyboardInterrupt:  # before there was a command that says so
        with suppress(OSError):
            os.write(2, b"interrupted\n")
        sys.exit(130)
    finally:
        gc.freeze()


def _say_what_stands() -> None:
    """Print the answer to this command line if one was kept and nothing has changed, and end."""
    from morphseq_manifest.commands import standing

    if given := standing.find(sys.argv[1:]):
        with suppress(OSError):  # nothing to print on: the command says so
            sys.exit(given.say())


if __name__ == "__main__":
    main()

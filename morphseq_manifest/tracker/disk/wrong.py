"""What can be wrong with recorded content."""

from morphseq_manifest.base.outcomes import Outcome


class Wrong(Outcome):
    """How a path differs from what is recorded of it."""

    DAMAGED = "damaged", "its content is not what was recorded", "bright_red"
    MISSING = "missing", "it is not there", "red"
    UNREADABLE = "unreadable", "it can't be read", "red"
    UNRECORDED = "unrecorded", "it is in a recorded folder, and in no record", "magenta"
    STALE = "stale", "stages recorded different contents of it: some ran before it was last made or changed", "yellow"

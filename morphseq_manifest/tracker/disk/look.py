"""What all parts of one look at the project's files share."""

from dataclasses import dataclass, field

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.stat_cache import StatCache
from morphseq_manifest.tracker.dvc.ignoring import Ignore


@dataclass(frozen=True)
class Look:
    """The project's folder, what is known, what does not count, and what was found so far, by path.

    A file whose inode changed after `settled_ns` (ns since 1970) is not remembered. Unless it `reads`, and once the
    first byte of `stop` is set, no file is read, and what stats do not tell is not found.
    """

    root: str
    cache: StatCache
    ignore: Ignore
    settled_ns: int
    reads: bool = True
    found: dict[str, Content] = field(default_factory=dict)
    stop: bytearray = field(default_factory=lambda: bytearray(1))

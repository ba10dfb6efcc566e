"""What an answer is made of: while one is worked out, whoever looks at a file, a folder or git names it here.

Of an answer for which nothing was gathered nothing is kept; to name what it is made of then does nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager


class Sources:
    """What was named: files and folders by their paths, folders with all that is in them, and what git was asked.

    A path stands for a stat: of a folder it tells which names are in it. `trees` have how many files are in each, 0 if
    that is not known. `asked` are git's folder, arguments and input, with what came of it.
    """

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.trees: dict[str, int] = {}
        self.asked: dict[tuple[str, tuple[str, ...], bytes], tuple[int, bytes]] = {}


_gathered: Sources | None = None


@contextmanager
def gathering() -> Iterator[Sources]:
    """Gather what is named in this block, by all threads."""
    global _gathered
    _gathered = sources = Sources()
    try:
        yield sources
    finally:
        _gathered = None


def add(path: object) -> bool:
    """Name a file, or a folder whose names were listed, be it there or not; whether that is gathered."""
    if _gathered is None:
        return False
    _gathered.paths[str(path)] = None
    return True


def add_all(paths: Iterable[str]) -> None:
    """Name several."""
    if _gathered is not None:
        _gathered.paths.update(dict.fromkeys(paths))


def add_tree(path: str, files: int = 0) -> None:
    """Name a folder with all that is in it, at any depth: so many files, as far as that is known."""
    if _gathered is not None:
        _gathered.trees[path] = files


def add_asked(folder: object, arguments: Sequence[str], given: bytes, status: int, output: bytes) -> None:
    """Name what git was asked in a folder, and how it answered."""
    if _gathered is not None:
        _gathered.asked[str(folder), (*arguments,), given] = status, output

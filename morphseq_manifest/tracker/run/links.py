"""How content of DVC's cache stands in the project: a file of its own, or a link, as `cache.type` has it."""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.modes import COPIED, PROTECTED

# Linux asked to let two files share their blocks until one is written to.
_FICLONE = 0x40049409
# By these a system says that it can't make such a link there; as DVC, the next kind is tried then.
_IMPOSSIBLE = {errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.ENOTTY, errno.ENOSYS, errno.EINVAL, errno.EAGAIN}
_OWN_FILES = {"reflink", "copy"}


class Links:
    """Makes links to the cache, of the first of these kinds that can be made where it is to stand.

    `writable` is the mode of a file that was copied, if copies are what is asked for.
    """

    def __init__(self, kinds: Sequence[str], writable: int) -> None:
        self._kinds = kinds
        self._copied = writable if kinds[0] == "copy" else COPIED
        self._impossible: set[tuple[str, int]] = set()

    def bring_back(self, kept: str, place: str) -> None:
        """Put content of the cache at a place, instead of what is there. Raises ConfigError if no link can be made."""
        path = Path(place)
        if path.is_dir() and not path.is_symlink():
            files.remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)  # nothing may have been made there yet
        self._make(self._kinds, Path(kept), path)

    def take(self, source: str, kept: str) -> None:
        """Put a file into the cache. If outputs are to be hard links, the cache gets the file itself.

        What is a link already is copied, though DVC would link that, too: who writes to the other file would spoil the
        cache.
        """
        shared = ["hardlink"] if self._kinds[0] == "hardlink" and _is_alone(os.lstat(source)) else []
        self._make(["reflink", *shared, "copy"], Path(source), Path(kept), PROTECTED)

    def settle(self, kept: str, place: str, *, in_folder: bool) -> None:
        """See to it that what a stage has made, and the cache has, stands as DVC leaves it there.

        DVC makes the link of a file anew, and so its mode; in a folder only those that are of none of the kinds.
        """
        status = os.lstat(place)
        if in_folder and self._is_of_a_kind(kept, place, status):
            return
        are_own = self._kinds[0] == "copy" or {*self._kinds} == _OWN_FILES
        if not in_folder and are_own and _is_alone(status):
            _give(Path(place), self._copied)  # it would be the same file again
            return
        self.bring_back(kept, place)
        with contextlib.suppress(PermissionError):  # another user's, in a cache that is shared
            _give(Path(kept), PROTECTED)

    def _is_of_a_kind(self, kept: str, place: str, status: os.stat_result) -> bool:
        if stat.S_ISLNK(status.st_mode):
            return "symlink" in self._kinds and os.readlink(place) == os.path.abspath(kept)  # noqa: PTH115, PTH100
        if status.st_nlink > 1:
            return "hardlink" in self._kinds and os.path.samefile(place, kept)  # noqa: PTH121
        return not _OWN_FILES.isdisjoint(self._kinds)

    def _make(self, kinds: Iterable[str], source: Path, place: Path, mode: int | None = None) -> None:
        device = place.parent.stat().st_dev
        for kind in kinds:
            if (kind, device) in self._impossible:
                continue
            try:
                with files.replacing(place, durable=False, follow=False) as temporary:
                    _MAKERS[kind](source, temporary)
                    if mode is not None:
                        temporary.chmod(mode)
                return
            except OSError as error:
                if kind == "copy" or error.errno not in _IMPOSSIBLE:
                    raise
                self._impossible.add((kind, device))
        raise ConfigError(
            f"{place}: DVC's setting cache.type is {','.join(self._kinds)}, and no such link can be made there. "
            f"Allow copies: `dvc config cache.type {','.join([*self._kinds, 'copy'])}`"
        )


def unprotect(place: Path, writable: int) -> None:
    """Make each file at a place, or in the folder there, one of its own, of the mode `writable`."""
    for path in [place] if place.is_file() else _files_in(place):
        if not _is_alone(path.lstat()):
            with files.replacing(path, durable=False, follow=False) as temporary:
                _copy(path, temporary)
        _give(path, writable)


def make_executable(place: Path) -> None:
    """Let the owner of a file execute it; of a link, that is the file in the cache, as DVC has it."""
    with contextlib.suppress(PermissionError):
        place.chmod(place.stat().st_mode | stat.S_IEXEC)


def _files_in(folder: Path) -> list[Path]:
    found = (Path(inside, name) for inside, _, names in os.walk(folder) for name in names)
    return [path for path in found if path.exists()]


def _is_alone(status: os.stat_result) -> bool:
    """Whether a file is no link and has none, as far as its stat tells."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _give(path: Path, mode: int) -> None:
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def _reflink(source: Path, place: Path) -> None:
    with source.open("rb") as content, place.open("wb") as clone:
        fcntl.ioctl(clone.fileno(), _FICLONE, content.fileno())


def _hardlink(source: Path, place: Path) -> None:
    # As DVC: a file has no more than some ten thousand links, and empty ones are many.
    if source.stat().st_size == 0:
        place.touch()
    else:
        place.hardlink_to(source.resolve())


def _symlink(source: Path, place: Path) -> None:
    place.symlink_to(os.path.abspath(source))  # noqa: PTH100 - DVC does not resolve links above it


def _copy(source: Path, place: Path) -> None:
    shutil.copyfile(source, place)


_MAKERS = {"reflink": _reflink, "hardlink": _hardlink, "symlink": _symlink, "copy": _copy}

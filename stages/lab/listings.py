"""What lies in a folder of images, by what the names of its files say; nothing is decoded."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from morphseq_manifest.cohort.manifests import stack_index
from stages.files import old_form, stacks
from stages.files.frame_folder import is_left_behind

Key = TypeVar("Key")
Frames = tuple[str, int]


class Listing(NamedTuple, Generic[Key]):
    """The files by what they are of; of the others, those of something that has a file already, empty ones, any."""

    files: dict[Key, str]
    again: list[str]
    empty: list[str]
    others: list[str]

    def told(self) -> list[str]:
        """What is to be known of them."""
        named = ((self.empty, "empty"), (self.others, "of another name"))
        return [f"{len(some):,} {word}, as {some[0]}" for some, word in named if some]


def look(
    folders: Iterable[Path],
    key_of: Callable[[str], Key | None],
    in_stack: Callable[[str, int], Key] | None = None,
) -> Listing[Key]:
    """List the files in these folders, not in those inside; `key_of` says of what a file of this name is.

    If stacks can be there, `in_stack` says of what a page is, by the stack's name and the frame's number. Raises
    OSError, and as stacks.read_tags does.
    """
    found: Listing[Key] = Listing({}, [], [], [])
    for folder in folders:
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_left_behind(entry.name) or entry.name == stack_index.NAME or entry.is_dir():
                    continue
                _add(found, entry, key_of, in_stack)
    return found


def _add(
    found: Listing[Key],
    entry: "os.DirEntry[str]",
    key_of: Callable[[str], Key | None],
    in_stack: Callable[[str, int], Key] | None,
) -> None:
    if not entry.stat().st_size:
        found.empty.append(entry.name)
        return
    if in_stack and entry.name.endswith(".tif"):
        stem = entry.name.removesuffix(".tif")
        keys = [in_stack(stem, tag.time_int) for tag, _ in stacks.read_tags(Path(entry.path))]
    else:
        key = key_of(entry.name)
        if key is None:
            found.others.append(entry.name)
            return
        keys = [key]
    for key in keys:
        if key in found.files:
            found.again.append(f"{entry.name} and {found.files[key]} are of the same")
        else:
            found.files[key] = entry.name


def masks(folder: Path) -> Listing[Frames]:
    """The label images or masks of a plate: one a frame, there or in the folder `masks`, or a stack a well."""
    return look([folder, folder / old_form.MASKS], old_form.old_key, lambda well, time_int: (well, time_int))


def snips(folder: Path) -> Listing[str]:
    """The snips of a plate by their ids: one a file, or a stack an embryo."""
    return look([folder], _snip_id, lambda embryo, time_int: f"{embryo}_t{time_int:04d}")


def _snip_id(name: str) -> str | None:
    stem, _, suffix = name.rpartition(".")
    return stem if suffix.lower() in {"png", "jpg", "jpeg"} and "_e" in stem else None

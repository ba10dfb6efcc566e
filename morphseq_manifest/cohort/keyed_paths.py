"""Paths that differ in an experiment's id alone: where what a stage reads or makes for each of them lies."""

from typing import NamedTuple


class Pattern(NamedTuple):
    """The folder, what stands before and after the id in the name that has it, and what follows in the path."""

    folder: str
    before: str = ""
    after: str = ""
    inside: str = ""

    def key(self, name: str) -> str | None:
        """The id in a name in the folder, if it is one of these."""
        end = len(name) - len(self.after)
        fits = name.startswith(self.before) and name.endswith(self.after) and end > len(self.before)
        return name[len(self.before) : end] if fits else None

    def path(self, key: str) -> str:
        """The path for an id."""
        return f"{self.folder}/{self.before}{key}{self.after}{self.inside}".removeprefix("/")


def pattern_of(path: str, key: str) -> Pattern | None:
    """The pattern of a path that has this id in it; None if it has not, or names a folder at the top by it."""
    parts = path.split("/")
    at = max((number for number, part in enumerate(parts) if key in part), default=0)
    if not at:
        return None
    before, _, after = parts[at].partition(key)
    return Pattern("/".join(parts[:at]), before, after, "".join(f"/{part}" for part in parts[at + 1 :]))

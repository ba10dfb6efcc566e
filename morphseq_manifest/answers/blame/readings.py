"""What a version of a file in git says, as values by what they are of: so quickly that hundreds can be read.

Each reading raises ContentError, ConfigError or ValueError for bytes that are not what they should be.
"""

import codecs
import csv
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from morphseq_manifest.answers.changes import flatten
from morphseq_manifest.base import plain_yaml
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.base.kinds import known
from morphseq_manifest.cohort.manifests import adopted_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from morphseq_manifest.tracker.dvc import tracked_data

Values = Mapping[Any, Any]
Reading = Callable[[bytes], Values]
_SEPARATORS = ",;\t"
# A `.dvc` file as DVC writes it, for one file or folder: most are so, and a YAML parser takes long to start.
_PLAIN_DVC = re.compile(
    r"outs:\n- md5: ((?=.*[a-df])[0-9a-f]{32}(?:\.dir)?)\n  size: \d+\n(?:  nfiles: \d+\n)?  hash: md5\n"
    rf"  path: ({plain_yaml.WORD})\n"
)
_LINE_END = re.compile("\r*\n|\r")
_STATEMENT = re.compile(r"sep=(.)\r?\n")


class _Images(msgspec.Struct):
    """What is read of an images manifest, of whatever schema."""

    frames: list[Frame]
    reading: dict[str, Any] = {}
    plate: dict[str, Any] = {}


def images(data: bytes) -> Values:
    """Of an images manifest: the hash by frame, and the plate's part by dotted name."""
    found = msgspec.json.decode(data, type=known(_Images))
    frames: dict[Any, Any] = {(frame.well, frame.time_int): frame.xxh3_128 for frame in found.frames}
    return frames | flatten({"reading": found.reading, "plate": found.plate})


def table(keys: Sequence[str], well: str | None = None) -> Reading:
    """Reading a table: the cells by column, by row, a row being known by its cells in the columns `keys`.

    If a `well` is given, of its rows alone.
    """

    def read(data: bytes) -> Values:
        text = _text(data)
        statement = _STATEMENT.match(text)
        lines = _LINE_END.split(text[statement.end() if statement else 0 :])  # which no cell of such a table holds
        separator = statement[1] if statement else max(_SEPARATORS, key="".join(lines[:1]).count)
        chosen = (line for line in lines[1:] if well is None or well in line)
        rows = csv.reader([*lines[:1], *chosen], delimiter=separator)
        names = [name.strip() for name in next(rows, [])]
        if missing := {*keys} - {*names}:
            raise ContentError(f"it has no column {min(missing)}")
        places = [names.index(name) for name in keys]
        found = ([cell.strip() for cell in cells] for cells in rows if len(cells) > max(places))
        return {tuple(_key(cells[at]) for at in places): dict(zip(names, cells, strict=False)) for cells in found}

    return read


def _text(data: bytes) -> str:
    """The text of a table, in an encoding that the stages read."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "backslashreplace")


def _key(cell: str) -> str | int:
    """A frame number as such, however a spreadsheet writes it; any other cell as it is."""
    whole, _, rest = cell.replace(",", ".").partition(".")
    return int(whole) if whole.isdecimal() and not rest.strip("0") else cell


def tracked(path: str) -> Reading:
    """Reading the `.dvc` file at a path: the md5 of what it tracks, by path."""

    def read(data: bytes) -> Values:
        if plain := _PLAIN_DVC.fullmatch(data.decode()):
            return {posixpath.join(posixpath.dirname(path), plain[2]): plain[1]}
        return {name: out.md5 for name, out in tracked_data.parse(data, path, path).outs.items()}

    return read


def content(path: str) -> Reading:
    """Reading a file as a whole: its md5, by its own path."""
    return lambda data: {path: md5_bytes(data)}


def adopted(path: str) -> Reading:
    """Reading which results were taken over: a hash of them, by stage."""

    def read(data: bytes) -> Values:
        stages = adopted_manifest.parse(data, path).stages
        return {name: hash_of(taken.outs) for name, taken in stages.items()}

    return read


def hash_of(outs: Mapping[str, str]) -> str:
    """One hash of several contents by path."""
    return hash_bytes(msgspec.json.encode(sorted(outs.items())))

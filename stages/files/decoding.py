"""The bytes of a text file as text: UTF-8, UTF-16 with its mark, or Windows-1252 if they can be nothing else."""

import codecs
import re
from pathlib import Path

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LEGACY = "cp1252"
_REMEDY = "Save it as CSV UTF-8"
# What no table holds: a sign that the bytes are something else.
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f-\x9f]")
# A character of several bytes in UTF-8. If some stand in what is not UTF-8 as a whole, it is damaged, or both.
_OF_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
# Western text has single letters with accents: so many in a row are of another alphabet.
_OTHER_ALPHABET = re.compile(r"[^\0-\x7f]{3}")


def decode(data: bytes, path: Path) -> str:
    """The text in the bytes of a file, its lines ended by `\\n`; `path` is for messages.

    Windows-1252 (Latin-1 is part of it) is told from anything else by what is likely, so a note says what was read.
    Raises ContentError if it is no text, or can't be known as one of these.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    foreign: int | None = None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ContentError(f"{path}: not {encoding.upper()}, as it begins to be. {_REMEDY}") from error
        foreign = error.start
        text = _legacy(data, foreign, path)
    if found := _CONTROL.search(text):
        row = _row(text[: found.start()])
        raise ContentError(f"{path}, row {row}: holds {found[0]!r}: not a table in text. {_REMEDY}")
    if foreign is not None:
        row, shown = _row(text[:foreign]), _around(text, foreign)
        note(f"{path}: not UTF-8; read as Windows-1252: row {row} has {shown!r}. {_REMEDY} if that is wrong")
    return _with_line_ends(text, path)


def _legacy(data: bytes, start: int, path: Path) -> str:
    """Windows-1252, of which the first byte that is not UTF-8 is at `start`."""
    row = _row(data[:start].decode(errors="replace"))
    unknown = ContentError(f"{path}, row {row}: in neither UTF-8 nor Windows-1252. {_REMEDY}")
    if _OF_UTF8.search(data) or b"\n" not in data:  # a Mac's, whose lines ended with \r, had letters of its own
        raise unknown
    try:
        text = data.decode(_LEGACY)
    except UnicodeDecodeError as error:
        raise unknown from error
    if _OTHER_ALPHABET.search(text):
        raise unknown
    return text


def _around(text: str, place: int) -> str:
    """A few letters before and after a place, of the same line."""
    return text[max(place - 10, text.rfind("\n", 0, place) + 1) : place + 10].partition("\n")[0].strip()


def _with_line_ends(text: str, path: Path) -> str:
    """The text with `\\n` for the line ends of Windows and of old Macs. Raises ContentError for a stray `\\r`."""
    if "\n" not in text:
        return text.replace("\r", "\n")
    text = re.sub("\r+\n", "\n", text)
    if "\r" in text:
        row = _row(text[: text.index("\r")])
        raise ContentError(f"{path}, row {row}: holds a line break that does not end its line. Remove it")
    return text


def _row(before: str) -> int:
    """The line, as an editor counts, on which the text after `before` stands."""
    return 1 + (before.count("\n") or before.count("\r"))

"""The parts of a workbook (.xlsx), which are XML: what is in them besides the values of cells."""

from collections.abc import Callable, Mapping
from xml.parsers import expat


class TooManyError(Exception):
    """A sheet has more cells than are read."""


def elements(xml: bytes, name: str) -> list[dict[str, str]]:
    """The attributes of each element of this name, of whatever namespace, in their order."""
    found: list[dict[str, str]] = []
    _parse(xml, {name: found.append})
    return found


def merged(xml: bytes, most: int) -> list[str]:
    """The ranges that are merged in a sheet, such as `B2:M9`.

    Raises TooManyError if there are more than `most` of them, or of cells.
    """
    left = {"c": most, "mergeCell": most}
    ranges: list[str] = []

    def count(kind: str) -> None:
        left[kind] -= 1
        if left[kind] < 0:
            raise TooManyError

    def merge(attributes: dict[str, str]) -> None:
        count("mergeCell")
        ranges.append(attributes["ref"])

    _parse(xml, {"c": lambda _: count("c"), "mergeCell": merge})
    return ranges


def _parse(xml: bytes, handlers: Mapping[str, Callable[[dict[str, str]], object]]) -> None:
    """Go through a part without keeping it; of what has entities, workbooks.read reads nothing."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        handler = handlers.get(tag.rpartition(" ")[2])
        if handler:
            handler(attributes)

    parser.StartElementHandler = start
    parser.Parse(xml, True)

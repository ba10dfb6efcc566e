"""The graph of the groups of stages laid out as a drawing: boxes in layers, an earlier one above a later one."""

from collections.abc import Mapping, Sequence

import msgspec

from morphseq_manifest.answers.graph.report import Group

WIDTH, HEIGHT = 150, 44
_GAP_X, _GAP_Y = 18, 34


class Box(msgspec.Struct, frozen=True):
    """A group, and where the upper left corner of its box is, in px."""

    group: Group
    x: float
    y: float


class Diagram(msgspec.Struct, frozen=True):
    """The boxes, the paths of the arrows between them as SVG has it, and the size of the drawing."""

    boxes: list[Box]
    arrows: list[str]
    width: float
    height: float


def layout(groups: Sequence[Group]) -> Diagram:
    """Lay out groups, an earlier one before a later one; an arrow that others imply is left out."""
    after = {group.name: group.after for group in groups}
    layers = _layers(groups)
    widest = max(map(len, layers.values()), default=0)
    width = widest * (WIDTH + _GAP_X) - _GAP_X
    boxes: dict[str, Box] = {}
    for level in sorted(layers):
        layer = sorted(layers[level], key=lambda group: _middle_of(group, boxes))
        start = (width - len(layer) * (WIDTH + _GAP_X) + _GAP_X) / 2
        for place, group in enumerate(layer):
            boxes[group.name] = Box(group, start + place * (WIDTH + _GAP_X), level * (HEIGHT + _GAP_Y))
    arrows = [_arrow(boxes[one], boxes[name]) for name in after for one in _direct(name, after)]
    return Diagram(list(boxes.values()), arrows, max(width, 0), len(layers) * (HEIGHT + _GAP_Y) - _GAP_Y)


def _layers(groups: Sequence[Group]) -> dict[int, list[Group]]:
    """The groups by layer, each right above the first one that comes after it, so that arrows are short."""
    below: dict[str, int] = {}
    for group in reversed(groups):
        own = below.setdefault(group.name, 0)
        for name in group.after:
            below[name] = max(below.get(name, 0), own + 1)
    deepest = max(below.values(), default=0)
    layers: dict[int, list[Group]] = {}
    for group in groups:
        layers.setdefault(deepest - below[group.name], []).append(group)
    return layers


def _middle_of(group: Group, boxes: Mapping[str, Box]) -> float:
    """The mean place of the boxes that a group comes after, so that arrows cross seldom."""
    places = [boxes[name].x for name in group.after if name in boxes]
    return sum(places) / len(places) if places else 0


def _direct(name: str, after: Mapping[str, list[str]]) -> list[str]:
    """The groups before one from which no longer way leads to it."""
    known = [one for one in after[name] if one in after]
    return [one for one in known if not any(one in _all_before(other, after) for other in known if other != one)]


def _all_before(name: str, after: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(after.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += after.get(one, ())
    return found


def _arrow(one: Box, other: Box) -> str:
    x, y, end_x, end_y = one.x + WIDTH / 2, one.y + HEIGHT, other.x + WIDTH / 2, other.y - 4
    bend = (end_y - y) / 2
    return f"M{x:g} {y:g}C{x:g} {y + bend:g} {end_x:g} {end_y - bend:g} {end_x:g} {end_y:g}"

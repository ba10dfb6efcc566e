"""What is wrong with a block of settings: the setting's line, the names there are, and the nearest."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc import params_file

_Place = tuple[str, ...]


def complaint(name: str, value: Any, kind: Any, text: str) -> str:
    """Why the entry `name` of the `text` of a params.yaml, with this `value`, is not of this `kind`: with its line."""
    place, wrong = next(_wrong((name,), value, kind))
    return f"{line_of(text, place)}: {wrong}"


def not_a_number(name: str, value: Any, text: str) -> str:
    """What is wrong with an entry in which some number is none, with its line; empty if all can be compared."""
    place = next(_not_numbers((name,), value), None)
    return f"{line_of(text, place)}: `{'.'.join(place)}` is not a number (.nan). Write one" if place else ""


def _not_numbers(place: _Place, value: Any) -> Iterator[_Place]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_numbers((*place, str(key)), item)
    elif isinstance(value, list):
        for item in value:
            yield from _not_numbers(place, item)
    elif isinstance(value, float) and math.isnan(value):
        yield place


def _wrong(place: _Place, value: Any, kind: Any) -> Iterator[tuple[_Place, str]]:
    """What is wrong in a value, the innermost first: where, and what to say of it."""
    if get_origin(kind) is dict and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _wrong((*place, str(key)), item, get_args(kind)[1])
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, Mapping):
        yield from _misnamed(place, value, kind)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield place, f"`{'.'.join(place)}` can't be used: {error}"


def _misnamed(place: _Place, value: Mapping[Any, Any], kind: type[msgspec.Struct]) -> Iterator[tuple[_Place, str]]:
    """The settings of a struct that it does not have, or lacks, and what is wrong in the others."""
    fields, hints, name = msgspec.structs.fields(kind), get_type_hints(kind, include_extras=True), ".".join(place)
    there = ", ".join(field.name for field in fields)
    for key in value:
        if key not in hints:
            yield (*place, str(key)), f"`{name}.{key}` is not a setting; there are {there}{suggest(str(key), hints)}"
    for field in fields:
        if field.name in value:
            yield from _wrong((*place, field.name), value[field.name], hints[field.name])
        elif field.required:
            yield place, f"`{name}` lacks `{field.name}`; there are {there}. Add it"


def line_of(text: str, place: _Place) -> str:
    """The line of a setting, as far as there is one, as it follows a file's name in a message."""
    try:
        node: Any = params_file.compose(text)
    except NotYamlError:
        return ""
    line = 0
    for part in place:
        pairs = [pair for pair in node.value if isinstance(pair, tuple)] if isinstance(node.value, list) else []
        found = next((pair for pair in pairs if pair[0].value == part), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return f", line {line}" if line else ""

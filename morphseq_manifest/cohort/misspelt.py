"""What is wrong with a block of settings: the setting's line, the names there are, and the nearest."""

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
    return f"{_line(text, place)}: {wrong}"


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
    fields, hints, name = msgspec.structs.fields(kind), get_type_hints(kind), ".".join(place)
    there = ", ".join(field.name for field in fields)
    for key in value:
        if key not in hints:
            yield (*place, str(key)), f"`{name}.{key}` is not a setting; there are {there}{suggest(str(key), hints)}"
    for field in fields:
        if field.name in value:
            yield from _wrong((*place, field.name), value[field.name], hints[field.name])
        elif field.required:
            yield place, f"`{name}` lacks `{field.name}`; there are {there}. Add it"


def _line(text: str, place: _Place) -> str:
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

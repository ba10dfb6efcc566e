"""The stages of a group: what `foreach` and `matrix` go over, and the key of each stage."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.interpolation import Template, check_plain, filled_text


class _Item(NamedTuple):
    """A value that a group goes over, and how it stands in the key of a stage."""

    value: Any
    name: str

    @property
    def is_composite(self) -> bool:
        """Whether it is a list or mapping, which has no name of its own."""
        return isinstance(self.value, Mapping | list)


def keyed(entry: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """What `item` and `key` stand for in each stage of a group, by the stage's key. Raises ConfigError."""
    found = _matrix(entry["matrix"], values, where) if "matrix" in entry else _foreach(entry["foreach"], values, where)
    return dict(found)


def _foreach(over: Any, values: Mapping[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    of_items = f"{where}, foreach"
    items = _resolved(over, values, of_items)
    is_here = not isinstance(over, str)
    if isinstance(items, Mapping):
        # DVC drops a key that is not a text, but not if it is written here.
        texts = {filled_text(key) if is_here else key: item for key, item in items.items()}
        yield from ((key, {"key": key, "item": _value(item)}) for key, item in texts.items() if isinstance(key, str))
    elif isinstance(items, list):
        listed = _listed(items, is_here)
        composite = any(item.is_composite for item in listed)
        for number, item in enumerate(listed):
            yield (str(number) if composite else item.name), {"item": item.value}
    else:
        raise ConfigError(f"{where}: foreach goes over {type(items).__name__}, expected a mapping or a list")


def _matrix(over: Any, values: Mapping[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    of_items = f"{where}, matrix"
    if not isinstance(over, Mapping) or not all(isinstance(name, str) for name in over):
        raise ConfigError(f"{of_items}: can't use {over!r}: expected a list for each name")
    check_plain(list(over), of_items)
    axes = []
    for name, written in over.items():
        items = _resolved(written, values, of_items)
        if not isinstance(items, list):
            raise ConfigError(f"{of_items}: {name} is {items!r}, expected a list")
        axes.append([*enumerate(_listed(items, not isinstance(written, str)))])
    for chosen in itertools.product(*axes):
        named = list(zip(over, chosen, strict=True))
        key = "-".join(f"{name}{number}" if item.is_composite else item.name for name, (number, item) in named)
        yield key, {"key": key, "item": {name: item.value for name, (_, item) in named}}


class _Taken(NamedTuple):
    """A value that stands for a place, as against one that is written in dvc.yaml."""

    value: Any


def _resolved(written: Any, values: Mapping[str, Any], where: str) -> Any:
    """With the places filled in that stand by themselves, for lists and mappings too; those in texts as texts."""
    if isinstance(written, str):
        return Template(written, where).value(values)
    if isinstance(written, Mapping):
        check_plain(list(written), where)
        return {key: _taken(item, values, where) for key, item in written.items()}
    return [_taken(item, values, where) for item in written] if isinstance(written, list) else written


def _taken(written: Any, values: Mapping[str, Any], where: str) -> Any:
    resolved = _resolved(written, values, where)
    is_taken = isinstance(written, str) and Template(written, where).is_one_value
    return _Taken(resolved) if is_taken else resolved


def _listed(items: list[Any], is_here: bool) -> list[_Item]:
    """The items with their names: as DVC has it, true is `true` if it is written here, and `True` elsewhere."""
    plain = [(_value(item), is_here and not isinstance(item, _Taken)) for item in items]
    return [_Item(value, filled_text(value) if here else str(value)) for value, here in plain]


def _value(item: Any) -> Any:
    """What an item stands for, with what was taken in it."""
    if isinstance(item, _Taken):
        return item.value
    if isinstance(item, Mapping):
        return {key: _value(inner) for key, inner in item.items()}
    return [_value(inner) for inner in item] if isinstance(item, list) else item

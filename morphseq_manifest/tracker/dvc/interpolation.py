"""`${...}` in dvc.yaml, filled in as DVC fills it in."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from morphseq_manifest.base.errors import ConfigError

_EXPRESSION = re.compile(r"(?<!\\)\$\{(.*?)\}")
_NAME = re.compile(r"[^.\[\]{}]+(?:\.[^.\[\]{}]+|\[[^.\[\]{}]+\])*")


class NoValueError(ConfigError):
    """A place names something that no file of settings has."""


class Template:
    """A text with places to fill in; it is taken apart once, and filled in for every experiment.

    `where` is for messages. Raises ConfigError for a place that names nothing.
    """

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        # Text and expressions in turn, beginning with a text.
        self._parts = _EXPRESSION.split(text)
        for expression in self._parts[1::2]:
            if not _NAME.fullmatch(expression):
                raise ConfigError(f"{where}: can't use ${{{expression}}}: expected names joined by dots")
        self.is_one_value = len(self._parts) == 3 and not self._parts[0] and not self._parts[2]

    def value(self, values: Mapping[str, Any]) -> Any:
        """What the place stands for, where the text is one place; else the text filled in."""
        return select(values, self._parts[1], self.where) if self.is_one_value else self.text(values)

    def text(self, values: Mapping[str, Any]) -> str:
        """The text with its places filled in. Raises ConfigError if it is one place that stands for no text."""
        if len(self._parts) == 1:
            return self._parts[0].replace(r"\${", "${")
        if self.is_one_value and not isinstance(select(values, self._parts[1], self.where), str):
            raise ConfigError(f"{self.where}: ${{{self._parts[1]}}} is not a text, and DVC makes none of it. Quote it")
        filled = [
            _text(select(values, part, self.where), part, self.where) if number % 2 else part
            for number, part in enumerate(self._parts)
        ]
        return "".join(filled).replace(r"\${", "${")

    def command(self, values: Mapping[str, Any], style: Mapping[str, str] | None = None) -> str:
        """As `text`; a mapping stands for options, `--name value` for each of its entries, as DVC makes them.

        By the `style`, as DVC's config has it under `parsing`: `bool`, `list`.
        """
        if self.is_one_value:
            return self.text(values)
        filled = [
            _command_text(select(values, part, self.where), part, self.where, style or {}) if number % 2 else part
            for number, part in enumerate(self._parts)
        ]
        return "".join(filled).replace(r"\${", "${")


def fill_in(value: Any, values: Mapping[str, Any], where: str) -> Any:
    """A text with its places filled in; so all texts in a list or mapping. Raises as Template does."""
    if isinstance(value, Mapping):
        check_plain(list(value), where)
        return {key: fill_in(item, values, where) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, values, where) for item in value]
    filled = Template(value, where).value(values) if isinstance(value, str) else value
    if isinstance(filled, Mapping | list):
        raise ConfigError(f"{where}: {value} is a {type(filled).__name__}, expected one text or number")
    return filled


def check_plain(value: Any, where: str) -> None:
    """Raise ConfigError if a text, or one in a list or mapping, has a place to be filled in."""
    if isinstance(value, Mapping):
        check_plain([*value, *value.values()], where)
    elif isinstance(value, list):
        for item in value:
            check_plain(item, where)
    elif isinstance(value, str) and _EXPRESSION.search(value):
        raise ConfigError(f"{where}: {value!r}: DVC fills in nothing here. Write what it stands for")


def select(values: Mapping[str, Any], name: str, where: str) -> Any:
    """The value that a name such as `paths.ff` or `models[0]` stands for. Raises ConfigError if there is none."""
    found: Any = values
    for part in name.replace("[", ".").replace("]", "").split("."):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part.strip()]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise NoValueError(f"{where}: ${{{name}}} is not to be found in `vars` or params.yaml") from error
    return found


def filled_text(value: Any) -> str:
    """How a value stands in a text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _command_text(value: Any, name: str, where: str, style: Mapping[str, str]) -> str:
    return " ".join(_options("", value, where, style)) if isinstance(value, Mapping) else _text(value, name, where)


def _options(name: str, value: Any, where: str, style: Mapping[str, str]) -> Iterator[str]:
    """The words of a command that stand for a value: flags for true, nothing for false, a list after its name."""
    if isinstance(value, Mapping):
        # DVC drops a key that is not a text.
        for key, item in ((key, item) for key, item in value.items() if isinstance(key, str)):
            yield from _options(f"{name}.{key}" if name else f"--{key}", item, where, style)
    elif isinstance(value, bool):
        if value:
            yield name
        elif style.get("bool") == "boolean_optional":
            yield f"--no-{name.removeprefix('--')}"
    elif isinstance(value, list):
        if any(isinstance(item, Mapping | list) for item in value):
            raise ConfigError(f"{where}: a list within a list can't be made into options ({name})")
        for number, item in enumerate(value):
            yield from [name, _word(item)] if number == 0 or style.get("list") == "append" else [_word(item)]
    else:
        yield from [name, _word(value)]


def _word(value: Any) -> str:
    return shlex.quote(value) if isinstance(value, str) else str(value)


def _text(value: Any, name: str, where: str) -> str:
    if value is None or isinstance(value, str | int | float):
        return filled_text(value)
    raise ConfigError(f"{where}: ${{{name}}} is a {type(value).__name__}, expected one text or number")

"""Reading the versions of params.yaml, of which there may be hundreds, most of them alike."""

import re
from collections.abc import Mapping
from typing import Any

from morphseq_manifest.answers.changes import flatten
from morphseq_manifest.base import plain_yaml, yaml_text
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.yaml_text import NotYamlError

_EXPERIMENTS = "experiments:"
# The end of a line before one with which a top-level entry begins.
_BLOCK = re.compile(r"\n(?=[^\s#])")
_FIRST_ENTRY = re.compile(r"^( +)[^\s#]", re.MULTILINE)


class SettingsOf:
    """Reading params.yaml: the settings by dotted name, and of the experiments what is said of one.

    That is by the words in which a command has it. Only a block that no version before had in the same words is parsed.
    """

    def __init__(self, experiment: str) -> None:
        self._experiment = experiment
        self._known: dict[str, Mapping[str, Any]] = {}

    def __call__(self, data: bytes) -> Mapping[str, Any]:
        """The settings in these bytes. Raises ContentError if they are not YAML, ValueError if they are no text."""
        text = data.decode()
        try:
            found: dict[str, Any] = {}
            for block in _BLOCK.split(f"\n{text}")[1:]:
                if block not in self._known:
                    self._known[block] = self._parsed(self._own(block) if block.startswith(_EXPERIMENTS) else block)
                found |= self._known[block]
            return found
        except NotYamlError:  # blocks that refer to each other, or are written in another way
            return self._whole(text)

    def _whole(self, text: str) -> Mapping[str, Any]:
        try:
            return self._parsed(text)
        except NotYamlError as error:
            raise ContentError(str(error)) from error

    def _own(self, block: str) -> str:
        """The block of all experiments with nothing but the one in it."""
        head, _, entries = block.partition("\n")
        first = _FIRST_ENTRY.search(entries)
        if head.partition("#")[0].strip() != _EXPERIMENTS or not first:
            return block
        title = rf"^{first[1]}([\"']?){re.escape(self._experiment)}\1:.*\n"
        own = re.compile(rf"{title}(?:{first[1]} .*\n|[ \t]*(?:#.*)?\n)*", re.MULTILINE)
        matches = [match[0] for match in own.finditer(f"{entries}\n")]
        return f"{head}\n{matches[0]}" if len(matches) == 1 else head

    def _parsed(self, text: str) -> Mapping[str, Any]:
        values = plain_yaml.load(text) or yaml_text.load(text)
        if not isinstance(values, dict):
            raise NotYamlError("expected a mapping of settings")
        listed = values.pop("experiments", None)
        own = listed.get(self._experiment) if isinstance(listed, dict) else None
        said = own.items() if isinstance(own, dict) else ()
        return flatten(values) | {said_of(self._experiment, name): words(value) for name, value in said}


def said_of(experiment: str, name: str) -> str:
    """The dotted name of what params.yaml says of an experiment."""
    return f"experiments.{experiment}.{name}"


def words(value: Any) -> str | None:
    """A setting as the words of a command, as which it is recorded; None if there is none."""
    return " ".join(map(str, value)) if isinstance(value, list) else None if value is None else str(value)

"""params.yaml, read strictly.

DVC drops a key that YAML reads as a number without a word (`20240418:`, and `20250305_1:`, which is the number
202503051), so the mapping of experiments is checked here wherever it is read.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.cohort.ids import check_experiment

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node

PARAMS = Path("params.yaml")
# The kinds of values that DVC takes.
_KINDS = {"str", "int", "float", "bool", "null", "map", "seq"}
Settings = TypeVar("Settings", bound=msgspec.Struct)


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What params.yaml says of one experiment: the name of its segmenter's model folder."""

    segmenter: str


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, if any is near."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f". Did you mean {near[0]!r}?" if near else ""


class Params:
    """The settings in force: the experiments in id order, and a block a stage, typed when asked for."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path = path
        self.values = values
        listed: dict[str, Experiment] = self.value("experiments", dict[str, Experiment])
        self.experiments = {name: listed[name] for name in sorted(listed)}

    def block(self, name: str, kind: type[Settings]) -> Settings:
        """The block `name` as the settings struct `kind`. Raises ConfigError naming the setting that is wrong."""
        settings: Settings = self.value(name, kind)
        return settings

    def value(self, name: str, kind: Any) -> Any:
        """One top-level entry, converted. Raises ConfigError where it is missing or of another type."""
        if name not in self.values:
            raise ConfigError(f"{self.path}: `{name}` is missing")
        try:
            return msgspec.convert(self.values[name], kind)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.path}: `{name}` can't be used: {error}") from error

    def experiment(self, name: str) -> Experiment:
        """What is said of one experiment. Raises ConfigError where it is not listed."""
        if name not in self.experiments:
            raise ConfigError(
                f"{self.path}: experiment {name!r} is not listed under `experiments`{suggest(name, self.experiments)}"
            )
        return self.experiments[name]


def read(root: Path = Path()) -> Params:
    """Read `root`/params.yaml.

    Raises UnreadableError where it can't be read, ConfigError for what is no YAML, a key given twice, an
    experiment id that is not a quoted string or can't be an id, and a date or another kind of value that DVC refuses.
    """
    path = root / PARAMS
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). Run this in the project's folder") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8") from error
    return parse(text, path)


def parse(text: str, path: Path = PARAMS) -> Params:
    """Read the text of a params.yaml; `path` is for messages. Raises as `read` does."""
    return Params(path, parse_values(text, path))


def parse_values(text: str, path: Path = PARAMS) -> dict[str, Any]:
    """The settings in the text of a params.yaml as they stand. Raises as `read` does, but for wrong types."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.nodes import MappingNode

    try:
        node = YAML(typ="safe").compose(text)
        if not isinstance(node, MappingNode):
            raise ConfigError(f"{path}: expected a mapping of settings")
        _check(node, path)
        values: dict[str, Any] = YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{where}: no valid YAML: {error.problem}") from error
    return values


def _check(node: "Node", path: Path) -> None:
    """Refuse what DVC stops at, dates and the like, keys given twice, and ids that YAML does not read as strings."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    kind = str(node.tag).rsplit(":", 1)[-1]
    if kind not in _KINDS:
        where = f"{path}, line {node.start_mark.line + 1}"
        raise ConfigError(f"{where}: a value is read as {kind}, which DVC can't use. Put it in quotes")
    if isinstance(node, SequenceNode):
        for value in node.value:
            _check(value, path)
    elif isinstance(node, MappingNode):
        _check_keys(node, path)


def _check_keys(node: "MappingNode", path: Path) -> None:
    from ruamel.yaml.nodes import MappingNode

    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in lines:
            raise ConfigError(f"{path}, line {line}: {key.value!r} is given twice, first in line {lines[key.value]}")
        lines[key.value] = line
        if key.value == "experiments" and isinstance(value, MappingNode):
            for name, _ in value.value:
                _check_id(name, path)
        _check(value, path)


def _check_id(key: "Node", path: Path) -> None:
    from ruamel.yaml.nodes import ScalarNode

    where = f"{path}, line {key.start_mark.line + 1}"
    if not isinstance(key, ScalarNode) or key.tag != "tag:yaml.org,2002:str":
        kind = str(key.tag).rsplit(":", 1)[-1]
        raise ConfigError(
            f"{where}: experiment id {key.value} is read as {kind}, not as a string, and DVC would drop it without "
            f'a word. Put it in quotes: "{key.value}":'
        )
    check_experiment(key.value, where)

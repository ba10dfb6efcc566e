"""Files of settings as DVC reads them: in params.yaml it stops at dates, and nothing may stand twice.

Other files are YAML too, or JSON, TOML or Python by their suffix: of Python, what is assigned, read without running it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.yaml_text import NotYamlError

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node

PARAMS = Path("params.yaml")
# The kinds of values that DVC takes.
_KINDS = {"str", "int", "float", "bool", "null", "map", "seq"}


def read(root: Path = Path()) -> dict[str, Any]:
    """The settings in `root`/params.yaml; none if there is no such file. Raises UnreadableError, and as `parse`."""
    path = root / PARAMS
    if not path.exists():
        return {}
    return parse(files.read_text(path, "Restore its permissions", "Save it as UTF-8"), path)


def parse(text: str, path: Path = PARAMS) -> dict[str, Any]:
    """The settings in the text of a params.yaml, which may be empty; `path` is for messages.

    Raises ConfigError for what is not YAML, a key given twice, and a date or another kind of value that DVC refuses.
    """
    try:
        node = yaml_text.compose(text)
        if node is None:
            return {}
        _check(_mapping(node, path), path)
        values: dict[str, Any] = yaml_text.load(text, is_counted=True)
    except NotYamlError as error:
        raise ConfigError(f"{path}{error.where}: not valid YAML: {error}") from error
    return values


def compose(text: str, path: Path = PARAMS) -> "MappingNode":
    """The same as YAML nodes, which know their lines. Raises ConfigError if it is not a mapping, and NotYamlError."""
    return _mapping(yaml_text.compose(text), path)


def _mapping(node: "Node | None", path: Path) -> "MappingNode":
    from ruamel.yaml.nodes import MappingNode

    if not isinstance(node, MappingNode):
        raise ConfigError(f"{path}: expected a mapping of settings")
    return node


def parse_any(text: str, path: Path) -> dict[str, Any]:
    """The settings in the text of a file of any kind. Raises ConfigError as `parse` does."""
    kinds = {".json": _json, ".toml": _toml, ".py": _python}
    read = kinds.get(path.suffix.lower())
    if read is None:
        return parse(text, path)
    try:
        values = read(text, path)
    except (ValueError, RecursionError, SyntaxError) as error:
        raise ConfigError(f"{path}: can't be read: {' '.join(str(error).split())}. Correct it") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings")
    return values


def _json(text: str, path: Path) -> Any:
    import json

    return json.loads(text)


def _toml(text: str, path: Path) -> Any:
    import tomllib

    return tomllib.loads(text)


def _python(text: str, path: Path) -> Any:
    from dvc.utils.serialize import ParseError, parse_py

    try:
        return parse_py(text, str(path))
    except ParseError as error:
        raise ValueError(str(error)) from error


def find(values: Mapping[Any, Any], name: str) -> tuple[bool, Any]:
    """Whether there is a setting of this dotted name, in which a number is a place in a list; and its value."""
    found: Any = values
    for part in name.split("."):
        if isinstance(found, list | tuple) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, Mapping) and part.isdecimal() and int(part) in found:
            found = found[int(part)]
        else:
            return False, None
    return True, found


def _check(node: "Node", path: Path) -> None:
    """Refuse what DVC stops at, dates and the like, and keys given twice."""
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
    from ruamel.yaml.nodes import ScalarNode

    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise ConfigError(f"{path}, line {line}: a name is a list or a mapping. Put it in quotes")
        if key.value in lines:
            raise ConfigError(
                f"{path}, line {line}: {key.value!r} is given twice, first in line {lines[key.value]}. Keep one of "
                "them: a merge that was settled by hand may have left both"
            )
        lines[key.value] = line
        _check(value, path)

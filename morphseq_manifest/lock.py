"""dvc.lock, read fast: what every stage last ran with and made.

DVC writes this file in one plain form, a few hundred bytes a stage, and a YAML parser takes seconds for a large one.
So it is read line by line, stage by stage; a stage with anything out of the plain form is given to the YAML parser.
A test holds both ways against each other.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.errors import ContentError, UnreadableError

LOCK = Path("dvc.lock")
_SCHEMA = "2.0"


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dependency or output as recorded: md5 (ending in `.dir` for a folder), bytes, and files if it is a folder.

    `isexec`: whether the file may be executed.
    """

    md5: str
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False


class StageLock(msgspec.Struct, frozen=True, array_like=True):
    """One stage: its command, and its dependencies and outputs by path; `params` are read when asked for."""

    cmd: Any
    deps: dict[str, Recorded]
    outs: dict[str, Recorded]
    params_text: str

    def params(self) -> dict[str, dict[str, Any]]:
        """The settings it ran with, by file and dotted name."""
        return parse_settings(self.params_text)


Lock = dict[str, StageLock]


def parse_settings(text: str, name: str = str(LOCK)) -> dict[str, dict[str, Any]]:
    """The settings in a `params_text`, by file and dotted name. Raises ContentError where they are damaged."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return msgspec.convert(YAML(typ="safe").load(text) or {}, dict[str, dict[str, Any]])
    except (YAMLError, msgspec.ValidationError) as error:
        raise ContentError(f"{name}: damaged: {' '.join(str(error).split())}. {_REMEDY}") from error


def read(root: Path = Path()) -> Lock:
    """Read `root`/dvc.lock; empty where nothing has run yet. Raises as `parse` does, and UnreadableError."""
    path = root / LOCK
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). Restore its permissions") from error
    except UnicodeDecodeError as error:
        raise ContentError(f"{path}: not UTF-8 at byte {error.start}. {_REMEDY}") from error
    return parse(text, str(path))


_REMEDY = "Restore it: `git checkout dvc.lock`"
_STAGE = re.compile(r"^  (?=\S)", re.MULTILINE)


def parse(text: str, name: str) -> Lock:
    """Read the text of a dvc.lock; `name` is for messages. Raises ContentError where it is cut or damaged."""
    if not text.strip():
        raise ContentError(f"{name}: empty. {_REMEDY}, or delete it if nothing has run yet")
    head, *blocks = _STAGE.split(text)
    if head not in {"schema: '2.0'\nstages:\n", "schema: '2.0'\n"} or (text and not text.endswith("\n")):
        return _parse_yaml(text, name)
    lock = {}
    for block in blocks:
        title, _, body = block.partition("\n")
        try:
            lock[_scalar(title.removesuffix(":"))] = _parse_plain(body)
        except _NotPlainError:
            lock.update(_parse_yaml(f"schema: '{_SCHEMA}'\nstages:\n  {block}", name))
    return lock


class _NotPlainError(Exception):
    """A line that is not in DVC's plain form."""


def _parse_plain(body: str) -> StageLock:
    """One stage's lines in DVC's plain form, four spaces in. Raises _NotPlainError for anything else."""
    found: dict[str, Any] = {"cmd": "", "deps": {}, "outs": {}, "params": []}
    section, path = "", ""
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("    - path:") and section in {"deps", "outs"}:
            path = _scalar(line[11:].strip() or next(lines, "").strip())
            found[section][path] = {}
        elif line.startswith("      ") and section == "cmd":
            found["cmd"] += " " + line.strip()
        elif line.startswith("      ") and section == "params":
            found["params"].append(line[6:])
        elif line.startswith("      ") and path and line[6] != " ":
            key, _, value = line[6:].partition(": ")
            found[section][path][key] = value
        elif line.startswith("    ") and line[4] not in " -":
            section, _, value = line[4:].partition(":")
            path = ""
            if section == "cmd":
                found["cmd"] = value.strip()
            elif section not in {"deps", "outs", "params"} or value:
                raise _NotPlainError
        else:
            raise _NotPlainError
    deps, outs = ({p: _recorded(entry) for p, entry in found[part].items()} for part in ("deps", "outs"))
    return StageLock(_scalar(found["cmd"]), deps, outs, "\n".join(found["params"]))


def _recorded(entry: dict[str, str]) -> Recorded:
    if entry.keys() - _RECORDED or "md5" not in entry or entry.get("hash") != "md5":
        raise _NotPlainError
    numbers = [entry.get(key) for key in ("size", "nfiles")]
    if not all(number is None or number.isdigit() for number in numbers):
        raise _NotPlainError
    if not _HASH.fullmatch(entry["md5"]) or entry.get("isexec", "true") != "true":
        raise _NotPlainError
    size, nfiles = (None if number is None else int(number) for number in numbers)
    return Recorded(entry["md5"].strip("'"), size, nfiles, "isexec" in entry)


_RECORDED = {"path", "hash", "md5", "size", "nfiles", "isexec"}
# Unquoted, a hash of only digits and an `e` would be a number to YAML.
_HASH = re.compile(r"(?=.*[a-df])[0-9a-f]{32}(\.dir)?|'[0-9a-f]{32}(\.dir)?'")
_NUMBER_LIKE = re.compile(r"[-+.\d][\w.:+ -]*|[yYnNtTfFoO]\w{0,4}|~|null|Null|NULL")


def _scalar(text: str) -> str:
    """A YAML scalar that is plainly a string. Raises _NotPlainError where it might be anything else."""
    if len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
        return text[1:-1]
    odd = not text or not (text[0].isalnum() or text[0] in "_./") or ": " in text or " #" in text or text[-1] == ":"
    if odd or _NUMBER_LIKE.fullmatch(text):
        raise _NotPlainError
    return text


def _parse_yaml(text: str, name: str) -> Lock:
    """Read a lock, or a part of one, by the YAML parser. Raises ContentError where it is no lock."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe").load(text)
        if values["schema"] != _SCHEMA:
            raise ContentError(f"{name}: its schema is {values['schema']!r}, expected {_SCHEMA!r}")
        return {stage: _from_yaml(entry) for stage, entry in (values.get("stages") or {}).items()}
    except (YAMLError, KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ContentError(f"{name}: cut short or damaged: {reason}. {_REMEDY}") from error


def _from_yaml(entry: dict[str, Any]) -> StageLock:
    if extra := entry.keys() - {"cmd", "deps", "outs", "params"}:
        raise TypeError(f"a stage has no `{min(extra)}`")
    deps, outs = (
        {item["path"]: _recorded_from_yaml(item) for item in part}
        for part in (entry.get("deps") or [], entry.get("outs") or [])
    )
    params = msgspec.json.encode(entry.get("params") or {}).decode()
    return StageLock(msgspec.convert(entry["cmd"], str | list[Any]), deps, outs, params)


def _recorded_from_yaml(item: dict[str, Any]) -> Recorded:
    if (extra := item.keys() - _RECORDED) or item.get("hash") != "md5":
        raise TypeError(f"{item['path']}: {min(extra) if extra else 'its hash'} is not what DVC 3 writes")
    if empty := [name for name, value in item.items() if value is None]:
        raise TypeError(f"{item['path']}: {empty[0]} is empty")
    values = [item.get("md5"), item.get("size"), item.get("nfiles"), item.get("isexec", False)]
    return msgspec.convert(values, Recorded)

"""dvc.lock, read fast: what every stage last ran with and made.

DVC writes this file in one plain form, a few hundred bytes a stage, and a YAML parser takes seconds for a large one.
So it is read line by line, stage by stage; a stage with anything out of the plain form is given to the YAML parser.
A test holds both ways against each other.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc.recorded import ENTRY, Recorded, parts

LOCK = Path("dvc.lock")
_SCHEMA = "2.0"


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
    """The settings in a `params_text`, by file and dotted name. Raises ContentError if they are damaged."""
    if text in {"", "{}"}:
        return {}
    try:
        return msgspec.convert(yaml_text.load(text) or {}, dict[str, dict[str, Any]])
    except (NotYamlError, ValueError) as error:
        raise ContentError(f"{name}: damaged: {' '.join(str(error).split())}. {_REMEDY}") from error


def read(root: Path = Path()) -> Lock:
    """Read `root`/dvc.lock; empty if nothing has run yet. Raises as `parse` does, and UnreadableError."""
    path = root / LOCK
    try:
        text = read_small(path).decode()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise files.unreadable(path, error, "Restore its permissions") from error
    except UnicodeDecodeError as error:
        raise ContentError(f"{path}: not UTF-8 at byte {error.start}. {_REMEDY}") from error
    return parse(text, str(path))


_REMEDY = "Restore it: `git checkout dvc.lock`"
_HEAD = f"schema: '{_SCHEMA}'\nstages:\n"
_STAGE = re.compile(r"\n  (?=\S)")  # ten times as fast as one that asks of each line what it begins with
# A line that is no part of the stage before it.
_OUTSIDE = re.compile(r"^(?!    |\n|\Z)", re.MULTILINE)
# What YAML refuses, or takes for the end of a line.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def parse(text: str, name: str, wanted: Callable[[str], bool] = lambda _: True) -> Lock:
    """Read the text of a dvc.lock, or the stages `wanted` in it; `name` is for messages.

    Raises ContentError if it is cut or damaged, as far as it is read.
    """
    if not text.strip():
        raise ContentError(f"{name}: empty. {_REMEDY}, or delete it if nothing has run yet")
    head, *blocks = _STAGE.split(text)
    if f"{head}\n" != _HEAD or not blocks or not text.endswith("\n"):
        return _chosen(_parse_yaml(text, name), wanted)
    try:
        return _parse_blocks(blocks, name, wanted)
    except _NotPlainError:
        return _chosen(_parse_yaml(text, name), wanted)


def parse_stage(text: str, name: str, stage: str) -> StageLock | None:
    """One stage in the text of a dvc.lock; None if it is not in it. Raises as `parse` of this stage alone does."""
    before, title, after = text.partition(f"\n  {stage}:\n")
    if title and before.startswith(_HEAD[:-1]) and text.endswith("\n") and title not in after:
        block = _STAGE.split(f"{title[3:]}{after}", 1)[0]
        with suppress(_NotPlainError):
            return _parse_blocks([block], name, lambda one: one == stage)[stage]
    return parse(text, name, lambda one: one == stage).get(stage)


def _chosen(lock: Lock, wanted: Callable[[str], bool]) -> Lock:
    return {stage: entry for stage, entry in lock.items() if wanted(stage)}


class _NotPlainError(Exception):
    """A line that is not in DVC's plain form."""


def _parse_blocks(blocks: list[str], name: str, wanted: Callable[[str], bool]) -> Lock:
    """The stages wanted, each a title and its lines. Raises _NotPlainError if the lines do not tell them apart."""
    lock: Lock = {}
    for block in blocks:
        title, _, body = block.partition("\n")
        stage = _scalar(title.removesuffix(":"))
        if not title.endswith(":") or stage in lock:
            raise _NotPlainError
        if not wanted(stage):
            continue
        if _CONTROL.search(block):
            raise _NotPlainError
        try:
            lock[stage] = _parse_plain(body)
        except _NotPlainError:
            if _OUTSIDE.search(body):
                raise
            lock |= _parse_yaml(f"{_HEAD}  {block}\n", name)
    return lock


def _parse_plain(body: str) -> StageLock:
    """One stage's lines in DVC's plain form, four spaces in. Raises _NotPlainError for anything else."""
    found: dict[str, Any] = {}
    section, path = "", ""
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("    - path:") and section in {"deps", "outs"}:
            rest = line[11:]
            path = _scalar(rest.strip() or _continued(next(lines, "")))
            if rest[:1].strip() or path in found[section]:
                raise _NotPlainError
            found[section][path] = {}
        elif line.startswith("      ") and section == "cmd" and line.strip():
            found["cmd"] += " " + line.strip()
        elif line.startswith("      ") and section == "params":
            found["params"].append(line[6:])
        elif line.startswith("      ") and path and line[6:7] != " ":
            key, _, value = line[6:].partition(": ")
            if key in found[section][path]:
                raise _NotPlainError
            found[section][path][key] = value
        elif line.startswith("    ") and line[4:5] not in {"", " ", "-"}:
            section, colon, value = line[4:].partition(":")
            path = ""
            is_cmd = section == "cmd"
            if section not in _EMPTY or section in found or not colon or (value[:1].strip() if is_cmd else value):
                raise _NotPlainError
            found[section] = value.strip() if is_cmd else _EMPTY[section].copy()
        else:
            raise _NotPlainError
    # A part without an entry is none that DVC writes.
    if not all(found.values()) or "cmd" not in found:
        raise _NotPlainError
    deps, outs = ({p: _recorded(entry) for p, entry in found.get(part, {}).items()} for part in ("deps", "outs"))
    return StageLock(_scalar(found["cmd"]), deps, outs, "\n".join(found.get("params", [])))


_EMPTY: dict[str, Any] = {"cmd": "", "deps": {}, "outs": {}, "params": []}


def _continued(line: str) -> str:
    """What stands in the line after a key, deeper than that. Raises _NotPlainError if it does not."""
    if not line.startswith("        "):
        raise _NotPlainError
    return line.strip()


def _recorded(entry: dict[str, str]) -> Recorded:
    if entry.keys() - ENTRY or "md5" not in entry or entry.get("hash", "md5") != "md5":
        raise _NotPlainError
    numbers = [entry.get(key) for key in ("size", "nfiles")]
    if not all(number is None or _NUMBER.fullmatch(number) for number in numbers):
        raise _NotPlainError
    if not _HASH.fullmatch(entry["md5"]) or entry.get("isexec", "true") != "true":
        raise _NotPlainError
    size, nfiles = (None if number is None else int(number) for number in numbers)
    return Recorded(entry["md5"].strip("'"), size, nfiles, "isexec" in entry, "hash" not in entry)


_NUMBER = re.compile(r"0|[1-9][0-9]*")
# Unquoted, a hash of only digits and an `e` would be a number to YAML.
_HASH = re.compile(r"(?=.*[a-df])[0-9a-f]{32}(\.dir)?|'[0-9a-f]{32}(\.dir)?'")
_NUMBER_LIKE = re.compile(r"[-+.\d][\w.:+ -]*|[yYnNtTfFoO]\w{0,4}|~|null|Null|NULL")


def _scalar(text: str) -> str:
    """A YAML scalar that is plainly a string. Raises _NotPlainError if it might be anything else."""
    if len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
        return text[1:-1]
    odd = not text or not (text[0].isalnum() or text[0] in "_./") or ": " in text or " #" in text or text[-1] == ":"
    if odd or _NUMBER_LIKE.fullmatch(text):
        raise _NotPlainError
    return text


def _parse_yaml(text: str, name: str) -> Lock:
    """Read a lock, or a part of one, by the YAML parser. Raises ContentError if it is no lock."""
    try:
        values = yaml_text.load(text)
        if extra := values.keys() - {"schema", "stages"}:
            raise TypeError(f"a lock has no `{min(extra, key=str)}`")
        if values["schema"] != _SCHEMA:
            raise ContentError(f"{name}: its schema is {values['schema']!r}, expected {_SCHEMA!r}")
        return {msgspec.convert(stage, str): _from_yaml(entry) for stage, entry in values.get("stages", {}).items()}
    except (NotYamlError, KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise ContentError(f"{name}: cut short or damaged: {reason}. {_REMEDY}") from error


def _from_yaml(entry: dict[str, Any]) -> StageLock:
    if extra := entry.keys() - {"cmd", "deps", "outs", "params"}:
        raise TypeError(f"a stage has no `{min(extra, key=str)}`")
    deps, outs = (dict(parts(entry.get(part, []))) for part in ("deps", "outs"))
    params = msgspec.convert(entry.get("params", {}), dict[str, dict[str, Any]])
    return StageLock(msgspec.convert(entry["cmd"], str | list[Any]), deps, outs, _settings_text(params))


def _settings_text(params: dict[str, dict[str, Any]]) -> str:
    """Settings as a text that parse_settings reads back; JSON is YAML, but has no infinity and no large numbers."""
    try:
        text = msgspec.json.encode(params).decode()
        if msgspec.json.decode(text) == params:
            return text
    except (msgspec.MsgspecError, OverflowError):
        pass
    out = StringIO()
    yaml_text.new("safe").dump(params, out)
    return out.getvalue()

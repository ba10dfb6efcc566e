"""What a row depends on at one moment, stage by stage: frames, rows of tables, settings, versions, models."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from morphseq_manifest.answers.blame.history import Pick
from morphseq_manifest.answers.blame.inputs import FRAME_KEY, ORDER, Inputs
from morphseq_manifest.answers.blame.readings import Values
from morphseq_manifest.answers.blame.row_id import RowId
from morphseq_manifest.answers.blame.settings_reading import said_of, words
from morphseq_manifest.answers.changes import flatten
from morphseq_manifest.base import plain_yaml
from morphseq_manifest.tracker.dvc.lock_reading import StageLock, parse_settings
from morphseq_manifest.tracker.dvc.params_file import PARAMS

ADOPTED = "adopted"
_MODEL_OPTION, _MODEL_NAME = "model", "model_name"
_Row = tuple[Any, ...]


class Fact(NamedTuple):
    """One thing that stages depend on: what kind of thing, which one, its value, and where in which file it stands.

    What is of many rows has a part for each, and as its value a mapping by the parts' names.
    """

    stages: tuple[str, ...]
    kind: str
    name: str
    value: Any
    path: str
    pick: Pick
    parts: Mapping[str, Pick] = {}


# What a file of this path and md5 says; nothing if it can't be had.
Known = Callable[[str, str], Values]


def of(inputs: Inputs, row: RowId, adopted: Mapping[str, str], settings: Values, known: Known) -> list[Fact]:
    """All that a row depends on; `adopted` has a hash of the results that were taken over, by stage.

    `settings` are those in params.yaml: one that is new there, and has not been used yet, is told as None.
    """
    facts = [fact for stage in inputs.stages for fact in _of_stage(inputs, stage, adopted, settings)]
    listed = known(*inputs.images) if inputs.images else {}
    frames = [key for key in listed if isinstance(key, tuple)]
    own = [key for key in frames if row.well in {None, key[0]} and row.time_int in {None, key[1]}]
    others = [key for key in frames if key[0] == row.well and key not in own]
    if inputs.images:
        facts += _of_frames(inputs.images[0], listed, own, others)
    by_file: dict[tuple[str, str], list[str]] = {}
    for stage, path, md5 in inputs.files():
        if stage not in adopted:
            by_file.setdefault((path, md5), []).append(stage)
    for (path, md5), stages in by_file.items():
        if path == inputs.plate:
            cells = known(path, md5)
            facts += _of_rows(tuple(stages), "plate row", path, cells, own, others, row.time_int is not None)
        elif path == inputs.well_table:
            cells, wells = known(path, md5), list(dict.fromkeys((well,) for well, _ in own))
            facts += _of_rows(tuple(stages), "well row", path, cells, wells, [], row.well is not None)
        else:
            kind = "model" if inputs.own.intersection(stages) else "file"
            facts.append(Fact(tuple(stages), kind, path, md5, path, _get(path)))
    return _merged(facts)


def _of_stage(inputs: Inputs, stage: str, adopted: Mapping[str, str], settings: Values) -> Iterator[Fact]:
    """The settings and the version of a stage, or that its results were taken over."""
    if stage in adopted:
        yield Fact((stage,), ADOPTED, stage, adopted[stage], inputs.adopted, _get(stage))
        return
    entry, params = inputs.stages[stage], str(PARAMS)
    recorded = _settings(entry)
    for name, value in _with_new(recorded, settings).items():
        if name == f"versions.{stage}":
            yield Fact((stage,), "version", stage, value, params, _get(name))
        elif not name.startswith("versions.") and (stage in inputs.own or name.partition(".")[0] not in inputs.own):
            # What a table's stage has of the settings of others, it has for its manifest.
            yield Fact((stage,), "setting", name, value, params, _get(name))
    said: dict[str, str | None] = {
        _MODEL_NAME if option == _MODEL_OPTION else said_of(inputs.experiment, option): value
        for option, value in _options(entry.cmd).items()
    }
    if stage == "images":  # which takes all that is said of the experiment
        said = dict.fromkeys(name for name in settings if name.startswith(said_of(inputs.experiment, ""))) | said
    for name, value in said.items():
        yield Fact((stage,), "setting", name, value, params, _get_words(name))


def _settings(entry: StageLock) -> dict[str, Any]:
    """The settings by name as declared, without the list of experiments, which is long."""
    lines, is_list = [], False
    for line in entry.params_text.split("\n"):
        is_list = line.startswith("  experiments:") or (is_list and line.startswith("   "))
        lines += [] if is_list else [line]
    text = "\n".join(lines)
    by_file = plain_yaml.load(text) or parse_settings(text)
    return {name: value for name, value in by_file.get(str(PARAMS), {}).items() if name != "experiments"}


def _with_new(recorded: Mapping[str, Any], settings: Values) -> dict[str, Any]:
    """The recorded settings by dotted name, and as None those that have been put into their blocks since."""
    blocks = tuple(f"{name}." for name, value in recorded.items() if isinstance(value, Mapping))
    new = dict.fromkeys(name for name in settings if name.startswith(blocks)) if blocks else {}
    return new | flatten(recorded)


def _options(command: Any) -> dict[str, str]:
    """The options of a command, `--name words`, by name."""
    found: dict[str, list[str]] = {}
    try:
        parts = shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return {}  # not a command of ours
    name = ""
    for part in parts:
        if part.startswith("--"):
            name = part.removeprefix("--")
            found[name] = []
        elif name:
            found[name].append(part)
    return {name: " ".join(said) for name, said in found.items()}


def _of_frames(path: str, listed: Values, own: Sequence[_Row], others: Sequence[_Row]) -> Iterator[Fact]:
    """The frames, those of the same well, which the tracking saw too, and what all frames together say of the plate."""
    for key in own:
        yield Fact(("images",), "frame", _frame(key), listed[key], path, _get(key))
    if others:
        parts = {_frame(key): _get(key) for key in others}
        yield _of_parts(("images",), "frames", f"others of {others[0][0]}", path, listed, parts)
    for name, value in listed.items():
        if isinstance(name, str) and value is not None:
            yield Fact(("images",), "plate", name.partition(".")[2], value, path, _get(name))


def _of_rows(
    stages: tuple[str, ...],
    kind: str,
    path: str,
    cells: Values,
    own: Sequence[_Row],
    others: Sequence[_Row],
    is_one: bool,
) -> Iterator[Fact]:
    """The cells of rows, a column a fact; those of other rows of the same well are one."""
    rows, beside = ([key for key in keys if key in cells] for keys in (own, others))
    for column in dict.fromkeys(name for key in rows for name in cells[key] if name and name not in FRAME_KEY):
        if is_one:
            yield Fact(stages, kind, column, cells[rows[0]].get(column), path, _cell(rows[0], column))
        else:
            yield _of_parts(stages, kind, column, path, cells, {_frame(key): _cell(key, column) for key in rows})
    if beside:
        named = ((key, column) for key in beside for column in cells[key] if column and column not in FRAME_KEY)
        parts = {f"{_frame(key)} {column}": _cell(key, column) for key, column in named}
        yield _of_parts(stages, f"{kind}s", f"others of {beside[0][0]}", path, cells, parts)


def _of_parts(
    stages: tuple[str, ...], kind: str, name: str, path: str, values: Values, parts: Mapping[str, Pick]
) -> Fact:
    def pick(of: Values) -> dict[str, Any]:
        return {part: pick_part(of) for part, pick_part in parts.items()}

    return Fact(stages, kind, name, pick(values), path, pick, parts)


def _frame(key: _Row) -> str:
    """How a frame or a well is named: `A01 t0003`, `A01`."""
    return " ".join([str(key[0]), *(f"t{number:04d}" for number in key[1:])])


def _get(name: Any) -> Pick:
    return lambda values: values.get(name)


def _get_words(name: str) -> Pick:
    return lambda values: words(values.get(name))


def _cell(key: _Row, column: str) -> Pick:
    return lambda values: values.get(key, {}).get(column)


def _merged(facts: Sequence[Fact]) -> list[Fact]:
    """Each fact once, with all its stages, in the order of these."""
    stages: dict[tuple[str, str, str], list[str]] = {}
    first: dict[tuple[str, str, str], Fact] = {}
    for fact in facts:
        key = (fact.kind, fact.name, repr(fact.value) if not fact.parts else fact.path + str(fact.stages))
        first.setdefault(key, fact)
        stages.setdefault(key, []).extend(fact.stages)
    whole = [fact._replace(stages=tuple(dict.fromkeys(stages[key]))) for key, fact in first.items()]
    return sorted(whole, key=lambda fact: _place(fact.stages[0]))


def _place(stage: str) -> int:
    return ORDER.index(stage) if stage in ORDER else len(ORDER)

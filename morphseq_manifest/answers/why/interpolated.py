"""Settings that are filled in, not declared: `model_name` is no param of a stage, and yet in its command and paths."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from morphseq_manifest.answers.changes import Change
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.resolving import resolve
from morphseq_manifest.tracker.dvc.stages import Stage

_Place = tuple[str, ...]


class FilledIn:
    """What the stages of a project would be, had one setting another value."""

    def __init__(self, snapshot: CohortSnapshot) -> None:
        self._snapshot = snapshot
        self._tried: dict[tuple[_Place, str], dict[str, Stage]] = {}

    def changed(self, stage: Stage, entry: StageLock) -> Change | None:
        """The one setting with whose earlier value the stage would be as recorded; None if there is no such one."""
        now = [str(stage.cmd), *stage.paths()]
        recorded = [str(entry.cmd), *entry.deps, *entry.outs]
        for place, value in _texts(self._snapshot.settings):
            if place[0] == "experiments" and stage.key not in place:
                continue
            for old in {old for text in now for old in _candidates(text, value, recorded)} - {value}:
                if _is_as(self._stages(place, old).get(stage.name), entry):
                    return Change("setting", ".".join(place), old, value)
        return None

    def _values(self, path: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return settings if path == str(PARAMS) else self._snapshot.filled_in_from(path)

    def _stages(self, place: _Place, value: str) -> dict[str, Stage]:
        """The stages with that value of the setting; none if they can't be resolved."""
        if (place, value) not in self._tried:
            values = copy.deepcopy(self._snapshot.settings)
            inner = values
            for part in place[:-1]:
                inner = inner[part]
            inner[place[-1]] = value
            name = self._snapshot.name(definition.PIPELINE)
            data = self._snapshot.content(definition.PIPELINE) or b""
            try:
                stages = resolve(definition.parse(data, name), lambda path: self._values(path, values), name)
            except MorphseqError:
                stages = []
            self._tried[place, value] = {stage.name: stage for stage in stages}
        return self._tried[place, value]


def _texts(values: Mapping[Any, Any], place: _Place = ()) -> Iterator[tuple[_Place, str]]:
    for key, value in values.items():
        if not isinstance(key, str):
            continue
        if isinstance(value, Mapping):
            yield from _texts(value, (*place, key))
        elif isinstance(value, str) and value:
            yield (*place, key), value


def _candidates(text: str, value: str, recorded: list[str]) -> Iterator[str]:
    """What may have stood in the place of `value`, going by what is recorded."""
    before, separator, after = text.partition(value)
    if separator:
        pattern = re.compile(f"{re.escape(before)}(.+?){re.escape(after).replace(re.escape(value), '.+?')}")
        yield from (match[1] for other in recorded if (match := pattern.fullmatch(other)))


def _is_as(stage: Stage | None, entry: StageLock) -> bool:
    return (
        stage is not None
        and stage.cmd == entry.cmd
        and set(stage.deps) == entry.deps.keys()
        and {out.path for out in stage.outs} == entry.outs.keys()
    )

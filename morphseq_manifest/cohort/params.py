"""The settings of a project with experiments: params.yaml, typed when asked for."""

import math
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.experiments import Experiment, check_ids
from morphseq_manifest.cohort.misspelt import complaint, line_of, not_a_number
from morphseq_manifest.tracker.dvc import params_file
from morphseq_manifest.tracker.dvc.params_file import PARAMS

Settings = TypeVar("Settings", bound=msgspec.Struct)
_EXAMPLE = '`experiments: {"20240418": {segmenter: threshold}}`'


class Params:
    """The settings in force: the experiments in id order, and a block a stage, typed when asked for.

    `values` are the settings in the `text` of the file. Raises ConfigError for an experiment id that is not a quoted
    string or can't be an id.
    """

    def __init__(self, path: Path, values: dict[str, Any], text: str) -> None:
        self.path = path
        self.values, self._text = values, text
        check_ids(values, text, path)
        if isinstance(listed := values.get("experiments"), list):
            raise ConfigError(
                f"{path}{line_of(text, ('experiments',))}: `experiments` is a list ({listed[:1]}, ..), expected a "
                f"mapping of what is said of each, such as {_EXAMPLE}"
            )
        said: dict[str, Experiment] = self.value("experiments", dict[str, Experiment])
        self.experiments = {name: said[name] for name in sorted(said)}
        for name, one in self.experiments.items():
            self._check_range(name, one)

    def _check_range(self, name: str, said: Experiment) -> None:
        """Raise ConfigError if no pixel can lie between black and white."""
        black, white = said.pixel_range or (0, 1)
        if not (black < white and math.isfinite(white - black)):
            where = line_of(self._text, ("experiments", name, "pixel_range"))
            raise ConfigError(
                f"{self.path}{where}: `pixel_range` of {name} is [{black:g}, {white:g}], expected two numbers, black "
                "and then white, which is more. Correct it"
            )

    def block(self, name: str, kind: type[Settings]) -> Settings:
        """The block `name` as the settings struct `kind`. Raises ConfigError naming the setting that is wrong."""
        settings: Settings = self.value(name, kind)
        return settings

    def value(self, name: str, kind: Any) -> Any:
        """One top-level entry, converted. Raises ConfigError if it is missing, or of another type, or holds `.nan`."""
        if name not in self.values:
            raise ConfigError(f"{self.path}: `{name}` is missing")
        if wrong := not_a_number(name, self.values[name], self._text):  # nothing is less than that, nor more
            raise ConfigError(f"{self.path}{wrong}")
        try:
            return msgspec.convert(self.values[name], known(kind))
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.path}{complaint(name, self.values[name], kind, self._text)}") from error

    def experiment(self, name: str) -> Experiment:
        """What is said of one experiment. Raises ConfigError if it is not listed."""
        if name not in self.experiments:
            raise ConfigError(
                f"{self.path}: experiment {name!r} is not listed under `experiments`{suggest(name, self.experiments)}"
            )
        return self.experiments[name]

    def version(self, stage: str) -> int:
        """The version of a stage's results. Raises ConfigError if `versions` lacks it."""
        return self.versions([stage])[stage]

    def versions(self, stages: Iterable[str]) -> dict[str, int]:
        """The versions of these stages' results. Raises ConfigError naming those that `versions` lacks."""
        names = list(stages)
        missing = [stage for stage in names if stage not in self._versions]
        if missing:
            raise ConfigError(f"{self.path}: `versions` lacks {', '.join(missing)}. Add it, beginning with 1")
        return {stage: self._versions[stage] for stage in names}

    @cached_property
    def _versions(self) -> dict[str, int]:
        versions: dict[str, int] = self.value("versions", dict[str, int])
        return versions


def read(root: Path = Path()) -> Params:
    """Read `root`/params.yaml. Raises UnreadableError if it can't be read, ConfigError as Params and `parse` do."""
    path = root / PARAMS
    return parse(files.read_text(path, "Run this in the project's folder", "Save it as UTF-8"), path)


def parse(text: str, path: Path = PARAMS) -> Params:
    """Read the text of a params.yaml; `path` is for messages. Raises as params_file.parse and Params do."""
    return Params(path, params_file.parse(text, path), text)

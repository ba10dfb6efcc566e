"""The experiments of a project: the mapping in params.yaml, whose keys must be quoted ids.

DVC silently drops a key that YAML reads as a number (`20240418:`, and `20250305_1:`, which is the number 202503051), so
the mapping is checked wherever it is read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort.ids import EXPERIMENT_FORM, is_experiment
from morphseq_manifest.tracker.dvc import params_file

_KEY = "experiments"


_Number = Annotated[int, msgspec.Meta(ge=0)]


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What params.yaml says of one experiment: the name of its segmenter's model folder, and how its frames are read.

    What is not said, the frames say: `pixel_range`, the numbers that become black and white, of frames of more than 8
    bits; `polarity`, whether the background is bright or dark. `page` and `channel` name one plane of several, from 0.
    """

    segmenter: str
    pixel_range: tuple[float, float] | None = None
    polarity: Literal["bright", "dark"] | None = None
    page: _Number | None = None
    channel: _Number | None = None


def check_ids(values: Mapping[str, Any], text: str, path: Path) -> None:
    """Raise ConfigError for a key of `experiments` that is not a quoted string, or can't be an id.

    `values` are the settings in the `text` of a params.yaml; `path` is for messages.
    """
    listed = values.get(_KEY)
    if isinstance(listed, Mapping) and not all(isinstance(key, str) and is_experiment(key) for key in listed):
        _refuse_first(text, path)


def _refuse_first(text: str, path: Path) -> None:
    """Raise ConfigError for the first key that can't be an experiment id, naming its line."""
    (listed,) = (value for key, value in params_file.compose(text, path).value if key.value == _KEY)
    for key, _ in listed.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        kind = str(key.tag).rsplit(":", 1)[-1]
        if kind != "str":
            raise ConfigError(
                f"{where}: experiment id {key.value} is read as {kind}, not as a string, and DVC would silently drop "
                f'it. Put it in quotes: "{key.value}":'
            )
        if not is_experiment(key.value):
            raise ConfigError(
                f"{where}: experiment id {key.value!r} can't be used: an id has {EXPERIMENT_FORM}. Rename it"
            )

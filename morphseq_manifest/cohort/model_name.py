"""Another `model_name` in params.yaml, all else in it as it is."""

import re
from pathlib import Path

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import missing_inputs
from morphseq_manifest.tracker.dvc import params_file
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.snapshot import Snapshot

_KEY = "model_name"
# What stands for the model in params.yaml; a comment after it is not part of it.
_VALUE = re.compile(
    r"""^model_name:[ \t]*('[^'\n]*'|"[^"\n]*"|[^\s#'"&*!|>][^\n]*?)(?=[ \t]*(?:[ \t]#.*)?\r?$)""", re.MULTILINE
)
# It is the name of a folder, and stands in commands.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def with_model(root: Path, model: str) -> dict[Path, bytes]:
    """The text of params.yaml with this `model_name`, by the file's path; nothing if it is that already.

    Raises ConfigError for what can't be a model's name, if params.yaml has no line for it, and if stages would read a
    folder of that name which is not there.
    """
    if not _NAME.fullmatch(model):
        raise ConfigError(f"--model-name: {model!r} can't be the name of a model: expected letters, digits, . _ -")
    snapshot = Snapshot(root)
    if snapshot.settings.get(_KEY) == model:
        return {}
    text = snapshot.settings_text
    place = _VALUE.search(text)
    if place is None:
        raise ConfigError(f"{root / PARAMS}: expected a line with `model_name:` and a name. Put it there")
    changed = text
    for name in (model, f'"{model}"'):  # in quotes if it would be a number or so without
        changed = f"{text[: place.start(1)]}{name}{text[place.end(1) :]}"
        if params_file.parse(changed).get(_KEY) == model:
            break
    edited = {PARAMS: changed.encode()}
    _check_inputs(snapshot, Snapshot(root, texts=edited))
    return edited


def _check_inputs(before: Snapshot, after: Snapshot) -> None:
    """Raise ConfigError for an input that stages have by the new name alone, that none makes, and that is not there."""
    known = {dep for stage in before.graph.stages.values() for dep in stage.deps}
    for stage in after.graph.stages.values():
        for path in stage.deps:
            if path not in known and not any(after.graph.makers_of(path)) and not (after.root / path).exists():
                told = missing_inputs.told(after.root, path, None)
                end = "" if told.endswith("?") else "."
                raise ConfigError(f"--model-name: {told}{end} Put it there; {after.root / PARAMS} is as it was")

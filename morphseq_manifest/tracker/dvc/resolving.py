"""dvc.yaml resolved as DVC resolves it: its stages, those of groups too; what is not supported is refused."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc import groups
from morphseq_manifest.tracker.dvc.context import Context
from morphseq_manifest.tracker.dvc.definition import PIPELINE
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.stage_templates import Reader, StageTemplate, check_keys, check_texts
from morphseq_manifest.tracker.dvc.stages import Load, Stage, parents

_TOP_KEYS = {"vars", "stages", "params", "metrics", "plots", "artifacts"}


def resolve(
    definition: Mapping[str, Any],
    load: Load,
    name: str,
    style: Mapping[str, str] | None = None,
    file: str = PIPELINE.name,
) -> list[Stage]:
    """The stages of the dvc.yaml at `file`, in its order; `name` is for messages.

    `load` gives the settings in a file. `style` says how DVC's config has mappings made into options of commands, as
    interpolation.Template does. Raises ConfigError for what is wrong or not supported.
    """
    check_keys(definition, _TOP_KEYS, name)
    _check_sections(definition, name)
    folder = posixpath.dirname(file)
    default = posixpath.join(folder, PARAMS.name)
    context = Context(load(default), {default: None})
    context = context.extended(definition.get("vars", []), folder, load, f"{name}: vars")
    stages = list(_stages(definition, context, name, Reader(load, style or {}, name, file)))
    check_outputs(stages, name)
    return stages


def _check_sections(definition: Mapping[str, Any], name: str) -> None:
    """Raise ConfigError for sections beside the stages of which DVC takes none of it."""
    for part in ("params", "metrics", "plots"):
        items = definition.get(part, [])
        fine = (str, Mapping) if part == "plots" else str
        if not isinstance(items, list) or not all(isinstance(item, fine) for item in items):
            raise ConfigError(f"{name}: `{part}` is {items!r}, expected a list of texts")
    artifacts = definition.get("artifacts", {})
    for artifact in artifacts.values() if isinstance(artifacts, Mapping) else [artifacts]:
        if not isinstance(artifact, Mapping) or not isinstance(artifact.get("path"), str):
            raise ConfigError(f"{name}: `artifacts`: can't use {artifact!r}: expected a mapping with `path`")
        check_texts(artifact, {"desc", "type"}, f"{name}: `artifacts`")


def _stages(definition: Mapping[str, Any], context: Context, name: str, reader: Reader) -> Iterator[Stage]:
    for group, entry in definition["stages"].items():
        where = f"{name}: stage {group!r}"
        if not isinstance(group, str) or not group or "@" in group:
            raise ConfigError(f"{where}: DVC takes no such name: expected a text without @. Rename it")
        named = group if reader.file == PIPELINE.name else f"{reader.file}:{group}"
        yield from _group(named, entry, context, Reader(reader.load, reader.style, where, reader.file))


def _group(group: str, entry: Mapping[str, Any], context: Context, reader: Reader) -> Iterator[Stage]:
    where = reader.where
    if "foreach" in entry:
        check_keys(entry, {"foreach", "do"}, where)
        template = StageTemplate(entry.get("do"), reader)
    elif "matrix" in entry:
        template = StageTemplate({key: value for key, value in entry.items() if key != "matrix"}, reader)
    else:
        yield StageTemplate(entry, reader).stage(group, group, None, context)
        return
    for key, own in groups.keyed(entry, context.values, where).items():
        inner = Context({**context.values, **own}, context.files)
        yield template.stage(f"{group}@{key}", group, key, inner, own)


def check_outputs(stages: Iterable[Stage], name: str) -> None:
    """Raise ConfigError if two stages make one path, or one of them something inside what another makes."""
    makers: dict[str, str] = {}
    for stage in stages:
        for out in stage.outs:
            if makers.get(out.path) == stage.name:
                raise ConfigError(f"{name}: stage {stage.name!r} lists {out.path} twice. Delete one")
            if out.path in makers:
                raise ConfigError(f"{name}: {out.path} is made by both {makers[out.path]} and {stage.name}")
            makers[out.path] = stage.name
    if PARAMS.name in makers:
        raise ConfigError(f"{name}: {makers[PARAMS.name]} makes {PARAMS}, from which dvc.yaml is filled in. Rename it")
    for path, maker in makers.items():
        for parent in parents(path):
            if parent in makers:
                raise ConfigError(f"{name}: {path}, made by {maker}, is inside {parent}, made by {makers[parent]}")

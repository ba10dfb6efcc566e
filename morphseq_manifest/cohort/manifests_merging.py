"""Two sides' manifests and metrics, written whole by stages: people choose between two of a plate, or ours stays."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from morphseq_manifest.base import git, merging
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.cohort import experiments_manifest
from morphseq_manifest.cohort.manifests import code_manifest, cohort_manifest, images_manifest, part_manifest
from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest
from morphseq_manifest.cohort.manifests.part_manifest import PartManifest


class _Head(msgspec.Struct):
    schema: str


def merged(root: Path, base: str, ours: str, theirs: str, name: str, size: int) -> Merged:
    """The merged manifest; marks of conflicts are so many characters long, `name` is for messages.

    Raises ContentError for what is not a manifest.
    """
    kinds = {_kind(ours, f"{name} (ours)"), _kind(theirs, f"{name} (theirs)")}
    if kinds <= _TAKEN.keys():
        for text, side in ((ours, "ours"), (theirs, "theirs")):
            _TAKEN[_kind(text, name)](text.encode(), f"{name} ({side})")
        return Merged(ours, [], _UNTIL)
    if kinds == {"images"}:
        found = _of_one(images_manifest.parse, ours, theirs, name) or _both(name)
    elif kinds == {"part"}:
        # One that differs was made of what differs in dvc.lock too, and is made again with that.
        found = _of_one(part_manifest.parse, ours, theirs, name) or Merged(ours, [], _UNTIL)
    elif kinds == {"code"}:
        found = _code(base, ours, theirs, name)
    else:
        raise ContentError(f"{name}: two kinds of manifests")
    if not found.conflicts:
        return found
    data, _ = git.merge_lines(root, [text.encode() for text in (base, ours, theirs)], size)
    return found._replace(text=data.decode())


def metrics(ours: str, theirs: str, name: str) -> Merged:
    """The metrics of a table: ours, as its manifest. Raises ContentError for what is not metrics."""
    for text, side in ((ours, "ours"), (theirs, "theirs")):
        try:
            msgspec.json.decode(text, type=dict[str, dict[str, Any]])
        except (msgspec.DecodeError, RecursionError) as error:
            raise ContentError(f"{name} ({side}): not metrics: {error}") from error
    return Merged(ours, [], _UNTIL)


# Those that work for all experiments, and so are written again if one is another.
_TAKEN: dict[str, Callable[[bytes, str], object]] = {
    "cohort": cohort_manifest.parse,
    "experiments": experiments_manifest.parse,
}
_KINDS = {"images", "part", "code", *_TAKEN}
_UNTIL = "written on both sides: ours stands until its stage runs again"


def _kind(text: str, name: str) -> str:
    """What a manifest is of, by its schema."""
    try:
        schema = msgspec.json.decode(text, type=_Head).schema
    except (msgspec.DecodeError, RecursionError) as error:
        raise ContentError(f"{name}: not a manifest: {error}") from error
    kind = schema.removeprefix("morphseq/").partition("/")[0]
    if kind not in _KINDS:
        raise ContentError(f"{name}: its schema {schema!r} is not known here")
    return kind


def _of_one(
    parse: Callable[[bytes, str], ImagesManifest | PartManifest], ours: str, theirs: str, name: str
) -> Merged | None:
    """The manifest of this experiment, if only one side is of it: git also brings one that was renamed on one side."""
    texts = {
        parse(text.encode(), f"{name} ({side})").experiment: text for text, side in ((theirs, "theirs"), (ours, "ours"))
    }
    own = PurePosixPath(name).stem
    return Merged(texts[own], []) if len(texts) > 1 and own in texts else None


def _both(name: str) -> Merged:
    """The frames of one experiment, listed anew on both sides."""
    return Merged("", [f"the frames of {PurePosixPath(name).stem}"])


def _code(base: str, ours: str, theirs: str, name: str) -> Merged:
    """The code of each stage by itself."""
    sides = [
        code_manifest.parse(text.encode(), f"{name} ({side})") if text else {}
        for text, side in ((base, "base"), (ours, "ours"), (theirs, "theirs"))
    ]
    stages = merging.merge(sides, lambda _, sides: sides)
    settled = {stage: code for stage, code in stages.items() if isinstance(code, code_manifest.StageCode)}
    conflicts = [f"the code of {stage}" for stage in stages if stage not in settled]
    return Merged("" if conflicts else code_manifest.dump(settled).decode(), conflicts)

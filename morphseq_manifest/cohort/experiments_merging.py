"""Two sides' params.yaml: the experiments merged one by one, all else by lines as git merges."""

from pathlib import Path
from typing import Any

from morphseq_manifest.base import git, merging, text_blocks
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.base.text_blocks import Part
from morphseq_manifest.cohort import experiments_text
from morphseq_manifest.cohort.experiments import check_ids
from morphseq_manifest.tracker.dvc import params_file

_KEY = "experiments"


def merged(root: Path, base: str, ours: str, theirs: str, name: str, size: int) -> Merged:
    """The merged params.yaml; an experiment of which both sides say something new, and not the same, is a conflict.

    Marks of conflicts are so many characters long, `name` is for messages. Raises ConfigError for a text that is not
    a params.yaml with experiments one below the other, ContentError if what comes of it is not what either side says.
    """
    paths = [Path(f"{name} ({side})") for side in ("base", "ours", "theirs")]
    texts = dict(zip(paths, (base, ours, theirs), strict=True))
    if not all(_KEY in _settings(text, path) for path, text in texts.items()):
        data, left = git.merge_lines(root, [text.encode() for text in (base, ours, theirs)], size)
        return Merged(data.decode(), [_around(left)] if left else [])
    said = [experiments_text.read(text, path) for path, text in texts.items()]
    opened = {path: experiments_text.opened(text) for path, text in texts.items()}
    before, here, there = (experiments_text.block(text, path) for path, text in opened.items())
    part = Part("the experiments", (before, here, there), text_blocks.settle_texts(root, said), lambda name: ("", name))
    found = text_blocks.merge(root, [*opened.values()], [part], size)
    conflicts = found.conflicts[part.title] + ([_around(found.around)] if found.around else [])
    wanted = merging.merge(said, lambda _, sides: sides)
    text = found.text if wanted or conflicts else experiments_text.closed(found.text)
    if not conflicts:
        _check(text, wanted, name)
    return Merged(text, conflicts)


def _around(count: int) -> str:
    return f"{count} change{'s' * (count > 1)} of other settings"


def _settings(text: str, path: Path) -> dict[str, Any]:
    values = params_file.parse(text, path)
    check_ids(values, text, path)
    return values


def _check(text: str, wanted: object, name: str) -> None:
    """Raise ConfigError, ContentError if the merged text does not say what it should."""
    if _settings(text, Path(f"{name} (merged)")).get(_KEY) != wanted:
        raise ContentError(f"{name}: its experiments are written in a way that is not known here")

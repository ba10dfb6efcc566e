"""Why a stage failed: a note under .dvc/tmp, written by the stage that failed and deleted once it has run well.

DVC keeps no record of a failure. The notes are for people; dvc.lock tells whether a stage has finished.
"""

from pathlib import Path

from morphseq_manifest.base import files, sources
from morphseq_manifest.base.errors import described
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.dvc.stages import file_name, stage_name

FOLDER = files.OWN / "failed"
_SUFFIX = ".txt"


def record(stage: str, message: str, root: Path = Path()) -> None:
    """Leave a note that `stage` (`images@20240418`, `df01`) failed; does nothing outside a project. Raises OSError."""
    if (root / ".dvc").is_dir():
        files.write_bytes(_path(stage, root), message.encode())


def exists(stage: str, root: Path = Path()) -> bool:
    """Whether there is a note of a stage."""
    return _path(stage, root).exists()


def clear(stage: str, root: Path = Path()) -> None:
    """Delete the stage's note, if there is one. Raises OSError."""
    _path(stage, root).unlink(missing_ok=True)


def read(root: Path = Path()) -> dict[str, str]:
    """The notes there are, by stage; of one that can't be read, why. Another process may delete some meanwhile."""
    sources.add(root / FOLDER)
    try:
        names = sorted(path.name for path in (root / FOLDER).iterdir() if path.suffix == _SUFFIX)
    except OSError:
        return {}
    notes = {stage_name(name.removesuffix(_SUFFIX)): _read(root / FOLDER / name) for name in names}
    return {stage: note for stage, note in notes.items() if note is not None}


def _read(path: Path) -> str | None:
    try:
        return read_small(path).decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it left a note that can't be read: {described(error)}"


def _path(stage: str, root: Path) -> Path:
    return root / FOLDER / f"{file_name(stage)}{_SUFFIX}"

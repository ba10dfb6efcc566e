"""Why a stage failed: a note under .dvc/tmp, written by the stage that failed and gone once it has run well.

DVC keeps no record of a failure. The notes are for people; whether a stage has finished is told by dvc.lock.
"""

from pathlib import Path

from morphseq_manifest.base import files

FOLDER = files.OWN / "failed"


def record(stage: str, message: str, root: Path = Path()) -> None:
    """Leave a note that `stage` (`images@20240418`, `df01`) failed; does nothing outside a project."""
    if (root / ".dvc").is_dir():
        files.write_bytes(root / FOLDER / f"{stage}.txt", message.encode())


def clear(stage: str, root: Path = Path()) -> None:
    """Take the stage's note away, if there is one."""
    (root / FOLDER / f"{stage}.txt").unlink(missing_ok=True)


def read(root: Path = Path()) -> dict[str, str]:
    """The notes there are, by stage."""
    folder = root / FOLDER
    notes = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    return {path.name.removesuffix(".txt"): path.read_text(encoding="utf-8") for path in notes}

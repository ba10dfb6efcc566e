"""What is true of a project, as DVC sees it that has never seen it: in a copy, of which it remembers nothing."""

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from morphseq_manifest.base.errors import ContentError, MorphseqError
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.verdict import Verdict
from morphseq_manifest.tracker.snapshot import Snapshot

Said = dict[str, list[Any]]


def dvc_says(root: Path) -> Said | None:
    """What DVC itself says; None if it gives up."""
    try:
        with contextlib.chdir(root), Repo() as repo:
            found: Said = repo.status()
            return found
    except (DvcException, OSError, NotImplementedError, TypeError, AttributeError):
        return None


def we_say(root: Path) -> dict[str, Verdict] | MorphseqError:
    """Our verdicts; the error where a file that all depends on is refused."""
    try:
        return assess(Snapshot(root), Workspace(root, threads=2))
    except MorphseqError as error:
        return error


def differences(ours: dict[str, Verdict] | MorphseqError, dvcs: Said | None, damaged: bool) -> dict[str, Any]:
    """Where we and DVC do not agree, but for what is intended; `damaged` says that dvc.lock was."""
    if isinstance(ours, MorphseqError):
        is_fine = dvcs is None or (damaged and isinstance(ours, ContentError) and "dvc.lock" in str(ours))
        return {} if is_fine else {"refused": str(ours)}
    if dvcs is None:
        return {} if any(verdict.troubles for verdict in ours.values()) else {"DVC gives up": ours}
    pairs = {name: (ours[name].as_dvc() if name in ours else None, dvcs.get(name, [])) for name in {*ours, *dvcs}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or (name in ours and ours[name].troubles)}


@contextlib.contextmanager
def quiet_dvc(folder: Path) -> Iterator[None]:
    """DVC without what it would write outside the project and this folder, and without its warnings."""
    logger, before = logging.getLogger("dvc"), os.environ.get("DVC_SITE_CACHE_DIR")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    os.environ["DVC_SITE_CACHE_DIR"] = str(folder / "site-cache")
    try:
        yield
    finally:
        logger.setLevel(level)
        if before is None:
            del os.environ["DVC_SITE_CACHE_DIR"]
        else:
            os.environ["DVC_SITE_CACHE_DIR"] = before


def truth(root: Path) -> Said | None:
    """What DVC says of a copy of the project, all of which it has to read."""
    with tempfile.TemporaryDirectory(dir=root.parent) as folder, quiet_dvc(Path(folder)):
        copy = Path(folder, "copy")
        shutil.copytree(root, copy, symlinks=True, ignore=_remembered)
        return dvc_says(copy)


def _remembered(folder: str, names: list[str]) -> list[str]:
    """What is not copied: what DVC remembers, and what a killed one left there."""
    return [
        name for name in names if (Path(folder).name, name) in {(".dvc", "tmp"), (".git", "logs"), (".git", "hooks")}
    ]


def wrong_verdict(root: Path, *, damaged: bool = False) -> list[str]:
    """Where our verdicts are not the truth."""
    found = differences(we_say(root), truth(root), damaged)
    return [f"verdict of {name}: {pair}" for name, pair in found.items()]

"""Where the pictures of an experiment lie."""

from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.answers.pictures import image_files
from morphseq_manifest.answers.pictures.image_files import OldFiles
from morphseq_manifest.cohort.snapshot import CohortSnapshot

MASKS = ("yolk", "dead", "focus", "bubble")


class Places(NamedTuple):
    """Where what the stages of an experiment read and make lies; `masks` by what they show.

    `older` has, by folder, what is in the lab's older form there, one file a frame.
    """

    frames: Path | None
    labels: Path | None
    masks: dict[str, Path]
    snips: Path | None
    older: dict[Path, OldFiles]


def of_experiment(snapshot: CohortSnapshot, experiment: str) -> Places:
    """The places of an experiment, from the stages of dvc.yaml."""
    graph, root = snapshot.graph, snapshot.root

    def outs(group: str) -> list[Path]:
        stage = graph.stages.get(f"{group}@{experiment}")
        return [root / out.path for out in stage.outs] if stage else []

    images = graph.stages.get(f"images@{experiment}")
    frames = next((root / path for path in (images.deps if images else ()) if Path(path).name == experiment), None)
    models = (snapshot.settings.get("qc_masks") or {}).get("models") or {}
    masks = {
        name: path
        for name in MASKS
        for path in outs("qc_masks")
        if path.parent.name == f"{models.get(name)}_predictions"
    }
    labels, snips = (
        next((path for path in outs(group) if path.name == experiment), None) for group in ("sam2", "snips")
    )
    older = {one: image_files.old_files(one) for one in (labels, *masks.values()) if one}
    return Places(frames, labels, masks, snips, older)

"""The pictures of a well as layers over time: its frames, the embryos, the QC masks, and the snips."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.answers.pictures import image_files, places
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort import selection
from morphseq_manifest.cohort.ids import embryo_id
from morphseq_manifest.cohort.manifests import places as manifest_places
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from morphseq_manifest.cohort.snapshot import CohortSnapshot

FRAME, EMBRYOS = "frame", "embryos"
_MOST_EMBRYOS = 100
Plane = NDArray[np.integer]


class Snips(NamedTuple):
    """The snips of an embryo, uint8 (T, H, W), one for each frame of the well; black if there is none of it."""

    name: str
    planes: Plane


class Well:
    """A well of an experiment: its listed frames, in time order, and what the stages have made of them.

    Raises ConfigError for an experiment or well that is not listed, UnreadableError if no frames are.
    """

    def __init__(self, root: Path, experiment: str, well: str) -> None:
        snapshot = CohortSnapshot(root)
        selection.named([experiment], snapshot.experiments)
        manifest = snapshot.images(experiment)
        if manifest is None:
            path = snapshot.name(manifest_places.images(experiment))
            raise UnreadableError(f"{path}: not there. `morphseq run images@{experiment}` lists the frames")
        wells = manifest.by_well()
        if well not in wells:
            raise ConfigError(f"{experiment} has no frames of well {well!r}{suggest(well, wells)}")
        self.experiment, self.name = experiment, well
        self.frames: list[Frame] = wells[well]
        self.um_per_px = manifest.plate.um_per_px
        self.snip_um_per_px = (snapshot.settings.get("snips") or {}).get("um_per_px")
        self._reading = manifest.reading
        self._places = places.of_experiment(snapshot, experiment)
        if self._places.frames is None:
            raise ConfigError(f"dvc.yaml: no stage images@{experiment} that reads a folder of frames. Restore it")
        self._folder = self._places.frames

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The size of the frames, (H, W). Raises as image_files.frame does."""
        found: tuple[int, ...] = next(self.planes(FRAME)).shape
        return found

    @property
    def layers(self) -> list[str]:
        """The names of what there is of each frame: itself, the embryos as labels, the QC masks."""
        made = [name for name, folder in self._folders().items() if self._has(folder)]
        return [FRAME, *made]

    def planes(self, layer: str) -> Iterator[Any]:
        """The pictures of a layer, of each frame in time order, at the frame's size; what there is none of is 0.

        Raises UnreadableError or ContentError naming the file that can't be read, or is not the listed one.
        """
        if layer == FRAME:
            yield from (image_files.frame(self._folder, frame, self._reading) for frame in self.frames)
            return
        for plane in self._made(self._folders()[layer]):
            if plane is None:
                yield np.zeros(self.shape, np.uint8)
            elif layer == EMBRYOS:
                yield plane
            else:
                yield image_files.laid_back(plane, self.shape)

    def snips(self) -> Iterator[Snips]:
        """The snips of each embryo that has some. Raises UnreadableError naming a stack that can't be read."""
        for number in range(1, _MOST_EMBRYOS):
            name = embryo_id(self.experiment, self.name, number)
            path = self._places.snips / f"{name}.tif" if self._places.snips else None
            if path is not None and path.exists():
                found = dict(image_files.pages(path))
                black = np.zeros_like(next(iter(found.values())))
                yield Snips(name, np.stack([found.get(frame.time_int, black) for frame in self.frames]))

    def _folders(self) -> dict[str, Path]:
        labels = {EMBRYOS: self._places.labels} if self._places.labels else {}
        return {**labels, **self._places.masks}

    def _has(self, folder: Path) -> bool:
        return (folder / f"{self.name}.tif").exists() or any(
            (self.name, frame.time_int) in self._places.older.get(folder, {}) for frame in self.frames
        )

    def _made(self, folder: Path) -> Iterator[Any]:
        """What a stage made of each frame; None of those of which it made nothing."""
        path = image_files.inside(folder, f"{self.name}.tif")
        if not path.exists():
            for frame in self.frames:
                yield image_files.picture(folder, self.name, frame.time_int, self._places.older.get(folder, {}))
            return
        pages = chain(image_files.pages(path), [(None, None)])
        time_int, plane = next(pages)
        for frame in self.frames:  # pages are in time order, as frames are
            while time_int is not None and time_int < frame.time_int:
                time_int, plane = next(pages)
            yield plane if time_int == frame.time_int else None

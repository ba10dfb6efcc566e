"""One frame of a contact sheet: as it is, with outlines and QC masks drawn over it, and its snips."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from morphseq_manifest.answers.pictures import image_files
from morphseq_manifest.answers.pictures.places import Places
from morphseq_manifest.answers.report.rows import AREA, EMBRYO, REASONS, STAGE, USABLE
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest

Row = Mapping[str, Any]  # of df02, by column
SHOWN = (EMBRYO, STAGE, AREA, USABLE, REASONS)
_SIDE, _SNIP_SIDE = 208, 176
_SNIPS = 2
_LACKS = "pictures need pillow and tifffile: pip install 'morphseq-manifest[stages]'"


class Picture(msgspec.Struct, frozen=True):
    """A picture: its data, its size in px, and what it shows, in words."""

    data: str
    width: int
    height: int
    told: str


class Shot(msgspec.Struct, frozen=True):
    """A frame: its name, what is known of it, its pictures, what could not be shown, and what is not there."""

    name: str
    told: list[str]
    pictures: list[Picture]
    problems: list[str]
    lacking: list[str]
    is_usable: bool | None = None


def shoot(manifest: ImagesManifest, frame: Frame, where: Places, about: Sequence[Row]) -> Shot:
    """The shot of a listed frame, of which the rows of df02 are `about`."""
    camera = _Camera(manifest, frame, where)
    if find_spec("PIL") is None or find_spec("tifffile") is None:
        camera.problems.append(_LACKS)
    else:
        camera.take([str(row[EMBRYO]) for row in about[:_SNIPS]])
    return Shot(
        name=f"{frame.well} t{frame.time_int:04d}",
        told=[_told(row) for row in about] or ["no row in df02"],
        pictures=camera.pictures,
        problems=camera.problems,
        lacking=camera.lacking,
        is_usable=all(row.get(USABLE) == 1 for row in about) if about else None,
    )


def _told(row: Row) -> str:
    parts = [str(row[EMBRYO]).rpartition("_")[2]]
    if np.isfinite(row.get(STAGE, np.nan)):
        parts.append(f"{row[STAGE]:.1f} hpf")
    if np.isfinite(row.get(AREA, np.nan)):
        parts.append(f"{row[AREA] / 1e6:.2f} mm²")
    return " · ".join([*parts, str(row.get(REASONS) or "usable").replace("|", ", ")])


class _Camera:
    """Taking the pictures of a frame; what can't be shown goes to `problems`, what is not there to `lacking`."""

    def __init__(self, manifest: ImagesManifest, frame: Frame, where: Places) -> None:
        self._manifest, self._frame, self._where = manifest, frame, where
        self.pictures: list[Picture] = []
        self.problems: list[str] = []
        self.lacking: list[str] = []

    def take(self, embryos: Sequence[str]) -> None:
        """Take all pictures, with the snips of these embryos."""
        from morphseq_manifest.answers.report import overlays

        well, time_int = self._frame.well, self._frame.time_int
        small = self._small_frame()
        labels = self._page(self._where.labels, well, "outline")
        masks = {name: self._page(folder, well, f"{name} mask") for name, folder in self._where.masks.items()}
        masks = {name: mask for name, mask in masks.items() if mask is not None}
        if small is not None:
            self._add(small, f"Frame of well {well}, frame {time_int}")
            if labels is not None or masks:
                over = overlays.drawn_over(small, labels, masks)
                self._add(over, f"Outlines and QC masks of well {well}, frame {time_int}")
        for embryo in embryos:
            snip = self._page(self._where.snips, embryo, "snip")
            if snip is not None:
                self._add(overlays.small(snip, _SNIP_SIDE), f"Snip of {embryo}, frame {time_int}")

    def _small_frame(self) -> Any:
        from morphseq_manifest.answers.report import overlays

        try:
            if self._where.frames is not None:
                grey = image_files.frame(self._where.frames, self._frame, self._manifest.reading)
                return overlays.small(grey, _SIDE)
        except MorphseqError as error:
            self.problems.append(str(error))
        return None

    def _page(self, folder: Path | None, name: str, what: str) -> Any:
        """The frame's page in the stack `name` of a folder; None if there is none, or it can't be read."""
        try:
            older = self._where.older.get(folder, {}) if folder else {}
            found = image_files.picture(folder, name, self._frame.time_int, older) if folder else None
        except MorphseqError as error:
            self.problems.append(str(error))
            return None
        if found is None:
            self.lacking.append(what)
        return found

    def _add(self, pixels: Any, told: str) -> None:
        from morphseq_manifest.answers.report import overlays

        self.pictures.append(Picture(overlays.as_data(pixels), pixels.shape[1], pixels.shape[0], told))

"""What came into the stages of one experiment from outside, as dvc.lock has it."""

from collections.abc import Iterator, Mapping, Sequence

from morphseq_manifest.answers.blame import readings
from morphseq_manifest.answers.blame.readings import Reading
from morphseq_manifest.answers.blame.row_id import RowId
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.dvc.lock_reading import StageLock

# The stages in the order in which a row comes about; others come last.
ORDER = (
    "images", "wells", "qc_masks", "sam2", "snips", "build03", "df01_part", "df01", "latents", "df03_part", "df02",
    "df03",
)  # fmt: skip
FRAME_KEY = ("well", "time_int")


class Inputs:
    """What dvc.lock says came into the stages of one experiment from outside; and of the tables that have it.

    `entries` by name of the stage; of those `adopted`, the settings in dvc.lock are not theirs. `models`, `files`, and
    the tables of frames and wells are paths with the md5s with which the stages have read them.
    """

    def __init__(self, experiment: str, entries: Mapping[str, StageLock], tables: Sequence[str]) -> None:
        self.experiment = experiment
        own = {name.partition("@")[0]: entry for name, entry in entries.items() if "@" in name}
        shared = {name: entry for name, entry in entries.items() if name == "wells" or name in tables}
        stages = own | shared
        self.stages = {name: stages[name] for name in [*ORDER, *stages] if name in stages}
        self.own = set(own)
        self._made = {path for entry in entries.values() for path in entry.outs}
        wells = next(iter(shared["wells"].outs)) if "wells" in shared else places.WELLS.as_posix()
        images = own.get("images")
        self.images = next(((path, out.md5) for path, out in images.outs.items()), None) if images else None
        self.plate = next((path for path, dep in images.deps.items() if _is_file(dep.md5)), None) if images else None

        self.well_table = f"{wells}/{experiment}.csv"
        self.adopted = places.adopted(experiment).as_posix()

    def readings(self, row: RowId) -> dict[str, Reading]:
        """How files are read whose content is known by its parts, by their paths, as far as a row depends on it."""
        images = {self.images[0]: readings.images} if self.images else {}
        plate = {self.plate: readings.table(FRAME_KEY, row.well)} if self.plate else {}
        wells = {self.well_table: readings.table(("well",), row.well)}
        return images | plate | wells | {self.adopted: readings.adopted(self.adopted)}

    def files(self) -> Iterator[tuple[str, str, str]]:
        """(stage, path, md5) of what comes from outside, but for the folders of frames and of plate tables."""
        for stage, entry in self.stages.items():
            for path, dep in entry.deps.items():
                is_folder_of_many = stage in {"images", "wells"} and not _is_file(dep.md5)
                if not is_folder_of_many and not self._is_made(path):
                    yield stage, path, dep.md5

    def _is_made(self, path: str) -> bool:
        """Whether a stage makes it, or all that is in it; tables of wells are in git, and known by their rows."""
        return path in self._made or any(made.startswith(f"{path}/") for made in self._made)


def _is_file(md5: str) -> bool:
    return not md5.endswith(".dir")

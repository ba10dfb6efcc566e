"""The images manifest: which frames an experiment has, with which content.

`manifests/images/{exp}.json` is canonical: frames sorted by (well, time_int), one a line, no times and no
absolute paths, and a digest of it all. The same content gives the same bytes, and any other bytes are refused.
"""

from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.manifests import canonical

SCHEMA = "morphseq/images/2"
# The kinds of what does not fit.
ROW_WITHOUT_FRAME = "row_without_frame"
FRAME_WITHOUT_ROW = "frame_without_row"
NOT_A_FRAME = "not_a_frame"
# A line begins so, and none within a manifest's text: its strings hold no line break.
_PROBLEMS = b'\n"problems":'
_END_BYTES = 1 << 14
_REMEDY = "Restore it with `git checkout`, or run `dvc repro images` again"


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One full-focus frame: `path` is the file's name in the experiment's folder, `size` its bytes."""

    well: str
    time_int: int
    path: str
    size: int
    xxh3_128: str


class Problem(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Something that does not fit, and is no reason to stop: `kind`, the well, the frame number, the file."""

    kind: str
    well: str
    time_int: int
    path: str


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much there is: frames, wells with frames, bytes of all frames, rows of the plate table."""

    frames: int
    wells: int
    bytes: int
    rows: int


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a plate's frames become grey, all in the same way.

    `range` has the numbers that become black and white, None if all frames have 8 bits. Frames in `dark_field` are
    turned, so that the background is bright. `page` and `channel`, from 0 on, are the plane of a file with several.
    """

    range: tuple[float, float] | None = None
    dark_field: bool = False
    page: int | None = None
    channel: int | None = None

    @property
    def names_plane(self) -> bool:
        """Whether one plane of several is named."""
        return self.page is not None or self.channel is not None


AS_IT_IS = Reading()


class Plate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the plate table says of the whole plate, as far as finding embryos depends on it.

    `um_per_px` is the median over the frames of the geometric mean of both axes, None if no row gives a scale;
    `microscopes` are all that it names.
    """

    um_per_px: float | None = None
    microscopes: list[str] = []


_UNKNOWN = Plate()


class ImagesManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An experiment's frames, how they are read, what does not fit, and the digest of it all."""

    schema: str
    experiment: str
    reading: Reading
    plate: Plate
    frames: list[Frame]
    problems: list[Problem]
    counts: Counts
    digest: str

    def by_well(self) -> dict[str, list[Frame]]:
        """The frames of each well, in time order; wells in order."""
        wells: dict[str, list[Frame]] = {}
        for frame in self.frames:
            wells.setdefault(frame.well, []).append(frame)
        return wells


class Fit(msgspec.Struct, frozen=True):
    """How an experiment's frames and its plate table fit: what does not, and how much there is of both."""

    problems: list[Problem]
    counts: Counts


def build(
    experiment: str,
    frames: list[Frame],
    problems: list[Problem],
    rows: int,
    reading: Reading = AS_IT_IS,
    plate: Plate = _UNKNOWN,
) -> ImagesManifest:
    """Make the manifest of these frames, in whatever order they come."""
    frames = sorted(frames, key=lambda frame: (frame.well, frame.time_int))
    counts = count(frames, rows)
    return canonical.seal(
        ImagesManifest(SCHEMA, experiment, reading, plate, frames, sorted(problems), counts, digest="")
    )


def rows_told(frames: list[Frame], problems: list[Problem]) -> int:
    """How many rows a plate table has for these frames, if nothing else does not fit."""
    kinds = [problem.kind for problem in problems]
    return len(frames) - kinds.count(FRAME_WITHOUT_ROW) + kinds.count(ROW_WITHOUT_FRAME)


def count(frames: list[Frame], rows: int) -> Counts:
    """The counts of these frames, of a plate table of so many rows."""
    return Counts(
        frames=len(frames),
        wells=len({frame.well for frame in frames}),
        bytes=sum(frame.size for frame in frames),
        rows=rows,
    )


def write(path: Path, manifest: ImagesManifest) -> None:
    """Write the canonical bytes in one step."""
    files.write_bytes(path, canonical.dump(manifest))


def read(path: Path) -> ImagesManifest:
    """Read a manifest whole. Raises UnreadableError if it can't be read, ContentError if it was edited or cut."""
    remedy = "`dvc repro images` writes it; `git checkout` brings it back"
    return parse(files.read_bytes(path, remedy), str(path))


def parse(data: bytes, name: str) -> ImagesManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, ImagesManifest, SCHEMA, name, _REMEDY)


def read_fit(path: Path) -> Fit:
    """How frames and plate table fit, from the end of a manifest: the frames before it are many.

    Raises UnreadableError if it can't be read, ContentError if it has no such end. Whether all else is as the digest
    says is not looked at.
    """
    try:
        data = read_small(path, _END_BYTES)
        if _PROBLEMS not in data:
            data = read_small(path)
        return msgspec.json.decode(b"{" + data[data.rfind(_PROBLEMS) + 1 :], type=known(Fit))
    except OSError as error:
        raise files.unreadable(path, error, _REMEDY) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}: not a whole manifest: {error}. {_REMEDY}") from error

"""Stage `df01`: joins the experiments' build03 rows, without changing a digit."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import click
import pyarrow as pa
import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.cohort import columns, params, typed_tables
from morphseq_manifest.cohort.manifests import cohort_manifest, funnel, images_manifest, part_manifest, table_rows
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from morphseq_manifest.cohort.manifests.part_manifest import PartManifest
from morphseq_manifest.cohort.manifests.table_rows import RowCount
from morphseq_manifest.cohort.params import Params
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout, parts, tables

# The stages whose results are in df01, and the settings they work by.
STAGES = ("images", "qc_masks", "sam2", "build03")
SETTINGS = ("qc_masks", "sam2", "build03")


def union(by_experiment: dict[str, list[str]]) -> tuple[list[str], dict[str, list[str]]]:
    """All columns, in the order in which they first come, and for those that some experiments lack, which do."""
    every = list(dict.fromkeys(name for names in by_experiment.values() for name in names))
    lacking = {name: [experiment for experiment, names in by_experiment.items() if name not in names] for name in every}
    return every, {name: experiments for name, experiments in lacking.items() if experiments}


def fit(data: bytes, own: list[str], wanted: list[str], path: Path) -> bytes:
    """A table's rows under the `wanted` columns: its bytes if its `own` are just these, else with blanks filled in."""
    if own == wanted:
        return data[data.index(b"\n") + 1 :]
    table = tables.read_text(path).reindex(columns=wanted, fill_value="")
    return table.to_csv(index=False, header=False, lineterminator="\n").encode()


def read_columns(path: Path) -> list[str]:
    """The columns of one experiment's table. Raises UnreadableError if it is missing, ContentError if it is not one."""
    try:
        with path.open("rb") as file:
            return table_rows.check_header(file.readline(), str(path))
    except OSError as error:
        raise files.unreadable(path, error, "Run `dvc repro build03` for it") from error


def count_part(experiment: str, body: bytes, path: Path) -> RowCount:
    """Count one experiment's rows. Raises ContentError if some are another's, cut short, or not unique."""
    counted = table_rows.count(io.BytesIO(body), []).checked(str(path), "Run `dvc repro build03` for it")
    others = sorted(counted.experiments.keys() - {experiment})
    if others:
        raise ContentError(
            f"{path}: has rows of {others[0]!r}, not only of {experiment!r}. Run `dvc repro build03` for it"
        )
    return counted.experiments.get(experiment, RowCount())


class Part(NamedTuple):
    """One experiment's table: its rows as they go into df01, the same typed, and the md5 of the file."""

    body: bytes
    typed: pa.Table
    md5: str

    @property
    def blank(self) -> dict[str, int]:
        """How many cells of the counted columns are blank; one that the table lacks is blank throughout."""
        held = self.typed.column_names
        return {
            name: self.typed[name].null_count if name in held else self.typed.num_rows for name in columns.counted()
        }


def read_part(recorded: PartManifest, own: list[str], wanted: list[str]) -> Part:
    """Read an experiment's table, whose columns are its `own`, for a df01 with the columns `wanted`."""
    path = layout.build03_table(recorded.experiment)
    data = path.read_bytes()
    md5 = parts.checked(recorded, "build03", path, data)
    body = fit(data, own, wanted, path)
    return Part(body, typed_tables.typed(body, wanted, str(path)), md5)


def describe(recorded: PartManifest, part: Part, counted: RowCount, settings: Params) -> Contribution:
    """What an experiment adds, and what that was made from."""
    experiment = recorded.experiment
    listing, source = layout.images_manifest(experiment), layout.sam2_table(experiment)
    listed, sam2 = listing.read_bytes(), source.read_bytes()
    images_md5 = parts.checked(recorded, "images", listing, listed)
    sam2_md5 = parts.checked(recorded, "sam2", source, sam2)
    manifest = images_manifest.parse(listed, str(listing))
    found = funnel.of_embryos(sam2, manifest.frames, counted.rows, str(source))
    if found[funnel.WELL_QC_FLAG] < 0:
        raise ContentError(
            f"{layout.build03_table(experiment)}: has {counted.rows} rows, {source} only "
            f"{found[funnel.SAM2_ROWS]}. Run `dvc repro build03` for it"
        )
    return Contribution(
        rows=counted.rows,
        embryos=len(counted.embryos),
        wells=len(counted.wells),
        frames=manifest.counts.frames,
        contributed=counted.contributed,
        segmenter=settings.experiment(experiment).segmenter,
        images=images_md5,
        sam2=sam2_md5,
        build03=part.md5,
        versions=settings.versions(STAGES),
        blank=part.blank,
        funnel=funnel.of_frames(manifest) | found,
    )


def build(settings: Params) -> CohortManifest:
    """Write df01 and return its manifest; only a few experiments are in memory at a time."""
    parts.check_listed("df01", settings.experiments)
    recorded = [part_manifest.read("df01", experiment) for experiment in cohort_tables.listed(settings)]
    own = {part.experiment: read_columns(layout.build03_table(part.experiment)) for part in recorded}
    wanted, filled = union(own)
    path = layout.cohort_table("df01")
    described: dict[str, Contribution] = {}
    with (
        files.replacing(path) as temporary,
        temporary.open("wb") as out,
        files.replacing(layout.typed_table("df01")) as copy,
        typed_tables.writing(copy, wanted) as write,
    ):
        head = _header(wanted)
        whole = xxhash.xxh3_128(head)
        out.write(head)
        # Reading, md5 and parsing go on beside counting and writing.
        read = ahead(lambda part: read_part(part, own[part.experiment], wanted), recorded)
        for taken, part in zip(recorded, read, strict=True):
            counted = count_part(taken.experiment, part.body, layout.build03_table(taken.experiment))
            described[taken.experiment] = describe(taken, part, counted, settings)
            whole.update(part.body)
            out.write(part.body)
            write(part.typed)
    return CohortManifest(
        schema=cohort_manifest.SCHEMA,
        table=path.name,
        hash=whole.hexdigest(),
        rows=sum(part.rows for part in described.values()),
        columns=len(wanted),
        filled=filled,
        params={name: settings.values[name] for name in SETTINGS},
        versions=settings.versions(["df01"]),
        model=None,
        coverage=None,
        experiments=described,
        digest="",
    )


def _header(wanted: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(wanted)
    return text.getvalue().encode()


@click.command("df01", cls=StageCommand)
def main() -> None:
    """Build df01 from every listed experiment."""
    manifest = build(params.read())
    cohort_tables.record("df01", manifest)
    for name, experiments in manifest.filled.items():
        note(f"df01: column {name!r} is blank for {', '.join(experiments)}, whose tables lack it")


if __name__ == "__main__":
    main()

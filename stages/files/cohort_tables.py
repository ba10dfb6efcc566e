"""What the cohort stages share: checking the list of experiments, writing a table with what is told of it."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pandas as pd

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.cohort import columns, losses, typed_tables
from morphseq_manifest.cohort.manifests import cohort_manifest, table_blocks, table_rows
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from morphseq_manifest.cohort.manifests.table_rows import RowCount
from morphseq_manifest.cohort.params import Params
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from stages.files import layout, metrics, tables


def listed(settings: Params) -> list[str]:
    """The experiments of params.yaml, in id order. Raises ConfigError if there are none."""
    if not settings.experiments:
        raise ConfigError(f"{PARAMS}: no experiment is listed under `experiments`. List at least one")
    return list(settings.experiments)


def check_experiments(present: Sequence[str], settings: Params, where: str) -> None:
    """Raise ContentError unless the experiments `present` in a table or manifest are those listed in params.yaml."""
    listed = settings.experiments.keys()
    missing, extra = sorted(listed - set(present)), sorted(set(present) - listed)
    if missing or extra:
        raise ContentError(
            f"{where}: its experiments are not those of {PARAMS}: missing {missing or 'none'}, "
            f"not listed {extra or 'none'}. Run the stage before it again"
        )


def read_table(name: str, settings: Params) -> tuple[pd.DataFrame, CohortManifest]:
    """A cohort table as text, with its manifest. Raises ContentError if these and the params don't agree."""
    manifest = cohort_manifest.read(layout.cohort_manifest(name))
    path = layout.cohort_table(name)
    check_experiments(list(manifest.experiments), settings, str(layout.cohort_manifest(name)))
    table = tables.read_text(path)
    if len(table) != manifest.rows or hash_file(path) != manifest.hash:
        raise ContentError(f"{path}: not the table of {layout.cohort_manifest(name)}. Run `dvc repro {name}` again")
    return table, manifest


def write_table(
    name: str,
    table: pd.DataFrame,
    source: CohortManifest,
    describe: Callable[[str, Contribution], Contribution],
    **changes: Any,
) -> CohortManifest:
    """Write a table made of an earlier one, its manifest and metrics.

    `table` is text; `source` is the manifest of the earlier one. An experiment's part is what it was there, with the
    new rows and whatever `describe` makes of it; `changes` are fields of the manifest.
    """
    path = layout.cohort_table(name)
    names = [str(column) for column in table.columns]
    with (
        files.replacing(path) as temporary,
        files.replacing(layout.typed_table(name)) as copy,
        typed_tables.writing(copy, names) as write,
    ):
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
        counted = table_rows.count_table(temporary).checked(str(path), "Run the stages before it again").experiments
        digest = hash_file(temporary)
        for _, lines in table_blocks.blocks(temporary):
            write(typed_tables.typed(lines, names, str(path)))
    blanks = count_blanks(table)
    experiments = {}
    for experiment, part in source.experiments.items():
        rows = counted.get(experiment, RowCount())
        experiments[experiment] = describe(experiment, with_rows(part, rows, blanks.get(experiment, {})))
    manifest = msgspec.structs.replace(
        source,
        schema=cohort_manifest.SCHEMA,
        table=path.name,
        hash=digest,
        rows=len(table),
        columns=len(table.columns),
        experiments=experiments,
        **changes,
    )
    record(name, manifest)
    return manifest


def record(name: str, manifest: CohortManifest) -> None:
    """Write a table's manifest and metrics, and say what is in it, and of which experiments it has no row."""
    cohort_manifest.write(layout.cohort_manifest(name), manifest)
    metrics.write(name, manifest)
    note(f"{name}: {manifest.rows} rows of {len(manifest.experiments)} experiments")
    for experiment, part in manifest.experiments.items():
        if not part.rows:
            note(f"{name}: {losses.no_row(experiment, part)}")


def with_rows(part: Contribution, counted: RowCount, blank: dict[str, int]) -> Contribution:
    """An experiment's part with these rows."""
    return msgspec.structs.replace(
        part,
        rows=counted.rows,
        embryos=len(counted.embryos),
        wells=len(counted.wells),
        contributed=counted.contributed,
        blank=blank,
    )


def count_blanks(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """By experiment and counted column, how many cells are empty; all of one that the table lacks."""
    blank = table.reindex(columns=columns.counted(), fill_value="") == ""
    counts = blank.groupby(table["experiment_date"]).sum()
    return {str(experiment): {str(k): int(v) for k, v in row.items()} for experiment, row in counts.iterrows()}

"""The rows of df02 that the page shows, and the latents of df03: read once, some columns only."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.answers.table import reading
from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import COLUMNS, Dtype, is_latent
from morphseq_manifest.cohort.row_keys import KEY
from morphseq_manifest.cohort.snapshot import CohortSnapshot

EXPERIMENT, WELL, EMBRYO, SNIP = KEY
TIME, STAGE, AREA = "time_int", "predicted_stage_hpf", "area_um2"
USABLE, REASONS, CHORION = "use_embryo_flag", "qc_fail_reasons", "in_chorion"
# What is raised if something is wrong; `use_embryo_flag` is the other way round.
FLAGS = tuple(
    column.name
    for column in COLUMNS
    if column.dtype is Dtype.FLAG and column.name.rstrip("2").endswith("_flag") and column.name != USABLE
)
_BIOLOGICAL = "z_mu_b_"


UNKNOWN = -1


class Rows(msgspec.Struct, frozen=True):
    """Columns by name, all of one length: texts as str or None, numbers as floats, flags as 1, 0 or UNKNOWN (int8)."""

    columns: dict[str, NDArray[Any]]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.columns[EXPERIMENT])

    def numbers(self, name: str) -> NDArray[np.floating]:
        """A column of numbers, of which all are not known (NaN) if the table has no such column."""
        found = self.columns.get(name)
        return np.full(self.count, np.nan) if found is None else found

    def flags(self, name: str) -> NDArray[np.int8]:
        """A column of flags, of which all are UNKNOWN if the table has no such column."""
        found = self.columns.get(name)
        return np.full(self.count, UNKNOWN, np.int8) if found is None else found

    def texts(self, name: str) -> list[str | None]:
        """A column of texts, of which all are None if the table has no such column."""
        found = self.columns.get(name)
        return [None] * self.count if found is None else found.tolist()

    def by_experiment(self) -> Iterator[tuple[str, "Rows"]]:
        """Each experiment that has rows, which stand together, with these."""
        names = self.columns[EXPERIMENT]
        starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist()] if len(names) else []
        for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
            yield str(names[start]), Rows({name: column[start:end] for name, column in self.columns.items()})


def of_df02(snapshot: CohortSnapshot, experiments: Collection[str]) -> Rows:
    """The rows of these experiments in df02, with keys, time, stage, area and flags. Raises as read_table does."""
    table = Table("df02", snapshot)
    wanted = [*KEY, TIME, STAGE, AREA, CHORION, USABLE, REASONS, *FLAGS]
    return _read(table, snapshot, experiments, [name for name in wanted if name in table.columns])


def of_df03(snapshot: CohortSnapshot, experiments: Collection[str]) -> tuple[Rows, list[str]]:
    """The rows of these experiments in df03, with stage and latents, and the names of these.

    Of a VAE that splits its latents they are the biological ones. Raises as read_table does.
    """
    table = Table("df03", snapshot)
    latents = [name for name in table.columns if is_latent(name)]
    wanted = [name for name in latents if name.startswith(_BIOLOGICAL)] or latents
    return _read(table, snapshot, experiments, [EXPERIMENT, STAGE, *wanted]), wanted


def _read(table: Table, snapshot: CohortSnapshot, experiments: Collection[str], names: list[str]) -> Rows:
    known = table.manifest.experiments
    # Without a choice a table is read whole, which is faster; all are wanted if all that it has are.
    chosen = None if set(known) <= set(experiments) else [name for name in experiments if name in known]
    frame = reading.read(table, snapshot, chosen, columns=names)
    return Rows({name: _as_array(frame[name], columns.dtype_of(name)) for name in names})


def _as_array(column: Any, dtype: Dtype) -> NDArray[Any]:
    if dtype is Dtype.FLAG:
        flags: NDArray[np.int8] = column.astype("Int8").to_numpy(np.int8, na_value=UNKNOWN)
        return flags
    if dtype is Dtype.TEXT:
        texts: NDArray[np.object_] = column.to_numpy(object, na_value=None)
        return texts
    single = dtype is Dtype.SINGLE
    numbers: NDArray[np.floating] = column.to_numpy(np.float32 if single else np.float64, na_value=np.nan)
    return numbers

"""The perturbation key: a table of what is known of each genotype, or of each chemical, which df02 joins."""

from pathlib import Path

import pandas as pd

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from stages.files import cell_texts, delimited, layout, tables

# What a key can be of: columns of df01.
OF = ("chem_perturbation", "genotype")
_SHOWN = 5


def read(path: Path) -> pd.DataFrame:
    """The key, as text: its first column is one of OF, all others go into df02.

    Raises as delimited.read does, and ContentError naming row or column of a value twice, or blank, of a first column
    that is no such one, or of another that the pipeline has itself.
    """
    key = delimited.read(path, ())
    first, *others = key.columns
    if first not in OF:
        raise ContentError(f"{path}: its first column is {first!r}, expected {' or '.join(OF)}. Put that first")
    known = {column.name for column in columns.COLUMNS}
    own = next((name for name in others if name in known or columns.writer(name)), None)
    if own:
        raise ContentError(f"{path}: column {own!r} is one that the tables have already. Rename it")
    blank = key.index[key[first] == tables.EMPTY]
    if len(blank):
        raise ContentError(f"{path}, row {blank[0] + 2}: {first} is blank. Name it, or remove the row")
    for name in key.columns:
        wrong = key.index[key[name].map(cell_texts.is_error)]
        if len(wrong):
            raise ContentError(
                f"{path}, row {wrong[0] + 2}: {name} is {key.loc[wrong[0], name]!r}, an error of the spreadsheet's. "
                "Correct it, or empty the cell"
            )
    twice = key.index[key.duplicated(first)]
    if len(twice):
        raise ContentError(
            f"{path}, row {twice[0] + 2}: {first} {key.loc[twice[0], first]!r} is duplicated. Remove one"
        )
    return key


def join(table: pd.DataFrame, key: pd.DataFrame, path: Path) -> pd.DataFrame:
    """df02 (text, `path` is for messages) with what the key says of each row; blank for a value that it lacks.

    How many values have no entry is noted. Raises ContentError if the table lacks the key's column, or has one that the
    key would add.
    """
    of, *added = key.columns
    if not added:
        return table
    if of not in table.columns:
        raise ContentError(f"{layout.PERTURBATION_KEY}: is of {of}, which no plate has. Remove it, or name its plates'")
    twice = next((name for name in added if name in table.columns), None)
    if twice is not None:
        raise ContentError(f"{layout.PERTURBATION_KEY}: column {twice!r} is in {path} already. Rename one of them")
    is_known = table[of].isin(key[of]) | (table[of] == tables.EMPTY)
    if not is_known.all():
        values = sorted(table[of][~is_known].unique())
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        note(
            f"df02: {len(values)} values of {of}, in {int((~is_known).sum())} rows, have no entry in "
            f"{layout.PERTURBATION_KEY}: {', '.join(map(repr, values[:_SHOWN]))}{more}"
        )
    return table.merge(key, on=of, how="left", validate="many_to_one").fillna(tables.EMPTY)

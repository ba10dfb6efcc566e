"""`morphseq show`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_experiments

if TYPE_CHECKING:
    from morphseq_manifest.answers.table.conditions import Condition

_FORMS = ("csv", "parquet", "json")


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq show df02 --experiments 20240418",
        "morphseq show df03 --rev v1.0 --experiments 20240418,20250305_1 --output two.csv",
        'morphseq show df02 --columns snip_id,area_um2 --where "use_embryo_flag and area_um2 > 1e5"',
        "morphseq show df03 --later-than 20240401 --output later.parquet",
    ),
)
@click.argument("table", shell_complete=completing.tables)
@click.option("--rev", metavar="REV", help="The table as of this commit, from DVC's cache or its remote.")
@with_experiments
@click.option("--experiment", multiple=True, hidden=True, help="As --experiments, for who names one.")
@click.option("--columns", multiple=True, metavar="A,B", help="Only these columns.")
@click.option("--where", metavar="CONDITION", help="Only rows that fulfil it: columns compared, with and, or, not.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write this file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="What to write (by the ending of FILE, or else csv); in Parquet and JSON each column has its type.",
)
@click.pass_obj
def show(
    root: Path,
    table: str,
    rev: str | None,
    experiments: tuple[str, ...],
    later_than: str | None,
    experiment: tuple[str, ...],
    columns: tuple[str, ...],
    where: str | None,
    output: Path | None,
    form: str | None,
) -> None:
    """Print the rows of TABLE, or of some experiments in it.

    TABLE is df01, df02 or df03, as it is or as of a commit, of which nothing is checked out. The lines are those of the
    table, to the byte, and are held against its manifest. A blank cell fulfils no condition. Exit status: 0 if all is
    well, 3 if the rows are not those that were recorded, 4 if the table is not there.
    """
    from morphseq_manifest.answers.table import writing
    from morphseq_manifest.answers.table.rows import Table
    from morphseq_manifest.base import files
    from morphseq_manifest.base.display import counted
    from morphseq_manifest.cohort import tables

    form = _form(form, output)
    if form != "csv" or where:
        _check_pyarrow("--where" if where else f"--format {form}")
    snapshot = tables.at(root, rev, table)
    found = Table(table, snapshot)
    if output is not None:
        from morphseq_manifest.tracker import own_files

        own_files.check_free(root, output)
    chosen, undated = found.select((*experiments, *experiment), later_than)
    choice = writing.Choice(chosen, writing.columns_of(found, columns), _condition(where, found.columns))
    if undated:
        note(f"undated, and so left out: {', '.join(undated)}")
    if output is None:
        with printing():
            writing.write(found, choice, form, sys.stdout.buffer, snapshot.commit)
        return
    with files.replacing(output) as temporary:
        if form == "parquet":
            writing.write_parquet(found, choice, temporary)
        else:
            with temporary.open("wb") as out:
                writing.write(found, choice, form, out, snapshot.commit)
    note(f"{output} written: rows of {counted(len(chosen), 'experiment')}")


def _form(form: str | None, output: Path | None) -> str:
    """In which form to write. Raises ConfigError if a file's ending tells none, or another."""
    if output is None:
        if form == "parquet":
            raise ConfigError("--format parquet is not text: give --output FILE")
        return form or "csv"
    ending = output.suffix.removeprefix(".").lower()
    if (form is None and ending not in _FORMS) or (form is not None and ending in _FORMS and ending != form):
        endings = ", ".join(f".{name}" for name in _FORMS)
        raise ConfigError(f"{output}: give it one of the endings {endings}, or no such ending and --format")
    return form or ending


def _check_pyarrow(option: str) -> None:
    """Raise ConfigError if an option can't be followed, since pyarrow is not installed."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ConfigError(f"{option} needs pip install 'morphseq-manifest[stages]'")


def _condition(where: str | None, columns: list[str]) -> "Condition | None":
    if where is None:
        return None
    from morphseq_manifest.answers.table.conditions import Condition

    return Condition(where, columns)

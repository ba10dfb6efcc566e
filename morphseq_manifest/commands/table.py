"""`morphseq table`."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands.options import with_experiments


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq table df02 --experiments 20240418",
        "morphseq table df03 --experiments 20240418,20250305_1 --output two.csv",
        "morphseq table df03 --later-than 20240401 --output later.parquet",
    ),
)
@click.argument("table")
@with_experiments
@click.option("--experiment", multiple=True, hidden=True, help="As --experiments, for who names one.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write this file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet"]),
    help="What to write (by the ending of FILE, or else csv); Parquet has a type for each column.",
)
@click.pass_obj
def table(
    root: Path,
    table: str,
    experiments: tuple[str, ...],
    later_than: str | None,
    experiment: tuple[str, ...],
    output: Path | None,
    form: str | None,
) -> None:
    """Print the rows of some experiments in TABLE.

    TABLE is df01, df02 or df03. The lines are those of the table, to the byte, and are held against its manifest. Exit
    status: 0 if all is well, 3 if the rows are not those that were recorded, 4 if the table is not there.
    """
    from morphseq_manifest.answers.table import rows
    from morphseq_manifest.base import files
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    is_parquet = form == "parquet" or (form is None and output is not None and output.suffix == ".parquet")
    if is_parquet and output is None:
        raise ConfigError("--format parquet is not text: give --output FILE")
    if is_parquet and find_spec("pyarrow") is None:
        raise ConfigError("--format parquet needs pyarrow: pip install 'morphseq-manifest[stages]'")
    found = rows.Table(table, CohortSnapshot(root))
    if output is not None and output.resolve() == found.path.resolve():
        raise ConfigError(f"{output} is the table itself: name another file")
    chosen, undated = found.select((*experiments, *experiment), later_than)
    if undated:
        note(f"undated, and so left out: {', '.join(undated)}")
    if output is None:
        with printing():
            rows.write_csv(found, chosen, sys.stdout.buffer)
        return
    with files.replacing(output) as temporary:
        if is_parquet:
            rows.write_parquet(found, chosen, temporary)
        else:
            with temporary.open("wb") as out:
                rows.write_csv(found, chosen, out)
    note(f"{output} written: rows of {len(chosen)} experiments")

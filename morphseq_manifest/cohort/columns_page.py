"""docs/columns.md: the columns of the cohort tables as a page for people, made from cohort.columns."""

from collections.abc import Iterable
from pathlib import Path

import click

from morphseq_manifest.base import files
from morphseq_manifest.base.console import Command, note
from morphseq_manifest.cohort import columns, row_keys
from morphseq_manifest.cohort.columns import Column, Source

PAGE = Path("docs/columns.md")
_COMMAND = "python -m morphseq_manifest.cohort.columns_page"
_HEAD = f"""\
# The columns of df01, df02 and df03

<!-- Written by `{_COMMAND}` from morphseq_manifest/cohort/columns.py. -->

A row is an embryo in a frame. Rows are sorted by experiment and `snip_id`, and begin with
{{key}}. df01 has the columns of `sam2`, of the plate table and of
`build03`; df02 adds its own; df03 has the usable rows only, and adds the latents.

Read them with `read_table`, which gives every column its type, and a blank cell as missing (`pandas.NA`):

```python
from morphseq_manifest import read_table

df03 = read_table("df03")  # in the project's folder; else root="..."
two = read_table("df02", experiments=["20240418", "20250305_1"])  # only their rows; check=True compares the md5, too
alive = two[~two["dead_flag"]]  # a row of which it is not known is neither in this nor in two[two["dead_flag"]]
```

Each table is a CSV file (UTF-8, commas), which is the record, with a typed copy of it in Parquet beside it for other
programs: `embryo_metadata_df03.parquet`, an experiment a row group. `morphseq show df02 --experiments 20240418` prints
the rows of an experiment. Read as plain CSV, a flag with blanks is no longer one (`astype(bool)` makes a blank `True`),
and an id that looks like a number becomes one. The types below are pandas' names; `read_table` gives the nullable ones
(string, Int64, Float64, Float32, boolean). A column that is not listed is text.

To add a column, add it to `columns.py`, compute it in its stage, and write this page anew.
"""
_SECTIONS = {
    Source.SAM2: ("`sam2`", "What the stage finds. `experiment_id` is in its own tables only."),
    Source.PLATE: (
        "The plate table",
        "The acquisition table's cells, without the blanks around them. It must have {needed}. Columns that are not "
        "listed here pass through as well; its own `experiment_date` does not. What people decide may stand in the "
        "plate's workbook, too, or only there ({people}): what it says of a well goes before what the table says.",
    ),
    Source.BUILD03: ("`build03`", "What the stage measures, and what the QC masks say."),
    Source.DF02: (
        "`df02`",
        "What only the whole cohort can say of an embryo. The columns of the perturbation key follow, as they are.",
    ),
    Source.SNIPS: ("`snips`", "How the snip was cut; in df03, before its latents."),
    Source.LATENTS: ("`latents`", "One column a latent; `NN` is its number. How many there are depends on the VAE."),
}
_TABLE = "| column | type | unit | meaning | an empty cell means |\n|---|---|---|---|---|\n"


def render() -> str:
    """The page, in Markdown."""
    head = _HEAD.format(key=_listed(row_keys.KEY))
    return head + "".join(_section(source, title, text) for source, (title, text) in _SECTIONS.items())


def _section(source: Source, title: str, text: str) -> str:
    people = [column.name for column in columns.of(Source.PLATE) if column.in_workbook]
    said = text.format(needed=_listed(columns.needed_of_plate()), people=_listed(people))
    rows = "".join(_row(column) for column in columns.of(source))
    return f"\n## {title}\n\n{said}\n\n{_TABLE}{rows}"


def _row(column: Column) -> str:
    also = f"in a workbook also {_listed(column.in_workbook[1:])}" if column.in_workbook else ""
    meaning = "; ".join(filter(None, (column.meaning.replace("|", "\\|"), column.limits, also)))
    return f"| `{column.name}` | {column.dtype} | {column.unit} | {meaning} | {column.blank or '(none)'} |\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@click.command(cls=Command)
def main() -> None:
    """Write docs/columns.md."""
    files.write_bytes(PAGE, render().encode())
    note(f"{PAGE} written")


if __name__ == "__main__":
    main()

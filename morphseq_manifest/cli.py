"""The `morphseq` command."""

from pathlib import Path

import click

from morphseq_manifest import cohort_manifest
from morphseq_manifest.console import Group


@click.group(cls=Group)
@click.option(
    "-C", "root", type=click.Path(path_type=Path, file_okay=False), default=".", help="Work on the project in DIR."
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Which experiments, with which content, are in df01, df02 and df03."""
    context.obj = root


@main.command()
@click.argument("table")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def provenance(root: Path, table: str, as_json: bool) -> None:
    """Show which experiments are in TABLE (df01, df02 or df03)."""
    from morphseq_manifest import display
    from morphseq_manifest.provenance import manifest_path, rows

    manifest = cohort_manifest.read(manifest_path(table, root))
    if as_json:
        display.show_json("morphseq/provenance/1", {"table": table, "experiments": rows(manifest)})
    else:
        display.show_table(rows(manifest), f"{table}: {manifest.rows} rows of {len(manifest.experiments)} experiments")


if __name__ == "__main__":
    main()

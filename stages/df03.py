"""Stage `df03` (the lab's Build06): joins df02's usable rows with their latents."""

from pathlib import Path

import click
import msgspec
import pandas as pd

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns, params, row_keys
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.cohort.manifests import part_manifest
from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout, parts, plots, tables
from stages.imaging.share import Share

STAGES = ("snips", "latents")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `df03`: the share of an experiment's usable rows that must have latents."""

    min_latent_coverage: Share


def join(df02: pd.DataFrame, latents: pd.DataFrame) -> pd.DataFrame:
    """The usable rows of df02 with their latents (index snip_id), blank if a snip has none; all text."""
    usable = df02[df02["use_embryo_flag"] == tables.TRUE]
    return usable.join(latents, on="snip_id", how="left").fillna("")


def count_latents(df03: pd.DataFrame, column: str) -> dict[str, int]:
    """By experiment, how many rows have a value in this latent column."""
    counts = (df03[column] != "").groupby(df03["experiment_date"]).sum()
    return {str(experiment): int(count) for experiment, count in counts.items()}


def check_coverage(experiments: dict[str, tuple[int, int]], minimum: float) -> None:
    """Raise ContentError naming every experiment whose (rows with latents, rows) is below `minimum`."""
    short = [f"{name} ({count} of {rows})" for name, (count, rows) in experiments.items() if count < minimum * rows]
    if short:
        raise ContentError(
            f"df03: rows with latents are below df03.min_latent_coverage ({minimum:g}) in {', '.join(short)}. "
            "Run snips and latents for them, see why their snips are missing, or lower it in params.yaml"
        )


def read_latents(path: Path, expected: list[str] | None) -> pd.DataFrame:
    """One experiment's latents as text, by snip_id, after how the snips were cut, which a table of the lab's may lack.

    Raises ContentError for columns other than `expected`, if given.
    """
    table = tables.read_text(path)
    tables.require(table, row_keys.LATENTS_KEY, path)
    own, cut = [name for name in table.columns if name not in row_keys.LATENTS_KEY], columns.names(Source.SNIPS)
    wanted = [*cut, *(name for name in own if name not in cut)]
    latents = table.set_index("snip_id").reindex(columns=wanted, fill_value="")
    if not latents.index.is_unique:
        raise ContentError(f"{path}: a snip_id is duplicated. Run latents again")
    if expected is not None and list(latents.columns) != expected:
        raise ContentError(f"{path}: its latents are not those of the other experiments. Run latents again")
    return latents


@click.command("df03", cls=StageCommand)
@click.option("--model", required=True, help="The model folder whose latents are joined.")
def main(model: str) -> None:
    """Build df03 from df02 and the latents of MODEL."""
    settings = params.read()
    parts.check_listed("df03", settings.experiments)
    df02, source = cohort_tables.read_table("df02", settings)
    paths = {experiment: layout.latents_table(model, experiment) for experiment in cohort_tables.listed(settings)}
    md5s: dict[str, str] = {}
    read: list[pd.DataFrame] = []
    for experiment, path in paths.items():
        recorded = part_manifest.read("df03", experiment)
        md5s[experiment] = parts.checked(recorded, "latents", path, files.read_bytes(path, "Run latents for it"))
        read.append(read_latents(path, list(read[0].columns) if read else None))
    latents = pd.concat(read)
    df03 = join(df02, latents)
    embedded = count_latents(df03, latents.columns[-1])
    total = {str(experiment): int(rows) for experiment, rows in df03["experiment_date"].value_counts().items()}
    coverage = {experiment: (embedded[experiment], total[experiment]) for experiment in sorted(total)}
    check_coverage(coverage, settings.block("df03", Settings).min_latent_coverage)

    def describe(experiment: str, part: Contribution) -> Contribution:
        return msgspec.structs.replace(
            part,
            versions=part.versions | settings.versions(STAGES),
            latents=md5s[experiment],
            with_latents=embedded.get(experiment, 0),
        )

    manifest = cohort_tables.write_table(
        "df03",
        df03,
        source,
        describe,
        params=source.params | {name: settings.values[name] for name in ("snips", "df03")},
        versions=source.versions | settings.versions(["df03"]),
        model=model,
        coverage=sum(embedded.values()) / len(df03) if len(df03) else None,
    )
    plots.write(layout.plot("coverage"), plots.coverage(manifest))


if __name__ == "__main__":
    main()

"""Looking through a data root of the lab: `python -m stages.lab.look`, which `morphseq adopt` runs as a program."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import msgspec

from morphseq_manifest.base.console import Command
from morphseq_manifest.base.errors import MorphseqError, UnreadableError, described
from morphseq_manifest.base.progress import watching
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.lab_root import Asked, Found, LabRoot, Standing
from stages.files import layout
from stages.files.frame_checks import Settings
from stages.lab import keys, places
from stages.lab.places import DataRoot
from stages.lab.steps import Experiment
from stages.networks.qc_networks import QcSettings

_TABLES = ("df01", "df02", "df03")
# Listing folders waits for storage more than for the processor.
_LOOKERS = 8


def look(root: DataRoot, wanted: list[str]) -> LabRoot:
    """What is there of each experiment (all if none is `wanted`) and step, and of the cohort tables.

    Raises UnreadableError if there is no such root.
    """
    if not root.path.is_dir():
        raise UnreadableError(f"{root.path}: no such folder. Name the lab's data root: what has built_image_data in it")
    there, odd = places.experiments(root)
    names = wanted or there
    with ThreadPoolExecutor(_LOOKERS) as pool, watching("adopt", len(names), "experiments") as advance:
        found = {}
        for name, steps in zip(names, pool.map(lambda name: Experiment(root, name).look(), names), strict=True):
            found[name] = steps
            advance(1)
    return LabRoot(found, {name: _table(root, name, there) for name in _TABLES}, [] if wanted else odd)


def _table(root: DataRoot, name: str, there: list[str]) -> Found:
    """A cohort table, held against the experiments that are there."""
    path = root.at(layout.cohort_table(name))
    if not path.exists():
        return Found(Standing.MISSING)
    try:
        rows = keys.of_cohort(path)
    except MorphseqError as error:
        return Found(Standing.UNREADABLE, told=[str(error)])
    except OSError as error:
        return Found(Standing.UNREADABLE, told=[described(error)])
    gone = [
        f"{count:,} rows of {one!r}, of which nothing else is there" for one, count in rows.items() if one not in there
    ]
    amount = f"{sum(rows.values()):,} rows of {len(rows)} experiments"
    return Found(Standing.CONTRADICTORY if gone else Standing.WHOLE, amount, gone)


@click.command("look", cls=Command)
def main() -> None:
    """Look through a data root, named as JSON on stdin, and print what is there of each experiment as JSON."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    settings = params.read()
    networks = settings.block("qc_masks", QcSettings).models.names()
    most_unfit = settings.block("images", Settings).most_unfit
    root = DataRoot(Path(asked.root), networks, settings.values["model_name"], most_unfit)
    sys.stdout.buffer.write(msgspec.json.encode(look(root, asked.experiments)))


if __name__ == "__main__":
    main()

"""The simulated plates: what is in their wells, and the command that writes them into a data root."""

import sys
from pathlib import Path

import click

from morphseq_manifest.base.console import Command, note
from simulation.plate import Plate, well_names
from simulation.wells import Well
from simulation.writing import write_plate, write_reference


def _with(count: int, usual: Well, **special: Well) -> dict[str, Well]:
    return {name: special.get(name, usual) for name in well_names(count)}


HATCHED = Well(chorion=False)

TIME_LAPSE = Plate(
    "20250101",
    _with(
        12,
        Well(),
        A03=Well(bubble="near"),
        A04=Well(dead=(0.42, 0.46, 0.5, 0.54, 0.58, 0.62)),
        A05=Well(out_of_focus=True),
        A06=Well(edge=True),
        A07=Well(bubble="far"),
        A09=Well(chorion=False),
        A10=Well(bubble="near"),
    ),
    frames=8,
    start_age_hpf=26.0,
)

SNAPSHOT = Plate(
    "20250102_snapshot",
    _with(
        24,
        HATCHED,
        A02=Well(chorion=False, dead=(0.4,)),
        A03=Well(chorion=False, dead=(0.65,)),
        A04=Well(dead=(0.5,)),
        A05=Well(chorion=False, out_of_focus=True),
        A06=Well(chorion=False, out_of_focus=True),
        A07=Well(out_of_focus=True),
        A08=Well(chorion=False, bubble="near"),
        A09=Well(chorion=False, bubble="near"),
        A10=Well(bubble="near"),
        A11=Well(chorion=False, edge=True),
        A12=Well(chorion=False, edge=True),
        B01=Well(edge=True),
        B02=Well(),
        B03=Well(bubble="far"),
    ),
    frames=1,
    start_age_hpf=48.0,
)

AWKWARD = Plate(
    "SimFish_awkward_v1.2_b",
    _with(
        8,
        Well(),
        A02=Well(missing=(2,)),
        A03=Well(temperature=None),
        A04=Well(embryos=2),
        A05=Well(embryos=0),
        A06=Well(dead=(0.0, 0.0, 0.0, 0.35, 0.5, 0.62)),
        A07=Well(bubble="near"),
        A08=Well(edge=True),
    ),
    frames=6,
    start_age_hpf=26.0,
    objective="4× / 0.13",  # noqa: RUF001
)

PLATES = (TIME_LAPSE, SNAPSHOT, AWKWARD)


@click.command(cls=Command)
@click.argument("data_root", type=click.Path(file_okay=False, path_type=Path))
def main(data_root: Path) -> None:
    """Write the simulated plates, with the truth about them, into DATA_ROOT. What is there already stays as it is."""
    total = sum(len(list(plate.times(well))) for plate in PLATES for well in plate.wells)
    with click.progressbar(length=total, label="simulated plates", file=sys.stderr) as bar:
        outcomes = [write_plate(plate, data_root, lambda: bar.update(1)) for plate in PLATES]
    write_reference(data_root)
    for plate, written in zip(PLATES, outcomes, strict=True):
        note(f"{plate.experiment}: {'written' if written else 'there already, unchanged'}")


if __name__ == "__main__":
    main()

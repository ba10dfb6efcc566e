"""A simulated experiment: its wells, and when which frame of them is taken."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulation.scene import Scene
from simulation.wells import Well, scene

TEMPERATURE_C = 28.5
_SECONDS_A_WELL = 12.0


@dataclass(frozen=True)
class Plate:
    """An experiment: its wells, frames a well, and when they are taken."""

    experiment: str
    wells: Mapping[str, Well]
    frames: int
    start_age_hpf: float
    interval_h: float = 0.5
    objective: str = "4x"

    def seconds(self, well: str, time_int: int) -> float:
        """When a frame is taken, in s from the plate's first one: wells are imaged one after the other."""
        return time_int * self.interval_h * 3600 + list(self.wells).index(well) * _SECONDS_A_WELL

    def stage_hpf(self, well: str, time_int: int) -> float:
        """The stage of a well's embryos (Kimmel 1995); where the table's temperature is blank it was the usual one."""
        temperature = self.wells[well].temperature or TEMPERATURE_C
        return self.start_age_hpf + self.seconds(well, time_int) / 3600 * (0.055 * temperature - 0.57)

    def scene(self, well: str, time_int: int) -> Scene:
        """What a well's frame shows."""
        name = f"{self.experiment}/{well}"
        return scene(name, self.wells[well], time_int, self.stage_hpf(well, time_int), self.start_age_hpf)

    def times(self, well: str) -> Iterator[int]:
        """The frames that a well has an image of."""
        return (time_int for time_int in range(self.frames) if time_int not in self.wells[well].missing)


def well_names(count: int, first_row: str = "A") -> list[str]:
    """The first `count` wells, row by row, from `first_row` on."""
    names = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13) if row >= first_row]
    return names[:count]

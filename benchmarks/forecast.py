"""How near to what it takes `morphseq run --dry-run` tells: ten simulated plates, after others have run."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, command
from morphseq_manifest.tracker.run import history
from simulation.plate import Plate, well_names
from simulation.plates import PLATES
from simulation.wells import Well
from simulation.writing import write_plate, write_reference

REPOSITORY = Path(__file__).parent.parent
# Of 24 plates.
_KNOWN = 14
_BOUND = 0.25
_RUN = ("morphseq", "run", "df01_part", "df03_part", "--jobs", "2")


def figures(quick: bool) -> Iterator[Figure]:
    """By how much times are off: of each plate in the median, at worst, of all stages together, and on the clock.

    On the clock there is also what is nobody's: to start, and to import what stages need, once a worker.
    """
    if quick:
        yield Figure("ten plates foretold: share off", None, _BOUND, note="takes longer than --quick allows")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        os.environ["DVC_SITE_CACHE_DIR"] = f"{folder}/site"
        plates = _make(root)
        ten = plates[_KNOWN:]
        _run(root, plates[:_KNOWN])
        plan = _run(root, ten, "--dry-run")
        begun = time.perf_counter()
        _run(root, ten)
        clock = time.perf_counter() - begun
        kept = {record.stage: record for record in history.read(root)}
    expected = {row["stage"]: row["expected"] for row in plan["stages"] if row["expected"]}
    foretold = {name: numbers["seconds"] for name, numbers in expected.items()}
    took = {name: kept[name].seconds for name in foretold}
    plain = [_off(_of(foretold, name), _of(took, name)) for name in ten]
    yield Figure("ten plates foretold, one in the median: share off", median(plain), _BOUND)
    yield Figure("ten plates foretold, the worst: share off", max(plain), _BOUND, note=_by_group(foretold, took))
    all_of_them, all_took = sum(foretold.values()), sum(took.values())
    note = f"{all_of_them:.1f} s of {len(foretold)} stages, {all_took:.1f} s taken"
    yield Figure("ten plates foretold, together: share off", _off(all_of_them, all_took), _BOUND, note=note)
    cpu = sum(numbers["cpu"] for numbers in expected.values())
    cpu_took = sum(kept[name].cpu or 0 for name in expected)
    note = f"{cpu:.1f} s, {cpu_took:.1f} s taken"
    yield Figure("ten plates foretold, seconds of processors: share off", _off(cpu, cpu_took), _BOUND, note=note)
    told = plan["expected"]["seconds"]
    note = f"{told:.1f} s, {clock:.1f} s taken with start-up"
    yield Figure("ten plates foretold, on the clock: share off", _off(told, clock), _BOUND, note=note)


def _make(root: Path) -> list[str]:
    """Make a project of plates of 4 to 48 frames, in which nothing has run; their names, in no order of size."""
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(root)], check=True)
    command(sys.executable, "-m", "simulation.default_models", "data", folder=root)()
    chance = random.Random(1)
    sizes = [(wells, frames) for wells in (2, 4, 6, 8, 10, 12) for frames in (1, 2, 3, 4)]
    chance.shuffle(sizes)
    names = [f"202506{number:02d}" for number in range(1, len(sizes) + 1)]
    for name, (wells, frames) in zip(names, sizes, strict=True):
        plate = Plate(name, {well: Well() for well in well_names(wells)}, frames=frames, start_age_hpf=26.0)
        write_plate(plate, root / "data")
    write_reference(root / "data")
    command("morphseq", "add", *names, folder=root)()
    command("morphseq", "remove", *(plate.experiment for plate in PLATES), folder=root)()
    return names


def _run(root: Path, experiments: list[str], *options: str) -> dict[str, Any]:
    """What `morphseq run --json` prints of these experiments."""
    words = [*_RUN, "--experiments", ",".join(experiments), "--json", *options]
    done = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != ("--dry-run" in options):
        raise RuntimeError(done.stdout.decode())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _of(seconds: dict[str, float], experiment: str) -> float:
    return sum(taken for name, taken in seconds.items() if name.endswith(f"@{experiment}"))


def _off(told: float, taken: float) -> float:
    return abs(told / taken - 1)


def _by_group(foretold: dict[str, float], took: dict[str, float]) -> str:
    """Of each group of stages, what was foretold and what it took."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    for name in foretold:
        group = sums[name.partition("@")[0]]
        group[0] += foretold[name]
        group[1] += took[name]
    return ", ".join(f"{group} {told:.1f} of {taken:.1f} s" for group, (told, taken) in sums.items())

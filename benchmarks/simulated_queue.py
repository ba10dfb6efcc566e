"""A queueing system that answers as sbatch, squeue and scancel do, and does the work of its jobs by the way.

Every hundredth job is lost, every hundredth ends late, and every fiftieth call is not answered. What it knows lies in
the folder SIMULATED_QUEUE. It is run as a file, and imports nothing but the standard library.
"""

import json
import os
import shlex
import sys
import time
from pathlib import Path

HOME = Path(os.environ["SIMULATED_QUEUE"])
_SHARE, _UNANSWERED = 100, 50


def main() -> None:
    name = Path(sys.argv[0]).name
    with (HOME / "calls").open("a+") as calls:
        calls.write(f"{time.time():.3f} {name}\n")
        calls.seek(0)
        count = sum(1 for _ in calls)
    if count % _UNANSWERED == 0:
        sys.exit(f"{name}: error: Unable to contact slurm controller (connect failure)")
    {"sbatch": sbatch, "squeue": squeue}.get(name, lambda: None)()


def sbatch() -> None:
    """Do what the jobs would do; note those that are lost and those that are late."""
    number = len(list(HOME.glob("job-*"))) + 1
    (HOME / f"job-{number}").touch()
    words = shlex.split(sys.stdin.read().splitlines()[-1].split("$((")[0])
    is_array = any(word.startswith("--array") for word in sys.argv)
    folders = Path(words[-1]).read_text().splitlines() if is_array else [words[-1]]
    with (HOME / "jobs").open("a") as jobs:
        for index, folder in enumerate(folders):
            name = f"{number}_{index}" if is_array else str(number)
            drawn = hash_of(folder) % _SHARE
            if drawn == 0:
                jobs.write(f"{name} lost\n")
            elif drawn == 1:
                jobs.write(f"{name} {folder}\n")
            else:
                work(Path(folder))
    print(number)


def squeue() -> None:
    """All jobs that have not ended well; those that are late end with the next question."""
    path = HOME / "jobs"
    for line in path.read_text().splitlines() if path.exists() else ():
        name, what = line.split(" ", 1)
        if what != "lost":
            work(Path(what))
        print(f"{name}|{'CANCELLED' if what == 'lost' else 'COMPLETED'}|None")


def work(folder: Path) -> None:
    """Make what a job makes: an output, and an end file."""
    if not (folder / "task.json").exists():
        return
    task = json.loads((folder / "task.json").read_text())
    (out,) = task["outs"]
    place = Path(task["place"], out)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    (folder / "ready").touch()
    made = {out: {"": [0, "d41d8cd98f00b204e9800998ecf8427e"]}}
    end = {
        "attempt": folder.name,
        "code": 0,
        "host": "node",
        "seconds": 0.01,
        "cpu": 0.01,
        "memory": 1 << 20,
        "made": made,
    }
    temporary = Path(task["end"]).with_name(f".{folder.name}.tmp")
    temporary.write_text(json.dumps(end))
    temporary.replace(task["end"])


def hash_of(folder: str) -> int:
    """A number for an attempt, the same whenever it is asked for."""
    return int.from_bytes(Path(folder).name.encode(), "big") * 2654435761 % (1 << 32) >> 7


if __name__ == "__main__":
    main()

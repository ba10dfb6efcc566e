"""What a job asks for: from `meta` in dvc.yaml, from the cluster file, and from what earlier runs needed."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.run.capacity import amount_of

MIB = 1 << 20
_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?")
_UNITS = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Without a word about memory a job gets so much; of what an earlier run needed, so many times that.
_LEAST, _MORE = 1 << 30, 1.5


class Request(NamedTuple):
    """What a job gets: processors, memory in bytes, GPUs, and time in seconds (0: what the queue gives)."""

    cores: int = 1
    memory: int = _LEAST
    gpu: int = 0
    time: int = 0

    def grown(self, most: "Request", *, memory: float = 1, time: float = 1) -> "Request":
        """So many times of it, at most what `most` says (0: no limit)."""
        return self._replace(
            memory=_limited(self.memory * memory, most.memory), time=_limited(self.time * time, most.time)
        )

    def __str__(self) -> str:
        parts = [f"{self.cores} cores", f"{self.memory / MIB:.0f} MiB"]
        parts += [f"{self.gpu} GPUs"] if self.gpu else []
        return ", ".join([*parts, f"{self.time / 60:.0f} min"] if self.time else parts)


class Needs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a cluster file says that jobs ask for: of all, of a group or of one stage; None is not said."""

    cores: int | None = None
    memory: str | int | None = None
    gpu: int | None = None
    time: str | int | None = None

    def amounts(self, where: str) -> dict[str, float]:
        """What it says, in bytes and seconds. Raises ConfigError, which says `where`, for what is not an amount."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return amounts({name: value for name, value in given.items() if value is not None}, where)


def amounts(given: Mapping[str, Any], where: str) -> dict[str, float]:
    """Cores, memory (bytes), gpu and time (seconds) as written. Raises ConfigError for what is not an amount."""
    found = {kind: amount_of(kind, given[kind], where) for kind in ("cores", "memory", "gpu") if kind in given}
    if "time" in given:
        found["time"] = seconds(given["time"], where)
    return found


def seconds(written: Any, where: str) -> int:
    """A time such as 30m, 4h, 2d, 08:00:00 or 1-12:00:00. Raises ConfigError for anything else."""
    if match := _CLOCK.fullmatch(str(written)):
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if match := _UNITS.fullmatch(str(written)):
        return round(float(match[1]) * _SECONDS[match[2]])
    raise ConfigError(f"{where}: time: {written!r} is not a time. Write 30m, 4h, 2d or hours:minutes:seconds")


def request(said: Mapping[str, float], most: Request, used: int | None) -> Request:
    """A job's request, of what is `said`, the memory that it `used` before if nothing is, and the limits."""
    memory = said.get("memory") or max(_LEAST, _MORE * used if used else 0)
    asked = Request(
        cores=max(round(said.get("cores", 1) + 0.499), 1), memory=round(memory),
        gpu=round(said.get("gpu", 0)), time=round(said.get("time", 0)),
    )  # fmt: skip
    return asked.grown(most)


def spelt(request: Request, spelling: Mapping[str, str]) -> list[str]:
    """A request as options of the queueing system; `spelling` has the options of each kind, with {placeholders}."""
    minutes = -(-request.time // 60)
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}:00"
    mib = -(-request.memory // MIB)
    values = {
        "cores": request.cores, "gpu": request.gpu, "mib": mib, "mib_per_core": -(-mib // request.cores),
        "minutes": minutes, "seconds": minutes * 60, "clock": clock,
    }  # fmt: skip
    kinds = {"cores": request.cores, "memory": request.memory, "gpu": request.gpu, "time": request.time}
    return [word for kind, amount in kinds.items() if amount for word in shlex.split(spelling[kind].format_map(values))]


def _limited(amount: float, most: int) -> int:
    return round(min(amount, most) if most else amount)

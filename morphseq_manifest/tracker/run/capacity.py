"""What a stage needs, and what this machine has of it: processors, GPUs, memory."""

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.stages import Stage

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_AMOUNTS = {
    "gpu": re.compile(r"(\d+)()"),
    "cores": re.compile(r"(\d+(?:\.\d+)?)()"),
    "memory": re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?"),
}


def needs(stage: Stage) -> dict[str, float]:
    """What `meta` in dvc.yaml says that a stage needs: gpu (a whole number), cores, memory (bytes, or text like 8G).

    Raises ConfigError for what is not an amount.
    """
    amounts: dict[str, float] = {}
    for kind in _AMOUNTS:
        if kind in stage.meta:
            amounts[kind] = amount_of(kind, stage.meta[kind], f"dvc.yaml: stage {stage.name}, meta")
    return amounts


def amount_of(kind: str, written: Any, where: str) -> float:
    """An amount of gpu, cores or memory as it is written. Raises ConfigError, which says `where` it is written."""
    match = _AMOUNTS[kind].fullmatch(str(written))
    if match is None:
        raise ConfigError(f"{where}: {kind}: {written!r} is not an amount")
    return float(match[1]) * _UNITS[match[2]]


def gpus() -> list[str]:
    """The GPUs of this machine that a run may use, as CUDA names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    return sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))


def memory() -> float:
    """The memory of this machine in bytes."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


class Capacity:
    """What is free; `share` stages may use one GPU at a time. Without a GPU, what would like one runs without."""

    def __init__(self, jobs: int, devices: list[str], share: int = 1) -> None:
        self._jobs = jobs
        self._most = {"cores": float(jobs), "memory": memory()}
        self._used = {"cores": 0.0, "memory": 0.0}
        self._devices = {name: share for name in devices}
        self._running = 0
        self._lock = threading.Lock()

    def take(self, wanted: Mapping[str, float]) -> list[str] | None:
        """Take what a stage needs; the GPUs it got, or None if it has to wait.

        A stage that runs alone always gets what it asked for.
        """
        with self._lock:
            amounts = {"cores": wanted.get("cores", 1), "memory": wanted.get("memory", 0)}
            fits = all(self._used[kind] + amount <= self._most[kind] for kind, amount in amounts.items())
            count = min(int(wanted.get("gpu", 0)), len(self._devices))
            free = sorted((name for name in self._devices if self._devices[name]), key=lambda n: -self._devices[n])
            if self._running >= self._jobs or len(free) < count or not (fits or self._running == 0):
                return None
            for kind, amount in amounts.items():
                self._used[kind] += amount
            for name in free[:count]:
                self._devices[name] -= 1
            self._running += 1
            return free[:count]

    def give_back(self, wanted: Mapping[str, float], devices: list[str]) -> None:
        """A stage has ended."""
        with self._lock:
            self._used["cores"] -= wanted.get("cores", 1)
            self._used["memory"] -= wanted.get("memory", 0)
            for name in devices:
                self._devices[name] += 1
            self._running -= 1

"""One attempt, in a process of its own: whatever becomes of it, the campaign goes on and says what it was."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import NamedTuple

# Processes are begun from a fresh one that has loaded what they need: threads and processes can't be mixed otherwise.
_PROCESSES = multiprocessing.get_context("forkserver")


class Attempt(NamedTuple):
    """What is tried: the part's name, the kind, the round from 0, and the seed of its chances."""

    part: str
    kind: str
    number: int
    seed: int


def guarded(attempt: Attempt, prepared: Path, folder: Path) -> list[str]:
    """What an attempt found; also if it hung or took its process with it."""
    from tests.faults.campaign.parts import PARTS

    _PROCESSES.set_forkserver_preload(["tests.faults.campaign.parts"])
    seconds = PARTS[attempt.part].seconds
    own = Path(tempfile.mkdtemp(dir=folder))
    receiving, sending = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_attempt, args=(attempt, prepared, own, sending))
    process.start()
    sending.close()
    try:
        if not receiving.poll(seconds):
            return [f"no end after {seconds} s"]
        found: list[str] = receiving.recv()
        return found
    except EOFError:
        process.join()
        return [f"its process ended: {process.exitcode}"]
    finally:
        if process.pid and process.is_alive():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                process.kill()
        process.join()
        shutil.rmtree(own, ignore_errors=True)


def _attempt(attempt: Attempt, prepared: Path, own: Path, sending: Connection) -> None:
    from tests.faults.campaign.parts import PARTS

    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    part = PARTS[attempt.part]
    chance = Random(f"{attempt.seed} {attempt.part} {attempt.kind} {attempt.number}")
    try:
        found = part.attempt(prepared, own, attempt.kind, attempt.number, chance)
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the attempt found
        found = [traceback.format_exc()]
    sending.send(found)

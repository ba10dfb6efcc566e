"""Starting what a queueing system consists of."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

# The machine's name in its namespaces, and its address there; Grid Engine does not work on 127.0.0.1.
HOST, _ADDRESS = "testhost", "10.99.0.1"
_LONGEST_S, _BEGINS_S = 30, 60


class NotHadError(Exception):
    """A queueing system can't be had on this machine; the message says why."""


def called(*words: str, environment: Mapping[str, str] = os.environ) -> None:
    """Call a command that must succeed. Raises NotHadError."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, env=environment, timeout=_LONGEST_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHadError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise NotHadError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")


def said(*words: str, environment: Mapping[str, str]) -> str:
    """What a command prints; nothing if it fails or does not answer."""
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.strip()


def wait(holds: Callable[[], bool], wrong: str) -> None:
    """Wait until something holds. Raises NotHadError if it does not in time."""
    until = time.monotonic() + _BEGINS_S
    while not holds():
        if time.monotonic() > until:
            raise NotHadError(wrong)
        time.sleep(0.5)


def name_host(folder: Path) -> None:
    """Give this machine a name and an address, in its own namespaces. Raises NotHadError."""
    socket.sethostname(HOST)
    called("ip", "link", "set", "lo", "up")
    called("ip", "address", "add", f"{_ADDRESS}/32", "dev", "lo")
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{_ADDRESS} {HOST}\n")
    called("mount", "--bind", str(hosts), "/etc/hosts")

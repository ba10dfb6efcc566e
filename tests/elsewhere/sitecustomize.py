"""With this folder on PYTHONPATH, the library does in every process what it does on systems other than Linux."""

import os
import sys

from morphseq_manifest.base import system

_fork = os.fork


def _refused() -> int:
    """Fork for others, as DVC does on any system to send what it knows of its use, but not for the library."""
    frame = sys._getframe()
    while caller := frame.f_back:
        frame = caller
        assert not frame.f_globals.get("__name__", "").startswith("morphseq_manifest"), "no fork on other systems"
    return _fork()


system.FORKS = False
os.fork = _refused
del os.memfd_create

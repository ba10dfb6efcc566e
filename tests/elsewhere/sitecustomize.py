"""With this folder on PYTHONPATH, the library does in every process what it does on systems other than Linux."""

import os
import sys

import morphseq_manifest
from morphseq_manifest.base import system

_fork = os.fork
_LIBRARY = os.path.join(os.path.dirname(morphseq_manifest.__file__), "")  # noqa: PTH118, PTH120


def _refused() -> int:
    """Fork for others, as DVC does on any system to send what it knows of its use, but not for the library."""
    frame = sys._getframe()
    while caller := frame.f_back:
        frame = caller
        assert not frame.f_code.co_filename.startswith(_LIBRARY), "nothing is forked on other systems"
    return _fork()


system.FORKS = False
os.fork = _refused
del os.memfd_create

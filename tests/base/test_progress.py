"""Progress: how far, how fast, how long; on a terminal only."""

import os
import pty
import subprocess
import sys

import pytest

from morphseq_manifest.base import progress


def test_progress_says_how_far_how_fast_and_how_long_and_leaves_out_what_was_kept() -> None:
    assert progress.describe(0, 0, 340, "frames", 0.0) == "0 of 340 frames"
    assert progress.describe(40, 40, 340, "frames", 3.0) == "40 of 340 frames, 40 kept"
    assert progress.describe(140, 40, 340, "frames", 50.0) == "140 of 340 frames, 40 kept, 2 a second, 0:01:40 left"
    assert progress.describe(10, 0, 37_010, "frames", 10.0) == "10 of 37010 frames, 1 a second, 10:16:40 left"


def test_off_a_terminal_there_is_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.watching("snips", 3) as advance:
        advance(1)
        advance(2, kept=True)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is() -> None:
    code = """
from morphseq_manifest.base.progress import watching
with watching("snips 20240418", 3) as advance:
    advance(2, kept=True)
    advance(1)
print("result")
"""
    primary, secondary = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "150"}
    done = subprocess.run([sys.executable, "-c", code], stderr=secondary, env=environment, stdout=subprocess.PIPE)
    os.close(secondary)
    shown = os.read(primary, 1 << 20).decode()
    os.close(primary)
    assert (done.returncode, done.stdout) == (0, b"result\n")
    assert "snips 20240418" in shown
    assert "3 of 3 frames, 2 kept" in shown
    assert "a second" in shown

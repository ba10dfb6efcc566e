"""Threads that read the same kind of struct for the first time, at once; msgspec alone ends by SIGSEGV in that."""

import subprocess
import sys

import pytest

from tests.project import REPOSITORY

# What is read stands in `tell`, made anew every time: what msgspec has once known it knows for good.
_READING = """
import importlib, sys, threading
import msgspec
from morphseq_manifest.base import journal
from stages.files import stacks

def journal_line():
    inner = msgspec.defstruct("Inner", [("box", tuple[int, int, int]), ("share", float | None)])
    kind = msgspec.defstruct("Outer", [("number", int), ("parts", list[inner]), ("other", inner | None, None)])
    line = journal.as_line(kind(1, [inner((1, 2, 3), 0.5)])).strip()
    return lambda: journal.parse_line(line, kind)

def page_tag():
    importlib.reload(stacks)
    embryo = b'{"value":1,"area":1,"box":[0,0,1,1],"largest":[0,0,1,1],"pieces":[1,0],"confidence":1.0}'
    class Page:
        tags, description = {}, b'{"time_int":1,"frame":"a","embryos":[%s]}' % embryo
    return lambda: stacks._tag(Page)

def read(tell, barrier, found):
    barrier.wait()
    found.append(tell())

sys.setswitchinterval(1e-6)
for _ in range(100):
    tell, barrier, found = globals()[sys.argv[1]](), threading.Barrier(2), []
    threads = [threading.Thread(target=read, args=(tell, barrier, found)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] and found[0] is not None, found
"""


@pytest.mark.parametrize("what", ["journal_line", "page_tag"])
def test_threads_may_read_a_struct_for_the_first_time_at_once(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _READING, what], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

"""Forked processes: what they find, what becomes of an error in one, of a killed one, and of those left over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from morphseq_manifest.base import system
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.tracker.disk.forks import forked
from tests.project import REPOSITORY
from tests.running import DEADLINE_S, children, wait_until, words_of
from tests.tracker.disk.looking import DATA

pytestmark = pytest.mark.skipif(not system.FORKS, reason="processes are forked on Linux only")


def each_item_is_worked_on_once_by_some_process() -> None:
    items = [f"item {number}" for number in range(1000)]
    with forked(lambda item: (item, os.getpid()), items, 3) as results:
        worked = list(results)
    assert sorted(item for item, _ in worked) == sorted(items)
    assert os.getpid() not in {pid for _, pid in worked}
    with forked(lambda item: item, [], 3) as results:
        assert list(results) == []


def what_the_work_raises_is_raised_where_the_results_are_taken() -> None:
    def work(item: int) -> int:
        if item == 7:
            raise ConfigError("the seventh")
        return item

    with pytest.raises(ConfigError, match="the seventh"), forked(work, list(range(10)), 2) as results:
        list(results)


def a_killed_process_is_an_error() -> None:
    def work(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(UnreadableError, match="was killed"), forked(work, list(range(10)), 2) as results:
        list(results)


def sleepy(item: int) -> int:
    time.sleep(0 if item else 2 * DEADLINE_S)
    return item


def leaving_ends_them_at_once() -> None:
    begun = time.monotonic()
    with forked(sleepy, [1, 0, 0, 0], 3) as results:
        assert next(results) == 1
        pids = children(os.getpid())
        assert len(pids) >= 3
    assert time.monotonic() - begun < DEADLINE_S
    assert not {pid for pid in pids if words_of(str(pid))[:2] == ["S", str(os.getpid())]}


@pytest.mark.parametrize(
    "check",
    [
        each_item_is_worked_on_once_by_some_process,
        what_the_work_raises_is_raised_where_the_results_are_taken,
        a_killed_process_is_an_error,
        leaving_ends_them_at_once,
    ],
)
def test_in_a_process_without_threads(check: Callable[[], None]) -> None:
    code = f"from {__name__} import {check.__name__} as check; check()"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_none_is_left_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = """\
import os, time
from morphseq_manifest.tracker.disk.forks import forked
def work(item):
    time.sleep(0.001)
    return os.getpid()
with forked(work, range(100_000), 2) as results:
    for pid in results:
        print(pid, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    pids = {process.stdout.readline().strip() for _ in range(50)}
    process.kill()
    process.wait()
    wait_until(lambda: all(words_of(pid)[:1] in ([], ["Z"]) for pid in pids), "for the processes to end")


def test_processes_find_the_same_and_only_what_is_unchanged(root: Path) -> None:
    """In a process of its own: with threads about, as here, none are forked."""
    code = f"""\
import json, os
from pathlib import Path
from morphseq_manifest.tracker.disk import folder_digests, workspace
workspace.SETTLED_NS = -(10**18)
def look(worth):
    folder_digests._WORTH_FILES = worth
    os.cpu_count = lambda: 2
    seen = workspace.Workspace(Path("."), 1)
    found = seen.look([{DATA!r}, "data/other"])
    seen.save()
    return {{path: [found[path].md5, found[path].size, found[path].nfiles] for path in found}}
first = look(10**9)
known = workspace.Workspace(Path(".")).cache.folders
ignore = workspace.Ignore(Path("."))
folder_digests._WORTH_FILES = 0
told = sorted(folder_digests.unchanged(".", known, ignore))
forked = look(0)
Path({DATA!r}, "A01_t0000.png").write_text("changed")
print(json.dumps([first, forked, told, sorted(folder_digests.unchanged(".", known, ignore)), look(0) == look(10**9)]))
"""
    (root / "data/other").mkdir()
    (root / "data/other/one").write_text("one")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    first, forked, told, still, same = json.loads(done.stdout)
    assert first == forked
    assert first[DATA][2] == 40
    assert same
    if system.FORKS:
        assert (told, still) == ([DATA, "data/other"], ["data/other"])

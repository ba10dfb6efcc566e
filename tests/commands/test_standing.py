"""An answer that is given again is the one that would be worked out, whatever was changed since."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zc.lockfile

from morphseq_manifest.base import sources
from morphseq_manifest.commands import standing
from tests.asking import STATUS, ask, ask_anew, standing_answer
from tests.faults.campaign import edits
from tests.project import Project
from tests.running import copy_of

# As the command starts, but for what has just been written being settled.
_SETTLED = """
from morphseq_manifest.commands import standing
from morphseq_manifest.__main__ import main
standing.SETTLED_NS = -10**18
main()
"""
_PLATE = ("status", "--experiments", "20240418")
Change = Callable[[Path], object]


@pytest.fixture
def toy(slow_states: Path, tmp_path: Path) -> Project:
    """The toy project in which all has run."""
    return copy_of(slow_states / "first", tmp_path / "toy")


def kept(root: Path, *words: str) -> None:
    """See to it that the answer stands: what the first look writes is settled by the second."""
    said = ask(root, *words)
    assert ask(root, *words) == said
    assert standing_answer(root, *words) == said


@pytest.mark.parametrize("words", [("status",), STATUS, ("run",), ("run", "--dry-run", "df01")])
def test_given_again(toy: Project, words: tuple[str, ...]) -> None:
    kept(toy.root, *words)
    assert standing_answer(toy.root, *words, "--json") is None
    assert standing_answer(toy.root, "why") is None


@pytest.mark.parametrize("words", [("status",), ("run", "--dry-run"), ("-C", ".", "status", "--json")])
def test_given_again_in_a_folder_of_the_project(toy: Project, words: tuple[str, ...]) -> None:
    folder = toy.root / "data/frames"
    kept(folder, *words)
    assert ask(folder, *words) == ask(toy.root, *words)
    toy.edit("params.yaml", "large: 0.15", "large: 0.3")
    assert standing_answer(folder, *words) is None


def test_as_a_user_types_it(toy: Project) -> None:
    """It takes two seconds until what was made has settled: here it was made long ago."""
    command = (sys.executable, "-X", "importtime", "-c", _SETTLED, *_PLATE)
    worked_out = toy.run(*command)
    assert " click" in worked_out
    again = toy.run(*command)
    assert " click" not in again
    for line in worked_out.splitlines():
        assert line in again or line.startswith("import time:")


@pytest.mark.parametrize("kind", sorted(kind for kind in edits.KINDS if "checkout" not in kind)[::5])
def test_edited(toy: Project, kind: str) -> None:
    """Every fifth kind of edit; all are in the campaign."""
    kept(toy.root, *STATUS)
    try:
        edits.KINDS[kind](toy.root, Random(kind))
    except (OSError, IndexError, ValueError):
        pytest.skip("nothing to edit in this way")
    stood = standing_answer(toy.root, *STATUS)
    assert stood in {None, ask_anew(toy.root, *STATUS)}


def write(path: str, text: str) -> Change:
    def change(root: Path) -> None:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as file:
            file.write(text)

    return change


def damaged_in_the_cache(root: Path) -> None:
    """One bit of a kept output, as a disk would do it, and the permission that goes with it."""
    path = next(path for path in sorted((root / ".dvc/cache/files/md5").rglob("*")) if path.is_file())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    "change",
    [
        write("data/frames/extra.txt.dvc", "outs: [{path: extra.txt, md5: 0cc175b9c0f1b6a831c399e269772661}]"),
        write("inner/dvc.yaml", "stages: {one: {cmd: touch x, outs: [x]}}"),
        write("data/tables/.dvcignore", "*.csv\n"),
        write(".dvcignore", "*.csv\n"),
        write(".dvc/config", "[cache]\n    dir = elsewhere\n"),
        write(".dvc/config.local", "[cache]\n    dir = elsewhere\n"),
        write(".dvc/tmp/morphseq/failed/df01.txt", "no space left"),
        write("data/tables/20990101.csv", "left by another"),
        write("data/frames/20990101/A01_t0000.png", "not listed"),
        write("params.yaml", "# seen\n"),
        write("dvc.yaml", "# seen\n"),
        write(".gitignore", "/dvc.yaml\n"),
        damaged_in_the_cache,
        lambda root: shutil.rmtree(root / ".dvc/cache"),
        lambda root: (root / "dvc.lock").unlink(),
        lambda root: shutil.rmtree(root / "data/frames"),
    ],
    ids=range(16),
)  # fmt: skip
@pytest.mark.parametrize("words", [STATUS, ("run", "--dry-run", "--json")])
def test_whatever_it_is_made_of(toy: Project, change: Change, words: tuple[str, ...]) -> None:
    kept(toy.root, *words)
    change(toy.root)
    stood = standing_answer(toy.root, *words)
    assert stood in {None, ask_anew(toy.root, *words)}


def test_a_pipeline_in_a_folder_that_was_empty(toy: Project) -> None:
    (toy.root / "in/ner").mkdir(parents=True)
    kept(toy.root, *STATUS)
    write("in/ner/dvc.yaml", "stages: {one: {cmd: touch x, outs: [x]}}")(toy.root)
    assert standing_answer(toy.root, *STATUS) is None
    assert b"in/ner/dvc.yaml:one" in ask(toy.root, *STATUS)[1]


def test_many_files_listed_by_another_program(toy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_WORTH_LISTING", 1)
    kept(toy.root, *STATUS)
    answers = [path.read_bytes() for path in (toy.root / ".dvc/tmp/morphseq/answers").iterdir()]
    assert [b'"listed": true' in answer for answer in answers] == [hasattr(os, "memfd_create")]
    frame = next(path for path in sorted((toy.root / "data/frames").rglob("*")) if path.is_file())
    write(str(frame.relative_to(toy.root)), ".")(toy.root)
    assert standing_answer(toy.root, *STATUS) is None


def test_another_environment(toy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(toy.root, "status")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(toy.root))
    assert standing_answer(toy.root, "status") is None


def test_held_by_another(toy: Project) -> None:
    """A run waits for who works on the project, or says who it is; what is up to date is said anyway."""
    kept(toy.root, "run")
    kept(toy.root, "status")
    lock = zc.lockfile.LockFile(str(toy.root / ".dvc/tmp/lock"))
    try:
        assert standing_answer(toy.root, "run") is None
        assert standing_answer(toy.root, "status") is not None
    finally:
        lock.close()
    assert standing_answer(toy.root, "run") is not None


def test_not_kept_of_what_has_just_changed(toy: Project) -> None:
    """Within a tick of the clock it could change again without its stat telling."""
    toy.morphseq(*_PLATE)
    toy.morphseq(*_PLATE)
    assert not (toy.root / ".dvc/tmp/morphseq/answers").exists()


def test_nothing_behind_a_link(toy: Project, tmp_path: Path) -> None:
    kept(toy.root, "status")
    own = toy.root / ".dvc/tmp/morphseq"
    own.rename(tmp_path / "elsewhere")
    own.symlink_to(tmp_path / "elsewhere")
    assert standing_answer(toy.root, "status") is None


def test_spoilt(toy: Project) -> None:
    kept(toy.root, "status")
    (path,) = (toy.root / ".dvc/tmp/morphseq/answers").iterdir()
    data = path.read_bytes()
    for cut in (b"", data[:40], data[:-1], data[:-1] + b"?"):
        path.write_bytes(cut)
        assert standing_answer(toy.root, "status") is None


def test_broken_pipe(toy: Project) -> None:
    """A reader that has seen enough gets the same exit status; half an answer is not kept."""
    reader, writer = os.pipe()
    os.close(reader)
    given = standing.Given(1, b"more than enough", b"")
    saved = os.dup(1)
    os.dup2(writer, 1)
    try:
        given.say()
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writer)


_SAYING = """
import os, sys
from morphseq_manifest.commands import standing
os.set_blocking(1, False)
try:
    status = standing.Given(1, b"out" * 70_000, b"err").say()
except OSError:
    status = 9
os._exit(status)
"""


@pytest.mark.parametrize(
    ("streams", "out", "err", "status"),
    [
        ("", b"out" * 70_000, b"err", 1),  # more than a pipe takes at once
        ("2>&-", b"", b"", 9),  # nothing is out: the command says it in its own way
        ("2>/dev/full", b"out" * 70_000, b"", 1),
        (">/dev/full", b"", b"", 9),
    ],
)
def test_never_twice_whatever_there_is_to_print_on(streams: str, out: bytes, err: bytes, status: int) -> None:
    words = ["sh", "-c", f'exec "$0" -c "$1" {streams}', sys.executable, _SAYING]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (out, err, status)


def test_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is full: what is out is not printed again."""
    written = []

    def write(handle: int, text: bytes) -> int:
        if handle == 1 and written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append((handle, text))
        return len(text[:3]) if handle == 1 else len(text)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        status = standing.Given(0, b"more than fits", b"a note").say()
    assert (status, written[1]) == (4, (2, b"error: input or output: No space left on device\n"))


def test_all_that_is_opened_is_named(toy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python tells of each file that is opened and each folder that is listed: an answer is made of all of them."""
    opened: set[str] = set()
    watching = [True]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in {"open", "os.listdir", "os.scandir"} and isinstance(arguments[0], str | Path):
            opened.add(os.path.abspath(arguments[0]))  # noqa: PTH100

    named: list[sources.Sources] = []
    plain = standing.Answer.__init__

    def hear(answer: standing.Answer, root: str, found: sources.Sources) -> None:
        named.append(found)
        plain(answer, root, found)

    monkeypatch.setattr(standing.Answer, "__init__", hear)
    sys.addaudithook(watch)
    ask(toy.root, "status")
    watching.clear()
    own = str(toy.root / ".dvc/tmp/morphseq")
    inside = {path for path in opened if path.startswith(f"{toy.root}/") and not path.startswith(own)}
    paths = {os.path.normpath(toy.root / path) for path in named[0].paths}
    trees = tuple(f"{os.path.normpath(toy.root / path)}/" for path in named[0].trees)
    assert inside
    assert {path for path in inside - paths if not f"{path}/".startswith(trees)} == set()

"""The folder in which runs and nodes meet, `.dvc/tmp/morphseq/jobs`: the fence, a folder an attempt, the end files.

An attempt's folder has its task file, which is its fence: an attempt whose folder is dropped ends by itself, and what
it still writes, it writes into what is being deleted. `fence` has the number of the newest run, which every run raises;
files in `shared` say which jobs make which attempts. The places of attempts, which are full of links, lie beside:
`.dvc/tmp/morphseq-places`.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.own_folder import PLACES
from morphseq_manifest.base.small_files import read_own
from morphseq_manifest.tracker.dvc.stages import file_name
from morphseq_manifest.tracker.run.jobs.node import TASK
from morphseq_manifest.tracker.run.jobs.place import Place
from morphseq_manifest.tracker.run.task import JOBS, RUNNING, Seen, Task

_SUBMITTED = "submitted-"
_GONE = "gone-"


class JobId(msgspec.Struct, frozen=True):
    """A job of a queueing system, as its system names it; never what a command would take for an option."""

    kind: str
    id: Annotated[str, msgspec.Meta(pattern=r"^\d[\w.]*$")]


class TaskFile(msgspec.Struct, frozen=True):
    """What a node is told of an attempt; `key` is the same for the same task, whichever run asks for it."""

    stage: str
    key: str
    fence: int
    root: str
    place: str
    commands: list[str]
    wdir: str
    log: str
    env: dict[str, str]
    deps: dict[str, Seen]
    outs: list[str]
    kept: list[str]
    end: str
    environment: str
    others: str


class Attempt:
    """An attempt at a stage, and where it is made."""

    def __init__(self, folder: Path, task: TaskFile, job: JobId | None = None) -> None:
        """`job` is the one that makes it, if its run came to know."""
        self.folder, self.task, self.name, self.job = folder, task, folder.name, job
        self.place = Place(task.root, task.place, self.name, task.outs, task.kept, task.wdir)


class JobFolder:
    """The folder of the project in `root`, as one run has it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.path = self.root / JOBS
        self.ends, self.logs = self.path / "ends", self.path / "logs"
        self._attempts, self._shared = self.path / "attempts", self.path / "shared"
        self.fence = self._count = 0

    def raise_fence(self) -> None:
        """Be the newest run. Raises OSError."""
        for folder in (self.ends, self.logs, self._attempts, self._shared, self.root / RUNNING):
            folder.mkdir(parents=True, exist_ok=True)
        self.fence = self._newest() + 1
        files.write_bytes(self.path / "fence", str(self.fence).encode())

    @property
    def is_newest(self) -> bool:
        """Whether no run has begun since."""
        return self._newest() == self.fence

    def _newest(self) -> int:
        try:
            return int(read_own(self.path / "fence"))
        except (FileNotFoundError, ValueError):
            return 0

    def share(self, content: Any) -> str:
        """Keep what many task files refer to; where it is."""
        data = msgspec.json.encode(content)
        path = self._shared / f"{hashlib.sha256(data).hexdigest()[:16]}.json"
        if not path.exists():
            _write(path, content)
        return str(path)

    def new(self, task: Task, shared: Mapping[str, str]) -> Attempt:
        """Begin an attempt: write its task file. Raises OSError."""
        folder = self._make_attempt()
        place = self._place(folder.name, task.deps)
        file = TaskFile(
            stage=task.stage, key=key_of(task, shared), fence=self.fence, root=str(self.root), place=place,
            commands=task.commands, wdir=task.wdir, log=task.log, env=task.env | {"DVC_ROOT": place},
            deps=task.deps, outs=task.outs, kept=task.kept, end=self._end(folder.name),
            environment=shared["environment"], others=shared["others"],
        )  # fmt: skip
        (folder / TASK).write_bytes(msgspec.json.encode(file))  # nobody knows of it yet
        return Attempt(folder, file)

    def _make_attempt(self) -> Path:
        """Make the folder of an attempt: no earlier one has its name, even if the fence was lost."""
        while True:
            self._count += 1
            folder = self._attempts / f"{self.fence}-{self._count}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder

    def _place(self, name: str, deps: Iterable[str]) -> str:
        """Where an attempt is made: as far down as the stage's dependencies lead up."""
        ups = max(map(_ups, deps), default=0)
        return str(self.root.joinpath(PLACES, name, *["up"] * ups, self.root.name))

    def _end(self, name: str) -> str:
        """Where the end file of an attempt will be."""
        return str(self.ends / f"{name}.json")

    def array(self, attempts: list[Attempt]) -> Path:
        """The file that tells the tasks of an array which attempt each is."""
        self._count += 1
        path = self._shared / f"array-{self.fence}-{self._count}"
        path.write_text("".join(f"{attempt.folder}\n" for attempt in attempts), encoding="utf-8")
        return path

    def note_jobs(self, attempts: Sequence[Attempt], kind: str, ids: Sequence[str]) -> None:
        """Write down which jobs, submitted at once, make these attempts. Raises OSError."""
        self._count += 1
        for attempt, given in zip(attempts, ids, strict=True):
            attempt.job = JobId(kind, given)
        _write(
            self._shared / f"{_SUBMITTED}{self.fence}-{self._count}",
            {attempt.name: attempt.job for attempt in attempts},
        )

    def _jobs(self) -> dict[str, JobId]:
        """The jobs of attempts of earlier runs, by the attempts' names; what can't be read is as if not written."""
        found: dict[str, JobId] = {}
        for path in self._shared.glob(f"{_SUBMITTED}*"):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found |= msgspec.json.decode(read_own(path), type=dict[str, JobId])
        return found

    def earlier(self) -> list[Attempt]:
        """The attempts of earlier runs that nobody has dropped; what can't be read is dropped here."""
        found, jobs = [], self._jobs()
        for folder in sorted(self._attempts.iterdir()) if self._attempts.is_dir() else ():
            try:
                task = msgspec.json.decode(read_own(folder / TASK), type=known(TaskFile))
                found.append(Attempt(folder, task, jobs.get(folder.name)))
            except (OSError, msgspec.MsgspecError):
                shutil.rmtree(folder, ignore_errors=True)
        return [one for one in found if self._is_ours(one)]

    def _is_ours(self, attempt: Attempt) -> bool:
        """Whether all that is told of an attempt is in this project: its folder may be a stranger's."""
        task = attempt.task
        places = task.root, task.place, task.end
        mine = str(self.root), self._place(attempt.name, task.deps), self._end(attempt.name)
        return places == mine and not any(".." in path.split("/") or path.startswith("/") for path in task.outs)

    def drop(self, attempt: Attempt, *, has_ended: bool = False) -> None:
        """Let an attempt go: whoever still makes it, unless it `has_ended`, finds its fence gone."""
        far = [attempt.place.elsewhere(folder) for folder in attempt.place.far_folders()]
        for path in (attempt.folder, self.root / PLACES / attempt.name):
            gone = path
            if not has_ended:
                gone = path.with_name(f"{_GONE}{attempt.name}")
                with contextlib.suppress(OSError):
                    path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        for folder in far:
            shutil.rmtree(folder, ignore_errors=True)
        Path(attempt.task.end).unlink(missing_ok=True)
        self.unmark(attempt)

    def mark(self, attempt: Attempt, text: str) -> None:
        """Mark a stage as one that runs. Raises OSError."""
        with open(self._mark(attempt), "w", encoding="utf-8") as file:  # noqa: PTH123 - many stages, little time
            file.write(text)

    def unmark(self, attempt: Attempt) -> None:
        """Take the mark away, if there is one. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._mark(attempt))  # noqa: PTH108

    def _mark(self, attempt: Attempt) -> str:
        return f"{self.root}/{RUNNING}/{file_name(attempt.task.stage)}"

    def look(self) -> list[str]:
        """The names of the attempts that have an end file. Raises OSError."""
        names = os.listdir(self.ends)  # noqa: PTH208 - once for all, as names
        return [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith(".")]

    def look_anew(self) -> None:
        """Have storage that keeps what it saw of a folder look again: for that, something in it must change."""
        probe = self.ends / f".look-{time.time_ns()}"
        with contextlib.suppress(OSError):
            probe.touch()
            probe.unlink()


def key_of(task: Task, shared: Mapping[str, str]) -> str:
    """What tells tasks apart: what runs, on which inputs, in which environment, to make what."""
    told = [task.stage, task.commands, task.wdir, task.deps, task.outs, task.kept, shared["environment"]]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def _ups(path: str) -> int:
    """How many folders up a path leads out of the project."""
    return next((number for number, part in enumerate(path.split("/")) if part != ".."), 0)


def _write(path: Path, content: Any) -> None:
    with files.replacing(path, durable=False) as temporary:
        temporary.write_bytes(msgspec.json.encode(content))

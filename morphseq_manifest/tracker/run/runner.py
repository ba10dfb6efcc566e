"""The run: each stage as soon as those before it have ended, kept up to date, restored or run; recorded in batches."""

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

from morphseq_manifest.base.errors import ContentError, MorphseqError
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.lock_entries import write
from morphseq_manifest.tracker.dvc.lock_writing import LockWriter
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import SettingsChanged
from morphseq_manifest.tracker.freshness.verdict import Verdict, judge
from morphseq_manifest.tracker.run.capacity import Capacity, needs
from morphseq_manifest.tracker.run.engines import WORKER_LOST, Engine
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.outcome import End, Result, Watch
from morphseq_manifest.tracker.run.outputs import Recorder
from morphseq_manifest.tracker.run.queueing import Queue
from morphseq_manifest.tracker.run.task import LOGS, make_task
from morphseq_manifest.tracker.snapshot import Snapshot

# Writing the lock takes at most this share of the time.
_WRITING_SHARE = 0.05
_TICK_S = 0.2


class Runner:
    """Runs `stages` of the project, those in `forced` in any case; see `go`."""

    def __init__(
        self,
        snapshot: Snapshot,
        workspace: Workspace,
        stages: list[str],
        forced: set[str],
        engine: Engine,
        capacity: Capacity,
        watch: Watch,
        fail_fast: bool = False,
    ) -> None:
        self._snapshot, self._workspace, self._engine, self._capacity = snapshot, workspace, engine, capacity
        self._forced, self._watch, self._fail_fast = forced, watch, fail_fast
        self._graph = snapshot.graph
        self._order = stages
        self._recorder = Recorder(snapshot.root, workspace, snapshot.settings)
        self._lock = LockWriter(snapshot.root, stages)
        self._settings = SettingsChanged(snapshot)
        self._results: dict[str, Result] = {}
        self._done: SimpleQueue[Result] = SimpleQueue()
        self._stopped = threading.Event()  # the run is to end now
        self._closed = threading.Event()  # nothing more is to begin
        self._written = self._cost = 0.0

    def go(self, threads: int, interruption: Interruption) -> dict[str, Result]:
        """Run until nothing is left that can; how it ended with each stage.

        After Ctrl-C or an error what has finished is recorded, and what runs is ended.
        """
        self._recorder.recover(self._graph.stages, self._snapshot.lock)
        queue = Queue(self._order, self._graph.before)
        running = 0
        with interruption.held(), ThreadPoolExecutor(threads) as pool:
            try:
                while queue or running:
                    while running < threads and (name := queue.next()):
                        pool.submit(self._attempt, self._graph.stages[name])
                        running += 1
                    if result := self._next():
                        running -= 1
                        self._take(result)
                        self._tell(result, queue)
                    self._write_now_and_then()
                    interruption.check()
            finally:
                self._stopped.set()
                self._closed.set()
                if running:
                    self._engine.close()
                late = [self._done.get() for _ in range(running)]
                for result in late:
                    self._take(result)
                if self._lock.has_news:
                    self._lock.write()
                self._workspace.save()
                for result in late:
                    self._tell(result, queue)
        return {name: self._results[name] for name in self._order}

    def _next(self) -> Result | None:
        """How it ended with the next stage, if it does within a tick."""
        try:
            return self._done.get(timeout=_TICK_S)
        except Empty:
            return None

    def _take(self, result: Result) -> None:
        """Take note of how it ended with a stage."""
        self._results[result.stage] = result
        if result.text is not None:
            self._lock.add(result.stage, result.text)

    def _tell(self, result: Result, queue: Queue) -> None:
        """Tell how it ended with a stage, and with what can't run for it."""
        self._watch.ended(result)
        if result.end not in {End.FAILED, End.STOPPED}:
            queue.ended(result.stage)
            return
        if self._fail_fast:
            self._closed.set()
        late = self._graph.downstream([result.stage])
        stop = self._fail_fast or self._stopped.is_set()
        for name in queue.drop(None if stop else late):
            end = End.BLOCKED if name in late and result.end == End.FAILED else End.STOPPED
            self._results[name] = Result(name, end, why=f"{result.stage} {result.end}")
            self._watch.ended(self._results[name])

    def _write_now_and_then(self) -> None:
        if self._lock.has_news and time.perf_counter() - self._written > self._cost / _WRITING_SHARE:
            begun = time.perf_counter()
            self._lock.write()
            self._written = time.perf_counter()
            self._cost = self._written - begun

    def _attempt(self, stage: Stage) -> None:
        """Deal with a stage, in a thread of its own; whatever goes wrong is its result."""
        try:
            result = self._deal(stage)
        except _StoppedError as error:
            result = Result(stage.name, End.STOPPED, why=str(error))
        except (MorphseqError, OSError) as error:
            result = Result(stage.name, End.FAILED, why=str(error))
        except BaseException as error:  # noqa: BLE001 - a defect of ours: said, and the run goes on to its end
            result = Result(stage.name, End.FAILED, why=f"{type(error).__name__}: {error}")
        self._note(result)
        self._done.put(result)

    def _note(self, result: Result) -> None:
        """Leave word of a failure for `morphseq status`, where the stage has left none itself."""
        if result.end == End.FAILED and result.stage not in failure_notes.read(self._snapshot.root):
            failure_notes.record(result.stage, result.why, self._snapshot.root)
        elif result.end in {End.RAN, End.RESTORED}:
            failure_notes.clear(result.stage, self._snapshot.root)

    def _deal(self, stage: Stage) -> Result:
        if self._stopped.is_set():
            return Result(stage.name, End.STOPPED)
        found = self._workspace.look_again(stage.paths())
        verdict = self._verdict(stage, found)
        force = stage.name in self._forced
        if verdict.troubles:
            raise ContentError("; ".join(verdict.troubles))
        if not verdict and not force:
            return Result(stage.name, End.UP_TO_DATE)
        entry = self._snapshot.lock.get(stage.name)
        why = "forced" if not verdict else verdict.brief() if entry else "has not run yet"
        deps = self._inputs(stage, found)
        asked = self._recorder.asked(stage, deps)
        if stage.frozen:  # recorded as it is
            text = write(self._recorder.made(stage, asked), stage.name)
            return Result(stage.name, End.UP_TO_DATE, why=f"frozen; {why}", text=text)
        made = None if force else self._recorder.restore(stage, asked, entry)
        if made is not None:
            return Result(stage.name, End.RESTORED, why=why, text=write(made, stage.name))
        with self._room(stage) as (devices, waited):
            if waited:
                deps = self._inputs(stage, self._workspace.look_again(stage.deps))
                asked = self._recorder.asked(stage, deps)
            begun = time.perf_counter()
            self._recorder.clear(stage, entry)
            try:
                self._perform(stage, devices)
                self._check_inputs(stage, deps)
                made = self._recorder.made(stage, asked)
            except BaseException:
                if self._fail_fast:
                    self._closed.set()  # before another gets the room
                self._recorder.put_back(stage, entry)
                self._recorder.forget(stage)  # not before all is back: what is set aside may be the only copy
                raise
            self._recorder.forget(stage)
        return Result(stage.name, End.RAN, time.perf_counter() - begun, why, write(made, stage.name))

    def _verdict(self, stage: Stage, found: Mapping[str, Content]) -> Verdict:
        entry = self._snapshot.lock.get(stage.name)
        recorded = [entry.outs[out.path].md5 for out in stage.outs if out.cache and entry and out.path in entry.outs]
        return judge(stage, entry, found, self._workspace.held(recorded), self._settings.of(stage))

    def _inputs(self, stage: Stage, found: Mapping[str, Content]) -> dict[str, Content]:
        """What the stage depends on. Raises ContentError where something is not there."""
        for path in stage.deps:
            if found[path].md5 is None:
                what = found[path].trouble or f"{self._snapshot.root / path}: not there"
                raise ContentError(f"{what}. Stage {stage.name} depends on it")
        return {path: found[path] for path in stage.deps}

    @contextmanager
    def _room(self, stage: Stage) -> Iterator[tuple[list[str], bool]]:
        """Hold in this block what the stage needs; the GPUs it has got, and whether it had to wait."""
        wanted, waited = needs(stage), False
        while (devices := self._capacity.take(wanted)) is None:
            waited = True
            if self._closed.wait(_TICK_S / 10):
                break
        if devices is None or self._closed.is_set():
            if devices is not None:
                self._capacity.give_back(wanted, devices)
            raise _StoppedError(f"{stage.name} was stopped")
        try:
            yield devices, waited
        finally:
            self._capacity.give_back(wanted, devices)

    def _perform(self, stage: Stage, devices: list[str]) -> None:
        """Run the stage's command. Raises ContentError where it fails, or the run is ended."""
        self._watch.started(stage)
        env = {"CUDA_VISIBLE_DEVICES": ",".join(devices)} if devices else {}
        task = make_task(stage, self._snapshot.root, env)
        Path(task.log).parent.mkdir(parents=True, exist_ok=True)
        code = self._engine.perform(task, needs(stage))
        if self._stopped.is_set() and code:
            raise _StoppedError(f"{stage.name} was stopped")
        if code:
            raise ContentError(f"{_ending(code)}; its log is {self._log(stage)}")

    def _log(self, stage: Stage) -> Path:
        return self._snapshot.root / LOGS / f"{stage.name}.log"

    def _check_inputs(self, stage: Stage, before: Mapping[str, Content]) -> None:
        """Raise ContentError where an input is not what it was when the stage began: what it made is of neither."""
        now = self._workspace.look_again(stage.deps)
        changed = [path for path in stage.deps if now[path] != before[path]]
        if changed:
            raise ContentError(
                f"{', '.join(changed)}: changed while stage {stage.name} ran, which is therefore not recorded. "
                "Run it again when nothing writes there"
            )


class _StoppedError(MorphseqError):
    """The run was ended while a stage ran."""


def _ending(code: int) -> str:
    if code == WORKER_LOST:
        return "its worker was ended"
    return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"

"""An attempt at one stage: look at it, judge it and, if it is not as recorded, restore it or run it and record it."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from morphseq_manifest.base.errors import ConfigError, ContentError, MorphseqError, described
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import data_writing
from morphseq_manifest.tracker.dvc.lock_entries import Entry, write
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import SettingsChanged
from morphseq_manifest.tracker.freshness.verdict import Verdict, judge
from morphseq_manifest.tracker.run import settled
from morphseq_manifest.tracker.run.capacity import Capacity, needs
from morphseq_manifest.tracker.run.engines import Engine
from morphseq_manifest.tracker.run.history import History, Took, amount_of, total
from morphseq_manifest.tracker.run.outcome import End, Result, Watch
from morphseq_manifest.tracker.run.outputs import Outputs
from morphseq_manifest.tracker.run.recording import Recorder
from morphseq_manifest.tracker.run.task import WORKER_LOST, Performed, make_task
from morphseq_manifest.tracker.run.usage import Usage
from morphseq_manifest.tracker.snapshot import Snapshot

_TICK_S = 0.02


@dataclass(frozen=True)
class Means:
    """What all attempts of a run work with; those in `forced` run even if they are up to date.

    `place` is the project's folder, without links. `stopped` is set when the run is to end now, `closed` when nothing
    more is to begin.
    """

    snapshot: Snapshot
    workspace: Workspace
    recorder: Recorder
    settings: SettingsChanged
    engine: Engine
    capacity: Capacity
    watch: Watch
    forced: set[str]
    fail_fast: bool
    history: History
    place: Path
    stopped: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)


class Attempt:
    """One stage, as a run deals with it, in a thread of its own."""

    def __init__(self, stage: Stage, means: Means) -> None:
        self._stage, self._means = stage, means
        self._root = means.snapshot.root
        self._entry = means.snapshot.entries.get(stage.name)
        self._is_forced = stage.name in means.forced
        self._is_again = False
        self._usage: Usage | None = None
        self._waited = 0.0

    @cached_property
    def _outputs(self) -> Outputs:
        """What the stage made before; of one that is up to date nobody asks."""
        return Outputs(self._root, self._means.workspace, self._stage, self._entry)

    def result(self) -> Result:
        """Bring the stage up to date; whatever goes wrong is its result, and is noted for `morphseq status`."""
        try:
            result = self._make()
        except _StoppedError as error:
            result = self._ended(End.STOPPED, str(error))
        except MorphseqError as error:
            result = self._ended(End.FAILED, str(error))
        except OSError as error:
            result = self._ended(End.FAILED, described(error))
        except BaseException as error:  # noqa: BLE001 - a defect of ours: said, and the run goes on to its end
            result = self._ended(End.FAILED, f"{type(error).__name__}: {error}")
        self._note(result)
        return result

    def _make(self) -> Result:
        if self._means.stopped.is_set():
            return self._ended(End.STOPPED)
        contents = self._look(self._stage.paths())
        verdict = self._judge(contents)
        if not verdict and not self._is_forced:
            return self._ended(End.UP_TO_DATE)
        if self._stage.is_data:
            return self._commit(contents, verdict)
        self._check_not_legacy()
        why = "forced" if not verdict else verdict.brief() if self._entry else "has not run yet"
        asked = self._ask(contents)
        if self._stage.frozen:
            made = self._means.recorder.made(self._stage, asked, self._entry)  # recorded as it is
            return self._ended(End.UP_TO_DATE, f"frozen; {why}", made=made)
        if (restored := self._restore(asked)) is not None:
            return self._ended(End.RESTORED, why, made=restored)
        with self._room() as (devices, has_waited):
            if has_waited:
                contents = self._look(self._stage.deps)
                asked = self._ask(contents)
            begun = time.perf_counter()
            made = self._run(contents, asked, devices)
        seconds = max(time.perf_counter() - begun - self._waited, 0)
        return self._ended(End.RAN, why, seconds, made, self._took(made, seconds, len(devices)))

    def _look(self, paths: "Iterator[str] | list[str]") -> Mapping[str, Content]:
        return self._means.workspace.look_again(paths)

    def _judge(self, contents: Mapping[str, Content]) -> Verdict:
        """What is not as recorded. Raises ContentError for what could not be determined."""
        entry, means = self._entry, self._means
        outs = self._stage.outs
        recorded = [entry.outs[out.path].kept for out in outs if out.cache and entry and out.path in entry.outs]
        held = means.workspace.held(recorded)
        settings = means.settings.of(self._stage)
        verdict = judge(self._stage, entry, contents, held, settings, means.workspace.legacy_md5)
        if verdict.troubles:
            raise ContentError("; ".join(verdict.troubles))
        return verdict

    def _commit(self, contents: Mapping[str, Content], verdict: Verdict) -> Result:
        """Take changed data into the cache, and record it in its `.dvc` file. Raises ContentError, ConfigError."""
        stage, recorded = self._stage, self._entry.outs if self._entry else {}
        remedy = f"Take it in, `dvc commit {stage.file}`, or bring it back, `dvc checkout {stage.file}`"
        if stage.frozen or any(contents[out.path].is_absent for out in stage.outs):
            raise ContentError(f"{stage.file}: {verdict.brief()}: not what it tracks. {remedy}")
        legacy = {path: before.md5 for path, before in recorded.items() if before.legacy}
        if any(self._means.workspace.legacy_md5(path) == md5 for path, md5 in legacy.items()):
            raise ConfigError(f"{stage.file}: DVC 2 recorded it, and it is the same, but {verdict.brief()}. {remedy}")
        made = self._means.recorder.made(stage, Entry("", [], {}, []), self._entry, contents)
        data_writing.write(self._root, stage.file, made.outs)
        return self._ended(End.COMMITTED, verdict.brief() or "forced")

    def _check_not_legacy(self) -> None:
        """Raise ConfigError if DVC 2 recorded something of the stage: DVC 3 then mixes both ways of recording."""
        entry = self._entry
        if entry and any(recorded.legacy for recorded in (*entry.deps.values(), *entry.outs.values())):
            raise ConfigError(
                f"dvc.lock: DVC 2 recorded stage {self._stage.name}, which is only looked at here. "
                "Record it anew, with `dvc cache migrate --dvc-files` or `dvc repro`"
            )

    def _ask(self, contents: Mapping[str, Content]) -> Entry:
        """The stage's entry before it has made anything. Raises ContentError if an input is not there."""
        for path in self._stage.deps:
            if contents[path].md5 is None:
                what = contents[path].trouble or f"{self._root / path}: not there"
                raise ContentError(f"{what}. Stage {self._stage.name} depends on it")
        return self._means.recorder.asked(self._stage, contents)

    def _restore(self, asked: Entry) -> Entry | None:
        return None if self._is_forced else self._means.recorder.restore(self._stage, asked, self._entry)

    @contextlib.contextmanager
    def _room(self) -> Iterator[tuple[list[str], bool]]:
        """Hold in this block what the stage needs; the GPUs it has got, and whether it had to wait."""
        means, has_waited = self._means, False
        wanted = needs(self._stage) if means.engine.is_here else {}
        while (devices := means.capacity.take(wanted)) is None:
            has_waited = True
            if means.closed.wait(_TICK_S):
                break
        if devices is None or means.closed.is_set():
            if devices is not None:
                means.capacity.give_back(wanted, devices)
            raise self._stopped()
        try:
            yield devices, has_waited
        finally:
            means.capacity.give_back(wanted, devices)

    def _run(self, contents: Mapping[str, Content], asked: Entry, devices: list[str]) -> Entry:
        """Run the stage on these inputs and record what it made; if it fails, its earlier outputs are put back."""
        try:
            self._is_again = any(out.persist and (self._root / out.path).exists() for out in self._stage.outs)
            self._outputs.clear()
            performed = self._perform(contents, devices)
            asked = self._asked_after(contents, asked)
            outputs = settled.contents(self._means.workspace, self._stage, performed.made)
            made = self._means.recorder.made(self._stage, asked, self._entry, outputs)
        except BaseException as error:
            if self._means.fail_fast:
                self._means.closed.set()  # before another gets the room
            if lost := self._outputs.put_back():
                raise _with(error, lost) from error
            raise
        self._outputs.forget()
        return made

    def _perform(self, contents: Mapping[str, Content], devices: list[str]) -> Performed:
        """Run the stage's command. Raises ContentError if it fails, _StoppedError if the run was ended."""
        env = {"CUDA_VISIBLE_DEVICES": ",".join(devices)} if devices else {}
        task = make_task(self._stage, self._means.place, env, contents)
        log = Path(task.log)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)  # that of an earlier run would be taken for this one's
        begun = time.perf_counter()
        performed = self._means.engine.perform(task, needs(self._stage), lambda: self._means.watch.started(self._stage))
        if usage := performed.usage:
            self._usage, self._waited = usage, time.perf_counter() - begun - usage.seconds
        if performed.code and self._means.stopped.is_set():
            raise self._stopped()
        if performed.code or performed.trouble:
            raise ContentError(_ending(performed) + (f"; its log is {log}" if log.exists() else ""))
        return performed

    def _asked_after(self, before: Mapping[str, Content], asked: Entry) -> Entry:
        """What was asked, with the inputs as they are now: in a folder of modules, Python puts what it compiles.

        Raises ContentError if an input is another than when the stage began: what it made is of neither.
        """
        now = self._look(self._stage.deps)
        others = [path for path in self._stage.deps if now[path] != before[path]]
        if changed := [path for path in others if not now[path].is_given_as(before[path])]:
            raise ContentError(
                f"{', '.join(changed)}: changed while stage {self._stage.name} ran, which is therefore not recorded. "
                "Run it again when nothing writes there; if the stage itself does, let it depend on what it only reads"
            )
        return self._ask(now) if others else asked

    def _took(self, made: Entry, seconds: float, gpus: int) -> Took | None:
        """What the stage took that ran for so long, on so many GPUs of this machine, and made this."""
        usage = self._usage
        if usage is None:
            return None
        return Took(
            stage=self._stage.name, group=self._stage.group, at=time.time(),
            seconds=seconds, cpu=usage.cpu, gpu=usage.seconds * gpus if gpus else None,
            memory=usage.memory, read=total(made.deps), made=[amount_of(item) for item in made.outs],
            again=self._is_again,
        )  # fmt: skip

    def _ended(
        self, end: End, why: str = "", seconds: float = 0, made: Entry | None = None, took: Took | None = None
    ) -> Result:
        text = write(made, self._stage.lock_name) if made else None
        return Result(self._stage.name, end, seconds, why, text, took)

    def _stopped(self) -> "_StoppedError":
        return _StoppedError(f"{self._stage.name} was stopped")

    def _note(self, result: Result) -> None:
        """Note a failure for `morphseq status`, unless the stage has left a note itself.

        A note that can't be written or deleted changes nothing: dvc.lock tells whether a stage has finished.
        """
        with contextlib.suppress(OSError):
            if result.end == End.FAILED and not failure_notes.exists(result.stage, self._root):
                failure_notes.record(result.stage, result.why, self._root)
            elif result.end in {End.RAN, End.RESTORED, End.COMMITTED}:
                failure_notes.clear(result.stage, self._root)


class _StoppedError(MorphseqError):
    """The run was ended while a stage ran."""


def _with(error: BaseException, lost: str) -> MorphseqError:
    """The error by which a stage failed, and what of its earlier outputs is lost by it."""
    if isinstance(error, MorphseqError):
        return type(error)(f"{error}. {lost}")
    return ContentError(f"{described(error) if isinstance(error, OSError) else repr(error)}. {lost}")


def _ending(performed: Performed) -> str:
    if performed == WORKER_LOST:
        return "its worker process was killed"
    if performed.told:
        return performed.told
    if performed.trouble:
        return f"could not be begun: {performed.trouble}"
    code = performed.code
    return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"

"""Forked processes, for work that is mostly the interpreter's: one interpreter uses one processor."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from morphseq_manifest.base import system
from morphseq_manifest.base.errors import UnreadableError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.sharedctypes import Synchronized

Item = TypeVar("Item")
Result = TypeVar("Result")


def can_fork() -> bool:
    """Whether this process can be forked safely: another thread could hold a lock that nobody would release."""
    return system.FORKS and threading.active_count() == 1


@contextmanager
def forked(work: Callable[[Item], Result], items: Sequence[Item], count: int) -> Iterator[Iterator[Result]]:
    """Do `work` on each of the items in `count` processes; yields an iterator of the results, in any order.

    The processes start here, with all that this one has in memory; only results are sent. They have no Ctrl-C, and end
    when the block is left, or soon after this process is gone. The iterator raises what `work` raises, and
    UnreadableError if the system killed a process.
    """
    if not items:
        yield iter(())
        return
    import multiprocessing

    context = multiprocessing.get_context("fork")
    following = context.Value("Q", 0)
    readers: list[Connection[Any, Any]] = []
    processes = []
    with _uninterrupted():
        for _ in range(min(count, len(items))):
            reader, writer = context.Pipe(duplex=False)
            readers.append(reader)
            process = context.Process(target=_serve, args=(work, items, following, writer, readers), daemon=True)
            process.start()
            processes.append(process)
            writer.close()
    try:
        yield _received(readers)
    finally:
        for process in processes:
            process.kill()  # they only read; those that have sent all are done
        for process in processes:
            process.join()
        for reader in readers:
            reader.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started in this block have no Ctrl-C: a terminal sends it to all, but it is for this one."""
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    following: "Synchronized[int]",
    writer: "Connection[Any, Any]",
    inherited: "list[Connection[Any, Any]]",
) -> None:
    """What a process runs. When the parent is gone, nobody holds the other end of the pipe, and sending ends it."""
    for reader in inherited:
        reader.close()
    with suppress(BrokenPipeError):
        try:
            while (number := _take(following)) < len(items):
                writer.send(work(items[number]))
            writer.send(None)
        except Exception as error:  # noqa: BLE001 - raised where the results are taken
            writer.send(error)


def _take(following: "Synchronized[int]") -> int:
    """The number of the next item, for one process alone."""
    with following.get_lock():
        following.value += 1
        return following.value - 1


def _received(readers: "list[Connection[Any, Any]]") -> Iterator[Any]:
    """The results, until each process has sent a None."""
    from multiprocessing.connection import wait

    waiting = list(readers)
    while waiting:
        ready = wait(waiting)
        for reader in [reader for reader in waiting if reader in ready]:
            try:
                result = reader.recv()
            except EOFError as error:
                raise UnreadableError(
                    "a process that was reading files was killed. Is memory short? Run this again"
                ) from error
            if isinstance(result, Exception):
                raise result
            if result is None:
                waiting.remove(reader)
            else:
                yield result

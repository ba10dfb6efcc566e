"""Ctrl-C and SIGTERM while a run is at work: its bookkeeping is not torn, and a second one does not hinder its end."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Self


class Interruption:
    """In a block of this, the first Ctrl-C or SIGTERM is raised as KeyboardInterrupt, and later ones are ignored.

    Only the main thread can have it so. A signal that is ignored already, as in a job in the background, stays so.
    """

    def __init__(self) -> None:
        self._asked = self._is_held = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
        with contextlib.suppress(ValueError):  # not in the main thread
            for number in numbers:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        for handled in self._before:
            signal.signal(handled, signal.SIG_IGN)
        self._asked = True
        if not self._is_held:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """In this block it is raised by `check` only, and at the end: not between any two steps."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt where there was Ctrl-C or SIGTERM."""
        if self._asked:
            raise KeyboardInterrupt

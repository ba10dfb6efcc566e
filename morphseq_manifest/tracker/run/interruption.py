"""Ctrl-C, SIGTERM and SIGHUP while a run is at work: its books stay whole, and a second signal changes nothing."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """In a block of this, the first of these signals is raised as KeyboardInterrupt, and later ones are ignored.

    Only the main thread can have it so. A signal that is ignored already, as in a job in the background, stays so.
    """

    def __init__(self) -> None:
        self._asked = self._is_held = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        numbers = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        with contextlib.suppress(ValueError):  # not in the main thread
            for number in numbers:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        # Later ones come here too: if they were ignored, Python would tell of one that comes meanwhile by a traceback.
        is_first, self._asked = not self._asked, True
        if is_first and not self._is_held:
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
        """Raise KeyboardInterrupt if one of the signals has come."""
        if self._asked:
            raise KeyboardInterrupt

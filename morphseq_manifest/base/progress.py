"""How far a long step is: frames done, kept from before, rate and time left, for whoever watches on a terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from morphseq_manifest.base import console


class Advance(Protocol):
    """Says that so many more are done; `kept` where they were there already."""

    def __call__(self, count: int, *, kept: bool = False) -> None:
        """Add `count` to what is done."""


def describe(done: int, kept: int, total: int, unit: str, seconds: float) -> str:
    """The line that is shown: the rate is of what was made, not kept, and tells the time that the rest will take."""
    text = f"{done} of {total} {unit}" + (f", {kept} kept" if kept else "")
    made = done - kept
    if made <= 0 or seconds <= 0:
        return text
    rate = made / seconds
    minutes, rest = divmod(round((total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{text}, {rate:.3g} a second, {hours}:{minutes:02d}:{rest:02d} left"


@contextmanager
def watching(label: str, total: int, unit: str = "frames") -> Iterator[Advance]:
    """Show a bar on stderr while the block runs; nothing if stderr is no terminal, or who asked wants quiet."""
    if not console.is_watched():
        yield lambda count, *, kept=False: None
        return
    from rich import progress
    from rich.console import Console

    begun = time.monotonic()
    done, skipped = 0, 0
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[text]}"),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, text=f"0 of {total} {unit}")

        def advance(count: int, *, kept: bool = False) -> None:
            nonlocal done, skipped
            done, skipped = done + count, skipped + count * kept
            text = describe(done, skipped, total, unit, time.monotonic() - begun)
            bar.update(task, completed=done, text=text)

        yield advance

"""Where networks run, and on how many threads; torch is imported only when one is asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def device() -> "torch.device":
    """Where networks run: the first GPU that CUDA sees, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def workers() -> int:
    """How many batches go through a network side by side: one on a GPU, else one a core, up to four for memory."""
    return 1 if device().type == "cuda" else min(os.cpu_count() or 1, 4)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute each batch in one thread, also in threads begun meanwhile: how torch splits work shows in last digits.

    Several batches side by side keep the cores as busy, and no thread waits for another's core.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Bytes for Arrow to read on threads of its own, in memory of its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def own_copy(data: bytes) -> "pa.Buffer":
    """The same bytes in Arrow's memory, in which a thread of Arrow's needs no lock of the interpreter's.

    To read from an object of Python's, or to let go of it, such a thread takes that lock. If it does so while the
    interpreter ends, the process is aborted ("terminate called without an active exception"), with all done and said.
    """
    import pyarrow as pa

    copy = pa.allocate_buffer(len(data))
    memoryview(copy).cast("B")[:] = data
    return copy

"""What Arrow's threads read and let go of is not the interpreter's."""

import sys

from morphseq_manifest.base.arrow_memory import own_copy


def test_a_copy_that_holds_nothing_of_python() -> None:
    data = bytes(range(256)) * 9
    holders = sys.getrefcount(data)
    copy = own_copy(data)
    assert copy.to_pybytes() == data
    assert sys.getrefcount(data) == holders
    assert copy.parent is None
    assert own_copy(b"").size == 0

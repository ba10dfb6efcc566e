"""A pickle that does something when it is loaded."""

import os


class Code:
    """Pickled, this makes a folder when it is loaded: the one that MORPHSEQ_TEST_TRACE names."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (f"{os.environ['MORPHSEQ_TEST_TRACE']}",)

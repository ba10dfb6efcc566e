"""What msgspec knows of a type before threads read it.

At the first reading of a struct with structs in it msgspec puts what it knows of it in place before that is whole.
Another thread that reads the same struct in that moment takes it as it is, and the process ends by SIGSEGV.
"""

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")
_known: set[Any] = set()
_learning = threading.Lock()


def known(kind: type[Kind]) -> type[Kind]:
    """The type itself, of which msgspec knows all from now on: to be read in any thread."""
    if kind not in _known:
        with _learning:
            msgspec.msgpack.Decoder(kind)  # whatever the form, what is known is the same
            _known.add(kind)
    return kind

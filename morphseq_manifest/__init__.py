"""MorphSeq Manifest: which experiments, with which content, are in df01, df02 and df03."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from morphseq_manifest.errors import MorphseqError

if TYPE_CHECKING:
    from morphseq_manifest.states import provenance
    from morphseq_manifest.status import status
    from morphseq_manifest.why import why

__all__ = ["MorphseqError", "provenance", "status", "why"]

# What needs more is imported only where it is used: the commands start in a fraction of the time.
_FUNCTIONS = {"provenance": "states", "status": "status", "why": "why"}


class _Package(ModuleType):
    """The package; `status` and `why` in it are the functions, also once the packages of the same names are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _FUNCTIONS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _FUNCTIONS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)


sys.modules[__name__].__class__ = _Package

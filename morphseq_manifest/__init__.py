"""MorphSeq Manifest: which experiments, with which content, are in df01, df02 and df03."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from morphseq_manifest.base.errors import MorphseqError

if TYPE_CHECKING:
    from morphseq_manifest.answers.provenance.membership import provenance
    from morphseq_manifest.answers.status.report import status
    from morphseq_manifest.answers.table.reading import read_table
    from morphseq_manifest.answers.why.explanation import why

__all__ = ["MorphseqError", "provenance", "read_table", "status", "why"]

# What needs more is imported only where it is used: the commands start in a fraction of the time.
_FUNCTIONS = {
    "provenance": "provenance.membership",
    "read_table": "table.reading",
    "status": "status.report",
    "why": "why.explanation",
}


def __getattr__(name: str) -> Any:
    if name not in _FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.answers.{_FUNCTIONS[name]}"), name)

"""MorphSeq Manifest: which experiments, with which content, are in df01, df02 and df03."""

from typing import TYPE_CHECKING, Any

from morphseq_manifest.errors import MorphseqError

if TYPE_CHECKING:
    from morphseq_manifest.states import provenance

__all__ = ["MorphseqError", "provenance"]


def __getattr__(name: str) -> Any:
    """Import what needs pandas only where it is used: the commands start in a fraction of the time."""
    if name == "provenance":
        from morphseq_manifest.states import provenance

        return provenance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

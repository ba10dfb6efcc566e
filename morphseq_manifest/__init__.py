"""MorphSeq Manifest: which experiments, with which content, are in df01, df02 and df03."""

# What is imported here, every command waits for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from morphseq_manifest.answers.blame.report import blame
    from morphseq_manifest.answers.provenance.difference import diff
    from morphseq_manifest.answers.provenance.membership import provenance
    from morphseq_manifest.answers.status.report import status
    from morphseq_manifest.answers.table.reading import read_table
    from morphseq_manifest.answers.why.explanation import why
    from morphseq_manifest.base.errors import MorphseqError

    __version__: str

__all__ = ["MorphseqError", "__version__", "blame", "diff", "provenance", "read_table", "status", "why"]

_MODULES = {
    "MorphseqError": "base.errors",
    "blame": "answers.blame.report",
    "diff": "answers.provenance.difference",
    "provenance": "answers.provenance.membership",
    "read_table": "answers.table.reading",
    "status": "answers.status.report",
    "why": "answers.why.explanation",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("morphseq-manifest")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

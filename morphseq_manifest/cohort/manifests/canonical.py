"""Canonical JSON for manifests: one form for a content, so that the same content gives the same bytes.

A manifest is a msgspec struct whose first field is `schema` and whose last is `digest`. Lists and mappings of its
entries stand one entry a line, so that git shows what changed; the digest is the hash of all the rest. Bytes that
are not exactly the canonical form of what they say are refused.
"""

from typing import Any, TypeVar

import msgspec

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.kinds import known

Manifest = TypeVar("Manifest", bound=msgspec.Struct)
_encode = msgspec.json.Encoder(order="deterministic").encode


def seal(manifest: Manifest) -> Manifest:
    """The manifest with the digest of its content."""
    return msgspec.structs.replace(manifest, digest=hash_bytes(_text(manifest, "")))


def dump(manifest: msgspec.Struct) -> bytes:
    """The canonical bytes of a sealed manifest."""
    return _text(manifest, getattr(manifest, "digest"))  # noqa: B009


def parse(data: bytes, kind: type[Manifest], schema: str, name: str, remedy: str) -> Manifest:
    """Read canonical bytes as `kind`; `name` and `remedy` are for messages. Raises ContentError for any other bytes."""
    try:
        manifest = msgspec.json.decode(data, type=known(kind))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError(f"{name}: not a whole manifest: {error}. {remedy}") from error
    found = getattr(manifest, "schema")  # noqa: B009
    if found != schema:
        raise ContentError(f"{name}: its schema is {found!r}, expected {schema!r}. {remedy}")
    canonical = dump(seal(manifest))
    if data != canonical and data.replace(b"\r\n", b"\n") == canonical:
        raise ContentError(
            f"{name}: as it was written, but with CRLF line ends: git's core.autocrlf, or an editor, has changed them. "
            "`morphseq init` has git leave them as they are; then delete the file, and `git checkout` it"
        )
    if data != canonical:
        raise ContentError(f"{name}: edited or damaged: its digest is not that of its content. {remedy}")
    return manifest


def _text(manifest: msgspec.Struct, digest: str) -> bytes:
    values = msgspec.structs.asdict(manifest) | {"digest": digest}
    return b"{\n" + b",\n".join(b"%s:%s" % (_encode(name), _value(value)) for name, value in values.items()) + b"\n}\n"


def _value(value: Any) -> bytes:
    """A value in one line, or an entry a line where its entries are structs."""
    if isinstance(value, list):
        return _lines(b"[", (_encode(item) for item in value), b"]") if value else b"[]"
    if isinstance(value, dict) and any(isinstance(item, msgspec.Struct) for item in value.values()):
        return _lines(b"{", (b"%s:%s" % (_encode(key), _encode(value[key])) for key in sorted(value)), b"}")
    return _encode(value)


def _lines(opening: bytes, entries: Any, closing: bytes) -> bytes:
    return opening + b"\n" + b",\n".join(entries) + b"\n" + closing

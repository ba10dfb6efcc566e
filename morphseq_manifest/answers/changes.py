"""What differs between two states of the project, in its own words: frames, settings, versions, inputs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest

ABSENT = None


class Change(msgspec.Struct, frozen=True):
    """One difference: what kind of thing, which one, and what it was and is; None for what is not there."""

    kind: str
    name: str
    old: Any = ABSENT
    new: Any = ABSENT

    def __str__(self) -> str:
        if self.kind == "stage":
            return f"{self.name}: {self.new}"
        if self.old is ABSENT or self.new is ABSENT:
            return f"{self.kind} {self.name} {'added' if self.old is ABSENT else 'removed'}"
        if self.kind in {"setting", "version", "segmenter", "model"}:
            return f"{self.kind} {self.name}: {self.old} -> {self.new}"
        return f"{self.kind} {self.name} changed"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def compare(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The entries that differ between two mappings, by name."""
    names = sorted(old.keys() | new.keys())
    return [Change(kind, name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The settings that differ, by dotted name."""
    return compare("setting", flatten(old), flatten(new))


def differences(name: str, recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Change]:
    """The recorded figures of `name` that are others than those found, each as a change of its own kind."""
    for field, value in recorded.items():
        if value != found.get(field):
            yield Change(field, name, value, found.get(field))


def frames(old: ImagesManifest | None, new: ImagesManifest | None) -> list[Change]:
    """The frames that were added, removed or changed between two manifests of one experiment."""

    def by_path(manifest: ImagesManifest | None) -> dict[str, str]:
        listed: Iterable[Frame] = manifest.frames if manifest else ()
        return {frame.path: frame.xxh3_128 for frame in listed}

    return compare("frame", by_path(old), by_path(new))


def brief(changes: Iterable[Change], shown: int = 3) -> str:
    """Changes in one line; of many of one kind, the first few and how many more there are."""
    kinds: dict[str, list[Change]] = {}
    for change in changes:
        kinds.setdefault(change.kind, []).append(change)
    parts = []
    for kind, of_kind in kinds.items():
        parts += [str(change) for change in of_kind[:shown]]
        if len(of_kind) > shown:
            parts.append(f"and {len(of_kind) - shown} more of kind {kind}")
    return "; ".join(parts)

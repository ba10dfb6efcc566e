"""What is recorded of a dependency or output, in dvc.lock and in `.dvc` files, as DVC writes it in YAML."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

ENTRY = {"hash", "md5", "size", "nfiles", "isexec"}
# What DVC records of a part that lies elsewhere.
_OF_REMOTES = {"etag", "checksum", "version_id"}
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dependency or output as recorded: md5 (ending in `.dir` for a folder), bytes, and files if it is a folder.

    `isexec`: whether the file may be executed. `legacy`: DVC 2 recorded it, whose md5 is another for some texts, and
    whose cache lies elsewhere. `cloud`: what a remote that has versions knows a file by.
    """

    md5: str
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    legacy: bool = False
    cloud: dict[str, Any] | None = None

    @property
    def kept(self) -> str:
        """By what the content is known in DVC's cache, as DvcCache has it."""
        return f":{self.md5}" if self.legacy else self.md5


def parts(items: list[dict[str, Any]]) -> Iterator[tuple[str, Recorded]]:
    """The dependencies or outputs that are recorded by their md5, by path. Raises as recorded_from_yaml.

    Of another, DVC knew what a remote calls it, or nothing: for us it is new.
    """
    for item in items:
        path, is_known = msgspec.convert(item["path"], str), bool(item.keys() & {"md5", "files"})
        rest = {key: value for key, value in item.items() if key not in _OF_REMOTES}
        recorded = recorded_from_yaml(item if is_known else rest | {"md5": "0" * 32})
        if is_known:
            yield path, recorded


def recorded_from_yaml(item: dict[str, Any]) -> Recorded:
    """A dependency or output as DVC writes it in YAML. Raises TypeError, ValueError for anything else."""
    if (extra := item.keys() - ENTRY - {"path", "cloud", "files"}) or item.get("hash", "md5") != "md5":
        raise TypeError(f"{item['path']}: {min(extra, key=str) if extra else 'its hash'} is not what DVC 3 writes")
    item = item if "files" not in item else _with_files(item)
    if empty := [name for name, value in item.items() if value is None]:
        raise TypeError(f"{item['path']}: {empty[0]} is empty")
    if not _MD5.fullmatch(str(item.get("md5"))):
        raise TypeError(f"{item['path']}: {item.get('md5')!r} is not an md5")
    values = [item.get("md5"), item.get("size"), item.get("nfiles"), item.get("isexec", False), "hash" not in item]
    values.append(_versioned(item.get("cloud")))
    return msgspec.convert(values, Recorded)


def _versioned(cloud: Any) -> dict[str, Any] | None:
    """What DVC keeps of a file's `cloud`: all, if a version stands there. Raises TypeError, ValueError as above."""
    by_remote = msgspec.convert(cloud or {}, dict[str, dict[str, Any]])
    return by_remote if any("version_id" in known for known in by_remote.values()) else None


def _with_files(item: dict[str, Any]) -> dict[str, Any]:
    """A folder that was recorded file by file, as DVC does it for remotes with versions: as one of its md5."""
    files_ = msgspec.convert(item["files"], list[dict[str, Any]])
    md5s = {msgspec.convert(file["relpath"], str): msgspec.convert(file["md5"], str) for file in files_}
    size = sum(file.get("size") or 0 for file in files_)
    return item | {"md5": folder_md5(md5s), "nfiles": len(md5s), "size": size}

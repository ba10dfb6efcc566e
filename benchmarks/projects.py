"""Synthetic projects: frames, dvc.yaml, params.yaml; and, where everything is to have run, all else, made at once.

Six stages an experiment and one for the cohort, with trivial commands. The same graph for Snakemake.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

STAGES = ("images", "qc_masks", "sam2", "build03", "snips", "latents")
# What each stage reads and makes; {} is the experiment.
_READS = {
    "images": ["data/frames/{}"],
    "qc_masks": ["manifests/images/{}.json"],
    "sam2": ["manifests/images/{}.json"],
    "build03": ["data/qc_masks/{}.tif", "data/sam2/{}.csv"],
    "snips": ["data/sam2/{}.csv", "manifests/images/{}.json"],
    "latents": ["data/snips/{}.tif"],
}
_MAKES = {
    "images": "manifests/images/{}.json",
    "qc_masks": "data/qc_masks/{}.tif",
    "sam2": "data/sam2/{}.csv",
    "build03": "data/build03/{}.csv",
    "snips": "data/snips/{}.tif",
    "latents": "data/latents/{}.csv",
}
_CACHED = {"sam2", "build03", "latents"}
_TABLE = "data/cohort.csv"
_COHORT = f"ls data/build03 > {_TABLE}"


def names(count: int) -> list[str]:
    """Ids of experiments, as the lab's are."""
    return [f"2024{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}_{number:04d}" for number in range(count)]


def make(root: Path, experiments: int, frames: int = 2, size: int = 16, *, command: str = "cat") -> list[str]:
    """Make a project of so many experiments, each with so many frames of `size` bytes; returns their ids.

    `command` is what the stages do with the files they read.
    """
    listed = names(experiments)
    for name in listed:
        _make_frames(root, name, frames, size)
    for out in (*_MAKES.values(), _TABLE):
        (root / out).parent.mkdir(parents=True, exist_ok=True)
    _write_settings(root, listed, command)
    return listed


def make_built(root: Path, experiments: int, frames: int = 2, size: int = 16) -> list[str]:
    """The same after everything has run, with files, dvc.lock and DVC's cache as they would be."""
    listed = make(root, experiments, frames, size)
    lock = ["schema: '2.0'\nstages:\n"]
    tables = {}
    for name in listed:
        held = {_READS["images"][0].format(name): _make_frames(root, name, frames, size)}
        for stage in STAGES:
            out = _MAKES[stage].format(name)
            held[out] = _make_file(root, out, f"{stage} of {name}\n".encode(), stage in _CACHED)
            reads = [path.format(name) for path in _READS[stage]]
            lock.append(_entry(f"{stage}@{name}", _command(stage, "cat").format(*[name] * 3), reads, [out], held))
        tables[f"{name}.csv"] = held[f"data/build03/{name}.csv"]
    md5 = folder_md5({path: md5 for path, (md5, _, _) in tables.items()})
    held = {"data/build03": (md5, sum(size for _, size, _ in tables.values()), len(tables))}
    held[_TABLE] = _make_file(root, _TABLE, b"rows\n", True)
    lock.append(_entry("cohort", _COHORT, ["data/build03"], [_TABLE], held))
    (root / "dvc.lock").write_text("".join(lock))
    return listed


_Held = tuple[str, int, int | None]


def _make_frames(root: Path, name: str, count: int, size: int) -> _Held:
    folder = root / "data/frames" / name
    folder.mkdir(parents=True, exist_ok=True)
    md5s = {}
    for number in range(count):
        frame = f"{'ABCDEFGH'[number % 8]}{number // 8 % 12 + 1:02d}_t{number // 96:04d}_stitch.png"
        data = f"{name}{number:08d}".encode().ljust(size, b".")[:size]
        (folder / frame).write_bytes(data)
        md5s[frame] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return folder_md5(md5s), count * size, count


def _make_file(root: Path, path: str, data: bytes, cached: bool) -> _Held:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if cached:
        kept = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.link(place, kept)
        kept.chmod(0o444)
    return md5, len(data), None


def _command(stage: str, command: str) -> str:
    first = "ls" if stage == "images" else command
    return f"{first} {' '.join(_READS[stage])} > {_MAKES[stage]}"


def _entry(stage: str, cmd: str, deps: Iterable[str], outs: Iterable[str], held: dict[str, _Held]) -> str:
    lines = [f"  {stage}:\n    cmd: {cmd}\n"]
    for part, paths in (("deps", deps), ("outs", outs)):
        lines.append(f"    {part}:\n")
        for path in sorted(paths):
            md5, size, nfiles = held[path]
            count = "" if nfiles is None else f"      nfiles: {nfiles}\n"
            lines.append(f"    - path: {path}\n      hash: md5\n      md5: '{md5}'\n      size: {size}\n{count}")
    return "".join(lines)


def _write_settings(root: Path, listed: list[str], command: str) -> None:
    experiments = "".join(f'  "{name}":\n    segmenter: threshold\n' for name in listed)
    (root / "params.yaml").write_text(f"experiments:\n{experiments}versions: {{}}\n")
    stages = []
    for stage in STAGES:
        deps = "".join(f"        - {path.format('${key}')}\n" for path in _READS[stage])
        cache = "" if stage in _CACHED else ":\n            cache: false"
        cmd = _command(stage, command).format(*["${key}"] * 3)
        stages.append(
            f"  {stage}:\n    foreach: ${{experiments}}\n    do:\n      cmd: {cmd}\n"
            f"      deps:\n{deps}      outs:\n        - {_MAKES[stage].format('${key}')}{cache}\n"
        )
    stages.append(f"  cohort:\n    cmd: {_COHORT}\n    deps:\n      - data/build03\n    outs:\n      - {_TABLE}\n")
    (root / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    (root / ".gitignore").write_text("/data\n")
    (root / ".dvc/config").parent.mkdir(exist_ok=True)
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)


def write_snakefile(root: Path, listed: list[str]) -> None:
    """The same graph as rules of Snakemake."""
    reads = ", ".join(f'expand("{_MAKES[stage].format("{e}")}", e=EXPERIMENTS)' for stage in ("build03", "latents"))
    rules = [f'rule cohort:\n    input: {reads}\n    output: "{_TABLE}"\n    shell: "{_COHORT}"\n']
    for stage in STAGES:
        paths = ", ".join(f'"{path.format("{e}")}"' for path in _READS[stage])
        makes = _MAKES[stage].format("{e}")
        shell = _command(stage, "cat").format(*["{wildcards.e}"] * 3)
        rules.append(f'rule {stage}:\n    input: {paths}\n    output: "{makes}"\n    shell: "{shell}"\n')
    (root / "Snakefile").write_text(f"EXPERIMENTS = {listed!r}\n" + "".join(rules))

"""A synthetic cohort at the lab's scale: what df01 is built from, and the records that go with it, without images."""

from pathlib import Path

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort import ids
from morphseq_manifest.cohort.columns import KEY, counted
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files import layout

# The lab's: 133 experiments, 700,000 rows of 60 columns.
EXPERIMENTS, ROWS, COLUMNS = 133, 700_000, 60
STAGES = ("images", "qc_masks", "sam2", "build03")
_REPOSITORY = Path(__file__).parent.parent


def synthesise(root: Path, experiments: int = EXPERIMENTS, rows: int = ROWS) -> list[str]:
    """Write params, images manifests, sam2 and build03 tables and dvc.lock for a cohort; returns the experiments."""
    (root / ".dvc").mkdir()
    names = [f"2024{number // 28 + 1:02d}{number % 28 + 1:02d}_{number:03d}" for number in range(experiments)]
    _write_params(root, names)
    each = rows // experiments
    tail = _numbers(each)
    lock = {}
    for name in names:
        manifest = canonical.dump(images_manifest.build(name, [Frame("A01", 0, "A01_t0000.png", 1, "0" * 32)], [], 1))
        outs = {
            "images": {layout.images_manifest(name): manifest},
            "sam2": {layout.sam2_table(name): b"image_id\n"},
            "build03": {layout.build03_table(name): _table(name, tail)},
        }
        for stage, files in outs.items():
            lock[f"{stage}@{name}"] = _lock_entry(stage, name, files)
            for path, data in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)
        lock[f"qc_masks@{name}"] = _lock_entry("qc_masks", name, {})
    (root / "dvc.lock").write_text("schema: '2.0'\nstages:\n" + "".join(f"  {k}:\n{v}" for k, v in lock.items()))
    return names


def lock_table(root: Path, table: str) -> None:
    """Record in dvc.lock that `table` was built of the experiments that are listed, as its stage would."""
    path = layout.cohort_table(table)
    entry = _lock_entry(table, None, {path: (root / path).read_bytes()})
    listed = YAML(typ="safe").load(root / "params.yaml")["experiments"]
    ran_with = "".join(
        f"          '{name}':\n            segmenter: {item['segmenter']}\n" for name, item in listed.items()
    )
    with (root / "dvc.lock").open("a") as lock:
        lock.write(f"  {table}:\n{entry}    params:\n      params.yaml:\n        experiments:\n{ran_with}")


def _write_params(root: Path, names: list[str]) -> None:
    yaml = YAML()
    values = yaml.load(_REPOSITORY / "params.yaml")
    values["experiments"] = {DoubleQuotedScalarString(name): {"segmenter": "threshold"} for name in names}
    with (root / "params.yaml").open("w") as file:
        yaml.dump(values, file)


def _numbers(rows: int) -> list[str]:
    """The part of each row behind its keys: a stage, an area, and numbers of the usual length."""
    values = np.random.default_rng(0).uniform(0, 2000, (rows, COLUMNS - len(KEY)))
    return [",".join(f"{value:.9g}" for value in row) for row in values.tolist()]


def _table(name: str, tail: list[str]) -> bytes:
    columns = [*KEY, *counted(), *(f"column_{n:02d}" for n in range(COLUMNS - len(KEY) - len(counted())))]
    lines = [",".join(columns)]
    for number, numbers in enumerate(tail):
        well, embryo, time_int = (
            f"{'ABCDEFGH'[number // 1200 % 8]}{number // 100 % 12 + 1:02d}",
            number // 9600 + 1,
            number % 100,
        )
        lines.append(
            f"{name},{well},{ids.embryo_id(name, well, embryo)},{ids.snip_id(name, well, embryo, time_int)},{numbers}"
        )
    return "\n".join([*lines, ""]).encode()


def _lock_entry(stage: str, name: str | None, outs: dict[Path, bytes]) -> str:
    command = f"python -m stages.{stage}" + (f" '{name}'" if name else "")
    found = "".join(
        f"    - path: {path}\n      hash: md5\n      md5: '{md5_bytes(data)}'\n      size: {len(data)}\n"
        for path, data in outs.items()
    )
    return f"    cmd: {command}\n" + (f"    outs:\n{found}" if found else "")

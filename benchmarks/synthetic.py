"""A synthetic cohort at the lab's scale: what df01 is built from, and the records that go with it, without images."""

from pathlib import Path

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort import columns, ids, row_keys
from morphseq_manifest.cohort.columns import Dtype, Source
from morphseq_manifest.cohort.manifests import canonical, images_manifest, part_manifest, places
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from morphseq_manifest.cohort.row_keys import KEY
from stages.files import layout

# The lab's: 133 experiments, 700,000 rows of 60 columns.
EXPERIMENTS, ROWS, COLUMNS = 133, 700_000, 60
_SAM2_REST = [name for name in columns.names(Source.SAM2) if name not in {*row_keys.FRAME_KEY, "snip_id"}]
_LISTED = [*columns.names(Source.SAM2), *columns.names(Source.PLATE), *columns.names(Source.BUILD03)]
_REST = [name for name in _LISTED if name not in {*KEY, "experiment_id"}]
_REST += [f"column_{number:02d}" for number in range(COLUMNS - len(KEY) - len(_REST))]  # as plate tables bring along
STAGES = ("images", "qc_masks", "sam2", "build03")
_REPOSITORY = Path(__file__).parent.parent


def synthesise(root: Path, experiments: int = EXPERIMENTS, rows: int = ROWS) -> list[str]:
    """Write params, images manifests, sam2 and build03 tables and dvc.lock for a cohort; returns the experiments."""
    (root / ".dvc").mkdir()
    names = _names(experiments)
    _write_params(root, names)
    each = rows // experiments
    tail, sam2_tail = _tail(_REST, each), _tail(_SAM2_REST, each)
    lock = {}
    for name in names:
        manifest = canonical.dump(images_manifest.build(name, [Frame("A01", 0, "A01_t0000.png", 1, "0" * 32)], [], 1))
        outs = {
            "images": {layout.images_manifest(name): manifest},
            "sam2": {layout.sam2_table(name): _embryos(name, sam2_tail)},
            "build03": {layout.build03_table(name): _rows(name, tail)},
        }
        contents = {stage: md5_bytes(data) for stage, made in outs.items() for data in made.values()}
        outs["df01_part"] = {places.part("df01", name): canonical.dump(part_manifest.of("df01", name, contents))}
        for stage, files in outs.items():
            deps = outs["images"] | outs["sam2"] | outs["build03"] if stage == "df01_part" else {}
            lock[f"{stage}@{name}"] = _lock_entry(stage, name, files, deps)
            for path, data in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)
        lock[f"qc_masks@{name}"] = _lock_entry("qc_masks", name, {})
    (root / "dvc.lock").write_text("schema: '2.0'\nstages:\n" + "".join(f"  {k}:\n{v}" for k, v in lock.items()))
    return names


def table_lines(rows: int = ROWS, experiments: int = EXPERIMENTS) -> tuple[str, dict[str, bytes]]:
    """A cohort table: its header, and the lines of each experiment."""
    tail = _tail(_REST, rows // experiments)
    parts = {name: _rows(name, tail) for name in _names(experiments)}
    header = next(iter(parts.values())).partition(b"\n")[0].decode()
    return header, {name: data.partition(b"\n")[2] for name, data in parts.items()}


def _names(experiments: int) -> list[str]:
    return [f"2024{number // 28 + 1:02d}{number % 28 + 1:02d}_{number:03d}" for number in range(experiments)]


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


def other_stages(names: list[str]) -> str:
    """What dvc.lock has of the stages of these experiments, each with an input and an output."""
    groups = ("images", "qc_masks", "sam2", "build03", "df01_part", "snips", "latents", "df03_part")
    entries = (
        (f"{group}@{name}", _lock_entry(group, name, {Path(f"{group}/{name}"): b"o"}, {Path(f"in/{name}"): b"i"}))
        for group in groups
        for name in names
    )
    return "".join(f"  {title}:\n{entry}" for title, entry in entries)


def _write_params(root: Path, names: list[str]) -> None:
    yaml = YAML()
    values = yaml.load(_REPOSITORY / "params.yaml")
    values["experiments"] = {DoubleQuotedScalarString(name): {"segmenter": "threshold"} for name in names}
    with (root / "params.yaml").open("w") as file:
        yaml.dump(values, file)


def _tail(names: list[str], rows: int) -> list[str]:
    """Cells of these columns, as usual for their types, joined: a text a row."""
    random = np.random.default_rng(0)
    cells = [_cells(columns.dtype_of(name), random, rows) for name in names]
    return [",".join(row) for row in zip(*cells, strict=True)]


def _cells(dtype: Dtype, random: np.random.Generator, rows: int) -> list[str]:
    match dtype:
        case Dtype.TEXT:
            return random.choice(["wt", "mut", "E3 medium", ""], rows).tolist()
        case Dtype.FLAG:
            return random.choice(["True", "False", ""], rows).tolist()
        case Dtype.INTEGER:
            return [str(value) for value in random.integers(0, 50_000, rows).tolist()]
        case _:
            return [f"{value:.12g}" for value in random.uniform(0, 2000, rows).tolist()]


def _place(number: int) -> tuple[str, int, int]:
    """Well, embryo and frame number of a row."""
    return f"{'ABCDEFGH'[number // 1200 % 8]}{number // 100 % 12 + 1:02d}", number // 9600 + 1, number % 100


def _rows(name: str, tail: list[str]) -> bytes:
    """A build03 table."""
    lines = [",".join([*KEY, *_REST])]
    for number, cells in enumerate(tail):
        well, embryo, time_int = _place(number)
        lines.append(
            f"{name},{well},{ids.embryo_id(name, well, embryo)},{ids.snip_id(name, well, embryo, time_int)},{cells}"
        )
    return "\n".join([*lines, ""]).encode()


def _embryos(name: str, tail: list[str]) -> bytes:
    """The sam2 table of the same rows."""
    lines = [",".join([*row_keys.FRAME_KEY, "snip_id", *_SAM2_REST])]
    for number, cells in enumerate(tail):
        well, embryo, time_int = _place(number)
        lines.append(f"{well},{time_int},{ids.snip_id(name, well, embryo, time_int)},{cells}")
    return "\n".join([*lines, ""]).encode()


def _lock_entry(stage: str, name: str | None, outs: dict[Path, bytes], deps: dict[Path, bytes] | None = None) -> str:
    command = f"python -m stages.{stage}" + (f" '{name}'" if name else "")
    return f"    cmd: {command}\n{_section('deps', deps or {})}{_section('outs', outs)}"


def _section(title: str, files: dict[Path, bytes]) -> str:
    found = "".join(
        f"    - path: {path}\n      hash: md5\n      md5: '{md5_bytes(data)}'\n      size: {len(data)}\n"
        for path, data in files.items()
    )
    return f"    {title}:\n{found}" if found else ""

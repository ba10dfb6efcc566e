"""A project in git as if everything had run, made without data: what people edit, and the records of a run."""

import copy
import csv
import io
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, images_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import SCHEMA, CohortManifest, Contribution
from morphseq_manifest.cohort.manifests.images_manifest import AS_IT_IS, Frame, Plate
from morphseq_manifest.tracker.dvc import lock_entries, params_file
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.lock_entries import Item
from morphseq_manifest.tracker.dvc.stages import Stage, parents
from morphseq_manifest.tracker.snapshot import Snapshot
from stages.files import layout

_REPOSITORY = Path(__file__).parent.parent
TABLES = ("df01", "df02", "df03")
CURVES = str(layout.REFERENCE_CURVES)
# What is told of a table for people to look at.
_TOLD = (f"{places.METRICS}/", f"{layout.PLOTS}/")
_FrameKey = tuple[str, int]


class Planted:
    """What stands in the project: edit it, then `write` what people write, and `run` for the records of a run.

    `frames` are numbers that stand for contents, and `cells` those of the plate table, by experiment and frame;
    `wells` are cells of the well table by experiment and well. `models` are numbers too, by the folder's path.
    """

    def __init__(self, root: Path, experiments: Iterable[str], wells: Iterable[str], times: int) -> None:
        self.root = root
        self.settings: dict[str, Any] = YAML(typ="safe").load(_REPOSITORY / "params.yaml")
        self.settings["experiments"] = {name: {"segmenter": "threshold"} for name in experiments}
        keys = [(well, time_int) for well in wells for time_int in range(times)]
        listed = self.settings["experiments"]
        self.frames: dict[str, dict[_FrameKey, int]] = {name: dict.fromkeys(keys, 0) for name in listed}
        self.cells = {name: {key: _cells(key) for key in keys} for name in listed}
        self.wells = {name: {well: {"genotype": "wt", "medium": ""} for well, _ in keys} for name in listed}
        self.models = dict.fromkeys(self._models(), 0)
        self.curves = 0
        self.plates = dict.fromkeys(listed, Plate(7.5, ["Keyence"]))

    def _models(self) -> list[str]:
        networks = [*self.settings["qc_masks"]["models"].values(), "threshold", "other"]
        vaes = [self.settings["model_name"], "demo_b"]
        return [*(str(layout.MODELS / name) for name in networks), *(str(layout.VAES / name) for name in vaes)]

    def start(self) -> None:
        """Make the project's folder, and a repository in it."""
        (self.root / ".dvc").mkdir(parents=True)
        for name in ("dvc.yaml", ".gitignore", ".gitattributes", ".dvc/config", ".dvc/.gitignore"):
            (self.root / name).write_bytes((_REPOSITORY / name).read_bytes())
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=self.root, check=True)

    def write(self) -> None:
        """Write what people write: settings, plate tables, reference curves, the files by which models travel."""
        for path, data in self.written(self.settings["experiments"]).items():
            self._put(path, data)

    def written(self, plates: Iterable[str]) -> dict[str, bytes]:
        """What people write, by path; plate tables of these experiments."""
        files = {"params.yaml": self._params(), CURVES: f"curves {self.curves}\n".encode()}
        for name in plates:
            files[str(layout.plate_table(name))] = self.plate_table(name)
        for path, number in self.models.items():
            files[f"{path}.dvc"] = _tracked(path, number)
        return files

    def run(self, experiments: Iterable[str] | None = None) -> None:
        """Write what a run would: images manifests and well tables, of some experiments or all, and dvc.lock."""
        listed = self.settings["experiments"] if experiments is None else experiments
        for name in listed:
            self._put(str(layout.images_manifest(name)), self.images_manifest(name))
            self._put(str(layout.well_table(name)), _table(["well"], {(k,): v for k, v in self.wells[name].items()}))
        self._put(str(layout.KEY_TABLE), b"chem_perturbation,dose\n")
        self._put("dvc.lock", self.lock())

    def images_manifest(self, name: str) -> bytes:
        """The images manifest of an experiment."""
        frames = [
            Frame(well, time, f"{well}_t{time:04d}_stitch.png", 1, hash_bytes(f"{name}{well}{time}{number}".encode()))
            for (well, time), number in self.frames[name].items()
        ]
        return canonical.dump(images_manifest.build(name, frames, [], len(frames), AS_IT_IS, self.plates[name]))

    def plate_table(self, name: str) -> bytes:
        """The plate table of an experiment."""
        return _table(["well", "time_int"], self.cells[name])

    def lock(self) -> bytes:
        """dvc.lock after everything has run."""
        made: dict[str, Item] = {}
        texts = [
            lock_entries.write(self._entry(stage, made), stage.name) for stage in self._stages() if not stage.is_data
        ]
        return f"schema: '2.0'\nstages:\n{''.join(texts)}".encode()

    def _stages(self) -> list[Stage]:
        """The stages, each after those whose outputs it depends on."""
        graph = Snapshot(self.root).graph
        ordered: dict[str, Stage] = {}

        def add(name: str) -> None:
            if name not in ordered:
                for earlier in graph.before[name]:
                    add(earlier)
                ordered[name] = graph.stages[name]

        for name in graph.stages:
            add(name)
        return list(ordered.values())

    def _entry(self, stage: Stage, made: dict[str, Item]) -> lock_entries.Entry:
        deps = [made.get(path) or self._found(path, made) for path in stage.deps]
        settings = {
            file: {name: copy.deepcopy(params_file.find(self.settings, name)[1]) for name in names}
            for file, names in stage.params.items()
        }
        came = md5_bytes(repr((stage.cmd, deps, settings)).encode())
        if stage.name in TABLES:
            self._put(str(layout.cohort_manifest(stage.name)), self._cohort_manifest(stage.name, came, made))
            for path in (one.path for one in stage.outs if one.path.startswith(_TOLD)):
                self._put(path, b"{}\n")
        for out in stage.outs:
            is_there = (self.root / out.path).exists()
            new = Item(out.path, md5_bytes(f"{out.path}{came}".encode()), 1)
            made[out.path] = self._found(out.path, made) if is_there else new
        return lock_entries.Entry(stage.cmd, deps, settings, [made[out.path] for out in stage.outs])

    def _cohort_manifest(self, table: str, came: str, made: Mapping[str, Item]) -> bytes:
        """The manifest of a table that has what came from all that is recorded of each experiment."""
        parts = {}
        for name, said in self.settings["experiments"].items():
            own = [item.md5 for path, item in made.items() if f"_parts/{name}." in path]
            contributed = hash_bytes(repr(own).encode())
            parts[name] = Contribution(1, 1, 1, 1, contributed, said["segmenter"], "", "", "", {}, {})
        manifest = CohortManifest(SCHEMA, table, came, len(parts), 1, {}, {}, {}, None, None, parts, digest="")
        return canonical.dump(canonical.seal(manifest))

    def _found(self, path: str, made: Mapping[str, Item]) -> Item:
        """A path as DVC finds it: on the disk, in a folder that a stage makes, or as a model or a folder of frames."""
        place = self.root / path
        if path in self.models:
            return Item(path, _model_md5(path, self.models[path]), 1, 2)
        if place.is_file():
            data = place.read_bytes()
            return Item(path, md5_bytes(data), len(data))
        if place.is_dir():
            md5s = {
                str(one.relative_to(place)): md5_bytes(one.read_bytes()) for one in place.rglob("*") if one.is_file()
            }
            return Item(path, folder_md5(md5s), 1, len(md5s))
        inside = sorted((one.path, one.md5) for one in made.values() if path in parents(one.path))
        frames = self.frames.get(place.name, {}) if not inside else {}
        return Item(path, md5_bytes(repr([inside, frames]).encode()) + ".dir", 1, len(inside or frames))

    def _params(self) -> bytes:
        yaml, out = YAML(), io.BytesIO()
        listed = {DoubleQuotedScalarString(name): said for name, said in self.settings["experiments"].items()}
        yaml.dump(self.settings | {"experiments": listed}, out)
        return out.getvalue()

    def _put(self, path: str, data: bytes) -> None:
        place = self.root / path
        if not place.exists() or place.read_bytes() != data:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def _cells(key: _FrameKey) -> dict[str, str]:
    """The cells of a frame, beside its well and number."""
    return {
        "Height (um)": "7080.86", "Width (um)": "9441.14", "Height (px)": "945", "Width (px)": "1260",
        "microscope": "Keyence", "BF Channel": "1", "Objective": "Nikon 4x", "Time (s)": f"{600 * key[1]}.0",
        "medium": "E3", "genotype": "wt", "chem_perturbation": "", "start_age_hpf": "24", "embryos_per_well": "1",
        "temperature": "28.5", "well_qc_flag": "0",
    }  # fmt: skip


def _table(keys: list[str], rows: Mapping[Any, Mapping[str, str]]) -> bytes:
    names = [*keys, *next(iter(rows.values()))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([*key, *cells.values()] for key, cells in rows.items())
    return out.getvalue().encode()


def _model_md5(path: str, number: int) -> str:
    return md5_bytes(f"{path} {number}".encode()) + ".dir"


def _tracked(path: str, number: int) -> bytes:
    """The file by which a model travels, as `dvc add` writes it."""
    md5, name = _model_md5(path, number), Path(path).name
    return f"outs:\n- md5: {md5}\n  size: 1\n  nfiles: 2\n  hash: md5\n  path: {name}\n".encode()

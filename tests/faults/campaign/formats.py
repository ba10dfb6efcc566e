"""Every format of file that is read: a whole one, where it lies in a project, and what reads it."""

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from xxhash import xxh3_128_digest

from morphseq_manifest.answers.code import versions
from morphseq_manifest.base import memo
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.cohort.columns import needed_of_plate
from morphseq_manifest.cohort.manifests import canonical, stack_index, table_figures, table_rows
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.stat_cache import StatCache
from morphseq_manifest.tracker.dvc import config, folder_hash, project_lock, run_cache
from morphseq_manifest.tracker.dvc.ignoring import Ignore
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.run import clusters, process_marks
from tests.answers.verifying import DF01
from tests.project import REPOSITORY

_FRAMES = "manifests/images/20240418.json"


class Format(NamedTuple):
    """`sample` gives the bytes of a whole file, from the campaign's small projects or made; `read` is given a project.

    `place` is where the file lies in it; `errors` are those by which it may be refused.
    """

    sample: Callable[[Path], bytes]
    place: str
    read: Callable[[Path], object]
    errors: type[Exception] = MorphseqError


def _made(data: bytes | str) -> Callable[[Path], bytes]:
    return lambda prepared: data.encode() if isinstance(data, str) else data


def _of(name: str) -> Callable[[Path], bytes]:
    """A file of the small projects, the first one that fits."""
    return lambda prepared: next(path for path in sorted(prepared.glob(name)) if path.is_file()).read_bytes()


def _settings(root: Path) -> object:
    snapshot = CohortSnapshot(root)
    return snapshot.params.experiments, snapshot.settings


def _definition(root: Path) -> object:
    (root / "params.yaml").write_text("experiments: {x: {segmenter: s}}\nmodel_name: a\nversions: {}\nsam2: 1\n")
    return CohortSnapshot(root).graph


def _counted(root: Path) -> object:
    return table_rows.count_table(root / "table.csv"), table_figures.read_figures(root / "table.csv", ["area_um2"])


def _held(root: Path) -> None:
    with project_lock.held(root, 0):
        pass


class _Record(msgspec.Struct):
    name: str
    number: int


def _journal(root: Path) -> object:
    journal = Journal(root / "journal", _Record)
    journal.close()
    return journal.records


def _journal_sample(prepared: Path) -> bytes:
    path = prepared / "journal"
    path.unlink(missing_ok=True)
    journal = Journal(path, _Record)
    for number in range(4):
        journal.add(_Record(f"A{number:02d}", number))
    journal.close()
    return path.read_bytes()


def _recalled(root: Path) -> object:
    return memo.recall(root, "x", [b"x"], dict[str, int], lambda: {"a": 1})


def _remembered(prepared: Path) -> bytes:
    data = msgspec.msgpack.encode([{"data/x": ["0" * 32, 1, 2, 3, 4, 5]}, {}])
    return b"morphseq/stat/1." + xxh3_128_digest(data) + data


def _image(kind: str, prepared: Path) -> bytes:
    import numpy as np
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(written, kind)
    return written.getvalue()


def _stack_sample(prepared: Path) -> bytes:
    import numpy as np
    import tifffile

    written = io.BytesIO()
    tifffile.imwrite(written, np.zeros((2, 6, 8), np.uint8), description=json.dumps({"well": "A01"}))
    return written.getvalue()


def _frame(name: str, root: Path) -> object:
    from morphseq_manifest.cohort.experiments import Experiment
    from stages.files import frame_folder, frames

    return frame_folder.read_frames(root, {("A01", 0): name}, Experiment("threshold")), frames.decode(
        (root / name).read_bytes(), root / name
    )


def _plate_sample(prepared: Path) -> bytes:
    columns = dict.fromkeys([*needed_of_plate(), "Width (px)", "Height (px)"], "2.5") | {"well": "A01", "time_int": "0"}
    return f"{','.join(columns)}\n{','.join(columns.values())}\n".encode()


def _plate(root: Path) -> object:
    from stages.files import plates

    return plates.scales(plates.read_plate(root / "plate.csv", "x"), root / "plate.csv")


def _workbook_sample(prepared: Path) -> bytes:
    """A workbook whose bytes are the same at any time."""
    from openpyxl import Workbook

    book, written, made = Workbook(), io.BytesIO(), io.BytesIO()
    sheet = book.worksheets[0]
    for row in (["well", "genotype", "age"], ["A01", "wt", 26.5], ["A02", "x", None]):
        sheet.append(row)
    sheet.merge_cells("C2:C3")
    book.save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted({*old.namelist()} - {"docProps/core.xml"}):
            new.writestr(zipfile.ZipInfo(name), old.read(name))
    return made.getvalue()


def _workbook(root: Path) -> object:
    from stages.files import well_metadata

    return well_metadata.read(root / "x_well_metadata.xlsx", "x")


def _stack(root: Path) -> object:
    from stages.files import stacks

    path = root / "A01.tif"
    return [page.pixels for page in stacks.read_stack(path)], stacks.read_tags(path), stacks.read_key(path)


def _model(root: Path) -> object:
    from stages.networks import model_folder

    return model_folder.read_config(root, model_folder.VaeConfig)


_IGNORED = "*.tmp\n!keep.tmp\n/data/**/x\n# all\n[a-c]?\n"
_CONFIG = "[core]\n    remote = a\n[cache]\n    type = hardlink,symlink\n['remote \"a\"']\n    url = /x\n"
_CLUSTER = "kind: slurm\njobs: 4\nneeds: {cores: 4, memory: 8GB}\nstages: {a: {time: 30m}}\n"
_WORKING = '{"data/x": {"write": {"pid": 4194999, "cmd": "dvc repro"}, "read": []}}'
_MODEL = REPOSITORY / "simulation/models/models/legacy/demo_a/config.json"
FORMATS = {
    "settings": Format(_of("first/params.yaml"), "params.yaml", _settings),
    "pipeline": Format(_of("first/dvc.yaml"), "dvc.yaml", _definition),
    "lock": Format(
        _of("first/dvc.lock"), "dvc.lock", lambda root: [entry.params() for entry in CohortSnapshot(root).lock.values()]
    ),
    "frames' manifest": Format(_of(f"frames/{_FRAMES}"), _FRAMES, lambda root: CohortSnapshot(root).images("20240418")),
    "table's manifest": Format(
        _of("cohort/manifests/df01.json"), "manifests/df01.json", lambda root: CohortSnapshot(root).cohort("df01")
    ),
    "code's manifest": Format(_of("first/manifests/code.json"), "manifests/code.json", versions.read),
    "index of a folder": Format(
        lambda prepared: canonical.dump(stack_index.build(prepared / "first/data/plates")),
        stack_index.NAME,
        stack_index.read,
    ),
    "listing of a folder": Format(
        _of("first/.dvc/cache/files/md5/*/*.dir"), "x.dir",
        lambda root: folder_hash.parse_listing((root / "x.dir").read_bytes()), ValueError,
    ),
    "rules to ignore": Format(_made(_IGNORED), ".dvcignore", lambda root: Ignore(root).leaves_out("data/a")),
    "DVC's config": Format(_made(_CONFIG), ".dvc/config", config.read),
    "cluster": Format(
        _made(_CLUSTER), "cluster.yaml", lambda root: clusters.read(root / "cluster.yaml")
    ),
    "journal": Format(_journal_sample, "journal", _journal),
    "remembered stats": Format(_remembered, ".dvc/tmp/morphseq/stat/table", lambda root: StatCache(root).files),
    "remembered results": Format(_remembered, ".dvc/tmp/morphseq/x.memo", _recalled),
    "note of a failure": Format(_made("it broke"), ".dvc/tmp/morphseq/failed/images@x.txt", failure_notes.read),
    "mark of a process": Format(
        _made("elsewhere 0123456789abcdef0123456789abcdef.plain"), "mark", lambda root: process_marks.end(root / "mark")
    ),
    "DVC's list of who works": Format(_made(_WORKING), ".dvc/tmp/rwlock", _held),
    "entry of the run cache": Format(
        _of("first/.dvc/cache/runs/*/*/*"), "entry", lambda root: run_cache.outs(root / "entry")
    ),
    "table": Format(_of(f"cohort/{DF01}"), "table.csv", _counted),
    "plate table": Format(_plate_sample, "plate.csv", _plate),
    "workbook": Format(_workbook_sample, "x_well_metadata.xlsx", _workbook),
    "PNG": Format(partial(_image, "PNG"), "A01_t0000.png", partial(_frame, "A01_t0000.png")),
    "JPG": Format(partial(_image, "JPEG"), "A01_t0000.jpg", partial(_frame, "A01_t0000.jpg")),
    "TIFF": Format(partial(_image, "TIFF"), "A01_t0000.tif", partial(_frame, "A01_t0000.tif")),
    "stack": Format(_stack_sample, "A01.tif", _stack),
    "config of a model": Format(lambda prepared: _MODEL.read_bytes(), "config.json", _model),
}  # fmt: skip

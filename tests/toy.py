"""A small pipeline of the project's shape, whose stages are trivial commands: quick to build, and to break."""

from pathlib import Path

from tests.project import Project

EXPERIMENTS = ("20240418", "20250305_1", "odd_v1.2")
PIPELINE = """\
vars:
  - paths:
      frames: data/frames
      tables: data/tables
stages:
  images:
    foreach: ${experiments}
    do:
      cmd: python stage.py '${key}' ${paths.frames}/${key} to manifests/images/${key}.json
      deps:
        - ${paths.frames}/${key}
        - data/plates/${key}.csv
      params:
        - versions.images
      outs:
        - manifests/images/${key}.json:
            cache: false
            persist: true
  sam2:
    foreach: ${experiments}
    do:
      cmd: python stage.py '${key}' manifests/images/${key}.json to data/labels/${key}/ ${paths.tables}/${key}.csv
      deps:
        - manifests/images/${key}.json
        - data/models/${item.segmenter}
      params:
        - versions.sam2
        - sam2
      outs:
        - data/labels/${key}:
            cache: false
            persist: true
        - ${paths.tables}/${key}.csv
      meta:
        gpu: 1
  latents:
    foreach: ${experiments}
    do:
      cmd: python stage.py '${key}' data/labels/${key} to data/latents/${model_name}/${key}.csv
      deps:
        - data/labels/${key}
      outs:
        - data/latents/${model_name}/${key}.csv
  df01:
    cmd: python stage.py all ${paths.tables} to data/df01.csv manifests/toy01.json
    deps:
      - ${paths.tables}
    params:
      - experiments
      - versions.df01
    outs:
      - data/df01.csv
    metrics:
      - manifests/toy01.json:
          cache: false
  df03:
    cmd: python stage.py all data/df01.csv data/latents/${model_name} to data/df03/
    deps:
      - data/df01.csv
      - data/latents/${model_name}
    outs:
      - data/df03
"""
_PARAMS = """\
experiments:
  "20240418":
    segmenter: threshold
  "20250305_1":
    segmenter: threshold
  "odd_v1.2":
    segmenter: other
model_name: a
versions:
  images: 1
  sam2: 1
  df01: 1
sam2:
  large: 0.15
  names: [a, b]
  nested:
    on: true
"""
STAGE = """\
import pathlib, sys
first, middle = sys.argv[1], sys.argv.index("to")
text = first
for top in map(pathlib.Path, sys.argv[2:middle]):
    for path in [top] if top.is_file() else sorted(top.rglob("*")):
        text += path.read_text() if path.is_file() else ""
for name in sys.argv[middle + 1:]:
    for path in [f"{name}A01.tif", f"{name}B01.tif"] if name.endswith("/") else [name]:
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(f"{path}\\n{text}")
"""


def write(root: Path, pipeline: str = PIPELINE) -> Project:
    """Write the toy project, in which nothing has run yet; it is not a commit yet."""
    (root / "manifests/images").mkdir(parents=True)
    for experiment in EXPERIMENTS:
        add_experiment(root, experiment)
    for model in ("threshold", "other"):
        folder = root / "data/models" / model
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(model)
        (folder / "weights").mkdir()
        (folder / "weights/w.bin").write_text(model * 3)
    for name, text in {"dvc.yaml": pipeline, "params.yaml": _PARAMS, "stage.py": STAGE,
                       ".gitignore": "/data\n", ".dvcignore": ".morphseq-*\n"}.items():  # fmt: skip
        (root / name).write_text(text)
    project = Project(root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("dvc", "init", "--quiet")
    project.run("dvc", "config", "core.analytics", "false")
    return project


def add_experiment(root: Path, experiment: str) -> None:
    """Write the frames and the plate table of an experiment."""
    frames = root / "data/frames" / experiment
    frames.mkdir(parents=True)
    for number in range(4):
        (frames / f"A01_t{number:04d}.png").write_text(f"frame {number} of {experiment}")
    plate = root / f"data/plates/{experiment}.csv"
    plate.parent.mkdir(exist_ok=True)
    plate.write_text(f"well\n{experiment}\n")


def build(root: Path) -> None:
    """Write the toy project, run it, and commit two states of it; in few files, since it is copied by the hundred."""
    project = write(root)
    project.repro()
    project.commit("One")
    (root / "data/frames/20240418/A01_t0001.png").write_text("another frame")
    project.edit("params.yaml", "large: 0.15", "large: 0.2")
    project.repro()
    project.commit("Two")
    project.run("git", "gc", "--quiet")

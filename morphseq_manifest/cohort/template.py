"""The project that an installation carries: dvc.yaml, params.yaml and stages, from which a data repository is made.

It stands in the folder that the library was installed from, if that was one, and else in the installation's share/.
"""

import importlib.metadata
import sys
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import experiments_text
from morphseq_manifest.cohort.params import parse
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_NAME = "morphseq-manifest"
# Besides the stages, by path from the project's folder.
_FILES = (
    "dvc.yaml", "params.yaml", "manifests/code.json", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore",
    ".gitattributes", ".dvc/plots/bars.json", ".dvc/plots/coverage.json",
)  # fmt: skip
_STAGES = "stages"
_IN_WHEEL = f"share/{_NAME}/{_FILES[0]}"
README = Path("README.md")
_README = """\
# Plates, and what is made of them

A git + DVC repository made by `morphseq init`, of MorphSeq Manifest {version}.

- `data/` holds the frames, and what is made of them; plate tables and workbooks in it go into git.
- `params.yaml` lists the experiments and all settings, `dvc.yaml` the stages, whose code is in `stages/`.
- `manifests/` says which files, rows and settings went into what: commit it with `dvc.lock`.

In each clone, `morphseq init` once. Then `morphseq add EXPERIMENT`, `morphseq status`, `morphseq run`; and
`morphseq upgrade` after a newer release was installed. `morphseq --help` lists all there is.
"""


def version() -> str:
    """The release that is installed."""
    return importlib.metadata.version(_NAME)


def contents() -> dict[str, bytes]:
    """The files of a project without experiments, by path. Raises ConfigError if the installation has none."""
    source = _source()
    paths = [*_FILES, *sorted(path.relative_to(source).as_posix() for path in (source / _STAGES).rglob("*.py"))]
    found = {path: files.read_bytes(source / path, f"Install {_NAME} again") for path in paths}
    settings = parse(found[str(PARAMS)].decode(), source / PARAMS)
    bare = experiments_text.removed(found[str(PARAMS)].decode(), set(settings.experiments), source / PARAMS)
    return found | {str(PARAMS): bare.encode(), str(README): _README.format(version=version()).encode()}


def _source() -> Path:
    """The folder in which the project stands."""
    beside = Path(files.__file__).resolve().parents[2]
    listed = (Path(str(file.locate())) for file in importlib.metadata.files(_NAME) or () if file.match(_IN_WHEEL))
    in_wheel = (beside / _IN_WHEEL, Path(sys.prefix) / _IN_WHEEL, *listed)
    for place in (beside, *(path.parent for path in in_wheel)):
        if (place / _STAGES).is_dir() and (place / _FILES[0]).is_file():
            return place
    raise ConfigError(f"{beside}: this installation of {_NAME} carries no project. Install its wheel, or a clone")

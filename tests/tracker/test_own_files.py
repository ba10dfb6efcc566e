"""What a command writes for people replaces nothing that the project needs."""

from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker import own_files

LOCK = """schema: '2.0'
stages:
  cut:
    cmd: python cut.py
    deps:
    - path: frames
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
      size: 3
      nfiles: 1
    outs:
    - path: tables/cut.csv
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 3
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for folder in (".dvc/tmp", "frames/deep", "tables"):
        (root / folder).mkdir(parents=True)
    (root / "dvc.lock").write_text(LOCK)
    (tmp_path / "elsewhere").symlink_to(root / "frames")
    (tmp_path / "link.csv").symlink_to(root / "params.yaml")
    return root


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("project/params.yaml", "the project's own"),
        ("project/.dvc/tmp/x.csv", "the project's own"),
        ("project/tables/../dvc.lock", "the project's own"),
        ("link.csv", "the project's own"),
        ("project/tables/cut.csv", "tables/cut.csv is what stage cut reads or makes"),
        ("project/frames", "frames is what stage cut"),
        ("project/frames/deep/x.csv", "frames is what stage cut"),
        ("elsewhere/x.csv", "frames is what stage cut"),
    ],
)
def test_the_project_s_own_is_not_replaced(root: Path, path: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        own_files.check_free(root, root.parent / path)


@pytest.mark.parametrize("path", ["project/x.csv", "project/tables/other.csv", "x.csv", "project/frames2/x.csv"])
def test_any_other_place_is_free(root: Path, path: str) -> None:
    own_files.check_free(root, root.parent / path)

"""Files in a form in which they were once not read, and not refused by name either."""

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.cohort.manifests import cohort_manifest
from stages.files import delimited
from stages.networks import model_folder
from tests.faults.campaign.formats import FORMATS
from tests.faults.campaign.spoiling import wrong
from tests.project import replace_file
from tests.running import copy_of

_PLATE = "well,time_int,Height (um),Width (um),Height (px),Width (px),start_age_hpf,temperature,Time Rel (s)"
_DEEP = b'{"a":' * 5000


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("table", b"experiment_date,well,embryo_id,snip_id,\x80area_um2\n"),
        ("DVC's list of who works", _DEEP),
        ("config of a model", b'{"\x80kind": "vae"}'),
        ("config of a model", _DEEP),
        ("plate table", f"{_PLATE}\nA,01,0,2.5,2.5,2.5,2.5,2.5,2.5,2.5\n".encode()),
        ("TIFF", b"II*\0\x08\0\0\0\x09\0\0\x01\x04\0" + bytes(100)),
        ("TIFF", b"II*\0\x08\0\0\0"),
        ("rules to ignore", b"[[a]\n[--z]\n"),
        ("entry of the run cache", _DEEP),
        ("mark of a process", f"{platform.node()} {os.getpgid(0)} {os.getsid(0)} now".encode()),
    ],
)
def test_it_is_read_or_refused_by_name(tmp_path: Path, kind: str, data: bytes) -> None:
    assert wrong(FORMATS[kind], tmp_path, data) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["TIFF", "stack"])
def test_a_page_that_leads_to_others_without_end_is_not_followed_for_ever(tmp_path: Path, kind: str) -> None:
    data = FORMATS["TIFF"].sample(tmp_path)
    after = 8 + 2 + 12 * int.from_bytes(data[8:10], "little")
    assert wrong(FORMATS[kind], tmp_path, data[:after] + (16).to_bytes(4, "little") + data[after + 4 :]) == []


_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


@pytest.mark.parametrize("path", ["dvc.lock", "params.yaml", "dvc.yaml"])
def test_what_git_lfs_has_not_fetched_is_called_so(slow_states: Path, tmp_path: Path, path: str) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    replace_file(project.root / path, _POINTER.encode())
    for command in ("status", "run"):
        said = project.morphseq(command, code=4)
        assert f"{path}: only git LFS's pointer is here, not the file itself. `git lfs pull` brings it" in said


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("plate.csv", lambda path: delimited.read(path, set())),
        ("model.safetensors", lambda path: model_folder.load_weights(path.parent)),
        ("model.pt", lambda path: model_folder.load_weights(path.parent)),
        ("config.json", lambda path: model_folder.read_config(path.parent, dict)),
        ("df01.json", cohort_manifest.read),
    ],
)
def test_so_are_weights_tables_and_manifests(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    (tmp_path / name).write_text(_POINTER)
    with pytest.raises(UnreadableError, match=f"{name}: only git LFS's pointer is here, .*`git lfs pull`"):
        read(tmp_path / name)

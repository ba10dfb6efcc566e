"""Data that `.dvc` files track, new or changed, is committed as `dvc repro` commits it: to the byte of the file."""

import re
import shutil
from pathlib import Path

import pytest

from tests.dvc.twins import Twins, repo_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = "stages:\n  a:\n    cmd: ls -R data > out\n    deps: [data]\n    outs: [out]\n"
MD5 = "md5: c4ca4238a0b923820dcc509a6f75849b"
FILES = {
    "new": "outs:\n- path: data\n",
    "new, of this release": "outs:\n- path: data\n  hash: md5\n",
    "as added": f"outs:\n- {MD5}\n  size: 1\n  hash: md5\n  path: data\n",
    "in another order, with comments": f"""\
# of us
outs:
  - path: ./data  # this
    size: 1
    hash: md5
    {MD5}
# end
""",
    "in one line": f"outs: [{{path: data, {MD5}, hash: md5, size: 1}}]\nmeta: {{a: [1, 2]}}\n",
    "with all that may be said": f"""\
desc: all  of it
wdir: .
frozen: false
meta:
  who: "us"   # quoted
  list: [a,  b]
outs:
- {MD5}
  size: 1
  nfiles: 3
  isexec: true
  hash: md5
  path: data
  desc: >-
    folded
    text
  type: model
  labels: [one, 'two']
  meta: {{b: 1}}
  cache: true
  persist: true
  push: false
  remote: store
always_changed: false
""",
    "with what says nothing": f"""\
desc: ''
outs:
- {MD5}
  hash: md5
  path: data
  desc: ''
  labels: []
  persist: false
  push: true
""",
    "locked": f"locked: true\nouts:\n- {MD5}\n  hash: md5\n  path: data\n",
    "always changed": f"always_changed: true\nouts:\n- {MD5}\n  hash: md5\n  size: 1\n  path: data\n",
    "of an old release": f"md5: 9d1a0949c39e66a0cd65240bc0ac9177\nouts:\n- {MD5}\n  path: data\n  cache: true\n",
    "not cached": f"outs:\n- {MD5}\n  hash: md5\n  path: data\n  cache: false\n",
    "of a folder of DVC 2": "outs:\n- md5: 0f343b0931126a20f133d67c2b018a3b.dir\n  nfiles: 2\n  path: data\n",
}


def put(root: Path, name: str, text: str) -> None:
    shutil.rmtree(root / name, ignore_errors=True)
    (root / name).unlink(missing_ok=True)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("case", FILES)
def test_it_is_committed_as_by_dvc(tmp_path: Path, case: str) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "data": "2", "data.dvc": FILES[case]})
    for root in (twins.theirs, twins.ours.root):
        (root / ".dvc/config").write_text('[remote "store"]\n    url = /nowhere\n')
    assert not twins.check_status()
    assert twins.check_run().ran == {"a"}
    twins.check_status()
    twins.write({"data": None, "data/x": "x", "data/deep/y": ""})
    assert not twins.check_status()
    assert twins.check_run().ran == {"a"}
    twins.both(lambda root: put(root, "data", "3"))
    twins.both(lambda root: (root / "data").chmod(0o755))
    assert twins.check_run().ran == {"a"}
    twins.check_status()


@pytest.mark.parametrize("kinds", ["hardlink", "symlink", "copy"])
def test_it_is_linked_as_by_dvc(tmp_path: Path, kinds: str) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "data/x": "2", "data/deep/y": "", "data.dvc": FILES["new"]})
    twins.write({".dvc/config": f"[cache]\n    type = {kinds}\n"})
    assert twins.check_run().ran == {"a"}
    twins.both(lambda root: put(root, "data", "3"))
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()


@pytest.mark.parametrize("wdir", ["..", "../sub/deep", "./"])
def test_data_beside_another_folder(tmp_path: Path, wdir: str) -> None:
    folder = {"..": "sub", "../sub/deep": "sub/deep", "./": "sub/deep"}[wdir]
    file = "sub/one.dvc" if wdir == "../sub/deep" else "sub/deep/one.dvc"
    twins = Twins(tmp_path, {
        "dvc.yaml": PIPELINE.replace("data", f"{folder}/data"),
        file: f"wdir: {wdir}\nouts:\n- path: data\n- path: more\n",
        f"{folder}/data": "1",
        f"{folder}/more": "2",
    })  # fmt: skip
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()
    twins.write({f"{folder}/more": "3"})
    assert twins.check_run().fine
    assert twins.check_status()


def test_what_the_cache_lacks_is_put_there_again(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "data/x": "2"})
    for root in (twins.theirs, twins.ours.root):
        with repo_in(root) as repo:
            repo.add(["data"])
    twins.check_run()
    twins.both(lambda root: shutil.rmtree(root / ".dvc/cache/files"))
    assert not twins.check_status()
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()


def test_what_dvc_2_added_and_is_the_same_is_left_to_dvc(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "data": "1", "data.dvc": f"outs:\n- {MD5}\n  path: data\n"})
    assert "DVC 2 recorded it" in twins.ours.morphseq("run", code=1)
    twins.write({"data": "2"})
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()


@pytest.mark.parametrize(
    ("text", "said"),
    [("deps:\n- path: in\n  md5: c4ca4238a0b923820dcc509a6f75849b\nfrozen: true\n", "not what it tracks"),
     ("cmd: cp in data\n", "a command in a `.dvc` file is not supported")],
)  # fmt: skip
def test_imports_and_commands_are_left_to_dvc(tmp_path: Path, text: str, said: str) -> None:
    outs = f"outs:\n- {MD5}\n  hash: md5\n  path: data\n"
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "in": "1", "data": "2", "data.dvc": text + outs})
    code, output = twins.ours.ending("morphseq", "run")
    assert code
    assert said in re.sub(r"\s+", " ", output)


def test_what_is_recorded_for_a_remote_with_versions_is_left_to_dvc(tmp_path: Path) -> None:
    cloud = f"outs:\n- {MD5}\n  hash: md5\n  path: data\n  cloud:\n    store:\n      version_id: '1'\n"
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "data": "2", "data.dvc": cloud})
    assert "a remote with versions" in twins.ours.morphseq("run", code=1)
    assert (twins.ours.root / "data.dvc").read_text() == cloud
